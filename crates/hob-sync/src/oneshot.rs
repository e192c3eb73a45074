//! A channel for one value.
//!
//! [`channel`] makes both ends. The [`Sender`] sends once, and gets the value back if nobody will
//! receive it. The [`Receiver`] is a future of the value.
//!
//! # Implementation
//!
//! One allocation holds a small lock over the value, whether each end is there, and the waker of each
//! end. Whoever goes takes its own waker with it, and wakes the other; the value and all wakers are
//! moved out under the lock and dropped after it.
//!
//! ```text
//!            send                       receive
//!   Open ───────────► Open, value ─────────────────► empty, sender gone
//!    │ close, or the receiver is dropped
//!    └───────────────► Closed: `send` gives the value back. A value that is there already can be
//!                      received by a receiver that closed, and is dropped with one that was dropped.
//! ```
//!
//! # References
//!
//! - RUSTSEC-2021-0124 and RUSTSEC-2026-0005: what happens to a oneshot channel whose ends close,
//!   send, wait and go at the same time without a lock or a model.

mod error;

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hob_core::{budget, context, unhandled};

use crate::blocking::block_on;
use crate::primitive::Guarded;
use crate::wait_queue::polled_after_ready;
use crate::waker::{WakeList, WakerSlot, poll_with};

pub use self::error::{RecvError, SendError, TryRecvError};

const SENDER_CLOSED: &str = "oneshot::Sender::closed";

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
    let channel = Arc::new(Guarded::new(State {
        value: None,
        sender_gone: false,
        closed: false,
        sender: WakerSlot::default(),
        receiver: WakerSlot::default(),
    }));
    let sender = Sender {
        channel: Arc::clone(&channel),
    };
    let receiver = Receiver {
        channel,
        waits: false,
        place: Location::caller(),
    };
    (sender, receiver)
}

/// The end that sends.
pub struct Sender<T> {
    channel: Arc<Guarded<State<T>>>,
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
    channel: Arc<Guarded<State<T>>>,
    /// Whether the last poll was `Pending`.
    waits: bool,
    place: &'static Location<'static>,
}

/// The future of [`Sender::closed`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Closed<'a, T> {
    sender: &'a mut Sender<T>,
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

struct State<T> {
    value: Option<T>,
    sender_gone: bool,
    /// The receiver was closed or dropped.
    closed: bool,
    sender: WakerSlot,
    receiver: WakerSlot,
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
        let mut state = self.channel.lock();
        if state.closed {
            return Err(SendError(value));
        }
        state.value = Some(value);
        // Dropping `self` marks the sender as gone and wakes the receiver.
        drop(state);
        Ok(())
    }

    /// Returns `true` once the receiver was closed or dropped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.channel.lock().closed
    }

    /// Waits until the receiver is closed or dropped: then nobody wants the value any more.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future removes its waker and nothing else.
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
            finished: false,
            place: Location::caller(),
        }
    }

    /// Returns what is in the channel, and who waits.
    #[must_use]
    pub fn statistics(&self) -> OneshotStatistics {
        self.channel.lock().statistics()
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
        match self.channel.lock().receive() {
            Some(result) => result.map_err(|RecvError| TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
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
        let sender = {
            let mut state = self.channel.lock();
            state.closed = true;
            state.sender.take()
        };
        wake(sender);
    }

    /// Returns what is in the channel, and who waits.
    #[must_use]
    pub fn statistics(&self) -> OneshotStatistics {
        self.channel.lock().statistics()
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.waits && budget::poll_proceed(cx).is_pending() {
            return Poll::Pending;
        }
        let poll = poll_with(cx.waker(), |spare| {
            let mut state = self.channel.lock();
            match state.receive() {
                Some(result) => Poll::Ready(result),
                None => {
                    state.receiver.file(spare);
                    Poll::Pending
                }
            }
        });
        if poll.is_pending() {
            context::record_wait("oneshot::Receiver", self.place);
        } else if !self.waits {
            budget::spend();
        }
        self.waits = poll.is_pending();
        poll
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.finished {
            polled_after_ready(SENDER_CLOSED, self.place);
        }
        let poll = poll_with(cx.waker(), |spare| {
            let mut state = self.sender.channel.lock();
            if state.closed {
                return Poll::Ready(());
            }
            state.sender.file(spare);
            Poll::Pending
        });
        if poll.is_pending() {
            context::record_wait(SENDER_CLOSED, self.place);
        }
        self.finished = poll.is_ready();
        poll
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let (receiver, own) = {
            let mut state = self.channel.lock();
            state.sender_gone = true;
            (state.receiver.take(), state.sender.take())
        };
        wake(receiver);
        unhandled::drop_waker(own);
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let (sender, own, value) = {
            let mut state = self.channel.lock();
            state.closed = true;
            let sender = state.sender.take();
            (sender, state.receiver.take(), state.value.take())
        };
        wake(sender);
        unhandled::drop_waker(own);
        drop(value);
    }
}

impl<T> Drop for Closed<'_, T> {
    fn drop(&mut self) {
        let own = self.sender.channel.lock().sender.take();
        unhandled::drop_waker(own);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Sender", &self.channel, f)
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Receiver", &self.channel, f)
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug("Closed", &self.sender.channel, f)
    }
}

impl<T> State<T> {
    /// The value, or that there will be none; `None` if neither is known.
    fn receive(&mut self) -> Option<Result<T, RecvError>> {
        match self.value.take() {
            Some(value) => Some(Ok(value)),
            None => (self.sender_gone || self.closed).then_some(Err(RecvError)),
        }
    }

    fn statistics(&self) -> OneshotStatistics {
        OneshotStatistics {
            has_value: self.value.is_some(),
            is_closed: self.closed,
            receiver_waits: !self.receiver.is_empty(),
            sender_waits: !self.sender.is_empty(),
        }
    }
}

fn wake(waker: Option<Waker>) {
    let mut wakes = WakeList::default();
    wakes.extend(waker);
    wakes.wake_all();
}

fn debug<T>(name: &str, channel: &Guarded<State<T>>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut end = f.debug_struct(name);
    // A dump must not wait.
    match channel.try_lock() {
        Some(state) => end.field("statistics", &state.statistics()),
        None => end.field("statistics", &format_args!("<locked>")),
    };
    end.finish_non_exhaustive()
}
