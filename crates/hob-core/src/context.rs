//! The one door to what surrounds the running code.
//!
//! A thread that runs hob's code has a [`Local`] on the stack of whoever entered; a thread-local
//! pointer leads to it. Nested runtimes stack: whoever enters leaves what was there as it was. Nothing
//! here keeps a runtime alive.

#![expect(
    unsafe_code,
    reason = "a thread-local pointer to a value on the stack: counting references would cost each \
              entry an atomic"
)]

pub mod limit;

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::ptr;
use std::sync::Arc;
use std::task::{RawWakerVTable, Waker};

use crate::budget::{BUDGET_PER_POLL, UNLIMITED};
use crate::env::Env;
use crate::primitive::per_thread;
use crate::reactor::Reactor;
use crate::task::{TaskSlot, Wait, What};
use crate::timers::Timers;

per_thread! {
    /// Null, or the [`Frame`] of the innermost [`enter`] that runs on this thread.
    static CURRENT: Cell<*const Frame<'static>> = const { Cell::new(ptr::null()) };
}

/// One [`enter`], on its stack.
struct Frame<'a> {
    local: &'a Local<'a>,
    /// The one around it; null for the outermost.
    outer: *const Frame<'static>,
}

/// What surrounds the code that runs on this thread now.
pub struct Local<'a> {
    env: &'a Arc<Env>,
    role: Role,
    timers: Option<&'static dyn Timers>,
    worker: Option<usize>,
    /// Whether this is the one thread of a one-thread runtime; asked once, for each spawn wants to know.
    is_home: bool,
    task: Cell<Option<&'static TaskSlot>>,
    /// What the main future, which is no task, waited for last.
    main_wait: Cell<Option<Wait>>,
    budget: Cell<u32>,
    budget_per_poll: Cell<u32>,
    /// How many polls there were; it wraps around.
    polls: Cell<u32>,
    about_to_look: Cell<bool>,
    /// What the waker of the poll that runs now is made of, if it is one of hob's.
    trusted: Cell<Option<WakerParts>>,
    /// How many polls have spent their budget.
    budgets_spent: Cell<u64>,
    /// It knows whether its thread is the home, so it stays there.
    _thread: PhantomData<*const ()>,
}

/// What two equal wakers have in common: where their data lies, and what they do.
type WakerParts = (usize, &'static RawWakerVTable);

/// What a thread is to the runtime it is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Role {
    /// It runs tasks: it must not block.
    Worker,
    /// It runs a blocking job, or was entered by hand.
    Guest,
}

impl<'a> Local<'a> {
    /// The surroundings of a thread in `env`.
    #[must_use]
    pub fn new(env: &'a Arc<Env>, role: Role) -> Self {
        Self {
            env,
            role,
            timers: env.parts().timers,
            worker: None,
            is_home: env.is_home(),
            task: Cell::new(None),
            main_wait: Cell::new(None),
            budget: Cell::new(UNLIMITED),
            budget_per_poll: Cell::new(BUDGET_PER_POLL),
            polls: Cell::new(0),
            about_to_look: Cell::new(false),
            trusted: Cell::new(None),
            budgets_spent: Cell::new(0),
            _thread: PhantomData,
        }
    }

    /// The same, with a queue of timers of the thread's own.
    #[must_use]
    pub fn with_timers(mut self, timers: &'static dyn Timers) -> Self {
        self.timers = Some(timers);
        self
    }

    /// The same, for worker number `index` of the runtime's executor.
    #[must_use]
    pub const fn with_worker(mut self, index: usize) -> Self {
        self.worker = Some(index);
        self
    }

    /// The number of this worker in its executor.
    #[must_use]
    #[inline]
    pub const fn worker(&self) -> Option<usize> {
        self.worker
    }

    /// Whether tasks that are not `Send` may be spawned here; see [`Env::is_home`].
    #[must_use]
    pub const fn is_home(&self) -> bool {
        self.is_home
    }

