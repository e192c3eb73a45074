//! In which process a poller was opened.
//!
//! A fork shares the poller itself between parent and child, and what one of them registers or
//! deletes, it does so for both. So a child leaves the parent's alone: it registers nothing, and what
//! it closes stays registered there, for the parent's copy. It hears of a fork from
//! [`hob_core::fork`].

use std::io;

use hob_core::fork;

use crate::primitive::{AtomicU64, Ordering};

/// The process that opened a poller; it is asked outside the poller's lock, which a thread that the
/// child has not may hold there for ever.
pub(crate) struct Home(AtomicU64);

impl Home {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(fork::generation()))
    }

    /// This process opens it.
    pub(crate) fn settle(&self) {
        // Whoever gets to know the opened poller gets to know this before, by the same way.
        self.0.store(fork::generation(), Ordering::Relaxed);
    }

    pub(crate) fn is_here(&self) -> bool {
        self.0.load(Ordering::Relaxed) == fork::generation()
    }

    /// Refuses to change what the parent watches.
    ///
    /// # Errors
    ///
    /// In a process that was forked from the one that opened it.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.is_here() {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the poller belongs to the process that this one was forked from",
        ))
    }
}
