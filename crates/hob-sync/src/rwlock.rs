//! A lock that several may hold to read, or one to write.
//!
//! [`RwLock`] is a [`Mutex`](crate::Mutex) whose readers do not wait for one another. It pays where
//! reading is frequent and takes long, or is held across `.await`.
//!
//! # Implementation
//!
//! The value is `Lent`, to a reader for one seat, to a writer for all. Both stand in the same line,
//! as `permits` tells: a writer that is first waits until it has all, and those behind it wait too. A
//! writer that downgrades keeps one seat and gives the others to those in line.
//!
//! # References
//!
//! - P. J. Courtois, F. Heymans, D. L. Parnas, "Concurrent control with readers and writers", 1971:
//!   the problem, and how either side can starve the other.
//! - Tokio's `RwLock`, <https://docs.rs/tokio/latest/tokio/sync/struct.RwLock.html>, for the shape of
//!   the API and the order.

mod error;
mod lock;
mod owned_lock;
mod read_guard;
mod write_guard;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::blocking::block_on;
use crate::lent::{AllSeats, Lent};
use crate::permits::LineStatistics;

pub use self::error::{TryReadError, TryWriteError};
pub use self::lock::{Read, Write};
pub use self::owned_lock::{ReadOwned, WriteOwned};
pub use self::read_guard::{OwnedRwLockReadGuard, RwLockReadGuard};
pub use self::write_guard::{
    MappedRwLockWriteGuard, OwnedMappedRwLockWriteGuard, OwnedRwLockWriteGuard, RwLockWriteGuard,
};

/// A lock around a value that several may hold to read, or one to write, across `.await`.
///
/// It is handed over in the order in which the others had to wait, as a
/// [`Mutex`](crate::Mutex#order). A reader that comes after a waiting writer waits behind it, so
/// writers do not starve; nor do readers, as a writer that comes after them waits behind them. Therefore a task that reads must not ask for a second read
/// guard: a writer may wait in between, and then each waits for the other.
///
/// A guard that is dropped by a panic unlocks as any other; there is no poison, but
/// [`statistics`](Self::statistics) counts it.
///
/// # Examples
///
/// ```
/// # use hob_sync::RwLock;
/// # futures_lite::future::block_on(async {
/// let timetable = RwLock::new(vec!["7:00"]);
/// {
///     let one = timetable.read().await;
///     let two = timetable.read().await;
///     assert_eq!(one.len(), two.len());
///     assert!(timetable.try_write().is_err(), "it is being read");
/// }
/// timetable.write().await.push("8:00");
/// assert_eq!(*timetable.read().await, ["7:00", "8:00"]);
/// # });
/// ```
pub struct RwLock<T: ?Sized> {
    lent: Lent<AllSeats, T>,
}

/// A snapshot of a [`RwLock`], for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RwLockStatistics {
    /// How many hold it to read, or were given it and have not run since.
    pub readers: usize,
    /// Whether somebody holds it to write, or was given it and has not run since.
    pub is_write_locked: bool,
    /// How many stand in line, readers and writers.
    pub waiting: usize,
    /// How many guards were dropped by a panic, readers' and writers'. One that was made during the
    /// panic that was under way when it was dropped, in some `Drop`, is not among them.
    pub guards_dropped_in_panic: u64,
}

impl<T> RwLock<T> {
    /// Creates an unlocked lock, for up to [`READERS_MAX`](RwLock::READERS_MAX) readers at a time.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::RwLock;
    /// let lock = RwLock::new(1);
    /// assert_eq!(lock.statistics().readers, 0);
    /// assert!(!lock.statistics().is_write_locked);
    /// ```
    #[must_use]
    pub fn new(value: T) -> Self {
        Self::with_seats(AllSeats::MAX, value)
    }