    /// The timers of this thread; `None` also once the runtime has [ended](Env::end): they may serve another
    /// one by then.
    #[must_use]
    #[inline]
    pub fn timers(&self) -> Option<&'static dyn Timers> {
        self.timers.filter(|_| !self.env.is_ended())
    }

    /// The runtime's surroundings.
    #[must_use]
    #[inline]
    pub const fn env(&self) -> &'a Arc<Env> {
        self.env
    }

    /// What this thread is to the runtime.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The task that is being polled, if one is.
    #[must_use]
    #[inline]
    pub fn task(&self) -> Option<&'static TaskSlot> {
        self.task.get()
    }

    /// What the main future waited for last: it is no task, and has no slot to note it in.
    #[must_use]
    pub fn main_wait(&self) -> Option<Wait> {
        self.main_wait.get()
    }

    /// Sets how many completions each further poll may have: a simulator varies it.
    pub fn set_budget_per_poll(&self, completions: u32) {
        self.budget_per_poll.set(completions);
    }

    /// How many polls have spent their budget.
    #[must_use]
    pub fn budgets_spent(&self) -> u64 {
        self.budgets_spent.get()
    }

    /// Whether `waker` is the one that was given to the poll that runs now, and that poll is one of
    /// hob's: then neither calling, cloning nor dropping it can panic.
    #[must_use]
    #[inline]
    pub fn trusts(&self, waker: &Waker) -> bool {
        self.trusted.get().is_some_and(|(data, vtable)| {
            data == waker.data().addr() && ptr::eq(vtable, waker.vtable())
        })
    }

    pub(crate) fn budget(&self) -> u32 {
        self.budget.get()
    }

    pub(crate) fn polls(&self) -> u32 {
        self.polls.get()
    }

    pub(crate) fn set_budget(&self, budget: u32) {
        self.budget.set(budget);
    }

    /// Runs `wake`, after which this worker looks at its own queue: what is pushed there needs nobody
    /// else to be woken.
    pub fn before_looking<R>(&self, wake: impl FnOnce() -> R) -> R {
        struct Restore<'r>(&'r Cell<bool>);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.set(false);
            }
        }
        self.about_to_look.set(true);
        let _restore = Restore(&self.about_to_look);
        wake()
    }

    /// Whether this worker looks at its own queue before it runs anything else.
    #[must_use]
    pub fn is_about_to_look(&self) -> bool {
        self.about_to_look.get()
    }

    /// Runs `poll` as a poll of `task`, with a fresh budget.
    #[inline]
    pub fn in_task<R>(&self, task: &'static TaskSlot, poll: impl FnOnce() -> R) -> R {
        self.with_budget(Some(task), None, poll)
    }

    /// The same for a poll that is given `waker`, a waker of hob's own that [cannot
    /// panic](Self::trusts).
    #[inline]
    pub fn in_task_with<R>(
        &self,
        task: &'static TaskSlot,
        waker: &Waker,
        poll: impl FnOnce() -> R,
    ) -> R {
        self.with_budget(Some(task), Some(waker), poll)
    }

    /// Runs `poll` as a poll of the main future, which is no task, with a fresh budget.
    pub fn in_main<R>(&self, poll: impl FnOnce() -> R) -> R {
        self.with_budget(None, None, poll)
    }

    /// The same for a poll that is given `waker`, a waker of hob's own that [cannot
    /// panic](Self::trusts).
    #[inline]
    pub fn in_main_with<R>(&self, waker: &Waker, poll: impl FnOnce() -> R) -> R {
        self.with_budget(None, Some(waker), poll)
    }

    #[inline]
    fn with_budget<R>(
        &self,
        task: Option<&'static TaskSlot>,
        waker: Option<&Waker>,
        poll: impl FnOnce() -> R,
    ) -> R {
        struct Restore<'r, 'a> {
            local: &'r Local<'a>,
            task: Option<&'static TaskSlot>,
            budget: u32,
            trusted: Option<WakerParts>,
        }
        impl Drop for Restore<'_, '_> {
            fn drop(&mut self) {
                if self.local.budget.get() == 0 {
                    let spent = self.local.budgets_spent.get();
                    self.local.budgets_spent.set(spent + 1);
                }
                self.local.task.set(self.task);
                self.local.budget.set(self.budget);
                self.local.trusted.set(self.trusted);
            }
        }
        self.polls.set(self.polls.get().wrapping_add(1));
        let trusted = waker.map(|waker| (waker.data().addr(), waker.vtable()));
        let _restore = Restore {
            local: self,
            task: self.task.replace(task),
            budget: self.budget.replace(self.budget_per_poll.get()),
            trusted: self.trusted.replace(trusted),
        };
        poll()
    }
}

