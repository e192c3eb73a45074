//! The guards that hold permits of a semaphore.
//!
//! # Implementation
//!
//! A guard is a number. It goes back when the guard is dropped, or out of the world when it is
//! forgotten; then zero is left and the drop does nothing.

use std::fmt;
use std::mem;
use std::sync::Arc;

use crate::semaphore::Semaphore;

/// Permits of a [`Semaphore`], given back when this is dropped.
#[must_use = "permits that are dropped at once permit nothing"]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    count: usize,
}

/// Permits of a shared [`Semaphore`], given back when this is dropped.
#[must_use = "permits that are dropped at once permit nothing"]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    count: usize,
}

impl<'a> SemaphorePermit<'a> {
    pub(super) const fn new(semaphore: &'a Semaphore, count: usize) -> Self {
        Self { semaphore, count }
    }

    /// How many permits these are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Takes the permits out of the semaphore for good.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(2);
    /// semaphore.try_acquire().unwrap().forget();
    /// assert_eq!(semaphore.statistics().permits_total, 1);
    /// ```
    pub fn forget(mut self) {
        self.semaphore.forget(mem::take(&mut self.count));
    }
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.permits.release(self.count);
        }
    }
}

impl fmt::Debug for SemaphorePermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SemaphorePermit")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl OwnedSemaphorePermit {
    pub(super) const fn new(semaphore: Arc<Semaphore>, count: usize) -> Self {
        Self { semaphore, count }
    }

    /// How many permits these are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The semaphore they belong to.
    #[must_use]
    pub const fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }

    /// Takes the permits out of the semaphore for good.
    pub fn forget(mut self) {
        self.semaphore.forget(mem::take(&mut self.count));
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.permits.release(self.count);
        }
    }
}

impl fmt::Debug for OwnedSemaphorePermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSemaphorePermit")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
