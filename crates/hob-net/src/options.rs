//! The options of a connection.

use std::io;
use std::time::Duration;

use hob_core::sys::SocketOption;

use crate::stream::TcpStream;

/// # Options
impl TcpStream {
    /// Sends small segments at once, instead of waiting for the answer to those before
    /// (`TCP_NODELAY`). Off by default, as in the kernel.
    ///
    /// # Errors
    ///
    /// What `setsockopt(2)` says.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_net::{TcpListener, TcpStream};
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// assert!(!stream.nodelay()?);
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "TCP_NODELAY")]
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket().set_option(SocketOption::NoDelay(nodelay))
    }

    /// Returns `true` if small segments are sent at once.
    ///
    /// # Errors
    ///
    /// What `getsockopt(2)` says.
    pub fn nodelay(&self) -> io::Result<bool> {
        match self.socket().option(SocketOption::NoDelay(false))? {
            SocketOption::NoDelay(nodelay) => Ok(nodelay),
            other => Err(another("NoDelay", other)),
        }
    }

    /// Sets how many hops a packet lives: `IP_TTL`, or the hop limit of IPv6.
    ///
    /// # Errors
    ///
    /// What `setsockopt(2)` says: [`InvalidInput`](io::ErrorKind::InvalidInput) for 0 and for more
    /// than 255.
    #[doc(alias = "IP_TTL")]
    #[doc(alias = "IPV6_UNICAST_HOPS")]
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.socket().set_option(SocketOption::Ttl(hops))
    }

    /// How many hops a packet lives.
    ///
    /// # Errors
    ///
    /// What `getsockopt(2)` says.
    pub fn ttl(&self) -> io::Result<u32> {
        match self.socket().option(SocketOption::Ttl(0))? {
            SocketOption::Ttl(hops) => Ok(hops),
            other => Err(another("Ttl", other)),
        }
    }

    /// Sets what a drop does about bytes not yet sent (`SO_LINGER`): with `None`, the default, the
    /// kernel sends them in the background; with `Duration::ZERO` they are thrown away and the
    /// connection is reset.
    ///
    /// Another time, in whole seconds, makes the drop *block* the thread for up to that long.
    ///
    /// # Errors
    ///
    /// What `setsockopt(2)` says.
    #[doc(alias = "SO_LINGER")]
    pub fn set_linger(&self, time: Option<Duration>) -> io::Result<()> {
        self.socket().set_option(SocketOption::Linger(time))
    }

    /// What a drop does about bytes not yet sent.
    ///
    /// # Errors
    ///
    /// What `getsockopt(2)` says.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        match self.socket().option(SocketOption::Linger(None))? {
            SocketOption::Linger(time) => Ok(time),
            other => Err(another("Linger", other)),
        }
    }

    /// Probes the connection while it is idle, so that a lost peer is noticed (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// What `setsockopt(2)` says.
    #[doc(alias = "SO_KEEPALIVE")]
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.socket().set_option(SocketOption::KeepAlive(keepalive))
    }

    /// Returns `true` if the connection is probed while it is idle.
    ///
    /// # Errors
    ///
    /// What `getsockopt(2)` says.
    pub fn keepalive(&self) -> io::Result<bool> {
        match self.socket().option(SocketOption::KeepAlive(false))? {
            SocketOption::KeepAlive(keepalive) => Ok(keepalive),
            other => Err(another("KeepAlive", other)),
        }
    }
}

/// The answer of a `Sys` that does not keep its contract.
fn another(asked: &str, answer: SocketOption) -> io::Error {
    io::Error::other(format!("asked for {asked}, the answer is {answer:?}"))
}
