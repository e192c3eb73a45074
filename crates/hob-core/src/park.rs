//! The seam between a worker and what it sleeps on.

use std::sync::Arc;
use std::task::Waker;

use crate::instant::Instant;

/// How long to sleep at the most.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a parker must answer each of them")]
pub enum Until {
    /// Do not sleep: only look at what has happened.
    Now,
    /// Sleep until that instant.
    At(Instant),
    /// Sleep until unparked, or until something happens.
    Forever,
}

/// Where a worker sleeps: on a futex, in the poller, or in a simulation.
///
/// The deadlines that the executors hand to one from outside are the instants of their timers, as they
/// are: it must go by the same clock.
///
/// # Contract
///
/// Implementations must
///
/// - return from [`park`](Self::park) soon after an [`Unpark::unpark`], also after one that came
///   *before* the call: a token is kept, and several count as one;
/// - return no earlier than asked, except when unparked or when something happened, or spuriously
///   (a caller looks at its queues and parks again);
/// - push the wakers of what became ready to `woken` and wake none of them: the worker does, holding
///   no lock;
/// - not sleep at all for [`Until::Now`];
/// - see no instant earlier than their clock does: the system's, or a virtual one, which a sleep with
///   a deadline may move to that deadline and return at once;
/// - not panic. Executors report a panic in `park` and never sleep on that one again, but on a plain
///   token: timers and wakeups go on, and if it was a poller, nobody hears of descriptors any more. One in
///   [`unparker`](Self::unparker) passes through to whoever builds the runtime.
pub trait Park: Send {
    /// Sleeps until unparked, until something is ready, or until `until`.
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>);

    /// The handle that ends the sleep from another thread.
    fn unparker(&self) -> Arc<dyn Unpark>;
}

/// Ends a [`Park::park`], now or the next one.
pub trait Unpark: Send + Sync {
    /// Leaves a token, and wakes whoever sleeps.
    ///
    /// It must not panic. Executors report it if it does, and that sleep may not end.
    fn unpark(&self);
}

impl Until {
    /// Sleep until `deadline`, or for ever if it is [`Instant::NEVER`].
    #[must_use]
    pub fn at(deadline: Instant) -> Self {
        if deadline.is_never() {
            Self::Forever
        } else {
            Self::At(deadline)
        }
    }

    /// The deadline: `None` for [`Until::Now`].
    #[must_use]
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Self::Now => None,
            Self::At(deadline) => Some(deadline),
            Self::Forever => Some(Instant::NEVER),
        }
    }
}
