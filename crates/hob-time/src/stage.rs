//! The life of a queue of timers, and whom it tells.
//!
//! ```text
//!            open              attach
//!   shelved ──────► undriven ──────────► driven        `arm` fails with `Retired`
//!           ◄──────          ◄──────────               unless the queue is driven.
//!            close             retire
//! ```
//!
//! A key belongs to one use, from `attach` to `retire`, and `arm` fails as well with one of an earlier use.

use std::mem;
use std::sync::Arc;

use hob_core::{Alarm, Instant};

/// Where a queue is in its life.
pub(crate) enum Stage {
    Shelved,
    Undriven,
    Driven(Arc<Alarm>),
}

impl Stage {
    /// Whoever sleeps for the queue, if somebody drives it.
    pub(crate) fn alarm(&self) -> Option<&Arc<Alarm>> {
        match self {
            Self::Driven(alarm) => Some(alarm),
            Self::Shelved | Self::Undriven => None,
        }
    }

    /// Puts an undriven queue on its shelf; `false` if it was not undriven.
    pub(crate) fn shelve(&mut self) -> bool {
        let is_undriven = matches!(self, Self::Undriven);
        if is_undriven {
            *self = Self::Shelved;
        }
        is_undriven
    }

    /// Begins or ends a use. What is returned is dropped under no lock: it is not ours.
    #[must_use]
    pub(crate) fn change(&mut self, to: Self) -> Self {
        mem::replace(self, to)
    }
}

/// Tells of a timer that has become the first to look at. Under no lock: it is not ours.
#[inline]
pub(crate) fn tell(alarm: Option<Arc<Alarm>>, deadline: Instant) {
    if let Some(alarm) = alarm {
        alarm.notify_earlier(deadline);
    }
}
