//! What an interval promises.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_lite::Stream;
use hob_core::{Instant, Timers};
use hob_time::{Interval, MissedTicks, interval, interval_at};

use crate::world::{World, poll_with};

const MILLISECOND: Duration = Duration::from_millis(1);

/// Takes every tick that is due, as milliseconds since `start`.
fn take(world: &World, ticks: &mut Interval, start: Instant) -> Vec<u128> {
    std::iter::from_fn(|| match world.poll(&mut ticks.tick()) {
        Poll::Ready(tick) => Some((tick - start).as_millis()),
        Poll::Pending => None,
    })
    .collect()
}

/// A tick of 10 is noticed at 35; from then on each is taken within a millisecond.
fn check(policy: MissedTicks, expected: &[u128], missed: u64) {
    let world = World::new();
    let start = world.timers.now();
    let mut ticks = world.enter(|| interval(10 * MILLISECOND).missed_ticks(policy));
    assert_eq!(take(&world, &mut ticks, start), [0]);
    world.advance(35 * MILLISECOND);
    let mut seen = take(&world, &mut ticks, start);
    for _ in 0..40 {
        world.advance(MILLISECOND);
        seen.extend(take(&world, &mut ticks, start));
    }
    assert_eq!(seen, expected);
    assert_eq!(ticks.missed(), missed);
    assert_eq!(ticks.statistics().ticks, seen.len() as u64 + 1);
}

#[test]
fn the_first_tick_comes_at_once_and_the_others_one_period_apart() {
    let world = World::new();
    let start = world.timers.now();
    let mut ticks = world.enter(|| interval(10 * MILLISECOND));
    assert_eq!(take(&world, &mut ticks, start), [0]);
    world.advance(10 * MILLISECOND - Duration::from_nanos(1));
    assert_eq!(take(&world, &mut ticks, start), []);
    world.advance(3 * MILLISECOND);
    assert_eq!(take(&world, &mut ticks, start), [10]);
    world.advance(7 * MILLISECOND + Duration::from_nanos(1));
    assert_eq!(take(&world, &mut ticks, start), [20]);
    assert_eq!(ticks.missed(), 0);
}

#[test]
fn skip_stays_on_the_beat() {
    check(MissedTicks::Skip, &[10, 40, 50, 60, 70], 2);
}

#[test]
fn burst_makes_up_for_what_was_missed() {
    check(MissedTicks::Burst, &[10, 20, 30, 40, 50, 60, 70], 0);
}

#[test]
fn delay_counts_from_the_late_tick() {
    check(MissedTicks::Delay, &[10, 45, 55, 65, 75], 2);
}

#[test]
fn a_dropped_tick_is_not_lost_and_leaves_no_timer() {
    let world = World::new();
    let start = world.timers.now() + MILLISECOND;
    let mut ticks = interval_at(start, MILLISECOND);
    let mut tick = ticks.tick();
    assert_eq!(world.poll(&mut tick), Poll::Pending);
    assert_eq!(world.armed(), 1);
    drop(tick);
    assert_eq!(world.armed(), 0);
    world.advance(MILLISECOND);
    assert_eq!(world.poll(&mut ticks.tick()), Poll::Ready(start));
}

#[test]
fn a_reset_puts_the_next_tick_elsewhere() {
    let world = World::new();
    let start = world.timers.now();
    let mut ticks = world.enter(|| interval(10 * MILLISECOND));
    assert_eq!(take(&world, &mut ticks, start), [0]);
    ticks.reset(start + 3 * MILLISECOND);
    world.advance(3 * MILLISECOND);
    assert_eq!(take(&world, &mut ticks, start), [3]);
    assert_eq!(ticks.next_tick(), start + 13 * MILLISECOND);
}

#[test]
fn it_is_a_stream_without_end() {
    let world = World::new();
    let start = world.timers.now();
    let mut ticks = world.enter(|| interval(MILLISECOND));
    let mut cx = Context::from_waker(Waker::noop());
    let mut next = || world.enter(|| Pin::new(&mut ticks).poll_next(&mut cx));
    assert_eq!(next(), Poll::Ready(Some(start)));
    assert_eq!(next(), Poll::Pending);
    world.advance(MILLISECOND);
    assert_eq!(next(), Poll::Ready(Some(start + MILLISECOND)));
}

#[test]
fn the_shortest_period_works_and_the_longest_ticks_once() {
    let world = World::new();
    let start = world.timers.now();
    let mut shortest = world.enter(|| interval(Duration::from_nanos(1)));
    assert_eq!(take(&world, &mut shortest, start), [0]);
    world.advance(1000 * MILLISECOND);
    assert_eq!(take(&world, &mut shortest, start).len(), 1);
    assert_eq!(shortest.missed(), 999_999_999);

    let mut longest = world.enter(|| interval(Duration::MAX));
    assert_eq!(take(&world, &mut longest, start), [1000]);
    assert_eq!(longest.next_tick(), Instant::NEVER);
}

#[test]
#[should_panic = "the period of an interval is not zero"]
fn a_period_of_zero_panics() {
    drop(interval(Duration::ZERO));
}

#[test]
fn a_burst_leaves_others_their_turn() {
    let world = World::new();
    let mut ticks =
        world.enter(|| interval(Duration::from_nanos(1)).missed_ticks(MissedTicks::Burst));
    world.advance(1000 * MILLISECOND);
    let (taken, what) = world.in_task(|| {
        (0..1_000_000)
            .take_while(|_| poll_with(&mut ticks.tick(), Waker::noop()).is_ready())
            .count()
    });
    assert!(taken < 1_000_000, "the budget ends it");
    assert_eq!(what, Some("Interval::tick"));
}
