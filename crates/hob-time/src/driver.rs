//! The thread that drives timers outside any runtime.
//!
//! # Implementation
//!
//! The process has at most one such thread, `hob-time`, started by the first wait that finds no
//! runtime around it, and never ended: it costs nothing while no timer is due. It repeats what a
//! worker of a runtime does with its own queue: hand out what is due, wake it, set the alarm, sleep.
//!
//! One lock guards the start, so that two first waits start one thread. A start that failed leaves no
//! trace; the next wait tries again.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread;

use hob_core::unhandled;
use hob_core::{Alarm, Park, Timers, Until};

use crate::parker::Parker;
use crate::primitive::{Global, UNPOISONED};
use crate::statistics::TimersStatistics;
use crate::wheel::Wheel;

static DRIVER: Driver = Driver::new();

/// A lazily started thread and its queue.
struct Driver {
    wheel: OnceLock<&'static Wheel>,
    start: Global<()>,
}

/// What a driver's thread runs.
type Body = Box<dyn FnOnce() + Send>;

/// The timers for whoever is outside any runtime.
///
/// # Panics
///
/// If the thread that drives them cannot be started.
pub(crate) fn timers() -> &'static Wheel {
    match DRIVER.wheel_or_start(spawn) {
        Ok(wheel) => wheel,
        Err(error) => panic!(
            "hob-time cannot start the thread that drives timers outside any runtime: {error}"
        ),
    }
}

/// A look at the queue that serves waits outside any runtime; `None` until the first of them.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use futures_lite::future::{block_on, poll_once};
/// assert!(hob_time::driver_statistics().is_none());
///
/// let mut sleep = hob_time::sleep(Duration::MAX);
/// block_on(poll_once(&mut sleep));
/// let statistics = hob_time::driver_statistics().expect("it has been started");
/// assert_eq!(statistics.timers_armed, 1);
/// ```
#[must_use]
pub fn driver_statistics() -> Option<TimersStatistics> {
    DRIVER.wheel.get().map(|wheel| wheel.statistics())
}

impl Driver {
    const fn new() -> Self {
        Self {
            wheel: OnceLock::new(),
            start: Global::new(()),
        }
    }

    /// The queue; `spawn` starts the thread if there is none yet.
    fn wheel_or_start(
        &self,
        spawn: impl FnOnce(Body) -> io::Result<()>,
    ) -> io::Result<&'static Wheel> {
        if let Some(wheel) = self.wheel.get() {
            return Ok(wheel);
        }
        let _starting = self.start.lock().expect(UNPOISONED);
        if let Some(wheel) = self.wheel.get() {
            return Ok(wheel);
        }
        let wheel = Wheel::open();
        let parker = Parker::new();
        let alarm = Arc::new(Alarm::new(parker.unparker()));
        wheel.attach(Arc::clone(&alarm));
        match spawn(Box::new(move || drive(wheel, &alarm, parker))) {
            Ok(()) => Ok(self.wheel.get_or_init(|| wheel)),
            Err(error) => {
                // Nobody else has seen the wheel, so there is no waker in it.
                wheel.retire(&mut Vec::new());
                wheel.close();
                Err(error)
            }
        }
    }
}

fn spawn(body: Body) -> io::Result<()> {
    let builder = thread::Builder::new().name("hob-time".into());
    builder.spawn(body).map(drop)
}

fn drive(wheel: &'static Wheel, alarm: &Alarm, mut parker: Parker) {
    let queue: &'static dyn Timers = wheel;
    let mut woken = Vec::new();
    loop {
        queue.expire(queue.now(), &mut woken);
        unhandled::wake_all(&mut woken);
        let until = alarm.set([queue].into_iter());
        parker.park(Until::at(until), &mut woken);
        alarm.clear();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_failed_is_an_error_and_leaves_no_trace() {
        let driver = Driver::new();
        let refused = driver.wheel_or_start(|_| Err(io::ErrorKind::WouldBlock.into()));
        let error = refused.expect_err("the thread did not start");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);

        let mut started = false;
        let wheel = driver.wheel_or_start(|_| {
            started = true;
            Ok(())
        });
        let wheel = wheel.expect("it starts now");
        assert!(started, "the next wait tries again");
        let again = driver.wheel_or_start(|_| unreachable!("it runs"));
        assert!(std::ptr::eq(wheel, again.expect("it runs")));
    }
}
