//! A wait in a line, as a future: what the futures of this crate are made of.

#![expect(
    unsafe_code,
    reason = "a node is linked where it is pinned, under the lock of a line that outlives it"
)]

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hob_core::task::What;
use hob_core::{budget, context, unhandled};

use super::line::{End, Node, Place};
use super::{Serve, Settle, polled_after_ready, update};

/// A wait for something that `H` leads to: what the futures of this crate are made of.
///
/// The request is made known when the wait is first polled. Dropped, it gives up its place, or hands
/// on what it was granted.
pub(crate) struct Wait<H: Home<Shared: Serve<L>>, L = ()> {
    home: H,
    node: Node<Request<H, L>, Grant<H, L>>,
    stage: Stage,
    what: What,
    place: &'static Location<'static>,
}

type Request<H, L> = <<H as Home>::Shared as Serve<L>>::Request;
type Grant<H, L> = <<H as Home>::Shared as Serve<L>>::Grant;

/// What [`Wait::refresh`] found.
#[derive(Eq, PartialEq)]
enum Refreshed {
    Waits,
    Granted,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Not polled yet.
    New,
    /// It could have been served in that poll of its task, and yielded for want of a budget. In the next
    /// one it takes what is there, though others in the task may have used the budget up again.
    Yielded { poll: u32 },
    /// In line or granted.
    Filed,
    /// Granted by [`Wait::enable`], without having waited.
    Enabled,
    /// It was ready, which it is once.
    Finished,
}

/// What a wait holds on to: it leads to the object whose line the wait stands in.
///
/// # Safety
///
/// `shared` returns the same object each time, and that object stays where it is until the home is
/// dropped, even if the home is moved.
pub(crate) unsafe trait Home {
    type Shared;

    fn shared(&self) -> &Self::Shared;
}

/// A home that owns `O` and leads to a part of it.
pub(crate) struct Part<O: ?Sized, S> {
    owner: Arc<O>,
    part: NonNull<S>,
}

impl<H: Home<Shared: Serve<L>>, L> Wait<H, L> {
    /// A wait for `request`, as the operation `what`, which the caller of the caller called.
    #[track_caller]
    pub(crate) fn new(home: H, request: Request<H, L>, what: What) -> Self {
        Self::new_at(home, request, what, Location::caller())
    }

    /// A wait for `request`, as the operation `what`, which was called at `place`.
    pub(crate) fn new_at(
        home: H,
        request: Request<H, L>,
        what: What,
        place: &'static Location<'static>,
    ) -> Self {
        Self {
            home,
            node: Node::new(request),
            stage: Stage::New,
            what,
            place,
        }
    }

    pub(crate) const fn home(&self) -> &H {
        &self.home
    }

    /// One poll of the future that this wait is.
    pub(crate) fn poll(self: Pin<&mut Self>, cx: &Context<'_>) -> Poll<Grant<H, L>> {
        // SAFETY: nothing is moved out of the wait: `home` and `node` are only lent, the node as `&`.
        let this = unsafe { self.get_unchecked_mut() };
        let poll = match this.stage {
            Stage::New => this.poll_new(cx),
            Stage::Yielded { poll } if poll == budget::this_poll() => this.poll_new(cx),
            Stage::Yielded { .. } => this.poll_yielded(cx),
            Stage::Filed => this.poll_filed(cx),
            Stage::Enabled => this.poll_enabled(cx),
            Stage::Finished => polled_after_ready(this.what, this.place),
        };
        if poll.is_ready() {
            this.stage = Stage::Finished;
        }
        poll
    }

    /// Notes that its future is ready without having waited, which it is once.
    pub(crate) fn finish(self: Pin<&mut Self>) {
        // SAFETY: nothing is moved.
        let this = unsafe { self.get_unchecked_mut() };
        if this.stage == Stage::Finished {
            polled_after_ready(this.what, this.place);
        }
        this.stage = Stage::Finished;
    }

    /// Joins the line ahead of the first poll, which will bring a waker. Returns whether that poll
    /// will be ready, if it comes now.
    pub(crate) fn enable(self: Pin<&mut Self>) -> bool {
        // SAFETY: nothing is moved.
        let this = unsafe { self.get_unchecked_mut() };
        match this.stage {
            Stage::New | Stage::Yielded { .. } => {
                if let Poll::Ready(grant) = this.join(End::Back, None) {
                    // SAFETY: it did not join the line, so the node is ours.
                    unsafe { this.node.give(grant) };
                    this.stage = Stage::Enabled;
                }
            }
            Stage::Filed | Stage::Enabled => {}
            Stage::Finished => polled_after_ready(this.what, this.place),
        }
        this.node.is_granted()
    }

