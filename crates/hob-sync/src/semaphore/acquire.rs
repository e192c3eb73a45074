//! The futures that wait for permits.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hob_core::task::What;
use pin_project_lite::pin_project;

use crate::permits::{Closed, Permits};
use crate::semaphore::Semaphore;
use crate::semaphore::error::AcquireError;
use crate::semaphore::permit::{OwnedSemaphorePermit, SemaphorePermit};
use crate::wait_queue::{Part, Wait};

pin_project! {
    /// The future of [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Acquire<'a> {
        semaphore: &'a Semaphore,
        is_too_much: bool,
        #[pin]
        wait: Wait<&'a Permits>,
    }
}

pin_project! {
    /// The future of [`Semaphore::acquire_owned`] and [`Semaphore::acquire_many_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct AcquireOwned {
        is_too_much: bool,
        #[pin]
        wait: Wait<Part<Semaphore, Permits>>,
    }
}

impl<'a> Acquire<'a> {
    #[track_caller]
    pub(super) fn new(semaphore: &'a Semaphore, request: usize, what: What) -> Self {
        Self {
            semaphore,
            is_too_much: request > Semaphore::PERMITS_MAX,
            wait: Wait::new(&semaphore.permits, request, what),
        }
    }
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<SemaphorePermit<'a>, AcquireError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let semaphore = *this.semaphore;
        if *this.is_too_much {
            this.wait.finish();
            return Poll::Ready(Err(AcquireError::TooManyPermits));
        }
        this.wait
            .poll(cx)
            .map_ok(|count| SemaphorePermit::new(semaphore, count))
            .map_err(|Closed| AcquireError::Closed)
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("is_too_much", &self.is_too_much)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl AcquireOwned {
    #[track_caller]
    pub(super) fn new(semaphore: Arc<Semaphore>, request: usize, what: What) -> Self {
        let home = Part::new(semaphore, |semaphore| &semaphore.permits);
        Self {
            is_too_much: request > Semaphore::PERMITS_MAX,
            wait: Wait::new(home, request, what),
        }
    }
}

impl Future for AcquireOwned {
    type Output = Result<OwnedSemaphorePermit, AcquireError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if *this.is_too_much {
            this.wait.finish();
            return Poll::Ready(Err(AcquireError::TooManyPermits));
        }
        let acquired = this.wait.as_mut().poll(cx);
        let semaphore = || Arc::clone(this.wait.home().owner());
        acquired
            .map_ok(|count| OwnedSemaphorePermit::new(semaphore(), count))
            .map_err(|Closed| AcquireError::Closed)
    }
}

impl fmt::Debug for AcquireOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcquireOwned")
            .field("is_too_much", &self.is_too_much)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
