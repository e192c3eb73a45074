//! What the workers of a pool share with everybody who wakes its tasks.
//!
//! # Implementation
//!
//! Task headers point at it, so it lives as long as the process and is used again by the next pool of
//! the same size. What belongs to one use, the seat at the poller and the parkers, is put in by
//! [`Shared::open`] and taken out by [`Shared::close`]. Each of them has a small lock of its own, which
//! is held for no longer than it takes to move a pointer: whoever unparks clones the handle first.

#![expect(
    unsafe_code,
    reason = "a queue has one owner: here is decided which thread that is"
)]

use std::sync::Arc;
use std::time::Duration;

use hob_core::context::{self, Local};
use hob_core::{Env, Instant, Recycler, Runnable, Schedule, SchedulerRef, TaskCell, Unpark, Why};

use crate::hold::{self, Has, Hold};
use crate::idle::{Idle, Place, Sleeper};
use crate::injector::Injector;
use crate::lodging::Lodging;
use crate::parking::{Bell, Parking, drop_foreign};
use crate::primitive::{AtomicBool, AtomicU64, Condvar, Mutex, Ordering, lock, now};
use crate::pulse::Pulse;
use crate::ring::{Owner, Ring, Token};
use crate::scout::Glance;
use crate::seat::Seat;

/// A runnable task.
pub(crate) type Ready = Runnable<TaskCell>;

/// Models put plain numbers in for tasks, because loom cannot see into a task.
pub(crate) struct Shared<T: Token = Ready> {
    pub(crate) cores: Box<[Core<T>]>,
    /// What each core shows while it polls.
    pub(crate) pulses: Box<[Pulse]>,
    pub(crate) injector: Injector<T>,
    pub(crate) idle: Idle,
    stopping: AtomicBool,
    beds: Box<[Bed]>,
    pub(crate) seat: Seat,
    seat_unparker: Unparker,
    running: Mutex<usize>,
    ended: Condvar,
    scheduler: Mutex<Option<SchedulerRef>>,
}

/// The right to run tasks from one queue. Whoever has it writes here, and nobody else.
pub(crate) struct Core<T: Token> {
    pub(crate) ring: Ring<T>,
    /// How many tasks were spawned by what runs here.
    spawned: AtomicU64,
    pub(crate) steals: AtomicU64,
    pub(crate) parks: AtomicU64,
    pub(crate) budgets_spent: AtomicU64,
}

/// Where a worker sleeps outside the seat, in this use.
#[derive(Default)]
struct Bed {
    /// Until the worker starts, and takes it.
    parker: Mutex<Option<Parking>>,
    unparker: Unparker,
    lodging: Lodging,
}

/// What ends somebody's sleep, in this use.
#[derive(Default)]
struct Unparker(Mutex<Option<Arc<Bell>>>);

static SHELF: Recycler<Shared> = Recycler::new();

impl Shared {
    /// Takes the shared part of a pool from the shelf, or makes one; each worker gets one of `parkers`.
    pub(crate) fn open(seat: Parking, parkers: Vec<Parking>) -> &'static Self {
        let workers = parkers.len();
        let shared = SHELF.take(
            |shared| shared.cores.len() == workers,
            || Self::new(workers),
        );
        shared.stopping.store(false, Ordering::Relaxed);
        shared.cores.iter().for_each(Core::reset);
        shared.pulses.iter().for_each(Pulse::reset);
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
        SHELF.give_back(self);
    }
}

impl<T: Token> Shared<T> {
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
            cores: (0..workers).map(|_| Core::new()).collect(),
            pulses: (0..workers).map(|_| Pulse::new()).collect(),
            injector: small_in_models(Injector::new, || Injector::with_shards(2)),
            idle: Idle::new(workers),
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

    /// The owner's side of the queue that `hold` stands for, if it is one of this pool.
    pub(crate) fn own_ring(&'static self, _hold: &Hold) -> Option<(usize, Owner<'static, T>)> {
        match hold::of(self) {
            Has::Core(core) => Some((core, self.owner(core))),
            Has::Leave | Has::Nothing => None,
        }
    }

