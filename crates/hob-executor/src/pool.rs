//! The executor of several threads.

use std::fmt;
use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use hob_core::panic::{self, contain};
use hob_core::unhandled::{Unhandled, UnhandledKind};
use hob_core::{Alarm, Env, Instant, Park, SchedulerRef, Timers};

use crate::block_on::{block_on, wait_for};
use crate::gather::Gather;
use crate::parking::Parking;
use crate::primitive::{Mutex, Ordering, lock};
use crate::pulse::Pulse;
use crate::shared::{Ready, Shared};
use crate::shift::Site;
use crate::watchdog::Watchdog;
use crate::worker::Worker;

/// What is called on a worker's thread when it starts or ends.
pub type Hook = Arc<dyn Fn() + Send + Sync>;

/// What makes what a worker sleeps on.
pub type MakeParker = Box<dyn FnMut() -> Box<dyn Park + Send> + Send>;

/// What an [`Executor`] is made of; start from [`Config::new`].
#[expect(clippy::exhaustive_structs, reason = "it is filled in by builders")]
pub struct Config {
    /// How many threads run tasks.
    pub workers: NonZeroUsize,
    /// What the worker in the seat sleeps on: the poller, or else one more parker. It is given the
    /// instants of the timers as they are.
    pub seat: Option<Box<dyn Park + Send>>,
    /// Makes what a worker sleeps on outside the seat, [`Parker`](crate::Parker)s by default; [`Executor::new`] calls it
    /// once for each worker. Each goes with its pool: the next one gets others.
    pub parker: Option<MakeParker>,
    /// Timers that the workers expire; worker number `n` arms its own in the `n`th.
    pub timers: Vec<&'static dyn Timers>,
    /// How late a timer may be where many fire one soon after the other, so that several are served at
    /// once; zero for none.
    pub timer_slack: Duration,
    /// How long one poll may last before it is reported; for ever, if there is no limit.
    pub watchdog: Option<Duration>,
    /// Called on each worker's thread before its first task.
    pub on_start: Option<Hook>,
    /// Called on each worker's thread after its last task.
    pub on_stop: Option<Hook>,
}

/// A pool of threads that run tasks, and steal them from each other.
///
/// It is one of the engines of a runtime: the facade puts it together with a poller and timers, and
/// whoever likes can do the same.
///
/// # Examples
///
/// ```
/// use std::num::NonZeroUsize;
/// use std::sync::Arc;
/// use hob_core::{Env, Instant, env::Parts};
/// use hob_executor::{Config, Executor};
///
/// # fn main() -> std::io::Result<()> {
/// let executor = Executor::new(Config::new(NonZeroUsize::MIN));
/// let env = Arc::new(Env::new(Parts {
///     scheduler: Some(executor.scheduler()),
///     ..Parts::default()
/// }));
/// executor.start(&env)?;
/// let answer = executor.block_on(&env, async {
///     hob_task::spawn(async { 42 }).await.expect("it does not panic")
/// });
/// assert_eq!(answer, 42);
/// assert_eq!(executor.stop(&env, Instant::NEVER), 0);
/// # Ok(())
/// # }
/// ```
pub struct Executor {
    shared: &'static Shared,
    alarm: Arc<Alarm>,
    timers: Arc<[&'static dyn Timers]>,
    gather: Arc<Gather>,
    hooks: Hooks,
    watchdog: Option<Duration>,
    site: OnceLock<Site>,
    state: Mutex<State>,
}

/// A snapshot of an [`Executor`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ExecutorStatistics {
    /// Threads that run tasks.
    pub workers: usize,
    /// Workers that sleep now.
    pub workers_idle: usize,
    /// Polls of tasks since the start.
    pub polls: u64,
    /// Batches taken from a peer since the start.
    pub steals: u64,
    /// Times a worker went to sleep since the start.
    pub parks: u64,
    /// Tasks that wait in the queue of those who are no workers.
    pub injected: usize,
    /// Tasks that wait in the queues of workers.
    pub queued: usize,
    /// Polls that have spent their budget, and were asked to yield, since the start.
    pub budgets_spent: u64,
    /// The same for each worker.
    pub per_worker: Vec<WorkerStatistics>,
}

