//! The line that every primitive of this crate has its waiters stand in.
//!
//! Who comes first is served first, and is *given* what it waits for: the permit, the item or the
//! slot moves into its place in the line before it is woken. So nobody can take it away, and a waiter
//! that goes without having taken it hands it on to the next.
//!
//! # Implementation
//!
//! A primitive keeps all its state, its lines included, under one lock, and tells through [`Serve`]
//! how to take something from that state and how to put it back. The rest is done here, once for
//! all: [`try_take`] for newcomers, [`poll_in_line`] for futures, [`leave`] for futures that are
//! dropped.
//!
//! ```text
//!                 nothing there                    grant_first
//!   (no ticket) ───────────────► in line ─────────────────────────► granted
//!        │                          │ leave: the line closes up        │ check: taken
//!        │ there, nobody in line    ▼                                  │ leave: put back, next
//!        └───────────────────────► gone ◄──────────────────────────────┘
//! ```
//!
//! The line is a doubly linked list through a slab: joining, granting and leaving from the middle
//! take constant time. A granted waiter is out of the list but keeps its slab entry, which only its
//! own ticket names, until it takes or leaves.
//!
//! Two rules keep order. A newcomer takes nothing while somebody is in line; and a newcomer whose
//! budget is spent is given its place all the same, with the grant in it if there is one, so that it
//! does not lose its turn to those who come while it yields.

use std::fmt;
use std::mem;
use std::panic::Location;
use std::task::{Context, Poll, Waker};

use hob_core::{budget, context};
use slab::Slab;

use crate::primitive::Guarded;
use crate::waker::{Spare, WakeList, WakerSlot, poll_with};

/// Waiters in order of arrival: each asks for an `R` and is given a `G`.
pub(crate) struct WaitQueue<R, G> {
    waiters: Slab<Waiter<R, G>>,
    first: Option<usize>,
    last: Option<usize>,
    /// Those in line, without those that were granted.
    len: usize,
}

/// What a ticket stands for, and what is left of it when its owner leaves.
enum Waiter<R, G> {
    InLine(Node<R>),
    /// What it was given and has not taken.
    Granted(G),
}

struct Node<R> {
    request: R,
    waker: WakerSlot,
    ahead: Option<usize>,
    behind: Option<usize>,
}

/// A future's place in a line, empty until it has to wait.
///
/// It belongs to one line. A future that holds one calls [`leave`] when it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    key: Option<usize>,
    /// Its future was ready.
    finished: bool,
    what: &'static str,
    place: &'static Location<'static>,
}

/// A state that changed, and what follows from that for all its lines.
pub(crate) trait Settle {
    /// Serves every line as far as it goes.
    fn settle(&mut self, wakes: &mut WakeList);
}

/// A state that serves a line of waiters. `L` names the line where there are several.
pub(crate) trait Serve<L = ()>: Settle {
    /// What a waiter asks for.
    type Request: Copy;
    /// What it is given.
    type Grant;

    fn line(&mut self) -> &mut WaitQueue<Self::Request, Self::Grant>;

    /// Takes what is asked for, if it is there. The line has been looked at before.
    fn take(&mut self, request: Self::Request) -> Option<Self::Grant>;

    /// Notes that a grant has reached whom it is for: from now on it cannot be put back.
    fn taken(&mut self, grant: &Self::Grant) {
        let _ = grant;
    }

    /// Puts back what was granted and not taken. What has no use any more is returned, to be dropped
    /// with the lock released.
    fn put_back(&mut self, grant: Self::Grant) -> Option<Self::Grant>;
}

/// Serves one line as far as it goes.
pub(crate) fn serve<L, S: Serve<L>>(state: &mut S, wakes: &mut WakeList) {
    while !wakes.is_full()
        && let Some(request) = state.line().first()
    {
        let Some(grant) = state.take(request) else {
            return;
        };
        wakes.extend(state.line().grant_first(grant));
    }
}

