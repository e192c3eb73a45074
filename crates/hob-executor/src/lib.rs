#![doc = include_str!("../README.md")]

mod block_on;
mod exact;
mod gather;
mod hold;
mod idle;
mod injector;
mod local;
mod lodging;
#[cfg(all(test, loom))]
mod loom_models;
mod parker;
mod parking;
mod pool;
mod primitive;
mod pulse;
mod ring;
mod scout;
mod seat;
mod shared;
mod shift;
mod turn;
mod watchdog;
mod worker;

pub use crate::local::{LocalConfig, LocalExecutor, LocalStatistics};
pub use crate::parker::Parker;
pub use crate::pool::{Config, Executor, ExecutorStatistics, Hook, MakeParker, WorkerStatistics};