/// A snapshot of one worker of an [`Executor`], and of whoever has borrowed its queue in `block_on`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct WorkerStatistics {
    /// Polls of tasks since the start.
    pub polls: u64,
    /// Batches taken from a peer since the start.
    pub steals: u64,
    /// Times it went to sleep since the start.
    pub parks: u64,
    /// Tasks that wait in its queue.
    pub queued: usize,
    /// Polls that have spent their budget, and were asked to yield, since the start.
    pub budgets_spent: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Hooks {
    on_start: Option<Hook>,
    on_stop: Option<Hook>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    New,
    Started,
    Stopped,
}

impl Config {
    /// A pool without poller and timers.
    #[must_use]
    pub const fn new(workers: NonZeroUsize) -> Self {
        Self {
            workers,
            seat: None,
            parker: None,
            timers: Vec::new(),
            timer_slack: Duration::ZERO,
            watchdog: None,
            on_start: None,
            on_stop: None,
        }
    }
}

impl Executor {
    /// Creates a pool; no thread runs yet, but tasks may be spawned.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut parker = config.parker;
        let mut make = || match &mut parker {
            Some(make) => Parking::foreign(make()),
            None => Parking::plain(),
        };
        // First, since they are made outside: a panic there leaves nothing behind.
        let parkers = (0..config.workers.get()).map(|_| make()).collect();
        let seat = config.seat.map_or_else(make, Parking::foreign);
        let shared = Shared::open(seat, parkers);
        Self {
            shared,
            alarm: Arc::new(Alarm::new(shared.seat_unparker())),
            timers: config.timers.into(),
            gather: Arc::new(Gather::new(config.timer_slack)),
            hooks: Hooks {
                on_start: config.on_start,
                on_stop: config.on_stop,
            },
            watchdog: config.watchdog,
            site: OnceLock::new(),
            state: Mutex::new(State::New),
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

    /// Starts the threads. A second call does nothing.
    ///
    /// When the system refuses a thread after the first, the pool is that much smaller.
    ///
    /// # Errors
    ///
    /// What the system said when not even one thread could be started.
    pub fn start(&self, env: &Arc<Env>) -> io::Result<()> {
        let mut state = lock(&self.state);
        if *state != State::New {
            return Ok(());
        }
        for index in 0..self.shared.cores.len() {
            match self.start_worker(index, env) {
                Ok(()) => *state = State::Started,
                Err(error) if index == 0 => {
                    let text = format!("the first worker of {:?}: {error}", env.parts().name);
                    return Err(io::Error::new(error.kind(), text));
                }
                Err(error) => {
                    let text = format!("{index} workers are all that could be started: {error}");
                    env.report(&Unhandled::new(UnhandledKind::PoolSmaller, None, &text));
                    break;
                }
            }
        }
        if let Some(watchdog) = Watchdog::open(env, self.watchdog, &self.shared.pulses) {
            let watchdog = self.site(env).watchdog.get_or_init(|| watchdog);
            // Who began a poll before tells it no more until that has ended.
            let pulses = self.shared.pulses.iter();
            pulses
                .filter(|pulse| pulse.running().is_some())
                .for_each(|pulse| watchdog.busy(pulse));
        }
        Ok(())
    }

    fn start_worker(&self, index: usize, env: &Arc<Env>) -> io::Result<()> {
        let worker = Worker {
            index,
            site: self.site(env).clone(),
            hooks: self.hooks.clone(),
        };
        self.shared.expect_worker();
        thread::Builder::new()
            .name(format!("{}-{index}", env.parts().name))
            .spawn(move || worker.run(run))
            .map(drop)
            .inspect_err(|_| self.shared.miss_worker())
    }

    /// The one of the first `env` that it is asked for.
    fn site(&self, env: &Arc<Env>) -> &Site {
        self.site.get_or_init(|| Site {
            shared: self.shared,
            env: Arc::clone(env),
            timers: Arc::clone(&self.timers),
            alarm: Arc::clone(&self.alarm),
            gather: Arc::clone(&self.gather),
            watchdog: Arc::default(),
        })
    }

    /// Runs `future` on this thread, and beside it what it spawns, with the core of a worker that sleeps;
    /// the thread sleeps on a [`Parker`](crate::Parker) while there is nothing to do.
    ///
    /// # Panics
    ///
    /// In a task of the same runtime, which would wait for itself.
    #[track_caller]
    pub fn block_on<F: Future>(&self, env: &Arc<Env>, future: F) -> F::Output {
        block_on(self.site(env), future)
    }

    /// As [`block_on`](Self::block_on), but also in a task of the same runtime.
    ///
    /// For shutdowns, which have a deadline of their own and so cannot wait for themselves for ever.
    pub fn wait_for<F: Future>(&self, env: &Arc<Env>, future: F) -> F::Output {
        wait_for(env, future)
    }

    /// Ends the threads, once they find nothing to run, and waits for that until `deadline`.
    ///
    /// Returns how many have not ended: each of them is in a poll that does not return.
    pub fn stop(&self, env: &Env, deadline: Instant) -> usize {
        let before = std::mem::replace(&mut *lock(&self.state), State::Stopped);
        if before == State::Stopped {
            return 0;
        }
        self.shared.stop();
        let left = self.shared.wait_ended(deadline);
        if let Some(watchdog) = self.site.get().and_then(|site| site.watchdog.get()) {
            watchdog.stop();
        }
        if left == 0 && env.tasks_alive() == 0 && self.shared.idle.is_vacant() {
            self.shared.close(env);
        } else {
            // Somebody may still schedule here, or have a core in a `block_on`, so this use never ends; only what it slept on does.
            self.shared.clear(env);
        }
        left
    }

    /// What the pool has done and does.
    #[must_use]
    pub fn statistics(&self) -> ExecutorStatistics {
        let shared = self.shared;
        let per_worker: Vec<_> = shared
            .cores
            .iter()
            .zip(&shared.pulses)
            .map(|(core, pulse)| WorkerStatistics {
                polls: pulse.polls(),
                steals: core.steals.load(Ordering::Relaxed),
                parks: core.parks.load(Ordering::Relaxed),
                queued: core.ring.len(),
                budgets_spent: core.budgets_spent.load(Ordering::Relaxed),
            })
            .collect();
        ExecutorStatistics {
            workers: shared.cores.len(),
            workers_idle: shared.idle.asleep(),
            injected: shared.injector.len(),
            polls: per_worker.iter().map(|worker| worker.polls).sum(),
            steals: per_worker.iter().map(|worker| worker.steals).sum(),
            parks: per_worker.iter().map(|worker| worker.parks).sum(),
            queued: per_worker.iter().map(|worker| worker.queued).sum(),
            budgets_spent: per_worker.iter().map(|worker| worker.budgets_spent).sum(),
            per_worker,
        }
    }
}

/// Polls a task once. Whether it was woken meanwhile is a matter of the queues.
pub(crate) fn run(pulse: &Pulse, task: Ready) {
    pulse.begin(task.metadata().slot);
    task.run();
    pulse.end();
}

impl Hooks {
    pub(crate) fn start(&self, env: &Env) {
        call(self.on_start.as_ref(), env);
    }

    pub(crate) fn stop(&self, env: &Env) {
        call(self.on_stop.as_ref(), env);
    }
}

fn call(hook: Option<&Hook>, env: &Env) {
    let Some(hook) = hook else { return };
    if let Err(payload) = contain(|| hook()) {
        env.report(&Unhandled::new(
            UnhandledKind::CallbackPanicked,
            None,
            panic::message(&payload),
        ));
        panic::discard(payload);
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("workers", &self.shared.cores.len())
            .finish_non_exhaustive()
    }
}
