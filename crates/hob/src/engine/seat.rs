//! A poller on the system's clock under timers on another one.

use std::sync::Arc;
use std::task::Waker;

use hob_core::{Instant, Park, Timers, Unpark, Until};

/// Sleeps as long by the system's clock as is left on that of the timers.
pub(crate) struct SystemSeat {
    pub(crate) seat: Box<dyn Park + Send>,
    pub(crate) timers: &'static dyn Timers,
}

impl Park for SystemSeat {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        let until = match until {
            Until::At(deadline) => {
                let left = deadline - self.timers.now();
                Until::at(Instant::system() + left)
            }
            Until::Now | Until::Forever => until,
        };
        self.seat.park(until, woken);
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        self.seat.unparker()
    }
}
