//! A TCP connection.
//!
//! # Implementation
//!
//! Reading and writing are the traits of `futures_io`, for `TcpStream` and for `&TcpStream`. Each
//! direction remembers one waker, that of the last task that polled it, so one task may read while
//! another writes. [`Socket::poll_io`] does the rest.

use std::fmt;
use std::future::Future;
use std::io;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncRead, AsyncWrite};
use hob_core::io_source::WaitKey;
use hob_core::sys::End;
use hob_core::{Direction, budget, context};

use crate::address::Target;
use crate::connect::Connect;
use crate::socket::{BUFFERS_MAX, Done, Socket, SocketStatistics, Waiter};

/// A TCP connection.
///
/// It is read and written through the traits of `futures_io`, which `&TcpStream` implements as well.
/// One task at a time may wait to read, and one to write: a second one that waits for the same
/// direction takes the place of the first. Small writes are delayed as in the kernel's default
/// (Nagle's algorithm); [`set_nodelay`](Self::set_nodelay) turns that off.
///
/// Dropping the stream closes the connection. What was written and not yet sent is still sent, but
/// nobody hears whether it arrived.
///
/// # Cancel safety
///
/// A read or a write that is dropped before it was ready has moved no byte. What a combinator of
/// several operations has moved before, as in `read_exact` or `write_all`, stays moved.
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
/// client.write_all(b"ping").await?;
///
/// let (mut served, _) = listener.accept().await?;
/// let mut heard = [0; 4];
/// served.read_exact(&mut heard).await?;
/// assert_eq!(&heard, b"ping");
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
pub struct TcpStream {
    socket: Socket,
    /// Where the connection was made: reads and writes come through traits and know no better place.
    place: &'static Location<'static>,
}

/// The future of [`TcpStream::peek`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Peek<'a> {
    stream: &'a TcpStream,
    buffer: &'a mut [u8],
    key: WaitKey,
    place: &'static Location<'static>,
}

impl TcpStream {
    pub(crate) fn new(socket: Socket, place: &'static Location<'static>) -> Self {
        Self { socket, place }
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Connects to `target`.
    ///
    /// Its addresses are tried one after the other, in their order, until one answers.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future closes what it had begun.
    ///
    /// # Errors
    ///
    /// When the target is malformed, when its name cannot be looked up, and when no address answers:
    /// then the error holds an [`AddressError`](crate::AddressError) with what each of them said.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// use hob_net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("localhost:0").await?;
    /// let addr = listener.local_addr()?;
    /// let stream = TcpStream::connect(("localhost", addr.port())).await?;
    /// assert_eq!(stream.peer_addr()?, addr);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn connect(target: impl Into<Target>) -> Connect {
        Connect::new(target.into(), Location::caller())
    }

    /// Waits for bytes, and copies them without taking them out of the stream.
    ///
    /// Returns how many were copied; zero is the end of the stream. Any number of tasks may wait here,
    /// beside the one that reads.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is taken out.
    ///
    /// # Errors
    ///
    /// What `recv(2)` says.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::{AsyncReadExt, AsyncWriteExt};
    /// # use hob_net::{TcpListener, TcpStream};
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (mut served, _) = listener.accept().await?;
    /// client.write_all(b"G").await?;
    /// let mut first = [0; 1];
    /// assert_eq!(served.peek(&mut first).await?, 1);
    /// served.read_exact(&mut first).await?;
    /// assert_eq!(&first, b"G");
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[track_caller]
    pub fn peek<'a>(&'a self, buffer: &'a mut [u8]) -> Peek<'a> {
        Peek {
            stream: self,
            buffer,
            key: WaitKey::default(),
            place: Location::caller(),
        }
    }

