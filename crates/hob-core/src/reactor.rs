//! The seam between an IO object and the poller that watches it: the cold calls.
//!
//! The hot path does not pass here: readiness is cached in the [`IoSource`] that both sides share,
//! and a poller sets it there.

use std::io;
use std::sync::Arc;
use std::task::Waker;

use crate::descriptor::DescriptorRef;
use crate::interest::Interest;
use crate::io_source::IoSource;

/// What watches descriptors.
///
/// # Contract
///
/// Implementations must
///
/// - after `register`, report every change to readiness by [`IoSource::set_ready`], also one that
///   happened before the call; an edge-triggered one reports both directions from then on, a oneshot
///   one only the interests that were given to `rearm`, which add up until their event. Together with
///   an event, a direction may be reported that is not ready: its waiters try in vain, and ask again;
/// - never report to a source after its `deregister` has returned, also when the descriptor's number
///   was used again: events carry a key with a generation, never a pointer;
/// - call no waker under a lock, and no method of an [`IoSource`] while they hold a lock that
///   `register`, `rearm` or `deregister` take: a source calls those under its own;
/// - leave nothing registered when `register` fails;
/// - take calls from any thread while another sleeps in the poller;
/// - not panic. A panic in `register`, `rearm` or `deregister` passes through to the future that waits, and
///   leaves its source useless. One in `retire` is reported, and the teardown goes on: who waited there is
///   not woken.
pub trait Reactor: Send + Sync {
    /// Starts to watch `fd` for `source`, in both directions.
    ///
    /// Returns the key that names the registration.
    ///
    /// # Errors
    ///
    /// What the system says: `ENOSPC` or `ENOMEM` at its limits, `EPERM` for a regular file. An
    /// error of kind [`NotConnected`](io::ErrorKind::NotConnected) if nobody drives this poller any
    /// more: see [`retired`].
    fn register(&self, fd: DescriptorRef<'_>, source: &Arc<IoSource>) -> io::Result<u64>;

    /// Asks for the next event of `interest`, beside what was asked for before and has not come;
    /// does nothing where the poller is edge-triggered.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn rearm(&self, fd: DescriptorRef<'_>, key: u64, interest: Interest) -> io::Result<()> {
        let _ = (fd, key, interest);
        Ok(())
    }

    /// Ends the registration. The descriptor is still open.
    ///
    /// A key of an earlier use of a recycled poller is no error and does nothing.
    ///
    /// # Errors
    ///
    /// What the system says. The registration is gone all the same.
    fn deregister(&self, fd: DescriptorRef<'_>, key: u64) -> io::Result<()>;

    /// Ends the use of the poller: every source is [unbound](IoSource::unbind), and its waiters are
    /// handed out, so that they look for another poller.
    fn retire(&self, woken: &mut Vec<Waker>);
}

/// The error of a poller that nobody drives any more.
#[must_use]
pub fn retired() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, crate::timers::Retired)
}

/// Returns `true` if `error` is [`retired`]: the caller looks for another poller.
#[must_use]
pub fn is_retired(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<crate::timers::Retired>())
}
