//! What the workers of a pool share with everybody who wakes its tasks.
//!
//! # Implementation
//!
//! Task headers point at it, so it lives as long as the process and is used again by the next pool of
//! the same size. What belongs to one use, the seat at the poller above all, is put in by
//! [`Shared::open`] and taken out by [`Shared::close`].

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use hob_core::context::{self, Local};
use hob_core::{Instant, Park, Recycler, Runnable, Schedule, SchedulerRef, TaskCell, Unpark, Why};

use crate::idle::{Idle, Place, Sleeper};
use crate::parker::Parker;
use crate::primitive::{AtomicBool, AtomicU64, Condvar, Mutex, Ordering, lock};
use crate::queues::{Queues, Ready};
use crate::seat::Seat;

pub(crate) struct Shared<T = Ready> {
    pub(crate) queues: Queues<T>,
    pub(crate) idle: Idle,
    pub(crate) counters: Box<[Counters]>,
    /// The number of the runtime that uses this now: it tells whether a thread is one of our workers.
    env: AtomicU64,
    stopping: AtomicBool,
    /// A worker takes its parker when it starts, and puts it back when it ends.
    parkers: Box<[Mutex<Option<Parker>>]>,
    unparkers: Box<[Arc<dyn Unpark>]>,
    pub(crate) seat: Seat,
    seat_unparker: Mutex<Option<Arc<dyn Unpark>>>,
    running: Mutex<usize>,
    ended: Condvar,
    scheduler: Mutex<Option<SchedulerRef>>,
}

/// What a worker counts; only it writes.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) polls: AtomicU64,
    pub(crate) steals: AtomicU64,
    pub(crate) parks: AtomicU64,
}

impl Counters {
    fn reset(&self) {
        for counter in [&self.polls, &self.steals, &self.parks] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

static SHELF: Recycler<Shared> = Recycler::new();

impl Shared {
    /// Takes a pool's shared part from the shelf, or makes one.
    pub(crate) fn open(workers: usize, seat: Box<dyn Park + Send>) -> &'static Self {
        let shared = SHELF.take(
            |shared| shared.queues.workers() == workers,
            || Self::new(workers),
        );
        shared.stopping.store(false, Ordering::Relaxed);
        shared.counters.iter().for_each(Counters::reset);
        shared.furnish(seat);
        lock(&shared.scheduler).get_or_insert_with(|| SchedulerRef::leak(shared));
        shared
    }

    /// Drops the seat, which closes the poller's descriptors, and puts the rest back on the shelf.
    ///
    /// The caller has made sure that every worker has ended and no task is alive: nobody will schedule
    /// here any more.
    pub(crate) fn close(&'static self) {
        self.drop_seat();
        self.env.store(0, Ordering::Relaxed);
        SHELF.give_back(self);
    }
}

impl<T> Shared<T> {
    /// Puts the seat in.
    pub(crate) fn furnish(&self, seat: Box<dyn Park + Send>) {
        *lock(&self.seat_unparker) = Some(seat.unparker());
        drop(self.seat.exchange(Some(seat)));
    }

    /// Drops the seat, where the rest cannot be used again.
    pub(crate) fn drop_seat(&self) {
        let seat = self.seat.exchange(None);
        let unparker = lock(&self.seat_unparker).take();
        drop((seat, unparker));
    }

    pub(crate) fn new(workers: usize) -> Self {
        let parkers: Vec<_> = iter::repeat_with(Parker::new).take(workers).collect();
        Self {
            queues: Queues::new(workers),
            idle: Idle::new(),
            counters: (0..workers).map(|_| Counters::default()).collect(),
            env: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            unparkers: parkers.iter().map(Park::unparker).collect(),
            parkers: parkers
                .into_iter()
                .map(|parker| Mutex::new(Some(parker)))
                .collect(),
            seat: Seat::new(),
            seat_unparker: Mutex::new(None),
            running: Mutex::new(0),
            ended: Condvar::new(),
            scheduler: Mutex::new(None),
        }
    }

    /// The thin reference for task headers.
    pub(crate) fn scheduler(&self) -> SchedulerRef {
        lock(&self.scheduler).expect("`open` has put it in")
    }

    /// Says which runtime this use belongs to, before its first task is spawned.
    pub(crate) fn belongs_to(&self, env: u64) {
        self.env.store(env, Ordering::Relaxed);
    }

    /// Which of our workers this thread is.
    fn current_worker(&self) -> Option<usize> {
        let env = self.env.load(Ordering::Relaxed);
        context::with(|local| {
            local
                .filter(|local| local.env().id() == env)
                .and_then(|local| local.worker())
        })
    }

    /// Wakes a sleeping worker after a task was pushed, if there is one.
    pub(crate) fn notify(&self) {
        if let Some(sleeper) = self.idle.pick() {
            self.unpark(sleeper);
        }
    }

    /// Wakes a worker that could take the seat, which is about to be left empty.
    pub(crate) fn hand_over_seat(&self) {
        if let Some(sleeper) = self.idle.pick_alone() {
            self.unpark(sleeper);
        }
    }

    fn unpark(&self, sleeper: Sleeper) {
        match sleeper.place {
            Place::Alone => self.unparkers[sleeper.worker].unpark(),
            Place::Seat => self.unpark_seat(),
        }
    }

    fn unpark_seat(&self) {
        let unparker = lock(&self.seat_unparker).clone();
        if let Some(unparker) = unparker {
            unparker.unpark();
        }
    }

    /// The wakers of the seat, for the alarm of the timers.
    pub(crate) fn seat_unparker(&self) -> Arc<dyn Unpark> {
        lock(&self.seat_unparker)
            .clone()
            .expect("`open` has put it in, and it is there until `close`")
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Asks every worker to end once it finds nothing to run.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        for unparker in &self.unparkers {
            unparker.unpark();
        }
        self.unpark_seat();
    }

    /// Counts a thread that is about to be started.
    pub(crate) fn expect_worker(&self) {
        *lock(&self.running) += 1;
    }

    /// Counts a thread out that could not be started, or has ended.
    pub(crate) fn miss_worker(&self) {
        *lock(&self.running) -= 1;
        self.ended.notify_all();
    }

    /// A worker starts, and takes its parker.
    pub(crate) fn check_in(&self, worker: usize) -> Parker {
        lock(&self.parkers[worker])
            .take()
            .expect("the last worker of this number has put it back")
    }

    /// A worker ends, and puts its parker back.
    pub(crate) fn check_out(&self, worker: usize, parker: Parker) {
        *lock(&self.parkers[worker]) = Some(parker);
        self.miss_worker();
    }

    /// Waits until every worker has ended; how many have not by `deadline`?
    pub(crate) fn wait_ended(&self, deadline: Instant) -> usize {
        let mut running = lock(&self.running);
        while *running > 0 {
            let left: Duration = deadline - Instant::system();
            if left.is_zero() {
                break;
            }
            running = self
                .ended
                .wait_timeout(running, left)
                .expect("no foreign code runs under hob's locks")
                .0;
        }
        *running
    }
}

/// Whether this thread is a worker that wakes tasks just before it looks at its queue.
fn is_about_to_look() -> bool {
    context::with(|local| local.is_some_and(Local::is_about_to_look))
}

impl Schedule for Shared {
    fn schedule(&self, task: Runnable<TaskCell>, _why: Why) {
        match self.current_worker() {
            Some(worker) => {
                let waiting = self.queues.push(worker, task);
                // The worker takes the first one itself, at once.
                if waiting == 1 && is_about_to_look() {
                    return;
                }
            }
            None => self.queues.inject(task),
        }
        self.notify();
    }
}
