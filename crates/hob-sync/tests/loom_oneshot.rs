//! Models of `oneshot`: every interleaving of its two ends, up to a bound of preemptions.
//!
//! Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo test --release -p hob-sync --test
//! loom_oneshot`. A lost wake shows as a deadlock; two ends in one slot, and an allocation that is freed
//! while it is used or never, are seen by loom; messages and wakers are counted.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hob_sync::oneshot::{self, Sender, TryRecvError};
use loom::cell::UnsafeCell;
use loom::thread::{self, JoinHandle};

use model::{block_on, touch};

fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Counts the clones of a waker that nobody hears.
struct Counted(Arc<model::Counted>);

impl Counted {
    fn new() -> (Self, Waker) {
        let counted = Arc::new(model::Counted);
        (Self(Arc::clone(&counted)), Waker::from(counted))
    }

    /// Each clone was woken or dropped, once: there is none left but the caller's own.
    fn assert_gone(&self, own: Waker) {
        drop(own);
        assert_eq!(Arc::strong_count(&self.0), 1, "a waker was kept or lost");
    }
}

/// A message that says to the model when it is written and read, and is counted.
#[derive(Clone)]
struct Message(Arc<UnsafeCell<()>>);

impl Message {
    fn new() -> Self {
        Self(Arc::new(UnsafeCell::new(())))
    }

    /// Another one, written just now by this thread.
    fn write(&self) -> Self {
        touch(&self.0);
        self.clone()
    }

    fn read(&self) {
        self.0.with(|_| ());
    }

    /// Each that was sent was received, or came back, or was dropped, once.
    fn assert_gone(&self) {
        assert_eq!(Arc::strong_count(&self.0), 1, "a message was kept or lost");
    }
}

/// Sends a message from a thread of its own, which tells whether it was taken.
fn send(tx: Sender<Message>, message: &Message) -> JoinHandle<bool> {
    let message = message.clone();
    thread::spawn(move || tx.send(message.write()).is_ok())
}

#[test]
fn a_receiver_that_waits_is_woken_by_send() {
    loom::model(|| {
        let message = Message::new();
        let (tx, rx) = oneshot::channel();
        let sends = send(tx, &message);
        block_on(rx).unwrap().read();
        assert!(sends.join().unwrap());
        message.assert_gone();
    });
}

#[test]
fn a_receiver_that_waits_is_woken_when_the_sender_is_dropped() {
    loom::model(|| {
        let message = Message::new();
        let (tx, rx) = oneshot::channel::<Message>();
        let drops = {
            let message = message.clone();
            thread::spawn(move || {
                message.write();
                drop(tx);
            })
        };
        assert!(block_on(rx).is_err());
        message.read(); // What the sender did before it went is seen.
        drops.join().unwrap();
        message.assert_gone();
    });
}

/// RUSTSEC-2026-0005: the receiver is polled and dropped while the sender sends. Its waker is not read
/// afterwards, and the message is received, or comes back, or is dropped with the channel.
#[test]
fn send_against_poll_then_drop() {
    loom::model(|| {
        let (counted, waker) = Counted::new();
        let message = Message::new();
        let (tx, mut rx) = oneshot::channel();
        let sends = send(tx, &message);
        if let Poll::Ready(received) = poll_with(&mut rx, &waker) {
            received.unwrap().read();
        }
        drop(rx);
        sends.join().unwrap();
        counted.assert_gone(waker);
        message.assert_gone();
    });
}

#[test]
fn send_against_drop_of_a_receiver_that_never_waited() {
    loom::model(|| {
        let message = Message::new();
        let (tx, rx) = oneshot::channel();
        let sends = {
            let message = message.clone();
            thread::spawn(move || {
                if let Err(unsent) = tx.send(message.write()) {
                    unsent.0.read();
                }
            })
        };
        drop(rx);
        sends.join().unwrap();
        message.assert_gone();
    });
}

/// RUSTSEC-2021-0124: the receiver waits, closes and awaits while the sender sends. Either the sender
/// gets its message back or the receiver finds it, never both and never neither.
#[test]
fn send_against_close_and_await() {
    loom::model(|| {
        let (counted, waker) = Counted::new();
        let message = Message::new();
        let (tx, mut rx) = oneshot::channel();
        let sends = send(tx, &message);
        let mut received = match poll_with(&mut rx, &waker) {
            Poll::Ready(received) => Some(received.unwrap()),
            Poll::Pending => None,
        };
        rx.close();
        if received.is_none() {
            received = block_on(&mut rx).ok();
        }
        if let Some(message) = &received {
            message.read();
        }
        assert_eq!(sends.join().unwrap(), received.is_some());
        drop((rx, received));
        counted.assert_gone(waker);
        message.assert_gone();
    });
}

#[test]
fn a_value_that_came_before_the_close_is_received() {
    loom::model(|| {
        let message = Message::new();
        let (tx, mut rx) = oneshot::channel();
        let sends = send(tx, &message);
        rx.close();
        let received = rx.try_recv();
        if let Ok(message) = &received {
            message.read();
        }
        assert_eq!(sends.join().unwrap(), received.is_ok());
        assert_eq!(rx.try_recv().err(), Some(TryRecvError::Closed));
        drop((rx, received));
        message.assert_gone();
    });
}

