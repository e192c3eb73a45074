//! What a sleep promises.

use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use hob_core::panic::{contain, discard};
use hob_core::{Alarm, Instant, Timers, Unpark};
use hob_time::{Sleep, driver_statistics, sleep, sleep_until};

use crate::world::{Wakes, World, poll_with};

const MILLISECOND: Duration = Duration::from_millis(1);
const NANOSECOND: Duration = Duration::from_nanos(1);

#[test]
fn a_sleep_is_not_early_by_a_nanosecond() {
    let world = World::new();
    let (wakes, waker) = Wakes::waker();
    let mut sleep = world.enter(|| sleep(MILLISECOND));
    assert_eq!(world.poll_with(&mut sleep, &waker), Poll::Pending);
    world.advance(MILLISECOND - NANOSECOND);
    assert_eq!(wakes.take(), 0);
    assert_eq!(world.poll_with(&mut sleep, &waker), Poll::Pending);
    assert!(!world.enter(|| sleep.is_elapsed()));
    world.advance(NANOSECOND);
    assert_eq!(wakes.take(), 1);
    assert!(sleep.is_elapsed());
    assert_eq!(world.poll_with(&mut sleep, &waker), Poll::Ready(()));
    assert_eq!(world.poll_with(&mut sleep, &waker), Poll::Ready(()));
    assert_eq!(world.armed(), 0);
}

#[test]
fn a_sleep_woken_for_another_reason_sleeps_on() {
    let world = World::new();
    let mut sleep = world.enter(|| sleep(MILLISECOND));
    for _ in 0..3 {
        assert_eq!(world.poll(&mut sleep), Poll::Pending);
    }
    assert_eq!(world.armed(), 1);
}

#[test]
fn the_last_waker_is_woken_and_no_other() {
    let world = World::new();
    let (first, first_waker) = Wakes::waker();
    let (last, last_waker) = Wakes::waker();
    let mut sleep = world.enter(|| sleep(MILLISECOND));
    assert_eq!(world.poll_with(&mut sleep, &first_waker), Poll::Pending);
    assert_eq!(world.poll_with(&mut sleep, &last_waker), Poll::Pending);
    drop(first_waker);
    assert_eq!(Arc::strong_count(&first), 1);
    world.advance(MILLISECOND);
    assert_eq!((first.take(), last.take()), (0, 1));
}

#[test]
fn a_dropped_sleep_leaves_no_timer_and_no_waker() {
    let world = World::new();
    let (wakes, waker) = Wakes::waker();
    let mut sleep = world.enter(|| sleep(MILLISECOND));
    assert_eq!(world.poll_with(&mut sleep, &waker), Poll::Pending);
    drop((sleep, waker));
    assert_eq!(world.armed(), 0);
    assert_eq!(Arc::strong_count(&wakes), 1);
}

#[test]
fn no_length_is_one_turn_for_others() {
    let world = World::new();
    let (wakes, waker) = Wakes::waker();
    let mut sleep = world.enter(|| sleep(Duration::ZERO));
    assert_eq!(world.poll_with(&mut sleep, &waker), Poll::Pending);
    assert_eq!(wakes.take(), 1);
    assert_eq!(world.poll_with(&mut sleep, &waker), Poll::Ready(()));
}

#[test]
fn the_longest_sleep_never_ends() {
    let world = World::new();
    let mut sleep = world.enter(|| sleep(Duration::MAX));
    assert_eq!(sleep.deadline(), Instant::NEVER);
    assert_eq!(world.poll(&mut sleep), Poll::Pending);
    world.advance(Duration::MAX);
    assert_eq!(world.poll(&mut sleep), Poll::Pending);
    assert!(!sleep.is_elapsed());
}

#[test]
fn a_deadline_in_the_past_is_reached_at_once() {
    let world = World::new();
    assert_eq!(
        world.poll(&mut sleep_until(Instant::from_nanos(0))),
        Poll::Ready(())
    );
    assert_eq!(
        world.poll(&mut sleep_until(world.timers.now())),
        Poll::Ready(())
    );
    assert_eq!(world.armed(), 0);
}

