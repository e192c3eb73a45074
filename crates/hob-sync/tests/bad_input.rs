//! What a primitive makes of numbers that cannot be and of calls that come too late: an error that
//! gives back what it was given, or a panic at construction with a sentence that says what to do.

mod support;

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::task::Poll;

use hob_core::panic::message;
use hob_sync::mpsc::{SendError, TrySendError};
use hob_sync::once_cell::SetError;
use hob_sync::queue::{GetError, PutError, TaskDoneError, TryGetError, TryPutError};
use hob_sync::semaphore::{AcquireError, TryAcquireError};
use hob_sync::{
    Barrier, Condition, LifoQueue, Mutex, OnceCell, PriorityQueue, Queue, RwLock, Semaphore,
    broadcast, mpmc, mpsc, oneshot, watch,
};

use support::{Counter, poll_once, poll_with};

thread_local! {
    /// Where this thread panicked last.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Sees that `make` panics, with `sentence`, at the place of the call.
#[track_caller]
fn refused<T>(make: impl FnOnce() -> T, sentence: &str) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PLACE.set(info.location().map(ToString::to_string).unwrap_or_default());
            before(info);
        }));
    });
    let made = catch_unwind(AssertUnwindSafe(|| drop(make())));
    let panic = made.expect_err("it must be refused");
    assert!(message(&panic).contains(sentence), "{}", message(&panic));
    let place = PLACE.take();
    assert!(
        place.contains("bad_input.rs"),
        "{place} is no place of ours"
    );
}

#[test]
fn no_room_at_all_is_refused() {
    let channel = "at least one message";
    refused(|| mpsc::bounded::<u8>(0), channel);
    refused(|| mpmc::bounded::<u8>(0), channel);
    refused(|| mpsc::bounded::<u8>(0), "`rendezvous`");
    refused(|| mpmc::bounded::<u8>(0), "`rendezvous`");
    refused(|| broadcast::channel::<u8>(0), channel);
    let queue = "at least one value";
    refused(|| Queue::<u8>::bounded(0), queue);
    refused(|| LifoQueue::<u8>::bounded(0), queue);
    refused(|| PriorityQueue::<u8>::bounded(0), queue);
    refused(|| Barrier::new(0), "one party at least");
    refused(|| RwLock::with_max_readers((), 0), "without readers");
}

#[test]
fn more_than_can_be_is_refused() {
    refused(|| Semaphore::new(usize::MAX), "PERMITS_MAX");
    let too_many = Semaphore::PERMITS_MAX + 1;
    refused(|| Semaphore::new(too_many), "PERMITS_MAX");
    let readers = "READERS_MAX";
    refused(|| RwLock::with_max_readers((), u32::MAX), readers);
    let messages = "at most usize::MAX / 2 messages";
    refused(|| broadcast::channel::<u8>(usize::MAX), messages);
    let too_many = usize::MAX / 2 + 1;
    refused(|| broadcast::channel::<u8>(too_many), messages);
}

#[test]
fn the_largest_numbers_cost_nothing_until_they_are_used() {
    let (tx, mut rx) = mpsc::bounded(usize::MAX);
    tx.try_send(1).unwrap();
    assert_eq!((tx.capacity(), rx.try_recv()), (None, Ok(1)));
    let mut batch = Vec::new();
    tx.try_send(1).unwrap();
    assert_eq!(
        poll_once(rx.recv_many(&mut batch, usize::MAX)),
        Poll::Ready(1)
    );
    assert_eq!(poll_once(rx.recv_many(&mut batch, 0)), Poll::Ready(0));

    let (tx, rx) = mpmc::bounded(usize::MAX);
    tx.try_send(1).unwrap();
    assert_eq!(
        poll_once(rx.recv_many(&mut batch, usize::MAX)),
        Poll::Ready(1)
    );
    assert_eq!(poll_once(rx.recv_many(&mut batch, 0)), Poll::Ready(0));

    let (tx, mut rx) = broadcast::channel(usize::MAX / 2);
    tx.send(1).unwrap();
    assert_eq!(rx.try_recv(), Ok(1));

    let stack = LifoQueue::bounded(usize::MAX);
    stack.try_put(1).unwrap();
    assert_eq!(stack.capacity(), Some(usize::MAX));
    let heap = PriorityQueue::bounded(usize::MAX);
    heap.try_put(1).unwrap();
    assert_eq!(heap.capacity(), Some(usize::MAX));

    let lock = RwLock::with_max_readers((), RwLock::<()>::READERS_MAX);
    assert!(lock.try_read().is_ok());
    let barrier = Barrier::new(usize::MAX);
    assert!(poll_once(barrier.wait()).is_pending());
}

#[test]
fn more_permits_than_can_be_there_are_an_error_and_change_nothing() {
    let semaphore = Semaphore::new(2);
    for request in [Semaphore::PERMITS_MAX + 1, usize::MAX] {
        assert_eq!(
            semaphore.try_acquire_many(request).unwrap_err(),
            TryAcquireError::TooManyPermits
        );
        assert!(matches!(
            poll_once(semaphore.acquire_many(request)),
            Poll::Ready(Err(AcquireError::TooManyPermits))
        ));
        assert!(semaphore.add_permits(request).is_err());
    }
    assert!(semaphore.add_permits(Semaphore::PERMITS_MAX - 1).is_err());
    assert_eq!(semaphore.available_permits(), 2);
    assert_eq!(semaphore.forget_permits(usize::MAX), 2);
    assert_eq!(semaphore.forget_permits(usize::MAX), 0);
    semaphore.add_permits(Semaphore::PERMITS_MAX).unwrap();
}

