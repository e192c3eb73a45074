//! A lock that is awaited, and handed over in order of arrival.
//!
//! [`Mutex`] guards a value across `.await`: whoever finds it locked waits in line without blocking
//! its thread. For a value that is never held across an `.await`, a lock of the system is cheaper.
//!
//! # Implementation
//!
//! A small lock guards whether the value is out and the line of those who want it. An unlock hands
//! the value to the first in line and wakes it, so the lock is never free while somebody waits.
//!
//! The value itself lies in an `UnsafeCell` beside it. Whoever holds the *grant* may touch it:
//!
//! ```text
//!   take ──► grant ──► MutexGuard ──► drop ──► next grant, or free
//! ```
//!
//! What one holder wrote is seen by the next because both pass through the small lock.
//!
//! # References
//!
//! - Tokio's `Mutex`, <https://docs.rs/tokio/latest/tokio/sync/struct.Mutex.html>, for the shape of
//!   the API and the order.

#![expect(unsafe_code, reason = "a guard lends out the value of an `UnsafeCell`")]

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use crate::blocking::block_on;
use crate::primitive::Guarded;
use crate::wait_queue::{
    Serve, Settle, Ticket, WaitQueue, leave, poll_in_line, serve, try_take, update,
};
use crate::waker::WakeList;

/// A lock around a value that may be held across `.await`.
///
/// It is handed over first come, first served, in the order in which the futures of
/// [`lock`](Self::lock) were first polled: nobody overtakes, and nobody starves. A guard that is
/// dropped by a panic unlocks as any other; there is no poison, but
/// [`statistics`](Self::statistics) counts it.
///
/// # Examples
///
/// ```
/// # use hob_sync::Mutex;
/// # futures_lite::future::block_on(async {
/// let tickets = Mutex::new(3);
/// {
///     let mut left = tickets.lock().await;
///     *left -= 1;
///     assert!(tickets.try_lock().is_err(), "it is out");
/// }
/// assert_eq!(*tickets.lock().await, 2);
/// # });
/// ```
pub struct Mutex<T: ?Sized> {
    state: Guarded<State>,
    value: UnsafeCell<T>,
}

/// The future of [`Mutex::lock`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Lock<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    ticket: Ticket,
}

/// The value of a [`Mutex`], unlocked when this is dropped.
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    /// A guard is shared or sent as a `&mut T` would be.
    _value: PhantomData<&'a mut T>,
}

/// The mutex is locked, or others wait for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct TryLockError;

/// A snapshot of a [`Mutex`], for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MutexStatistics {
    /// Whether somebody holds it, or was given it and has not run since.
    pub is_locked: bool,
    /// How many stand in line.
    pub waiting: usize,
    /// How many guards were dropped while their thread was panicking.
    pub guards_dropped_in_panic: u64,
}

struct State {
    locked: bool,
    guards_dropped_in_panic: u64,
    line: WaitQueue<(), Grant>,
}

/// The right to touch the value: there is one while `locked` is set, and none while it is not.
struct Grant;

