//! The guards of those who write.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::lent::{AllSeats, Loan, Mapped, Mut, Offer};
use crate::permits::Permits;
use crate::rwlock::RwLock;
use crate::rwlock::read_guard::{OwnedRwLockReadGuard, RwLockReadGuard};
use crate::wait_queue::Part;

/// The value of a [`RwLock`], to write. Dropped, it unlocks.
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    loan: Loan<&'a Permits, AllSeats, Mut<T>>,
}

/// A part of the value of a [`RwLock`], to write: see [`RwLockWriteGuard::map`]. Dropped, it unlocks.
///
/// It cannot be downgraded: the closure that found the part may have used that nobody else reads.
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct MappedRwLockWriteGuard<'a, U: ?Sized> {
    loan: Loan<&'a Permits, AllSeats, Mut<U, Mapped>>,
}

/// The value of a shared [`RwLock`], to write. Dropped, it unlocks.
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    loan: Loan<Part<RwLock<T>, Permits>, AllSeats, Mut<T>>,
}

/// A part of the value of a shared [`RwLock`], to write: see [`OwnedRwLockWriteGuard::map`]. Dropped,
/// it unlocks.
///
/// It cannot be downgraded, as [`MappedRwLockWriteGuard`].
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct OwnedMappedRwLockWriteGuard<T: ?Sized, U: ?Sized> {
    loan: Loan<Part<RwLock<T>, Permits>, AllSeats, Mut<U, Mapped>>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    pub(super) const fn new(loan: Loan<&'a Permits, AllSeats, Mut<T>>) -> Self {
        Self { loan }
    }

    /// Goes on reading, with nobody who writes in between.
    ///
    /// Readers that are first in line are served at once. A writer that is stays first, and waits for
    /// this guard too.
    ///
    /// It is called as `RwLockWriteGuard::downgrade(guard)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new(1);
    /// let mut writer = lock.try_write().expect("it is free");
    /// *writer += 1;
    /// let reader = RwLockWriteGuard::downgrade(writer);
    /// assert_eq!(*reader, 2);
    /// assert!(lock.try_read().is_ok());
    /// assert!(lock.try_write().is_err());
    /// ```
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T> {
        RwLockReadGuard::new(guard.loan.downgrade())
    }

    /// Goes on with a part of the value, such as a field. The lock stays locked.
    ///
    /// It is called as `RwLockWriteGuard::map(guard, ..)`. If the closure panics, it is unlocked.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new((1, "one"));
    /// let guard = lock.try_write().expect("it is free");
    /// let mut number = RwLockWriteGuard::map(guard, |pair| &mut pair.0);
    /// *number += 1;
    /// assert!(lock.try_read().is_err());
    /// drop(number);
    /// assert_eq!(lock.into_inner(), (2, "one"));
    /// ```
    pub fn map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedRwLockWriteGuard<'a, U> {
        MappedRwLockWriteGuard {
            loan: guard.loan.map(part),
        }
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
    /// # use hob_sync::{RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new(vec![1, 2]);
    /// let guard = lock.try_write().expect("it is free");
    /// let guard = RwLockWriteGuard::try_map(guard, |list| list.get_mut(7)).unwrap_err();
    /// let last = RwLockWriteGuard::try_map(guard, |list| list.last_mut()).unwrap();
    /// assert_eq!(*last, 2);
    /// ```
    pub fn try_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedRwLockWriteGuard<'a, U>, Self> {
        match guard.loan.try_map(part) {
            Ok(loan) => Ok(MappedRwLockWriteGuard { loan }),
            Err(loan) => Err(Self { loan }),
        }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.loan
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.loan
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<'a, U: ?Sized> MappedRwLockWriteGuard<'a, U> {
    /// Goes on with a part of the part, as [`RwLockWriteGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{MappedRwLockWriteGuard, RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new((1, [2, 3]));
    /// let guard = lock.try_write().expect("it is free");
    /// let pair = RwLockWriteGuard::map(guard, |value| &mut value.1);
    /// *MappedRwLockWriteGuard::map(pair, |pair| &mut pair[1]) += 1;
    /// assert_eq!(lock.into_inner(), (1, [2, 4]));
    /// ```
    pub fn map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut U) -> &mut V,
    ) -> MappedRwLockWriteGuard<'a, V> {
        MappedRwLockWriteGuard {
            loan: guard.loan.map(part),
        }
    }

    /// Goes on with a part of the part, as [`RwLockWriteGuard::try_map`].
    ///
    /// # Errors
    ///
    /// The guard, if the closure returned `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{MappedRwLockWriteGuard, RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new((1, vec![2, 3]));
    /// let guard = lock.try_write().expect("it is free");
    /// let list = RwLockWriteGuard::map(guard, |value| &mut value.1);
    /// let list = MappedRwLockWriteGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    /// let last = MappedRwLockWriteGuard::try_map(list, |list| list.last_mut()).unwrap();
    /// assert_eq!(*last, 3);
    /// ```
    pub fn try_map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<MappedRwLockWriteGuard<'a, V>, Self> {
        match guard.loan.try_map(part) {
            Ok(loan) => Ok(MappedRwLockWriteGuard { loan }),
            Err(loan) => Err(Self { loan }),
        }
    }
}

