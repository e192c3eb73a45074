//! What both ends know of each other, in one atomic word: no lock, and no count of references.
//!
//! # Implementation
//!
//! Each end has three bits in the word, and all memory orders of the channel stand in this file.
//!
//! - `WAITS`: its waker is filed in its slot. Only the end itself sets the bit. Whoever *clears* it owns
//!   the waker: the end, when it replaces the waker or gives up waiting; the other end, when it is over.
//! - `OVER`: it has said its last word. The sender has sent or was dropped, the receiver was closed or
//!   dropped. The other end files no waker any more.
//! - `LEFT`: it touches the channel no more. Whoever finds the other's `LEFT` is alone: all that is left
//!   in the channel belongs to it, and it frees the channel.
//!
//! The seventh bit, `SENT`, says that the sender was over with a value. It is never set once the receiver
//! is over, so a receiver that closed knows by looking whether its value came before.
//!
//! One exchange says several of these at once. So a value for a receiver that does not wait costs one:
//!
//! ```text
//!                 send: S.OVER + SENT + S.LEFT                receive: a load finds S.LEFT
//!        Open ─────────────────────────────────► Sent, alone ──────────────────────────────► freed
//!         │ ▲
//!    file │ │ unfile
//!         ▼ │     send: S.OVER + SENT, R.WAITS cleared        the sender takes the waker: S.LEFT
//!      R.WAITS ────────────────────────────────► Sent, busy ──────────────────────────► Sent, alone
//!                                                  │ receive: R.OVER, the value is taken, R.LEFT
//!                                                  └──────────────► the sender frees when it leaves
//! ```
//!
//! Between its `OVER` and its `LEFT` an end reads out what it claimed by the exchange that set `OVER`:
//! that is what keeps the other end from freeing a waker that is about to be woken. A receiver that is
//! closed claims the sender's waker in the same way, but stays until it has been told the outcome or is
//! dropped. An end that is dropped, `S` or `R`, looks at the other's bits:
//!
//! | the other end | what `drop` does |
//! |---|---|
//! | has left | nothing is exchanged; this end frees |
//! | waits, or sent a value | `OVER`, its `WAITS` cleared; waker and value are taken; `LEFT`; whoever is last frees |
//! | neither | `OVER` + `LEFT`; the other frees |
//!
//! Who owns what in the channel:
//!
//! | slot | owner |
//! |---|---|
//! | value | the sender, until `SENT`; from then on the receiver |
//! | waker of an end | that end, while its `WAITS` is clear and the other is not over: it alone writes, and only then; once filed, whoever clears `WAITS`, by reading it out; the end may read along, to compare |
//! | the allocation | both, until one has `LEFT`; then the other |

use std::fmt;

use crate::primitive::{AtomicU32, Ordering, assert_unshared};

const WAITS: u32 = 1;
const OVER: u32 = 1 << 1;
const LEFT: u32 = 1 << 2;
/// How many bits an end has.
const BITS: u32 = 3;
const SENT: u32 = 1 << (2 * BITS);

/// One end of a channel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    Sender,
    Receiver,
}

/// The word that both ends share.
pub(super) struct State(AtomicU32);

/// What the word said at one moment; by default, what it says at the beginning.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub(super) struct Word(u32);

impl End {
    #[inline]
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Sender => Self::Receiver,
            Self::Receiver => Self::Sender,
        }
    }

    #[inline]
    const fn bit(self, bit: u32) -> u32 {
        match self {
            Self::Sender => bit,
            Self::Receiver => bit << BITS,
        }
    }
}

impl State {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Looks; what the other end did before what is seen is seen too.
    #[inline]
    pub(super) fn look(&self) -> Word {
        // Acquire: for the Release in `send`, `close`, `go` and `leave`.
        Word(self.0.load(Ordering::Acquire))
    }

    /// The sender's last word is the value in its slot. What was before tells whether the receiver's
    /// waker is claimed; if not, the sender has left.
    ///
    /// Refused when the receiver is over.
    #[inline]
    pub(super) fn send(&self) -> Result<Word, Word> {
        // Release: the value, for the Acquire in `look` or `go` of the receiver.
        // Acquire: the claimed waker, from the Release in `file`; or what came before the close.
        self.change(Ordering::AcqRel, |word| {
            let refused = word.is_over(End::Receiver);
            (!refused).then(|| word.over(End::Sender).0 | SENT)
        })
    }

