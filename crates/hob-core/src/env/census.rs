//! How many tasks of a runtime are alive, and whether new ones are taken.
//!
//! # Implementation
//!
//! A counter that every spawn and every end changed would wander between the workers' caches. So there
//! are several shards, each worker uses one, and each shard counts up only: tasks that were spawned,
//! and tasks that ended.
//!
//! Who sums reads all that *ended* before all that were *spawned*. A task is counted as ended only
//! after it was counted as spawned, so equal sums say that at the moment between the two readings
//! nobody was alive.
//!
//! The lowest bits of `spawned` are flags, the same in every shard. A task that comes after the door was
//! closed sees it in the value that its own addition returns, so there is no gap between asking and
//! counting. The lowest bit of `ended` says that somebody waits for the last task: only then does an end
//! sum. The one who waits sets it, then sums; a task counts its end, then sums if it saw the bit. A
//! fence on either side lets the later one of them see what the other did. Two ends on two shards meet
//! in the same way.
//!
//! # References
//!
//! - F. Mattern, *Algorithms for distributed termination detection*, Distributed Computing 2, 1987:
//!   the two counts and the order in which they are read.

use std::fmt;
use std::mem;
use std::task::Waker;

use crate::primitive::{AtomicU64, Mutex, Ordering, fence, lock};

/// The runtime takes no more tasks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct Closed;

/// How a task was taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a task that comes while the runtime is being emptied is cancelled at birth"]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Admission {
    /// The runtime is open.
    Open,
    /// The runtime is being emptied.
    Draining,
}

pub(super) struct Census {
    shards: [Shard; SHARDS],
    waiting: Mutex<Waiting>,
}

/// On cache lines of its own: processors fetch them in pairs.
#[repr(align(128))]
struct Shard {
    /// The flags [`CLOSED`] and [`DRAINING`], and above them the number of tasks.
    spawned: AtomicU64,
    /// The flag [`WAITED`], and above it the number of tasks.
    ended: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    wakers: Vec<Waker>,
    /// Whether [`WAITED`] is set; it is changed under this lock only.
    flagged: bool,
}

/// Models take as few as there can be: loom tries every order of every access.
const SHARDS: usize = if cfg!(loom) { 2 } else { 16 };

const CLOSED: u64 = 1;
const DRAINING: u64 = 1 << 1;
const ONE_SPAWNED: u64 = 1 << 2;

const WAITED: u64 = 1;
const ONE_ENDED: u64 = 1 << 1;

impl Census {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Shard {
                spawned: AtomicU64::new(0),
                ended: AtomicU64::new(0),
            }),
            waiting: Mutex::new(Waiting::default()),
        }
    }

    /// The first shard is for guests.
    #[inline]
    pub(super) const fn shard_of_worker(worker: usize) -> usize {
        1 + worker % (SHARDS - 1)
    }

    /// Counts a task in, also one that is refused.
    #[inline]
    pub(super) fn admit(&self, shard: usize) -> Result<Admission, Closed> {
        // Release: who drains after this sees the task's slot. Acquire: who is refused, or told to
        // cancel, comes after whoever set the flag.
        let before = self.shards[shard]
            .spawned
            .fetch_add(ONE_SPAWNED, Ordering::AcqRel);
        match before & (CLOSED | DRAINING) {
            0 => Ok(Admission::Open),
            DRAINING => Ok(Admission::Draining),
            _ => Err(Closed),
        }
    }

    /// Counts a task out; `true` if it may have been the last one, and somebody waits.
    #[must_use]
    #[inline]
    pub(super) fn discharge(&self, shard: usize) -> bool {
        // Release: who sees that nobody is alive sees all that the tasks did.
        let before = self.shards[shard]
            .ended
            .fetch_add(ONE_ENDED, Ordering::AcqRel);
        before & WAITED != 0 && self.alive_in_order() == 0
    }

    /// How many are alive, read after whatever the caller did.
    pub(super) fn alive_in_order(&self) -> usize {
        // Pairs with itself: see "Implementation".
        fence(Ordering::SeqCst);
        self.alive()
    }

    pub(super) fn alive(&self) -> usize {
        // Acquire: the tasks that are found to have ended are found to have been spawned.
        let sum = |count: fn(&Shard) -> u64| -> u64 { self.shards.iter().map(count).sum() };
        let ended = sum(|shard| shard.ended.load(Ordering::Acquire) / ONE_ENDED);
        let spawned = sum(|shard| shard.spawned.load(Ordering::Acquire) / ONE_SPAWNED);
        debug_assert!(spawned >= ended, "more tasks ended than were spawned");
        usize::try_from(spawned.saturating_sub(ended)).unwrap_or(usize::MAX)
    }

    pub(super) fn drain(&self) {
        self.flag(DRAINING);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.shards[0].spawned.load(Ordering::Acquire) & DRAINING != 0
    }

    pub(super) fn close(&self) {
        self.flag(CLOSED);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shards[0].spawned.load(Ordering::Acquire) & CLOSED != 0
    }

    fn flag(&self, flag: u64) {
        // The first one last: it is the one that is asked.
        for shard in self.shards.iter().rev() {
            shard.spawned.fetch_or(flag, Ordering::AcqRel);
        }
    }

    /// Lists who waits for the last task. The waker that is not needed is given back, to be dropped
    /// outside the lock.
    pub(super) fn wait(&self, waker: Waker) -> Option<Waker> {
        let mut waiting = lock(&self.waiting);
        let unlisted = super::list(&mut waiting.wakers, waker);
        if !mem::replace(&mut waiting.flagged, true) {
            for shard in &self.shards {
                shard.ended.fetch_or(WAITED, Ordering::AcqRel);
            }
        }
        unlisted
    }

    /// Takes those who wait.
    pub(super) fn take_waiting(&self) -> Vec<Waker> {
        let mut waiting = lock(&self.waiting);
        if mem::take(&mut waiting.flagged) {
            for shard in &self.shards {
                shard.ended.fetch_and(!WAITED, Ordering::AcqRel);
            }
        }
        mem::take(&mut waiting.wakers)
    }
}

impl std::error::Error for Closed {}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the runtime shuts down and takes no more tasks")
    }
}
