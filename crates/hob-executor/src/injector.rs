//! Where threads that are no workers leave tasks for the workers.
//!
//! [`Injector`] takes tasks from any thread and hands them out in batches. Threads that push do
//! not queue for each other, and tasks that one thread pushed are handed out in its order.
//!
//! # Implementation
//!
//! Several shards, each a plain queue behind its own lock, on its own cache lines. A thread keeps
//! to one shard: the first injector that it pushes to deals it a number, round robin, which serves
//! for all. A lock guards the queue of its shard and every change of its length; the length is read
//! without it. No lock is held while another is taken, and no task is dropped under one.
//!
//! A taker begins at another shard each time, and takes its share of all that waits from as few
//! shards as have it: as many tasks as it would get if all workers came at once. So a shard is the
//! first to be asked every so often, however much the others hold.
//!
//! # Ordering: a push against a sleep
//!
//! ```text
//!   who pushes                          a worker that finds nothing
//!   1. push                             a. enter the list of sleepers
//!   2. fence(SeqCst)                    b. fence(SeqCst)
//!   3. look for a sleeper               c. is_empty
//! ```
//!
//! `push` stores the length before it returns. Of the two fences one comes first in the single
//! order of all `SeqCst` fences. If it is 2, then c sees the length of 1 or a later one; a later one
//! that is zero means that another worker has taken the task. If it is b, then 3 sees the entry of a
//! or what came after it. So a task is not left while its worker sleeps: one of the two sees the
//! other. Neither fence is here: both sides have one for other reasons too.
//!
//! # References
//!
//! - tokio's `inject`: one list, one lock, and a length that is read without it.
//! - smol's `async-executor`: one lock-free queue for every wake; its two ends are shared by all.

use std::cell::Cell;
use std::collections::VecDeque;

use crate::primitive::{AtomicUsize, Mutex, Ordering, lock, per_thread};
use crate::ring::BATCH;

/// How many threads can push without meeting each other.
const SHARDS: usize = 8;

/// An empty queue with room for more than that is given back.
const SPARE: usize = 4096;

/// The number of a thread that none was dealt yet.
const UNDEALT: usize = usize::MAX;

per_thread! {
    /// Which shard this thread keeps to, before it is cut to the number of shards.
    static NUMBER: Cell<usize> = const { Cell::new(UNDEALT) };
}

/// Where threads that are no workers leave tasks.
pub(crate) struct Injector<T> {
    shards: Box<[Shard<T>]>,
    /// How many numbers were dealt.
    dealt: AtomicUsize,
    /// Where the next taker begins.
    turn: Turn,
}

impl<T> Injector<T> {
    /// An empty injector.
    pub(crate) fn new() -> Self {
        Self::with_shards(SHARDS)
    }

    /// An empty injector of `shards` shards, of which there is at least one.
    pub(crate) fn with_shards(shards: usize) -> Self {
        assert!(shards > 0, "a task must go somewhere");
        Self {
            shards: (0..shards).map(|_| Shard::new()).collect(),
            dealt: AtomicUsize::new(0),
            turn: Turn(AtomicUsize::new(0)),
        }
    }

    /// Leaves `task` for any worker, after all that this thread has pushed before.
    ///
    /// The caller fences and looks for a sleeper; see "Ordering" in the module docs.
    pub(crate) fn push(&self, task: T) {
        self.shard_of_thread().push(task);
    }

    /// Moves a share of what waits to the end of `sink`, at most [`BATCH`], and returns how many.
    ///
    /// A share is what each of `workers` workers gets, rounded up. Tasks that one thread pushed
    /// come in its order, and after those of it that were taken before. Zero means that nothing
    /// waited, or that others were faster.
    ///
    /// # Panics
    ///
    /// If there are no workers.
    pub(crate) fn take(&self, workers: usize, sink: &mut Vec<T>) -> usize {
        let most = self.len().div_ceil(workers).min(BATCH);
        if most == 0 {
            return 0;
        }
        let start = self.turn.0.fetch_add(1, Ordering::Relaxed) % self.shards.len();
        let (before, after) = self.shards.split_at(start);
        let mut left = most;
        for shard in after.iter().chain(before) {
            left -= shard.take(left, sink);
            if left == 0 {
                break;
            }
        }
        most - left
    }

