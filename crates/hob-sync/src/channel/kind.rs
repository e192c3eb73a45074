//! Which of the two channels it is, and so who receives.
//!
//! # Implementation
//!
//! The one receiver of an `mpsc` leaves its waker, those of an `mpmc` stand in a line: a channel has one
//! of them, in the same place. What kind it is never changes, and who asks without the lock is told by
//! the word of [`AtHand`](super::hand::AtHand).

use std::task::Waker;

use hob_core::task::What;

use crate::channel::serve::{Take, Taken};
use crate::wait_queue::WaitQueue;

/// A kind of channel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// One receiver.
    Mpsc,
    /// Many receivers.
    Mpmc,
}

/// What the operations of senders are called in records.
pub(crate) struct Names {
    pub(super) send: What,
    pub(super) send_blocking: What,
    pub(super) reserve: What,
    pub(super) reserve_owned: What,
    pub(super) closed: What,
    pub(super) closed_blocking: What,
}

/// The receivers of a channel, under its lock.
pub(super) enum Receivers<T> {
    /// That of an `mpsc`.
    One {
        count: u32,
        /// Filed if it waits.
        waker: Option<Waker>,
    },
    /// Those of an `mpmc`.
    Many {
        count: u32,
        line: WaitQueue<Take, Taken<T>>,
    },
}

static MPSC: Names = Names {
    send: &"mpsc::Sender::send",
    send_blocking: &"mpsc::Sender::send_blocking",
    reserve: &"mpsc::Sender::reserve",
    reserve_owned: &"mpsc::Sender::reserve_owned",
    closed: &"mpsc::Sender::closed",
    closed_blocking: &"mpsc::Sender::closed_blocking",
};

static MPMC: Names = Names {
    send: &"mpmc::Sender::send",
    send_blocking: &"mpmc::Sender::send_blocking",
    reserve: &"mpmc::Sender::reserve",
    reserve_owned: &"mpmc::Sender::reserve_owned",
    closed: &"mpmc::Sender::closed",
    closed_blocking: &"mpmc::Sender::closed_blocking",
};

impl Kind {
    pub(super) const fn names(self) -> &'static Names {
        match self {
            Self::Mpsc => &MPSC,
            Self::Mpmc => &MPMC,
        }
    }
}

impl<T> Receivers<T> {
    /// The first receiver, which does not wait.
    pub(super) const fn one_of(kind: Kind) -> Self {
        match kind {
            Kind::Mpsc => Self::One {
                count: 1,
                waker: None,
            },
            Kind::Mpmc => Self::Many {
                count: 1,
                line: WaitQueue::new(),
            },
        }
    }

    /// How many there are.
    pub(super) const fn count(&self) -> u32 {
        match self {
            Self::One { count, .. } | Self::Many { count, .. } => *count,
        }
    }

    pub(super) const fn count_mut(&mut self) -> &mut u32 {
        match self {
            Self::One { count, .. } | Self::Many { count, .. } => count,
        }
    }

    /// Whether some stand in line.
    #[inline]
    pub(super) const fn are_in_line(&self) -> bool {
        match self {
            Self::One { .. } => false,
            Self::Many { line, .. } => !line.is_empty(),
        }
    }

    /// How many wait and have not been woken, counted one by one.
    pub(super) fn waiting(&self) -> usize {
        match self {
            Self::One { waker, .. } => usize::from(waker.is_some()),
            Self::Many { line, .. } => line.len(),
        }
    }

    /// The line of an `mpmc`.
    #[inline]
    pub(super) fn line(&mut self) -> &mut WaitQueue<Take, Taken<T>> {
        match self {
            Self::Many { line, .. } => line,
            Self::One { .. } => unreachable!("the receiver of an mpsc stands in no line"),
        }
    }

    /// Where the receiver of an `mpsc` leaves its waker.
    #[inline]
    pub(super) fn waker(&mut self) -> &mut Option<Waker> {
        match self {
            Self::One { waker, .. } => waker,
            Self::Many { .. } => unreachable!("the receivers of an mpmc stand in line"),
        }
    }
}
