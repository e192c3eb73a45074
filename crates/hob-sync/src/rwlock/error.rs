//! Why a lock could not be had at once.

use std::fmt;

/// Somebody writes or waits, or there are as many readers as there can be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct TryReadError;

/// Somebody holds the lock or waits for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "it says all there is to say")]
pub struct TryWriteError;

impl std::error::Error for TryReadError {}

impl fmt::Display for TryReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("somebody writes or waits, or there are as many readers as there can be")
    }
}

impl std::error::Error for TryWriteError {}

impl fmt::Display for TryWriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("somebody holds the lock or waits for it")
    }
}
