//! The readiness of one descriptor, shared by those who wait for it and the poller that watches it.
//!
//! # Implementation
//!
//! One word holds which directions are ready and a tick that every event advances. Whoever is about
//! to try an operation loads the word; if the direction is ready it tries at once. When the
//! operation would block, it clears the direction, but only if the tick is still the one that it had
//! loaded: an event in between means that there may be something again.
//!
//! ```text
//!   bit 0: a read will not block      bit 1: a write will not block
//!   bit 2: the last event was a plain edge, see `Readiness::EDGE`      bits 3..: tick
//! ```
//!
//! A small lock guards the wakers: one place for each direction, for objects that one task polls, and
//! a list for any number of futures, each with a [`WaitKey`]. Who wants to wait files its waker under the lock and
//! then looks at the word again; the poller sets the word and then takes the lock. So either the
//! waiter sees the event or the poller sees the waker.
//!
//! A source is *bound* to a poller at its first wait, not when it is made: an object that was made
//! before a runtime ran is watched by that runtime. When a poller ends it unbinds its sources and
//! wakes their waiters, which bind to the poller that is there now.

use std::fmt;
use std::io;
use std::mem;
use std::task::{Context, Poll, Waker};

use crate::descriptor::DescriptorRef;
use crate::interest::{Direction, Interest, Readiness, bit};
use crate::primitive::{AtomicUsize, Mutex, Ordering, lock};
use crate::reactor::{Reactor, is_retired};

/// The readiness of one descriptor. See the [module's documentation](self).
pub struct IoSource {
    word: AtomicUsize,
    inner: Mutex<Inner>,
}

/// What [`IoSource::poll_ready`] saw: hand it to [`IoSource::clear`] when the operation would block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "the operation that would block must clear what was seen here"]
pub struct Seen(usize);

/// Names a waiter in the list of a source; empty while it is not filed.
#[derive(Debug, Default)]
pub struct WaitKey(Option<u64>);

/// The poller that watches a source, and the key of the registration there.
#[derive(Clone, Copy)]
#[expect(
    clippy::exhaustive_structs,
    reason = "it is made outside, by whoever registers"
)]
pub struct Binding {
    /// The poller.
    pub reactor: &'static dyn Reactor,
    /// What [`Reactor::register`] returned.
    pub key: u64,
}

const READY: usize = 0b11;
const EDGE: usize = 0b100;
const TICK: usize = 0b1000;

#[derive(Default)]
struct Inner {
    binding: Option<Binding>,
    /// The waker of the one task that polls for reading, and of the one that polls for writing.
    polled: [Option<Waker>; 2],
    /// Everybody else, in order of arrival.
    listed: Vec<Listed>,
    next_key: u64,
}

struct Listed {
    key: u64,
    direction: Direction,
    waker: Waker,
}

impl Seen {
    /// Returns `true` if an operation that moved less than it was asked to proves that nothing is
    /// left: see [`Readiness::EDGE`].
    #[must_use]
    pub const fn is_edge(self) -> bool {
        self.0 & EDGE != 0
    }
}

impl IoSource {
    /// Creates a source that no poller watches yet and on which nothing is known to be ready.
    #[must_use]
    pub fn new() -> Self {
        Self {
            word: AtomicUsize::new(0),
            inner: Mutex::new(Inner::default()),
        }
    }

