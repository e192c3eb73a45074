//! A channel with many senders and one receiver.
//!
//! [`bounded`] has room for a number of messages: senders wait in line for a slot, so a slow receiver
//! slows them down. [`unbounded`] has no limit: sending never waits, and a slow receiver costs memory.
//!
//! Slots are handed out first come, first served. A message is put in when its sender next runs: of
//! two senders who waited, the one that runs first comes first.
//!
//! # Implementation
//!
//! One small lock guards the messages, the counts, the waker of the receiver and the line of senders.
//! A sender waits for a *slot*, not with its message: a slot is handed to the first in line, who then
//! puts its message in. So a `send` that is dropped before it completed has sent nothing, and its
//! slot goes to the next. A [`Permit`] is a slot that one holds by hand.
//!
//! ```text
//!   capacity  =  free slots  +  messages  +  reserved (permits, and slots granted but not yet used)
//! ```
//!
//! The receiver is told that there will be no more when no message is there, no slot is reserved, and
//! the channel was closed or has no sender. Every change of any of these asks that question again.

mod bounded;
mod error;
mod receiver;
mod state;
mod unbounded;

pub use self::bounded::{Permit, Reserve, Sender, Sending, WeakSender};
pub use self::error::{SendError, TryRecvError, TrySendError};
pub use self::receiver::{Receiver, Recv, RecvMany};
pub use self::state::MpscStatistics;
pub use self::unbounded::{UnboundedSender, WeakUnboundedSender};

use crate::mpsc::state::{Handle, UNBOUNDED};

/// Makes a channel with room for `capacity` messages.
///
/// # Panics
///
/// If `capacity` is zero.
///
/// # Examples
///
/// ```
/// # use hob_sync::mpsc;
/// # futures_lite::future::block_on(async {
/// let (tx, mut rx) = mpsc::bounded(2);
/// tx.send(1).await.unwrap();
/// tx.send(2).await.unwrap();
/// assert!(tx.try_send(3).is_err(), "it is full");
/// drop(tx);
/// assert_eq!(rx.recv().await, Some(1));
/// assert_eq!(rx.recv().await, Some(2));
/// assert_eq!(rx.recv().await, None);
/// # });
/// ```
#[must_use]
#[track_caller]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel has room for at least one message");
    let handle = Handle::new(capacity);
    let receiver = Receiver::new(handle.channel());
    (Sender::new(handle), receiver)
}

/// Makes a channel without a limit.
///
/// # Examples
///
/// ```
/// # use hob_sync::mpsc;
/// # futures_lite::future::block_on(async {
/// let (tx, mut rx) = mpsc::unbounded();
/// for number in 0..1000 {
///     tx.send(number).unwrap();
/// }
/// assert_eq!(rx.len(), 1000);
/// assert_eq!(rx.recv().await, Some(0));
/// # });
/// ```
#[must_use]
#[track_caller]
pub fn unbounded<T>() -> (UnboundedSender<T>, Receiver<T>) {
    let handle = Handle::new(UNBOUNDED);
    let receiver = Receiver::new(handle.channel());
    (UnboundedSender::new(handle), receiver)
}
