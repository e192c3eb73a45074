//! The futures that wait for a read-write lock that they borrow.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::lent::{AllSeats, Borrow, Mut, Ref, Seat};
use crate::permits::Permits;
use crate::rwlock::RwLock;
use crate::rwlock::read_guard::RwLockReadGuard;
use crate::rwlock::write_guard::RwLockWriteGuard;

pin_project! {
    /// The future of [`RwLock::read`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Read<'a, T: ?Sized> {
        #[pin]
        borrow: Borrow<&'a Permits, Seat, Ref<T>>,
    }
}

pin_project! {
    /// The future of [`RwLock::write`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Write<'a, T: ?Sized> {
        #[pin]
        borrow: Borrow<&'a Permits, AllSeats, Mut<T>>,
    }
}

impl<'a, T: ?Sized> Read<'a, T> {
    #[track_caller]
    pub(super) fn new(lock: &'a RwLock<T>) -> Self {
        Self {
            borrow: lock.lent.offer_shared().accept(&"RwLock::read"),
        }
    }
}

impl<'a, T: ?Sized> Future for Read<'a, T> {
    type Output = RwLockReadGuard<'a, T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().borrow.poll(cx).map(RwLockReadGuard::new)
    }
}

impl<T: ?Sized> fmt::Debug for Read<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read")
            .field("wait", self.borrow.wait())
            .finish_non_exhaustive()
    }
}

impl<'a, T: ?Sized> Write<'a, T> {
    #[track_caller]
    pub(super) fn new(lock: &'a RwLock<T>) -> Self {
        Self {
            borrow: lock.lent.offer().accept(&"RwLock::write"),
        }
    }
}

impl<'a, T: ?Sized> Future for Write<'a, T> {
    type Output = RwLockWriteGuard<'a, T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().borrow.poll(cx).map(RwLockWriteGuard::new)
    }
}

impl<T: ?Sized> fmt::Debug for Write<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write")
            .field("wait", self.borrow.wait())
            .finish_non_exhaustive()
    }
}
