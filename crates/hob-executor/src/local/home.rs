//! The queue that only the home thread touches.
//!
//! # Implementation
//!
//! While an executor runs, a thread-local names its queue; whoever schedules compares the scheduler of
//! the task with that of the running executor, and pushes where they are the same. That costs no atomic
//! operation and no lock. Executors may nest on one thread: the thread-local names the innermost one,
//! and for the others the thread is like any other, see [`Remote`](super::remote::Remote).
//!
//! The thread-local has no destructor, so it can be reached also while those of the thread run.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::{self, ManuallyDrop};
use std::ptr;
use std::rc::Rc;

use crate::local::shared::Shared;
use crate::primitive::per_thread;
use crate::shared::Ready;

/// Whose turn it is.
pub(super) enum Entry {
    Task(Ready),
    /// The future of `block_on`. It is polled only if it was woken since its last poll.
    Main,
}

/// The queue of one executor, strictly first in, first out.
pub(super) struct Home {
    shared: &'static Shared,
    queue: RefCell<VecDeque<Entry>>,
}

/// Makes the innermost executor what it was before.
#[must_use = "the executor runs until it is dropped"]
pub(super) struct Entered {
    outer: Option<Rc<Home>>,
}

per_thread! {
    /// The executor that runs on this thread, the innermost. [`Entered`] takes it out again, so that
    /// nothing is left behind that would have to be dropped.
    static RUNNING: RefCell<ManuallyDrop<Option<Rc<Home>>>> = const {
        RefCell::new(ManuallyDrop::new(None))
    };
}

impl Entry {
    pub(super) const fn is_task(&self) -> bool {
        matches!(self, Self::Task(_))
    }
}

impl Home {
    pub(super) fn new(shared: &'static Shared) -> Rc<Self> {
        Rc::new(Self {
            shared,
            queue: RefCell::default(),
        })
    }

    /// The executor runs, until what is returned is dropped.
    pub(super) fn enter(self: &Rc<Self>) -> Entered {
        Entered {
            outer: replace_running(Some(Rc::clone(self))),
        }
    }

    pub(super) fn push(&self, entry: Entry) {
        self.queue.borrow_mut().push_back(entry);
    }

    /// The one that has waited longest.
    pub(super) fn pop(&self) -> Option<Entry> {
        self.queue.borrow_mut().pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    /// Whether there is nothing to run, neither here nor from other threads.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.borrow().is_empty() && !self.shared.remote.has_arrived()
    }

    /// Takes in what other threads have brought.
    pub(super) fn take_arrived(&self) {
        if self.shared.remote.has_arrived() {
            self.shared.remote.move_to(&mut self.queue.borrow_mut());
        }
    }

    /// Takes out the turns of the main future.
    pub(super) fn forget_main(&self) {
        self.queue.borrow_mut().retain(Entry::is_task);
    }

    /// How many tasks wait, here and from other threads.
    pub(super) fn tasks(&self) -> usize {
        let queue = self.queue.borrow();
        let here = queue.iter().filter(|entry| entry.is_task()).count();
        here + self.shared.remote.count(Entry::is_task)
    }
}

impl Drop for Home {
    /// What is left is kept for ever: it is nobody's to run, and a task must not be dropped under
    /// whoever happens to drop the executor.
    fn drop(&mut self) {
        for entry in self.queue.get_mut().drain(..).filter(Entry::is_task) {
            self.shared.remote.push(entry);
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let outer = self.outer.take();
        if let Some(home) = &outer {
            // What it was brought from here meanwhile came before what comes now.
            home.take_arrived();
        }
        // The executor itself keeps its queue, so this drops none.
        drop(replace_running(outer));
    }
}

/// Looks at the queue of the executor that runs on this thread, if it is the one of `shared`.
pub(super) fn with_running<R>(shared: &Shared, look: impl FnOnce(&Home) -> R) -> Option<R> {
    RUNNING.with(|running| match &**running.borrow() {
        Some(home) if ptr::eq(home.shared, shared) => Some(look(home)),
        _ => None,
    })
}

fn replace_running(home: Option<Rc<Home>>) -> Option<Rc<Home>> {
    RUNNING.with(|running| mem::replace(&mut **running.borrow_mut(), home))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use hob_core::panic::{contain, discard};

    use super::*;

    fn home() -> Rc<Home> {
        Home::new(Box::leak(Box::new(Shared::new())))
    }

    fn runs(home: &Home) -> bool {
        with_running(home.shared, |running| ptr::eq(running, home)) == Some(true)
    }

    #[test]
    fn the_innermost_runs_and_the_one_around_it_afterwards() {
        let (outer, inner) = (home(), home());
        assert!(!runs(&outer) && !runs(&inner));
        let entered = outer.enter();
        let nested = inner.enter();
        assert!(runs(&inner) && !runs(&outer));
        drop(nested);
        assert!(runs(&outer) && !runs(&inner));
        drop(entered);
        assert!(!runs(&outer) && !runs(&inner));
        assert_eq!((Rc::strong_count(&outer), Rc::strong_count(&inner)), (1, 1));
    }

    #[test]
    fn a_panic_leaves_running_what_ran_before() {
        let (outer, inner) = (home(), home());
        let entered = outer.enter();
        let panicked = contain(|| {
            let _nested = inner.enter();
            panic!("a main future");
        });
        discard(panicked.expect_err("it panics"));
        assert!(runs(&outer) && !runs(&inner));
        drop(entered);
        assert_eq!(Rc::strong_count(&inner), 1);
    }

    #[test]
    fn it_runs_on_its_thread_only() {
        let home = home();
        let _entered = home.enter();
        let shared = home.shared;
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(with_running(shared, |_| ()).is_none()));
        });
        assert!(runs(&home));
    }

    #[test]
    fn a_task_has_no_room_for_a_tag() {
        assert_eq!(size_of::<Entry>(), size_of::<Ready>());
    }
}
