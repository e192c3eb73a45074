//! One small trait over what lets few in at a time: mutexes, semaphores, read-write locks.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

/// Something that tasks enter and leave.
pub(super) trait Entrance: Send + Sync + 'static {
    /// How many may be inside; a reader is not counted.
    const WRITERS_MAX: u64;

    /// Whether [`read`](Self::read) is another thing than [`enter`](Self::enter).
    const HAS_READERS: bool = false;

    /// Makes one that nobody is in.
    fn new() -> Self;

    /// Enters, awaits `inside`, and leaves.
    fn enter<F>(&self, inside: F) -> impl Future<Output = ()> + Send
    where
        F: Future<Output = ()> + Send;

    /// Enters beside others that do the same; the same as [`enter`](Self::enter) where there is no such
    /// thing.
    fn read<F>(&self, inside: F) -> impl Future<Output = ()> + Send
    where
        F: Future<Output = ()> + Send,
    {
        self.enter(inside)
    }

    /// How many have entered and left.
    fn entered(&self) -> impl Future<Output = u64> + Send;
}

/// `hob::sync::Mutex`.
pub(super) struct HobMutex(hob::sync::Mutex<u64>);
/// `tokio::sync::Mutex`.
pub(super) struct TokioMutex(tokio::sync::Mutex<u64>);
/// `async_lock::Mutex`.
pub(super) struct AlockMutex(smol::lock::Mutex<u64>);
/// `hob::sync::Semaphore`.
pub(super) struct HobSemaphore(hob::sync::Semaphore, AtomicU64);
/// `tokio::sync::Semaphore`.
pub(super) struct TokioSemaphore(tokio::sync::Semaphore, AtomicU64);
/// `async_lock::Semaphore`.
pub(super) struct AlockSemaphore(smol::lock::Semaphore, AtomicU64);
/// `hob::sync::RwLock`.
pub(super) struct HobRwLock(hob::sync::RwLock<u64>, AtomicU64);
/// `tokio::sync::RwLock`.
pub(super) struct TokioRwLock(tokio::sync::RwLock<u64>, AtomicU64);
/// `async_lock::RwLock`.
pub(super) struct AlockRwLock(smol::lock::RwLock<u64>, AtomicU64);

/// A lock keeps the number of those who entered, read before `inside` and written after it: a second
/// one inside would be seen as one who is missing.
macro_rules! mutex {
    ($entrance:ident, $mutex:path) => {
        impl Entrance for $entrance {
            const WRITERS_MAX: u64 = 1;

            fn new() -> Self {
                Self(<$mutex>::new(0))
            }

            async fn enter<F>(&self, inside: F)
            where
                F: Future<Output = ()> + Send,
            {
                let mut guard = self.0.lock().await;
                let before = *guard;
                inside.await;
                *guard = before + 1;
            }

            async fn entered(&self) -> u64 {
                *self.0.lock().await
            }
        }
    };
}

mutex!(HobMutex, hob::sync::Mutex<u64>);
mutex!(TokioMutex, tokio::sync::Mutex<u64>);
mutex!(AlockMutex, smol::lock::Mutex<u64>);

const PERMITS: u64 = 4;

/// Those who have left are counted beside the permits.
macro_rules! semaphore {
    ($entrance:ident, $semaphore:path) => {
        impl Entrance for $entrance {
            const WRITERS_MAX: u64 = PERMITS;

            fn new() -> Self {
                Self(<$semaphore>::new(PERMITS as usize), AtomicU64::new(0))
            }

            async fn enter<F>(&self, inside: F)
            where
                F: Future<Output = ()> + Send,
            {
                if let Ok(_permit) = self.0.acquire().await {
                    inside.await;
                    self.1.fetch_add(1, Ordering::Relaxed);
                }
            }

            async fn entered(&self) -> u64 {
                self.1.load(Ordering::Relaxed)
            }
        }
    };
}

semaphore!(HobSemaphore, hob::sync::Semaphore);
semaphore!(TokioSemaphore, tokio::sync::Semaphore);

impl Entrance for AlockSemaphore {
    const WRITERS_MAX: u64 = PERMITS;

    fn new() -> Self {
        Self(
            smol::lock::Semaphore::new(PERMITS as usize),
            AtomicU64::new(0),
        )
    }

    async fn enter<F>(&self, inside: F)
    where
        F: Future<Output = ()> + Send,
    {
        let _permit = self.0.acquire().await;
        inside.await;
        self.1.fetch_add(1, Ordering::Relaxed);
    }

    async fn entered(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }
}

/// Writers are counted as in a mutex, readers beside the lock.
macro_rules! rwlock {
    ($entrance:ident, $lock:path) => {
        impl Entrance for $entrance {
            const WRITERS_MAX: u64 = 1;
            const HAS_READERS: bool = true;

            fn new() -> Self {
                Self(<$lock>::new(0), AtomicU64::new(0))
            }

            async fn enter<F>(&self, inside: F)
            where
                F: Future<Output = ()> + Send,
            {
                let mut guard = self.0.write().await;
                let before = *guard;
                inside.await;
                *guard = before + 1;
            }

            async fn read<F>(&self, inside: F)
            where
                F: Future<Output = ()> + Send,
            {
                let guard = self.0.read().await;
                let before = *guard;
                inside.await;
                // A writer beside a reader would be seen as a reader who is missing.
                self.1
                    .fetch_add(u64::from(*guard == before), Ordering::Relaxed);
            }

            async fn entered(&self) -> u64 {
                *self.0.read().await + self.1.load(Ordering::Relaxed)
            }
        }
    };
}

rwlock!(HobRwLock, hob::sync::RwLock<u64>);
rwlock!(TokioRwLock, tokio::sync::RwLock<u64>);
rwlock!(AlockRwLock, smol::lock::RwLock<u64>);
