//! A channel for one value.
//!
//! [`channel`] makes both ends. The [`Sender`] sends once, and gets the value back if nobody will
//! receive it. The [`Receiver`] is a future of the value.
//!
//! # Implementation
//!
//! One allocation holds the value, a waker for each end, and one atomic word that says whose they are:
//! `state` tells the protocol, and `cell` touches the slots accordingly. No lock is taken and no
//! reference counted: the end that leaves last frees, and the word tells which it is. To send to a
//! receiver that does not wait, and to receive, take one atomic exchange together; two more when the
//! receiver waits and is woken.
//!
//! The allocation has 36 bytes and the value, rounded up to the value's alignment or the pointer's: 40
//! for a `u32`, 48 for a `u64` or a `Box`. Filing a waker allocates nothing.
//!
//! # References
//!
//! - RUSTSEC-2021-0124 and RUSTSEC-2026-0005: what happens to a oneshot channel whose ends close,
//!   send, wait and go at the same time without a lock or a model.
//! - Tokio's oneshot, <https://docs.rs/tokio/latest/tokio/sync/oneshot/index.html>: one word of bits
//!   beside cells that it guards.

mod cell;
mod error;
mod state;

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use hob_core::task::What;
use hob_core::{budget, context};

use crate::blocking::block_on;
use crate::oneshot::cell::{ReceiverEnd, SenderEnd};
use crate::oneshot::state::{End, Word};
use crate::pace::Pace;
use crate::wait_queue::polled_after_ready;

pub use self::error::{RecvError, SendError, TryRecvError};

const SENDER_CLOSED: What = &"oneshot::Sender::closed";

/// Makes a channel for one value.
///
/// # Examples
///
/// ```
/// # use hob_sync::oneshot;
/// # futures_lite::future::block_on(async {
/// let (tx, rx) = oneshot::channel();
/// tx.send("breakfast").unwrap();
/// assert_eq!(rx.await, Ok("breakfast"));
/// # });
/// ```
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = cell::ends();
    let receiver = Receiver {
        end: receiver,
        is_closed: false,
        pace: Pace::Idle,
        place: Location::caller(),
    };
    (Sender { end: sender }, receiver)
}

/// The end that sends.
///
/// It is `Send` and `Sync` if the value is `Send`: through a shared sender nothing but the state of the
/// channel is read. The same holds for the [`Receiver`].
pub struct Sender<T> {
    end: SenderEnd<T>,
}

/// The end that receives: a future of the value. It may be polled after it was ready, and gives
/// [`RecvError`] then.
///
/// # Cancel safety
///
/// Dropping the receiver closes the channel; a value that was sent is dropped with it. To give up
/// waiting without that, await `&mut receiver`: then nothing is lost.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Receiver<T> {
    end: ReceiverEnd<T>,
    /// Whether `close` was called; the end itself may have left since.
    is_closed: bool,
    pace: Pace,
    place: &'static Location<'static>,
}

/// The future of [`Sender::closed`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Closed<'a, T> {
    sender: &'a mut Sender<T>,
    pace: Pace,
    finished: bool,
    place: &'static Location<'static>,
}

/// A snapshot of a channel, for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct OneshotStatistics {
    /// Whether a value was sent and not received.
    pub has_value: bool,
    /// Whether the receiver was closed or dropped.
    pub is_closed: bool,
    /// Whether the receiver waits.
    pub receiver_waits: bool,
    /// Whether the sender waits for the receiver to close.
    pub sender_waits: bool,
}

impl<T> Sender<T> {
    /// Sends the value, and wakes the receiver.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value, if the receiver was closed or dropped. A success does not mean
    /// that the value is received: the receiver may be dropped afterwards.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::oneshot::{self, SendError};
    /// let (tx, rx) = oneshot::channel();
    /// drop(rx);
    /// assert_eq!(tx.send(7), Err(SendError(7)));
    /// ```
    pub fn send(self, value: T) -> Result<(), SendError<T>> {
        self.end.send(value).map_err(SendError)
    }

