//! The surroundings of a running program: what its futures reach for.
//!
//! An [`Env`] names the engines of one runtime through their seams. It is reached through the
//! [context](crate::context) and keeps no thread alive. A part that is absent is no error: each crate
//! has an engine of its own for use outside any runtime.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::blocking::Blocking;
use crate::panic::{self, contain, discard};
use crate::primitive::{AtomicUsize, GlobalCounter, GlobalOrdering, Mutex, Ordering, lock};
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
    /// How long the cleanups of one task may take together.
    pub cleanup_time: Duration,
    /// Who hears of what went wrong where nobody looks.
    pub unhandled: UnhandledHook,
}

/// The surroundings of a running program. See the [module's documentation](self).
pub struct Env {
    id: u64,
    parts: Parts,
    census: Census,
}

/// How many tasks are alive, and whether new ones are taken.
///
/// One word: the lowest bit says *closed*, the next *draining*, the rest counts. A task that enrolls
/// after the door was closed sees it in the value that its own addition returns, so there is no gap
/// between asking and counting.
struct Census {
    word: AtomicUsize,
    waiting: Mutex<Vec<Waker>>,
}

/// The runtime takes no more tasks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct Closed;

const CLOSED: usize = 0b001;
const DRAINING: usize = 0b010;
const ONE: usize = 0b100;

impl Env {
    /// Creates the surroundings of a runtime.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        static NEXT: GlobalCounter = GlobalCounter::new(1);
        Self {
            id: NEXT.fetch_add(1, GlobalOrdering::Relaxed),
            parts,
            census: Census {
                word: AtomicUsize::new(0),
                waiting: Mutex::new(Vec::new()),
            },
        }
    }

    /// A number that no other runtime of this process has or had.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// What it is made of.
    #[must_use]
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Returns `true` if tasks that are not `Send` may be spawned from this thread.
    #[must_use]
    pub fn is_home(&self) -> bool {
        self.parts.home == Some(thread::current().id())
    }

    /// Counts a task in.
    ///
    /// # Errors
    ///
    /// [`Closed`] once [`close`](Self::close) was called.
    pub fn enroll(&self) -> Result<(), Closed> {
        // Acquire and Release throughout: the one who sees zero sees all that the tasks did.
        let before = self.census.word.fetch_add(ONE, Ordering::AcqRel);
        if before & CLOSED == 0 {
            Ok(())
        } else {
            self.discharge();
            Err(Closed)
        }
    }

    /// Counts a task out, once its future has been dropped.
    pub fn discharge(&self) {
        let before = self.census.word.fetch_sub(ONE, Ordering::AcqRel);
        debug_assert!(before >= ONE, "more tasks ended than were spawned");
        if before / ONE == 1 {
            self.wake_waiting();
        }
    }

    /// Starts to empty the runtime: a task that is spawned from now on is cancelled at birth.
    pub fn drain(&self) {
        self.census.word.fetch_or(DRAINING, Ordering::AcqRel);
    }

    /// Returns `true` once the runtime is being emptied.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.census.word.load(Ordering::Acquire) & DRAINING != 0
    }

    /// Takes no more tasks.
    pub fn close(&self) {
        self.census.word.fetch_or(CLOSED, Ordering::AcqRel);
    }

    /// Returns `true` once no more tasks are taken.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.census.word.load(Ordering::Acquire) & CLOSED != 0
    }

    /// How many tasks are alive.
    #[must_use]
    pub fn tasks_alive(&self) -> usize {
        self.census.word.load(Ordering::Acquire) / ONE
    }

    /// Waits until no task is alive. More than one may wait.
    pub fn poll_empty(&self, cx: &Context<'_>) -> Poll<()> {
        if self.tasks_alive() == 0 {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        let mut waiting = lock(&self.census.waiting);
        // A waiter that polls again and again is listed once.
        let unlisted = if waiting.iter().any(|listed| listed.will_wake(&waker)) {
            Some(waker)
        } else {
            waiting.push(waker);
            None
        };
        drop(waiting);
        drop(unlisted);
        // Again, now that `discharge` finds the waker.
        if self.tasks_alive() == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Tells the hook; a hook that panics is not told again of that.
    pub fn report(&self, unhandled: &Unhandled<'_>) {
        if let Err(payload) = contain(|| (self.parts.unhandled)(unhandled)) {
            discard(payload);
        }
    }

    fn wake_waiting(&self) {
        let waiting = std::mem::take(&mut *lock(&self.census.waiting));
        for waker in waiting {
            // One that panics must not keep the others asleep.
            if let Err(payload) = contain(|| waker.wake()) {
                let message = panic::message(&payload);
                let kind = UnhandledKind::CallbackPanicked;
                self.report(&Unhandled::new(kind, None, message));
                discard(payload);
            }
        }
    }
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

impl std::error::Error for Closed {}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the runtime shuts down and takes no more tasks")
    }
}
