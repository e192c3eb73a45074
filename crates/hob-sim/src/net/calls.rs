//! The calls on a socket, sent on to whatever it is.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::net::Shutdown;

use hob_core::Readiness;
use hob_core::sys::{Addr, Family, Message};

use super::datagram::Letter;
use super::errno::{Answer, Errno};
use super::socket::{Role, Socket, SocketId, Transport};
use super::state::State;
use super::stream::{copy_in, copy_out};

impl State {
    /// Opens a socket on the current host.
    pub(super) fn open(&mut self, family: Family, transport: Transport) -> Answer<SocketId> {
        self.check_limit(self.current, 1)?;
        Ok(self.add_socket(Socket::new(self.current, family, transport)))
    }

    pub(super) fn connect(&mut self, id: SocketId, to: &Addr) -> Answer<()> {
        let socket = self.socket(id)?;
        match (socket.transport, socket.is_unix()) {
            (Transport::Stream, true) => self.connect_path(id, to),
            (Transport::Stream, false) => self.connect_inet(id, to),
            (Transport::Datagram, true) => self.connect_mailbox_path(id, to),
            (Transport::Datagram, false) => self.connect_mailbox(id, to),
        }
    }

    pub(super) fn recv(
        &mut self,
        id: SocketId,
        buffers: &mut [IoSliceMut<'_>],
        take: bool,
    ) -> Answer<usize> {
        match self.socket(id)?.role {
            Role::Idle | Role::Listener(_) => Err(Errno::NotConnected),
            Role::End(connection, at) => self.read(connection, at, buffers, take),
            Role::Mailbox(_) => {
                let message = self.take_letter(id, buffers, take)?;
                Ok(message.map_or(0, |message| message.len))
            }
        }
    }

    pub(super) fn recv_message(
        &mut self,
        id: SocketId,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Answer<Message> {
        let nothing = |len| Message {
            len,
            truncated: false,
            from: Addr::Unnamed,
        };
        match self.socket(id)?.role {
            // A stream does not say from whom.
            Role::Idle | Role::Listener(_) | Role::End(..) => {
                self.recv(id, buffers, true).map(nothing)
            }
            Role::Mailbox(_) => {
                let message = self.take_letter(id, buffers, true)?;
                Ok(message.unwrap_or_else(|| nothing(0)))
            }
        }
    }

    /// Receives one message; `None` if reading is shut down.
    fn take_letter(
        &mut self,
        id: SocketId,
        buffers: &mut [IoSliceMut<'_>],
        take: bool,
    ) -> Answer<Option<Message>> {
        let Some(Letter { from, bytes }) = self.socket(id)?.mailbox()?.read(take)? else {
            return Ok(None);
        };
        if take {
            self.let_in(id);
        }
        let room = buffers.iter().map(|buffer| buffer.len()).sum();
        let len = bytes.len().min(room);
        let truncated = bytes.len() > room;
        copy_out(&VecDeque::from(bytes), buffers, len);
        Ok(Some(Message {
            len,
            truncated,
            from,
        }))
    }

    pub(super) fn send(&mut self, id: SocketId, buffers: &[IoSlice<'_>]) -> Answer<usize> {
        let socket = self.socket(id)?;
        match socket.role {
            Role::Idle | Role::Listener(_) if socket.is_unix() => Err(Errno::NotConnected),
            Role::Idle | Role::Listener(_) => Err(Errno::BrokenPipe),
            Role::End(connection, at) => self.write(connection, at, buffers),
            Role::Mailbox(_) => self.send_message(id, buffers, None),
        }
    }

    pub(super) fn send_message(
        &mut self,
        id: SocketId,
        buffers: &[IoSlice<'_>],
        to: Option<&Addr>,
    ) -> Answer<usize> {
        let socket = self.socket(id)?;
        match socket.role {
            Role::Mailbox(_) => {
                let length = buffers.iter().map(|buffer| buffer.len()).sum();
                let bytes = copy_in(buffers, length);
                if socket.is_unix() {
                    self.send_unix(id, bytes, to)
                } else {
                    self.send_inet(id, bytes, to)
                }
            }
            _ if to.is_some() => Err(Errno::IsConnected),
            _ => self.send(id, buffers),
        }
    }

    pub(super) fn shutdown(&mut self, id: SocketId, how: Shutdown) -> Answer<()> {
        let socket = self.socket(id)?;
        match &mut socket.role {
            Role::Idle => Err(Errno::NotConnected),
            Role::End(connection, at) => {
                let (connection, at) = (*connection, *at);
                self.shutdown_end(connection, at, how)
            }
            Role::Listener(listener) => {
                if how != Shutdown::Write {
                    let queue = std::mem::take(&mut listener.queue);
                    socket.role = Role::Idle;
                    self.drop_queue(id, queue);
                    self.tell(id, Readiness::BOTH);
                }
                Ok(())
            }
            Role::Mailbox(mailbox) => {
                if mailbox.peer.is_none() {
                    return Err(Errno::NotConnected);
                }
                mailbox.is_read_shut |= how != Shutdown::Write;
                mailbox.is_write_shut |= how != Shutdown::Read;
                self.tell(id, Readiness::BOTH);
                Ok(())
            }
        }
    }

    /// Takes the error that waits to be told.
    pub(super) fn take_error(&mut self, id: SocketId) -> Answer<Option<Errno>> {
        let socket = self.socket(id)?;
        Ok(match &mut socket.role {
            Role::Idle | Role::Listener(_) => None,
            Role::Mailbox(mailbox) => mailbox.error.take(),
            Role::End(connection, at) => {
                let (connection, at) = (*connection, *at);
                let connection = self.connections.get_mut(&connection);
                connection.and_then(|it| it[at].error.take())
            }
        })
    }
}
