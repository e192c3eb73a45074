//! Runtimes of nothing but an executor, a poller that is rung by hand, and an ear for reports.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test file uses its share of it"
)]

mod poller;
mod timers;

use std::future::{Future, poll_fn};
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use hob_core::env::Parts;
use hob_core::unhandled::{Unhandled, UnhandledKind};
use hob_core::{Env, Instant};
use hob_executor::{Config, Executor, LocalConfig, LocalExecutor};
use hob_task::{Builder, Task, drain};

pub(crate) use self::poller::Poller;
pub(crate) use self::timers::{Nap, Naps};

/// Longer than any test needs, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A waker that panics.
pub(crate) struct Hostile;

impl Wake for Hostile {
    fn wake(self: Arc<Self>) {
        panic!("a hostile waker");
    }
}

/// What the hook was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ear(Arc<Mutex<Vec<(UnhandledKind, String)>>>);

impl Ear {
    fn hook(&self) -> hob_core::env::UnhandledHook {
        let ear = self.clone();
        Arc::new(move |unhandled: &Unhandled<'_>| {
            let heard = (unhandled.kind, unhandled.message.to_owned());
            ear.0.lock().unwrap().push(heard);
        })
    }

    /// What was reported since the last call.
    pub(crate) fn heard(&self) -> Vec<(UnhandledKind, String)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

pub(crate) struct Pool {
    pub(crate) executor: Executor,
    pub(crate) env: Arc<Env>,
    pub(crate) ear: Ear,
}

impl Pool {
    /// A pool that runs.
    pub(crate) fn new(workers: usize) -> Self {
        Self::with(workers, |_| ())
    }

    /// The same, with a configuration that is changed first.
    pub(crate) fn with(workers: usize, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(NonZeroUsize::new(workers).unwrap());
        change(&mut config);
        let timers = config.timers.first().copied();
        let ear = Ear::default();
        let executor = Executor::new(config);
        let env = Arc::new(Env::new(Parts {
            name: "pool".into(),
            scheduler: Some(executor.scheduler()),
            timers,
            unhandled: ear.hook(),
            ..Parts::default()
        }));
        executor.start(&env).unwrap();
        Self { executor, env, ear }
    }

    #[track_caller]
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.executor.block_on(&self.env, future)
    }

    #[track_caller]
    pub(crate) fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Builder::new().spawn_on(&self.env, future)
    }

    /// Empties and stops it.
    pub(crate) fn end(self) {
        let left = self.block_on(drain(Arc::clone(&self.env), Instant::NEVER));
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(self.executor.stop(&self.env, Instant::NEVER), 0);
    }
}

pub(crate) struct Loop {
    pub(crate) executor: LocalExecutor,
    pub(crate) env: Arc<Env>,
    pub(crate) ear: Ear,
}

impl Loop {
    /// One that sleeps on a poller which is rung by hand.
    pub(crate) fn polled() -> (Poller, Self) {
        let (poller, seat) = Poller::new();
        let tasks = Self::with(LocalConfig {
            seat: Some(seat),
            ..LocalConfig::default()
        });
        (poller, tasks)
    }

    pub(crate) fn new() -> Self {
        Self::with(LocalConfig::default())
    }

    pub(crate) fn with(config: LocalConfig) -> Self {
        let ear = Ear::default();
        let timers = config.timers;
        let executor = LocalExecutor::new(config);
        let env = Arc::new(Env::new(Parts {
            name: "loop".into(),
            scheduler: Some(executor.scheduler()),
            home: Some(thread::current().id()),
            timers,
            unhandled: ear.hook(),
            ..Parts::default()
        }));
        Self { executor, env, ear }
    }

    #[track_caller]
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.executor.block_on(&self.env, future)
    }

    #[track_caller]
    pub(crate) fn run_forever(&self) {
        self.executor.run_forever(&self.env);
    }

    #[track_caller]
    pub(crate) fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Builder::new().spawn_on(&self.env, future)
    }

    /// Empties and closes it.
    pub(crate) fn end(self) {
        let left = self.block_on(drain(Arc::clone(&self.env), Instant::NEVER));
        assert!(left.is_empty(), "{left:?}");
        self.executor.close(&self.env);
    }
}

/// Something that happens once, which one task waits for.
#[derive(Clone, Default)]
pub(crate) struct Signal(Arc<Mutex<(bool, Option<Waker>)>>);

impl Signal {
    pub(crate) async fn wait(&self) {
        poll_fn(|cx| {
            let mut waker = Some(cx.waker().clone());
            let mut state = self.0.lock().unwrap();
            if state.0 {
                return Poll::Ready(());
            }
            std::mem::swap(&mut state.1, &mut waker);
            Poll::Pending
        })
        .await;
    }

    /// Says that it happened, and wakes from this thread.
    pub(crate) fn set(&self) {
        if let Some(waker) = self.happen() {
            waker.wake();
        }
    }

    /// Says that it happened, and hands out who waits.
    pub(crate) fn happen(&self) -> Option<Waker> {
        let mut state = self.0.lock().unwrap();
        state.0 = true;
        state.1.take()
    }

    /// Whether it has happened.
    pub(crate) fn is_set(&self) -> bool {
        self.0.lock().unwrap().0
    }

    /// Whether somebody waits.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.lock().unwrap().1.is_some()
    }
}

/// Starts a thread.
pub(crate) fn thread<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    thread::Builder::new().spawn(run).unwrap()
}

/// Runs a test on a thread of its own, so that a lost wakeup is a failure and not a hang.
#[track_caller]
pub(crate) fn in_time<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, end) = mpsc::channel();
    let running = thread(move || {
        let value = test();
        done.send(())
            .expect("who waits gives up only after its patience");
        value
    });
    match end.recv_timeout(PATIENCE) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs: a wakeup was lost"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => match running.join() {
            Ok(value) => value,
            Err(payload) => std::panic::resume_unwind(payload),
        },
    }
}

/// Waits for something that other threads bring about.
#[track_caller]
pub(crate) fn until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::system() + PATIENCE;
    while !holds() {
        assert!(Instant::system() < deadline, "it does not come about");
        thread::yield_now();
    }
}
