//! The network driven by hand: the test moves the clock.

mod contract;
mod datagram;
mod faults;
mod lifetime;
mod tcp;
mod unix;

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hob_core::sys::{Addr, End, Family, Message, SocketKind, SocketOption};
use hob_core::{Descriptor, Instant, Sys};
use hob_time::VirtualClock;

use super::host::HostId;
use super::network::Network;
use super::statistics::NetworkStatistics;
use super::{Conditions, Link, NetworkEvent};
use crate::trace::{Event, Trace, TraceHash};

/// What each message takes on a calm network.
const HOP: Duration = Duration::from_micros(500);

/// A network, its clock, and its hosts `main` and `server`.
struct World {
    network: &'static Network,
    clock: VirtualClock,
    trace: Arc<Trace>,
    start: Instant,
}

/// An open socket; dropping it closes it.
struct Sock {
    network: &'static Network,
    descriptor: Option<Descriptor>,
}

const MAIN: HostId = HostId::MAIN;
const SERVER: HostId = HostId(1);

impl World {
    fn calm() -> Self {
        Self::new(1, Conditions::calm())
    }

    fn new(seed: u64, conditions: Conditions) -> Self {
        let start = Instant::from_nanos(1 << 60);
        let clock = VirtualClock::open(start);
        let trace = Arc::new(Trace::new(true));
        let network = Network::open(seed, conditions, Arc::clone(&trace), clock);
        network.in_use(network.epoch(), |state| state.host("server"));
        Self {
            network,
            clock,
            trace,
            start,
        }
    }

    fn elapsed(&self) -> Duration {
        self.clock.now() - self.start
    }

    /// Lets time pass, and what happens in it happen.
    fn pass(&self, time: Duration) {
        let end = self.clock.now() + time;
        self.pass_until(end, || false);
    }

    /// Lets everything happen that is under way.
    #[track_caller]
    fn settle(&self) {
        self.pass_until(Instant::NEVER, || false);
    }

    /// Lets time pass until `done`, or until nothing is left to happen.
    #[track_caller]
    fn until(&self, done: impl Fn() -> bool) {
        let is_done = self.pass_until(Instant::NEVER, done);
        assert!(is_done, "nothing is under way that could do it");
    }

    fn pass_until(&self, end: Instant, done: impl Fn() -> bool) -> bool {
        let mut woken = Vec::new();
        while !done() {
            let next = self.network.next();
            if next.is_never() || next > end {
                if !end.is_never() {
                    self.clock.advance_to(end);
                }
                return false;
            }
            self.clock.advance_to(next);
            self.network.advance(self.clock.now(), &mut woken);
        }
        true
    }

    fn state<R>(&self, act: impl FnOnce(&mut super::state::State) -> R) -> R {
        let epoch = self.network.epoch();
        self.network.in_use(epoch, act).expect("it is open")
    }

    fn cut(&self, is_cut: bool) {
        self.state(|state| state.set_cut(MAIN, SERVER, is_cut));
    }

    fn link(&self, link: Link) {
        self.state(|state| state.links.set(MAIN, SERVER, link));
    }

    fn statistics(&self) -> NetworkStatistics {
        self.state(|state| state.statistics())
    }

    fn events(&self) -> Vec<NetworkEvent> {
        let events = self.trace.take().into_iter();
        let network = events.filter_map(|event| match event {
            Event::Network(event) => Some(event),
            _ => None,
        });
        network.collect()
    }

    fn hash(&self) -> TraceHash {
        self.trace.hash()
    }

    fn open(&self, host: HostId, family: Family, kind: SocketKind) -> io::Result<Sock> {
        self.network.set_current_host(host);
        let descriptor = self.network.socket(family, kind)?;
        Ok(Sock::new(self.network, descriptor))
    }

    fn stream(&self, host: HostId) -> Sock {
        self.open(host, Family::V4, SocketKind::Stream).unwrap()
    }

