//! What other threads bring to the executor of one thread, and what ends its sleep.
//!
//! # Implementation
//!
//! One lock guards the queue, the mark that the home thread sleeps, and what ends that sleep. So there
//! is nothing between the last look and the sleep: an entry that comes before the mark is found by
//! [`fall_asleep`](Remote::fall_asleep), and whoever brings one afterwards sees the mark and ends the
//! sleep. While the home thread is awake nobody is rung; it looks by itself.
//!
//! The flag `arrived` repeats outside the lock that the queue is not empty, so that a busy home thread
//! looks by one plain load. It is written under the lock only.

use std::collections::VecDeque;
use std::sync::Arc;

use hob_core::Unpark;

use crate::primitive::{AtomicBool, Mutex, Ordering, lock};

/// The queue of an executor of one thread that any thread may push to.
pub(super) struct Remote<T> {
    arrived: AtomicBool,
    state: Mutex<State<T>>,
}

struct State<T> {
    entries: VecDeque<T>,
    /// Ends the sleep of the home thread; `None` while nobody uses this.
    unparker: Option<Arc<dyn Unpark>>,
    /// From the last look before a sleep until the sleep has ended.
    is_asleep: bool,
}

impl<T> Remote<T> {
    pub(super) fn new() -> Self {
        Self {
            arrived: AtomicBool::new(false),
            state: Mutex::new(State {
                entries: VecDeque::new(),
                unparker: None,
                is_asleep: false,
            }),
        }
    }

    /// Says how the sleep of the home thread is ended, in this use.
    pub(super) fn open(&self, unparker: Arc<dyn Unpark>) {
        let before = lock(&self.state).unparker.replace(unparker);
        debug_assert!(before.is_none(), "it is used by two executors");
    }

    /// Nobody sleeps here any more. The caller drops what is returned: it comes from outside.
    pub(super) fn close(&self) -> Option<Arc<dyn Unpark>> {
        let mut state = lock(&self.state);
        debug_assert!(!state.is_asleep, "the home thread cannot sleep and close");
        state.unparker.take()
    }

    /// Queues `entry`, and ends the sleep of the home thread if it sleeps.
    pub(super) fn push(&self, entry: T) {
        let mut state = lock(&self.state);
        state.entries.push_back(entry);
        self.arrived.store(true, Ordering::Relaxed);
        let sleeper = state.is_asleep.then(|| state.unparker.clone()).flatten();
        drop(state);
        // It is called under no lock, since it comes from outside.
        if let Some(unparker) = sleeper {
            unparker.unpark();
        }
    }

    /// Whether entries wait here; one that comes just now may be missed.
    pub(super) fn has_arrived(&self) -> bool {
        // Relaxed: the lock makes visible what the entries need.
        self.arrived.load(Ordering::Relaxed)
    }

    /// Moves what has come to the end of `queue`, in order of arrival.
    pub(super) fn move_to(&self, queue: &mut VecDeque<T>) {
        let mut state = lock(&self.state);
        self.arrived.store(false, Ordering::Relaxed);
        if queue.is_empty() {
            std::mem::swap(queue, &mut state.entries);
        } else {
            queue.append(&mut state.entries);
        }
    }

    /// How many of the entries that wait here are `counted`.
    pub(super) fn count(&self, counted: impl Fn(&T) -> bool) -> usize {
        let state = lock(&self.state);
        state.entries.iter().filter(|entry| counted(entry)).count()
    }

    /// The last look before the home thread sleeps: unless something waits here, whoever pushes from
    /// now on ends the sleep.
    pub(super) fn fall_asleep(&self) -> LastLook {
        let mut state = lock(&self.state);
        if !state.entries.is_empty() {
            return LastLook::Arrived;
        }
        state.is_asleep = true;
        LastLook::Empty
    }

    /// The sleep has ended.
    pub(super) fn wake_up(&self) {
        lock(&self.state).is_asleep = false;
    }
}