    /// Returns `true` once the receiver was closed or dropped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.end.look().is_over(End::Receiver)
    }

    /// Waits until the receiver is closed or dropped: then nobody wants the value any more.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future removes its waker and nothing else.
    ///
    /// # Panics
    ///
    /// The future panics if it is polled after it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::oneshot;
    /// # futures_lite::future::block_on(async {
    /// let (mut tx, rx) = oneshot::channel::<u8>();
    /// drop(rx);
    /// tx.closed().await;
    /// # });
    /// ```
    #[track_caller]
    pub fn closed(&mut self) -> Closed<'_, T> {
        Closed {
            sender: self,
            pace: Pace::Idle,
            finished: false,
            place: Location::caller(),
        }
    }

    /// Returns what is in the channel, and who waits.
    #[must_use]
    pub fn statistics(&self) -> OneshotStatistics {
        OneshotStatistics::new(self.end.look())
    }
}

impl<T> Receiver<T> {
    /// Receives the value if it is there.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`] says why not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::oneshot::{self, TryRecvError};
    /// let (tx, mut rx) = oneshot::channel();
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send(7).unwrap();
    /// assert_eq!(rx.try_recv(), Ok(7));
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        if self.end.look().is_some_and(|word| !word.is_settled()) {
            return Err(TryRecvError::Empty);
        }
        self.end.leave().ok_or(TryRecvError::Closed)
    }

    /// Receives the value, blocking the thread until it is there.
    ///
    /// # Errors
    ///
    /// [`RecvError`] if it will never be.
    ///
    /// # Panics
    ///
    /// On a thread that runs tasks: await the receiver there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::oneshot;
    /// let (tx, rx) = oneshot::channel();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| tx.send(7).unwrap());
    ///     assert_eq!(rx.recv_blocking(), Ok(7));
    /// });
    /// ```
    #[doc(alias = "blocking_recv")]
    #[track_caller]
    pub fn recv_blocking(self) -> Result<T, RecvError> {
        block_on("oneshot::Receiver::recv_blocking", Location::caller(), self)
    }

    /// Closes the channel: the sender can send no more. A value that was sent can still be received.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::oneshot;
    /// let (tx, mut rx) = oneshot::channel();
    /// rx.close();
    /// assert!(tx.send(7).is_err());
    /// ```
    pub fn close(&mut self) {
        self.is_closed = true;
        self.end.close();
    }

    /// Returns what is in the channel, and who waits.
    #[must_use]
    pub fn statistics(&self) -> OneshotStatistics {
        OneshotStatistics {
            is_closed: self.is_closed,
            ..OneshotStatistics::new(self.end.look().unwrap_or_default())
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.end.file(cx.waker()) {
            self.pace = Pace::Waits;
            context::record_wait(&"oneshot::Receiver", self.place);
            return Poll::Pending;
        }
        if !self.pace.is_due() && !budget::try_spend() {
            return self.pace.yields(cx);
        }
        self.pace = Pace::Idle;
        Poll::Ready(self.end.leave().ok_or(RecvError))
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.finished {
            polled_after_ready(SENDER_CLOSED, self.place);
        }
        if self.sender.end.file(cx.waker()) {
            self.pace = Pace::Waits;
            context::record_wait(SENDER_CLOSED, self.place);
            return Poll::Pending;
        }
        if !self.pace.is_due() && !budget::try_spend() {
            return self.pace.yields(cx);
        }
        self.finished = true;
        Poll::Ready(())
    }
}

impl<T> Drop for Closed<'_, T> {
    fn drop(&mut self) {
        self.sender.end.unfile();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Sender", self.statistics(), f)
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Receiver", self.statistics(), f)
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Closed", self.sender.statistics(), f)
    }
}

impl OneshotStatistics {
    const fn new(word: Word) -> Self {
        Self {
            has_value: word.has_value(),
            is_closed: word.is_over(End::Receiver),
            receiver_waits: word.waits(End::Receiver),
            sender_waits: word.waits(End::Sender),
        }
    }
}

fn debug(name: &str, statistics: OneshotStatistics, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.debug_struct(name)
        .field("statistics", &statistics)
        .finish_non_exhaustive()
}
