//! Queues of work: many put, many get, and one can wait until all of it is done.
//!
//! A queue differs from a channel in two ways. Its handles are all alike: whoever has one may put,
//! get, wait and close. And what one gets is an [`Item`], which is unfinished until it says that it is
//! done; [`join`](WorkQueue::join) waits for that.
//!
//! The queues differ in what comes out next: from a [`Queue`] what came first, from a [`LifoQueue`] what
//! came last, from a [`PriorityQueue`] the smallest. They are one type, [`WorkQueue`], by three orders.
//!
//! # Implementation
//!
//! One small lock guards the values, the counts and three lines: those who put, those who get, those
//! who join. What waits to be put lies in its place in line, and is moved straight into the queue as
//! soon as there is room and its turn has come: so values arrive in the order of the first polls. One
//! who waits to get is given a *turn*, not a value: a value is promised, and stays where it is until
//! the getter takes what comes next then. A getter that is dropped passes its turn on, and no value has
//! to find its way back. Newcomers take only what is not promised.
//!
//! ```text
//!            put                 get                  done, into_inner, drop
//!   (out) ─────────► in queue ─────────► Item in hand ───────────────────────► finished
//!                      ▲                    │ requeue, to the front
//!                      └────────────────────┘
//!          └──────────────── unfinished ─────────────────────┘
//! ```
//!
//! How a priority queue compares values without holding that lock is told in `queue/heap.rs`.
//!
//! Whoever waits for all to be done notes in which epoch it began, so that it hears of the moment even
//! if more is put before it is told.
//!
//! # References
//!
//! - Python's `asyncio.Queue`, <https://docs.python.org/3/library/asyncio-queue.html>: `join`, and
//!   `task_done`, which is a method of the item here, so that nobody can call it too often;
//!   [`PlainQueue`] has it as it is there.

mod error;
mod heap;
mod item;
mod lines;
mod order;
mod plain;
mod state;
mod wait;
mod work_queue;

pub use self::error::{GetError, PutError, RequeueError, TaskDoneError, TryGetError, TryPutError};
pub use self::item::Item;
pub use self::order::{Fifo, Lifo, Order, Priority};
pub use self::plain::PlainQueue;
pub use self::state::QueueStatistics;
pub use self::wait::{Get, GetPlain, Join, Put};
pub use self::work_queue::WorkQueue;

/// A queue of work, first in, first out.
///
/// Its methods are those of [`WorkQueue`].
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
pub type Queue<T> = WorkQueue<T, Fifo>;

/// A queue of work, last in, first out: a stack.
///
/// Its methods are those of [`WorkQueue`]. Those who wait to put are served first come, first served,
/// as everywhere; it is the values in the queue that come out in reverse.
///
/// # Examples
///
/// ```
/// # use hob_sync::LifoQueue;
/// # futures_lite::future::block_on(async {
/// let plates = LifoQueue::bounded(8);
/// plates.put("lower").await.unwrap();
/// plates.put("upper").await.unwrap();
/// assert_eq!(*plates.get().await.unwrap(), "upper");
/// # });
/// ```
pub type LifoQueue<T> = WorkQueue<T, Lifo>;

/// A queue of work, the smallest first; equals come out first in, first out.
///
/// Its methods are those of [`WorkQueue`]. For the largest first, put in [`Reverse`](std::cmp::Reverse).
///
/// Values are compared by whoever gets one, on its thread, and not while they are put: getting takes
/// about *log n* comparisons for each value that came in and for the one that goes out. Meanwhile others
/// that get wait for their turn at it; all other calls go on.
///
/// # Comparisons that panic or call back
///
/// If a comparison panics, so does the call that gets, and nothing else happens: all values are still
/// there, and come out in order once comparisons work. A comparison may call into the very queue; whom
/// such a call would wake is woken after the comparisons. Only to get from it, or
/// [`close_now`](WorkQueue::close_now), is a panic there, also in a waker that the comparison itself
/// wakes. An order that contradicts itself gives the values in some order, each of them once.
///
/// # Examples
///
/// ```
/// # use std::cmp::Reverse;
/// # use hob_sync::PriorityQueue;
/// # futures_lite::future::block_on(async {
/// let alarms = PriorityQueue::unbounded();
/// alarms.put((3, "the fridge is open")).await.unwrap();
/// alarms.put((1, "the pan burns")).await.unwrap();
/// assert_eq!(alarms.get().await.unwrap().1, "the pan burns");
///
/// let largest = PriorityQueue::unbounded();
/// largest.put(Reverse(1)).await.unwrap();
/// largest.put(Reverse(3)).await.unwrap();
/// assert_eq!(*largest.get().await.unwrap(), Reverse(3));
/// # });
/// ```
pub type PriorityQueue<T> = WorkQueue<T, Priority>;
