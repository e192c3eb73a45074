//! The kernel's sockets behind the seam [`Sys`].
//!
//! # Implementation
//!
//! The calls that move bytes go to the system by `rustix`, the options by `socket2`, and the look-up
//! of names by `std`, which asks the system's resolver. None of them needs `unsafe` here. Systems
//! differ in how a socket becomes non-blocking and how `SIGPIPE` is kept away, which is what
//! `platform` hides: in the call that makes the socket where the system can, else after it.
//!
//! # References
//!
//! - The manual pages of the calls, <https://man7.org/linux/man-pages/man7/socket.7.html>,
//!   <https://man7.org/linux/man-pages/man2/connect.2.html> on what `EINPROGRESS`, `EINTR` and
//!   `EAGAIN` mean there.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use hob_core::sys::{Addr, End, Family, Message, SocketKind, SocketOption};
use hob_core::{Descriptor, Sys};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, ReturnFlags, SendAncillaryBuffer, SocketAddrAny,
    SocketAddrUnix, SocketType,
};
use socket2::SockRef;

use crate::socket::BUFFERS_MAX;

#[cfg(not(target_vendor = "apple"))]
mod one_call;
#[cfg(target_vendor = "apple")]
mod two_calls;

#[cfg(not(target_vendor = "apple"))]
use self::one_call as platform;
#[cfg(target_vendor = "apple")]
use self::two_calls as platform;

/// The sockets of the operating system.
///
/// Every descriptor is made non-blocking and is closed in programs that are executed; no call raises
/// `SIGPIPE` or fails with `EINTR`. A [`Descriptor::Virtual`] is refused with
/// [`InvalidInput`](io::ErrorKind::InvalidInput).
///
/// # Examples
///
/// ```
/// use hob_core::{Descriptor, Sys};
/// use hob_core::sys::{Family, SocketKind};
/// use hob_net::OsSys;
///
/// let socket = OsSys.socket(Family::V4, SocketKind::Stream)?;
/// assert!(matches!(socket, Descriptor::Os(_)));
/// OsSys.close(socket);
///
/// let foreign = Descriptor::Virtual(7);
/// let refused = OsSys.listen(&foreign, 1).unwrap_err();
/// assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no state")]
pub struct OsSys;

impl Sys for OsSys {
    fn socket(&self, family: Family, kind: SocketKind) -> io::Result<Descriptor> {
        let family = match family {
            Family::V4 => AddressFamily::INET,
            Family::V6 => AddressFamily::INET6,
            Family::Unix => AddressFamily::UNIX,
            other => return Err(unsupported("family", &other)),
        };
        platform::open(family, socket_type(kind)?).map(Descriptor::Os)
    }

    fn pair(&self, kind: SocketKind) -> io::Result<(Descriptor, Descriptor)> {
        let (one, other) = platform::pair(socket_type(kind)?)?;
        Ok((Descriptor::Os(one), Descriptor::Os(other)))
    }

    fn bind(&self, socket: &Descriptor, addr: &Addr) -> io::Result<()> {
        Ok(rustix::net::bind(os(socket)?, &to_system(addr)?)?)
    }

    fn listen(&self, socket: &Descriptor, backlog: u32) -> io::Result<()> {
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        Ok(rustix::net::listen(os(socket)?, backlog)?)
    }

    fn accept(&self, socket: &Descriptor) -> io::Result<(Descriptor, Addr)> {
        let (fd, addr) = platform::accept(os(socket)?)?;
        Ok((Descriptor::Os(fd), from_system(addr)?))
    }

