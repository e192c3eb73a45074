//! Everything that a network holds, under its one lock.
//!
//! # Implementation
//!
//! The calls of [`Sys`](hob_core::Sys) and what the schedule brings are methods of [`State`], spread
//! over the modules that say what they do. None of them calls foreign code: what a socket's source is
//! to be told is written down as *news*, and [`advance`](super::Network::advance) tells it when the
//! lock is free. A method may be called on something that is gone by now; it does nothing then.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use fastrand::Rng;
use hob_core::{Instant, IoSource, Readiness};
use hob_time::VirtualClock;

use super::conditions::Conditions;
use super::connection::{Connection, ConnectionId};
use super::datagram::Packet;
use super::errno::{Answer, Errno};
use super::event::{ConnectionEnd, NetworkEvent};
use super::host::{HostId, HostState};
use super::link::Links;
use super::schedule::Schedule;
use super::socket::{Role, Socket, SocketId, Transport};
use super::statistics::NetworkStatistics;
use crate::trace::Trace;

/// Everything that a network holds while a simulation uses it.
pub(super) struct State {
    pub(super) clock: VirtualClock,
    pub(super) rng: Rng,
    pub(super) trace: Arc<Trace>,
    pub(super) conditions: Conditions,
    pub(super) hosts: Vec<HostState>,
    pub(super) current: HostId,
    pub(super) links: Links,
    /// No fault can be made any more.
    pub(super) is_healed: bool,
    /// Nobody drives the network any more.
    pub(super) is_retired: bool,
    pub(super) sockets: BTreeMap<SocketId, Socket>,
    pub(super) sockets_opened: u64,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    pub(super) connections_begun: u64,
    pub(super) schedule: Schedule<Due>,
    /// The sockets whose sources are to be told something.
    pub(super) news: VecDeque<SocketId>,
    pub(super) statistics: NetworkStatistics,
}

/// What is to happen.
pub(super) enum Due {
    /// The first step of a handshake arrives, sent for the so manieth time.
    Knock(ConnectionId, u32),
    /// Nobody listens where it went.
    Refusal(ConnectionId, u32),
    /// A connection is not made, and that is why.
    NoAnswer(ConnectionId, Errno),
    /// The first segment from that end arrives at the other.
    Segment(ConnectionId, ConnectionEnd),
    /// That end has waited too long for the other to acknowledge.
    GiveUp(ConnectionId, ConnectionEnd),
    Datagram(Box<Packet>),
    /// The sender of a datagram hears that nobody was there.
    Unreachable(Box<Packet>),
}

