//! Plain models that what is tested is kept in step with, and compared to after every step.
//!
//! A simulation has one thread, so nothing happens between a poll and the word of it to the model.

pub(crate) mod channel;
pub(crate) mod queue;
pub(crate) mod watched;

use std::cell::Cell;
use std::rc::Rc;

/// What is sent and put. Its key is what priority queues compare; nobody may lose one.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) id: u64,
    pub(crate) key: u64,
    post: Post,
}

/// Counts the parcels that exist, and numbers them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Post {
    next: Rc<Cell<u64>>,
    alive: Rc<Cell<usize>>,
}

impl Post {
    pub(crate) fn number(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    pub(crate) fn parcel(&self, key: u64) -> Parcel {
        self.alive.set(self.alive.get() + 1);
        Parcel {
            id: self.number(),
            key,
            post: self.clone(),
        }
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.get()
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        self.post.alive.set(self.post.alive.get() - 1);
    }
}

impl Ord for Parcel {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl PartialOrd for Parcel {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Parcel {}

impl PartialEq for Parcel {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
