//! A flag that is waited for: set once or often, seen by all.
//!
//! [`Event`] is either set or not. Who waits for it goes on as soon as it is set, and whoever comes
//! while it is set does not wait at all. For a wakeup that is used up by one task, see `Notify`.
//!
//! # Implementation
//!
//! One atomic word holds two flags, `SET` and `WAITED_FOR`. To wait for an event that is set is one
//! load; to set one that nobody waits for, and to clear one, is one exchange. The lock guards the line
//! and the number of the calls that found somebody in it.
//!
//! `WAITED_FOR` is set by whoever is about to join the line, under its lock, by the very exchange that
//! finds the event not set. As long as it is set, so is `SET` under the lock only.
//!
//! To set the event raises that number, and who joins the line notes it: those with a smaller number
//! waited at that moment. They are released even if the event is cleared before the last of them was
//! served, and who joins after it was cleared is not.
//!
//! Orders: what was done before [`set`](Event::set) is visible to whoever finds the event set, and to
//! whoever clears it. To set it is a Release exchange, also if it was set before; it is seen by an
//! Acquire load, or by the node of who stands in line.
//!
//! # References
//!
//! - Python's `asyncio.Event`, <https://docs.python.org/3/library/asyncio-sync.html#asyncio.Event>, for
//!   the shape of the API, and that `clear` takes a `set` back from nobody who waited.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::blocking::block_on;
use crate::dump::{glance, show};
use crate::epoch::Epoch;
use crate::primitive::{AtomicUsize, Guarded, Ordering};
use crate::wait_queue::{self, Serve, Settle, WaitQueue, serve, update};
use crate::waker::WakeList;

/// A flag that tasks wait for.
///
/// # Examples
///
/// ```
/// # use futures_lite::future::{block_on, zip};
/// # use hob_sync::Event;
/// let ready = Event::new();
/// let waiter = async {
///     ready.wait().await;
///     ready.is_set()
/// };
/// let (was_set, ()) = block_on(zip(waiter, async { ready.set() }));
/// assert!(was_set);
/// ```
pub struct Event {
    word: AtomicUsize,
    state: Guarded<State>,
}

pin_project! {
    /// The future of [`Event::wait`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Wait<'a> {
        #[pin]
        wait: wait_queue::Wait<&'a Event>,
    }
}

/// A snapshot of an [`Event`], for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct EventStatistics {
    /// Whether it is set.
    pub is_set: bool,
    /// How many stand in line.
    pub waiting: usize,
}

pub(crate) struct State {
    line: WaitQueue<Epoch, ()>,
    /// How often the event was set while somebody waited.
    store: Epoch,
}

const SET: usize = 1;
const WAITED_FOR: usize = 2;

