//! The table of task slots: one for the process, never freed, used again.
//!
//! # Implementation
//!
//! Slots come in pages of 4 KiB that are appended to a list and never go away, so a dump walks the
//! pages, with nothing locked, and asks each slot. Each thread keeps a few free slots for itself; what
//! it has too many of, or too few, it exchanges in batches with one list behind a lock. So a program
//! in which one thread spawns and another ends the tasks does not grow. A thread that ends gives its
//! slots back; what it still takes or gives while its locals are being destroyed goes to that list.

use std::cell::RefCell;
use std::iter;
use std::sync::OnceLock;

use hob_core::TaskSlot;

use crate::primitive::Global;

type Slot = &'static TaskSlot;

/// How many free slots a thread keeps at most.
const KEPT_MAX: usize = 128;
/// How many slots a thread exchanges at once.
const BATCH: usize = 64;
/// As many as fill 4 KiB.
const SLOTS_PER_PAGE: usize = (4096 - size_of::<OnceLock<&'static Page>>()) / size_of::<TaskSlot>();

struct Page {
    slots: [TaskSlot; SLOTS_PER_PAGE],
    next: OnceLock<&'static Self>,
}

/// The slots that no thread keeps, and the end of the pages.
struct Shelf {
    free: Vec<Slot>,
    last: Option<&'static Page>,
}

/// The free slots of a thread.
struct Kept(Vec<Slot>);

static FIRST: OnceLock<&'static Page> = OnceLock::new();
static SHELF: Global<Shelf> = Global::new(Shelf {
    free: Vec::new(),
    last: None,
});

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept(Vec::new())) };
}

/// Takes a free slot.
#[inline]
pub(crate) fn take() -> Slot {
    KEPT.try_with(|kept| kept.borrow_mut().take())
        .unwrap_or_else(|_at_exit| with_shelf(Shelf::take))
}

/// Puts a slot back that its task has left.
#[inline]
pub(crate) fn give_back(slot: Slot) {
    let kept = KEPT.try_with(|kept| kept.borrow_mut().give_back(slot));
    if kept.is_err() {
        // This thread ends, and its slots have been given back already.
        with_shelf(|shelf| shelf.free.push(slot));
    }
}

/// Every slot there is, free ones too.
pub(crate) fn slots() -> impl Iterator<Item = Slot> {
    iter::successors(FIRST.get().copied(), |page| page.next.get().copied())
        .flat_map(|page| page.slots.iter())
}

impl Kept {
    #[inline]
    fn take(&mut self) -> Slot {
        self.0.pop().unwrap_or_else(|| self.refill())
    }

    #[inline]
    fn give_back(&mut self, slot: Slot) {
        if self.0.len() == KEPT_MAX {
            let surplus = self.0.drain(BATCH..);
            with_shelf(|shelf| shelf.free.extend(surplus));
        }
        self.0.push(slot);
    }

    #[cold]
    fn refill(&mut self) -> Slot {
        self.0.reserve_exact(KEPT_MAX);
        with_shelf(|shelf| {
            let slot = shelf.take();
            let rest = shelf.free.len().saturating_sub(BATCH - 1);
            self.0.extend(shelf.free.drain(rest..));
            slot
        })
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        with_shelf(|shelf| shelf.free.append(&mut self.0));
    }
}

impl Shelf {
    fn take(&mut self) -> Slot {
        if self.free.is_empty() {
            let page = self.add_page();
            self.free.extend(page.slots.iter().rev());
        }
        self.free.pop().expect("a page is not empty")
    }

    fn add_page(&mut self) -> &'static Page {
        let page: &'static Page = Box::leak(Box::new(Page {
            slots: std::array::from_fn(|_| TaskSlot::new()),
            next: OnceLock::new(),
        }));
        let end = self.last.map_or(&FIRST, |last| &last.next);
        let added = end.set(page);
        debug_assert!(added.is_ok(), "only the end of the list is added to");
        self.last = Some(page);
        page
    }
}

