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
    Timeout::new(Limit::After(duration), future)
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
    Timeout::new(Limit::At(deadline, None), future)
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        limit: Limit,
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
    duration: Option<Duration>,
    place: &'static Location<'static>,
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    /// So long, from the end of the first poll, which has not been yet.
    After(Duration),
    /// Until then; the duration is what was asked for.
    At(Instant, Option<Duration>),
}

impl<F> Timeout<F> {
    #[track_caller]
    fn new<I>(limit: Limit, future: I) -> Self
    where
        I: IntoFuture<IntoFuture = F>,
    {
        Self {
            future: future.into_future(),
            limit,
            timer: Timer::new(),
            place: Location::caller(),
        }
    }

    /// When the time is up; `None` if that counts from the first poll, which has not been yet.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        match self.limit {
            Limit::After(_) => None,
            Limit::At(deadline, _) => Some(deadline),
        }
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
        let (deadline, duration) = this.limit.start();
        let place = *this.place;
        this.timer.poll_deadline(deadline, cx).map(|_| {
            Err(Elapsed {
                deadline,
                duration,
                place,
            })
        })
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("limit", &self.limit)
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
        self.duration
    }
}

impl std::error::Error for Elapsed {}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.duration {
            Some(duration) => write!(f, "not done within {duration:?}")?,
            None => write!(f, "not done by {:?}", self.deadline)?,
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
    /// The deadline, which counts from now if it was not known yet, and the duration asked for.
    fn start(&mut self) -> (Instant, Option<Duration>) {
        match *self {
            Self::At(deadline, duration) => (deadline, duration),
            Self::After(duration) => {
                let deadline = Instant::now() + duration;
                *self = Self::At(deadline, Some(duration));
                (deadline, Some(duration))
            }
        }
    }
}
