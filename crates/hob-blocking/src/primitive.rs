//! The one door to locks and threads: std's, or loom's under `--cfg loom`.

use std::io;
#[cfg(not(loom))]
use std::thread;

use hob_core::Instant;
#[cfg(loom)]
use loom::thread;

#[cfg(loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard},
    thread_local as per_thread,
};

/// A value for each thread; loom's threads share one thread of the system's.
#[cfg(loom)]
macro_rules! per_thread {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = const { $init:expr };) => {
        loom::thread_local! { $(#[$attribute])* static $name: $type = $init; }
    };
}
#[cfg(loom)]
pub(crate) use per_thread;

pub(crate) use thread::ThreadId;

/// A lock that makes a value `Sync` and is never taken.
pub(crate) use std::sync::Mutex as Exclusive;
/// A value in a `static`, made when it is first asked for.
pub(crate) use std::sync::OnceLock as Global;

/// How a wait on a [`Condvar`] ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WaitEnd {
    /// Somebody called, or nobody did: the caller looks.
    Woken,
    /// The deadline has passed.
    Expired,
}

/// Locks, or says why a poisoned lock is a bug of ours.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect(UNPOISONED)
}

/// Waits to be called.
pub(crate) fn wait<'a, T>(condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condvar.wait(guard).expect(UNPOISONED)
}

/// Waits to be called, at the longest until `deadline` on the system's clock. `guard` locks `mutex`.
#[cfg(not(loom))]
pub(crate) fn wait_until<'a, T>(
    condvar: &Condvar,
    _mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> (MutexGuard<'a, T>, WaitEnd) {
    if deadline.is_never() {
        return (wait(condvar, guard), WaitEnd::Woken);
    }
    let remaining = deadline - Instant::system();
    let (guard, result) = condvar.wait_timeout(guard, remaining).expect(UNPOISONED);
    if result.timed_out() {
        (guard, WaitEnd::Expired)
    } else {
        (guard, WaitEnd::Woken)
    }
}

/// Waits to be called. loom knows no time: a deadline has always just passed, whatever happened
/// while the lock was free, which is the case that matters.
#[cfg(loom)]
pub(crate) fn wait_until<'a, T>(
    condvar: &Condvar,
    mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    deadline: Instant,
) -> (MutexGuard<'a, T>, WaitEnd) {
    if deadline.is_never() {
        return (wait(condvar, guard), WaitEnd::Woken);
    }
    drop(guard);
    thread::yield_now();
    (lock(mutex), WaitEnd::Expired)
}

/// Which thread this is.
pub(crate) fn current_thread() -> ThreadId {
    thread::current().id()
}

/// Starts a thread that nobody joins.
///
/// # Errors
///
/// What the system says, as a rule `EAGAIN`: too many threads.
pub(crate) fn start_thread(name: &str, main: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    let builder = thread::Builder::new().name(name.to_owned());
    builder.spawn(main).map(drop)
}

const UNPOISONED: &str = "no foreign code runs under hob's locks, so none is poisoned";
