#![doc = include_str!("../README.md")]

mod builder;
mod crew;
mod error;
mod inline;
mod job_cell;
mod pool;
mod primitive;
mod to_thread;
mod verdict;

pub use crate::builder::Builder;
pub use crate::error::{BlockingError, JobPanic};
pub use crate::inline::{Inline, InlineStatistics};
pub use crate::pool::{LeftBehind, Pool, PoolStatistics};
pub use crate::to_thread::{ToThread, to_thread, to_thread_as};
