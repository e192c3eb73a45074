//! A runtime that is run by hand: one queue, a clock that stands still, and an ear for reports.

#![allow(dead_code, reason = "each test file uses its share of it")]

mod clock;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use hob_core::context::{self, Local, Role};
use hob_core::env::Parts;
use hob_core::unhandled::{Unhandled, UnhandledKind};
use hob_core::{Env, Runnable, Schedule, SchedulerRef, TaskCell, TaskId, Timers, Why};
use hob_task::{Builder, Task};

pub(crate) use self::clock::StillClock;

/// No test needs that many polls; more mean that a task wakes itself for ever.
const POLLS_MAX: usize = 2_000_000;

pub(crate) struct Runtime {
    pub(crate) env: Arc<Env>,
    pub(crate) clock: &'static StillClock,
    queue: &'static Queue,
    reports: Arc<Mutex<Vec<Report>>>,
}

/// What the hook was told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Report {
    pub(crate) kind: UnhandledKind,
    pub(crate) task: Option<TaskId>,
    pub(crate) message: String,
}

/// The second implementation of the seam between tasks and executors.
#[derive(Default)]
struct Queue(Mutex<VecDeque<Runnable<TaskCell>>>);

impl Schedule for Queue {
    fn schedule(&self, task: Runnable<TaskCell>, _why: Why) {
        self.0.lock().unwrap().push_back(task);
    }
}

impl Runtime {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    /// A runtime whose parts are changed before it starts.
    pub(crate) fn with(change: impl FnOnce(&mut Parts)) -> Self {
        let queue: &'static Queue = Box::leak(Box::default());
        let clock: &'static StillClock = Box::leak(Box::default());
        let reports = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&reports);
        let mut parts = Parts {
            scheduler: Some(SchedulerRef::leak(queue)),
            timers: Some(clock),
            unhandled: Arc::new(move |unhandled: &Unhandled<'_>| {
                ear.lock().unwrap().push(Report {
                    kind: unhandled.kind,
                    task: unhandled.task.map(|label| label.id),
                    message: unhandled.message.to_owned(),
                });
            }),
            ..Parts::default()
        };
        change(&mut parts);
        Self {
            env: Arc::new(Env::new(parts)),
            clock,
            queue,
            reports,
        }
    }

    /// Runs `inside` on a worker of this runtime, outside any task.
    pub(crate) fn enter<R>(&self, inside: impl FnOnce() -> R) -> R {
        context::enter(&Local::new(&self.env, Role::Worker), inside)
    }

    #[track_caller]
    pub(crate) fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Builder::new().spawn_on(&self.env, future)
    }

    /// Polls the task that has waited longest; `false` if there is none.
    pub(crate) fn run_one(&self) -> bool {
        let task = self.queue.0.lock().unwrap().pop_front();
        task.is_some_and(|task| {
            self.enter(|| task.run());
            true
        })
    }

    /// Polls tasks until none is runnable.
    pub(crate) fn run_all(&self) {
        let ends = (0..POLLS_MAX).any(|_| !self.run_one());
        assert!(ends, "a task wakes itself for ever");
    }

    /// Runs all tasks, and takes the result out of one that has ended.
    #[track_caller]
    pub(crate) fn join<T>(&self, task: Task<T>) -> Result<T, hob_task::JoinError> {
        self.run_all();
        ready(task).expect("the task has ended")
    }

    /// Polls `future` beside the tasks until it is ready: `None` if nothing wakes it any more.
    pub(crate) fn drive<F: Future>(&self, future: F) -> Option<F::Output> {
        let (flag, waker) = Flag::new();
        let mut future = pin!(future);
        loop {
            let polled = self.enter(|| poll(future.as_mut(), &waker));
            if let Poll::Ready(output) = polled {
                return Some(output);
            }
            self.run_all();
            if !flag.take() {
                return None;
            }
        }
    }

    /// Lets time pass, and runs what that wakes.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.pass(time);
        let mut woken = Vec::new();
        self.clock.expire(self.clock.now(), &mut woken);
        woken.into_iter().for_each(Waker::wake);
        self.run_all();
    }

    /// How many tasks are queued.
    pub(crate) fn queued(&self) -> usize {
        self.queue.0.lock().unwrap().len()
    }

    /// Drops the queued tasks unrun, as an executor does that is torn down by force.
    pub(crate) fn drop_queued(&self) {
        let tasks = std::mem::take(&mut *self.queue.0.lock().unwrap());
        self.enter(|| drop(tasks));
    }

    /// What was reported since the last call.
    pub(crate) fn reports(&self) -> Vec<Report> {
        std::mem::take(&mut *self.reports.lock().unwrap())
    }

    /// The kinds and messages of what was reported since the last call.
    pub(crate) fn heard(&self) -> Vec<(UnhandledKind, String)> {
        let reports = self.reports();
        reports.into_iter().map(|r| (r.kind, r.message)).collect()
    }
}

/// A waker that notes that it was called.
#[derive(Default)]
pub(crate) struct Flag {
    set: AtomicBool,
    wakes: AtomicUsize,
}

impl Flag {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let flag = Arc::new(Self::default());
        let waker = Waker::from(Arc::clone(&flag));
        (flag, waker)
    }

    /// Whether it was woken since the last call.
    pub(crate) fn take(&self) -> bool {
        self.set.swap(false, Ordering::SeqCst)
    }

    pub(crate) fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.set.store(true, Ordering::SeqCst);
    }
}

/// What happened, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    pub(crate) fn add(&self, event: &'static str) {
        self.0.lock().unwrap().push(event);
    }

    pub(crate) fn taken(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// A value that says so when it is dropped.
    pub(crate) fn on_drop(&self, event: &'static str) -> OnDrop {
        OnDrop(self.clone(), event)
    }
}

#[derive(Debug)]
pub(crate) struct OnDrop(Log, &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

/// A value that panics when it is dropped.
#[derive(Debug)]
pub(crate) struct Bomb(pub(crate) &'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// A future that is pending for ever and owns something.
pub(crate) async fn pending_with<T>(owned: T) {
    std::future::pending::<()>().await;
    drop(owned);
}

pub(crate) fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// Polls once.
pub(crate) fn ready<F: Future>(future: F) -> Option<F::Output> {
    match poll(pin!(future), Waker::noop()) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
