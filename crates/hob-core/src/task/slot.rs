//! The place where everything about one task stands.
//!
//! # Implementation
//!
//! Two words are atomic because each poll touches them: the request to end and the count of polls.
//! All else is rare and stands under the slot's own lock, which nobody holds while foreign code runs:
//! wakers and cleanups are moved out first, and called and dropped afterwards.
//!
//! A slot is in use from [`TaskSlot::occupy`] until both the future and the handle are gone:
//!
//! ```text
//!   free ──occupy──► future + handle ──future_gone──► handle ──handle_gone──► free
//!                          └────────handle_gone─────► future ──future_gone──► free
//! ```

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Wake, Waker};

use super::{CancelReason, Cleanup, Request, TaskId, TaskLabel, TaskSnapshot, Wait};
use crate::panic::contain_drop;
use crate::primitive::{AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering, lock};
use crate::unhandled::{self, UnhandledKind};

/// What is known of one task. See the [module's documentation](crate::task).
pub struct TaskSlot {
    /// A [`Request`], read once a poll.
    request: AtomicU32,
    polls: AtomicU64,
    joiner: Arc<Joiner>,
    /// A waker of [`Joiner`], made once for all tasks that use the slot.
    join_waker: Waker,
    entry: Mutex<Entry>,
}

/// Whoever awaits a task, behind a wall: async-task aborts the process when a waker panics, so it is
/// given this one.
struct Joiner(Mutex<Option<Waker>>);

#[derive(Default)]
struct Entry {
    occupant: Option<Occupant>,
    future_alive: bool,
    handle_alive: bool,
    /// The runtime's reference to the task: it keeps it from being freed before its future was
    /// dropped, and schedules it.
    waker: Option<Waker>,
    wait: Option<Wait>,
    reason: Option<CancelReason>,
    cleanups: Vec<Cleanup>,
    /// No more cleanups are taken.
    cleanups_closed: bool,
}

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

/// Whether a slot may be used again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a free slot goes back to the table"]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Vacancy {
    /// Both the future and the handle are gone.
    Free,
    /// One of them is still there.
    InUse,
}

impl TaskSlot {
    /// Creates a free slot.
    #[must_use]
    pub fn new() -> Self {
        let joiner = Arc::new(Joiner(Mutex::new(None)));
        Self {
            request: AtomicU32::new(Request::None as u32),
            polls: AtomicU64::new(0),
            join_waker: Waker::from(Arc::clone(&joiner)),
            joiner,
            entry: Mutex::new(Entry::default()),
        }
    }

    /// Moves a task in. The slot must be free.
    ///
    /// # Panics
    ///
    /// If it is not free.
    pub fn occupy(&self, occupant: Occupant) {
        let mut entry = lock(&self.entry);
        assert!(entry.occupant.is_none(), "a task slot was given out twice");
        entry.occupant = Some(occupant);
        entry.future_alive = true;
        entry.handle_alive = true;
    }

    /// Hands over the runtime's reference to the task, before the task is scheduled first.
    pub fn keep_alive(&self, waker: Waker) {
        lock(&self.entry).waker = Some(waker);
    }

    /// The task's identity, while the slot is in use.
    #[must_use]
    pub fn label(&self) -> Option<TaskLabel> {
        let entry = lock(&self.entry);
        entry
            .occupant
            .as_ref()
            .map(|occupant| occupant.label.clone())
    }

    /// The task's number, while the slot is in use.
    #[must_use]
    pub fn id(&self) -> Option<TaskId> {
        let entry = lock(&self.entry);
        entry.occupant.as_ref().map(|occupant| occupant.label.id)
    }

    /// What a dump shows, if the task's future is alive and belongs to that runtime.
    #[must_use]
    pub fn snapshot(&self, env: u64) -> Option<TaskSnapshot> {
        let entry = lock(&self.entry);
        let occupant = entry.alive_in(env)?;
        Some(TaskSnapshot {
            label: occupant.label.clone(),
            parent: occupant.parent,
            polls: self.polls.load(Ordering::Relaxed),
            wait: entry.wait,
            cancel: entry.reason.clone(),
        })
    }

