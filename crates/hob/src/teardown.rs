//! The order in which a runtime is taken apart.
//!
//! 1. Every task is asked to end; cleanups run; at the deadline they are abandoned.
//! 2. No more blocking jobs are taken, those in line are dropped, those that run are waited for.
//! 3. The runtime is marked as ended, then poller and timers are retired: objects that outlive it look
//!    for others, and nobody is offered these any more.
//! 4. The workers end, and with the seat the poller's descriptors are closed.
//! 5. What is recycled goes back on its shelf, unless somebody who is stuck may still use it. Queues of
//!    timers that came through the builder go back to nobody: their owner has them still.
//!
//! Two clocks count. For threads it is the system's. For the tasks and their cleanups it is the runtime's
//! own, which may be a virtual one, and the system's too where that is another: see `emptying.rs`.
//!
//! What came through the builder stands behind a wall here: a panic is reported, and all else goes on.

use std::mem;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use hob_blocking::Pool;
use hob_core::context::{self, Local, Role};
use hob_core::panic::{Payload, contain};
use hob_core::unhandled::{self, Unhandled, UnhandledKind};
use hob_core::{Alarm, Env, Instant, JobKind, Reactor, Timers};
use hob_time::{Clock, Heap, VirtualClock, Wheel};

use crate::emptying::Emptying;
use crate::report::{LeftBehind, ShutdownReport};

/// Everything of a runtime but its executor.
pub(crate) struct Engines {
    pub(crate) queues: Queues,
    pub(crate) reactor: &'static dyn Reactor,
    pub(crate) blocking: Arc<Pool>,
}

/// The queues of timers.
pub(crate) struct Queues {
    /// All of them; the last is for threads that are no workers.
    pub(crate) timers: Vec<&'static dyn Timers>,
    /// Those that are ours, and go back on their shelf: all or none.
    wheels: Vec<&'static Wheel>,
    /// The only one of a runtime in virtual time, and its clock, which are ours too.
    virtual_time: Option<(&'static Heap, VirtualClock)>,
}

/// What a shutdown does not do to the millisecond: threads need a moment to end.
const SLACK: Duration = Duration::from_millis(15);

impl Engines {
    /// Takes a runtime apart by `deadline`. `empty` waits until the tasks are gone, `stop` ends the
    /// workers, by the deadline that it is given, and says how many are stuck.
    pub(crate) fn shut_down(
        self,
        env: &Arc<Env>,
        time: Duration,
        empty: impl FnOnce(Emptying<'_>) -> Vec<hob_task::LeftBehind>,
        stop: impl FnOnce(Instant) -> usize,
    ) -> ShutdownReport {
        let deadline = Instant::system() + time;
        let mut retired = false;
        let mut retire = || {
            if !mem::replace(&mut retired, true) {
                self.retire(env);
            }
        };
        let at_the_latest = self.queues.bound(deadline);
        let tasks = empty(Emptying::new(env, time, at_the_latest, &mut retire));
        let mut jobs = self.blocking.shutdown(deadline - Instant::system());
        // The others are meant to be left: a look-up of a name, a read from a terminal.
        jobs.retain(|job| job.kind == JobKind::Thread);
        retire();
        let workers_stuck = stop(deadline.max(Instant::system() + SLACK));
        if workers_stuck == 0 {
            self.queues.close();
        }
        for job in &jobs {
            let text = job.to_string();
            env.report(&Unhandled::new(UnhandledKind::LeftBehind, None, &text));
        }
        let tasks = tasks.into_iter().map(LeftBehind::Task);
        ShutdownReport {
            left_behind: tasks.chain(jobs.into_iter().map(LeftBehind::Job)).collect(),
            workers_stuck,
            inherited: None,
        }
    }

    fn retire(&self, env: &Arc<Env>) {
        env.end();
        let mut woken: Vec<Waker> = Vec::new();
        // Inside the runtime, whose hook hears of what panics.
        context::enter(&Local::new(env, Role::Guest), || {
            report(contain(|| self.reactor.retire(&mut woken)));
            for timers in &self.queues.timers {
                report(contain(|| timers.retire(&mut woken)));
            }
            unhandled::wake_all(&mut woken);
        });
    }
}

impl Queues {
    /// Those that the builder takes from their shelf.
    pub(crate) fn own(wheels: Vec<&'static Wheel>) -> Self {
        let timers = wheels.iter().map(|wheel| *wheel as &dyn Timers).collect();
        Self {
            timers,
            wheels,
            virtual_time: None,
        }
    }

    /// One on a virtual clock that shows `start`.
    pub(crate) fn in_virtual_time(start: Instant) -> Self {
        let clock = VirtualClock::open(start);
        let heap = Heap::open(Clock::Virtual(clock));
        Self {
            timers: vec![heap],
            wheels: Vec::new(),
            virtual_time: Some((heap, clock)),
        }
    }

    /// The clock of a runtime in virtual time.
    pub(crate) fn virtual_clock(&self) -> Option<VirtualClock> {
        self.virtual_time.map(|(_, clock)| clock)
    }

    /// Those that came through the builder.
    pub(crate) const fn of_others(timers: Vec<&'static dyn Timers>) -> Self {
        Self {
            timers,
            wheels: Vec::new(),
            virtual_time: None,
        }
    }

    /// Starts their use.
    pub(crate) fn attach(&self, alarm: &Arc<Alarm>) {
        for timers in &self.timers {
            timers.attach(Arc::clone(alarm));
        }
        for wheel in &self.wheels {
            // Nothing is due: this turns it to the present, from where timers find their slots.
            wheel.expire(wheel.now(), &mut Vec::new());
        }
    }

    /// How many timers are armed in our wheels; a pool has no other queues of ours.
    pub(crate) fn timers_armed(&self) -> usize {
        let armed = |wheel: &&Wheel| wheel.statistics().timers_armed;
        self.wheels.iter().map(armed).sum()
    }

    /// Runs `build`, which asks what came through the builder; if that panics, ours are put back first.
    pub(crate) fn lend<R>(self, build: impl FnOnce(&Self) -> R) -> (Self, R) {
        match contain(|| build(&self)) {
            Ok(built) => (self, built),
            Err(payload) => {
                self.close();
                resume_unwind(payload)
            }
        }
    }

    /// Until when a shutdown may wait by the system's clock, beside theirs. Ours go by the system's,
    /// but for virtual time.
    fn bound(&self, deadline: Instant) -> Instant {
        if self.wheels.is_empty() {
            deadline
        } else {
            Instant::NEVER
        }
    }

    /// Puts ours back, once nobody uses them any more.
    fn close(self) {
        self.wheels.into_iter().for_each(Wheel::close);
        if let Some((heap, clock)) = self.virtual_time {
            heap.close();
            clock.close();
        }
    }
}

fn report(contained: Result<(), Payload>) {
    unhandled::report_panic(UnhandledKind::CallbackPanicked, contained);
}
