#![doc = include_str!("../README.md")]

mod cleanup;
mod deep;
mod inspect;
mod join_error;
mod outcome;
mod primitive;
mod registry;
mod shutdown;
mod spawn;
mod task;
mod task_future;
mod tree;
mod yield_now;

pub use crate::cleanup::{Guarded, guarded, on_cancel};
pub use crate::inspect::{all_tasks, current_task, tasks_of};
pub use crate::join_error::{JoinError, TaskPanic};
pub use crate::shutdown::{Drain, LeftBehind, drain};
pub use crate::spawn::{Builder, SpawnError, spawn, spawn_local, try_spawn};
pub use crate::task::{CancelOnDrop, Canceller, Task};
pub use crate::tree::TaskTree;
pub use crate::yield_now::{YieldNow, should_yield, yield_now};

pub use hob_core::task::{CancelReason, TaskId, TaskLabel, TaskSnapshot};
