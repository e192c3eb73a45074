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

pub(crate) struct Queues {
    injector: Mutex<VecDeque<Ready>>,
    workers: Box<[Mutex<VecDeque<Ready>>]>,
}

impl Queues {
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
    pub(crate) fn inject(&self, task: Ready) {
        lock(&self.injector).push_back(task);
    }

    /// From worker `index` itself.
    pub(crate) fn push(&self, index: usize, task: Ready) {
        lock(&self.workers[index]).push_back(task);
    }

    /// The task that worker `index` runs next, from its own queue.
    pub(crate) fn pop(&self, index: usize) -> Option<Ready> {
        lock(&self.workers[index]).pop_front()
    }

    /// One task from the injector, and a fair share of what waits there into the own queue.
    pub(crate) fn take_injected(&self, index: usize) -> Option<Ready> {
        self.move_to(index, self.share_of_injector())
    }

    /// A fair share of what waits in the injector to the end of the own queue.
    pub(crate) fn move_injected(&self, index: usize) {
        let mut taken = self.share_of_injector();
        if !taken.is_empty() {
            lock(&self.workers[index]).append(&mut taken);
        }
    }

    /// One task from a peer, and half of what waits there into the own queue.
    pub(crate) fn steal(&self, index: usize) -> Option<Ready> {
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

    fn share_of_injector(&self) -> VecDeque<Ready> {
        let mut injector = lock(&self.injector);
        let share = injector.len().div_ceil(self.workers()).min(BATCH);
        injector.drain(..share).collect()
    }

    fn move_to(&self, index: usize, mut taken: VecDeque<Ready>) -> Option<Ready> {
        let first = taken.pop_front()?;
        if !taken.is_empty() {
            lock(&self.workers[index]).append(&mut taken);
        }
        Some(first)
    }
}