/// Changes the state, serves its lines, and wakes with the lock released.
pub(crate) fn update<S: Settle, R>(lock: &Guarded<S>, change: impl FnOnce(&mut S) -> R) -> R {
    let mut wakes = WakeList::default();
    let result = {
        let mut state = lock.lock();
        let result = change(&mut state);
        state.settle(&mut wakes);
        result
    };
    loop {
        let may_be_more = wakes.is_full();
        wakes.wake_all();
        if !may_be_more {
            return result;
        }
        lock.lock().settle(&mut wakes);
    }
}

/// Takes what is asked for, if it is there and nobody waits for it.
pub(crate) fn try_take<L, S: Serve<L>>(lock: &Guarded<S>, request: S::Request) -> Option<S::Grant> {
    update(lock, |state| {
        let grant = take_now::<L, S>(state, request)?;
        state.taken(&grant);
        Some(grant)
    })
}

fn take_now<L, S: Serve<L>>(state: &mut S, request: S::Request) -> Option<S::Grant> {
    if state.line().is_empty() {
        state.take(request)
    } else {
        None
    }
}

/// One poll of a future that wants something.
pub(crate) fn poll_in_line<L, S: Serve<L>>(
    lock: &Guarded<S>,
    ticket: &mut Ticket,
    request: S::Request,
    cx: &Context<'_>,
) -> Poll<S::Grant> {
    let proceed = ticket.poll_proceed(cx);
    poll_proceeding(lock, ticket, request, proceed, cx)
}

/// The same, where [`Ticket::poll_proceed`] has been asked before.
pub(crate) fn poll_proceeding<L, S: Serve<L>>(
    lock: &Guarded<S>,
    ticket: &mut Ticket,
    request: S::Request,
    proceed: Poll<()>,
    cx: &Context<'_>,
) -> Poll<S::Grant> {
    let newcomer = !ticket.is_filed();
    let poll = poll_with(cx.waker(), |spare| {
        update(lock, |state| {
            if ticket.is_filed() {
                let poll = state.line().check(ticket, spare);
                if let Poll::Ready(grant) = &poll {
                    state.taken(grant);
                }
                return poll;
            }
            match take_now::<L, S>(state, request) {
                Some(grant) if proceed.is_ready() => {
                    state.taken(&grant);
                    Poll::Ready(grant)
                }
                Some(grant) => {
                    state.line().file_granted(ticket, grant);
                    Poll::Pending
                }
                None => {
                    state.line().join(ticket, request, spare);
                    Poll::Pending
                }
            }
        })
    });
    match &poll {
        Poll::Ready(_) => {
            ticket.finish();
            if newcomer {
                budget::spend();
            }
        }
        Poll::Pending => ticket.record_wait(),
    }
    poll
}

/// Leaves the line, if `ticket` stands in it, and hands on what it was granted.
pub(crate) fn leave<L, S: Serve<L>>(lock: &Guarded<S>, ticket: &mut Ticket) {
    if !ticket.is_filed() {
        return;
    }
    let unwanted = update(lock, |state| match state.line().leave(ticket) {
        Waiter::Granted(grant) => state.put_back(grant).map(Waiter::Granted),
        in_line @ Waiter::InLine(_) => Some(in_line),
    });
    // A waker or a value: foreign code, now that the lock is released.
    drop(unwanted);
}

/// What every future of this crate says that is polled once too often.
#[cold]
pub(crate) fn polled_after_ready(what: &str, place: &Location<'_>) -> ! {
    panic!("{what} at {place} was polled after it was ready");
}

impl Ticket {
    /// An empty ticket for the operation `what`, which the caller of the caller called.
    #[track_caller]
    pub(crate) fn new(what: &'static str) -> Self {
        Self {
            key: None,
            finished: false,
            what,
            place: Location::caller(),
        }
    }

    /// Returns `true` while it stands in a line, granted or not.
    pub(crate) const fn is_filed(&self) -> bool {
        self.key.is_some()
    }

