//! What is known of a watched value without looking at it: how often it changed, and who waits.
//!
//! # Implementation
//!
//! ```text
//!   word  =  changes so far << 2  |  CLOSED << 1  |  WAITED_FOR
//! ```
//!
//! A receiver keeps the number of changes that it has seen. If the word has another, it is behind and
//! waits for nothing: it takes no lock. Else it joins the line of those who wait for a change, under
//! the lock of the lines, with that number as its request.
//!
//! `WAITED_FOR` is set under that lock by the first to join, who finds no change in what it is added to.
//! A sender counts its change by an addition to the same word: it comes either before the flag, and is
//! found, or after it, and sees it. Only a sender that sees the flag takes the lock, and serves the
//! line. It leaves the flag as it is, since those who are told mostly come to wait again; whoever has
//! the lock and finds the line empty clears it. One who joins while the flag is set looks at the word
//! too: a change that it does not see is yet to see the flag.
//!
//! Those in line stand in the order of what they have seen, for each looked at the word after the one
//! ahead of it did. So if the first one has to wait, all have to.
//!
//! Those who wait until no receiver is left are told of the moment, though there be one again when it
//! is their turn: each knows how many such moments were before it joined the line. So that it joins
//! either before a moment or after it, the last receiver goes under the lock of the lines. One that
//! others survive goes without it, as all come.
//!
//! Orders: a change is a Release addition, made while the value is locked for writing, and every look
//! at the word an Acquire load. So what was done before a change is visible to who was told of it, and
//! who reads the word while the value is locked for reading has the number of that very value.

use std::fmt;

use crate::dump::{glance, show};
use crate::epoch::Epoch;
use crate::primitive::{AtomicUsize, Guarded, Ordering};
use crate::wait_queue::{Serve, Settle, WaitQueue, serve, update};
use crate::waker::WakeList;
use crate::watch::WatchStatistics;
use crate::watch::error::RecvError;

/// The line of the receivers that wait for a change.
pub(super) struct Changes;

/// The line of the senders that wait until no receiver is left.
pub(super) struct Closings;

/// The changes, the ends and the lines of a channel.
pub(super) struct Hub {
    word: AtomicUsize,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    state: Guarded<State>,
}

pub(super) struct State {
    changes: WaitQueue<Version, Result<(), RecvError>>,
    closings: WaitQueue<Epoch, ()>,
    in_the_hub: InTheHub,
    /// How often the last receiver went.
    moments: Epoch,
}

/// All that receivers wait for is in the hub's atomics: under the lock there is nothing to take from.
pub(super) struct InTheHub;

/// The value after so many changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Version(usize);

/// Who waited for a change when it was made.
#[must_use = "those who wait must be told"]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Audience {
    Nobody,
    InLine,
}

const WAITED_FOR: usize = 1;
const CLOSED: usize = 2;
const ONE: usize = 4;

impl Version {
    const fn of(word: usize) -> Self {
        Self(word / ONE)
    }

    /// The one before: who has seen only that has not seen this.
    pub(super) const fn before(self) -> Self {
        Self(self.0.wrapping_sub(1) & (usize::MAX / ONE))
    }
}

impl Audience {
    const fn of(word: usize) -> Self {
        if word & WAITED_FOR == 0 {
            Self::Nobody
        } else {
            Self::InLine
        }
    }
}

impl Hub {
    /// A hub with one sender and `receivers` receivers.
    pub(super) fn new(receivers: usize) -> Self {
        Self {
            word: AtomicUsize::new(0),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(receivers),
            state: Guarded::new(State {
                changes: WaitQueue::new(),
                closings: WaitQueue::new(),
                in_the_hub: InTheHub,
                moments: Epoch::FIRST,
            }),
        }
    }

