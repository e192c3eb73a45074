//! The line that every primitive of this crate has its waiters stand in.
//!
//! Who comes first is served first, and is *given* what it waits for: the permit, the turn or the
//! room is its own before it is woken. So nobody can take it away, and a waiter that goes without
//! having taken it hands it on to the next.
//!
//! # Implementation
//!
//! Nothing is allocated: a place in line is a [`Node`] inside the waiting future, and the line is a
//! doubly linked list through these nodes. A primitive keeps its state, its lines included, under one
//! lock, and tells through [`Serve`] how to take something from that state and how to put it back.
//! The rest is done here, once for all, by [`Wait`] for futures, [`try_take`] for those who do not
//! wait, and [`update`] for those who change the state.
//!
//! ```text
//!               there, and nobody in line
//!   new ──────────────────────────────────────────► finished
//!    │                                                 ▲
//!    │ nothing there, or others wait                   │ poll takes the grant, without the lock
//!    ▼               grant_first                       │
//!   in line ─────────────────────────► granted ────────┘
//!    │ drop: the line closes up           │ drop: put back, for the next in line
//!    └───────────► gone ◄─────────────────┘
//! ```
//!
//! Who may touch a node's [`Place`]: its own future, as long as it is not linked; whoever holds the
//! lock, as long as it is. `granted` says which: it is set, after the node was unlinked, as the last
//! thing that is done to the node under the lock. Its Release store pairs with the Acquire load by
//! which the future learns that the node is its own again.
//!
//! Three rules keep order. A newcomer takes nothing while somebody is in line. One that cannot be
//! served joins the line, whatever its budget. And one that could be served but has no budget left
//! yields as if it had not asked yet.
//!
//! Whoever changes the state serves the lines before it releases the lock, as far as the list of those
//! to wake has room; then it wakes them, and goes on serving. Nobody can get between: as long as the
//! line is not empty, newcomers join it.
//!
//! # References
//!
//! - Linux' `struct list_head` for lists through what they hold; tokio's `batch_semaphore` and
//!   event-listener's stack listeners for nodes in pinned futures.

#![expect(
    unsafe_code,
    reason = "nodes live in the futures that wait, so that waiting allocates nothing"
)]

use std::fmt;
use std::marker::PhantomPinned;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hob_core::{budget, context, unhandled};

use crate::primitive::{AtomicBool, Guarded, Ordering, UnsafeCell};
use crate::waker::WakeList;

/// A state under a lock, and what follows from a change of it for all its lines.
pub(crate) trait Settle {
    /// What the lock guards.
    type State;

    fn lock(&self) -> &Guarded<Self::State>;

    /// Serves every line as far as it goes, or until `wakes` is full.
    fn settle(&self, state: &mut Self::State, wakes: &mut WakeList);
}

/// A state that serves a line of waiters. `L` names the line where there are several.
pub(crate) trait Serve<L = ()>: Settle {
    /// What a waiter asks for.
    type Request;
    /// What it is given.
    type Grant;
    /// What it is given from: the state without the line.
    type Store;

    /// The line, and what it is served from.
    fn parts(
        state: &mut Self::State,
    ) -> (&mut WaitQueue<Self::Request, Self::Grant>, &mut Self::Store);

    /// Whether a newcomer who finds nobody in line would be served now.
    fn is_ready(&self, store: &Self::Store, request: &Self::Request) -> bool;

    /// Takes what is asked for, if it is there. The line has been looked at before.
    fn take(&self, store: &mut Self::Store, request: &mut Self::Request) -> Option<Self::Grant>;

    /// Puts back what was granted and not taken. What has no use any more is returned, to be dropped
    /// with the lock released.
    fn put_back(&self, store: &mut Self::Store, grant: Self::Grant) -> Option<Self::Grant>;

    /// Notes what it is that the waiter who joins the line now waits for.
    fn joins(&self, store: &mut Self::Store, request: &mut Self::Request) {
        let _ = (store, request);
    }

    /// Takes what is asked for, if it is there and nobody waits for it.
    fn try_take(&self, request: &mut Self::Request) -> Option<Self::Grant> {
        update(self, |state| {
            let (line, store) = Self::parts(state);
            if line.is_empty() {
                self.take(store, request)
            } else {
                None
            }
        })
    }
}

/// Waiters in order of arrival: each asks for an `R` and is given a `G`.
pub(crate) struct WaitQueue<R, G> {
    first: Link<R, G>,
    last: Link<R, G>,
}

type Link<R, G> = Option<NonNull<Node<R, G>>>;

/// A place in line, inside the future that waits. See the module's documentation for who may touch
/// it when.
struct Node<R, G> {
    granted: AtomicBool,
    place: UnsafeCell<Place<R, G>>,
    _pinned: PhantomPinned,
}

struct Place<R, G> {
    request: R,
    grant: Option<G>,
    waker: Option<Waker>,
    ahead: Link<R, G>,
    behind: Link<R, G>,
}

