//! The places of a ring, as many as it has room for.

use std::ptr;

use crate::primitive::{AtomicPtr, Ordering};

/// A power of two of places, and a link for the list of buffers that are no longer in use.
pub(super) struct Buffer {
    places: Box<[AtomicPtr<()>]>,
    /// The buffer that was retired before this one. Only the owner reads and writes it.
    pub(super) older: AtomicPtr<Self>,
}

impl Buffer {
    /// # Panics
    ///
    /// Unless `capacity` is a power of two.
    pub(super) fn new(capacity: usize) -> Self {
        assert!(capacity.is_power_of_two(), "an index is cut by a mask");
        Self {
            places: (0..capacity)
                .map(|_| AtomicPtr::new(ptr::null_mut()))
                .collect(),
            older: AtomicPtr::new(ptr::null_mut()),
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.places.len()
    }

    /// What lies at `index` now. Whether it counts is for the head of the ring to say.
    pub(super) fn read(&self, index: u64) -> *mut () {
        self.place(index).load(Ordering::Relaxed)
    }

    /// Puts `raw` at `index`; the tail of the ring publishes it.
    pub(super) fn write(&self, index: u64, raw: *mut ()) {
        self.place(index).store(raw, Ordering::Relaxed);
    }

    fn place(&self, index: u64) -> &AtomicPtr<()> {
        // The mask keeps only low bits, and so does the cast on a machine of fewer bits.
        &self.places[index as usize & (self.places.len() - 1)]
    }
}
