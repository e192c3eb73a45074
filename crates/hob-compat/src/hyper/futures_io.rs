//! From a stream of hyper to a stream of futures-io.

use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::futures_io::{AsyncRead, AsyncWrite};
use ::hyper::rt::{Read, ReadBuf, Write};

/// Makes a stream of hyper, such as `hyper::upgrade::Upgraded`, a stream of futures-io.
///
/// # Examples
///
/// ```
/// use hob_compat::hyper::{FuturesIo, HyperIo};
/// use hob::prelude::*;
///
/// # hob::run(async {
/// # let listener = hob::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
/// # let client = hob::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
/// # let (mut served, _) = listener.accept().await.unwrap();
/// let of_hyper = HyperIo::new(client);
/// let mut stream = FuturesIo::new(of_hyper);
/// stream.write_all(b"through").await.unwrap();
/// stream.close().await.unwrap();
/// # let mut heard = String::new();
/// # served.read_to_string(&mut heard).await.unwrap();
/// # assert_eq!(heard, "through");
/// # });
/// ```
#[derive(Debug)]
pub struct FuturesIo<T> {
    io: T,
}

impl<T> FuturesIo<T> {
    /// Wraps `io`.
    #[must_use]
    pub fn new(io: T) -> Self {
        Self { io }
    }

    /// The stream inside.
    #[must_use]
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// The stream inside.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }

    /// Gives the stream back. Nothing that was read is left in here.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.io
    }
}

impl<T: Read + Unpin> AsyncRead for FuturesIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.get_mut().io).poll_read(cx, buffer.unfilled()))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl<T: Write + Unpin> AsyncWrite for FuturesIo<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
