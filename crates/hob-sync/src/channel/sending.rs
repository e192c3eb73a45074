//! The futures of senders.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hob_core::budget;
use pin_project_lite::pin_project;

use crate::channel::error::{SendError, TrySendError};
use crate::channel::permit::{OwnedPermit, Permit};
use crate::channel::sender::Sender;
use crate::channel::serve::{Closers, Closing, Place, Put, Putters};
use crate::channel::state::Channel;
use crate::wait_queue::{Wait, polled_after_ready};

pin_project! {
    /// The future of [`Sender::send`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Sending<'a, T> {
        channel: &'a Channel<T>,
        // There until it is sent, or waits.
        message: Option<T>,
        // There once it waits: most do not, and then nobody pays for making it.
        #[pin]
        wait: Option<Wait<&'a Channel<T>, Putters>>,
        place: &'static Location<'static>,
    }
}

pin_project! {
    /// The future of [`Sender::reserve`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Reserve<'a, T> {
        sender: &'a Sender<T>,
        #[pin]
        wait: Wait<&'a Channel<T>, Putters>,
    }
}

pin_project! {
    /// The future of [`Sender::reserve_owned`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReserveOwned<T> {
        #[pin]
        wait: Wait<Arc<Channel<T>>, Putters>,
        // There until the future is ready. Dropped after the wait, so that the slot is back by then.
        sender: Option<Sender<T>>,
    }
}

pin_project! {
    /// The future of [`Sender::closed`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Closed<'a, T> {
        #[pin]
        wait: Wait<&'a Channel<T>, Closers>,
    }
}

type SendWait<'a, T> = Wait<&'a Channel<T>, Putters>;

impl<'a, T> Sending<'a, T> {
    #[inline]
    #[track_caller]
    pub(super) fn new(sender: &'a Sender<T>, message: T) -> Self {
        Self {
            channel: sender.end(),
            message: Some(message),
            wait: None,
            place: Location::caller(),
        }
    }
}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        if this.wait.is_none() && budget::try_spend() {
            let Some(message) = this.message.take() else {
                polled_after_ready(this.channel.names().send, this.place)
            };
            match this.channel.try_place(message) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(TrySendError::Closed(message)) => return Poll::Ready(Err(SendError(message))),
                Err(TrySendError::Full(message)) => *this.message = Some(message),
            }
            let poll = self.poll_waiting(cx, Wait::poll_waiting);
            if poll.is_pending() {
                budget::refund();
            }
            return poll;
        }
        self.poll_waiting(cx, Wait::poll)
    }
}

impl<'a, T> Sending<'a, T> {
    /// One poll of a send that waits, or has to.
    fn poll_waiting(
        self: Pin<&mut Self>,
        cx: &Context<'_>,
        poll: impl FnOnce(Pin<&mut SendWait<'a, T>>, &Context<'_>) -> Poll<Place<T>>,
    ) -> Poll<Result<(), SendError<T>>> {
        let mut this = self.project();
        if this.wait.is_none() {
            let Some(message) = this.message.take() else {
                polled_after_ready(this.channel.names().send, this.place)
            };
            let what = this.channel.names().send;
            let wait = Wait::new_at(*this.channel, Put::Message(message), what, this.place);
            this.wait.set(Some(wait));
        }
        let wait = this.wait.as_pin_mut().expect("it was made before");
        Poll::Ready(match ready!(poll(wait, cx)) {
            Place::Refused(message) => {
                let message = message.expect("what is refused comes back");
                Err(SendError(message))
            }
            Place::Sent | Place::Slot => Ok(()),
        })
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending")
            .field("place", &format_args!("{}", self.place))
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<'a, T> Reserve<'a, T> {
    #[track_caller]
    pub(super) fn new(sender: &'a Sender<T>) -> Self {
        let channel = &**sender.end();
        Self {
            sender,
            wait: Wait::new(channel, Put::Slot, channel.names().reserve),
        }
    }
}

impl<'a, T> Future for Reserve<'a, T> {
    type Output = Result<Permit<'a, T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let place = ready!(this.wait.poll(cx));
        Poll::Ready(match place {
            Place::Refused(_) => Err(SendError(())),
            Place::Sent | Place::Slot => Ok(Permit::new(this.sender)),
        })
    }
}

impl<T> fmt::Debug for Reserve<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserve")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<T> ReserveOwned<T> {
    #[track_caller]
    pub(super) fn new(sender: Sender<T>) -> Self {
        let channel = Arc::clone(sender.end().channel());
        let what = channel.names().reserve_owned;
        Self {
            wait: Wait::new(channel, Put::Slot, what),
            sender: Some(sender),
        }
    }
}

impl<T> Future for ReserveOwned<T> {
    type Output = Result<OwnedPermit<T>, SendError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let place = ready!(this.wait.poll(cx));
        let sender = this.sender.take().expect("it is ready once");
        Poll::Ready(match place {
            Place::Refused(_) => Err(SendError(())),
            Place::Sent | Place::Slot => Ok(OwnedPermit::new(sender)),
        })
    }
}

impl<T> fmt::Debug for ReserveOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReserveOwned")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<'a, T> Closed<'a, T> {
    #[track_caller]
    pub(super) fn new(channel: &'a Channel<T>) -> Self {
        Self {
            wait: Wait::new(channel, (), channel.names().closed),
        }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().wait.poll(cx).map(|Closing| ())
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").field("wait", &self.wait).finish()
    }
}