#[test]
fn more_notifications_than_waiters_are_for_those_who_are_there() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let (counter, waker) = Counter::new();
    let mut wait = Box::pin(condition.wait(mutex.try_lock().unwrap()));
    assert!(poll_with(&mut wait, &waker).is_pending());
    condition.notify(0);
    assert_eq!(counter.wakes(), 0);
    condition.notify(usize::MAX);
    assert_eq!(counter.wakes(), 1);
    assert!(poll_with(&mut wait, &waker).is_ready());
    let later = condition.wait(mutex.try_lock().unwrap());
    assert!(poll_once(later).is_pending());
}

#[test]
fn what_is_sent_too_late_comes_back() {
    let (tx, mut rx) = mpsc::bounded(1);
    let permit = tx.reserve();
    rx.close();
    rx.close();
    assert_eq!(tx.try_send(7), Err(TrySendError::Closed(7)));
    assert_eq!(poll_once(tx.send(7)), Poll::Ready(Err(SendError(7))));
    assert_eq!(tx.send_blocking(7), Err(SendError(7)));
    assert!(matches!(poll_once(permit), Poll::Ready(Err(SendError(())))));
    assert!(tx.clone().try_reserve_owned().is_err());
    assert_eq!(poll_once(rx.recv()), Poll::Ready(None));

    let (tx, rx) = mpsc::rendezvous();
    drop(rx);
    assert_eq!(tx.try_send(7), Err(TrySendError::Closed(7)));
    assert_eq!(poll_once(tx.send(7)), Poll::Ready(Err(SendError(7))));
    let (tx, rx) = mpsc::unbounded();
    drop(rx);
    assert_eq!(tx.send(7), Err(SendError(7)));

    let (tx, rx) = mpmc::bounded(1);
    rx.close();
    rx.close();
    assert_eq!(tx.try_send(7), Err(TrySendError::Closed(7)));
    assert_eq!(poll_once(tx.send(7)), Poll::Ready(Err(SendError(7))));

    let (tx, mut rx) = oneshot::channel();
    rx.close();
    rx.close();
    assert_eq!(tx.send(7), Err(oneshot::SendError(7)));
    let (tx, rx) = broadcast::channel(1);
    drop(rx);
    assert_eq!(tx.send(7), Err(broadcast::SendError(7)));
    let (tx, rx) = watch::channel(1);
    drop(rx);
    assert_eq!(tx.send(7), Err(watch::SendError(7)));
    assert_eq!(*tx.borrow(), 1);
}

/// The same for all orders of a queue.
macro_rules! check_queue {
    ($queue:ident) => {
        let queue = $queue::unbounded();
        queue.try_put(1).unwrap();
        let held = queue.try_get().unwrap();
        queue.close();
        queue.close();
        assert_eq!(queue.try_put(7), Err(TryPutError::Closed(7)));
        assert_eq!(poll_once(queue.put(7)), Poll::Ready(Err(PutError(7))));
        assert_eq!(queue.put_blocking(7), Err(PutError(7)));
        assert_eq!(queue.try_get().unwrap_err(), TryGetError::Closed);
        assert!(matches!(poll_once(queue.get()), Poll::Ready(Err(GetError))));
        assert!(queue.close_now().is_empty());
        let refused = held.requeue().unwrap_err();
        assert_eq!((refused.0, queue.unfinished()), (1, 0));
        assert!(poll_once(queue.join()).is_ready());
    };
}

#[test]
fn what_is_put_too_late_comes_back() {
    check_queue!(Queue);
    check_queue!(LifoQueue);
    check_queue!(PriorityQueue);
}

#[test]
fn work_that_was_not_got_is_not_done() {
    let queue = Queue::unbounded();
    let plain = queue.plain();
    assert_eq!(plain.task_done(), Err(TaskDoneError));
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    assert_eq!(plain.task_done(), Err(TaskDoneError), "nobody got it");
    let item = queue.try_get().unwrap();
    assert_eq!(plain.task_done(), Err(TaskDoneError), "that is the item's");
    item.done();
    assert_eq!(plain.try_get(), Ok(2));
    assert_eq!(plain.task_done(), Ok(()));
    assert_eq!(plain.task_done(), Err(TaskDoneError), "it was said before");
    assert_eq!(queue.unfinished(), 0);
}

#[test]
fn a_cell_that_is_set_or_being_made_gives_the_value_back() {
    let cell = OnceCell::new();
    let mut making = Box::pin(cell.get_or_init(std::future::pending));
    assert!(support::poll(&mut making).is_pending());
    assert_eq!(cell.set(7), Err(SetError::Initializing(7)));
    drop(making);
    assert_eq!(cell.set(1), Ok(()));
    assert_eq!(cell.set(7), Err(SetError::AlreadySet(7)));
    assert_eq!(cell.get(), Some(&1));
}

#[test]
fn a_semaphore_that_is_closed_twice_is_closed() {
    let semaphore = Semaphore::new(1);
    semaphore.close();
    semaphore.close();
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::Closed
    );
    assert!(matches!(
        poll_once(semaphore.acquire()),
        Poll::Ready(Err(AcquireError::Closed))
    ));
    assert!(semaphore.acquire_blocking().is_err());
}

#[test]
fn a_barrier_that_is_broken_twice_is_mended_by_one_reset() {
    let barrier = Barrier::new(1);
    barrier.abort();
    barrier.abort();
    assert!(matches!(poll_once(barrier.wait()), Poll::Ready(Err(_))));
    barrier.reset();
    barrier.reset();
    assert!(matches!(poll_once(barrier.wait()), Poll::Ready(Ok(_))));
}
