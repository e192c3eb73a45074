//! How a connection is made: the client knocks, the listener's host answers, the client confirms.
//!
//! # Implementation
//!
//! ```text
//!    client                         server
//!    connect ── Knock ────────────► a place in the backlog
//!            ◄────────────── Open ──┤  or Refusal, or nothing at all: backlog full, lost, cut off
//!    open    ── Open ─────────────► in the queue, then whatever the client has sent
//! ```
//!
//! A knock that is not answered is repeated, after a second and then twice as long each time. The
//! two `Open` are segments of the connection and as reliable as any.
//!
//! # References
//!
//! - `tcp(7)`: `tcp_syn_retries`, six by default, which makes 127 seconds.
//! - `listen(2)` on what a full backlog does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hob_core::sys::Addr;
use hob_core::{Instant, Readiness};

use super::connection::{Connection, ConnectionId, End, Medium, Owner, Payload, Phase};
use super::errno::{Answer, Errno};
use super::event::{ConnectionEnd, NetworkEvent};
use super::host::{HostId, family};
use super::socket::{Listener, Role, Socket, SocketId, Transport};
use super::state::{Due, State};

/// How often a knock is repeated.
const KNOCKS_MAX: u32 = 6;
const KNOCK_AGAIN: Duration = Duration::from_secs(1);
/// After how long an address that nobody has counts as unreachable.
const UNREACHABLE_AFTER: Duration = Duration::from_secs(3);

const CLIENT: ConnectionEnd = ConnectionEnd::Client;
const SERVER: ConnectionEnd = ConnectionEnd::Server;

impl State {
    /// Starts to connect a stream of the internet.
    pub(super) fn connect_inet(&mut self, id: SocketId, to: &Addr) -> Answer<()> {
        if let Some(answer) = self.continue_connect(id)? {
            return answer;
        }
        let socket = self.socket(id)?;
        let (host, to) = (socket.host, socket.understood(to)?);
        let to = SocketAddr::new(home_of(to.ip()), to.port());
        if is_group(to.ip()) {
            return Err(Errno::NetworkUnreachable);
        }
        let from = self.source_for(id, to.ip())?;
        let there = self.host_at(host, to.ip());
        let begun = self.now();
        let connection = self.add_connection(Connection::new(
            Medium::Tcp,
            begun,
            End::new(host, Addr::Inet(from), Owner::Socket(id), Phase::Opening),
            End::new(
                there.unwrap_or(host),
                Addr::Inet(to),
                Owner::Nobody,
                Phase::Opening,
            ),
        ));
        self.socket(id)?.role = Role::End(connection, CLIENT);
        if there.is_some() {
            self.send_knock(connection, 0, begun);
        } else {
            let due = Due::NoAnswer(connection, Errno::HostUnreachable);
            self.set_attempt(connection, begun + UNREACHABLE_AFTER, due);
        }
        Err(Errno::WouldBlock)
    }

    /// What a `connect` says on a socket that is not new; `None` if it starts from the beginning.
    fn continue_connect(&mut self, id: SocketId) -> Answer<Option<Answer<()>>> {
        let (connection, at) = match &self.socket(id)?.role {
            Role::Idle => return Ok(None),
            Role::End(connection, at) => (*connection, *at),
            Role::Listener(_) | Role::Mailbox(_) => return Err(Errno::IsConnected),
        };
        let Some(end) = self.connections.get_mut(&connection).map(|it| &mut it[at]) else {
            return Ok(None);
        };
        match (end.phase, end.was_open) {
            (Phase::Opening, _) => Err(Errno::WouldBlock),
            (_, true) if at == CLIENT && !end.was_told => {
                end.was_told = true;
                Ok(Some(Ok(())))
            }
            (_, true) => Err(Errno::IsConnected),
            (_, false) => {
                let error = end.error.take();
                end.owner = Owner::Nobody;
                self.socket(id)?.role = Role::Idle;
                self.tidy(connection);
                error.map_or(Ok(None), Err)
            }
        }
    }

    /// The address that a connection to `to` comes from; binds the socket if it is not.
    fn source_for(&mut self, id: SocketId, to: IpAddr) -> Answer<SocketAddr> {
        let socket = self.socket(id)?;
        let (host, bound) = (socket.host, socket.local_inet());
        let usual = if to.is_loopback() || HostId::of(to) == Some(host) {
            to
        } else {
            host.ip(to)
        };
        let from = match bound {
            Some(bound) if !bound.ip().is_unspecified() => {
                if bound.is_ipv4() != to.is_ipv4() || bound.ip().is_loopback() && !to.is_loopback()
                {
                    return Err(Errno::InvalidInput);
                }
                return Ok(bound);
            }
            Some(bound) => SocketAddr::new(usual, bound.port()),
            None => {
                let full = Errno::AddressNotAvailable;
                let host = self.host_state(host);
                let port = host.free_port(Transport::Stream, full)?;
                host.take_port(Transport::Stream, port, id);
                SocketAddr::new(usual, port)
            }
        };
        self.socket(id)?.local = Some(Addr::Inet(from));
        Ok(from)
    }

