//! In a task, what never waits yields now and then; who was granted something completes at once.

mod support;

use std::cell::Cell;
use std::sync::Arc;
use std::task::Poll;

use futures_lite::StreamExt;
use hob_core::budget::BUDGET_PER_POLL;
use hob_core::context::{self, Local, Role};
use hob_core::env::Parts;
use hob_core::task::Occupant;
use hob_core::{Env, TaskLabel, TaskSlot};
use hob_sync::{Barrier, Condition, Event, Mutex, Notify, Queue, Semaphore, mpmc, mpsc};

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
        assert!(poll_with(&mut Box::pin(tx.send(1)), &waker).is_pending());
        assert_eq!(counter.wakes(), 1);
        assert!(poll_with(&mut Box::pin(queue.put(1)), &waker).is_pending());
        assert_eq!(counter.wakes(), 2);
    });
}

#[test]
fn a_send_and_a_receive_that_wait_complete_whatever_the_budget() {
    in_task(|| {
        let (tx, rx) = mpmc::bounded(1);
        exhaust();
        let mut recv = Box::pin(rx.recv());
        let (counter, waker) = Counter::new();
        assert!(poll_with(&mut recv, &waker).is_pending());
        assert_eq!(
            counter.wakes(),
            0,
            "it waits for a message, not for a turn to run"
        );
        tx.try_send(1).unwrap();
        assert_eq!(poll(&mut recv), Poll::Ready(Some(1)));
        tx.try_send(2).unwrap();
        let mut send = Box::pin(tx.send(3));
        assert!(poll(&mut send).is_pending());
        assert_eq!(rx.try_recv(), Ok(2));
        assert_eq!(poll(&mut send), Poll::Ready(Ok(())));
        assert!(poll_once(rx.recv()).is_pending(), "a newcomer yields");
        assert_eq!(rx.try_recv(), Ok(3));
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
fn a_oneshot_without_budget_yields_when_it_is_ready_and_waits_when_it_is_not() {
    in_task(|| {
        let (tx, mut rx) = hob_sync::oneshot::channel();
        let (counter, waker) = Counter::new();
        exhaust();
        assert!(poll_with(&mut rx, &waker).is_pending());
        assert_eq!(counter.wakes(), 0, "there is nothing to come back for yet");
        tx.send(7).unwrap();
        assert_eq!(counter.wakes(), 1);
        assert_eq!(poll(&mut rx), Poll::Ready(Ok(7)), "it was granted");

        let (tx, mut rx) = hob_sync::oneshot::channel();
        tx.send(7).unwrap();
        assert!(poll_with(&mut rx, &waker).is_pending());
        assert_eq!(counter.wakes(), 2);
        assert_eq!(rx.try_recv(), Ok(7), "nothing is lost");
    });
}

#[test]
fn those_who_meet_without_budget_yield_as_if_they_had_not_asked() {
    fn yields(future: impl Future) {
        let (counter, waker) = Counter::new();
        assert!(poll_with(&mut Box::pin(future), &waker).is_pending());
        assert_eq!(counter.wakes(), 1);
    }
    in_task(|| {
        let (notify, event, barrier) = (Notify::new(), Event::from(true), Barrier::new(1));
        let (mutex, condition) = (Mutex::new(()), Condition::new());
        let guard = mutex.try_lock().unwrap();
        notify.notify_one();
        exhaust();
        yields(notify.notified());
        assert!(notify.statistics().is_kept);
        yields(event.wait());
        yields(barrier.wait());
        barrier.abort();
        yields(barrier.wait());
        yields(condition.wait_while(guard, |()| false));
        let mut wait = Box::pin(condition.wait(mutex.try_lock().unwrap()));
        assert!(poll(&mut wait).is_pending());
        assert_eq!(condition.statistics().waiting, 1, "it waits all the same");
    });
}

#[test]
fn each_meeting_that_needs_no_wait_costs_of_the_budget() {
    fn ends<F: Future>(make: impl Fn() -> F) {
        in_task(|| {
            let made = (0..=BUDGET_PER_POLL).take_while(|_| poll_once(make()).is_ready());
            assert_eq!(made.count(), BUDGET_PER_POLL as usize);
        });
    }
    let (notify, event, barrier) = (Notify::new(), Event::from(true), Barrier::new(1));
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    ends(|| {
        notify.notify_one();
        notify.notified()
    });
    ends(|| event.wait());
    ends(|| barrier.wait());
    ends(|| condition.wait_while(mutex.try_lock().unwrap(), |()| false));
    barrier.abort();
    ends(|| barrier.wait());
}

#[test]
fn a_dump_shows_where_a_task_waits_at_a_condition_and_for_its_mutex() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let guard = mutex.try_lock().unwrap();
    let line = line!() + 1;
    let mut wait = Box::pin(condition.wait_while(guard, |()| true));
    let mut waits_for = || {
        let ((), slot, env) = in_task(|| assert!(poll(&mut wait).is_pending()));
        let wait = slot.snapshot(env).unwrap().wait.unwrap();
        assert!(wait.place.file().ends_with("tests/budget.rs"), "{wait:?}");
        assert_eq!(wait.place.line(), line);
        wait.what
    };
    assert_eq!(waits_for(), "Condition::wait_while");
    let held = mutex.try_lock().unwrap();
    condition.notify_one();
    assert_eq!(waits_for(), "Mutex::lock");
    drop(held);
    assert_eq!(waits_for(), "Condition::wait_while");
}

#[test]
fn who_looks_at_a_value_again_and_again_yields() {
    let cell = hob_sync::OnceCell::from(1);
    let (tx, mut rx) = hob_sync::watch::channel(0);
    tx.send(1).unwrap();
    let (counter, waker) = Counter::new();
    in_task(|| {
        for _ in 0..BUDGET_PER_POLL {
            assert!(poll_once(rx.wait_for(|value| *value == 1)).is_ready());
        }
        assert!(poll_with(&mut Box::pin(rx.wait_for(|_| true)), &waker).is_pending());
        assert!(poll_with(&mut Box::pin(cell.wait()), &waker).is_pending());
        tx.send(2).unwrap();
        assert!(poll_with(&mut Box::pin(rx.changed()), &waker).is_pending());
        assert_eq!(rx.has_changed(), Ok(true), "it was not told");
    });
    assert_eq!(counter.wakes(), 3);
    let (polls, ..) = in_task(|| {
        let runs = || poll_once(cell.get_or_init(async || 2)).is_ready();
        (0..=BUDGET_PER_POLL).filter(|_| runs()).count()
    });
    assert_eq!(polls, BUDGET_PER_POLL as usize);
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
    refuses("Semaphore::acquire_many_blocking", || {
        semaphore.acquire_many_blocking(1).is_ok()
    });
    let semaphore = Arc::new(semaphore);
    refuses("Semaphore::acquire_owned_blocking", || {
        Arc::clone(&semaphore).acquire_owned_blocking().is_ok()
    });
    refuses("Semaphore::acquire_many_owned_blocking", || {
        let semaphore = Arc::clone(&semaphore);
        semaphore.acquire_many_owned_blocking(1).is_ok()
    });
    let mutex = Arc::new(Mutex::new(()));
    refuses("Mutex::lock_blocking", || drop(mutex.lock_blocking()));
    refuses("Mutex::lock_owned_blocking", || {
        drop(Arc::clone(&mutex).lock_owned_blocking());
    });
    let lock = Arc::new(hob_sync::RwLock::new(()));
    refuses("RwLock::read_blocking", || drop(lock.read_blocking()));
    refuses("RwLock::write_blocking", || drop(lock.write_blocking()));
    refuses("RwLock::read_owned_blocking", || {
        drop(Arc::clone(&lock).read_owned_blocking());
    });
    refuses("RwLock::write_owned_blocking", || {
        drop(Arc::clone(&lock).write_owned_blocking());
    });
    refuses("mpsc::Sender::send_blocking", || tx.send_blocking(1));
    refuses("mpsc::Receiver::recv_blocking", || rx.recv_blocking());
    let mut batch = Vec::new();
    refuses("mpsc::Receiver::recv_many_blocking", || {
        rx.recv_many_blocking(&mut batch, 1)
    });
    let (tx, rx) = mpmc::bounded(1);
    refuses("mpmc::Sender::send_blocking", || tx.send_blocking(1));
    refuses("mpmc::Receiver::recv_blocking", || rx.recv_blocking());
    refuses("mpmc::Receiver::recv_many_blocking", || {
        rx.recv_many_blocking(&mut batch, 1)
    });
    let (_broadcast, mut listener) = hob_sync::broadcast::channel::<u8>(1);
    refuses("broadcast::Receiver::recv_blocking", || {
        listener.recv_blocking()
    });
    let (watched, mut watcher) = hob_sync::watch::channel(0);
    refuses("watch::Receiver::changed_blocking", || {
        watcher.changed_blocking()
    });
    refuses("watch::Receiver::wait_for_blocking", || {
        watcher.wait_for_blocking(|_| true).is_ok()
    });
    refuses("watch::Sender::closed_blocking", || {
        watched.closed_blocking();
    });
    let cell = hob_sync::OnceCell::from(1);
    refuses("OnceCell::wait_blocking", || *cell.wait_blocking());
    refuses("OnceCell::get_or_init_blocking", || {
        *cell.get_or_init_blocking(|| 2)
    });
    let lazy = hob_sync::Lazy::new(async { 1 });
    refuses("Lazy::force_blocking", || *lazy.force_blocking());
    refuses("oneshot::Receiver::recv_blocking", || once.recv_blocking());
    refuses("Queue::put_blocking", || queue.put_blocking(1));
    refuses("Queue::get_blocking", || queue.get_blocking());
    refuses("Queue::join_blocking", || queue.join_blocking());
    let mutex = Mutex::new(());
    let condition = Condition::new();
    refuses("Notify::notified_blocking", || {
        Notify::new().notified_blocking();
    });
    refuses("Event::wait_blocking", || Event::new().wait_blocking());
    refuses("Barrier::wait_blocking", || Barrier::new(1).wait_blocking());
    refuses("Condition::wait_blocking", || {
        condition.wait_blocking(mutex.try_lock().expect("it was unlocked"))
    });
    refuses("Condition::wait_while_blocking", || {
        condition.wait_while_blocking(mutex.try_lock().expect("it was unlocked"), |()| false)
    });
    let plain = queue.plain();
    refuses("PlainQueue::get_blocking", || plain.get_blocking());
    let stack = hob_sync::LifoQueue::unbounded();
    refuses("LifoQueue::put_blocking", || stack.put_blocking(1));
    refuses("LifoQueue::get_blocking", || stack.get_blocking());
    refuses("LifoQueue::join_blocking", || stack.join_blocking());
    let sorted = hob_sync::PriorityQueue::unbounded();
    refuses("PriorityQueue::put_blocking", || sorted.put_blocking(1));
    refuses("PriorityQueue::get_blocking", || sorted.get_blocking());
    refuses("PriorityQueue::join_blocking", || sorted.join_blocking());
}

#[test]
fn a_blocking_twin_works_where_blocking_is_allowed() {
    let env = Arc::new(Env::new(Parts::default()));
    let local = Local::new(&env, Role::Guest);
    context::enter(&local, || assert_eq!(*Mutex::new(1).lock_blocking(), 1));
}

#[test]
fn who_yielded_before_what_is_free_takes_it_in_the_tasks_next_poll() {
    let mutex = Mutex::new(());
    let mut lock = Box::pin(mutex.lock());
    let env = Arc::new(Env::new(Parts::default()));
    let local = Local::new(&env, Role::Worker);
    context::enter(&local, || {
        local.in_main(|| {
            exhaust();
            assert!(poll(&mut lock).is_pending());
            assert!(poll(&mut lock).is_pending(), "spent stays spent");
        });
        local.in_main(|| {
            exhaust();
            assert!(poll(&mut lock).is_ready(), "others in the task used it up");
        });
    });
}

#[test]
fn wait_while_without_a_budget_yields_before_it_looks() {
    let mutex = Mutex::new(vec!["second", "first"]);
    let (condition, job) = (Condition::new(), Cell::new(None));
    let mut wait = Box::pin(condition.wait_while(mutex.try_lock().unwrap(), |jobs| {
        job.set(jobs.pop());
        job.get().is_none()
    }));
    let (counter, waker) = Counter::new();
    let env = Arc::new(Env::new(Parts::default()));
    let local = Local::new(&env, Role::Worker);
    context::enter(&local, || {
        local.in_main(|| {
            exhaust();
            for wakes in 1..3 {
                assert!(poll_with(&mut wait, &waker).is_pending());
                assert_eq!((job.get(), counter.wakes()), (None, wakes));
            }
        });
        local.in_main(|| {
            exhaust();
            let Poll::Ready(guard) = poll_with(&mut wait, &waker) else {
                panic!("others in the task used it up");
            };
            assert_eq!((job.get(), guard.len()), (Some("first"), 1));
        });
    });
}

#[test]
fn wait_while_costs_what_completes_and_nothing_else() {
    in_task(|| {
        let (mutex, condition) = (Mutex::new(0), Condition::new());
        for _ in 0..2 * BUDGET_PER_POLL {
            let guard = mutex.try_lock().unwrap();
            assert!(poll_once(condition.wait_while(guard, |_| true)).is_pending());
        }
        for round in 0..=BUDGET_PER_POLL {
            let guard = mutex.try_lock().unwrap();
            let is_ready = poll_once(condition.wait_while(guard, |_| false)).is_ready();
            assert_eq!(is_ready, round < BUDGET_PER_POLL);
        }
    });
}

#[test]
fn who_was_notified_locks_again_whatever_the_budget() {
    in_task(|| {
        let (mutex, condition) = (Mutex::new(()), Condition::new());
        let mut waits = Box::pin(condition.wait(mutex.try_lock().unwrap()));
        assert!(poll(&mut waits).is_pending());
        exhaust();
        condition.notify_one();
        let Poll::Ready(guard) = poll(&mut waits) else {
            panic!("the mutex is free");
        };
        drop(guard);
        let mut lock = Box::pin(mutex.lock());
        assert!(
            poll(&mut lock).is_pending(),
            "the budget is as spent as before"
        );
    });
}

#[test]
fn a_blocking_twin_has_no_budget() {
    let env = Arc::new(Env::new(Parts::default()));
    let local = Local::new(&env, Role::Guest);
    context::enter(&local, || {
        local.in_main(|| {
            let mutex = Mutex::new(0);
            for _ in 0..2 * BUDGET_PER_POLL {
                *mutex.lock_blocking() += 1;
            }
            assert_eq!(mutex.into_inner(), 2 * BUDGET_PER_POLL);
        });
    });
}
