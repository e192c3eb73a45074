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
//!   bit 0: a read will not block      bit 2: by a plain edge, see `Readiness::EDGE`
//!   bit 1: a write will not block     bit 3: by a plain edge        bits 4..: tick
//! ```
//!
//! A direction that is ready without the promise of an edge stays so until it is cleared. An event
//! that another poller, which ends, tells late cannot bring back a promise that was not made.
//!
//! A small lock guards the wakers: one place for each direction, for objects that one task polls, and
//! a list for any number of futures, each with a [`WaitKey`]. Who wants to wait files its waker under the lock and
//! then looks at the word again; the poller sets the word and then takes the lock. So either the
//! waiter sees the event or the poller sees the waker.
//!
//! A source is *bound* to a poller at its first wait, not when it is made: an object that was made
//! before a runtime ran is watched by that runtime. When a poller ends it unbinds its sources and
//! hands out their waiters, which bind to the poller that is there now.

use std::fmt;
use std::io;
use std::mem;
use std::task::{Context, Poll, Waker};

use crate::descriptor::DescriptorRef;
use crate::interest::{Direction, Readiness, bit};
use crate::panic::contain_drop;
use crate::primitive::{AtomicUsize, Mutex, Ordering, lock};
use crate::reactor::{Reactor, is_retired};
use crate::unhandled::{UnhandledKind, report_panic};

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
/// How far the bit of a direction's edge is from the bit that says that it is ready.
const TO_EDGE: u32 = 2;
const TICK: usize = 0b1_0000;

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
    /// Returns `true` if an operation in `direction` that moved less than it was asked to proves that
    /// nothing is left: see [`Readiness::EDGE`].
    #[must_use]
    pub const fn is_edge(self, direction: Direction) -> bool {
        self.0 & (bit(direction) as usize) << TO_EDGE != 0
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
        if !self.is_filed(direction, cx.waker()) {
            let mut waker = Some(cx.waker().clone());
            mem::swap(&mut lock(&self.inner).polled[index(direction)], &mut waker);
            drop(waker);
        }
        let ready = self.wait_filed(direction, fd, bind);
        if ready.is_ready() {
            self.unfile(direction, cx.waker());
        }
        ready
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
        let mut word = self.word.load(Ordering::Relaxed);
        while let Err(actual) = self.word.compare_exchange(
            word,
            after(word, readiness),
            Ordering::AcqRel,
            Ordering::Relaxed,
        ) {
            word = actual;
        }
        lock(&self.inner).take_waiters(readiness, woken);
    }

    /// Separates the source from its registration `key` with `reactor`, which ends; for pollers.
    ///
    /// Everybody who waits is handed out. They try their operation, and bind to another poller if it
    /// would block. A source that is bound elsewhere by now stays so.
    pub fn unbind(&self, reactor: &dyn Reactor, key: u64, woken: &mut Vec<Waker>) {
        self.forget(reactor, key);
        self.set_ready(Readiness::BOTH, woken);
    }

    /// Ends the registration, before the descriptor is closed or given away, and drops the wakers of
    /// all who still wait: a poller that tells of an event at this moment keeps the source a little
    /// longer, and they must not stay with it.
    ///
    /// # Errors
    ///
    /// What the poller says; the source is unbound all the same.
    pub fn deregister(&self, fd: DescriptorRef<'_>) -> io::Result<()> {
        let mut inner = lock(&self.inner);
        let binding = inner.binding.take();
        let mut waiting = Vec::new();
        inner.take_waiters(Readiness::BOTH, &mut waiting);
        drop(inner);
        let deregistered = match binding {
            Some(binding) => binding.reactor.deregister(fd, binding.key),
            None => Ok(()),
        };
        for waker in waiting {
            report_panic(UnhandledKind::CallbackPanicked, contain_drop(waker));
        }
        deregistered
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
            match binding.reactor.rearm(fd, binding.key, direction.into()) {
                Ok(()) => return Poll::Pending,
                Err(error) if is_retired(&error) => self.forget(binding.reactor, binding.key),
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
    fn forget(&self, reactor: &dyn Reactor, key: u64) {
        let mut inner = lock(&self.inner);
        if inner
            .binding
            .is_some_and(|binding| binding.is(reactor, key))
        {
            inner.binding = None;
        }
    }

    /// Whether the task that polls `direction` is filed with this waker already.
    fn is_filed(&self, direction: Direction, waker: &Waker) -> bool {
        let inner = lock(&self.inner);
        let filed = inner.polled[index(direction)].as_ref();
        filed.is_some_and(|filed| filed.will_wake(waker))
    }

    /// Takes the waker of the task that polls `direction` out again, unless another took its place.
    fn unfile(&self, direction: Direction, waker: &Waker) {
        let mut inner = lock(&self.inner);
        let gone = inner.polled[index(direction)].take_if(|filed| filed.will_wake(waker));
        drop(inner);
        drop(gone);
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
    fn is(self, reactor: &dyn Reactor, key: u64) -> bool {
        std::ptr::addr_eq(self.reactor, reactor) && self.key == key
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

/// The word after an event.
fn after(word: usize, event: Readiness) -> usize {
    let ready = usize::from(event.bits()) & READY;
    let promised = if event.is_edge() { ready } else { 0 };
    // Ready already, and not by a plain edge.
    let unpromised = word & READY & !(word >> TO_EDGE);
    let edges = (promised & !unpromised) << TO_EDGE;
    (word & !(ready << TO_EDGE) | ready | edges).wrapping_add(TICK)
}

const fn index(direction: Direction) -> usize {
    match direction {
        Direction::Read => 0,
        Direction::Write => 1,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    struct Poller;

    static OLD: Poller = Poller;

    impl Reactor for Poller {
        fn register(&self, _: DescriptorRef<'_>, _: &Arc<IoSource>) -> io::Result<u64> {
            unreachable!("the tests bind by hand")
        }

        fn deregister(&self, _: DescriptorRef<'_>, _: u64) -> io::Result<()> {
            Ok(())
        }

        fn retire(&self, _: &mut Vec<Waker>) {}
    }

    const FD: DescriptorRef<'_> = DescriptorRef::Virtual(1);
    const READ: Readiness = Readiness::READABLE;
    const WRITE: Readiness = Readiness::WRITABLE;
    const EDGE: Readiness = Readiness::EDGE;

    fn bind(key: u64) -> impl Fn() -> io::Result<Binding> {
        move || Ok(Binding { reactor: &OLD, key })
    }

    fn poll(source: &IoSource, direction: Direction, waker: &Waker) -> Poll<io::Result<Seen>> {
        source.poll_ready(&Context::from_waker(waker), direction, FD, bind(1))
    }

    struct Silent;

    impl Wake for Silent {
        fn wake(self: Arc<Self>) {}
    }

    fn waker() -> (Arc<Silent>, Waker) {
        let silent = Arc::new(Silent);
        (Arc::clone(&silent), Waker::from(silent))
    }

    #[track_caller]
    fn check_edges(events: &[Readiness], read: Option<bool>, write: Option<bool>) {
        let source = IoSource::new();
        for event in events {
            source.set_ready(*event, &mut Vec::new());
        }
        let is_edge = |direction| source.seen(direction).map(|seen| seen.is_edge(direction));
        assert_eq!(is_edge(Direction::Read), read);
        assert_eq!(is_edge(Direction::Write), write);
    }

    #[test]
    fn each_direction_has_its_own_edge_and_the_weaker_promise_stays() {
        check_edges(&[READ | EDGE], Some(true), None);
        check_edges(&[READ | EDGE, READ | EDGE], Some(true), None);
        check_edges(&[READ | EDGE, READ], Some(false), None);
        check_edges(&[READ, READ | EDGE], Some(false), None);
        check_edges(&[READ, WRITE | EDGE], Some(false), Some(true));
        check_edges(&[WRITE | EDGE, READ], Some(false), Some(true));
        check_edges(&[WRITE, READ | WRITE | EDGE], Some(true), Some(false));
    }

    #[test]
    fn a_late_event_of_an_ended_poller_promises_no_edge() {
        let source = IoSource::new();
        // The old poller took an edge from the system, has not told it yet, and ends.
        source.unbind(&OLD, 1, &mut Vec::new());
        let seen = source.seen(Direction::Read).expect("it is worth a try");
        source.clear(Direction::Read, seen);
        // The new one saw the last bytes and the end in one event.
        source.set_ready(READ, &mut Vec::new());
        source.set_ready(READ | EDGE, &mut Vec::new());
        let seen = source.seen(Direction::Read).expect("it was announced");
        assert!(
            !seen.is_edge(Direction::Read),
            "a short read would hide the end"
        );
        source.clear(Direction::Read, seen);
        source.set_ready(READ | EDGE, &mut Vec::new());
        let seen = source.seen(Direction::Read).expect("it was announced");
        assert!(
            seen.is_edge(Direction::Read),
            "after a clear it counts again"
        );
    }

    #[test]
    fn only_the_binding_that_ends_is_cleared() {
        let source = IoSource::new();
        assert!(poll(&source, Direction::Read, Waker::noop()).is_pending());
        let mut woken = Vec::new();
        source.unbind(&OLD, 7, &mut woken);
        assert!(source.is_bound(), "it is bound to another registration");
        assert_eq!(woken.len(), 1, "who waited there tries once for nothing");
        source.unbind(&OLD, 1, &mut woken);
        assert!(!source.is_bound());
    }

    #[test]
    fn deregistering_drops_all_wakers_even_one_that_panics() {
        struct Bomb;
        impl Wake for Bomb {
            fn wake(self: Arc<Self>) {}
        }
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("a waker of the test panics");
            }
        }
        let source = IoSource::new();
        assert!(poll(&source, Direction::Read, &Waker::from(Arc::new(Bomb))).is_pending());
        let (silent, waker) = waker();
        assert!(poll(&source, Direction::Write, &waker).is_pending());
        drop(waker);
        source.deregister(FD).expect("nothing fails here");
        assert_eq!(Arc::strong_count(&silent), 1);
    }

    #[test]
    fn a_poll_that_is_ready_or_fails_leaves_no_waker() {
        let source = IoSource::new();
        let (silent, waker) = waker();
        let cx = Context::from_waker(&waker);
        let fails = || Err(io::ErrorKind::Other.into());
        let failed = source.poll_ready(&cx, Direction::Read, FD, fails);
        assert!(matches!(failed, Poll::Ready(Err(_))));
        assert_eq!(Arc::strong_count(&silent), 2);

        // The event comes after the waker was filed.
        let late = || {
            source.word.store(after(0, READ), Ordering::Release);
            bind(1)()
        };
        let ready = source.poll_ready(&cx, Direction::Read, FD, late);
        assert!(matches!(ready, Poll::Ready(Ok(_))));
        assert_eq!(Arc::strong_count(&silent), 2);
    }

    #[test]
    fn whoever_is_filed_already_is_not_cloned_again() {
        let source = IoSource::new();
        let (silent, waker) = waker();
        for _ in 0..2 {
            assert!(poll(&source, Direction::Read, &waker).is_pending());
            assert_eq!(Arc::strong_count(&silent), 3);
        }
    }
}
