//! A number of permits that many share.
//!
//! [`Semaphore`] bounds how much happens at once: connections, open files, jobs. Whoever wants to go
//! on acquires permits and holds them in a guard.
//!
//! # Implementation
//!
//! The permits and the line are those of `permits`. Beside the permits that are there, the number of
//! those that exist is kept, there or held. It is bounded by [`Semaphore::PERMITS_MAX`], so no release
//! can overflow the first.
//!
//! # References
//!
//! - E. W. Dijkstra, "Cooperating sequential processes", EWD 123, 1965.
//! - Tokio's `Semaphore`, <https://docs.rs/tokio/latest/tokio/sync/struct.Semaphore.html>, for the
//!   shape of the API.

mod acquire;
mod error;
mod permit;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::blocking::block_on;
use crate::permits::{LineStatistics, Permits, Refused};
use crate::primitive::{AtomicUsize, Ordering};

pub use self::acquire::{Acquire, AcquireOwned};
pub use self::error::{AcquireError, AddPermitsError, TryAcquireError};
pub use self::permit::{OwnedSemaphorePermit, SemaphorePermit};

/// A number of permits, handed out first come, first served.
///
/// They go to others in the order in which these had to wait, as a [`Mutex`](crate::Mutex#order). A
/// request for many permits that stands first in line is not overtaken by smaller ones behind it.
///
/// # Examples
///
/// ```
/// # use hob_sync::Semaphore;
/// # futures_lite::future::block_on(async {
/// let seats = Semaphore::new(2);
/// let one = seats.acquire().await?;
/// let two = seats.acquire().await?;
/// assert!(seats.try_acquire().is_err());
/// drop(one);
/// assert_eq!(seats.available_permits(), 1);
/// # drop(two);
/// # Ok::<(), hob_sync::semaphore::AcquireError>(())
/// # }).unwrap();
/// ```
pub struct Semaphore {
    permits: Permits,
    /// Those that are there, held, or granted and not yet taken.
    total: AtomicUsize,
}

/// A snapshot of a [`Semaphore`], for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SemaphoreStatistics {
    /// Permits that can be acquired.
    pub permits_available: usize,
    /// Permits that exist: those, and those that are held.
    pub permits_total: usize,
    /// How many stand in line.
    pub waiting: usize,
    /// Whether it was closed.
    pub is_closed: bool,
}

impl Semaphore {
    /// The most permits that a semaphore can have.
    pub const PERMITS_MAX: usize = Permits::MAX;

