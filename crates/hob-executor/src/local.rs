//! The executor of one thread.
//!
//! # Implementation
//!
//! One queue, strictly first in first out, that any thread may push to. The home thread works in
//! passes: it looks at the poller and the timers, and then runs the tasks that were queued when the
//! pass began; what they queue belongs to the next pass. While tasks are queued the poller gets its
//! look only after 61 polls or 5 ms, as on a pool, so a task that yields costs no system call.
//!
//! Before it sleeps, and only then, it asks whether anybody waits until nothing is runnable
//! ([`Env::settle`]). Then it looks without sleeping; if that brought nothing either, they are woken in
//! place of the sleep.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use hob_core::context::{self, Local, Role};
use hob_core::unhandled::wake_all;
use hob_core::{
    Alarm, Env, Park, Recycler, Runnable, Schedule, SchedulerRef, TaskCell, Timers, Unpark, Until,
    Why,
};

use crate::block_on::refuse_on_worker;
use crate::parking::{Parking, drop_foreign};
use crate::primitive::{AtomicBool, AtomicU64, Mutex, Ordering, lock};
use crate::queues::Ready;
use crate::turn::Turn;

/// What a [`LocalExecutor`] is made of.
#[derive(Default)]
#[expect(clippy::exhaustive_structs, reason = "it is filled in by builders")]
pub struct LocalConfig {
    /// What the thread sleeps on, whatever it waits for: the poller, or else a [`Parker`](crate::Parker).
    /// It is given the instants of the timers as they are.
    pub seat: Option<Box<dyn Park + Send>>,
    /// The timers that the thread expires.
    pub timers: Option<&'static dyn Timers>,
}

/// Runs tasks on the thread that made it, in strict order of arrival; they need not be `Send`.
///
/// This is the shape of asyncio's event loop.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use std::sync::Arc;
/// use hob_core::{Env, env::Parts};
/// use hob_executor::{LocalConfig, LocalExecutor};
///
/// let executor = LocalExecutor::new(LocalConfig::default());
/// let env = Arc::new(Env::new(Parts {
///     scheduler: Some(executor.scheduler()),
///     home: Some(std::thread::current().id()),
///     ..Parts::default()
/// }));
/// let answer = executor.block_on(&env, async {
///     let shared = Rc::new(42);
///     hob_task::spawn_local(async move { *shared }).await.expect("it does not panic")
/// });
/// assert_eq!(answer, 42);
/// ```
pub struct LocalExecutor {
    shared: &'static Shared,
    seat: RefCell<Parking>,
    stop: Arc<Stop>,
    alarm: Arc<Alarm>,
    timers: Option<&'static dyn Timers>,
    /// The tasks of the pass, while one runs; empty in between, but with the room that it needed.
    pass: Cell<VecDeque<Ready>>,
    /// How many of them have not run.
    left: Cell<usize>,
    polls: Cell<u64>,
    parks: Cell<u64>,
    /// Tasks that are not `Send` are dropped here, so it stays on its thread.
    _home: PhantomData<*const ()>,
}

/// What came of a pass.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Pass {
    /// Nothing was queued.
    Empty,
    /// It ran what was queued.
    Ran,
}

/// A snapshot of a [`LocalExecutor`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct LocalStatistics {
    /// Polls of tasks since the start.
    pub polls: u64,
    /// Times the thread slept since the start.
    pub parks: u64,
    /// Tasks that wait in the queue.
    pub queued: usize,
}

/// What task headers point at: it lives as long as the process and is used again.
struct Shared {
    /// The number of the runtime that uses this now: it tells whether a thread is our home.
    env: AtomicU64,
    queue: Mutex<VecDeque<Ready>>,
    unparker: Mutex<Option<Arc<dyn Unpark>>>,
    scheduler: Mutex<Option<SchedulerRef>>,
}

/// The wish that `run_forever` returns. It belongs to one executor and not to what is used again: a
/// stopper may outlive its executor.
struct Stop {
    wished: AtomicBool,
    unparker: Arc<dyn Unpark>,
}

/// The waker of the future of `block_on`.
struct MainWaker {
    woken: AtomicBool,
    shared: &'static Shared,
}

static SHELF: Recycler<Shared> = Recycler::new();

