//! What the network did, for the trace.

use std::fmt;

/// One thing that the network did.
///
/// Hosts and connections are named by numbers in the order in which the simulation made them; host 0
/// is `main`. Of messages only the lengths are told.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum NetworkEvent {
    /// A connection was made.
    Connected {
        /// Its number.
        connection: u64,
    },
    /// A connection could not be made.
    ConnectFailed {
        /// Its number.
        connection: u64,
        /// Nobody listens; otherwise nobody answered.
        refused: bool,
    },
    /// Bytes of a connection arrived.
    Delivered {
        /// Its number.
        connection: u64,
        /// Where they arrived.
        at: ConnectionEnd,
        /// How many there were.
        bytes: usize,
    },
    /// The end of the stream arrived.
    Ended {
        /// The connection's number.
        connection: u64,
        /// Where it arrived.
        at: ConnectionEnd,
    },
    /// A reset arrived: the other end is gone.
    Reset {
        /// The connection's number.
        connection: u64,
        /// Where it arrived.
        at: ConnectionEnd,
    },
    /// An end gave the connection up: what it sent was not acknowledged for too long.
    GaveUp {
        /// The connection's number.
        connection: u64,
        /// Which end.
        at: ConnectionEnd,
    },
    /// A datagram arrived.
    DatagramDelivered {
        /// The host that sent it.
        from: u32,
        /// The host that got it.
        to: u32,
        /// How long it is.
        bytes: usize,
    },
    /// A datagram was lost, or found nobody, or no room.
    DatagramDropped {
        /// The host that sent it.
        from: u32,
        /// How long it is.
        bytes: usize,
    },
    /// Two hosts no longer hear each other.
    Partitioned {
        /// The one.
        one: u32,
        /// The other.
        other: u32,
    },
    /// Two hosts hear each other again.
    Healed {
        /// The one.
        one: u32,
        /// The other.
        other: u32,
    },
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two ends")]
pub enum ConnectionEnd {
    /// The one that connected; the first of a pair.
    Client,
    /// The one that listened; the second of a pair.
    Server,
}

impl fmt::Display for NetworkEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { connection } => write!(f, "connection {connection} is made"),
            Self::ConnectFailed {
                connection,
                refused: true,
            } => write!(f, "connection {connection} is refused"),
            Self::ConnectFailed { connection, .. } => {
                write!(f, "connection {connection} is not answered")
            }
            Self::Delivered {
                connection,
                at,
                bytes,
            } => {
                let plural = plural(*bytes);
                write!(
                    f,
                    "the {at} of connection {connection} gets {bytes} byte{plural}"
                )
            }
            Self::Ended { connection, at } => {
                write!(f, "the end of connection {connection} arrives at the {at}")
            }
            Self::Reset { connection, at } => {
                write!(f, "a reset of connection {connection} arrives at the {at}")
            }
            Self::GaveUp { connection, at } => {
                write!(f, "the {at} of connection {connection} gives up")
            }
            Self::DatagramDelivered { from, to, bytes } => {
                let plural = plural(*bytes);
                write!(
                    f,
                    "a datagram of {bytes} byte{plural} from host {from} arrives at host {to}"
                )
            }
            Self::DatagramDropped { from, bytes } => {
                let plural = plural(*bytes);
                write!(
                    f,
                    "a datagram of {bytes} byte{plural} from host {from} is lost"
                )
            }
            Self::Partitioned { one, other } => {
                write!(f, "hosts {one} and {other} no longer hear each other")
            }
            Self::Healed { one, other } => {
                write!(f, "hosts {one} and {other} hear each other again")
            }
        }
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl ConnectionEnd {
    /// The one at the other side.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl fmt::Display for ConnectionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_in_words() {
        let event = NetworkEvent::Delivered {
            connection: 3,
            at: ConnectionEnd::Server,
            bytes: 1,
        };
        assert_eq!(event.to_string(), "the server of connection 3 gets 1 byte");
    }
}