    /// Closes one direction, or both.
    ///
    /// After `Shutdown::Write` the other end reads the end of the stream once it has read what was
    /// written before. Whoever waits here is woken.
    ///
    /// # Errors
    ///
    /// What `shutdown(2)` says: [`NotConnected`](io::ErrorKind::NotConnected) when the connection is
    /// gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.sys().shutdown(self.socket.descriptor(), how)
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// What `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.addr(End::Local)
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// What `getpeername(2)` says: [`NotConnected`](io::ErrorKind::NotConnected) when the connection
    /// is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.addr(End::Peer)
    }

    /// Gives it away as a stream of the standard library, still non-blocking.
    ///
    /// # Errors
    ///
    /// When it belongs to a simulated network, or cannot be taken from its poller. It is closed then.
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        self.socket.into_fd().map(std::net::TcpStream::from)
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

    fn poll_recv(
        &self,
        cx: &Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        if buffers.iter().all(|buffer| buffer.is_empty()) {
            // The kernel would say that it would block.
            ready!(budget::poll_proceed(cx));
            budget::spend();
            return Poll::Ready(Ok(0));
        }
        let count = buffers.len().min(BUFFERS_MAX);
        let buffers = &mut buffers[..count];
        let asked = buffers.iter().map(|buffer| buffer.len()).sum();
        let received = self
            .socket
            .poll_io(cx, Direction::Read, Waiter::Sole, |sys, socket| {
                let taken = sys.recv(socket, buffers)?;
                // The end of the stream stays: the next read sees it again.
                Ok(if taken == 0 {
                    Done::Full(taken)
                } else {
                    moved(taken, asked)
                })
            });
        if received.is_pending() {
            context::record_wait(&"TcpStream, readable", self.place);
        }
        received
    }

    fn poll_send(&self, cx: &Context<'_>, buffers: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let buffers = &buffers[..buffers.len().min(BUFFERS_MAX)];
        let asked = buffers.iter().map(|buffer| buffer.len()).sum();
        let sent = self
            .socket
            .poll_io(cx, Direction::Write, Waiter::Sole, |sys, socket| {
                Ok(moved(sys.send(socket, buffers)?, asked))
            });
        if sent.is_pending() {
            context::record_wait(&"TcpStream, writable", self.place);
        }
        sent
    }

    fn close_writing(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            // Already gone, by the other end's reset: nothing is left to close.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            closed => closed,
        }
    }
}

fn moved(bytes: usize, asked: usize) -> Done<usize> {
    if bytes < asked {
        Done::Short(bytes)
    } else {
        Done::Full(bytes)
    }
}

impl AsyncRead for &TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_recv(cx, &mut [IoSliceMut::new(buffer)])
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_recv(cx, buffers)
    }
}

impl AsyncWrite for &TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, &[IoSlice::new(buffer)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, buffers)
    }

    /// Nothing to do: what was written is with the kernel already.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Shuts the writing direction down: the other end reads the end of the stream.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.close_writing())
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read(cx, buffer)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_read_vectored(cx, buffers)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(cx)
    }
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// Takes over a stream of the standard library, and makes it non-blocking.
    #[track_caller]
    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let socket = Socket::from_fd(OwnedFd::from(stream));
        Ok(Self::new(socket, Location::caller()))
    }
}

impl AsFd for TcpStream {
    /// # Panics
    ///
    /// Panics for a stream of a simulated network; see [`try_as_fd`](TcpStream::try_as_fd).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.try_as_fd()
            .unwrap_or_else(|error| panic!("no descriptor to borrow: {error}"))
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpStream").field(&self.socket).finish()
    }
}

impl Future for Peek<'_> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            stream,
            buffer,
            key,
            place,
        } = self.get_mut();
        let peeked =
            stream
                .socket
                .poll_io(cx, Direction::Read, Waiter::Listed(key), |sys, socket| {
                    // However few: they are still there, so a read will not block.
                    sys.peek(socket, buffer).map(Done::Full)
                });
        if peeked.is_pending() {
            context::record_wait(&"TcpStream::peek", place);
        }
        peeked
    }
}

impl Drop for Peek<'_> {
    fn drop(&mut self) {
        self.stream.socket.unlist(&mut self.key);
    }
}

impl fmt::Debug for Peek<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peek")
            .field("stream", self.stream)
            .finish_non_exhaustive()
    }
}