    /// Whether its future may take what it finds: a newcomer needs a budget, and a waiter that was
    /// granted completes whatever the budget says.
    ///
    /// Panics if the future was ready before.
    pub(crate) fn poll_proceed(&self, cx: &Context<'_>) -> Poll<()> {
        self.refuse_finished();
        if self.is_filed() {
            Poll::Ready(())
        } else {
            budget::poll_proceed(cx)
        }
    }

    /// Notes that its future is ready, which it is once.
    pub(crate) fn finish(&mut self) {
        self.refuse_finished();
        self.finished = true;
    }

    fn refuse_finished(&self) {
        if self.finished {
            polled_after_ready(self.what, self.place);
        }
    }

    /// Notes in the task what it waits for.
    pub(crate) fn record_wait(&self) {
        context::record_wait(self.what, self.place);
    }
}

impl<R: Copy, G> WaitQueue<R, G> {
    pub(crate) const fn new() -> Self {
        Self {
            waiters: Slab::new(),
            first: None,
            last: None,
            len: 0,
        }
    }

    /// How many are in line and were given nothing yet.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What the first in line asks for.
    pub(crate) fn first(&self) -> Option<R> {
        self.first.map(|key| self.node(key).request)
    }

    /// Joins the line at its end, unless a clone of the waker has to be made first.
    fn join(&mut self, ticket: &mut Ticket, request: R, spare: &mut Spare<'_>) {
        let Some(waker) = spare.take() else { return };
        let key = self.waiters.insert(Waiter::InLine(Node {
            request,
            waker: WakerSlot::filed(waker),
            ahead: self.last,
            behind: None,
        }));
        match self.last.replace(key) {
            Some(last) => self.node_mut(last).behind = Some(key),
            None => self.first = Some(key),
        }
        self.len += 1;
        ticket.key = Some(key);
    }

    /// Files a waiter that has its grant already.
    fn file_granted(&mut self, ticket: &mut Ticket, grant: G) {
        ticket.key = Some(self.waiters.insert(Waiter::Granted(grant)));
    }

    /// Takes the grant, or goes on waiting with the current waker.
    fn check(&mut self, ticket: &mut Ticket, spare: &mut Spare<'_>) -> Poll<G> {
        let key = ticket.key.expect("only a filed ticket is checked");
        match &mut self.waiters[key] {
            Waiter::InLine(node) => {
                node.waker.file(spare);
                return Poll::Pending;
            }
            Waiter::Granted(_) => ticket.key = None,
        }
        match self.waiters.remove(key) {
            Waiter::Granted(grant) => Poll::Ready(grant),
            Waiter::InLine(_) => unreachable!("it was looked at under this lock"),
        }
    }

    /// Gives the first in line its grant, and returns whom to wake.
    fn grant_first(&mut self, grant: G) -> Option<Waker> {
        let key = self.first.expect("the line was looked at before");
        self.unlink(key);
        match mem::replace(&mut self.waiters[key], Waiter::Granted(grant)) {
            Waiter::InLine(mut node) => node.waker.take(),
            Waiter::Granted(_) => unreachable!("only those in line are linked"),
        }
    }

    /// Takes a waiter out, wherever it stands.
    fn leave(&mut self, ticket: &mut Ticket) -> Waiter<R, G> {
        let key = ticket.key.take().expect("only a filed ticket leaves");
        if matches!(self.waiters[key], Waiter::InLine(_)) {
            self.unlink(key);
        }
        self.waiters.remove(key)
    }

    /// Closes the line up where `key` stands.
    fn unlink(&mut self, key: usize) {
        let Node { ahead, behind, .. } = *self.node(key);
        match ahead {
            Some(ahead) => self.node_mut(ahead).behind = behind,
            None => self.first = behind,
        }
        match behind {
            Some(behind) => self.node_mut(behind).ahead = ahead,
            None => self.last = ahead,
        }
        self.len -= 1;
    }

