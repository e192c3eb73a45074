//! The surroundings of a running program: what its futures reach for.
//!
//! An [`Env`] names the engines of one runtime through their seams. It is reached through the
//! [context] and keeps no thread alive. A part that is absent is no error: each crate
//! has an engine of its own for use outside any runtime.
//!
//! # Implementation
//!
//! Tasks do not hold their surroundings: they store their number, and find them in the context, or
//! else in a table of all that have had a task.

mod census;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

pub use self::census::{Admission, Closed};

use self::census::Census;
use crate::blocking::Blocking;
use crate::context;
use crate::fork::{Inherited, Process};
use crate::panic::{self, contain, contain_drop, discard};
use crate::primitive::{AtomicU32, Global, GlobalCounter, GlobalOrdering, Mutex, Ordering, lock};
use crate::reactor::Reactor;
use crate::schedule::SchedulerRef;
use crate::sys::Sys;
use crate::timers::Timers;
use crate::unhandled::{self, Unhandled, UnhandledKind};

/// What is called with everything that went wrong where nobody looks.
pub type UnhandledHook = Arc<dyn Fn(&Unhandled<'_>) + Send + Sync>;

/// What an [`Env`] is made of; start from [`Parts::default`].
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "it is filled in by builders")]
pub struct Parts {
    /// The runtime's name, for messages and thread names.
    pub name: Arc<str>,
    /// Where tasks are spawned.
    pub scheduler: Option<SchedulerRef>,
    /// The only thread that polls the tasks, where there is such a one.
    pub home: Option<ThreadId>,
    /// Clock and timers, for threads that are no workers of their own.
    pub timers: Option<&'static dyn Timers>,
    /// The poller.
    pub reactor: Option<&'static dyn Reactor>,
    /// The sockets.
    pub sys: Option<&'static dyn Sys>,
    /// The threads that may block.
    pub blocking: Option<Arc<dyn Blocking>>,
    /// What ends a `run_forever`.
    pub stop: Option<Arc<dyn Fn() + Send + Sync>>,
    /// How long the cleanups of one task may take together.
    pub cleanup_time: Duration,
    /// Who hears of what went wrong where nobody looks.
    pub unhandled: UnhandledHook,
}

/// The surroundings of a running program. See the [module's documentation](self).
pub struct Env {
    id: u64,
    process: Process,
    parts: Parts,
    /// Whether timers and poller are not this runtime's any more. Every timer asks, so it stands apart
    /// from what is written often.
    ended: AtomicU32,
    /// Whether it stands in the table.
    listed: AtomicU32,
    census: Census,
    /// Who waits until nothing is runnable.
    settling: Mutex<Vec<Waker>>,
}

/// All surroundings that have had a task, by their numbers.
static LISTED: Global<BTreeMap<u64, Weak<Env>>> = Global::new(BTreeMap::new());

