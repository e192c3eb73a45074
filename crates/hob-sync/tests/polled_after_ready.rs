//! A future that was ready is not polled again: all say so, and say which one it was.

mod support;

use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use hob_sync::{Mutex, Queue, Semaphore, mpsc, oneshot};

use support::poll;

/// The first poll is ready; the second panics, naming `what` and this file.
fn check<F: Future<Output: Debug>>(what: &str, future: F) {
    let mut future = Box::pin(future);
    // What it gave is dropped: if it could start over, it would be ready again.
    assert!(poll(&mut future).is_ready(), "{what}");
    let second = catch_unwind(AssertUnwindSafe(|| poll(&mut future)));
    let panic = second.expect_err(what);
    let message = hob_core::panic::message(&panic);
    assert!(message.starts_with(&format!("{what} at ")), "{message}");
    assert!(message.contains("tests/polled_after_ready.rs"), "{message}");
    assert!(
        message.ends_with(" was polled after it was ready"),
        "{message}"
    );
}

#[test]
fn a_future_that_was_ready_panics() {
    let mutex = Mutex::new(());
    check("Mutex::lock", mutex.lock());

    let semaphore = Arc::new(Semaphore::new(2));
    check("Semaphore::acquire", semaphore.acquire());
    check("Semaphore::acquire_many", semaphore.acquire_many(2));
    check(
        "Semaphore::acquire_many",
        semaphore.acquire_many(usize::MAX),
    );
    let owned = Box::pin(Arc::clone(&semaphore).acquire_owned());
    check("Semaphore::acquire_owned", owned);

    let (tx, mut rx) = mpsc::bounded(3);
    check("mpsc::Sender::send", tx.send(1));
    check("mpsc::Sender::reserve", tx.reserve());
    tx.try_send(2).unwrap();
    check("mpsc::Receiver::recv", rx.recv());
    let mut buffer = Vec::new();
    check("mpsc::Receiver::recv_many", rx.recv_many(&mut buffer, 0));
    check("mpsc::Receiver::recv_many", rx.recv_many(&mut buffer, 7));
    rx.close();
    check("mpsc::Sender::send", tx.send(1));

    let (mut tx, rx) = oneshot::channel::<u8>();
    drop(rx);
    check("oneshot::Sender::closed", tx.closed());

    let queue = Queue::unbounded();
    check("Queue::put", queue.put(1));
    check("Queue::get", queue.get());
    check("Queue::join", queue.join());
}

#[test]
fn a_future_that_waited_panics_too() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let mut lock = Box::pin(mutex.lock());
    assert!(poll(&mut lock).is_pending());
    drop(held);
    check("Mutex::lock", lock);

    let (tx, mut rx) = mpsc::bounded(1);
    let mut recv = rx.recv();
    assert!(poll(&mut recv).is_pending());
    tx.try_send(1).unwrap();
    check("mpsc::Receiver::recv", recv);
}

#[test]
fn the_receiver_of_one_value_says_that_it_gave_it() {
    let (tx, mut rx) = oneshot::channel();
    tx.send(1).unwrap();
    assert_eq!(poll(&mut rx), Poll::Ready(Ok(1)));
    assert_eq!(poll(&mut rx), Poll::Ready(Err(oneshot::RecvError)));
}