#[test]
fn a_reset_wakes_at_the_new_deadline_without_a_poll() {
    let world = World::new();
    let (wakes, waker) = Wakes::waker();
    let mut sleep = world.enter(|| sleep(10 * MILLISECOND));
    assert_eq!(world.poll_with(&mut sleep, &waker), Poll::Pending);
    let start = world.timers.now();

    sleep.reset(start + 5 * MILLISECOND);
    world.advance(5 * MILLISECOND);
    assert_eq!(wakes.take(), 1, "to earlier");

    sleep.reset(start + 20 * MILLISECOND);
    world.advance(5 * MILLISECOND);
    assert_eq!(wakes.take(), 0, "to later");
    assert_eq!(world.poll_with(&mut sleep, &waker), Poll::Pending);
    world.advance(10 * MILLISECOND);
    assert_eq!(wakes.take(), 1);
    assert_eq!(world.poll_with(&mut sleep, &waker), Poll::Ready(()));
}

#[test]
fn a_reset_revives_a_sleep_that_has_completed() {
    let world = World::new();
    let mut sleep = world.enter(|| sleep(Duration::ZERO));
    assert_eq!(world.poll(&mut sleep), Poll::Pending);
    assert_eq!(world.poll(&mut sleep), Poll::Ready(()));
    sleep.reset(world.timers.now() + MILLISECOND);
    assert_eq!(world.poll(&mut sleep), Poll::Pending);
    world.advance(MILLISECOND);
    assert_eq!(world.poll(&mut sleep), Poll::Ready(()));
}

#[test]
fn a_sleep_that_moves_to_another_worker_stays_where_it_is_armed() {
    let (old, new) = (World::new(), World::new());
    let mut sleep = old.enter(|| sleep(MILLISECOND));
    assert_eq!(old.poll(&mut sleep), Poll::Pending);
    assert_eq!(new.poll(&mut sleep), Poll::Pending);
    assert_eq!((old.armed(), new.armed()), (1, 0));
    old.advance(MILLISECOND);
    assert_eq!(new.poll(&mut sleep), Poll::Ready(()));
}

#[test]
fn a_sleep_leaves_timers_that_are_retired() {
    let (old, new) = (World::new(), World::new());
    let (wakes, waker) = Wakes::waker();
    let mut sleep = sleep_until(Instant::NEVER);
    assert_eq!(old.poll_with(&mut sleep, &waker), Poll::Pending);

    let mut woken = Vec::new();
    old.timers.retire(&mut woken);
    woken.into_iter().for_each(Waker::wake);
    assert_eq!(wakes.take(), 1, "it is woken so that it moves");
    assert_eq!(new.poll_with(&mut sleep, &waker), Poll::Pending);
    assert_eq!((old.armed(), new.armed()), (0, 1));

    new.timers.retire(&mut Vec::new());
    let before = driver_statistics().map_or(0, |driver| driver.timers_armed);
    assert_eq!(new.poll_with(&mut sleep, &waker), Poll::Pending);
    let driver = driver_statistics().expect("nobody else drives it now");
    assert_eq!(driver.timers_armed, before + 1);
}

#[test]
fn a_sleep_leaves_timers_that_another_runtime_uses_by_now() {
    let (old, new) = (World::new(), World::new());
    let (wakes, waker) = Wakes::waker();
    let mut sleep = sleep_until(Instant::NEVER);
    assert_eq!(old.poll_with(&mut sleep, &waker), Poll::Pending);
    old.hand_over().into_iter().for_each(Waker::wake);
    assert_eq!(wakes.take(), 1, "it is woken so that it moves");
    assert_eq!(new.poll_with(&mut sleep, &waker), Poll::Pending);
    assert_eq!((old.armed(), new.armed()), (0, 1));
}

