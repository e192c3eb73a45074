//! A shared reference to something that lives for ever, which threads may exchange.
//!
//! What is recycled and never freed, and what is a constant of the program, is passed around as
//! `&'static`. This is the atomic form of such a reference; it costs a plain load or store.

#![expect(
    unsafe_code,
    reason = "std has no atomic reference: it is kept as a pointer, and made a reference again"
)]

use std::fmt;
use std::marker::PhantomData;
use std::ptr;

use crate::primitive::{AtomicPtr, Ordering};

/// An `Option<&'static T>` that threads share.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::Ordering;
/// use hob_core::AtomicRef;
///
/// static ONE: u32 = 1;
/// let shared = AtomicRef::new(None);
/// shared.store(Some(&ONE), Ordering::Release);
/// assert_eq!(shared.load(Ordering::Acquire), Some(&1));
/// ```
pub struct AtomicRef<T: 'static> {
    pointer: AtomicPtr<T>,
    /// Sent and shared as the reference is.
    _reference: PhantomData<&'static T>,
}

impl<T> AtomicRef<T> {
    /// Starts with `reference`.
    #[must_use]
    pub fn new(reference: Option<&'static T>) -> Self {
        Self {
            pointer: AtomicPtr::new(as_pointer(reference)),
            _reference: PhantomData,
        }
    }

    /// What was stored last.
    ///
    /// # Panics
    ///
    /// As std's atomics do, for an order that no load can have.
    #[must_use]
    #[inline]
    pub fn load(&self, order: Ordering) -> Option<&'static T> {
        let pointer = self.pointer.load(order);
        // SAFETY: it is null or was made of a `&'static T` by `as_pointer`: nothing else is ever
        // stored here, so what it points to is valid and shared for as long as the process lives.
        unsafe { pointer.as_ref() }
    }

    /// Puts `reference` in the place of what was there.
    ///
    /// # Panics
    ///
    /// As std's atomics do, for an order that no store can have.
    #[inline]
    pub fn store(&self, reference: Option<&'static T>, order: Ordering) {
        self.pointer.store(as_pointer(reference), order);
    }
}

#[inline]
fn as_pointer<T>(reference: Option<&'static T>) -> *mut T {
    reference.map_or(ptr::null_mut(), |reference| {
        ptr::from_ref(reference).cast_mut()
    })
}

impl<T> Default for AtomicRef<T> {
    fn default() -> Self {
        Self::new(None)
    }
}

impl<T: fmt::Debug> fmt::Debug for AtomicRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load(Ordering::Acquire).fmt(f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_is_loaded() {
        static ONE: u32 = 1;
        let shared = AtomicRef::default();
        assert_eq!(shared.load(Ordering::Acquire), None);
        shared.store(Some(&ONE), Ordering::Release);
        let loaded = shared.load(Ordering::Acquire).expect("it was stored");
        assert!(ptr::eq(loaded, &raw const ONE));
        shared.store(None, Ordering::Release);
        assert_eq!(format!("{shared:?}"), "None");
    }
}
