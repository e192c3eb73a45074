//! The guards that one can wait with at a condition.

use std::ops::DerefMut;
use std::panic::Location;
use std::sync::Arc;

use crate::condition::guard::sealed::Sealed;
use crate::mutex::{Lock, LockOwned, MutexGuard, OwnedMutexGuard};

/// A guard that one can wait with at a [`Condition`](super::Condition).
///
/// There are two: [`MutexGuard`] and [`OwnedMutexGuard`]. The trait is sealed: nobody else implements
/// it.
pub trait Guard: Sealed + DerefMut {}

mod sealed {
    use std::fmt::Debug;
    use std::panic::Location;

    /// What a guard has to tell.
    #[expect(unnameable_types, reason = "the trait is sealed")]
    pub trait Sealed: Sized {
        /// Waits for the lock.
        type Lock: Future<Output = Self> + Debug;

        /// Makes the future that locks again, asked for at `place`.
        fn lock_again(&self, place: &'static Location<'static>) -> Self::Lock;
    }
}

impl<T: ?Sized> Guard for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> Sealed for MutexGuard<'a, T> {
    type Lock = Lock<'a, T>;

    fn lock_again(&self, place: &'static Location<'static>) -> Lock<'a, T> {
        Lock::new_at(MutexGuard::mutex(self), place)
    }
}

impl<T: ?Sized> Guard for OwnedMutexGuard<T> {}

impl<T: ?Sized> Sealed for OwnedMutexGuard<T> {
    type Lock = LockOwned<T>;

    fn lock_again(&self, place: &'static Location<'static>) -> LockOwned<T> {
        LockOwned::new_at(Arc::clone(Self::mutex(self)), place)
    }
}
