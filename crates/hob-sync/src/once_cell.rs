//! A value that is set once, and awaited or made by many.
//!
//! [`OnceCell`] is two things in one: a value that the first who needs it makes, while the others wait
//! ([`get_or_init`](OnceCell::get_or_init)); and a future that one sets and any number await
//! ([`set`](OnceCell::set), [`wait`](OnceCell::wait)).
//!
//! # Implementation
//!
//! The value lies in the standard library's `OnceLock`, so to read it is one load. Whose turn it is to
//! set it, and who waits for that, lies beside it under one lock; `state` tells how. No foreign code
//! runs under that lock.
//!
//! # References
//!
//! - Tokio's `OnceCell`, <https://docs.rs/tokio/latest/tokio/sync/struct.OnceCell.html>, for the shape
//!   of the API; asyncio's `Future`, <https://docs.python.org/3/library/asyncio-future.html>, for what
//!   `wait` and `set` are together.

mod error;
mod initialize;
mod state;

use std::fmt;
use std::future;
use std::panic::Location;

use crate::blocking::block_on;
use crate::primitive::{Guarded, OnceLock};
use crate::wait_queue::update;

use self::state::{Granted, Phase, State, Turn};

pub use self::error::SetError;
pub(crate) use self::initialize::Init;
pub use self::initialize::{GetOrInit, GetOrTryInit, Wait};

/// A value that is set once.
///
/// One at a time may initialize it. If that one fails, panics or is cancelled, the next in line runs
/// an initializer of its own. Those who only [`wait`](Self::wait) go on waiting meanwhile.
///
/// # Examples
///
/// ```
/// # use hob_sync::OnceCell;
/// # futures_lite::future::block_on(async {
/// static GREETING: OnceCell<String> = OnceCell::new();
///
/// let made = GREETING.get_or_init(async || "hello".to_owned()).await;
/// assert_eq!(made, "hello");
/// let again = GREETING.get_or_init(async || unreachable!()).await;
/// assert_eq!(again, "hello");
/// # });
/// ```
pub struct OnceCell<T> {
    value: OnceLock<T>,
    state: Guarded<State>,
}

/// A snapshot of a [`OnceCell`], for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OnceCellStatistics {
    /// Whether the value is there.
    pub is_set: bool,
    /// Whether somebody makes it, or was given the turn to and has not run since.
    pub is_initializing: bool,
    /// How many stand in line to make it if that fails.
    pub initializers_waiting: usize,
    /// How many only wait for it.
    pub waiting: usize,
}