    /// How many tasks wait, or did a moment ago.
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(Shard::len).sum()
    }

    /// Whether no task waits. What it may miss is told in "Ordering" in the module docs.
    pub(crate) fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.len() == 0)
    }

    fn shard_of_thread(&self) -> &Shard<T> {
        let number = NUMBER.with(|number| {
            if number.get() == UNDEALT {
                number.set(self.dealt.fetch_add(1, Ordering::Relaxed) % SHARDS);
            }
            number.get()
        });
        &self.shards[number % self.shards.len()]
    }
}

/// A part of the injector, on cache lines of its own.
#[repr(align(128))]
struct Shard<T> {
    queue: Mutex<VecDeque<T>>,
    /// The length of `queue`; changed under its lock.
    len: AtomicUsize,
}

impl<T> Shard<T> {
    fn new() -> Self {
        Self {
            queue: Mutex::new(VecDeque::new()),
            len: AtomicUsize::new(0),
        }
    }

    fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    fn push(&self, task: T) {
        let mut queue = lock(&self.queue);
        queue.push_back(task);
        // Before the lock is released; see "Ordering" in the module docs.
        self.len.store(queue.len(), Ordering::Release);
    }

    /// Moves up to `most` tasks to `sink`, and returns how many.
    fn take(&self, most: usize, sink: &mut Vec<T>) -> usize {
        if self.len() == 0 {
            return 0;
        }
        let mut queue = lock(&self.queue);
        let taken = queue.len().min(most);
        sink.extend(queue.drain(..taken));
        self.len.store(queue.len(), Ordering::Release);
        if queue.is_empty() && queue.capacity() > SPARE {
            // Its memory goes back after the lock is released.
            let spare = std::mem::take(&mut *queue);
            drop(queue);
            drop(spare);
        }
        taken
    }
}

/// Takers write here, so not beside what pushers read.
#[repr(align(128))]
struct Turn(AtomicUsize);

#[cfg(all(test, loom))]
mod loom_models {
    use std::sync::Arc;

    use super::*;
    use crate::primitive::{AtomicBool, fence, model, thread};

