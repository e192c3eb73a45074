//! Whether this is still the process in which something was made.
//!
//! A fork copies the memory of a process and only one of its threads. What a runtime is made of is
//! then there without the threads that work on it, beside descriptors that it shares with the parent.
//! So an [`Env`](crate::Env) and a poller remember in which process they were made, and refuse in
//! another.
//!
//! # Implementation
//!
//! Asking the system for the number of the process is a system call, too much for each spawn. Here a
//! number counts the forks between the first process and this one: [`forked`] adds one, and whoever can
//! register a function that the system's library calls in each new child has it called there. To
//! compare is one Relaxed load of a line that everybody only reads: the child begins with one thread,
//! which has done the addition itself, and later threads are started by it.

use std::fmt;
use std::process;

use crate::primitive::{GlobalCounter, GlobalOrdering};

static FORKS: GlobalCounter = GlobalCounter::new(0);

/// A process, as something that was made in it remembers it.
///
/// # Examples
///
/// ```
/// use hob_core::fork::Process;
///
/// let made_in = Process::current();
/// assert!(made_in.is_current());
/// assert_eq!(made_in.inherited(), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Process {
    generation: u64,
    id: u32,
}

/// Something belongs to the process that this one was forked from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Inherited {
    /// The process that it belongs to.
    pub owner: u32,
    /// The one that asked, which was forked from it.
    pub child: u32,
}

/// Says that this process has just been forked from another one.
///
/// To be called in the child, by the thread that forked, before it does anything else. It does one
/// addition to an atomic, so a handler of `pthread_atfork` may call it.
pub fn forked() {
    FORKS.fetch_add(1, GlobalOrdering::Relaxed);
}

/// How many forks there were from the first process to this one, so far as [`forked`] was told.
#[must_use]
#[inline]
pub fn generation() -> u64 {
    FORKS.load(GlobalOrdering::Relaxed)
}

impl Process {
    /// This process.
    #[must_use]
    pub fn current() -> Self {
        Self {
            generation: generation(),
            id: process::id(),
        }
    }

    /// Returns `true` unless there was a fork since.
    #[must_use]
    #[inline]
    pub fn is_current(self) -> bool {
        self.generation == generation()
    }

    /// Says whose it is, in a child of that process.
    #[must_use]
    pub fn inherited(self) -> Option<Inherited> {
        (!self.is_current()).then(|| Inherited {
            owner: self.id,
            child: process::id(),
        })
    }
}

impl std::error::Error for Inherited {}

impl fmt::Display for Inherited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, child } = self;
        write!(
            f,
            "it belongs to process {owner}, and this is process {child}, forked from that: after a \
             fork, make a new runtime, or call exec"
        )
    }
}