    /// Creates a semaphore with that many permits; zero are allowed, and can be added to.
    ///
    /// # Panics
    ///
    /// If `permits` is more than [`PERMITS_MAX`](Self::PERMITS_MAX).
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// assert_eq!(Semaphore::new(2).available_permits(), 2);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        assert!(
            permits <= Self::PERMITS_MAX,
            "a semaphore has at most Semaphore::PERMITS_MAX permits"
        );
        Self {
            permits: Permits::new(permits),
            total: AtomicUsize::new(permits),
        }
    }

    /// Acquires a permit, waiting in line if there is none.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future gives up the place in line. If it had been given its permit
    /// already, the next in line gets it.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Closed`] if the semaphore is closed, now or while waiting.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// # futures_lite::future::block_on(async {
    /// let semaphore = Semaphore::new(1);
    /// let permit = semaphore.acquire().await?;
    /// assert_eq!(semaphore.available_permits(), 0);
    /// # drop(permit);
    /// # Ok::<(), hob_sync::semaphore::AcquireError>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn acquire(&self) -> Acquire<'_> {
        Acquire::new(self, 1, &"Semaphore::acquire")
    }

    /// Acquires `permits` permits at once, waiting in line until there are so many.
    ///
    /// Those who come later wait behind, even if they ask for less.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire), and [`AcquireError::TooManyPermits`] for more than
    /// [`PERMITS_MAX`](Self::PERMITS_MAX). More than there are is no error: they may be
    /// [added](Self::add_permits).
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// # use hob_sync::semaphore::AcquireError;
    /// # futures_lite::future::block_on(async {
    /// let semaphore = Semaphore::new(5);
    /// let permit = semaphore.acquire_many(3).await?;
    /// assert_eq!(permit.count(), 3);
    /// let error = semaphore.acquire_many(usize::MAX).await.unwrap_err();
    /// assert_eq!(error, AcquireError::TooManyPermits);
    /// # Ok::<(), AcquireError>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn acquire_many(&self, permits: usize) -> Acquire<'_> {
        Acquire::new(self, permits, &"Semaphore::acquire_many")
    }

    /// Acquires a permit if there is one and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says why not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// # use hob_sync::semaphore::TryAcquireError;
    /// let semaphore = Semaphore::new(0);
    /// assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    /// ```
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Acquires `permits` permits if there are so many and nobody waits for them.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says why not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(3);
    /// let permits = semaphore.try_acquire_many(2).unwrap();
    /// assert!(semaphore.try_acquire_many(2).is_err());
    /// # drop(permits);
    /// ```
    pub fn try_acquire_many(&self, permits: usize) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_take(permits)?;
        Ok(SemaphorePermit::new(self, permits))
    }

    /// As [`acquire`](Self::acquire), with a permit that owns its semaphore: for tasks.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Semaphore;
    /// # futures_lite::future::block_on(async {
    /// let semaphore = Arc::new(Semaphore::new(1));
    /// let permit = Arc::clone(&semaphore).acquire_owned().await?;
    /// drop(semaphore);
    /// assert_eq!(permit.semaphore().available_permits(), 0);
    /// # Ok::<(), hob_sync::semaphore::AcquireError>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn acquire_owned(self: Arc<Self>) -> AcquireOwned {
        AcquireOwned::new(self, 1, &"Semaphore::acquire_owned")
    }

    /// As [`acquire_many`](Self::acquire_many), with permits that own their semaphore.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// As [`acquire_many`](Self::acquire_many).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Semaphore;
    /// # futures_lite::future::block_on(async {
    /// let semaphore = Arc::new(Semaphore::new(3));
    /// let permits = Arc::clone(&semaphore).acquire_many_owned(2).await?;
    /// assert_eq!((permits.count(), semaphore.available_permits()), (2, 1));
    /// # Ok::<(), hob_sync::semaphore::AcquireError>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn acquire_many_owned(self: Arc<Self>, permits: usize) -> AcquireOwned {
        AcquireOwned::new(self, permits, &"Semaphore::acquire_many_owned")
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that owns its semaphore.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says why not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Semaphore;
    /// let semaphore = Arc::new(Semaphore::new(1));
    /// let permit = Arc::clone(&semaphore).try_acquire_owned().unwrap();
    /// assert!(semaphore.try_acquire_owned().is_err());
    /// # drop(permit);
    /// ```
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), with permits that own their semaphore.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says why not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Semaphore;
    /// let semaphore = Arc::new(Semaphore::new(3));
    /// let permits = Arc::clone(&semaphore).try_acquire_many_owned(2).unwrap();
    /// assert!(semaphore.try_acquire_many_owned(2).is_err());
    /// # drop(permits);
    /// ```
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        permits: usize,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_take(permits)?;
        Ok(OwnedSemaphorePermit::new(self, permits))
    }

    /// Acquires a permit, blocking the thread if there is none. It stands in the same line as all.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks, whether or not it would have to wait: await
    /// [`acquire`](Self::acquire) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(1);
    /// let permit = semaphore.acquire_blocking()?;
    /// assert_eq!(semaphore.available_permits(), 0);
    /// # drop(permit);
    /// # Ok::<(), hob_sync::semaphore::AcquireError>(())
    /// ```
    #[doc(alias = "blocking_acquire")]
    #[track_caller]
    pub fn acquire_blocking(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        let place = Location::caller();
        block_on("Semaphore::acquire_blocking", place, self.acquire())
    }

    /// Acquires `permits` permits at once, blocking the thread until there are so many.
    ///
    /// # Errors
    ///
    /// As [`acquire_many`](Self::acquire_many).
    ///
    /// # Panics
    ///
    /// As [`acquire_blocking`](Self::acquire_blocking).
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(3);
    /// let permits = semaphore.acquire_many_blocking(2)?;
    /// assert_eq!((permits.count(), semaphore.available_permits()), (2, 1));
    /// # drop(permits);
    /// # Ok::<(), hob_sync::semaphore::AcquireError>(())
    /// ```
    #[track_caller]
    pub fn acquire_many_blocking(
        &self,
        permits: usize,
    ) -> Result<SemaphorePermit<'_>, AcquireError> {
        let place = Location::caller();
        block_on(
            "Semaphore::acquire_many_blocking",
            place,
            self.acquire_many(permits),
        )
    }

    /// As [`acquire_blocking`](Self::acquire_blocking), with a permit that owns its semaphore.
    ///
    /// # Errors
    ///
    /// As [`acquire_owned`](Self::acquire_owned).
    ///
    /// # Panics
    ///
    /// As [`acquire_blocking`](Self::acquire_blocking).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Semaphore;
    /// let semaphore = Arc::new(Semaphore::new(1));
    /// let permit = Arc::clone(&semaphore).acquire_owned_blocking()?;
    /// assert_eq!((permit.count(), semaphore.available_permits()), (1, 0));
    /// # Ok::<(), hob_sync::semaphore::AcquireError>(())
    /// ```
    #[track_caller]
    pub fn acquire_owned_blocking(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        let place = Location::caller();
        block_on(
            "Semaphore::acquire_owned_blocking",
            place,
            self.acquire_owned(),
        )
    }

    /// As [`acquire_many_blocking`](Self::acquire_many_blocking), with permits that own their semaphore.
    ///
    /// # Errors
    ///
    /// As [`acquire_many_owned`](Self::acquire_many_owned).
    ///
    /// # Panics
    ///
    /// As [`acquire_blocking`](Self::acquire_blocking).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Semaphore;
    /// let semaphore = Arc::new(Semaphore::new(3));
    /// let permits = Arc::clone(&semaphore).acquire_many_owned_blocking(2)?;
    /// assert_eq!((permits.count(), semaphore.available_permits()), (2, 1));
    /// # Ok::<(), hob_sync::semaphore::AcquireError>(())
    /// ```
    #[track_caller]
    pub fn acquire_many_owned_blocking(
        self: Arc<Self>,
        permits: usize,
    ) -> Result<OwnedSemaphorePermit, AcquireError> {
        let place = Location::caller();
        block_on(
            "Semaphore::acquire_many_owned_blocking",
            place,
            self.acquire_many_owned(permits),
        )
    }

    /// Adds permits, for those in line first.
    ///
    /// # Errors
    ///
    /// [`AddPermitsError`] if there would be more than [`PERMITS_MAX`](Self::PERMITS_MAX), those
    /// that are held included; then none is added.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(1);
    /// semaphore.add_permits(2).unwrap();
    /// assert_eq!(semaphore.available_permits(), 3);
    /// assert!(semaphore.add_permits(usize::MAX).is_err());
    /// ```
    pub fn add_permits(&self, permits: usize) -> Result<(), AddPermitsError> {
        let add = |total: usize| {
            let total = total.checked_add(permits);
            total.filter(|total| *total <= Self::PERMITS_MAX)
        };
        self.total
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .map_err(|_| AddPermitsError)?;
        self.permits.release(permits);
        Ok(())
    }

    /// Takes up to `permits` permits out of the semaphore for good, and returns how many: no more than
    /// are there. Permits that are held are not touched, nor is anybody in line overtaken by this: who
    /// waits goes on waiting.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(3);
    /// let _held = semaphore.try_acquire().unwrap();
    /// assert_eq!(semaphore.forget_permits(9), 2);
    /// assert_eq!(semaphore.statistics().permits_total, 1);
    /// ```
    pub fn forget_permits(&self, permits: usize) -> usize {
        let taken = self.permits.take_up_to(permits);
        self.forget(taken);
        taken
    }

    /// Closes the semaphore: all who wait, now and later, get an error.
    ///
    /// Permits that were handed out stay valid, those included that a waiter was given and has not
    /// taken yet.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// # use hob_sync::semaphore::TryAcquireError;
    /// let semaphore = Semaphore::new(2);
    /// let permit = semaphore.try_acquire().unwrap();
    /// semaphore.close();
    /// assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
    /// assert_eq!(permit.count(), 1);
    /// ```
    pub fn close(&self) {
        self.permits.close();
    }

    /// Returns `true` once it was closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(1);
    /// assert!(!semaphore.is_closed());
    /// semaphore.close();
    /// assert!(semaphore.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// How many permits are there to be acquired.
    ///
    /// While a large request waits at the head of the line, some may be there that nobody else gets.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(3);
    /// let _permits = semaphore.try_acquire_many(2).unwrap();
    /// assert_eq!(semaphore.available_permits(), 1);
    /// ```
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.permits.available()
    }

    /// Returns the counts, and how many wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(3);
    /// let _permit = semaphore.try_acquire().unwrap();
    /// let statistics = semaphore.statistics();
    /// assert_eq!((statistics.permits_available, statistics.permits_total), (2, 3));
    /// assert_eq!((statistics.waiting, statistics.is_closed), (0, false));
    /// ```
    #[must_use]
    pub fn statistics(&self) -> SemaphoreStatistics {
        self.statistics_of(self.permits.line())
    }

    fn try_take(&self, permits: usize) -> Result<(), TryAcquireError> {
        if permits > Self::PERMITS_MAX {
            return Err(TryAcquireError::TooManyPermits);
        }
        self.permits
            .try_acquire(permits)
            .map_err(|refused| match refused {
                Refused::TooFew => TryAcquireError::NoPermits,
                Refused::Closed => TryAcquireError::Closed,
            })
    }

    fn forget(&self, permits: usize) {
        let total = self.total.fetch_sub(permits, Ordering::Relaxed);
        debug_assert!(permits <= total, "more are forgotten than exist");
    }

    fn statistics_of(&self, line: LineStatistics) -> SemaphoreStatistics {
        SemaphoreStatistics {
            permits_available: self.permits.available(),
            permits_total: self.total.load(Ordering::Relaxed),
            waiting: line.waiting,
            is_closed: self.permits.is_closed(),
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut semaphore = f.debug_struct("Semaphore");
        // A dump must not wait.
        match self.permits.try_line() {
            Some(line) => semaphore.field("statistics", &self.statistics_of(line)),
            None => semaphore.field("statistics", &format_args!("<locked>")),
        };
        semaphore.finish()
    }
}
