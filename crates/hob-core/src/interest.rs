//! What one waits for on a descriptor, and what was seen there.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// One of the two ways data flows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Direction {
    /// Towards us.
    Read,
    /// Away from us.
    Write,
}

/// Which directions one waits for.
///
/// # Examples
///
/// ```
/// # use hob_core::{Direction, Interest};
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.contains(Direction::Read) && both.contains(Direction::Write));
/// ```
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Interest(u8);

/// What a poller saw on a descriptor. A hang-up or an error makes both directions ready: whoever
/// tries the operation learns which it was.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub struct Readiness(u8);

impl Interest {
    /// Reading, accepting, receiving.
    pub const READABLE: Self = Self(1);
    /// Writing, connecting, sending.
    pub const WRITABLE: Self = Self(2);
    /// Both.
    pub const BOTH: Self = Self(3);

    /// Returns `true` if `direction` is among them.
    #[must_use]
    pub const fn contains(self, direction: Direction) -> bool {
        self.0 & bit(direction) != 0
    }
}

impl Readiness {
    /// Nothing was seen.
    pub const NONE: Self = Self(0);
    /// A read will not block: data, a connection, the end of the stream or an error.
    pub const READABLE: Self = Self(1);
    /// A write will not block.
    pub const WRITABLE: Self = Self(2);
    /// Neither will: also what a hang-up or an error means.
    pub const BOTH: Self = Self(3);
    /// Whoever now takes less than it asked for has taken all there is: the next change comes with
    /// an event of its own.
    ///
    /// Added to the directions by a poller that is edge-triggered, and only to an event without
    /// hang-up, error or urgent data. The end of a stream that came in one event with its last bytes
    /// has no event of its own: a reader that stopped at a short read would wait for ever.
    pub const EDGE: Self = Self(4);

    /// Returns `true` if `direction` is ready.
    #[must_use]
    pub const fn contains(self, direction: Direction) -> bool {
        self.0 & bit(direction) != 0
    }

    /// Returns `true` if nothing is ready.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 & Self::BOTH.0 == 0
    }

    pub(crate) const fn is_edge(self) -> bool {
        self.0 & Self::EDGE.0 != 0
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }
}

pub(crate) const fn bit(direction: Direction) -> u8 {
    match direction {
        Direction::Read => 1,
        Direction::Write => 2,
    }
}

impl From<Direction> for Interest {
    fn from(direction: Direction) -> Self {
        Self(bit(direction))
    }
}

impl From<Direction> for Readiness {
    fn from(direction: Direction) -> Self {
        Self(bit(direction))
    }
}

impl BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for Readiness {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Readiness {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(self.0))
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(self.0 & Self::BOTH.0))?;
        if self.is_edge() {
            f.write_str(" (edge)")
        } else {
            Ok(())
        }
    }
}

const fn name(bits: u8) -> &'static str {
    match bits {
        0 => "none",
        1 => "readable",
        2 => "writable",
        _ => "readable | writable",
    }
}
