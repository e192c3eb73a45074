//! Waiting until what a mutex guards has changed.
//!
//! Who finds under a [`Mutex`](crate::Mutex) that it cannot go on yet waits at a [`Condition`]: its
//! guard goes in, the mutex is unlocked meanwhile, and a guard comes out. Who changes what the mutex
//! guards notifies.
//!
//! # Implementation
//!
//! A wait joins the line while it still has its guard, and then unlocks. So nobody who locks
//! afterwards, makes a change and notifies can miss it. Once notified, it locks the mutex again as
//! anybody does, in the mutex' line. What it was notified by is its own until it has the lock: if it
//! goes before, the notification goes on to the next.
//!
//! ```text
//!   first poll                notify              the mutex is handed over
//!   with guard ──► in line ──────────► notified ───────────────────────────► guard
//!                     │                   │
//!                     │ drop              │ drop: the next is notified
//!                     └──────► gone ◄─────┘
//! ```
//!
//! Who joins the line notes the epoch. A notification is for those who joined before it: so the line
//! may be served in several goes, and who joins it in between is not notified by mistake. Nothing is
//! kept for those who come later.
//!
//! The budget is asked by [`wait_while`](Condition::wait_while) before it looks for the first time: its
//! closure may take what it finds, so it is not called to be called again. It is not asked by those who
//! were notified, nor when they lock again: they yielded when they waited, and one that yields once
//! more would stand in no line meanwhile.
//!
//! `is_waited_for` says whether somebody is in line, for those who notify and would find nobody. It is
//! set under the line's lock, and before the mutex is unlocked; so whoever has locked the mutex since
//! sees it.
//!
//! # References
//!
//! - P. Brinch Hansen, "Structured Multiprogramming", CACM 15 (7), 1972; C. A. R. Hoare, "Monitors: an
//!   operating system structuring concept", CACM 17 (10), 1974; B. W. Lampson and D. D. Redell,
//!   "Experience with Processes and Monitors in Mesa", CACM 23 (2), 1980, whose order this is: who is
//!   notified locks again, and looks again.
//! - Python's `asyncio.Condition`,
//!   <https://docs.python.org/3/library/asyncio-sync.html#asyncio.Condition>, for the shape of the API.

mod guard;
mod line;
mod wait;

use std::fmt;
use std::panic::Location;

use crate::blocking::block_on;
use crate::condition::line::Line;

pub use self::guard::Guard;
pub use self::wait::{Wait, WaitWhile};

/// Waits until what a [`Mutex`](crate::Mutex) guards has changed.
///
/// Who waits longest is notified first, in order of the first polls. A notification is for those who
/// wait, and not kept. Whether the change is the one that was waited for has to be looked at, since
/// others may have had the lock in between: [`wait_while`](Self::wait_while) does.
///
/// Usually one mutex goes with a condition. Several may: each wait locks again the mutex that its
/// guard came from, and a notification is for whoever waits longest, whatever its mutex.
///
/// # Examples
///
/// ```
/// # use futures_lite::future::{block_on, zip};
/// # use hob_sync::{Condition, Mutex};
/// let (plates, washed) = (Mutex::new(0), Condition::new());
/// let cook = async {
///     let guard = plates.lock().await;
///     let mut plates = washed.wait_while(guard, |plates| *plates < 2).await;
///     *plates -= 2;
/// };
/// let scullion = async {
///     for _ in 0..3 {
///         *plates.lock().await += 1;
///         washed.notify_one();
///     }
/// };
/// block_on(zip(cook, scullion));
/// assert_eq!(plates.into_inner(), 1);
/// ```
#[doc(alias = "Condvar")]
pub struct Condition {
    line: Line,
}

/// A snapshot of a [`Condition`], for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConditionStatistics {
    /// How many stand in line and were not notified yet.
    pub waiting: usize,
}

impl Condition {
    /// Creates a condition that nobody waits for.
    #[must_use]
    pub fn new() -> Self {
        Self { line: Line::new() }
    }