impl State {
    pub(super) fn new(
        seed: u64,
        conditions: Conditions,
        trace: Arc<Trace>,
        clock: VirtualClock,
    ) -> Self {
        Self {
            clock,
            rng: Rng::with_seed(seed),
            trace,
            links: Links::new(conditions.link.clone()),
            conditions,
            hosts: vec![HostState::new("main".into())],
            current: HostId::MAIN,
            is_healed: false,
            is_retired: false,
            sockets: BTreeMap::new(),
            sockets_opened: 0,
            connections: BTreeMap::new(),
            connections_begun: 0,
            schedule: Schedule::new(),
            news: VecDeque::new(),
            statistics: NetworkStatistics::default(),
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(super) fn note(&self, event: NetworkEvent) {
        self.trace.note(event);
    }

    /// When something happens next: at once if somebody is to be told something.
    pub(super) fn next(&self) -> Instant {
        if self.news.is_empty() {
            self.schedule.next()
        } else {
            Instant::from_nanos(0)
        }
    }

    /// Does all that is due at `now`.
    pub(super) fn run(&mut self, now: Instant) {
        while let Some(due) = self.schedule.take_due(now) {
            match due {
                Due::Knock(connection, attempt) => self.knock(connection, attempt),
                Due::Refusal(connection, attempt) => self.refusal(connection, attempt),
                Due::NoAnswer(connection, errno) => self.no_answer(connection, errno),
                Due::Segment(connection, from) => self.arrive(connection, from),
                Due::GiveUp(connection, from) => self.give_up(connection, from),
                Due::Datagram(packet) => self.datagram_arrives(*packet),
                Due::Unreachable(packet) => self.unreachable_arrives(&packet),
            }
        }
    }

    /// Takes out the next source that is to be told something.
    pub(super) fn take_news(&mut self) -> Option<(Arc<IoSource>, Readiness)> {
        while let Some(id) = self.news.pop_front() {
            let watch = self.sockets.get_mut(&id).and_then(|it| it.watch.as_mut());
            if let Some(watch) = watch {
                let news = std::mem::take(&mut watch.news);
                if !news.is_empty() {
                    return Some((Arc::clone(&watch.source), news));
                }
            }
        }
        None
    }

    /// Has the source of a socket told that something became ready.
    pub(super) fn tell(&mut self, id: SocketId, readiness: Readiness) {
        let watch = self.sockets.get_mut(&id).and_then(|it| it.watch.as_mut());
        if let Some(watch) = watch
            && !readiness.is_empty()
        {
            if watch.news.is_empty() {
                self.news.push_back(id);
            }
            watch.news |= readiness;
        }
    }

    /// What can be done with a socket without waiting.
    pub(super) fn readiness(&self, id: SocketId) -> Readiness {
        let Some(socket) = self.sockets.get(&id) else {
            return Readiness::NONE;
        };
        match &socket.role {
            // As in Linux: whatever is tried there fails at once.
            Role::Idle => Readiness::BOTH,
            Role::Listener(listener) if listener.queue.is_empty() => Readiness::NONE,
            Role::Listener(_) => Readiness::READABLE,
            Role::End(connection, at) => {
                let connection = self.connections.get(connection);
                connection.map_or(Readiness::BOTH, |it| {
                    it.readiness(*at, self.conditions.window)
                })
            }
            Role::Mailbox(mailbox) => mailbox.readiness(),
        }
    }

    /// The socket that a program named. The number was checked when the call came in.
    pub(super) fn socket(&mut self, id: SocketId) -> Answer<&mut Socket> {
        self.sockets.get_mut(&id).ok_or(Errno::InvalidInput)
    }

    pub(super) fn host_state(&mut self, host: HostId) -> &mut HostState {
        &mut self.hosts[host.index()]
    }

    /// Fails if the host may not open `count` more sockets.
    pub(super) fn check_limit(&self, host: HostId, count: usize) -> Answer<()> {
        let host = &self.hosts[host.index()];
        match host.descriptors.checked_add(count) {
            Some(all) if all <= host.descriptors_max => Ok(()),
            _ => Err(Errno::TooManyOpenFiles),
        }
    }

    /// Adds a socket to its host; [`check_limit`](Self::check_limit) was asked before.
    pub(super) fn add_socket(&mut self, socket: Socket) -> SocketId {
        let id = SocketId(self.sockets_opened);
        self.sockets_opened += 1;
        self.host_state(socket.host).descriptors += 1;
        self.sockets.insert(id, socket);
        id
    }

    /// Closes a socket; hands out who watched it, to be dropped outside the lock.
    pub(super) fn close(&mut self, id: SocketId) -> Option<Arc<IoSource>> {
        let mut socket = self.sockets.remove(&id)?;
        self.host_state(socket.host).descriptors -= 1;
        self.release_address(id, &socket);
        match &mut socket.role {
            Role::Idle => {}
            Role::Listener(listener) => self.drop_queue(id, std::mem::take(&mut listener.queue)),
            Role::End(connection, at) => {
                self.close_end(*connection, *at, socket.options.resets_on_close());
            }
            Role::Mailbox(mailbox) => self.close_mailbox(mailbox),
        }
        socket.watch.map(|watch| watch.source)
    }

    /// The host of that name; a new one if there is none, and `None` if there are too many.
    pub(super) fn host(&mut self, name: &str) -> Option<HostId> {
        if let Some(id) = self.find_host(name) {
            return Some(id);
        }
        let id = HostId::at(self.hosts.len())?;
        self.hosts.push(HostState::new(name.into()));
        Some(id)
    }

    pub(super) fn find_host(&self, name: &str) -> Option<HostId> {
        let index = self
            .hosts
            .iter()
            .position(|host| host.name.eq_ignore_ascii_case(name))?;
        HostId::at(index)
    }

    /// The number of sockets of a host that are bound to a port.
    pub(super) fn at_port(&self, host: HostId, transport: Transport, port: u16) -> &[SocketId] {
        self.hosts[host.index()].at_port(transport, port)
    }
}