// SAFETY: `&Mutex<T>` gives access to the `T` only through `MutexGuard`, of which there is one at a
// time (see `Mutex::guard`): the value moves from thread to thread and is never shared by the mutex
// itself, so `T: Send` is enough.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// Creates an unlocked mutex.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self {
            state: Guarded::new(State {
                locked: false,
                guards_dropped_in_panic: 0,
                line: WaitQueue::new(),
            }),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the value out.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks the mutex, waiting in line if it is locked.
    ///
    /// The order is that of the first polls. What earlier holders did is visible to later ones.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future gives up the place in line. If it had been handed the lock
    /// already, the next in line gets it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Mutex;
    /// # futures_lite::future::block_on(async {
    /// let names = Mutex::new(Vec::new());
    /// names.lock().await.push("hob");
    /// assert_eq!(*names.lock().await, ["hob"]);
    /// # });
    /// ```
    #[track_caller]
    pub fn lock(&self) -> Lock<'_, T> {
        Lock {
            mutex: self,
            ticket: Ticket::new("Mutex::lock"),
        }
    }

    /// Locks the mutex if it is free and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it is locked, or others wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Mutex;
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.try_lock().expect("it is free");
    /// assert!(mutex.try_lock().is_err());
    /// # drop(guard);
    /// ```
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        let grant = try_take(&self.state, ()).ok_or(TryLockError)?;
        Ok(self.guard(grant))
    }

    /// Locks the mutex, blocking the thread if it is locked. It stands in the same line as all.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks, whether or not it would have to wait: await
    /// [`lock`](Self::lock) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Mutex;
    /// let mutex = Mutex::new(1);
    /// *mutex.lock_blocking() += 1;
    /// assert_eq!(mutex.into_inner(), 2);
    /// ```
    #[doc(alias = "blocking_lock")]
    #[track_caller]
    pub fn lock_blocking(&self) -> MutexGuard<'_, T> {
        block_on("Mutex::lock_blocking", Location::caller(), self.lock())
    }

    /// Lends the value out, since nobody else can have it.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Returns whether it is locked, and how many wait.
    #[must_use]
    pub fn statistics(&self) -> MutexStatistics {
        self.state.lock().statistics()
    }

    /// Turns the one grant there is into a guard.
    const fn guard(&self, Grant: Grant) -> MutexGuard<'_, T> {
        MutexGuard {
            mutex: self,
            _value: PhantomData,
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut mutex = f.debug_struct("Mutex");
        // A dump must not wait, nor be in anybody's way: to show the value it would have to lock.
        match self.state.try_lock() {
            Some(state) => mutex.field("statistics", &state.statistics()),
            None => mutex.field("statistics", &format_args!("<locked>")),
        };
        mutex.finish_non_exhaustive()
    }
}

impl<'a, T: ?Sized> Future for Lock<'a, T> {
    type Output = MutexGuard<'a, T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { mutex, ticket } = self.get_mut();
        poll_in_line(&mutex.state, ticket, (), cx).map(|grant| mutex.guard(grant))
    }
}

impl<T: ?Sized> Drop for Lock<'_, T> {
    fn drop(&mut self) {
        leave(&self.mutex.state, &mut self.ticket);
    }
}

impl<T: ?Sized> fmt::Debug for Lock<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard was made of the mutex's one `Grant`. `State::take` makes a grant only
        // while `locked` is unset, and `locked` is unset only where a grant ends: in the guard's
        // `Drop` and in `put_back`. So no other guard exists, and this one is borrowed.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; and this guard is borrowed mutably, so it lends nothing else.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        update(&self.mutex.state, |state| {
            debug_assert!(state.locked, "a guard exists only while it is locked");
            state.locked = false;
            state.guards_dropped_in_panic += u64::from(thread::panicking());
        });
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl std::error::Error for TryLockError {}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the mutex is locked, or others wait for it")
    }
}

impl State {
    fn statistics(&self) -> MutexStatistics {
        MutexStatistics {
            is_locked: self.locked,
            waiting: self.line.len(),
            guards_dropped_in_panic: self.guards_dropped_in_panic,
        }
    }
}

impl Settle for State {
    fn settle(&mut self, wakes: &mut WakeList) {
        serve(self, wakes);
    }
}

impl Serve for State {
    type Request = ();
    type Grant = Grant;

    fn line(&mut self) -> &mut WaitQueue<(), Grant> {
        &mut self.line
    }

    fn take(&mut self, (): ()) -> Option<Grant> {
        let free = !self.locked;
        self.locked = true;
        free.then_some(Grant)
    }

    fn put_back(&mut self, Grant: Grant) -> Option<Grant> {
        self.locked = false;
        None
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    //! Wakers that call back when they are cloned. To make one takes unsafe code, which this crate has
    //! in this file only, so the other primitives are tried here too.

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{RawWaker, RawWakerVTable, Waker};

    use super::*;
    use crate::{Queue, Semaphore, mpsc, oneshot};

    /// Calls `act` whenever anything is done to the waker.
    struct Hostile {
        act: Box<dyn Fn() + Send + Sync>,
        clones: AtomicUsize,
    }

    const VTABLE: RawWakerVTable = RawWakerVTable::new(clone, act, act, act);

    fn hostile(data: *const ()) -> &'static Hostile {
        // SAFETY: `waker` below is the only maker of this vtable's wakers, and their data is a
        // `Hostile` that it has leaked.
        unsafe { &*data.cast() }
    }

    fn clone(data: *const ()) -> RawWaker {
        hostile(data).clones.fetch_add(1, Ordering::SeqCst);
        act(data);
        RawWaker::new(data, &VTABLE)
    }

    fn act(data: *const ()) {
        (hostile(data).act)();
    }

