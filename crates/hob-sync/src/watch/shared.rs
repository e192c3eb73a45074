//! What the two ends of a watched value share: the value under its lock, and the hub.
//!
//! # Implementation
//!
//! The value lies under a read-write lock of the system, apart from the lock of the lines, and the two
//! are never held together. The closures that look at the value or change it run under the value's
//! lock, and so does whatever a [`Ref`] is used for: these are the one place in the crate where foreign
//! code runs under a lock, and each says so. Wakers are woken with both released.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard as StdGuard;

use crate::primitive::{ReadGuard, ReadWrite, WriteGuard};
use crate::watch::hub::{Audience, Hub, Version};

pub(super) struct Shared<T> {
    value: ReadWrite<T>,
    pub(super) hub: Hub,
}

/// The value of a channel, locked for reading as long as this lives.
///
/// It cannot be sent to another thread, so the compiler refuses to hold it across `.await` in a task
/// of several threads. As long as it lives, `send` blocks its thread. Whoever holds it must not use
/// the same channel otherwise: to send would wait for ever, and to borrow again too, if somebody else
/// waits to send.
///
/// # Examples
///
/// ```
/// # use hob_sync::watch;
/// let (tx, mut rx) = watch::channel("one");
/// tx.send("two").unwrap();
/// let value = rx.borrow_and_update();
/// assert_eq!((*value, value.has_changed()), ("two", true));
/// ```
#[must_use = "it locks the value as long as it lives"]
pub struct Ref<'a, T> {
    value: ReadGuard<'a, T>,
    has_changed: bool,
    /// Shared between threads, if the value is, but never sent, whatever the lock's crate allows.
    _not_send: PhantomData<StdGuard<'a, ()>>,
}

/// A change that is being made: the value, locked for writing.
///
/// Dropped, it counts the change, unlocks, and tells those who wait. So a closure that panics half-way
/// has made a change as any other: nobody knows how far it came.
pub(super) struct Change<'a, T> {
    hub: &'a Hub,
    /// `None` only while it is dropped.
    value: Option<WriteGuard<'a, T>>,
    counts: bool,
}

impl<T> Shared<T> {
    pub(super) fn new(value: T, receivers: usize) -> Self {
        Self {
            value: ReadWrite::new(value),
            hub: Hub::new(receivers),
        }
    }

    /// Locks the value for reading, for one who has seen `seen`; and tells which one it is.
    pub(super) fn borrow(&self, seen: Option<Version>) -> (Ref<'_, T>, Version) {
        let value = self.value.read();
        // It is counted under the lock, so this is the number of this very value.
        let version = self.hub.version();
        let borrowed = Ref {
            value,
            has_changed: seen.is_some_and(|seen| seen != version),
            _not_send: PhantomData,
        };
        (borrowed, version)
    }

    /// Locks the value for writing.
    pub(super) fn change(&self) -> Change<'_, T> {
        Change {
            hub: &self.hub,
            value: Some(self.value.write()),
            counts: true,
        }
    }
}

impl<T> Change<'_, T> {
    /// Says whether it is a change after all.
    pub(super) const fn count(&mut self, counts: bool) {
        self.counts = counts;
    }
}

impl<T> Deref for Change<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
            .as_ref()
            .expect("it is locked until it is dropped")
    }
}

impl<T> DerefMut for Change<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
            .as_mut()
            .expect("it is locked until it is dropped")
    }
}

impl<T> Drop for Change<'_, T> {
    fn drop(&mut self) {
        let audience = if self.counts {
            self.hub.count_change()
        } else {
            Audience::Nobody
        };
        self.value = None;
        self.hub.tell(audience);
    }
}

impl<T> Ref<'_, T> {
    /// Whether the receiver that lent it had not seen this value before. A sender has seen all.
    #[must_use]
    pub const fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display> fmt::Display for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
