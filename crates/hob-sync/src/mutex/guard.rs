//! The guards that borrow their mutex.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::lent::{Loan, Mapped, Mut, Sole};
use crate::mutex::Mutex;
use crate::permits::Permits;

/// The value of a [`Mutex`], unlocked when this is dropped.
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    loan: Loan<&'a Permits, Sole, Mut<T>>,
}

/// A part of the value of a [`Mutex`], which is unlocked when this is dropped: see
/// [`MutexGuard::map`].
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct MappedMutexGuard<'a, U: ?Sized> {
    loan: Loan<&'a Permits, Sole, Mut<U, Mapped>>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    pub(super) const fn new(mutex: &'a Mutex<T>, loan: Loan<&'a Permits, Sole, Mut<T>>) -> Self {
        Self { mutex, loan }
    }

    /// Returns the mutex that it locks.
    ///
    /// It is called as `MutexGuard::mutex(&guard)`, to keep the value's own methods reachable.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{Mutex, MutexGuard};
    /// let mutex = Mutex::new(1);
    /// let guard = mutex.try_lock().expect("it is free");
    /// assert!(std::ptr::eq(MutexGuard::mutex(&guard), &mutex));
    /// ```
    #[must_use]
    pub const fn mutex(guard: &Self) -> &'a Mutex<T> {
        guard.mutex
    }

    /// Goes on with a part of the value, such as a field. The mutex stays locked.
    ///
    /// It is called as `MutexGuard::map(guard, ..)`. If the closure panics, the mutex is unlocked.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{Mutex, MutexGuard};
    /// let mutex = Mutex::new((1, "one"));
    /// let guard = mutex.try_lock().expect("it is free");
    /// let mut number = MutexGuard::map(guard, |pair| &mut pair.0);
    /// *number += 1;
    /// assert!(mutex.try_lock().is_err());
    /// drop(number);
    /// assert_eq!(mutex.into_inner(), (2, "one"));
    /// ```
    pub fn map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedMutexGuard<'a, U> {
        MappedMutexGuard {
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
    /// # use hob_sync::{Mutex, MutexGuard};
    /// let mutex = Mutex::new(vec![1, 2]);
    /// let guard = mutex.try_lock().expect("it is free");
    /// let guard = MutexGuard::try_map(guard, |list| list.get_mut(7)).unwrap_err();
    /// let last = MutexGuard::try_map(guard, |list| list.last_mut()).unwrap();
    /// assert_eq!(*last, 2);
    /// ```
    pub fn try_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedMutexGuard<'a, U>, Self> {
        let Self { mutex, loan } = guard;
        match loan.try_map(part) {
            Ok(loan) => Ok(MappedMutexGuard { loan }),
            Err(loan) => Err(Self { mutex, loan }),
        }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.loan
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.loan
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<'a, U: ?Sized> MappedMutexGuard<'a, U> {
    /// Goes on with a part of the part, as [`MutexGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{MappedMutexGuard, Mutex, MutexGuard};
    /// let mutex = Mutex::new((1, [2, 3]));
    /// let guard = mutex.try_lock().expect("it is free");
    /// let pair = MutexGuard::map(guard, |value| &mut value.1);
    /// let mut last = MappedMutexGuard::map(pair, |pair| &mut pair[1]);
    /// *last += 1;
    /// drop(last);
    /// assert_eq!(mutex.into_inner(), (1, [2, 4]));
    /// ```
    pub fn map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut U) -> &mut V,
    ) -> MappedMutexGuard<'a, V> {
        MappedMutexGuard {
            loan: guard.loan.map(part),
        }
    }

    /// Goes on with a part of the part, as [`MutexGuard::try_map`].
    ///
    /// # Errors
    ///
    /// The guard, if the closure returned `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{MappedMutexGuard, Mutex, MutexGuard};
    /// let mutex = Mutex::new((1, vec![2, 3]));
    /// let guard = mutex.try_lock().expect("it is free");
    /// let list = MutexGuard::map(guard, |value| &mut value.1);
    /// let list = MappedMutexGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    /// let last = MappedMutexGuard::try_map(list, |list| list.last_mut()).unwrap();
    /// assert_eq!(*last, 3);
    /// ```
    pub fn try_map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<MappedMutexGuard<'a, V>, Self> {
        match guard.loan.try_map(part) {
            Ok(loan) => Ok(MappedMutexGuard { loan }),
            Err(loan) => Err(Self { loan }),
        }
    }
}

impl<U: ?Sized> Deref for MappedMutexGuard<'_, U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.loan
    }
}

impl<U: ?Sized> DerefMut for MappedMutexGuard<'_, U> {
    fn deref_mut(&mut self) -> &mut U {
        &mut self.loan
    }
}

impl<U: ?Sized + fmt::Debug> fmt::Debug for MappedMutexGuard<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<U: ?Sized + fmt::Display> fmt::Display for MappedMutexGuard<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
