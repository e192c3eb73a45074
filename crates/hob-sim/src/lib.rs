#![doc = include_str!("../README.md")]

#[cfg(test)]
mod contract;
mod engine;
pub mod kit;
pub mod net;
mod parker;
mod primitive;
mod scheduler;
mod seeds;
mod simulation;
mod trace;
mod world;

pub use crate::seeds::{for_each_seed, seeds};
pub use crate::simulation::{Report, Simulation, check_twice, run};
pub use crate::trace::TraceHash;
pub use crate::world::{elapsed, note, seed};
