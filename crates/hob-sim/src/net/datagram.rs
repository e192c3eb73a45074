//! Messages, each by itself: UDP, and datagrams of the Unix domain.
//!
//! # Implementation
//!
//! A datagram of the internet is an appointment of its own, so datagrams overtake each other, and is
//! lost, doubled, or dropped where nobody is or the mailbox is full. One of the Unix domain is never
//! lost: whoever writes to a full mailbox is told to wait, and is told again when there is room.
//!
//! # References
//!
//! - `udp(7)`: `ECONNREFUSED` on a connected socket when the other host says that nobody is there.
//! - `unix(7)`: reliable, in order, and blocking at `net.unix.max_dgram_qlen`.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use hob_core::sys::{Addr, Family};
use hob_core::{Instant, Readiness};

use super::errno::{Answer, Errno};
use super::event::NetworkEvent;
use super::handshake::home_of;
use super::host::{HostId, family};
use super::socket::{Role, Socket, SocketId, Transport};
use super::state::{Due, State};

/// What has arrived at a socket of datagrams.
pub(super) struct Mailbox {
    pub(super) peer: Option<Peer>,
    pub(super) inbox: VecDeque<Letter>,
    /// The room that the messages in the inbox take.
    pub(super) used: usize,
    /// Messages of the Unix domain that are under way to here, and when the last of them arrives.
    pub(super) under_way: usize,
    pub(super) latest: Instant,
    /// Those who found no room, to be told when there is some.
    pub(super) waiting: Vec<SocketId>,
    /// There was no room at the peer, and nobody has said yet that there is.
    pub(super) is_held_up: bool,
    pub(super) error: Option<Errno>,
    pub(super) is_read_shut: bool,
    pub(super) is_write_shut: bool,
}

/// Whom a socket is connected to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Peer {
    Inet(SocketAddr),
    Path(PathBuf, SocketId),
    /// The other of a pair.
    Twin(SocketId),
}

/// A message in an inbox.
pub(super) struct Letter {
    pub(super) from: Addr,
    pub(super) bytes: Vec<u8>,
}

/// A message under way.
#[derive(Clone)]
pub(super) struct Packet {
    pub(super) sender: SocketId,
    pub(super) from_host: HostId,
    pub(super) from: Addr,
    pub(super) to: Destination,
    pub(super) bytes: Vec<u8>,
}

#[derive(Clone)]
pub(super) enum Destination {
    /// A host, if there is one with that address, and the address.
    Inet(Option<HostId>, SocketAddr),
    Socket(SocketId),
}

/// What a mailbox holds: Linux's usual buffer, and what it counts beside the bytes.
pub(super) const ROOM: usize = 212_992;
const ROOM_PER_LETTER: usize = 256;
/// How many messages may wait at a socket of the Unix domain.
pub(super) const LETTERS_MAX: usize = 10;
/// The longest messages that fit into a packet of either version.
const LENGTH_MAX_V4: usize = 65_507;
const LENGTH_MAX_V6: usize = 65_527;

impl Mailbox {
    pub(super) const fn new() -> Self {
        Self {
            peer: None,
            inbox: VecDeque::new(),
            used: 0,
            under_way: 0,
            latest: Instant::from_nanos(0),
            waiting: Vec::new(),
            is_held_up: false,
            error: None,
            is_read_shut: false,
            is_write_shut: false,
        }
    }

    pub(super) fn readiness(&self) -> Readiness {
        let mut readiness = Readiness::NONE;
        if !self.inbox.is_empty() || self.is_read_shut || self.error.is_some() {
            readiness |= Readiness::READABLE;
        }
        if !self.is_held_up || self.is_write_shut || self.error.is_some() {
            readiness |= Readiness::WRITABLE;
        }
        readiness
    }

    pub(super) fn peer_addr(&self) -> Option<Addr> {
        Some(match self.peer.as_ref()? {
            Peer::Inet(addr) => Addr::Inet(*addr),
            Peer::Path(path, _) => Addr::Unix(path.clone()),
            Peer::Twin(_) => Addr::Unnamed,
        })
    }

