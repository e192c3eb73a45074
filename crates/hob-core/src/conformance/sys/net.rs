//! A network to play on, and sockets that wait until they are ready.

use std::cell::RefCell;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use super::SysRig;
use crate::descriptor::Descriptor;
use crate::interest::Direction;
use crate::io_source::{Binding, IoSource, Seen};
use crate::park::{Park, Until};
use crate::primitive::{GlobalCounter, GlobalOrdering};
use crate::reactor::Reactor;
use crate::sys::{Addr, End, Family, Message, SocketKind, Sys};

/// How two sockets reach each other.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// By an internet address.
    Inet(IpAddr),
    /// By a path in the file system.
    Path,
    /// They are made as a pair.
    Pair,
}

/// A network on which one thread plays every part.
pub(super) struct Net {
    pub(super) sys: &'static dyn Sys,
    reactor: &'static dyn Reactor,
    seat: RefCell<Box<dyn Park + Send>>,
    addresses: Vec<IpAddr>,
    datagrams: bool,
    pairs: bool,
    directory: Option<PathBuf>,
}

impl Net {
    pub(super) fn new(rig: SysRig) -> Self {
        Self {
            sys: rig.sys,
            reactor: rig.reactor,
            seat: RefCell::new(rig.seat),
            addresses: rig.addresses,
            datagrams: rig.datagrams,
            pairs: rig.pairs,
            directory: rig.directory,
        }
    }

    /// The ways that this network has.
    pub(super) fn ways(&self) -> Vec<Way> {
        let inet = self.addresses.iter().copied().map(Way::Inet);
        let path = self.directory.is_some().then_some(Way::Path);
        let pair = self.pairs.then_some(Way::Pair);
        inet.chain(path).chain(pair).collect()
    }

    pub(super) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    pub(super) fn has_datagrams(&self) -> bool {
        self.datagrams
    }

    /// Opens a socket for this way.
    pub(super) fn open(&self, way: &Way, kind: SocketKind) -> Socket<'_> {
        let family = match way {
            Way::Inet(IpAddr::V4(_)) => Family::V4,
            Way::Inet(IpAddr::V6(_)) => Family::V6,
            Way::Path | Way::Pair => Family::Unix,
        };
        let socket = self.sys.socket(family, kind);
        self.adopt(socket.expect("a socket of a kind that the network has"))
    }

    /// An address that nobody has: a port to be chosen, or a path.
    pub(super) fn vacant(&self, way: &Way) -> Addr {
        static NEXT: GlobalCounter = GlobalCounter::new(0);
        match way {
            Way::Inet(ip) => Addr::Inet(SocketAddr::new(*ip, 0)),
            Way::Path | Way::Pair => {
                let directory = self.directory.as_ref().expect("this way has a directory");
                let number = NEXT.fetch_add(1, GlobalOrdering::Relaxed);
                Addr::Unix(directory.join(format!("{}-{number}", process::id())))
            }
        }
    }

    /// A socket with an address.
    pub(super) fn bound(&self, way: &Way, kind: SocketKind) -> (Socket<'_>, Addr) {
        let socket = self.open(way, kind);
        self.sys
            .bind(socket.descriptor(), &self.vacant(way))
            .expect("a vacant address can be bound");
        let addr = socket.addr(End::Local);
        (socket, addr)
    }

    /// A socket that takes connections, and its address.
    pub(super) fn listening(&self, way: &Way, backlog: u32) -> (Socket<'_>, Addr) {
        let (socket, addr) = self.bound(way, SocketKind::Stream);
        self.sys
            .listen(socket.descriptor(), backlog)
            .expect("a bound socket can listen");
        (socket, addr)
    }

    /// Two streams that are connected to each other.
    pub(super) fn connected(&self, way: &Way) -> [Socket<'_>; 2] {
        if let Way::Pair = way {
            return self.pair(SocketKind::Stream);
        }
        let (listener, addr) = self.listening(way, 8);
        let client = self.open(way, SocketKind::Stream);
        client.connect(&addr).expect("somebody listens there");
        let (served, _) = listener.accept();
        [client, served]
    }

    pub(super) fn pair(&self, kind: SocketKind) -> [Socket<'_>; 2] {
        let (one, other) = self.sys.pair(kind).expect("the network has pairs");
        [self.adopt(one), self.adopt(other)]
    }

    fn adopt(&self, descriptor: Descriptor) -> Socket<'_> {
        Socket {
            net: self,
            descriptor: Some(descriptor),
            source: Arc::new(IoSource::new()),
        }
    }

    /// Sleeps until something is ready.
    fn turn(&self) {
        let mut woken = Vec::new();
        self.seat.borrow_mut().park(Until::Forever, &mut woken);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.reactor.retire(&mut Vec::new());
    }
}

/// A socket, and its readiness.
pub(super) struct Socket<'n> {
    net: &'n Net,
    /// `None` once it is closed.
    descriptor: Option<Descriptor>,
    source: Arc<IoSource>,
}