    /// Creates an unlocked lock, for up to `readers` readers at a time; others wait.
    ///
    /// # Panics
    ///
    /// If `readers` is zero, or more than [`READERS_MAX`](RwLock::READERS_MAX).
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::RwLock;
    /// let lock = RwLock::with_max_readers("a book", 1);
    /// let _reader = lock.try_read().expect("it is free");
    /// assert!(lock.try_read().is_err());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_max_readers(value: T, readers: u32) -> Self {
        assert!(readers > 0, "a lock without readers could never be read");
        assert!(
            readers <= Self::READERS_MAX,
            "a lock has at most RwLock::READERS_MAX readers"
        );
        Self::with_seats(readers, value)
    }

    fn with_seats(seats: u32, value: T) -> Self {
        Self {
            lent: Lent::new(AllSeats::new(seats), value),
        }
    }

    /// Takes the value out.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::RwLock;
    /// assert_eq!(RwLock::new(1).into_inner(), 1);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        self.lent.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// The most readers that there can be at a time.
    pub const READERS_MAX: u32 = AllSeats::MAX;

    /// Locks it to read, waiting in line if somebody writes or waits.
    ///
    /// It waits its turn, as [`RwLock`] tells. What earlier writers did is visible to later readers.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future gives up the place in line. If it had been handed the lock
    /// already, that goes to the next in line.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::RwLock;
    /// # futures_lite::future::block_on(async {
    /// let lock = RwLock::new(1);
    /// let (one, two) = (lock.read().await, lock.read().await);
    /// assert_eq!(*one + *two, 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn read(&self) -> Read<'_, T> {
        Read::new(self)
    }

    /// Locks it to write, waiting in line if somebody holds it or waits.
    ///
    /// Readers that come later wait behind, so it is served in a bounded time, if guards are.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future gives up the place in line, and lets those behind it through.
    /// If it had been handed the lock already, that goes to the next in line.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::RwLock;
    /// # futures_lite::future::block_on(async {
    /// let lock = RwLock::new(1);
    /// *lock.write().await += 1;
    /// assert_eq!(*lock.read().await, 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn write(&self) -> Write<'_, T> {
        Write::new(self)
    }

    /// Locks it to read if nobody writes or waits.
    ///
    /// # Errors
    ///
    /// [`TryReadError`] if somebody writes or waits, or there are as many readers as there can be.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::RwLock;
    /// let lock = RwLock::new(1);
    /// let reader = lock.try_read().expect("it is free");
    /// assert!(lock.try_read().is_ok());
    /// assert!(lock.try_write().is_err());
    /// # drop(reader);
    /// ```
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryReadError> {
        let loan = self.lent.offer_shared().try_accept();
        loan.map(RwLockReadGuard::new).ok_or(TryReadError)
    }

    /// Locks it to write if nobody holds it or waits.
    ///
    /// # Errors
    ///
    /// [`TryWriteError`] if somebody holds it or waits.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::RwLock;
    /// let lock = RwLock::new(1);
    /// let writer = lock.try_write().expect("it is free");
    /// assert!(lock.try_read().is_err());
    /// # drop(writer);
    /// ```
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryWriteError> {
        let loan = self.lent.offer().try_accept();
        loan.map(RwLockWriteGuard::new).ok_or(TryWriteError)
    }

    /// Locks it to read, blocking the thread meanwhile. It stands in the same line as all.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks, whether or not it would have to wait: await
    /// [`read`](Self::read) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::RwLock;
    /// assert_eq!(*RwLock::new(1).read_blocking(), 1);
    /// ```
    #[doc(alias = "blocking_read")]
    #[track_caller]
    pub fn read_blocking(&self) -> RwLockReadGuard<'_, T> {
        block_on("RwLock::read_blocking", Location::caller(), self.read())
    }

    /// Locks it to write, blocking the thread meanwhile. It stands in the same line as all.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks, whether or not it would have to wait: await
    /// [`write`](Self::write) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::RwLock;
    /// let lock = RwLock::new(1);
    /// *lock.write_blocking() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    #[doc(alias = "blocking_write")]
    #[track_caller]
    pub fn write_blocking(&self) -> RwLockWriteGuard<'_, T> {
        block_on("RwLock::write_blocking", Location::caller(), self.write())
    }

    /// As [`read`](Self::read), with a guard that owns its lock: for tasks, and for what is kept.
    ///
    /// # Cancel safety
    ///
    /// As [`read`](Self::read).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::RwLock;
    /// # futures_lite::future::block_on(async {
    /// let guard = Arc::new(RwLock::new(1)).read_owned().await;
    /// assert_eq!(*guard, 1);
    /// # });
    /// ```
    #[track_caller]
    pub fn read_owned(self: Arc<Self>) -> ReadOwned<T> {
        ReadOwned::new(self)
    }

    /// As [`write`](Self::write), with a guard that owns its lock: for tasks, and for what is kept.
    ///
    /// # Cancel safety
    ///
    /// As [`write`](Self::write).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::RwLock;
    /// # futures_lite::future::block_on(async {
    /// let mut guard = Arc::new(RwLock::new(1)).write_owned().await;
    /// *guard += 1;
    /// assert_eq!(*guard, 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn write_owned(self: Arc<Self>) -> WriteOwned<T> {
        WriteOwned::new(self)
    }

    /// As [`try_read`](Self::try_read), with a guard that owns its lock.
    ///
    /// # Errors
    ///
    /// As [`try_read`](Self::try_read).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::RwLock;
    /// let guard = Arc::new(RwLock::new(1)).try_read_owned().expect("it is free");
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryReadError> {
        OwnedRwLockReadGuard::try_new(self).ok_or(TryReadError)
    }

    /// As [`try_write`](Self::try_write), with a guard that owns its lock.
    ///
    /// # Errors
    ///
    /// As [`try_write`](Self::try_write).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::RwLock;
    /// let mut guard = Arc::new(RwLock::new(1)).try_write_owned().expect("it is free");
    /// *guard += 1;
    /// assert_eq!(*guard, 2);
    /// ```
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryWriteError> {
        OwnedRwLockWriteGuard::try_new(self).ok_or(TryWriteError)
    }

    /// As [`read_blocking`](Self::read_blocking), with a guard that owns its lock.
    ///
    /// # Panics
    ///
    /// As [`read_blocking`](Self::read_blocking).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::RwLock;
    /// assert_eq!(*Arc::new(RwLock::new(1)).read_owned_blocking(), 1);
    /// ```
    #[track_caller]
    pub fn read_owned_blocking(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        let place = Location::caller();
        block_on("RwLock::read_owned_blocking", place, self.read_owned())
    }

    /// As [`write_blocking`](Self::write_blocking), with a guard that owns its lock.
    ///
    /// # Panics
    ///
    /// As [`write_blocking`](Self::write_blocking).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::RwLock;
    /// let mut guard = Arc::new(RwLock::new(1)).write_owned_blocking();
    /// *guard += 1;
    /// assert_eq!(*guard, 2);
    /// ```
    #[track_caller]
    pub fn write_owned_blocking(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        let place = Location::caller();
        block_on("RwLock::write_owned_blocking", place, self.write_owned())
    }

    /// Lends the value out, since nobody else can have it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::RwLock;
    /// let mut lock = RwLock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    #[must_use]
    pub fn get_mut(&mut self) -> &mut T {
        self.lent.get_mut()
    }

    /// Returns who holds it, and how many wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::RwLock;
    /// let lock = RwLock::new(1);
    /// let _reader = lock.try_read().expect("it is free");
    /// assert_eq!(lock.statistics().readers, 1);
    /// assert!(!lock.statistics().is_write_locked);
    /// ```
    #[must_use]
    pub fn statistics(&self) -> RwLockStatistics {
        self.statistics_of(self.lent.permits().line())
    }

    fn statistics_of(&self, line: LineStatistics) -> RwLockStatistics {
        let readers = self.lent.seats_taken();
        RwLockStatistics {
            readers: readers.unwrap_or(0),
            is_write_locked: readers.is_none(),
            waiting: line.waiting,
            guards_dropped_in_panic: line.dropped_in_panic,
        }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lock = f.debug_struct("RwLock");
        // A dump must not wait, nor be in anybody's way: to show the value it would have to lock.
        match self.lent.permits().try_line() {
            Some(line) => lock.field("statistics", &self.statistics_of(line)),
            None => lock.field("statistics", &format_args!("<locked>")),
        };
        lock.finish_non_exhaustive()
    }
}
