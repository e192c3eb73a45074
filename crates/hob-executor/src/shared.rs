//! What the workers of a pool share with everybody who wakes its tasks.
//!
//! # Implementation
//!
//! Task headers point at it, so it lives as long as the process and is used again by the next pool of
//! the same size. What belongs to one use, the seat at the poller and the parkers, is put in by
//! [`Shared::open`] and taken out by [`Shared::close`]. Each of them has a small lock of its own, which
//! is held for no longer than it takes to move a pointer: whoever unparks clones the handle first.

use std::sync::Arc;
use std::time::Duration;

use hob_core::context::{self, Local};
use hob_core::{Env, Instant, Recycler, Runnable, Schedule, SchedulerRef, TaskCell, Unpark, Why};

use crate::idle::{Idle, Place, Sleeper};
use crate::parking::{Bell, Parking, drop_foreign};
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
    beds: Box<[Bed]>,
    pub(crate) seat: Seat,
    seat_unparker: Unparker,
    running: Mutex<usize>,
    ended: Condvar,
    scheduler: Mutex<Option<SchedulerRef>>,
}

/// Where a worker sleeps outside the seat, in this use.
#[derive(Default)]
struct Bed {
    /// Until the worker starts, and takes it.
    parker: Mutex<Option<Parking>>,
    unparker: Unparker,
}

/// What ends somebody's sleep, in this use.
#[derive(Default)]
struct Unparker(Mutex<Option<Arc<Bell>>>);

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
    /// Takes the shared part of a pool from the shelf, or makes one; each worker gets one of `parkers`.
    pub(crate) fn open(seat: Parking, parkers: Vec<Parking>) -> &'static Self {
        let workers = parkers.len();
        let shared = SHELF.take(
            |shared| shared.queues.workers() == workers,
            || Self::new(workers),
        );
        shared.stopping.store(false, Ordering::Relaxed);
        shared.counters.iter().for_each(Counters::reset);
        shared.furnish(seat, parkers);
        lock(&shared.scheduler).get_or_insert_with(|| SchedulerRef::leak(shared));
        shared
    }

    /// Drops what belongs to this use, which closes the poller's descriptors, and puts the rest back on
    /// the shelf.
    ///
    /// The caller has made sure that every worker has ended and no task is alive: nobody will schedule
    /// here any more.
    pub(crate) fn close(&'static self, env: &Env) {
        self.clear(env);
        self.env.store(0, Ordering::Relaxed);
        SHELF.give_back(self);
    }
}

impl<T> Shared<T> {
    /// Puts in what belongs to one use, where [`clear`](Self::clear) has left nothing.
    pub(crate) fn furnish(&self, seat: Parking, parkers: Vec<Parking>) {
        drop(self.seat_unparker.exchange(Some(seat.bell())));
        drop(self.seat.exchange(Some(seat)));
        for (bed, parker) in self.beds.iter().zip(parkers) {
            drop(bed.unparker.exchange(Some(parker.bell())));
            *lock(&bed.parker) = Some(parker);
        }
    }

    /// Drops what belongs to one use, also where the rest cannot be used again.
    pub(crate) fn clear(&self, env: &Env) {
        let seat = (self.seat.exchange(None), self.seat_unparker.exchange(None));
        drop_foreign(env, seat);
        for bed in &self.beds {
            // A worker that has never started has left its parker here.
            let parker = lock(&bed.parker).take();
            drop_foreign(env, (parker, bed.unparker.exchange(None)));
        }
    }

    pub(crate) fn new(workers: usize) -> Self {
        Self {
            queues: Queues::new(workers),
            idle: Idle::new(),
            counters: (0..workers).map(|_| Counters::default()).collect(),
            env: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            beds: (0..workers).map(|_| Bed::default()).collect(),
            seat: Seat::new(),
            seat_unparker: Unparker::default(),
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
            Place::Alone => self.beds[sleeper.worker].unparker.unpark(),
            Place::Seat => self.seat_unparker.unpark(),
        }
    }

    /// What ends the sleep in the seat, for the alarm of the timers.
    pub(crate) fn seat_unparker(&self) -> Arc<dyn Unpark> {
        self.seat_unparker
            .get()
            .expect("`open` has put it in, and it is there until `close`")
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Asks every worker to end once it finds nothing to run.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        for bed in &self.beds {
            bed.unparker.unpark();
        }
        self.seat_unparker.unpark();
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

    /// A worker starts, and takes what it sleeps on outside the seat.
    ///
    /// `None` if it comes too late: the pool has stopped, and has given up waiting for it.
    pub(crate) fn check_in(&self, worker: usize) -> Option<Parking> {
        lock(&self.beds[worker].parker).take()
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

impl Unparker {
    fn exchange(&self, unparker: Option<Arc<Bell>>) -> Option<Arc<Bell>> {
        std::mem::replace(&mut *lock(&self.0), unparker)
    }

    fn get(&self) -> Option<Arc<Bell>> {
        lock(&self.0).clone()
    }

    fn unpark(&self) {
        // Cloned first: what comes from outside is called under no lock.
        if let Some(unparker) = self.get() {
            unparker.unpark();
        }
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
