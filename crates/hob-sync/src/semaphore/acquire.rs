//! The futures that wait for permits.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::semaphore::Semaphore;
use crate::semaphore::error::AcquireError;
use crate::semaphore::permit::{OwnedSemaphorePermit, SemaphorePermit};
use crate::wait_queue::{Ticket, leave};

/// The future of [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Acquire<'a> {
    semaphore: &'a Semaphore,
    request: usize,
    ticket: Ticket,
}

/// The future of [`Semaphore::acquire_owned`] and [`Semaphore::acquire_many_owned`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct AcquireOwned {
    semaphore: Arc<Semaphore>,
    request: usize,
    ticket: Ticket,
}

impl<'a> Acquire<'a> {
    pub(super) const fn new(semaphore: &'a Semaphore, request: usize, ticket: Ticket) -> Self {
        Self {
            semaphore,
            request,
            ticket,
        }
    }
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<SemaphorePermit<'a>, AcquireError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let semaphore = this.semaphore;
        semaphore
            .poll_acquire(this.request, &mut this.ticket, cx)
            .map_ok(|count| SemaphorePermit::new(semaphore, count))
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        leave(&self.semaphore.state, &mut self.ticket);
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("request", &self.request)
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}

impl AcquireOwned {
    pub(super) const fn new(semaphore: Arc<Semaphore>, request: usize, ticket: Ticket) -> Self {
        Self {
            semaphore,
            request,
            ticket,
        }
    }
}

impl Future for AcquireOwned {
    type Output = Result<OwnedSemaphorePermit, AcquireError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let semaphore = &this.semaphore;
        semaphore
            .poll_acquire(this.request, &mut this.ticket, cx)
            .map_ok(|count| OwnedSemaphorePermit::new(Arc::clone(semaphore), count))
    }
}

impl Drop for AcquireOwned {
    fn drop(&mut self) {
        leave(&self.semaphore.state, &mut self.ticket);
    }
}

impl fmt::Debug for AcquireOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcquireOwned")
            .field("request", &self.request)
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}
