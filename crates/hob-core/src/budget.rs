//! How much a task may do in one poll before others get their turn.
//!
//! A future that is always ready, such as a receive from a full channel, would keep its worker for
//! ever. So each poll of a task has a budget. A leaf future asks [`poll_proceed`] on its fast path,
//! and calls [`spend`] when it completed there; or both at once, by [`try_spend`], and gives back what
//! brought nothing. Once spent, the budget stays spent until the poll ends; the task has been woken, so
//! it runs again after those who wait.
//!
//! A waiter that was already granted what it waits for completes whatever the budget says: otherwise
//! it would hold a lock that it does not know of.
//!
//! # References
//!
//! - Tokio's cooperative budget, <https://docs.rs/tokio/latest/tokio/task/coop/index.html>.

use std::task::{Context, Poll};

use crate::context::{self, Local};

/// Completions that a poll may have before it is asked to yield.
pub const BUDGET_PER_POLL: u32 = 128;

/// The budget outside any task, which is never spent.
pub(crate) const UNLIMITED: u32 = u32::MAX;

/// Asks whether a fast path may go on: `Pending`, with the task woken, once the budget is spent.
///
/// Outside any task it is always `Ready`.
#[inline]
pub fn poll_proceed(cx: &Context<'_>) -> Poll<()> {
    if is_spent() {
        cx.waker().wake_by_ref();
        Poll::Pending
    } else {
        Poll::Ready(())
    }
}

/// Whether the budget of the poll that runs now is spent; `false` outside any task.
#[must_use]
#[inline]
pub fn is_spent() -> bool {
    context::with(|local| local.is_some_and(|local| local.budget() == 0))
}

/// Notes that an operation completed without waiting; does nothing outside a task.
#[inline]
pub fn spend() {
    context::with(|local| {
        if let Some(local) = local
            && local.budget() != UNLIMITED
        {
            local.set_budget(local.budget().saturating_sub(1));
        }
    });
}

/// Spends one completion ahead of an attempt that may complete; `false`, and the task is *not* woken,
/// if none is left. An attempt that came to nothing is to be [refunded](refund).
///
/// Outside any task it is always `true`.
#[must_use]
#[inline]
pub fn try_spend() -> bool {
    context::with(|local| match local.map(|local| (local, local.budget())) {
        None | Some((_, UNLIMITED)) => true,
        Some((_, 0)) => false,
        Some((local, left)) => {
            local.set_budget(left - 1);
            true
        }
    })
}

/// A number that the poll of a task that runs now shares with none that came shortly before it: whoever
/// yielded for want of a budget knows by it whether the task has yielded since.
#[must_use]
pub fn this_poll() -> u32 {
    context::with(|local| local.map_or(0, Local::polls))
}

/// Runs `inside` with a budget that is never spent: for what blocks the thread, which nobody polls
/// again.
pub fn unlimited<R>(inside: impl FnOnce() -> R) -> R {
    struct Restore(Option<u32>);
    impl Drop for Restore {
        fn drop(&mut self) {
            if let Some(budget) = self.0 {
                set(budget);
            }
        }
    }
    let _restore = Restore(set(UNLIMITED));
    inside()
}

/// Sets the budget of the innermost surroundings, if there are any, and returns what it was.
fn set(budget: u32) -> Option<u32> {
    context::with(|local| {
        local.map(|local| {
            let before = local.budget();
            local.set_budget(budget);
            before
        })
    })
}

