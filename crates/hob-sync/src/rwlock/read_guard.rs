//! The guards of those who read.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::lent::{Loan, Offer, Ref, Seat};
use crate::permits::Permits;
use crate::rwlock::RwLock;
use crate::wait_queue::Part;

/// The value of a [`RwLock`], or a part of it, to read. Dropped, it unlocks.
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct RwLockReadGuard<'a, U: ?Sized> {
    loan: Loan<&'a Permits, Seat, Ref<U>>,
}

/// The value of a shared [`RwLock`], or a part of it, to read. Dropped, it unlocks.
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    loan: Loan<Part<RwLock<T>, Permits>, Seat, Ref<U>>,
}

impl<'a, U: ?Sized> RwLockReadGuard<'a, U> {
    pub(super) const fn new(loan: Loan<&'a Permits, Seat, Ref<U>>) -> Self {
        Self { loan }
    }

    /// Goes on with a part of the value, such as a field. The lock stays locked.
    ///
    /// It is called as `RwLockReadGuard::map(guard, ..)`. If the closure panics, it is unlocked.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{RwLock, RwLockReadGuard};
    /// let lock = RwLock::new((1, "one"));
    /// let guard = lock.try_read().expect("it is free");
    /// let number = RwLockReadGuard::map(guard, |pair| &pair.0);
    /// assert_eq!((*number, lock.statistics().readers), (1, 1));
    /// drop(number);
    /// assert!(lock.try_write().is_ok());
    /// ```
    pub fn map<V: ?Sized>(guard: Self, part: impl FnOnce(&U) -> &V) -> RwLockReadGuard<'a, V> {
        RwLockReadGuard::new(guard.loan.map(part))
    }

    /// Goes on with a part of the value, if the closure finds it.
    ///
    /// # Errors
    ///
    /// The guard, if the closure returned `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{RwLock, RwLockReadGuard};
    /// let lock = RwLock::new(vec![1, 2]);
    /// let guard = lock.try_read().expect("it is free");
    /// let guard = RwLockReadGuard::try_map(guard, |list| list.get(7)).unwrap_err();
    /// let last = RwLockReadGuard::try_map(guard, |list| list.last()).unwrap();
    /// assert_eq!(*last, 2);
    /// ```
    pub fn try_map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&U) -> Option<&V>,
    ) -> Result<RwLockReadGuard<'a, V>, Self> {
        match guard.loan.try_map(part) {
            Ok(loan) => Ok(RwLockReadGuard::new(loan)),
            Err(loan) => Err(Self::new(loan)),
        }
    }
}

impl<U: ?Sized> Deref for RwLockReadGuard<'_, U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.loan
    }
}

impl<U: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<U: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized> OwnedRwLockReadGuard<T> {
    pub(super) fn try_new(lock: Arc<RwLock<T>>) -> Option<Self> {
        let offer = Offer::owned(lock, |lock| lock.lent.offer_shared());
        offer.try_accept().map(Self::new)
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    pub(super) const fn new(loan: Loan<Part<RwLock<T>, Permits>, Seat, Ref<U>>) -> Self {
        Self { loan }
    }

    /// Returns the lock that it holds.
    ///
    /// It is called as `OwnedRwLockReadGuard::rwlock(&guard)`, to keep the value's own methods
    /// reachable.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{OwnedRwLockReadGuard, RwLock};
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = Arc::clone(&lock).try_read_owned().expect("it is free");
    /// assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&guard), &lock));
    /// ```
    #[must_use]
    pub const fn rwlock(guard: &Self) -> &Arc<RwLock<T>> {
        guard.loan.home().owner()
    }

    /// Goes on with a part of the value, as [`RwLockReadGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{OwnedRwLockReadGuard, RwLock};
    /// let lock = Arc::new(RwLock::new(vec![1, 2]));
    /// let guard = lock.try_read_owned().expect("it is free");
    /// let list = OwnedRwLockReadGuard::map(guard, |list| list.as_slice());
    /// assert_eq!(*list, [1, 2]);
    /// ```
    pub fn map<V: ?Sized>(guard: Self, part: impl FnOnce(&U) -> &V) -> OwnedRwLockReadGuard<T, V> {
        OwnedRwLockReadGuard::new(guard.loan.map(part))
    }

    /// Goes on with a part of the value, if the closure finds it, as [`RwLockReadGuard::try_map`].
    ///
    /// # Errors
    ///
    /// The guard, if the closure returned `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{OwnedRwLockReadGuard, RwLock};
    /// let lock = Arc::new(RwLock::new(vec![1, 2]));
    /// let guard = lock.try_read_owned().expect("it is free");
    /// let guard = OwnedRwLockReadGuard::try_map(guard, |list| list.get(7)).unwrap_err();
    /// let last = OwnedRwLockReadGuard::try_map(guard, |list| list.last()).unwrap();
    /// assert_eq!(*last, 2);
    /// ```
    pub fn try_map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&U) -> Option<&V>,
    ) -> Result<OwnedRwLockReadGuard<T, V>, Self> {
        match guard.loan.try_map(part) {
            Ok(loan) => Ok(OwnedRwLockReadGuard::new(loan)),
            Err(loan) => Err(Self::new(loan)),
        }
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedRwLockReadGuard<T, U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.loan
    }
}

impl<T: ?Sized, U: ?Sized + fmt::Debug> fmt::Debug for OwnedRwLockReadGuard<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized, U: ?Sized + fmt::Display> fmt::Display for OwnedRwLockReadGuard<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
