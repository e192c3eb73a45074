//! In a task, what never waits yields now and then; who was granted something completes at once.

mod support;

use std::sync::Arc;
use std::task::Poll;

use futures_lite::StreamExt;
use hob_core::budget::BUDGET_PER_POLL;
use hob_core::context::{self, Local, Role};
use hob_core::env::Parts;
use hob_core::task::Occupant;
use hob_core::{Env, TaskLabel, TaskSlot};
use hob_sync::{Mutex, Queue, Semaphore, mpsc};

use support::{Counter, poll, poll_once, poll_with};

/// Runs `inside` as one poll of a task named "waiter".
fn in_task<R>(inside: impl FnOnce() -> R) -> (R, &'static TaskSlot, u64) {
    let env = Arc::new(Env::new(Parts::default()));
    let slot: &'static TaskSlot = Box::leak(Box::new(TaskSlot::new()));
    slot.occupy(Occupant {
        label: TaskLabel::new(Some("waiter".into()), std::panic::Location::caller()),
        parent: None,
        env: env.id(),
    });
    let local = Local::new(&env, Role::Worker);
    let result = context::enter(&local, || local.in_task(slot, inside));
    (result, slot, env.id())
}

/// Uses the whole budget up, with operations that do not wait.
fn exhaust() {
    let semaphore = Semaphore::new(1);
    for _ in 0..BUDGET_PER_POLL {
        assert!(poll_once(semaphore.acquire()).is_ready());
    }
}

#[test]
fn a_run_of_completions_ends_and_the_task_is_woken() {
    let (counter, waker) = Counter::new();
    in_task(|| {
        let (tx, mut rx) = mpsc::unbounded();
        for number in 0..2 * BUDGET_PER_POLL {
            tx.send(number).unwrap();
        }
        for number in 0..BUDGET_PER_POLL {
            assert_eq!(poll_once(rx.recv()), Poll::Ready(Some(number)));
        }
        assert!(poll_with(&mut rx.recv(), &waker).is_pending());
    });
    assert_eq!(counter.wakes(), 1);
}

#[test]
fn a_granted_waiter_completes_whatever_the_budget() {
    in_task(|| {
        let mutex = Mutex::new(());
        let queue = Queue::unbounded();
        let (tx, mut rx) = mpsc::bounded(1);
        let held = mutex.try_lock().unwrap();
        let mut lock = Box::pin(mutex.lock());
        let mut get = Box::pin(queue.get());
        let mut recv = rx.recv();
        assert!(poll(&mut lock).is_pending());
        assert!(poll(&mut get).is_pending());
        assert!(poll(&mut recv).is_pending());
        drop(held);
        queue.try_put(1).unwrap();
        tx.try_send(1).unwrap();
        exhaust();
        assert!(poll_once(mutex.lock()).is_pending());
        assert!(poll(&mut lock).is_ready());
        assert!(poll(&mut get).is_ready());
        assert!(poll(&mut recv).is_ready());
    });
}

#[test]
fn a_newcomer_without_budget_joins_the_line_of_what_is_taken() {
    in_task(|| {
        let mutex = Mutex::new(());
        let held = mutex.try_lock().unwrap();
        let (counter, waker) = Counter::new();
        exhaust();
        let mut first = Box::pin(mutex.lock());
        assert!(poll_with(&mut first, &waker).is_pending());
        assert_eq!(counter.wakes(), 0, "it waits for the lock, not for a turn");
        let mut second = Box::pin(mutex.lock());
        assert!(poll(&mut second).is_pending());
        drop(held);
        assert_eq!(counter.wakes(), 1);
        assert!(poll(&mut second).is_pending(), "nobody overtakes the first");
        assert!(poll(&mut first).is_ready());
    });
}

#[test]
fn a_newcomer_without_budget_yields_before_what_is_free_as_if_it_had_not_asked() {
    in_task(|| {
        let mutex = Mutex::new(());
        let (counter, waker) = Counter::new();
        exhaust();
        let mut first = Box::pin(mutex.lock());
        assert!(poll_with(&mut first, &waker).is_pending());
        assert_eq!(counter.wakes(), 1, "it is polled again");
        assert_eq!(mutex.statistics().waiting, 0);
        drop(mutex.try_lock().expect("it holds nothing"));
    });
}

