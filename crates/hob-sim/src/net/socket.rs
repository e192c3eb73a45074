//! A socket: what a virtual descriptor stands for.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hob_core::sys::{Addr, Family, SocketKind, SocketOption};
use hob_core::{IoSource, Readiness};

use super::connection::ConnectionId;
use super::datagram::Mailbox;
use super::errno::{Answer, Errno};
use super::event::ConnectionEnd;
use super::host::HostId;

/// A socket, by the number that it got in its simulation.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct SocketId(pub(super) u64);

/// What a virtual descriptor stands for.
pub(super) struct Socket {
    /// The host that was the current one when it was opened.
    pub(super) host: HostId,
    pub(super) family: Family,
    pub(super) transport: Transport,
    pub(super) options: Options,
    /// What it is bound to. An internet address is never one of version 4 in the clothes of 6.
    pub(super) local: Option<Addr>,
    pub(super) role: Role,
    pub(super) watch: Option<Watch>,
}

/// What carries it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Transport {
    Stream,
    Datagram,
}

/// What a socket does.
pub(super) enum Role {
    /// A stream that is neither connected nor listening.
    Idle,
    Listener(Listener),
    /// One end of a connection that is being made, is made, or has broken.
    End(ConnectionId, ConnectionEnd),
    Mailbox(Mailbox),
}

/// What waits to be accepted.
pub(super) struct Listener {
    /// How many may wait.
    pub(super) backlog: usize,
    /// Connections that are being made, and will stand in the queue.
    pub(super) opening: usize,
    /// Connections that are made, in order of arrival.
    pub(super) queue: VecDeque<ConnectionId>,
}

/// Who watches a socket.
pub(super) struct Watch {
    pub(super) key: u64,
    pub(super) source: Arc<IoSource>,
    /// What it will be told next.
    pub(super) news: Readiness,
}

/// The options of a socket, as they were set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    no_delay: bool,
    ttl: u32,
    linger: Option<Duration>,
    pub(super) reuse_address: bool,
    pub(super) reuse_port: bool,
    keep_alive: bool,
}

/// What Linux starts with.
const TTL: u32 = 64;

impl Socket {
    pub(super) fn new(host: HostId, family: Family, transport: Transport) -> Self {
        Self {
            host,
            family,
            transport,
            options: Options::new(),
            local: None,
            role: match transport {
                Transport::Stream => Role::Idle,
                Transport::Datagram => Role::Mailbox(Mailbox::new()),
            },
            watch: None,
        }
    }

    pub(super) fn is_unix(&self) -> bool {
        self.family == Family::Unix
    }

    /// The internet address that it is bound to.
    pub(super) fn local_inet(&self) -> Option<SocketAddr> {
        match self.local {
            Some(Addr::Inet(addr)) => Some(addr),
            _ => None,
        }
    }

    /// The addresses that two sockets are bound to may both be had.
    pub(super) fn shares_with(&self, other: &Self) -> bool {
        let listens = matches!(other.role, Role::Listener(_));
        let both = |of: fn(&Options) -> bool| of(&self.options) && of(&other.options);
        both(|options| options.reuse_port) || both(|options| options.reuse_address) && !listens
    }

    /// An internet address as a socket of this family shows it.
    pub(super) fn shown(&self, addr: &Addr) -> Addr {
        match addr {
            Addr::Inet(SocketAddr::V4(v4)) if self.family == Family::V6 => {
                Addr::Inet((v4.ip().to_ipv6_mapped(), v4.port()).into())
            }
            other => other.clone(),
        }
    }

    /// An internet address that a program gave to a socket of this family.
    pub(super) fn understood(&self, addr: &Addr) -> Answer<SocketAddr> {
        let Addr::Inet(addr) = addr else {
            return Err(Errno::InvalidInput);
        };
        let plain = SocketAddr::new(addr.ip().to_canonical(), addr.port());
        match (addr, self.family) {
            (SocketAddr::V4(_), Family::V4) | (SocketAddr::V6(_), Family::V6) => Ok(plain),
            (SocketAddr::V6(_), Family::V4) => Err(Errno::AddressFamilyNotSupported),
            _ => Err(Errno::InvalidInput),
        }
    }

