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
use std::sync::Arc;
use std::task::Waker;

use hob_core::context::{self, Local, Role};
use hob_core::panic::contain;
use hob_core::unhandled::{UnhandledKind, report_panic, wake_all};
use hob_core::{Alarm, Env, Timers, Until};

use crate::idle::{Place, Sleeper};
use crate::parking::{Parking, drop_foreign};
use crate::pool::Hooks;
use crate::primitive::{AtomicU64, Ordering};
use crate::queues::Ready;
use crate::seat::Sitting;
use crate::shared::{Counters, Shared};
use crate::turn::Turn;

pub(crate) struct Worker<T: 'static = Ready> {
    pub(crate) index: usize,
    pub(crate) shared: &'static Shared<T>,
    pub(crate) env: Arc<Env>,
    /// The timers of all workers.
    pub(crate) timers: Arc<[&'static dyn Timers]>,
    pub(crate) alarm: Arc<Alarm>,
    pub(crate) hooks: Hooks,
}

impl<T> Worker<T> {
    /// Takes tasks until the pool stops, and runs each of them by `run`.
    pub(crate) fn run(self, run: impl FnMut(T)) {
        let Some(parker) = self.shared.check_in(self.index) else {
            return self.shared.miss_worker();
        };
        let mut local = Local::new(&self.env, Role::Worker).with_worker(self.index);
        if let Some(timers) = self.timers.get(self.index) {
            local = local.with_timers(*timers);
        }
        context::enter(&local, || {
            self.hooks.start(&self.env);
            self.work_on(parker, run);
            self.hooks.stop(&self.env);
        });
        self.shared.miss_worker();
    }

    /// Works. Timers that panic, which they must not, are reported, and the worker begins again.
    fn work_on(&self, mut parker: Parking, mut run: impl FnMut(T)) {
        let mut woken = Vec::new();
        while let Err(payload) = contain(|| self.work(&mut parker, &mut woken, &mut run)) {
            report_panic(UnhandledKind::CallbackPanicked, Err(payload));
            self.shared.idle.leave(self.index);
            self.shared.hand_over_seat();
            before_looking(|| wake_all(&mut woken));
        }
        drop_foreign(&self.env, parker);
    }

    fn work(&self, parker: &mut Parking, woken: &mut Vec<Waker>, run: &mut impl FnMut(T)) {
        let mut turn = Turn::new();
        let mut rested = false;
        loop {
            if turn.is_over() {
                self.look(woken);
                turn.restart();
            }
            match self.next() {
                Some(task) => {
                    if mem::take(&mut rested) {
                        self.pass_seat_on();
                    }
                    count(&self.counters().polls);
                    run(task);
                }
                None if self.shared.is_stopping() => return,
                None => {
                    rested = self.sleep(parker, woken) == Place::Alone;
                    turn.restart();
                }
            }
        }
    }

    fn next(&self) -> Option<T> {
        let own = self.shared.queues.pop(self.index);
        own.or_else(|| self.take_from_others())
    }

    fn take_from_others(&self) -> Option<T> {
        let queues = &self.shared.queues;
        let task = queues.take_injected(self.index).or_else(|| {
            let stolen = queues.steal(self.index);
            if stolen.is_some() {
                count(&self.counters().steals);
            }
            stolen
        })?;
        // What came along was in no queue while it was moved: a peer that looked then may sleep by now.
        if queues.waits_at(self.index) {
            self.shared.notify();
        }
        Some(task)
    }

    /// What a busy worker owes the others: the poller, the timers, the injector.
    pub(crate) fn look(&self, woken: &mut Vec<Waker>) {
        if let Some(mut seat) = self.shared.seat.try_sit() {
            seat.park(Until::Now, woken);
            drop(seat);
            self.shared.hand_over_seat();
        }
        self.expire(woken);
        before_looking(|| wake_all(woken));
        if self.shared.queues.move_injected(self.index) > 0 {
            self.shared.notify();
        }
    }

    fn sleep(&self, parker: &mut Parking, woken: &mut Vec<Waker>) -> Place {
        count(&self.counters().parks);
        match self.shared.seat.try_sit() {
            Some(seat) => {
                self.sleep_in_seat(seat, woken);
                Place::Seat
            }
            None => {
                self.sleep_alone(parker, woken);
                Place::Alone
            }
        }
    }

    /// Wakes another sleeper if the seat is free: perhaps this worker was woken to take it, and has
    /// found a task instead.
    fn pass_seat_on(&self) {
        if let Some(seat) = self.shared.seat.try_sit() {
            drop(seat);
            self.shared.hand_over_seat();
        }
    }

