//! The line of those who wait at a condition, and who of them is to be notified.

use crate::primitive::{AtomicBool, Guarded, Ordering};
use crate::wait_queue::{Serve, Settle, WaitQueue, serve, update};
use crate::waker::WakeList;

pub(crate) struct Line {
    is_waited_for: AtomicBool,
    state: Guarded<State>,
}

pub(crate) struct State {
    queue: WaitQueue<Number, Notification>,
    store: Notified,
}

/// What one draws who joins the line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, PartialOrd)]
pub(crate) struct Number(u64);

/// Who was notified and is still to be told.
pub(crate) struct Notified {
    next: Number,
    /// All with a smaller number.
    all_before: Number,
    /// So many of those with a number smaller than `some_before`.
    some: usize,
    some_before: Number,
}

/// What a wait is granted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Notification {
    One,
    All,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            is_waited_for: AtomicBool::new(false),
            state: Guarded::new(State {
                queue: WaitQueue::new(),
                store: Notified {
                    next: Number(0),
                    all_before: Number(0),
                    some: 0,
                    some_before: Number(0),
                },
            }),
        }
    }

    /// Notifies up to `n` of those in line.
    pub(super) fn notify(&self, n: usize) {
        if self.is_waited_for() {
            update(self, |state| state.store.notify(n));
        }
    }

    /// Notifies all in line.
    pub(super) fn notify_all(&self) {
        if self.is_waited_for() {
            update(self, |state| state.store.all_before = state.store.next);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().queue.len()
    }

    pub(super) fn try_len(&self) -> Option<usize> {
        self.state.try_lock().map(|state| state.queue.len())
    }

    fn is_waited_for(&self) -> bool {
        // What orders it is the mutex that those in line have unlocked, and the caller has locked.
        self.is_waited_for.load(Ordering::Relaxed)
    }
}

impl Number {
    /// The request of one who has drawn none: no notification is for it.
    pub(super) const NONE: Self = Self(u64::MAX);
}

impl Notified {
    fn notify(&mut self, n: usize) {
        self.some = self.some.saturating_add(n);
        self.some_before = self.next;
    }
}

impl Settle for Line {
    type State = State;

    fn lock(&self) -> &Guarded<State> {
        &self.state
    }

    fn settle(&self, state: &mut State, wakes: &mut WakeList) {
        serve(self, state, wakes);
        if state.queue.is_empty() {
            self.is_waited_for.store(false, Ordering::Relaxed);
        }
    }
}

impl Serve for Line {
    type Request = Number;
    type Grant = Notification;
    type Store = Notified;

    fn parts(state: &mut State) -> (&mut WaitQueue<Number, Notification>, &mut Notified) {
        (&mut state.queue, &mut state.store)
    }

    fn is_ready(&self, _: &Notified, _: &Number) -> bool {
        // Nothing is kept: whoever comes waits.
        false
    }

    fn take(&self, notified: &mut Notified, number: &mut Number) -> Option<Notification> {
        if *number < notified.all_before {
            return Some(Notification::All);
        }
        if *number < notified.some_before && notified.some > 0 {
            notified.some -= 1;
            return Some(Notification::One);
        }
        // Whoever is behind came later still, so nobody is left whom that was for.
        notified.some = 0;
        None
    }

    fn put_back(
        &self,
        notified: &mut Notified,
        notification: Notification,
    ) -> Option<Notification> {
        if notification == Notification::One {
            notified.notify(1);
        }
        None
    }

    fn joins(&self, notified: &mut Notified, number: &mut Number) {
        *number = notified.next;
        notified.next.0 += 1;
        self.is_waited_for.store(true, Ordering::Relaxed);
    }

    fn try_take(&self, _: &mut Number) -> Option<Notification> {
        None
    }
}
