//! What a thread sleeps on. It may come from outside, so it stands behind a wall.
//!
//! # Implementation
//!
//! A foreign parker that has panicked is not slept on again: a plain [`Parker`] lies beside it and takes
//! over. Whoever ends a sleep rings both, so nobody needs to know which of them is slept on; the token
//! that stays with the other one ends its first sleep early, and does no other harm. The one that has
//! panicked is dropped with its use, and no sooner: a poller's seat that is dropped retires the poller.

use std::sync::Arc;
use std::task::Waker;

use hob_core::panic::{self, contain, contain_drop};
use hob_core::unhandled::{Unhandled, UnhandledKind, report_panic};
use hob_core::{Env, Instant, Park, Timers, Unpark, Until};

use crate::exact::Precision;
use crate::parker::Parker;

/// What a thread sleeps on.
pub(crate) struct Parking {
    foreign: Option<Foreign>,
    /// Slept on if there is no other, or once that has panicked.
    plain: Parker,
    bell: Arc<Bell>,
}

struct Foreign {
    park: Box<dyn Park + Send>,
    has_panicked: bool,
}

/// Ends the sleep on a [`Parking`].
pub(crate) struct Bell {
    foreign: Option<Arc<dyn Unpark>>,
    plain: Arc<dyn Unpark>,
}

impl Parking {
    /// One of our own.
    pub(crate) fn plain() -> Self {
        Self::new(None, None)
    }

    /// One that came from outside. A panic of its `unparker` passes through.
    pub(crate) fn foreign(park: Box<dyn Park + Send>) -> Self {
        let unparker = park.unparker();
        let foreign = Foreign {
            park,
            has_panicked: false,
        };
        Self::new(Some(foreign), Some(unparker))
    }

    fn new(foreign: Option<Foreign>, unparker: Option<Arc<dyn Unpark>>) -> Self {
        let plain = Parker::new();
        let bell = Arc::new(Bell {
            foreign: unparker,
            plain: plain.unparker(),
        });
        Self {
            foreign,
            plain,
            bell,
        }
    }

    /// Sleeps; a panic is reported, and ends the sleep.
    pub(crate) fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        self.park_with(until, Precision::Exact, woken);
    }

    fn park_with(&mut self, until: Until, precision: Precision, woken: &mut Vec<Waker>) {
        match self.unbroken() {
            Some(foreign) => foreign.park(until, woken),
            None => self.plain.park_with(until, precision),
        }
    }

    /// Sleeps until `deadline`, which is on the clock of `timers`. One from outside gets it as it is, and
    /// knows of no precision.
    pub(crate) fn sleep_until(
        &mut self,
        deadline: Instant,
        precision: Precision,
        timers: Option<&'static dyn Timers>,
        woken: &mut Vec<Waker>,
    ) {
        let until = match timers {
            Some(timers) if self.unbroken().is_none() => system_until(deadline, timers),
            _ => Until::at(deadline),
        };
        self.park_with(until, precision, woken);
    }

    pub(crate) fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    fn unbroken(&mut self) -> Option<&mut Foreign> {
        self.foreign
            .as_mut()
            .filter(|foreign| !foreign.has_panicked)
    }
}

impl Foreign {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        let slept = contain(|| self.park.park(until, woken));
        self.has_panicked = slept.is_err();
        report_panic(UnhandledKind::CallbackPanicked, slept);
    }
}

impl Unpark for Bell {
    fn unpark(&self) {
        self.plain.unpark();
        if let Some(foreign) = &self.foreign {
            let rung = contain(|| foreign.unpark());
            report_panic(UnhandledKind::CallbackPanicked, rung);
        }
    }
}

/// Until when to sleep by the system's clock so that it is `deadline` on that of `timers`, if both go
/// at the same pace. Nobody can know when one that stands still is moved.
pub(crate) fn system_until(deadline: Instant, timers: &dyn Timers) -> Until {
    if deadline.is_never() {
        return Until::Forever;
    }
    let left = deadline - timers.now();
    Until::at(Instant::system() + left)
}

/// Drops what came from outside; when its destructor panics that is reported, and goes no further.
pub(crate) fn drop_foreign<T>(env: &Env, value: T) {
    if let Err(payload) = contain_drop(value) {
        let kind = UnhandledKind::CallbackPanicked;
        env.report(&Unhandled::new(kind, None, panic::message(&payload)));
        panic::discard(payload);
    }
}
