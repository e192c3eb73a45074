//! The futures of the crate under a clock that moves when a test says so.

#![cfg(not(loom))]

mod deadline;
mod interval;
mod nested;
mod sleep;
mod timeout;
mod world;
