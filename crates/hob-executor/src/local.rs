//! The executor of one thread.
//!
//! # Implementation
//!
//! One queue, strictly first in first out, that only the home thread touches, and one that all others
//! push to, and the home thread while the executor does not run. What comes there is moved to the end
//! of the first at each pass, at each look, and where an executor that was nested in this one has ended,
//! in order of arrival.
//!
//! The home thread works in passes: it runs what was queued when the pass began; what that queues
//! belongs to the next pass. The future of `block_on` is polled once at the start, before anything
//! else. Then it takes turns like a task: its wake queues it behind what is queued by then, and in that
//! turn it is polled; so everything that was queued before its wake runs first, and it waits for nothing
//! that was queued later.
//!
//! While anything is queued the poller and the timers get their look only after 61 polls or 5 ms, as on
//! a pool, so a task that yields costs no system call.
//!
//! Before it sleeps, and only then, it asks whether anybody waits until nothing is runnable
//! ([`Env::settle`]). Then it looks without sleeping; if that brought nothing either, they are woken in
//! place of the sleep.
//!
//! Which lock guards what is told in `remote`; why a wake on the home thread needs none, in `home`.

use std::cell::{Cell, OnceCell, RefCell};
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::pin;
use std::rc::Rc;
use std::slice;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hob_core::context::{self, Local, Role};
use hob_core::unhandled::wake_all;
use hob_core::{Alarm, Env, Park, Recycler, SchedulerRef, Timers, Unpark, Until};

use crate::block_on::refuse_on_worker;
use crate::exact::Precision;
use crate::gather::Gather;
use crate::local::home::{Entry, Home};
use crate::local::remote::LastLook;
use crate::local::shared::{MainWaker, Shared};
use crate::parking::{Parking, drop_foreign};
use crate::primitive::{AtomicBool, Ordering};
use crate::pulse::Pulse;
use crate::shared::Ready;
use crate::turn::Turn;
use crate::watchdog::Watchdog;

mod home;
mod remote;
mod shared;

/// What a [`LocalExecutor`] is made of.
#[derive(Default)]
#[expect(clippy::exhaustive_structs, reason = "it is filled in by builders")]
pub struct LocalConfig {
    /// What the thread sleeps on, whatever it waits for: the poller, or else a [`Parker`](crate::Parker).
    /// It is given the instants of the timers as they are.
    pub seat: Option<Box<dyn Park + Send>>,
    /// The timers that the thread expires.
    pub timers: Option<&'static dyn Timers>,
    /// How late a timer may be where many fire one soon after the other, so that several are served at
    /// once; zero for none.
    pub timer_slack: Duration,
    /// How long one poll may last before it is reported; for ever, if there is no limit.
    pub watchdog: Option<Duration>,
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
    home: Rc<Home>,
    /// Whether the main future was woken. At most one runs at a time, so one waker does for all.
    main: Arc<MainWaker>,
    main_waker: Waker,
    /// Turns of the main future in the queue that a poll before them has used up: a poll is for all wakes
    /// that came before it, and two of them may have queued a turn each.
    turns_used_up: Cell<u32>,
    seat: RefCell<Parking>,
    stop: Arc<Stop>,
    alarm: Arc<Alarm>,
    timers: Option<&'static dyn Timers>,
    gather: Gather,
    watchdog_limit: Option<Duration>,
    /// Started at the first run.
    watchdog: OnceCell<Option<Arc<Watchdog>>>,
    /// Polls of tasks.
    polls: Cell<u64>,
    parks: Cell<u64>,
    /// Tasks that are not `Send` are dropped here, so it stays on its thread.
    _home: PhantomData<*const ()>,
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

/// The wish that `run_forever` returns. It belongs to one executor and not to what is used again: a
/// stopper may outlive its executor.
struct Stop {
    wished: AtomicBool,
    unparker: Arc<dyn Unpark>,
}

static SHELF: Recycler<Shared> = Recycler::new();

impl LocalExecutor {
    /// Creates an executor for the tasks of this thread.
    #[must_use]
    pub fn new(config: LocalConfig) -> Self {
        let seat = config.seat.map_or_else(Parking::plain, Parking::foreign);
        let unparker: Arc<dyn Unpark> = seat.bell();
        let shared = SHELF.take(|_| true, Shared::new);
        shared.pulse.reset();
        shared.remote.open(Arc::clone(&unparker));
        let main = MainWaker::new(shared);
        Self {
            shared,
            home: Home::new(shared),
            main_waker: Waker::from(Arc::clone(&main)),
            main,
            turns_used_up: Cell::new(0),
            seat: RefCell::new(seat),
            stop: Arc::new(Stop {
                wished: AtomicBool::new(false),
                unparker: Arc::clone(&unparker),
            }),
            alarm: Arc::new(Alarm::new(unparker)),
            timers: config.timers,
            gather: Gather::new(config.timer_slack),
            watchdog_limit: config.watchdog,
            watchdog: OnceCell::new(),
            polls: Cell::new(0),
            parks: Cell::new(0),
            _home: PhantomData,
        }
    }