    /// A socket of the server that listens at port 80.
    fn listener(&self, backlog: u32) -> Sock {
        let socket = self.stream(SERVER);
        socket.bind("0.0.0.0:80").unwrap();
        socket.listen(backlog).unwrap();
        socket
    }

    /// A socket of `main` on its way to the server.
    fn knock(&self) -> Sock {
        let socket = self.stream(MAIN);
        let begun = socket.connect("10.0.0.2:80");
        assert_eq!(begun.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        socket
    }

    /// A connection: `main`'s end and the server's.
    fn connection(&self) -> (Sock, Sock) {
        let listener = self.listener(8);
        let client = self.knock();
        let server = self.accepted(&listener);
        (client, server)
    }

    #[track_caller]
    fn accepted(&self, listener: &Sock) -> Sock {
        loop {
            match listener.accept() {
                Ok((socket, _)) => return socket,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
            let next = self.network.next();
            assert!(!next.is_never(), "nobody comes");
            self.pass(next - self.clock.now());
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.network.close();
        self.clock.close();
    }
}

impl Sock {
    fn new(network: &'static Network, descriptor: Descriptor) -> Self {
        Self {
            network,
            descriptor: Some(descriptor),
        }
    }

    fn fd(&self) -> &Descriptor {
        self.descriptor.as_ref().expect("only `drop` takes it")
    }

    fn bind(&self, addr: &str) -> io::Result<()> {
        self.network.bind(self.fd(), &inet(addr))
    }

    fn listen(&self, backlog: u32) -> io::Result<()> {
        self.network.listen(self.fd(), backlog)
    }

    fn connect(&self, addr: &str) -> io::Result<()> {
        self.network.connect(self.fd(), &inet(addr))
    }

    fn accept(&self) -> io::Result<(Self, Addr)> {
        let (descriptor, addr) = self.network.accept(self.fd())?;
        Ok((Self::new(self.network, descriptor), addr))
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.network.send(self.fd(), &[IoSlice::new(bytes)])
    }

    fn recv(&self, room: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; room];
        let mut buffers = [IoSliceMut::new(&mut bytes)];
        let count = self.network.recv(self.fd(), &mut buffers)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    fn send_to(&self, bytes: &[u8], to: &str) -> io::Result<usize> {
        let to = inet(to);
        self.network
            .send_message(self.fd(), &[IoSlice::new(bytes)], Some(&to))
    }

    fn recv_from(&self, room: usize) -> io::Result<(Vec<u8>, Message)> {
        let mut bytes = vec![0; room];
        let mut buffers = [IoSliceMut::new(&mut bytes)];
        let message = self.network.recv_message(self.fd(), &mut buffers)?;
        bytes.truncate(message.len);
        Ok((bytes, message))
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.network.shutdown(self.fd(), how)
    }

    fn set(&self, option: SocketOption) {
        self.network.set_option(self.fd(), option).unwrap();
    }

    fn error(&self) -> Option<io::ErrorKind> {
        let error = self.network.take_error(self.fd()).unwrap();
        error.map(|error| error.kind())
    }

    fn local(&self) -> SocketAddr {
        let addr = self.network.addr(self.fd(), End::Local).unwrap();
        addr.into_inet().unwrap()
    }

    fn peer(&self) -> io::Result<SocketAddr> {
        let addr = self.network.addr(self.fd(), End::Peer)?;
        addr.into_inet()
    }

    fn is_connected(&self) -> bool {
        self.peer().is_ok()
    }
}

impl Drop for Sock {
    fn drop(&mut self) {
        if let Some(descriptor) = self.descriptor.take() {
            Sys::close(self.network, descriptor);
        }
    }
}

fn inet(addr: &str) -> Addr {
    Addr::Inet(addr.parse().expect("the test names an address"))
}

#[track_caller]
fn fails<T>(result: io::Result<T>, kind: io::ErrorKind) {
    match result {
        Ok(_) => panic!("it should have failed with {kind:?}"),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
}
