//! A future that was ready is not polled again: all say so, and say which one it was.

mod support;

use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use hob_sync::{
    Barrier, Condition, Event, LifoQueue, Mutex, Notify, PriorityQueue, Queue, Semaphore, mpmc,
    mpsc, oneshot,
};

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
    check("Mutex::lock_owned", Arc::new(Mutex::new(())).lock_owned());

    let lock = Arc::new(hob_sync::RwLock::new(()));
    check("RwLock::read", lock.read());
    check("RwLock::write", lock.write());
    check("RwLock::read_owned", Arc::clone(&lock).read_owned());
    check("RwLock::write_owned", Arc::clone(&lock).write_owned());

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
    check("mpsc::Sender::send", Box::pin(tx.send(1)));
    check("mpsc::Sender::reserve", Box::pin(tx.reserve()));
    let owned = Box::pin(tx.clone().reserve_owned());
    check("mpsc::Sender::reserve_owned", owned);
    tx.try_send(2).unwrap();
    check("mpsc::Receiver::recv", rx.recv());
    let mut buffer = Vec::new();
    check("mpsc::Receiver::recv_many", rx.recv_many(&mut buffer, 0));
    check("mpsc::Receiver::recv_many", rx.recv_many(&mut buffer, 7));
    rx.close();
    check("mpsc::Sender::send", Box::pin(tx.send(1)));
    check("mpsc::Sender::closed", Box::pin(tx.closed()));

    let (tx, rx) = mpmc::bounded(3);
    check("mpmc::Sender::send", Box::pin(tx.send(1)));
    check("mpmc::Receiver::recv", Box::pin(rx.recv()));
    tx.try_send(2).unwrap();
    let many = Box::pin(rx.recv_many(&mut buffer, 7));
    check("mpmc::Receiver::recv_many", many);
    let many = Box::pin(rx.recv_many(&mut buffer, 0));
    check("mpmc::Receiver::recv_many", many);

    let (mut tx, rx) = oneshot::channel::<u8>();
    drop(rx);
    check("oneshot::Sender::closed", tx.closed());

    let (tx, mut rx) = hob_sync::broadcast::channel(1);
    tx.send(1).unwrap();
    check("broadcast::Receiver::recv", rx.recv());
    drop(rx);
    check("broadcast::Sender::closed", tx.closed());

    let cell = hob_sync::OnceCell::from(1);
    let init = async || unreachable!("it is set");
    check("OnceCell::get_or_init", cell.get_or_init(init));
    let init = async || Err("it is set");
    check("OnceCell::get_or_try_init", cell.get_or_try_init(init));
    check("OnceCell::wait", cell.wait());
    let lazy = hob_sync::Lazy::new(async { 1 });
    check("Lazy::force", lazy.force());

    let (tx, mut rx) = hob_sync::watch::channel(1);
    tx.send(2).unwrap();
    check("watch::Receiver::changed", rx.changed());
    check("watch::Receiver::wait_for", rx.wait_for(|_| true));
    let mut waits = Box::pin(rx.wait_for(|value| *value == 3));
    assert!(poll(&mut waits).is_pending());
    tx.send(3).unwrap();
    check("watch::Receiver::wait_for", waits);
    drop(rx);
    check("watch::Sender::closed", tx.closed());

    let queue = Queue::unbounded();
    check("Queue::put", queue.put(1));
    check("Queue::get", queue.get());
    check("Queue::join", queue.join());
    queue.try_put(2).unwrap();
    check("PlainQueue::get", queue.plain().get());

    let queue = LifoQueue::unbounded();
    check("LifoQueue::put", queue.put(1));
    check("LifoQueue::get", queue.get());
    check("LifoQueue::join", queue.join());

    let queue = PriorityQueue::bounded(1);
    check("PriorityQueue::put", queue.put(1));
    let mut put = Box::pin(queue.put(2));
    assert!(poll(&mut put).is_pending());
    check("PriorityQueue::get", queue.get());
    check("PriorityQueue::put", put);
    check("PriorityQueue::get", queue.get());
    check("PriorityQueue::join", queue.join());
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

    let (tx, rx) = mpmc::bounded(1);
    let mut recv = Box::pin(rx.recv());
    assert!(poll(&mut recv).is_pending());
    let mut permit = Box::pin(tx.reserve());
    assert!(poll(&mut permit).is_ready());
    tx.try_send(1).unwrap();
    let mut send = Box::pin(tx.send(2));
    assert!(poll(&mut send).is_pending());
    check("mpmc::Receiver::recv", recv);
    check("mpmc::Sender::send", send);
}

#[test]
fn the_receiver_of_one_value_says_that_it_gave_it() {
    let (tx, mut rx) = oneshot::channel();
    tx.send(1).unwrap();
    assert_eq!(poll(&mut rx), Poll::Ready(Ok(1)));
    assert_eq!(poll(&mut rx), Poll::Ready(Err(oneshot::RecvError)));
}

#[test]
fn those_who_meet_panic() {
    let notify = Arc::new(Notify::new());
    notify.notify_one();
    check("Notify::notified", notify.notified());
    let owned = Arc::clone(&notify).notified_owned();
    notify.notify_all();
    check("Notify::notified_owned", owned);

    check("Event::wait", Event::from(true).wait());
    check("Barrier::wait", Barrier::new(1).wait());

    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let mut wait = Box::pin(condition.wait(mutex.try_lock().unwrap()));
    assert!(poll(&mut wait).is_pending());
    condition.notify_one();
    check("Condition::wait", wait);
    let guard = mutex.try_lock().unwrap();
    check(
        "Condition::wait_while",
        condition.wait_while(guard, |()| false),
    );
    let mut looks = 0;
    let guard = mutex.try_lock().unwrap();
    let mut wait = Box::pin(condition.wait_while(guard, |()| {
        looks += 1;
        looks == 1
    }));
    assert!(poll(&mut wait).is_pending());
    condition.notify_one();
    check("Condition::wait_while", wait);
}