impl<U: ?Sized> Deref for MappedRwLockWriteGuard<'_, U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.loan
    }
}

impl<U: ?Sized> DerefMut for MappedRwLockWriteGuard<'_, U> {
    fn deref_mut(&mut self) -> &mut U {
        &mut self.loan
    }
}

impl<U: ?Sized + fmt::Debug> fmt::Debug for MappedRwLockWriteGuard<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<U: ?Sized + fmt::Display> fmt::Display for MappedRwLockWriteGuard<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    pub(super) const fn new(loan: Loan<Part<RwLock<T>, Permits>, AllSeats, Mut<T>>) -> Self {
        Self { loan }
    }

    pub(super) fn try_new(lock: Arc<RwLock<T>>) -> Option<Self> {
        let offer = Offer::owned(lock, |lock| lock.lent.offer());
        offer.try_accept().map(Self::new)
    }

    /// Returns the lock that it holds.
    ///
    /// It is called as `OwnedRwLockWriteGuard::rwlock(&guard)`, to keep the value's own methods
    /// reachable.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{OwnedRwLockWriteGuard, RwLock};
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = Arc::clone(&lock).try_write_owned().expect("it is free");
    /// assert!(Arc::ptr_eq(OwnedRwLockWriteGuard::rwlock(&guard), &lock));
    /// ```
    #[must_use]
    pub const fn rwlock(guard: &Self) -> &Arc<RwLock<T>> {
        guard.loan.home().owner()
    }

    /// Goes on reading, with nobody who writes in between, as [`RwLockWriteGuard::downgrade`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{OwnedRwLockWriteGuard, RwLock};
    /// let lock = Arc::new(RwLock::new(1));
    /// let writer = Arc::clone(&lock).try_write_owned().expect("it is free");
    /// let reader = OwnedRwLockWriteGuard::downgrade(writer);
    /// assert_eq!((*reader, lock.statistics().readers), (1, 1));
    /// ```
    pub fn downgrade(guard: Self) -> OwnedRwLockReadGuard<T> {
        OwnedRwLockReadGuard::new(guard.loan.downgrade())
    }

    /// Goes on with a part of the value, as [`RwLockWriteGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{OwnedRwLockWriteGuard, RwLock};
    /// let lock = Arc::new(RwLock::new((1, "one")));
    /// let guard = Arc::clone(&lock).try_write_owned().expect("it is free");
    /// *OwnedRwLockWriteGuard::map(guard, |pair| &mut pair.0) += 1;
    /// assert_eq!(*lock.try_read().expect("it is free again"), (2, "one"));
    /// ```
    pub fn map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> OwnedMappedRwLockWriteGuard<T, U> {
        OwnedMappedRwLockWriteGuard {
            loan: guard.loan.map(part),
        }
    }

    /// Goes on with a part of the value, if the closure finds it, as [`RwLockWriteGuard::try_map`].
    ///
    /// # Errors
    ///
    /// The guard, if the closure returned `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{OwnedRwLockWriteGuard, RwLock};
    /// let lock = Arc::new(RwLock::new(vec![1, 2]));
    /// let guard = lock.try_write_owned().expect("it is free");
    /// let guard = OwnedRwLockWriteGuard::try_map(guard, |list| list.get_mut(7)).unwrap_err();
    /// let last = OwnedRwLockWriteGuard::try_map(guard, |list| list.last_mut()).unwrap();
    /// assert_eq!(*last, 2);
    /// ```
    pub fn try_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<OwnedMappedRwLockWriteGuard<T, U>, Self> {
        match guard.loan.try_map(part) {
            Ok(loan) => Ok(OwnedMappedRwLockWriteGuard { loan }),
            Err(loan) => Err(Self { loan }),
        }
    }
}

