//! A wakeup without a value: "something has changed, look again".
//!
//! [`Notify`] wakes one task or all that wait. What has changed is told elsewhere: in a queue, behind
//! a lock. For a wakeup that is remembered until it is taken back, see `Event`.
//!
//! # Implementation
//!
//! One atomic word holds the notification that is kept, whether somebody waits, and how often all
//! were notified. As long as nobody waits, no lock is taken. The lock guards the line, and how many
//! of those in line are still to be notified one by one.
//!
//! ```text
//!   word  =  calls of notify_all << 2  |  WAITED_FOR << 1  |  KEPT
//! ```
//!
//! `WAITED_FOR` is set by whoever is about to join the line, under its lock, by the very exchange that
//! finds no notification: one comes either before that, and is found, or after it, and sees the flag.
//! As long as it is set, the word changes under the lock only, and `KEPT` is not set.
//!
//! Each future knows the number of calls of [`notify_all`](Notify::notify_all) that it was created
//! under; if there are others by now, it was meant by one of them. So such a call only has to count.
//! The line may then be served in several goes, and who joins it in between is not taken for one of
//! those. A future that was meant by both kinds is notified by `notify_all`, and the other
//! notification goes on to the next, or is kept.
//!
//! Orders: what was done before a notification is visible to whoever it reaches. The notification is a
//! Release exchange of the word, also if it changes nothing there, and who finds it does so by an
//! Acquire load or exchange; who stands in line learns of it by its node. Where the word is stored, it
//! was read with Acquire before, so no earlier notification is cut off.
//!
//! # References
//!
//! - Tokio's `Notify`, <https://docs.rs/tokio/latest/tokio/sync/struct.Notify.html>, for the shape of
//!   the API.

mod notified;

use std::fmt;
use std::mem;
use std::panic::Location;
use std::sync::Arc;

use crate::blocking::block_on;
use crate::dump::{glance, show};
use crate::notification::Notification;
use crate::primitive::{AtomicUsize, Guarded, Ordering};
use crate::wait_queue::{Serve, Settle, WaitQueue, serve, update};
use crate::waker::WakeList;

pub use self::notified::{Notified, NotifiedOwned};

/// Wakes one of those who wait, or all.
///
/// [`notify_one`](Self::notify_one) is for one of them, and is kept for the next who comes if nobody
/// waits. [`notify_all`](Self::notify_all) is for those who wait now. Who waits longest is notified
/// first, in order of the first polls.
///
/// # Examples
///
/// ```
/// # use std::cell::Cell;
/// # use futures_lite::future::{block_on, zip};
/// # use hob_sync::Notify;
/// let changed = Notify::new();
/// let value = Cell::new(0);
/// let reader = async {
///     changed.notified().await;
///     value.get()
/// };
/// let writer = async {
///     value.set(7);
///     changed.notify_one();
/// };
/// assert_eq!(block_on(zip(reader, writer)).0, 7);
/// ```
pub struct Notify {
    word: AtomicUsize,
    state: Guarded<State>,
}

/// A snapshot of a [`Notify`], for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct NotifyStatistics {
    /// How many stand in line.
    pub waiting: usize,
    /// Whether a notification is kept for the next who comes.
    pub is_kept: bool,
}

pub(crate) struct State {
    line: WaitQueue<Calls, Notification>,
    store: Owed,
}

/// How many of those in line are to be notified one by one. Zero when nobody is in line.
pub(crate) struct Owed(usize);

/// How often all were notified when the future was created, in place as in the word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Calls(usize);

const KEPT: usize = 1;
const WAITED_FOR: usize = 2;
const ONE_CALL: usize = 4;

impl Notify {
    /// Creates one that keeps no notification.
    #[must_use]
    pub fn new() -> Self {
        Self {
            word: AtomicUsize::new(0),
            state: Guarded::new(State {
                line: WaitQueue::new(),
                store: Owed(0),
            }),
        }
    }

