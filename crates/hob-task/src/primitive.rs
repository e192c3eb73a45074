//! The one door to locks and counters.
//!
//! The protocols of a task stand in `hob-core`'s `TaskSlot` and in async-task; what is left here is
//! a table in a `static`, which is always std's.

pub(crate) use std::sync::Mutex as Global;
pub(crate) use std::sync::atomic::{AtomicUsize as GlobalCounter, Ordering as GlobalOrdering};