/// A wait for something that `H` leads to: what the futures of this crate are made of.
///
/// The request is made known when the wait is first polled. Dropped, it gives up its place, or hands
/// on what it was granted.
pub(crate) struct Wait<H: Home<Shared: Serve<L>>, L = ()> {
    home: H,
    node: Node<Request<H, L>, Grant<H, L>>,
    stage: Stage,
    what: &'static str,
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
    /// Not polled yet, or it yielded for want of a budget.
    New,
    /// In line or granted.
    Filed,
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

/// Serves one line as far as it goes, or until `wakes` is full.
pub(crate) fn serve<L, S: Serve<L> + ?Sized>(
    shared: &S,
    state: &mut S::State,
    wakes: &mut WakeList,
) {
    let (line, store) = S::parts(state);
    while !wakes.is_full() {
        let grant = line.with_first(|request| shared.take(store, request));
        let Some(grant) = grant.flatten() else { return };
        line.grant_first(grant, wakes);
    }
}

/// Changes the state, serves its lines, and wakes with the lock released.
pub(crate) fn update<S: Settle + ?Sized, R>(
    shared: &S,
    change: impl FnOnce(&mut S::State) -> R,
) -> R {
    let mut wakes = WakeList::default();
    let result = {
        let mut state = shared.lock().lock();
        let result = change(&mut state);
        shared.settle(&mut state, &mut wakes);
        result
    };
    loop {
        let may_be_more = wakes.is_full();
        wakes.wake_all();
        if !may_be_more {
            return result;
        }
        shared.settle(&mut shared.lock().lock(), &mut wakes);
    }
}

/// What every future of this crate says that is polled once too often.
#[cold]
pub(crate) fn polled_after_ready(what: &str, place: &Location<'_>) -> ! {
    panic!("{what} at {place} was polled after it was ready");
}

impl<H: Home<Shared: Serve<L>>, L> Wait<H, L> {
    /// A wait for `request`, as the operation `what`, which the caller of the caller called.
    #[track_caller]
    pub(crate) fn new(home: H, request: Request<H, L>, what: &'static str) -> Self {
        Self {
            home,
            node: Node {
                granted: AtomicBool::new(false),
                place: UnsafeCell::new(Place {
                    request,
                    grant: None,
                    waker: None,
                    ahead: None,
                    behind: None,
                }),
                _pinned: PhantomPinned,
            },
            stage: Stage::New,
            what,
            place: Location::caller(),
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
            Stage::Filed => this.poll_filed(cx),
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

    fn poll_new(&mut self, cx: &Context<'_>) -> Poll<Grant<H, L>> {
        if budget::try_spend() {
            if let Some(grant) = self.try_take() {
                return Poll::Ready(grant);
            }
            budget::refund();
        } else if self.is_ready() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let poll = self.join(cx.waker().clone());
        if poll.is_pending() {
            self.stage = Stage::Filed;
            context::record_wait(self.what, self.place);
        }
        poll
    }

    fn try_take(&self) -> Option<Grant<H, L>> {
        let shared = self.home.shared();
        // SAFETY: the stage is `New`: the node is not linked, so it is ours.
        unsafe { self.node.with(|place| shared.try_take(&mut place.request)) }
    }

    fn is_ready(&self) -> bool {
        let shared = self.home.shared();
        let mut state = shared.lock().lock();
        let (line, store) = H::Shared::parts(&mut state);
        // SAFETY: the stage is `New`: the node is not linked, so it is ours.
        let is_ready = unsafe {
            self.node
                .with(|place| shared.is_ready(store, &place.request))
        };
        is_ready && line.is_empty()
    }

    /// Joins the line at its end, unless what it asks for is there by now.
    fn join(&self, waker: Waker) -> Poll<Grant<H, L>> {
        let shared = self.home.shared();
        let mut waker = Some(waker);
        let poll = update(shared, |state| {
            let (line, store) = H::Shared::parts(state);
            let join = |place: &mut Place<_, _>| {
                if line.is_empty()
                    && let Some(grant) = shared.take(store, &mut place.request)
                {
                    return Poll::Ready(grant);
                }
                shared.joins(store, &mut place.request);
                place.waker = waker.take();
                Poll::Pending
            };
            // SAFETY: the stage is `New`: the node is not linked, so it is ours.
            let poll = unsafe { self.node.with(join) };
            if poll.is_pending() {
                // SAFETY: this is the lock of the line; the node is pinned, as `poll` has a pin, and
                // `Drop` takes it out of this very line.
                unsafe { line.push(NonNull::from(&self.node)) };
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
                let grant = granted.then(|| place.take_grant());
                let unwanted = grant.and_then(|grant| shared.put_back(store, grant));
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
        if self.stage == Stage::Filed {
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

impl<R, G> WaitQueue<R, G> {
    pub(crate) const fn new() -> Self {
        Self {
            first: None,
            last: None,
        }
    }

    /// Whether nobody is in line. Those that were granted are not.
    pub(crate) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// How many are in line, counted one by one: for statistics.
    pub(crate) fn len(&self) -> usize {
        let next = |node: &NonNull<Node<R, G>>| {
            // SAFETY: linked nodes are alive, and `&self` shows that the caller holds the lock.
            unsafe { node.as_ref().with(|place| place.behind) }
        };
        std::iter::successors(self.first, next).count()
    }

    /// Looks at what the first in line asks for.
    pub(crate) fn with_first<T>(&mut self, look: impl FnOnce(&mut R) -> T) -> Option<T> {
        let first = self.first?;
        // SAFETY: linked nodes are alive, and `&mut self` shows that the caller holds the lock.
        Some(unsafe { first.as_ref().with(|place| look(&mut place.request)) })
    }

    /// Gives the first in line its grant, and notes whom to wake.
    pub(crate) fn grant_first(&mut self, grant: G, wakes: &mut WakeList) {
        let first = self.first.expect("the line was looked at before");
        // SAFETY: linked nodes are alive, and this one is linked here.
        unsafe { self.unlink(first) };
        // SAFETY: it is alive until the store below, for its future's `Drop` waits for our lock.
        let node = unsafe { first.as_ref() };
        let give = |place: &mut Place<R, G>| {
            place.grant = Some(grant);
            place.waker.take()
        };
        // SAFETY: its future does not touch it before the store below.
        let waker = unsafe { node.with(give) };
        // From here on the node is its future's, which may be gone at once.
        node.granted.store(true, Ordering::Release);
        wakes.extend(waker);
    }

    /// Puts a node at the end.
    ///
    /// # Safety
    ///
    /// The caller holds the line's lock. The node is not linked; it stays alive and where it is until
    /// it is unlinked.
    unsafe fn push(&mut self, node: NonNull<Node<R, G>>) {
        let ahead = self.last.replace(node);
        // SAFETY: it is alive, and the lock is held.
        unsafe {
            node.as_ref()
                .with(|place| (place.ahead, place.behind) = (ahead, None))
        };
        match ahead {
            // SAFETY: linked nodes are alive.
            Some(ahead) => unsafe { ahead.as_ref().with(|place| place.behind = Some(node)) },
            None => self.first = Some(node),
        }
    }

    /// Closes the line up where `node` stands.
    ///
    /// # Safety
    ///
    /// The caller holds the line's lock, and the node is linked in this line.
    unsafe fn unlink(&mut self, node: NonNull<Node<R, G>>) {
        // SAFETY: linked nodes are alive, and the lock is held.
        let (ahead, behind) = unsafe { node.as_ref().with(|place| (place.ahead, place.behind)) };
        match ahead {
            // SAFETY: as above, of its neighbour.
            Some(ahead) => unsafe { ahead.as_ref().with(|place| place.behind = behind) },
            None => self.first = behind,
        }
        match behind {
            // SAFETY: as above, of its neighbour.
            Some(behind) => unsafe { behind.as_ref().with(|place| place.ahead = ahead) },
            None => self.last = ahead,
        }
    }
}

// SAFETY: the line leads to requests, grants and wakers, under the lock that it lies in: whoever has
// it may use those from its thread.
unsafe impl<R: Send, G: Send> Send for WaitQueue<R, G> {}

impl<R, G> fmt::Debug for WaitQueue<R, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue")
            .field("len", &self.len())
            .finish()
    }
}

impl<R, G> Node<R, G> {
    /// Whether it was granted: then it is its future's alone.
    fn is_granted(&self) -> bool {
        // Pairs with the Release store in `grant_first`.
        self.granted.load(Ordering::Acquire)
    }

    /// Lends the place.
    ///
    /// # Safety
    ///
    /// Either the node is linked and the caller holds the lock of its line; or it is not, and the
    /// caller is its future, or holds the lock and has not granted it yet. And `with` is not called
    /// for the same node in `look`.
    unsafe fn with<T>(&self, look: impl FnOnce(&mut Place<R, G>) -> T) -> T {
        self.place.with_mut(|place| {
            // SAFETY: the caller says that nobody else touches the place meanwhile.
            look(unsafe { &mut *place })
        })
    }
}

// SAFETY: it holds a request, a grant and a waker; the links are only followed under the line's lock,
// and `Drop` of the wait takes it out of the line, on whatever thread.
unsafe impl<R: Send, G: Send> Send for Node<R, G> {}
// SAFETY: through a shared reference nothing can be done to it but to ask whether it was granted.
unsafe impl<R: Send, G: Send> Sync for Node<R, G> {}

impl<R, G> Place<R, G> {
    fn take_grant(&mut self) -> G {
        self.grant.take().expect("a grant is taken once")
    }

    /// Files `waker`, if it is not there already, with the clone that was made for it. What it
    /// displaces is left in `clone`. Returns `false` if a clone is needed and none was made.
    fn file(&mut self, waker: &Waker, clone: &mut Option<Waker>) -> bool {
        if self
            .waker
            .as_ref()
            .is_some_and(|filed| filed.will_wake(waker))
        {
            return true;
        }
        if clone.is_none() {
            return false;
        }
        mem::swap(&mut self.waker, clone);
        true
    }
}
