//! Waiting allocates nothing, nor does an operation that does not wait.

#![cfg(not(loom))]

#[path = "support/allocator.rs"]
mod allocator;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_lite::StreamExt;
use hob_sync::broadcast::{self, Receiver};
use hob_sync::{
    Barrier, Condition, Event, Lazy, LifoQueue, Mutex, Notify, OnceCell, OwnedMutexGuard,
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, PriorityQueue, Queue, RwLock, RwLockWriteGuard,
    Semaphore, mpmc, mpsc, watch,
};

use allocator::allocations;

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Does `act` once to warm up, and then sees that it allocates nothing.
#[track_caller]
fn check(mut act: impl FnMut()) {
    act();
    let ((), count) = allocations(|| (0..100).for_each(|_| act()));
    assert_eq!(count, 0, "allocations in 100 rounds");
}

#[test]
fn the_count_counts() {
    let (boxed, count) = allocations(|| Box::new(7));
    assert_eq!((*boxed, count), (7, 1));
}

#[test]
fn locks_allocate_nothing() {
    let mutex = Mutex::new(0);
    let semaphore = Semaphore::new(2);
    check(|| {
        let mut first = pin!(mutex.lock());
        let mut second = pin!(mutex.lock());
        let Poll::Ready(guard) = poll(first.as_mut()) else {
            panic!("it is free");
        };
        assert!(poll(second.as_mut()).is_pending());
        drop(guard);
        assert!(poll(second).is_ready());

        let held = semaphore.try_acquire_many(2).unwrap();
        let mut one = pin!(semaphore.acquire());
        let mut gives_up = pin!(semaphore.acquire_many(2));
        assert!(poll(one.as_mut()).is_pending());
        assert!(poll(gives_up.as_mut()).is_pending());
        drop(held);
        assert!(poll(one).is_ready());
    });
}

#[test]
fn read_write_locks_allocate_nothing() {
    let lock = Arc::new(RwLock::new((0, 1)));
    check(|| {
        let held = lock.try_write().unwrap();
        let (mut read, mut write) = (pin!(lock.read()), pin!(lock.write()));
        assert!(poll(read.as_mut()).is_pending());
        assert!(poll(write.as_mut()).is_pending());
        let held = RwLockWriteGuard::downgrade(held);
        assert!(poll(read).is_ready());
        drop(held);
        assert!(poll(write).is_ready());

        let held = Arc::clone(&lock).try_write_owned().unwrap();
        let mut gives_up = pin!(Arc::clone(&lock).read_owned());
        assert!(poll(gives_up.as_mut()).is_pending());
        drop(OwnedRwLockWriteGuard::map(held, |pair| &mut pair.0));
    });
}

#[test]
fn guards_that_own_their_lock_allocate_nothing() {
    let mutex = Arc::new(Mutex::new((0, 1)));
    let lock = Arc::new(RwLock::new((0, 1)));
    let semaphore = Arc::new(Semaphore::new(1));
    check(|| {
        let held = Arc::clone(&mutex).try_lock_owned().unwrap();
        let held = OwnedMutexGuard::map(held, |pair| &mut pair.0);
        let mut wait = pin!(Arc::clone(&mutex).lock_owned());
        assert!(poll(wait.as_mut()).is_pending());
        drop(held);
        assert!(poll(wait).is_ready());

        let part = RwLockWriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.0);
        drop(part);
        let held = Arc::clone(&lock).try_read_owned().unwrap();
        drop(OwnedRwLockReadGuard::map(held, |pair| &pair.1));

        let permit = Arc::clone(&semaphore).try_acquire_owned().unwrap();
        let mut wait = pin!(Arc::clone(&semaphore).acquire_owned());
        assert!(poll(wait.as_mut()).is_pending());
        drop(permit);
        assert!(poll(wait).is_ready());
    });
}