/// Runs `inside` with `local` as the surroundings and no [limit], and restores what was there before,
/// also when `inside` panics.
#[inline]
pub fn enter<R>(local: &Local<'_>, inside: impl FnOnce() -> R) -> R {
    struct Restore(*const Frame<'static>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.with(|current| current.set(self.0));
        }
    }
    let outer = CURRENT.with(Cell::get);
    let frame = Frame { local, outer };
    // Declared after the frame, so dropped before it.
    let _restore = Restore(outer);
    CURRENT.with(|current| current.set(ptr::from_ref(&frame).cast()));
    limit::unlimited(inside)
}

/// Looks at the surroundings: `None` outside any runtime.
#[inline]
pub fn with<R>(look: impl for<'l> FnOnce(Option<&'l Local<'l>>) -> R) -> R {
    let current: *const Frame<'_> = CURRENT.with(Cell::get);
    // SAFETY: what `CURRENT` holds is null or a frame of a call around this one, on this thread:
    // `Restore` takes it out before that call ends, also when unwinding. `look` takes every lifetime,
    // so it can keep nothing beyond this call.
    let frame = unsafe { current.as_ref() };
    look(frame.map(|frame| frame.local))
}

/// Looks at all surroundings, the innermost first, until `found` is content with one.
pub fn find<R>(mut found: impl for<'l> FnMut(&'l Local<'l>) -> Option<R>) -> Option<R> {
    let mut current: *const Frame<'_> = CURRENT.with(Cell::get);
    loop {
        // SAFETY: as in `with`; and `outer` is null or a frame of a call around that frame's.
        let frame = unsafe { current.as_ref() }?;
        if let Some(result) = found(frame.local) {
            return Some(result);
        }
        current = frame.outer;
    }
}

/// The surroundings, to keep.
#[must_use]
pub fn env() -> Option<Arc<Env>> {
    with(|local| local.map(|local| Arc::clone(local.env())))
}

/// The task that is being polled on this thread.
#[must_use]
pub fn task() -> Option<&'static TaskSlot> {
    with(|local| local.and_then(Local::task))
}

/// The timers of this thread's runtime; a worker has its own.
///
/// `None` also once the runtime has [ended](Env::end): they may serve another one by then.
#[must_use]
#[inline]
pub fn timers() -> Option<&'static dyn Timers> {
    with(|local| local.and_then(Local::timers))
}

/// The poller of this thread's runtime.
///
/// `None` also once the runtime has [ended](Env::end): it may serve another one by then.
#[must_use]
pub fn reactor() -> Option<&'static dyn Reactor> {
    with(|local| {
        local
            .filter(is_driven)
            .and_then(|local| local.env().parts().reactor)
    })
}

/// Returns `true` on a thread that runs tasks and therefore must not block, however deep inside.
#[must_use]
pub fn on_worker() -> bool {
    find(|local| (local.role() == Role::Worker).then_some(())).is_some()
}

/// Notes what the running task, or the main future, waits for; does nothing outside any runtime.
///
/// A leaf future calls it when it returns `Pending`, with the place where it was made.
#[inline]
pub fn record_wait(what: What, place: &'static Location<'static>) {
    with(|local| match local.map(|local| (local, local.task())) {
        Some((_, Some(task))) => task.record_wait(what, place),
        Some((local, None)) => local.main_wait.set(Some(Wait::new(what, place))),
        None => {}
    });
}

fn is_driven(local: &&Local<'_>) -> bool {
    !local.env().is_ended()
}