/// Gives back what [`try_spend`] spent, as nothing was completed; does nothing outside a task.
#[inline]
pub fn refund() {
    context::with(|local| {
        if let Some(local) = local
            && local.budget() != UNLIMITED
        {
            local.set_budget(local.budget() + 1);
        }
    });
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::Location;
    use std::sync::Arc;
    use std::sync::mpsc::{Sender, channel};
    use std::task::{Wake, Waker};

    use super::*;
    use crate::context::Role;
    use crate::env::{Env, Parts};
    use crate::task::{Occupant, TaskLabel, TaskSlot};

    struct Bell(Sender<()>);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.send(()).expect("somebody listens");
        }
    }

    fn proceed() -> Poll<()> {
        poll_proceed(&Context::from_waker(Waker::noop()))
    }

    fn in_runtime(act: impl FnOnce(&Local<'_>)) {
        let env = Arc::new(Env::new(Parts::default()));
        let local = Local::new(&env, Role::Worker);
        context::enter(&local, || act(&local));
    }

    fn slot() -> &'static TaskSlot {
        let slot = Box::leak(Box::new(TaskSlot::new()));
        slot.occupy(Occupant {
            label: TaskLabel::new(None, Location::caller()),
            parent: None,
            env: 0,
        });
        slot
    }

    #[test]
    fn a_poll_has_so_many_completions_and_the_next_poll_as_many() {
        in_runtime(|local| {
            let slot = slot();
            for _ in 0..2 {
                local.in_task(slot, || {
                    for _ in 0..BUDGET_PER_POLL {
                        assert_eq!(proceed(), Poll::Ready(()));
                        spend();
                    }
                    assert_eq!(proceed(), Poll::Pending);
                    spend();
                    assert_eq!(proceed(), Poll::Pending, "spent stays spent");
                });
            }
        });
    }

    #[test]
    fn only_a_spent_budget_wakes_the_task() {
        in_runtime(|local| {
            local.in_task(slot(), || {
                let (sender, rung) = channel();
                let waker = Waker::from(Arc::new(Bell(sender)));
                let cx = Context::from_waker(&waker);
                assert_eq!(poll_proceed(&cx), Poll::Ready(()));
                assert_eq!(rung.try_iter().count(), 0);
                (0..BUDGET_PER_POLL).for_each(|_| spend());
                assert_eq!(poll_proceed(&cx), Poll::Pending);
                assert_eq!(rung.try_iter().count(), 1);
                assert!(is_spent());
            });
            assert_eq!(local.budgets_spent(), 1);
            local.in_task(slot(), || assert!(try_spend()));
            assert_eq!(local.budgets_spent(), 1, "that poll had some left");
            assert!(!is_spent());
        });
    }

    #[test]
    fn what_came_to_nothing_is_refunded() {
        in_runtime(|local| {
            local.in_task(slot(), || {
                for _ in 0..2 * BUDGET_PER_POLL {
                    assert!(try_spend());
                    refund();
                }
                assert!((0..BUDGET_PER_POLL).all(|_| try_spend()));
                assert!(!try_spend());
                assert_eq!(proceed(), Poll::Pending, "both ask the same budget");
            });
        });
    }

    #[test]
    fn each_poll_has_a_number_of_its_own() {
        in_runtime(|local| {
            let number = || {
                let number = this_poll();
                assert_eq!(this_poll(), number);
                number
            };
            assert_ne!(local.in_task(slot(), number), local.in_main(number));
        });
    }

    #[test]
    fn what_blocks_has_no_budget_and_leaves_it_as_it_was() {
        in_runtime(|local| {
            local.in_task(slot(), || {
                (1..BUDGET_PER_POLL).for_each(|_| spend());
                unlimited(|| (0..2 * BUDGET_PER_POLL).for_each(|_| assert!(try_spend())));
                assert!(try_spend());
                assert!(!try_spend());
                unlimited(|| assert_eq!(proceed(), Poll::Ready(())));
                assert!(!try_spend());
            });
        });
    }

    #[test]
    fn outside_a_task_nothing_is_spent() {
        spend();
        refund();
        assert!(try_spend());
        assert_eq!(proceed(), Poll::Ready(()));
        in_runtime(|local| {
            (0..2 * BUDGET_PER_POLL).for_each(|_| spend());
            assert_eq!(local.budget(), UNLIMITED);
            assert_eq!(proceed(), Poll::Ready(()));
        });
    }
}
