//! Wakers are foreign code: when they are cloned, woken and dropped, anything may run.
//!
//! It may even be a call into the very object that holds the waker. So no waker is cloned, woken or
//! dropped while a lock is held, and the types here make that easy: a [`Spare`] brings a clone *into*
//! a lock and carries the displaced waker *out*, a [`WakeList`] carries those to wake.
//!
//! # Implementation
//!
//! [`poll_with`] runs an attempt that locks by itself. Only an attempt that has to file a waker asks
//! for a clone; then the clone is made with the lock released, and the attempt is run again. So
//! whoever does not wait, or waits again with the same waker, clones none.

use std::task::{Poll, Waker};

use hob_core::unhandled;
use smallvec::SmallVec;

/// Room for the waker of one who waits.
#[derive(Debug, Default)]
pub(crate) struct WakerSlot(Option<Waker>);

/// The waker of the task that polls, and a clone of it once somebody asked for one.
pub(crate) struct Spare<'a> {
    current: &'a Waker,
    clone: Option<Waker>,
    wanted: bool,
}

/// Wakers to wake once the lock is released. It has room for a few and allocates nothing: whoever
/// fills it wakes those, and then goes on.
#[must_use = "whoever was granted something must be woken"]
#[derive(Debug, Default)]
pub(crate) struct WakeList(SmallVec<[Waker; WAKES_MAX]>);

const WAKES_MAX: usize = 8;

/// Runs `attempt`, and once more with a clone of `waker` if it asked for one.
///
/// An attempt that asked returns `Pending` and has changed nothing.
pub(crate) fn poll_with<R>(
    waker: &Waker,
    mut attempt: impl FnMut(&mut Spare<'_>) -> Poll<R>,
) -> Poll<R> {
    let mut spare = Spare {
        current: waker,
        clone: None,
        wanted: false,
    };
    loop {
        let poll = attempt(&mut spare);
        if !spare.wanted {
            return poll;
        }
        debug_assert!(poll.is_pending(), "who is ready needs no waker");
        spare.wanted = false;
        spare.clone = Some(waker.clone());
    }
}

impl Spare<'_> {
    /// Takes the clone, or asks for one.
    pub(crate) fn take(&mut self) -> Option<Waker> {
        self.wanted = self.clone.is_none();
        self.clone.take()
    }
}

impl Drop for Spare<'_> {
    fn drop(&mut self) {
        // One that panics must not take away what the attempt has been given.
        unhandled::drop_waker(self.clone.take());
    }
}

impl WakerSlot {
    /// A slot with a waker in it.
    pub(crate) fn filed(waker: Waker) -> Self {
        Self(Some(waker))
    }

    /// Files the current waker, unless it is there already; what it displaces leaves with `spare`.
    pub(crate) fn file(&mut self, spare: &mut Spare<'_>) {
        let known = |filed: &Waker| filed.will_wake(spare.current);
        if self.0.as_ref().is_some_and(known) {
            return;
        }
        if let Some(waker) = spare.take() {
            spare.clone = self.0.replace(waker);
        }
    }

    pub(crate) fn take(&mut self) -> Option<Waker> {
        self.0.take()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl Drop for WakerSlot {
    fn drop(&mut self) {
        unhandled::drop_waker(self.0.take());
    }
}

impl WakeList {
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= WAKES_MAX
    }

    /// Wakes them in order, with no lock held, and leaves the list empty.
    ///
    /// One that panics does not keep the others asleep, nor does it take from the caller what the
    /// caller has just received: the panic is reported.
    pub(crate) fn wake_all(&mut self) {
        self.0.drain(..).for_each(unhandled::wake);
    }
}

impl Extend<Waker> for WakeList {
    fn extend<I: IntoIterator<Item = Waker>>(&mut self, wakers: I) {
        self.0.extend(wakers);
    }
}
