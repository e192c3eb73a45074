//! The guards that hold permits of a semaphore.
//!
//! # Implementation
//!
//! A guard is a number. It goes back when the guard is dropped, or out of the world when it is
//! forgotten, or into another guard when they are merged; then zero is left and the drop does nothing.
//! All numbers together are never more than there are permits, so no sum overflows.

use std::fmt;
use std::mem;
use std::ptr;
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
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(3);
    /// let permits = semaphore.try_acquire_many(2).unwrap();
    /// assert_eq!(permits.count(), 2);
    /// ```
    #[doc(alias = "num_permits")]
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The semaphore they belong to.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(1);
    /// let permit = semaphore.try_acquire().unwrap();
    /// assert!(std::ptr::eq(permit.semaphore(), &semaphore));
    /// ```
    #[must_use]
    pub const fn semaphore(&self) -> &'a Semaphore {
        self.semaphore
    }

    /// Adds the permits of `other` to these, to be given back together.
    ///
    /// # Errors
    ///
    /// `other`, if its permits are those of another semaphore; then nothing changes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(2);
    /// let other = Semaphore::new(1);
    /// let mut permits = semaphore.try_acquire().unwrap();
    /// permits.merge(semaphore.try_acquire().unwrap()).unwrap();
    /// assert_eq!(permits.count(), 2);
    /// assert!(permits.merge(other.try_acquire().unwrap()).is_err());
    /// drop(permits);
    /// assert_eq!(semaphore.available_permits(), 2);
    /// ```
    pub fn merge(&mut self, mut other: Self) -> Result<(), Self> {
        if !ptr::eq(self.semaphore, other.semaphore) {
            return Err(other);
        }
        self.count += mem::take(&mut other.count);
        Ok(())
    }

    /// Takes `permits` permits out of these, to be given back on their own. `None` says that these are
    /// fewer; then nothing changes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Semaphore;
    /// let semaphore = Semaphore::new(3);
    /// let mut permits = semaphore.try_acquire_many(3).unwrap();
    /// let one = permits.split(1).unwrap();
    /// assert_eq!((one.count(), permits.count()), (1, 2));
    /// assert!(permits.split(3).is_none());
    /// drop(permits);
    /// assert_eq!(semaphore.available_permits(), 2);
    /// ```
    #[must_use = "the permits that are split off are given back at once if they are not kept"]
    pub fn split(&mut self, permits: usize) -> Option<Self> {
        self.count = self.count.checked_sub(permits)?;
        Some(Self::new(self.semaphore, permits))
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
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Semaphore;
    /// let semaphore = Arc::new(Semaphore::new(3));
    /// let permits = Arc::clone(&semaphore).try_acquire_many_owned(2).unwrap();
    /// assert_eq!(permits.count(), 2);
    /// ```
    #[doc(alias = "num_permits")]
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The semaphore they belong to.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Semaphore;
    /// let semaphore = Arc::new(Semaphore::new(1));
    /// let permit = Arc::clone(&semaphore).try_acquire_owned().unwrap();
    /// assert!(Arc::ptr_eq(permit.semaphore(), &semaphore));
    /// ```
    #[must_use]
    pub const fn semaphore(&self) -> &Arc<Semaphore> {
        &self.semaphore
    }

    /// Adds the permits of `other` to these, to be given back together.
    ///
    /// # Errors
    ///
    /// `other`, if its permits are those of another semaphore; then nothing changes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Semaphore;
    /// let semaphore = Arc::new(Semaphore::new(2));
    /// let mut permits = Arc::clone(&semaphore).try_acquire_owned().unwrap();
    /// permits.merge(Arc::clone(&semaphore).try_acquire_owned().unwrap()).unwrap();
    /// assert_eq!(permits.count(), 2);
    /// assert!(permits.merge(Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap()).is_err());
    /// drop(permits);
    /// assert_eq!(semaphore.available_permits(), 2);
    /// ```
    pub fn merge(&mut self, mut other: Self) -> Result<(), Self> {
        if !Arc::ptr_eq(&self.semaphore, &other.semaphore) {
            return Err(other);
        }
        self.count += mem::take(&mut other.count);
        Ok(())
    }

    /// Takes `permits` permits out of these, to be given back on their own. `None` says that these are
    /// fewer; then nothing changes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Semaphore;
    /// let semaphore = Arc::new(Semaphore::new(3));
    /// let mut permits = Arc::clone(&semaphore).try_acquire_many_owned(3).unwrap();
    /// let one = permits.split(1).unwrap();
    /// assert_eq!((one.count(), permits.count()), (1, 2));
    /// assert!(permits.split(3).is_none());
    /// drop(permits);
    /// assert_eq!(semaphore.available_permits(), 2);
    /// ```
    #[must_use = "the permits that are split off are given back at once if they are not kept"]
    pub fn split(&mut self, permits: usize) -> Option<Self> {
        self.count = self.count.checked_sub(permits)?;
        Some(Self::new(Arc::clone(&self.semaphore), permits))
    }

    /// Takes the permits out of the semaphore for good.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Semaphore;
    /// let semaphore = Arc::new(Semaphore::new(2));
    /// Arc::clone(&semaphore).try_acquire_owned().unwrap().forget();
    /// assert_eq!(semaphore.statistics().permits_total, 1);
    /// ```
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