impl LocalExecutor {
    /// Creates an executor for the tasks of this thread.
    #[must_use]
    pub fn new(config: LocalConfig) -> Self {
        let seat = config.seat.map_or_else(Parking::plain, Parking::foreign);
        let unparker: Arc<dyn Unpark> = seat.bell();
        let shared = SHELF.take(|_| true, Shared::new);
        *lock(&shared.unparker) = Some(Arc::clone(&unparker));
        lock(&shared.scheduler).get_or_insert_with(|| SchedulerRef::leak(shared));
        Self {
            shared,
            seat: RefCell::new(seat),
            stop: Arc::new(Stop {
                wished: AtomicBool::new(false),
                unparker: Arc::clone(&unparker),
            }),
            alarm: Arc::new(Alarm::new(unparker)),
            timers: config.timers,
            pass: Cell::default(),
            left: Cell::new(0),
            polls: Cell::new(0),
            parks: Cell::new(0),
            _home: PhantomData,
        }
    }

    /// Where its tasks are scheduled, for the [`Env`].
    #[must_use]
    pub fn scheduler(&self) -> SchedulerRef {
        lock(&self.shared.scheduler).expect("`new` has put it in")
    }

    /// What the timers must ring when one becomes the earliest.
    #[must_use]
    pub fn alarm(&self) -> Arc<Alarm> {
        Arc::clone(&self.alarm)
    }

    /// What stops a [`run_forever`](Self::run_forever), from any thread.
    pub fn stopper(&self) -> impl Fn() + Send + Sync + 'static {
        let stop = Arc::clone(&self.stop);
        move || stop.wish()
    }

    /// Runs `future`, and the tasks beside it, until it is ready.
    ///
    /// Tasks that are left stay where they are until the next run.
    ///
    /// # Panics
    ///
    /// In a task of the same runtime, which would wait for itself.
    #[track_caller]
    #[doc(alias = "run_until_complete")]
    pub fn block_on<F: Future>(&self, env: &Arc<Env>, future: F) -> F::Output {
        refuse_on_worker(env);
        let main = Arc::new(MainWaker {
            woken: AtomicBool::new(true),
            shared: self.shared,
        });
        let waker = Waker::from(Arc::clone(&main));
        let local = self.local(env);
        context::enter(&local, || {
            // In here, so that what is left of it is dropped inside the runtime.
            let mut future = pin!(future);
            let mut cx = Context::from_waker(&waker);
            self.drive(env, &main, || {
                local.in_main(|| future.as_mut().poll(&mut cx))
            })
        })
    }

    /// Runs tasks until [stopped](Self::stopper).
    ///
    /// A stop ends the pass that runs: what that pass queued stays for the next run. Stopped before it
    /// runs, it makes exactly one pass.
    ///
    /// # Panics
    ///
    /// In a task of the same runtime, which would wait for itself.
    #[track_caller]
    pub fn run_forever(&self, env: &Arc<Env>) {
        refuse_on_worker(env);
        context::enter(&self.local(env), || {
            let mut turn = Turn::new();
            loop {
                let last = self.stop.is_wished();
                let is_idle = || self.shared.is_empty();
                if is_idle() && !last {
                    self.sleep(env, is_idle);
                    turn.restart();
                } else if last || turn.is_over() {
                    self.look();
                    turn.restart();
                }
                self.pass(&mut turn);
                if self.stop.take() {
                    return;
                }
            }
        });
    }

    /// What the executor has done and does.
    #[must_use]
    pub fn statistics(&self) -> LocalStatistics {
        LocalStatistics {
            polls: self.polls.get(),
            parks: self.parks.get(),
            queued: self.left.get() + lock(&self.shared.queue).len(),
        }
    }

    /// Ends the use, once no task of `env` is alive.
    ///
    /// A task that is still alive after the runtime was emptied keeps the shared part for ever: it may
    /// be scheduled there.
    pub fn close(self, env: &Env) {
        let unparker = lock(&self.shared.unparker).take();
        drop_foreign(env, self.seat);
        drop_foreign(env, (self.stop, self.alarm, unparker));
        if env.tasks_alive() == 0 {
            SHELF.give_back(self.shared);
        }
    }

    fn local<'e>(&self, env: &'e Arc<Env>) -> Local<'e> {
        self.shared.env.store(env.id(), Ordering::Relaxed);
        let local = Local::new(env, Role::Worker).with_worker(0);
        match self.timers {
            Some(timers) => local.with_timers(timers),
            None => local,
        }
    }

    /// Runs tasks, and polls the main future when it was woken, until that is ready.
    fn drive<T>(&self, env: &Env, main: &MainWaker, mut poll_main: impl FnMut() -> Poll<T>) -> T {
        let mut turn = Turn::new();
        let is_idle = || self.shared.is_empty() && !main.is_woken();
        loop {
            if main.is_woken()
                && main.take()
                && let Poll::Ready(output) = poll_main()
            {
                return output;
            }
            if turn.is_over() {
                self.look();
                turn.restart();
            }
            if self.pass(&mut turn) == Pass::Empty && is_idle() {
                self.sleep(env, is_idle);
                turn.restart();
            }
        }
    }

    /// Runs the tasks that are queued now. They are taken out at once, so a pass takes the lock of the
    /// queue once, however many they are.
    fn pass(&self, turn: &mut Turn) -> Pass {
        let mut tasks = self.pass.take();
        debug_assert!(tasks.is_empty(), "a pass runs all its tasks");
        mem::swap(&mut tasks, &mut *lock(&self.shared.queue));
        if tasks.is_empty() {
            self.pass.set(tasks);
            return Pass::Empty;
        }
        self.left.set(tasks.len());
        for task in tasks.drain(..) {
            self.left.set(self.left.get() - 1);
            self.polls.set(self.polls.get() + 1);
            task.run();
            if turn.is_over() {
                self.look();
                turn.restart();
            }
        }
        self.pass.set(tasks);
        Pass::Ran
    }

    /// Sleeps until something happens. Nothing was runnable.
    ///
    /// It wakes those who wait for that instead, if there are any, and if a look finds nothing either.
    fn sleep(&self, env: &Env, is_idle: impl Fn() -> bool) {
        let mut settling = env.take_settling();
        if !settling.is_empty() {
            self.look();
            if is_idle() {
                wake_all(&mut settling);
            } else {
                settling.into_iter().for_each(|waker| env.settle(waker));
            }
            return;
        }
        self.parks.set(self.parks.get() + 1);
        let until = self.alarm.set(self.timers.into_iter());
        let mut woken = Vec::new();
        let mut seat = self.seat.borrow_mut();
        seat.sleep_until(until, self.timers, &mut woken);
        drop(seat);
        self.alarm.clear();
        self.expire(woken);
    }

    /// Looks at the poller, and at the timers.
    fn look(&self) {
        let mut woken = Vec::new();
        self.seat.borrow_mut().park(Until::Now, &mut woken);
        self.expire(woken);
    }

    /// Takes out the timers that are due, and wakes all.
    fn expire(&self, mut woken: Vec<Waker>) {
        if let Some(timers) = self.timers {
            let now = timers.now();
            if timers.next() <= now {
                timers.expire(now, &mut woken);
            }
        }
        wake_all(&mut woken);
    }
}

