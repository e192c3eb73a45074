//! A loop within a task can ask whether it is time to yield.

#![cfg(not(loom))]

mod common;

use hob_core::budget::{self, BUDGET_PER_POLL};
use hob_task::{should_yield, yield_now};

use crate::common::Runtime;

#[test]
fn who_has_spent_the_budget_should_yield_until_the_next_poll() {
    let runtime = Runtime::new();
    let task = runtime.spawn(async {
        for _ in 0..2 {
            for _ in 0..BUDGET_PER_POLL {
                assert!(!should_yield());
                budget::spend();
            }
            assert!(should_yield() && should_yield());
            yield_now().await;
        }
        should_yield()
    });
    assert!(!runtime.join(task).unwrap());
    assert!(!should_yield(), "this is no task");
}

#[test]
fn a_request_to_end_spends_nothing() {
    let runtime = Runtime::new();
    let (sender, canceller) = std::sync::mpsc::channel::<hob_task::Canceller>();
    let task = runtime.spawn(async move {
        let own = canceller.recv().unwrap();
        own.cancel("by itself");
        should_yield()
    });
    sender.send(task.canceller()).unwrap();
    assert!(!runtime.join(task).unwrap());
}
