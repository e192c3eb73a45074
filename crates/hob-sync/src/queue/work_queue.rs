//! The handle that all queues have in common.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::blocking::block_on;
use crate::dump::{glance, show};
use crate::queue::error::{GetError, PutError, TryGetError, TryPutError};
use crate::queue::item::Item;
use crate::queue::lines::Getters;
use crate::queue::order::Order;
use crate::queue::plain::PlainQueue;
use crate::queue::state::{Got, Hand, QueueStatistics, Refused, Shared, State};
use crate::queue::wait::{Get, Join, Put};
use crate::wait_queue::{Serve, update};

/// A queue of work, whose values come out in the order `O`. Clones are handles of the same queue.
///
/// One names it [`Queue`](super::Queue), [`LifoQueue`](super::LifoQueue) or
/// [`PriorityQueue`](super::PriorityQueue); this is what they have in common.
///
/// Those who wait to put and those who wait to get are served in the order of their first polls. One
/// who waited to get has a turn then, and takes the value that comes next when it runs. The queue does
/// not close by itself: close it when no more work will come.
///
/// # Examples
///
/// ```
/// # use hob_sync::queue::{Order, WorkQueue};
/// # use hob_sync::{LifoQueue, Queue};
/// fn get_two<O: Order<u8>>(queue: &WorkQueue<u8, O>) -> [u8; 2] {
///     [1, 2].map(|value| queue.try_put(value).unwrap());
///     [(); 2].map(|()| queue.try_get().unwrap().into_inner())
/// }
/// assert_eq!(get_two(&Queue::bounded(2)), [1, 2]);
/// assert_eq!(get_two(&LifoQueue::bounded(2)), [2, 1]);
/// ```
pub struct WorkQueue<T, O: Order<T>> {
    shared: Arc<Shared<T, O>>,
}

