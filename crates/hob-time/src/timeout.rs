//! A limit on how long a future may take.
//!
//! # Implementation
//!
//! Each poll polls the body first and looks at the clock afterwards, so what is ready wins over the
//! deadline, and the poll that the deadline brings about gives the body a last chance. The clock is
//! read for the first time when the body is pending: a body that is ready at once costs nothing. The
//! deadline asks no budget, so a body that spends all of it cannot postpone it.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hob_core::Instant;
use pin_project_lite::pin_project;

use crate::timer::Timer;

/// Runs `future` for `duration` at the most, counted from the end of its first poll.
///
/// A future that is ready at its first poll is never late: with [`Duration::ZERO`] it is polled
/// exactly once. [`Duration::MAX`] sets no limit.
///
/// # Cancel safety
///
/// As safe as `future`, which is dropped with the [`Timeout`] and not when the time is up. To go on
/// with it after that, pass `&mut future`.
///
/// # Errors
///
/// [`Elapsed`] if `future` is not ready when the time is up.
///
/// # Panics
///
/// Where `future` does, and as with [`sleep`](crate::sleep()).
///
/// # Examples
///
/// ```
/// # use std::future::{pending, ready};
/// # use std::time::Duration;
/// # use hob_time::timeout;
/// # futures_lite::future::block_on(async {
/// assert_eq!(timeout(Duration::ZERO, ready(7)).await, Ok(7));
///
/// let late = timeout(Duration::from_millis(1), pending::<()>()).await;
/// assert!(late.is_err());
/// # });
/// ```
#[track_caller]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout::new(Limit::After(duration), None, future)
}

/// Runs `future` until `deadline` at the latest.
///
/// A future that is ready at its first poll is never late, even if the deadline has passed.
///
/// # Cancel safety
///
/// As with [`timeout`].
///
/// # Errors
///
/// [`Elapsed`] if `future` is not ready at the deadline.
///
/// # Panics
///
/// As with [`timeout`].
///
/// # Examples
///
/// ```
/// # use std::future::pending;
/// # use hob_time::{Instant, timeout_at};
/// # futures_lite::future::block_on(async {
/// let deadline = Instant::now();
/// let late = timeout_at(deadline, pending::<()>()).await;
/// assert_eq!(late.expect_err("it is never ready").deadline(), deadline);
/// # });
/// ```
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout::new(Limit::At, Some(deadline), future)
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        limit: Limit,
        // `None` until the end of the first poll, if the time counts from there.
        deadline: Option<Instant>,
        timer: Timer,
        place: &'static Location<'static>,
    }
}

/// The time was up before the future was ready.
///
/// It turns into an [`io::Error`] of the kind [`TimedOut`](io::ErrorKind::TimedOut).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Elapsed {
    deadline: Instant,
    limit: Limit,
    place: &'static Location<'static>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Limit {
    At,
    After(Duration),
}

impl<F> Timeout<F> {
    #[track_caller]
    fn new<I>(limit: Limit, deadline: Option<Instant>, future: I) -> Self
    where
        I: IntoFuture<IntoFuture = F>,
    {
        Self {
            future: future.into_future(),
            limit,
            deadline,
            timer: Timer::new(),
            place: Location::caller(),
        }
    }

    /// When the time is up; `None` if that counts from the first poll, which has not been yet.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The future that has a limit.
    #[must_use]
    pub const fn get_ref(&self) -> &F {
        &self.future
    }

    /// The future that has a limit, without it.
    #[must_use]
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            this.timer.disarm();
            return Poll::Ready(Ok(output));
        }
        let limit = *this.limit;
        let deadline = *this.deadline.get_or_insert_with(|| limit.from_now());
        this.timer.poll_deadline(deadline, cx).map(|_| {
            Err(Elapsed {
                deadline,
                limit,
                place: *this.place,
            })
        })
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("limit", &self.limit)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Elapsed {
    /// When the time was up.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How much time there was; `None` for [`timeout_at`], which was given a deadline.
    #[must_use]
    pub const fn duration(&self) -> Option<Duration> {
        match self.limit {
            Limit::At => None,
            Limit::After(duration) => Some(duration),
        }
    }
}

impl std::error::Error for Elapsed {}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Limit::At => write!(f, "not done by {:?}", self.deadline)?,
            Limit::After(duration) => write!(f, "not done within {duration:?}")?,
        }
        write!(f, ", the limit set at {}", self.place)
    }
}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}

impl Limit {
    /// The deadline of a limit that counts from now on.
    fn from_now(self) -> Instant {
        match self {
            Self::At => unreachable!("a deadline that was given is known from the start"),
            Self::After(duration) => Instant::now() + duration,
        }
    }
}
