//! A message that can be counted.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A message that counts how many of it live, and how often it was cloned.
#[derive(Debug)]
pub struct Tracked(pub u64, pub Arc<Counts>);

#[derive(Debug, Default)]
pub struct Counts {
    live: AtomicUsize,
    clones: AtomicUsize,
}

impl Counts {
    pub fn message(self: &Arc<Self>, number: u64) -> Tracked {
        self.live.fetch_add(1, Ordering::SeqCst);
        Tracked(number, Arc::clone(self))
    }

    pub fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }

    pub fn clones(&self) -> usize {
        self.clones.load(Ordering::SeqCst)
    }
}

impl Clone for Tracked {
    fn clone(&self) -> Self {
        self.1.clones.fetch_add(1, Ordering::SeqCst);
        self.1.message(self.0)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.1.live.fetch_sub(1, Ordering::SeqCst);
    }
}
