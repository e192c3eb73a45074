#![doc = include_str!("../README.md")]

mod blocking;
pub mod mpsc;
pub mod mutex;
mod old_queue;
pub mod oneshot;
mod permits;
mod primitive;
pub mod queue;
pub mod semaphore;
mod wait_queue;
mod waker;

pub use crate::mutex::{Mutex, MutexGuard};
pub use crate::queue::{Item, Queue};
pub use crate::semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
