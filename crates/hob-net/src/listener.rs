//! A port that takes connections.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hob_core::io_source::WaitKey;
use hob_core::sys::{Addr, End, Family, SocketOption};
use hob_core::{Descriptor, Direction, Sys, budget, context};
use rustix::io::Errno;

use crate::address::{Resolve, Target};
use crate::error::AddressError;
use crate::socket::{Done, Socket, SocketStatistics, Waiter, current_sys};
use crate::stream::TcpStream;

/// How many connections may wait to be accepted; the kernel may allow fewer.
const BACKLOG: u32 = 1024;

/// A port that takes connections.
///
/// Any number of tasks may accept from one listener at once. Dropping it closes the port;
/// connections that were accepted stay.
///
/// # Examples
///
/// ```
/// use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
/// use hob_net::{TcpListener, TcpStream};
///
/// # future::block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let mut client = TcpStream::connect(listener.local_addr()?).await?;
/// let (mut served, peer) = listener.accept().await?;
/// assert_eq!(peer, client.local_addr()?);
///
/// served.write_all(b"welcome").await?;
/// served.close().await?;
/// let mut heard = String::new();
/// client.read_to_string(&mut heard).await?;
/// assert_eq!(heard, "welcome");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[doc(alias = "listen")]
pub struct TcpListener {
    socket: Socket,
}

/// The future of [`TcpListener::bind`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Bind {
    place: &'static Location<'static>,
    state: BindState,
}

enum BindState {
    Start(Option<Target>),
    Resolving(Resolve, &'static dyn Sys),
}

/// The future of [`TcpListener::accept`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Accept<'a> {
    listener: &'a TcpListener,
    key: WaitKey,
    place: &'static Location<'static>,
}

impl TcpListener {
    /// Listens at `target`: at the first of its addresses that can be had.
    ///
    /// Port 0 asks the system for a free one, see [`local_addr`](Self::local_addr). The address may be
    /// taken although old connections to it linger (`SO_REUSEADDR`), and 1024 connections may wait
    /// to be accepted. Only a name makes the future wait; with an address it is ready at once.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future that is dropped has listened nowhere.
    ///
    /// # Errors
    ///
    /// When the target is malformed, when its name cannot be looked up, and when none of its
    /// addresses can be had: then the error holds an [`AddressError`] that names each.
    #[track_caller]
    pub fn bind(target: impl Into<Target>) -> Bind {
        Bind {
            place: Location::caller(),
            state: BindState::Start(Some(target.into())),
        }
    }

    /// Takes the next connection, and says where it comes from.
    ///
    /// A connection that broke before it could be taken is skipped. After an error, such as too many
    /// open descriptors, the listener still works; but the connection still waits, so whoever tries
    /// again should first let something change.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no connection is taken unless it is returned.
    ///
    /// # Errors
    ///
    /// What `accept(2)` says.
    #[track_caller]
    pub fn accept(&self) -> Accept<'_> {
        Accept {
            listener: self,
            key: WaitKey::default(),
            place: Location::caller(),
        }
    }

    /// The address at which it listens.
    ///
    /// # Errors
    ///
    /// What `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.addr(End::Local)
    }

    /// Gives it away as a listener of the standard library, still non-blocking.
    ///
    /// # Errors
    ///
    /// When it belongs to a simulated network, or cannot be taken from its poller. It is closed then.
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        self.socket.into_fd().map(std::net::TcpListener::from)
    }

    /// Its file descriptor.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) when it belongs to a simulated network.
    pub fn try_as_fd(&self) -> io::Result<BorrowedFd<'_>> {
        self.socket.as_fd()
    }

    /// Returns what is known of its socket.
    #[must_use]
    pub fn statistics(&self) -> SocketStatistics {
        self.socket.statistics()
    }
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// Takes over a listener of the standard library, and makes it non-blocking.
    fn try_from(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            socket: Socket::from_fd(OwnedFd::from(listener)),
        })
    }
}

