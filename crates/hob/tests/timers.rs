//! Many timers on the system's clock: none early, none lost, none that holds the others up.
//!
//! A release build takes a million, a debug build fewer. `HOB_TIMERS` sets how many fire in
//! `none_is_early`, which prints how late they were with `--nocapture`.

#![expect(
    clippy::print_stderr,
    reason = "the figures are printed for whoever asks with --nocapture"
)]

mod support;

use std::env;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use fastrand::Rng;
use hob::sync::mpsc;
use hob::time::{Instant, Sleep, interval, sleep, sleep_until, timeout};
use hob::{LocalRuntime, Runtime};

use crate::support::in_time;

const MANY: usize = if cfg!(debug_assertions) {
    20_000
} else {
    1_000_000
};
/// Whatever takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

fn pool() -> Runtime {
    Runtime::builder().worker_threads(2).build().unwrap()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The clock, read by the test itself: it may not be before `deadline`.
#[track_caller]
fn late(deadline: Instant) -> Duration {
    let now = Instant::system();
    assert!(now >= deadline, "early by {:?}", deadline - now);
    now - deadline
}

/// What became of very many timers with one deadline, and of an interval beside them.
struct Storm {
    last: Duration,
    interval: Duration,
}

/// Arms them, and waits until all have fired. Nothing, if they were not all armed before the deadline.
async fn storm(count: usize, head_start: Duration) -> Option<Storm> {
    let armed = Arc::new(AtomicUsize::new(0));
    let latest = Arc::new(Mutex::new(Duration::ZERO));
    let count_ticks = Arc::new(AtomicUsize::new(0));
    let beside = hob::spawn({
        let (latest, count_ticks) = (Arc::clone(&latest), Arc::clone(&count_ticks));
        async move {
            let mut ticks = interval(ms(10));
            loop {
                let due = ticks.tick().await;
                let mut latest = latest.lock().unwrap();
                *latest = late(due).max(*latest);
                count_ticks.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let deadline = Instant::now() + head_start;
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let armed = Arc::clone(&armed);
            hob::spawn(async move {
                let mut sleep = sleep_until(deadline);
                poll_fn(|cx| {
                    let polled = pin!(&mut sleep).poll(cx);
                    if polled.is_pending() {
                        armed.fetch_add(1, Ordering::Relaxed);
                    }
                    Poll::Ready(())
                })
                .await;
                sleep.await;
                late(deadline)
            })
        })
        .collect();
    while armed.load(Ordering::Relaxed) < count && Instant::now() < deadline {
        sleep(ms(5)).await;
    }
    let all_armed = armed.load(Ordering::Relaxed) == count && Instant::now() < deadline;
    // While they are armed it is the spawning that holds the interval up.
    *latest.lock().unwrap() = Duration::ZERO;
    let mut last = Duration::ZERO;
    for task in tasks {
        last = last.max(task.await.expect("it ends"));
    }
    // The tick that was due while they fired counts too.
    let ticks = count_ticks.load(Ordering::Relaxed);
    while count_ticks.load(Ordering::Relaxed) == ticks {
        assert!(!beside.is_finished(), "no tick is early");
        sleep(ms(5)).await;
    }
    beside.cancel("the others have fired");
    let interval = *latest.lock().unwrap();
    all_armed.then_some(Storm { last, interval })
}

/// Longer and longer head starts, since a busy machine needs longer to arm them all.
fn check_storm(what: &str, run: impl Fn(Duration) -> Option<Storm>) {
    let storm = [2, 8, 30]
        .into_iter()
        .find_map(|seconds| run(Duration::from_secs(seconds)))
        .expect("a machine arms them within half a minute");
    let Storm { last, interval } = storm;
    eprintln!(
        "{what}: {MANY} timers of one deadline, the last {last:?} late; the interval beside them {interval:?}"
    );
    assert!(last < Duration::from_secs(1), "the last is {last:?} late");
    assert!(interval < ms(250), "the interval is {interval:?} late");
}

#[test]
fn very_many_with_one_deadline_fire_within_a_second_on_a_pool() {
    in_time(PATIENCE, || {
        let runtime = pool();
        check_storm("pool", |head_start| {
            let storm = runtime.spawn(storm(MANY, head_start));
            runtime.block_on(storm).expect("it ends")
        });
    });
}

#[test]
fn very_many_with_one_deadline_fire_within_a_second_on_one_thread() {
    in_time(PATIENCE, || {
        let runtime = LocalRuntime::new().unwrap();
        check_storm("one thread", |head_start| {
            runtime.block_on(storm(MANY, head_start))
        });
    });
}

/// Sleeps of random length, one after the other; how late each was, in nanoseconds.
async fn naps(seed: u64, count: usize) -> Vec<u32> {
    let mut rng = Rng::with_seed(seed);
    let mut lateness = Vec::with_capacity(count);
    for _ in 0..count {
        // Mostly within a tick of the wheel, and some in its second and third levels.
        let most = [20_000, 200_000, 2_000_000, 20_000_000][rng.usize(..4)];
        let length = Duration::from_nanos(rng.u64(1..most));
        let deadline = Instant::system() + length;
        if rng.bool() {
            sleep_until(deadline).await;
        } else {
            sleep(length).await;
        }
        let late = late(deadline).as_nanos();
        lateness.push(u32::try_from(late).unwrap_or(u32::MAX));
    }
    lateness
}

fn timers() -> usize {
    let set = env::var("HOB_TIMERS").ok();
    set.map_or(20_000, |text| text.parse().expect("HOB_TIMERS is a number"))
}

fn report(what: &str, mut lateness: Vec<u32>) {
    lateness.sort_unstable();
    let at = |share: usize| {
        let nanos = lateness[(lateness.len() - 1) * share / 1000];
        Duration::from_nanos(nanos.into())
    };
    eprintln!(
        "{what}: {} timers, 0 early; late {:?} (p50), {:?} (p99), {:?} (max)",
        lateness.len(),
        at(500),
        at(990),
        at(1000)
    );
}

#[test]
fn none_is_early() {
    const TASKS: usize = 500;
    let each = timers().div_ceil(TASKS);
    let all = move || async move {
        let tasks: Vec<_> = (0..TASKS)
            .map(|seed| hob::spawn(naps(seed as u64, each)))
            .collect();
        let mut lateness = Vec::new();
        for task in tasks {
            lateness.extend(task.await.expect("none is early"));
        }
        lateness
    };
    in_time(10 * PATIENCE, move || {
        let runtime = pool();
        let on_pool = runtime.spawn(all());
        report("pool", runtime.block_on(on_pool).expect("it ends"));
        let runtime = LocalRuntime::new().unwrap();
        report("one thread", runtime.block_on(all()));
    });
}

#[test]
fn dropped_moved_and_reset_while_they_fire_on_other_threads() {
    const TASKS: u64 = 64;
    const TIMES: usize = if cfg!(debug_assertions) { 200 } else { 2_000 };
    in_time(PATIENCE, || {
        let runtime = Runtime::builder().worker_threads(4).build().unwrap();
        // What one worker has armed, others wait for and drop.
        let (send, receive) = mpsc::unbounded::<Sleep>();
        let receive = Arc::new(hob::sync::Mutex::new(receive));
        let makers = (0..TASKS).map(|seed| {
            let send = send.clone();
            runtime.spawn(async move {
                let mut rng = Rng::with_seed(seed);
                for _ in 0..TIMES {
                    let mut sleep = sleep(Duration::from_micros(rng.u64(1..200)));
                    poll_fn(|cx| Poll::Ready(pin!(&mut sleep).poll(cx).is_ready())).await;
                    match rng.u32(..4) {
                        0 => drop(sleep),
                        1 => sleep.reset(Instant::now() + Duration::from_micros(rng.u64(1..200))),
                        _ => send.send(sleep).expect("they are received"),
                    }
                    if rng.u32(..8) == 0 {
                        hob::yield_now().await;
                    }
                }
            })
        });
        let makers: Vec<_> = makers.collect();
        drop(send);
        let takers = (0..TASKS).map(|seed| {
            let receive = Arc::clone(&receive);
            runtime.spawn(async move {
                let mut rng = Rng::with_seed(seed);
                loop {
                    let Some(mut sleep) = receive.lock().await.recv().await else {
                        return;
                    };
                    if rng.bool() {
                        sleep.reset(Instant::now() + Duration::from_micros(rng.u64(..200)));
                    }
                    if rng.bool() {
                        let deadline = sleep.deadline();
                        sleep.await;
                        late(deadline);
                    }
                }
            })
        });
        let takers: Vec<_> = takers.collect();
        runtime.block_on(async {
            for task in makers.into_iter().chain(takers) {
                task.await.expect("no timer is early, and none is lost");
            }
        });
        assert_eq!(runtime.statistics().timers_armed, 0);
    });
}

#[test]
fn the_longest_sleep_the_past_and_the_shortest_interval() {
    let runtime = pool();
    let task = runtime.spawn(async {
        let never = timeout(ms(5), sleep(Duration::MAX)).await;
        never.expect_err("it never ends");
        sleep_until(Instant::now() - Duration::from_secs(1)).await;
        sleep_until(Instant::from_nanos(0)).await;

        let mut again = sleep(ms(1));
        (&mut again).await;
        let deadline = Instant::now() + ms(1);
        again.reset(deadline);
        again.await;
        late(deadline);

        // A clock moves by more than that between two looks, so ticks are left out.
        let mut ticks = interval(Duration::from_nanos(1));
        let mut last = ticks.tick().await;
        for _ in 0..1_000 {
            let tick = ticks.tick().await;
            assert!(tick > last, "a tick comes twice");
            late(tick);
            last = tick;
        }
        assert!(ticks.missed() > 0);
    });
    in_time(PATIENCE, move || {
        runtime.block_on(task).expect("it ends");
    });
}
