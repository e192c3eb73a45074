//! The word between a thread that sleeps in a poller and those who wake it.
//!
//! Ringing a poller's bell is a system call, and so is taking the ring back. So nobody rings for a
//! thread that is awake: the word says whether it sleeps, and keeps a token for its next sleep.
//!
//! # Implementation
//!
//! ```text
//!             begin_sleep                 leave: ring the bell
//!    Awake ───────────────► Sleeping ─────────────────────────► Notified
//!      ▲ ▲     end_sleep        │                                  │ │
//!      │ └──────────────────────┘        take, begin_sleep,        │ │ leave
//!      └───────────────────────────────────────────────────────────┘ └──► Notified
//!                                        end_sleep
//! ```
//!
//! From `Awake`, `leave` goes to `Notified` without a ring. The bell itself must keep a ring that
//! comes between `begin_sleep` and the system call that sleeps: an eventfd does. A ring that comes
//! after `end_sleep` ends the next sleep early, which a [`Park`](hob_core::Park) may do.
//!
//! # Ordering
//!
//! Every change is a read-modify-write with acquire and release. So whoever takes the token sees all
//! that happened before each `leave` that it counts for.

use std::fmt;

use crate::primitive::{AtomicU32, Ordering};

/// The word between a sleeper and those who wake it. See the [module's documentation](self).
///
/// # Examples
///
/// ```
/// # use hob_reactor::token::{Sleeper, Token};
/// let token = Token::new();
/// assert_eq!(token.leave(), Sleeper::Awake, "no bell needs to ring");
/// assert_eq!(token.begin_sleep(), Sleeper::Awake, "a token was left: do not sleep");
/// assert_eq!(token.begin_sleep(), Sleeper::Asleep);
/// assert_eq!(token.leave(), Sleeper::Asleep, "ring the bell");
/// token.end_sleep();
/// ```
pub struct Token {
    word: AtomicU32,
}

/// What the owner of a [`Token`] does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "it says whether to ring, or whether to sleep"]
#[expect(clippy::exhaustive_enums, reason = "there is nothing between the two")]
pub enum Sleeper {
    /// It runs, and will look at the token before it sleeps.
    Awake,
    /// It sleeps, or is about to.
    Asleep,
}

const AWAKE: u32 = 0;
const SLEEPING: u32 = 1;
const NOTIFIED: u32 = 2;

impl Token {
    /// Creates the word of a thread that is awake, without a token.
    #[must_use]
    pub fn new() -> Self {
        Self {
            word: AtomicU32::new(AWAKE),
        }
    }

    /// Says that the caller is about to sleep: `Asleep`, unless a token was left, which is taken.
    ///
    /// Only one thread at a time sleeps, and calls this.
    pub fn begin_sleep(&self) -> Sleeper {
        let begun =
            self.word
                .compare_exchange(AWAKE, SLEEPING, Ordering::AcqRel, Ordering::Relaxed);
        if let Err(word) = begun {
            debug_assert_eq!(word, NOTIFIED, "two threads sleep at one poller");
            self.end_sleep();
            return Sleeper::Awake;
        }
        Sleeper::Asleep
    }

    /// Says that the caller no longer sleeps, and takes the token if one was left.
    pub fn end_sleep(&self) {
        let word = self.word.swap(AWAKE, Ordering::AcqRel);
        debug_assert_ne!(word, AWAKE, "nobody else ends this sleep");
    }

    /// Takes the token if one was left; for a look without sleep.
    pub fn take(&self) {
        // Relaxed is enough to find nothing: a token that is left now is for the next sleep.
        if self.word.load(Ordering::Relaxed) == NOTIFIED {
            self.end_sleep();
        }
    }

    /// Leaves a token; `Asleep` asks the caller to ring the bell.
    pub fn leave(&self) -> Sleeper {
        if self.word.swap(NOTIFIED, Ordering::AcqRel) == SLEEPING {
            Sleeper::Asleep
        } else {
            Sleeper::Awake
        }
    }
}

impl Default for Token {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.word.load(Ordering::Relaxed) {
            AWAKE => "Token(awake)",
            SLEEPING => "Token(sleeping)",
            _ => "Token(notified)",
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn several_tokens_count_as_one() {
        let token = Token::new();
        assert_eq!(token.leave(), Sleeper::Awake);
        assert_eq!(token.leave(), Sleeper::Awake);
        assert_eq!(token.begin_sleep(), Sleeper::Awake);
        assert_eq!(token.begin_sleep(), Sleeper::Asleep);
    }

    #[test]
    fn only_the_first_token_of_a_sleep_rings() {
        let token = Token::new();
        assert_eq!(token.begin_sleep(), Sleeper::Asleep);
        assert_eq!(token.leave(), Sleeper::Asleep);
        assert_eq!(token.leave(), Sleeper::Awake);
        token.end_sleep();
        assert_eq!(token.begin_sleep(), Sleeper::Asleep);
    }

    #[test]
    fn a_look_takes_the_token() {
        let token = Token::new();
        token.take();
        assert_eq!(token.leave(), Sleeper::Awake);
        token.take();
        assert_eq!(token.begin_sleep(), Sleeper::Asleep);
    }
}