#[test]
fn a_sleep_that_is_reset_leaves_timers_that_another_runtime_uses_by_now() {
    let (old, new) = (World::new(), World::new());
    let mut sleep = sleep_until(Instant::NEVER);
    assert_eq!(old.poll(&mut sleep), Poll::Pending);
    drop(old.hand_over());
    sleep.reset(new.timers.now() + MILLISECOND);
    assert_eq!(old.armed(), 0);
    assert_eq!(new.poll(&mut sleep), Poll::Pending);
    assert_eq!((old.armed(), new.armed()), (0, 1));
}

#[test]
fn the_timers_of_a_runtime_that_has_ended_are_not_used() {
    let world = World::new();
    drop(world.hand_over());
    let virtual_now = world.timers.now();
    assert!(
        world.enter(Instant::now) < virtual_now,
        "the system's clock"
    );
    assert_eq!(world.poll(&mut sleep_until(Instant::NEVER)), Poll::Pending);
    assert_eq!(world.armed(), 0);
    assert!(driver_statistics().is_some(), "the driver has it");
}

#[test]
fn the_timers_of_a_runtime_that_ends_meanwhile_are_not_used() {
    let world = World::new();
    world.hand_over_meanwhile();
    let mut sleep = sleep_until(Instant::NEVER);
    assert_eq!(world.poll(&mut sleep), Poll::Pending);
    assert_eq!(world.armed(), 0);
    assert!(driver_statistics().is_some(), "the driver has it");
}

#[test]
fn a_panic_while_it_is_armed_leaves_no_timer() {
    struct Bomb;
    impl Unpark for Bomb {
        fn unpark(&self) {
            panic!("an unparker that panics, in a test");
        }
    }
    let world = World::new();
    let timers: &'static dyn Timers = world.timers;
    let alarm = Arc::new(Alarm::new(Arc::new(Bomb)));
    timers.attach(Arc::clone(&alarm));
    let _until = alarm.set([timers].into_iter());
    let mut sleep = world.enter(|| sleep(MILLISECOND));
    let panicked = contain(|| world.poll(&mut sleep));
    discard(panicked.expect_err("the timer is the earliest"));
    drop(sleep);
    assert_eq!(world.armed(), 0);
}

#[test]
fn what_is_made_outside_is_armed_where_it_first_waits() {
    let world = World::new();
    let mut sleep = sleep(Duration::from_secs(3600));
    sleep.reset(world.timers.now() + MILLISECOND);
    assert_eq!(world.poll(&mut sleep), Poll::Pending);
    assert_eq!(world.armed(), 1);
}

#[test]
fn deadlines_that_have_passed_leave_others_their_turn() {
    let world = World::new();
    let (wakes, waker) = Wakes::waker();
    let past = world.timers.now();
    let (completed, _) = world.in_task(|| {
        (0..1_000_000)
            .take_while(|_| poll_with(&mut sleep_until(past), &waker).is_ready())
            .count()
    });
    assert!(completed < 1_000_000, "the budget ends it");
    assert_eq!(wakes.take(), 1, "and the task goes on later");
}

#[test]
fn a_sleep_that_has_waited_completes_whatever_the_budget() {
    let world = World::new();
    let mut waiting = world.enter(|| sleep(MILLISECOND));
    assert_eq!(world.poll(&mut waiting), Poll::Pending);
    world.advance(MILLISECOND);
    let past = world.timers.now();
    let (polled, _) = world.in_task(|| {
        while poll_with(&mut sleep_until(past), Waker::noop()).is_ready() {}
        poll_with(&mut waiting, Waker::noop())
    });
    assert_eq!(polled, Poll::Ready(()));
}

#[test]
fn a_task_shows_what_it_waits_for() {
    let world = World::new();
    let (_, what) = world.in_task(|| poll_with(&mut sleep(MILLISECOND), Waker::noop()));
    assert_eq!(what, Some("sleep"));
}

#[test]
fn a_sleep_goes_anywhere() {
    fn check<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    check::<Sleep>();
}