#[test]
fn try_recv_against_send() {
    loom::model(|| {
        let message = Message::new();
        let (tx, mut rx) = oneshot::channel();
        let sends = send(tx, &message);
        match rx.try_recv() {
            Ok(message) => message.read(),
            Err(error) => {
                assert_eq!(error, TryRecvError::Empty);
                block_on(rx).unwrap().read();
            }
        }
        assert!(sends.join().unwrap());
        message.assert_gone();
    });
}

/// The sender claims the waker that is there, and `try_recv` takes the message meanwhile.
#[test]
fn try_recv_against_send_to_one_that_waits() {
    loom::model(|| {
        let (counted, waker) = Counted::new();
        let message = Message::new();
        let (tx, mut rx) = oneshot::channel();
        assert!(poll_with(&mut rx, &waker).is_pending());
        let sends = send(tx, &message);
        if let Ok(message) = rx.try_recv() {
            message.read();
        }
        drop(rx);
        sends.join().unwrap();
        counted.assert_gone(waker);
        message.assert_gone();
    });
}

/// Polled with a waker that nobody hears, then with one that counts: the second is the one to wake.
#[test]
fn a_replaced_waker_against_send() {
    loom::model(|| {
        let (counted, waker) = Counted::new();
        let message = Message::new();
        let (tx, mut rx) = oneshot::channel();
        assert!(poll_with(&mut rx, &waker).is_pending());
        let sends = send(tx, &message);
        block_on(rx).unwrap().read();
        assert!(sends.join().unwrap());
        counted.assert_gone(waker);
        message.assert_gone();
    });
}

#[test]
fn the_same_waker_again_against_send() {
    loom::model(|| {
        let (counted, waker) = Counted::new();
        let message = Message::new();
        let (tx, mut rx) = oneshot::channel();
        assert!(poll_with(&mut rx, &waker).is_pending());
        let sends = send(tx, &message);
        match poll_with(&mut rx, &waker) {
            Poll::Ready(received) => received.unwrap().read(),
            Poll::Pending => drop(rx),
        }
        sends.join().unwrap();
        counted.assert_gone(waker);
        message.assert_gone();
    });
}

#[test]
fn a_replaced_waker_against_the_sender_dropped() {
    loom::model(|| {
        let (counted, waker) = Counted::new();
        let (tx, mut rx) = oneshot::channel::<Message>();
        assert!(poll_with(&mut rx, &waker).is_pending());
        let drops = thread::spawn(move || drop(tx));
        assert!(block_on(rx).is_err());
        drops.join().unwrap();
        counted.assert_gone(waker);
    });
}

#[test]
fn closed_is_woken_when_the_receiver_is_dropped() {
    loom::model(|| {
        let message = Message::new();
        let (mut tx, rx) = oneshot::channel::<Message>();
        let drops = {
            let message = message.clone();
            thread::spawn(move || {
                message.write();
                drop(rx);
            })
        };
        block_on(tx.closed());
        message.read(); // What the receiver did before it went is seen.
        drops.join().unwrap();
        message.assert_gone();
    });
}

#[test]
fn closed_with_a_replaced_waker_is_woken_by_close() {
    loom::model(|| {
        let (counted, waker) = Counted::new();
        let message = Message::new();
        let (mut tx, mut rx) = oneshot::channel::<Message>();
        let mut closed = tx.closed();
        assert!(poll_with(&mut closed, &waker).is_pending());
        let closes = {
            let message = message.clone();
            thread::spawn(move || {
                message.write();
                rx.close();
                assert!(rx.try_recv().is_err());
            })
        };
        block_on(closed);
        message.read(); // What the receiver did before it closed is seen.
        closes.join().unwrap();
        drop(tx);
        counted.assert_gone(waker);
        message.assert_gone();
    });
}

/// The sender stops waiting and sends while the receiver goes.
#[test]
fn closed_dropped_then_send_against_the_receiver_dropped() {
    loom::model(|| {
        let (counted, waker) = Counted::new();
        let message = Message::new();
        let (mut tx, rx) = oneshot::channel();
        let mut closed = tx.closed();
        assert!(poll_with(&mut closed, &waker).is_pending());
        let drops = thread::spawn(move || drop(rx));
        drop(closed);
        drop(tx.send(message.write()));
        drops.join().unwrap();
        counted.assert_gone(waker);
        message.assert_gone();
    });
}

/// Both wait and both go at once: each claims the other's waker, or finds it taken back. The sender's is
/// still there when it goes, as its `Closed` is leaked.
#[test]
fn both_ends_go_while_both_wait() {
    loom::model(|| {
        let (counted, waker) = Counted::new();
        let (mut tx, mut rx) = oneshot::channel::<Message>();
        assert!(poll_with(&mut rx, &waker).is_pending());
        let mut closed = ManuallyDrop::new(tx.closed());
        assert!(poll_with(&mut *closed, &waker).is_pending());
        let drops = thread::spawn(move || drop(rx));
        drop(tx);
        drops.join().unwrap();
        counted.assert_gone(waker);
    });
}