    /// Unlocks the mutex, waits for a notification, and locks again.
    ///
    /// It counts as waiting from its first poll, which unlocks the mutex; nothing that is done under
    /// the mutex afterwards is missed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future leaves the mutex unlocked, or handed to the next in its line.
    /// If it had been notified by [`notify_one`](Self::notify_one) or [`notify`](Self::notify), the
    /// next who waits is notified instead.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, zip};
    /// # use hob_sync::{Condition, Mutex};
    /// let (value, changed) = (Mutex::new(1), Condition::new());
    /// let reader = async {
    ///     let guard = value.lock().await;
    ///     *changed.wait(guard).await
    /// };
    /// let writer = async {
    ///     *value.lock().await = 2;
    ///     changed.notify_all();
    /// };
    /// assert_eq!(block_on(zip(reader, writer)).0, 2);
    /// ```
    #[track_caller]
    pub fn wait<G: Guard>(&self, guard: G) -> Wait<'_, G> {
        Wait::new(self, guard, &"Condition::wait", Location::caller())
    }

    /// Waits as long as `condition` holds: until it returns `false`.
    ///
    /// It is called with the mutex locked, first before any wait and then after each notification.
    /// Who is used to say what is waited *for*, as in asyncio's `wait_for(p)`, negates it:
    /// `wait_while(guard, |value| !p(value))`.
    ///
    /// # Cancel safety
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Panics
    ///
    /// If `condition` does; then the mutex is unlocked.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{Condition, Mutex};
    /// # futures_lite::future::block_on(async {
    /// let (jobs, filled) = (Mutex::new(vec!["cook"]), Condition::new());
    /// let guard = jobs.lock().await;
    /// let mut jobs = filled.wait_while(guard, |jobs| jobs.is_empty()).await;
    /// assert_eq!(jobs.pop(), Some("cook"));
    /// # });
    /// ```
    #[track_caller]
    pub fn wait_while<G, F>(&self, guard: G, condition: F) -> WaitWhile<'_, G, F>
    where
        G: Guard,
        F: FnMut(&mut G::Target) -> bool,
    {
        WaitWhile::new(self, guard, condition, Location::caller())
    }

    /// As [`wait`](Self::wait), blocking the thread. It stands in the same line as all.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await [`wait`](Self::wait) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{Condition, Mutex};
    /// let (value, changed) = (Mutex::new(1), Condition::new());
    /// std::thread::scope(|scope| {
    ///     let guard = value.lock_blocking();
    ///     scope.spawn(|| {
    ///         *value.lock_blocking() = 2;
    ///         changed.notify_one();
    ///     });
    ///     assert_eq!(*changed.wait_blocking(guard), 2);
    /// });
    /// ```
    #[doc(alias = "blocking_wait")]
    #[track_caller]
    pub fn wait_blocking<G: Guard>(&self, guard: G) -> G {
        block_on(
            "Condition::wait_blocking",
            Location::caller(),
            self.wait(guard),
        )
    }

    /// As [`wait_while`](Self::wait_while), blocking the thread. It stands in the same line as all.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks, whether or not it would have to wait: await
    /// [`wait_while`](Self::wait_while) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::{Condition, Mutex};
    /// let (value, changed) = (Mutex::new(1), Condition::new());
    /// let guard = changed.wait_while_blocking(value.lock_blocking(), |value| *value == 0);
    /// assert_eq!(*guard, 1);
    /// ```
    #[doc(alias = "blocking_wait_while")]
    #[track_caller]
    pub fn wait_while_blocking<G, F>(&self, guard: G, condition: F) -> G
    where
        G: Guard,
        F: FnMut(&mut G::Target) -> bool,
    {
        block_on(
            "Condition::wait_while_blocking",
            Location::caller(),
            self.wait_while(guard, condition),
        )
    }

    /// Notifies the one who waits longest, if anybody does.
    ///
    /// The caller may hold the mutex, and need not; what it changed, it changed with the mutex locked.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Condition;
    /// let condition = Condition::new();
    /// condition.notify_one();
    /// assert_eq!(condition.statistics().waiting, 0);
    /// ```
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Notifies the `n` who wait longest, or all if there are fewer.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, zip};
    /// # use hob_sync::{Condition, Mutex};
    /// let (start, started) = (Mutex::new(()), Condition::new());
    /// let runner = async || drop(started.wait(start.lock().await).await);
    /// let both = zip(runner(), runner());
    /// block_on(zip(both, async { started.notify(2) }));
    /// ```
    pub fn notify(&self, n: usize) {
        self.line.notify(n);
    }

    /// Notifies all who wait now.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, zip};
    /// # use hob_sync::{Condition, Mutex};
    /// let (start, started) = (Mutex::new(()), Condition::new());
    /// let runner = async || drop(started.wait(start.lock().await).await);
    /// let both = zip(runner(), runner());
    /// block_on(zip(both, async { started.notify_all() }));
    /// ```
    pub fn notify_all(&self) {
        self.line.notify_all();
    }

    /// Returns how many wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, poll_once};
    /// # use hob_sync::{Condition, Mutex};
    /// let (value, changed) = (Mutex::new(1), Condition::new());
    /// let mut wait = std::pin::pin!(changed.wait(value.lock_blocking()));
    /// assert!(block_on(poll_once(wait.as_mut())).is_none());
    /// assert_eq!(changed.statistics().waiting, 1);
    /// ```
    #[must_use]
    pub fn statistics(&self) -> ConditionStatistics {
        ConditionStatistics {
            waiting: self.line.len(),
        }
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A dump must not wait, and what it is written to must not find the lock taken.
        let waiting = self.line.try_len();
        let mut condition = f.debug_struct("Condition");
        match waiting {
            Some(waiting) => condition.field("statistics", &ConditionStatistics { waiting }),
            None => condition.field("statistics", &format_args!("<locked>")),
        };
        condition.finish()
    }
}
