//! A lock that is awaited, and handed over in order of arrival.
//!
//! [`Mutex`] guards a value across `.await`: whoever finds it locked waits in line without blocking
//! its thread. For a value that is never held across an `.await`, a lock of the system is cheaper.
//!
//! # Implementation
//!
//! There is one permit, as `permits` tells, which is handed to the first in line: the mutex is never
//! free while somebody waits. The value lies in an `UnsafeCell` beside it. Whoever has the permit may
//! touch it:
//!
//! ```text
//!   acquire ──► MutexGuard ──► drop ──► the next in line, or free
//! ```
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

use pin_project_lite::pin_project;

use crate::blocking::block_on;
use crate::permits::{LineStatistics, Permits};
use crate::wait_queue::Wait;

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
    /// One, which is the right to touch the value.
    permits: Permits,
    value: UnsafeCell<T>,
}

pin_project! {
    /// The future of [`Mutex::lock`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Lock<'a, T: ?Sized> {
        mutex: &'a Mutex<T>,
        #[pin]
        wait: Wait<&'a Permits>,
    }
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

// SAFETY: `&Mutex<T>` gives access to the `T` only through `MutexGuard`, of which there is one at a
// time (see `Mutex::guard`): the value moves from thread to thread and is never shared by the mutex
// itself, so `T: Send` is enough.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// Creates an unlocked mutex.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self {
            permits: Permits::new(1),
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
            wait: Wait::new(&self.permits, 1, "Mutex::lock"),
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
        self.permits.try_acquire(1).map_err(|_| TryLockError)?;
        Ok(self.guard())
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
        self.statistics_of(self.permits.line())
    }

    fn statistics_of(&self, line: LineStatistics) -> MutexStatistics {
        MutexStatistics {
            is_locked: self.permits.available() == 0,
            waiting: line.waiting,
            guards_dropped_in_panic: line.dropped_in_panic.into(),
        }
    }

    /// Turns the one permit there is into a guard.
    const fn guard(&self) -> MutexGuard<'_, T> {
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
        match self.permits.try_line() {
            Some(line) => mutex.field("statistics", &self.statistics_of(line)),
            None => mutex.field("statistics", &format_args!("<locked>")),
        };
        mutex.finish_non_exhaustive()
    }
}

impl<'a, T: ?Sized> Future for Lock<'a, T> {
    type Output = MutexGuard<'a, T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mutex = *this.mutex;
        this.wait
            .poll(cx)
            .map(|granted| granted.expect("a mutex is never closed"))
            .map(|_| mutex.guard())
    }
}

impl<T: ?Sized> fmt::Debug for Lock<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard has the mutex's one permit, which it releases when it is dropped. So no
        // other guard exists, and this one is borrowed.
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
        if thread::panicking() {
            self.mutex.permits.count_panic();
        }
        self.mutex.permits.release(1);
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
