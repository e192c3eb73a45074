//! smol: an executor that two threads run, or a local one, each under async-io's `block_on`.
//!
//! # Implementation
//!
//! smol spawns on a value, the others on what a thread-local points to; so does this file, which costs
//! it about 2 ns a spawn. Its own `smol::spawn` pays as much for its global executor.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use smol::channel::{self, Sender};
use smol::future::{self, yield_now};
use smol::stream::StreamExt;
use smol::{Executor, LocalExecutor, Task, Timer};

use super::{Contestant, Timed};

thread_local! {
    static POOL: RefCell<Option<Arc<Executor<'static>>>> = const { RefCell::new(None) };
    static LOCAL: RefCell<Option<Rc<LocalExecutor<'static>>>> = const { RefCell::new(None) };
}

const NO_EXECUTOR: &str = "`start` has set this thread's executor";

/// A pool of two threads.
#[derive(Debug)]
pub(crate) struct SmolMt {
    /// Closed to end the threads.
    stop: Sender<()>,
    threads: Vec<JoinHandle<()>>,
}

/// One thread.
#[derive(Debug)]
pub(crate) struct SmolCt {
    executor: Rc<LocalExecutor<'static>>,
}

impl Contestant for SmolMt {
    type Join<T: Send + 'static> = Task<T>;

    fn start() -> io::Result<Self> {
        let executor = Arc::new(Executor::new());
        let (stop, stopped) = channel::bounded::<()>(1);
        let threads = (0..2).map(|_| {
            let executor = Arc::clone(&executor);
            let stopped = stopped.clone();
            thread::Builder::new().spawn(move || {
                POOL.set(Some(Arc::clone(&executor)));
                let ended = smol::block_on(executor.run(stopped.recv()));
                debug_assert!(ended.is_err(), "nothing is sent");
            })
        });
        let threads = threads.collect::<io::Result<_>>()?;
        POOL.set(Some(executor));
        Ok(Self { stop, threads })
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        smol::block_on(future)
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        POOL.with_borrow(|pool| pool.as_ref().expect(NO_EXECUTOR).spawn(future))
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::spawn(future).detach();
    }

    fn cancel<T: Send + 'static>(task: Task<T>) {
        drop(task);
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        yield_now()
    }
}

impl Drop for SmolMt {
    fn drop(&mut self) {
        self.stop.close();
        for thread in self.threads.drain(..) {
            thread.join().expect("a benchmark's thread does not panic");
        }
        POOL.take();
    }
}

impl Contestant for SmolCt {
    type Join<T: Send + 'static> = Task<T>;

    fn start() -> io::Result<Self> {
        let executor = Rc::new(LocalExecutor::new());
        LOCAL.set(Some(Rc::clone(&executor)));
        Ok(Self { executor })
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        smol::block_on(self.executor.run(future))
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        LOCAL.with_borrow(|local| local.as_ref().expect(NO_EXECUTOR).spawn(future))
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::spawn(future).detach();
    }

    fn cancel<T: Send + 'static>(task: Task<T>) {
        drop(task);
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        yield_now()
    }
}

impl Drop for SmolCt {
    fn drop(&mut self) {
        LOCAL.take();
    }
}

/// Timers are the same in both classes.
macro_rules! timed {
    ($contestant:ty) => {
        impl Timed for $contestant {
            type Sleep = Timer;
            type Interval = Timer;

            fn sleep(duration: Duration) -> Timer {
                Timer::after(duration)
            }

            fn sleep_until(deadline: Instant) -> Timer {
                Timer::at(deadline)
            }

            fn reset(sleep: Pin<&mut Timer>, duration: Duration) {
                sleep.get_mut().set_after(duration);
            }

            // smol has no timeout; this is how its documentation writes one.
            fn timeout<F>(
                duration: Duration,
                future: F,
            ) -> impl Future<Output = Option<F::Output>> + Send
            where
                F: Future + Send,
                F::Output: Send,
            {
                future::or(async { Some(future.await) }, async move {
                    Timer::after(duration).await;
                    None
                })
            }

            fn interval(period: Duration) -> Timer {
                Timer::interval(period)
            }

            async fn tick(interval: &mut Timer) -> Instant {
                interval.next().await.expect("an interval does not end")
            }
        }
    };
}

timed!(SmolMt);
timed!(SmolCt);