    /// The next message, which stays unless `take`; `None` if reading is shut down.
    pub(super) fn read(&mut self, take: bool) -> Answer<Option<Letter>> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let Some(first) = self.inbox.front() else {
            return if self.is_read_shut {
                Ok(None)
            } else {
                Err(Errno::WouldBlock)
            };
        };
        if !take {
            let (from, bytes) = (first.from.clone(), first.bytes.clone());
            return Ok(Some(Letter { from, bytes }));
        }
        self.used -= ROOM_PER_LETTER + first.bytes.len();
        Ok(self.inbox.pop_front())
    }

    /// Takes a message in; `false` if there is no room, which was seen to before for those that
    /// nothing may happen to.
    #[must_use]
    fn put(&mut self, letter: Letter, is_reliable: bool) -> bool {
        let needs = ROOM_PER_LETTER + letter.bytes.len();
        let fits = is_reliable || self.used + needs <= ROOM;
        if fits {
            self.used += needs;
            self.inbox.push_back(letter);
        }
        fits
    }
}

impl Peer {
    /// Whether that is a socket of the Unix domain.
    pub(super) fn is(&self, id: SocketId) -> bool {
        match self {
            Self::Inet(_) => false,
            Self::Path(_, peer) | Self::Twin(peer) => *peer == id,
        }
    }
}

impl State {
    /// Sends a message of the internet.
    pub(super) fn send_inet(
        &mut self,
        id: SocketId,
        bytes: Vec<u8>,
        to: Option<&Addr>,
    ) -> Answer<usize> {
        let socket = self.socket(id)?;
        let to = match to {
            Some(to) => Some(socket.understood(to)?),
            None => None,
        };
        let mailbox = socket.mailbox()?;
        if let Some(error) = mailbox.error.take() {
            return Err(error);
        }
        if mailbox.is_write_shut {
            return Err(Errno::BrokenPipe);
        }
        let peer = match mailbox.peer {
            Some(Peer::Inet(peer)) => Some(peer),
            _ => None,
        };
        let to = to_home(to.or(peer).ok_or(Errno::DestinationRequired)?);
        if to.port() == 0 {
            return Err(Errno::InvalidInput);
        }
        let longest = if to.is_ipv4() {
            LENGTH_MAX_V4
        } else {
            LENGTH_MAX_V6
        };
        if bytes.len() > longest {
            return Err(Errno::MessageTooLong);
        }
        self.bind_somewhere(id)?;
        let (from_host, from) = self.sent_from(id, to.ip())?;
        let length = bytes.len();
        let there = self.host_at(from_host, to.ip());
        self.post(Packet {
            sender: id,
            from_host,
            from: Addr::Inet(from),
            to: Destination::Inet(there, to),
            bytes,
        });
        Ok(length)
    }

    /// The address that the receiver of a message to `to` sees.
    fn sent_from(&mut self, id: SocketId, to: IpAddr) -> Answer<(HostId, SocketAddr)> {
        let socket = self.socket(id)?;
        let host = socket.host;
        let local = socket.local_inet().ok_or(Errno::InvalidInput)?;
        let ip = match local.ip() {
            ip if !ip.is_unspecified() => ip,
            _ if to.is_loopback() || HostId::of(to) == Some(host) => to,
            _ => host.ip(to),
        };
        if ip.is_ipv4() != to.is_ipv4() || ip.is_loopback() && !to.is_loopback() {
            return Err(Errno::InvalidInput);
        }
        Ok((host, SocketAddr::new(ip, local.port())))
    }

    /// Sends a packet on its way, or two, or none.
    fn post(&mut self, packet: Packet) {
        let Destination::Inet(Some(there), _) = packet.to else {
            return self.dropped(&packet);
        };
        let here = packet.from_host;
        if self.links.is_lost(here, there, &mut self.rng) {
            return self.dropped(&packet);
        }
        if self.links.is_doubled(here, there, &mut self.rng) {
            self.post_once(packet.clone(), there);
        }
        self.post_once(packet, there);
    }

    fn post_once(&mut self, packet: Packet, there: HostId) {
        let latency = self.links.latency(packet.from_host, there, &mut self.rng);
        let at = self.now() + latency;
        self.schedule.add(at, Due::Datagram(Box::new(packet)));
    }

    pub(super) fn datagram_arrives(&mut self, packet: Packet) {
        match packet.to {
            Destination::Socket(to) => self.letter_arrives(packet, to),
            Destination::Inet(Some(there), _) if self.links.is_cut(packet.from_host, there) => {
                self.dropped(&packet);
            }
            Destination::Inet(Some(there), to) => match self.mailbox_for(&packet, there, to) {
                Some(socket) => self.letter_arrives(packet, socket),
                None => self.nobody_is_there(packet, there),
            },
            Destination::Inet(None, _) => self.dropped(&packet),
        }
    }

