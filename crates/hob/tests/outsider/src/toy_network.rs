//! A network in memory: streams of bytes on one host, which arrive at once.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::{Mutex, MutexGuard};

use hob::engine::sys::{Addr, End, Family, Message, SocketKind, SocketOption};
use hob::engine::{Descriptor, Readiness, Sys};

use crate::Counter;
use crate::toy_reactor::ToyReactor;

pub static SEND: Counter = Counter::new();
pub static RECV: Counter = Counter::new();

/// How many bytes may wait to be received.
pub const ROOM: usize = 1000;

/// The only host.
pub const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// All sockets, and who is told of what happens to them.
pub struct ToyNetwork {
    sockets: Mutex<Sockets>,
    reactor: &'static ToyReactor,
}

/// By number; none is given out twice.
#[derive(Default)]
struct Sockets {
    open: BTreeMap<u64, Socket>,
    last: u64,
    last_port: u16,
}

#[derive(Default)]
struct Socket {
    local: Option<SocketAddr>,
    state: State,
    /// Those that were set; none makes a difference here.
    options: Vec<SocketOption>,
}

#[derive(Default)]
enum State {
    #[default]
    New,
    Listening(VecDeque<u64>),
    Connected(Stream),
}

/// One end of a connection.
struct Stream {
    /// The other one.
    peer: u64,
    peer_addr: SocketAddr,
    /// What has arrived and was not received yet.
    inbox: VecDeque<u8>,
    /// Nothing more arrives.
    ended: bool,
    /// The other end was closed before it had received everything.
    reset: bool,
    /// Nothing more is sent.
    shut: bool,
}

impl ToyNetwork {
    /// One that lives as long as the process: sockets may outlive their runtime.
    pub fn open(reactor: &'static ToyReactor) -> &'static Self {
        Box::leak(Box::new(Self {
            sockets: Mutex::default(),
            reactor,
        }))
    }

    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().expect("no foreign code runs under it")
    }
}

impl Sockets {
    fn insert(&mut self, socket: Socket) -> u64 {
        self.last += 1;
        self.open.insert(self.last, socket);
        self.last
    }

