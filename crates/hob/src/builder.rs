//! How a runtime is put together: the one place where engines meet.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hob_core::env::{Parts, UnhandledHook};
use hob_core::{Blocking, Env, Explained, Park, Sys, Timers, Unhandled};
use hob_executor::{Config, Executor, Hook, LocalConfig, LocalExecutor, MakeParker};
use hob_reactor::Engine;
use hob_time::{RuntimeClock, Wheel};

use crate::engine::seat::SystemSeat;
use crate::engine::virtual_time;
use crate::environment::{WORKERS_MAX, default_workers};
use crate::fork;
use crate::local_runtime::LocalRuntime;
use crate::runtime::Runtime;
use crate::stop::Stop;
use crate::teardown::{Engines, Queues};

mod clock;

type OpenReactor = Box<dyn FnOnce() -> io::Result<Engine> + Send>;
type OpenTimers = Box<dyn Send + FnMut() -> &'static dyn Timers>;

/// Sets up a [`Runtime`] or a [`LocalRuntime`].
///
/// Five engines can be others: the [poller](Self::reactor), what an idle worker
/// [sleeps on](Self::parker), the [timers](Self::timers) with their clock, the [network](Self::sys), and
/// where [blocking jobs](Self::blocking) run. The traits for that are in [`hob::engine`](crate::engine).
/// What runs tasks is hob's own.
///
/// # Examples
///
/// ```
/// let runtime = hob::Runtime::builder()
///     .name("kitchen")
///     .worker_threads(2)
///     .build()?;
/// assert_eq!(runtime.block_on(async { 42 }), 42);
/// # std::io::Result::Ok(())
/// ```
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    name: String,
    worker_threads: Option<usize>,
    reactor: Option<OpenReactor>,
    parker: Option<MakeParker>,
    timers: Option<OpenTimers>,
    clock: RuntimeClock,
    timer_slack: Option<Duration>,
    sys: Option<&'static dyn Sys>,
    blocking: Option<Arc<dyn Blocking>>,
    blocking_threads_max: usize,
    blocking_keep_alive: Duration,
    cleanup_time: Duration,
    shutdown_time: Duration,
    watchdog: Option<Duration>,
    on_thread_start: Option<Hook>,
    on_thread_stop: Option<Hook>,
    unhandled: Option<UnhandledHook>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            name: "hob".to_owned(),
            worker_threads: None,
            reactor: None,
            parker: None,
            timers: None,
            clock: RuntimeClock::System,
            timer_slack: None,
            sys: None,
            blocking: None,
            blocking_threads_max: 512,
            blocking_keep_alive: Duration::from_secs(10),
            cleanup_time: Duration::from_secs(5),
            shutdown_time: Duration::from_secs(10),
            watchdog: cfg!(debug_assertions).then_some(Duration::from_millis(100)),
            on_thread_start: None,
            on_thread_stop: None,
            unhandled: None,
        }
    }

    /// Names the runtime: in messages, and as the beginning of its threads' names. Default `hob`.
    ///
    /// A character that the system takes in no thread's name, the zero, is left out.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into().replace('\0', "");
        self
    }

    /// Sets how many threads run tasks, from 1 to 1024. Default: `HOB_WORKERS`, else one for each core.
    ///
    /// A runtime of one thread that is the caller's own is made by
    /// [`build_local`](Self::build_local).
    #[doc(alias = "workers")]
    pub const fn worker_threads(mut self, threads: usize) -> Self {
        self.worker_threads = Some(threads);
        self
    }

    /// Sets the poller: `hob::reactor::epoll`, `hob::reactor::polling`, or any other function that
    /// opens one. Default: what suits the system best.
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = hob::Runtime::builder().reactor(hob::reactor::polling);
    /// assert_eq!(builder.build()?.block_on(async { 42 }), 42);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn reactor(mut self, open: impl FnOnce() -> io::Result<Engine> + Send + 'static) -> Self {
        self.reactor = Some(Box::new(open));
        self
    }

    /// Sets what an idle worker sleeps on while another one sits at the poller: `make` is called once
    /// for each worker. Default: a [`Parker`](crate::engine::Parker).
    ///
    /// One that panics in its sleep is reported, and a `Parker` takes its place.
    ///
    /// Two sleep elsewhere. A thread in [`block_on`](Runtime::block_on) has a `Parker` of its own. And a
    /// runtime of [one thread](Self::build_local) always sits at the poller: it makes none.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// let made = Arc::new(AtomicUsize::new(0));
    /// let count = Arc::clone(&made);
    /// let runtime = hob::Runtime::builder()
    ///     .worker_threads(2)
    ///     .parker(move || {
    ///         count.fetch_add(1, Ordering::Relaxed);
    ///         Box::new(hob::engine::Parker::new())
    ///     })
    ///     .build()?;
    /// assert_eq!(made.load(Ordering::Relaxed), 2);
    /// let task = runtime.spawn(async { 42 });
    /// assert_eq!(runtime.block_on(task).ok(), Some(42));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn parker(mut self, make: impl FnMut() -> Box<dyn Park + Send> + Send + 'static) -> Self {
        self.parker = Some(Box::new(make));
        self
    }

    /// Sets the clock and the queues of timers. Default: [`Wheel`]s, on the system's clock. For a test
    /// that shall not wait there is [`clock`](Self::clock).
    ///
    /// `open` gives one queue that nobody uses, and is called once for each worker and once for all
    /// other threads; all queues go by one clock. The runtime attaches them, expires them, and retires
    /// them at its end. From then on they are their owner's again, unless the shutdown has found a
    /// stuck worker, who may still ask them.
    ///
    /// # Which clock counts where
    ///
    /// Theirs, for all that a program sees: [`Instant::now`](crate::time::Instant::now), sleeps,
    /// timeouts and intervals, the time for cleanups and that of a shutdown for the tasks. The
    /// system's, for threads: how long a worker works before it looks at the poller, how long an idle
    /// blocking thread stays, how long a shutdown waits for blocking jobs and workers.
    ///
    /// Who sleeps until the earliest timer is due sleeps by the system's clock, for as long as is left on
    /// theirs. So a clock that goes at another pace, or stands still until somebody moves it, wants
    /// somebody who expires its queues when it was moved, or a [poller](Self::reactor) that knows it:
    /// one that was set is given the instants of the timers as they are. (Those of `hob::reactor` take
    /// them for the system's. Set by hand, under a clock that is behind it, they do not sleep while a
    /// timer is armed.)
    ///
    /// A shutdown ends at its deadline by either clock, whichever is first.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use hob::time::{Clock, Heap, Instant, VirtualClock, sleep_until};
    ///
    /// const HOUR: Duration = Duration::from_secs(3600);
    ///
    /// let clock = VirtualClock::open(Instant::from_nanos(1 << 60));
    /// let runtime = hob::Runtime::builder()
    ///     .timers(move || Heap::open(Clock::Virtual(clock)))
    ///     .build_local()?;
    /// runtime.block_on(async {
    ///     let begun = Instant::now();
    ///     clock.advance_to(begun + HOUR);
    ///     sleep_until(begun + HOUR).await;
    ///     assert_eq!(begun.elapsed(), HOUR);
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn timers(mut self, open: impl Send + 'static + FnMut() -> &'static dyn Timers) -> Self {
        self.timers = Some(Box::new(open));
        self
    }

    /// Sets the network: whose sockets `hob::net` uses. Default: the system's.
    ///
    /// Sockets that are no descriptors of the system's want a [poller](Self::reactor) that knows them:
    /// those of `hob::reactor` refuse them when they have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "net")] {
    /// use hob::net::{OsSys, TcpListener, TcpStream};
    /// use hob::prelude::*;
    ///
    /// let runtime = hob::Runtime::builder().sys(&OsSys).build_local()?;
    /// runtime.block_on(async {
    ///     let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///     let mut client = TcpStream::connect(listener.local_addr()?).await?;
    ///     let (mut served, _) = listener.accept().await?;
    ///     served.write_all(b"hello").await?;
    ///     let mut heard = [0; 5];
    ///     client.read_exact(&mut heard).await?;
    ///     assert_eq!(&heard, b"hello");
    ///     std::io::Result::Ok(())
    /// })?;
    /// # }
    /// # std::io::Result::Ok(())
    /// ```
    #[doc(alias = "network")]
    pub const fn sys(mut self, sys: &'static dyn Sys) -> Self {
        self.sys = Some(sys);
        self
    }

    /// Sets where blocking jobs run. Default: a pool of threads of the runtime's own.
    ///
    /// It is its owner's: the runtime only gives it jobs. A shutdown waits for none of them and names
    /// none, and [`statistics`](Runtime::statistics) do not count them. What is said below of threads for
    /// blocking jobs is for those of the default.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::thread;
    /// use hob::engine::Inline;
    ///
    /// let runtime = hob::Runtime::builder().blocking(Arc::new(Inline::new())).build_local()?;
    /// let job = runtime.block_on(async { hob::to_thread(|| thread::current().id()).await });
    /// assert_eq!(job.ok(), Some(thread::current().id()));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn blocking(mut self, threads: Arc<dyn Blocking>) -> Self {
        self.blocking = Some(threads);
        self
    }

    /// Sets how many threads may run blocking jobs at once, from one up. Default 512.
    pub const fn max_blocking_threads(mut self, threads: usize) -> Self {
        self.blocking_threads_max = threads;
        self
    }

    /// Sets how long a thread for blocking jobs waits for the next one before it ends. Default 10 s.
    pub const fn blocking_keep_alive(mut self, time: Duration) -> Self {
        self.blocking_keep_alive = time;
        self
    }

    /// Sets how long the cleanups of one cancelled task may take together. Default 5 s.
    pub const fn cleanup_time(mut self, time: Duration) -> Self {
        self.cleanup_time = time;
        self
    }

    /// Sets how long a shutdown waits for tasks, cleanups and blocking jobs. Default 10 s.
    #[doc(alias = "shutdown_deadline")]
    pub const fn shutdown_time(mut self, time: Duration) -> Self {
        self.shutdown_time = time;
        self
    }

    /// Sets how long one poll may last before it is reported, or `None` for any time. Default: 100 ms in
    /// builds with debug assertions, `None` in others.
    ///
    /// A poll that lasts blocks the thread or computes without a pause, and whatever else that thread
    /// should do waits. It is reported once, while it lasts, to [`on_unhandled`](Self::on_unhandled) as
    /// [`SlowPoll`](crate::UnhandledKind::SlowPoll): with the task's name and number, where it was
    /// spawned, what it waited for last, and how long it has been in the poll at least. The remedy is
    /// [`to_thread`](crate::to_thread) for what blocks, and
    /// [`yield_now`](crate::task::yield_now) now and then for what computes.
    ///
    /// A thread of its own looks for such polls, twice in that time and at most once a millisecond, so it
    /// finds one before it has lasted one and a half of it. While the runtime is idle it sleeps. A poll
    /// itself reads no clock for it. Where that thread cannot be started the runtime does without, and
    /// reports [`NoWatchdog`](crate::UnhandledKind::NoWatchdog). The future of a `block_on` is watched on one
    /// thread only: on a pool it is no task, and blocks no worker.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use std::time::Duration;
    /// use hob::UnhandledKind;
    ///
    /// let (tell, told) = channel();
    /// let runtime = hob::Runtime::builder()
    ///     .watchdog(Duration::from_millis(10))
    ///     .on_unhandled(move |unhandled| {
    ///         tell.send((unhandled.kind, unhandled.message.to_owned())).expect("it is awaited");
    ///     })
    ///     .build()?;
    /// // A task that blocks its thread until it is reported, which no task should.
    /// let task = runtime.spawn(async move { told.recv_timeout(Duration::from_secs(30)) });
    /// let (kind, message) = runtime.block_on(task).expect("it does not panic")?;
    /// assert_eq!(kind, UnhandledKind::SlowPoll);
    /// assert!(message.starts_with("it has lasted "), "{message}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("slow_callback_duration", "set_debug"))]
    pub fn watchdog(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.watchdog = limit.into();
        self
    }

    /// Is called on each worker's thread before its first task.
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_thread_start = Some(Arc::new(hook));
        self
    }

    /// Is called on each worker's thread after its last task.
    pub fn on_thread_stop(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_thread_stop = Some(Arc::new(hook));
        self
    }

    /// Is called with everything that goes wrong where nobody looks: panics of tasks that nobody
    /// awaits, cleanups that were cut, what a shutdown left behind. Default: a line on standard error.
    #[doc(alias("set_exception_handler", "call_exception_handler"))]
    pub fn on_unhandled(mut self, hook: impl Fn(&Unhandled<'_>) + Send + Sync + 'static) -> Self {
        self.unhandled = Some(Arc::new(hook));
        self
    }

    /// Makes a runtime of several threads.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for zero threads, too many workers, a malformed
    /// `HOB_WORKERS`, a [virtual clock](Self::clock) or a [`watchdog`](Self::watchdog) without patience; what the system says when it refuses a descriptor or the first thread. When it refuses a later
    /// thread, the pool is that much smaller.
    pub fn build(mut self) -> io::Result<Runtime> {
        self.refuse_virtual_time()?;
        let workers = match self.worker_threads {
            Some(threads) => not_too_many(positive(threads, "worker_threads")?)?,
            None => default_workers()?,
        };
        self.refuse_zero_watchdog()?;
        let blocking = self.blocking_pool()?;
        // One queue of timers for each worker, and one for everybody else.
        let (engine, queues) = self.open_engines(workers.get() + 1)?;
        let (queues, executor) = queues.lend(|queues| {
            Executor::new(Config {
                seat: Some(engine.seat),
                parker: self.parker.take(),
                timers: queues.timers.clone(),
                timer_slack: self.slack(),
                watchdog: self.watchdog,
                on_start: self.on_thread_start.take(),
                on_stop: self.on_thread_stop.take(),
                ..Config::new(workers)
            })
        });
        queues.attach(&executor.alarm());
        let stop = Arc::new(Stop::default());
        let raise = Arc::clone(&stop);
        let env = Arc::new(Env::new(Parts {
            scheduler: Some(executor.scheduler()),
            timers: queues.timers.last().copied(),
            reactor: Some(engine.reactor),
            blocking: Some(
                self.blocking
                    .take()
                    .unwrap_or_else(|| Arc::clone(&blocking) as _),
            ),
            stop: Some(Arc::new(move || raise.raise())),
            ..self.parts()
        }));
        let engines = Engines {
            queues,
            reactor: engine.reactor,
            blocking,
        };
        let runtime = Runtime::assemble(executor, env, engines, stop, self.shutdown_time);
        // When it fails, dropping the runtime takes everything apart again.
        runtime.start()?;
        Ok(runtime)
    }

    /// Makes a runtime of one thread: this one. Its tasks run while it is in
    /// [`block_on`](LocalRuntime::block_on) and need not be `Send`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if `worker_threads` was set, for a
    /// [virtual clock](Self::clock) beside [`timers`](Self::timers), or for a
    /// [`watchdog`](Self::watchdog) without patience; what the system says
    /// when it refuses a descriptor.
    pub fn build_local(self) -> io::Result<LocalRuntime> {
        if let Some(threads) = self.worker_threads {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "worker_threads({threads}) does not go with build_local(): a local runtime has \
                     no thread but the caller's; leave it out, or use build()"
                ),
            ));
        }
        self.assemble_local()
    }

    fn assemble_local(mut self) -> io::Result<LocalRuntime> {
        self.refuse_zero_watchdog()?;
        self.refuse_second_clock()?;
        let blocking = self.blocking_pool()?;
        let (engine, queues) = self.open_engines(1)?;
        let timers = queues.timers.last().copied();
        let threads = (self.blocking.take()).unwrap_or_else(|| Arc::clone(&blocking) as _);
        let (queues, (executor, threads)) = queues.lend(|queues| {
            let (seat, threads) = match queues.virtual_clock() {
                Some(clock) => virtual_time::arrange(clock, engine.seat, threads),
                None => (engine.seat, threads),
            };
            let executor = LocalExecutor::new(LocalConfig {
                seat: Some(seat),
                timers,
                timer_slack: self.slack(),
                watchdog: self.watchdog,
            });
            (executor, threads)
        });
        queues.attach(&executor.alarm());
        let env = Arc::new(Env::new(Parts {
            scheduler: Some(executor.scheduler()),
            home: Some(thread::current().id()),
            timers,
            reactor: Some(engine.reactor),
            blocking: Some(threads),
            stop: Some(Arc::new(executor.stopper())),
            ..self.parts()
        }));
        let engines = Engines {
            queues,
            reactor: engine.reactor,
            blocking,
        };
        Ok(LocalRuntime::assemble(
            executor,
            env,
            engines,
            self.shutdown_time,
        ))
    }

    fn refuse_zero_watchdog(&self) -> io::Result<()> {
        if self.watchdog != Some(Duration::ZERO) {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "watchdog(0): every poll lasts longer than nothing; give a longer time, or None for no \
             watchdog",
        ))
    }

    fn parts(&self) -> Parts {
        let mut parts = Parts {
            name: self.name.as_str().into(),
            sys: self.sys,
            cleanup_time: self.cleanup_time,
            ..Parts::default()
        };
        if let Some(hook) = &self.unhandled {
            parts.unhandled = Arc::clone(hook);
        }
        parts
    }

    fn blocking_pool(&self) -> io::Result<Arc<hob_blocking::Pool>> {
        positive(self.blocking_threads_max, "max_blocking_threads")?;
        let mut builder = hob_blocking::Pool::builder()
            .name(&self.name)
            .max_threads(self.blocking_threads_max)
            .keep_alive(self.blocking_keep_alive);
        if let Some(hook) = &self.unhandled {
            let hook = Arc::clone(hook);
            builder = builder.on_unhandled(move |unhandled| hook(unhandled));
        }
        builder.build().map(Arc::new)
    }

    /// Opens the poller, and `count` queues of timers.
    fn open_engines(&mut self, count: usize) -> io::Result<(Engine, Queues)> {
        fork::watch()?;
        let reactor = self.reactor.take();
        let by_default = reactor.is_none();
        let opened = reactor.map_or_else(hob_reactor::default, |open| open());
        let mut engine = opened.map_err(|error| {
            let text = format!("the poller cannot be opened: {error}");
            Explained::wrap(error.kind(), text, error)
        })?;
        if self.clock == RuntimeClock::Virtual {
            return Ok((engine, Queues::in_virtual_time(virtual_time::START)));
        }
        let Some(open) = &mut self.timers else {
            let wheels = (0..count).map(|_| Wheel::open()).collect();
            return Ok((engine, Queues::own(wheels)));
        };
        let timers: Vec<_> = (0..count).map(|_| open()).collect();
        if by_default && let Some(timers) = timers.first().copied() {
            let seat = engine.seat;
            engine.seat = Box::new(SystemSeat { seat, timers });
        }
        Ok((engine, Queues::of_others(timers)))
    }
}

fn positive(threads: usize, what: &str) -> io::Result<NonZeroUsize> {
    NonZeroUsize::new(threads).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{what}(0): a runtime needs at least one thread; give 1 or more, or leave it out"
            ),
        )
    })
}

fn not_too_many(workers: NonZeroUsize) -> io::Result<NonZeroUsize> {
    if workers.get() <= WORKERS_MAX {
        return Ok(workers);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!(
            "worker_threads({workers}): give a number from 1 to {WORKERS_MAX}, or leave it out"
        ),
    ))
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("worker_threads", &self.worker_threads)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