fn with_shelf<R>(act: impl FnOnce(&mut Shelf) -> R) -> R {
    act(&mut SHELF
        .lock()
        .expect("no foreign code runs under the registry's lock"))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use hob_core::env::Parts;
    use hob_core::{Env, Runnable, Schedule, SchedulerRef, TaskCell, Why};

    use super::*;
    use crate::Builder;

    fn pages() -> usize {
        slots().count() / SLOTS_PER_PAGE
    }

    #[test]
    fn a_page_takes_4_kib() {
        assert!(size_of::<Page>() <= 4096 && size_of::<Page>() > 4096 - size_of::<TaskSlot>());
    }

    #[test]
    fn a_thread_keeps_few_slots_and_leaves_none_behind() {
        let pages_before = pages();
        for _ in 0..50 {
            std::thread::scope(|scope| {
                std::thread::Builder::new()
                    .spawn_scoped(scope, || {
                        let taken: Vec<_> = iter::repeat_with(take).take(300).collect();
                        taken.into_iter().for_each(give_back);
                        KEPT.with(|kept| assert!(kept.borrow().0.len() <= KEPT_MAX));
                    })
                    .expect("a thread starts");
            });
        }
        let after = pages();
        assert!(
            after < pages_before + 40,
            "{pages_before} pages became {after}"
        );
    }

    #[test]
    fn no_slot_is_in_two_hands() {
        let taken = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..4)
                .map(|_| {
                    std::thread::Builder::new()
                        .spawn_scoped(scope, || {
                            let mut held = Vec::new();
                            for round in 0..5_000_usize {
                                held.push(take());
                                if round % 3 == 0 {
                                    let at = round.wrapping_mul(31) % held.len();
                                    give_back(held.swap_remove(at));
                                }
                            }
                            held
                        })
                        .expect("a thread starts")
                })
                .collect();
            takers
                .into_iter()
                .flat_map(|taker| taker.join().expect("it does not panic"))
                .collect::<Vec<_>>()
        });
        let mut addresses: Vec<_> = taken.iter().map(|slot| std::ptr::from_ref(*slot)).collect();
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), taken.len());
        taken.into_iter().for_each(give_back);
    }

    #[test]
    fn slots_are_used_again() {
        let taken: Vec<_> = iter::repeat_with(take).take(1000).collect();
        let before = pages();
        taken.into_iter().for_each(give_back);
        // Other tests take slots meanwhile, but nowhere near a thousand.
        let again: Vec<_> = iter::repeat_with(take).take(900).collect();
        assert!(pages() <= before + 1);
        again.into_iter().for_each(give_back);
    }

    #[test]
    fn a_thread_that_only_spawns_takes_what_another_gave_back() {
        let before = pages();
        for _ in 0..200 {
            let taken: Vec<_> = iter::repeat_with(take).take(64).collect();
            std::thread::scope(|scope| {
                std::thread::Builder::new()
                    .spawn_scoped(scope, || taken.into_iter().for_each(give_back))
                    .expect("a thread starts");
            });
        }
        let after = pages();
        assert!(after < before + 40, "{before} pages became {after}");
    }

    /// Runs whatever is scheduled, one after the other.
    struct Queue(Global<Vec<Runnable<TaskCell>>>);

    impl Queue {
        fn take(&self) -> Option<Runnable<TaskCell>> {
            self.0.lock().expect("nothing panics with it").pop()
        }
    }

    impl Schedule for Queue {
        fn schedule(&self, task: Runnable<TaskCell>, _why: Why) {
            self.0.lock().expect("nothing panics with it").push(task);
        }
    }

    #[test]
    fn a_hundred_thousand_tasks_in_turn_use_few_slots() {
        static QUEUE: Queue = Queue(Global::new(Vec::new()));
        let env = Arc::new(Env::new(Parts {
            scheduler: Some(SchedulerRef::leak(&QUEUE)),
            ..Parts::default()
        }));
        let before = pages();
        for number in 0..100_000 {
            let task = Builder::new().spawn_on(&env, async move { number });
            // Some end before their handle goes, some after.
            let early = (number % 2 == 0).then_some(task);
            while let Some(task) = QUEUE.take() {
                task.run();
            }
            drop(early);
        }
        assert_eq!(env.tasks_alive(), 0);
        // The other tests of this file fill some pages meanwhile; without reuse it were 1,800.
        let after = pages();
        assert!(after < before + 400, "{before} pages became {after}");
    }
}
