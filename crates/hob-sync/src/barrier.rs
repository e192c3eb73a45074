//! A place where a fixed number of tasks wait until all are there.
//!
//! Who comes to a [`Barrier`] waits for the others. The last to come lets all go on, and the barrier
//! serves the next round.
//!
//! # Implementation
//!
//! The lock guards the line, and the rounds. A round begins with the first who arrives, and ends when
//! the last does, or when the barrier is reset or aborted. The number of those who have arrived in the
//! present round, and whether the barrier is broken, are kept beside the lock, to be read without it;
//! they change under it.
//!
//! ```text
//!            arrives                all but one have arrived
//!   new ───────────────► in line ─────────────┐      │ arrives
//!                         │    │              ▼      ▼
//!                    drop │    │ reset     released, by number
//!       one fewer arrived ◄    └► broken
//! ```
//!
//! Who joins the line notes the round. When a round ends, its result is noted, and those in line are
//! told in order; the line may be served in several goes, and who arrives in between belongs to the
//! next round. That one may end too before all of the former were told, so there may be several results
//! at a time. There is room for two; a third is kept on the heap.
//!
//! # References
//!
//! - Python's `asyncio.Barrier`,
//!   <https://docs.python.org/3/library/asyncio-sync.html#asyncio.Barrier>, for the shape of the API.

mod round;

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::barrier::round::Meeting;
use crate::blocking::block_on;
use crate::epoch::Epoch;
use crate::wait_queue;

/// A place where a number of tasks wait for each other, round by round.
///
/// # Examples
///
/// ```
/// # use futures_lite::future::{block_on, zip};
/// # use hob_sync::Barrier;
/// let barrier = Barrier::new(2);
/// let (one, two) = block_on(zip(barrier.wait(), barrier.wait()));
/// assert_eq!(one?.index(), 0);
/// assert!(two?.is_leader());
/// # Ok::<(), hob_sync::barrier::BarrierError>(())
/// ```
pub struct Barrier {
    meeting: Meeting,
}

pin_project! {
    /// The future of [`Barrier::wait`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Wait<'a> {
        #[pin]
        wait: wait_queue::Wait<&'a Meeting>,
    }
}

/// What one is told when all are there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BarrierWait {
    index: usize,
    is_leader: bool,
}

/// Why the others were not waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BarrierError {
    /// The barrier was reset meanwhile, or it is aborted.
    Broken,
}

/// A snapshot of a [`Barrier`], for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BarrierStatistics {
    /// How many have to come.
    pub parties: usize,
    /// How many have, and wait for the others.
    pub waiting: usize,
    /// Whether it was aborted, and not reset since.
    pub is_broken: bool,
}