    /// Notifies the one who waits longest, or keeps the notification for the next who comes.
    ///
    /// One is kept at most: two calls while nobody waits are as one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Notify;
    /// # futures_lite::future::block_on(async {
    /// let notify = Notify::new();
    /// notify.notify_one();
    /// notify.notify_one();
    /// assert!(notify.statistics().is_kept);
    /// notify.notified().await;
    /// assert!(!notify.statistics().is_kept);
    /// # });
    /// ```
    pub fn notify_one(&self) {
        // Made also if one is kept: what was done before is then visible to who takes that.
        if self.change_unless_waited_for(|word| word | KEPT).is_err() {
            update(self, |state| state.store.0 += 1);
        }
    }

    /// Notifies all who wait now, and keeps nothing for those who come later.
    ///
    /// All who wait are those whose future exists, whether or not it was polled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Notify;
    /// # futures_lite::future::block_on(async {
    /// let notify = Notify::new();
    /// let before = notify.notified();
    /// notify.notify_all();
    /// before.await;
    /// assert!(!notify.statistics().is_kept);
    /// # });
    /// ```
    #[doc(alias = "notify_waiters")]
    pub fn notify_all(&self) {
        let count = |word: usize| word.wrapping_add(ONE_CALL);
        if self.change_unless_waited_for(count).is_err() {
            update(self, |_| {
                self.word.fetch_add(ONE_CALL, Ordering::Release);
            });
        }
    }

    /// Waits for a notification, in line.
    ///
    /// It counts for [`notify_all`](Self::notify_all) from now on, and for
    /// [`notify_one`](Self::notify_one) from its first poll, or from
    /// [`enable`](Notified::enable). What was done before the notification is visible afterwards.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future gives up the place in line. If it had been notified by
    /// `notify_one` already, that goes on to the next in line, or is kept if there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Notify;
    /// # futures_lite::future::block_on(async {
    /// let notify = Notify::new();
    /// notify.notify_one();
    /// notify.notified().await;
    /// # });
    /// ```
    #[track_caller]
    pub fn notified(&self) -> Notified<'_> {
        Notified::new(self, &"Notify::notified")
    }

    /// As [`notified`](Self::notified), with a future that owns what it waits for: for tasks.
    ///
    /// # Cancel safety
    ///
    /// As [`notified`](Self::notified).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hob_sync::Notify;
    /// # futures_lite::future::block_on(async {
    /// let notify = Arc::new(Notify::new());
    /// let notified = Arc::clone(&notify).notified_owned();
    /// notify.notify_one();
    /// drop(notify);
    /// notified.await;
    /// # });
    /// ```
    #[track_caller]
    pub fn notified_owned(self: Arc<Self>) -> NotifiedOwned {
        NotifiedOwned::new(self, &"Notify::notified_owned")
    }

    /// Waits for a notification, blocking the thread. It stands in the same line as all.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks, whether or not it would have to wait: await
    /// [`notified`](Self::notified) there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Notify;
    /// let notify = Notify::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| notify.notify_one());
    ///     notify.notified_blocking();
    /// });
    /// assert!(!notify.statistics().is_kept);
    /// ```
    #[doc(alias = "blocking_notified")]
    #[track_caller]
    pub fn notified_blocking(&self) {
        block_on(
            "Notify::notified_blocking",
            Location::caller(),
            self.notified(),
        );
    }

    /// Returns how many wait, and whether a notification is kept.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::Notify;
    /// let notify = Notify::new();
    /// notify.notify_one();
    /// let statistics = notify.statistics();
    /// assert_eq!((statistics.waiting, statistics.is_kept), (0, true));
    /// ```
    #[must_use]
    pub fn statistics(&self) -> NotifyStatistics {
        self.statistics_of(&self.state.lock())
    }

    fn statistics_of(&self, state: &State) -> NotifyStatistics {
        NotifyStatistics {
            waiting: state.line.len(),
            is_kept: self.word.load(Ordering::Relaxed) & KEPT != 0,
        }
    }

    /// How often all were notified by now.
    fn calls(&self) -> Calls {
        Calls::of(self.word.load(Ordering::Acquire))
    }

    /// Changes the word, unless somebody waits: then that has to be done under the lock.
    fn change_unless_waited_for(&self, change: impl Fn(usize) -> usize) -> Result<(), WaitedFor> {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & WAITED_FOR == 0 {
            match self.exchange(word, change(word), Ordering::Release) {
                Ok(()) => return Ok(()),
                Err(seen) => word = seen,
            }
        }
        Err(WaitedFor)
    }

    /// Takes what is in the word. If there is nothing, `otherwise` may be put there.
    fn take_from_word(
        &self,
        calls: Calls,
        otherwise: impl Fn(usize) -> usize,
    ) -> Option<Notification> {
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            if Calls::of(word) != calls {
                return Some(Notification::All);
            }
            let is_kept = word & KEPT != 0;
            let new = if is_kept {
                word & !KEPT
            } else {
                otherwise(word)
            };
            if new == word {
                return None;
            }
            match self.exchange(word, new, Ordering::Acquire) {
                Ok(()) => return is_kept.then_some(Notification::One),
                Err(seen) => word = seen,
            }
        }
    }

    fn exchange(&self, old: usize, new: usize, order: Ordering) -> Result<(), usize> {
        // What is seen instead may show a notification, so it is seen in order too.
        self.word
            .compare_exchange_weak(old, new, order, Ordering::Acquire)
            .map(drop)
    }
}

