//! The loop of a worker.
//!
//! ```text
//!   ┌─► own queue ─► injector ─► a peer's queue ─► sleep: in the seat at the poller if it is free,
//!   │       │                                             else on the own parker
//!   │      run
//!   └───────┴── after 61 polls or 5 ms: poller, timers and injector get a look
//! ```
//!
//! The worker in the seat sleeps until the earliest timer of *all* workers, and expires them: a
//! worker that is stuck in a poll delays nobody else's sockets and timers. Whoever leaves the seat
//! wakes a peer that sleeps elsewhere, which takes it; and who is about to sleep elsewhere first looks
//! whether the seat has become free. A worker that was woken and finds a task instead passes the seat
//! on, since that task may never return. So the poller is not left alone while anybody sleeps. Between
//! leaving and looking stands the same fence as between a push and a sleep; see `idle.rs`.

use std::mem;
use std::sync::{Arc, TryLockError};
use std::task::Waker;

use hob_core::context::{self, Local, Role};
use hob_core::{Alarm, Env, Park, Timers, Until};

use crate::idle::{Place, Sleeper};
use crate::parker::Parker;
use crate::pool::Hooks;
use crate::primitive::{AtomicU64, MutexGuard, Ordering};
use crate::queues::Ready;
use crate::shared::{Counters, Shared};
use crate::turn::Turn;
use crate::wake::wake_all;

pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) shared: &'static Shared,
    pub(crate) env: Arc<Env>,
    /// The timers of all workers.
    pub(crate) timers: Arc<[&'static dyn Timers]>,
    pub(crate) alarm: Arc<Alarm>,
    pub(crate) hooks: Hooks,
}

type Seat<'s> = MutexGuard<'s, Option<Box<dyn Park + Send>>>;

impl Worker {
    /// Runs tasks until the pool stops.
    pub(crate) fn run(self) {
        let mut parker = self.shared.check_in(self.index);
        let mut local = Local::new(&self.env, Role::Worker).with_worker(self.index);
        if let Some(timers) = self.timers.get(self.index) {
            local = local.with_timers(*timers);
        }
        context::enter(&local, || {
            self.hooks.start(&self.env);
            self.work(&mut parker);
            self.hooks.stop(&self.env);
        });
        self.shared.check_out(self.index, parker);
    }

    fn work(&self, parker: &mut Parker) {
        let mut turn = Turn::new();
        let mut woken = Vec::new();
        let mut rested = false;
        loop {
            if turn.is_over() {
                self.look(&mut woken);
                turn.restart();
            }
            match self.next() {
                Some(task) => {
                    if mem::take(&mut rested) {
                        self.pass_seat_on();
                    }
                    count(&self.counters().polls);
                    task.run();
                }
                None if self.shared.is_stopping() => return,
                None => {
                    rested = self.sleep(parker, &mut woken) == Place::Alone;
                    turn.restart();
                }
            }
        }
    }

    fn next(&self) -> Option<Ready> {
        let queues = &self.shared.queues;
        queues
            .pop(self.index)
            .or_else(|| queues.take_injected(self.index))
            .or_else(|| {
                let stolen = queues.steal(self.index);
                if stolen.is_some() {
                    count(&self.counters().steals);
                }
                stolen
            })
    }

    /// What a busy worker owes the others: the poller, the timers, the injector.
    fn look(&self, woken: &mut Vec<Waker>) {
        if let Some(mut seat) = self.try_sit() {
            park_in(&mut seat, Until::Now, woken);
            drop(seat);
            self.shared.hand_over_seat();
        }
        self.expire(woken);
        wake_all(woken);
        self.shared.queues.move_injected(self.index);
    }

    fn sleep(&self, parker: &mut Parker, woken: &mut Vec<Waker>) -> Place {
        count(&self.counters().parks);
        match self.try_sit() {
            Some(seat) => {
                self.sleep_in_seat(seat, woken);
                Place::Seat
            }
            None => {
                self.sleep_alone(parker);
                Place::Alone
            }
        }
    }

    /// Takes the seat, if nobody sits in it.
    fn try_sit(&self) -> Option<Seat<'_>> {
        match self.shared.seat.try_lock() {
            Ok(seat) => Some(seat),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Poisoned(_)) => {
                panic!("the poller has panicked on another worker of this pool")
            }
        }
    }

    /// Wakes another sleeper if the seat is free: perhaps this worker was woken to take it, and has
    /// found a task instead.
    fn pass_seat_on(&self) {
        if let Some(seat) = self.try_sit() {
            drop(seat);
            self.shared.hand_over_seat();
        }
    }

    fn sleep_alone(&self, parker: &mut Parker) {
        self.enter_idle(Place::Alone);
        if !self.has_work() && self.try_sit().is_none() {
            parker.park(Until::Forever, &mut Vec::new());
        }
        self.shared.idle.leave(self.index);
    }

    fn sleep_in_seat(&self, mut seat: Seat<'_>, woken: &mut Vec<Waker>) {
        self.enter_idle(Place::Seat);
        if !self.has_work() {
            let until = self.alarm.set(self.timers.iter().copied());
            park_in(&mut seat, Until::at(until), woken);
            self.alarm.clear();
        }
        self.shared.idle.leave(self.index);
        drop(seat);
        self.shared.hand_over_seat();
        self.expire(woken);
        wake_all(woken);
    }

    fn enter_idle(&self, place: Place) {
        self.shared.idle.enter(Sleeper {
            worker: self.index,
            place,
        });
    }

    fn has_work(&self) -> bool {
        self.shared.is_stopping() || !self.shared.queues.is_empty()
    }

    /// Takes out what is due in anybody's timers.
    fn expire(&self, woken: &mut Vec<Waker>) {
        let Some(now) = self.timers.first().map(|timers| timers.now()) else {
            return;
        };
        for timers in &*self.timers {
            if timers.next() <= now {
                timers.expire(now, woken);
            }
        }
    }

    fn counters(&self) -> &Counters {
        &self.shared.counters[self.index]
    }
}

fn park_in(seat: &mut Seat<'_>, until: Until, woken: &mut Vec<Waker>) {
    if let Some(seat) = seat.as_mut() {
        seat.park(until, woken);
    }
}

/// Counts up; only this worker writes.
fn count(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}