    /// A message arrives at a socket.
    fn letter_arrives(&mut self, packet: Packet, to: SocketId) {
        let is_reliable = matches!(packet.to, Destination::Socket(_));
        let bytes = packet.bytes.len();
        let Some(socket) = self.sockets.get_mut(&to) else {
            return self.dropped(&packet);
        };
        let (host, from) = (socket.host, socket.shown(&packet.from));
        let Role::Mailbox(mailbox) = &mut socket.role else {
            return self.dropped(&packet);
        };
        if is_reliable {
            mailbox.under_way = mailbox.under_way.saturating_sub(1);
        }
        let letter = Letter {
            from,
            bytes: packet.bytes,
        };
        if !mailbox.is_read_shut && mailbox.put(letter, is_reliable) {
            self.statistics.datagrams_delivered += 1;
            self.note(NetworkEvent::DatagramDelivered {
                from: packet.from_host.0,
                to: host.0,
                bytes,
            });
            self.tell(to, Readiness::READABLE);
        } else {
            self.note_dropped(packet.from_host, bytes);
        }
    }

    /// The socket that a packet is for: a connected one before one that is bound to the very
    /// address, and that before one that is bound to all.
    fn mailbox_for(&mut self, packet: &Packet, there: HostId, to: SocketAddr) -> Option<SocketId> {
        let fits = |socket: &Socket| -> Option<u8> {
            let local = socket.local_inet()?.ip();
            let Role::Mailbox(mailbox) = &socket.role else {
                return None;
            };
            let at = match local {
                ip if ip == to.ip() => 2,
                ip if ip.is_unspecified() && family(ip) == family(to.ip()) => 1,
                ip if ip.is_unspecified() && family(ip) == Family::V6 => 0,
                _ => return None,
            };
            match &mailbox.peer {
                None => Some(at),
                Some(Peer::Inet(peer)) if packet.from == Addr::Inet(*peer) => Some(at + 3),
                Some(_) => None,
            }
        };
        let bound = self.at_port(there, Transport::Datagram, to.port());
        let fitting: Vec<_> = bound
            .iter()
            .filter_map(|id| Some((fits(self.sockets.get(id)?)?, *id)))
            .collect();
        let best = fitting.iter().map(|(fit, _)| *fit).max()?;
        let best: Vec<_> = fitting.iter().filter(|(fit, _)| *fit == best).collect();
        match best[..] {
            [(_, only)] => Some(*only),
            _ => self.rng.choice(&best).map(|(_, id)| *id),
        }
    }

    /// The host has nobody at that port, and says so to a sender who is connected.
    fn nobody_is_there(&mut self, packet: Packet, there: HostId) {
        self.dropped(&packet);
        if !self.links.is_lost(there, packet.from_host, &mut self.rng) {
            let latency = self.links.latency(there, packet.from_host, &mut self.rng);
            let at = self.now() + latency;
            self.schedule.add(at, Due::Unreachable(Box::new(packet)));
        }
    }

    pub(super) fn unreachable_arrives(&mut self, packet: &Packet) {
        let Destination::Inet(Some(there), to) = packet.to else {
            return;
        };
        if self.links.is_cut(packet.from_host, there) {
            return;
        }
        let Some(Ok(mailbox)) = (self.sockets.get_mut(&packet.sender)).map(Socket::mailbox) else {
            return;
        };
        if mailbox.peer == Some(Peer::Inet(to)) {
            mailbox.error = Some(Errno::ConnectionRefused);
            self.tell(packet.sender, Readiness::BOTH);
        }
    }

    /// Connects a socket of datagrams of the internet: it hears and speaks to one address only.
    pub(super) fn connect_mailbox(&mut self, id: SocketId, to: &Addr) -> Answer<()> {
        let to = to_home(self.socket(id)?.understood(to)?);
        self.bind_somewhere(id)?;
        let (_, from) = self.sent_from(id, to.ip())?;
        let socket = self.socket(id)?;
        socket.local = Some(Addr::Inet(from));
        socket.mailbox()?.peer = Some(Peer::Inet(to));
        Ok(())
    }

    fn dropped(&mut self, packet: &Packet) {
        self.note_dropped(packet.from_host, packet.bytes.len());
    }

    fn note_dropped(&mut self, from: HostId, bytes: usize) {
        self.statistics.datagrams_dropped += 1;
        self.note(NetworkEvent::DatagramDropped {
            from: from.0,
            bytes,
        });
    }
}

/// "Any address" as a destination is the host itself.
fn to_home(to: SocketAddr) -> SocketAddr {
    SocketAddr::new(home_of(to.ip()), to.port())
}
