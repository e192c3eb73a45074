#![doc = include_str!("../README.md")]

mod block_on;
mod idle;
mod local;
#[cfg(all(test, loom))]
mod loom_models;
mod parker;
mod parking;
mod pool;
mod primitive;
mod queues;
mod seat;
mod shared;
mod turn;
mod worker;

pub use crate::local::{LocalConfig, LocalExecutor, LocalStatistics};
pub use crate::parker::Parker;
pub use crate::pool::{Config, Executor, ExecutorStatistics, Hook, MakeParker};
