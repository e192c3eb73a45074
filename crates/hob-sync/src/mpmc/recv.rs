//! The futures of receivers.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hob_core::budget;
use hob_core::task::What;
use pin_project_lite::pin_project;

use crate::channel::{Channel, IsOver, Side, Take, Taken, Takers};
use crate::wait_queue::{Home, Wait, polled_after_ready};

pin_project! {
    /// The future of [`Receiver::recv`](super::Receiver::recv).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Recv<'a, T> {
        channel: &'a Channel<T>,
        // There once it waits: most do not, and then nobody pays for making it.
        #[pin]
        wait: Option<Wait<&'a Channel<T>, Takers>>,
        finished: bool,
        place: &'static Location<'static>,
    }
}

pin_project! {
    /// The future of [`Receiver::recv_many`](super::Receiver::recv_many).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RecvMany<'a, T> {
        buffer: &'a mut Vec<T>,
        limit: usize,
        #[pin]
        wait: Wait<&'a Channel<T>, Takers>,
    }
}

/// Where a receiver whose turn it is finds its messages.
pub(super) enum Found<'a, T> {
    Given(T),
    In(&'a mut Side<T>),
}

/// One poll of a future or stream that waits with `wait` for what `take` takes once it is its turn.
/// `None` if no message will come.
#[inline]
pub(super) fn poll_taken<T, H: Home<Shared = Channel<T>>, R>(
    mut wait: Pin<&mut Wait<H, Takers>>,
    cx: &Context<'_>,
    take: impl FnMut(Found<'_, T>) -> Option<R>,
) -> Poll<Option<R>> {
    let taken = ready!(wait.as_mut().poll(cx));
    poll_turn(wait, cx, taken, take)
}

/// The rest of it, with what was given.
fn poll_turn<T, H: Home<Shared = Channel<T>>, R>(
    mut wait: Pin<&mut Wait<H, Takers>>,
    cx: &Context<'_>,
    mut taken: Taken<T>,
    mut take: impl FnMut(Found<'_, T>) -> Option<R>,
) -> Poll<Option<R>> {
    loop {
        match taken {
            Taken::Message(message) => return Poll::Ready(take(Found::Given(message))),
            Taken::Over => return Poll::Ready(None),
            Taken::Turn => {}
        }
        let message = {
            let channel = wait.home().shared();
            channel.use_turn(|side| take(Found::In(side)))
        };
        if message.is_some() {
            return Poll::Ready(message);
        }
        // A rendezvous, and the sender has gone meanwhile.
        taken = ready!(wait.as_mut().rejoin(cx));
    }
}

impl<T> Found<'_, T> {
    /// The next message.
    #[inline]
    pub(super) fn one(self) -> Option<T> {
        match self {
            Self::Given(message) => Some(message),
            Self::In(side) => side.pop(),
        }
    }

    /// Puts up to `limit` messages into `buffer`, and tells how many.
    fn many(self, buffer: &mut Vec<T>, limit: usize) -> Option<usize> {
        match self {
            Self::Given(message) => {
                buffer.push(message);
                Some(1)
            }
            Self::In(side) => side.pop_many(buffer, limit),
        }
    }
}

const WHAT: What = &"mpmc::Receiver::recv";

type RecvWait<'a, T> = Wait<&'a Channel<T>, Takers>;

impl<'a, T> Recv<'a, T> {
    #[inline]
    pub(super) fn new(channel: &'a Channel<T>, place: &'static Location<'static>) -> Self {
        Self {
            channel,
            wait: None,
            finished: false,
            place,
        }
    }

    /// One poll of a receive that waits, or has to.
    fn poll_waiting(
        self: Pin<&mut Self>,
        cx: &Context<'_>,
        poll: impl FnOnce(Pin<&mut RecvWait<'a, T>>, &Context<'_>) -> Poll<Taken<T>>,
    ) -> Poll<Option<T>> {
        let mut this = self.project();
        if *this.finished {
            polled_after_ready(WHAT, this.place);
        }
        if this.wait.is_none() {
            let wait = Wait::new_at(*this.channel, Take::message(), WHAT, this.place);
            this.wait.set(Some(wait));
        }
        let mut wait = this.wait.as_pin_mut().expect("it was made before");
        let taken = ready!(poll(wait.as_mut(), cx));
        poll_turn(wait, cx, taken, |found| found.one())
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.as_mut().project();
        if this.wait.is_none() && !*this.finished && budget::try_spend() {
            match this.channel.take_unpromised(Side::pop) {
                Err(IsOver(false)) => {}
                received => {
                    *this.finished = true;
                    return Poll::Ready(received.ok());
                }
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

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv")
            .field("place", &format_args!("{}", self.place))
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<'a, T> RecvMany<'a, T> {
    #[track_caller]
    pub(super) fn new(channel: &'a Channel<T>, buffer: &'a mut Vec<T>, limit: usize) -> Self {
        Self {
            buffer,
            limit,
            wait: Wait::new(channel, Take::turn(), &"mpmc::Receiver::recv_many"),
        }
    }
}

impl<T> Future for RecvMany<'_, T> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = self.project();
        if *this.limit == 0 {
            this.wait.finish();
            return Poll::Ready(0);
        }
        let (buffer, limit) = (&mut **this.buffer, *this.limit);
        let taken = poll_taken(this.wait, cx, |found| found.many(buffer, limit));
        taken.map(Option::unwrap_or_default)
    }
}

impl<T> fmt::Debug for RecvMany<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvMany")
            .field("limit", &self.limit)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
