//! The run queues of a pool: one for each worker, and one for everybody else.
//!
//! # Implementation
//!
//! Plain queues behind a lock each. A worker takes from the front of its own, looks at the injector
//! every so often and when its own is empty, and then takes half of a peer's. No lock is held while
//! another is taken.

use std::collections::VecDeque;

use hob_core::{Runnable, TaskCell};

use crate::primitive::{Mutex, lock};

/// A runnable task.
pub(crate) type Ready = Runnable<TaskCell>;

/// At most that many tasks are moved from one queue to another at once.
const BATCH: usize = 128;

/// The queues. Models put plain numbers in, because loom cannot see into a task.
pub(crate) struct Queues<T = Ready> {
    injector: Mutex<VecDeque<T>>,
    workers: Box<[Mutex<VecDeque<T>>]>,
}

impl<T> Queues<T> {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            injector: Mutex::new(VecDeque::new()),
            workers: (0..workers).map(|_| Mutex::default()).collect(),
        }
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers.len()
    }

    /// From a thread that is no worker.
    pub(crate) fn inject(&self, task: T) {
        lock(&self.injector).push_back(task);
    }

    /// From worker `index` itself; returns how many wait there now.
    pub(crate) fn push(&self, index: usize, task: T) -> usize {
        let mut own = lock(&self.workers[index]);
        own.push_back(task);
        own.len()
    }

    /// Whether anything waits in the queue of worker `index`.
    pub(crate) fn waits_at(&self, index: usize) -> bool {
        !lock(&self.workers[index]).is_empty()
    }

    /// The task that worker `index` runs next, from its own queue.
    pub(crate) fn pop(&self, index: usize) -> Option<T> {
        lock(&self.workers[index]).pop_front()
    }

    /// One task from the injector, and a fair share of what waits there into the own queue.
    pub(crate) fn take_injected(&self, index: usize) -> Option<T> {
        self.move_to(index, self.share_of_injector())
    }

    /// A fair share of what waits in the injector to the end of the own queue; returns how many.
    pub(crate) fn move_injected(&self, index: usize) -> usize {
        let mut taken = self.share_of_injector();
        let moved = taken.len();
        if moved > 0 {
            lock(&self.workers[index]).append(&mut taken);
        }
        moved
    }

    /// One task from a peer, and half of what waits there into the own queue.
    pub(crate) fn steal(&self, index: usize) -> Option<T> {
        let workers = self.workers();
        (1..workers).find_map(|distance| {
            let mut victim = lock(&self.workers[(index + distance) % workers]);
            let share = victim.len().div_ceil(2).min(BATCH);
            let taken = victim.drain(..share).collect();
            drop(victim);
            self.move_to(index, taken)
        })
    }

    /// Whether no task waits anywhere.
    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.injector).is_empty() && self.workers.iter().all(|queue| lock(queue).is_empty())
    }

    /// How many tasks wait in the injector, and in all queues of workers.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        let local = self.workers.iter().map(|queue| lock(queue).len()).sum();
        (lock(&self.injector).len(), local)
    }

    fn share_of_injector(&self) -> VecDeque<T> {
        let mut injector = lock(&self.injector);
        let share = injector.len().div_ceil(self.workers()).min(BATCH);
        injector.drain(..share).collect()
    }

    fn move_to(&self, index: usize, mut taken: VecDeque<T>) -> Option<T> {
        let first = taken.pop_front()?;
        if !taken.is_empty() {
            lock(&self.workers[index]).append(&mut taken);
        }
        Some(first)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::iter;

    use super::*;

    fn all_of(queues: &Queues<u32>, index: usize) -> Vec<u32> {
        iter::from_fn(|| queues.pop(index)).collect()
    }

    #[test]
    fn one_worker_takes_from_the_injector_in_order() {
        let queues = Queues::new(1);
        (0..5).for_each(|task| queues.inject(task));
        assert_eq!(queues.take_injected(0), Some(0));
        assert_eq!(all_of(&queues, 0), [1, 2, 3, 4]);
        (5..8).for_each(|task| queues.inject(task));
        queues.push(0, 4);
        queues.move_injected(0);
        assert_eq!(all_of(&queues, 0), [4, 5, 6, 7]);
        assert_eq!(queues.take_injected(0), None);
    }

    #[test]
    fn a_worker_takes_its_share_of_the_injector() {
        let queues = Queues::new(4);
        (0..8).for_each(|task| queues.inject(task));
        assert_eq!(queues.take_injected(2), Some(0));
        assert_eq!(queues.lengths(), (6, 1));
        assert_eq!(all_of(&queues, 2), [1]);
    }

    #[test]
    fn half_is_stolen_and_the_last_one_too() {
        let queues = Queues::new(3);
        for task in 0..5 {
            queues.push(1, task);
        }
        assert_eq!(queues.steal(0), Some(0));
        assert_eq!(all_of(&queues, 0), [1, 2]);
        assert_eq!(all_of(&queues, 1), [3, 4]);
        queues.push(2, 9);
        assert_eq!(queues.steal(0), Some(9));
        assert_eq!(queues.steal(0), None);
        assert!(queues.is_empty());
    }

    #[test]
    fn no_more_than_a_batch_is_moved_at_once() {
        let queues = Queues::new(1);
        (0..1_000).for_each(|task| queues.inject(task));
        assert_eq!(queues.take_injected(0), Some(0));
        assert_eq!(queues.lengths(), (1_000 - BATCH, BATCH - 1));
    }
}
