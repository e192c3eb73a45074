//! An engine to drive, sockets to watch, and wakers that count or call back.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::Engine;
use crate::interest::{Direction, Interest};
use crate::io_source::{Binding, IoSource, Seen};
use crate::park::{Park, Until};
use crate::primitive::{GlobalCounter, GlobalOrdering};
use crate::reactor::Reactor;

/// An engine, and who sits at it.
pub(super) struct Rig {
    pub(super) reactor: &'static dyn Reactor,
    pub(super) parker: Box<dyn Park + Send>,
    registrations: GlobalCounter,
    last_key: GlobalCounter,
}

impl Rig {
    pub(super) fn new(make: &impl Fn() -> Engine) -> Self {
        let (reactor, parker) = make();
        Self {
            reactor,
            parker,
            registrations: GlobalCounter::new(0),
            last_key: GlobalCounter::new(0),
        }
    }

    pub(super) fn registrations(&self) -> u64 {
        self.registrations.load(GlobalOrdering::Relaxed)
    }

    pub(super) fn last_key(&self) -> u64 {
        self.last_key.load(GlobalOrdering::Relaxed)
    }

    pub(super) fn bind(&self, pair: &Pair) -> io::Result<Binding> {
        let reactor = self.reactor;
        let key = reactor.register(pair.ours.as_fd().into(), &pair.source)?;
        self.registrations.fetch_add(1, GlobalOrdering::Relaxed);
        self.last_key.store(key, GlobalOrdering::Relaxed);
        Ok(Binding { reactor, key })
    }

    pub(super) fn poll(&self, pair: &Pair, direction: Direction, waker: &Waker) -> Poll<Seen> {
        let cx = Context::from_waker(waker);
        let fd = pair.ours.as_fd().into();
        pair.source
            .poll_ready(&cx, direction, fd, || self.bind(pair))
            .map(|seen| seen.expect("an open socket can be watched"))
    }

    /// Sleeps and wakes until `done`.
    pub(super) fn turn_until(&mut self, done: impl Fn() -> bool) {
        let mut woken = Vec::new();
        while !done() {
            self.parker.park(Until::Forever, &mut woken);
            woken.drain(..).for_each(Waker::wake);
        }
    }

    pub(super) fn wait_for(&mut self, pair: &Pair, direction: Direction) -> Seen {
        loop {
            match self.poll(pair, direction, Waker::noop()) {
                Poll::Ready(seen) => return seen,
                Poll::Pending => self.parker.park(Until::Forever, &mut Vec::new()),
            }
        }
    }

    /// Takes in all that has happened.
    pub(super) fn look(&mut self) {
        let mut woken = Vec::new();
        for _ in 0..3 {
            self.parker.park(Until::Now, &mut woken);
        }
        woken.into_iter().for_each(Waker::wake);
    }

    /// Writes until there is no room, and says so to the source.
    pub(super) fn fill(&mut self, pair: &mut Pair) {
        while pair.ours.write(&[0; 4096]).is_ok() {}
        self.settle(pair, Direction::Write);
    }

    /// Reads until there is nothing, and says so to the source.
    pub(super) fn exhaust_reading(&mut self, pair: &mut Pair) {
        pair.read_all();
        self.settle(pair, Direction::Read);
    }

    /// Clears what the source believes of a direction that would block.
    fn settle(&mut self, pair: &Pair, direction: Direction) {
        loop {
            match self.poll(pair, direction, Waker::noop()) {
                Poll::Ready(seen) => pair.source.clear(direction, seen),
                Poll::Pending => {
                    self.look();
                    if !pair.source.readiness().contains(direction) {
                        return;
                    }
                }
            }
        }
    }

    pub(super) fn retire(&self) -> Vec<Waker> {
        let mut woken = Vec::new();
        self.reactor.retire(&mut woken);
        woken
    }
}

/// Two sockets; ours is watched.
pub(super) struct Pair {
    pub(super) ours: UnixStream,
    pub(super) theirs: UnixStream,
    pub(super) source: Arc<IoSource>,
}

impl Pair {
    pub(super) fn new() -> Self {
        let (ours, theirs) = UnixStream::pair().expect("two descriptors");
        for socket in [&ours, &theirs] {
            socket.set_nonblocking(true).expect("it is open");
        }
        Self {
            ours,
            theirs,
            source: Arc::new(IoSource::new()),
        }
    }

    pub(super) fn deregister(&self) {
        self.source
            .deregister(self.ours.as_fd().into())
            .expect("it is open");
    }

    pub(super) fn read_all(&mut self) {
        while self.ours.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
    }

    pub(super) fn drain_theirs(&mut self) {
        while self
            .theirs
            .read(&mut [0; 4096])
            .is_ok_and(|count| count > 0)
        {}
    }
}

/// A waker that counts.
pub(super) struct Counting(GlobalCounter);

impl Counting {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(GlobalCounter::new(0)))
    }

    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    pub(super) fn count(&self) -> u64 {
        self.0.load(GlobalOrdering::Relaxed)
    }
}

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, GlobalOrdering::Relaxed);
    }
}

/// What a hostile waker does: it calls the reactor, which hangs if one of its locks is held.
pub(super) struct Hostile {
    reactor: &'static dyn Reactor,
    other: UnixStream,
    calls: GlobalCounter,
}

impl Hostile {
    pub(super) fn new(reactor: &'static dyn Reactor, other: &Pair) -> Arc<Self> {
        Arc::new(Self {
            reactor,
            other: other.ours.try_clone().expect("a descriptor"),
            calls: GlobalCounter::new(0),
        })
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(GlobalOrdering::Relaxed)
    }

    fn call(&self) {
        let source = Arc::new(IoSource::new());
        let fd = self.other.as_fd().into();
        if let Ok(key) = self.reactor.register(fd, &source) {
            self.reactor
                .rearm(fd, key, Interest::BOTH)
                .expect("it is registered");
            self.reactor.deregister(fd, key).expect("it is registered");
        }
        self.calls.fetch_add(1, GlobalOrdering::Relaxed);
    }
}

/// A waker that calls back when it is woken, and when it is dropped.
pub(super) struct Wrapper(pub(super) Arc<Hostile>);

impl Wake for Wrapper {
    fn wake(self: Arc<Self>) {
        self.0.call();
    }
}

impl Drop for Wrapper {
    fn drop(&mut self) {
        self.0.call();
    }
}
