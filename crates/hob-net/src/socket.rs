//! A socket and its readiness: what every type of this crate is made of.
//!
//! # Implementation
//!
//! [`Socket::poll_io`] is the one place where an operation meets readiness:
//!
//! ```text
//!        ┌───────────────────────────────────────────────┐
//!        ▼                                               │ an event
//!   known to be ready, ──yes─► try ──would block─► clear, wait
//!   or never watched?           │                        ▲
//!        │ no                   └─► done, or an error    │
//!        └───────────────────────────────────────────────┘
//! ```
//!
//! A socket that no poller watches yet just tries, and is registered only when it must wait. Once it
//! is watched the cached readiness decides, so a wait costs no call that fails. An operation that
//! moved less than it was asked to has left nothing, or no room, behind; it clears the readiness
//! without asking the kernel again, but only if the event that it went by promised that
//! ([`Seen::is_edge`]). The end of a stream that arrived in the same event as its last bytes makes no
//! such promise.
//!
//! There is no lock here. The [`IoSource`] has its own.

use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hob_core::io_source::{Seen, WaitKey};
use hob_core::sys::{Addr, End, Family, SocketKind, SocketOption};
use hob_core::{Descriptor, DescriptorRef, Direction, IoSource, Sys, budget, context};

use crate::os::OsSys;

/// The most buffers that one vectored call takes (`IOV_MAX`). Kept to here, where it is known how
/// much was asked for: a shortened list must not look like a short write.
pub(crate) const BUFFERS_MAX: usize = 1024;

/// A socket, its readiness, and whose calls it answers to.
pub(crate) struct Socket {
    /// `None` only once the socket has been closed or given away.
    descriptor: Option<Descriptor>,
    source: Arc<IoSource>,
    sys: &'static dyn Sys,
}

/// What is known of a socket now, for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SocketStatistics {
    /// A poller watches the socket: something has had to wait on it.
    pub registered: bool,
    /// By the last event, a read or an accept will not block.
    pub readable: bool,
    /// By the last event, a write will not block.
    pub writable: bool,
}

/// How a waiter is filed with the [`IoSource`].
pub(crate) enum Waiter<'a> {
    /// In the one place of its direction: who comes later takes it over.
    Sole,
    /// In the list, with a key of its own.
    Listed(&'a mut WaitKey),
}

/// What an operation did.
pub(crate) enum Done<T> {
    /// As much as it was asked to, or it says nothing about what is left.
    Full(T),
    /// Less than it was asked to.
    Short(T),
}

/// Whose sockets the running code uses: those of its runtime, else the system's.
pub(crate) fn current_sys() -> &'static dyn Sys {
    context::with(|local| local.and_then(|local| local.env().parts().sys)).unwrap_or(&OsSys)
}

impl Socket {
    /// Takes over a socket of `sys`, which never blocks already.
    pub(crate) fn new(descriptor: Descriptor, sys: &'static dyn Sys) -> Self {
        Self {
            descriptor: Some(descriptor),
            source: Arc::new(IoSource::new()),
            sys,
        }
    }

    /// Opens a stream socket of `family`.
    pub(crate) fn open(family: Family, sys: &'static dyn Sys) -> io::Result<Self> {
        Ok(Self::new(sys.socket(family, SocketKind::Stream)?, sys))
    }

    /// Takes over a socket of the kernel, which never blocks already.
    pub(crate) fn from_fd(fd: OwnedFd) -> Self {
        Self::new(Descriptor::Os(fd), &OsSys)
    }

    /// Gives the kernel's descriptor away, unregistered and still non-blocking.
    pub(crate) fn into_fd(mut self) -> io::Result<OwnedFd> {
        self.as_fd()?;
        self.source.deregister(self.descriptor().as_ref())?;
        match self.descriptor.take() {
            Some(Descriptor::Os(fd)) => Ok(fd),
            _ => unreachable!("`as_fd` found a descriptor of the kernel"),
        }
    }

