//! A value that is made by one future, when it is first needed.
//!
//! [`Lazy`] is a [`OnceCell`] that brings its initializer along: whoever needs the value calls
//! [`force`](Lazy::force), and the first one runs the future that makes it.
//!
//! # Implementation
//!
//! A future is made once and cannot be started over. So it belongs to the `Lazy` and not to the one
//! who runs it: it is pinned in a box, in a slot. Whoever gets the turn of the cell takes it out
//! of the slot, polls it, and puts it back if it is dropped half-way; the next in line polls it on from
//! where it stood. The slot has a lock, which only who has the turn takes, and never while it polls.
//!
//! # References
//!
//! - Std's `LazyLock` for the words; async-once-cell's `Lazy`,
//!   <https://docs.rs/async-once-cell/latest/async_once_cell/struct.Lazy.html>, for keeping the future.

use std::convert::Infallible;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::blocking::block_on;
use crate::once_cell::{Init, OnceCell, OnceCellStatistics};
use crate::primitive::Guarded;

/// A value that is made by one future, when it is first needed.
///
/// The future starts when the first [`force`](Self::force) is polled. It is run by that one, while
/// others wait in line. If that one is dropped half-way, the next in line polls *the same future* on
/// from where it stood. If there is no next, it stands still until somebody comes.
///
/// If the future panics, whoever ran it gets the panic, and all others, now and later, panic too: it
/// cannot be run again. For an initializer that can be, see [`OnceCell::get_or_try_init`].
///
/// In a type that must be named, the future is boxed: `Lazy<T>` stands for any future that is `Send`,
/// and is made by [`from_boxed`](Self::from_boxed).
///
/// # Examples
///
/// ```
/// # use hob_sync::Lazy;
/// # futures_lite::future::block_on(async {
/// let answer = Lazy::new(async { 6 * 7 });
/// assert_eq!(answer.get(), None);
/// assert_eq!(*answer.force().await, 42);
/// assert_eq!(answer.get(), Some(&42));
/// # });
/// ```
pub struct Lazy<T, F: ?Sized = dyn Future<Output = T> + Send> {
    cell: OnceCell<T>,
    /// The future, as long as nobody runs it and it has not ended.
    slot: Guarded<Option<Pin<Box<F>>>>,
}

pin_project! {
    /// The future of [`Lazy::force`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Force<'a, T, F: ?Sized> {
        lazy: &'a Lazy<T, F>,
        #[pin]
        init: Init<'a, T, FromSlot<'a, T, F>>,
        place: &'static Location<'static>,
    }
}

/// A snapshot of a [`Lazy`], for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LazyStatistics {
    /// Whether the value is there.
    pub is_set: bool,
    /// Whether somebody makes it, or was given the turn to and has not run since.
    pub is_initializing: bool,
    /// How many stand in line.
    pub waiting: usize,
}

/// The future of a [`Lazy`], taken out of its slot by one who has the turn.
struct FromSlot<'a, T, F: ?Sized> {
    lazy: &'a Lazy<T, F>,
    /// `None` once it has ended.
    future: Option<Pin<Box<F>>>,
}

impl<T, F: Future<Output = T>> Lazy<T, F> {
    /// Creates a value that `future` will make.
    #[must_use]
    pub fn new(future: F) -> Self {
        Self::from_boxed(Box::pin(future))
    }
}

impl<T, F: Future<Output = T> + ?Sized> Lazy<T, F> {
    /// As [`new`](Self::new), with a future that is boxed, so that the type can be named.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Lazy;
    /// struct Service {
    ///     address: Lazy<String>,
    /// }
    /// # futures_lite::future::block_on(async {
    /// let service = Service {
    ///     address: Lazy::from_boxed(Box::pin(async { "localhost".to_owned() })),
    /// };
    /// assert_eq!(service.address.force().await, "localhost");
    /// # });
    /// ```
    #[must_use]
    pub fn from_boxed(future: Pin<Box<F>>) -> Self {
        Self {
            cell: OnceCell::new(),
            slot: Guarded::new(Some(future)),
        }
    }

