//! What travels on connections: segments that arrive in order, late, again, or not at all.
//!
//! # Implementation
//!
//! Whether a segment gets through is decided in two places. Loss is drawn when it is sent, and makes
//! it late. A cut link is noticed when it would arrive: then the pipe *stalls*. It starts again when
//! the link is mended, at the time at which the sender would have sent its first segment once more;
//! what stands behind follows. A reset is sent once, and nothing is sent again after it: what is under
//! way arrives before it, what was lost never does. A cut link swallows it, and the other end learns of
//! it when it sends something itself.
//!
//! Whoever has something to send and no room for it asks for some as long as it has none. That takes no
//! appointment while the link is well; behind a cut one the sender gives up as if the question were a
//! segment.
//!
//! # References
//!
//! - `tcp(7)`, <https://man7.org/linux/man-pages/man7/tcp.7.html>: `tcp_retries2`, after which a
//!   connection is given up.
//! - RFC 9293, <https://www.rfc-editor.org/rfc/rfc9293>, section 3.10.7: what each state does with what
//!   arrives.

use std::collections::VecDeque;

use hob_core::Readiness;

use super::connection::{Connection, ConnectionId, End, Medium, Owner, Payload, Phase, Segment};
use super::errno::Errno;
use super::event::{ConnectionEnd, NetworkEvent};
use super::host::HostId;
use super::link::{GIVE_UP, next_retransmission};
use super::socket::{Listener, SocketId};
use super::state::{Due, State};

/// The most bytes that travel as one.
const SEGMENT_MAX: usize = 16 * 1024;

impl State {
    /// Sends bytes in segments.
    pub(super) fn push_data(&mut self, id: ConnectionId, from: ConnectionEnd, mut bytes: Vec<u8>) {
        while bytes.len() > SEGMENT_MAX {
            let rest = bytes.split_off(SEGMENT_MAX);
            self.push(id, from, Payload::Data(bytes));
            bytes = rest;
        }
        self.push(id, from, Payload::Data(bytes));
    }

    /// Sends something to the other end.
    pub(super) fn push(&mut self, id: ConnectionId, from: ConnectionEnd, payload: Payload) {
        let now = self.now();
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let (here, there) = (connection[from].host, connection[from.other()].host);
        let is_lossy = payload.persists() && connection.medium == Medium::Tcp;
        let latency = self.links.latency(here, there, &mut self.rng);
        let departs = if is_lossy {
            now + self.links.time_lost(here, there, &mut self.rng)
        } else {
            now
        };
        let pipe = &mut connection[from].out;
        let arrives = departs + latency;
        pipe.segments.push_back(Segment {
            sent: now,
            departs,
            arrives,
            payload,
        });
        if pipe.is_stalled {
            self.lose_patience_later(id, from);
        } else if pipe.arrival.is_none() {
            pipe.arrival = Some(self.schedule.add(arrives, Due::Segment(id, from)));
        }
    }