/// The lock is needed, since somebody waits.
struct WaitedFor;

impl Calls {
    const fn of(word: usize) -> Self {
        Self(word & !(KEPT | WAITED_FOR))
    }
}

impl Settle for Notify {
    type State = State;

    fn lock(&self) -> &Guarded<State> {
        &self.state
    }

    fn settle(&self, state: &mut State, wakes: &mut WakeList) {
        serve(self, state, wakes);
        if !state.line.is_empty() {
            return;
        }
        let is_kept = mem::take(&mut state.store.0) > 0;
        let word = self.word.load(Ordering::Acquire);
        if word & WAITED_FOR != 0 {
            // Nobody else changes it: see the module.
            let kept = if is_kept { KEPT } else { 0 };
            self.word
                .store((word & !WAITED_FOR) | kept, Ordering::Release);
        } else if is_kept {
            self.word.fetch_or(KEPT, Ordering::Release);
        }
    }
}

impl Serve for Notify {
    type Request = Calls;
    type Grant = Notification;
    type Store = Owed;

    fn parts(state: &mut State) -> (&mut WaitQueue<Calls, Notification>, &mut Owed) {
        (&mut state.line, &mut state.store)
    }

    fn is_ready(&self, _: &Owed, calls: &Calls) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        Calls::of(word) != *calls || word & KEPT != 0
    }

    fn take(&self, owed: &mut Owed, calls: &mut Calls) -> Option<Notification> {
        if owed.0 > 0 && self.calls() == *calls {
            owed.0 -= 1;
            return Some(Notification::One);
        }
        self.take_from_word(*calls, |word| word | WAITED_FOR)
    }

    fn put_back(&self, owed: &mut Owed, notification: Notification) -> Option<Notification> {
        if notification == Notification::One {
            owed.0 += 1;
        }
        None
    }

    fn take_past_line(&self, _: &mut Owed, calls: &mut Calls) -> Option<Notification> {
        (self.calls() != *calls).then_some(Notification::All)
    }

    fn try_take(&self, calls: &mut Calls) -> Option<Notification> {
        // One is kept only while nobody is in line.
        self.take_from_word(*calls, |word| word)
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statistics = glance(&self.state, |state| self.statistics_of(state));
        show("Notify", statistics, f)
    }
}
