//! The tasks of the suite: each looks where it is run.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use async_task::{ScheduleInfo, Task, WithInfo};

use crate::context::{self, Role};
use crate::env::Env;
use crate::primitive::{Global, GlobalCounter, GlobalOrdering};
use crate::recycle::Recycler;
use crate::schedule::{Runnable, SchedulerRef, Why};
use crate::task::{Occupant, TaskCell, TaskLabel, TaskSlot};

thread_local! {
    /// Whether this thread is inside a call of `schedule`.
    static SCHEDULING: Cell<bool> = const { Cell::new(false) };
    /// What runs while this thread ends.
    static AT_EXIT: RefCell<Option<AtExit>> = const { RefCell::new(None) };
}

static SLOTS: Recycler<TaskSlot> = Recycler::new();

/// Who spawns on one owner, and what its tasks have seen.
pub(super) struct Crew {
    env: Arc<Env>,
    patience: Duration,
    broken: Global<Option<&'static str>>,
    dropped: GlobalCounter,
}

/// What becomes of a task.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Fate {
    /// It is run until it has ended.
    Ends,
    /// Its future may be dropped before.
    MayBeDropped,
}

impl Crew {
    pub(super) fn new(env: Arc<Env>, patience: Duration) -> Self {
        Self {
            env,
            patience,
            broken: Global::new(None),
            dropped: GlobalCounter::new(0),
        }
    }

    pub(super) fn env(&self) -> &Arc<Env> {
        &self.env
    }

    /// How long whoever waits inside a task may do so: half as long as the bench waits for the tasks,
    /// so that it is the first to speak.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Notes the sentence that was broken; the first is kept.
    pub(super) fn note(&self, sentence: &'static str) {
        lock(&self.broken).get_or_insert(sentence);
    }

    pub(super) fn is_broken(&self) -> bool {
        lock(&self.broken).is_some()
    }

    /// Panics with the sentence that was broken.
    pub(super) fn check(&self) {
        let broken = *lock(&self.broken);
        if let Some(sentence) = broken {
            panic!("{sentence}");
        }
        let dropped = self.dropped.load(GlobalOrdering::SeqCst);
        assert_eq!(dropped, 0, "a task that was taken is run, and not dropped");
    }

