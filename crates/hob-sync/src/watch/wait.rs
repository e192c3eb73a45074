//! The futures that wait for a change, or for the last receiver to go.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hob_core::budget;
use pin_project_lite::pin_project;

use crate::epoch::Epoch;
use crate::wait_queue::Wait;
use crate::watch::error::RecvError;
use crate::watch::hub::{Changes, Closings, Hub, Version};
use crate::watch::shared::{Ref, Shared};

pin_project! {
    /// The future of [`Receiver::changed`](super::Receiver::changed).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Changed<'a> {
        seen: &'a mut Version,
        hub: &'a Hub,
        was_polled: bool,
        #[pin]
        wait: Wait<&'a Hub, Changes>,
    }
}

pin_project! {
    /// The future of [`Receiver::wait_for`](super::Receiver::wait_for).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WaitFor<'a, T, P> {
        shared: &'a Shared<T>,
        look: Look<'a, P>,
        // Whether the value was looked at that was there at the start.
        started: bool,
        #[pin]
        wait: Wait<&'a Hub, Changes>,
    }
}

pin_project! {
    /// The future of [`Sender::closed`](super::Sender::closed).
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Closed<'a> {
        #[pin]
        wait: Wait<&'a Hub, Closings>,
    }
}

/// What a receiver has seen, and what it looks for.
struct Look<'a, P> {
    seen: &'a mut Version,
    predicate: P,
}

impl<'a> Changed<'a> {
    #[track_caller]
    pub(super) fn new(hub: &'a Hub, seen: &'a mut Version) -> Self {
        Self {
            wait: Wait::new(hub, *seen, &"watch::Receiver::changed"),
            seen,
            hub,
            was_polled: false,
        }
    }
}

impl Future for Changed<'_> {
    type Output = Result<(), RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let was_polled = mem::replace(this.was_polled, true);
        // Mostly a receiver waits as soon as it has seen a change: then the budget need not be asked.
        let told = if was_polled || this.hub.look(**this.seen).is_some() {
            this.wait.poll(cx)
        } else {
            this.wait.poll_waiting(cx)
        };
        ready!(told)?;
        // The latest, which may be later than the one that ended the wait: it is told of once.
        **this.seen = this.hub.version();
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Changed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changed")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<P> Look<'_, P> {
    /// Looks at the value, which is seen from then on.
    fn at<'a, T>(&mut self, shared: &'a Shared<T>) -> Option<Ref<'a, T>>
    where
        P: FnMut(&T) -> bool,
    {
        let (value, version) = shared.borrow(Some(*self.seen));
        *self.seen = version;
        (self.predicate)(&value).then_some(value)
    }
}

impl<'a, T, P> WaitFor<'a, T, P> {
    #[track_caller]
    pub(super) fn new(shared: &'a Shared<T>, seen: &'a mut Version, predicate: P) -> Self {
        Self {
            shared,
            started: false,
            wait: Wait::new(&shared.hub, *seen, &"watch::Receiver::wait_for"),
            look: Look { seen, predicate },
        }
    }
}

impl<'a, T, P: FnMut(&T) -> bool> Future for WaitFor<'a, T, P> {
    type Output = Result<Ref<'a, T>, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let shared = *this.shared;
        if !*this.started {
            ready!(budget::poll_proceed(cx));
            *this.started = true;
            if let Some(value) = this.look.at(shared) {
                budget::spend();
                this.wait.finish();
                return Poll::Ready(Ok(value));
            }
            this.wait.as_mut().again(*this.look.seen);
        }
        loop {
            ready!(this.wait.as_mut().poll(cx))?;
            if let Some(value) = this.look.at(shared) {
                return Poll::Ready(Ok(value));
            }
            this.wait.as_mut().again(*this.look.seen);
        }
    }
}

impl<T, P> fmt::Debug for WaitFor<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFor")
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<'a> Closed<'a> {
    #[track_caller]
    pub(super) fn new(hub: &'a Hub) -> Self {
        Self {
            wait: Wait::new(hub, Epoch::NOT_IN_LINE, &"watch::Sender::closed"),
        }
    }
}

impl Future for Closed<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().wait.poll(cx)
    }
}

impl fmt::Debug for Closed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").field("wait", &self.wait).finish()
    }
}