#[test]
fn those_who_meet_allocate_nothing() {
    let (notify, event, barrier) = (Notify::new(), Event::new(), Barrier::new(3));
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    check(|| {
        let mut notified = pin!(notify.notified());
        let mut enabled = pin!(notify.notified());
        assert!(poll(notified.as_mut()).is_pending());
        assert!(!enabled.as_mut().enable());
        notify.notify_one();
        notify.notify_all();
        assert!(poll(notified).is_ready());
        assert!(poll(enabled).is_ready());

        let mut wait = pin!(event.wait());
        assert!(poll(wait.as_mut()).is_pending());
        event.set();
        event.clear();
        assert!(poll(wait).is_ready());

        let guard = mutex.try_lock().unwrap();
        let mut wait = pin!(condition.wait(guard));
        assert!(poll(wait.as_mut()).is_pending());
        condition.notify_one();
        assert!(poll(wait).is_ready());

        let guard = mutex.try_lock().unwrap();
        let mut looks = 0;
        let mut wait = pin!(condition.wait_while(guard, move |()| {
            looks += 1;
            looks < 3
        }));
        assert!(poll(wait.as_mut()).is_pending());
        condition.notify_one();
        assert!(poll(wait.as_mut()).is_pending());
        condition.notify_all();
        assert!(poll(wait).is_ready());

        let mut waits = pin!(barrier.wait());
        assert!(poll(waits.as_mut()).is_pending());
        barrier.reset();
        assert!(poll(waits).is_ready());
        let (mut one, mut two) = (pin!(barrier.wait()), pin!(barrier.wait()));
        assert!(poll(one.as_mut()).is_pending());
        assert!(poll(two.as_mut()).is_pending());
        assert!(poll(pin!(barrier.wait())).is_ready());
        assert!(poll(one).is_ready() && poll(two).is_ready());
    });
}

#[test]
fn those_who_wait_for_a_value_allocate_nothing() {
    let (tx, mut rx) = watch::channel(0);
    let mut other = rx.clone();
    check(|| {
        let next = *tx.borrow() + 1;
        let mut changed = pin!(rx.changed());
        let mut wait = pin!(other.wait_for(|value| *value == next));
        assert!(poll(changed.as_mut()).is_pending());
        assert!(poll(wait.as_mut()).is_pending());
        tx.send(next).unwrap();
        assert!(poll(changed).is_ready());
        assert!(poll(wait).is_ready());

        let cell = OnceCell::new();
        let mut wait = pin!(cell.wait());
        assert!(poll(wait.as_mut()).is_pending());
        assert!(poll(pin!(cell.get_or_init(async || 1))).is_ready());
        assert!(poll(wait).is_ready());
    });
    check(|| {
        let other = tx.subscribe();
        let mut closed = pin!(tx.closed());
        assert!(poll(closed.as_mut()).is_pending());
        drop(other);
    });
    let mut values = rx.into_stream();
    check(|| {
        assert!(poll(pin!(values.next())).is_pending());
        tx.send_modify(|value| *value += 1);
        assert!(poll(pin!(values.next())).is_ready());
    });
}

/// The future of a `Lazy` is one allocation, and the value none.
#[test]
fn a_lazy_value_is_waited_for_without_allocations() {
    let event = Event::new();
    let make = || Lazy::new(event.wait());
    let (mut lazies, count) = allocations(|| [(); 100].map(|()| make()));
    assert_eq!(count, 100);
    let ((), count) = allocations(|| {
        for lazy in &mut lazies {
            event.clear();
            let (mut first, mut second) = (pin!(lazy.force()), pin!(lazy.force()));
            assert!(poll(first.as_mut()).is_pending());
            assert!(poll(second.as_mut()).is_pending());
            event.set();
            assert!(poll(first).is_ready() && poll(second).is_ready());
        }
    });
    assert_eq!(count, 0);
}

