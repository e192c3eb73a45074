//! A number of permits, and the line of those who wait for some: what all locks are made of.
//!
//! A semaphore hands them out as they are. A mutex has one. A read-write lock has as many as there can
//! be readers: a reader takes one, a writer all.
//!
//! # Implementation
//!
//! The count lies in one atomic word, beside two flags. As long as nobody waits, to acquire and to
//! release is one compare-and-exchange each, and the lock of the line is not touched.
//!
//! ```text
//!   word  =  permits that are there << 2  |  CLOSED << 1  |  WAITED_FOR
//! ```
//!
//! `WAITED_FOR` is set by whoever is about to join the line, under its lock, by the very exchange that
//! finds too few permits: a release comes either before that, and is found, or after it, and sees the
//! flag. As long as the flag is set, newcomers take nothing, and whoever releases serves the line under
//! its lock. The flag is cleared there, when the line is empty. So while it is set, the word is changed
//! under the lock only, by plain stores.
//!
//! Permits go to the first in line as soon as there are as many as it asks for. Until then those
//! behind it wait too, so a large request is not starved by small ones.
//!
//! Orders: what was done under a permit is visible to whoever has it next. A release is a Release
//! exchange of the word, and every acquisition an Acquire exchange, also the one that is made on behalf
//! of the first in line, who learns of it by its node. A plain store is Release and comes after an
//! Acquire load, so that it hands on what earlier releases made visible.

use crate::primitive::{AtomicUsize, Guarded, Ordering};
use crate::wait_queue::{Serve, Settle, WaitQueue, serve, update};
use crate::waker::WakeList;

/// A number of permits and a line.
pub(crate) struct Permits {
    word: AtomicUsize,
    state: Guarded<State>,
}

pub(crate) struct State {
    line: WaitQueue<usize, Result<usize, Closed>>,
    store: InTheWord,
    dropped_in_panic: u64,
}

/// The permits are in the word: under the lock there is nothing to take from.
pub(crate) struct InTheWord;

/// What only the lock of the line knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineStatistics {
    /// How many stand in line.
    pub(crate) waiting: usize,
    /// How many guards were dropped by panics.
    pub(crate) dropped_in_panic: u64,
}

/// What those who wait are told when no more permits will come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Closed;

/// Why no permit could be had at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// There are too few, or others wait for them.
    TooFew,
    Closed,
}

const WAITED_FOR: usize = 1;
const CLOSED: usize = 2;
const ONE: usize = 4;

impl Permits {
    /// The most permits that there can be.
    pub(crate) const MAX: usize = usize::MAX >> 3;

    pub(crate) fn new(permits: usize) -> Self {
        debug_assert!(permits <= Self::MAX, "more do not fit into the word");
        Self {
            word: AtomicUsize::new(permits * ONE),
            state: Guarded::new(State {
                line: WaitQueue::new(),
                store: InTheWord,
                dropped_in_panic: 0,
            }),
        }
    }