    /// Waits again, as the first in line: what was granted was there no more when it was to be used.
    pub(crate) fn rejoin(self: Pin<&mut Self>, cx: &Context<'_>) -> Poll<Grant<H, L>> {
        // SAFETY: nothing is moved.
        let this = unsafe { self.get_unchecked_mut() };
        debug_assert_eq!(this.stage, Stage::Finished, "it was granted before");
        this.stage = Stage::New;
        this.node.reset();
        this.poll_join(End::Front, cx)
    }

    /// The first poll of a wait for what was not there a moment ago, nor given to a newcomer: it joins
    /// the line at once.
    pub(crate) fn poll_waiting(self: Pin<&mut Self>, cx: &Context<'_>) -> Poll<Grant<H, L>> {
        // SAFETY: nothing is moved.
        let this = unsafe { self.get_unchecked_mut() };
        debug_assert_eq!(this.stage, Stage::New, "it was not polled before");
        this.poll_join(End::Back, cx)
    }

    fn poll_join(&mut self, end: End, cx: &Context<'_>) -> Poll<Grant<H, L>> {
        let poll = self.join(end, Some(cx.waker().clone()));
        if poll.is_pending() {
            context::record_wait(self.what, self.place);
        } else {
            self.stage = Stage::Finished;
        }
        poll
    }

    /// Starts anew with another `request` after it was ready, or before it was polled: for streams.
    pub(crate) fn again(self: Pin<&mut Self>, request: Request<H, L>) {
        // SAFETY: nothing is moved. The node is not linked, and is dropped where it is.
        let this = unsafe { self.get_unchecked_mut() };
        assert!(
            !matches!(this.stage, Stage::Filed | Stage::Enabled),
            "it would still be in line"
        );
        this.node = Node::new(request);
        this.stage = Stage::New;
    }

