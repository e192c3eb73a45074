//! Sockets on systems where a second call makes them non-blocking: Apple's.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio, retry_on_intr};
use rustix::net::sockopt::set_socket_nosigpipe;
use rustix::net::{AddressFamily, SendFlags, SocketAddrAny, SocketFlags, SocketType};

/// The socket itself keeps `SIGPIPE` away: see [`prepare`].
pub(super) const SEND_FLAGS: SendFlags = SendFlags::empty();

/// Opens a socket.
pub(super) fn open(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
    prepare(rustix::net::socket(family, kind, None)?)
}

/// Opens two sockets that are connected to each other.
pub(super) fn pair(kind: SocketType) -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::empty();
    let (one, other) = rustix::net::socketpair(AddressFamily::UNIX, kind, flags, None)?;
    Ok((prepare(one)?, prepare(other)?))
}

/// Takes the next connection.
pub(super) fn accept(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, Option<SocketAddrAny>)> {
    let (fd, addr) = retry_on_intr(|| rustix::net::acceptfrom(fd))?;
    Ok((prepare(fd)?, addr))
}

fn prepare(fd: OwnedFd) -> io::Result<OwnedFd> {
    fcntl_setfd(fd.as_fd(), FdFlags::CLOEXEC)?;
    ioctl_fionbio(fd.as_fd(), true)?;
    set_socket_nosigpipe(fd.as_fd(), true)?;
    Ok(fd)
}
