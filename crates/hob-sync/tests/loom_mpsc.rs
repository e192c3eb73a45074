//! Models of `mpsc`. Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo test --release -p
//! hob-sync --test loom_mpsc`. A lost wake shows as a deadlock.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// Where the first `recv` stood when it was dropped is counted over all runs: no case is missing.
#[test]
fn recv_that_is_dropped_against_a_send_leaves_the_message_to_the_next() {
    static READY: AtomicUsize = AtomicUsize::new(0);
    static IN_LINE: AtomicUsize = AtomicUsize::new(0);
    static GRANTED: AtomicUsize = AtomicUsize::new(0);
    loom::model(|| {
        let (tx, mut rx) = mpsc::bounded(1);
        let looks = tx.clone();
        let sends = thread::spawn(move || block_on(tx.send(7)).unwrap());
        let mut recv = rx.recv();
        let early = poll(&mut recv);
        let stood = match (early, looks.is_empty()) {
            (Poll::Ready(_), _) => &READY,
            (Poll::Pending, false) => &GRANTED,
            (Poll::Pending, true) => &IN_LINE,
        };
        stood.fetch_add(1, Ordering::Relaxed);
        drop(recv);
        let late = match early {
            Poll::Ready(received) => received,
            Poll::Pending => block_on(rx.recv()),
        };
        assert_eq!(late, Some(7));
        sends.join().unwrap();
        drop(looks);
        assert_eq!(block_on(rx.recv()), None);
    });
    for runs in [&READY, &IN_LINE, &GRANTED] {
        assert!(runs.load(Ordering::Relaxed) > 0);
    }
}

#[test]
fn rendezvous_recv_that_is_dropped_leaves_the_message_to_the_next() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::rendezvous();
        let sends = thread::spawn(move || block_on(tx.send(7)));
        let early = poll(&mut rx.recv());
        let received = match early {
            Poll::Ready(received) => received,
            Poll::Pending => block_on(rx.recv()),
        };
        assert_eq!(received, Some(7));
        assert!(sends.join().unwrap().is_ok());
    });
}

#[test]
fn recv_many_takes_all_and_makes_room_for_who_waits() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::bounded(1);
        let sends = thread::spawn(move || {
            for number in 0..3 {
                block_on(tx.send(number)).unwrap();
            }
        });
        let mut batch = Vec::new();
        let mut rounds = 0;
        while block_on(rx.recv_many(&mut batch, 2)) > 0 {
            rounds += 1;
        }
        assert_eq!(batch, [0, 1, 2]);
        assert!((2..=3).contains(&rounds));
        sends.join().unwrap();
    });
}

#[test]
fn recv_many_that_is_dropped_has_taken_nothing() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::unbounded();
        let sends = thread::spawn(move || {
            tx.send(1).unwrap();
            tx.send(2).unwrap();
        });
        let mut batch = Vec::new();
        let early = poll(&mut rx.recv_many(&mut batch, 8));
        assert!(early.is_ready() || batch.is_empty());
        while block_on(rx.recv_many(&mut batch, 8)) > 0 {}
        assert_eq!(batch, [1, 2]);
        sends.join().unwrap();
    });
}

#[test]
fn slot_of_a_cancelled_owned_reserve_goes_to_the_next() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::bounded(1);
        tx.try_send(0).unwrap();
        let gives_up = {
            let tx = tx.clone();
            thread::spawn(move || poll_and_drop(tx.reserve_owned()))
        };
        let sends = thread::spawn(move || block_on(tx.send(1)).unwrap());
        assert_eq!(block_on(rx.recv()), Some(0));
        assert_eq!(block_on(rx.recv()), Some(1));
        assert_eq!(block_on(rx.recv()), None);
        gives_up.join().unwrap();
        sends.join().unwrap();
    });
}
