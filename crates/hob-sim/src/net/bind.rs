//! Which socket has which address, who listens, and what names mean.
//!
//! # References
//!
//! - `bind(2)`, `listen(2)`, and `socket(7)` on `SO_REUSEADDR` and `SO_REUSEPORT`. What a connection
//!   leaves behind when it is closed (`TIME_WAIT`) does not keep its port here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hob_core::sys::{Addr, End, Family};

use super::connection::{ConnectionId, Medium, Phase};
use super::errno::{Answer, Errno};
use super::event::ConnectionEnd;
use super::host::HostId;
use super::socket::{Listener, Role, Socket, SocketId};
use super::state::State;

impl State {
    pub(super) fn bind(&mut self, id: SocketId, addr: &Addr) -> Answer<()> {
        let socket = self.socket(id)?;
        if socket.local.is_some() || !matches!(socket.role, Role::Idle | Role::Mailbox(_)) {
            return Err(Errno::InvalidInput);
        }
        if socket.is_unix() {
            return self.bind_path(id, addr);
        }
        let addr = socket.understood(addr)?;
        self.bind_inet(id, addr)
    }

    fn bind_inet(&mut self, id: SocketId, addr: SocketAddr) -> Answer<()> {
        let socket = self.socket(id)?;
        let (host, transport, ip) = (socket.host, socket.transport, addr.ip());
        let is_ours = ip.is_unspecified() || ip.is_loopback() || HostId::of(ip) == Some(host);
        if !is_ours {
            return Err(Errno::AddressNotAvailable);
        }
        let port = match addr.port() {
            0 => self
                .host_state(host)
                .free_port(transport, Errno::AddressInUse)?,
            port => port,
        };
        let addr = SocketAddr::new(ip, port);
        self.check_free(id, addr, Socket::shares_with)?;
        self.host_state(host).take_port(transport, port, id);
        self.socket(id)?.local = Some(Addr::Inet(addr));
        Ok(())
    }

    /// Fails if another socket has that address and the two do not share it.
    fn check_free(
        &self,
        id: SocketId,
        addr: SocketAddr,
        share: impl Fn(&Socket, &Socket) -> bool,
    ) -> Answer<()> {
        let socket = self.sockets.get(&id).ok_or(Errno::InvalidInput)?;
        let users = self.at_port(socket.host, socket.transport, addr.port());
        let others = users.iter().filter(|user| **user != id);
        let clashes = others
            .filter_map(|other| self.sockets.get(other))
            .any(|other| {
                let overlaps = |it: SocketAddr| overlap(it.ip(), addr.ip());
                other.local_inet().is_some_and(overlaps) && !share(socket, other)
            });
        if clashes {
            Err(Errno::AddressInUse)
        } else {
            Ok(())
        }
    }

    /// Binds a socket to a free port, if it has none.
    pub(super) fn bind_somewhere(&mut self, id: SocketId) -> Answer<()> {
        let socket = self.socket(id)?;
        if socket.local.is_some() || socket.is_unix() {
            return Ok(());
        }
        let any = match socket.family {
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        };
        self.bind_inet(id, SocketAddr::new(any, 0))
    }

    pub(super) fn listen(&mut self, id: SocketId, backlog: u32) -> Answer<()> {
        let backlog = usize::try_from(backlog).unwrap_or(usize::MAX);
        let socket = self.socket(id)?;
        match &mut socket.role {
            Role::Listener(listener) => {
                listener.backlog = backlog;
                return Ok(());
            }
            Role::Idle => {}
            Role::End(..) => return Err(Errno::InvalidInput),
            Role::Mailbox(_) => return Err(Errno::NotSupported),
        }
        if socket.is_unix() && socket.local.is_none() {
            return Err(Errno::InvalidInput);
        }
        self.bind_somewhere(id)?;
        if let Some(addr) = self.socket(id)?.local_inet() {
            // Who has bound to the same address may not listen there as well.
            self.check_free(id, addr, |socket, other| {
                socket.shares_with(other) || !matches!(other.role, Role::Listener(_))
            })?;
        }
        self.socket(id)?.role = Role::Listener(Listener::new(backlog));
        Ok(())
    }

    /// Gives up what a closed socket was bound to.
    pub(super) fn release_address(&mut self, id: SocketId, socket: &Socket) {
        let host = self.host_state(socket.host);
        match &socket.local {
            Some(Addr::Inet(addr)) => host.leave_port(socket.transport, addr.port(), id),
            // The file stays, and leads nowhere.
            Some(Addr::Unix(path)) => {
                if let Some(owner) = host.paths.get_mut(path)
                    && *owner == Some(id)
                {
                    *owner = None;
                }
            }
            _ => {}
        }
    }

    /// The address of one end of a socket.
    pub(super) fn addr(&self, id: SocketId, which: End) -> Answer<Addr> {
        let socket = self.sockets.get(&id).ok_or(Errno::InvalidInput)?;
        if which == End::Local {
            let none = match socket.family {
                Family::V4 => Addr::Inet((Ipv4Addr::UNSPECIFIED, 0).into()),
                Family::V6 => Addr::Inet((Ipv6Addr::UNSPECIFIED, 0).into()),
                _ => Addr::Unnamed,
            };
            return Ok(socket.local.as_ref().map_or(none, |it| socket.shown(it)));
        }
        let peer = match &socket.role {
            Role::Idle | Role::Listener(_) => None,
            Role::End(connection, at) => self.peer_of(*connection, *at),
            Role::Mailbox(mailbox) => mailbox.peer_addr(),
        };
        let peer = peer.ok_or(Errno::NotConnected)?;
        Ok(socket.shown(&peer))
    }

    fn peer_of(&self, id: ConnectionId, at: ConnectionEnd) -> Option<Addr> {
        let connection = self.connections.get(&id)?;
        let is_there = match connection.medium {
            Medium::Tcp => connection[at].phase == Phase::Open,
            Medium::Unix => true,
        };
        is_there.then(|| connection[at.other()].addr.clone())
    }

    /// What a name means.
    pub(super) fn lookup(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let both = |v4: Ipv4Addr, v6: Ipv6Addr| {
            vec![SocketAddr::from((v4, port)), SocketAddr::from((v6, port))]
        };
        if let Ok(ip) = name.parse::<IpAddr>() {
            return Ok(vec![(ip, port).into()]);
        }
        if name.eq_ignore_ascii_case("localhost") {
            return Ok(both(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST));
        }
        self.find_host(name)
            .map(|host| both(host.v4(), host.v6()))
            .ok_or_else(|| {
                let words = "failed to lookup address information: Name or service not known";
                io::Error::other(words)
            })
    }
}

/// Whether something that is sent to one address could be meant for the other.
fn overlap(one: IpAddr, other: IpAddr) -> bool {
    let covers = |wide: IpAddr, ip: IpAddr| {
        wide.is_unspecified() && (wide.is_ipv6() || wide.is_ipv4() == ip.is_ipv4())
    };
    one == other || covers(one, other) || covers(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, expected: bool) {
        let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
        assert_eq!(overlap(one, other), expected);
        assert_eq!(overlap(other, one), expected);
    }

    #[test]
    fn any_address_overlaps_all_of_its_family_and_that_of_version_6_all() {
        check("127.0.0.1", "127.0.0.1", true);
        check("127.0.0.1", "10.0.0.1", false);
        check("0.0.0.0", "10.0.0.1", true);
        check("0.0.0.0", "::1", false);
        check("::", "::1", true);
        check("::", "10.0.0.1", true);
        check("::", "0.0.0.0", true);
    }
}
