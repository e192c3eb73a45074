//! Outside any runtime everything works as well: one thread drives what waits there.

#![cfg(not(loom))]

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures_lite::{StreamExt, future};
use hob_time::{Instant, driver_statistics, interval, sleep, sleep_until, timeout};

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn no_sleep_is_early() {
    future::block_on(async {
        for micros in (0..1000).step_by(50) {
            let deadline = Instant::now() + Duration::from_micros(micros);
            sleep_until(deadline).await;
            assert!(Instant::now() >= deadline);
        }
    });
}

#[test]
fn an_earlier_sleep_overtakes_a_long_one() {
    let mut long = sleep(HOUR);
    future::block_on(async {
        assert!(future::poll_once(&mut long).await.is_none());
        sleep(MILLISECOND).await;
        assert!(!long.is_elapsed());
    });
}

#[test]
fn threads_share_one_driver() {
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                future::block_on(async {
                    for _ in 0..20 {
                        sleep(MILLISECOND).await;
                    }
                });
            });
        }
    });
    let driver = driver_statistics().expect("it has been started");
    assert!(driver.timers_expired > 0);
}

#[test]
fn timeouts_and_intervals_work_too() {
    future::block_on(async {
        assert!(timeout(MILLISECOND, sleep(HOUR)).await.is_err());
        assert_eq!(timeout(HOUR, sleep(MILLISECOND)).await, Ok(()));
        let ticks: Vec<_> = interval(MILLISECOND).take(3).collect().await;
        assert!(ticks.is_sorted() && ticks[2] - ticks[0] >= 2 * MILLISECOND);
    });
}

#[test]
fn a_waker_that_panics_does_not_stop_the_driver() {
    struct Bomb(Mutex<Sender<()>>);
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            self.0.lock().unwrap().send(()).unwrap();
            panic!("a waker that panics, in a test");
        }
    }
    let (sender, woken) = mpsc::channel();
    let waker = Waker::from(Arc::new(Bomb(Mutex::new(sender))));
    let mut doomed = sleep(HOUR);
    let polled = Pin::new(&mut doomed).poll(&mut Context::from_waker(&waker));
    assert_eq!(polled, Poll::Pending);
    doomed.reset(Instant::now());
    woken.recv_timeout(10_000 * MILLISECOND).unwrap();
    future::block_on(sleep(MILLISECOND));
}
