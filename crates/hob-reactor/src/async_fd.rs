//! Any descriptor as an asynchronous one.
//!
//! [`Async`] owns an object with a descriptor, and turns "it would block" into "wait until it does
//! not". It knows nothing of what the object does: sockets, pipes, terminals, pidfds, inotify, timers.
//!
//! # Implementation
//!
//! An operation is tried first, and nothing is registered before one would block. What was seen of
//! the readiness is loaded before an operation and cleared after it would block, so that an event in
//! between is not lost; see [`IoSource`]. Once a poller watches the descriptor and its last event was
//! cleared, trying is known to be in vain, and the system call is saved.
//!
//! Futures wait in the source's list, any number of them; `poll_readable` and `poll_writable` have one
//! place each.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hob_core::io_source::{Binding, Seen, WaitKey};
use hob_core::task::What;
use hob_core::{DescriptorRef, Direction, IoSource, budget, context};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::driver::bind;

/// A descriptor that one can wait for. See the [module's documentation](self).
///
/// It works inside a hob runtime and outside any: there, a thread of its own watches descriptors.
/// Dropping it ends the registration, then drops the object.
///
/// There is no mutable access to the object: it could be exchanged for another one that nobody
/// watches. [`into_inner`](Self::into_inner) gives it back.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
/// use hob_reactor::Async;
///
/// let (ours, theirs) = UnixStream::pair()?;
/// let (ours, theirs) = (Async::new(ours)?, Async::new(theirs)?);
/// futures_lite::future::block_on(async {
///     theirs.write_with(|mut stream| stream.write(b"hello")).await?;
///     let mut bytes = [0; 16];
///     let count = ours.read_with(|mut stream| stream.read(&mut bytes)).await?;
///     assert_eq!(&bytes[..count], b"hello");
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub struct Async<T: AsFd> {
    source: Arc<IoSource>,
    /// `None` only after `into_inner` took it, when nobody can look any more.
    io: Option<T>,
}

/// The future of [`Async::readable`] and [`Async::writable`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Wait<'a, T: AsFd> {
    waiter: Waiter<'a, T>,
}

/// The future of [`Async::read_with`] and [`Async::write_with`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct With<'a, T: AsFd, F> {
    waiter: Waiter<'a, T>,
    operation: F,
}

impl<T: AsFd> Async<T> {
    /// Takes over `io` and makes it non-blocking, for everybody who shares it.
    ///
    /// Nothing is registered yet: that happens when something would block. A regular file, which no
    /// poller watches, never would.
    ///
    /// # Errors
    ///
    /// As `fcntl(2)`.
    ///
    /// # References
    ///
    /// - [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html)
    #[doc(alias = "O_NONBLOCK")]
    pub fn new(io: T) -> io::Result<Self> {
        let fd = io.as_fd();
        let flags = fcntl_getfl(fd)?;
        if !flags.contains(OFlags::NONBLOCK) {
            fcntl_setfl(fd, flags | OFlags::NONBLOCK)?;
        }
        Ok(Self {
            source: Arc::new(IoSource::new()),
            io: Some(io),
        })
    }

    /// Borrows the object.
    ///
    /// Operations on it never block; what would fails with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// # Panics
    ///
    /// Never: the object is there until [`into_inner`](Self::into_inner).
    pub fn get_ref(&self) -> &T {
        self.io.as_ref().expect("`into_inner` consumes the owner")
    }

    /// Ends the registration and gives the object back, which stays non-blocking.
    ///
    /// # Panics
    ///
    /// Never: the object is there until now.
    pub fn into_inner(mut self) -> T {
        self.deregister();
        self.io.take().expect("`into_inner` consumes the owner")
    }

