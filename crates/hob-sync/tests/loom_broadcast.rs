//! Models of broadcasts. Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo test --release
//! -p hob-sync --test loom_broadcast`. A lost wake shows as a deadlock.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::sync::Arc;

use hob_sync::broadcast::{self, RecvError, TryRecvError};
use loom::thread;

use model::{block_on, poll_and_drop};

#[test]
fn broadcast_reaches_all_who_come_to_wait() {
    loom::model(|| {
        let (tx, mut rx) = broadcast::channel(2);
        let mut other = tx.subscribe();
        let waits = thread::spawn(move || block_on(other.recv()));
        let sends = thread::spawn(move || tx.send(7));
        assert_eq!(block_on(rx.recv()), Ok(7));
        assert_eq!(waits.join().unwrap(), Ok(7));
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

#[test]
fn broadcast_loses_nothing_when_a_wait_is_cancelled() {
    loom::model(|| {
        let (tx, mut rx) = broadcast::channel(2);
        let sends = thread::spawn(move || {
            tx.send(7).unwrap();
            tx
        });
        // Dropped before the message, in line, or granted; or it took the message.
        let taken = rx.len();
        drop(std::pin::pin!(rx.recv()));
        assert!(rx.len() >= taken);
        let mut waits = Box::pin(rx.recv());
        let early = model::poll(&mut waits);
        drop(waits);
        let late = match early {
            std::task::Poll::Ready(received) => received,
            std::task::Poll::Pending => block_on(rx.recv()),
        };
        assert_eq!(late, Ok(7));
        let tx = sends.join().unwrap();
        assert_eq!(tx.statistics().waiting, 0);
        assert!(tx.is_empty());
    });
}

#[test]
fn broadcast_tells_who_lags_how_many_it_missed() {
    loom::model(|| {
        let (tx, mut rx) = broadcast::channel(1);
        let sends = thread::spawn(move || (1..=3).for_each(|number| drop(tx.send(number))));
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
