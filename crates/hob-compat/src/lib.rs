#![doc = include_str!("../README.md")]

#[cfg(feature = "hyper")]
pub mod hyper;
