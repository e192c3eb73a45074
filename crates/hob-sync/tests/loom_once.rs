//! Models of cells that are set once. Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo
//! test --release -p hob-sync --test loom_once`. A lost wake shows as a deadlock.
//!
//! Loom does not see inside the standard library's `OnceLock`: in a model it stands behind a flag, set
//! with Release and read with Acquire, as std promises. So what is checked is who fills it and when,
//! and that nobody looks for a value of which it has not been told in order.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::future::{pending, poll_fn, ready};
use std::sync::Arc;
use std::task::Poll;

use hob_sync::{Lazy, OnceCell};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use model::{block_on, poll, poll_and_drop};

#[test]
fn one_initializer_runs_and_all_see_what_it_did() {
    loom::model(|| {
        let cell = Arc::new(OnceCell::new());
        let runs = Arc::new(AtomicUsize::new(0));
        let get = |cell: &OnceCell<u8>, runs: &AtomicUsize| {
            let init = || {
                // No exchange: two at a time would both read zero.
                runs.store(runs.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                ready(7)
            };
            assert_eq!(*block_on(cell.get_or_init(init)), 7);
            assert_eq!(runs.load(Ordering::Relaxed), 1);
        };
        let threads = [(); 2].map(|()| {
            let (cell, runs) = (Arc::clone(&cell), Arc::clone(&runs));
            thread::spawn(move || get(&cell, &runs))
        });
        for thread in threads {
            thread.join().unwrap();
        }
        get(&cell, &runs);
    });
}

#[test]
fn a_cancelled_initializer_is_followed_by_the_next() {
    loom::model(|| {
        let cell = Arc::new(OnceCell::new());
        let gives_up = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || poll_and_drop(cell.get_or_init(pending)))
        };
        let waits = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || assert_eq!(*block_on(cell.wait()), 2))
        };
        assert_eq!(*block_on(cell.get_or_init(|| ready(2))), 2);
        gives_up.join().unwrap();
        waits.join().unwrap();
        assert_eq!(cell.statistics().initializers_waiting, 0);
    });
}

#[test]
fn a_turn_granted_to_one_who_goes_reaches_the_next() {
    loom::model(|| {
        let cell: &'static OnceCell<u8> = Box::leak(Box::new(OnceCell::new()));
        let mut first = Box::pin(cell.get_or_init(pending));
        let mut second = Box::pin(cell.get_or_init(|| ready(2)));
        assert!(poll(&mut first).is_pending());
        assert!(poll(&mut second).is_pending());
        let hands_on = thread::spawn(move || drop(first));
        let gives_up = thread::spawn(move || drop(second));
        assert_eq!(*block_on(cell.get_or_init(|| ready(3))), 3);
        hands_on.join().unwrap();
        gives_up.join().unwrap();
    });
}

#[test]
fn a_value_that_is_set_reaches_who_comes_to_wait_meanwhile() {
    loom::model(|| {
        let cell = Arc::new(OnceCell::new());
        let before = Arc::new(AtomicUsize::new(0));
        let sets = {
            let (cell, before) = (Arc::clone(&cell), Arc::clone(&before));
            thread::spawn(move || {
                before.store(1, Ordering::Relaxed);
                cell.set(1).unwrap();
            })
        };
        let gives_up = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || poll_and_drop(cell.wait()))
        };
        assert_eq!(*block_on(cell.wait()), 1);
        assert_eq!(before.load(Ordering::Relaxed), 1);
        sets.join().unwrap();
        gives_up.join().unwrap();
        assert_eq!(cell.statistics().waiting, 0);
    });
}

#[test]
fn set_and_initializer_agree_on_one_value() {
    loom::model(|| {
        let cell = Arc::new(OnceCell::new());
        let sets = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || cell.set(1).is_ok())
        };
        let made = *block_on(cell.get_or_init(|| ready(2)));
        let set = sets.join().unwrap();
        assert_eq!(made, if set { 1 } else { 2 });
        assert_eq!(cell.get(), Some(&made));
    });
}

#[test]
fn a_lazy_future_is_polled_on_by_the_next() {
    loom::model(|| {
        let mut polls = 0;
        let lazy = Arc::new(Lazy::new(poll_fn(move |cx| {
            polls += 1;
            if polls == 1 {
                cx.waker().wake_by_ref();
                Poll::Pending
            } else {
                Poll::Ready(polls)
            }
        })));
        let gives_up = {
            let lazy = Arc::clone(&lazy);
            thread::spawn(move || poll_and_drop(lazy.force()))
        };
        assert_eq!(*block_on(lazy.force()), 2);
        gives_up.join().unwrap();
    });
}
