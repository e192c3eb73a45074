//! Which types may be sent and shared, checked by the compiler.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::MutexGuard as StdGuard;

use hob_sync::{Mutex, MutexGuard, Queue, Semaphore, mpsc, mutex, oneshot, queue, semaphore};

/// `Send`, not `Sync`.
type Private = Cell<u8>;
/// `Sync`, not `Send`.
type Pinned = StdGuard<'static, u8>;
/// Neither.
type Local = Rc<u8>;

macro_rules! assert_impl {
    ($type:ty: $($bound:ident),+) => {
        const _: fn() = || {
            fn check<T: ?Sized $(+ $bound)+>() {}
            check::<$type>();
        };
    };
}

/// Two impls of `Ambiguous` would apply if the type had the trait, and inference would fail.
macro_rules! assert_not_impl {
    ($type:ty: $($bound:ident),+) => {
        $(const _: fn() = || {
            trait Ambiguous<A> {
                fn check() {}
            }
            struct HasIt;
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $bound> Ambiguous<HasIt> for T {}
            let _ = <$type as Ambiguous<_>>::check;
        };)+
    };
}

assert_impl!(Mutex<u8>: Send, Sync, Unpin);
assert_impl!(Mutex<Private>: Send, Sync);
assert_not_impl!(Mutex<Pinned>: Send, Sync);
assert_not_impl!(Mutex<Local>: Send, Sync);
assert_impl!(MutexGuard<'static, u8>: Send, Sync);
assert_impl!(MutexGuard<'static, Private>: Send);
assert_not_impl!(MutexGuard<'static, Private>: Sync);
assert_not_impl!(MutexGuard<'static, Pinned>: Send);
assert_not_impl!(MutexGuard<'static, Local>: Send, Sync);
assert_impl!(mutex::Lock<'static, u8>: Send, Sync);
assert_not_impl!(mutex::Lock<'static, Local>: Send, Sync);
assert_impl!(mutex::TryLockError: Send, Sync);
assert_impl!(mutex::MutexStatistics: Send, Sync);

assert_impl!(Semaphore: Send, Sync, Unpin);
assert_impl!(semaphore::Acquire<'static>: Send, Sync);
assert_impl!(semaphore::AcquireOwned: Send, Sync);
assert_impl!(semaphore::SemaphorePermit<'static>: Send, Sync);
assert_impl!(semaphore::OwnedSemaphorePermit: Send, Sync);
assert_impl!(semaphore::AcquireError: Send, Sync);
assert_impl!(semaphore::TryAcquireError: Send, Sync);
assert_impl!(semaphore::AddPermitsError: Send, Sync);
assert_impl!(semaphore::SemaphoreStatistics: Send, Sync);

assert_impl!(oneshot::Sender<Private>: Send, Sync, Unpin);
assert_not_impl!(oneshot::Sender<Local>: Send, Sync);
assert_not_impl!(oneshot::Sender<Pinned>: Send, Sync);
assert_impl!(oneshot::Receiver<Private>: Send, Sync, Unpin);
assert_not_impl!(oneshot::Receiver<Local>: Send, Sync);
assert_not_impl!(oneshot::Receiver<Pinned>: Send, Sync);
assert_impl!(oneshot::Closed<'static, Private>: Send, Sync, Unpin);
assert_not_impl!(oneshot::Closed<'static, Local>: Send, Sync);
assert_impl!(oneshot::SendError<Private>: Send);
assert_not_impl!(oneshot::SendError<Private>: Sync);
assert_not_impl!(oneshot::SendError<Local>: Send, Sync);
assert_impl!(oneshot::RecvError: Send, Sync);
assert_impl!(oneshot::TryRecvError: Send, Sync);
assert_impl!(oneshot::OneshotStatistics: Send, Sync);

assert_impl!(mpsc::Sender<Private>: Send, Sync, Unpin);
assert_not_impl!(mpsc::Sender<Local>: Send, Sync);
assert_not_impl!(mpsc::Sender<Pinned>: Send, Sync);
assert_impl!(mpsc::WeakSender<Private>: Send, Sync);
assert_not_impl!(mpsc::WeakSender<Local>: Send, Sync);
assert_impl!(mpsc::UnboundedSender<Private>: Send, Sync);
assert_not_impl!(mpsc::UnboundedSender<Local>: Send, Sync);
assert_impl!(mpsc::WeakUnboundedSender<Private>: Send, Sync);
assert_not_impl!(mpsc::WeakUnboundedSender<Local>: Send, Sync);
assert_impl!(mpsc::Receiver<Private>: Send, Sync, Unpin);
assert_not_impl!(mpsc::Receiver<Local>: Send, Sync);
assert_not_impl!(mpsc::Receiver<Pinned>: Send, Sync);
assert_impl!(mpsc::Sending<'static, u8>: Send, Sync, Unpin);
assert_impl!(mpsc::Sending<'static, Private>: Send);
assert_not_impl!(mpsc::Sending<'static, Private>: Sync);
assert_not_impl!(mpsc::Sending<'static, Local>: Send, Sync);
assert_impl!(mpsc::Reserve<'static, Private>: Send, Sync);
assert_not_impl!(mpsc::Reserve<'static, Local>: Send, Sync);
assert_impl!(mpsc::Permit<'static, Private>: Send, Sync);
assert_not_impl!(mpsc::Permit<'static, Local>: Send, Sync);
assert_impl!(mpsc::Recv<'static, Private>: Send, Sync, Unpin);
assert_not_impl!(mpsc::Recv<'static, Local>: Send, Sync);
assert_impl!(mpsc::RecvMany<'static, u8>: Send, Sync);
assert_not_impl!(mpsc::RecvMany<'static, Private>: Sync);
assert_not_impl!(mpsc::RecvMany<'static, Local>: Send, Sync);
assert_not_impl!(mpsc::SendError<Local>: Send, Sync);
assert_not_impl!(mpsc::TrySendError<Local>: Send, Sync);
assert_impl!(mpsc::TryRecvError: Send, Sync);
assert_impl!(mpsc::MpscStatistics: Send, Sync);

assert_impl!(Queue<Private>: Send, Sync, Unpin);
assert_not_impl!(Queue<Local>: Send, Sync);
assert_not_impl!(Queue<Pinned>: Send, Sync);
assert_impl!(queue::Item<u8>: Send, Sync);
assert_impl!(queue::Item<Private>: Send);
assert_not_impl!(queue::Item<Private>: Sync);
assert_not_impl!(queue::Item<Pinned>: Send);
assert_not_impl!(queue::Item<Local>: Send, Sync);
assert_impl!(queue::Put<'static, u8>: Send, Sync, Unpin);
assert_not_impl!(queue::Put<'static, Private>: Sync);
assert_not_impl!(queue::Put<'static, Local>: Send, Sync);
assert_impl!(queue::Get<'static, Private>: Send, Sync, Unpin);
assert_not_impl!(queue::Get<'static, Local>: Send, Sync);
assert_impl!(queue::Join<'static, Private>: Send, Sync, Unpin);
assert_not_impl!(queue::Join<'static, Local>: Send, Sync);
assert_not_impl!(queue::PutError<Local>: Send, Sync);
assert_not_impl!(queue::TryPutError<Local>: Send, Sync);
assert_not_impl!(queue::RequeueError<Local>: Send, Sync);
assert_impl!(queue::GetError: Send, Sync);
assert_impl!(queue::TryGetError: Send, Sync);
assert_impl!(queue::QueueStatistics: Send, Sync);

#[test]
fn the_assertions_hold_since_this_file_compiles() {
    let _shared: &(dyn Sync + 'static) = &Mutex::new(Private::new(1));
}