    fn sleep_alone(&self, parker: &mut Parking, woken: &mut Vec<Waker>) {
        self.enter_idle(Place::Alone);
        if !self.has_work() && self.shared.seat.try_sit().is_none() {
            parker.park(Until::Forever, woken);
        }
        self.shared.idle.leave(self.index);
        // Ours hands out none; one from outside may watch something of its own.
        before_looking(|| wake_all(woken));
    }

    fn sleep_in_seat(&self, mut seat: Sitting<'_>, woken: &mut Vec<Waker>) {
        self.enter_idle(Place::Seat);
        if !self.has_work() {
            let until = self.alarm.set(self.timers.iter().copied());
            seat.sleep_until(until, self.timers.first().copied(), woken);
            self.alarm.clear();
        }
        self.shared.idle.leave(self.index);
        drop(seat);
        self.shared.hand_over_seat();
        self.expire(woken);
        before_looking(|| wake_all(woken));
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

/// Runs `wake` on this worker, which looks at its queue next.
fn before_looking(wake: impl FnOnce()) {
    context::with(|local| match local {
        Some(local) => local.before_looking(wake),
        None => wake(),
    });
}

/// Counts up; only this worker writes.
fn count(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use hob_core::Instant;
    use hob_core::env::Parts;

    use super::*;

    /// What two workers share.
    fn shared_of_two() -> &'static Shared<usize> {
        let shared = Box::leak(Box::new(Shared::new(2)));
        shared.furnish(Parking::plain(), vec![Parking::plain(), Parking::plain()]);
        shared
    }

    /// A worker of a pool whose tasks are numbers.
    fn worker(shared: &'static Shared<usize>, index: usize) -> Worker<usize> {
        Worker {
            index,
            shared,
            env: Arc::new(Env::new(Parts::default())),
            timers: Arc::new([]),
            alarm: Arc::new(Alarm::new(shared.seat_unparker())),
            hooks: Hooks::default(),
        }
    }

    #[test]
    fn a_peer_is_told_of_what_comes_along_with_a_task() {
        let shared = shared_of_two();
        let taker = worker(shared, 0);
        let asleep = Sleeper {
            worker: 1,
            place: Place::Alone,
        };
        // As if the peer had looked while the batch was in no queue.
        let take = |tasks: usize| {
            (0..tasks).for_each(|task| shared.queues.inject(task));
            shared.idle.enter(asleep);
            assert_eq!(taker.next(), Some(0));
            let left_asleep = shared.idle.count();
            shared.idle.leave(1);
            while taker.next().is_some() {}
            left_asleep
        };
        assert_eq!(take(4), 0, "one more came along");
        assert_eq!(take(2), 1, "nothing came along");
    }

    #[test]
    fn who_starts_after_the_pool_has_given_up_ends_at_once() {
        let shared = shared_of_two();
        let late = worker(shared, 0);
        shared.expect_worker();
        shared.stop();
        assert_eq!(shared.wait_ended(Instant::from_nanos(0)), 1);
        shared.clear(&Env::new(Parts::default()));
        late.run(|_| unreachable!("there is no task"));
        assert_eq!(shared.wait_ended(Instant::NEVER), 0);
    }

    #[test]
    fn who_is_woken_and_takes_a_task_passes_the_free_seat_on() {
        let shared = shared_of_two();
        // Somebody sits in the seat, so both others sleep alone. Only the second is real.
        let sitting = shared.seat.try_sit().expect("nobody sits there");
        shared.idle.enter(Sleeper {
            worker: 0,
            place: Place::Alone,
        });
        shared.expect_worker();
        let (tell, sleepers_left) = mpsc::channel();
        let running = thread::Builder::new()
            .spawn(move || {
                worker(shared, 1).run(|_| tell.send(shared.idle.count()).expect("it is awaited"));
            })
            .expect("a thread starts");
        while shared.idle.count() < 2 {
            thread::yield_now();
        }
        // The seat becomes free, and the one who is woken finds a task.
        drop(sitting);
        shared.queues.inject(0);
        shared.notify();
        let left = sleepers_left.recv().expect("the task is run");
        assert_eq!(left, 0, "the first sleeper was not woken to take the seat");
        shared.stop();
        assert_eq!(shared.wait_ended(Instant::NEVER), 0);
        running.join().expect("it does not panic");
    }
}
