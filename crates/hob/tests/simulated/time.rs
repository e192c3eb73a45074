//! Timers: never early, late by no more than what others ran meanwhile, and in order.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use hob::time::{Instant, MissedTicks, interval, sleep, sleep_until};

use crate::{dawdle, rng, scenario};

/// What all tasks of a scenario may run between a deadline and the poll that sees it.
const LATE_MAX: Duration = Duration::from_millis(1);

#[test]
fn no_timer_is_early_and_none_is_forgotten() {
    scenario(|| async {
        let tasks: Vec<_> = (0..20)
            .map(|number| {
                hob::spawn(async move {
                    let mut rng = rng(number);
                    for _ in 0..5 {
                        let mut any_nap = || {
                            let nanos = 1 << rng.u32(1..36);
                            Duration::from_nanos(rng.u64(1..nanos))
                        };
                        let (nap, other) = (any_nap(), any_nap());
                        let mut deadline = Instant::now() + nap;
                        let mut nap = sleep(nap);
                        if rng.bool() {
                            // Moved while it is armed, to earlier or to later.
                            let _ready = futures_lite::future::poll_once(&mut nap).await;
                            deadline = Instant::now() + other;
                            nap.reset(deadline);
                        }
                        nap.await;
                        let now = Instant::now();
                        assert!(now >= deadline, "early by {:?}", deadline - now);
                        assert!(now - deadline < LATE_MAX, "late by {:?}", now - deadline);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no timer is early");
        }
    });
}

#[test]
fn a_timeout_ends_in_time_or_with_the_answer() {
    scenario(|| async {
        let mut rng = rng(0);
        for _ in 0..20 {
            let (work, limit) = (rng.u64(..3_000), rng.u64(..3_000));
            let (work, limit) = (Duration::from_micros(work), Duration::from_micros(limit));
            let begin = Instant::now();
            let ended = hob::timeout(limit, sleep(work)).await;
            let took = begin.elapsed();
            match ended {
                Ok(()) => assert!(took >= work),
                Err(_) => assert!(took >= limit),
            }
            assert!(
                took < work.min(limit) + LATE_MAX,
                "{took:?} of {work:?}, {limit:?}"
            );
        }
    });
}

#[test]
fn deadlines_pass_in_their_order() {
    scenario(|| async {
        let passed = Rc::new(RefCell::new(Vec::new()));
        let begin = Instant::now();
        let mut rng = rng(0);
        let mut tasks = Vec::new();
        for _ in 0..20 {
            // Far enough apart that nobody's turn comes before an earlier one has had his.
            let deadline = begin + Duration::from_millis(20 + 2 * rng.u64(..50));
            let passed = Rc::clone(&passed);
            tasks.push(hob::spawn_local(async move {
                sleep_until(deadline).await;
                passed.borrow_mut().push(deadline);
            }));
        }
        for task in tasks {
            task.await.expect("nobody panics");
        }
        assert!(passed.borrow().is_sorted());
    });
}

#[test]
fn an_interval_keeps_its_pace() {
    scenario(|| async {
        let period = Duration::from_millis(10);
        let mut ticks = interval(period).missed_ticks(MissedTicks::Skip);
        let mut rng = rng(0);
        let mut last = ticks.tick().await;
        for _ in 0..10 {
            dawdle(&mut rng).await;
            let tick = ticks.tick().await;
            assert_eq!(tick - last, period, "no tick was missed");
            assert!(Instant::now() >= tick);
            last = tick;
        }
    });
}