    /// The first segment from that end arrives at the other, unless the link is cut.
    pub(super) fn arrive(&mut self, id: ConnectionId, from: ConnectionEnd) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let is_cut = is_cut(connection, |one, other| self.links.is_cut(one, other));
        let pipe = &mut connection[from].out;
        pipe.arrival = None;
        if is_cut {
            return self.stall(id, from);
        }
        let Some(segment) = pipe.segments.pop_front() else {
            return;
        };
        if let Some(next) = pipe.segments.front() {
            let at = next.arrives.max(self.clock.now());
            pipe.arrival = Some(self.schedule.add(at, Due::Segment(id, from)));
        }
        self.deliver(id, from.other(), segment.payload);
        self.tidy(id);
    }

    /// Takes in what arrives at an end.
    fn deliver(&mut self, id: ConnectionId, at: ConnectionEnd, payload: Payload) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let is_unix = connection.medium == Medium::Unix;
        let end = &mut connection[at];
        match payload {
            Payload::Reset => self.reset_arrives(id, at),
            Payload::Open => self.opened(id, at),
            Payload::Data(bytes) => {
                let is_taken = end.phase != Phase::Closed && end.owner != Owner::Nobody;
                if is_taken {
                    self.data_arrives(id, at, &bytes);
                } else if !is_unix {
                    self.reset(id, at);
                }
            }
            Payload::End if end.phase == Phase::Closed && !is_unix => self.reset(id, at),
            Payload::End => {
                end.has_ended = true;
                self.note(NetworkEvent::Ended {
                    connection: id.0,
                    at,
                });
                self.tell_end(id, at, Readiness::READABLE);
                if !is_unix {
                    self.push(id, at, Payload::EndKnown);
                    self.close_if_ended(id, at);
                }
            }
            Payload::EndKnown => {
                end.end_is_known = true;
                self.close_if_ended(id, at);
            }
            Payload::Window(bytes) => {
                end.outstanding = end.outstanding.saturating_sub(bytes);
                end.lacks_room = false;
                self.tell_end(id, at, Readiness::WRITABLE);
            }
            Payload::Deaf => {
                end.is_write_shut = true;
                self.tell_end(id, at, Readiness::BOTH);
            }
        }
    }

    fn data_arrives(&mut self, id: ConnectionId, at: ConnectionEnd, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection[at].inbox.extend(bytes);
        self.statistics.bytes_delivered += bytes.len() as u64;
        self.note(NetworkEvent::Delivered {
            connection: id.0,
            at,
            bytes: bytes.len(),
        });
        self.tell_end(id, at, Readiness::READABLE);
    }

    /// An end whose two directions have ended is closed, as after the last acknowledgement.
    fn close_if_ended(&mut self, id: ConnectionId, at: ConnectionEnd) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let end = &mut connection[at];
        if end.has_ended && end.end_is_known {
            end.phase = Phase::Closed;
            self.tell_end(id, at, Readiness::BOTH);
        }
    }

    /// Ends a connection from one end at once: the other hears a reset, if it hears anything.
    pub(super) fn reset(&mut self, id: ConnectionId, from: ConnectionEnd) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection[from].phase = Phase::Closed;
        let is_cut = is_cut(connection, |one, other| self.links.is_cut(one, other));
        let is_tcp = connection.medium == Medium::Tcp;
        let (here, there) = (connection[from].host, connection[from.other()].host);
        if is_cut {
            self.forget_segments(id, from);
            return self.stop_waiting_for_answer(id);
        }
        self.forget_lost_segments(id, from);
        if is_tcp && self.links.is_lost(here, there, &mut self.rng) {
            self.stop_waiting_for_answer(id);
        } else {
            self.push(id, from, Payload::Reset);
        }
    }

    fn reset_arrives(&mut self, id: ConnectionId, at: ConnectionEnd) {
        self.statistics.resets += 1;
        self.note(NetworkEvent::Reset {
            connection: id.0,
            at,
        });
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let end = &connection[at];
        if end.phase == Phase::Opening && at == ConnectionEnd::Client {
            // Its listener went away before the answer was heard.
            return self.no_answer(id, Errno::ConnectionRefused);
        }
        // What Linux says to an end that has heard all that the other had to say.
        let errno = if end.has_ended && connection.medium == Medium::Tcp {
            Errno::BrokenPipe
        } else {
            Errno::ConnectionReset
        };
        self.break_end(id, at, errno);
    }

    /// An end is closed by what happened to it, and whoever is there learns why.
    pub(super) fn break_end(&mut self, id: ConnectionId, at: ConnectionEnd, errno: Errno) {
        self.forget_segments(id, at);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let end = &mut connection[at];
        if end.phase != Phase::Closed {
            end.phase = Phase::Closed;
            end.error = Some(errno);
        }
        self.tell_end(id, at, Readiness::BOTH);
    }

    /// Nothing that is under way from that end arrives any more.
    fn forget_segments(&mut self, id: ConnectionId, from: ConnectionEnd) {
        if let Some(connection) = self.connections.get_mut(&id) {
            let pipe = &mut connection[from].out;
            self.schedule.cancel(&mut pipe.arrival);
            self.schedule.cancel(&mut pipe.patience);
            pipe.segments = VecDeque::new();
            pipe.is_stalled = false;
        }
    }

    /// What was lost on the way from that end is not sent again; nor does anything arrive behind it.
    fn forget_lost_segments(&mut self, id: ConnectionId, from: ConnectionEnd) {
        let now = self.now();
        if let Some(connection) = self.connections.get_mut(&id) {
            let pipe = &mut connection[from].out;
            let lost = |segment: &Segment| segment.departs > now;
            match pipe.segments.iter().position(lost) {
                Some(0) => self.forget_segments(id, from),
                Some(first) => pipe.segments.truncate(first),
                None => {}
            }
        }
    }

    /// What is under way from that end finds the link cut.
    fn stall(&mut self, id: ConnectionId, from: ConnectionEnd) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let pipe = &mut connection[from].out;
        let is_reset = |segment: &Segment| matches!(segment.payload, Payload::Reset);
        if pipe.segments.iter().any(is_reset) {
            self.forget_segments(id, from);
        } else {
            pipe.is_stalled = true;
            self.lose_patience_later(id, from);
        }
        self.stop_waiting_for_answer(id);
        self.tidy(id);
    }

    /// That end had something to send, and no room for it.
    pub(super) fn lack_room(&mut self, id: ConnectionId, at: ConnectionEnd) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection[at].lacks_room = true;
            if is_cut(connection, |one, other| self.links.is_cut(one, other)) {
                self.lose_patience_later(id, at);
            }
        }
    }

    /// The link between two hosts is cut: who asks for room there is not answered from now on.
    pub(super) fn probe(&mut self, one: HostId, other: HostId) {
        for (id, from) in self.ends_between(one, other) {
            let connection = self.connections.get(&id);
            if connection.is_some_and(|it| it[from].lacks_room) {
                self.lose_patience_later(id, from);
            }
        }
    }

    /// The sender gives up when what it sent first was under way for too long, or asked for room in vain.
    fn lose_patience_later(&mut self, id: ConnectionId, from: ConnectionEnd) {
        let now = self.now();
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let end = &mut connection[from];
        let persistent = |segment: &&Segment| segment.payload.persists();
        let first = end.out.segments.iter().find(persistent);
        let asks = end.lacks_room && end.phase == Phase::Open && !end.is_write_shut;
        let since = first
            .map(|segment| segment.sent)
            .or_else(|| asks.then_some(now));
        if let (None, Some(since)) = (end.out.patience, since) {
            let at = (since + GIVE_UP).max(now);
            end.out.patience = Some(self.schedule.add(at, Due::GiveUp(id, from)));
        }
    }

    /// That end has sent the same thing in vain for too long.
    pub(super) fn give_up(&mut self, id: ConnectionId, at: ConnectionEnd) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection[at].out.patience = None;
            self.note(NetworkEvent::GaveUp {
                connection: id.0,
                at,
            });
            self.break_end(id, at, Errno::TimedOut);
            self.tidy(id);
        }
    }

    /// The link between two hosts is mended: what has stalled there is sent again.
    pub(super) fn resume(&mut self, one: HostId, other: HostId) {
        let now = self.now();
        for (id, from) in self.ends_between(one, other) {
            let Some(connection) = self.connections.get_mut(&id) else {
                continue;
            };
            let pipe = &mut connection[from].out;
            self.schedule.cancel(&mut pipe.patience);
            let (true, Some(first)) = (pipe.is_stalled, pipe.segments.front_mut()) else {
                continue;
            };
            first.departs = next_retransmission(first.sent, now);
            let at = first.departs + self.links.latency(one, other, &mut self.rng);
            pipe.is_stalled = false;
            pipe.arrival = Some(self.schedule.add(at, Due::Segment(id, from)));
        }
    }

    /// The ends of all connections between two hosts.
    fn ends_between(&self, one: HostId, other: HostId) -> Vec<(ConnectionId, ConnectionEnd)> {
        let (client, server) = (ConnectionEnd::Client, ConnectionEnd::Server);
        let between = self.connections.iter().filter(|(_, connection)| {
            let hosts = (connection[client].host, connection[server].host);
            hosts == (one, other) || hosts == (other, one)
        });
        let ends = between.flat_map(|(id, _)| [(*id, client), (*id, server)]);
        ends.collect()
    }

    /// Tells whoever is at an end.
    pub(super) fn tell_end(&mut self, id: ConnectionId, at: ConnectionEnd, readiness: Readiness) {
        let socket = self.connections.get(&id).and_then(|it| it.socket(at));
        if let Some(socket) = socket {
            self.tell(socket, readiness);
        }
    }

    /// Forgets a connection that nobody can notice any more.
    pub(super) fn tidy(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let (client, server) = (ConnectionEnd::Client, ConnectionEnd::Server);
        if let (Owner::Queue(listener), false) =
            (connection[server].owner, connection[server].was_open)
        {
            // The handshake will never end: the client is gone, and so is what it had sent.
            let is_gone = |end: &End| end.owner == Owner::Nobody || end.phase == Phase::Closed;
            let is_silent = |end: &End| end.out.segments.is_empty();
            let both = is_silent(&connection[client]) && is_silent(&connection[server]);
            if connection[server].phase == Phase::Closed || is_gone(&connection[client]) && both {
                connection[server].owner = Owner::Nobody;
                connection[server].phase = Phase::Closed;
                self.leave_backlog(listener);
            }
        }
        if self.connections.get(&id).is_some_and(Connection::is_over) {
            self.connections.remove(&id);
        }
    }

    /// A connection that was being made will not stand in the queue.
    pub(super) fn leave_backlog(&mut self, listener: SocketId) {
        let listener = self.sockets.get_mut(&listener);
        if let Some(Ok(Listener { opening, .. })) = listener.map(|it| it.listener()) {
            *opening = opening.saturating_sub(1);
        }
    }
}

fn is_cut(connection: &Connection, cut: impl Fn(HostId, HostId) -> bool) -> bool {
    let client = connection[ConnectionEnd::Client].host;
    cut(client, connection[ConnectionEnd::Server].host)
}
