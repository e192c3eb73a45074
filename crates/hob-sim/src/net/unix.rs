//! The Unix domain: pairs, streams and datagrams by a path, all within one host.
//!
//! # Implementation
//!
//! Paths are names in a table of the host, not files: nothing appears on a disk, and `remove_file` does
//! not reach them. So a path whose socket is closed refuses connections, as on a disk, but may be
//! bound again without being removed first.
//!
//! # References
//!
//! - `unix(7)`, <https://man7.org/linux/man-pages/man7/unix.7.html>.

use std::path::{Path, PathBuf};

use hob_core::Readiness;
use hob_core::sys::{Addr, Family};

use super::connection::{Connection, End, Medium, Owner, Phase};
use super::datagram::{Destination, LETTERS_MAX, Mailbox, Packet, Peer, ROOM};
use super::errno::{Answer, Errno};
use super::event::ConnectionEnd;
use super::host::HostId;
use super::socket::{Role, Socket, SocketId, Transport};
use super::state::{Due, State};

impl State {
    /// Opens two sockets that are connected to each other.
    pub(super) fn pair(&mut self, transport: Transport) -> Answer<(SocketId, SocketId)> {
        let host = self.current;
        self.check_limit(host, 2)?;
        let [one, other] =
            [(); 2].map(|()| self.add_socket(Socket::new(host, Family::Unix, transport)));
        match transport {
            Transport::Stream => {
                let end = |owner| End::new(host, Addr::Unnamed, Owner::Socket(owner), Phase::Open);
                let (client, server) = (end(one), end(other));
                let begun = self.now();
                let pair = Connection::new(Medium::Unix, begun, client, server);
                let id = self.add_connection(pair);
                self.made(id);
                self.socket(one)?.role = Role::End(id, ConnectionEnd::Client);
                self.socket(other)?.role = Role::End(id, ConnectionEnd::Server);
            }
            Transport::Datagram => {
                self.socket(one)?.mailbox()?.peer = Some(Peer::Twin(other));
                self.socket(other)?.mailbox()?.peer = Some(Peer::Twin(one));
            }
        }
        Ok((one, other))
    }

    pub(super) fn bind_path(&mut self, id: SocketId, addr: &Addr) -> Answer<()> {
        let path = path_of(addr)?.to_path_buf();
        let host = self.socket(id)?.host;
        let paths = &mut self.host_state(host).paths;
        if let Some(Some(_)) = paths.get(&path) {
            return Err(Errno::AddressInUse);
        }
        paths.insert(path.clone(), Some(id));
        self.socket(id)?.local = Some(Addr::Unix(path));
        Ok(())
    }

    /// The socket that is bound to a path, as a socket of that transport finds it.
    fn at_path(&self, host: HostId, path: &Path, transport: Transport) -> Answer<SocketId> {
        let owner = self.hosts[host.index()].paths.get(path);
        let id = owner.ok_or(Errno::NoSuchFile)?;
        let id = id.ok_or(Errno::ConnectionRefused)?;
        match self.sockets.get(&id) {
            Some(socket) if socket.transport == transport => Ok(id),
            Some(_) => Err(Errno::WrongType),
            None => Err(Errno::ConnectionRefused),
        }
    }

    /// Connects a stream to a path: it is connected at once, though not yet accepted.
    pub(super) fn connect_path(&mut self, id: SocketId, to: &Addr) -> Answer<()> {
        let socket = self.socket(id)?;
        if !matches!(socket.role, Role::Idle) {
            return Err(Errno::IsConnected);
        }
        let host = socket.host;
        let local = socket.local.clone().unwrap_or(Addr::Unnamed);
        let listener = self.at_path(host, path_of(to)?, Transport::Stream)?;
        match &self.socket(listener)?.role {
            Role::Listener(places) if places.is_full() => return Err(Errno::BacklogFull),
            Role::Listener(_) => {}
            _ => return Err(Errno::ConnectionRefused),
        }
        let client = End::new(host, local, Owner::Socket(id), Phase::Open);
        let server = End::new(host, to.clone(), Owner::Queue(listener), Phase::Open);
        let begun = self.now();
        let connection = Connection::new(Medium::Unix, begun, client, server);
        let connection = self.add_connection(connection);
        self.socket(id)?.role = Role::End(connection, ConnectionEnd::Client);
        self.made(connection);
        self.join_queue(listener, connection);
        Ok(())
    }

