//! The futures that wait for a mutex.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::lent::{Borrow, Mut, Offer, Sole};
use crate::mutex::Mutex;
use crate::mutex::guard::MutexGuard;
use crate::mutex::owned_guard::OwnedMutexGuard;
use crate::permits::Permits;
use crate::wait_queue::Part;

pin_project! {
    /// The future of [`Mutex::lock`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Lock<'a, T: ?Sized> {
        mutex: &'a Mutex<T>,
        #[pin]
        borrow: Borrow<&'a Permits, Sole, Mut<T>>,
    }
}

pin_project! {
    /// The future of [`Mutex::lock_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct LockOwned<T: ?Sized> {
        #[pin]
        borrow: Borrow<Part<Mutex<T>, Permits>, Sole, Mut<T>>,
    }
}

impl<'a, T: ?Sized> Lock<'a, T> {
    /// The future of a lock that was asked for at `place`.
    pub(crate) fn new_at(mutex: &'a Mutex<T>, place: &'static Location<'static>) -> Self {
        Self {
            mutex,
            borrow: mutex.lent.offer().accept_at(&"Mutex::lock", place),
        }
    }
}

impl<'a, T: ?Sized> Future for Lock<'a, T> {
    type Output = MutexGuard<'a, T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mutex = *this.mutex;
        this.borrow
            .poll(cx)
            .map(|loan| MutexGuard::new(mutex, loan))
    }
}

impl<T: ?Sized> fmt::Debug for Lock<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("wait", self.borrow.wait())
            .finish_non_exhaustive()
    }
}

impl<T: ?Sized> LockOwned<T> {
    /// The future of a lock that was asked for at `place`.
    pub(crate) fn new_at(mutex: Arc<Mutex<T>>, place: &'static Location<'static>) -> Self {
        let offer = Offer::owned(mutex, |mutex| mutex.lent.offer());
        Self {
            borrow: offer.accept_at(&"Mutex::lock_owned", place),
        }
    }
}

impl<T: ?Sized> Future for LockOwned<T> {
    type Output = OwnedMutexGuard<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().borrow.poll(cx).map(OwnedMutexGuard::new)
    }
}

impl<T: ?Sized> fmt::Debug for LockOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockOwned")
            .field("wait", self.borrow.wait())
            .finish_non_exhaustive()
    }
}
