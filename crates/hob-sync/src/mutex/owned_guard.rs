//! The guards that own their mutex.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::lent::{Loan, Mapped, Mut, Offer, Sole};
use crate::mutex::Mutex;
use crate::permits::Permits;
use crate::wait_queue::Part;

/// The value of a shared [`Mutex`], unlocked when this is dropped.
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct OwnedMutexGuard<T: ?Sized> {
    loan: Loan<Part<Mutex<T>, Permits>, Sole, Mut<T>>,
}

/// A part of the value of a shared [`Mutex`], which is unlocked when this is dropped: see
/// [`OwnedMutexGuard::map`].
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized> {
    loan: Loan<Part<Mutex<T>, Permits>, Sole, Mut<U, Mapped>>,
}

impl<T: ?Sized> OwnedMutexGuard<T> {
    pub(super) const fn new(loan: Loan<Part<Mutex<T>, Permits>, Sole, Mut<T>>) -> Self {
        Self { loan }
    }

    pub(super) fn try_new(mutex: Arc<Mutex<T>>) -> Option<Self> {
        let offer = Offer::owned(mutex, |mutex| mutex.lent.offer());
        offer.try_accept().map(Self::new)
    }

    /// Returns the mutex that it locks.
    ///
    /// It is called as `OwnedMutexGuard::mutex(&guard)`, to keep the value's own methods reachable.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{Mutex, OwnedMutexGuard};
    /// let mutex = Arc::new(Mutex::new(1));
    /// let guard = Arc::clone(&mutex).try_lock_owned().expect("it is free");
    /// assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&guard), &mutex));
    /// ```
    #[must_use]
    pub const fn mutex(guard: &Self) -> &Arc<Mutex<T>> {
        guard.loan.home().owner()
    }

    /// Goes on with a part of the value, such as a field. The mutex stays locked.
    ///
    /// It is called as `OwnedMutexGuard::map(guard, ..)`. If the closure panics, the mutex is unlocked.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{Mutex, OwnedMutexGuard};
    /// let mutex = Arc::new(Mutex::new((1, "one")));
    /// let guard = Arc::clone(&mutex).try_lock_owned().expect("it is free");
    /// let mut number = OwnedMutexGuard::map(guard, |pair| &mut pair.0);
    /// *number += 1;
    /// assert!(mutex.try_lock().is_err());
    /// drop(number);
    /// assert_eq!(*mutex.try_lock().expect("it is free again"), (2, "one"));
    /// ```
    pub fn map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> OwnedMappedMutexGuard<T, U> {
        OwnedMappedMutexGuard {
            loan: guard.loan.map(part),
        }
    }

    /// Goes on with a part of the value, if the closure finds it, as [`MutexGuard::try_map`].
    ///
    /// # Errors
    ///
    /// The guard, if the closure returned `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{Mutex, OwnedMutexGuard};
    /// let mutex = Arc::new(Mutex::new(vec![1, 2]));
    /// let guard = mutex.try_lock_owned().expect("it is free");
    /// let guard = OwnedMutexGuard::try_map(guard, |list| list.get_mut(7)).unwrap_err();
    /// let last = OwnedMutexGuard::try_map(guard, |list| list.last_mut()).unwrap();
    /// assert_eq!(*last, 2);
    /// ```
    ///
    /// [`MutexGuard::try_map`]: super::MutexGuard::try_map
    pub fn try_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<OwnedMappedMutexGuard<T, U>, Self> {
        match guard.loan.try_map(part) {
            Ok(loan) => Ok(OwnedMappedMutexGuard { loan }),
            Err(loan) => Err(Self { loan }),
        }
    }
}

impl<T: ?Sized> Deref for OwnedMutexGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.loan
    }
}

impl<T: ?Sized> DerefMut for OwnedMutexGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.loan
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for OwnedMutexGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for OwnedMutexGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized, U: ?Sized> OwnedMappedMutexGuard<T, U> {
    /// Returns the mutex that it locks, as [`OwnedMutexGuard::mutex`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
    /// let mutex = Arc::new(Mutex::new((1, 2)));
    /// let guard = Arc::clone(&mutex).try_lock_owned().expect("it is free");
    /// let number = OwnedMutexGuard::map(guard, |pair| &mut pair.0);
    /// assert!(Arc::ptr_eq(OwnedMappedMutexGuard::mutex(&number), &mutex));
    /// ```
    #[must_use]
    pub const fn mutex(guard: &Self) -> &Arc<Mutex<T>> {
        guard.loan.home().owner()
    }

    /// Goes on with a part of the part, as [`OwnedMutexGuard::map`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
    /// let mutex = Arc::new(Mutex::new((1, [2, 3])));
    /// let guard = Arc::clone(&mutex).try_lock_owned().expect("it is free");
    /// let pair = OwnedMutexGuard::map(guard, |value| &mut value.1);
    /// *OwnedMappedMutexGuard::map(pair, |pair| &mut pair[1]) += 1;
    /// assert_eq!(*mutex.try_lock().expect("it is free again"), (1, [2, 4]));
    /// ```
    pub fn map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut U) -> &mut V,
    ) -> OwnedMappedMutexGuard<T, V> {
        OwnedMappedMutexGuard {
            loan: guard.loan.map(part),
        }
    }

    /// Goes on with a part of the part, as [`OwnedMutexGuard::try_map`].
    ///
    /// # Errors
    ///
    /// The guard, if the closure returned `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
    /// let mutex = Arc::new(Mutex::new((1, vec![2, 3])));
    /// let guard = mutex.try_lock_owned().expect("it is free");
    /// let list = OwnedMutexGuard::map(guard, |value| &mut value.1);
    /// let list = OwnedMappedMutexGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    /// let last = OwnedMappedMutexGuard::try_map(list, |list| list.last_mut()).unwrap();
    /// assert_eq!(*last, 3);
    /// ```
    pub fn try_map<V: ?Sized>(
        guard: Self,
        part: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<OwnedMappedMutexGuard<T, V>, Self> {
        match guard.loan.try_map(part) {
            Ok(loan) => Ok(OwnedMappedMutexGuard { loan }),
            Err(loan) => Err(Self { loan }),
        }
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedMappedMutexGuard<T, U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.loan
    }
}

impl<T: ?Sized, U: ?Sized> DerefMut for OwnedMappedMutexGuard<T, U> {
    fn deref_mut(&mut self) -> &mut U {
        &mut self.loan
    }
}

impl<T: ?Sized, U: ?Sized + fmt::Debug> fmt::Debug for OwnedMappedMutexGuard<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized, U: ?Sized + fmt::Display> fmt::Display for OwnedMappedMutexGuard<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
