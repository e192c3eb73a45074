//! The life of a worker.
//!
//! ```text
//!   ┌─► work: a shift, until there is nothing to run
//!   │     │
//!   │   sleep: in the seat at the poller if it is free, else on the own parker
//!   │     │
//!   └─────┴── a scout looks at the others, and goes back to sleep if it takes nothing
//! ```
//!
//! The worker in the seat sleeps until the earliest timer of *all* workers, and expires them: a
//! worker that is stuck in a poll delays nobody else's sockets and timers. Who leaves the seat to work
//! wakes nobody to take it, as long as there is a scout: at its next look, within ten milliseconds, that
//! one sits down there. If there is none, it appoints one. And who is about to sleep elsewhere first
//! looks whether the seat has become free: between leaving and looking stands the lock of the board.
//!
//! A worker whose core is lent to a thread in `block_on` sleeps on where it is. If it is the one in the
//! seat it still serves the poller and the timers, and injects what it wakes.

use std::task::Waker;

use hob_core::Instant;
use hob_core::context::{self, Local, Role as ContextRole};
use hob_core::panic::contain;
use hob_core::unhandled::{UnhandledKind, report_panic, wake_all};

use crate::exact::Precision;
use crate::hold::{Has, Hold};
use crate::idle::{Awakening, Place, Role};
use crate::parking::{Parking, drop_foreign};
use crate::pool::Hooks;
use crate::primitive::let_time_pass;
use crate::pulse::Pulse;
use crate::ring::Token;
use crate::scout::Scouting;
use crate::seat::Sitting;
use crate::shared::{Ready, Shared, count};
use crate::shift::{Shift, Site};
use crate::turn::Turn;

pub(crate) struct Worker<T: Token + 'static = Ready> {
    pub(crate) index: usize,
    pub(crate) site: Site<T>,
    pub(crate) hooks: Hooks,
}

/// A worker at work; dropped, it leaves the board and its lodging.
struct Left<'w, T: Token + 'static>(&'w Worker<T>);

impl<T: Token> Drop for Left<'_, T> {
    fn drop(&mut self) {
        let Worker { index, site, .. } = self.0;
        site.shared.idle.end(*index);
        site.shared.lodging(*index).move_out();
    }
}

/// A worker's thread; dropped, it is counted out.
struct Ended<T: Token + 'static>(&'static Shared<T>);

impl<T: Token> Drop for Ended<T> {
    fn drop(&mut self) {
        self.0.miss_worker();
    }
}

/// What a worker keeps while it lives.
struct Belongings {
    parker: Parking,
    woken: Vec<Waker>,
    scouting: Scouting,
    /// Whether it is the scout.
    scouts: bool,
}

impl<T: Token> Worker<T> {
    /// Takes tasks until the pool stops, and runs each of them by `run`.
    pub(crate) fn run(self, run: impl FnMut(&Pulse, T)) {
        let shared = self.site.shared;
        let Some(parker) = shared.check_in(self.index) else {
            return shared.miss_worker();
        };
        let _ended = Ended(shared);
        let mut local = Local::new(&self.site.env, ContextRole::Worker).with_worker(self.index);
        if let Some(timers) = self.site.timers.get(self.index) {
            local = local.with_timers(*timers);
        }
        context::enter(&local, || {
            self.hooks.start(&self.site.env);
            self.work_on(parker, run);
            self.hooks.stop(&self.site.env);
        });
    }

    /// Works. Timers that panic, which they must not, are reported, and the worker begins again.
    fn work_on(&self, parker: Parking, mut run: impl FnMut(&Pulse, T)) {
        let shared = self.site.shared;
        shared.lodging(self.index).move_in();
        shared.idle.start(self.index);
        let _left = Left(self);
        let mut own = Belongings {
            parker,
            woken: Vec::new(),
            scouting: Scouting::new(self.site.shared.cores.len()),
            scouts: false,
        };
        while let Err(payload) = contain(|| self.work(&mut own, &mut run)) {
            report_panic(UnhandledKind::CallbackPanicked, Err(payload));
        }
        drop_foreign(&self.site.env, own.parker);
    }

    fn work(&self, own: &mut Belongings, run: &mut impl FnMut(&Pulse, T)) {
        let mut awakening = self.site.shared.idle.leave(self.index);
        loop {
            // Before the last shift: what was pushed before the stop is run in it.
            let is_last = self.site.shared.is_stopping();
            match awakening {
                Awakening::Coreless => wake_all(&mut own.woken),
                Awakening::Works => {
                    own.scouts = false;
                    own.scouting.begin();
                    self.shift(own, run);
                }
                Awakening::Scouts(call) => {
                    own.scouts = true;
                    if own.scouting.answer(call) {
                        self.scout(own);
                    }
                    self.shift(own, run);
                }
            }
            if is_last {
                return;
            }
            awakening = self.sleep(own);
        }
    }

