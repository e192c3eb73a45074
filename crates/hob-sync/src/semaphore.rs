//! A number of permits that many share.
//!
//! [`Semaphore`] bounds how much happens at once: connections, open files, jobs. Whoever wants to go
//! on acquires permits and holds them in a guard.
//!
//! # Implementation
//!
//! A small lock guards the counts and the line. Permits go to the first in line as soon as there are
//! as many as it asks for. Until then those behind it wait too, so a large request is not starved by
//! small ones.
//!
//! Two numbers are kept: the permits that are there, and the permits that exist, there or held. The
//! second is bounded by [`Semaphore::PERMITS_MAX`], so no release can overflow the first.
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
use std::task::{Context, Poll};

use crate::blocking::block_on;
use crate::primitive::Guarded;
use crate::wait_queue::{Serve, Settle, Ticket, WaitQueue, poll_in_line, serve, try_take, update};
use crate::waker::WakeList;

pub use self::acquire::{Acquire, AcquireOwned};
pub use self::error::{AcquireError, AddPermitsError, TryAcquireError};
pub use self::permit::{OwnedSemaphorePermit, SemaphorePermit};

/// A number of permits, handed out first come, first served.
///
/// The order is that of the first polls. A request for many permits that stands first in line is not
/// overtaken by smaller ones behind it.
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
    state: Guarded<State>,
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

struct State {
    available: usize,
    /// Those that are available, held, or granted and not yet taken.
    total: usize,
    closed: bool,
    line: WaitQueue<usize, Result<usize, Closed>>,
}

/// What those in line are told when the semaphore is closed.
struct Closed;

impl Semaphore {
    /// The most permits that a semaphore can have.
    pub const PERMITS_MAX: usize = usize::MAX >> 3;

    /// Creates a semaphore with that many permits; zero are allowed, and can be added to.
    ///
    /// # Panics
    ///
    /// If `permits` is more than [`PERMITS_MAX`](Self::PERMITS_MAX).
    #[must_use]
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        assert!(
            permits <= Self::PERMITS_MAX,
            "a semaphore has at most Semaphore::PERMITS_MAX permits"
        );
        Self {
            state: Guarded::new(State {
                available: permits,
                total: permits,
                closed: false,
                line: WaitQueue::new(),
            }),
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
        Acquire::new(self, 1, Ticket::new("Semaphore::acquire"))
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
        Acquire::new(self, permits, Ticket::new("Semaphore::acquire_many"))
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
    pub fn try_acquire_many(&self, permits: usize) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        let count = self.try_take(permits)?;
        Ok(SemaphorePermit::new(self, count))
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
        AcquireOwned::new(self, 1, Ticket::new("Semaphore::acquire_owned"))
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
    #[track_caller]
    pub fn acquire_many_owned(self: Arc<Self>, permits: usize) -> AcquireOwned {
        AcquireOwned::new(self, permits, Ticket::new("Semaphore::acquire_many_owned"))
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that owns its semaphore.
    ///
    /// # Errors
    ///
    /// [`TryAcquireError`] says why not.
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        let count = self.try_take(1)?;
        Ok(OwnedSemaphorePermit::new(self, count))
    }

    /// Acquires a permit, blocking the thread if there is none. It stands in the same line as all.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`acquire`](Self::acquire) there.
    #[doc(alias = "blocking_acquire")]
    #[track_caller]
    pub fn acquire_blocking(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        let place = Location::caller();
        block_on("Semaphore::acquire_blocking", place, self.acquire())
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
        update(&self.state, |state| {
            let total = state.total.checked_add(permits);
            state.total = total
                .filter(|total| *total <= Self::PERMITS_MAX)
                .ok_or(AddPermitsError)?;
            state.available += permits;
            Ok(())
        })
    }

    /// Closes the semaphore: all who wait, now and later, get an error.
    ///
    /// Permits that were handed out stay valid, those included that a waiter was given and has not
    /// taken yet.
    pub fn close(&self) {
        update(&self.state, |state| state.closed = true);
    }

    /// Returns `true` once it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// How many permits are there to be acquired.
    ///
    /// While a large request waits at the head of the line, some may be there that nobody else gets.
    #[must_use]
    pub fn available_permits(&self) -> usize {
        self.state.lock().available
    }

    /// Returns the counts, and how many wait.
    #[must_use]
    pub fn statistics(&self) -> SemaphoreStatistics {
        self.state.lock().statistics()
    }

    fn try_take(&self, permits: usize) -> Result<usize, TryAcquireError> {
        if permits > Self::PERMITS_MAX {
            return Err(TryAcquireError::TooManyPermits);
        }
        try_take(&self.state, permits)
            .ok_or(TryAcquireError::NoPermits)?
            .map_err(|Closed| TryAcquireError::Closed)
    }

    fn poll_acquire(
        &self,
        request: usize,
        ticket: &mut Ticket,
        cx: &Context<'_>,
    ) -> Poll<Result<usize, AcquireError>> {
        if request > Self::PERMITS_MAX {
            ticket.finish();
            return Poll::Ready(Err(AcquireError::TooManyPermits));
        }
        poll_in_line(&self.state, ticket, request, cx).map_err(|Closed| AcquireError::Closed)
    }

    fn release(&self, permits: usize) {
        update(&self.state, |state| {
            state.available += permits;
            debug_assert!(
                state.available <= state.total,
                "more came back than went out"
            );
        });
    }

    fn forget(&self, permits: usize) {
        let mut state = self.state.lock();
        debug_assert!(state.available + permits <= state.total);
        state.total -= permits;
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut semaphore = f.debug_struct("Semaphore");
        // A dump must not wait.
        match self.state.try_lock() {
            Some(state) => semaphore.field("statistics", &state.statistics()),
            None => semaphore.field("statistics", &format_args!("<locked>")),
        };
        semaphore.finish()
    }
}

impl State {
    fn statistics(&self) -> SemaphoreStatistics {
        SemaphoreStatistics {
            permits_available: self.available,
            permits_total: self.total,
            waiting: self.line.len(),
            is_closed: self.closed,
        }
    }
}

impl Settle for State {
    fn settle(&mut self, wakes: &mut WakeList) {
        serve(self, wakes);
    }
}

impl Serve for State {
    type Request = usize;
    type Grant = Result<usize, Closed>;

    fn line(&mut self) -> &mut WaitQueue<usize, Result<usize, Closed>> {
        &mut self.line
    }

    fn take(&mut self, request: usize) -> Option<Result<usize, Closed>> {
        if self.closed {
            return Some(Err(Closed));
        }
        self.available = self.available.checked_sub(request)?;
        Some(Ok(request))
    }

    fn put_back(&mut self, grant: Result<usize, Closed>) -> Option<Result<usize, Closed>> {
        if let Ok(permits) = grant {
            self.available += permits;
        }
        None
    }
}
