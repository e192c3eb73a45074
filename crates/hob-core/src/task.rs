//! What is known of a task, beside the task.
//!
//! A task's header holds a [`TaskCell`] of two words: where to schedule it, and its [`TaskSlot`].
//! The slot lives as long as the process and is used again, so whoever names a task holds the slot
//! and the task's id, and a number that no longer fits says that the task is gone.

mod slot;

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::num::NonZeroU64;
use std::panic::Location;
use std::pin::Pin;

pub use self::slot::{Occupant, TaskSlot, Vacancy};

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
    /// The next number.
    #[must_use]
    pub fn next() -> Self {
        static LAST: GlobalCounter = GlobalCounter::new(0);
        let last = LAST.fetch_add(1, GlobalOrdering::Relaxed);
        Self(NonZeroU64::MIN.saturating_add(last))
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl TaskLabel {
    /// A label with the next number.
    #[must_use]
    pub fn new(name: Option<Box<str>>, place: &'static Location<'static>) -> Self {
        Self {
            id: TaskId::next(),
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
