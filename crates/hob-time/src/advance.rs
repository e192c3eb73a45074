//! The present, and how a program under test moves it.

use std::time::Duration;

use hob_core::{Instant, NotVirtual, context};

/// The present, on the clock of the runtime that this thread is in, else on the system's.
///
/// It is [`Instant::now`] by the name that asyncio's users look for.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use hob_time::{now, sleep};
/// # futures_lite::future::block_on(async {
/// let before = now();
/// sleep(Duration::from_millis(1)).await;
/// assert!(now() - before >= Duration::from_millis(1));
/// # });
/// ```
#[doc(alias("loop.time", "monotonic"))]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// Moves the clock of the runtime that this thread is in, which must be in virtual time.
///
/// It moves at once, as if the thread had been stuck for that long. Timers that are due by then fire when
/// the executor looks next, which is when nothing else is runnable, or a few polls later: the earliest
/// first, and all of them late. So this is for testing what happens to a program that was held up;
/// to let time pass in its order, [`sleep`](crate::sleep()).
///
/// Virtual time is there on a runtime that was built with it, on one thread, and in a simulation. A
/// blocking job, or a thread that has entered the runtime, may move its clock too.
///
/// # Panics
///
/// Outside virtual time; [`try_advance`] gives an error instead.
///
/// # Examples
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::Duration;
/// # use hob_core::{Alarm, Env, Timers, Unpark, context, env::Parts};
/// # struct Nobody;
/// # impl Unpark for Nobody { fn unpark(&self) {} }
/// # use hob_time::{Clock, Heap, Instant, VirtualClock, advance, now};
/// # let clock = VirtualClock::open(Instant::from_nanos(1 << 60));
/// # let timers = Heap::open(Clock::Virtual(clock));
/// # timers.attach(Arc::new(Alarm::new(Arc::new(Nobody))));
/// # let env = Arc::new(Env::new(Parts { timers: Some(timers), ..Parts::default() }));
/// # context::enter(&context::Local::new(&env, context::Role::Guest), || {
/// // In a runtime with virtual time:
/// let before = now();
/// advance(Duration::from_secs(3600));
/// assert_eq!(now() - before, Duration::from_secs(3600));
/// # });
/// ```
#[track_caller]
pub fn advance(duration: Duration) {
    if let Err(NotVirtual) = try_advance(duration) {
        panic!(
            "`hob::time::advance` needs virtual time around it: build the runtime with \
             `.clock(hob::time::Virtual)`, or write `#[hob::test(virtual_time)]`, or run it in the \
             simulator"
        );
    }
}

/// The same, where there may be no virtual time.
///
/// # Errors
///
/// [`NotVirtual`] outside virtual time, where the clock goes by itself; nothing has moved then.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// use hob_time::{NotVirtual, try_advance};
///
/// assert_eq!(try_advance(Duration::from_secs(1)), Err(NotVirtual), "there is no runtime here");
/// ```
pub fn try_advance(duration: Duration) -> Result<(), NotVirtual> {
    let timers = context::timers().ok_or(NotVirtual)?;
    timers.advance(duration)
}
