//! Objects that live as long as the process and are used again.
//!
//! Wheels, pollers and schedulers are reached from sleeping futures, sockets and task headers,
//! which outlive any runtime. Counting references there would cost an atomic on hot paths, so these
//! objects are never freed: a runtime takes one, and gives it back when it ends. Whoever still holds
//! a reference finds a generation that no longer fits, or an object that wakes nobody.

use std::fmt;
use std::sync::MutexGuard;

use crate::primitive::Global;

/// A process-wide shelf of objects that are handed out and never freed.
///
/// # Examples
///
/// ```
/// # use hob_core::Recycler;
/// static SHELF: Recycler<Vec<u8>> = Recycler::new();
/// let first: *const Vec<u8> = SHELF.take(|_| true, Vec::new);
/// let again = SHELF.take(|_| true, Vec::new);
/// assert!(!std::ptr::eq(first, again), "the first is still out");
/// SHELF.give_back(again);
/// assert!(std::ptr::eq(again, SHELF.take(|_| true, Vec::new)));
/// ```
pub struct Recycler<T: 'static> {
    idle: Global<Vec<&'static T>>,
}

impl<T> Recycler<T> {
    /// Creates an empty shelf, for a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            idle: Global::new(Vec::new()),
        }
    }

    /// Takes an idle object that `fits`, or makes one and keeps it for the life of the process.
    ///
    /// # Panics
    ///
    /// If `fits` panics: then, and at every later use of the shelf.
    pub fn take(&self, fits: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> &'static T {
        let mut idle = self.shelf();
        match idle.iter().position(|item| fits(item)) {
            Some(index) => idle.swap_remove(index),
            None => {
                drop(idle);
                Box::leak(Box::new(make()))
            }
        }
    }

    /// Puts an object back. The caller has made sure that nobody needs it to act any more.
    ///
    /// # Panics
    ///
    /// As [`take`](Self::take).
    pub fn give_back(&self, item: &'static T) {
        let mut idle = self.shelf();
        let twice = idle.iter().any(|other| std::ptr::eq(*other, item));
        if !twice {
            idle.push(item);
        }
        drop(idle);
        debug_assert!(!twice, "an object was given back twice");
    }

    fn shelf(&self) -> MutexGuard<'_, Vec<&'static T>> {
        self.idle.lock().expect("`fits` does not panic")
    }
}

impl<T> Default for Recycler<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Recycler<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recycler").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_is_out_is_not_handed_out() {
        static SHELF: Recycler<u32> = Recycler::new();
        let first = SHELF.take(|_| true, || 1);
        let second = SHELF.take(|_| true, || 2);
        assert_eq!((*first, *second), (1, 2));
    }

    #[test]
    fn only_what_fits_is_used_again() {
        static SHELF: Recycler<u32> = Recycler::new();
        let one = SHELF.take(|_| true, || 1);
        let two = SHELF.take(|_| true, || 2);
        SHELF.give_back(one);
        SHELF.give_back(two);
        assert!(std::ptr::eq(two, SHELF.take(|item| *item == 2, || 0)));
        assert_eq!(*SHELF.take(|item| *item == 2, || 3), 3);
        assert!(std::ptr::eq(one, SHELF.take(|_| true, || 0)));
    }

    #[test]
    fn making_one_may_use_the_shelf() {
        static SHELF: Recycler<u32> = Recycler::new();
        let outer = SHELF.take(
            |_| true,
            || {
                let inner = SHELF.take(|_| true, || 1);
                SHELF.give_back(inner);
                2
            },
        );
        assert_eq!(*outer, 2);
    }

    #[test]
    #[should_panic(expected = "given back twice")]
    #[cfg(debug_assertions)]
    fn giving_back_twice_is_noticed() {
        static SHELF: Recycler<u32> = Recycler::new();
        let item = SHELF.take(|_| true, || 1);
        SHELF.give_back(item);
        SHELF.give_back(item);
    }
}
