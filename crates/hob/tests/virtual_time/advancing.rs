//! The clock moved by hand.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::time::Duration;

use hob::time::{Instant, MissedTicks, NotVirtual, advance, interval, now, try_advance};
use hob::{sleep, timeout, to_thread};

use crate::{HOUR, SECOND, block_for, run_virtual, within_a_minute};

async fn settled() {
    for _ in 0..10 {
        hob::yield_now().await;
    }
}

#[hob::test(virtual_time)]
async fn fires_what_is_due_by_then_in_order_and_late() {
    let begun = now();
    let woken = Rc::new(RefCell::new(Vec::new()));
    let tasks = [3, 1, 2, 9].map(|hours| {
        let woken = Rc::clone(&woken);
        hob::spawn_local(async move {
            sleep(hours * HOUR).await;
            woken.borrow_mut().push((hours, now() - begun));
        })
    });
    settled().await;
    advance(8 * HOUR);
    assert_eq!(now() - begun, 8 * HOUR, "it moves at once");
    assert!(woken.borrow().is_empty(), "nobody has looked");
    for task in tasks {
        task.await.expect("it ends");
    }
    let late = 8 * HOUR;
    let expected = [(1, late), (2, late), (3, late), (9, 9 * HOUR)];
    assert_eq!(*woken.borrow(), expected);
}

#[hob::test(virtual_time)]
async fn makes_an_interval_miss_its_ticks() {
    let mut ticks = interval(SECOND).missed_ticks(MissedTicks::Skip);
    ticks.tick().await;
    advance(HOUR + SECOND / 2);
    ticks.tick().await;
    assert_eq!(ticks.missed(), 3599);
}

#[test]
fn fires_timers_while_a_job_holds_the_clock() {
    within_a_minute(|| {
        run_virtual(async {
            let begun = now();
            let (end, ended) = channel::<()>();
            let job = to_thread(move || ended.recv());
            let sleeper = hob::spawn(sleep(HOUR));
            settled().await;
            advance(HOUR);
            sleeper.await.expect("it fires");
            assert_eq!(now() - begun, HOUR);
            end.send(()).expect("the job waits for it");
            assert!(matches!(job.await, Ok(Ok(()))));
        });
    });
}

#[test]
fn by_a_job_wakes_who_sleeps_because_of_it() {
    within_a_minute(|| {
        run_virtual(async {
            let begun = now();
            let (end, ended) = channel::<()>();
            let job = to_thread(move || {
                block_for(Duration::from_millis(10));
                advance(2 * HOUR);
                ended.recv()
            });
            sleep(HOUR).await;
            assert_eq!(now() - begun, 2 * HOUR);
            end.send(()).expect("the job waits for it");
            assert!(matches!(job.await, Ok(Ok(()))));
        });
    });
}

#[hob::test(virtual_time)]
async fn saturates_at_the_end_of_time() {
    advance(Duration::MAX);
    assert_eq!(now(), Instant::NEVER - Duration::from_nanos(1));
    let never = timeout(Duration::MAX, hob::yield_now()).await;
    assert!(never.is_ok(), "never is not over even then");
}

#[test]
fn is_refused_outside_virtual_time() {
    assert_eq!(try_advance(SECOND), Err(NotVirtual));
    assert!(NotVirtual.to_string().contains("cannot be moved"));
    let panicked = std::panic::catch_unwind(|| advance(SECOND));
    let payload = panicked.expect_err("there is no runtime");
    let message = payload.downcast_ref::<&str>().expect("a text");
    assert!(
        message.contains("needs virtual time around it"),
        "{message}"
    );
    hob::run_local(async { assert_eq!(try_advance(SECOND), Err(NotVirtual)) });
    hob::run(async { assert_eq!(try_advance(SECOND), Err(NotVirtual)) });
}

#[cfg(feature = "sim")]
#[test]
fn moves_the_clock_of_a_simulation() {
    for seed in hob::sim::seeds(20) {
        hob::sim::check_twice(seed, || async {
            let begun = now();
            let order = Rc::new(RefCell::new(Vec::new()));
            let tasks = [3, 1, 2].map(|hours| {
                let order = Rc::clone(&order);
                hob::spawn_local(async move {
                    sleep(hours * HOUR).await;
                    order.borrow_mut().push(now() - begun);
                })
            });
            hob::test::settle().await;
            advance(8 * HOUR);
            assert!(now() - begun >= 8 * HOUR);
            for task in tasks {
                task.await.expect("it ends");
            }
            let order = order.borrow();
            assert!(order.iter().all(|late| (8 * HOUR..9 * HOUR).contains(late)));
        });
    }
}