impl fmt::Debug for Local<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("env", &self.env)
            .field("role", &self.role)
            .field("task", &self.task.get())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use super::*;
    use crate::env::Parts;
    use crate::task::{Occupant, TaskLabel};

    fn env() -> Arc<Env> {
        Arc::new(Env::new(Parts::default()))
    }

    fn current() -> Option<u64> {
        super::env().map(|env| env.id())
    }

    /// A slot with a task in it, for the life of the process.
    fn slot() -> &'static TaskSlot {
        let slot = Box::leak(Box::new(TaskSlot::new()));
        slot.occupy(Occupant {
            label: TaskLabel::new(None, Location::caller()),
            parent: None,
            env: 0,
        });
        slot
    }

    fn is_in(slot: &TaskSlot) -> bool {
        task().is_some_and(|task| ptr::eq(task, slot))
    }

    #[test]
    fn outside_there_is_nothing() {
        assert!(super::env().is_none() && task().is_none());
        assert!(timers().is_none() && reactor().is_none());
        assert!(!on_worker());
        record_wait(&"nothing", Location::caller());
    }

    #[test]
    fn entries_stack() {
        let (outer, inner) = (env(), env());
        enter(&Local::new(&outer, Role::Worker), || {
            assert!(on_worker());
            enter(&Local::new(&inner, Role::Guest), || {
                assert_eq!(current(), Some(inner.id()));
                assert!(on_worker(), "the thread still runs the outer one's tasks");
            });
            assert_eq!(current(), Some(outer.id()));
            assert!(on_worker());
        });
        assert_eq!(current(), None);
    }

    #[test]
    fn entries_are_found_from_the_inside_out() {
        let (outer, inner) = (env(), env());
        enter(&Local::new(&outer, Role::Worker), || {
            enter(&Local::new(&inner, Role::Guest), || {
                let mut seen = Vec::new();
                let found = find(|local| {
                    seen.push(local.env().id());
                    (local.role() == Role::Worker).then(|| local.env().id())
                });
                assert_eq!(found, Some(outer.id()));
                assert_eq!(seen, [inner.id(), outer.id()]);
            });
        });
        assert_eq!(find(|local| Some(local.env().id())), None);
    }

    #[test]
    fn a_panic_leaves_the_surroundings_as_they_were() {
        let (outer, inner, slot) = (env(), env(), slot());
        let local = Local::new(&outer, Role::Worker);
        enter(&local, || {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                local.in_task(slot, || {
                    enter(&Local::new(&inner, Role::Guest), || {
                        resume_unwind(Box::new(()))
                    });
                });
            }));
            assert!(panicked.is_err());
            assert_eq!(current(), Some(outer.id()));
            assert!(task().is_none());
        });
        assert_eq!(current(), None);
    }

    #[test]
    fn surroundings_are_each_threads_own() {
        let env = env();
        enter(&Local::new(&env, Role::Worker), || {
            std::thread::scope(|scope| {
                scope.spawn(|| assert_eq!(current(), None));
            });
        });
    }

    #[test]
    fn keeping_the_surroundings_outlives_the_entry() {
        let env = env();
        let kept = enter(&Local::new(&env, Role::Guest), super::env);
        assert!(Arc::ptr_eq(&kept.expect("it was entered"), &env));
        assert_eq!(Arc::strong_count(&env), 1, "nothing is kept by the entry");
    }

    #[test]
    fn a_task_within_a_task_is_the_inner_one() {
        let (env, outer, inner) = (env(), slot(), slot());
        let local = Local::new(&env, Role::Worker);
        enter(&local, || {
            local.in_task(outer, || {
                local.in_task(inner, || assert!(is_in(inner)));
                assert!(is_in(outer));
            });
            assert!(task().is_none());
        });
    }

    #[test]
    fn a_nested_runtime_hides_the_task_around_it() {
        let (outer, inner, slot) = (env(), env(), slot());
        let local = Local::new(&outer, Role::Worker);
        enter(&local, || {
            local.in_task(slot, || {
                enter(&Local::new(&inner, Role::Guest), || {
                    assert!(task().is_none());
                });
                assert!(is_in(slot));
            });
        });
    }

    #[test]
    fn only_the_waker_of_the_poll_that_runs_is_trusted() {
        struct Bell;
        impl std::task::Wake for Bell {
            fn wake(self: Arc<Self>) {}
        }
        let (env, slot) = (env(), slot());
        let local = Local::new(&env, Role::Worker);
        let [own, other] = [(); 2].map(|()| Waker::from(Arc::new(Bell)));
        local.in_task_with(slot, &own, || {
            assert!(local.trusts(&own) && local.trusts(&own.clone()));
            assert!(!local.trusts(&other) && !local.trusts(Waker::noop()));
            local.in_main(|| assert!(!local.trusts(&own), "nobody vouches for it"));
            local.in_main_with(&other, || assert!(local.trusts(&other)));
            assert!(local.trusts(&own));
        });
        assert!(!local.trusts(&own));
    }

    #[test]
    fn a_wait_is_recorded_in_the_running_task() {
        let (env, slot) = (env(), slot());
        let local = Local::new(&env, Role::Worker);
        let place = Location::caller();
        enter(&local, || {
            local.in_task(slot, || record_wait(&"Mutex::lock", place));
            record_wait(&"outside the task", place);
            let wait = local.main_wait().expect("it was recorded");
            assert_eq!(wait.what, "outside the task");
        });
        let wait = slot.snapshot(0).expect("it is in use").wait;
        let wait = wait.expect("it was recorded");
        assert_eq!((wait.what, wait.place), ("Mutex::lock", place));
    }
}