impl Event {
    /// Creates an event that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self {
            word: AtomicUsize::new(0),
            state: Guarded::new(State {
                line: WaitQueue::new(),
                store: Epoch::FIRST,
            }),
        }
    }

    /// Sets the event: all who wait go on, and so does who comes until it is cleared.
    ///
    /// Those who waited go on even if [`clear`](Self::clear) follows at once. To set it again changes
    /// nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::future::{block_on, poll_once, zip};
    /// # use hob_sync::Event;
    /// let tick = Event::new();
    /// block_on(zip(tick.wait(), async {
    ///     tick.set();
    ///     tick.clear();
    /// }));
    /// assert!(!tick.is_set());
    /// ```
    pub fn set(&self) {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & WAITED_FOR == 0 {
            // Also if it is set: what was done before this call is to be visible as well.
            let set = self.word.compare_exchange_weak(
                word,
                word | SET,
                Ordering::Release,
                Ordering::Relaxed,
            );
            match set {
                Ok(_) => return,
                Err(seen) => word = seen,
            }
        }
        update(self, |state| {
            state.store.advance();
            self.word.fetch_or(SET, Ordering::Release);
        });
    }

    /// Clears the event: who comes from now on waits until it is set again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Event;
    /// let event = Event::from(true);
    /// event.clear();
    /// assert!(!event.is_set());
    /// ```
    pub fn clear(&self) {
        // Who clears it and then looks sees what was done before it was set.
        self.word.fetch_and(!SET, Ordering::Acquire);
    }

    /// Returns whether it is set. If so, what was done before it was set is visible.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Event;
    /// let event = Event::new();
    /// assert!(!event.is_set());
    /// event.set();
    /// assert!(event.is_set());
    /// ```
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.word.load(Ordering::Acquire) & SET != 0
    }

    /// Waits until the event is set.
    ///
    /// What was done before it was set is visible afterwards.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future takes nothing from anybody. The event remembers that it is
    /// set, until it is cleared.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Event;
    /// # futures_lite::future::block_on(async {
    /// let event = Event::new();
    /// event.set();
    /// event.wait().await;
    /// event.wait().await;
    /// # });
    /// ```
    #[track_caller]
    pub fn wait(&self) -> Wait<'_> {
        Wait {
            wait: wait_queue::Wait::new(self, Epoch::NOT_IN_LINE, &"Event::wait"),
        }
    }

    /// Waits until the event is set, blocking the thread.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks, whether or not it would have to wait: await [`wait`](Self::wait)
    /// there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Event;
    /// let event = Event::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| event.set());
    ///     event.wait_blocking();
    /// });
    /// assert!(event.is_set());
    /// ```
    #[doc(alias = "blocking_wait")]
    #[track_caller]
    pub fn wait_blocking(&self) {
        block_on("Event::wait_blocking", Location::caller(), self.wait());
    }

    /// Returns whether it is set, and how many wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Event;
    /// let statistics = Event::from(true).statistics();
    /// assert!(statistics.is_set);
    /// assert_eq!(statistics.waiting, 0);
    /// ```
    #[must_use]
    pub fn statistics(&self) -> EventStatistics {
        self.statistics_of(&self.state.lock())
    }

    fn statistics_of(&self, state: &State) -> EventStatistics {
        EventStatistics {
            is_set: self.is_set(),
            waiting: state.line.len(),
        }
    }
}

impl Settle for Event {
    type State = State;

    fn lock(&self) -> &Guarded<State> {
        &self.state
    }

    fn settle(&self, state: &mut State, wakes: &mut WakeList) {
        serve(self, state, wakes);
        // `WAITED_FOR` is set and cleared only under this lock, so it is as it is read here.
        if state.line.is_empty() && self.word.load(Ordering::Relaxed) & WAITED_FOR != 0 {
            self.word.fetch_and(!WAITED_FOR, Ordering::Relaxed);
        }
    }
}

impl Serve for Event {
    type Request = Epoch;
    type Grant = ();
    type Store = Epoch;

    fn parts(state: &mut State) -> (&mut WaitQueue<Epoch, ()>, &mut Epoch) {
        (&mut state.line, &mut state.store)
    }

    fn is_ready(&self, _: &Epoch, _: &Epoch) -> bool {
        self.is_set()
    }

    fn take(&self, now: &mut Epoch, joined: &mut Epoch) -> Option<()> {
        if *joined < *now {
            return Some(());
        }
        let mut word = self.word.load(Ordering::Acquire);
        while word & SET == 0 {
            if word & WAITED_FOR != 0 {
                return None;
            }
            let joins = self.word.compare_exchange_weak(
                word,
                word | WAITED_FOR,
                Ordering::Relaxed,
                Ordering::Acquire,
            );
            match joins {
                Ok(_) => return None,
                Err(seen) => word = seen,
            }
        }
        Some(())
    }

    fn put_back(&self, _: &mut Epoch, (): ()) -> Option<()> {
        None
    }

    fn take_past_line(&self, _: &mut Epoch, _: &mut Epoch) -> Option<()> {
        self.is_set().then_some(())
    }

    fn joins(&self, now: &mut Epoch, joined: &mut Epoch) {
        *joined = *now;
    }

    fn try_take(&self, _: &mut Epoch) -> Option<()> {
        self.is_set().then_some(())
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl From<bool> for Event {
    /// Creates an event that is set or not.
    fn from(is_set: bool) -> Self {
        let event = Self::new();
        if is_set {
            event.set();
        }
        event
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statistics = glance(&self.state, |state| self.statistics_of(state));
        show("Event", statistics, f)
    }
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().wait.poll(cx)
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
