//! A line of waiters: a doubly linked list through nodes that live in the futures that wait.
//!
//! # Implementation
//!
//! Who may touch a node's [`Place`]: its own future, as long as it is not linked; whoever holds the
//! lock, as long as it is. `granted` says which: it is set, after the node was unlinked, as the last
//! thing that is done to the node under the lock. Its Release store pairs with the Acquire load by
//! which the future learns that the node is its own again.
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
use std::ptr::NonNull;
use std::task::Waker;

use crate::primitive::{AtomicBool, Ordering, UnsafeCell};
use crate::waker::WakeList;

/// Waiters in order of arrival: each asks for an `R` and is given a `G`.
pub(crate) struct WaitQueue<R, G> {
    first: Link<R, G>,
    last: Link<R, G>,
}

type Link<R, G> = Option<NonNull<Node<R, G>>>;

/// Where a node joins the line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// As one whose turn it was before.
    Front,
    Back,
}

/// A place in line, inside the future that waits. See the module for who may touch it when.
pub(super) struct Node<R, G> {
    granted: AtomicBool,
    place: UnsafeCell<Place<R, G>>,
    _pinned: PhantomPinned,
}

pub(super) struct Place<R, G> {
    pub(super) request: R,
    grant: Option<G>,
    pub(super) waker: Option<Waker>,
    ahead: Link<R, G>,
    behind: Link<R, G>,
}

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
            unsafe { look_at(*node, |place| place.behind) }
        };
        std::iter::successors(self.first, next).count()
    }

    /// Looks at what the first in line asks for.
    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "it lends mutably what the line leads to"
    )]
    pub(crate) fn with_first<T>(&mut self, look: impl FnOnce(&mut R) -> T) -> Option<T> {
        let first = self.first?;
        // SAFETY: linked nodes are alive, and `&mut self` shows that the caller holds the lock.
        Some(unsafe { look_at(first, |place| look(&mut place.request)) })
    }

    /// Gives the first in line its grant, and notes whom to wake.
    pub(crate) fn grant_first(&mut self, grant: G, wakes: &mut WakeList) {
        let first = self.first.expect("the line was looked at before");
        // SAFETY: linked nodes are alive, and this one is linked here.
        unsafe { self.unlink(first) };
        // SAFETY: it is alive until the store below, for its future's `Drop` waits for our lock.
        let node = unsafe { first.as_ref() };
        // SAFETY: its future does not touch it as long as it is not granted, and we hold the lock.
        let waker = unsafe { node.give(grant) };
        wakes.extend(waker);
    }

    /// Puts a node at one end.
    ///
    /// # Safety
    ///
    /// The caller holds the line's lock. The node is not linked; it stays alive and where it is until
    /// it is unlinked.
    pub(super) unsafe fn push(&mut self, end: End, node: NonNull<Node<R, G>>) {
        let (ahead, behind) = match end {
            End::Front => (None, self.first),
            End::Back => (self.last, None),
        };
        // SAFETY: it is alive, and the lock is held.
        unsafe { look_at(node, |place| (place.ahead, place.behind) = (ahead, behind)) };
        match ahead {
            // SAFETY: linked nodes are alive.
            Some(ahead) => unsafe { look_at(ahead, |place| place.behind = Some(node)) },
            None => self.first = Some(node),
        }
        match behind {
            // SAFETY: linked nodes are alive.
            Some(behind) => unsafe { look_at(behind, |place| place.ahead = Some(node)) },
            None => self.last = Some(node),
        }
    }

    /// Closes the line up where `node` stands.
    ///
    /// # Safety
    ///
    /// The caller holds the line's lock, and the node is linked in this line.
    pub(super) unsafe fn unlink(&mut self, node: NonNull<Node<R, G>>) {
        // SAFETY: linked nodes are alive, and the lock is held.
        let (ahead, behind) = unsafe { look_at(node, |place| (place.ahead, place.behind)) };
        match ahead {
            // SAFETY: as above, of its neighbour.
            Some(ahead) => unsafe { look_at(ahead, |place| place.behind = behind) },
            None => self.first = behind,
        }
        match behind {
            // SAFETY: as above, of its neighbour.
            Some(behind) => unsafe { look_at(behind, |place| place.ahead = ahead) },
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

/// Lends the place of a node of a line.
///
/// # Safety
///
/// The node is alive, and the caller holds the lock of its line. And this is not called for the same
/// node in `look`.
unsafe fn look_at<R, G, T>(
    node: NonNull<Node<R, G>>,
    look: impl FnOnce(&mut Place<R, G>) -> T,
) -> T {
    // SAFETY: the caller says that it is alive.
    let node = unsafe { node.as_ref() };
    // SAFETY: the caller holds the lock, under which its future does not touch it.
    unsafe { node.with(look) }
}

impl<R, G> Node<R, G> {
    /// A node that is not linked.
    pub(super) fn new(request: R) -> Self {
        Self {
            granted: AtomicBool::new(false),
            place: UnsafeCell::new(Place {
                request,
                grant: None,
                waker: None,
                ahead: None,
                behind: None,
            }),
            _pinned: PhantomPinned,
        }
    }

    /// Whether it was granted: then it is its future's alone.
    pub(super) fn is_granted(&self) -> bool {
        // Pairs with the Release store in `give`.
        self.granted.load(Ordering::Acquire)
    }

    /// Makes a node that was granted, and whose grant was taken, one that was not.
    pub(super) fn reset(&self) {
        // It is its future's alone; the lock of the line under which it is linked publishes this.
        self.granted.store(false, Ordering::Relaxed);
    }

    /// Gives the grant, and returns whom to wake. From then on the node is its future's, which may be
    /// gone at once.
    ///
    /// # Safety
    ///
    /// As for [`with`](Self::with); and the node is not linked.
    pub(super) unsafe fn give(&self, grant: G) -> Option<Waker> {
        let give = |place: &mut Place<R, G>| {
            place.grant = Some(grant);
            place.waker.take()
        };
        // SAFETY: the caller says so.
        let waker = unsafe { self.with(give) };
        self.granted.store(true, Ordering::Release);
        waker
    }

    /// Lends the place.
    ///
    /// # Safety
    ///
    /// Either the node is linked and the caller holds the lock of its line; or it is not, and the
    /// caller is its future, or holds the lock and has not granted it yet. And `with` is not called
    /// for the same node in `look`.
    pub(super) unsafe fn with<T>(&self, look: impl FnOnce(&mut Place<R, G>) -> T) -> T {
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
    pub(super) fn take_grant(&mut self) -> G {
        self.grant.take().expect("a grant is taken once")
    }

    /// Files `waker`, if it is not there already, with the clone that was made for it. What it
    /// displaces is left in `clone`. Returns `false` if a clone is needed and none was made.
    pub(super) fn file(&mut self, waker: &Waker, clone: &mut Option<Waker>) -> bool {
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
