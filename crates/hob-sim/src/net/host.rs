//! The hosts of a network: names, addresses, ports, and how many sockets each may open.
//!
//! # Implementation
//!
//! Addresses are dealt in the order in which hosts are made, so a number leads to the address and back.
//! A port knows the sockets that are bound to it; which of them clash is decided in
//! [`bind`](super::bind), which knows the sockets.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;

use hob_core::sys::Family;

use super::errno::{Answer, Errno};
use super::socket::{SocketId, Transport};

/// A host of the running simulation, by its number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct HostId(pub(super) u32);

/// What is known of one host.
pub(super) struct HostState {
    pub(super) name: Arc<str>,
    /// How many sockets it may have open.
    pub(super) descriptors_max: usize,
    pub(super) descriptors: usize,
    ports: BTreeMap<(Transport, u16), Vec<SocketId>>,
    /// Where the search for a free port goes on, for each transport.
    next_port: [u16; 2],
    /// Who is bound to a path of the Unix domain; `None` when that socket is closed.
    pub(super) paths: BTreeMap<PathBuf, Option<SocketId>>,
}

/// Ports from here up are given to whoever does not care.
const EPHEMERAL: u16 = 49152;
/// How many addresses `10.0.a.b` are dealt in one `a`: neither the first nor the last.
const IN_BLOCK: u32 = 254;
pub(super) const HOSTS_MAX: u32 = IN_BLOCK * 256;

impl HostId {
    /// Where the main future runs.
    pub(crate) const MAIN: Self = Self(0);

    /// The one at that place in the order of making; `None` beyond the last possible.
    pub(super) fn at(index: usize) -> Option<Self> {
        let number = u32::try_from(index).ok().filter(|it| *it < HOSTS_MAX);
        number.map(Self)
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(super) const fn v4(self) -> Ipv4Addr {
        let (block, place) = (self.0 / IN_BLOCK, self.0 % IN_BLOCK + 1);
        Ipv4Addr::new(10, 0, block as u8, place as u8)
    }

    pub(super) const fn v6(self) -> Ipv6Addr {
        let number = self.0 + 1;
        let (high, low) = ((number >> 16) as u16, number as u16);
        Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, high, low)
    }

    /// Its address of that family.
    pub(super) fn ip(self, like: IpAddr) -> IpAddr {
        match like {
            IpAddr::V4(_) => self.v4().into(),
            IpAddr::V6(_) => self.v6().into(),
        }
    }

    /// The host that has an address, were there enough hosts.
    pub(super) fn of(ip: IpAddr) -> Option<Self> {
        match ip {
            IpAddr::V4(ip) => match ip.octets() {
                [10, 0, block, place @ 1..=254] => {
                    Some(Self(u32::from(block) * IN_BLOCK + u32::from(place) - 1))
                }
                _ => None,
            },
            IpAddr::V6(ip) => match ip.segments() {
                [0xfd00, 0, 0, 0, 0, 0, high, low] => {
                    let number = u32::from(high) << 16 | u32::from(low);
                    number.checked_sub(1).map(Self)
                }
                _ => None,
            },
        }
    }
}

impl HostState {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            descriptors_max: usize::MAX,
            descriptors: 0,
            ports: BTreeMap::new(),
            next_port: [EPHEMERAL; 2],
            paths: BTreeMap::new(),
        }
    }

    /// Those who are bound to a port.
    pub(super) fn at_port(&self, transport: Transport, port: u16) -> &[SocketId] {
        self.ports
            .get(&(transport, port))
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn take_port(&mut self, transport: Transport, port: u16, socket: SocketId) {
        let users = self.ports.entry((transport, port)).or_default();
        users.push(socket);
    }

    pub(super) fn leave_port(&mut self, transport: Transport, port: u16, socket: SocketId) {
        let key = (transport, port);
        if let Some(users) = self.ports.get_mut(&key) {
            users.retain(|user| *user != socket);
            if users.is_empty() {
                self.ports.remove(&key);
            }
        }
    }

    /// A port that nobody is bound to; `full` if there is none.
    pub(super) fn free_port(&mut self, transport: Transport, full: Errno) -> Answer<u16> {
        let next = self.next_port[transport as usize];
        let ports = (next..=u16::MAX).chain(EPHEMERAL..next);
        let free = ports
            .into_iter()
            .find(|port| self.at_port(transport, *port).is_empty());
        let free = free.ok_or(full)?;
        let after = free.checked_add(1).unwrap_or(EPHEMERAL);
        self.next_port[transport as usize] = after;
        Ok(free)
    }
}

/// The family that an address is of.
pub(super) fn family(ip: IpAddr) -> Family {
    match ip {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_by_its_addresses() {
        for number in [0, 1, 253, 254, 255, 65_023] {
            let id = HostId(number);
            assert_eq!(HostId::of(id.v4().into()), Some(id), "{}", id.v4());
            assert_eq!(HostId::of(id.v6().into()), Some(id), "{}", id.v6());
        }
        assert_eq!(HostId::MAIN.v4().to_string(), "10.0.0.1");
        assert_eq!(HostId(254).v4().to_string(), "10.0.1.1");
        assert_eq!(HostId::MAIN.v6().to_string(), "fd00::1");
    }

    #[test]
    fn what_was_not_dealt_is_no_host() {
        for text in [
            "10.0.0.0",
            "10.0.0.255",
            "10.1.0.1",
            "127.0.0.1",
            "fd00::",
            "::1",
        ] {
            assert_eq!(HostId::of(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn free_ports_come_in_order_and_begin_again_at_the_end() {
        let mut host = HostState::new("h".into());
        let mut take = |number: u64| {
            let port = host.free_port(Transport::Stream, Errno::AddressInUse)?;
            host.take_port(Transport::Stream, port, SocketId(number));
            Ok(port)
        };
        let all = u64::from(u16::MAX - EPHEMERAL) + 1;
        assert_eq!((take(0), take(1)), (Ok(EPHEMERAL), Ok(EPHEMERAL + 1)));
        assert_eq!((2..all).map(&mut take).last(), Some(Ok(u16::MAX)));
        assert_eq!(take(all), Err(Errno::AddressInUse));
        host.leave_port(Transport::Stream, EPHEMERAL + 1, SocketId(1));
        let free = host.free_port(Transport::Stream, Errno::AddressInUse);
        assert_eq!(free, Ok(EPHEMERAL + 1));
        let other = host.free_port(Transport::Datagram, Errno::AddressInUse);
        assert_eq!(other, Ok(EPHEMERAL), "each transport has its own ports");
    }
}
