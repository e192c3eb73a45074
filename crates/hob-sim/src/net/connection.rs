//! What both ends of a connection know, and what is under way between them.
//!
//! # Implementation
//!
//! An end holds what has arrived and was not read, how much it may still send, and the [`Pipe`] with
//! what is under way *from* it. A pipe keeps its order: only the first segment has an appointment in
//! the schedule, and the next one gets its own when the first has arrived.
//!
//! ```text
//!    client                                    server
//!    ┌──────────────┐   out: [data][fin] ──►   ┌──────────────┐
//!    │ inbox, error │                          │ inbox, error │
//!    └──────────────┘   ◄── [window][data]     └──────────────┘
//! ```
//!
//! An end moves forward only:
//!
//! ```text
//!    Opening ──────► Open ──────────────────► Closed
//!       │             both directions ended,    ▲
//!       │             a reset, given up         │
//!       └── refused, unreachable, timed out ────┘
//! ```
//!
//! A connection of the Unix domain is the same with other manners: it is open at once, nothing is
//! lost, and a close tells the other end that nobody reads any more ([`Payload::Deaf`]).

use std::collections::VecDeque;
use std::ops::{Index, IndexMut};

use hob_core::sys::Addr;
use hob_core::{Instant, Readiness};

use super::errno::Errno;
use super::event::ConnectionEnd;
use super::host::HostId;
use super::schedule::Key;
use super::socket::SocketId;

/// A connection, by its number in the simulation.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct ConnectionId(pub(super) u64);

pub(super) struct Connection {
    pub(super) medium: Medium,
    /// When the client began to connect.
    pub(super) begun: Instant,
    /// What the client's attempt waits for, while it is under way.
    pub(super) attempt: Option<Key>,
    client: End,
    server: End,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Medium {
    Tcp,
    Unix,
}

/// One end of a connection.
pub(super) struct End {
    pub(super) host: HostId,
    pub(super) addr: Addr,
    pub(super) owner: Owner,
    pub(super) phase: Phase,
    /// It was open once.
    pub(super) was_open: bool,
    /// The first `connect` after the connection was made has said so.
    pub(super) was_told: bool,
    /// What went wrong, until somebody hears of it.
    pub(super) error: Option<Errno>,
    /// What has arrived and was not read.
    pub(super) inbox: VecDeque<u8>,
    /// The end of the other's stream has arrived.
    pub(super) has_ended: bool,
    pub(super) is_read_shut: bool,
    pub(super) is_write_shut: bool,
    /// The other end knows that this one sends no more.
    pub(super) end_is_known: bool,
    /// Bytes that were sent, and are not known to have been read.
    pub(super) outstanding: usize,
    /// There was more to send than the window has room for, and it has none since.
    pub(super) lacks_room: bool,
    pub(super) out: Pipe,
}

/// Who reads and writes at an end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    /// It is closed, or was never taken.
    Nobody,
    /// It will be taken, or waits to be, at that listener.
    Queue(SocketId),
    Socket(SocketId),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    Opening,
    Open,
    Closed,
}

/// What is under way from one end to the other.
pub(super) struct Pipe {
    pub(super) segments: VecDeque<Segment>,
    /// The arrival of the first segment.
    pub(super) arrival: Option<Key>,
    /// The first segment found the link cut, and is sent again in vain until that is mended.
    pub(super) is_stalled: bool,
    /// When the sender loses patience.
    pub(super) patience: Option<Key>,
}

pub(super) struct Segment {
    pub(super) sent: Instant,
    /// When it was, or will be, sent for the time that gets through.
    pub(super) departs: Instant,
    pub(super) arrives: Instant,
    pub(super) payload: Payload,
}

pub(super) enum Payload {
    /// The second or the third step of the handshake.
    Open,
    Data(Vec<u8>),
    /// No more data will come.
    End,
    /// The other end knows of that.
    EndKnown,
    /// So many bytes were read.
    Window(usize),
    /// Nobody reads any more; in the Unix domain only.
    Deaf,
    Reset,
}

impl Connection {
    pub(super) fn new(medium: Medium, begun: Instant, client: End, server: End) -> Self {
        Self {
            medium,
            begun,
            attempt: None,
            client,
            server,
        }
    }

    /// Nobody is at either end, and nothing is under way.
    pub(super) fn is_over(&self) -> bool {
        let is_over = |end: &End| end.owner == Owner::Nobody && end.out.segments.is_empty();
        is_over(&self.client) && is_over(&self.server) && self.attempt.is_none()
    }

    /// The socket at an end.
    pub(super) fn socket(&self, at: ConnectionEnd) -> Option<SocketId> {
        match self[at].owner {
            Owner::Socket(socket) => Some(socket),
            Owner::Queue(_) | Owner::Nobody => None,
        }
    }

    /// What can be done at an end without waiting, if `window` bytes may be under way.
    pub(super) fn readiness(&self, at: ConnectionEnd, window: usize) -> Readiness {
        let end = &self[at];
        if end.phase == Phase::Opening {
            return Readiness::NONE;
        }
        let is_closed = end.phase == Phase::Closed || end.error.is_some();
        let mut readiness = Readiness::NONE;
        if is_closed || !end.inbox.is_empty() || end.has_ended || end.is_read_shut {
            readiness |= Readiness::READABLE;
        }
        if is_closed || end.is_write_shut || end.outstanding < window {
            readiness |= Readiness::WRITABLE;
        }
        readiness
    }
}

impl Index<ConnectionEnd> for Connection {
    type Output = End;

    fn index(&self, end: ConnectionEnd) -> &End {
        match end {
            ConnectionEnd::Client => &self.client,
            ConnectionEnd::Server => &self.server,
        }
    }
}

impl IndexMut<ConnectionEnd> for Connection {
    fn index_mut(&mut self, end: ConnectionEnd) -> &mut End {
        match end {
            ConnectionEnd::Client => &mut self.client,
            ConnectionEnd::Server => &mut self.server,
        }
    }
}

impl End {
    pub(super) fn new(host: HostId, addr: Addr, owner: Owner, phase: Phase) -> Self {
        Self {
            host,
            addr,
            owner,
            phase,
            was_open: phase == Phase::Open,
            was_told: false,
            error: None,
            inbox: VecDeque::new(),
            has_ended: false,
            is_read_shut: false,
            is_write_shut: false,
            end_is_known: false,
            outstanding: 0,
            lacks_room: false,
            out: Pipe {
                segments: VecDeque::new(),
                arrival: None,
                is_stalled: false,
                patience: None,
            },
        }
    }
}

impl Payload {
    /// It is sent again until the other end has it.
    pub(super) const fn persists(&self) -> bool {
        matches!(self, Self::Open | Self::Data(_) | Self::End)
    }
}
