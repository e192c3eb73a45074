//! What one who waits is granted by a notification.

/// Which kind of notification it was: that says what becomes of it if its receiver goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Notification {
    /// It was for one, and goes on to the next.
    One,
    /// It was for all, so nobody else needs it.
    All,
}
