//! The network as a [`Sys`]: hob-net runs on it unchanged.

use std::io;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};

use hob_core::sys::{Addr, End, Family, Message, SocketKind, SocketOption};
use hob_core::{Descriptor, Sys};

use super::errno::Answer;
use super::network::{Epoch, Network};
use super::socket::Transport;
use super::state::State;

impl Network {
    /// Runs `open` on the state of the use that is now.
    fn opening<R>(&self, open: impl FnOnce(&mut State, Epoch) -> Answer<R>) -> io::Result<R> {
        let mut inner = self.lock();
        let epoch = inner.epoch;
        let state = inner.state.as_mut().ok_or_else(ended)?;
        open(state, epoch).map_err(io::Error::from)
    }
}

impl Sys for Network {
    fn socket(&self, family: Family, kind: SocketKind) -> io::Result<Descriptor> {
        self.opening(|state, epoch| {
            let id = state.open(family, Transport::try_from(kind)?)?;
            Ok(epoch.descriptor(id))
        })
    }

    fn pair(&self, kind: SocketKind) -> io::Result<(Descriptor, Descriptor)> {
        self.opening(|state, epoch| {
            let (one, other) = state.pair(Transport::try_from(kind)?)?;
            Ok((epoch.descriptor(one), epoch.descriptor(other)))
        })
    }

    fn bind(&self, socket: &Descriptor, addr: &Addr) -> io::Result<()> {
        self.on_socket(socket, |state, id| state.bind(id, addr))
    }

    fn listen(&self, socket: &Descriptor, backlog: u32) -> io::Result<()> {
        self.on_socket(socket, |state, id| state.listen(id, backlog))
    }

    fn accept(&self, socket: &Descriptor) -> io::Result<(Descriptor, Addr)> {
        let mut inner = self.lock();
        let epoch = inner.epoch;
        let (state, id) = inner.find(socket.as_ref())?;
        let (accepted, peer) = state.accept(id)?;
        Ok((epoch.descriptor(accepted), peer))
    }

    fn connect(&self, socket: &Descriptor, addr: &Addr) -> io::Result<()> {
        self.on_socket(socket, |state, id| state.connect(id, addr))
    }

    fn recv(&self, socket: &Descriptor, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.on_socket(socket, |state, id| state.recv(id, buffers, true))
    }

    fn peek(&self, socket: &Descriptor, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffers = [IoSliceMut::new(buffer)];
        self.on_socket(socket, |state, id| state.recv(id, &mut buffers, false))
    }

    fn send(&self, socket: &Descriptor, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.on_socket(socket, |state, id| state.send(id, buffers))
    }

    fn recv_message(
        &self,
        socket: &Descriptor,
        buffers: &mut [IoSliceMut<'_>],
    ) -> io::Result<Message> {
        self.on_socket(socket, |state, id| state.recv_message(id, buffers))
    }

    fn send_message(
        &self,
        socket: &Descriptor,
        buffers: &[IoSlice<'_>],
        to: Option<&Addr>,
    ) -> io::Result<usize> {
        self.on_socket(socket, |state, id| state.send_message(id, buffers, to))
    }

    fn shutdown(&self, socket: &Descriptor, how: Shutdown) -> io::Result<()> {
        self.on_socket(socket, |state, id| state.shutdown(id, how))
    }

    fn set_option(&self, socket: &Descriptor, option: SocketOption) -> io::Result<()> {
        self.on_socket(socket, |state, id| state.socket(id)?.set_option(option))
    }

    fn option(&self, socket: &Descriptor, option: SocketOption) -> io::Result<SocketOption> {
        self.on_socket(socket, |state, id| state.socket(id)?.option(option))
    }

    fn take_error(&self, socket: &Descriptor) -> io::Result<Option<io::Error>> {
        let error = self.on_socket(socket, State::take_error)?;
        Ok(error.map(io::Error::from))
    }

    fn addr(&self, socket: &Descriptor, end: End) -> io::Result<Addr> {
        self.on_socket(socket, |state, id| state.addr(id, end))
    }

    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let inner = self.lock();
        let state = inner.state.as_ref().ok_or_else(ended)?;
        state.lookup(host, port)
    }

    fn close(&self, socket: Descriptor) {
        let mut inner = self.lock();
        let source = match inner.find(socket.as_ref()) {
            Ok((state, id)) => state.close(id),
            // Its simulation has ended, and took the socket with it.
            Err(_) => None,
        };
        drop(inner);
        // It may hold wakers, which are foreign code.
        drop(source);
    }
}

/// The refusal of a new socket when the simulation has ended.
fn ended() -> io::Error {
    io::Error::new(
        io::ErrorKind::NetworkDown,
        "the simulation that this network belonged to has ended",
    )
}