    /// Schedules a new task, and returns what wakes it.
    pub(super) fn spawn(
        self: &Arc<Self>,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Waker {
        self.spawn_as(Why::Spawned, future)
    }

    /// The same, for a reason that may be wrong.
    pub(super) fn spawn_as(
        self: &Arc<Self>,
        why: Why,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Waker {
        let (waker, task) = self.start(why, Fate::Ends, future);
        task.detach();
        waker
    }

    /// Schedules a task, waits until it has been run, and gives its owner the time to fall asleep.
    pub(super) fn runs_one(self: &Arc<Self>, why: Why) -> bool {
        let (tell, ran) = channel();
        self.spawn_as(why, async move {
            // A suite that has failed no longer listens.
            let _gone = tell.send(());
        });
        let is_run = ran.recv_timeout(self.patience).is_ok();
        (0..50).for_each(|_| thread::yield_now());
        is_run
    }

    /// Schedules a task that ends once the handle is dropped.
    pub(super) fn spawn_cancellable(
        self: &Arc<Self>,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Task<(), TaskCell> {
        self.start(Why::Spawned, Fate::MayBeDropped, future).1
    }

    /// Schedules a task that its owner leaves behind.
    pub(super) fn spawn_left_behind(
        self: &Arc<Self>,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Waker {
        let (waker, task) = self.start(Why::Spawned, Fate::MayBeDropped, future);
        task.detach();
        waker
    }

    fn start(
        self: &Arc<Self>,
        why: Why,
        fate: Fate,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> (Waker, Task<(), TaskCell>) {
        let scheduler = self.env.parts().scheduler;
        let scheduler = scheduler.expect("the rig's surroundings name its scheduler");
        self.env.enroll().expect("the rig takes tasks");
        let slot = SLOTS.take(|_| true, TaskSlot::new);
        let parent = context::task().and_then(TaskSlot::id);
        slot.occupy(Occupant {
            label: TaskLabel::child(parent, None, Location::caller()),
            parent,
            env: self.env.id(),
        });
        let member = Member {
            future: Some(Box::pin(future)),
            crew: Arc::clone(self),
            slot,
            fate,
        };
        let (runnable, task) = async_task::Builder::new()
            .metadata(TaskCell { scheduler, slot })
            .spawn(move |_| member, WithInfo(schedule));
        let waker = runnable.waker();
        slot.keep_alive(waker.clone());
        hand_over(scheduler, runnable, why);
        (waker, task)
    }

    /// Looks whether a task may be run here.
    fn look_around(&self) {
        let is_worker = context::with(|local| {
            local.is_some_and(|local| {
                local.env().id() == self.env.id() && local.role() == Role::Worker
            })
        });
        if !is_worker {
            self.note("a task is run in the surroundings of its runtime, by a worker");
        }
        if !self.is_at_home() {
            self.note("where there is a home thread, tasks are run on no other");
        }
    }

    fn is_at_home(&self) -> bool {
        self.env.parts().home.is_none() || self.env.is_home()
    }
}

/// A task of the suite.
struct Member {
    /// `None` once it has ended.
    future: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    crew: Arc<Crew>,
    slot: &'static TaskSlot,
    fate: Fate,
}

impl Future for Member {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Some(future) = &mut this.future else {
            return Poll::Ready(());
        };
        if SCHEDULING.get() {
            // It ends here: as deep as it wakes itself, this would recurse.
            this.crew.note("a task is never run inside `schedule`");
            this.future = None;
            return Poll::Ready(());
        }
        this.crew.look_around();
        let slot = this.slot;
        slot.count_poll();
        let polled = context::with(|local| match local {
            Some(local) => local.in_task(slot, || future.as_mut().poll(cx)),
            None => future.as_mut().poll(cx),
        });
        if polled.is_ready() {
            this.future = None;
        }
        polled
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            if !self.crew.is_at_home() {
                self.crew
                    .note("where there is a home thread, tasks are dropped on no other");
            }
            if SCHEDULING.get() {
                self.crew.note("a task is never dropped inside `schedule`");
            }
            if self.fate == Fate::Ends {
                self.crew.dropped.fetch_add(1, GlobalOrdering::SeqCst);
            }
            drop(future);
        }
        drop(self.slot.future_gone(true));
        drop(self.slot.vacate());
        SLOTS.give_back(self.slot);
        self.crew.env.discharge();
    }
}

/// What async-task calls when a task was woken. It has no size.
fn schedule(task: Runnable<TaskCell>, info: ScheduleInfo) {
    let scheduler = task.metadata().scheduler;
    let why = if info.woken_while_running {
        Why::Yielded
    } else {
        Why::Woken
    };
    hand_over(scheduler, task, why);
}

fn hand_over(scheduler: SchedulerRef, task: Runnable<TaskCell>, why: Why) {
    let around = SCHEDULING.replace(true);
    scheduler.schedule(task, why);
    SCHEDULING.set(around);
}

/// Something that happens after some others have.
pub(super) struct Latch(Global<(usize, Vec<Waker>)>);

impl Latch {
    pub(super) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self(Global::new((count, Vec::new()))))
    }

    /// One of them has; further ones change nothing.
    pub(super) fn count_down(&self) {
        let mut state = lock(&self.0);
        state.0 = state.0.saturating_sub(1);
        let woken = if state.0 == 0 {
            mem::take(&mut state.1)
        } else {
            Vec::new()
        };
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = lock(&self.0);
        if state.0 == 0 {
            drop(state);
            return Poll::Ready(());
        }
        state.1.push(waker);
        Poll::Pending
    }

    pub(super) fn wait(self: Arc<Self>) -> impl Future<Output = ()> + Send + 'static {
        poll_fn(move |cx| self.poll(cx))
    }
}

/// A count that tasks and threads share.
#[derive(Clone)]
pub(super) struct Counter(Arc<GlobalCounter>);

impl Counter {
    pub(super) fn new() -> Self {
        Self(Arc::new(GlobalCounter::new(0)))
    }

    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, GlobalOrdering::SeqCst);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(GlobalOrdering::SeqCst)
    }

    pub(super) fn take(&self) -> u64 {
        self.0.swap(0, GlobalOrdering::SeqCst)
    }

    /// A task that counts its one poll.
    pub(super) fn count_one(&self) -> impl Future<Output = ()> + Send + 'static {
        let counter = self.clone();
        poll_fn(move |_| {
            counter.add(1);
            Poll::Ready(())
        })
    }
}

struct AtExit(Option<Box<dyn FnOnce()>>);

/// Runs `last` while this thread's locals are destroyed.
pub(super) fn at_thread_exit(last: impl FnOnce() + 'static) {
    AT_EXIT.set(Some(AtExit(Some(Box::new(last)))));
}

impl Drop for AtExit {
    fn drop(&mut self) {
        if let Some(last) = self.0.take() {
            last();
        }
    }
}

/// Locks a lock of the suite.
pub(super) fn lock<T>(global: &Global<T>) -> MutexGuard<'_, T> {
    global
        .lock()
        .expect("nothing panics under the suite's locks")
}