/// What [`Remote::fall_asleep`] has found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(super) enum LastLook {
    /// Something waits: there is no sleep.
    Arrived,
    /// Nothing: the home thread may sleep.
    Empty,
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Rings(AtomicUsize);

    impl Unpark for Rings {
        fn unpark(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn open() -> (Remote<u32>, Arc<Rings>) {
        let (remote, rings) = (Remote::new(), Arc::new(Rings::default()));
        remote.open(Arc::clone(&rings) as Arc<dyn Unpark>);
        (remote, rings)
    }

    fn moved_behind(remote: &Remote<u32>, queue: impl Into<VecDeque<u32>>) -> VecDeque<u32> {
        let mut queue = queue.into();
        remote.move_to(&mut queue);
        queue
    }

    #[test]
    fn what_comes_is_moved_behind_what_is_there_in_order_of_arrival() {
        let (remote, _) = open();
        for queue in [vec![], vec![8, 9]] {
            (0..3).for_each(|entry| remote.push(entry));
            assert!(remote.has_arrived());
            let expected: Vec<_> = queue.iter().copied().chain(0..3).collect();
            assert_eq!(moved_behind(&remote, queue), expected);
            assert!(!remote.has_arrived());
            assert_eq!(remote.count(|_| true), 0);
        }
    }

    #[test]
    fn only_a_sleeper_is_rung_and_by_each() {
        let (remote, rings) = open();
        remote.push(1);
        assert_eq!(remote.fall_asleep(), LastLook::Arrived);
        remote.push(2);
        assert_eq!(rings.0.load(Ordering::SeqCst), 0, "it is awake");
        assert_eq!(moved_behind(&remote, []), [1, 2]);
        assert_eq!(remote.fall_asleep(), LastLook::Empty);
        remote.push(3);
        remote.push(4);
        assert_eq!(rings.0.load(Ordering::SeqCst), 2, "it sleeps");
        remote.wake_up();
        remote.push(5);
        assert_eq!(rings.0.load(Ordering::SeqCst), 2, "it is awake again");
    }

    #[test]
    fn a_closed_one_keeps_what_comes_and_rings_nobody() {
        let (remote, rings) = open();
        drop(remote.close());
        assert_eq!(Arc::strong_count(&rings), 1);
        remote.push(1);
        assert_eq!(remote.count(|_| true), 1);
        assert_eq!(rings.0.load(Ordering::SeqCst), 0);
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use hob_core::{Park, Until};

    use super::*;
    use crate::parker::Parker;
    use crate::primitive::{model, thread};

    /// The home thread: takes `entries` of them, and sleeps where there are none.
    fn take(remote: &Remote<u32>, mut parker: Parker, entries: usize) -> VecDeque<u32> {
        let mut taken = VecDeque::new();
        while taken.len() < entries {
            if remote.has_arrived() {
                remote.move_to(&mut taken);
            } else if remote.fall_asleep() == LastLook::Empty {
                parker.park(Until::Forever, &mut Vec::new());
                remote.wake_up();
            }
        }
        taken
    }

    fn open() -> (Arc<Remote<u32>>, Parker) {
        let (remote, parker) = (Arc::new(Remote::new()), Parker::new());
        remote.open(parker.unparker());
        (remote, parker)
    }

    fn push(remote: &Arc<Remote<u32>>, entries: &'static [u32]) -> thread::JoinHandle<()> {
        let remote = Arc::clone(remote);
        thread::spawn(move || entries.iter().for_each(|entry| remote.push(*entry)))
    }

    #[test]
    fn loom_a_push_against_the_last_look_ends_the_sleep() {
        model(|| {
            let (remote, parker) = open();
            let other = push(&remote, &[1, 2]);
            assert_eq!(take(&remote, parker, 2), [1, 2]);
            other.join().expect("it does not panic");
        });
    }

    #[test]
    fn loom_pushes_of_two_threads_against_the_last_look_all_arrive() {
        model(|| {
            let (remote, parker) = open();
            let others = [push(&remote, &[1]), push(&remote, &[2])];
            let taken = take(&remote, parker, 2);
            assert!(taken == [1, 2] || taken == [2, 1], "{taken:?}");
            for other in others {
                other.join().expect("it does not panic");
            }
            assert_eq!(remote.count(|_| true), 0);
        });
    }

    #[test]
    fn loom_a_push_against_the_close_is_kept() {
        model(|| {
            let (remote, _parker) = open();
            let other = push(&remote, &[1]);
            drop(remote.close());
            other.join().expect("it does not panic");
            assert_eq!(remote.count(|_| true), 1);
        });
    }
}
