//! What moves the clock, and what it shows.

use std::cell::RefCell;
use std::future::{self, Future};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use hob::time::{Instant, RuntimeClock, interval, now};
use hob::{Runtime, sleep, timeout};

use crate::{HOUR, SECOND, block_for, run_virtual, timed, virtual_runtime};

#[hob::test(virtual_time)]
async fn stands_still_while_anything_runs() {
    let begun = now();
    for _ in 0..1000 {
        hob::yield_now().await;
    }
    let busy = hob::spawn(async {
        block_for(Duration::from_millis(5));
        now()
    });
    assert_eq!(busy.await.ok(), Some(begun));
    assert_eq!(now(), begun);
}

#[hob::test(virtual_time)]
async fn jumps_to_each_timer_in_turn_and_no_further() {
    let begun = now();
    let woken = Rc::new(RefCell::new(Vec::new()));
    let tasks = [5, 1, 24, 3, 1].map(|hours| {
        let woken = Rc::clone(&woken);
        hob::spawn_local(async move {
            sleep(hours * HOUR).await;
            woken.borrow_mut().push((hours, now() - begun));
        })
    });
    for task in tasks {
        task.await.expect("it ends");
    }
    let exact = [1, 1, 3, 5, 24].map(|hours| (hours, hours * HOUR));
    assert_eq!(*woken.borrow(), exact);
}

#[test]
fn begins_where_every_such_clock_begins() {
    let first = run_virtual(async {
        let begun = now();
        sleep(1000 * HOUR).await;
        begun
    });
    assert_eq!(run_virtual(async { now() }), first);
}

#[test]
fn keeps_its_place_between_two_runs() {
    let runtime = virtual_runtime();
    let before = runtime.block_on(async {
        sleep(HOUR).await;
        now()
    });
    block_for(Duration::from_millis(2));
    assert_eq!(runtime.block_on(async { now() }), before);
    assert_eq!(runtime.handle().enter(now), before);
}

#[test]
fn is_the_systems_where_nobody_asked() {
    let system = Runtime::builder().clock(RuntimeClock::System);
    let runtime = system.build_local().expect("it can be made");
    let began = Instant::system();
    assert!(runtime.block_on(async { now() }) >= began);
}

async fn hundred_thousand_seconds() {
    let begun = now();
    let mut ticks = interval(SECOND);
    for _ in 0..=100_000 {
        ticks.tick().await;
    }
    assert_eq!(ticks.missed(), 0);
    assert!(now() - begun >= 100_000 * SECOND);
}

/// A build that is not optimized, on a machine that does other things too, may take longer.
const TEN_TIMES: u32 = if cfg!(debug_assertions) { 10 } else { 1 };

#[test]
fn goes_through_a_hundred_thousand_ticks_in_a_second() {
    let took = timed(|| run_virtual(hundred_thousand_seconds()));
    assert!(took < TEN_TIMES * SECOND, "{took:?}");
}

#[cfg(feature = "sim")]
#[test]
fn goes_through_a_hundred_thousand_ticks_in_a_second_of_the_simulator() {
    let took = timed(|| hob::sim::run(7, hundred_thousand_seconds()));
    assert!(took < TEN_TIMES * SECOND, "{took:?}");
}

#[hob::test(virtual_time)]
async fn does_not_jump_for_a_timer_that_is_gone() {
    let begun = now();
    let mut dropped = Box::pin(sleep(HOUR));
    assert!(future::poll_fn(|cx| Poll::Ready(dropped.as_mut().poll(cx).is_pending())).await);
    drop(dropped);
    sleep(2 * HOUR).await;
    assert_eq!(now() - begun, 2 * HOUR);
}

#[hob::test(virtual_time)]
async fn a_timeout_is_exact() {
    let begun = now();
    let stuck = timeout(HOUR, future::pending::<()>());
    assert!(stuck.await.is_err());
    assert_eq!(now() - begun, HOUR);
    let mut first = pin!(sleep(HOUR));
    assert!(timeout(2 * HOUR, first.as_mut()).await.is_ok());
    assert_eq!(now() - begun, 2 * HOUR);
}

#[test]
fn timers_that_come_thick_are_each_on_time() {
    for slack in [None, Some(Duration::from_millis(1))] {
        let builder = Runtime::builder().clock(hob::time::Virtual);
        let builder = match slack {
            Some(slack) => builder.timer_slack(slack),
            None => builder,
        };
        builder.build_local().unwrap().block_on(async {
            let begun = now();
            let sleeps: Vec<_> = (1..40)
                .map(|micros| {
                    let length = Duration::from_micros(micros);
                    hob::spawn(async move {
                        sleep(length).await;
                        assert_eq!(now() - begun, length);
                    })
                })
                .collect();
            for sleep in sleeps {
                sleep.await.expect("it is on time");
            }
        });
    }
}