    /// Polls once with a waker that calls `act`, and sees that it was cloned.
    fn poll_calling<F: Future + Unpin>(
        future: &mut F,
        act: impl Fn() + Send + Sync + 'static,
    ) -> Poll<F::Output> {
        let hostile: &'static Hostile = Box::leak(Box::new(Hostile {
            act: Box::new(act),
            clones: AtomicUsize::new(0),
        }));
        let raw = RawWaker::new(std::ptr::from_ref(hostile).cast(), &VTABLE);
        // SAFETY: the functions of `VTABLE` may be called from any thread, as `act` is `Sync` and the
        // data lives for ever; cloning and dropping need no count for the same reason.
        let waker = unsafe { Waker::from_raw(raw) };
        let poll = Pin::new(future).poll(&mut Context::from_waker(&waker));
        assert_eq!(hostile.clones.load(Ordering::SeqCst), 1);
        poll
    }

    #[test]
    fn a_clone_that_unlocks_is_heard() {
        let mutex: &'static Mutex<()> = Box::leak(Box::new(Mutex::new(())));
        let held = Guarded::new(Some(mutex.try_lock().expect("it is free")));
        // The lock is released between the two looks at it: the second finds it free.
        let poll = poll_calling(&mut mutex.lock(), move || {
            let guard = held.lock().take();
            drop(guard);
            let _shown = format!("{mutex:?}");
        });
        assert!(poll.is_ready());
    }

    /// Gives when it is called first, by a clone, and panics when that clone is dropped.
    fn give_then_panic(give: impl Fn() + Send + Sync + 'static) -> impl Fn() + Send + Sync {
        let calls = AtomicUsize::new(0);
        move || match calls.fetch_add(1, Ordering::SeqCst) {
            0 => give(),
            1 => panic!("on purpose"),
            _ => {}
        }
    }

    #[test]
    fn a_clone_whose_destructor_panics_takes_nothing_away() {
        let mutex: &'static Mutex<()> = Box::leak(Box::new(Mutex::new(())));
        let held = Guarded::new(Some(mutex.try_lock().expect("it is free")));
        let unlock = give_then_panic(move || {
            let guard = held.lock().take();
            drop(guard);
        });
        assert!(poll_calling(&mut mutex.lock(), unlock).is_ready());
        assert!(mutex.try_lock().is_ok(), "its guard unlocks it");

        let semaphore = Arc::new(Semaphore::new(0));
        let inner = Arc::clone(&semaphore);
        let release = give_then_panic(move || inner.add_permits(1).expect("they are few"));
        assert!(poll_calling(&mut semaphore.acquire(), release).is_ready());
        assert_eq!(semaphore.available_permits(), 1);

        let (tx, mut rx) = mpsc::unbounded();
        let send = give_then_panic(move || tx.send(7).expect("it is open"));
        assert_eq!(poll_calling(&mut rx.recv(), send), Poll::Ready(Some(7)));

        let queue = Queue::unbounded();
        let inner = queue.clone();
        let put = give_then_panic(move || inner.try_put(7).expect("it is open"));
        let Poll::Ready(Ok(item)) = poll_calling(&mut queue.get(), put) else {
            panic!("it was handed over");
        };
        assert_eq!(item.into_inner(), 7);
    }

    #[test]
    fn clones_call_back_into_all_primitives() {
        let semaphore = Arc::new(Semaphore::new(0));
        let inner = Arc::clone(&semaphore);
        let release = move || inner.add_permits(1).expect("they are few");
        assert!(poll_calling(&mut semaphore.acquire(), release).is_ready());

        let (tx, mut rx) = mpsc::unbounded();
        let send = move || tx.send(7).expect("it is open");
        assert_eq!(poll_calling(&mut rx.recv(), send), Poll::Ready(Some(7)));

        let (tx, mut rx) = oneshot::channel();
        let tx = Guarded::new(Some(tx));
        let send = move || {
            let tx = tx.lock().take();
            tx.into_iter()
                .for_each(|tx| tx.send(7).expect("it is open"));
        };
        assert_eq!(poll_calling(&mut rx, send), Poll::Ready(Ok(7)));

        let queue = Queue::unbounded();
        let inner = queue.clone();
        let put = move || inner.try_put(7).expect("it is open");
        assert!(poll_calling(&mut queue.get(), put).is_ready());
    }
}