    /// Takes `permits`, if there are so many and nobody waits for some.
    pub(crate) fn try_acquire(&self, permits: usize) -> Result<(), Refused> {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 {
                return Err(Refused::Closed);
            }
            if word & WAITED_FOR != 0 || word / ONE < permits {
                return Err(Refused::TooFew);
            }
            match self.exchange(word, word - permits * ONE, Ordering::Acquire) {
                Ok(()) => return Ok(()),
                Err(seen) => word = seen,
            }
        }
    }

    /// Puts `permits` back, or adds new ones, for those in line first.
    pub(crate) fn release(&self, permits: usize) {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & WAITED_FOR == 0 {
            debug_assert!(word / ONE + permits <= Self::MAX, "more than there can be");
            match self.exchange(word, word + permits * ONE, Ordering::Release) {
                Ok(()) => return,
                Err(seen) => word = seen,
            }
        }
        update(self, |_| self.change(|word| word + permits * ONE));
    }

    /// Takes up to `permits` away, and tells how many.
    pub(crate) fn take_up_to(&self, permits: usize) -> usize {
        let _state = self.state.lock();
        let mut taken = 0;
        self.change(|word| {
            taken = permits.min(word / ONE);
            word - taken * ONE
        });
        taken
    }

    /// Lets all who wait, now and later, know that no more permits will come.
    pub(crate) fn close(&self) {
        update(self, |_| self.change(|word| word | CLOSED));
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.word.load(Ordering::Relaxed) & CLOSED != 0
    }

    pub(crate) fn available(&self) -> usize {
        self.word.load(Ordering::Relaxed) / ONE
    }

    /// Tells about the line.
    pub(crate) fn line(&self) -> LineStatistics {
        self.state.lock().statistics()
    }

    /// Tells about the line, if that can be done without waiting.
    pub(crate) fn try_line(&self) -> Option<LineStatistics> {
        self.state.try_lock().map(|state| state.statistics())
    }

    /// Notes that a guard was dropped by a panic.
    #[cold]
    pub(crate) fn count_panic(&self) {
        self.state.lock().dropped_in_panic += 1;
    }

    /// Lets newcomers help themselves again. Called under the lock; whoever joins sets the flag again.
    fn nobody_waits(&self) {
        let word = self.word.load(Ordering::Acquire);
        if word & WAITED_FOR != 0 {
            self.word.store(word & !WAITED_FOR, Ordering::Release);
        }
    }

    /// Changes the word, under the lock.
    fn change(&self, mut change: impl FnMut(usize) -> usize) {
        let mut word = self.word.load(Ordering::Acquire);
        while word & WAITED_FOR == 0 {
            match self.exchange(word, change(word), Ordering::AcqRel) {
                Ok(()) => return,
                Err(seen) => word = seen,
            }
        }
        self.word.store(change(word), Ordering::Release);
    }

    fn exchange(&self, old: usize, new: usize, order: Ordering) -> Result<(), usize> {
        self.word
            .compare_exchange_weak(old, new, order, Ordering::Relaxed)
            .map(drop)
    }
}

impl State {
    fn statistics(&self) -> LineStatistics {
        LineStatistics {
            waiting: self.line.len(),
            dropped_in_panic: self.dropped_in_panic,
        }
    }
}

impl Settle for Permits {
    type State = State;

    fn lock(&self) -> &Guarded<State> {
        &self.state
    }

    fn settle(&self, state: &mut State, wakes: &mut WakeList) {
        serve(self, state, wakes);
        if state.line.is_empty() {
            self.nobody_waits();
        }
    }
}

impl Serve for Permits {
    type Request = usize;
    type Grant = Result<usize, Closed>;
    type Store = InTheWord;

    fn parts(state: &mut State) -> (&mut WaitQueue<usize, Self::Grant>, &mut InTheWord) {
        (&mut state.line, &mut state.store)
    }

    fn is_ready(&self, _: &InTheWord, request: &usize) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        word & CLOSED != 0 || word / ONE >= *request
    }

    fn take(&self, _: &mut InTheWord, request: &mut usize) -> Option<Self::Grant> {
        let permits = *request;
        let mut grant = None;
        self.change(|word| {
            if word & CLOSED != 0 {
                grant = Some(Err(Closed));
                word
            } else if word / ONE >= permits {
                grant = Some(Ok(permits));
                word - permits * ONE
            } else {
                grant = None;
                word | WAITED_FOR
            }
        });
        grant
    }

    fn put_back(&self, _: &mut InTheWord, grant: Self::Grant) -> Option<Self::Grant> {
        if let Ok(permits) = grant {
            self.change(|word| word + permits * ONE);
        }
        None
    }

    fn try_take(&self, request: &mut usize) -> Option<Self::Grant> {
        match self.try_acquire(*request) {
            Ok(()) => Some(Ok(*request)),
            Err(Refused::Closed) => Some(Err(Closed)),
            Err(Refused::TooFew) => None,
        }
    }
}