    fn connect(&self, socket: &Descriptor, addr: &Addr) -> io::Result<()> {
        match rustix::net::connect(os(socket)?, &to_system(addr)?) {
            Ok(()) => Ok(()),
            // Interrupted or asked twice: the kernel goes on by itself.
            Err(Errno::INPROGRESS | Errno::ALREADY | Errno::INTR) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            // Here `EAGAIN` is an end, not a beginning: it must not be taken for "under way".
            Err(Errno::AGAIN) => Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "the other end takes no more connections for now",
            )),
            Err(error) => Err(error.into()),
        }
    }

    fn recv(&self, socket: &Descriptor, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let fd = os(socket)?;
        let received = match buffers {
            [only] => retry_on_intr(|| rustix::net::recv(fd, &mut **only, RecvFlags::empty()))
                .map(|(taken, _)| taken),
            _ => retry_on_intr(|| rustix::io::readv(fd, buffers)),
        };
        Ok(received?)
    }

    fn peek(&self, socket: &Descriptor, buffer: &mut [u8]) -> io::Result<usize> {
        let fd = os(socket)?;
        let (taken, _) = retry_on_intr(|| rustix::net::recv(fd, &mut *buffer, RecvFlags::PEEK))?;
        Ok(taken)
    }

    fn send(&self, socket: &Descriptor, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let fd = os(socket)?;
        // A longer list is refused as a whole, but a stream may send a part.
        let buffers = &buffers[..buffers.len().min(BUFFERS_MAX)];
        let sent = match buffers {
            [only] => retry_on_intr(|| rustix::net::send(fd, only, platform::SEND_FLAGS)),
            _ => retry_on_intr(|| {
                let mut control = SendAncillaryBuffer::default();
                rustix::net::sendmsg(fd, buffers, &mut control, platform::SEND_FLAGS)
            }),
        };
        Ok(sent?)
    }

    fn recv_message(
        &self,
        socket: &Descriptor,
        buffers: &mut [IoSliceMut<'_>],
    ) -> io::Result<Message> {
        let fd = os(socket)?;
        let received = retry_on_intr(|| {
            let mut control = RecvAncillaryBuffer::default();
            rustix::net::recvmsg(fd, buffers, &mut control, RecvFlags::empty())
        })?;
        Ok(Message {
            len: received.bytes,
            truncated: received.flags.contains(ReturnFlags::TRUNC),
            from: from_system(received.address)?,
        })
    }

    fn send_message(
        &self,
        socket: &Descriptor,
        buffers: &[IoSlice<'_>],
        to: Option<&Addr>,
    ) -> io::Result<usize> {
        let fd = os(socket)?;
        let to = to.map(to_system).transpose()?;
        let sent = retry_on_intr(|| {
            let mut control = SendAncillaryBuffer::default();
            match &to {
                Some(to) => {
                    rustix::net::sendmsg_addr(fd, to, buffers, &mut control, platform::SEND_FLAGS)
                }
                None => rustix::net::sendmsg(fd, buffers, &mut control, platform::SEND_FLAGS),
            }
        });
        Ok(sent?)
    }

    fn shutdown(&self, socket: &Descriptor, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => rustix::net::Shutdown::Read,
            Shutdown::Write => rustix::net::Shutdown::Write,
            Shutdown::Both => rustix::net::Shutdown::Both,
        };
        Ok(rustix::net::shutdown(os(socket)?, how)?)
    }

    fn set_option(&self, socket: &Descriptor, option: SocketOption) -> io::Result<()> {
        let fd = os(socket)?;
        let socket = SockRef::from(&fd);
        match option {
            SocketOption::NoDelay(on) => socket.set_tcp_nodelay(on),
            SocketOption::Ttl(hops) if is_v6(&socket)? => socket.set_unicast_hops_v6(hops),
            SocketOption::Ttl(hops) => socket.set_ttl_v4(hops),
            SocketOption::Linger(time) => socket.set_linger(time),
            SocketOption::ReuseAddress(on) => socket.set_reuse_address(on),
            SocketOption::ReusePort(on) => socket.set_reuse_port(on),
            SocketOption::KeepAlive(on) => socket.set_keepalive(on),
            other => Err(unsupported("option", &other)),
        }
    }

    fn option(&self, socket: &Descriptor, option: SocketOption) -> io::Result<SocketOption> {
        let fd = os(socket)?;
        let socket = SockRef::from(&fd);
        match option {
            SocketOption::NoDelay(_) => socket.tcp_nodelay().map(SocketOption::NoDelay),
            SocketOption::Ttl(_) if is_v6(&socket)? => {
                socket.unicast_hops_v6().map(SocketOption::Ttl)
            }
            SocketOption::Ttl(_) => socket.ttl_v4().map(SocketOption::Ttl),
            SocketOption::Linger(_) => socket.linger().map(SocketOption::Linger),
            SocketOption::ReuseAddress(_) => socket.reuse_address().map(SocketOption::ReuseAddress),
            SocketOption::ReusePort(_) => socket.reuse_port().map(SocketOption::ReusePort),
            SocketOption::KeepAlive(_) => socket.keepalive().map(SocketOption::KeepAlive),
            other => Err(unsupported("option", &other)),
        }
    }

    fn take_error(&self, socket: &Descriptor) -> io::Result<Option<io::Error>> {
        SockRef::from(&os(socket)?).take_error()
    }

    fn addr(&self, socket: &Descriptor, end: End) -> io::Result<Addr> {
        let fd = os(socket)?;
        match end {
            End::Local => from_system(Some(rustix::net::getsockname(fd)?)),
            End::Peer => from_system(rustix::net::getpeername(fd)?),
        }
    }

    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let found: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
        if found.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the name has no address",
            ));
        }
        Ok(found)
    }

    fn close(&self, socket: Descriptor) {
        // A kernel's descriptor closes as it is dropped. A virtual one is not ours to close.
        drop(socket);
    }
}