    /// Returns the value, and makes it if nobody has yet.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropped while it waits, it gives up its place in line; dropped while it makes the
    /// value, it leaves what was done so far to the next.
    ///
    /// # Panics
    ///
    /// If the future that makes the value panics, or has panicked before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, zip};
    /// # use hob_sync::Lazy;
    /// # block_on(async {
    /// let lazy = Lazy::new(async { vec![1, 2, 3] });
    /// let (one, other) = zip(lazy.force(), lazy.force()).await;
    /// assert!(std::ptr::eq(one, other), "it is made once");
    /// # });
    /// ```
    #[track_caller]
    pub fn force(&self) -> Force<'_, T, F> {
        Force {
            lazy: self,
            init: Init::new(&self.cell, &"Lazy::force"),
            place: Location::caller(),
        }
    }

    /// Returns the value, and makes it if nobody has yet, blocking the thread.
    ///
    /// # Panics
    ///
    /// As [`force`](Self::force); and on a thread that runs tasks, whether or not it would have to wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Lazy;
    /// let lazy = Lazy::new(async { 1 });
    /// assert_eq!(*lazy.force_blocking(), 1);
    /// ```
    #[doc(alias = "blocking_force")]
    #[track_caller]
    pub fn force_blocking(&self) -> &T {
        block_on("Lazy::force_blocking", Location::caller(), self.force())
    }
}

impl<T, F: ?Sized> Lazy<T, F> {
    /// The value, if it was made.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Lazy;
    /// let lazy = Lazy::new(async { 1 });
    /// assert_eq!(lazy.get(), None);
    /// lazy.force_blocking();
    /// assert_eq!(lazy.get(), Some(&1));
    /// ```
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.cell.get()
    }

    /// Lends the value out, if it was made.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Lazy;
    /// let mut lazy = Lazy::new(async { 1 });
    /// lazy.force_blocking();
    /// if let Some(value) = lazy.get_mut() {
    ///     *value += 1;
    /// }
    /// assert_eq!(lazy.get(), Some(&2));
    /// ```
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.cell.get_mut()
    }

    /// Takes the value out, if it was made. If not, the future is dropped where it stands.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Lazy;
    /// let lazy = Lazy::new(async { 1 });
    /// lazy.force_blocking();
    /// assert_eq!(lazy.into_inner(), Some(1));
    /// assert_eq!(Lazy::new(async { 1 }).into_inner(), None);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> Option<T> {
        self.cell.into_inner()
    }

    /// Returns how far it is, and how many wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Lazy;
    /// let lazy = Lazy::new(async { 1 });
    /// assert!(!lazy.statistics().is_set);
    /// lazy.force_blocking();
    /// assert!(lazy.statistics().is_set);
    /// ```
    #[must_use]
    pub fn statistics(&self) -> LazyStatistics {
        let OnceCellStatistics {
            is_set,
            is_initializing,
            initializers_waiting,
            ..
        } = self.cell.statistics();
        LazyStatistics {
            is_set,
            is_initializing,
            waiting: initializers_waiting,
        }
    }
}

impl<T: fmt::Debug, F: ?Sized> fmt::Debug for Lazy<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy")
            .field("cell", &self.cell)
            .finish_non_exhaustive()
    }
}

impl<'a, T, F: Future<Output = T> + ?Sized> IntoFuture for &'a Lazy<T, F> {
    type Output = &'a T;
    type IntoFuture = Force<'a, T, F>;

    #[track_caller]
    fn into_future(self) -> Force<'a, T, F> {
        self.force()
    }
}

impl<'a, T, F: Future<Output = T> + ?Sized> Future for Force<'a, T, F> {
    type Output = &'a T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'a T> {
        let this = self.project();
        let (lazy, place) = (*this.lazy, *this.place);
        let start = || FromSlot::of(lazy, place);
        let done = ready!(this.init.poll(cx, start, Ok::<_, Infallible>));
        Poll::Ready(match done {
            Ok(value) => value,
            Err(never) => match never {},
        })
    }
}

impl<T, F: ?Sized> fmt::Debug for Force<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Force")
            .field("init", &self.init)
            .finish_non_exhaustive()
    }
}

impl<'a, T, F: ?Sized> FromSlot<'a, T, F> {
    /// Takes the future out of its slot, for who has the turn.
    fn of(lazy: &'a Lazy<T, F>, place: &Location<'_>) -> Self {
        let future = lazy.slot.lock().take();
        assert!(
            future.is_some(),
            "Lazy::force at {place}: the future that makes the value has panicked"
        );
        Self { lazy, future }
    }
}

impl<T, F: Future<Output = T> + ?Sized> Future for FromSlot<'_, T, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // While it is polled it is here: if it panics, it does not go back.
        let mut future = self.future.take().expect("it is polled until it ends");
        let poll = future.as_mut().poll(cx);
        if poll.is_pending() {
            self.future = Some(future);
        }
        poll
    }
}

impl<T, F: ?Sized> Drop for FromSlot<'_, T, F> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            // The slot is empty, so nothing is dropped under its lock.
            *self.lazy.slot.lock() = Some(future);
        }
    }
}
