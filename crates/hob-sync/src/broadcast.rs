//! A channel whose every receiver gets every message.
//!
//! [`Sender::send`] never waits: the channel keeps so many messages, its *capacity*, and the oldest one
//! makes way. A receiver that fell behind is told how many it missed, once, and goes on with the oldest
//! that is there. So a slow receiver holds up neither the sender nor the others.
//!
//! Where none may be missed, give each receiver a bounded `mpsc` of its own; where only the newest
//! counts, take `watch`.
//!
//! # Implementation
//!
//! One small lock guards the ring of messages, the counts, and two lines: receivers that have taken all
//! there is, and those who wait in [`Sender::closed`].
//!
//! The ring counts how many receivers *stand* at each message, that is, have it to take next:
//!
//! ```text
//!     head                        tail            taken by all | held, the oldest first | to be sent
//!   ──┬──────┬──────┬──────┬──────┬──
//!     │  2   │  0   │  1   │  0   │  3            6 receivers: two have 4 messages to take, one has
//!   ──┴──────┴──────┴──────┴──────┴──            2, three have none and wait, or will
//! ```
//!
//! Whoever takes a message goes one further. If it was the last one to stand at the head, nobody is
//! there to take that message later: it is moved out, and the head goes one further too. If a message
//! is overwritten, those who stood at it stand at the next, and find by their own count that they lag.
//! If a receiver goes, what only it had to take is let go of.
//!
//! No code of `T` runs under the lock. A message lies in an `Arc`. Whoever is not the last takes a clone
//! of the `Arc` out of the lock and clones the message there; meanwhile the ring may let go of it. An
//! `Arc` that nobody clones from keeps its place in the ring when its message is moved out, and takes
//! another message later: a ring that was filled once allocates no more, as long as nobody is slow to
//! clone.
//!
//! A *plain* message, of two words at most and without a destructor, is not shared so: ahead of the
//! lock the sender makes a copy for each receiver, if they are few, and each takes its own. That costs
//! less than the two atomic operations of an `Arc`. And as nobody can tell when such a copy ceases to
//! be, a receiver that finds several fetches up to eight at a time, and takes all but the last of them
//! without the lock. It still stands where it stood, and before it takes one it looks, at the published
//! position of the tail, whether that message would be overwritten by now: so it lags when any other
//! would, and all that can be noticed is that [`Sender::len`] counts a few more.
//!
//! Who waits is woken when a message comes, and takes it under the lock when it next runs: a wait that
//! is dropped has taken nothing.
//!
//! # References
//!
//! - Tokio's `broadcast`, <https://docs.rs/tokio/latest/tokio/sync/broadcast/index.html>, for the shape
//!   of the API.
//! - RUSTSEC-2025-0023: messages that are cloned by several at once must be `Sync`. Here that follows
//!   from `Arc`.

mod error;
mod receiver;
mod ring;
mod sender;
mod slot;
mod state;
mod stream;

pub use self::error::{Lagged, RecvError, SendError, TryRecvError};
pub use self::receiver::{Receiver, Recv};
pub use self::sender::{Closed, Sender, WeakSender};
pub use self::state::BroadcastStatistics;
pub use self::stream::{IntoMessages, Messages};

/// Makes a channel that keeps up to `capacity` messages for those who have not taken them yet.
///
/// An empty channel takes 152 bytes and none for messages; room for them is made as it is needed, in
/// powers of two, and kept for later ones.
///
/// # Panics
///
/// If `capacity` is zero, or more than `usize::MAX / 2`.
///
/// # Examples
///
/// ```
/// # use hob_sync::broadcast;
/// # futures_lite::future::block_on(async {
/// let (tx, mut ann) = broadcast::channel(16);
/// let mut bob = tx.subscribe();
/// assert_eq!(tx.send("dinner is ready"), Ok(2));
/// assert_eq!(ann.recv().await, Ok("dinner is ready"));
/// assert_eq!(bob.recv().await, Ok("dinner is ready"));
/// # });
/// ```
///
/// One that is slow misses the oldest messages, and is told so:
///
/// ```
/// # use hob_sync::broadcast::{self, RecvError};
/// # futures_lite::future::block_on(async {
/// let (tx, mut rx) = broadcast::channel(2);
/// for number in 1..=5 {
///     tx.send(number).unwrap();
/// }
/// assert_eq!(rx.recv().await, Err(RecvError::Lagged(3)));
/// assert_eq!(rx.recv().await, Ok(4));
/// assert_eq!(rx.recv().await, Ok(5));
/// # });
/// ```
#[must_use]
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}
