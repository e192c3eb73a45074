//! Which poller watches a descriptor: the runtime's, or that of a thread of our own outside any.
//!
//! # Implementation
//!
//! The process has at most one such thread, `hob-reactor`, started by the first wait that finds no
//! runtime around it, and never ended: it sleeps while nothing is ready. It wakes what becomes ready,
//! and a waker that panics does not end it.
//!
//! One lock guards the start, so that two first waits start one thread. A start that failed leaves no
//! trace, and the next wait tries again.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread;

use hob_core::io_source::Binding;
use hob_core::reactor::is_retired;
use hob_core::unhandled::wake_all;
use hob_core::{DescriptorRef, Explained, IoSource, Park, Reactor, Until, context};

use crate::engine::{self, Engine};
use crate::primitive::{Global, UNPOISONED};

static DRIVER: Driver = Driver::new();

/// A lazily started thread at a poller.
struct Driver {
    reactor: OnceLock<&'static dyn Reactor>,
    start: Global<()>,
}

/// What a driver's thread runs.
type Body = Box<dyn FnOnce() + Send>;

/// Registers `fd` with the poller of the runtime that this thread is in; outside any runtime, or when
/// that runtime has ended, with the poller of a thread that is started for it.
///
/// It is what an IO object gives to [`IoSource::poll_ready`].
///
/// # Errors
///
/// What the system says, with the descriptor and what to do about it; also when the thread cannot be
/// started.
///
/// # Examples
///
/// ```
/// # use std::os::fd::AsFd;
/// # use std::sync::Arc;
/// use hob_core::IoSource;
///
/// let (ours, _theirs) = std::os::unix::net::UnixStream::pair()?;
/// let source = Arc::new(IoSource::new());
/// let binding = hob_reactor::bind(ours.as_fd().into(), &source)?;
/// binding.reactor.deregister(ours.as_fd().into(), binding.key)?;
/// # std::io::Result::Ok(())
/// ```
pub fn bind(fd: DescriptorRef<'_>, source: &Arc<IoSource>) -> io::Result<Binding> {
    let register = |reactor: &'static dyn Reactor| {
        let key = reactor.register(fd, source)?;
        Ok(Binding { reactor, key })
    };
    if let Some(reactor) = context::reactor() {
        match register(reactor) {
            // The runtime has ended meanwhile: the poller may serve another one by now.
            Ok(binding) if context::reactor().is_none() => reactor.deregister(fd, binding.key)?,
            Err(error) if is_retired(&error) => {}
            result => return result.map_err(|error| explain(fd, error)),
        }
    }
    let reactor = DRIVER.reactor_or_start(spawn)?;
    register(reactor).map_err(|error| explain(fd, error))
}

impl Driver {
    const fn new() -> Self {
        Self {
            reactor: OnceLock::new(),
            start: Global::new(()),
        }
    }

    /// The reactor; `spawn` starts the thread if there is none yet.
    fn reactor_or_start(
        &self,
        spawn: impl FnOnce(Body) -> io::Result<()>,
    ) -> io::Result<&'static dyn Reactor> {
        if let Some(reactor) = self.reactor.get() {
            return Ok(*reactor);
        }
        let _starting = self.start.lock().expect(UNPOISONED);
        if let Some(reactor) = self.reactor.get() {
            return Ok(*reactor);
        }
        // If the thread does not start, the seat is dropped with the closure, which closes all.
        let Engine { reactor, seat } = engine::default()?;
        spawn(Box::new(move || drive(seat))).map_err(|error| {
            let what = "the thread that watches descriptors outside any runtime cannot be started";
            Explained::wrap(error.kind(), format!("{what}: {error}"), error)
        })?;
        Ok(*self.reactor.get_or_init(|| reactor))
    }
}

fn spawn(body: Body) -> io::Result<()> {
    let builder = thread::Builder::new().name("hob-reactor".into());
    builder.spawn(body).map(drop)
}

fn drive(mut seat: Box<dyn Park + Send>) {
    let mut woken = Vec::new();
    loop {
        seat.park(Until::Forever, &mut woken);
        wake_all(&mut woken);
    }
}

/// Adds to an error of `register` which descriptor it was, and what to do.
fn explain(fd: DescriptorRef<'_>, error: io::Error) -> io::Error {
    let (kind, why) = match error.kind() {
        io::ErrorKind::PermissionDenied => (
            io::ErrorKind::Unsupported,
            "epoll cannot watch a regular file: use hob's file IO or to_thread",
        ),
        io::ErrorKind::AlreadyExists => (
            io::ErrorKind::ResourceBusy,
            "it is watched already, for another object that owns the same descriptor",
        ),
        kind => (kind, "it cannot be watched"),
    };
    Explained::wrap(kind, format!("{fd}: {why} ({error})"), error)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_failed_is_an_error_and_leaves_no_trace() {
        let driver = Driver::new();
        let refused = driver.reactor_or_start(|_| Err(io::ErrorKind::WouldBlock.into()));
        let error = refused.err().expect("the thread did not start");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);

        assert!(driver.reactor_or_start(|_| Ok(())).is_ok());
        assert!(driver.reactor_or_start(|_| unreachable!("it runs")).is_ok());
    }
}
