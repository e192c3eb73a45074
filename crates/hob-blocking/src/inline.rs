//! Blocking jobs on the caller's own thread: [`Inline`].

use std::fmt;
use std::sync::Arc;

use hob_core::env::UnhandledHook;
use hob_core::panic::{self, contain, discard};
use hob_core::unhandled::{self, Unhandled, UnhandledKind};
use hob_core::{Blocking, Job, JobKind};

use crate::primitive::{Mutex, lock};
use crate::verdict;

/// Runs each job at once, on the thread that brings it: for simulations, where nothing may happen
/// beside the one thread.
///
/// A job may bring further jobs; they run inside it.
///
/// # Examples
///
/// ```
/// # use hob_blocking::Inline;
/// # use hob_core::{Blocking, JobKind};
/// let inline = Inline::new();
/// assert!(inline.run(Box::new(|| ()), JobKind::Thread).is_ok());
/// assert_eq!(inline.statistics().jobs_done, 1);
/// inline.close();
/// assert!(inline.run(Box::new(|| ()), JobKind::Thread).is_err());
/// ```
pub struct Inline {
    unhandled: UnhandledHook,
    state: Mutex<State>,
}

/// A snapshot of an [`Inline`], for dumps and tests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct InlineStatistics {
    /// How many jobs run, each inside the one before unless several threads bring jobs.
    pub jobs_running: usize,
    /// How many jobs have ended, those that panicked included.
    pub jobs_done: u64,
    /// How many jobs have panicked.
    pub jobs_panicked: u64,
}

#[derive(Default)]
struct State {
    closed: bool,
    counts: InlineStatistics,
}

impl Inline {
    /// Creates one that prints what panics.
    #[must_use]
    pub fn new() -> Self {
        Self {
            unhandled: Arc::new(unhandled::print),
            state: Mutex::new(State::default()),
        }
    }

    /// Tells `hook` of jobs that panic.
    #[must_use]
    pub fn on_unhandled(mut self, hook: impl Fn(&Unhandled<'_>) + Send + Sync + 'static) -> Self {
        self.unhandled = Arc::new(hook);
        self
    }

    /// Takes no more jobs.
    pub fn close(&self) {
        lock(&self.state).closed = true;
    }

    /// Returns what runs, and what has been done.
    #[must_use]
    pub fn statistics(&self) -> InlineStatistics {
        lock(&self.state).counts
    }
}

impl Blocking for Inline {
    fn run(&self, job: Job, _kind: JobKind) -> Result<(), Job> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(job);
        }
        state.counts.jobs_running += 1;
        drop(state);
        let result = contain(job);
        let panicked = verdict::take_panic() || result.is_err();
        let mut state = lock(&self.state);
        state.counts.jobs_running -= 1;
        state.counts.jobs_done += 1;
        state.counts.jobs_panicked += u64::from(panicked);
        drop(state);
        if let Err(payload) = result {
            let message = panic::message(&payload);
            let unhandled = Unhandled::new(UnhandledKind::JobPanicked, None, message);
            let told = contain(|| (self.unhandled)(&unhandled));
            discard(payload);
            // A hook that panics is not told of that.
            if let Err(second) = told {
                discard(second);
            }
        }
        Ok(())
    }
}

impl Default for Inline {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut inline = f.debug_struct("Inline");
        // A dump must not wait.
        match self.state.try_lock() {
            Ok(state) => inline.field("statistics", &state.counts),
            Err(_) => inline.field("statistics", &format_args!("<locked>")),
        };
        inline.finish_non_exhaustive()
    }
}
