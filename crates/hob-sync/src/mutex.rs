//! A lock that is awaited, and handed over in order of arrival.
//!
//! [`Mutex`] guards a value across `.await`: whoever finds it locked waits in line without blocking
//! its thread. For a value that is never held across an `.await`, a lock of the system is cheaper.
//!
//! # Implementation
//!
//! The value is `Lent` to one at a time: there is one permit, which is handed to the first in line.
//! So the mutex is never free while somebody waits. A guard is a loan of the value, or of a part of it.
//!
//! # References
//!
//! - Tokio's `Mutex`, <https://docs.rs/tokio/latest/tokio/sync/struct.Mutex.html>, for the shape of
//!   the API and the order.

mod guard;
mod lock;
mod owned_guard;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::blocking::block_on;
use crate::lent::{Lent, Sole};
use crate::permits::LineStatistics;

pub use self::guard::{MappedMutexGuard, MutexGuard};
pub use self::lock::{Lock, LockOwned};
pub use self::owned_guard::{OwnedMappedMutexGuard, OwnedMutexGuard};

/// A lock around a value that may be held across `.await`.
///
/// A guard that is dropped by a panic unlocks as any other; there is no poison, but
/// [`statistics`](Self::statistics) counts it.
///
/// # Order
///
/// The mutex is handed over in the order in which the others had to wait: a future of
/// [`lock`](Self::lock) takes its place in line at the poll that finds the mutex locked, or others in
/// line. Nobody overtakes, and nobody starves.
///
/// Whoever finds the mutex free, in a task whose budget is spent, yields once, as if it had not asked
/// yet: it holds no place. In the task's next poll it takes the mutex if that is still free, and
/// otherwise joins the line, behind those who had to wait meanwhile.
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
    lent: Lent<Sole, T>,
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
    /// How many guards were dropped by a panic. One that was made during the panic that was under way
    /// when it was dropped, in some `Drop`, is not among them.
    pub guards_dropped_in_panic: u64,
}

impl<T> Mutex<T> {
    /// Creates an unlocked mutex.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Mutex;
    /// let mutex = Mutex::new(1);
    /// assert!(!mutex.statistics().is_locked);
    /// ```
    #[must_use]
    pub fn new(value: T) -> Self {
        Self {
            lent: Lent::new(Sole, value),
        }
    }

    /// Takes the value out.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Mutex;
    /// assert_eq!(Mutex::new(1).into_inner(), 1);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.lent.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks the mutex, waiting in line if it is locked.
    ///
    /// It waits its turn, as [`Mutex`](Self#order) tells. What earlier holders did is visible to later ones.
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
        Lock::new_at(self, Location::caller())
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
        let loan = self.lent.offer().try_accept().ok_or(TryLockError)?;
        Ok(MutexGuard::new(self, loan))
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

    /// As [`lock`](Self::lock), with a guard that owns its mutex: for tasks, and for what is kept.
    ///
    /// # Cancel safety
    ///
    /// As [`lock`](Self::lock).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Mutex;
    /// # futures_lite::future::block_on(async {
    /// let mutex = Arc::new(Mutex::new(1));
    /// let mut guard = Arc::clone(&mutex).lock_owned().await;
    /// drop(mutex);
    /// *guard += 1;
    /// assert_eq!(*guard, 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn lock_owned(self: Arc<Self>) -> LockOwned<T> {
        LockOwned::new_at(self, Location::caller())
    }

    /// As [`try_lock`](Self::try_lock), with a guard that owns its mutex.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it is locked, or others wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Mutex;
    /// let mutex = Arc::new(Mutex::new(1));
    /// let guard = Arc::clone(&mutex).try_lock_owned().expect("it is free");
    /// assert!(mutex.try_lock_owned().is_err());
    /// # drop(guard);
    /// ```
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        OwnedMutexGuard::try_new(self).ok_or(TryLockError)
    }

    /// As [`lock_blocking`](Self::lock_blocking), with a guard that owns its mutex.
    ///
    /// # Panics
    ///
    /// As [`lock_blocking`](Self::lock_blocking).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Mutex;
    /// let mut guard = Arc::new(Mutex::new(1)).lock_owned_blocking();
    /// *guard += 1;
    /// assert_eq!(*guard, 2);
    /// ```
    #[doc(alias = "blocking_lock_owned")]
    #[track_caller]
    pub fn lock_owned_blocking(self: Arc<Self>) -> OwnedMutexGuard<T> {
        let place = Location::caller();
        block_on("Mutex::lock_owned_blocking", place, self.lock_owned())
    }

    /// Lends the value out, since nobody else can have it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Mutex;
    /// let mut mutex = Mutex::new(1);
    /// *mutex.get_mut() += 1;
    /// assert_eq!(mutex.into_inner(), 2);
    /// ```
    #[must_use]
    pub fn get_mut(&mut self) -> &mut T {
        self.lent.get_mut()
    }

    /// Returns whether it is locked, and how many wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Mutex;
    /// let mutex = Mutex::new(1);
    /// let _guard = mutex.try_lock().expect("it is free");
    /// assert!(mutex.statistics().is_locked);
    /// assert_eq!(mutex.statistics().waiting, 0);
    /// ```
    #[must_use]
    pub fn statistics(&self) -> MutexStatistics {
        self.statistics_of(self.lent.permits().line())
    }

    fn statistics_of(&self, line: LineStatistics) -> MutexStatistics {
        MutexStatistics {
            is_locked: self.lent.permits().available() == 0,
            waiting: line.waiting,
            guards_dropped_in_panic: line.dropped_in_panic,
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
        match self.lent.permits().try_line() {
            Some(line) => mutex.field("statistics", &self.statistics_of(line)),
            None => mutex.field("statistics", &format_args!("<locked>")),
        };
        mutex.finish_non_exhaustive()
    }
}

impl std::error::Error for TryLockError {}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the mutex is locked, or others wait for it")
    }
}