impl<T, O: Order<T>> WorkQueue<T, O> {
    /// Creates a queue with room for `capacity` values.
    ///
    /// # Panics
    ///
    /// If `capacity` is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::LifoQueue;
    /// let queue = LifoQueue::<u8>::bounded(8);
    /// assert_eq!(queue.capacity(), Some(8));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn bounded(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue has room for at least one value");
        Self::new(Some(capacity))
    }

    /// Creates a queue without a limit: putting never waits, and slow work costs memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::PriorityQueue;
    /// let queue = PriorityQueue::<u8>::unbounded();
    /// assert_eq!(queue.capacity(), None);
    /// ```
    #[must_use]
    pub fn unbounded() -> Self {
        Self::new(None)
    }

    fn new(capacity: Option<usize>) -> Self {
        Self {
            shared: Arc::new(Shared::new(capacity)),
        }
    }

    /// Returns a handle of this queue whose `get` gives values without a guard.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// let queue = Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// let plain = queue.plain();
    /// assert_eq!(plain.try_get(), Ok(1));
    /// assert_eq!(plain.task_done(), Ok(()));
    /// assert_eq!(queue.unfinished(), 0);
    /// ```
    #[must_use]
    pub fn plain(&self) -> PlainQueue<T, O> {
        PlainQueue::new(self.clone())
    }

    /// Puts a value in, waiting in line if there is no room.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits in line, nothing was put, and the value is dropped with the future. Once
    /// its turn has come, which may be before the task runs again, the value is in the queue and stays
    /// there; the next poll says so, whatever the budget.
    ///
    /// # Errors
    ///
    /// [`PutError`] with the value, if the queue is closed, now or while waiting.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// # use hob_sync::queue::PutError;
    /// # futures_lite::future::block_on(async {
    /// let queue = Queue::bounded(1);
    /// queue.put("egg").await.unwrap();
    /// queue.close();
    /// assert_eq!(queue.put("toast").await, Err(PutError("toast")));
    /// # });
    /// ```
    #[doc(alias = "push")]
    #[track_caller]
    pub fn put(&self, value: T) -> Put<'_, T, O> {
        Put::new(self, value)
    }

    /// Puts a value in if there is room and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TryPutError`] with the value says why not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// # use hob_sync::queue::TryPutError;
    /// let queue = Queue::bounded(1);
    /// queue.try_put(1).unwrap();
    /// assert_eq!(queue.try_put(2), Err(TryPutError::Full(2)));
    /// ```
    #[doc(alias = "put_nowait")]
    pub fn try_put(&self, value: T) -> Result<(), TryPutError<T>> {
        update(self.shared(), |state| state.try_put(value)).map_err(|refused| match refused {
            Refused::Full(value) => TryPutError::Full(value),
            Refused::Closed(value) => TryPutError::Closed(value),
        })
    }

    /// Puts a value in, blocking the thread until there is room.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`put`](Self::put) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// let queue = Queue::bounded(1);
    /// queue.put_blocking("egg").unwrap();
    /// assert!(queue.is_full());
    /// ```
    #[doc(alias = "blocking_put")]
    #[track_caller]
    pub fn put_blocking(&self, value: T) -> Result<(), PutError<T>> {
        block_on(O::NAMES.put_blocking, Location::caller(), self.put(value))
    }

    /// Gets the next value, waiting in line until there is one.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future gives up the place in line. If its turn had come, the next in
    /// line has it; the value never left the queue.
    ///
    /// # Errors
    ///
    /// [`GetError`] once the queue is closed and nothing is left in it.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after it was ready, and if a comparison of a
    /// [`PriorityQueue`](super::PriorityQueue) panics.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// # use hob_sync::queue::GetError;
    /// # futures_lite::future::block_on(async {
    /// let queue = Queue::unbounded();
    /// queue.put("egg").await.unwrap();
    /// queue.close();
    /// assert_eq!(queue.get().await.unwrap().into_inner(), "egg");
    /// assert_eq!(queue.get().await.unwrap_err(), GetError);
    /// # });
    /// ```
    #[doc(alias = "pop")]
    #[track_caller]
    pub fn get(&self) -> Get<'_, T, O> {
        Get::new(self)
    }

    /// Gets the next value if there is one and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TryGetError`] says why not.
    ///
    /// # Panics
    ///
    /// If a comparison of a [`PriorityQueue`](super::PriorityQueue) panics.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// # use hob_sync::queue::TryGetError;
    /// let queue = Queue::unbounded();
    /// assert_eq!(queue.try_get().unwrap_err(), TryGetError::Empty);
    /// queue.try_put(1).unwrap();
    /// assert_eq!(queue.try_get().unwrap().into_inner(), 1);
    /// ```
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Result<Item<T, O>, TryGetError> {
        let value = self.try_take(Hand::Item)?;
        Ok(Item::new(value, self.clone()))
    }

    /// Gets the next value, blocking the thread until there is one.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`get`](Self::get) there. And if a comparison of a
    /// [`PriorityQueue`](super::PriorityQueue) panics.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// let queue = Queue::unbounded();
    /// queue.put_blocking("egg").unwrap();
    /// assert_eq!(queue.get_blocking().unwrap().into_inner(), "egg");
    /// ```
    #[doc(alias = "blocking_get")]
    #[track_caller]
    pub fn get_blocking(&self) -> Result<Item<T, O>, GetError> {
        block_on(O::NAMES.get_blocking, Location::caller(), self.get())
    }

    /// Waits until every value that was put is done; returns at once if none is unfinished.
    ///
    /// Whoever waits at the moment when all are done is told, whatever is put afterwards.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future removes its waker and nothing else.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// # futures_lite::future::block_on(async {
    /// let queue = Queue::unbounded();
    /// queue.put(1).await.unwrap();
    /// queue.get().await.unwrap().done();
    /// queue.join().await;
    /// # });
    /// ```
    #[track_caller]
    pub fn join(&self) -> Join<'_, T, O> {
        Join::new(self)
    }

    /// Waits until every value that was put is done, blocking the thread.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`join`](Self::join) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// let queue = Queue::unbounded();
    /// queue.put_blocking("egg").unwrap();
    /// queue.get_blocking().unwrap().done();
    /// queue.join_blocking();
    /// assert_eq!(queue.unfinished(), 0);
    /// ```
    #[doc(alias = "blocking_join")]
    #[track_caller]
    pub fn join_blocking(&self) {
        block_on(O::NAMES.join_blocking, Location::caller(), self.join());
    }

    /// Closes the queue: nothing can be put any more, also by those who wait for room. What is there
    /// can still be got, and requeued; then those who get are told that it is closed.
    ///
    /// They are told once nothing is there, although somebody may have an item in hand. If that one is
    /// [requeued](Item::requeue) afterwards, it waits for a new [`get`](Self::get), and
    /// [`join`](Self::join) waits for it: whoever requeues should get again, or [`join`](Self::join)
    /// before closing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// # use hob_sync::queue::{TryGetError, TryPutError};
    /// let queue = Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// queue.close();
    /// assert_eq!(queue.try_put(2), Err(TryPutError::Closed(2)));
    /// assert_eq!(queue.try_get().unwrap().into_inner(), 1);
    /// assert_eq!(queue.try_get().unwrap_err(), TryGetError::Closed);
    /// ```
    #[doc(alias = "shutdown")]
    pub fn close(&self) {
        update(self.shared(), |state| state.store.close());
    }

    /// Closes the queue and empties it. What was in it is returned, in order, and counts as done.
    ///
    /// Items in hand stay unfinished until they are done. Those who wait to get are told that the queue
    /// is closed, those included whose turn had come.
    ///
    /// # Panics
    ///
    /// If a comparison of a [`PriorityQueue`](super::PriorityQueue) panics; then the queue is closed, and the values
    /// are still in it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// # use hob_sync::queue::TryGetError;
    /// let queue = Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// queue.try_put(2).unwrap();
    /// assert_eq!(queue.close_now(), [1, 2]);
    /// assert_eq!(queue.try_get().unwrap_err(), TryGetError::Closed);
    /// assert_eq!(queue.unfinished(), 0);
    /// ```
    pub fn close_now(&self) -> Vec<T> {
        O::close_now(self.shared())
    }

    /// Returns `true` once it was closed. Values may still be there.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.state.lock().store.is_closed()
    }

    /// How many values are there to be got, those included that are promised to somebody who waited.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.state.lock().store.len()
    }

    /// Returns `true` if there is nothing to be got.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns `true` if there is no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.shared.state.lock().store.has_room()
    }

    /// How many values there is room for; `None` without a limit.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.shared.state.lock().store.capacity()
    }

    /// How many values were put and are not done.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.shared.state.lock().store.unfinished
    }

    /// Returns the counts, and who waits.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// let queue = Queue::bounded(2);
    /// queue.try_put(1).unwrap();
    /// drop(queue.try_get().unwrap());
    /// let statistics = queue.statistics();
    /// assert_eq!((statistics.len, statistics.unfinished, statistics.dropped), (0, 0, 1));
    /// ```
    #[must_use]
    pub fn statistics(&self) -> QueueStatistics {
        self.shared.state.lock().statistics()
    }

    pub(super) fn try_take(&self, mut hand: Hand) -> Result<T, TryGetError> {
        match Serve::<Getters>::try_take(self.shared(), &mut hand) {
            Some(Got::Value(value)) => Ok(value),
            Some(Got::Closed) => Err(TryGetError::Closed),
            None => Err(TryGetError::Empty),
            Some(Got::Turn) => unreachable!("only those who wait are given a turn"),
        }
    }

    pub(super) fn shared(&self) -> &Shared<T, O> {
        &self.shared
    }
}

impl<T, O: Order<T>> Clone for WorkQueue<T, O> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// A queue without a limit.
impl<T, O: Order<T>> Default for WorkQueue<T, O> {
    fn default() -> Self {
        Self::unbounded()
    }
}

impl<T, O: Order<T>> fmt::Debug for WorkQueue<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statistics = glance(&self.shared.state, State::statistics);
        show(O::NAMES.queue, statistics, f)
    }
}