    /// Waits until a read would not block: there are bytes, a connection, the end or an error.
    ///
    /// The system is asked, so the answer holds until somebody reads. Any number of tasks may wait,
    /// and all are told.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is consumed.
    ///
    /// # Errors
    ///
    /// When the descriptor cannot be watched: [`Unsupported`](io::ErrorKind::Unsupported) for a kind
    /// that no poller takes, [`ResourceBusy`](io::ErrorKind::ResourceBusy) if another object that owns
    /// the same descriptor is watched.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_reactor::Async;
    /// # use std::os::unix::net::UnixStream;
    /// let (ours, theirs) = UnixStream::pair()?;
    /// let ours = Async::new(ours)?;
    /// drop(theirs);
    /// futures_lite::future::block_on(ours.readable())?;
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn readable(&self) -> Wait<'_, T> {
        self.wait(Direction::Read, &"Async::readable")
    }

    /// Waits until a write would not block: there is room, or an error.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is consumed.
    ///
    /// # Errors
    ///
    /// As [`readable`](Self::readable).
    #[track_caller]
    pub fn writable(&self) -> Wait<'_, T> {
        self.wait(Direction::Write, &"Async::writable")
    }

    /// Repeats a reading `operation` until it would not block, and returns its result.
    ///
    /// The operation must say [`WouldBlock`](io::ErrorKind::WouldBlock) only if the descriptor said
    /// so: the wait ends with the next change of the descriptor. If it is `Interrupted` it is tried
    /// again at once.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe if the operation is: its result is returned by the same poll that ran it.
    ///
    /// # Errors
    ///
    /// The operation's, and those of [`readable`](Self::readable).
    #[track_caller]
    pub fn read_with<R, F>(&self, operation: F) -> With<'_, T, F>
    where
        F: FnMut(&T) -> io::Result<R>,
    {
        self.with(Direction::Read, &"Async::read_with", operation)
    }

    /// Repeats a writing `operation` until it would not block, and returns its result.
    ///
    /// As [`read_with`](Self::read_with), in the other direction.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe if the operation is: its result is returned by the same poll that ran it.
    ///
    /// # Errors
    ///
    /// The operation's, and those of [`writable`](Self::writable).
    #[track_caller]
    pub fn write_with<R, F>(&self, operation: F) -> With<'_, T, F>
    where
        F: FnMut(&T) -> io::Result<R>,
    {
        self.with(Direction::Write, &"Async::write_with", operation)
    }

    /// Waits until a read would not block, for the one task that polls this direction.
    ///
    /// Of several tasks that poll it, only the last one is woken; [`readable`](Self::readable) has no
    /// such limit.
    ///
    /// # Errors
    ///
    /// As [`readable`](Self::readable).
    pub fn poll_readable(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.poll_polled(cx, Direction::Read)
    }

    /// Waits until a write would not block, for the one task that polls this direction.
    ///
    /// # Errors
    ///
    /// As [`readable`](Self::readable).
    pub fn poll_writable(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        self.poll_polled(cx, Direction::Write)
    }

    #[track_caller]
    fn wait(&self, direction: Direction, what: What) -> Wait<'_, T> {
        Wait {
            waiter: Waiter::new(self, direction, what),
        }
    }

    #[track_caller]
    fn with<F>(&self, direction: Direction, what: What, operation: F) -> With<'_, T, F> {
        With {
            waiter: Waiter::new(self, direction, what),
            operation,
        }
    }

    fn poll_polled(&self, cx: &Context<'_>, direction: Direction) -> Poll<io::Result<()>> {
        let ready = |io: &T| check(io.as_fd(), direction);
        self.poll_operation(cx, direction, ready, || {
            self.source
                .poll_ready(cx, direction, self.descriptor(), || self.bind())
        })
    }

    /// Tries `operation`, and calls `wait` while it would block.
    fn poll_operation<R>(
        &self,
        cx: &Context<'_>,
        direction: Direction,
        mut operation: impl FnMut(&T) -> io::Result<R>,
        mut wait: impl FnMut() -> Poll<io::Result<Seen>>,
    ) -> Poll<io::Result<R>> {
        ready!(budget::poll_proceed(cx));
        let mut seen = self.source.seen(direction);
        if seen.is_none() && self.source.is_bound() {
            // A poller watches, and has seen nothing since the operation last would block.
            seen = Some(ready!(wait())?);
        }
        loop {
            match operation(self.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => {
                    budget::spend();
                    return Poll::Ready(result);
                }
            }
            if let Some(seen) = seen {
                self.source.clear(direction, seen);
            }
            seen = Some(ready!(wait())?);
        }
    }

    fn bind(&self) -> io::Result<Binding> {
        bind(self.descriptor(), &self.source)
    }

    fn descriptor(&self) -> DescriptorRef<'_> {
        self.get_ref().as_fd().into()
    }

    fn deregister(&self) {
        if let Some(io) = &self.io {
            // It fails only if the descriptor was closed behind our back, and with it the
            // registration.
            let _gone = self.source.deregister(io.as_fd().into());
        }
    }
}

impl<T: AsFd> AsFd for Async<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

impl<T: AsFd> Drop for Async<T> {
    fn drop(&mut self) {
        self.deregister();
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Async<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Async")
            .field("io", &self.io)
            .field("source", &self.source)
            .finish()
    }
}

impl<T: AsFd> Future for Wait<'_, T> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let direction = self.waiter.direction;
        self.waiter.poll(cx, |io| check(io.as_fd(), direction))
    }
}

impl<T: AsFd, R, F> Future for With<'_, T, F>
where
    F: FnMut(&T) -> io::Result<R>,
{
    type Output = io::Result<R>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { waiter, operation } = self.get_mut();
        waiter.poll(cx, operation)
    }
}

// The operation is only called, never pinned.
impl<T: AsFd, F> Unpin for With<'_, T, F> {}

impl<T: AsFd> fmt::Debug for Wait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.waiter.what).finish()
    }
}

impl<T: AsFd, F> fmt::Debug for With<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.waiter.what).finish()
    }
}

/// A place in the list of those who wait for a source.
struct Waiter<'a, T: AsFd> {
    owner: &'a Async<T>,
    key: WaitKey,
    direction: Direction,
    what: What,
    place: &'static Location<'static>,
}

impl<'a, T: AsFd> Waiter<'a, T> {
    #[track_caller]
    fn new(owner: &'a Async<T>, direction: Direction, what: What) -> Self {
        Self {
            owner,
            key: WaitKey::default(),
            direction,
            what,
            place: Location::caller(),
        }
    }

    fn poll<R>(
        &mut self,
        cx: &Context<'_>,
        operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        let Self {
            owner,
            key,
            direction,
            ..
        } = self;
        let polled = owner.poll_operation(cx, *direction, operation, || {
            owner
                .source
                .poll_listed(cx, key, *direction, owner.descriptor(), || owner.bind())
        });
        if polled.is_pending() {
            context::record_wait(self.what, self.place);
        }
        polled
    }
}

impl<T: AsFd> Drop for Waiter<'_, T> {
    fn drop(&mut self) {
        self.owner.source.unlist(&mut self.key);
    }
}

/// Asks the system whether an operation in `direction` would block now.
fn check(fd: BorrowedFd<'_>, direction: Direction) -> io::Result<()> {
    let flags = match direction {
        Direction::Read => PollFlags::IN | PollFlags::PRI,
        Direction::Write => PollFlags::OUT,
    };
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // A hang-up or an error counts: whoever tries learns which it is.
    match poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&now))? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Ok(()),
    }
}
