//! The hand-written server, an epoll loop of one thread: what the kernel takes, and little more.
//!
//! # Implementation
//!
//! Descriptors are watched edge-triggered, for reading and, once, for writing. A short read means that
//! nothing is left, unless the event says that the other end has closed. A fresh connection is read
//! before it is watched, since its first message has mostly come already; watching tells of what came
//! since. All connections share one buffer; what an answer leaves unsent is kept with its connection.

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    RecvFlags, SendFlags, SocketFlags, accept_with, recv, recvfrom, send, sendto, sockopt,
};

use crate::net::plan::{Plan, Service, Style};
use crate::net::servers::{announce, unix_listener};
use crate::net::talk::HELLO;

/// The key of the listener or of the one datagram socket.
const FRONT: u64 = u64::MAX;

struct Server {
    epoll: OwnedFd,
    front: OwnedFd,
    answer: Answer,
    /// Whether what is sent may wait to be sent together with more.
    no_delay: bool,
    /// By descriptor: the kernel keeps these numbers small.
    connections: Vec<Option<Connection>>,
    room: Vec<u8>,
}

struct Connection {
    socket: OwnedFd,
    /// What did not fit the last time.
    unsent: Vec<u8>,
    /// The beginning of a request whose end has not come.
    asked: Vec<u8>,
}

enum Answer {
    Echo,
    Http(Vec<u8>),
}

/// Serves until the process ends.
pub(super) fn serve(plan: &Plan) -> io::Result<()> {
    let (front, answer) = match plan.service {
        Service::Tcp => (tcp_listener()?, Answer::Echo),
        Service::Http => (tcp_listener()?, Answer::Http(greeting())),
        Service::Unix => (unix_listener()?.into(), Answer::Echo),
        Service::Udp => return serve_datagrams(plan),
    };
    let mut server = Server {
        epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        front,
        answer,
        no_delay: plan.service == Service::Tcp && plan.style == Style::Kept,
        connections: Vec::new(),
        room: vec![0; plan.buffer().max(4096)],
    };
    watch(&server.epoll, &server.front, FRONT, EventFlags::IN)?;
    let mut events = Vec::with_capacity(1024);
    loop {
        wait(&server.epoll, &mut events)?;
        for event in &events {
            match event.data.u64() {
                FRONT => server.accept()?,
                key => server.event(key as usize, event.flags)?,
            }
        }
    }
}

impl Server {
    fn accept(&mut self) -> io::Result<()> {
        loop {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = match accept_with(&self.front, flags) {
                Ok(socket) => socket,
                Err(Errno::WOULDBLOCK) => return Ok(()),
                Err(Errno::CONNABORTED) => continue,
                Err(error) => return Err(error.into()),
            };
            if self.no_delay {
                sockopt::set_tcp_nodelay(&socket, true)?;
            }
            let mut connection = Connection {
                socket,
                unsent: Vec::new(),
                asked: Vec::new(),
            };
            if !connection.serve(&self.answer, &mut self.room, false) {
                continue;
            }
            let key = key(&connection.socket)?;
            let both = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
            watch(&self.epoll, &connection.socket, key as u64, both)?;
            if self.connections.len() <= key {
                self.connections.resize_with(key + 1, || None);
            }
            self.connections[key] = Some(connection);
        }
    }

    fn event(&mut self, key: usize, flags: EventFlags) -> io::Result<()> {
        let place = &mut self.connections[key];
        let Some(connection) = place else {
            return Err(io::Error::other("an event came for a closed connection"));
        };
        let incoming = EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        let ended = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
        let stays = connection.send_rest()
            && (!flags.intersects(incoming)
                || connection.serve(&self.answer, &mut self.room, flags.intersects(ended)));
        if !stays {
            *place = None;
        }
        Ok(())
    }
}

/// A connection that fails is closed, as one that ends: the other end sees it, and says so.
impl Connection {
    /// Answers all that has come; `false` when the connection is over.
    fn serve(&mut self, answer: &Answer, room: &mut [u8], ended: bool) -> bool {
        loop {
            let read = match recv(&self.socket, &mut *room, RecvFlags::empty()) {
                Ok((0, _)) => return false,
                Ok((read, _)) => read,
                Err(Errno::WOULDBLOCK) => return true,
                Err(_) => return false,
            };
            let sent = match answer {
                Answer::Echo => self.send(&room[..read]),
                Answer::Http(greeting) => !self.ends(&room[..read]) || self.send(greeting),
            };
            if !sent || (read < room.len() && !ended) {
                return sent;
            }
        }
    }

    /// Whether `piece` ends a request. There is never more than one under way.
    fn ends(&mut self, piece: &[u8]) -> bool {
        const END: &[u8] = b"\r\n\r\n";
        if self.asked.is_empty() && piece.ends_with(END) {
            return true;
        }
        self.asked.extend_from_slice(piece);
        let whole = self.asked.ends_with(END);
        if whole {
            self.asked.clear();
        }
        whole
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return true;
        }
        let Some(sent) = send_some(&self.socket, bytes) else {
            return false;
        };
        self.unsent.extend_from_slice(&bytes[sent..]);
        true
    }

    fn send_rest(&mut self) -> bool {
        if self.unsent.is_empty() {
            return true;
        }
        let Some(sent) = send_some(&self.socket, &self.unsent) else {
            return false;
        };
        self.unsent.drain(..sent);
        true
    }
}

/// Sends what fits; `None` when the connection is over.
fn send_some(socket: &OwnedFd, bytes: &[u8]) -> Option<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match send(socket, &bytes[sent..], SendFlags::NOSIGNAL) {
            Ok(more) => sent += more,
            Err(Errno::WOULDBLOCK) => break,
            Err(_) => return None,
        }
    }
    Some(sent)
}

/// Datagrams: one socket, read until nothing is left.
fn serve_datagrams(plan: &Plan) -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    announce(&socket.local_addr()?.to_string())?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    watch(&epoll, &socket, FRONT, EventFlags::IN | EventFlags::ET)?;
    let mut room = vec![0; plan.buffer()];
    let mut events = Vec::with_capacity(1);
    loop {
        wait(&epoll, &mut events)?;
        loop {
            match recvfrom(&socket, room.as_mut_slice(), RecvFlags::empty()) {
                Ok((read, _, Some(from))) => {
                    sendto(&socket, &room[..read], SendFlags::empty(), &from)?;
                }
                Ok((_, _, None)) => return Err(io::Error::other("a datagram from nowhere")),
                Err(Errno::WOULDBLOCK) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn tcp_listener() -> io::Result<OwnedFd> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    announce(&listener.local_addr()?.to_string())?;
    Ok(listener.into())
}

/// Waits for events; a signal makes it return with none.
fn wait(epoll: &OwnedFd, events: &mut Vec<epoll::Event>) -> io::Result<()> {
    events.clear();
    match epoll::wait(epoll, spare_capacity(events), None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn watch(epoll: &OwnedFd, socket: &impl AsFd, key: u64, flags: EventFlags) -> io::Result<()> {
    epoll::add(epoll, socket, epoll::EventData::new_u64(key), flags)?;
    Ok(())
}

fn key(socket: &OwnedFd) -> io::Result<usize> {
    usize::try_from(socket.as_raw_fd()).map_err(io::Error::other)
}

/// As long as hyper's answer; the clock stands still.
fn greeting() -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n",
        HELLO.len()
    );
    [head.as_bytes(), HELLO].concat()
}
