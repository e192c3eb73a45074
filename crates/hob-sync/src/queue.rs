//! A queue of work: many put, many get, and one can wait until all of it is done.
//!
//! [`Queue`] differs from a channel in two ways. Its handles are all alike: whoever has one may put,
//! get, wait and close. And what one gets is an [`Item`], which is unfinished until it says that it is
//! done; [`Queue::join`] waits for that.
//!
//! # Implementation
//!
//! One small lock guards the values, the counts and three lines: those who put, those who get, those
//! who join. A value that is put while somebody waits to get it goes straight into that one's place.
//! If that one is dropped before it took the value, the value returns to where it was in the order, or
//! goes to the next in line. A putter waits for *room*, not with its value: a `put` that is dropped
//! before it completed has put nothing.
//!
//! ```text
//!            put                 get                  done, into_inner, drop
//!   (out) ─────────► in queue ─────────► Item in hand ───────────────────────► finished
//!                      ▲                    │ requeue, to the front
//!                      └────────────────────┘
//!          └──────────────── unfinished ─────────────────────┘
//! ```
//!
//! # References
//!
//! - Python's `asyncio.Queue`, <https://docs.python.org/3/library/asyncio-queue.html>: `join`, and
//!   `task_done`, which is a method of the item here, so that nobody can call it too often.

mod error;
mod item;
mod state;
mod wait;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::blocking::block_on;
use crate::old_queue::{Ticket, try_take, update};
use crate::primitive::Guarded;
use crate::queue::state::{Closed, Getters, State, UNBOUNDED};

pub use self::error::{GetError, PutError, RequeueError, TryGetError, TryPutError};
pub use self::item::Item;
pub use self::state::QueueStatistics;
pub use self::wait::{Get, Join, Put};

/// A queue of work, first in, first out. Clones are handles of the same queue.
///
/// Those who wait to put and those who wait to get are served in the order of their first polls: room
/// is handed out first come, first served, and a value is put in when its putter next runs. The queue
/// does not close by itself: close it when no more work will come.
///
/// # Examples
///
/// ```
/// # use hob_sync::Queue;
/// # futures_lite::future::block_on(async {
/// let orders = Queue::<u32>::bounded(8);
/// let cook = async {
///     let mut cooked = 0;
///     while let Ok(order) = orders.get().await {
///         cooked += *order;
///         order.done();
///     }
///     cooked
/// };
/// let waiter = async {
///     for eggs in 1..=3 {
///         orders.put(eggs).await.unwrap();
///     }
///     orders.join().await; // all cooked
///     orders.close();
/// };
/// let (cooked, ()) = futures_lite::future::zip(cook, waiter).await;
/// assert_eq!(cooked, 6);
/// # });
/// ```
pub struct Queue<T> {
    shared: Arc<Guarded<State<T>>>,
}

impl<T> Queue<T> {
    /// Creates a queue with room for `capacity` values.
    ///
    /// # Panics
    ///
    /// If `capacity` is zero.
    #[must_use]
    #[track_caller]
    pub fn bounded(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue has room for at least one value");
        Self::new(capacity)
    }

    /// Creates a queue without a limit: putting never waits, and slow work costs memory.
    #[must_use]
    pub fn unbounded() -> Self {
        Self::new(UNBOUNDED)
    }

    fn new(capacity: usize) -> Self {
        Self {
            shared: Arc::new(Guarded::new(State::new(capacity))),
        }
    }

