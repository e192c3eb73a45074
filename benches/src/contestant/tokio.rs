//! tokio: a pool of two workers, or its `current_thread`.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{self, Interval, Sleep};

use super::{Contestant, Join, Timed};

/// A pool of two workers.
#[derive(Debug)]
pub(crate) struct TokioMt(Runtime);

/// One thread.
#[derive(Debug)]
pub(crate) struct TokioCt(Runtime);

/// Both classes are one type with different settings.
macro_rules! contestant {
    ($contestant:ident, $builder:expr) => {
        impl Contestant for $contestant {
            type Join<T: Send + 'static> = Join<JoinHandle<T>>;

            fn start() -> io::Result<Self> {
                $builder.enable_all().build().map(Self)
            }

            fn block_on<F: Future>(&self, future: F) -> F::Output {
                self.0.block_on(future)
            }

            fn spawn<F>(future: F) -> Join<JoinHandle<F::Output>>
            where
                F: Future + Send + 'static,
                F::Output: Send + 'static,
            {
                Join(tokio::spawn(future))
            }

            fn detach<F>(future: F)
            where
                F: Future<Output = ()> + Send + 'static,
            {
                drop(tokio::spawn(future));
            }

            fn cancel<T: Send + 'static>(task: Join<JoinHandle<T>>) {
                task.0.abort();
            }

            fn yield_now() -> impl Future<Output = ()> + Send {
                yield_now()
            }
        }

        impl Timed for $contestant {
            type Sleep = Sleep;
            type Interval = Interval;

            fn sleep(duration: Duration) -> Sleep {
                time::sleep(duration)
            }

            fn sleep_until(deadline: Instant) -> Sleep {
                time::sleep_until(deadline.into())
            }

            fn reset(sleep: Pin<&mut Sleep>, duration: Duration) {
                sleep.reset(time::Instant::now() + duration);
            }

            async fn timeout<F>(duration: Duration, future: F) -> Option<F::Output>
            where
                F: Future + Send,
                F::Output: Send,
            {
                time::timeout(duration, future).await.ok()
            }

            fn interval(period: Duration) -> Interval {
                time::interval(period)
            }

            async fn tick(interval: &mut Interval) -> Instant {
                interval.tick().await.into_std()
            }
        }
    };
}

contestant!(TokioMt, Builder::new_multi_thread().worker_threads(2));
contestant!(TokioCt, Builder::new_current_thread());
