//! A queue whose values come without a guard: whoever gets one says so when it is done.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;

use crate::blocking::block_on;
use crate::queue::WorkQueue;
use crate::queue::error::{GetError, TaskDoneError, TryGetError};
use crate::queue::order::{Fifo, Order};
use crate::queue::state::Hand;
use crate::queue::wait::GetPlain;
use crate::wait_queue::update;

/// A handle of a queue whose [`get`](Self::get) gives the value itself, not an [`Item`](super::Item).
///
/// Whoever got a value calls [`task_done`](Self::task_done) when the work is done, as in Python's
/// asyncio. One who forgets that leaves [`join`](WorkQueue::join) waiting for ever, which an item cannot.
///
/// [`WorkQueue::plain`] makes it. Everything else is as for the queue, to which it dereferences: it is
/// the same queue, so others may get items from it meanwhile.
///
/// # Examples
///
/// ```
/// # use hob_sync::Queue;
/// # futures_lite::future::block_on(async {
/// let queue = Queue::bounded(8).plain();
/// queue.put("egg").await.unwrap();
/// assert_eq!(queue.get().await.unwrap(), "egg");
/// assert_eq!(queue.unfinished(), 1);
/// queue.task_done().unwrap();
/// queue.join().await;
/// # });
/// ```
pub struct PlainQueue<T, O: Order<T> = Fifo> {
    queue: WorkQueue<T, O>,
}

impl<T, O: Order<T>> PlainQueue<T, O> {
    pub(super) const fn new(queue: WorkQueue<T, O>) -> Self {
        Self { queue }
    }

    /// Gets the next value, waiting in line until there is one. It is unfinished until
    /// [`task_done`](Self::task_done).
    ///
    /// # Cancel safety
    ///
    /// As [`WorkQueue::get`].
    ///
    /// # Errors
    ///
    /// As [`WorkQueue::get`].
    ///
    /// # Panics
    ///
    /// As [`WorkQueue::get`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// # use hob_sync::queue::GetError;
    /// # futures_lite::future::block_on(async {
    /// let queue = Queue::unbounded().plain();
    /// queue.put(1).await.unwrap();
    /// queue.close();
    /// assert_eq!(queue.get().await, Ok(1));
    /// assert_eq!(queue.get().await, Err(GetError));
    /// # });
    /// ```
    #[track_caller]
    pub fn get(&self) -> GetPlain<'_, T, O> {
        GetPlain::new(&self.queue, &"PlainQueue::get")
    }

    /// Gets the next value if there is one and nobody waits for it. It is unfinished until
    /// [`task_done`](Self::task_done).
    ///
    /// # Errors
    ///
    /// [`TryGetError`] says why not.
    ///
    /// # Panics
    ///
    /// As [`WorkQueue::get`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// # use hob_sync::queue::TryGetError;
    /// let queue = Queue::<u8>::unbounded().plain();
    /// assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    /// ```
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Result<T, TryGetError> {
        self.queue.try_take(Hand::Plain)
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
    /// let queue = Queue::unbounded().plain();
    /// queue.put_blocking(1).unwrap();
    /// assert_eq!(queue.get_blocking(), Ok(1));
    /// ```
    #[doc(alias = "blocking_get")]
    #[track_caller]
    pub fn get_blocking(&self) -> Result<T, GetError> {
        let place = Location::caller();
        block_on("PlainQueue::get_blocking", place, self.get())
    }

    /// Says that the work on one value is done that was got by a plain handle of this queue.
    ///
    /// # Errors
    ///
    /// [`TaskDoneError`] if it was said before of every such value.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// # use hob_sync::queue::TaskDoneError;
    /// let queue = Queue::unbounded().plain();
    /// queue.try_put(1).unwrap();
    /// queue.try_get().unwrap();
    /// assert_eq!(queue.task_done(), Ok(()));
    /// assert_eq!(queue.task_done(), Err(TaskDoneError));
    /// ```
    pub fn task_done(&self) -> Result<(), TaskDoneError> {
        let finished = update(self.queue.shared(), |state| state.store.finish_plain());
        finished.ok_or(TaskDoneError)
    }
}

impl<T, O: Order<T>> Deref for PlainQueue<T, O> {
    type Target = WorkQueue<T, O>;

    fn deref(&self) -> &WorkQueue<T, O> {
        &self.queue
    }
}

impl<T, O: Order<T>> Clone for PlainQueue<T, O> {
    fn clone(&self) -> Self {
        Self::new(self.queue.clone())
    }
}

impl<T, O: Order<T>> From<WorkQueue<T, O>> for PlainQueue<T, O> {
    fn from(queue: WorkQueue<T, O>) -> Self {
        Self::new(queue)
    }
}

impl<T, O: Order<T>> From<PlainQueue<T, O>> for WorkQueue<T, O> {
    fn from(plain: PlainQueue<T, O>) -> Self {
        plain.queue
    }
}

impl<T, O: Order<T>> fmt::Debug for PlainQueue<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainQueue")
            .field("queue", &self.queue)
            .finish()
    }
}