/// One round with a queue of two, whatever its order.
macro_rules! check_queue {
    ($queue:ident) => {
        let queue = $queue::bounded(2);
        check(|| {
            let mut get = pin!(queue.get());
            assert!(poll(get.as_mut()).is_pending());
            queue.try_put(1).unwrap();
            let Poll::Ready(Ok(item)) = poll(get) else {
                panic!("it was handed over");
            };
            let mut join = pin!(queue.join());
            assert!(poll(join.as_mut()).is_pending());
            item.done();
            assert!(poll(join).is_ready());

            queue.try_put(1).unwrap();
            queue.try_put(2).unwrap();
            let mut put = pin!(queue.put(3));
            assert!(poll(put.as_mut()).is_pending());
            queue.try_get().unwrap().requeue().unwrap();
            for _ in 0..3 {
                drop(queue.try_get().unwrap());
            }
            assert!(poll(put).is_ready());
        });
    };
}

#[test]
fn queues_that_were_filled_once_allocate_nothing() {
    check_queue!(Queue);
    check_queue!(LifoQueue);
    check_queue!(PriorityQueue);
    let plain = Queue::unbounded().plain();
    check(|| {
        let mut get = pin!(plain.get());
        assert!(poll(get.as_mut()).is_pending());
        plain.try_put(1).unwrap();
        assert!(poll(get).is_ready());
        plain.task_done().unwrap();
    });
}

#[test]
fn channels_that_were_filled_once_allocate_nothing() {
    let (tx, mut rx) = mpsc::bounded(4);
    let (shared, receiver) = mpmc::bounded(4);
    let (meeting, met) = mpmc::rendezvous();
    let mut batch = Vec::with_capacity(8);
    let mut round = || {
        for number in 0..4 {
            assert!(poll(pin!(tx.send(number))).is_ready());
            assert!(poll(pin!(shared.send(number))).is_ready());
        }
        let (mut send, mut reserve) = (pin!(tx.send(4)), pin!(tx.reserve()));
        assert!(poll(send.as_mut()).is_pending());
        assert!(poll(reserve.as_mut()).is_pending());
        assert_eq!(poll(pin!(rx.recv())), Poll::Ready(Some(0)));
        assert_eq!(poll(pin!(rx.recv_many(&mut batch, 8))), Poll::Ready(4));
        assert!(poll(send).is_ready() && poll(reserve).is_ready());
        assert!(poll(pin!(rx.recv())).is_pending());

        assert_eq!(
            poll(pin!(receiver.recv_many(&mut batch, 8))),
            Poll::Ready(4)
        );
        let mut recv = pin!(receiver.recv());
        assert!(poll(recv.as_mut()).is_pending());
        shared.try_send(7).unwrap();
        assert_eq!(poll(recv), Poll::Ready(Some(7)));
        assert!(poll(pin!(shared.closed())).is_pending());

        let mut send = pin!(meeting.send(7));
        assert!(poll(send.as_mut()).is_pending());
        assert_eq!(poll(pin!(met.recv())), Poll::Ready(Some(7)));
        assert!(poll(send).is_ready());
        batch.clear();
    };
    // The receiver of an `mpsc` has two rings, which take turns.
    (0..4).for_each(|_| round());
    check(round);
}

#[test]
fn unbounded_channels_that_were_filled_once_allocate_nothing() {
    let (tx, mut rx) = mpsc::unbounded();
    let (shared, receiver) = mpmc::unbounded();
    let mut round = || {
        {
            let mut recv = pin!(rx.recv());
            assert!(poll(recv.as_mut()).is_pending());
            tx.send(1).unwrap();
            assert!(poll(recv).is_ready());
        }
        for number in 0..6 {
            tx.send(number).unwrap();
            shared.send(number).unwrap();
        }
        while rx.try_recv().is_ok() && receiver.try_recv().is_ok() {}
        assert!(poll(pin!(rx.next())).is_pending());
        let mut recv = pin!(receiver.recv());
        assert!(poll(recv.as_mut()).is_pending());
        shared.send(1).unwrap();
        assert!(poll(recv).is_ready());
    };
    (0..4).for_each(|_| round());
    check(round);
}