    /// The caller has seen that this thread holds the core.
    fn owner(&self, core: usize) -> Owner<'_, T> {
        // SAFETY: a `Hold` says that this thread has the core, and only who has been given it by the
        // board, under the board's lock, makes such a `Hold`; it ends before the core is given away,
        // under that lock too. So there is one thread, and what the last one did comes before.
        unsafe { self.cores[core].ring.owner() }
    }

    /// Takes the next task from the queue that is `own`.
    pub(crate) fn pop(&self, own: &Owner<'_, T>) -> Option<T> {
        if self.cores.len() == 1 {
            // SAFETY: only a scout calls `steal_into`, and only for other cores than its own: there is no
            // other core, and there never was one.
            return unsafe { own.pop_unshared() };
        }
        own.pop()
    }

    /// Puts a task in the queue of the core that this thread holds.
    fn push_own(&self, core: usize, task: T, why: Why) {
        if why == Why::Spawned {
            count(&self.cores[core].spawned);
        }
        self.owner(core).push(task);
        if self.idle.wants_rousing() && !is_about_to_look() {
            self.rouse();
        }
    }

    /// Puts a task where any worker finds it, and wakes one.
    pub(crate) fn inject(&self, task: T) {
        self.injector.push(task);
        self.notify();
    }

    /// Takes a task from whichever thread this is.
    pub(crate) fn take_in(&self, task: T, why: Why) {
        match hold::of(self) {
            Has::Core(core) => self.push_own(core, task, why),
            Has::Leave => match self.idle.borrow() {
                Some(core) => {
                    hold::set(self, Has::Core(core));
                    self.push_own(core, task, why);
                }
                None => self.inject(task),
            },
            Has::Nothing => self.inject(task),
        }
    }

    /// Gives the core back that this thread has borrowed, if it has one.
    pub(crate) fn give_back(&self) {
        let Has::Core(core) = hold::of(self) else {
            return;
        };
        self.owner(core).trim();
        hold::set(self, Has::Leave);
        let waiting = !self.cores[core].ring.is_empty();
        if let Some(sleeper) = self.idle.give_back(core, waiting) {
            self.unpark(sleeper);
        }
        if !self.injector.is_empty() {
            self.notify();
        }
    }

    /// Where a worker sleeps.
    pub(crate) fn lodging(&self, worker: usize) -> &Lodging {
        &self.beds[worker].lodging
    }

    /// After a push to an own queue: wakes the scout if it wants to be.
    pub(crate) fn rouse_if_wanted(&self) {
        if self.idle.wants_rousing() {
            self.rouse();
        }
    }

    #[cold]
    fn rouse(&self) {
        if let Some(scout) = self.idle.rouse() {
            self.lodging(scout.worker).make_room();
            self.unpark(scout);
        }
    }

    /// Wakes a sleeping worker after a task was pushed, if there is one.
    pub(crate) fn notify(&self) {
        if let Some(sleeper) = self.idle.pick() {
            self.unpark(sleeper);
        }
    }

    /// The seat was left: appoints a scout if there is none, who looks after the poller.
    pub(crate) fn guard_seat(&self) {
        if self.idle.is_unwatched()
            && let Some(guard) = self.idle.guard()
        {
            self.unpark(guard);
        }
    }

    pub(crate) fn unpark(&self, sleeper: Sleeper) {
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

impl<T: Token> Core<T> {
    fn new() -> Self {
        Self {
            ring: small_in_models(Ring::new, || Ring::with_capacity(2)),
            spawned: AtomicU64::new(0),
            steals: AtomicU64::new(0),
            parks: AtomicU64::new(0),
            budgets_spent: AtomicU64::new(0),
        }
    }

    fn reset(&self) {
        for counter in [
            &self.spawned,
            &self.steals,
            &self.parks,
            &self.budgets_spent,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// What a scout sees here.
    pub(crate) fn glance(&self, pulse: &Pulse) -> Glance {
        Glance {
            at: now(),
            mark: pulse.mark(),
            spawned: self.spawned.load(Ordering::Relaxed),
            waiting: self.ring.len(),
        }
    }
}

/// A model looks at every place that there is.
fn small_in_models<T>(usual: impl FnOnce() -> T, small: impl FnOnce() -> T) -> T {
    if cfg!(loom) { small() } else { usual() }
}

/// Counts up; only the holder of the core writes.
pub(crate) fn count(counter: &AtomicU64) {
    add(counter, 1);
}

/// Adds; only the holder of the core writes.
pub(crate) fn add(counter: &AtomicU64, number: u64) {
    counter.store(counter.load(Ordering::Relaxed) + number, Ordering::Relaxed);
}

impl Schedule for Shared {
    fn schedule(&self, task: Runnable<TaskCell>, why: Why) {
        self.take_in(task, why);
    }
}
