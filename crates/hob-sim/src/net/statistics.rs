//! What the network has done so far, in figures.

/// What the network of a simulation has done so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct NetworkStatistics {
    /// How many hosts there are.
    pub hosts: usize,
    /// Sockets that are open now.
    pub sockets_open: usize,
    /// Connections that are open now, or are being made or closed.
    pub connections_open: usize,
    /// Connections that were made.
    pub connections_made: u64,
    /// Connections that could not be made.
    pub connections_failed: u64,
    /// Resets that arrived.
    pub resets: u64,
    /// Bytes of connections that arrived.
    pub bytes_delivered: u64,
    /// Datagrams that arrived.
    pub datagrams_delivered: u64,
    /// Datagrams that were lost, or found nobody, or no room.
    pub datagrams_dropped: u64,
}