    /// Where its tasks are scheduled, for the [`Env`].
    #[must_use]
    pub fn scheduler(&self) -> SchedulerRef {
        self.shared.scheduler()
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
    /// It is polled at once, and then whenever it was woken, in the order of the queue: after what was
    /// queued before its wake, and before what was queued later. Tasks that are left stay where they are
    /// until the next run.
    ///
    /// # Panics
    ///
    /// In a task of the same runtime, which would wait for itself.
    #[track_caller]
    #[doc(alias = "run_until_complete")]
    pub fn block_on<F: Future>(&self, env: &Arc<Env>, future: F) -> F::Output {
        refuse_on_worker(env);
        let place = Location::caller();
        let local = self.local(env);
        context::enter(&local, || {
            let _entered = self.home.enter();
            let _awake = self.awake(env);
            // In here, so that what is left of it is dropped inside the runtime.
            let mut future = pin!(future);
            let mut cx = Context::from_waker(&self.main_waker);
            self.drive(env, || {
                let _poll = self.shared.pulse.begin_main(place);
                local.in_main_with(&self.main_waker, || future.as_mut().poll(&mut cx))
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
            let _entered = self.home.enter();
            let _awake = self.awake(env);
            let mut turn = Turn::new();
            loop {
                if self.stop.is_wished() {
                    self.look(&mut turn);
                } else if self.home.is_idle() {
                    self.sleep(env, &mut turn);
                }
                // A turn of a main future that is no more is nobody's.
                let _: Poll<Infallible> = self.pass(&mut turn, || Poll::Pending);
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
            queued: self.home.tasks(),
        }
    }

    /// Ends the use, once no task of `env` is alive.
    ///
    /// A task that is still alive after the runtime was emptied keeps the shared part for ever: it may
    /// be scheduled there.
    pub fn close(self, env: &Env) {
        let Self { shared, home, .. } = self;
        if let Some(Some(watchdog)) = self.watchdog.get() {
            watchdog.stop();
        }
        let unparker = shared.remote.close();
        drop_foreign(env, self.seat);
        drop_foreign(env, (self.stop, self.alarm, unparker));
        home.take_arrived();
        home.forget_main();
        let is_empty = home.len() == 0;
        drop(home);
        if is_empty && env.tasks_alive() == 0 {
            SHELF.give_back(shared);
        }
    }

    /// Says to the watchdog that this thread polls from now on, and that it rests when what is returned
    /// is dropped.
    fn awake(&self, env: &Arc<Env>) -> Awake {
        let pulse = &self.shared.pulse;
        let watchdog = self
            .watchdog
            .get_or_init(|| Watchdog::open(env, self.watchdog_limit, slice::from_ref(pulse)));
        self.call_watchdog();
        Awake {
            pulse: watchdog.as_ref().map(|_| pulse),
        }
    }

    /// This thread polls from now on.
    fn call_watchdog(&self) {
        if let Some(Some(watchdog)) = self.watchdog.get() {
            watchdog.busy(&self.shared.pulse);
        }
    }

    fn local<'e>(&self, env: &'e Arc<Env>) -> Local<'e> {
        let local = Local::new(env, Role::Worker).with_worker(0);
        match self.timers {
            Some(timers) => local.with_timers(timers),
            None => local,
        }
    }

    /// Polls the main future, and then runs tasks, and polls it in its turns, until it is ready.
    fn drive<T>(&self, env: &Env, mut poll_main: impl FnMut() -> Poll<T>) -> T {
        self.begin();
        if let Poll::Ready(output) = poll_main() {
            return output;
        }
        let mut turn = Turn::short();
        loop {
            if let Poll::Ready(output) = self.pass(&mut turn, &mut poll_main) {
                return output;
            }
            if self.home.is_idle() {
                self.sleep(env, &mut turn);
            }
        }
    }

    /// Takes in what came while the executor did not run: that was before whatever comes now. What is
    /// left of the main future before this one is forgotten.
    fn begin(&self) {
        self.home.take_arrived();
        if self.main.take() > 0 || self.turns_used_up.take() > 0 {
            self.home.forget_main();
        }
    }

    /// Runs what is queued now, and polls the main future in its turns, unless that becomes ready.
    fn pass<T>(&self, turn: &mut Turn, mut poll_main: impl FnMut() -> Poll<T>) -> Poll<T> {
        self.home.take_arrived();
        for _ in 0..self.home.len() {
            match self.home.pop() {
                Some(Entry::Task(task)) => self.run(task),
                Some(Entry::Main) => {
                    if self.is_turn_of_main()
                        && let Poll::Ready(output) = poll_main()
                    {
                        return Poll::Ready(output);
                    }
                }
                None => break,
            }
            if turn.is_over() {
                self.look(turn);
            }
        }
        Poll::Pending
    }

    /// Whether a turn of the main future has come up for which it is to be polled.
    fn is_turn_of_main(&self) -> bool {
        if let Some(rest) = self.turns_used_up.get().checked_sub(1) {
            self.turns_used_up.set(rest);
            return false;
        }
        let turns = self.main.take();
        self.turns_used_up.set(turns.saturating_sub(1));
        turns > 0
    }

    fn run(&self, task: Ready) {
        self.polls.set(self.polls.get() + 1);
        self.shared.pulse.begin(task.metadata().slot);
        task.run();
        self.shared.pulse.end();
    }

    /// Sleeps until something happens. Nothing was runnable.
    ///
    /// It wakes those who wait for that instead, if there are any, and if a look finds nothing either.
    fn sleep(&self, env: &Env, turn: &mut Turn) {
        let mut settling = env.take_settling();
        if !settling.is_empty() {
            self.look(turn);
            if self.home.is_idle() {
                wake_all(&mut settling);
            } else {
                settling.into_iter().for_each(|waker| env.settle(waker));
            }
            return;
        }
        if self.shared.remote.fall_asleep() == LastLook::Arrived {
            return;
        }
        self.parks.set(self.parks.get() + 1);
        self.shared.pulse.rest();
        let next = self.alarm.set(self.timers.into_iter());
        let until = self.gather.until(next);
        let mut woken = Vec::new();
        let mut seat = self.seat.borrow_mut();
        seat.sleep_until(until, Precision::Exact, self.timers, &mut woken);
        drop(seat);
        self.shared.remote.wake_up();
        self.alarm.clear();
        self.call_watchdog();
        self.expire(woken);
        turn.restart();
    }

    /// Looks at the poller, at the timers and at what other threads have brought, and starts the next
    /// turn.
    fn look(&self, turn: &mut Turn) {
        let mut woken = Vec::new();
        self.seat.borrow_mut().park(Until::Now, &mut woken);
        self.expire(woken);
        self.home.take_arrived();
        turn.restart();
    }

    /// Takes out the timers that are due, and wakes all.
    fn expire(&self, mut woken: Vec<Waker>) {
        if let Some(timers) = self.timers {
            let now = timers.now();
            if timers.next() <= now {
                let before = woken.len();
                timers.expire(now, &mut woken);
                self.gather.note(now, woken.len() - before);
            }
        }
        wake_all(&mut woken);
    }
}

/// A run, as the watchdog sees it.
#[must_use = "the thread rests when it is dropped"]
struct Awake {
    /// `None` without a watchdog.
    pulse: Option<&'static Pulse>,
}

impl Drop for Awake {
    fn drop(&mut self) {
        if let Some(pulse) = self.pulse {
            pulse.rest();
        }
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
        self.is_wished() && self.wished.swap(false, Ordering::AcqRel)
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
