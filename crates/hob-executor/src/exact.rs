//! Sleeps on a futex that end when they should.
//!
//! # Implementation
//!
//! Linux ends a timed sleep late by the thread's *timer slack*, 50 µs as a rule, so that it can wake
//! several threads at once. Around the last stretch of a sleep until a timer it is made a nanosecond. Right after it, it
//! is what it was: nothing that runs on the thread, and no thread or process that it starts, inherits
//! ours. That takes three calls of some 0.2 µs each, beside several microseconds for going to sleep and
//! waking.
//!
//! The poller does the same for itself (`hob-reactor`, `exact.rs`), and more, as an epoll adds to that. The guard
//! stands in both: neither crate may know the other, and hob-core, below both, calls no system.
//!
//! # References
//!
//! - `PR_SET_TIMERSLACK(2const)`, <https://man7.org/linux/man-pages/man2/PR_SET_TIMERSLACK.2const.html>

pub(crate) use self::system::Exact;

/// Whether a sleep is to end on time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Precision {
    /// Somebody waits for that instant.
    Exact,
    /// A little later is as good.
    Coarse,
}

#[cfg(all(target_os = "linux", not(loom)))]
mod system {
    use std::num::NonZeroU64;

    use rustix::thread::{current_timer_slack, set_current_timer_slack};

    /// The timed sleeps of this thread end on time while it lives.
    #[must_use = "the slack is put back when it is dropped"]
    pub(crate) struct Exact {
        slack_before: NonZeroU64,
    }

    impl Exact {
        /// `None` where there is nothing to put back: the thread is exact as it is, or the system, or a
        /// sandbox, refuses, and sleeps are as late as they are.
        pub(crate) fn begin() -> Option<Self> {
            let slack_before = NonZeroU64::new(current_timer_slack().ok()?)?;
            if slack_before == NonZeroU64::MIN {
                return None;
            }
            set_current_timer_slack(Some(NonZeroU64::MIN)).ok()?;
            Some(Self { slack_before })
        }
    }

    impl Drop for Exact {
        fn drop(&mut self) {
            // What was allowed a moment ago is allowed now.
            let _put_back = set_current_timer_slack(Some(self.slack_before));
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_slack_is_put_back() {
            let slack = || current_timer_slack().expect("Linux tells");
            let before = slack();
            let exact = Exact::begin();
            assert_eq!(slack(), 1);
            assert!(Exact::begin().is_none(), "it is exact already");
            drop(exact);
            assert_eq!(slack(), before);
        }
    }
}

#[cfg(not(all(target_os = "linux", not(loom))))]
mod system {
    /// The timed sleeps of this thread end on time while it lives; other systems are left as they are.
    #[must_use = "it is for as long as it lives"]
    pub(crate) struct Exact;

    impl Exact {
        pub(crate) fn begin() -> Option<Self> {
            None
        }
    }
}