impl Env {
    /// Creates the surroundings of a runtime.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        static NEXT: GlobalCounter = GlobalCounter::new(1);
        Self {
            id: NEXT.fetch_add(1, GlobalOrdering::Relaxed),
            process: Process::current(),
            parts,
            ended: AtomicU32::new(0),
            listed: AtomicU32::new(0),
            census: Census::new(),
            settling: Mutex::new(Vec::new()),
        }
    }

    /// A number that no other runtime of this process has or had.
    #[must_use]
    #[inline]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// What it is made of.
    #[must_use]
    #[inline]
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Says whose it is, in a process that was forked from the one that made it: nothing works there.
    #[must_use]
    pub fn inherited(&self) -> Option<Inherited> {
        self.process.inherited()
    }

    /// Returns `true` if tasks that are not `Send` may be spawned from this thread.
    #[must_use]
    pub fn is_home(&self) -> bool {
        self.parts
            .home
            .is_some_and(|home| home == thread::current().id())
    }

    /// Sees to it that tasks [find] these surroundings by their number.
    #[inline]
    pub fn list(self: &Arc<Self>) {
        // Acquire and Release: who sees it listed finds it.
        if self.listed.load(Ordering::Acquire) == 0 {
            listed(|listed| listed.insert(self.id, Arc::downgrade(self)));
            self.listed.store(1, Ordering::Release);
        }
    }

    /// Counts a task in.
    ///
    /// # Errors
    ///
    /// [`Closed`] once [`close`](Self::close) was called, and in a [forked](Self::inherited) process.
    pub fn enroll(&self) -> Result<(), Closed> {
        self.admit().map(|_admission| ())
    }

    /// Counts a task in, and says whether the runtime is being emptied.
    ///
    /// What the caller did before, such as moving the task into a slot, is seen by whoever called
    /// [`drain`](Self::drain) too early for the caller to be told of it.
    ///
    /// # Errors
    ///
    /// [`Closed`] once [`close`](Self::close) was called, and in a [forked](Self::inherited) process.
    #[inline]
    pub fn admit(&self) -> Result<Admission, Closed> {
        if !self.process.is_current() {
            return Err(Closed);
        }
        let shard = self.shard();
        let admission = self.census.admit(shard);
        if admission.is_err() {
            // It was counted in before it was refused.
            self.leave(shard);
        }
        admission
    }

    /// Counts a task out, once its future has been dropped.
    #[inline]
    pub fn discharge(&self) {
        self.leave(self.shard());
    }

    #[inline]
    fn leave(&self, shard: usize) {
        if self.census.discharge(shard) {
            self.wake_waiting();
        }
    }

    /// The shard of the census that this thread uses: each worker its own, guests the first.
    #[inline]
    fn shard(&self) -> usize {
        context::with(|local| {
            let worker = local
                .filter(|local| local.env().id == self.id)
                .and_then(context::Local::worker);
            worker.map_or(0, Census::shard_of_worker)
        })
    }

    /// Starts to empty the runtime: a task that is spawned from now on is cancelled at birth.
    pub fn drain(&self) {
        self.census.drain();
    }

    /// Returns `true` once the runtime is being emptied.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.census.is_draining()
    }

    /// Takes no more tasks.
    pub fn close(&self) {
        self.census.close();
    }

    /// Returns `true` once no more tasks are taken.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.census.is_closed()
    }

    /// Says that timers and poller are about to be retired, after which they may serve another
    /// runtime: the [context] offers them no more.
    pub fn end(&self) {
        self.ended.store(1, Ordering::Release);
    }

    /// Returns `true` once timers and poller are not this runtime's any more.
    #[must_use]
    #[inline]
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire) != 0
    }

    /// How many tasks are alive: a number that was right at some moment while it was asked for, if
    /// that is none, and about right otherwise.
    #[must_use]
    pub fn tasks_alive(&self) -> usize {
        self.census.alive()
    }

    /// Waits until no task is alive. More than one may wait.
    pub fn poll_empty(&self, cx: &Context<'_>) -> Poll<()> {
        if self.tasks_alive() == 0 {
            return Poll::Ready(());
        }
        let unlisted = self.census.wait(cx.waker().clone());
        drop(unlisted);
        // Again, now that `discharge` finds the waker.
        if self.census.alive_in_order() == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Asks to be woken once nothing is runnable. Who asks twice is woken once.
    ///
    /// It is served by executors of one thread, and simulators. Where there is no
    /// [home](Parts::home) nobody could say it: `waker` is dropped at once, and never called.
    pub fn settle(&self, waker: Waker) {
        if self.parts.home.is_none() {
            return;
        }
        let mut settling = lock(&self.settling);
        let unlisted = list(&mut settling, waker);
        drop(settling);
        drop(unlisted);
    }

    /// Those who wait until nothing is runnable: the executor takes them before it sleeps.
    #[must_use]
    pub fn take_settling(&self) -> Vec<Waker> {
        std::mem::take(&mut *lock(&self.settling))
    }

    /// Tells the hook; a hook that panics is not told again of that.
    pub fn report(&self, unhandled: &Unhandled<'_>) {
        if let Err(payload) = contain(|| (self.parts.unhandled)(unhandled)) {
            discard(payload);
        }
    }

    fn wake_waiting(&self) {
        for waker in self.census.take_waiting() {
            // One that panics does not keep the others asleep.
            if let Err(payload) = contain(|| waker.wake()) {
                let kind = UnhandledKind::CallbackPanicked;
                self.report(&Unhandled::new(kind, None, panic::message(&payload)));
                discard(payload);
            }
        }
    }
}