#[test]
fn a_newcomer_without_budget_is_woken_once() {
    in_task(|| {
        let queue = Queue::unbounded();
        let (tx, _rx) = mpsc::bounded(1);
        exhaust();
        let (counter, waker) = Counter::new();
        assert!(poll_with(&mut tx.send(1), &waker).is_pending());
        assert_eq!(counter.wakes(), 1);
        assert!(poll_with(&mut queue.put(1), &waker).is_pending());
        assert_eq!(counter.wakes(), 2);
    });
}

#[test]
fn a_newcomer_without_budget_that_is_dropped_loses_nothing() {
    in_task(|| {
        let queue = Queue::unbounded();
        queue.try_put(1).unwrap();
        exhaust();
        assert!(poll_once(queue.get()).is_pending());
        assert_eq!(queue.try_get().unwrap().into_inner(), 1);

        let (tx, mut rx) = mpsc::bounded(1);
        assert!(poll_once(tx.send(1)).is_pending());
        assert!(tx.is_empty());
        tx.try_send(2).unwrap();
        assert_eq!(rx.try_recv(), Ok(2));
    });
}

#[test]
fn a_dump_shows_what_a_task_waits_for_and_where() {
    let ((), slot, env) = in_task(|| {
        let mutex = Mutex::new(());
        let _held = mutex.try_lock().unwrap();
        assert!(poll_once(mutex.lock()).is_pending());
    });
    let wait = slot.snapshot(env).unwrap().wait.unwrap();
    assert_eq!(wait.what, "Mutex::lock");
    assert!(wait.place.file().ends_with("tests/budget.rs"), "{wait:?}");
}

#[test]
fn a_stream_of_messages_is_on_record_with_the_place_of_its_channel() {
    let line = line!() + 1;
    let (_tx, mut rx) = mpsc::unbounded::<u8>();
    let ((), slot, env) = in_task(|| assert!(poll_once(rx.next()).is_pending()));
    let wait = slot.snapshot(env).unwrap().wait.unwrap();
    assert_eq!(wait.what, "mpsc::Receiver");
    assert!(wait.place.file().ends_with("tests/budget.rs"), "{wait:?}");
    assert_eq!(wait.place.line(), line);
}

#[test]
#[should_panic(expected = "\"waiter\"")]
fn a_blocking_twin_on_a_worker_panics_and_names_the_task() {
    in_task(|| drop(Mutex::new(()).lock_blocking()));
}

#[test]
fn every_blocking_twin_panics_on_a_worker() {
    fn refuses<R>(what: &str, act: impl FnOnce() -> R) {
        let ((), ..) = in_task(|| {
            let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)) else {
                panic!("{what} must not block");
            };
            let message = hob_core::panic::message(&panic);
            assert!(
                message.contains(what) && message.contains("budget.rs"),
                "{message}"
            );
        });
    }
    let semaphore = Semaphore::new(1);
    let (tx, mut rx) = mpsc::bounded(1);
    let (_one, once) = hob_sync::oneshot::channel::<u8>();
    let queue = Queue::unbounded();
    refuses("Semaphore::acquire_blocking", || {
        semaphore.acquire_blocking().is_ok()
    });
    refuses("mpsc::Sender::send_blocking", || tx.send_blocking(1));
    refuses("mpsc::Receiver::recv_blocking", || rx.recv_blocking());
    refuses("oneshot::Receiver::recv_blocking", || once.recv_blocking());
    refuses("Queue::put_blocking", || queue.put_blocking(1));
    refuses("Queue::get_blocking", || queue.get_blocking());
    refuses("Queue::join_blocking", || queue.join_blocking());
}

#[test]
fn a_blocking_twin_works_where_blocking_is_allowed() {
    let env = Arc::new(Env::new(Parts::default()));
    let local = Local::new(&env, Role::Guest);
    context::enter(&local, || assert_eq!(*Mutex::new(1).lock_blocking(), 1));
}
