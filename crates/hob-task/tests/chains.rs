//! Chains of a million handles are dropped without overflowing the stack.

#![cfg(not(loom))]

mod common;

use std::pin::Pin;
use std::task::Waker;

use hob_task::{CancelOnDrop, Task};

use crate::common::{Runtime, pending_with, poll};

const LINKS: usize = 1_000_000;

/// An output that owns the handle of the next task.
struct Link(#[expect(dead_code, reason = "it is there to be dropped")] Option<Task<Self>>);

fn link(runtime: &Runtime, next: Option<Task<Link>>) -> Task<Link> {
    runtime.spawn(async move { Link(next) })
}

#[test]
fn finished_tasks_whose_output_is_the_next_handle() {
    let runtime = Runtime::new();
    let mut first = None;
    for _ in 0..LINKS {
        first = Some(link(&runtime, first));
        runtime.run_all();
    }
    drop(first);
    assert_eq!(runtime.env.tasks_alive(), 0);
}

#[test]
fn the_same_when_each_was_awaited_before_it_finished() {
    let runtime = Runtime::new();
    let mut first = None;
    for _ in 0..LINKS {
        let mut next = link(&runtime, first);
        assert!(poll(Pin::new(&mut next), Waker::noop()).is_pending());
        runtime.run_all();
        first = Some(next);
    }
    drop(first);
}

#[test]
fn the_same_when_the_first_is_detached_before_it_runs() {
    let runtime = Runtime::new();
    let mut first = None;
    for _ in 1..LINKS {
        first = Some(link(&runtime, first));
        runtime.run_all();
    }
    link(&runtime, first).detach();
    runtime.run_all();
}

/// Pending tasks, each of which owns what cancels the next.
fn parked(runtime: &Runtime) -> Option<CancelOnDrop<()>> {
    let mut first: Option<CancelOnDrop<()>> = None;
    for _ in 0..LINKS {
        first = Some(runtime.spawn(pending_with(first)).cancel_on_drop());
    }
    first
}

#[test]
fn pending_tasks_of_which_each_cancels_the_next() {
    let runtime = Runtime::new();
    let first = parked(&runtime);
    runtime.run_all();
    assert_eq!(runtime.env.tasks_alive(), LINKS);
    drop(first);
    runtime.run_all();
    assert_eq!(runtime.env.tasks_alive(), 0);
}

#[test]
fn pending_tasks_that_their_executor_drops_unrun() {
    let runtime = Runtime::new();
    let first = parked(&runtime);
    runtime.drop_queued();
    assert_eq!(runtime.env.tasks_alive(), 0);
    drop(first);
}