    fn poll_new(&mut self, cx: &Context<'_>) -> Poll<Grant<H, L>> {
        let is_paid = budget::try_spend();
        if is_paid && let Some(grant) = self.try_take() {
            return Poll::Ready(grant);
        }
        if !is_paid && self.is_ready() {
            let poll = budget::this_poll();
            self.stage = Stage::Yielded { poll };
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let poll = self.poll_join(End::Back, cx);
        if is_paid && poll.is_pending() {
            budget::refund();
        }
        poll
    }

    fn poll_yielded(&mut self, cx: &Context<'_>) -> Poll<Grant<H, L>> {
        match self.try_take() {
            Some(grant) => Poll::Ready(grant),
            None => self.poll_join(End::Back, cx),
        }
    }

    fn poll_enabled(&mut self, cx: &Context<'_>) -> Poll<Grant<H, L>> {
        self.stage = Stage::Filed;
        if budget::try_spend() {
            return self.poll_filed(cx);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn try_take(&self) -> Option<Grant<H, L>> {
        let shared = self.home.shared();
        // SAFETY: the stage is `New` or `Yielded`: the node is not linked, so it is ours.
        unsafe { self.node.with(|place| shared.try_take(&mut place.request)) }
    }

    fn is_ready(&self) -> bool {
        let shared = self.home.shared();
        let mut state = shared.lock().lock();
        let (line, store) = H::Shared::parts(&mut state);
        // SAFETY: the stage is `New` or `Yielded`: the node is not linked, so it is ours.
        let is_ready = unsafe {
            self.node
                .with(|place| shared.is_ready(store, &place.request))
        };
        is_ready && line.is_empty()
    }

    /// Joins the line at one of its ends, unless what it asks for is there by now.
    fn join(&mut self, end: End, mut waker: Option<Waker>) -> Poll<Grant<H, L>> {
        let Self {
            home, node, stage, ..
        } = self;
        let shared = home.shared();
        let poll = update(shared, |state| {
            let (line, store) = H::Shared::parts(state);
            let join = |place: &mut Place<_, _>| {
                let grant = if line.is_empty() || end == End::Front {
                    shared.take(store, &mut place.request)
                } else {
                    shared.take_past_line(store, &mut place.request)
                };
                if let Some(grant) = grant {
                    return Poll::Ready(grant);
                }
                shared.joins(store, &mut place.request);
                place.waker = waker.take();
                Poll::Pending
            };
            // SAFETY: the stage says that the node is not linked, so it is ours.
            let poll = unsafe { node.with(join) };
            if poll.is_pending() {
                // From here on `Drop` takes it out of the line, whatever happens before we return.
                *stage = Stage::Filed;
                // SAFETY: this is the lock of the line; the node is pinned, as `poll` has a pin, and
                // `Drop` takes it out of this very line.
                unsafe { line.push(end, NonNull::from(&*node)) };
            }
            poll
        });
        // Foreign code, now that the lock is released. If it panics, that takes no grant away.
        unhandled::drop_waker(waker);
        poll
    }

    fn poll_filed(&self, cx: &Context<'_>) -> Poll<Grant<H, L>> {
        if self.node.is_granted() || self.refresh(cx.waker()) == Refreshed::Granted {
            // SAFETY: it was granted, so the node is ours again.
            let grant = unsafe { self.node.with(Place::take_grant) };
            return Poll::Ready(grant);
        }
        context::record_wait(self.what, self.place);
        Poll::Pending
    }

    /// Files `waker` instead of the one that was filed before, if it is another.
    fn refresh(&self, waker: &Waker) -> Refreshed {
        let mut clone = None;
        let refreshed = loop {
            let state = self.home.shared().lock().lock();
            if self.node.is_granted() {
                break Refreshed::Granted;
            }
            // SAFETY: the node is linked, and this is the lock of its line.
            if unsafe { self.node.with(|place| place.file(waker, &mut clone)) } {
                break Refreshed::Waits;
            }
            drop(state);
            clone = Some(waker.clone());
        };
        // Foreign code, now that the lock is released.
        unhandled::drop_waker(clone);
        refreshed
    }

    /// Gives up the place in line, or hands on what was granted.
    fn leave(&self) {
        let shared = self.home.shared();
        let (waker, unwanted) = update(shared, |state| {
            let (line, store) = H::Shared::parts(state);
            let granted = self.node.is_granted();
            if !granted {
                // SAFETY: it was filed and not granted, so it is linked, in this line.
                unsafe { line.unlink(NonNull::from(&self.node)) };
            }
            let leave = |place: &mut Place<_, _>| {
                let unwanted = if granted {
                    shared.put_back(store, place.take_grant())
                } else {
                    shared.leaves(store, &place.request);
                    None
                };
                (place.waker.take(), unwanted)
            };
            // SAFETY: it is not linked any more, so it is ours.
            unsafe { self.node.with(leave) }
        });
        // Foreign code, now that the lock is released.
        unhandled::drop_waker(waker);
        drop(unwanted);
    }
}

impl<H: Home<Shared: Serve<L>>, L> Drop for Wait<H, L> {
    fn drop(&mut self) {
        if matches!(self.stage, Stage::Filed | Stage::Enabled) {
            self.leave();
        }
    }
}

impl<H: Home<Shared: Serve<L>>, L> fmt::Debug for Wait<H, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("what", &self.what)
            .field("place", &format_args!("{}", self.place))
            .field("stage", &self.stage)
            .field("is_granted", &self.node.is_granted())
            .finish()
    }
}

// SAFETY: what is behind a reference does not move.
unsafe impl<S> Home for &S {
    type Shared = S;

    fn shared(&self) -> &S {
        self
    }
}

// SAFETY: what is in an `Arc` does not move, and lives as long as this clone of it.
unsafe impl<S> Home for Arc<S> {
    type Shared = S;

    fn shared(&self) -> &S {
        self
    }
}

impl<O: ?Sized, S> Part<O, S> {
    pub(crate) fn new(owner: Arc<O>, part: impl for<'a> FnOnce(&'a O) -> &'a S) -> Self {
        let part = NonNull::from(part(&owner));
        Self { owner, part }
    }

    pub(crate) const fn owner(&self) -> &Arc<O> {
        &self.owner
    }
}

impl<O: ?Sized, S> Clone for Part<O, S> {
    fn clone(&self) -> Self {
        Self {
            owner: Arc::clone(&self.owner),
            part: self.part,
        }
    }
}

// SAFETY: `part` takes every lifetime, so what it returned lives as long as `owner` is borrowed
// shared. The clone of the `Arc` keeps it alive, where it is, and lets nobody borrow it mutably.
unsafe impl<O: ?Sized, S> Home for Part<O, S> {
    type Shared = S;

    fn shared(&self) -> &S {
        // SAFETY: as above.
        unsafe { self.part.as_ref() }
    }
}

// SAFETY: it is an `Arc<O>` and a `&S` into it.
unsafe impl<O: ?Sized + Send + Sync, S: Sync> Send for Part<O, S> {}
// SAFETY: as for `Send`.
unsafe impl<O: ?Sized + Send + Sync, S: Sync> Sync for Part<O, S> {}
