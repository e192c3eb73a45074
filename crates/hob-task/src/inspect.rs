//! Which tasks there are.

use hob_core::task::{TaskLabel, TaskSnapshot};
use hob_core::{Env, TaskSlot, context};

use crate::registry;

/// The task that runs on this thread; `None` outside a task, also in the future of `block_on`.
#[must_use]
pub fn current_task() -> Option<TaskLabel> {
    context::task().and_then(TaskSlot::label)
}

/// The tasks of the runtime that this thread is in, in the order in which they were spawned.
///
/// Empty outside any runtime.
#[must_use]
pub fn all_tasks() -> Vec<TaskSnapshot> {
    context::env().map_or_else(Vec::new, |env| tasks_of(&env))
}

/// The tasks of a runtime, in the order in which they were spawned.
#[must_use]
pub fn tasks_of(env: &Env) -> Vec<TaskSnapshot> {
    let mut tasks: Vec<_> = registry::slots()
        .filter_map(|slot| slot.snapshot(env.id()))
        .collect();
    tasks.sort_by_key(|task| task.label.id);
    tasks
}
