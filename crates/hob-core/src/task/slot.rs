//! The place where everything about one task stands.
//!
//! # Implementation
//!
//! What a dump shows of every task stands in atomic words, and is read with nothing locked; only a name,
//! and a reason made at run time, are looked up in a map behind a lock. The first
//! word holds the task's number, six flags and six bits for the reason why it is to end; zero says that the slot is free:
//!
//! ```text
//!        occupy            future_gone             vacate
//!   0 ───────────► id, ALIVE ───────────► id, ... ─────────► 0
//!                  │ request: CANCEL, ABANDON, the reason
//!                  │ a name, a reason, a cleanup: RARE
//!                  │ a cleanup: CLEANUPS
//!                  └ close_cleanups: CLOSED
//! ```
//!
//! Whoever asks a task to end exchanges the whole word and requires the number in it, so a request
//! that comes late never hits the slot's next occupant.
//!
//! **A dump** reads the word, then the fields, then the word again: a number that is still the same
//! says that the fields are that task's. `vacate` and `occupy` order their stores for it by fences.
//!
//! **A wait** is two words, what and where. `record_wait` takes *what* away, stores *where*, and puts
//! the new *what* down; a dump reads both twice. As long as it reads the same twice they belong
//! together: to fool it, the task must note five waits between its four loads, the first, third and
//! fifth for the same thing and the second and fourth at the same place.
//!
//! **The waker**, the runtime's reference to the task, stands under the slot's lock, with which no
//! foreign code runs. It is stored when the task first returns `Pending`; until then the queue holds
//! the task. Who requests sets the flag, then looks for the waker; who stores the waker looks for the
//! flag afterwards. Both take the lock, so one of the two sees the other.
//!
//! **Rare things** stand apart: see `rare.rs`. A reason that is one of the program's constants needs
//! no room there: see `reasons.rs`.

use std::fmt;
use std::mem;
use std::num::NonZeroU64;
use std::panic::Location;
use std::task::Waker;

use super::rare::{self, Rare};
use super::reasons;
use super::{CancelReason, Cleanup, Request, TaskId, TaskLabel, TaskSnapshot, Wait, What};
use crate::atomic_ref::AtomicRef;
use crate::primitive::{AtomicU32, AtomicU64, Mutex, Ordering, fence, lock};

/// What is known of one task. See the [module's documentation](crate::task).
///
/// It takes 72 bytes.
pub struct TaskSlot {
    word: AtomicU64,
    /// Where the task was spawned.
    place: AtomicRef<Location<'static>>,
    /// The number of the task that spawned it; 0 for none.
    parent: AtomicU64,
    /// The number of its runtime's [`Env`](crate::Env).
    env: AtomicU32,
    /// How often it was polled; it stays at the greatest number.
    polls: AtomicU32,
    /// What it waits for.
    what: AtomicRef<&'static str>,
    /// Where it waits for that.
    wait_place: AtomicRef<Location<'static>>,
    /// The runtime's reference to the task, once it has suspended.
    waker: Mutex<Option<Waker>>,
}

/// The future, or a cleanup, has not been dropped yet.
const ALIVE: u64 = 1;
/// The task was asked to end.
const CANCEL: u64 = 1 << 1;
/// It was asked to drop its cleanups too.
const ABANDON: u64 = 1 << 2;
/// There is something about it in `rare`.
const RARE: u64 = 1 << 3;
/// No more cleanups are taken.
const CLOSED: u64 = 1 << 4;
/// Cleanups were added.
const CLEANUPS: u64 = 1 << 5;
/// The code of the reason stands above the flags: see `reasons.rs`.
const REASON_SHIFT: u32 = 6;
/// The task's number stands above that: so many tasks are spawned in no process's life, for at ten
/// millions a second it would last 14 years.
const ID_SHIFT: u32 = 12;

/// Who uses a slot.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it is made by whoever spawns")]
pub struct Occupant {
    /// The task's identity.
    pub label: TaskLabel,
    /// The task that spawned it.
    pub parent: Option<TaskId>,
    /// The number of its runtime's [`Env`](crate::Env).
    pub env: u64,
}

