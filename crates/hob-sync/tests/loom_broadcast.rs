//! Models of broadcasts. Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo test --release
//! -p hob-sync --test loom_broadcast`. A lost wake shows as a deadlock.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use hob_sync::broadcast::{self, RecvError, TryRecvError};
use loom::thread;

use model::{block_on, poll, poll_and_drop};

#[test]
fn broadcast_reaches_all_who_come_to_wait() {
    loom::model(|| {
        let (tx, mut rx) = broadcast::channel(2);
        let mut other = tx.subscribe();
        let waits = thread::spawn(move || block_on(other.recv()));
        let sends = thread::spawn(move || tx.send(Box::new(7)));
        assert_eq!(block_on(rx.recv()), Ok(Box::new(7)));
        assert_eq!(waits.join().unwrap(), Ok(Box::new(7)));
        assert!(sends.join().unwrap().is_ok());
    });
}

#[test]
fn broadcast_serves_a_newcomer_behind_one_who_has_taken_more() {
    loom::model(|| {
        let (tx, mut slow) = broadcast::channel(2);
        let mut fast = tx.subscribe();
        let first = tx.clone();
        let sends = thread::spawn(move || first.send(1));
        let takes_both = thread::spawn(move || {
            assert_eq!(block_on(fast.recv()), Ok(1));
            assert_eq!(block_on(fast.recv()), Ok(2));
        });
        // The second is not sent before this one has the first.
        assert_eq!(block_on(slow.recv()), Ok(1));
        tx.send(2).unwrap();
        takes_both.join().unwrap();
        assert_eq!(sends.join().unwrap(), Ok(2));
    });
}

#[test]
fn broadcast_ends_when_its_last_sender_goes() {
    loom::model(|| {
        let (tx, mut rx) = broadcast::channel(2);
        let other = tx.clone();
        let sends = thread::spawn(move || other.send(7).unwrap());
        let goes = thread::spawn(move || drop(tx));
        assert_eq!(block_on(rx.recv()), Ok(7));
        assert_eq!(block_on(rx.recv()), Err(RecvError::Closed));
        sends.join().unwrap();
        goes.join().unwrap();
    });
}

/// Where the wait stood when it was dropped is counted over all runs: none of the cases is missing.
#[test]
fn broadcast_loses_nothing_when_a_wait_is_cancelled() {
    static READY: AtomicUsize = AtomicUsize::new(0);
    static IN_LINE: AtomicUsize = AtomicUsize::new(0);
    static GRANTED: AtomicUsize = AtomicUsize::new(0);
    loom::model(|| {
        let (tx, mut rx) = broadcast::channel(2);
        let looks = tx.clone();
        let sends = thread::spawn(move || tx.send(7).unwrap());
        let mut wait = Box::pin(rx.recv());
        let early = poll(&mut wait);
        let stood = match (early, looks.statistics().waiting) {
            (Poll::Ready(_), _) => &READY,
            (Poll::Pending, 0) => &GRANTED,
            (Poll::Pending, _) => &IN_LINE,
        };
        stood.fetch_add(1, Ordering::Relaxed);
        drop(wait);
        let late = match early {
            Poll::Ready(received) => received,
            Poll::Pending => block_on(rx.recv()),
        };
        assert_eq!(late, Ok(7));
        sends.join().unwrap();
        assert_eq!(looks.statistics().waiting, 0);
        assert!(looks.is_empty());
    });
    for runs in [&READY, &IN_LINE, &GRANTED] {
        assert!(runs.load(Ordering::Relaxed) > 0);
    }
}