    fn get(&mut self, socket: &Descriptor) -> io::Result<&mut Socket> {
        let found = match socket {
            Descriptor::Virtual(number) => self.open.get_mut(number),
            Descriptor::Os(_) => None,
        };
        found.ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    fn stream(&mut self, socket: &Descriptor) -> io::Result<&mut Stream> {
        match &mut self.get(socket)?.state {
            State::Connected(stream) => Ok(stream),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// The other end of a connection, if it is open.
    fn peer(&mut self, number: u64) -> Option<&mut Stream> {
        match &mut self.open.get_mut(&number)?.state {
            State::Connected(stream) => Some(stream),
            _ => None,
        }
    }

    fn free_port(&mut self) -> io::Result<u16> {
        self.last_port += 1;
        let port = 50_000_u16.checked_add(self.last_port);
        port.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    fn listener(&mut self, addr: SocketAddr) -> Option<(u64, &mut VecDeque<u64>)> {
        let mut open = self.open.iter_mut();
        open.find_map(|(number, socket)| match &mut socket.state {
            State::Listening(waiting) if socket.local == Some(addr) => Some((*number, waiting)),
            _ => None,
        })
    }
}

impl Stream {
    fn connected(peer: u64, peer_addr: SocketAddr) -> State {
        State::Connected(Self {
            peer,
            peer_addr,
            inbox: VecDeque::new(),
            ended: false,
            reset: false,
            shut: false,
        })
    }

    /// Whether there are bytes, or the end.
    fn has_something(&mut self) -> io::Result<()> {
        if mem::take(&mut self.reset) {
            Err(io::ErrorKind::ConnectionReset.into())
        } else if self.inbox.is_empty() && !self.ended {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            Ok(())
        }
    }
}

fn unsupported<T>(what: &str) -> io::Result<T> {
    let text = format!("the toy network has no {what}");
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}

impl Sys for ToyNetwork {
    fn socket(&self, family: Family, kind: SocketKind) -> io::Result<Descriptor> {
        if (family, kind) != (Family::V4, SocketKind::Stream) {
            return unsupported("sockets but streams over IPv4");
        }
        let number = self.sockets().insert(Socket::default());
        Ok(Descriptor::Virtual(number))
    }

    fn pair(&self, _kind: SocketKind) -> io::Result<(Descriptor, Descriptor)> {
        unsupported("pairs")
    }

    fn bind(&self, socket: &Descriptor, addr: &Addr) -> io::Result<()> {
        let mut addr = addr.clone().into_inet()?;
        let mut sockets = self.sockets();
        sockets.get(socket)?;
        if addr.ip() != HOST {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        if addr.port() == 0 {
            addr.set_port(sockets.free_port()?);
        }
        // A connection shares the address of the listener that it came from.
        let mut others = sockets.open.values();
        if others.any(|it| it.local == Some(addr) && !matches!(it.state, State::Connected(_))) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        sockets.get(socket)?.local = Some(addr);
        Ok(())
    }

    fn listen(&self, socket: &Descriptor, _backlog: u32) -> io::Result<()> {
        self.sockets().get(socket)?.state = State::Listening(VecDeque::new());
        Ok(())
    }

    fn accept(&self, socket: &Descriptor) -> io::Result<(Descriptor, Addr)> {
        let mut sockets = self.sockets();
        let State::Listening(waiting) = &mut sockets.get(socket)?.state else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let number = waiting.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        let served = Descriptor::Virtual(number);
        let peer = sockets.stream(&served)?.peer_addr;
        Ok((served, peer.into()))
    }

    fn connect(&self, socket: &Descriptor, addr: &Addr) -> io::Result<()> {
        let there = addr.clone().into_inet()?;
        let mut sockets = self.sockets();
        let Descriptor::Virtual(client) = *socket else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let State::New = sockets.get(socket)?.state else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        if sockets.listener(there).is_none() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let here = SocketAddr::from((HOST, sockets.free_port()?));
        let served = sockets.insert(Socket {
            local: Some(there),
            state: Stream::connected(client, here),
            options: Vec::new(),
        });
        let socket = sockets.get(socket)?;
        socket.local = Some(here);
        socket.state = Stream::connected(served, there);
        let listener = sockets.listener(there).map(|(number, waiting)| {
            waiting.push_back(served);
            number
        });
        drop(sockets);
        if let Some(listener) = listener {
            self.reactor.happened(listener, Readiness::READABLE);
        }
        Ok(())
    }

    fn recv(&self, socket: &Descriptor, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        RECV.add_one();
        let mut sockets = self.sockets();
        let stream = sockets.stream(socket)?;
        stream.has_something()?;
        let received = io::Read::read_vectored(&mut stream.inbox, buffers)?;
        let peer = stream.peer;
        drop(sockets);
        // There is room again.
        self.reactor.happened(peer, Readiness::WRITABLE);
        Ok(received)
    }

    fn peek(&self, socket: &Descriptor, buffer: &mut [u8]) -> io::Result<usize> {
        let mut sockets = self.sockets();
        let stream = sockets.stream(socket)?;
        stream.has_something()?;
        let copied = buffer.iter_mut().zip(&stream.inbox);
        Ok(copied.map(|(to, from)| *to = *from).count())
    }

    fn send(&self, socket: &Descriptor, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        SEND.add_one();
        let mut sockets = self.sockets();
        let stream = sockets.stream(socket)?;
        let number = stream.peer;
        let peer = if stream.shut {
            None
        } else {
            sockets.peer(number)
        };
        let inbox = &mut peer.ok_or(io::ErrorKind::BrokenPipe)?.inbox;
        let bytes = buffers.iter().flat_map(|buffer| buffer.iter());
        let before = inbox.len();
        if before == ROOM {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        inbox.extend(bytes.take(ROOM - before));
        let sent = inbox.len() - before;
        drop(sockets);
        self.reactor.happened(number, Readiness::READABLE);
        Ok(sent)
    }

    fn recv_message(
        &self,
        socket: &Descriptor,
        _buffers: &mut [IoSliceMut<'_>],
    ) -> io::Result<Message> {
        self.sockets().get(socket)?;
        unsupported("messages")
    }

    fn send_message(
        &self,
        socket: &Descriptor,
        _buffers: &[IoSlice<'_>],
        _to: Option<&Addr>,
    ) -> io::Result<usize> {
        self.sockets().get(socket)?;
        unsupported("messages")
    }

    fn shutdown(&self, socket: &Descriptor, how: Shutdown) -> io::Result<()> {
        let mut sockets = self.sockets();
        let stream = sockets.stream(socket)?;
        let number = stream.peer;
        if how != Shutdown::Write {
            stream.ended = true;
        }
        if how != Shutdown::Read {
            stream.shut = true;
            if let Some(peer) = sockets.peer(number) {
                peer.ended = true;
            }
        }
        drop(sockets);
        self.reactor.happened(number, Readiness::READABLE);
        Ok(())
    }

    fn set_option(&self, socket: &Descriptor, option: SocketOption) -> io::Result<()> {
        let mut sockets = self.sockets();
        let options = &mut sockets.get(socket)?.options;
        options.retain(|other| mem::discriminant(other) != mem::discriminant(&option));
        options.push(option);
        Ok(())
    }

    fn option(&self, socket: &Descriptor, option: SocketOption) -> io::Result<SocketOption> {
        let mut sockets = self.sockets();
        let mut options = sockets.get(socket)?.options.iter();
        let found = options.find(|other| mem::discriminant(*other) == mem::discriminant(&option));
        found.map_or_else(|| unsupported("defaults for options"), |found| Ok(*found))
    }

    fn take_error(&self, socket: &Descriptor) -> io::Result<Option<io::Error>> {
        self.sockets().get(socket).map(|_| None)
    }

    fn addr(&self, socket: &Descriptor, end: End) -> io::Result<Addr> {
        let mut sockets = self.sockets();
        let addr = match end {
            End::Local => sockets.get(socket)?.local,
            End::Peer => Some(sockets.stream(socket)?.peer_addr),
        };
        Ok(addr.map_or(Addr::Unnamed, Addr::from))
    }

    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let ip = match host {
            "toy" => HOST.into(),
            "localhost" => Ipv4Addr::LOCALHOST.into(),
            _ => host.parse().map_err(|_| io::ErrorKind::NotFound)?,
        };
        Ok(vec![SocketAddr::new(ip, port)])
    }

    fn close(&self, socket: Descriptor) {
        let Descriptor::Virtual(number) = socket else {
            return;
        };
        let mut sockets = self.sockets();
        let Some(closed) = sockets.open.remove(&number) else {
            return;
        };
        let mut peers = Vec::new();
        let mut unread = false;
        match closed.state {
            State::New => {}
            State::Connected(stream) => {
                unread = !stream.inbox.is_empty();
                peers.push(stream.peer);
            }
            // Whoever waits to be accepted is sent away.
            State::Listening(waiting) => {
                for served in waiting {
                    peers.extend(sockets.peer(served).map(|stream| stream.peer));
                    sockets.open.remove(&served);
                }
            }
        }
        for peer in &peers {
            if let Some(stream) = sockets.peer(*peer) {
                stream.ended = true;
                stream.reset = unread;
            }
        }
        drop(sockets);
        for peer in peers {
            self.reactor.happened(peer, Readiness::BOTH);
        }
    }
}
