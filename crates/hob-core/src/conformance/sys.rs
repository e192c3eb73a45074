//! The suite of [`Sys`], with the [`Reactor`] that tells when a socket is ready.
//!
//! # Implementation
//!
//! One thread plays both ends of every connection. A call that would block is tried again once the
//! socket is ready: the suite waits as any socket does, by
//! [`IoSource::poll_ready`](crate::IoSource::poll_ready) and a sleep without end, so readiness that is
//! not reported hangs it. It never measures, and it assumes neither that what was sent is there at
//! once nor how much one call moves; so the same claims hold on a kernel and on a simulated network.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::panic::{contain, message};
use crate::park::Park;
use crate::reactor::Reactor;
use crate::sys::Sys;

use self::net::{Net, Way};

mod calls;
mod connection;
mod datagram;
mod net;
mod stream;

/// A network that is put to the test, and what it has.
#[expect(
    clippy::exhaustive_structs,
    reason = "it is filled in by whoever implements the seam"
)]
pub struct SysRig {
    /// Its sockets.
    pub sys: &'static dyn Sys,
    /// What tells when they are ready.
    pub reactor: &'static dyn Reactor,
    /// Where one sleeps until they are. The suite retires the reactor and drops the seat.
    pub seat: Box<dyn Park + Send>,
    /// Addresses of its own, one of each family that it has: every claim is checked over each of them.
    pub addresses: Vec<IpAddr>,
    /// Whether it has datagrams.
    pub datagrams: bool,
    /// Whether it has pairs of sockets of the Unix domain.
    pub pairs: bool,
    /// Where sockets of the Unix domain may be bound, if they may be. The suite leaves there what it
    /// has bound, and asks for no name twice in one process.
    pub directory: Option<PathBuf>,
}

type Claim = fn(&Net, &Way);

const CONNECTIONS: [Claim; 12] = [
    connection::each_end_knows_both_addresses,
    connection::connecting_fails_where_nobody_listens,
    connection::an_error_is_taken_once,
    connection::a_free_address_is_given,
    connection::a_taken_address_is_in_use,
    connection::an_address_is_free_again,
    connection::connections_wait_to_be_accepted,
    connection::an_accept_with_nothing_would_block,
    connection::what_does_not_listen_accepts_nothing,
    connection::what_is_not_connected_says_so,
    connection::a_second_connect_harms_nothing,
    connection::a_listener_that_closes_ends_who_waits,
];

const STREAMS: [Claim; 15] = [
    stream::a_recv_with_nothing_would_block,
    stream::bytes_arrive_in_order_and_whole,
    stream::a_full_sender_goes_on_once_the_reader_has_drained,
    stream::both_directions_are_independent,
    stream::peek_does_not_take,
    stream::buffers_are_filled_and_sent_in_order,
    stream::there_may_be_any_number_of_buffers,
    stream::empty_buffers_move_nothing,
    stream::a_half_close_leaves_the_other_direction,
    stream::a_close_for_reading_is_an_end,
    stream::a_close_of_both_ends_both,
    stream::what_was_sent_before_a_close_arrives,
    stream::a_close_with_bytes_unread_resets,
    stream::a_write_after_the_peer_closed_fails,
    stream::a_close_ends_the_wait_of_the_peer,
];

const DATAGRAMS: [Claim; 10] = [
    datagram::a_message_arrives_whole_and_with_its_sender,
    datagram::messages_are_kept_apart,
    datagram::what_does_not_fit_is_told,
    datagram::a_message_may_be_empty,
    datagram::a_message_may_be_scattered,
    datagram::peek_leaves_the_message,
    datagram::a_connected_socket_needs_no_address,
    datagram::a_connected_socket_hears_nobody_else,
    datagram::without_an_address_nothing_is_sent,
    datagram::nothing_would_block_and_too_much_fails,
];

const CALLS: [fn(&Net); 5] = [
    calls::a_foreign_descriptor_is_refused,
    calls::a_closed_number_is_refused,
    calls::options_are_read_back,
    calls::a_name_is_looked_up,
    calls::a_name_that_nobody_has_is_an_error,
];

/// Checks the contract of [`Sys`], and what the calls of a socket mean.
///
/// Three sentences are left to the tests of an implementation, since a test program cannot see here
/// whether they hold: that no call fails with `Interrupted`, that a descriptor is closed in children
/// that are executed, and that no signal is raised.
///
/// `make` gives a network on which nothing happens but what the suite does, with an engine that
/// nobody else uses. Several may be there one after the other.
///
/// # Panics
///
/// With the sentence that does not hold, and the kind of socket. Readiness that is lost hangs it.
pub fn sys(make: impl Fn() -> SysRig) {
    for claim in CALLS {
        claim(&Net::new(make()));
    }
    check(&make, &CONNECTIONS, |_, way| {
        matches!(way, Way::Inet(_) | Way::Path)
    });
    check(&make, &STREAMS, |_, _| true);
    check(&make, &DATAGRAMS, |net, _| net.has_datagrams());
}

/// Checks the claims over each way that is meant, each on a network of its own.
fn check(make: &impl Fn() -> SysRig, claims: &[Claim], is_meant: impl Fn(&Net, &Way) -> bool) {
    let net = Net::new(make());
    let mut ways = net.ways();
    ways.retain(|way| is_meant(&net, way));
    drop(net);
    for way in &ways {
        for claim in claims {
            let net = Net::new(make());
            if let Err(payload) = contain(|| claim(&net, way)) {
                panic!("over {way:?}: {}", message(&payload));
            }
        }
    }
}

impl fmt::Debug for SysRig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SysRig")
            .field("addresses", &self.addresses)
            .field("datagrams", &self.datagrams)
            .field("pairs", &self.pairs)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}
