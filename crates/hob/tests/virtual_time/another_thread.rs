//! What other threads do is seen before a jump.

use std::future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use hob::engine::{Park, Unpark, Until};
use hob::time::now;
use hob::timeout;

use crate::{HOUR, block_for, run_virtual, virtual_builder, within_a_minute};

/// A seat that notes at each look whether the wake had been made before. In every other round it waits
/// for that.
struct Watched {
    seat: Box<dyn Park + Send>,
    round: Arc<Round>,
}

#[derive(Default)]
struct Round {
    waker: Mutex<Option<Waker>>,
    is_done: AtomicBool,
    has_woken: AtomicBool,
    had_woken_at_look: AtomicBool,
    number: AtomicUsize,
    is_over: AtomicBool,
}

impl Park for Watched {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        if until == Until::Now {
            if self.round.number.load(Ordering::SeqCst) % 2 == 1 {
                self.round.await_wake();
            }
            let had = self.round.has_woken.load(Ordering::SeqCst);
            self.round.had_woken_at_look.store(had, Ordering::SeqCst);
        }
        self.seat.park(until, woken);
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        self.seat.unparker()
    }
}

impl Round {
    /// Wakes whoever waits, after a moment that differs.
    fn wake_again_and_again(&self) {
        for pause in (0..200).cycle() {
            let waker = loop {
                if self.is_over.load(Ordering::SeqCst) {
                    return;
                }
                if let Some(waker) = self.waker.lock().unwrap().take() {
                    break waker;
                }
                thread::yield_now();
            };
            (0..pause).for_each(|_| std::hint::spin_loop());
            self.is_done.store(true, Ordering::SeqCst);
            waker.wake();
            self.has_woken.store(true, Ordering::SeqCst);
        }
    }

    async fn wait(&self) {
        let mut asked = false;
        future::poll_fn(|cx| {
            if self.is_done.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut asked, true) {
                *self.waker.lock().unwrap() = Some(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn await_wake(&self) {
        let is_over = || self.is_over.load(Ordering::SeqCst);
        while !self.has_woken.load(Ordering::SeqCst) && !is_over() {
            thread::yield_now();
        }
    }

    fn reset(&self) {
        self.await_wake();
        for flag in [&self.is_done, &self.has_woken, &self.had_woken_at_look] {
            flag.store(false, Ordering::SeqCst);
        }
        self.number.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn that_woke_before_the_look_is_never_overtaken_by_a_jump() {
    let round = Arc::new(Round::default());
    let watched = Arc::clone(&round);
    let builder = virtual_builder().reactor(move || {
        let mut engine = hob::reactor::default()?;
        engine.seat = Box::new(Watched {
            seat: engine.seat,
            round: watched,
        });
        Ok(engine)
    });
    let runtime = builder.build_local().expect("it can be made");
    let wakes = Arc::clone(&round);
    let thread = thread::Builder::new().spawn(move || wakes.wake_again_and_again());
    runtime.block_on(async {
        for number in 0..10_000 {
            let begun = now();
            // It is polled before its deadline counts: it may be in time though the clock jumped.
            let _in_time = timeout(HOUR, round.wait()).await;
            let jumped = now() != begun;
            let overtaken = jumped && round.had_woken_at_look.load(Ordering::SeqCst);
            assert!(!overtaken, "round {number}");
            round.reset();
        }
    });
    round.is_over.store(true, Ordering::SeqCst);
    thread.expect("it starts").join().expect("it ends");
}

#[test]
fn ends_a_sleep_without_a_timer() {
    within_a_minute(|| {
        run_virtual(async {
            let begun = now();
            let (send, receive) = hob::sync::oneshot::channel();
            let thread = thread::Builder::new().spawn(move || {
                block_for(Duration::from_millis(10));
                send.send(42)
            });
            assert_eq!(receive.await.ok(), Some(42));
            assert_eq!(now(), begun);
            let sent = thread.expect("it starts").join();
            assert!(matches!(sent, Ok(Ok(()))));
        });
    });
}