#[test]
fn broadcast_tells_who_lags_how_many_it_missed() {
    loom::model(|| {
        let (tx, mut rx) = broadcast::channel(1);
        let sends = thread::spawn(move || {
            for number in 1..=3 {
                tx.send(number).expect("the receiver stays until the end");
            }
        });
        let (mut received, mut missed) = (0, 0);
        loop {
            match block_on(rx.recv()) {
                Ok(number) => {
                    received += 1;
                    assert_eq!(number, received + missed);
                }
                Err(RecvError::Lagged(count)) => missed += count,
                Err(RecvError::Closed) => break,
            }
        }
        assert_eq!(received + missed, 3);
        sends.join().unwrap();
    });
}

#[test]
fn broadcast_overwrites_plain_messages_that_were_fetched_ahead() {
    loom::model(|| {
        let (tx, mut rx) = broadcast::channel(3);
        (0..3).for_each(|number| assert_eq!(tx.send(number), Ok(1)));
        let sends =
            thread::spawn(move || (3..5).for_each(|number| assert!(tx.send(number).is_ok())));
        let mut next = 0;
        loop {
            match block_on(rx.recv()) {
                Ok(number) => {
                    assert_eq!(number, next);
                    next += 1;
                }
                Err(RecvError::Lagged(missed)) => next += missed,
                Err(RecvError::Closed) => break,
            }
        }
        assert_eq!(next, 5);
        sends.join().unwrap();
    });
}

#[test]
fn broadcast_has_enough_for_those_who_subscribe_meanwhile() {
    loom::model(|| {
        let (tx, mut rx) = broadcast::channel(2);
        let other = tx.clone();
        let subscribes = thread::spawn(move || {
            let mut late = other.subscribe();
            (late.len(), late.try_recv())
        });
        let heard = tx.send(7).unwrap();
        assert_eq!(rx.try_recv(), Ok(7));
        match subscribes.join().unwrap() {
            (1, received) => assert_eq!((received, heard), (Ok(7), 2)),
            (_, Ok(number)) => assert_eq!((number, heard), (7, 2)),
            (_, error) => assert_eq!(error, Err(TryRecvError::Empty)),
        }
        assert!(tx.is_empty());
    });
}

#[test]
fn broadcast_keeps_nothing_for_receivers_that_go_meanwhile() {
    loom::model(|| {
        let message = Arc::new(());
        let (tx, rx) = broadcast::channel(2);
        let mut other = tx.subscribe();
        let goes = thread::spawn(move || drop(rx));
        let takes = thread::spawn(move || drop(other.try_recv()));
        let sent = tx.send(Arc::clone(&message));
        block_on(tx.closed());
        assert!(sent.is_ok() || Arc::strong_count(&message) == 2);
        drop(sent);
        goes.join().unwrap();
        takes.join().unwrap();
        assert_eq!(Arc::strong_count(&message), 1);
        assert!(tx.is_empty());
    });
}

#[test]
fn broadcast_gives_a_message_to_two_at_once() {
    loom::model(|| {
        let message = Arc::new(());
        let (tx, mut rx) = broadcast::channel(1);
        let mut other = tx.subscribe();
        tx.send(Arc::clone(&message)).unwrap();
        let takes = thread::spawn(move || other.try_recv());
        let mine = rx.try_recv().unwrap();
        let theirs = takes.join().unwrap().unwrap();
        assert_eq!(
            Arc::strong_count(&message),
            3,
            "ours, and two that were received"
        );
        assert!(tx.is_empty());
        drop((mine, theirs));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn broadcast_overwrites_what_is_being_cloned() {
    loom::model(|| {
        let message = Arc::new(1);
        let (tx, mut rx) = broadcast::channel(1);
        let _other = tx.subscribe();
        tx.send(Arc::clone(&message)).unwrap();
        let takes = thread::spawn(move || rx.try_recv());
        tx.send(Arc::new(2)).unwrap();
        match takes.join().unwrap() {
            Ok(received) => assert_eq!(*received, 1),
            Err(error) => assert_eq!(error, TryRecvError::Lagged(1)),
        }
        assert_eq!(Arc::strong_count(&message), 1, "the ring has let go of it");
        poll_and_drop(tx.closed());
    });
}
