//! The seam between sockets and the kernel, or a simulated network in its place.

use std::fmt;
use std::io;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::descriptor::Descriptor;

/// The calls that a socket makes, none of which waits.
///
/// # Contract
///
/// Implementations must
///
/// - never block, with the one exception of [`lookup`](Self::lookup): what cannot be done now fails
///   with [`WouldBlock`](io::ErrorKind::WouldBlock), and readiness is reported once it can;
/// - never fail with `Interrupted`: they try again;
/// - make every descriptor non-blocking, and closed in children that are executed;
/// - refuse a descriptor that is not theirs with
///   [`InvalidInput`](io::ErrorKind::InvalidInput).
pub trait Sys: Send + Sync {
    /// Opens a socket.
    ///
    /// # Errors
    ///
    /// As `socket(2)`: `EMFILE` at the limit.
    fn socket(&self, family: Family, kind: SocketKind) -> io::Result<Descriptor>;

    /// Opens two sockets of the Unix domain that are connected to each other.
    ///
    /// # Errors
    ///
    /// As `socketpair(2)`: `EMFILE` at the limit.
    fn pair(&self, kind: SocketKind) -> io::Result<(Descriptor, Descriptor)>;

    /// Gives the socket an address.
    ///
    /// # Errors
    ///
    /// As `bind(2)`: `EADDRINUSE` for a taken port.
    fn bind(&self, socket: &Descriptor, addr: &Addr) -> io::Result<()>;

    /// Starts to take connections; at most about `backlog` wait to be accepted.
    ///
    /// # Errors
    ///
    /// As `listen(2)`.
    fn listen(&self, socket: &Descriptor, backlog: u32) -> io::Result<()>;

    /// Takes the next connection.
    ///
    /// # Errors
    ///
    /// As `accept(2)`; `WouldBlock` if none waits.
    fn accept(&self, socket: &Descriptor) -> io::Result<(Descriptor, Addr)>;

    /// Starts to connect. `WouldBlock` means that it is under way: once the socket is writable,
    /// [`take_error`](Self::take_error) tells how it ended.
    ///
    /// # Errors
    ///
    /// As `connect(2)`.
    fn connect(&self, socket: &Descriptor, addr: &Addr) -> io::Result<()>;

    /// Receives into the buffers, in their order; zero means the end of the stream. However many
    /// buffers there are, it is no error: some are filled.
    ///
    /// # Errors
    ///
    /// As `recvmsg(2)`.
    fn recv(&self, socket: &Descriptor, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize>;

    /// Receives without taking the bytes out.
    ///
    /// # Errors
    ///
    /// As `recv(2)`.
    fn peek(&self, socket: &Descriptor, buffer: &mut [u8]) -> io::Result<usize>;

    /// Sends the buffers, in their order, and returns how many bytes went out. However many buffers
    /// there are, it is no error: some are sent.
    ///
    /// # Errors
    ///
    /// As `sendmsg(2)`; never a `SIGPIPE`.
    fn send(&self, socket: &Descriptor, buffers: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Receives one message into the buffers, in their order. What does not fit is lost, which
    /// [`Message::truncated`] tells.
    ///
    /// # Errors
    ///
    /// As `recvmsg(2)`.
    fn recv_message(
        &self,
        socket: &Descriptor,
        buffers: &mut [IoSliceMut<'_>],
    ) -> io::Result<Message>;

    /// Sends the buffers as one message, whole or not at all: to `to`, or to the connected peer.
    ///
    /// # Errors
    ///
    /// As `sendmsg(2)`: `EMSGSIZE` for a message that is too long, `ENOTCONN` or `EDESTADDRREQ`
    /// without an address.
    fn send_message(
        &self,
        socket: &Descriptor,
        buffers: &[IoSlice<'_>],
        to: Option<&Addr>,
    ) -> io::Result<usize>;

    /// Closes one direction, or both.
    ///
    /// # Errors
    ///
    /// As `shutdown(2)`.
    fn shutdown(&self, socket: &Descriptor, how: Shutdown) -> io::Result<()>;

    /// Sets an option.
    ///
    /// # Errors
    ///
    /// As `setsockopt(2)`.
    fn set_option(&self, socket: &Descriptor, option: SocketOption) -> io::Result<()>;

    /// Reads the current value of an option; the value inside `option` is not looked at.
    ///
    /// # Errors
    ///
    /// As `getsockopt(2)`.
    fn option(&self, socket: &Descriptor, option: SocketOption) -> io::Result<SocketOption>;

    /// Takes the pending error of the socket, if there is one.
    ///
    /// # Errors
    ///
    /// As `getsockopt(2)`; the pending error itself is the value, not the error.
    fn take_error(&self, socket: &Descriptor) -> io::Result<Option<io::Error>>;

    /// The address of one end.
    ///
    /// # Errors
    ///
    /// As `getsockname(2)` and `getpeername(2)`.
    fn addr(&self, socket: &Descriptor, end: End) -> io::Result<Addr>;

    /// Looks a name up. It may block: callers run it where that is allowed.
    ///
    /// # Errors
    ///
    /// What the resolver says. A name without an address is an error, not an empty list.
    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// Closes the socket.
    fn close(&self, socket: Descriptor);
}

/// The family of a socket's addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Family {
    /// Internet protocol, version 4.
    V4,
    /// Internet protocol, version 6.
    V6,
    /// Unix domain.
    Unix,
}

/// The kind of a socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SocketKind {
    /// A connection that carries bytes.
    Stream,
    /// Messages, each by itself.
    Datagram,
}

/// An address of a socket.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Addr {
    /// An internet address.
    Inet(SocketAddr),
    /// A path in the file system.
    Unix(PathBuf),
    /// None: the other end of a Unix pair, or a client that did not bind.
    Unnamed,
}

/// What [`Sys::recv_message`] received.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "each `Sys` makes it")]
pub struct Message {
    /// How many bytes stand in the buffers.
    pub len: usize,
    /// Whether the message was longer than the buffers.
    pub truncated: bool,
    /// Who sent it.
    pub from: Addr,
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum End {
    /// Ours.
    Local,
    /// The other.
    Peer,
}

/// An option of a socket, with its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SocketOption {
    /// Send small segments at once (`TCP_NODELAY`).
    NoDelay(bool),
    /// Hops before a packet is dropped (`IP_TTL`).
    Ttl(u32),
    /// How long a close waits for unsent bytes (`SO_LINGER`).
    Linger(Option<Duration>),
    /// Bind although old connections linger (`SO_REUSEADDR`).
    ReuseAddress(bool),
    /// Share a port among several listeners (`SO_REUSEPORT`).
    ReusePort(bool),
    /// Probe an idle connection (`SO_KEEPALIVE`).
    KeepAlive(bool),
}

impl Addr {
    /// The internet address, if it is one.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for any other.
    pub fn into_inet(self) -> io::Result<SocketAddr> {
        match self {
            Self::Inet(addr) => Ok(addr),
            other => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{other} is no internet address"),
            )),
        }
    }
}

impl From<SocketAddr> for Addr {
    fn from(addr: SocketAddr) -> Self {
        Self::Inet(addr)
    }
}

impl From<&SocketAddr> for Family {
    fn from(addr: &SocketAddr) -> Self {
        match addr {
            SocketAddr::V4(_) => Self::V4,
            SocketAddr::V6(_) => Self::V6,
        }
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(addr) => write!(f, "{addr}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Unnamed => f.write_str("(unnamed)"),
        }
    }
}
