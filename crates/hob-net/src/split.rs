//! The two directions of a connection, apart.
//!
//! # Implementation
//!
//! A half is a reference to the stream, borrowed or counted, that offers one direction only. The
//! stream has a place for a waker in each direction, so the halves do not disturb each other.

use std::error::Error;
use std::fmt;
use std::io;
use std::io::{IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};

use crate::stream::TcpStream;

/// The reading direction of a borrowed [`TcpStream`]; see [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a TcpStream);

/// The writing direction of a borrowed [`TcpStream`]; see [`TcpStream::split`].
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a TcpStream);

/// The reading direction of a [`TcpStream`]; see [`TcpStream::into_split`].
#[derive(Debug)]
pub struct OwnedReadHalf(Arc<TcpStream>);

/// The writing direction of a [`TcpStream`]; see [`TcpStream::into_split`].
///
/// Dropping it shuts that direction down, so that the other end reads the end of the stream.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    /// `None` only once the half has been given up.
    stream: Option<Arc<TcpStream>>,
}

/// The halves belong to two streams; here they are again.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "it gives back what it was given")]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

/// # Splitting
impl TcpStream {
    /// Splits the stream into its directions, for use within one task.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures_lite::{AsyncReadExt, AsyncWriteExt, future, io};
    /// # use hob_net::{TcpListener, TcpStream};
    /// # future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (mut served, _) = listener.accept().await?;
    /// client.write_all(b"echo").await?;
    /// client.close().await?;
    ///
    /// let (reader, mut writer) = served.split();
    /// assert_eq!(io::copy(reader, &mut writer).await?, 4);
    /// writer.close().await?;
    ///
    /// let mut heard = String::new();
    /// client.read_to_string(&mut heard).await?;
    /// assert_eq!(heard, "echo");
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        (ReadHalf(self), WriteHalf(self))
    }

    /// Splits the stream into its directions, each for a task of its own.
    ///
    /// The connection is closed once both are dropped. Dropping the writing half shuts its direction
    /// down, so that the other end reads the end of the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_net::{TcpListener, TcpStream};
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// let (reader, writer) = stream.into_split();
    /// let stream = reader.reunite(writer).expect("two halves of one stream");
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let stream = Arc::new(self);
        let writer = OwnedWriteHalf {
            stream: Some(Arc::clone(&stream)),
        };
        (OwnedReadHalf(stream), writer)
    }
}

impl OwnedReadHalf {
    /// Makes the halves one stream again.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`], with both halves, if they are not of one stream.
    #[expect(clippy::missing_panics_doc, reason = "it cannot")]
    pub fn reunite(self, mut writer: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        if !std::ptr::eq(self.stream(), writer.stream()) {
            return Err(ReuniteError(self, writer));
        }
        drop(writer.stream.take());
        Ok(Arc::into_inner(self.0).expect("a stream has two halves, and one is gone"))
    }

    /// The whole stream, to ask for its addresses and options.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        &self.0
    }
}

impl OwnedWriteHalf {
    /// The whole stream, to ask for its addresses and options.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it cannot")]
    pub fn stream(&self) -> &TcpStream {
        self.stream
            .as_ref()
            .expect("only `drop` and `reunite` take it, and nothing runs after them")
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            // An error says that the connection is gone: then there is nobody to tell.
            drop(stream.shutdown(Shutdown::Write));
        }
    }
}

impl AsyncRead for ReadHalf<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut { self.0 }).poll_read(cx, buffer)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut { self.0 }).poll_read_vectored(cx, buffers)
    }
}

impl AsyncRead for OwnedReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream()).poll_read(cx, buffer)
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream()).poll_read_vectored(cx, buffers)
    }
}

impl AsyncWrite for WriteHalf<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut { self.0 }).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut { self.0 }).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut { self.0 }).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut { self.0 }).poll_close(cx)
    }
}

impl AsyncWrite for OwnedWriteHalf {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream()).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream()).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream()).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream()).poll_close(cx)
    }
}

impl Error for ReuniteError {}

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves do not belong to one stream")
    }
}
