//! A value that some change and many watch: only the latest is kept.
//!
//! For a setting, a state, a progress: [`Sender`]s replace the value or change it in place, and each
//! [`Receiver`] is told that there is one it has not seen. A receiver that is slow misses what was in
//! between, and slows nobody down. For one that must see all, see `broadcast`.
//!
//! ```text
//!   Sender::send ──► value, number of changes ──► Receiver::changed, then borrow
//! ```
//!
//! # Implementation
//!
//! `shared` holds the value, under a read-write lock of the system. `hub` counts the changes, in one
//! atomic word beside a flag for the end, and holds the lines of those who wait, under a lock of their
//! own. A receiver that is behind takes neither lock to know it.
//!
//! # References
//!
//! - Tokio's `watch`, <https://docs.rs/tokio/latest/tokio/sync/watch/index.html>, for the shape of the
//!   API.

mod error;
mod hub;
mod receiver;
mod sender;
mod shared;
mod stream;
mod wait;

use std::sync::Arc;

pub use self::error::{RecvError, SendError};
pub use self::receiver::Receiver;
pub use self::sender::Sender;
pub use self::shared::Ref;
pub use self::stream::IntoStream;
pub use self::wait::{Changed, Closed, WaitFor};

/// A snapshot of a watched value, for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct WatchStatistics {
    /// How often it changed.
    pub changes: usize,
    /// Whether all senders are gone.
    pub is_closed: bool,
    /// How many senders there are.
    pub senders: usize,
    /// How many receivers there are.
    pub receivers: usize,
    /// How many wait for a change.
    pub receivers_waiting: usize,
    /// How many wait until no receiver is left.
    pub senders_waiting: usize,
}

/// Creates a value to be watched. The receiver has seen `value` already.
///
/// # Examples
///
/// ```
/// # use hob_sync::watch;
/// # futures_lite::future::block_on(async {
/// let (tx, mut rx) = watch::channel("starting");
/// let mut other = rx.clone();
/// tx.send("running").unwrap();
/// rx.changed().await?;
/// assert_eq!(*rx.borrow(), "running");
/// other.changed().await?;
/// assert_eq!(*other.borrow(), "running");
/// # Ok::<(), watch::RecvError>(())
/// # }).unwrap();
/// ```
#[must_use]
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::with_receivers(value, 1);
    let shared = Arc::clone(sender.shared());
    let seen = shared.hub.version();
    (sender, Receiver::new(shared, seen))
}