    /// What is ready, by the last event.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let word = self.word.load(Ordering::Acquire);
        [Direction::Read, Direction::Write]
            .into_iter()
            .filter(|direction| word & usize::from(bit(*direction)) != 0)
            .fold(Readiness::NONE, |all, one| all | Readiness::from(one))
    }

    /// Waits until `direction` is ready, for the one task that polls this direction.
    ///
    /// A second task that polls the same direction takes the place of the first, as in
    /// `futures_io::AsyncRead`. `fd` is the source's descriptor; `bind` registers it with the
    /// poller of the moment, and is called only while no poller watches the source.
    ///
    /// # Errors
    ///
    /// When the descriptor cannot be registered.
    pub fn poll_ready(
        &self,
        cx: &Context<'_>,
        direction: Direction,
        fd: DescriptorRef<'_>,
        bind: impl Fn() -> io::Result<Binding>,
    ) -> Poll<io::Result<Seen>> {
        if let Some(seen) = self.seen(direction) {
            return Poll::Ready(Ok(seen));
        }
        let mut waker = Some(cx.waker().clone());
        mem::swap(&mut lock(&self.inner).polled[index(direction)], &mut waker);
        drop(waker);
        self.wait_filed(direction, fd, bind)
    }

    /// Waits until `direction` is ready, for any number of tasks; each holds a [`WaitKey`].
    ///
    /// # Errors
    ///
    /// When the descriptor cannot be registered.
    pub fn poll_listed(
        &self,
        cx: &Context<'_>,
        key: &mut WaitKey,
        direction: Direction,
        fd: DescriptorRef<'_>,
        bind: impl Fn() -> io::Result<Binding>,
    ) -> Poll<io::Result<Seen>> {
        if let Some(seen) = self.seen(direction) {
            self.unlist(key);
            return Poll::Ready(Ok(seen));
        }
        drop(self.list(key, direction, cx.waker().clone()));
        let ready = self.wait_filed(direction, fd, bind);
        if ready.is_ready() {
            self.unlist(key);
        }
        ready
    }

    /// Takes a waiter out of the list; for the destructor of its future.
    pub fn unlist(&self, key: &mut WaitKey) {
        let Some(number) = key.0.take() else {
            return;
        };
        let mut inner = lock(&self.inner);
        let gone = inner
            .listed
            .iter()
            .position(|listed| listed.key == number)
            .map(|index| inner.listed.remove(index));
        drop(inner);
        drop(gone);
    }

    /// Forgets that `direction` is ready, unless an event came after `seen`.
    pub fn clear(&self, direction: Direction, seen: Seen) {
        let cleared = seen.0 & !usize::from(bit(direction));
        // It fails if the other direction was cleared meanwhile, or if an event came. Look again:
        // only the tick decides.
        let mut current = seen.0;
        let mut next = cleared;
        while let Err(actual) =
            self.word
                .compare_exchange(current, next, Ordering::AcqRel, Ordering::Acquire)
        {
            if actual & !READY != seen.0 & !READY {
                return;
            }
            current = actual;
            next = actual & !usize::from(bit(direction));
        }
    }

    /// Notes an event, and hands out the wakers of those who waited for it; for pollers.
    pub fn set_ready(&self, readiness: Readiness, woken: &mut Vec<Waker>) {
        if readiness.is_empty() {
            return;
        }
        let bits = usize::from(readiness.bits());
        let mut word = self.word.load(Ordering::Relaxed);
        while let Err(actual) = self.word.compare_exchange(
            word,
            (word & !EDGE | bits).wrapping_add(TICK),
            Ordering::AcqRel,
            Ordering::Relaxed,
        ) {
            word = actual;
        }
        lock(&self.inner).take_waiters(readiness, woken);
    }

    /// Separates the source from its poller, which ends; for pollers.
    ///
    /// Everybody who waits is handed out. They try their operation, and bind to another poller if it
    /// would block.
    pub fn unbind(&self, woken: &mut Vec<Waker>) {
        lock(&self.inner).binding = None;
        self.set_ready(Readiness::BOTH, woken);
    }

    /// Ends the registration, before the descriptor is closed or given away.
    ///
    /// # Errors
    ///
    /// What the poller says; the source is unbound all the same.
    pub fn deregister(&self, fd: DescriptorRef<'_>) -> io::Result<()> {
        let binding = lock(&self.inner).binding.take();
        match binding {
            Some(binding) => binding.reactor.deregister(fd, binding.key),
            None => Ok(()),
        }
    }

    /// Returns `true` while a poller watches the source.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        lock(&self.inner).binding.is_some()
    }

    /// What the last event said of `direction`, if it was ready and nobody cleared it since: the hot
    /// path, one load.
    pub fn seen(&self, direction: Direction) -> Option<Seen> {
        let word = self.word.load(Ordering::Acquire);
        (word & usize::from(bit(direction)) != 0).then_some(Seen(word))
    }

    /// The rest of a wait, once the waker is filed: bind if need be, look again, ask for the event.
    fn wait_filed(
        &self,
        direction: Direction,
        fd: DescriptorRef<'_>,
        bind: impl Fn() -> io::Result<Binding>,
    ) -> Poll<io::Result<Seen>> {
        loop {
            let bound = self.bind(&bind);
            // After the waker was filed, so that no event falls between.
            if let Some(seen) = self.seen(direction) {
                return Poll::Ready(Ok(seen));
            }
            // A poller that has ended is no reason to try again here: `bind` looks for another one.
            let binding = bound?;
            let interest = self.wanted(direction);
            match binding.reactor.rearm(fd, binding.key, interest) {
                Ok(()) => return Poll::Pending,
                Err(error) if is_retired(&error) => self.forget(binding),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Registers with the poller of the moment, if no poller watches the source.
    fn bind(&self, bind: impl Fn() -> io::Result<Binding>) -> io::Result<Binding> {
        // The lock is held over `register` so that two first waits register once. A poller takes
        // its own lock inside; by its contract it never takes ours while it holds its own.
        let mut inner = lock(&self.inner);
        if let Some(binding) = inner.binding {
            return Ok(binding);
        }
        let binding = bind()?;
        inner.binding = Some(binding);
        Ok(binding)
    }

    /// Forgets a binding to a poller that has ended, unless another took its place meanwhile.
    fn forget(&self, ended: Binding) {
        let mut inner = lock(&self.inner);
        if inner.binding.is_some_and(|binding| binding.is(ended)) {
            inner.binding = None;
        }
    }

    /// Every direction that somebody waits for: a oneshot poller must not lose the others.
    fn wanted(&self, direction: Direction) -> Interest {
        let inner = lock(&self.inner);
        let other = match direction {
            Direction::Read => Direction::Write,
            Direction::Write => Direction::Read,
        };
        let other_waits = inner.polled[index(other)].is_some()
            || inner.listed.iter().any(|listed| listed.direction == other);
        if other_waits {
            Interest::BOTH
        } else {
            direction.into()
        }
    }

    fn list(&self, key: &mut WaitKey, direction: Direction, waker: Waker) -> Option<Waker> {
        let mut inner = lock(&self.inner);
        let listed = key
            .0
            .and_then(|number| inner.listed.iter_mut().find(|listed| listed.key == number));
        if let Some(listed) = listed {
            listed.direction = direction;
            return Some(mem::replace(&mut listed.waker, waker));
        }
        let number = inner.next_key;
        inner.next_key += 1;
        inner.listed.push(Listed {
            key: number,
            direction,
            waker,
        });
        key.0 = Some(number);
        None
    }
}

impl Default for IoSource {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for IoSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IoSource")
            .field("ready", &self.readiness())
            .finish_non_exhaustive()
    }
}

impl Binding {
    fn is(self, other: Self) -> bool {
        std::ptr::addr_eq(self.reactor, other.reactor) && self.key == other.key
    }
}

impl Inner {
    fn take_waiters(&mut self, readiness: Readiness, woken: &mut Vec<Waker>) {
        for direction in [Direction::Read, Direction::Write] {
            if readiness.contains(direction) {
                woken.extend(self.polled[index(direction)].take());
            }
        }
        let due = |listed: &mut Listed| readiness.contains(listed.direction);
        woken.extend(self.listed.extract_if(.., due).map(|listed| listed.waker));
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Binding")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

const fn index(direction: Direction) -> usize {
    match direction {
        Direction::Read => 0,
        Direction::Write => 1,
    }
}