impl Socket<'_> {
    pub(super) fn descriptor(&self) -> &Descriptor {
        self.descriptor
            .as_ref()
            .expect("only `drop` and `into_descriptor` take it")
    }

    /// The descriptor, which nobody watches any more.
    pub(super) fn into_descriptor(mut self) -> Descriptor {
        self.unwatch().expect("an open socket can be let go");
        self.descriptor.take().expect("it is open")
    }

    pub(super) fn addr(&self, end: End) -> Addr {
        let addr = self.net.sys.addr(self.descriptor(), end);
        addr.expect("this end has an address")
    }

    /// Tries `operation` until it does not block.
    pub(super) fn when<T>(
        &self,
        direction: Direction,
        mut operation: impl FnMut(&dyn Sys, &Descriptor) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut seen = None;
        loop {
            match operation(self.net.sys, self.descriptor()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Some(seen) = seen {
                        self.source.clear(direction, seen);
                    }
                    seen = Some(self.ready(direction));
                }
                done => return done,
            }
        }
    }

    /// Connects, and waits until that has ended.
    pub(super) fn connect(&self, addr: &Addr) -> io::Result<()> {
        match self.net.sys.connect(self.descriptor(), addr) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
        let _seen = self.ready(Direction::Write);
        self.when(Direction::Write, |sys, socket| {
            if let Some(error) = sys.take_error(socket)? {
                assert_ne!(
                    error.kind(),
                    io::ErrorKind::WouldBlock,
                    "a connect ends with an error or without"
                );
                return Err(error);
            }
            match sys.addr(socket, End::Peer) {
                Ok(_) => Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                Err(error) => Err(error),
            }
        })
    }

    /// Waits for the next connection.
    pub(super) fn accept(&self) -> (Self, Addr) {
        let accepted = self.when(Direction::Read, |sys, socket| sys.accept(socket));
        let (descriptor, addr) = accepted.expect("a connection comes");
        (self.net.adopt(descriptor), addr)
    }

    /// Waits for some bytes, at most `most`; none are the end.
    pub(super) fn recv(&self, most: usize) -> io::Result<Vec<u8>> {
        self.when(Direction::Read, |sys, socket| recv(sys, socket, most))
    }

    /// Waits for exactly `count` bytes.
    pub(super) fn recv_exact(&self, count: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < count {
            let some = self.recv(count - all.len()).expect("what was sent arrives");
            assert!(
                !some.is_empty(),
                "a stream ends only after all that was sent, but it did after {} of {count} bytes",
                all.len(),
            );
            all.extend(some);
        }
        all
    }

    /// Sends what goes out without blocking.
    pub(super) fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self
            .net
            .sys
            .send(self.descriptor(), &[IoSlice::new(bytes)])?;
        let least = usize::from(!bytes.is_empty());
        assert!(
            (least..=bytes.len()).contains(&sent),
            "a send moves something of what there is, or would block: {sent} of {}",
            bytes.len()
        );
        Ok(sent)
    }

    /// Waits until all of `bytes` went out: only for a few, since nobody reads meanwhile.
    pub(super) fn send_all(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let sent = self.when(Direction::Write, |_, _| self.try_send(bytes));
            bytes = &bytes[sent.expect("the stream is open")..];
        }
    }

    /// Waits for a message, with `room` for as many bytes.
    pub(super) fn recv_message(&self, room: usize) -> (Vec<u8>, Message) {
        let mut buffer = vec![0; room];
        let message = self.when(Direction::Read, |sys, socket| {
            sys.recv_message(socket, &mut [IoSliceMut::new(&mut buffer)])
        });
        let message = message.expect("a message comes");
        buffer.truncate(message.len);
        (buffer, message)
    }

    /// Sends a message, to `to` or to the connected peer.
    pub(super) fn send_message(&self, bytes: &[u8], to: Option<&Addr>) {
        let sent = self.when(Direction::Write, |sys, socket| {
            sys.send_message(socket, &[IoSlice::new(bytes)], to)
        });
        assert_eq!(
            sent.expect("there is room for a message"),
            bytes.len(),
            "a message goes out whole"
        );
    }

    /// Waits until `direction` is ready.
    fn ready(&self, direction: Direction) -> Seen {
        let reactor = self.net.reactor;
        let fd = self.descriptor().as_ref();
        let bind = || {
            let key = reactor.register(fd, &self.source)?;
            Ok(Binding { reactor, key })
        };
        let cx = Context::from_waker(Waker::noop());
        loop {
            match self.source.poll_ready(&cx, direction, fd, bind) {
                Poll::Ready(seen) => return seen.expect("an open socket can be watched"),
                Poll::Pending => self.net.turn(),
            }
        }
    }

    fn unwatch(&self) -> io::Result<()> {
        self.source.deregister(self.descriptor().as_ref())
    }
}

impl Drop for Socket<'_> {
    fn drop(&mut self) {
        if self.descriptor.is_some() {
            let unwatched = self.unwatch();
            assert!(
                unwatched.is_ok() || thread::panicking(),
                "an open socket can be let go: {unwatched:?}"
            );
        }
        if let Some(descriptor) = self.descriptor.take() {
            self.net.sys.close(descriptor);
        }
    }
}

/// Receives what is there, at most `most` bytes.
pub(super) fn recv(sys: &dyn Sys, socket: &Descriptor, most: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; most];
    let count = sys.recv(socket, &mut [IoSliceMut::new(&mut buffer)])?;
    buffer.truncate(count);
    Ok(buffer)
}

/// The bytes of a stream from its `start`th on: no two stretches of some length are alike.
pub(super) fn pattern(start: usize, count: usize) -> Vec<u8> {
    (start..start + count)
        .map(|index| (index ^ (index >> 8).wrapping_mul(31) ^ (index >> 16).wrapping_mul(87)) as u8)
        .collect()
}
