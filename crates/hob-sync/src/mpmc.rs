//! A channel with many senders and many receivers: each message goes to one of them.
//!
//! [`bounded`] has room for a number of messages: senders wait in line for it, so slow receivers slow
//! them down. [`unbounded`] has no limit: sending never waits, and slow receivers cost memory.
//! [`rendezvous`] has no room at all: a send is complete when a receiver has taken its message.
//!
//! Messages leave in the order in which their sends were first polled, and receivers that wait are
//! served in the order in which they were first polled. The senders are those of
//! [`mpsc`](crate::mpsc), which is the channel for one receiver.
//!
//! # Implementation
//!
//! The channel is that of `channel`; receivers stand in a line there, and are given turns. An empty
//! channel is one allocation of 152 bytes on a machine of 64 bits. The ring of messages is another, which
//! is made with the first message, grows up to the capacity and does not shrink.

mod messages;
mod receiver;
mod recv;

pub use self::messages::{IntoMessages, Messages};
pub use self::receiver::Receiver;
pub use self::recv::{Recv, RecvMany};
pub use crate::channel::{
    ChannelStatistics, Closed, OwnedPermit, Permit, Reserve, ReserveOwned, SendError, Sender,
    Sending, TryRecvError, TrySendError, UnboundedSender, WeakSender, WeakUnboundedSender,
};

use crate::channel::{Kind, RENDEZVOUS, UNBOUNDED, channel, check_capacity};

/// Makes a channel with room for `capacity` messages.
///
/// # Panics
///
/// If `capacity` is zero: that is a [`rendezvous`].
///
/// # Examples
///
/// ```
/// # use hob_sync::mpmc;
/// # futures_lite::future::block_on(async {
/// let (tx, rx) = mpmc::bounded(2);
/// let other = rx.clone();
/// tx.send(1).await.unwrap();
/// tx.send(2).await.unwrap();
/// assert!(tx.try_send(3).is_err(), "it is full");
/// drop(tx);
/// assert_eq!(rx.recv().await, Some(1));
/// assert_eq!(other.recv().await, Some(2));
/// assert_eq!(rx.recv().await, None);
/// # });
/// ```
#[must_use]
#[track_caller]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    check_capacity(capacity);
    let (sender, receiver) = channel(capacity, Kind::Mpmc);
    (Sender::new(sender), Receiver::new(receiver))
}

/// Makes a channel without a limit.
///
/// # Examples
///
/// ```
/// # use hob_sync::mpmc;
/// # futures_lite::future::block_on(async {
/// let (tx, rx) = mpmc::unbounded();
/// for number in 0..1000 {
///     tx.send(number).unwrap();
/// }
/// assert_eq!(rx.len(), 1000);
/// assert_eq!(rx.recv().await, Some(0));
/// # });
/// ```
#[must_use]
pub fn unbounded<T>() -> (UnboundedSender<T>, Receiver<T>) {
    let (sender, receiver) = channel(UNBOUNDED, Kind::Mpmc);
    (UnboundedSender::new(sender), Receiver::new(receiver))
}

/// Makes a channel without any room: messages are handed over.
///
/// What is sent without waiting, by [`try_send`](Sender::try_send) or a [`Permit`], is for a receiver that
/// waits. If that is dropped before it takes it, the message stays in the channel for the next one.
///
/// # Examples
///
/// ```
/// # use futures_lite::future::{block_on, zip};
/// # use hob_sync::mpmc;
/// # block_on(async {
/// let (tx, rx) = mpmc::rendezvous();
/// assert!(tx.try_send("nobody is there").is_err());
/// let (sent, received) = zip(tx.send("hand to hand"), rx.recv()).await;
/// assert_eq!(sent, Ok(()));
/// assert_eq!(received, Some("hand to hand"));
/// # });
/// ```
#[must_use]
pub fn rendezvous<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = channel(RENDEZVOUS, Kind::Mpmc);
    (Sender::new(sender), Receiver::new(receiver))
}
