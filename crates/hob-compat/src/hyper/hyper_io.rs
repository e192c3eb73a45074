//! From a stream of futures-io to a stream of hyper.
//!
//! # Implementation
//!
//! hyper reads into memory that nobody has initialized; a reader of futures-io wants bytes. So a read
//! goes into a buffer of our own, zeroed once, and is copied. The buffer starts small, since a
//! connection that waits for its next request keeps it, and doubles whenever a read fills it. After a
//! short read, one that the small buffer would have held, it is small again.

use std::io;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::futures_io::{AsyncRead, AsyncWrite};
use ::hyper::rt::{Read, ReadBufCursor, Write};

/// The first size of the buffer.
const SIZE_MIN: usize = 4 * 1024;
/// The last: above it the copy costs more than the system call that it saves.
const SIZE_MAX: usize = 64 * 1024;

/// Gives a stream of futures-io, such as [`hob::net::TcpStream`], to hyper.
///
/// # Examples
///
/// ```
/// use hob_compat::hyper::HyperIo;
///
/// # hob::run(async {
/// let listener = hob::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
/// let stream = hob::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
/// let stream = HyperIo::new(stream);
/// assert!(hyper::rt::Write::is_write_vectored(&stream));
/// # });
/// ```
#[derive(Debug)]
pub struct HyperIo<T> {
    io: T,
    buffer: Buffer,
    vectored: bool,
}

/// Bytes to read into. Between reads they mean nothing.
#[derive(Debug, Default)]
struct Buffer(Vec<u8>);

impl<T> HyperIo<T> {
    /// Wraps `io`. hyper hands it lists of buffers, as suits a socket.
    #[must_use]
    pub fn new(io: T) -> Self {
        Self {
            io,
            buffer: Buffer::default(),
            vectored: true,
        }
    }

    /// Wraps `io`, and makes hyper put its buffers together first: for a stream that has no vectored
    /// writes of its own and would send the parts one by one.
    #[must_use]
    pub fn flattened(io: T) -> Self {
        Self {
            vectored: false,
            ..Self::new(io)
        }
    }

    /// The stream inside.
    #[must_use]
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// The stream inside. Reading from it takes bytes away from hyper.
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

impl Buffer {
    /// Room for one read that wants `wanted` bytes.
    fn room(&mut self, wanted: usize) -> &mut [u8] {
        if self.0.is_empty() {
            self.0.resize(SIZE_MIN, 0);
        }
        let size = wanted.min(self.0.len());
        &mut self.0[..size]
    }

    /// What a read put there. Grows for the next one if this one filled the buffer, and is small again if
    /// there was so little.
    fn take(&mut self, read: usize, into: &mut ReadBufCursor<'_>) {
        let asked = into.remaining().min(self.0.len());
        into.put_slice(&self.0[..read]);
        if read == self.0.len() && read < SIZE_MAX {
            self.0.resize(read * 2, 0);
        } else if read < asked && read <= SIZE_MIN {
            self.0.truncate(SIZE_MIN);
            self.0.shrink_to_fit();
        }
    }
}

impl<T: AsyncRead + Unpin> Read for HyperIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let room = this.buffer.room(buffer.remaining());
        let read = ready!(Pin::new(&mut this.io).poll_read(cx, room))?;
        this.buffer.take(read, &mut buffer);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Write for HyperIo<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_close(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, buffers)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use ::hyper::rt::ReadBuf;

    use super::*;

    /// Bytes that never end, as many as are asked for, or as come at once.
    struct Endless {
        asked: Vec<usize>,
        at_once: usize,
    }

    fn endless() -> HyperIo<Endless> {
        HyperIo::new(Endless {
            asked: Vec::new(),
            at_once: usize::MAX,
        })
    }

    impl AsyncRead for Endless {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            let this = self.get_mut();
            this.asked.push(buffer.len());
            let read = buffer.len().min(this.at_once);
            buffer[..read].fill(b'x');
            Poll::Ready(Ok(read))
        }
    }

    fn read(io: &mut HyperIo<Endless>, wanted: usize) -> usize {
        let mut bytes = vec![0; wanted];
        let mut buffer = ReadBuf::new(&mut bytes);
        let polled =
            Pin::new(io).poll_read(&mut Context::from_waker(Waker::noop()), buffer.unfilled());
        assert!(matches!(polled, Poll::Ready(Ok(()))));
        assert!(buffer.filled().iter().all(|byte| *byte == b'x'));
        buffer.filled().len()
    }

    #[test]
    fn a_read_takes_no_more_than_fits() {
        let mut io = endless();
        for wanted in [1, 100, 0, SIZE_MIN - 1] {
            assert_eq!(read(&mut io, wanted), wanted);
        }
        assert_eq!(io.get_ref().asked, [1, 100, 0, SIZE_MIN - 1]);
    }

    #[test]
    fn the_buffer_grows_with_full_reads_up_to_its_limit() {
        let mut io = endless();
        for _ in 0..6 {
            read(&mut io, 1 << 20);
        }
        let sizes = [4, 8, 16, 32, 64, 64].map(|kibibytes| kibibytes * 1024);
        assert_eq!(io.into_inner().asked, sizes);
    }

    #[test]
    fn the_buffer_is_small_again_after_a_short_read() {
        let mut io = endless();
        for (at_once, size) in [
            (usize::MAX, SIZE_MIN),
            (usize::MAX, 2 * SIZE_MIN),
            (SIZE_MIN + 1, 4 * SIZE_MIN),
            (SIZE_MIN, 4 * SIZE_MIN),
            (0, SIZE_MIN),
        ] {
            io.get_mut().at_once = at_once;
            read(&mut io, 1 << 20);
            assert_eq!(io.get_ref().asked.last(), Some(&size));
        }
        assert_eq!(io.buffer.0.capacity(), SIZE_MIN, "the memory is given back");
    }

    #[test]
    fn a_reader_that_wants_little_leaves_the_buffer_as_it_is() {
        let mut io = endless();
        for wanted in [1 << 20, 1, 1 << 20] {
            read(&mut io, wanted);
        }
        assert_eq!(io.get_ref().asked, [SIZE_MIN, 1, 2 * SIZE_MIN]);
    }
}