impl TaskSlot {
    /// Creates a free slot.
    #[must_use]
    pub fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            place: AtomicRef::new(None),
            parent: AtomicU64::new(0),
            env: AtomicU32::new(0),
            polls: AtomicU32::new(0),
            what: AtomicRef::new(None),
            wait_place: AtomicRef::new(None),
            waker: Mutex::new(None),
        }
    }

    /// Moves a task in. The slot must be free.
    ///
    /// # Panics
    ///
    /// If it is not free.
    #[inline]
    pub fn occupy(&self, occupant: Occupant) {
        let Occupant { label, parent, env } = occupant;
        let free = self.word.load(Ordering::Relaxed) == 0;
        assert!(free, "a task slot was given out twice");
        debug_assert!(
            label.id.get() >> (64 - ID_SHIFT) == 0,
            "the numbers ran out"
        );
        let mut word = label.id.get() << ID_SHIFT | ALIVE;
        if let Some(name) = label.name {
            word |= RARE;
            rare::with(label.id, |rares| {
                rares.entry(label.id).name = Some(name);
            });
        }
        // Pairs with the fence in `is_still`: a dump that reads one of the stores below sees that the
        // slot's last task has left.
        fence(Ordering::Release);
        self.place.store(Some(label.place), Ordering::Relaxed);
        let parent = parent.map_or(0, TaskId::get);
        self.parent.store(parent, Ordering::Relaxed);
        self.env.store(short(env), Ordering::Relaxed);
        self.polls.store(0, Ordering::Relaxed);
        self.what.store(None, Ordering::Relaxed);
        self.word.store(word, Ordering::Release);
    }

    /// The task's identity, while the slot is in use.
    #[must_use]
    pub fn label(&self) -> Option<TaskLabel> {
        let word = self.word.load(Ordering::Acquire);
        self.label_of(id_of(word)?, word)
    }

    /// The task's number, while the slot is in use.
    #[must_use]
    #[inline]
    pub fn id(&self) -> Option<TaskId> {
        id_of(self.word.load(Ordering::Acquire))
    }

    /// The number of the runtime of the task that uses the slot.
    #[must_use]
    #[inline]
    pub fn env(&self) -> u64 {
        self.env.load(Ordering::Relaxed).into()
    }

    /// What a dump shows, if the task's future is alive and belongs to that runtime.
    #[must_use]
    pub fn snapshot(&self, env: u64) -> Option<TaskSnapshot> {
        let word = self.word.load(Ordering::Acquire);
        let id = id_of(word).filter(|_| word & ALIVE != 0 && self.env() == env)?;
        let parent = NonZeroU64::new(self.parent.load(Ordering::Relaxed)).map(TaskId);
        let polls = self.polls.load(Ordering::Relaxed).into();
        let wait = self.wait();
        let cancel = reason_of(id, word);
        let label = self.label_of(id, word)?;
        Some(TaskSnapshot {
            label,
            parent,
            polls,
            wait,
            cancel,
        })
    }

    /// The number of the task, if its future is alive and belongs to that runtime.
    #[must_use]
    pub fn alive_in(&self, env: u64) -> Option<TaskId> {
        let word = self.word.load(Ordering::Acquire);
        let is_there = word & ALIVE != 0 && self.env() == env;
        id_of(word).filter(|id| is_there && self.is_still(*id))
    }

    /// Asks the task `id` to end, and wakes it. The first reason sticks, the strongest request wins.
    ///
    /// Returns `false` if that task's future is gone already.
    pub fn request(&self, id: TaskId, request: Request, reason: CancelReason) -> bool {
        let flags = match request {
            Request::None => return self.wake(id),
            Request::Cancel => CANCEL,
            Request::Abandon => CANCEL | ABANDON,
        };
        let is_first = self.word.load(Ordering::Relaxed) & CANCEL == 0;
        let asked = match reasons::code(&reason) {
            Some(code) => self.mark(id, flags, code << REASON_SHIFT).is_some(),
            None if is_first => self.request_because(id, flags, reason),
            None => self.mark(id, flags, 0).is_some(),
        };
        if asked {
            // It may have ended in between: it was asked in time all the same.
            let _gone = !self.wake(id);
        }
        asked
    }

    /// Asks for a reason that needs room.
    fn request_because(&self, id: TaskId, flags: u64, reason: CancelReason) -> bool {
        // The reason stands there before the request is seen, and the map's lock is held over both,
        // so that whoever sees the request waits until the reason is the right one.
        rare::with(id, |rares| {
            let rare = rares.entry(id);
            let is_new = rare.reason.is_none();
            if is_new {
                rare.reason = Some(reason);
            }
            let before = self.mark(id, flags | RARE, 0);
            // Gone, or another reason came first.
            if is_new && before.is_none_or(|before| before & CANCEL != 0) {
                rare.reason = None;
            }
            // One whose task has gone would stay for ever.
            if before.is_none() && rare.is_empty() {
                rares.remove(id);
            }
            before.is_some()
        })
    }

    /// Sets flags in the word of the task `id`, and `first` too if nobody has asked it to end before.
    /// `None` if its future is gone, else the word as it was.
    fn mark(&self, id: TaskId, flags: u64, first: u64) -> Option<u64> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & ALIVE == 0 || id_of(word) != Some(id) {
                return None;
            }
            let first = if word & CANCEL == 0 { first } else { 0 };
            let marked = word | flags | first;
            // Release: who sees the flags sees the reason. Acquire: the map is ours to look at.
            let order = (Ordering::AcqRel, Ordering::Relaxed);
            match self.word.compare_exchange(word, marked, order.0, order.1) {
                Ok(before) => return Some(before),
                Err(now) => word = now,
            }
        }
    }

    /// Wakes the task `id`, for no reason: every future must bear that. For simulators.
    ///
    /// Returns `false` if that task's future is gone already.
    pub fn wake(&self, id: TaskId) -> bool {
        let kept = lock(&self.waker);
        // Under the lock: a next occupant cannot have stored its waker without our seeing it here.
        let word = self.word.load(Ordering::Acquire);
        if word & ALIVE == 0 || id_of(word) != Some(id) {
            return false;
        }
        let waker = kept.clone();
        drop(kept);
        // One that has not suspended yet is queued, or is about to look for requests.
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// How urgently the task is asked to end.
    #[must_use]
    #[inline]
    pub fn requested(&self) -> Request {
        request_in(self.word.load(Ordering::Acquire))
    }

    /// How urgently the task `id` is asked to end; `None` if it uses the slot no more.
    #[must_use]
    #[inline]
    pub fn requested_of(&self, id: TaskId) -> Option<Request> {
        let word = self.word.load(Ordering::Acquire);
        (id_of(word) == Some(id)).then(|| request_in(word))
    }

    /// Why the task was asked to end, if it was.
    #[must_use]
    pub fn reason(&self) -> Option<CancelReason> {
        let word = self.word.load(Ordering::Acquire);
        reason_of(id_of(word)?, word)
    }

    /// Counts a poll, and returns how many there were. Only the task's own poll calls it, so a plain
    /// load and store will do.
    #[inline]
    pub fn count_poll(&self) -> u32 {
        let polls = self.polls.load(Ordering::Relaxed).saturating_add(1);
        self.polls.store(polls, Ordering::Relaxed);
        polls
    }

    /// Hands over a reference to the task: the runtime's, which keeps it from being freed before its
    /// future was dropped, and schedules it.
    ///
    /// The task's own poll calls it before the task suspends for the first time, and looks for a
    /// [request](Self::requested) afterwards: one that came before found no waker.
    pub fn keep_alive(&self, waker: Waker) {
        let displaced = lock(&self.waker).replace(waker);
        drop(displaced);
    }

    /// Notes what the task waits for. Only the task's own poll calls it.
    #[inline]
    pub fn record_wait(&self, what: What, place: &'static Location<'static>) {
        self.what.store(None, Ordering::Relaxed);
        // Release: who reads this place, or what follows, no longer reads the former `what`.
        self.wait_place.store(Some(place), Ordering::Release);
        self.what.store(Some(what), Ordering::Release);
    }

    /// What the task waits for, for a dump.
    fn wait(&self) -> Option<Wait> {
        let read = || {
            let what = self.what.load(Ordering::Acquire);
            (what, self.wait_place.load(Ordering::Acquire))
        };
        let (mut last, mut left) = (read(), 4);
        loop {
            let again = read();
            let same = same(last.0, again.0) && same(last.1, again.1);
            if same || left == 0 {
                let (what, place) = again;
                let wait = what.zip(place).filter(|_| same);
                return wait.map(|(what, place)| Wait::new(what, place));
            }
            (last, left) = (again, left - 1);
        }
    }

    /// Whether cleanups were added.
    #[must_use]
    #[inline]
    pub fn has_cleanups(&self) -> bool {
        self.word.load(Ordering::Relaxed) & CLEANUPS != 0
    }

    /// Adds a cleanup; they run last in, first out. Only the task itself calls it.
    ///
    /// # Errors
    ///
    /// The cleanup, once [`close_cleanups`](Self::close_cleanups) was called or the future is gone.
    pub fn push_cleanup(&self, cleanup: Cleanup) -> Result<(), Cleanup> {
        let word = self.word.load(Ordering::Relaxed);
        match id_of(word) {
            Some(id) if word & (ALIVE | CLOSED) == ALIVE => {
                rare::with(id, |rares| {
                    rares.entry(id).cleanups.push(cleanup);
                    self.word.fetch_or(RARE | CLEANUPS, Ordering::AcqRel);
                });
                Ok(())
            }
            _ => Err(cleanup),
        }
    }

    /// Takes all cleanups out, and takes no more.
    #[must_use]
    pub fn close_cleanups(&self) -> Vec<Cleanup> {
        self.word.fetch_or(CLOSED, Ordering::AcqRel);
        self.with_rare(|rare| mem::take(&mut rare.cleanups))
            .unwrap_or_default()
    }

    /// Takes the cleanup that was added last.
    #[must_use]
    pub fn pop_cleanup(&self) -> Option<Cleanup> {
        self.with_rare(|rare| rare.cleanups.pop()).flatten()
    }

    fn with_rare<R>(&self, act: impl FnOnce(&mut Rare) -> R) -> Option<R> {
        let word = self.word.load(Ordering::Acquire);
        let id = id_of(word).filter(|_| word & RARE != 0)?;
        rare::with(id, |rares| rares.get_mut(id).map(act))
    }

    /// The future has been dropped: nothing schedules the task from now on, and no request reaches it.
    ///
    /// Returns the runtime's reference, which the caller drops before it lets the task end. A caller
    /// that knows that none was [handed over](Self::keep_alive) says so by `suspended`.
    #[inline]
    pub fn future_gone(&self, suspended: bool) -> Option<Waker> {
        let before = self.word.fetch_and(!ALIVE, Ordering::AcqRel);
        debug_assert!(before & ALIVE != 0, "a future went twice");
        if suspended {
            lock(&self.waker).take()
        } else {
            None
        }
    }

    /// The task leaves, and takes the reason along for which it was asked to end. Its future is gone;
    /// the slot is free afterwards.
    #[inline]
    pub fn vacate(&self) -> Option<CancelReason> {
        let word = self.word.load(Ordering::Acquire);
        debug_assert_eq!(word & ALIVE, 0, "the future goes first");
        debug_assert_ne!(word, 0, "a task left twice");
        let rare = id_of(word).filter(|_| word & RARE != 0);
        let rare = rare.and_then(rare::forget).unwrap_or_default();
        debug_assert!(rare.cleanups.is_empty(), "cleanups are taken out first");
        self.word.store(0, Ordering::Release);
        if word & CANCEL == 0 {
            return None;
        }
        reasons::reason(reason_code(word)).or(rare.reason)
    }

    /// The identity of the task `id`, whose word was `word`, if it is still there.
    fn label_of(&self, id: TaskId, word: u64) -> Option<TaskLabel> {
        let place = self.place.load(Ordering::Relaxed)?;
        let name = if word & RARE == 0 {
            None
        } else {
            rare::with(id, |rares| rares.get(id).and_then(|rare| rare.name.clone()))
        };
        self.is_still(id).then_some(TaskLabel { id, name, place })
    }

    /// Whether all that was read since the word was read belongs to the task `id`.
    #[inline]
    fn is_still(&self, id: TaskId) -> bool {
        // Pairs with the fence in `occupy`.
        fence(Ordering::Acquire);
        id_of(self.word.load(Ordering::Relaxed)) == Some(id)
    }
}