    pub(super) fn mailbox(&mut self) -> Answer<&mut Mailbox> {
        match &mut self.role {
            Role::Mailbox(mailbox) => Ok(mailbox),
            _ => Err(Errno::NotSupported),
        }
    }

    pub(super) fn listener(&mut self) -> Answer<&mut Listener> {
        match &mut self.role {
            Role::Listener(listener) => Ok(listener),
            _ => Err(Errno::InvalidInput),
        }
    }

    pub(super) fn set_option(&mut self, option: SocketOption) -> Answer<()> {
        self.check_option(option)?;
        let options = &mut self.options;
        match option {
            SocketOption::NoDelay(on) => options.no_delay = on,
            SocketOption::Ttl(hops @ 1..=255) => options.ttl = hops,
            SocketOption::Ttl(_) => return Err(Errno::InvalidInput),
            SocketOption::Linger(time) => {
                options.linger = time.map(|time| Duration::from_secs(time.as_secs()));
            }
            SocketOption::ReuseAddress(on) => options.reuse_address = on,
            SocketOption::ReusePort(on) => options.reuse_port = on,
            SocketOption::KeepAlive(on) => options.keep_alive = on,
            _ => return Err(Errno::NoSuchOption),
        }
        Ok(())
    }

    pub(super) fn option(&self, option: SocketOption) -> Answer<SocketOption> {
        self.check_option(option)?;
        let options = &self.options;
        Ok(match option {
            SocketOption::NoDelay(_) => SocketOption::NoDelay(options.no_delay),
            SocketOption::Ttl(_) => SocketOption::Ttl(options.ttl),
            SocketOption::Linger(_) => SocketOption::Linger(options.linger),
            SocketOption::ReuseAddress(_) => SocketOption::ReuseAddress(options.reuse_address),
            SocketOption::ReusePort(_) => SocketOption::ReusePort(options.reuse_port),
            SocketOption::KeepAlive(_) => SocketOption::KeepAlive(options.keep_alive),
            _ => return Err(Errno::NoSuchOption),
        })
    }

    /// Whether this socket has such an option.
    fn check_option(&self, option: SocketOption) -> Answer<()> {
        match option {
            SocketOption::NoDelay(_) | SocketOption::Ttl(_) if self.is_unix() => {
                Err(Errno::NotSupported)
            }
            SocketOption::NoDelay(_) if self.transport == Transport::Datagram => {
                Err(Errno::NoSuchOption)
            }
            _ => Ok(()),
        }
    }
}

impl Listener {
    pub(super) const fn new(backlog: usize) -> Self {
        Self {
            backlog,
            opening: 0,
            queue: VecDeque::new(),
        }
    }

    /// As in Linux, one more than the backlog may wait.
    pub(super) fn is_full(&self) -> bool {
        self.opening + self.queue.len() > self.backlog
    }
}

impl Options {
    const fn new() -> Self {
        Self {
            no_delay: false,
            ttl: TTL,
            linger: None,
            reuse_address: false,
            reuse_port: false,
            keep_alive: false,
        }
    }

    /// Whether a close throws away what is not sent, and resets the connection.
    pub(super) fn resets_on_close(&self) -> bool {
        self.linger == Some(Duration::ZERO)
    }
}

impl TryFrom<SocketKind> for Transport {
    type Error = Errno;

    fn try_from(kind: SocketKind) -> Answer<Self> {
        match kind {
            SocketKind::Stream => Ok(Self::Stream),
            SocketKind::Datagram => Ok(Self::Datagram),
            _ => Err(Errno::NotSupported),
        }
    }
}