impl Shared {
    fn new() -> Self {
        Self {
            env: AtomicU64::new(0),
            queue: Mutex::new(VecDeque::new()),
            unparker: Mutex::new(None),
            scheduler: Mutex::new(None),
        }
    }

    fn is_empty(&self) -> bool {
        lock(&self.queue).is_empty()
    }

    /// Ends the sleep of the home thread, after something was queued.
    ///
    /// The home thread itself is awake and looks again before it sleeps. For any other the token makes
    /// up for what it queues between that look and the sleep.
    fn notify(&self) {
        let env = self.env.load(Ordering::Relaxed);
        let home = context::with(|local| {
            local.is_some_and(|local| local.env().id() == env && local.worker().is_some())
        });
        if !home {
            self.unpark();
        }
    }

    fn unpark(&self) {
        let unparker = lock(&self.unparker).clone();
        if let Some(unparker) = unparker {
            unparker.unpark();
        }
    }
}

impl Schedule for Shared {
    fn schedule(&self, task: Runnable<TaskCell>, _why: Why) {
        lock(&self.queue).push_back(task);
        self.notify();
    }
}

impl Stop {
    fn wish(&self) {
        self.wished.store(true, Ordering::Release);
        self.unparker.unpark();
    }

    fn is_wished(&self) -> bool {
        self.wished.load(Ordering::Acquire)
    }

    fn take(&self) -> bool {
        self.wished.swap(false, Ordering::AcqRel)
    }
}

impl MainWaker {
    fn take(&self) -> bool {
        self.woken.swap(false, Ordering::Acquire)
    }

    fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Relaxed)
    }
}

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::Release) {
            self.shared.notify();
        }
    }
}

impl fmt::Debug for LocalConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalConfig").finish_non_exhaustive()
    }
}

impl fmt::Debug for LocalExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalExecutor")
            .field("statistics", &self.statistics())
            .finish_non_exhaustive()
    }
}