    /// The receiver's last word, though it stays to look. What was before tells whether the sender's
    /// waker is claimed.
    pub(super) fn close(&self) -> Word {
        // Release: what came before the close, for the Acquire in `look` and in a refused `send` or
        // `file`. Acquire: the claimed waker, from the Release in `file`.
        let closed = self.change(Ordering::AcqRel, |word| {
            Some(word.over(End::Receiver).0 & !End::Receiver.bit(LEFT))
        });
        let (Ok(before) | Err(before)) = closed;
        before
    }

    /// `end` goes, its own waker unfiled before. What was before tells whether there is a waker or a
    /// value to take; if there is neither, `end` has left.
    ///
    /// Refused when the other has left, so that `end` is alone.
    #[inline]
    pub(super) fn go(&self, end: End) -> Result<Word, Word> {
        // Release: all that `end` did with the channel, for the Acquire of the other's `go` or `leave`.
        // Acquire: the claimed waker, from the Release in `file`; the value, from `send`; and if
        // refused, all that the other did with the channel, from its `send`, `go` or `leave`.
        self.change(Ordering::AcqRel, |word| {
            (!word.has_left(end.other())).then(|| word.over(end).0)
        })
    }

    /// `end`, which is over, has taken what it claimed: it has left, and touches the channel no more
    /// unless what was before says that the other had left.
    pub(super) fn leave(&self, end: End) -> Word {
        // Release: that the slots are read, for the Acquire of the other's `look`, `go` or `leave`.
        // Acquire: the same the other way round.
        Word(self.0.fetch_or(end.bit(LEFT), Ordering::AcqRel))
    }

    /// Files the waker that `end` has put in its slot; `false` if the other is over, and the waker
    /// remains with `end`.
    #[inline]
    pub(super) fn file(&self, end: End) -> bool {
        // Release: the waker, for the Acquire of whoever claims it. Refused, Acquire: see `close`.
        self.change(Ordering::Release, |word| {
            let refused = word.is_over(end.other());
            (!refused).then_some(word.0 | end.bit(WAITS))
        })
        .is_ok()
    }

    /// Takes the filed waker of `end` back; `false` if there is none, or the other has claimed it.
    pub(super) fn unfile(&self, end: End) -> bool {
        // Acquire: if it is claimed, what the other did before it was over, from the Release in `send`,
        // `close` and `go`. No Release: the waker goes back to who wrote it.
        let before = self.0.fetch_and(!end.bit(WAITS), Ordering::Acquire);
        Word(before).waits(end)
    }

    /// Whether `end`, which asks, has filed a waker that the other has not been seen to claim.
    #[inline]
    pub(super) fn is_filed(&self, end: End) -> bool {
        // Relaxed: only `end` sets the bit, and what follows is decided by `unfile`.
        Word(self.0.load(Ordering::Relaxed)).waits(end)
    }

    /// Exchanges the word until no other exchange comes between, or `next` refuses.
    #[inline]
    fn change(&self, order: Ordering, next: impl Fn(Word) -> Option<u32>) -> Result<Word, Word> {
        let next = |word| next(Word(word));
        match self.0.fetch_update(order, Ordering::Acquire, next) {
            Ok(before) => Ok(Word(before)),
            Err(found) => Err(Word(found)),
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        assert_unshared(&mut self.0);
    }
}

impl Word {
    /// Whether a value was sent, and is still in the channel unless the receiver took it.
    #[inline]
    pub(super) const fn has_value(self) -> bool {
        self.0 & SENT != 0
    }

    #[inline]
    pub(super) const fn waits(self, end: End) -> bool {
        self.0 & end.bit(WAITS) != 0
    }

    /// Whether nobody has anything more to wait for: one of the ends is over.
    #[inline]
    pub(super) const fn is_settled(self) -> bool {
        self.is_over(End::Sender) || self.is_over(End::Receiver)
    }

    #[inline]
    pub(super) const fn is_over(self, end: End) -> bool {
        self.0 & end.bit(OVER) != 0
    }

    #[inline]
    pub(super) const fn has_left(self, end: End) -> bool {
        self.0 & end.bit(LEFT) != 0
    }

    /// The word once `end` is over: it has claimed the other's waker, and has left unless there is a
    /// waker or a value to take.
    #[inline]
    const fn over(self, end: End) -> Self {
        let waits = end.other().bit(WAITS);
        let left = if self.0 & (waits | SENT) == 0 {
            end.bit(LEFT)
        } else {
            0
        };
        Self((self.0 & !waits) | end.bit(OVER) | left)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#09b}", self.0)
    }
}
