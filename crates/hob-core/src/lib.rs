#![doc = include_str!("../README.md")]

pub mod atomic_ref;
pub mod blocking;
pub mod budget;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod context;
pub mod descriptor;
pub mod env;
pub mod explained;
pub mod fork;
pub mod instant;
pub mod interest;
pub mod io_source;
pub mod panic;
pub mod park;
mod primitive;
pub mod reactor;
pub mod recycle;
pub mod schedule;
pub mod sys;
pub mod task;
pub mod timers;
pub mod unhandled;

pub use crate::atomic_ref::AtomicRef;
pub use crate::blocking::{Blocking, Job, JobKind};
pub use crate::descriptor::{Descriptor, DescriptorRef};
pub use crate::env::Env;
pub use crate::explained::Explained;
pub use crate::instant::Instant;
pub use crate::interest::{Direction, Interest, Readiness};
pub use crate::io_source::IoSource;
pub use crate::park::{Park, Unpark, Until};
pub use crate::reactor::Reactor;
pub use crate::recycle::Recycler;
pub use crate::schedule::{Runnable, Schedule, SchedulerRef, Why};
pub use crate::sys::Sys;
pub use crate::task::{CancelReason, TaskCell, TaskId, TaskLabel, TaskSlot};
pub use crate::timers::{Alarm, NotVirtual, Retired, TimerKey, Timers};
pub use crate::unhandled::Unhandled;