    /// Asks the task `id` to end, and wakes it. The first reason sticks, the strongest request wins.
    ///
    /// Returns `false` if that task's future is gone already.
    pub fn request(&self, id: TaskId, request: Request, reason: CancelReason) -> bool {
        let mut entry = lock(&self.entry);
        if !entry.is_alive(id) {
            return false;
        }
        entry.reason.get_or_insert(reason);
        // Under the lock, so a slot's next occupant cannot inherit it. Release: the reason is seen
        // by whoever sees the request, though it is read under the lock anyway.
        self.request.fetch_max(request as u32, Ordering::Release);
        wake_by(entry);
        true
    }

    /// The number of the task, if its future is alive and belongs to that runtime.
    #[must_use]
    pub fn alive_in(&self, env: u64) -> Option<TaskId> {
        let entry = lock(&self.entry);
        Some(entry.alive_in(env)?.label.id)
    }

    /// Wakes the task `id`, for no reason: every future must bear that. For simulators.
    ///
    /// Returns `false` if that task's future is gone already.
    pub fn wake(&self, id: TaskId) -> bool {
        let entry = lock(&self.entry);
        let is_alive = entry.is_alive(id);
        if is_alive {
            wake_by(entry);
        }
        is_alive
    }

    /// How urgently the task is asked to end.
    #[must_use]
    pub fn requested(&self) -> Request {
        match self.request.load(Ordering::Acquire) {
            0 => Request::None,
            1 => Request::Cancel,
            _ => Request::Abandon,
        }
    }

    /// Why the task was asked to end, if it was.
    #[must_use]
    pub fn reason(&self) -> Option<CancelReason> {
        lock(&self.entry).reason.clone()
    }

    /// Counts a poll. Only the task's own poll calls it, so a plain load and store will do.
    pub fn count_poll(&self) {
        let polls = self.polls.load(Ordering::Relaxed);
        self.polls.store(polls + 1, Ordering::Relaxed);
    }

    /// Notes what the task waits for.
    pub fn record_wait(&self, wait: Wait) {
        lock(&self.entry).wait = Some(wait);
    }

    /// Files the waker of whoever awaits the task.
    pub fn set_joiner(&self, waker: &Waker) {
        let mut displaced = Some(waker.clone());
        mem::swap(&mut *lock(&self.joiner.0), &mut displaced);
        drop(displaced);
    }

    /// The waker to leave with async-task: it wakes whoever was filed by
    /// [`set_joiner`](Self::set_joiner), and contains a panic in that waker.
    #[must_use]
    pub const fn join_waker(&self) -> &Waker {
        &self.join_waker
    }

    /// Takes the waker of whoever awaits the task.
    #[must_use]
    pub fn take_joiner(&self) -> Option<Waker> {
        lock(&self.joiner.0).take()
    }

    /// Adds a cleanup; they run last in, first out.
    ///
    /// # Errors
    ///
    /// The cleanup, once [`close_cleanups`](Self::close_cleanups) was called.
    pub fn push_cleanup(&self, cleanup: Cleanup) -> Result<(), Cleanup> {
        let mut entry = lock(&self.entry);
        if entry.cleanups_closed {
            return Err(cleanup);
        }
        entry.cleanups.push(cleanup);
        Ok(())
    }

    /// Takes all cleanups out, and takes no more.
    #[must_use]
    pub fn close_cleanups(&self) -> Vec<Cleanup> {
        let mut entry = lock(&self.entry);
        entry.cleanups_closed = true;
        mem::take(&mut entry.cleanups)
    }

    /// Takes the cleanup that was added last.
    #[must_use]
    pub fn pop_cleanup(&self) -> Option<Cleanup> {
        lock(&self.entry).cleanups.pop()
    }

    /// The future has been dropped: nothing schedules the task from now on.
    ///
    /// The caller drops the returned waker, the runtime's reference, before it lets the task end.
    pub fn future_gone(&self) -> (Vacancy, Option<Waker>) {
        let mut entry = lock(&self.entry);
        debug_assert!(entry.future_alive, "a future went twice");
        debug_assert!(entry.cleanups.is_empty(), "cleanups are taken out first");
        entry.future_alive = false;
        let waker = entry.waker.take();
        (self.vacate(&mut entry), waker)
    }

    /// The handle has been dropped, or has given up the task's output.
    pub fn handle_gone(&self) -> Vacancy {
        // A waker is foreign code: the slot is given up also when its destructor panics.
        unhandled::report_panic(
            UnhandledKind::CallbackPanicked,
            contain_drop(self.take_joiner()),
        );
        let mut entry = lock(&self.entry);
        debug_assert!(entry.handle_alive, "a handle went twice");
        entry.handle_alive = false;
        self.vacate(&mut entry)
    }

