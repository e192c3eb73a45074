//! Who sleeps, and whom a push wakes.
//!
//! # Implementation
//!
//! A worker that finds nothing to do enters its number in the list, and looks at the queues once
//! more before it sleeps. Whoever pushes a task does so first, and then looks whether anybody is in
//! the list. Both put a sequentially consistent fence between the two steps, so at least one of them
//! sees what the other did: either the worker finds the task, or the push finds the worker.
//!
//! ```text
//!   worker                          push
//!   enter the list                  put the task in a queue
//!   fence                           fence
//!   look at the queues              look at the count
//! ```
//!
//! The one that wakes a worker takes it out of the list, so two pushes wake two workers. The worker
//! that has the seat at the poller is chosen last: waking it costs a system call more, and somebody
//! should stay there.

use crate::primitive::{AtomicUsize, Mutex, Ordering, fence, lock};

pub(crate) struct Idle {
    count: AtomicUsize,
    sleepers: Mutex<Vec<Sleeper>>,
}

/// A worker that sleeps, or is about to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sleeper {
    pub(crate) worker: usize,
    pub(crate) place: Place,
}

/// Where a worker sleeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// On its own parker.
    Alone,
    /// In the seat at the poller.
    Seat,
}

impl Idle {
    pub(crate) fn new() -> Self {
        Self {
            count: AtomicUsize::new(0),
            sleepers: Mutex::new(Vec::new()),
        }
    }

    /// Enters `sleeper` in the list; afterwards the caller looks at the queues once more.
    pub(crate) fn enter(&self, sleeper: Sleeper) {
        let mut sleepers = lock(&self.sleepers);
        sleepers.push(sleeper);
        self.count.store(sleepers.len(), Ordering::Relaxed);
        drop(sleepers);
        fence(Ordering::SeqCst);
    }

    /// Takes the worker out of the list, unless whoever woke it has.
    pub(crate) fn leave(&self, worker: usize) {
        let mut sleepers = lock(&self.sleepers);
        sleepers.retain(|sleeper| sleeper.worker != worker);
        self.count.store(sleepers.len(), Ordering::Relaxed);
    }

    /// Takes a sleeper out, to be woken, after a task was pushed.
    pub(crate) fn pick(&self) -> Option<Sleeper> {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.take(|sleepers| {
            let alone = |sleeper: &Sleeper| sleeper.place == Place::Alone;
            sleepers
                .iter()
                .rposition(alone)
                .or_else(|| sleepers.len().checked_sub(1))
        })
    }

    /// Takes a sleeper out that could take the seat at the poller, which was just left.
    pub(crate) fn pick_alone(&self) -> Option<Sleeper> {
        fence(Ordering::SeqCst);
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.take(|sleepers| {
            sleepers
                .iter()
                .rposition(|sleeper| sleeper.place == Place::Alone)
        })
    }

    /// How many workers sleep.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn take(&self, choose: impl FnOnce(&[Sleeper]) -> Option<usize>) -> Option<Sleeper> {
        let mut sleepers = lock(&self.sleepers);
        let chosen = choose(&sleepers).map(|index| sleepers.swap_remove(index));
        self.count.store(sleepers.len(), Ordering::Relaxed);
        chosen
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn sleeper(worker: usize, place: Place) -> Sleeper {
        Sleeper { worker, place }
    }

    #[test]
    fn the_seat_is_woken_last() {
        let idle = Idle::new();
        idle.enter(sleeper(0, Place::Seat));
        idle.enter(sleeper(1, Place::Alone));
        assert_eq!(idle.pick(), Some(sleeper(1, Place::Alone)));
        assert_eq!(idle.pick_alone(), None);
        assert_eq!(idle.pick(), Some(sleeper(0, Place::Seat)));
        assert_eq!(idle.pick(), None);
    }

    #[test]
    fn who_left_is_not_woken() {
        let idle = Idle::new();
        idle.enter(sleeper(3, Place::Alone));
        idle.leave(3);
        idle.leave(3);
        assert_eq!(idle.pick(), None);
    }
}