/// Looks at the surroundings with that number: those of this thread, or else some that have had a task
/// and are still there.
#[inline]
pub fn find<R>(id: u64, look: impl FnOnce(Option<&Arc<Env>>) -> R) -> R {
    context::with(|local| match local {
        Some(local) if local.env().id == id => look(Some(local.env())),
        _ => {
            let env = listed(|listed| listed.get(&id).and_then(Weak::upgrade));
            let result = look(env.as_ref());
            // It may be the last reference, and take the user's hook with it.
            if let Err(payload) = contain_drop(env) {
                discard(payload);
            }
            result
        }
    })
}

fn listed<R>(act: impl FnOnce(&mut BTreeMap<u64, Weak<Env>>) -> R) -> R {
    // Nothing in there can panic half-way.
    act(&mut LISTED.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Drop for Env {
    fn drop(&mut self) {
        if self.listed.load(Ordering::Relaxed) != 0 {
            let _weak = listed(|listed| listed.remove(&self.id));
        }
    }
}

/// Lists a waiter that may ask again and again, once. The waker that is not needed is given back, to
/// be dropped outside the lock.
fn list(waiting: &mut Vec<Waker>, waker: Waker) -> Option<Waker> {
    if waiting.iter().any(|listed| listed.will_wake(&waker)) {
        return Some(waker);
    }
    waiting.push(waker);
    None
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            name: Arc::from("hob"),
            scheduler: None,
            home: None,
            timers: None,
            reactor: None,
            sys: None,
            blocking: None,
            stop: None,
            cleanup_time: Duration::from_secs(5),
            unhandled: Arc::new(unhandled::print),
        }
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("id", &self.id)
            .field("name", &self.parts.name)
            .field("tasks_alive", &self.tasks_alive())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::task::Wake;

    use super::*;

    /// A waker that says so when it is woken, or panics.
    struct Bell(Option<Sender<()>>);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            let sender = self.0.as_ref().expect("this bell has no clapper");
            sender.send(()).expect("somebody listens");
        }
    }

    fn env() -> Env {
        Env::new(Parts::default())
    }

    fn poll(env: &Env, bell: &Arc<Bell>) -> Poll<()> {
        env.poll_empty(&Context::from_waker(&Arc::clone(bell).into()))
    }

    #[test]
    fn numbers_are_unique() {
        assert_ne!(env().id(), env().id());
    }

    #[test]
    fn surroundings_are_found_by_their_number_as_long_as_they_are_there() {
        let env = Arc::new(env());
        let id = env.id();
        assert!(find(id, |found| found.is_none()), "it has had no task");
        env.list();
        env.list();
        assert!(find(id, |found| Arc::ptr_eq(
            found.expect("it is listed"),
            &env
        )));
        assert_eq!(Arc::strong_count(&env), 1);
        drop(env);
        assert!(find(id, |found| found.is_none()));
        assert!(!listed(|listed| listed.contains_key(&id)), "no entry stays");
    }

    #[test]
    fn tasks_may_begin_and_end_on_different_workers() {
        use crate::context::{Local, Role, enter};
        let env = Arc::new(env());
        let on = |worker, act: &dyn Fn()| {
            enter(&Local::new(&env, Role::Worker).with_worker(worker), act);
        };
        for worker in 0..40 {
            on(worker, &|| env.enroll().expect("it is open"));
        }
        assert_eq!(env.tasks_alive(), 40);
        (0..39).for_each(|_| on(7, &|| env.discharge()));
        assert_eq!(env.tasks_alive(), 1);
        env.drain();
        on(3, &|| assert_eq!(env.admit(), Ok(Admission::Draining)));
        env.close();
        on(9, &|| assert_eq!(env.enroll(), Err(Closed)));
        env.discharge();
        env.discharge();
        assert_eq!(env.tasks_alive(), 0);
    }

    #[test]
    fn a_closed_runtime_takes_no_task_and_keeps_count() {
        let env = env();
        assert_eq!(env.enroll(), Ok(()));
        env.close();
        assert_eq!(env.enroll(), Err(Closed));
        assert!(env.is_closed());
        assert_eq!(env.tasks_alive(), 1);
        env.discharge();
        assert_eq!(env.tasks_alive(), 0);
        assert!(env.is_closed(), "the count leaves the door alone");
    }

    #[test]
    fn a_draining_runtime_still_takes_tasks() {
        let env = env();
        env.drain();
        assert_eq!((env.is_draining(), env.is_closed()), (true, false));
        assert_eq!(env.enroll(), Ok(()));
        assert_eq!(env.tasks_alive(), 1);
    }

    #[test]
    fn a_runtime_that_has_ended_keeps_count() {
        let env = env();
        assert_eq!(env.enroll(), Ok(()));
        assert!(!env.is_ended());
        env.end();
        assert!(env.is_ended() && !env.is_closed() && !env.is_draining());
        assert_eq!(env.tasks_alive(), 1);
        env.discharge();
        assert!(env.is_ended(), "the count leaves it alone");
    }

    #[test]
    fn the_last_task_wakes_all_who_wait_for_it() {
        let env = env();
        let (sender, rung) = channel();
        let bells = [sender.clone(), sender].map(|sender| Arc::new(Bell(Some(sender))));
        assert_eq!(poll(&env, &bells[0]), Poll::Ready(()), "no task is alive");
        env.enroll().expect("it is open");
        env.enroll().expect("it is open");
        for bell in &bells {
            assert_eq!(poll(&env, bell), Poll::Pending);
        }
        env.discharge();
        assert_eq!(rung.try_iter().count(), 0, "one task is left");
        env.discharge();
        assert_eq!(rung.try_iter().count(), 2);
        assert_eq!(poll(&env, &bells[0]), Poll::Ready(()));
    }

    #[test]
    fn who_polls_often_is_woken_once() {
        let env = env();
        let (sender, rung) = channel();
        let bell = Arc::new(Bell(Some(sender)));
        env.enroll().expect("it is open");
        let waker = Waker::from(bell);
        for _ in 0..100 {
            assert_eq!(env.poll_empty(&Context::from_waker(&waker)), Poll::Pending);
        }
        env.discharge();
        assert_eq!(rung.try_iter().count(), 1);
    }

    #[test]
    fn who_settles_often_is_listed_once() {
        let env = Env::new(Parts {
            home: Some(thread::current().id()),
            ..Parts::default()
        });
        let waker = Waker::from(Arc::new(Bell(None)));
        (0..100).for_each(|_| env.settle(waker.clone()));
        env.settle(Waker::noop().clone());
        assert_eq!(env.take_settling().len(), 2);
        assert!(env.take_settling().is_empty());
    }

    #[test]
    fn without_a_home_nobody_who_settles_is_kept() {
        let (env, bell) = (env(), Arc::new(Bell(None)));
        env.settle(Waker::from(Arc::clone(&bell)));
        assert_eq!(Arc::strong_count(&bell), 1);
        assert!(env.take_settling().is_empty());
    }

    #[test]
    fn a_waker_that_panics_is_reported_and_keeps_nobody_asleep() {
        let (reports, reported) = channel();
        let env = Env::new(Parts {
            unhandled: Arc::new(move |unhandled| {
                let told = (unhandled.kind, unhandled.message.to_owned());
                reports.send(told).expect("somebody listens");
            }),
            ..Parts::default()
        });
        let (sender, rung) = channel();
        env.enroll().expect("it is open");
        assert_eq!(poll(&env, &Arc::new(Bell(None))), Poll::Pending);
        assert_eq!(poll(&env, &Arc::new(Bell(Some(sender)))), Poll::Pending);
        env.discharge();
        assert_eq!(rung.try_iter().count(), 1);
        let expected = (
            UnhandledKind::CallbackPanicked,
            "this bell has no clapper".to_owned(),
        );
        assert_eq!(reported.try_iter().collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn a_hook_that_panics_is_contained() {
        let env = Env::new(Parts {
            unhandled: Arc::new(|_| panic!("the hook")),
            ..Parts::default()
        });
        env.report(&Unhandled::new(UnhandledKind::LeftBehind, None, ""));
    }

    #[test]
    fn only_the_home_thread_is_home() {
        let env = Env::new(Parts {
            home: Some(thread::current().id()),
            ..Parts::default()
        });
        assert!(env.is_home());
        thread::scope(|scope| {
            scope.spawn(|| assert!(!env.is_home()));
        });
        assert!(!self::env().is_home());
    }
}
