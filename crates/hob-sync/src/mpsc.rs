//! A channel with many senders and one receiver.
//!
//! [`bounded`] has room for a number of messages: senders wait in line for it, so a slow receiver
//! slows them down. [`unbounded`] has no limit: sending never waits, and a slow receiver costs memory.
//! [`rendezvous`] has no room at all: a send is complete when the receiver has taken its message.
//!
//! Messages arrive in the order in which their sends were first polled, those that had to wait
//! included.
//!
//! The senders are those of [`mpmc`](crate::mpmc), which is the channel with many receivers. This one
//! spares its receiver the line: it is `Unpin`, a [`Stream`](futures_core::Stream) by itself, and can be
//! polled by hand.
//!
//! # Implementation
//!
//! The channel is that of `channel`; the receiver leaves its waker there. When it takes the lock it takes
//! all messages out, and has them at hand from then on, as `channel::hand` tells.
//!
//! An empty channel is one allocation of 152 bytes on a machine of 64 bits. The messages lie in two rings
//! that change places, that of the channel and that of the receiver. Each is allocated when it is first
//! needed, grows up to the capacity and does not shrink.

mod receiver;

pub use self::receiver::{Receiver, Recv, RecvMany};
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
    check_capacity(capacity);
    let (sender, receiver) = channel(capacity, Kind::Mpsc);
    (Sender::new(sender), Receiver::new(receiver))
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
    let (sender, receiver) = channel(UNBOUNDED, Kind::Mpsc);
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
/// # use hob_sync::mpsc;
/// # block_on(async {
/// let (tx, mut rx) = mpsc::rendezvous();
/// assert!(tx.try_send("nobody is there").is_err());
/// let (sent, received) = zip(tx.send("hand to hand"), rx.recv()).await;
/// assert_eq!(sent, Ok(()));
/// assert_eq!(received, Some("hand to hand"));
/// # });
/// ```
#[must_use]
#[track_caller]
pub fn rendezvous<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = channel(RENDEZVOUS, Kind::Mpsc);
    (Sender::new(sender), Receiver::new(receiver))
}
