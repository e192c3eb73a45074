//! The contestant of the house.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::{Contestant, Join, Timed};

/// A pool.
#[derive(Debug)]
pub(crate) struct HobPool<const WORKERS: usize>(hob::Runtime);

/// A pool of two workers, as that of every peer.
pub(crate) type HobMt = HobPool<2>;

/// One thread.
#[derive(Debug)]
pub(crate) struct HobCt(hob::LocalRuntime);

impl<const WORKERS: usize> Contestant for HobPool<WORKERS> {
    type Join<T: Send + 'static> = Join<hob::Task<T>>;

    fn start() -> io::Result<Self> {
        let builder = hob::Runtime::builder().worker_threads(WORKERS);
        builder.build().map(Self)
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    fn spawn<F>(future: F) -> Join<hob::Task<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Join(hob::spawn(future))
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        hob::spawn(future).detach();
    }

    fn cancel<T: Send + 'static>(task: Join<hob::Task<T>>) {
        task.0.cancel("no longer needed");
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        hob::yield_now()
    }
}

impl Contestant for HobCt {
    type Join<T: Send + 'static> = Join<hob::Task<T>>;

    fn start() -> io::Result<Self> {
        hob::LocalRuntime::new().map(Self)
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    fn spawn<F>(future: F) -> Join<hob::Task<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Join(hob::spawn_local(future))
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        hob::spawn_local(future).detach();
    }

    fn cancel<T: Send + 'static>(task: Join<hob::Task<T>>) {
        task.0.cancel("no longer needed");
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        hob::yield_now()
    }
}

/// Timers are the same in both classes.
macro_rules! timed {
    ($contestant:ty) => {
        impl Timed for $contestant {
            type Sleep = hob::time::Sleep;
            type Interval = hob::time::Interval;

            fn sleep(duration: Duration) -> Self::Sleep {
                hob::sleep(duration)
            }

            fn sleep_until(deadline: Instant) -> Self::Sleep {
                hob::time::sleep_until(deadline.into())
            }

            fn reset(sleep: Pin<&mut Self::Sleep>, duration: Duration) {
                sleep.get_mut().reset(hob::time::Instant::now() + duration);
            }

            async fn timeout<F>(duration: Duration, future: F) -> Option<F::Output>
            where
                F: Future + Send,
                F::Output: Send,
            {
                hob::timeout(duration, future).await.ok()
            }

            fn interval(period: Duration) -> Self::Interval {
                hob::time::interval(period)
            }

            async fn tick(interval: &mut Self::Interval) -> Instant {
                interval.tick().await.into()
            }
        }
    };
}

timed!(HobMt);
timed!(HobCt);
