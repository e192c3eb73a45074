//! Whoever was granted what it waited for completes at its next poll, whatever the budget.

mod support;

use std::future::Future;
use std::sync::Arc;

use futures_lite::StreamExt;
use hob_core::budget::BUDGET_PER_POLL;
use hob_core::context::{self, Local, Role};
use hob_core::env::Parts;
use hob_core::task::Occupant;
use hob_core::{Env, TaskLabel, TaskSlot};
use hob_sync::{
    Barrier, Condition, Event, Lazy, LifoQueue, Mutex, Notify, OnceCell, PriorityQueue, Queue,
    RwLock, Semaphore, broadcast, mpmc, mpsc, oneshot, watch,
};

use support::{Counter, poll, poll_once, poll_with};

/// Runs `inside` as one poll of a task that has used its budget up.
fn in_a_task_without_budget<R>(inside: impl FnOnce() -> R) -> R {
    let env = Arc::new(Env::new(Parts::default()));
    let slot: &'static TaskSlot = Box::leak(Box::new(TaskSlot::new()));
    slot.occupy(Occupant {
        label: TaskLabel::new(None, std::panic::Location::caller()),
        parent: None,
        env: env.id(),
    });
    let local = Local::new(&env, Role::Worker);
    let inside = || {
        let free = Semaphore::new(1);
        while poll_once(free.acquire()).is_ready() {}
        inside()
    };
    context::enter(&local, || local.in_task(slot, inside))
}

/// Lets `wait` wait, and then be granted by `serve`.
#[track_caller]
fn check<F: Future>(wait: F, serve: impl FnOnce()) {
    let (counter, waker) = Counter::new();
    let mut wait = Box::pin(wait);
    assert!(poll_with(&mut wait, &waker).is_pending());
    assert_eq!(counter.wakes(), 0, "it waits, and not for a turn");
    serve();
    assert_eq!(counter.wakes(), 1);
    let second = in_a_task_without_budget(|| poll_with(&mut wait, &waker).is_ready());
    assert!(second, "it was granted");
}

#[test]
fn the_budget_is_used_up() {
    in_a_task_without_budget(|| {
        let mutex = Mutex::new(());
        assert!(poll_once(mutex.lock()).is_pending(), "a newcomer yields");
    });
    let free = Semaphore::new(1);
    for _ in 0..=BUDGET_PER_POLL {
        assert!(poll_once(free.acquire()).is_ready(), "here there is none");
    }
}

#[test]
fn those_who_wait_for_a_lock() {
    let mutex = Arc::new(Mutex::new(()));
    let held = mutex.try_lock().unwrap();
    check(mutex.lock(), || drop(held));
    let held = mutex.try_lock().unwrap();
    check(Arc::clone(&mutex).lock_owned(), || drop(held));

    let lock = Arc::new(RwLock::new(()));
    let held = lock.try_write().unwrap();
    check(lock.read(), || drop(held));
    let held = lock.try_read().unwrap();
    check(lock.write(), || drop(held));
    let held = lock.try_write().unwrap();
    check(Arc::clone(&lock).read_owned(), || drop(held));
    let held = lock.try_write().unwrap();
    check(Arc::clone(&lock).write_owned(), || drop(held));

    let semaphore = Arc::new(Semaphore::new(0));
    let gives = || semaphore.add_permits(2).unwrap();
    check(semaphore.acquire(), gives);
    check(semaphore.acquire_many(4), gives);
    check(Arc::clone(&semaphore).acquire_many_owned(6), gives);
    check(semaphore.acquire_many(9), || semaphore.close());
}

#[test]
fn those_who_wait_to_be_told() {
    let notify = Notify::new();
    check(notify.notified(), || notify.notify_one());
    check(notify.notified(), || notify.notify_all());

    let event = Event::new();
    check(event.wait(), || {
        event.set();
        event.clear();
    });

    let barrier = Barrier::new(2);
    check(barrier.wait(), || {
        assert!(poll_once(barrier.wait()).is_ready());
    });
    check(barrier.wait(), || barrier.reset());
    check(barrier.wait(), || barrier.abort());

    let (mutex, condition) = (Mutex::new(0), Condition::new());
    check(condition.wait(mutex.try_lock().unwrap()), || {
        condition.notify_one();
    });
    let mut looks = 0;
    let second_look = |_: &mut i32| {
        looks += 1;
        looks < 2
    };
    let guard = mutex.try_lock().unwrap();
    check(condition.wait_while(guard, second_look), || {
        condition.notify_all();
    });
}