    /// The host that an address means, as seen from `here`.
    pub(super) fn host_at(&self, here: HostId, ip: IpAddr) -> Option<HostId> {
        if ip.is_loopback() || ip.is_unspecified() {
            return Some(here);
        }
        HostId::of(ip).filter(|host| host.index() < self.hosts.len())
    }

    pub(super) fn add_connection(&mut self, connection: Connection) -> ConnectionId {
        let id = ConnectionId(self.connections_begun);
        self.connections_begun += 1;
        self.connections.insert(id, connection);
        id
    }

    /// Knocks for the so manieth time, at `at`.
    fn send_knock(&mut self, id: ConnectionId, attempt: u32, at: Instant) {
        let Some((here, there)) = self.hosts_of(id) else {
            return;
        };
        let delay = self.links.latency(here, there, &mut self.rng);
        self.set_attempt(id, at + delay, Due::Knock(id, attempt));
    }

    /// A knock arrives, unless something is in its way.
    pub(super) fn knock(&mut self, id: ConnectionId, attempt: u32) {
        let Some((here, there)) = self.hosts_of(id) else {
            return;
        };
        let is_heard =
            !self.links.is_cut(here, there) && !self.links.is_lost(here, there, &mut self.rng);
        if !is_heard {
            return self.knock_again(id, attempt);
        }
        let Some(listener) = self.listener_for(id) else {
            let at = self.now() + self.links.latency(there, here, &mut self.rng);
            return self.set_attempt(id, at, Due::Refusal(id, attempt));
        };
        let Some(Role::Listener(places)) = self.sockets.get_mut(&listener).map(|it| &mut it.role)
        else {
            return;
        };
        if places.is_full() {
            return self.knock_again(id, attempt);
        }
        places.opening += 1;
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.attempt = None;
            connection[SERVER].owner = Owner::Queue(listener);
            self.push(id, SERVER, Payload::Open);
        }
    }

    /// Nobody has answered: the client tries again, or gives up.
    fn knock_again(&mut self, id: ConnectionId, attempt: u32) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let after = KNOCK_AGAIN * ((2 << attempt) - 1);
        let at = (connection.begun + after).max(self.now());
        if attempt < KNOCKS_MAX {
            self.send_knock(id, attempt + 1, at);
        } else {
            self.set_attempt(id, at, Due::NoAnswer(id, Errno::TimedOut));
        }
    }

    /// The answer that nobody listens arrives, unless something is in its way.
    pub(super) fn refusal(&mut self, id: ConnectionId, attempt: u32) {
        let Some((here, there)) = self.hosts_of(id) else {
            return;
        };
        if self.links.is_cut(here, there) || self.links.is_lost(there, here, &mut self.rng) {
            return self.knock_again(id, attempt);
        }
        self.no_answer(id, Errno::ConnectionRefused);
    }

    /// A connection is not made.
    pub(super) fn no_answer(&mut self, id: ConnectionId, errno: Errno) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        self.schedule.cancel(&mut connection.attempt);
        self.statistics.connections_failed += 1;
        self.note(NetworkEvent::ConnectFailed {
            connection: id.0,
            refused: errno == Errno::ConnectionRefused,
        });
        self.break_end(id, CLIENT, errno);
        self.tidy(id);
    }

    /// The answer to the client's knock is under way and cannot pass: the client has its own patience.
    pub(super) fn stop_waiting_for_answer(&mut self, id: ConnectionId) {
        let now = self.now();
        if let Some(connection) = self.connections.get(&id)
            && connection[CLIENT].phase == Phase::Opening
            && connection.attempt.is_none()
        {
            let at = connection.begun + KNOCK_AGAIN * ((2 << KNOCKS_MAX) - 1);
            let due = Due::NoAnswer(id, Errno::TimedOut);
            self.set_attempt(id, at.max(now), due);
        }
    }

    /// The client does not want the connection any more.
    pub(super) fn stop_connecting(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            self.schedule.cancel(&mut connection.attempt);
            connection[CLIENT].phase = Phase::Closed;
        }
    }

    /// The other side's part of the handshake arrives at an end.
    pub(super) fn opened(&mut self, id: ConnectionId, at: ConnectionEnd) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let end = &mut connection[at];
        if end.phase != Phase::Opening {
            return self.reset(id, at);
        }
        end.phase = Phase::Open;
        end.was_open = true;
        if at == CLIENT {
            self.schedule.cancel(&mut connection.attempt);
            self.push(id, CLIENT, Payload::Open);
            return self.tell_end(id, CLIENT, Readiness::WRITABLE);
        }
        let owner = end.owner;
        self.made(id);
        if let Owner::Queue(listener) = owner {
            self.leave_backlog(listener);
            self.join_queue(listener, id);
        }
    }

    /// Notes that a connection is made.
    pub(super) fn made(&mut self, id: ConnectionId) {
        self.statistics.connections_made += 1;
        self.note(NetworkEvent::Connected { connection: id.0 });
    }

    /// A connection waits to be accepted.
    pub(super) fn join_queue(&mut self, listener: SocketId, id: ConnectionId) {
        if let Some(Ok(Listener { queue, .. })) =
            self.sockets.get_mut(&listener).map(Socket::listener)
        {
            queue.push_back(id);
            self.tell(listener, Readiness::READABLE);
        }
    }

    /// Takes the next connection out of the queue.
    pub(super) fn accept(&mut self, id: SocketId) -> Answer<(SocketId, Addr)> {
        let socket = self.socket(id)?;
        let (host, family, options) = (socket.host, socket.family, socket.options);
        // As in Linux: the limit counts before anything else.
        self.check_limit(host, 1)?;
        let listener = self.socket(id)?.listener()?;
        let connection_id = listener.queue.pop_front().ok_or(Errno::WouldBlock)?;
        let connection = self.connections.get(&connection_id);
        let connection = connection.ok_or(Errno::ConnectionAborted)?;
        let (local, peer) = (
            connection[SERVER].addr.clone(),
            connection[CLIENT].addr.clone(),
        );
        let mut accepted = Socket::new(host, family, Transport::Stream);
        accepted.options = options;
        let shown = accepted.shown(&peer);
        accepted.local = Some(local).filter(|local| *local != Addr::Unnamed);
        accepted.role = Role::End(connection_id, SERVER);
        let port = accepted.local_inet().map(|addr| addr.port());
        let accepted = self.add_socket(accepted);
        if let Some(port) = port {
            let host = self.host_state(host);
            host.take_port(Transport::Stream, port, accepted);
        }
        if let Some(connection) = self.connections.get_mut(&connection_id) {
            connection[SERVER].owner = Owner::Socket(accepted);
        }
        Ok((accepted, shown))
    }

    /// A listener is closed: those who are in its queue, or on the way there, are turned away.
    pub(super) fn drop_queue(
        &mut self,
        listener: SocketId,
        queue: impl IntoIterator<Item = ConnectionId>,
    ) {
        let on_the_way = self.connections.iter().filter(|(_, connection)| {
            connection[SERVER].owner == Owner::Queue(listener) && !connection[SERVER].was_open
        });
        let all: Vec<_> = queue
            .into_iter()
            .chain(on_the_way.map(|(id, _)| *id))
            .collect();
        for id in all {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection[SERVER].owner = Owner::Nobody;
                if connection[SERVER].phase != Phase::Closed {
                    self.reset(id, SERVER);
                }
                self.tidy(id);
            }
        }
    }

    /// The listener that a client has knocked at: one of several that share the port.
    fn listener_for(&mut self, id: ConnectionId) -> Option<SocketId> {
        let end = &self.connections.get(&id)?[SERVER];
        let Addr::Inet(to) = end.addr else {
            return None;
        };
        let there = self.at_port(end.host, Transport::Stream, to.port());
        let listens_at = |id: &SocketId, at: fn(IpAddr, IpAddr) -> bool| {
            self.sockets.get(id).is_some_and(|socket| {
                matches!(socket.role, Role::Listener(_))
                    && socket
                        .local_inet()
                        .is_some_and(|local| at(local.ip(), to.ip()))
            })
        };
        let listeners = |at: fn(IpAddr, IpAddr) -> bool| -> Vec<SocketId> {
            let found = there.iter().filter(|id| listens_at(id, at));
            found.copied().collect()
        };
        // Whoever listens at the very address comes before those who listen at all of them.
        let found = [
            |local: IpAddr, to: IpAddr| local == to,
            |local: IpAddr, to: IpAddr| local.is_unspecified() && family(local) == family(to),
            |local: IpAddr, _: IpAddr| local.is_unspecified() && local.is_ipv6(),
        ]
        .into_iter()
        .map(listeners)
        .find(|found| !found.is_empty())?;
        match found[..] {
            [only] => Some(only),
            _ => self.rng.choice(&found).copied(),
        }
    }

    fn hosts_of(&self, id: ConnectionId) -> Option<(HostId, HostId)> {
        let connection = self.connections.get(&id)?;
        Some((connection[CLIENT].host, connection[SERVER].host))
    }

    fn set_attempt(&mut self, id: ConnectionId, at: Instant, due: Due) {
        if let Some(connection) = self.connections.get_mut(&id) {
            self.schedule.cancel(&mut connection.attempt);
            connection.attempt = Some(self.schedule.add(at, due));
        }
    }
}

/// Where a connection to "any address" goes: to the host itself, as in Linux.
pub(super) fn home_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

fn is_group(ip: IpAddr) -> bool {
    ip.is_multicast() || matches!(ip, IpAddr::V4(ip) if ip.is_broadcast())
}
