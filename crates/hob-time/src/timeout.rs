//! A limit on how long a future may take.
//!
//! # Implementation
//!
//! Each poll polls the body first and looks at the clock afterwards, so what is ready wins over the
//! deadline, and the poll that the deadline brings about gives the body a last chance. The clock is
//! read for the first time when the body is pending: a body that is ready at once costs nothing. The
//! deadline asks no budget, so a body that spends all of it cannot postpone it.
//!
//! While the body is polled, its limit stands in the [context](hob_core::context::limit), inside those
//! around it. A body that asks for its [`deadline`] there begins the limits that have not begun, so
//! each timeout takes over what became of its own.
//!
//! Of several timeouts whose time is up the outermost reports it. An inner one whose time is up looks,
//! at the same reading of the clock, whether a limit around it has ended too. Then it *defers*: it
//! stays pending, and the outer one, which looks at the clock right after its body, reports. But the
//! outer one may not come to that: its body may run an executor of its own, which polls the inner one
//! until that is done. So whoever defers wakes its task, counts that, and reports once it has deferred
//! [`DEFERRALS_MAX`] times, whatever is around it. Once would be too few: `FuturesUnordered` polls a child that
//! has woken itself a second time in the same poll.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hob_core::Instant;
use hob_core::context::limit;
use pin_project_lite::pin_project;

use crate::timer::Timer;

/// Runs `future` for `duration` at the most, counted from the end of its first poll.
///
/// A future that is ready at its first poll is never late: with [`Duration::ZERO`] it is polled
/// exactly once. [`Duration::MAX`] sets no limit. If the first poll asks for its [`deadline`], the
/// duration counts from there.
///
/// If timeouts are nested and the time of several is up, the outermost reports it.
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

/// When the first of the timeouts around this call is up; `None` if there is none, or none ever ends.
///
/// It is for protocols that tell the other side how much time there is, and for work that is not
/// worth beginning when little is left. The time may be up already: a body is polled once more then.
///
/// What is around a call is what polls it on this thread: a task that is spawned within a timeout is
/// not within it, and another runtime entered on the way begins without limits. A timeout whose first
/// poll has not ended counts from this call, and all such from one reading of the clock.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use hob_time::{Instant, deadline, timeout, timeout_at};
/// # futures_lite::future::block_on(async {
/// /// How many milliseconds a server is given to answer.
/// fn allowed() -> Option<u128> {
///     deadline().map(|deadline| (deadline - Instant::now()).as_millis())
/// }
///
/// let minute = Duration::from_secs(60);
/// let request = timeout(minute, async {
///     timeout(2 * minute, async { allowed() }).await
/// });
/// let allowed_within = request.await.unwrap().unwrap();
/// assert!(allowed_within.is_some_and(|millis| millis <= 60_000));
/// assert_eq!(allowed(), None);
///
/// let soon = Instant::now() + minute;
/// assert_eq!(timeout_at(soon, async { deadline() }).await, Ok(Some(soon)));
/// # });
/// ```
#[doc(alias = "current_effective_deadline")]
#[must_use]
pub fn deadline() -> Option<Instant> {
    limit::deadline()
}

/// How often a timeout leaves it to one around it to report.
const DEFERRALS_MAX: u8 = 2;

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        limit: Limit,
        timer: Timer,
        // How often it has left it to an enclosing limit to report that the time is up.
        deferrals: u8,
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
            deferrals: 0,
            place: Location::caller(),
        }
    }

    /// When the time is up; `None` if that is not known before the first poll ends, which has not been.
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
        let body = this.future;
        let (polled, stood) = limit::within(this.limit.of_body(), || body.poll(cx));
        if let Poll::Ready(output) = polled {
            this.timer.disarm();
            return Poll::Ready(Ok(output));
        }
        let now = this.timer.now();
        let (deadline, duration) = this.limit.start(stood, now);
        ready!(this.timer.poll_deadline_at(now, deadline, cx));
        if *this.deferrals < DEFERRALS_MAX && limit::has_ended(now) {
            *this.deferrals += 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Err(Elapsed {
            deadline,
            duration,
            place: this.place,
        }))
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
    /// What it means for the body.
    const fn of_body(self) -> limit::Limit {
        match self {
            Self::After(duration) => limit::Limit::After(duration),
            Self::At(deadline, _) => limit::Limit::At(deadline),
        }
    }

    /// The deadline, and the duration asked for. If the deadline was not known yet, it is what became
    /// of it when it `stood` around the body; if nobody has asked there, it counts from `now`.
    fn start(&mut self, stood: limit::Limit, now: Instant) -> (Instant, Option<Duration>) {
        match *self {
            Self::At(deadline, duration) => (deadline, duration),
            Self::After(duration) => {
                let deadline = match stood {
                    limit::Limit::At(deadline) => deadline,
                    limit::Limit::After(_) => now + duration,
                };
                *self = Self::At(deadline, Some(duration));
                (deadline, Some(duration))
            }
        }
    }
}
