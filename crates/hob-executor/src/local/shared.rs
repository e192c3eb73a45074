//! What the headers of tasks and the wakers of main futures point at.

use std::sync::Arc;
use std::task::Wake;

use hob_core::{Runnable, Schedule, SchedulerRef, TaskCell, Why};

use crate::local::home::{Entry, with_running};
use crate::local::remote::Remote;
use crate::primitive::{AtomicBool, Mutex, Ordering, lock};
use crate::pulse::Pulse;

/// What lives as long as the process and is used again. It also tells executors apart.
pub(super) struct Shared {
    /// Everything that does not come from the home thread while the executor runs there.
    pub(super) remote: Remote<Entry>,
    /// What the home thread shows of its polls.
    pub(super) pulse: Pulse,
    scheduler: Mutex<Option<SchedulerRef>>,
}

/// The waker of the future of `block_on`: a wake queues its turn.
///
/// One bit says *woken* for wakes on the home thread, which alone writes it, so that they need no
/// read-modify-write operation; another says it for all others.
pub(super) struct MainWaker {
    here: AtomicBool,
    afar: AtomicBool,
    shared: &'static Shared,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            remote: Remote::new(),
            pulse: Pulse::new(),
            scheduler: Mutex::new(None),
        }
    }

    /// The thin reference for task headers.
    pub(super) fn scheduler(&'static self) -> SchedulerRef {
        *lock(&self.scheduler).get_or_insert_with(|| SchedulerRef::leak(self))
    }
}

impl Schedule for Shared {
    fn schedule(&self, task: Runnable<TaskCell>, _why: Why) {
        let mut entry = Some(Entry::Task(task));
        with_running(self, |home| entry.take().map(|entry| home.push(entry)));
        if let Some(entry) = entry {
            self.remote.push(entry);
        }
    }
}

impl MainWaker {
    pub(super) fn new(shared: &'static Shared) -> Arc<Self> {
        Arc::new(Self {
            here: AtomicBool::new(false),
            afar: AtomicBool::new(false),
            shared,
        })
    }

    /// How many turns were queued for it since the last call: one for a wake on the home thread, and one for
    /// a wake from elsewhere. For the home thread.
    pub(super) fn take(&self) -> u32 {
        let here = self.here.load(Ordering::Relaxed);
        if here {
            self.here.store(false, Ordering::Relaxed);
        }
        // A swap, and not a store: it must see what each of those did who found the bit set.
        let afar = self.afar.load(Ordering::Relaxed) && self.afar.swap(false, Ordering::Acquire);
        u32::from(here) + u32::from(afar)
    }
}

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let here = with_running(self.shared, |home| {
            if !self.here.load(Ordering::Relaxed) {
                self.here.store(true, Ordering::Relaxed);
                home.push(Entry::Main);
            }
        });
        // Release: the poll to come sees what was done before the wake.
        if here.is_none() && !self.afar.swap(true, Ordering::Release) {
            self.shared.remote.push(Entry::Main);
        }
    }
}
