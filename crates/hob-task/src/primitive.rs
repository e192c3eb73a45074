//! The one door to locks.
//!
//! The protocols of a task stand in `hob-core`'s `TaskSlot` and in async-task; what is left here are
//! locks in `static`s and beside wakers, which are always std's.

pub(crate) use std::sync::Mutex as Global;