    /// The kernel's descriptor; an error for a socket of a simulated network.
    pub(crate) fn as_fd(&self) -> io::Result<BorrowedFd<'_>> {
        match self.descriptor().as_ref() {
            DescriptorRef::Os(fd) => Ok(fd),
            simulated @ DescriptorRef::Virtual(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!("{simulated} belongs to a simulated network and has no file descriptor"),
            )),
        }
    }

    pub(crate) fn sys(&self) -> &'static dyn Sys {
        self.sys
    }

    pub(crate) fn descriptor(&self) -> &Descriptor {
        self.descriptor
            .as_ref()
            .expect("only `drop` and `into_fd` take it, and nothing runs after them")
    }

    /// The internet address of one end.
    pub(crate) fn addr(&self, end: End) -> io::Result<std::net::SocketAddr> {
        self.sys
            .addr(self.descriptor(), end)
            .and_then(Addr::into_inet)
    }

    pub(crate) fn set_option(&self, option: SocketOption) -> io::Result<()> {
        self.sys.set_option(self.descriptor(), option)
    }

    pub(crate) fn option(&self, option: SocketOption) -> io::Result<SocketOption> {
        self.sys.option(self.descriptor(), option)
    }

    pub(crate) fn statistics(&self) -> SocketStatistics {
        let readiness = self.source.readiness();
        SocketStatistics {
            registered: self.source.is_bound(),
            readable: readiness.contains(Direction::Read),
            writable: readiness.contains(Direction::Write),
        }
    }

    /// Runs `operation` as soon as it does not block. See the [module's documentation](self).
    pub(crate) fn poll_io<T>(
        &self,
        cx: &Context<'_>,
        direction: Direction,
        mut waiter: Waiter<'_>,
        mut operation: impl FnMut(&dyn Sys, &Descriptor) -> io::Result<Done<T>>,
    ) -> Poll<io::Result<T>> {
        ready!(budget::poll_proceed(cx));
        let mut seen = self.source.seen(direction);
        let mut may_try = seen.is_some() || !self.source.is_bound();
        loop {
            if may_try {
                match operation(self.sys, self.descriptor()) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.clear(direction, seen);
                    }
                    done => {
                        budget::spend();
                        return Poll::Ready(done.map(|done| self.settle(direction, seen, done)));
                    }
                }
            }
            seen = Some(ready!(self.poll_ready(cx, direction, &mut waiter))?);
            may_try = true;
        }
    }

    /// Waits until a connection under way is made, or has failed.
    pub(crate) fn poll_connected(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.poll_io(cx, Direction::Write, Waiter::Sole, |sys, socket| {
            if let Some(error) = sys.take_error(socket)? {
                return Err(error);
            }
            // A poller that ended wakes its waiters too: then there is neither error nor peer.
            match sys.addr(socket, End::Peer) {
                Ok(_) => Ok(Done::Full(())),
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                Err(error) => Err(error),
            }
        })
    }

    /// Takes a waiter out of the list, for the destructor of its future.
    pub(crate) fn unlist(&self, key: &mut WaitKey) {
        self.source.unlist(key);
    }

    fn poll_ready(
        &self,
        cx: &Context<'_>,
        direction: Direction,
        waiter: &mut Waiter<'_>,
    ) -> Poll<io::Result<Seen>> {
        let descriptor = self.descriptor().as_ref();
        let bind = || hob_reactor::bind(descriptor, &self.source);
        match waiter {
            Waiter::Sole => self.source.poll_ready(cx, direction, descriptor, bind),
            Waiter::Listed(key) => self
                .source
                .poll_listed(cx, key, direction, descriptor, bind),
        }
    }

    fn settle<T>(&self, direction: Direction, seen: Option<Seen>, done: Done<T>) -> T {
        match done {
            Done::Full(value) => value,
            Done::Short(value) => {
                self.clear(direction, seen.filter(|seen| seen.is_edge(direction)));
                value
            }
        }
    }

    fn clear(&self, direction: Direction, seen: Option<Seen>) {
        if let Some(seen) = seen {
            self.source.clear(direction, seen);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(descriptor) = self.descriptor.take() {
            // An error says that the poller had lost the registration already, and closing ends it too.
            drop(self.source.deregister(descriptor.as_ref()));
            self.sys.close(descriptor);
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut socket = f.debug_struct("Socket");
        if let Some(descriptor) = &self.descriptor {
            socket.field("descriptor", &format_args!("{}", descriptor.as_ref()));
        }
        socket
            .field("ready", &self.source.readiness())
            .finish_non_exhaustive()
    }
}
