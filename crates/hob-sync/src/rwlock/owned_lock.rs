//! The futures that wait for a read-write lock that they own.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::lent::{AllSeats, Borrow, Mut, Offer, Ref, Seat};
use crate::permits::Permits;
use crate::rwlock::RwLock;
use crate::rwlock::read_guard::OwnedRwLockReadGuard;
use crate::rwlock::write_guard::OwnedRwLockWriteGuard;
use crate::wait_queue::Part;

pin_project! {
    /// The future of [`RwLock::read_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadOwned<T: ?Sized> {
        #[pin]
        borrow: Borrow<Part<RwLock<T>, Permits>, Seat, Ref<T>>,
    }
}

pin_project! {
    /// The future of [`RwLock::write_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WriteOwned<T: ?Sized> {
        #[pin]
        borrow: Borrow<Part<RwLock<T>, Permits>, AllSeats, Mut<T>>,
    }
}

impl<T: ?Sized> ReadOwned<T> {
    #[track_caller]
    pub(super) fn new(lock: Arc<RwLock<T>>) -> Self {
        let offer = Offer::owned(lock, |lock| lock.lent.offer_shared());
        Self {
            borrow: offer.accept(&"RwLock::read_owned"),
        }
    }
}

impl<T: ?Sized> Future for ReadOwned<T> {
    type Output = OwnedRwLockReadGuard<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project()
            .borrow
            .poll(cx)
            .map(OwnedRwLockReadGuard::new)
    }
}

impl<T: ?Sized> fmt::Debug for ReadOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadOwned")
            .field("wait", self.borrow.wait())
            .finish_non_exhaustive()
    }
}

impl<T: ?Sized> WriteOwned<T> {
    #[track_caller]
    pub(super) fn new(lock: Arc<RwLock<T>>) -> Self {
        let offer = Offer::owned(lock, |lock| lock.lent.offer());
        Self {
            borrow: offer.accept(&"RwLock::write_owned"),
        }
    }
}

impl<T: ?Sized> Future for WriteOwned<T> {
    type Output = OwnedRwLockWriteGuard<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project()
            .borrow
            .poll(cx)
            .map(OwnedRwLockWriteGuard::new)
    }
}

impl<T: ?Sized> fmt::Debug for WriteOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteOwned")
            .field("wait", self.borrow.wait())
            .finish_non_exhaustive()
    }
}
