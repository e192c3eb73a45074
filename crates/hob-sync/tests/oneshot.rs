//! What `oneshot` promises: the value arrives, or comes back, or is dropped once.

mod support;

use std::sync::Arc;
use std::task::Poll;
use std::thread;

use futures_lite::future::block_on;
use hob_sync::oneshot::{self, RecvError, SendError, TryRecvError};

use support::{Counter, kept, poll, poll_with};

#[test]
fn send_wakes_the_receiver() {
    let (tx, mut rx) = oneshot::channel();
    let (counter, waker) = Counter::new();
    assert!(poll_with(&mut rx, &waker).is_pending());
    tx.send(7).unwrap();
    assert_eq!((counter.wakes(), kept(&counter)), (1, 0));
    assert_eq!(poll(&mut rx), Poll::Ready(Ok(7)));
}

#[test]
fn a_dropped_sender_is_an_error() {
    let (tx, mut rx) = oneshot::channel::<u8>();
    let (counter, waker) = Counter::new();
    assert!(poll_with(&mut rx, &waker).is_pending());
    drop(tx);
    assert_eq!(counter.wakes(), 1);
    assert_eq!(poll(&mut rx), Poll::Ready(Err(RecvError)));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn the_value_comes_back_when_nobody_will_receive_it() {
    let (tx, rx) = oneshot::channel();
    drop(rx);
    assert!(tx.is_closed());
    assert_eq!(tx.send("egg"), Err(SendError("egg")));

    let (tx, mut rx) = oneshot::channel();
    rx.close();
    assert_eq!(tx.send("egg"), Err(SendError("egg")));
    assert_eq!(poll(&mut rx), Poll::Ready(Err(RecvError)));
}

#[test]
fn a_value_sent_before_the_close_is_received() {
    let (tx, mut rx) = oneshot::channel();
    tx.send(7).unwrap();
    rx.close();
    assert_eq!(rx.try_recv(), Ok(7));
}

#[test]
fn a_receiver_that_was_polled_and_dropped_leaves_no_waker() {
    let (tx, mut rx) = oneshot::channel::<u8>();
    let (counter, waker) = Counter::new();
    assert!(poll_with(&mut rx, &waker).is_pending());
    drop(rx);
    assert_eq!(kept(&counter), 0);
    assert!(tx.send(1).is_err());
    assert_eq!(counter.wakes(), 0);
}

#[test]
fn an_unreceived_value_is_dropped_with_the_receiver() {
    let value = Arc::new(());
    let (tx, rx) = oneshot::channel();
    tx.send(Arc::clone(&value)).unwrap();
    assert_eq!(Arc::strong_count(&value), 2);
    drop(rx);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn closed_completes_when_the_receiver_goes() {
    let (mut tx, rx) = oneshot::channel::<u8>();
    let (counter, waker) = Counter::new();
    let mut closed = tx.closed();
    assert!(poll_with(&mut closed, &waker).is_pending());
    drop(rx);
    assert_eq!(counter.wakes(), 1);
    assert!(poll(&mut closed).is_ready());
}

#[test]
fn a_dropped_closed_leaves_no_waker() {
    let (mut tx, rx) = oneshot::channel::<u8>();
    let (counter, waker) = Counter::new();
    let mut closed = tx.closed();
    assert!(poll_with(&mut closed, &waker).is_pending());
    drop(closed);
    assert_eq!(kept(&counter), 0);
    drop((tx, rx));
}

#[test]
fn a_thread_blocks_until_the_value_is_there() {
    let (tx, rx) = oneshot::channel();
    let (ready_tx, ready_rx) = oneshot::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            ready_tx.send(()).unwrap();
            assert_eq!(rx.recv_blocking(), Ok(7));
        });
        block_on(ready_rx).unwrap();
        tx.send(7).unwrap();
    });
}
