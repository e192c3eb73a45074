//! Sockets on systems whose calls make them non-blocking and closed on exec at once.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::retry_on_intr;
use rustix::net::{AddressFamily, SendFlags, SocketAddrAny, SocketFlags, SocketType};

/// Keeps `SIGPIPE` away.
pub(super) const SEND_FLAGS: SendFlags = SendFlags::NOSIGNAL;

const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

/// Opens a socket.
pub(super) fn open(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(family, kind, FLAGS, None)?)
}

/// Opens two sockets that are connected to each other.
pub(super) fn pair(kind: SocketType) -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(
        AddressFamily::UNIX,
        kind,
        FLAGS,
        None,
    )?)
}

/// Takes the next connection.
pub(super) fn accept(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, Option<SocketAddrAny>)> {
    Ok(retry_on_intr(|| rustix::net::acceptfrom_with(fd, FLAGS))?)
}
