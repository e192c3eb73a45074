//! Which types may be sent and shared, checked by the compiler.

use std::cell::Cell;
use std::future::Ready;
use std::rc::Rc;
use std::sync::MutexGuard as StdGuard;

use hob_sync::{
    Barrier, Condition, Event, LifoQueue, Mutex, MutexGuard, Notify, PlainQueue, PriorityQueue,
    Queue, Semaphore, barrier, broadcast, condition, event, mpmc, mpsc, mutex, notify, oneshot,
    queue, semaphore,
};

use hob_sync::rwlock::{self, RwLock};
use hob_sync::{Lazy, OnceCell, lazy, once_cell, watch};
use hob_sync::{MappedMutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard};
use hob_sync::{MappedRwLockWriteGuard, OwnedMappedRwLockWriteGuard, OwnedRwLockReadGuard};
use hob_sync::{OwnedRwLockWriteGuard, RwLockReadGuard, RwLockWriteGuard};

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
assert_impl!(mutex::Lock<'static, Private>: Send);
assert_not_impl!(mutex::Lock<'static, Pinned>: Send);
assert_impl!(mutex::LockOwned<Private>: Send);
assert_not_impl!(mutex::LockOwned<Pinned>: Send, Sync);
assert_not_impl!(mutex::LockOwned<Local>: Send, Sync);
assert_impl!(MappedMutexGuard<'static, u8>: Send, Sync, Unpin);
assert_impl!(MappedMutexGuard<'static, Private>: Send);
assert_not_impl!(MappedMutexGuard<'static, Private>: Sync);
assert_impl!(MappedMutexGuard<'static, Pinned>: Sync);
assert_not_impl!(MappedMutexGuard<'static, Pinned>: Send);
assert_not_impl!(MappedMutexGuard<'static, Local>: Send, Sync);
assert_impl!(OwnedMutexGuard<u8>: Send, Sync, Unpin);
assert_impl!(OwnedMutexGuard<Private>: Send);
assert_not_impl!(OwnedMutexGuard<Private>: Sync);
assert_not_impl!(OwnedMutexGuard<Pinned>: Send, Sync);
assert_not_impl!(OwnedMutexGuard<Local>: Send, Sync);
assert_impl!(OwnedMappedMutexGuard<Private, u8>: Send, Sync);
assert_impl!(OwnedMappedMutexGuard<u8, Private>: Send);
assert_not_impl!(OwnedMappedMutexGuard<u8, Private>: Sync);
assert_impl!(OwnedMappedMutexGuard<u8, Pinned>: Sync);
assert_not_impl!(OwnedMappedMutexGuard<u8, Pinned>: Send);
assert_not_impl!(OwnedMappedMutexGuard<Pinned, u8>: Send, Sync);
assert_not_impl!(OwnedMappedMutexGuard<Local, u8>: Send, Sync);
assert_impl!(mutex::TryLockError: Send, Sync);
assert_impl!(mutex::MutexStatistics: Send, Sync);

assert_impl!(RwLock<u8>: Send, Sync, Unpin);
assert_impl!(RwLock<Private>: Send);
assert_not_impl!(RwLock<Private>: Sync);
assert_not_impl!(RwLock<Pinned>: Send, Sync);
assert_not_impl!(RwLock<Local>: Send, Sync);
assert_impl!(RwLockReadGuard<'static, u8>: Send, Sync, Unpin);
assert_impl!(RwLockReadGuard<'static, Pinned>: Send, Sync);
assert_not_impl!(RwLockReadGuard<'static, Private>: Send, Sync);
assert_not_impl!(RwLockReadGuard<'static, Local>: Send, Sync);
assert_impl!(RwLockWriteGuard<'static, u8>: Send, Sync, Unpin);
assert_impl!(RwLockWriteGuard<'static, Private>: Send);
assert_not_impl!(RwLockWriteGuard<'static, Private>: Sync);
assert_impl!(RwLockWriteGuard<'static, Pinned>: Sync);
assert_not_impl!(RwLockWriteGuard<'static, Pinned>: Send);
assert_not_impl!(RwLockWriteGuard<'static, Local>: Send, Sync);
assert_impl!(MappedRwLockWriteGuard<'static, u8>: Send, Sync, Unpin);
assert_impl!(MappedRwLockWriteGuard<'static, Private>: Send);
assert_not_impl!(MappedRwLockWriteGuard<'static, Private>: Sync);
assert_impl!(MappedRwLockWriteGuard<'static, Pinned>: Sync);
assert_not_impl!(MappedRwLockWriteGuard<'static, Pinned>: Send);
assert_not_impl!(MappedRwLockWriteGuard<'static, Local>: Send, Sync);
assert_impl!(OwnedRwLockReadGuard<u8>: Send, Sync, Unpin);
assert_impl!(OwnedRwLockReadGuard<u8, Pinned>: Send, Sync);
assert_not_impl!(OwnedRwLockReadGuard<u8, Private>: Send, Sync);
assert_not_impl!(OwnedRwLockReadGuard<Private, u8>: Send, Sync);
assert_not_impl!(OwnedRwLockReadGuard<Pinned, u8>: Send, Sync);
assert_not_impl!(OwnedRwLockReadGuard<Local, u8>: Send, Sync);
assert_impl!(OwnedRwLockWriteGuard<u8>: Send, Sync, Unpin);
assert_not_impl!(OwnedRwLockWriteGuard<Private>: Send, Sync);
assert_not_impl!(OwnedRwLockWriteGuard<Pinned>: Send, Sync);
assert_not_impl!(OwnedRwLockWriteGuard<Local>: Send, Sync);
assert_impl!(OwnedMappedRwLockWriteGuard<u8, Private>: Send);
assert_not_impl!(OwnedMappedRwLockWriteGuard<u8, Private>: Sync);
assert_impl!(OwnedMappedRwLockWriteGuard<u8, Pinned>: Sync);
assert_not_impl!(OwnedMappedRwLockWriteGuard<u8, Pinned>: Send);
assert_not_impl!(OwnedMappedRwLockWriteGuard<Private, u8>: Send, Sync);
assert_not_impl!(OwnedMappedRwLockWriteGuard<Pinned, u8>: Send, Sync);
assert_impl!(rwlock::Read<'static, u8>: Send, Sync);
assert_not_impl!(rwlock::Read<'static, Private>: Send, Sync);
assert_impl!(rwlock::Write<'static, u8>: Send, Sync);
assert_not_impl!(rwlock::Write<'static, Pinned>: Send);
assert_not_impl!(rwlock::Write<'static, Local>: Send, Sync);
assert_impl!(rwlock::ReadOwned<u8>: Send, Sync);
assert_not_impl!(rwlock::ReadOwned<Private>: Send, Sync);
assert_not_impl!(rwlock::ReadOwned<Pinned>: Send, Sync);
assert_impl!(rwlock::WriteOwned<u8>: Send, Sync);
assert_not_impl!(rwlock::WriteOwned<Private>: Send, Sync);
assert_not_impl!(rwlock::WriteOwned<Pinned>: Send, Sync);
assert_impl!(rwlock::TryReadError: Send, Sync);
assert_impl!(rwlock::TryWriteError: Send, Sync);
assert_impl!(rwlock::RwLockStatistics: Send, Sync);

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
assert_impl!(mpsc::Sending<'static, u8>: Send, Sync);
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
assert_impl!(mpsc::ReserveOwned<Private>: Send, Sync);
assert_not_impl!(mpsc::ReserveOwned<Local>: Send, Sync);
assert_impl!(mpsc::OwnedPermit<Private>: Send, Sync, Unpin);
assert_not_impl!(mpsc::OwnedPermit<Local>: Send, Sync);
assert_impl!(mpsc::Closed<'static, Private>: Send, Sync);
assert_not_impl!(mpsc::Closed<'static, Local>: Send, Sync);
assert_impl!(mpsc::ChannelStatistics: Send, Sync);

assert_impl!(mpmc::Receiver<Private>: Send, Sync, Unpin);
assert_not_impl!(mpmc::Receiver<Local>: Send, Sync);
assert_not_impl!(mpmc::Receiver<Pinned>: Send, Sync);
assert_impl!(mpmc::Recv<'static, Private>: Send, Sync);
assert_not_impl!(mpmc::Recv<'static, Local>: Send, Sync);
assert_impl!(mpmc::RecvMany<'static, u8>: Send, Sync);
assert_not_impl!(mpmc::RecvMany<'static, Private>: Sync);
assert_not_impl!(mpmc::RecvMany<'static, Local>: Send, Sync);
assert_impl!(mpmc::Messages<'static, Private>: Send, Sync);
assert_not_impl!(mpmc::Messages<'static, Local>: Send, Sync);
assert_impl!(mpmc::IntoMessages<Private>: Send, Sync);
assert_not_impl!(mpmc::IntoMessages<Local>: Send, Sync);

// Several may clone one message at once, so it must be `Sync`: RUSTSEC-2025-0023.
assert_impl!(broadcast::Sender<u8>: Send, Sync, Unpin);
assert_not_impl!(broadcast::Sender<Private>: Send, Sync);
assert_not_impl!(broadcast::Sender<Pinned>: Send, Sync);
assert_not_impl!(broadcast::Sender<Local>: Send, Sync);
assert_impl!(broadcast::WeakSender<u8>: Send, Sync);
assert_not_impl!(broadcast::WeakSender<Private>: Send, Sync);
assert_not_impl!(broadcast::WeakSender<Pinned>: Send, Sync);
assert_impl!(broadcast::Receiver<u8>: Send, Sync, Unpin);
assert_not_impl!(broadcast::Receiver<Private>: Send, Sync);
assert_not_impl!(broadcast::Receiver<Pinned>: Send, Sync);
assert_impl!(broadcast::Recv<'static, u8>: Send, Sync);
assert_not_impl!(broadcast::Recv<'static, Private>: Send, Sync);
assert_not_impl!(broadcast::Recv<'static, Pinned>: Send, Sync);
assert_impl!(broadcast::Closed<'static, u8>: Send, Sync);
assert_not_impl!(broadcast::Closed<'static, Private>: Send, Sync);
assert_impl!(broadcast::Messages<'static, u8>: Send, Sync);
assert_not_impl!(broadcast::Messages<'static, Private>: Send, Sync);
assert_impl!(broadcast::IntoMessages<u8>: Send, Sync);
assert_not_impl!(broadcast::IntoMessages<Private>: Send, Sync);
assert_not_impl!(broadcast::SendError<Local>: Send, Sync);
assert_impl!(broadcast::RecvError: Send, Sync);
assert_impl!(broadcast::TryRecvError: Send, Sync);
assert_impl!(broadcast::Lagged: Send, Sync);
assert_impl!(broadcast::BroadcastStatistics: Send, Sync);

assert_impl!(Queue<Private>: Send, Sync, Unpin);
assert_not_impl!(Queue<Local>: Send, Sync);
assert_not_impl!(Queue<Pinned>: Send, Sync);
assert_impl!(queue::Item<u8>: Send, Sync);
assert_impl!(queue::Item<Private>: Send);
assert_not_impl!(queue::Item<Private>: Sync);
assert_not_impl!(queue::Item<Pinned>: Send);
assert_not_impl!(queue::Item<Local>: Send, Sync);
assert_impl!(queue::Put<'static, Private>: Send, Sync);
assert_not_impl!(queue::Put<'static, Local>: Send, Sync);
assert_impl!(queue::Get<'static, Private>: Send, Sync);
assert_not_impl!(queue::Get<'static, Local>: Send, Sync);
assert_impl!(queue::GetPlain<'static, Private>: Send, Sync);
assert_not_impl!(queue::GetPlain<'static, Local>: Send, Sync);
assert_impl!(queue::Join<'static, Private>: Send, Sync);
assert_not_impl!(queue::Join<'static, Local>: Send, Sync);
assert_impl!(LifoQueue<Private>: Send, Sync, Unpin);
assert_not_impl!(LifoQueue<Local>: Send, Sync);
assert_not_impl!(LifoQueue<Pinned>: Send, Sync);
assert_impl!(PriorityQueue<Private>: Send, Sync);
assert_not_impl!(PriorityQueue<Local>: Send, Sync);
assert_impl!(queue::Get<'static, Private, queue::Priority>: Send, Sync);
assert_not_impl!(queue::Get<'static, Local, queue::Priority>: Send, Sync);
assert_impl!(PlainQueue<Private>: Send, Sync, Unpin);
assert_not_impl!(PlainQueue<Local>: Send, Sync);
assert_not_impl!(queue::PutError<Local>: Send, Sync);
assert_not_impl!(queue::TryPutError<Local>: Send, Sync);
assert_not_impl!(queue::RequeueError<Local>: Send, Sync);
assert_impl!(queue::GetError: Send, Sync);
assert_impl!(queue::TryGetError: Send, Sync);
assert_impl!(queue::TaskDoneError: Send, Sync);
assert_impl!(queue::QueueStatistics: Send, Sync);

assert_impl!(Notify: Send, Sync, Unpin);
assert_impl!(notify::Notified<'static>: Send, Sync);
assert_impl!(notify::NotifiedOwned: Send, Sync);
assert_impl!(notify::NotifyStatistics: Send, Sync);

assert_impl!(Event: Send, Sync, Unpin);
assert_impl!(event::Wait<'static>: Send, Sync);
assert_impl!(event::EventStatistics: Send, Sync);

assert_impl!(Condition: Send, Sync, Unpin);
assert_impl!(condition::Wait<'static, MutexGuard<'static, u8>>: Send, Sync);
assert_impl!(condition::Wait<'static, MutexGuard<'static, Private>>: Send);
assert_not_impl!(condition::Wait<'static, MutexGuard<'static, Private>>: Sync);
assert_not_impl!(condition::Wait<'static, MutexGuard<'static, Local>>: Send, Sync);
assert_impl!(condition::WaitWhile<'static, MutexGuard<'static, u8>, fn(&mut u8) -> bool>: Send);
assert_not_impl!(condition::WaitWhile<'static, MutexGuard<'static, u8>, Local>: Send, Sync);
assert_impl!(condition::ConditionStatistics: Send, Sync);

assert_impl!(Barrier: Send, Sync, Unpin);
assert_impl!(barrier::Wait<'static>: Send, Sync);
assert_impl!(barrier::BarrierWait: Send, Sync);
assert_impl!(barrier::BarrierError: Send, Sync);
assert_impl!(barrier::BarrierStatistics: Send, Sync);

assert_impl!(OnceCell<u8>: Send, Sync, Unpin);
assert_impl!(OnceCell<Private>: Send);
assert_not_impl!(OnceCell<Private>: Sync);
assert_not_impl!(OnceCell<Pinned>: Send, Sync);
assert_not_impl!(OnceCell<Local>: Send, Sync);
assert_impl!(once_cell::Wait<'static, u8>: Send, Sync);
assert_not_impl!(once_cell::Wait<'static, Private>: Send, Sync);
assert_not_impl!(once_cell::Wait<'static, Pinned>: Send, Sync);
assert_impl!(once_cell::GetOrInit<'static, u8, u8, Ready<u8>>: Send, Sync);
assert_not_impl!(once_cell::GetOrInit<'static, Private, u8, Ready<u8>>: Send, Sync);
assert_not_impl!(once_cell::GetOrInit<'static, u8, Local, Ready<u8>>: Send, Sync);
assert_not_impl!(once_cell::GetOrInit<'static, u8, u8, Ready<Local>>: Send, Sync);
assert_impl!(once_cell::GetOrTryInit<'static, u8, u8, Ready<u8>>: Send, Sync);
assert_not_impl!(once_cell::GetOrTryInit<'static, u8, u8, Ready<Local>>: Send, Sync);
assert_not_impl!(once_cell::SetError<Local>: Send, Sync);
assert_impl!(once_cell::OnceCellStatistics: Send, Sync);

assert_impl!(Lazy<u8>: Send, Sync, Unpin);
// The future is polled by one at a time, so it need not be `Sync`.
assert_impl!(Lazy<u8, Ready<Private>>: Send, Sync);
assert_not_impl!(Lazy<u8, Ready<Local>>: Send, Sync);
assert_not_impl!(Lazy<u8, Ready<Pinned>>: Send, Sync);
assert_not_impl!(Lazy<Private, Ready<u8>>: Sync);
assert_not_impl!(Lazy<Local, Ready<u8>>: Send, Sync);
assert_impl!(lazy::Force<'static, u8, Ready<Private>>: Send);
assert_not_impl!(lazy::Force<'static, u8, Ready<Local>>: Send, Sync);
assert_not_impl!(lazy::Force<'static, Private, Ready<u8>>: Send, Sync);
assert_impl!(lazy::LazyStatistics: Send, Sync);

// What is lent to many at a time has to be shareable.
assert_impl!(watch::Sender<u8>: Send, Sync, Unpin);
assert_not_impl!(watch::Sender<Private>: Send, Sync);
assert_not_impl!(watch::Sender<Pinned>: Send, Sync);
assert_not_impl!(watch::Sender<Local>: Send, Sync);
assert_impl!(watch::Receiver<u8>: Send, Sync, Unpin);
assert_not_impl!(watch::Receiver<Private>: Send, Sync);
assert_not_impl!(watch::Receiver<Pinned>: Send, Sync);
assert_not_impl!(watch::Receiver<Local>: Send, Sync);
// So that it is not held across `.await` in a task of several threads.
assert_not_impl!(watch::Ref<'static, u8>: Send);
assert_impl!(watch::Ref<'static, u8>: Sync);
assert_not_impl!(watch::Ref<'static, Private>: Send, Sync);
// It touches no value.
assert_impl!(watch::Changed<'static>: Send, Sync);
assert_impl!(watch::Closed<'static>: Send, Sync);
assert_impl!(watch::WaitFor<'static, u8, u8>: Send, Sync);
assert_not_impl!(watch::WaitFor<'static, Private, u8>: Send, Sync);
assert_not_impl!(watch::WaitFor<'static, u8, Local>: Send, Sync);
assert_impl!(watch::IntoStream<u8>: Send, Sync, Unpin);
assert_not_impl!(watch::IntoStream<Private>: Send, Sync);
assert_not_impl!(watch::IntoStream<Local>: Send, Sync);
assert_impl!(watch::SendError<Private>: Send);
assert_not_impl!(watch::SendError<Local>: Send, Sync);
assert_impl!(watch::RecvError: Send, Sync);
assert_impl!(watch::WatchStatistics: Send, Sync);

#[test]
fn the_assertions_hold_since_this_file_compiles() {
    let _shared: &(dyn Sync + 'static) = &Mutex::new(Private::new(1));
}