impl<T: ?Sized> Deref for OwnedRwLockWriteGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.loan
    }
}

impl<T: ?Sized> DerefMut for OwnedRwLockWriteGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.loan
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for OwnedRwLockWriteGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for OwnedRwLockWriteGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized, U: ?Sized> OwnedMappedRwLockWriteGuard<T, U> {
    /// Returns the lock that it holds, as [`OwnedRwLockWriteGuard::rwlock`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{OwnedMappedRwLockWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// let lock = Arc::new(RwLock::new((1, 2)));
    /// let guard = Arc::clone(&lock).try_write_owned().expect("it is free");
    /// let number = OwnedRwLockWriteGuard::map(guard, |pair| &mut pair.0);
    /// assert!(Arc::ptr_eq(OwnedMappedRwLockWriteGuard::rwlock(&number), &lock));
    /// ```
    #[must_use]
    pub const fn rwlock(guard: &Self) -> &Arc<RwLock<T>> {
        guard.loan.home().owner()
    }

    /// Goes on with a part of the part, as [`OwnedRwLockWriteGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{OwnedMappedRwLockWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// let lock = Arc::new(RwLock::new((1, [2, 3])));
    /// let guard = Arc::clone(&lock).try_write_owned().expect("it is free");
    /// let pair = OwnedRwLockWriteGuard::map(guard, |value| &mut value.1);
    /// *OwnedMappedRwLockWriteGuard::map(pair, |pair| &mut pair[1]) += 1;
    /// assert_eq!(*lock.try_read().expect("it is free again"), (1, [2, 4]));
    /// ```
    pub fn map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut U) -> &mut V,
    ) -> OwnedMappedRwLockWriteGuard<T, V> {
        OwnedMappedRwLockWriteGuard {
            loan: guard.loan.map(part),
        }
    }

    /// Goes on with a part of the part, as [`OwnedRwLockWriteGuard::try_map`].
    ///
    /// # Errors
    ///
    /// The guard, if the closure returned `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{OwnedMappedRwLockWriteGuard, OwnedRwLockWriteGuard, RwLock};
    /// let lock = Arc::new(RwLock::new((1, vec![2, 3])));
    /// let guard = lock.try_write_owned().expect("it is free");
    /// let list = OwnedRwLockWriteGuard::map(guard, |value| &mut value.1);
    /// let list = OwnedMappedRwLockWriteGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    /// let last = OwnedMappedRwLockWriteGuard::try_map(list, |list| list.last_mut()).unwrap();
    /// assert_eq!(*last, 3);
    /// ```
    pub fn try_map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<OwnedMappedRwLockWriteGuard<T, V>, Self> {
        match guard.loan.try_map(part) {
            Ok(loan) => Ok(OwnedMappedRwLockWriteGuard { loan }),
            Err(loan) => Err(Self { loan }),
        }
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedMappedRwLockWriteGuard<T, U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.loan
    }
}

impl<T: ?Sized, U: ?Sized> DerefMut for OwnedMappedRwLockWriteGuard<T, U> {
    fn deref_mut(&mut self) -> &mut U {
        &mut self.loan
    }
}

impl<T: ?Sized, U: ?Sized + fmt::Debug> fmt::Debug for OwnedMappedRwLockWriteGuard<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized, U: ?Sized + fmt::Display> fmt::Display for OwnedMappedRwLockWriteGuard<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
