//! What is known of a task, beside the task.
//!
//! A task's header holds a [`TaskCell`] of two words: where to schedule it, and its [`TaskSlot`].
//! The slot lives as long as the process and is used again, so whoever names a task holds the slot
//! and the task's id, and a number that no longer fits says that the task is gone. What few tasks
//! have, such as a name, stands apart.

mod rare;
mod reasons;
mod slot;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::num::NonZeroU64;
use std::panic::Location;
use std::pin::Pin;

pub use self::slot::{Occupant, TaskSlot};

use crate::primitive::{GlobalCounter, GlobalOrdering};
use crate::schedule::SchedulerRef;

/// What a task's header holds.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it is made by whoever spawns")]
pub struct TaskCell {
    /// Where to schedule the task.
    pub scheduler: SchedulerRef,
    /// What is known of it.
    pub slot: &'static TaskSlot,
}

/// The number of a task, unique in the process and never used again.
///
/// Threads deal numbers out of blocks of their own. So a task has a greater number than the one that
/// spawned it, and than those that the same thread spawned before; the numbers of tasks that different
/// threads spawned tell nothing about who came first.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TaskId(NonZeroU64);

/// Why a task was asked to end.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CancelReason {
    /// Its runtime shuts down.
    Shutdown,
    /// Somebody asked, and said why.
    Because(Cow<'static, str>),
}

/// A task's identity, for messages: `task 7 "fetch", spawned at src/main.rs:3:5`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskLabel {
    /// Its number.
    pub id: TaskId,
    /// Its name, if it was given one.
    pub name: Option<Box<str>>,
    /// Where it was spawned.
    pub place: &'static Location<'static>,
}

/// How urgently a task is asked to end.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a task must answer each of them")]
pub enum Request {
    /// Not at all.
    None,
    /// Drop the future, then run the cleanups.
    Cancel,
    /// Drop everything, cleanups too: the shutdown's deadline has passed.
    Abandon,
}

/// A cleanup that a task runs after its future has been dropped.
pub type Cleanup = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// The name of an operation that a task waits in, such as `&"Mutex::lock"`: a thin pointer, because a
/// task has one word for it.
pub type What = &'static &'static str;

/// What a task waits for, and where in the source.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Wait {
    /// The operation, such as `Mutex::lock`.
    pub what: &'static str,
    /// The caller's line.
    pub place: &'static Location<'static>,
}

/// What a dump shows of a task.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskSnapshot {
    /// Its identity.
    pub label: TaskLabel,
    /// The task that spawned it, if a task did.
    pub parent: Option<TaskId>,
    /// How often it was polled.
    pub polls: u64,
    /// What it last waited for; it may be running by now.
    pub wait: Option<Wait>,
    /// Why it was asked to end, if it was.
    pub cancel: Option<CancelReason>,
}

impl TaskId {
    /// The next number of this thread.
    #[must_use]
    pub fn next() -> Self {
        Self::after(None)
    }

    /// The next number of this thread that is greater than the parent's.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic")]
    #[inline]
    pub fn after(parent: Option<Self>) -> Self {
        thread_local! {
            /// The next number and the end of the block.
            static BLOCK: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
        }
        let least = parent.map_or(0, Self::get);
        let number = BLOCK.try_with(|block| {
            let (mut next, mut end) = block.get();
            // A block that another thread took later may hold greater numbers than the rest of ours.
            if next == end || next <= least {
                next = numbers(NUMBERS_PER_BLOCK);
                end = next + NUMBERS_PER_BLOCK;
            }
            block.set((next + 1, end));
            next
        });
        let number = number.unwrap_or_else(|_at_exit| numbers(1));
        debug_assert!(number > least, "the counter is ahead of every number");
        Self(NonZeroU64::new(number).expect("the counter starts with 1"))
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

/// Takes so many numbers from those of the process, and returns the first.
fn numbers(count: u64) -> u64 {
    static NEXT: GlobalCounter = GlobalCounter::new(1);
    NEXT.fetch_add(count, GlobalOrdering::Relaxed)
}

/// How many numbers a thread takes at once.
const NUMBERS_PER_BLOCK: u64 = 64;

impl TaskLabel {
    /// A label with the next number.
    #[must_use]
    pub fn new(name: Option<Box<str>>, place: &'static Location<'static>) -> Self {
        Self::child(None, name, place)
    }

    /// A label for a task that `parent` spawns.
    #[must_use]
    #[inline]
    pub fn child(
        parent: Option<TaskId>,
        name: Option<Box<str>>,
        place: &'static Location<'static>,
    ) -> Self {
        Self {
            id: TaskId::after(parent),
            name,
            place,
        }
    }
}

impl Wait {
    /// Describes a wait.
    #[must_use]
    pub const fn new(what: &'static str, place: &'static Location<'static>) -> Self {
        Self { what, place }
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({})", self.0)
    }
}

impl fmt::Display for TaskLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "task {} {name:?}", self.id)?,
            None => write!(f, "task {}", self.id)?,
        }
        write!(f, ", spawned at {}", self.place)
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.what, self.place)
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shutdown => f.write_str("its runtime shuts down"),
            Self::Because(reason) => f.write_str(reason),
        }
    }
}

impl From<&'static str> for CancelReason {
    fn from(reason: &'static str) -> Self {
        Self::Because(reason.into())
    }
}

impl From<String> for CancelReason {
    fn from(reason: String) -> Self {
        Self::Because(reason.into())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test of what threads deal out")]
    fn a_child_has_a_greater_number_whichever_thread_spawns_it() {
        let elsewhere = |parent| {
            let thread = std::thread::spawn(move || TaskId::after(Some(parent)));
            thread.join().expect("it does not panic")
        };
        let mut last = TaskId::next();
        for _ in 0..200 {
            let child = elsewhere(last);
            assert!(child > last);
            let grandchild = TaskId::after(Some(child));
            assert!(grandchild > child);
            last = TaskId::next();
            assert!(last > grandchild, "one thread's numbers ascend");
        }
    }
}