impl AsFd for TcpListener {
    /// # Panics
    ///
    /// Panics for a listener of a simulated network; see [`try_as_fd`](TcpListener::try_as_fd).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.try_as_fd()
            .unwrap_or_else(|error| panic!("no descriptor to borrow: {error}"))
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpListener").field(&self.socket).finish()
    }
}

impl Bind {
    fn poll_listener(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TcpListener>> {
        loop {
            match &mut self.state {
                BindState::Start(target) => {
                    ready!(budget::poll_proceed(cx));
                    budget::spend();
                    let target = target.take().expect("the state changes two lines below");
                    let sys = current_sys();
                    self.state = BindState::Resolving(Resolve::new(target, sys), sys);
                }
                BindState::Resolving(resolve, sys) => {
                    let addrs = ready!(resolve.poll(cx))?;
                    return Poll::Ready(listen_at_first(addrs, *sys));
                }
            }
        }
    }
}

fn listen_at_first(addrs: Vec<SocketAddr>, sys: &'static dyn Sys) -> io::Result<TcpListener> {
    let mut failed = Vec::new();
    for addr in addrs {
        match listen_at(addr, sys) {
            Ok(socket) => return Ok(TcpListener { socket }),
            Err(error) => failed.push((addr, error)),
        }
    }
    Err(AddressError::wrap("listen at", failed))
}

fn listen_at(addr: SocketAddr, sys: &'static dyn Sys) -> io::Result<Socket> {
    let socket = Socket::open(Family::from(&addr), sys)?;
    socket.set_option(SocketOption::ReuseAddress(true))?;
    sys.bind(socket.descriptor(), &Addr::Inet(addr))?;
    sys.listen(socket.descriptor(), BACKLOG)?;
    Ok(socket)
}

impl Future for Bind {
    type Output = io::Result<TcpListener>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = self.poll_listener(cx);
        if outcome.is_pending() {
            context::record_wait(&"TcpListener::bind", self.place);
        }
        outcome
    }
}

impl fmt::Debug for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bind = f.debug_struct("Bind");
        if let BindState::Start(Some(target)) = &self.state {
            bind.field("target", &format_args!("{target}"));
        }
        bind.finish_non_exhaustive()
    }
}

impl Future for Accept<'_> {
    type Output = io::Result<(TcpStream, SocketAddr)>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            listener,
            key,
            place,
        } = self.get_mut();
        let socket = &listener.socket;
        let (descriptor, addr) = loop {
            // Every attempt costs budget, so many broken connections do not keep the task running.
            match socket.poll_io(cx, Direction::Read, Waiter::Listed(key), accept_one) {
                Poll::Ready(Err(error)) if is_of_connection(&error) => {}
                Poll::Ready(accepted) => break accepted?,
                Poll::Pending => {
                    context::record_wait(&"TcpListener::accept", place);
                    return Poll::Pending;
                }
            }
        };
        let accepted = Socket::new(descriptor, socket.sys());
        let stream = TcpStream::new(accepted, place);
        Poll::Ready(addr.into_inet().map(|addr| (stream, addr)))
    }
}

fn accept_one(sys: &dyn Sys, socket: &Descriptor) -> io::Result<Done<(Descriptor, Addr)>> {
    sys.accept(socket).map(Done::Full)
}

/// Whether `accept(2)` failed for the sake of the connection, which is gone, and not of the listener.
///
/// `EOPNOTSUPP` and `EPERM` may be either. They would come again and again if they are the
/// listener's, so they are not among them.
fn is_of_connection(error: &io::Error) -> bool {
    let without_kind = [
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        #[cfg(target_os = "linux")]
        Errno::NONET,
    ];
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable => true,
        _ => Errno::from_io_error(error).is_some_and(|errno| without_kind.contains(&errno)),
    }
}

impl Drop for Accept<'_> {
    fn drop(&mut self) {
        self.listener.socket.unlist(&mut self.key);
    }
}

impl fmt::Debug for Accept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accept")
            .field("listener", self.listener)
            .finish_non_exhaustive()
    }
}
