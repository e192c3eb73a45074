//! Who takes part: one small trait over every runtime, so that a workload is written once.
//!
//! A class compares like with like: `_mt` is a pool of two workers, `_ct` a single thread. (`hob_mt4` and
//! wider ones are in no class: they show what more workers than cores cost.) Each
//! contestant has its own best settings, and pays for nothing that another does not: `spawn` is the
//! free function that its users call, the join handle its own.

mod hob;
mod raw;
mod smol;
mod tokio;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

pub(crate) use self::hob::{HobCt, HobMt, HobPool};
pub(crate) use self::raw::Raw;
pub(crate) use self::smol::{SmolCt, SmolMt};
pub(crate) use self::tokio::{TokioCt, TokioMt};

/// A runtime that runs tasks.
pub(crate) trait Contestant: Sized + 'static {
    /// What awaits a task's output.
    type Join<T: Send + 'static>: Future<Output = T> + Send + 'static;

    /// Makes a runtime, which is then this thread's.
    fn start() -> io::Result<Self>;

    /// Runs `future` on this thread until it is ready.
    fn block_on<F: Future>(&self, future: F) -> F::Output;

    /// Starts a task, from within `block_on` or a task.
    fn spawn<F>(future: F) -> Self::Join<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Starts a task that nobody awaits.
    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    /// Cancels a task, and does not wait until it is gone.
    fn cancel<T: Send + 'static>(task: Self::Join<T>);

    /// Lets other tasks run.
    fn yield_now() -> impl Future<Output = ()> + Send;
}

/// A contestant that has timers.
pub(crate) trait Timed: Contestant {
    /// A wait for a moment.
    type Sleep: Future + Send + 'static;
    /// A wait for one moment after the other.
    type Interval: Send + 'static;

    /// Waits for a while.
    fn sleep(duration: Duration) -> Self::Sleep;

    /// Waits until a moment.
    fn sleep_until(deadline: Instant) -> Self::Sleep;

    /// Moves a sleep so that it ends a while from now.
    fn reset(sleep: Pin<&mut Self::Sleep>, duration: Duration);

    /// Waits for `future`, for a while at most.
    fn timeout<F>(duration: Duration, future: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future + Send,
        F::Output: Send;

    /// Ticks each `period`.
    fn interval(period: Duration) -> Self::Interval;

    /// Waits for the next tick and returns when it was due.
    fn tick(interval: &mut Self::Interval) -> impl Future<Output = Instant> + Send;
}

/// The handle of a task that does not panic and is not cancelled.
#[derive(Debug)]
pub(crate) struct Join<H>(H);

impl<H, T, E> Future for Join<H>
where
    H: Future<Output = Result<T, E>> + Unpin,
    E: fmt::Debug,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|joined| joined.expect("a benchmark's task neither panics nor is cancelled"))
    }
}

/// Makes a workload of a generic function, with the contestants of both classes.
macro_rules! both_classes {
    ($family:expr, $name:expr, $unit:expr, $($run:ident)::+) => {
        $crate::workload::Workload::new($family, $name, $unit)
            .add("hob_mt", $($run)::+::<$crate::contestant::HobMt>)
            .add("tokio_mt", $($run)::+::<$crate::contestant::TokioMt>)
            .add("smol_mt", $($run)::+::<$crate::contestant::SmolMt>)
            .add("hob_ct", $($run)::+::<$crate::contestant::HobCt>)
            .add("tokio_ct", $($run)::+::<$crate::contestant::TokioCt>)
            .add("smol_ct", $($run)::+::<$crate::contestant::SmolCt>)
    };
}

/// Adds pools with more workers than the machine has cores: they are nobody's peers, and stand beside the
/// pool of two.
macro_rules! wider_pools {
    ($workload:expr, $($run:ident)::+) => {
        $workload
            .add("hob_mt4", $($run)::+::<$crate::contestant::HobPool<4>>)
            .add("hob_mt8", $($run)::+::<$crate::contestant::HobPool<8>>)
            .add("hob_mt16", $($run)::+::<$crate::contestant::HobPool<16>>)
    };
}

pub(crate) use {both_classes, wider_pools};