    /// Runs tasks until there is none.
    fn shift(&self, own: &mut Belongings, run: &mut impl FnMut(&Pulse, T)) {
        self.with_core(|shift| {
            shift.wake(&mut own.woken);
            loop {
                while let Some(task) = shift.next() {
                    self.stop_scouting(own);
                    shift.run(task, run);
                }
                // Where tasks were worth moving there may be more.
                if !(own.scouting.was_lucky() && shift.look_around(&mut own.scouting)) {
                    break;
                }
            }
            shift.tidy_up();
        });
    }

    /// Looks at the other cores, and takes tasks where that pays.
    fn scout(&self, own: &mut Belongings) {
        if self.with_core(|shift| shift.look_around(&mut own.scouting)) {
            return;
        }
        let is_eager = own.scouting.is_eager();
        self.site.shared.idle.set_eager(self.index, is_eager);
    }

    fn stop_scouting(&self, own: &mut Belongings) {
        if std::mem::take(&mut own.scouts)
            && let Some(next) = self.site.shared.idle.stop_scouting(self.index)
        {
            self.site.shared.unpark(next);
        }
    }

    fn with_core<R>(&self, act: impl FnOnce(&mut Shift<'_, T>) -> R) -> R {
        let hold = Hold::new(self.site.shared, Has::Core(self.index));
        let mut shift =
            Shift::begin(&self.site, &hold, Turn::new()).expect("this worker has its core");
        act(&mut shift)
    }

    fn sleep(&self, own: &mut Belongings) -> Awakening {
        let shared = self.site.shared;
        count(&shared.cores[self.index].parks);
        let seat = shared.seat.try_sit();
        let place = match &seat {
            Some(_) => Place::Seat,
            None => Place::Alone,
        };
        shared.lodging(self.index).lie_down();
        let role = shared.idle.enter(self.index, place, own.scouting.resigns());
        if role == Role::Scout && !own.scouts {
            own.scouting.begin();
        }
        match seat {
            Some(seat) => self.sleep_in_seat(seat, role, own),
            None => self.sleep_alone(role, own),
        }
        let awakening = shared.idle.leave(self.index);
        shared.lodging(self.index).wake_up();
        if place == Place::Seat {
            shared.guard_seat();
        }
        let is_served = place == Place::Alone && shared.seat.is_taken();
        if is_served {
            // By whoever sits there. Two who woke for the same timers would only be in each other's way.
            let overdue = self.site.gather.overdue();
            self.site.expire_if_late_by(overdue, &mut own.woken);
        } else {
            self.site.expire(&mut own.woken);
        }
        awakening
    }

    fn sleep_alone(&self, role: Role, own: &mut Belongings) {
        if !self.has_work(role) && self.site.shared.seat.try_sit().is_none() {
            let until = self.next_look(role, own);
            let timers = self.site.timers.first().copied();
            // Nobody waits for its look. Ours hands out no wakers; one from outside may watch something
            // of its own.
            let precision = Precision::Coarse;
            own.parker
                .sleep_until(until, precision, timers, &mut own.woken);
        }
    }

    fn sleep_in_seat(&self, mut seat: Sitting<'_>, role: Role, own: &mut Belongings) {
        if !self.has_work(role) {
            let earliest = self.site.alarm.set(self.site.timers.iter().copied());
            let until = self
                .site
                .gather
                .until(earliest)
                .min(self.next_look(role, own));
            let timers = self.site.timers.first().copied();
            seat.sleep_until(until, timers, &mut own.woken);
            self.site.alarm.clear();
        }
    }

    /// When a scout looks again; never, for others.
    fn next_look(&self, role: Role, own: &Belongings) -> Instant {
        if role != Role::Scout {
            return Instant::NEVER;
        }
        let_time_pass();
        self.site.now() + own.scouting.period()
    }

    /// Whether there is no time to sleep.
    fn has_work(&self, role: Role) -> bool {
        let shared = self.site.shared;
        // A core may come back with tasks while its worker is on its way.
        let waits = || !(shared.injector.is_empty() && shared.cores[self.index].ring.is_empty());
        shared.is_stopping() || (role != Role::Coreless && waits())
    }
}