#[inline]
fn id_of(word: u64) -> Option<TaskId> {
    NonZeroU64::new(word >> ID_SHIFT).map(TaskId)
}

const fn reason_code(word: u64) -> u64 {
    word >> REASON_SHIFT & reasons::CODE_MAX
}

#[inline]
const fn request_in(word: u64) -> Request {
    match word & (CANCEL | ABANDON) {
        0 => Request::None,
        CANCEL => Request::Cancel,
        _ => Request::Abandon,
    }
}

fn reason_of(id: TaskId, word: u64) -> Option<CancelReason> {
    if word & CANCEL == 0 {
        None
    } else if let Some(reason) = reasons::reason(reason_code(word)) {
        Some(reason)
    } else {
        rare::with(id, |rares| {
            rares.get(id).and_then(|rare| rare.reason.clone())
        })
    }
}

/// The number of a runtime as a slot stores it. No process makes four billion runtimes; the tasks of
/// one beyond that would be missing from dumps.
#[inline]
fn short(env: u64) -> u32 {
    u32::try_from(env).unwrap_or(u32::MAX)
}

fn same<T>(one: Option<&'static T>, other: Option<&'static T>) -> bool {
    one.map(std::ptr::from_ref) == other.map(std::ptr::from_ref)
}

impl Default for TaskSlot {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TaskSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut slot = f.debug_struct("TaskSlot");
        match self.id() {
            Some(id) => slot.field("task", &id),
            None => slot.field("task", &format_args!("<free>")),
        };
        slot.finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
