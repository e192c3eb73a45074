//! Wakers are foreign code: when they are cloned, woken and dropped, anything may run.
//!
//! It may even be a call into the very object that holds the waker. So no waker is cloned, woken or
//! dropped while a lock is held: a [`WakeList`] carries those to wake out of a lock.

use std::task::Waker;

use hob_core::unhandled;
use smallvec::SmallVec;

/// Wakers to wake once the lock is released. It has room for a few and allocates nothing: whoever
/// fills it wakes those, and then goes on.
#[must_use = "whoever was granted something must be woken"]
#[derive(Debug, Default)]
pub(crate) struct WakeList {
    /// Mostly there is one, and then this is all that is looked at.
    first: Option<Waker>,
    others: SmallVec<[Waker; OTHERS_MAX]>,
}

const OTHERS_MAX: usize = 7;

impl WakeList {
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.others.len() >= OTHERS_MAX
    }

    #[inline]
    pub(crate) fn push(&mut self, waker: Waker) {
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            self.others.push(waker);
        }
    }

    /// Wakes them in order, with no lock held, and leaves the list empty.
    ///
    /// One that panics does not keep the others asleep, nor does it take from the caller what the
    /// caller has just received: the panic is reported.
    #[inline]
    pub(crate) fn wake_all(&mut self) {
        if let Some(first) = self.first.take() {
            unhandled::wake(first);
        }
        if !self.others.is_empty() {
            self.others.drain(..).for_each(unhandled::wake);
        }
    }
}

impl Extend<Waker> for WakeList {
    #[inline]
    fn extend<I: IntoIterator<Item = Waker>>(&mut self, wakers: I) {
        wakers.into_iter().for_each(|waker| self.push(waker));
    }
}