    fn vacate(&self, entry: &mut Entry) -> Vacancy {
        if entry.future_alive || entry.handle_alive {
            return Vacancy::InUse;
        }
        entry.occupant = None;
        entry.wait = None;
        entry.reason = None;
        entry.cleanups_closed = false;
        self.request.store(Request::None as u32, Ordering::Relaxed);
        self.polls.store(0, Ordering::Relaxed);
        Vacancy::Free
    }
}

impl Wake for Joiner {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waker = lock(&self.0).take();
        if let Some(waker) = waker {
            unhandled::wake(waker);
        }
    }
}

/// Wakes the task, with the lock released.
fn wake_by(entry: MutexGuard<'_, Entry>) {
    let waker = entry.waker.clone();
    drop(entry);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Entry {
    fn is_alive(&self, id: TaskId) -> bool {
        let is_it = |occupant: &Occupant| occupant.label.id == id;
        self.future_alive && self.occupant.as_ref().is_some_and(is_it)
    }

    fn alive_in(&self, env: u64) -> Option<&Occupant> {
        self.occupant
            .as_ref()
            .filter(|occupant| self.future_alive && occupant.env == env)
    }
}

impl Default for TaskSlot {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TaskSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut slot = f.debug_struct("TaskSlot");
        // A dump must not wait.
        match self.entry.try_lock() {
            Ok(entry) => match &entry.occupant {
                Some(occupant) => slot.field("task", &occupant.label),
                None => slot.field("task", &format_args!("<free>")),
            },
            Err(_) => slot.field("task", &format_args!("<locked>")),
        };
        slot.finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use std::panic::Location;

    const ENV: u64 = 7;

    struct Bell(Option<Sender<()>>);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            let sender = self.0.as_ref().expect("this bell has no clapper");
            sender.send(()).expect("somebody listens");
        }
    }

    /// A slot with a task, and the task's number.
    fn occupied() -> (TaskSlot, TaskId) {
        let slot = TaskSlot::new();
        let id = move_in(&slot);
        (slot, id)
    }

    fn move_in(slot: &TaskSlot) -> TaskId {
        let label = TaskLabel::new(Some("fetch".into()), Location::caller());
        let id = label.id;
        slot.occupy(Occupant {
            label,
            parent: None,
            env: ENV,
        });
        id
    }

    fn because(reason: &'static str) -> CancelReason {
        reason.into()
    }

    #[test]
    fn a_slot_is_free_once_both_are_gone() {
        let (slot, _) = occupied();
        assert_eq!(slot.future_gone().0, Vacancy::InUse);
        assert_eq!(slot.handle_gone(), Vacancy::Free);
        move_in(&slot);
        assert_eq!(slot.handle_gone(), Vacancy::InUse);
        assert_eq!(slot.future_gone().0, Vacancy::Free);
    }

    #[test]
    fn a_free_slot_remembers_nothing() {
        let (slot, id) = occupied();
        slot.count_poll();
        slot.record_wait(Wait::new("sleep", Location::caller()));
        assert!(slot.request(id, Request::Abandon, because("late")));
        slot.set_joiner(Waker::noop());
        let _freed = (slot.future_gone(), slot.handle_gone());
        assert!(slot.id().is_none() && slot.label().is_none());
        assert!(slot.snapshot(ENV).is_none() && slot.take_joiner().is_none());

        let next = move_in(&slot);
        assert_ne!(next, id);
        assert_eq!((slot.requested(), slot.reason()), (Request::None, None));
        let snapshot = slot.snapshot(ENV).expect("it is in use");
        assert_eq!((snapshot.label.id, snapshot.polls), (next, 0));
        assert!(snapshot.wait.is_none() && snapshot.cancel.is_none());
    }

    #[test]
    fn only_the_task_that_is_meant_is_woken() {
        let (slot, id) = occupied();
        let (sender, rung) = channel();
        slot.keep_alive(Arc::new(Bell(Some(sender))).into());
        assert!(slot.wake(id));
        assert_eq!(rung.try_iter().count(), 1);
        assert!(!slot.wake(TaskId::next()));
        let _gone = slot.future_gone();
        assert!(!slot.wake(id), "its future is gone");
        assert_eq!(rung.try_iter().count(), 0);
    }

    #[test]
    fn the_strongest_request_and_the_first_reason_stay() {
        let (slot, id) = occupied();
        assert_eq!(slot.requested(), Request::None);
        assert!(slot.request(id, Request::Cancel, because("first")));
        assert!(slot.request(id, Request::Abandon, because("second")));
        assert!(slot.request(id, Request::Cancel, because("third")));
        assert_eq!(slot.requested(), Request::Abandon);
        assert_eq!(slot.reason(), Some(because("first")));
    }

    #[test]
    fn a_request_reaches_only_whom_it_names() {
        let (slot, id) = occupied();
        assert!(!slot.request(TaskId::next(), Request::Cancel, because("another task")));
        assert_eq!((slot.requested(), slot.reason()), (Request::None, None));
        assert_eq!(
            (slot.alive_in(ENV), slot.alive_in(ENV + 1)),
            (Some(id), None)
        );
        assert!(slot.request(id, Request::Cancel, CancelReason::Shutdown));
        let _in_use = slot.future_gone();
        assert!(!slot.request(id, Request::Abandon, because("too late")));
        assert_eq!(
            (slot.alive_in(ENV), slot.reason()),
            (None, Some(CancelReason::Shutdown))
        );
    }

    #[test]
    fn a_request_wakes_the_task_as_long_as_it_lives() {
        let (slot, id) = occupied();
        let (sender, rung) = channel();
        slot.keep_alive(Arc::new(Bell(Some(sender))).into());
        assert!(slot.request(id, Request::Cancel, because("now")));
        assert_eq!(rung.try_iter().count(), 1);
        let (_, waker) = slot.future_gone();
        assert!(waker.is_some(), "the runtime's reference is handed out");
        assert!(!slot.request(id, Request::Cancel, because("again")));
        assert_eq!(rung.try_iter().count(), 0);
    }

    #[test]
    fn a_snapshot_shows_living_futures_of_its_runtime() {
        let (slot, id) = occupied();
        slot.count_poll();
        slot.count_poll();
        assert!(slot.snapshot(ENV + 1).is_none());
        let snapshot = slot.snapshot(ENV).expect("it is in use");
        assert_eq!((snapshot.label.id, snapshot.polls), (id, 2));
        let _in_use = slot.future_gone();
        assert!(slot.snapshot(ENV).is_none());
        assert_eq!(slot.id(), Some(id), "the handle still asks for it");
    }

    #[test]
    fn the_last_joiner_is_woken_once() {
        let (slot, _) = occupied();
        let (old, new) = (channel(), channel());
        slot.set_joiner(&Arc::new(Bell(Some(old.0))).into());
        slot.set_joiner(&Arc::new(Bell(Some(new.0))).into());
        slot.join_waker().wake_by_ref();
        slot.join_waker().wake_by_ref();
        assert_eq!(old.1.try_iter().count(), 0);
        assert_eq!(new.1.try_iter().count(), 1);
    }

    #[test]
    fn a_joiner_that_panics_is_contained() {
        let (slot, _) = occupied();
        slot.set_joiner(&Arc::new(Bell(None)).into());
        slot.join_waker().wake_by_ref();
    }

    #[test]
    fn cleanups_come_out_last_in_first() {
        let (slot, _) = occupied();
        let (sender, ran) = channel();
        for number in 0..3 {
            let sender = sender.clone();
            let cleanup = Box::pin(async move {
                sender.send(number).expect("somebody listens");
            });
            assert!(slot.push_cleanup(cleanup).is_ok());
        }
        while let Some(cleanup) = slot.pop_cleanup() {
            futures_lite::future::block_on(cleanup);
        }
        assert_eq!(ran.try_iter().collect::<Vec<_>>(), [2, 1, 0]);
    }

    #[test]
    #[should_panic(expected = "given out twice")]
    fn a_slot_in_use_takes_nobody_in() {
        let (slot, _) = occupied();
        move_in(&slot);
    }

    #[test]
    fn words_for_messages() {
        let (slot, id) = occupied();
        let label = slot.label().expect("it is in use");
        let start = format!("task {id} \"fetch\", spawned at {}", file!());
        assert!(label.to_string().starts_with(&start), "{label}");
        let wait = Wait::new("Mutex::lock", label.place);
        assert!(wait.to_string().starts_with("Mutex::lock at "), "{wait}");
        assert_eq!(because("no longer wanted").to_string(), "no longer wanted");
    }
}
