//! Models of `mpsc`. Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo test --release -p
//! hob-sync --test loom_mpsc`. A lost wake shows as a deadlock.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::sync::Arc;
use std::task::Poll;

use hob_sync::mpsc;
use loom::thread;

use model::{block_on, poll, poll_and_drop};

#[test]
fn last_sender_drop_against_recv() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::unbounded();
        let threads = [tx.clone(), tx].map(|tx| thread::spawn(move || tx.send(7).unwrap()));
        assert_eq!(block_on(rx.recv()), Some(7));
        assert_eq!(block_on(rx.recv()), Some(7));
        assert_eq!(block_on(rx.recv()), None);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn close_against_a_send_that_waits() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::bounded(1);
        tx.try_send(0).unwrap();
        let sends = thread::spawn(move || block_on(tx.send(1)).is_ok());
        assert_eq!(block_on(rx.recv()), Some(0));
        rx.close();
        let mut received = 0;
        while block_on(rx.recv()).is_some() {
            received += 1;
        }
        assert_eq!(usize::from(sends.join().unwrap()), received);
    });
}

#[test]
fn close_alone_reaches_a_send_that_goes_to_wait() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::bounded(1);
        tx.try_send(0).unwrap();
        let sends = thread::spawn(move || block_on(tx.send(1)));
        rx.close();
        assert!(sends.join().unwrap().is_err());
    });
}

/// Room is made while a sender goes to wait for it: by a receiver that has more messages at hand.
#[test]
fn a_sender_that_goes_to_wait_hears_of_the_room() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::bounded(2);
        tx.try_send(0).unwrap();
        tx.try_send(1).unwrap();
        assert_eq!(rx.try_recv(), Ok(0));
        tx.try_send(2).unwrap();
        let sends = thread::spawn(move || {
            block_on(tx.send(3)).unwrap();
            tx
        });
        assert_eq!(rx.try_recv(), Ok(1));
        // Without another look at the channel: the sender is to come through by that room alone.
        drop(sends.join().unwrap());
        assert_eq!(block_on(rx.recv()), Some(2));
        assert_eq!(block_on(rx.recv()), Some(3));
        assert_eq!(block_on(rx.recv()), None);
    });
}

#[test]
fn slot_of_a_cancelled_reserve_goes_to_the_next() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::bounded(1);
        tx.try_send(0).unwrap();
        let gives_up = {
            let tx = tx.clone();
            thread::spawn(move || poll_and_drop(tx.reserve()))
        };
        let sends = thread::spawn(move || block_on(tx.send(1)).unwrap());
        assert_eq!(block_on(rx.recv()), Some(0));
        assert_eq!(block_on(rx.recv()), Some(1));
        gives_up.join().unwrap();
        sends.join().unwrap();
    });
}

/// Either the message is received or it is dropped with its future, and once.
#[test]
fn a_send_that_is_dropped_in_line_against_recv() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::bounded(1);
        let value = Arc::new(());
        tx.try_send(Arc::clone(&value)).unwrap();
        let gives_up = {
            let value = Arc::clone(&value);
            thread::spawn(move || poll_and_drop(tx.send(value)))
        };
        assert!(block_on(rx.recv()).is_some());
        while block_on(rx.recv()).is_some() {}
        gives_up.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
    });
}

#[test]
fn closed_receiver_hears_of_the_last_permit() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::bounded::<u8>(1);
        // Shared, not cloned: so that no sender is dropped after the permit.
        let tx = Arc::new(tx);
        let holds = {
            let tx = Arc::clone(&tx);
            thread::spawn(move || drop(tx.try_reserve()))
        };
        rx.close();
        assert_eq!(block_on(rx.recv()), None);
        holds.join().unwrap();
        drop(tx);
    });
}

#[test]
fn weak_sender_revives_or_the_end_is_heard() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::unbounded();
        let weak = tx.downgrade();
        let revives = thread::spawn(move || weak.upgrade().is_some_and(|tx| tx.send(7).is_ok()));
        drop(tx);
        let received = block_on(rx.recv()).is_some();
        assert_eq!(revives.join().unwrap(), received);
    });
}

/// The sender is told that its message was taken if and only if it was.
#[test]
fn rendezvous_send_against_a_receiver_that_goes() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::rendezvous();
        let receives = thread::spawn(move || matches!(poll(&mut rx.recv()), Poll::Ready(Some(7))));
        let sent = block_on(tx.send(7)).is_ok();
        assert_eq!(receives.join().unwrap(), sent);
    });
}

#[test]
fn rendezvous_hands_over() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::rendezvous();
        let sends = thread::spawn(move || {
            block_on(tx.send(1)).unwrap();
            block_on(tx.send(2)).unwrap();
        });
        assert_eq!(block_on(rx.recv()), Some(1));
        assert_eq!(block_on(rx.recv()), Some(2));
        assert_eq!(block_on(rx.recv()), None);
        sends.join().unwrap();
    });
}

#[test]
fn closed_hears_of_a_dropped_receiver() {
    loom::model(|| {
        let (tx, rx) = mpsc::bounded::<u8>(1);
        let drops = thread::spawn(move || drop(rx));
        block_on(tx.closed());
        drops.join().unwrap();
        assert!(tx.is_closed());
    });
}
