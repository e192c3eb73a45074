//! The table of task slots: one for the process, never freed, used again.
//!
//! # Implementation
//!
//! Slots come in pages that are appended and never go away, so a dump walks the pages and asks each
//! slot. Free slots lie in several lists, each behind its own lock; a thread uses the list that was
//! dealt to it, so threads seldom meet. A thread whose list is empty takes half of another one before
//! it adds a page: a program in which one thread spawns and another ends the tasks does not grow.

use std::iter;

use hob_core::TaskSlot;

use crate::primitive::{Global, GlobalCounter, GlobalOrdering};

const LISTS: usize = 16;
const SLOTS_PER_PAGE: usize = 64;

type Free = Global<Vec<&'static TaskSlot>>;

static FREE: [Free; LISTS] = [const { Global::new(Vec::new()) }; LISTS];
static PAGES: Global<Vec<&'static [TaskSlot]>> = Global::new(Vec::new());

thread_local! {
    /// Which list this thread uses.
    static LIST: usize = {
        static DEALT: GlobalCounter = GlobalCounter::new(0);
        DEALT.fetch_add(1, GlobalOrdering::Relaxed) % LISTS
    };
}

/// Takes a free slot.
pub(crate) fn take() -> &'static TaskSlot {
    let own = own_list();
    if let Some(slot) = with(&FREE[own], Vec::pop) {
        return slot;
    }
    // One lock at a time: two threads may look at each other's lists.
    let mut found = FREE
        .iter()
        .map(|list| with(list, |free| free.split_off(free.len() / 2)))
        .find(|half| !half.is_empty())
        .unwrap_or_else(add_page);
    let slot = found.pop().expect("neither a half nor a page is empty");
    with(&FREE[own], |free| free.append(&mut found));
    slot
}

/// Puts a slot back that both the future and the handle have left.
pub(crate) fn give_back(slot: &'static TaskSlot) {
    with(&FREE[own_list()], |free| free.push(slot));
}

/// Every slot there is, free ones too.
pub(crate) fn slots() -> impl Iterator<Item = &'static TaskSlot> {
    // A copy of the list of pages: what is done with a slot may spawn.
    let pages = with(&PAGES, |pages| pages.clone());
    pages.into_iter().flatten()
}

fn add_page() -> Vec<&'static TaskSlot> {
    let page: Vec<TaskSlot> = iter::repeat_with(TaskSlot::new)
        .take(SLOTS_PER_PAGE)
        .collect();
    let page: &'static [TaskSlot] = Box::leak(page.into_boxed_slice());
    with(&PAGES, |pages| pages.push(page));
    page.iter().collect()
}

/// The list of this thread; any one while the thread's locals are being destroyed.
fn own_list() -> usize {
    LIST.try_with(|list| *list).unwrap_or(0)
}

fn with<T, R>(list: &Global<T>, act: impl FnOnce(&mut T) -> R) -> R {
    act(&mut list
        .lock()
        .expect("no foreign code runs under the registry's locks"))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use hob_core::env::Parts;
    use hob_core::{Env, Runnable, Schedule, SchedulerRef, TaskCell, Why};

    use super::*;
    use crate::Builder;

    #[test]
    fn slots_are_used_again() {
        let taken: Vec<_> = iter::repeat_with(take).take(1000).collect();
        let pages = with(&PAGES, |pages| pages.len());
        for slot in taken {
            give_back(slot);
        }
        // Other tests take slots meanwhile, but nowhere near a thousand.
        let again: Vec<_> = iter::repeat_with(take).take(900).collect();
        assert!(with(&PAGES, |pages| pages.len()) <= pages + 1);
        again.into_iter().for_each(give_back);
    }

    #[test]
    fn a_thread_that_only_spawns_takes_what_another_gave_back() {
        let before = with(&PAGES, |pages| pages.len());
        for _ in 0..200 {
            let taken: Vec<_> = iter::repeat_with(take).take(64).collect();
            std::thread::scope(|scope| {
                std::thread::Builder::new()
                    .spawn_scoped(scope, || taken.into_iter().for_each(give_back))
                    .expect("a thread starts");
            });
        }
        let after = with(&PAGES, |pages| pages.len());
        assert!(after < before + 40, "{before} pages became {after}");
    }

    /// Runs whatever is scheduled, one after the other.
    struct Queue(Global<Vec<Runnable<TaskCell>>>);

    impl Schedule for Queue {
        fn schedule(&self, task: Runnable<TaskCell>, _why: Why) {
            with(&self.0, |queue| queue.push(task));
        }
    }

    #[test]
    fn a_hundred_thousand_tasks_in_turn_use_few_slots() {
        static QUEUE: Queue = Queue(Global::new(Vec::new()));
        let env = Arc::new(Env::new(Parts {
            scheduler: Some(SchedulerRef::leak(&QUEUE)),
            ..Parts::default()
        }));
        let before = with(&PAGES, |pages| pages.len());
        for number in 0..100_000 {
            let task = Builder::new().spawn_on(&env, async move { number });
            // Some end before their handle goes, some after.
            let early = (number % 2 == 0).then_some(task);
            while let Some(task) = with(&QUEUE.0, Vec::pop) {
                task.run();
            }
            drop(early);
        }
        assert_eq!(env.tasks_alive(), 0);
        // The other tests of this file fill some pages meanwhile.
        let after = with(&PAGES, |pages| pages.len());
        assert!(after < before + 60, "{before} pages became {after}");
    }
}
