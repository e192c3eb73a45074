//! Making a connection: look the name up, then try its addresses one after the other.
//!
//! # Implementation
//!
//! An attempt that was started is waited for until it has succeeded or failed; only then does the
//! next one start. All errors are kept until one attempt succeeds.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::vec;

use hob_core::sys::{Addr, Family};
use hob_core::{Sys, budget, context};

use crate::address::{Resolve, Target};
use crate::error::AddressError;
use crate::socket::{Socket, current_sys};
use crate::stream::TcpStream;

/// The future of [`TcpStream::connect`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Connect {
    place: &'static Location<'static>,
    /// `None` until the first poll, which decides whose sockets are used.
    sys: Option<&'static dyn Sys>,
    state: State,
    failed: Vec<(SocketAddr, io::Error)>,
}

enum State {
    Start(Option<Target>),
    Resolving(Resolve),
    /// One attempt is under way, or the next is to be started.
    Trying {
        current: Option<(SocketAddr, Socket)>,
        left: vec::IntoIter<SocketAddr>,
    },
    Done,
}

impl Connect {
    pub(crate) fn new(target: Target, place: &'static Location<'static>) -> Self {
        Self {
            place,
            sys: None,
            state: State::Start(Some(target)),
            failed: Vec::new(),
        }
    }

    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        let sys = *self.sys.get_or_insert_with(current_sys);
        loop {
            match &mut self.state {
                State::Start(target) => {
                    // A refusal can come at once: without this a loop of attempts never yields.
                    ready!(budget::poll_proceed(cx));
                    budget::spend();
                    let target = target.take().expect("the state changes in the next line");
                    self.state = State::Resolving(Resolve::new(target, sys));
                }
                State::Resolving(resolve) => {
                    let addrs = ready!(resolve.poll(cx))?;
                    self.state = State::Trying {
                        current: None,
                        left: addrs.into_iter(),
                    };
                }
                State::Trying { current, left } => {
                    let (addr, outcome) = match current {
                        Some((addr, socket)) => (*addr, ready!(socket.poll_connected(cx))),
                        None => {
                            let Some(addr) = left.next() else {
                                let failed = std::mem::take(&mut self.failed);
                                return Poll::Ready(Err(AddressError::wrap("connect to", failed)));
                            };
                            (addr, start(addr, sys, current))
                        }
                    };
                    match outcome {
                        Ok(()) => {
                            if let Some((_, socket)) = current.take() {
                                return Poll::Ready(Ok(TcpStream::new(socket, self.place)));
                            }
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => {
                            *current = None;
                            self.failed.push((addr, error));
                        }
                    }
                }
                State::Done => panic!("`Connect` was polled after it was ready"),
            }
        }
    }
}

/// Starts an attempt; `WouldBlock` leaves it under way in `current`.
fn start(
    addr: SocketAddr,
    sys: &'static dyn Sys,
    current: &mut Option<(SocketAddr, Socket)>,
) -> io::Result<()> {
    let socket = Socket::open(Family::from(&addr), sys)?;
    let (_, socket) = current.insert((addr, socket));
    sys.connect(socket.descriptor(), &Addr::Inet(addr))
}

impl Future for Connect {
    type Output = io::Result<TcpStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = self.poll_stream(cx);
        if outcome.is_pending() {
            context::record_wait(&"TcpStream::connect", self.place);
        } else {
            self.state = State::Done;
        }
        outcome
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut connect = f.debug_struct("Connect");
        match &self.state {
            State::Start(Some(target)) => connect.field("target", &format_args!("{target}")),
            State::Start(None) | State::Resolving(_) => connect.field("resolving", &true),
            State::Trying { current, .. } => {
                connect.field("trying", &current.as_ref().map(|(addr, _)| addr))
            }
            State::Done => connect.field("done", &true),
        };
        connect
            .field("failed", &self.failed.len())
            .finish_non_exhaustive()
    }
}