    /// Connects a socket of datagrams to a path.
    pub(super) fn connect_mailbox_path(&mut self, id: SocketId, to: &Addr) -> Answer<()> {
        let path = path_of(to)?;
        let host = self.socket(id)?.host;
        let peer = self.at_path(host, path, Transport::Datagram)?;
        let mailbox = self.socket(id)?.mailbox()?;
        mailbox.peer = Some(Peer::Path(PathBuf::from(path), peer));
        mailbox.is_held_up = false;
        Ok(())
    }

    /// Sends a message of the Unix domain.
    pub(super) fn send_unix(
        &mut self,
        id: SocketId,
        bytes: Vec<u8>,
        to: Option<&Addr>,
    ) -> Answer<usize> {
        let socket = self.socket(id)?;
        let host = socket.host;
        let from = socket.local.clone().unwrap_or(Addr::Unnamed);
        let mailbox = socket.mailbox()?;
        if mailbox.is_write_shut {
            return Err(Errno::BrokenPipe);
        }
        if bytes.len() > ROOM {
            return Err(Errno::MessageTooLong);
        }
        let (receiver, is_peer) = match (to, mailbox.peer.clone()) {
            (Some(to), _) => (
                self.at_path(host, path_of(to)?, Transport::Datagram)?,
                false,
            ),
            (None, Some(Peer::Path(_, peer) | Peer::Twin(peer))) => (peer, true),
            (None, _) => return Err(Errno::NotConnected),
        };
        let Some(Ok(there)) = self.sockets.get_mut(&receiver).map(Socket::mailbox) else {
            return Err(Errno::ConnectionRefused);
        };
        if there.is_read_shut {
            return Err(Errno::BrokenPipe);
        }
        if there.peer.as_ref().is_some_and(|peer| !peer.is(id)) {
            return Err(Errno::NotPermitted);
        }
        if there.inbox.len() + there.under_way >= LETTERS_MAX {
            if !there.waiting.contains(&id) {
                there.waiting.push(id);
            }
            self.socket(id)?.mailbox()?.is_held_up |= is_peer;
            return Err(Errno::WouldBlock);
        }
        there.under_way += 1;
        let latency = self.links.latency(host, host, &mut self.rng);
        let at = (self.clock.now() + latency).max(there.latest);
        there.latest = at;
        let length = bytes.len();
        let packet = Packet {
            sender: id,
            from_host: host,
            from,
            to: Destination::Socket(receiver),
            bytes,
        };
        self.schedule.add(at, Due::Datagram(Box::new(packet)));
        Ok(length)
    }

    /// There is room in a mailbox again: those who waited for it are told.
    pub(super) fn let_in(&mut self, id: SocketId) {
        let Some(Ok(mailbox)) = self.sockets.get_mut(&id).map(Socket::mailbox) else {
            return;
        };
        let waiting = std::mem::take(&mut mailbox.waiting);
        self.tell_waiting(waiting);
    }

    fn tell_waiting(&mut self, waiting: Vec<SocketId>) {
        for sender in waiting {
            if let Some(Ok(mailbox)) = self.sockets.get_mut(&sender).map(Socket::mailbox) {
                mailbox.is_held_up = false;
                self.tell(sender, Readiness::WRITABLE);
            }
        }
    }

    /// A mailbox is closed: who waited for room there, and its twin, learn of it.
    pub(super) fn close_mailbox(&mut self, mailbox: &mut Mailbox) {
        self.tell_waiting(std::mem::take(&mut mailbox.waiting));
    }
}

/// The path in an address.
fn path_of(addr: &Addr) -> Answer<&Path> {
    match addr {
        Addr::Unix(path) if !path.as_os_str().is_empty() => Ok(path),
        _ => Err(Errno::InvalidInput),
    }
}
