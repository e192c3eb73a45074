//! What goes wrong when a cell is set: it has a value, or somebody is making one.

use std::fmt;

/// Why a cell was not set; the value comes back.
#[derive(Clone, Copy, Eq, PartialEq)]
#[non_exhaustive]
pub enum SetError<T> {
    /// The cell has a value already.
    AlreadySet(T),
    /// An initializer is at work, which may yet fail or be cancelled.
    Initializing(T),
}

impl<T> SetError<T> {
    /// The value that was not set.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::OnceCell;
    /// let cell = OnceCell::from(1);
    /// let error = cell.set(2).expect_err("it has a value");
    /// assert_eq!(error.into_inner(), 2);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> T {
        match self {
            Self::AlreadySet(value) | Self::Initializing(value) => value,
        }
    }
}

impl<T> std::error::Error for SetError<T> {}

impl<T> fmt::Debug for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadySet(_) => "AlreadySet(..)",
            Self::Initializing(_) => "Initializing(..)",
        })
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadySet(_) => "the cell has a value already",
            Self::Initializing(_) => "the cell is being initialized",
        })
    }
}