    /// Puts a value at the end, waiting in line if there is no room.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completed, nothing was put: the value is dropped with it,
    /// and room that it had been given goes to the next in line.
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
    pub fn put(&self, value: T) -> Put<'_, T> {
        Put::new(self, value, Ticket::new("Queue::put"))
    }

    /// Puts a value at the end if there is room and nobody waits for it.
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
        update(&self.shared, |state| {
            if state.is_closed() {
                Err(TryPutError::Closed(value))
            } else if state.putters.is_empty() && state.has_room() {
                state.push(value);
                Ok(())
            } else {
                Err(TryPutError::Full(value))
            }
        })
    }

    /// Puts a value at the end, blocking the thread until there is room.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`put`](Self::put) there.
    #[doc(alias = "blocking_put")]
    #[track_caller]
    pub fn put_blocking(&self, value: T) -> Result<(), PutError<T>> {
        block_on("Queue::put_blocking", Location::caller(), self.put(value))
    }

    /// Gets the value at the front, waiting in line until there is one.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future gives up the place in line. A value that it had been given goes
    /// to the next in line, or back to where it was in the queue.
    ///
    /// # Errors
    ///
    /// [`GetError`] once the queue is closed and nothing is left in it.
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
    pub fn get(&self) -> Get<'_, T> {
        Get::new(self, Ticket::new("Queue::get"))
    }

    /// Gets the value at the front if there is one and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TryGetError`] says why not.
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Result<Item<T>, TryGetError> {
        match try_take::<Getters, _>(&self.shared, ()) {
            Some(Ok(entry)) => Ok(Item::new(entry.value, self.clone())),
            Some(Err(Closed)) => Err(TryGetError::Closed),
            None => Err(TryGetError::Empty),
        }
    }

    /// Gets the value at the front, blocking the thread until there is one.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`get`](Self::get) there.
    #[doc(alias = "blocking_get")]
    #[track_caller]
    pub fn get_blocking(&self) -> Result<Item<T>, GetError> {
        block_on("Queue::get_blocking", Location::caller(), self.get())
    }

    /// Waits until every value that was put is done; returns at once if none is unfinished.
    ///
    /// A join that saw the moment completes, whatever is put afterwards.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future removes its waker and nothing else.
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
    pub fn join(&self) -> Join<'_, T> {
        Join::new(self, Ticket::new("Queue::join"))
    }

    /// Waits until every value that was put is done, blocking the thread.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`join`](Self::join) there.
    #[doc(alias = "blocking_join")]
    #[track_caller]
    pub fn join_blocking(&self) {
        block_on("Queue::join_blocking", Location::caller(), self.join());
    }

    /// Closes the queue: nothing can be put any more, also by those who wait for room. What is there
    /// can still be got, and requeued; then those who get are told that it is closed.
    ///
    /// They are told once nothing is there, although somebody may have an item in hand. If that one is
    /// [requeued](Item::requeue) afterwards, it waits for a new [`get`](Self::get), and
    /// [`join`](Self::join) waits for it: whoever requeues should get again, or [`join`](Self::join)
    /// before closing.
    #[doc(alias = "shutdown")]
    pub fn close(&self) {
        update(&self.shared, State::close);
    }

    /// Closes the queue and empties it. What was in it is returned, in order, and counts as done.
    ///
    /// Items in hand stay unfinished until they are done.
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
        let entries = update(&self.shared, State::close_now);
        entries.into_iter().map(|entry| entry.value).collect()
    }

    /// Returns `true` once it was closed. Values may still be there.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.lock().is_closed()
    }

    /// How many values are there to be got.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.lock().len()
    }

    /// Returns `true` if there is nothing to be got.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns `true` if there is no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.shared.lock().has_room()
    }

    /// How many values there is room for; `None` without a limit.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        self.shared.lock().capacity()
    }

    /// How many values were put and are not done.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.shared.lock().unfinished()
    }

    /// Returns the counts, and who waits.
    #[must_use]
    pub fn statistics(&self) -> QueueStatistics {
        self.shared.lock().statistics()
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut queue = f.debug_struct("Queue");
        // A dump must not wait.
        match self.shared.try_lock() {
            Some(state) => queue.field("statistics", &state.statistics()),
            None => queue.field("statistics", &format_args!("<locked>")),
        };
        queue.finish()
    }
}