#[test]
fn those_who_wait_for_a_value() {
    let cell = OnceCell::new();
    check(cell.wait(), || cell.set(1).unwrap());
    let cell = OnceCell::new();
    let mut first = Box::pin(cell.get_or_init(std::future::pending));
    assert!(poll(&mut first).is_pending());
    check(cell.get_or_init(async || 1), || drop(first));

    let event = Event::new();
    let lazy = Lazy::new(event.wait());
    let mut first = Box::pin(lazy.force());
    assert!(poll(&mut first).is_pending());
    check(lazy.force(), || {
        event.set();
        assert!(poll(&mut first).is_ready());
    });

    let (tx, mut rx) = watch::channel(0);
    check(rx.changed(), || tx.send(1).unwrap());
    check(rx.wait_for(|value| *value == 2), || tx.send(2).unwrap());
    check(Box::pin(rx.into_stream()).next(), || tx.send(3).unwrap());
    let rx = tx.subscribe();
    check(tx.closed(), || drop(rx));

    let (tx, rx) = oneshot::channel();
    check(rx, || tx.send(1).unwrap());
    let (mut tx, rx) = oneshot::channel::<u8>();
    check(tx.closed(), || drop(rx));
}

#[test]
fn those_who_wait_at_an_end_of_a_channel() {
    let (tx, mut rx) = mpsc::bounded(1);
    let gives = || tx.try_send(1).unwrap();
    check(rx.recv(), gives);
    check(rx.recv_many(&mut Vec::new(), 4), gives);
    check(rx.next(), gives);
    gives();
    check(tx.send(2), || assert!(rx.try_recv().is_ok()));
    check(tx.reserve(), || assert!(rx.try_recv().is_ok()));
    gives();
    check(tx.clone().reserve_owned(), || {
        assert!(rx.try_recv().is_ok());
    });
    check(tx.closed(), || drop(rx));

    let (tx, mut rx) = mpsc::rendezvous();
    check(tx.send(1), || assert_eq!(rx.try_recv(), Ok(1)));
    check(rx.recv(), || tx.try_send(1).unwrap());

    let (tx, rx) = mpmc::bounded(1);
    let gives = || tx.try_send(1).unwrap();
    check(rx.recv(), gives);
    check(rx.recv_many(&mut Vec::new(), 4), gives);
    check(Box::pin(rx.stream()).next(), gives);
    gives();
    check(tx.send(2), || assert!(rx.try_recv().is_ok()));
    check(tx.closed(), || rx.close());

    let (tx, rx) = mpmc::rendezvous();
    check(tx.send(1), || assert_eq!(rx.try_recv(), Ok(1)));
    check(rx.recv(), || tx.try_send(1).unwrap());
    check(rx.recv(), || drop(tx));
}

#[test]
fn those_who_wait_at_an_end_of_a_broadcast() {
    let (tx, mut rx) = broadcast::channel(2);
    let gives = || assert_eq!(tx.send(1), Ok(1));
    check(rx.recv(), gives);
    check(Box::pin(rx.stream()).next(), gives);
    check(tx.closed(), || drop(rx));

    let (tx, mut rx) = broadcast::channel(2);
    check(rx.recv(), || drop(tx.send(Arc::new(1))));
    check(rx.recv(), || drop(tx));
}

#[test]
fn those_who_wait_at_a_queue() {
    let queue = Queue::bounded(1);
    check(queue.get(), || queue.try_put(1).unwrap());
    check(queue.plain().get(), || queue.try_put(1).unwrap());
    queue.plain().task_done().unwrap();
    queue.try_put(1).unwrap();
    check(queue.put(2), || drop(queue.try_get()));
    let item = queue.try_get().unwrap();
    check(queue.join(), || item.done());
    check(queue.get(), || queue.close());

    let stack = LifoQueue::bounded(1);
    check(stack.get(), || stack.try_put(1).unwrap());
    let heap = PriorityQueue::bounded(1);
    check(heap.get(), || heap.try_put(1).unwrap());
}
