//! A socket or another open object, of the kernel or of a simulated network.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// An open socket: the kernel's, or one of a simulated network.
///
/// Whoever owns it closes it through [`Sys::close`](crate::Sys::close); a kernel's descriptor is
/// closed by a plain drop as well.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "each `Sys` must tell them apart")]
pub enum Descriptor {
    /// A descriptor of the kernel.
    Os(OwnedFd),
    /// A number that a simulated network gave out.
    Virtual(u64),
}

/// A borrowed [`Descriptor`].
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "each `Reactor` must tell them apart"
)]
pub enum DescriptorRef<'a> {
    /// A descriptor of the kernel.
    Os(BorrowedFd<'a>),
    /// A number that a simulated network gave out.
    Virtual(u64),
}

impl Descriptor {
    /// Borrows it.
    #[must_use]
    pub fn as_ref(&self) -> DescriptorRef<'_> {
        match self {
            Self::Os(fd) => DescriptorRef::Os(fd.as_fd()),
            Self::Virtual(number) => DescriptorRef::Virtual(*number),
        }
    }
}

impl From<OwnedFd> for Descriptor {
    fn from(fd: OwnedFd) -> Self {
        Self::Os(fd)
    }
}

impl<'a> From<BorrowedFd<'a>> for DescriptorRef<'a> {
    fn from(fd: BorrowedFd<'a>) -> Self {
        Self::Os(fd)
    }
}

impl fmt::Display for DescriptorRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Os(fd) => write!(f, "fd {}", fd.as_raw_fd()),
            Self::Virtual(number) => write!(f, "virtual socket {number}"),
        }
    }
}
