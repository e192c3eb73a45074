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
    /// - no task is runnable, nor the future of `block_on`, and nobody
    ///   [waits for that](hob_core::Env::settle);
    /// - no blocking job runs or waits for its thread, whoever runs [those](Self::blocking): a
    ///   [`to_thread`](crate::to_thread) never loses against a [`timeout`](crate::timeout);
    /// - one look at the poller has found no descriptor that is ready, and no wake from another thread.
    ///
    /// What it cannot know of, it does not wait for: a thread of one's own, a process, a peer on a network
    /// that will answer later. Let those be awaited without a timer, or through `to_thread`. A job that
    /// itself waits for virtual time to pass waits for ever, since it holds the clock.
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
    /// passed since it woke for a timer, and serves what is due by then together. Where timers come one by one
    /// each has its own wake-up, on time. With [`Duration::ZERO`] each always has.
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

    /// None by default on a clock that is not the system's: one that is moved from timer to timer would be moved
    /// too far.
    pub(super) fn slack(&self) -> Duration {
        let is_system = self.timers.is_none() && self.clock == RuntimeClock::System;
        let by_default = if is_system {
            TIMER_SLACK
        } else {
            Duration::ZERO
        };
        self.timer_slack.unwrap_or(by_default)
    }

    /// Of several threads one always runs, or is about to.
    pub(super) fn refuse_virtual_time(&self) -> io::Result<()> {
        self.refuse_virtual(
            true,
            "clock(Virtual) does not go with build(): virtual time moves when nothing runs, and the \
             threads of a pool run side by side; use build_local(), or leave it out",
        )
    }

    pub(super) fn refuse_second_clock(&self) -> io::Result<()> {
        self.refuse_virtual(
            self.timers.is_some(),
            "clock(Virtual) does not go with timers(): those bring a clock of their own; leave out one \
             of the two",
        )
    }

    fn refuse_virtual(&self, unfit: bool, message: &str) -> io::Result<()> {
        if self.clock == RuntimeClock::Virtual && unfit {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(())
    }
}