    /// Two threads push to two shards while a worker goes to sleep: unless the worker sees both,
    /// who pushed what it did not see finds it asleep.
    #[test]
    fn loom_a_push_sees_the_sleeper_or_is_seen() {
        model(|| {
            let injector = Arc::new(Injector::with_shards(2));
            let asleep = Arc::new(AtomicBool::new(false));
            let pushers = [0, 1].map(|task| {
                let (injector, asleep) = (Arc::clone(&injector), Arc::clone(&asleep));
                thread::spawn(move || {
                    injector.push(task);
                    fence(Ordering::SeqCst);
                    asleep.load(Ordering::Relaxed)
                })
            });
            asleep.store(true, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            let seen = injector.len();
            let awake = !injector.is_empty();
            let woken = pushers
                .into_iter()
                .filter_map(|pusher| pusher.join().expect("it does not panic").then_some(()))
                .count();
            assert!(seen + woken >= 2, "a task that nobody has seen");
            assert!(awake || woken > 0, "tasks wait and the worker sleeps");
        });
    }

    #[test]
    fn loom_each_task_is_taken_once() {
        model(|| {
            let injector = Arc::new(Injector::with_shards(2));
            injector.push(0);
            let pusher = {
                let injector = Arc::clone(&injector);
                thread::spawn(move || injector.push(1))
            };
            let taker = {
                let injector = Arc::clone(&injector);
                thread::spawn(move || {
                    let mut sink = Vec::new();
                    injector.take(1, &mut sink);
                    sink
                })
            };
            let mut all = Vec::new();
            injector.take(2, &mut all);
            pusher.join().expect("it does not panic");
            all.extend(taker.join().expect("it does not panic"));
            while injector.take(1, &mut all) > 0 {}
            assert!(injector.is_empty());
            all.sort_unstable();
            assert_eq!(all, [0, 1]);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    fn take<T>(injector: &Injector<T>, workers: usize) -> Vec<T> {
        let mut sink = Vec::new();
        assert_eq!(injector.take(workers, &mut sink), sink.len());
        sink
    }

    #[test]
    fn tasks_of_one_thread_come_in_its_order() {
        let injector = Injector::new();
        let mut all = Vec::new();
        for task in 0..300 {
            injector.push(task);
            if task % 7 == 0 {
                all.extend(take(&injector, 3));
            }
        }
        while !injector.is_empty() {
            all.extend(take(&injector, 3));
        }
        assert!(all.into_iter().eq(0..300));
        assert_eq!(take(&injector, 3), []);
    }

    #[test]
    fn a_worker_takes_its_share_of_all_shards() {
        let injector = Injector::new();
        for shard in 0..4 {
            (0..6).for_each(|task| injector.shards[shard].push(task));
        }
        assert_eq!(injector.len(), 24);
        assert_eq!(take(&injector, 24).len(), 1);
        assert_eq!(take(&injector, 2).len(), 12, "half of 23, rounded up");
        assert_eq!(take(&injector, 1).len(), 11);
        assert!(injector.is_empty());
    }

    #[test]
    fn no_more_than_a_batch_is_taken_at_once() {
        let injector = Injector::new();
        (0..1_000).for_each(|task| injector.push(task));
        assert_eq!(take(&injector, 1).len(), BATCH);
        assert_eq!(injector.len(), 1_000 - BATCH);
    }

    #[test]
    fn a_shard_is_served_though_another_never_runs_dry() {
        let injector = Injector::new();
        (0..10_000).for_each(|_| injector.shards[3].push("many"));
        injector.shards[5].push("one");
        let served = (0..SHARDS).any(|_| take(&injector, 1).contains(&"one"));
        assert!(
            served,
            "each shard is the first to be asked once in a round"
        );
    }

    #[test]
    fn threads_are_dealt_shards_of_their_own() {
        let injector = Injector::new();
        let together = Barrier::new(SHARDS);
        thread::scope(|scope| {
            for _ in 0..SHARDS {
                scope.spawn(|| {
                    injector.push(());
                    together.wait();
                    injector.push(());
                });
            }
        });
        assert!(injector.shards.iter().all(|shard| shard.len() == 2));
    }

    #[test]
    fn a_burst_leaves_no_large_queue() {
        let injector = Injector::with_shards(1);
        (0..100_000).for_each(|task| injector.push(task));
        while injector.take(1, &mut Vec::new()) > 0 {}
        assert!(lock(&injector.shards[0].queue).capacity() <= SPARE);
        injector.push(1);
        assert_eq!(take(&injector, 1), [1]);
    }

    #[test]
    fn eight_threads_push_and_two_take_each_task_once_and_in_order() {
        const TASKS: usize = if cfg!(miri) { 200 } else { 100_000 };
        let injector = Injector::new();
        let over = AtomicBool::new(false);
        let shares = thread::scope(|scope| {
            let takers = [1, 2].map(|workers| {
                let (injector, over) = (&injector, &over);
                scope.spawn(move || {
                    let mut sink = Vec::new();
                    while !over.load(Ordering::Acquire) || !injector.is_empty() {
                        injector.take(workers, &mut sink);
                    }
                    sink
                })
            });
            let pushers: Vec<_> = (0..8)
                .map(|thread| {
                    let injector = &injector;
                    scope.spawn(move || {
                        (0..TASKS).for_each(|task| injector.push((thread, task)));
                    })
                })
                .collect();
            for pusher in pushers {
                pusher.join().expect("it does not panic");
            }
            over.store(true, Ordering::Release);
            takers.map(|taker| taker.join().expect("it does not panic"))
        });
        for share in &shares {
            let mut next = [0; 8];
            for &(thread, task) in share {
                assert!(task >= next[thread], "in order for each taker");
                next[thread] = task + 1;
            }
        }
        let mut all = shares.concat();
        all.sort_unstable();
        let each = (0..8).flat_map(|thread| (0..TASKS).map(move |task| (thread, task)));
        assert!(all.into_iter().eq(each));
    }
}
