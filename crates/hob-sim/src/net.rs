//! The simulated network: named hosts, the links between them, and what goes wrong there.
//!
//! Sockets of hob-net that are opened inside a simulation belong to it, with no change to the program.
//! The main future runs on the host `main`; a task runs on the host on which it was spawned, and a
//! socket belongs to the host of the task that opens it. A host is there as soon as it is named:
//!
//! ```
//! use futures_lite::{AsyncReadExt, AsyncWriteExt};
//! use hob_net::{TcpListener, TcpStream};
//! use hob_sim::net;
//!
//! hob_sim::run(7, async {
//!     let server = net::host("server").spawn(async {
//!         let listener = TcpListener::bind("0.0.0.0:80").await?;
//!         let (mut client, _) = listener.accept().await?;
//!         client.write_all(b"hello").await
//!     });
//!     let heard = net::host("client").spawn(async {
//!         // Whoever asks too early is refused, as anywhere else.
//!         let mut stream = loop {
//!             match TcpStream::connect("server:80").await {
//!                 Ok(stream) => break stream,
//!                 Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused),
//!             }
//!         };
//!         let mut heard = String::new();
//!         stream.read_to_string(&mut heard).await.map(|_| heard)
//!     });
//!     server.await.unwrap().unwrap();
//!     assert_eq!(heard.await.unwrap().unwrap(), "hello");
//! });
//! ```
//!
//! # What is simulated
//!
//! - *TCP*: the handshake with its repetitions, refused, unreachable, timed out; a backlog; windows, so
//!   that a sender has to wait for its reader; half-close, reset, `SO_LINGER`; loss as delay; a
//!   partition, after which what was under way arrives late, or the sender gives up after 924 s, also
//!   one that waits for its reader.
//! - *UDP*: loss, duplication, overtaking, a bounded mailbox, truncation, and "connection refused" on
//!   connected sockets. A sender never has to wait.
//! - *The Unix domain*: pairs, streams and datagrams by a path that is a name within a host.
//! - *Descriptors*: a host may open as many sockets as [`Host::set_descriptor_limit`] says.
//!
//! Errors are the kernel's, by kind and by number.
//!
//! # What is not
//!
//! Congestion, `TIME_WAIT`, keep-alive probes, urgent data, routes: every host reaches every other.
//! A cut has no direction: there is no partition in which one host hears the other, but not the reverse.
//! `SO_LINGER` with a time does what the default does, as no call here waits.

mod bind;
mod calls;
mod conditions;
mod connection;
mod datagram;
mod errno;
mod event;
mod face;
mod handshake;
mod host;
mod link;
mod network;
mod reactor;
mod schedule;
mod socket;
mod state;
mod statistics;
mod stream;
mod sys;
#[cfg(test)]
mod tests;
mod traffic;
mod unix;

pub use self::conditions::{Conditions, Link};
pub use self::event::{ConnectionEnd, NetworkEvent};
pub use self::face::{Host, heal, heal_all, host, isolate, partition, set_link, statistics};
pub use self::statistics::NetworkStatistics;

pub(crate) use self::host::HostId;
pub(crate) use self::network::Network;