impl fmt::Debug for OsSys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OsSys")
    }
}

/// The kernel's descriptor, or the refusal of a foreign one.
fn os(socket: &Descriptor) -> io::Result<BorrowedFd<'_>> {
    match socket {
        Descriptor::Os(fd) => Ok(fd.as_fd()),
        Descriptor::Virtual(_) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} is no socket of the kernel", socket.as_ref()),
        )),
    }
}

fn socket_type(kind: SocketKind) -> io::Result<SocketType> {
    match kind {
        SocketKind::Stream => Ok(SocketType::STREAM),
        SocketKind::Datagram => Ok(SocketType::DGRAM),
        other => Err(unsupported("kind", &other)),
    }
}

fn to_system(addr: &Addr) -> io::Result<SocketAddrAny> {
    match addr {
        Addr::Inet(addr) => Ok((*addr).into()),
        Addr::Unix(path) => Ok(SocketAddrUnix::new(path.as_path())?.into()),
        other => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{other} is no address to give to a socket"),
        )),
    }
}

/// An abstract name of Linux counts as no name: [`Addr`] has paths only.
fn from_system(addr: Option<SocketAddrAny>) -> io::Result<Addr> {
    let Some(addr) = addr else {
        return Ok(Addr::Unnamed);
    };
    if addr.address_family() == AddressFamily::UNIX {
        let unix = SocketAddrUnix::try_from(addr)?;
        let path = unix.path_bytes().map(OsStr::from_bytes);
        return Ok(path.map_or(Addr::Unnamed, |path| Addr::Unix(PathBuf::from(path))));
    }
    Ok(Addr::Inet(SocketAddr::try_from(addr)?))
}

fn is_v6(socket: &SockRef<'_>) -> io::Result<bool> {
    Ok(socket.local_addr()?.is_ipv6())
}

