//! What a poller watches: a slab whose keys name one registration, never its successor.
//!
//! # Implementation
//!
//! A key is an index in its lower half and a generation in its upper half. Every registration gets
//! the next generation, also across the uses of a recycled poller, so an event or a call with the key
//! of an ended registration finds nothing. The generation of one and the same index comes again after
//! 2³² registrations, or 2¹⁶ where a `usize` has 32 bits; an event does not stay on its way for that
//! long.
//!
//! The registry is plain data: its poller guards it with a lock, and drops what it takes out of it
//! after releasing that lock.

use std::io;

use slab::Slab;

/// The registrations of one poller.
pub(crate) struct Registry<T> {
    slab: Slab<Entry<T>>,
    generation: usize,
}

struct Entry<T> {
    generation: usize,
    value: T,
}

const HALF: u32 = usize::BITS / 2;
const LOWER: usize = (1 << HALF) - 1;

/// No registration has an index above it: the few keys with such an index are free for others.
const INDEX_MAX: usize = LOWER - 16;

/// A key that no registration ever has, for a poller's own descriptor.
#[cfg(target_os = "linux")]
pub(crate) const BELL: u64 = LOWER as u64;

impl<T> Registry<T> {
    pub(crate) const fn new() -> Self {
        Self {
            slab: Slab::new(),
            generation: 0,
        }
    }

    /// Files `value` under a new key.
    pub(crate) fn insert(&mut self, value: T) -> io::Result<u64> {
        let vacant = self.slab.vacant_entry();
        let index = vacant.key();
        if index > INDEX_MAX {
            return Err(io::Error::new(
                io::ErrorKind::QuotaExceeded,
                "the poller watches as many descriptors as it has keys for",
            ));
        }
        self.generation = (self.generation + 1) & LOWER;
        vacant.insert(Entry {
            generation: self.generation,
            value,
        });
        Ok(join(index, self.generation))
    }

    pub(crate) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        let (index, generation) = split(key)?;
        self.slab
            .get_mut(index)
            .filter(|entry| entry.generation == generation)
            .map(|entry| &mut entry.value)
    }

    pub(crate) fn remove(&mut self, key: u64) -> Option<T> {
        self.get_mut(key)?;
        let (index, _) = split(key)?;
        self.slab.try_remove(index).map(|entry| entry.value)
    }

    /// Takes out everything, with its keys.
    pub(crate) fn drain(&mut self) -> Vec<(u64, T)> {
        let slab = std::mem::take(&mut self.slab);
        slab.into_iter()
            .map(|(index, entry)| (join(index, entry.generation), entry.value))
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }
}

fn join(index: usize, generation: usize) -> u64 {
    (generation << HALF | index) as u64
}

fn split(key: u64) -> Option<(usize, usize)> {
    let key = usize::try_from(key).ok()?;
    Some((key & LOWER, key >> HALF))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_name_its_successor() {
        let mut registry = Registry::new();
        let first = registry.insert("first").expect("there is room");
        assert_eq!(registry.remove(first), Some("first"));
        let second = registry.insert("second").expect("there is room");
        assert_eq!(split(first).unwrap().0, split(second).unwrap().0);
        assert_eq!(registry.get_mut(first), None);
        assert_eq!(registry.remove(first), None);
        assert_eq!(registry.get_mut(second), Some(&mut "second"));
    }

    #[test]
    fn a_key_of_an_earlier_use_names_nothing() {
        let mut registry = Registry::new();
        let old = registry.insert("old").expect("there is room");
        assert_eq!(registry.drain(), [(old, "old")]);
        let new = registry.insert("new").expect("there is room");
        assert_eq!(registry.get_mut(old), None);
        assert_eq!(registry.remove(new), Some("new"));
        assert_eq!(registry.len(), 0);
    }

    #[test]
    fn generations_wrap() {
        let mut registry = Registry::new();
        registry.generation = LOWER;
        let key = registry.insert(()).expect("there is room");
        assert_eq!(registry.generation, 0);
        assert_eq!(registry.get_mut(key), Some(&mut ()));
    }

    #[test]
    fn keys_of_nobody_name_nothing() {
        let mut registry = Registry::new();
        registry.insert(()).expect("there is room");
        for key in [BELL, u64::MAX, 7] {
            assert_eq!(registry.get_mut(key), None);
        }
    }
}
