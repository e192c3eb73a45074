//! The line of those who wait at a condition, and who of them is to be notified.
//!
//! # Implementation
//!
//! The line is served in order, perhaps in several goes, so those to be notified are its beginning.
//! Each notification is a moment; by the [`Epoch`] that one joined in, the line falls into three parts:
//!
//! ```text
//!   first                                                            last
//!   joined < all_before  │  joined < some_before  │  joined later
//!   all are notified     │  `some` of them        │  nobody is
//!                        │  `candidates`          │  `newcomers`
//! ```
//!
//! There are never more notifications than candidates: what is left over is for nobody who joins later.

use std::mem;

use crate::epoch::Epoch;
use crate::notification::Notification;
use crate::primitive::{AtomicBool, Guarded, Ordering};
use crate::wait_queue::{Serve, Settle, WaitQueue, serve, update};
use crate::waker::WakeList;

pub(crate) struct Line {
    is_waited_for: AtomicBool,
    state: Guarded<State>,
}

pub(crate) struct State {
    queue: WaitQueue<Epoch, Notification>,
    store: Addressees,
}

/// Who was notified and is still to be told. See the module.
pub(crate) struct Addressees {
    now: Epoch,
    all_before: Epoch,
    some_before: Epoch,
    some: usize,
    candidates: usize,
    newcomers: usize,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            is_waited_for: AtomicBool::new(false),
            state: Guarded::new(State {
                queue: WaitQueue::new(),
                store: Addressees::new(),
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
            update(self, |state| state.store.notify_all());
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

impl Addressees {
    const fn new() -> Self {
        Self {
            now: Epoch::FIRST,
            all_before: Epoch::FIRST,
            some_before: Epoch::FIRST,
            some: 0,
            candidates: 0,
            newcomers: 0,
        }
    }

    fn notify(&mut self, n: usize) {
        self.now.advance();
        self.some_before = self.now;
        self.candidates += mem::take(&mut self.newcomers);
        self.some = self.some.saturating_add(n).min(self.candidates);
    }

    const fn notify_all(&mut self) {
        self.now.advance();
        self.all_before = self.now;
        self.candidates = 0;
        self.newcomers = 0;
        self.some = 0;
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
    type Request = Epoch;
    type Grant = Notification;
    type Store = Addressees;

    fn parts(state: &mut State) -> (&mut WaitQueue<Epoch, Notification>, &mut Addressees) {
        (&mut state.queue, &mut state.store)
    }

    fn is_ready(&self, _: &Addressees, _: &Epoch) -> bool {
        // Nothing is kept: whoever comes waits.
        false
    }

    fn take(&self, addressees: &mut Addressees, joined: &mut Epoch) -> Option<Notification> {
        if *joined < addressees.all_before {
            return Some(Notification::All);
        }
        if *joined < addressees.some_before && addressees.some > 0 {
            addressees.some -= 1;
            addressees.candidates -= 1;
            return Some(Notification::One);
        }
        None
    }

    fn put_back(
        &self,
        addressees: &mut Addressees,
        notification: Notification,
    ) -> Option<Notification> {
        if notification == Notification::One {
            addressees.notify(1);
        }
        None
    }

    fn joins(&self, addressees: &mut Addressees, joined: &mut Epoch) {
        *joined = addressees.now;
        addressees.newcomers += 1;
        self.is_waited_for.store(true, Ordering::Relaxed);
    }

    fn leaves(&self, addressees: &mut Addressees, joined: &Epoch) {
        if *joined < addressees.all_before {
            // It is counted no more.
        } else if *joined < addressees.some_before {
            addressees.candidates -= 1;
            addressees.some = addressees.some.min(addressees.candidates);
        } else {
            addressees.newcomers -= 1;
        }
    }

    fn try_take(&self, _: &mut Epoch) -> Option<Notification> {
        None
    }
}
