//! Which of two came first: who joined a line, or a moment that is for those who had joined by then.
//!
//! A line that is too long to be served in one go is joined by others in between. So a primitive
//! counts its moments, and whoever joins the line notes the count.

/// A number of moments. Who joins the line draws the present one; a moment that comes later has a
/// greater one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Epoch(u64);

impl Epoch {
    /// Before all moments.
    pub(crate) const FIRST: Self = Self(0);

    /// What one has who has not joined the line: no moment comes after it.
    pub(crate) const NOT_IN_LINE: Self = Self(u64::MAX);

    /// Notes one more moment.
    pub(crate) const fn advance(&mut self) {
        self.0 += 1;
    }
}