#[test]
fn rendezvous_and_streams_allocate_nothing() {
    let (tx, mut rx) = mpsc::rendezvous();
    let (shared, receiver) = mpmc::unbounded();
    let (radio, mut listener) = broadcast::channel(4);
    let mut round = || {
        let mut send = pin!(tx.send(1));
        assert!(poll(send.as_mut()).is_pending());
        assert!(poll(pin!(rx.recv())).is_ready());
        assert!(poll(send).is_ready());

        let mut messages = pin!(receiver.stream());
        assert!(poll(pin!(messages.next())).is_pending());
        shared.send(1).unwrap();
        assert!(poll(pin!(messages.next())).is_ready());

        let mut messages = pin!(listener.stream());
        assert!(poll(pin!(messages.next())).is_pending());
        radio.send(1_u64).unwrap();
        assert!(poll(pin!(messages.next())).is_ready());
    };
    (0..8).for_each(|_| round());
    check(round);
}

#[test]
fn an_empty_channel_is_as_large_as_it_says() {
    #[track_caller]
    fn check<T>(make: impl FnOnce() -> T) {
        let (_ends, bytes) = allocator::bytes_of(make);
        assert_eq!(bytes, 152);
    }
    check(|| mpsc::bounded::<u64>(1000));
    check(mpsc::unbounded::<u64>);
    check(mpsc::rendezvous::<u64>);
    check(|| mpmc::bounded::<u64>(1000));
    check(mpmc::unbounded::<u64>);
    check(mpmc::rendezvous::<u64>);
    // Whatever is sent, and however large it is.
    check(|| mpsc::bounded::<[u64; 100]>(1000));
    check(mpmc::unbounded::<()>);
}

#[test]
fn a_broadcast_that_was_filled_once_allocates_nothing() {
    fn rounds<T: Clone>(message: T) {
        let (tx, mut rx) = broadcast::channel(5);
        let mut other = rx.resubscribe();
        let fill = |rx: &mut Receiver<T>, other: &mut Receiver<T>| {
            // The oldest two are overwritten.
            (0..7).for_each(|_| drop(tx.send(message.clone())));
            assert!(rx.try_recv().is_err() && other.try_recv().is_err());
            for _ in 0..5 {
                assert!(rx.try_recv().is_ok() && poll(pin!(other.recv())).is_ready());
            }
            let mut wait = pin!(rx.recv());
            assert!(poll(wait.as_mut()).is_pending());
            drop(tx.send(message.clone()));
            assert!(poll(wait).is_ready() && other.try_recv().is_ok());
        };
        (0..8).for_each(|_| fill(&mut rx, &mut other));
        check(|| fill(&mut rx, &mut other));
    }
    rounds(7_u64);
    rounds(Arc::new(7));
}

#[test]
fn an_empty_broadcast_is_as_large_as_it_says() {
    let (_ends, bytes) = allocator::bytes_of(|| broadcast::channel::<[u64; 100]>(1000));
    assert_eq!(bytes, 152);
}

#[test]
fn a_watched_value_and_a_queue_are_as_large_as_they_say() {
    let (_ends, bytes) = allocator::bytes_of(|| watch::channel(0_u64));
    assert_eq!(bytes, 104);
    let (_ends, more) = allocator::bytes_of(|| watch::channel([0_u64; 100]));
    assert_eq!(more, 104 + 99 * 8, "the value lies in it");
    let (_queue, bytes) = allocator::bytes_of(|| Queue::<[u64; 100]>::bounded(1000));
    assert_eq!(bytes, 176);
    let (_queue, bytes) = allocator::bytes_of(LifoQueue::<u64>::unbounded);
    assert_eq!(bytes, 168);
    let (_queue, bytes) = allocator::bytes_of(PriorityQueue::<u64>::unbounded);
    assert_eq!(bytes, 248);
}

#[test]
fn blocking_allocates_nothing() {
    let mutex = Mutex::new(0);
    check(|| *mutex.lock_blocking() += 1);
}
