//! A value that was got from a queue and is not done yet.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::queue::WorkQueue;
use crate::queue::error::RequeueError;
use crate::queue::order::{Fifo, Order};
use crate::queue::state::{State, Store};
use crate::wait_queue::update;

/// A value that was got from a queue and is not done yet.
///
/// It owns a handle of its queue. [`join`](WorkQueue::join) waits until every item says that it is
/// [`done`](Self::done). One that is dropped without a word counts as done, so that nobody waits for
/// ever, and is counted in [`statistics`](WorkQueue::statistics).
#[must_use = "an item that is dropped counts as done"]
pub struct Item<T, O: Order<T> = Fifo> {
    /// `None` only once the item was consumed.
    value: Option<T>,
    queue: WorkQueue<T, O>,
}

/// Counts a value as done when it goes out of scope, also when the value's destructor panics.
struct Finish<'a, T, O: Order<T>> {
    queue: &'a WorkQueue<T, O>,
    count: fn(&mut Store<T, O>),
}

impl<T, O: Order<T>> Item<T, O> {
    pub(super) const fn new(value: T, queue: WorkQueue<T, O>) -> Self {
        Self {
            value: Some(value),
            queue,
        }
    }

    /// Says that the work is done: drops the value, then counts it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// # futures_lite::future::block_on(async {
    /// let queue = Queue::unbounded();
    /// queue.put("order").await.unwrap();
    /// let item = queue.get().await.unwrap();
    /// assert_eq!(queue.unfinished(), 1);
    /// item.done();
    /// queue.join().await;
    /// # });
    /// ```
    pub fn done(mut self) {
        let value = self.value.take();
        let _finish = Finish {
            queue: &self.queue,
            count: Store::finish,
        };
        drop(value);
    }

    /// Takes the value out, which counts as done.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// let queue = Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// assert_eq!(queue.try_get().unwrap().into_inner(), 1);
    /// assert_eq!(queue.unfinished(), 0);
    /// ```
    pub fn into_inner(mut self) -> T {
        let Some(value) = self.value.take() else {
            unreachable!("an item is consumed once")
        };
        update(self.queue.shared(), |state| state.store.finish());
        value
    }

    /// Puts the value back to the front of the queue, for whoever gets next.
    ///
    /// Where the smallest come out first, it is put before its equals.
    ///
    /// It never waits: the queue may for a while hold more than its capacity. The queue also takes it
    /// after [`close`](WorkQueue::close), even if those who get were told before that it is closed: then it
    /// waits for somebody to get anew, and [`join`](WorkQueue::join) waits for it.
    ///
    /// # Errors
    ///
    /// [`RequeueError`] with the value after [`close_now`](WorkQueue::close_now); then it counts as done.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Queue;
    /// # futures_lite::future::block_on(async {
    /// let queue = Queue::unbounded();
    /// queue.put(1).await.unwrap();
    /// queue.put(2).await.unwrap();
    /// let failed = queue.get().await.unwrap();
    /// failed.requeue().unwrap();
    /// assert_eq!(*queue.get().await.unwrap(), 1);
    /// # });
    /// ```
    pub fn requeue(mut self) -> Result<(), RequeueError<T>> {
        let Some(value) = self.value.take() else {
            unreachable!("an item is consumed once")
        };
        let requeue = |state: &mut State<T, O>| state.store.requeue(value);
        update(self.queue.shared(), requeue).map_err(RequeueError)
    }
}

impl<T, O: Order<T>> Drop for Item<T, O> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            let _finish = Finish {
                queue: &self.queue,
                count: Store::finish_dropped,
            };
            drop(value);
        }
    }
}

impl<T, O: Order<T>> Deref for Item<T, O> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("only a consumed item has none")
    }
}

impl<T, O: Order<T>> DerefMut for Item<T, O> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("only a consumed item has none")
    }
}

impl<T: fmt::Debug, O: Order<T>> fmt::Debug for Item<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Item").field(&**self).finish()
    }
}

impl<T, O: Order<T>> Drop for Finish<'_, T, O> {
    fn drop(&mut self) {
        update(self.queue.shared(), |state| (self.count)(&mut state.store));
    }
}
