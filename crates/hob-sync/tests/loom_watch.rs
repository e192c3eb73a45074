//! Models of watched values. Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo test
//! --release -p hob-sync --test loom_watch`. A lost wake shows as a deadlock.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hob_sync::watch::{self, RecvError, SendError};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use model::{block_on, poll, poll_and_drop};

#[test]
fn a_change_reaches_all_who_come_to_wait_meanwhile() {
    loom::model(|| {
        let (tx, mut rx) = watch::channel(0);
        let before = Arc::new(AtomicUsize::new(0));
        let mut other = rx.clone();
        let waits = {
            let before = Arc::clone(&before);
            thread::spawn(move || {
                assert_eq!(block_on(other.changed()), Ok(()));
                assert_eq!(before.load(Ordering::Relaxed), 1);
            })
        };
        let sends = {
            let before = Arc::clone(&before);
            thread::spawn(move || {
                before.store(1, Ordering::Relaxed);
                tx.send(1).unwrap();
                tx
            })
        };
        assert_eq!(block_on(rx.changed()), Ok(()));
        assert_eq!(before.load(Ordering::Relaxed), 1);
        assert_eq!(*rx.borrow(), 1);
        waits.join().unwrap();
        drop(sends.join().unwrap());
    });
}

#[test]
fn who_is_behind_is_not_held_up_by_who_has_seen_more() {
    loom::model(|| {
        let (tx, mut rx) = watch::channel(0);
        let mut behind = rx.clone();
        let waits = thread::spawn(move || assert_eq!(block_on(behind.changed()), Ok(())));
        let sends = thread::spawn(move || {
            tx.send(1).unwrap();
            tx
        });
        assert_eq!(block_on(rx.changed()), Ok(()));
        // In line, having seen the change, while the other may just come to wait for it.
        let mut next = pin!(rx.changed());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(next.as_mut().poll(&mut cx).is_pending());
        waits.join().unwrap();
        drop(sends.join().unwrap());
        assert_eq!(next.as_mut().poll(&mut cx), Poll::Ready(Err(RecvError)));
    });
}

#[test]
fn a_waiter_that_goes_takes_no_change_from_the_others() {
    loom::model(|| {
        let (tx, mut rx) = watch::channel(0);
        let mut other = rx.clone();
        let gives_up = thread::spawn(move || poll_and_drop(other.changed()));
        let sends = thread::spawn(move || {
            tx.send(1).unwrap();
            tx
        });
        assert_eq!(block_on(rx.changed()), Ok(()));
        gives_up.join().unwrap();
        let tx = sends.join().unwrap();
        assert_eq!(tx.statistics().receivers_waiting, 0);
        assert_eq!(tx.receiver_count(), 1);
    });
}

#[test]
fn the_end_reaches_who_waits_after_the_last_value() {
    loom::model(|| {
        let (tx, mut rx) = watch::channel(0);
        let second = tx.clone();
        let ends = thread::spawn(move || drop(second));
        let sends = thread::spawn(move || tx.send(1).unwrap());
        assert_eq!(block_on(rx.changed()), Ok(()));
        assert_eq!(*rx.borrow(), 1);
        assert_eq!(block_on(rx.changed()), Err(RecvError));
        ends.join().unwrap();
        sends.join().unwrap();
    });
}

#[test]
fn the_last_receiver_to_go_ends_the_wait_for_it() {
    loom::model(|| {
        let (tx, rx) = watch::channel(0);
        let before = Arc::new(AtomicUsize::new(0));
        let other = rx.clone();
        let threads = [rx, other].map(|rx| {
            let before = Arc::clone(&before);
            thread::spawn(move || {
                before.fetch_add(1, Ordering::Relaxed);
                drop(rx);
            })
        });
        block_on(tx.closed());
        assert_eq!(before.load(Ordering::Relaxed), 2);
        assert!(tx.send(1).is_err());
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn each_of_two_changes_reaches_who_waits_for_the_last() {
    loom::model(|| {
        let (tx, mut rx) = watch::channel(0);
        let mut other = rx.clone();
        let waits = thread::spawn(move || {
            while *other.borrow_and_update() != 2 {
                assert_eq!(block_on(other.changed()), Ok(()));
            }
        });
        let sends = thread::spawn(move || {
            tx.send(1).unwrap();
            tx.send_modify(|value| *value += 1);
            tx
        });
        assert_eq!(*block_on(rx.wait_for(|value| *value == 2)).unwrap(), 2);
        waits.join().unwrap();
        drop(sends.join().unwrap());
    });
}

#[test]
fn what_was_seen_is_the_value_that_was_lent() {
    loom::model(|| {
        let (tx, mut rx) = watch::channel(0);
        let sends = thread::spawn(move || {
            tx.send(1).unwrap();
            tx
        });
        if *rx.borrow_and_update() == 0 {
            assert_eq!(block_on(rx.changed()), Ok(()));
        }
        assert_eq!(*rx.borrow_and_update(), 1);
        assert_eq!(rx.has_changed(), Ok(false));
        drop(sends.join().unwrap());
    });
}

/// Somebody subscribes as soon as nobody is left: who waited for that moment is told all the same.
#[test]
fn closed_is_told_of_the_moment_although_somebody_subscribes_again() {
    loom::model(|| {
        let (tx, rx) = watch::channel(0);
        let mut closed = pin!(tx.closed());
        assert!(poll(&mut closed).is_pending());
        let goes = thread::spawn(move || drop(rx));
        let again = tx.is_closed().then(|| tx.subscribe());
        block_on(closed);
        goes.join().unwrap();
        drop(again);
    });
}

/// It comes to wait after that moment, though perhaps while the others are told of it.
#[test]
fn closed_is_not_told_of_a_moment_that_was_before() {
    loom::model(|| {
        let (tx, rx) = watch::channel(0);
        let goes = thread::spawn(move || drop(rx));
        let late = tx.subscribe();
        let mut closed = pin!(tx.closed());
        assert!(poll(&mut closed).is_pending());
        goes.join().unwrap();
        assert!(poll(&mut closed).is_pending(), "there was one all the time");
        drop(late);
        assert!(poll(&mut closed).is_ready());
    });
}

#[test]
fn a_send_against_the_last_receiver_that_goes() {
    loom::model(|| {
        let (tx, rx) = watch::channel(0);
        let goes = thread::spawn(move || {
            let seen = *rx.borrow();
            drop(rx);
            seen
        });
        let sent = tx.send(1);
        assert_eq!(*tx.borrow(), i32::from(sent.is_ok()));
        assert!(sent.is_ok() || sent == Err(SendError(1)));
        block_on(tx.closed());
        assert_eq!(tx.send(2), Err(SendError(2)));
        assert!(goes.join().unwrap() <= i32::from(sent.is_ok()));
    });
}