    fn node(&self, key: usize) -> &Node<R> {
        match &self.waiters[key] {
            Waiter::InLine(node) => node,
            Waiter::Granted(_) => unreachable!("only those in line are linked"),
        }
    }

    fn node_mut(&mut self, key: usize) -> &mut Node<R> {
        match &mut self.waiters[key] {
            Waiter::InLine(node) => node,
            Waiter::Granted(_) => unreachable!("only those in line are linked"),
        }
    }
}

impl<R, G> fmt::Debug for WaitQueue<R, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A state that has `there` things to give.
    struct Things {
        there: usize,
        line: WaitQueue<usize, usize>,
    }

    impl Settle for Things {
        fn settle(&mut self, wakes: &mut WakeList) {
            serve::<(), _>(self, wakes);
        }
    }

    impl Serve for Things {
        type Request = usize;
        type Grant = usize;

        fn line(&mut self) -> &mut WaitQueue<usize, usize> {
            &mut self.line
        }

        fn take(&mut self, request: usize) -> Option<usize> {
            self.there = self.there.checked_sub(request)?;
            Some(request)
        }

        fn put_back(&mut self, grant: usize) -> Option<usize> {
            self.there += grant;
            None
        }
    }

    fn things(there: usize) -> Guarded<Things> {
        Guarded::new(Things {
            there,
            line: WaitQueue::new(),
        })
    }

    fn poll(things: &Guarded<Things>, ticket: &mut Ticket, request: usize) -> Poll<usize> {
        let cx = Context::from_waker(Waker::noop());
        poll_in_line(things, ticket, request, &cx)
    }

    fn give(things: &Guarded<Things>, more: usize) {
        update(things, |things| things.there += more);
    }

    #[test]
    fn a_newcomer_does_not_pass_the_line() {
        let things = things(1);
        let mut large = Ticket::new("test");
        assert_eq!(poll(&things, &mut large, 2), Poll::Pending);
        assert_eq!(try_take(&things, 1), None);
        give(&things, 1);
        assert_eq!(poll(&things, &mut large, 2), Poll::Ready(2));
        assert!(!large.is_filed());
    }

    #[test]
    fn who_leaves_from_the_middle_closes_the_line_up() {
        for gone in 0..5 {
            let things = things(0);
            let mut tickets: Vec<_> = (0..5).map(|_| Ticket::new("test")).collect();
            for ticket in &mut tickets {
                assert_eq!(poll(&things, ticket, 1), Poll::Pending);
            }
            leave(&things, &mut tickets[gone]);
            assert_eq!(things.lock().line.len(), 4);
            for (index, ticket) in tickets.iter_mut().enumerate() {
                if index != gone {
                    give(&things, 1);
                    assert_eq!(poll(&things, ticket, 1), Poll::Ready(1));
                }
            }
            assert!(things.lock().line.waiters.is_empty());
        }
    }

    #[test]
    fn what_was_granted_and_not_taken_goes_to_the_next() {
        let things = things(0);
        let mut first = Ticket::new("test");
        let mut second = Ticket::new("test");
        assert_eq!(poll(&things, &mut first, 1), Poll::Pending);
        assert_eq!(poll(&things, &mut second, 1), Poll::Pending);
        give(&things, 1);
        leave(&things, &mut first);
        assert_eq!(poll(&things, &mut second, 1), Poll::Ready(1));
        assert_eq!(things.lock().there, 0);
    }

    #[test]
    fn a_large_request_that_leaves_lets_the_small_ones_through() {
        let things = things(1);
        let mut large = Ticket::new("test");
        let mut small = Ticket::new("test");
        assert_eq!(poll(&things, &mut large, 5), Poll::Pending);
        assert_eq!(poll(&things, &mut small, 1), Poll::Pending);
        leave(&things, &mut large);
        assert_eq!(poll(&things, &mut small, 1), Poll::Ready(1));
    }
}
