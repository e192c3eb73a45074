//! Which clock a runtime goes by, how exactly, and what does not go with a virtual one.

use std::io;
use std::time::Duration;

use hob_time::RuntimeClock;

use crate::builder::Builder;

/// How late a timer may be where many fire one soon after the other.
const TIMER_SLACK: Duration = Duration::from_micros(100);

impl Builder {
    /// Sets the clock: [`RuntimeClock::System`], the default, or [`Virtual`](crate::time::Virtual).
    ///
    /// # Virtual time
    ///
    /// It is for tests, and for runtimes of [one thread](Self::build_local). Its clock begins at an instant
    /// that is always the same, stands still while anything runs, and jumps to the next timer when there
    /// is nothing else to do. So an hour takes no time, and what a program reads from the clock is exact:
    /// after `sleep(HOUR)` it is an hour later, not a nanosecond more.
    ///
    /// Before it jumps
    ///
    /// - no task is runnable, nor the future of `block_on`, and nobody waits for just that;
    /// - no blocking job runs or waits for its thread, whoever runs [those](Self::blocking): no
    ///   [`to_thread`](crate::to_thread) loses against a [`timeout`](crate::timeout) because the clock jumped;
    /// - one look at the poller has found no descriptor that is ready, and no wake from another thread.
    ///
    /// What it cannot know of, it does not wait for: a thread of one's own, a process, a peer on a network
    /// that will answer later. Let those be awaited without a timer, or through `to_thread`. A job that
    /// itself waits for virtual time to pass waits for ever, since it holds the clock, and so does every timer
    /// while a job is stuck, such as one that reads a silent standard input.
    ///
    /// It begins 36 years after the zero of [`Instant`](crate::time::Instant), as the system's clock does, and then goes its own
    /// way: an instant that was made from one of `std` is on the system's clock, and not comparable. A shutdown lets
    /// virtual time pass like any other wait: a cleanup that waits for the outside world may be cut at its deadline
    /// at once.
    ///
    /// [`advance`](crate::time::advance()) moves the clock by hand. `#[hob::test(virtual_time)]` runs a
    /// test on such a runtime, and the simulator has a clock of this kind by itself. Threads are managed by
    /// the system's clock: a shutdown ends at its deadline by either clock, whichever is first, and the
    /// [`watchdog`](Self::watchdog) knows how long a poll really lasts.
    ///
    /// # Examples
    ///
    /// A retry with back-off, tested with the pauses that it has in production:
    ///
    /// ```
    /// use std::io;
    /// use std::time::Duration;
    /// use hob::Runtime;
    /// use hob::time::{Virtual, now};
    ///
    /// /// Tries up to six times, with pauses of 1, 2, 4, 8 and 16 seconds.
    /// async fn with_patience<T>(mut attempt: impl AsyncFnMut() -> io::Result<T>) -> io::Result<T> {
    ///     let mut pause = Duration::from_secs(1);
    ///     loop {
    ///         match attempt().await {
    ///             Err(_) if pause <= Duration::from_secs(16) => hob::sleep(pause).await,
    ///             result => return result,
    ///         }
    ///         pause *= 2;
    ///     }
    /// }
    ///
    /// let runtime = Runtime::builder().clock(Virtual).build_local()?;
    /// runtime.block_on(async {
    ///     let begun = now();
    ///     let mut attempts = 0;
    ///     let answer = with_patience(async || {
    ///         attempts += 1;
    ///         if attempts < 6 { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(42) }
    ///     });
    ///     assert_eq!(answer.await.ok(), Some(42));
    ///     assert_eq!(now() - begun, Duration::from_secs(31));
    /// });
    /// # io::Result::Ok(())
    /// ```
    #[doc(alias("virtual_time", "start_paused", "MockClock"))]
    pub const fn clock(mut self, clock: RuntimeClock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how late a timer may be where many fire one soon after the other. Default: 100 µs, and zero with
    /// [`timers`](Self::timers) that were set, and in [virtual time](Self::clock).
    ///
    /// To sleep and to wake costs a thread several times what firing a timer does. So where eight timers or
    /// more fire within that time, the next ones are gathered: the thread sleeps until that time has
    /// passed since the last of them fired, and serves what is due by then together. Where timers come one by one
    /// each has its own wake-up, on time. With [`Duration::ZERO`] each always has, and more than a second counts
    /// as one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use hob::time::{Instant, sleep};
    ///
    /// let runtime = hob::Runtime::builder()
    ///     .timer_slack(Duration::ZERO)
    ///     .build_local()?;
    /// let begun = Instant::now();
    /// runtime.block_on(sleep(Duration::from_millis(1)));
    /// assert!(begun.elapsed() >= Duration::from_millis(1), "late perhaps, but never early");
    /// # std::io::Result::Ok(())
    /// ```
    #[doc(alias("PR_SET_TIMERSLACK", "coalesce"))]
    pub const fn timer_slack(mut self, slack: Duration) -> Self {
        self.timer_slack = Some(slack);
        self
    }

    /// None in virtual time, which would be moved beyond the next timer; by default none on a clock that somebody
    /// has brought either.
    pub(super) fn slack(&self) -> Duration {
        if self.clock == RuntimeClock::Virtual {
            return Duration::ZERO;
        }
        let by_default = match self.timers {
            Some(_) => Duration::ZERO,
            None => TIMER_SLACK,
        };
        self.timer_slack.unwrap_or(by_default)
    }

    /// Of several threads one always runs, or is about to.
    pub(super) fn refuse_virtual_time(&self) -> io::Result<()> {
        if self.clock == RuntimeClock::System {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "clock(Virtual) does not go with build(): virtual time moves when nothing runs, and the \
             threads of a pool run side by side; use build_local(), or leave it out",
        ))
    }

    pub(super) fn refuse_second_clock(&self) -> io::Result<()> {
        if self.clock == RuntimeClock::System || self.timers.is_none() {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "clock(Virtual) does not go with timers(): those bring a clock of their own; leave out one \
             of the two",
        ))
    }
}
