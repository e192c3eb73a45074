//! The two faces that a poller shows to a runtime, and the choice among pollers.

use std::fmt;
use std::io;
use std::time::Duration;

use hob_core::{DescriptorRef, Explained, Instant, Park, Reactor, Until};

use crate::polling::Polling;

/// A poller that was opened: what IO objects register with, and where a worker sleeps.
///
/// Whoever takes an engine drives it: it parks at the seat, and wakes what it is handed. At the end
/// it calls [`Reactor::retire`], wakes what that hands out, and drops the seat, which closes the
/// poller's descriptors. A seat that is dropped earlier retires the reactor by itself. After that the
/// reactor may serve another runtime, so nobody may retire it again.
///
/// # Examples
///
/// ```
/// # use hob_core::Until;
/// let mut engine = hob_reactor::default()?;
/// engine.seat.unparker().unpark();
/// engine.seat.park(Until::Forever, &mut Vec::new());
/// # std::io::Result::Ok(())
/// ```
#[expect(
    clippy::exhaustive_structs,
    reason = "pollers outside this crate make engines too"
)]
pub struct Engine {
    /// What IO objects register with. It lives as long as the process and is used again.
    pub reactor: &'static dyn Reactor,
    /// Where a worker sleeps until something is ready.
    pub seat: Box<dyn Park + Send>,
}

/// Opens the poller that suits this system best: epoll on Linux, elsewhere [`polling`](polling()).
///
/// # Errors
///
/// As those two.
#[cfg(target_os = "linux")]
pub fn default() -> io::Result<Engine> {
    epoll()
}

/// Opens the poller that suits this system best: epoll on Linux, elsewhere [`polling`](polling()).
///
/// # Errors
///
/// As those two.
#[cfg(not(target_os = "linux"))]
pub fn default() -> io::Result<Engine> {
    polling()
}

/// Opens an edge-triggered epoll, with one system call a turn.
///
/// # Errors
///
/// `EMFILE` and `ENFILE` at the limits; [`Unsupported`](io::ErrorKind::Unsupported) before Linux
/// 5.11, or in a sandbox that does not know `epoll_pwait2`.
///
/// # Examples
///
/// ```
/// # use hob_core::Until;
/// let mut engine = hob_reactor::epoll()?;
/// engine.seat.park(Until::Now, &mut Vec::new());
/// # std::io::Result::Ok(())
/// ```
#[cfg(target_os = "linux")]
pub fn epoll() -> io::Result<Engine> {
    let (reactor, seat) = crate::epoll::Epoll::open()?;
    Ok(Engine {
        reactor,
        seat: Box::new(seat),
    })
}

/// Opens a poller of the `polling` crate, which knows every system.
///
/// # Errors
///
/// What the system says: `EMFILE` and `ENFILE` at the limits;
/// [`Unsupported`](io::ErrorKind::Unsupported) as for epoll.
///
/// # Examples
///
/// ```
/// # use hob_core::Until;
/// let mut engine = hob_reactor::polling()?;
/// engine.seat.park(Until::Now, &mut Vec::new());
/// # std::io::Result::Ok(())
/// ```
pub fn polling() -> io::Result<Engine> {
    let (reactor, seat) = Polling::open()?;
    Ok(Engine {
        reactor,
        seat: Box::new(seat),
    })
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// How long `until` allows to sleep; `None` means for ever.
pub(crate) fn remaining(until: Until) -> Option<Duration> {
    match until {
        Until::Now => Some(Duration::ZERO),
        Until::At(deadline) => Some(deadline - Instant::system()),
        Until::Forever => None,
    }
}

/// Says what is wrong with a kernel that knows no `epoll_pwait2`.
pub(crate) fn explain_open(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied => Explained::wrap(
            io::ErrorKind::Unsupported,
            format!("epoll_pwait2 is refused here, it needs Linux 5.11: {error}"),
            error,
        ),
        _ => error,
    }
}

/// The error for a descriptor of a simulated network.
pub(crate) fn not_ours(fd: DescriptorRef<'_>) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{fd} is no descriptor of this system's"),
    )
}