impl Barrier {
    /// Creates a barrier for that many.
    ///
    /// # Panics
    ///
    /// If `parties` is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Barrier;
    /// let barrier = Barrier::new(8);
    /// assert_eq!((barrier.parties(), barrier.waiting()), (8, 0));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(parties: usize) -> Self {
        assert!(parties > 0, "a barrier is for one party at least");
        Self {
            meeting: Meeting::new(parties),
        }
    }

    /// Waits until as many wait as the barrier is for.
    ///
    /// They are told their place in order of arrival, which is that of the first polls; the last one is
    /// the leader, and does not wait. What each did before is visible to all afterwards.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future before all are there makes it one fewer who waits, and breaks
    /// nothing. Afterwards it changes nothing for the others: they go on.
    ///
    /// # Errors
    ///
    /// [`BarrierError::Broken`] if the barrier is [aborted](Self::abort), or it was aborted or
    /// [reset](Self::reset) while this waited.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, zip};
    /// # use hob_sync::Barrier;
    /// # use hob_sync::barrier::BarrierError;
    /// let barrier = Barrier::new(2);
    /// let worker = async || {
    ///     let mut led = 0;
    ///     for _ in 0..3 {
    ///         led += usize::from(barrier.wait().await?.is_leader());
    ///     }
    ///     Ok::<_, BarrierError>(led)
    /// };
    /// let (one, two) = block_on(zip(worker(), worker()));
    /// assert_eq!(one? + two?, 3);
    /// # Ok::<(), BarrierError>(())
    /// ```
    #[track_caller]
    pub fn wait(&self) -> Wait<'_> {
        Wait {
            wait: wait_queue::Wait::new(&self.meeting, Epoch::NOT_IN_LINE, &"Barrier::wait"),
        }
    }

    /// Waits until as many wait as the barrier is for, blocking the thread.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks, whether or not it would have to wait: await [`wait`](Self::wait)
    /// there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Barrier;
    /// let barrier = Barrier::new(2);
    /// std::thread::scope(|scope| {
    ///     let other = scope.spawn(|| barrier.wait_blocking());
    ///     let mine = barrier.wait_blocking().unwrap();
    ///     assert_eq!(mine.index() + other.join().unwrap().unwrap().index(), 1);
    /// });
    /// ```
    #[doc(alias = "blocking_wait")]
    #[track_caller]
    pub fn wait_blocking(&self) -> Result<BarrierWait, BarrierError> {
        block_on("Barrier::wait_blocking", Location::caller(), self.wait())
    }

    /// Sends those who wait away, with an error, and starts anew: also if it was aborted.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, zip};
    /// # use hob_sync::Barrier;
    /// # use hob_sync::barrier::BarrierError;
    /// let barrier = Barrier::new(2);
    /// let (waited, ()) = block_on(zip(barrier.wait(), async { barrier.reset() }));
    /// assert_eq!(waited, Err(BarrierError::Broken));
    /// assert!(!barrier.is_broken());
    /// ```
    pub fn reset(&self) {
        self.meeting.reset();
    }

    /// Breaks the barrier: all who wait get an error, and so does who comes until it is
    /// [reset](Self::reset).
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Barrier;
    /// # use hob_sync::barrier::BarrierError;
    /// # futures_lite::future::block_on(async {
    /// let barrier = Barrier::new(1);
    /// barrier.abort();
    /// assert_eq!(barrier.wait().await, Err(BarrierError::Broken));
    /// barrier.reset();
    /// assert!(barrier.wait().await.is_ok());
    /// # });
    /// ```
    pub fn abort(&self) {
        self.meeting.abort();
    }

    /// Returns whether it was aborted, and not reset since.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Barrier;
    /// let barrier = Barrier::new(2);
    /// barrier.abort();
    /// assert!(barrier.is_broken());
    /// barrier.reset();
    /// assert!(!barrier.is_broken());
    /// ```
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.meeting.is_broken()
    }

    /// How many have to come.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Barrier;
    /// assert_eq!(Barrier::new(3).parties(), 3);
    /// ```
    #[must_use]
    pub const fn parties(&self) -> usize {
        self.meeting.parties()
    }

    /// How many have come, and wait for the others.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, poll_once};
    /// # use hob_sync::Barrier;
    /// let barrier = Barrier::new(2);
    /// let mut wait = std::pin::pin!(barrier.wait());
    /// block_on(poll_once(wait.as_mut()));
    /// assert_eq!(barrier.waiting(), 1);
    /// ```
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.meeting.arrived()
    }

    /// Returns how many have to come, how many have, and whether it is broken.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Barrier;
    /// let statistics = Barrier::new(3).statistics();
    /// assert_eq!((statistics.parties, statistics.waiting), (3, 0));
    /// assert!(!statistics.is_broken);
    /// ```
    #[must_use]
    pub fn statistics(&self) -> BarrierStatistics {
        self.meeting.statistics()
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It takes no lock, so a dump does not wait.
        f.debug_struct("Barrier")
            .field("statistics", &self.statistics())
            .finish()
    }
}

impl Future for Wait<'_> {
    type Output = Result<BarrierWait, BarrierError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().wait.poll(cx)
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl BarrierWait {
    /// The place in the order of arrival, from zero: each is there once in a round.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, zip};
    /// # use hob_sync::Barrier;
    /// let barrier = Barrier::new(2);
    /// let (one, two) = block_on(zip(barrier.wait(), barrier.wait()));
    /// assert_eq!((one?.index(), two?.index()), (0, 1));
    /// # Ok::<(), hob_sync::barrier::BarrierError>(())
    /// ```
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Returns `true` for the last to arrive, which is one in each round.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, zip};
    /// # use hob_sync::Barrier;
    /// let barrier = Barrier::new(2);
    /// let (one, two) = block_on(zip(barrier.wait(), barrier.wait()));
    /// assert_eq!((one?.is_leader(), two?.is_leader()), (false, true));
    /// # Ok::<(), hob_sync::barrier::BarrierError>(())
    /// ```
    #[must_use]
    pub const fn is_leader(&self) -> bool {
        self.is_leader
    }
}

impl std::error::Error for BarrierError {}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "the barrier is broken, or was reset",
        })
    }
}