impl<T> OnceCell<T> {
    /// Creates an empty cell.
    // Loom's locks are made while a model runs, never in a constant.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            value: OnceLock::new(),
            state: Guarded::new(State::new(Phase::Empty)),
        }
    }

    /// Creates an empty cell.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self {
            value: OnceLock::new(),
            state: Guarded::new(State::new(Phase::Empty)),
        }
    }

    /// The value, if it is there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::OnceCell;
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.get(), None);
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert_eq!(cell.get(), Some(&1));
    /// ```
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Lends the value out, if it is there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::OnceCell;
    /// let mut cell = OnceCell::from(1);
    /// if let Some(value) = cell.get_mut() {
    ///     *value += 1;
    /// }
    /// assert_eq!(cell.get(), Some(&2));
    /// ```
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// Sets the value, and wakes all who wait for it.
    ///
    /// What was done before is visible to whoever sees the value.
    ///
    /// # Errors
    ///
    /// [`SetError`] gives the value back: [`AlreadySet`](SetError::AlreadySet) if the cell has one,
    /// [`Initializing`](SetError::Initializing) if an initializer is at work.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::OnceCell;
    /// # use hob_sync::once_cell::SetError;
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert_eq!(cell.set(2), Err(SetError::AlreadySet(2)));
    /// assert_eq!(cell.get(), Some(&1));
    /// ```
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        match self.try_turn() {
            Some(Granted::Turn) => {
                Turn::new(self).complete(value);
                Ok(())
            }
            Some(Granted::Set) => Err(SetError::AlreadySet(value)),
            None => Err(SetError::Initializing(value)),
        }
    }

    /// Returns the value, and makes it with `init` if it is not there.
    ///
    /// One initializer runs at a time; others wait in line, in order of their first polls. An
    /// initializer that waits for the very cell it makes waits for ever.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe for the cell: dropped while it waits, the future gives up its place in line;
    /// dropped while its initializer runs, it drops that, and the next in line runs its own.
    ///
    /// # Panics
    ///
    /// If the initializer does. Then, too, the next in line runs its own.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::OnceCell;
    /// # futures_lite::future::block_on(async {
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.get_or_init(async || 1).await, &1);
    /// assert_eq!(cell.get_or_init(async || 2).await, &1);
    /// # });
    /// ```
    #[track_caller]
    pub fn get_or_init<F, Fut>(&self, init: F) -> GetOrInit<'_, T, F, Fut>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        GetOrInit::new(self, init)
    }

    /// As [`get_or_init`](Self::get_or_init), with an initializer that may fail.
    ///
    /// # Cancel safety
    ///
    /// As [`get_or_init`](Self::get_or_init).
    ///
    /// # Errors
    ///
    /// What the initializer returns. The cell stays empty, and the next in line runs its own.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::OnceCell;
    /// # futures_lite::future::block_on(async {
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.get_or_try_init(async || Err("no luck")).await, Err("no luck"));
    /// assert_eq!(cell.get_or_try_init(async || Ok::<_, &str>(2)).await, Ok(&2));
    /// # });
    /// ```
    #[track_caller]
    pub fn get_or_try_init<F, Fut, E>(&self, init: F) -> GetOrTryInit<'_, T, F, Fut>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        GetOrTryInit::new(self, init)
    }

    /// As [`get_or_init`](Self::get_or_init), blocking the thread: with an initializer that is not
    /// awaited. It stands in the same line as all.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks, whether or not the value is there; and if the initializer does.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::OnceCell;
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.get_or_init_blocking(|| 1), &1);
    /// assert_eq!(cell.get_or_init_blocking(|| 2), &1);
    /// ```
    #[doc(alias = "blocking_get_or_init")]
    #[track_caller]
    pub fn get_or_init_blocking(&self, init: impl FnOnce() -> T) -> &T {
        let initialized = self.get_or_init(|| future::ready(init()));
        block_on(
            "OnceCell::get_or_init_blocking",
            Location::caller(),
            initialized,
        )
    }

    /// Waits for the value, and does nothing to make it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the cell keeps its value, so a new `wait` completes at once.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, zip};
    /// # use hob_sync::OnceCell;
    /// # block_on(async {
    /// let answer = OnceCell::new();
    /// let asks = || async { *answer.wait().await };
    /// let (one, (two, ())) = zip(asks(), zip(asks(), async { answer.set(42).unwrap() })).await;
    /// assert_eq!((one, two), (42, 42));
    /// # });
    /// ```
    #[track_caller]
    pub fn wait(&self) -> Wait<'_, T> {
        Wait::new(self)
    }

    /// Waits for the value, blocking the thread.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks, whether or not the value is there: await [`wait`](Self::wait)
    /// there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::OnceCell;
    /// let cell = OnceCell::new();
    /// std::thread::scope(|scope| {
    ///     let waits = scope.spawn(|| *cell.wait_blocking());
    ///     cell.set(1).unwrap();
    ///     assert_eq!(waits.join().unwrap(), 1);
    /// });
    /// ```
    #[doc(alias = "blocking_wait")]
    #[track_caller]
    pub fn wait_blocking(&self) -> &T {
        block_on("OnceCell::wait_blocking", Location::caller(), self.wait())
    }

    /// Takes the value out, if it is there, and the cell with it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::OnceCell;
    /// assert_eq!(OnceCell::from(1).into_inner(), Some(1));
    /// assert_eq!(OnceCell::<u8>::new().into_inner(), None);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if it is there, and leaves the cell empty: it may be set again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::OnceCell;
    /// let mut cell = OnceCell::from(1);
    /// assert_eq!(cell.take(), Some(1));
    /// assert_eq!(cell.take(), None);
    /// assert_eq!(cell.set(2), Ok(()));
    /// ```
    pub fn take(&mut self) -> Option<T> {
        let value = self.value.take()?;
        update(&*self, |state| state.empty());
        Some(value)
    }

    /// Returns how far the cell is, and how many wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::OnceCell;
    /// let statistics = OnceCell::from(1).statistics();
    /// assert!(statistics.is_set && !statistics.is_initializing);
    /// assert_eq!((statistics.initializers_waiting, statistics.waiting), (0, 0));
    /// ```
    #[must_use]
    pub fn statistics(&self) -> OnceCellStatistics {
        Self::statistics_of(&self.state.lock())
    }

    fn with_value(value: T) -> Self {
        let cell = OnceLock::new();
        let set = cell.set(value);
        assert!(set.is_ok(), "a new cell is empty");
        Self {
            value: cell,
            state: Guarded::new(State::new(Phase::Set)),
        }
    }

    fn statistics_of(state: &State) -> OnceCellStatistics {
        let (initializers_waiting, waiting) = state.waiting();
        OnceCellStatistics {
            is_set: state.phase() == Phase::Set,
            is_initializing: state.phase() == Phase::Initializing,
            initializers_waiting,
            waiting,
        }
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        Self::with_value(value)
    }
}

impl<T: Clone> Clone for OnceCell<T> {
    /// Clones the value, if it is there, into a cell of its own.
    fn clone(&self) -> Self {
        self.get().cloned().map_or_else(Self::new, Self::with_value)
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A dump must not wait, and what it is written to must not find the lock taken.
        let statistics = self.state.try_lock().as_deref().map(Self::statistics_of);
        let mut cell = f.debug_struct("OnceCell");
        cell.field("value", &self.get());
        match statistics {
            Some(statistics) => cell.field("statistics", &statistics),
            None => cell.field("statistics", &format_args!("<locked>")),
        };
        cell.finish()
    }
}
