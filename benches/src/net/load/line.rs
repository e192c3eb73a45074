//! One connection of the load generator.

use std::io;
use std::net::{TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};

use rustix::net::{Shutdown, shutdown};

use crate::net::plan::Service;
use crate::net::talk::Heard;

/// A place for a connection.
pub(super) struct Line {
    pub(super) socket: Option<OwnedFd>,
    pub(super) state: State,
    /// The number of the message that is or was last under way.
    pub(super) number: usize,
    pub(super) sent: usize,
    pub(super) heard: Heard,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// No message is under way.
    Silent,
    /// The answer is not whole yet.
    Asking,
    /// The answer was whole and this end is closed; the other is not yet.
    Closing,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            socket: None,
            state: State::Silent,
            number: 0,
            sent: 0,
            heard: Heard::default(),
        }
    }

    pub(super) fn socket(&self) -> io::Result<&OwnedFd> {
        self.socket
            .as_ref()
            .ok_or_else(|| io::Error::other("an event came for a closed connection"))
    }

    /// Closes our end.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.state = State::Closing;
        shutdown(self.socket()?, Shutdown::Write)?;
        Ok(())
    }

    pub(super) fn start(&mut self) {
        self.state = State::Asking;
        self.number += 1;
        self.sent = 0;
        self.heard.clear();
    }
}

/// Connects, and makes the socket non-blocking.
pub(super) fn connect(service: Service, address: &str) -> io::Result<OwnedFd> {
    match service {
        Service::Tcp | Service::Http => {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok(stream.into())
        }
        Service::Udp => {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(address)?;
            socket.set_nonblocking(true)?;
            Ok(socket.into())
        }
        Service::Unix => {
            let stream = UnixStream::connect_addr(&SocketAddr::from_abstract_name(address)?)?;
            stream.set_nonblocking(true)?;
            Ok(stream.into())
        }
    }
}
