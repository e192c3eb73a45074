#![doc = include_str!("../README.md")]

pub mod async_fd;
mod driver;
mod engine;
#[cfg(target_os = "linux")]
mod epoll;
#[cfg(target_os = "linux")]
mod exact;
mod home;
mod polling;
mod primitive;
mod registry;
mod statistics;
pub mod token;

pub use crate::async_fd::Async;
pub use crate::driver::bind;
#[cfg(target_os = "linux")]
pub use crate::engine::epoll;
pub use crate::engine::{Engine, default, polling};
#[cfg(target_os = "linux")]
pub use crate::epoll::{Epoll, EpollSeat};
pub use crate::polling::{Polling, PollingSeat};
pub use crate::statistics::ReactorStatistics;
