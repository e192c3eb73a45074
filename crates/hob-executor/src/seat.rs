//! The seat at the poller: at most one worker sits in it.
//!
//! # Implementation
//!
//! A flag says whether the seat is taken, so that asking never waits. What stands there, the poller,
//! is behind a lock of its own, which only the one who has taken the flag wants, and whoever puts the
//! poller in or out. (The lock's own `try_lock` would do without the flag, but loom 0.7 takes it for
//! one that waits: <https://github.com/tokio-rs/loom/issues/376>.)

use std::sync::PoisonError;
use std::task::Waker;

use hob_core::{Instant, Timers, Until};

use crate::exact::Precision;
use crate::parking::Parking;
use crate::primitive::{AtomicBool, Mutex, MutexGuard, Ordering};

pub(crate) struct Seat {
    taken: AtomicBool,
    poller: Mutex<Option<Parking>>,
}

/// The right to use the poller; dropping it frees the seat.
pub(crate) struct Sitting<'s> {
    /// Released before `_taken`: who finds the seat free does not wait for the lock either.
    poller: MutexGuard<'s, Option<Parking>>,
    _taken: Taken<'s>,
}

struct Taken<'s>(&'s AtomicBool);

impl Seat {
    /// A free seat without a poller.
    pub(crate) fn new() -> Self {
        Self {
            taken: AtomicBool::new(false),
            poller: Mutex::new(None),
        }
    }

    /// Takes the seat, if nobody sits in it.
    pub(crate) fn try_sit(&self) -> Option<Sitting<'_>> {
        // Acquire, and Release in `Taken`: the poller is seen as the last one left it.
        self.taken
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        let taken = Taken(&self.taken);
        Some(Sitting {
            poller: self.poller(),
            _taken: taken,
        })
    }

    /// Whether somebody sits there just now.
    pub(crate) fn is_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed)
    }

    /// Puts the poller in or takes it out; waits for whoever sits there.
    pub(crate) fn exchange(&self, poller: Option<Parking>) -> Option<Parking> {
        std::mem::replace(&mut *self.poller(), poller)
    }

    fn poller(&self) -> MutexGuard<'_, Option<Parking>> {
        // Somebody sat there and asked timers that panicked: the poller is as good as before.
        self.poller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sitting<'_> {
    /// Sleeps on the poller, if there is one.
    pub(crate) fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        if let Some(poller) = &mut *self.poller {
            poller.park(until, woken);
        }
    }

    /// Sleeps on the poller, if there is one, until `deadline` on the clock of `timers`.
    pub(crate) fn sleep_until(
        &mut self,
        deadline: Instant,
        timers: Option<&'static dyn Timers>,
        woken: &mut Vec<Waker>,
    ) {
        if let Some(poller) = &mut *self.poller {
            poller.sleep_until(deadline, Precision::Exact, timers, woken);
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_sits_at_a_time() {
        let seat = Seat::new();
        assert!(seat.exchange(Some(Parking::plain())).is_none());
        let mut sitting = seat.try_sit().expect("it is free");
        sitting.park(Until::Now, &mut Vec::new());
        assert!(seat.try_sit().is_none());
        drop(sitting);
        assert!(seat.try_sit().is_some());
        assert!(seat.exchange(None).is_some());
    }

    #[test]
    fn a_seat_without_a_poller_does_not_sleep() {
        let seat = Seat::new();
        let mut sitting = seat.try_sit().expect("it is free");
        sitting.park(Until::Forever, &mut Vec::new());
    }
}