    pub(super) fn version(&self) -> Version {
        Version::of(self.word.load(Ordering::Acquire))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.word.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Whether there is something new for who has seen `seen`, or nothing new will come.
    pub(super) fn look(&self, seen: Version) -> Option<Result<(), RecvError>> {
        Self::look_at(self.word.load(Ordering::Acquire), seen)
    }

    fn look_at(word: usize, seen: Version) -> Option<Result<(), RecvError>> {
        if Version::of(word) != seen {
            Some(Ok(()))
        } else if word & CLOSED != 0 {
            Some(Err(RecvError))
        } else {
            None
        }
    }

    /// Counts a change, while the value is locked for writing. Once it is not, the caller has to
    /// [`tell`](Self::tell).
    pub(super) fn count_change(&self) -> Audience {
        Audience::of(self.word.fetch_add(ONE, Ordering::Release))
    }

    /// Tells those who waited for a change of it.
    pub(super) fn tell(&self, audience: Audience) {
        if audience == Audience::InLine {
            update(self, |_| ());
        }
    }

    pub(super) fn add_sender(&self) {
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    /// The last one closes the channel.
    pub(super) fn remove_sender(&self) {
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            let word = self.word.fetch_or(CLOSED, Ordering::Release);
            self.tell(Audience::of(word));
        }
    }

    pub(super) fn senders(&self) -> usize {
        self.senders.load(Ordering::Relaxed)
    }

    pub(super) fn add_receiver(&self) {
        self.receivers.fetch_add(1, Ordering::Relaxed);
    }

    /// The last one is waited for.
    pub(super) fn remove_receiver(&self) {
        let others_stay = |count| (count > 1).then(|| count - 1);
        let went = self
            .receivers
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, others_stay);
        if went.is_err() {
            update(self, |state| {
                // Somebody may have come meanwhile.
                if self.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
                    state.moments.advance();
                }
            });
        }
    }

    pub(super) fn receivers(&self) -> usize {
        // Pairs with the subtractions above: what a receiver did before it went is visible to who finds
        // that there is none.
        self.receivers.load(Ordering::Acquire)
    }

    pub(super) fn statistics(&self) -> WatchStatistics {
        self.statistics_of(&self.state.lock())
    }

    fn statistics_of(&self, state: &State) -> WatchStatistics {
        WatchStatistics {
            changes: self.version().0,
            is_closed: self.is_closed(),
            senders: self.senders(),
            receivers: self.receivers(),
            receivers_waiting: state.changes.len(),
            senders_waiting: state.closings.len(),
        }
    }

    /// What `Debug` shows of each end. A dump must not wait, so it does not look at the value.
    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statistics = glance(&self.state, |state| self.statistics_of(state));
        show(name, statistics, f)
    }
}

impl Settle for Hub {
    type State = State;

    fn lock(&self) -> &Guarded<State> {
        &self.state
    }

    fn settle(&self, state: &mut State, wakes: &mut WakeList) {
        if !state.changes.is_empty() {
            serve::<Changes, _>(self, state, wakes);
        } else if self.word.load(Ordering::Relaxed) & WAITED_FOR != 0 {
            // Whoever is about to join sets it again, under this lock.
            self.word.fetch_and(!WAITED_FOR, Ordering::Relaxed);
        }
        serve::<Closings, _>(self, state, wakes);
    }
}

impl Serve<Changes> for Hub {
    type Request = Version;
    type Grant = Result<(), RecvError>;
    type Store = InTheHub;

    fn parts(state: &mut State) -> (&mut WaitQueue<Version, Self::Grant>, &mut InTheHub) {
        (&mut state.changes, &mut state.in_the_hub)
    }

    fn is_ready(&self, _: &InTheHub, seen: &Version) -> bool {
        self.look(*seen).is_some()
    }

    fn take(&self, _: &mut InTheHub, seen: &mut Version) -> Option<Self::Grant> {
        let mut word = self.word.load(Ordering::Acquire);
        if word & WAITED_FOR == 0 && Self::look_at(word, *seen).is_none() {
            // A change that is not in what was there before will see the flag.
            word = self.word.fetch_or(WAITED_FOR, Ordering::Acquire);
        }
        Self::look_at(word, *seen)
    }

    fn put_back(&self, _: &mut InTheHub, _: Self::Grant) -> Option<Self::Grant> {
        None
    }

    fn take_past_line(&self, _: &mut InTheHub, seen: &mut Version) -> Option<Self::Grant> {
        self.look(*seen)
    }

    fn try_take(&self, seen: &mut Version) -> Option<Self::Grant> {
        self.look(*seen)
    }
}

impl Serve<Closings> for Hub {
    type Request = Epoch;
    type Grant = ();
    type Store = Epoch;

    fn parts(state: &mut State) -> (&mut WaitQueue<Epoch, ()>, &mut Epoch) {
        (&mut state.closings, &mut state.moments)
    }

    fn is_ready(&self, _: &Epoch, _: &Epoch) -> bool {
        self.receivers() == 0
    }

    fn take(&self, moments: &mut Epoch, before: &mut Epoch) -> Option<()> {
        // Also if somebody came again before all who waited were told.
        (self.receivers() == 0 || *before < *moments).then_some(())
    }

    fn put_back(&self, _: &mut Epoch, (): ()) -> Option<()> {
        None
    }

    fn take_past_line(&self, _: &mut Epoch, before: &mut Epoch) -> Option<()> {
        <Self as Serve<Closings>>::try_take(self, before)
    }

    fn joins(&self, moments: &mut Epoch, before: &mut Epoch) {
        *before = *moments;
    }

    fn try_take(&self, _: &mut Epoch) -> Option<()> {
        (self.receivers() == 0).then_some(())
    }
}
