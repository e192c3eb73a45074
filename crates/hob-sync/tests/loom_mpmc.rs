//! Models of `mpmc`. Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo test --release -p
//! hob-sync --test loom_mpmc`. A lost wake shows as a deadlock.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::task::Poll;

use hob_sync::mpmc;
use loom::thread;

use model::{block_on, poll};

#[test]
fn two_receivers_share_and_both_hear_of_the_end() {
    loom::model(|| {
        let (tx, rx) = mpmc::unbounded();
        let other = rx.clone();
        let receives = thread::spawn(move || {
            let mut received = 0;
            while block_on(other.recv()).is_some() {
                received += 1;
            }
            received
        });
        tx.send(7).unwrap();
        drop(tx);
        let mut received = 0;
        while block_on(rx.recv()).is_some() {
            received += 1;
        }
        assert_eq!(received + receives.join().unwrap(), 1);
    });
}

/// The receiver that has the turn is dropped: before, while or after it is given one.
#[test]
fn the_turn_of_a_cancelled_receiver_goes_to_the_next() {
    loom::model(|| {
        let (tx, rx) = mpmc::bounded(1);
        let other = rx.clone();
        let gives_up = thread::spawn(move || {
            let mut recv = Box::pin(other.recv());
            let poll = poll(&mut recv);
            drop(recv);
            matches!(poll, Poll::Ready(Some(_)))
        });
        let sends = thread::spawn(move || block_on(tx.send(7)).unwrap());
        let received = block_on(rx.recv()).is_some();
        assert_ne!(gives_up.join().unwrap(), received);
        sends.join().unwrap();
    });
}

#[test]
fn a_receiver_that_waits_makes_room_for_a_sender_that_waits() {
    loom::model(|| {
        let (tx, rx) = mpmc::bounded(1);
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

/// The sender whose message a receiver was given the turn for gives up: the receiver waits again.
#[test]
fn rendezvous_with_a_sender_that_gives_up() {
    loom::model(|| {
        let (tx, rx) = mpmc::rendezvous();
        let other = tx.clone();
        let gives_up = thread::spawn(move || {
            let mut send = Box::pin(other.send(1));
            poll(&mut send).is_ready()
        });
        let sends = thread::spawn(move || block_on(tx.send(2)).unwrap());
        let mut received = Vec::new();
        while let Some(message) = block_on(rx.recv()) {
            received.push(message);
        }
        assert!(
            !gives_up.join().unwrap(),
            "nobody took it within its one poll"
        );
        sends.join().unwrap();
        // The one that gave up may have been met before.
        received.retain(|message| *message != 1);
        assert_eq!(received, [2]);
    });
}

/// The sender is told that its message was taken if and only if it was.
#[test]
fn rendezvous_send_against_a_receiver_that_goes() {
    loom::model(|| {
        let (tx, rx) = mpmc::rendezvous();
        let receives = thread::spawn(move || {
            let mut recv = Box::pin(rx.recv());
            let first = poll(&mut recv);
            matches!(first, Poll::Ready(Some(7))) || matches!(poll(&mut recv), Poll::Ready(Some(7)))
        });
        let sent = block_on(tx.send(7)).is_ok();
        assert_eq!(receives.join().unwrap(), sent);
    });
}

#[test]
fn close_reaches_receivers_and_senders_that_wait() {
    loom::model(|| {
        let (tx, rx) = mpmc::bounded(1);
        tx.try_send(0).unwrap();
        let sends = thread::spawn(move || block_on(tx.send(1)).is_ok());
        let other = rx.clone();
        let closes = thread::spawn(move || other.close());
        let mut received = 0;
        while block_on(rx.recv()).is_some() {
            received += 1;
        }
        closes.join().unwrap();
        assert_eq!(received, 1 + usize::from(sends.join().unwrap()));
    });
}

/// One that takes many is dropped with its turn: the other gets all.
#[test]
fn recv_many_that_is_dropped_leaves_all_to_the_next() {
    loom::model(|| {
        let (tx, rx) = mpmc::bounded(2);
        let other = rx.clone();
        let gives_up = thread::spawn(move || {
            let mut batch = Vec::new();
            let mut recv = Box::pin(other.recv_many(&mut batch, 2));
            let _taken = poll(&mut recv);
            drop(recv);
            batch
        });
        let sends = thread::spawn(move || {
            block_on(tx.send(1)).unwrap();
            block_on(tx.send(2)).unwrap();
        });
        let mut received = Vec::new();
        while block_on(rx.recv_many(&mut received, 2)) > 0 {}
        received.extend(gives_up.join().unwrap());
        received.sort_unstable();
        assert_eq!(received, [1, 2]);
        sends.join().unwrap();
    });
}