fn unsupported(what: &str, value: &dyn fmt::Debug) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!("this {what} of sockets is not supported: {value:?}"),
    )
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    use rustix::io::{FdFlags, fcntl_getfd};

    use super::*;

    fn loopback() -> Addr {
        Addr::Inet("127.0.0.1:0".parse().unwrap())
    }

    fn listening() -> (Descriptor, Addr) {
        let socket = OsSys.socket(Family::V4, SocketKind::Stream).unwrap();
        OsSys.bind(&socket, &loopback()).unwrap();
        OsSys.listen(&socket, 8).unwrap();
        let addr = OsSys.addr(&socket, End::Local).unwrap();
        (socket, addr)
    }

    #[track_caller]
    fn check_flags(socket: &Descriptor) {
        let fd = os(socket).unwrap();
        assert!(SockRef::from(&fd).nonblocking().unwrap());
        assert!(fcntl_getfd(fd).unwrap().contains(FdFlags::CLOEXEC));
    }

    #[test]
    fn sockets_never_block_and_close_on_exec() {
        let (listener, addr) = listening();
        check_flags(&listener);
        let client = std::net::TcpStream::connect(addr.into_inet().unwrap()).unwrap();
        let (accepted, peer) = OsSys.accept(&listener).unwrap();
        check_flags(&accepted);
        assert_eq!(peer, Addr::Inet(client.local_addr().unwrap()));
    }

    #[test]
    fn nothing_to_accept_or_receive_would_block() {
        let (listener, addr) = listening();
        let none = OsSys.accept(&listener).unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::WouldBlock);

        let _client = std::net::TcpStream::connect(addr.into_inet().unwrap()).unwrap();
        let (accepted, _) = OsSys.accept(&listener).unwrap();
        let mut buffer = [0; 4];
        let none = OsSys.recv(&accepted, &mut [IoSliceMut::new(&mut buffer)]);
        assert_eq!(none.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_write_to_a_closed_connection_is_an_error_and_no_signal() {
        let (listener, addr) = listening();
        let client = std::net::TcpStream::connect(addr.into_inet().unwrap()).unwrap();
        let (accepted, _) = OsSys.accept(&listener).unwrap();
        OsSys.shutdown(&accepted, Shutdown::Write).unwrap();
        let broken = OsSys.send(&accepted, &[IoSlice::new(b"late")]);
        assert_eq!(broken.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let broken = OsSys.send(&accepted, &[IoSlice::new(b"la"), IoSlice::new(b"te")]);
        assert_eq!(broken.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        drop(client);
    }

    #[test]
    fn options_read_back_as_set() {
        for (family, hops) in [(Family::V4, 17), (Family::V6, 18)] {
            let Ok(socket) = OsSys.socket(family, SocketKind::Stream) else {
                continue; // A machine without IPv6.
            };
            for option in [
                SocketOption::NoDelay(true),
                SocketOption::Ttl(hops),
                SocketOption::Linger(Some(Duration::from_secs(3))),
                SocketOption::Linger(None),
                SocketOption::ReuseAddress(true),
                SocketOption::ReusePort(true),
                SocketOption::KeepAlive(true),
            ] {
                OsSys.set_option(&socket, option).unwrap();
                assert_eq!(OsSys.option(&socket, option).unwrap(), option);
            }
        }
    }

    #[test]
    fn a_virtual_descriptor_is_refused() {
        let foreign = Descriptor::Virtual(3);
        let mut buffer = [0; 1];
        let answers = [
            OsSys.bind(&foreign, &loopback()).err(),
            OsSys.listen(&foreign, 1).err(),
            OsSys.accept(&foreign).err(),
            OsSys.connect(&foreign, &loopback()).err(),
            OsSys.peek(&foreign, &mut buffer).err(),
            OsSys
                .recv(&foreign, &mut [IoSliceMut::new(&mut buffer)])
                .err(),
            OsSys.send(&foreign, &[IoSlice::new(&buffer)]).err(),
            OsSys
                .recv_message(&foreign, &mut [IoSliceMut::new(&mut [0])])
                .err(),
            OsSys
                .send_message(&foreign, &[IoSlice::new(&buffer)], None)
                .err(),
            OsSys.shutdown(&foreign, Shutdown::Both).err(),
            OsSys
                .set_option(&foreign, SocketOption::NoDelay(true))
                .err(),
            OsSys.option(&foreign, SocketOption::NoDelay(true)).err(),
            OsSys.take_error(&foreign).err(),
            OsSys.addr(&foreign, End::Local).err(),
        ];
        for answer in answers {
            let error = answer.expect("refused");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("virtual socket 3"), "{error}");
        }
    }

    #[test]
    fn unix_addresses_come_back_as_paths() {
        let path = std::env::temp_dir().join(format!("hob-net-{}.sock", std::process::id()));
        let socket = OsSys.socket(Family::Unix, SocketKind::Stream).unwrap();
        assert_eq!(OsSys.addr(&socket, End::Local).unwrap(), Addr::Unnamed);
        OsSys.bind(&socket, &Addr::Unix(path.clone())).unwrap();
        let bound = OsSys.addr(&socket, End::Local);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(bound.unwrap(), Addr::Unix(path));
    }

    #[test]
    fn close_closes() {
        let socket = OsSys.socket(Family::V4, SocketKind::Stream).unwrap();
        let number = os(&socket).unwrap().as_raw_fd();
        let link = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
        OsSys.close(socket);
        // The number may have been given out again, but not to the same socket.
        assert_ne!(
            std::fs::read_link(format!("/proc/self/fd/{number}")).ok(),
            Some(link)
        );
    }
}
