#![doc = include_str!("../README.md")]

pub mod barrier;
mod blocking;
pub mod broadcast;
mod channel;
pub mod condition;
mod dump;
mod epoch;
pub mod event;
pub mod lazy;
mod lent;
pub mod mpmc;
pub mod mpsc;
pub mod mutex;
mod notification;
pub mod notify;
pub mod once_cell;
pub mod oneshot;
mod pace;
mod permits;
mod primitive;
pub mod queue;
pub mod rwlock;
pub mod semaphore;
mod wait_queue;
mod waker;
pub mod watch;

pub use crate::barrier::Barrier;
pub use crate::condition::Condition;
pub use crate::event::Event;
pub use crate::lazy::Lazy;
pub use crate::mutex::{
    MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard,
};
pub use crate::notify::Notify;
pub use crate::once_cell::OnceCell;
pub use crate::queue::{Item, LifoQueue, PlainQueue, PriorityQueue, Queue};
pub use crate::rwlock::{
    MappedRwLockWriteGuard, OwnedMappedRwLockWriteGuard, OwnedRwLockReadGuard,
    OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
pub use crate::semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
