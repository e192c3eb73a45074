//! What a socket takes from the runtime around it: the poller, the system, the budget.

use std::future::Future;
use std::io;
use std::io::{IoSlice, IoSliceMut, Write};
use std::net::{Shutdown, SocketAddr};
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures_lite::{AsyncRead, AsyncReadExt, AsyncWriteExt, future};
use hob_core::context::{self, Local, Role};
use hob_core::env::Parts;
use hob_core::sys::{self, Addr, Family, SocketKind, SocketOption};
use hob_core::task::{Occupant, TaskLabel};
use hob_core::{Descriptor, Env, Sys, TaskSlot, Unpark, Until};
use hob_net::{TcpListener, TcpStream};
use hob_reactor::Engine;

/// Runs `inside` with an engine of its own, which a thread drives until `inside` is over.
fn with_engine<R>(engine: Engine, inside: impl FnOnce(&Arc<Env>) -> R) -> R {
    let Engine { reactor, mut seat } = engine;
    let env = Arc::new(Env::new(Parts {
        reactor: Some(reactor),
        ..Parts::default()
    }));
    let over = AtomicBool::new(false);
    let unparker = seat.unparker();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut woken = Vec::new();
            while !over.load(Ordering::Acquire) {
                seat.park(Until::Forever, &mut woken);
                woken.drain(..).for_each(Waker::wake);
            }
            reactor.retire(&mut woken);
            drop(seat);
            woken.into_iter().for_each(Waker::wake);
        });
        let _end = End(&over, &*unparker);
        inside(&env)
    })
}

/// Ends the driving thread, also when the test fails.
struct End<'a>(&'a AtomicBool, &'a dyn Unpark);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
        self.1.unpark();
    }
}

/// Polls `future` inside `env`, whatever executor drives it.
async fn inside<F: Future>(env: &Arc<Env>, future: F) -> F::Output {
    let mut future = pin!(future);
    future::poll_fn(|cx| {
        let local = Local::new(env, Role::Guest);
        context::enter(&local, || future.as_mut().poll(cx))
    })
    .await
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (client, accepted) = future::try_zip(TcpStream::connect(addr), listener.accept())
        .await
        .unwrap();
    (client, accepted.0)
}

async fn ping_pong() {
    let (client, served) = pair().await;
    let (mut from, mut to) = (&served, &served);
    let echo = async {
        futures_lite::io::copy(&mut from, &mut to).await?;
        to.close().await
    };
    let (mut reader, mut writer) = (&client, &client);
    let ask = async {
        for number in 0..200_u32 {
            writer.write_all(&number.to_le_bytes()).await?;
            let mut answer = [0; 4];
            reader.read_exact(&mut answer).await?;
            assert_eq!(u32::from_le_bytes(answer), number);
        }
        let big = vec![9; 2_000_000];
        let send = async {
            writer.write_all(&big).await?;
            writer.close().await
        };
        let mut heard = Vec::new();
        future::try_zip(send, reader.read_to_end(&mut heard)).await?;
        assert_eq!(heard.len(), big.len());
        Ok(())
    };
    future::try_zip(echo, ask).await.map(drop).unwrap();
}

#[test]
fn every_poller_carries_a_connection() {
    for open in [hob_reactor::default, hob_reactor::polling] {
        with_engine(open().unwrap(), |env| {
            future::block_on(inside(env, ping_pong()));
        });
    }
}

#[test]
fn a_connection_outlives_the_poller_that_watched_it() {
    let (client, mut served) = future::block_on(pair());
    let mut client = client;
    let (told, wakes) = mpsc::channel();
    let waker = Waker::from(Arc::new(Tell(told)));
    let mut cx = Context::from_waker(&waker);
    let mut buffer = [0; 8];

    with_engine(hob_reactor::default().unwrap(), |env| {
        let local = Local::new(env, Role::Guest);
        let polled = context::enter(&local, || {
            Pin::new(&mut client).poll_read(&mut cx, &mut buffer)
        });
        assert!(polled.is_pending());
        assert!(client.statistics().registered);
    });
    wakes
        .recv()
        .expect("whoever waited hears that the poller is gone");
    assert!(!client.statistics().registered);

    let polled = Pin::new(&mut client).poll_read(&mut cx, &mut buffer);
    assert!(polled.is_pending(), "nothing was sent yet");
    future::block_on(served.write_all(b"still here")).unwrap();
    wakes.recv().expect("another poller watches");
    let polled = Pin::new(&mut client).poll_read(&mut cx, &mut buffer);
    assert!(matches!(polled, Poll::Ready(Ok(8))));
}

struct Tell(mpsc::Sender<()>);

impl Wake for Tell {
    fn wake(self: Arc<Self>) {
        self.0.send(()).unwrap();
    }
}

/// A task that nobody schedules, to see what a poll within it leaves behind.
fn task(env: &Env) -> &'static TaskSlot {
    let slot: &'static TaskSlot = Box::leak(Box::new(TaskSlot::new()));
    slot.occupy(Occupant {
        label: TaskLabel::new(None, Location::caller()),
        parent: None,
        env: env.id(),
    });
    slot
}

#[test]
fn a_full_stream_does_not_keep_its_task_running_for_ever() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut served = TcpStream::try_from(listener.accept().unwrap().0).unwrap();
    client.write_all(&[1; 4096]).unwrap();

    let env = Arc::new(Env::new(Parts::default()));
    let local = Local::new(&env, Role::Worker);
    let task = task(&env);
    let (told, wakes) = mpsc::channel();
    let waker = Waker::from(Arc::new(Tell(told)));
    let mut cx = Context::from_waker(&waker);
    let mut read_all = || {
        let mut bytes = 0;
        while Pin::new(&mut served)
            .poll_read(&mut cx, &mut [0; 1])
            .is_ready()
        {
            bytes += 1;
        }
        bytes
    };
    let bytes = context::enter(&local, || local.in_task(task, &mut read_all));
    assert!((1..4096).contains(&bytes), "{bytes} bytes in one poll");
    wakes
        .try_recv()
        .expect("the task was woken for its next turn");
}

#[test]
fn a_task_that_waits_says_for_what() {
    let env = Arc::new(Env::new(Parts::default()));
    let local = Local::new(&env, Role::Worker);
    let task = task(&env);
    let (mut client, _served) = future::block_on(pair());
    let listener = future::block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let waits_for = |poll: &mut dyn FnMut() -> bool| {
        assert!(context::enter(&local, || local.in_task(task, poll)));
        let wait = task.snapshot(env.id()).unwrap().wait.unwrap();
        (wait.what, wait.place.file())
    };

    let read = waits_for(&mut || {
        Pin::new(&mut client)
            .poll_read(&mut cx, &mut [0; 1])
            .is_pending()
    });
    assert_eq!(read, ("TcpStream, readable", file!()));

    let mut accept = pin!(listener.accept());
    let accepted = waits_for(&mut || accept.as_mut().poll(&mut cx).is_pending());
    assert_eq!(accepted, ("TcpListener::accept", file!()));

    let mut buffer = [0; 1];
    let mut peek = pin!(client.peek(&mut buffer));
    let peeked = waits_for(&mut || peek.as_mut().poll(&mut cx).is_pending());
    assert_eq!(peeked, ("TcpStream::peek", file!()));
}

/// A network without a kernel: every connection is made at once and swallows what is sent; each one
/// that is accepted breaks before.
#[derive(Default)]
struct Sink {
    opened: AtomicUsize,
    closed: AtomicUsize,
    sent: AtomicUsize,
    /// What `accept` says, and how often it was asked.
    refusal: Mutex<Option<io::Error>>,
    accepts: AtomicUsize,
}

impl Sink {
    fn open() -> (&'static Self, Arc<Env>) {
        let sink: &'static Self = Box::leak(Box::default());
        let env = Arc::new(Env::new(Parts {
            sys: Some(sink),
            ..Parts::default()
        }));
        (sink, env)
    }
}

impl Sys for Sink {
    fn socket(&self, _: Family, _: SocketKind) -> io::Result<Descriptor> {
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(Descriptor::Virtual(number as u64))
    }

    fn pair(&self, _: SocketKind) -> io::Result<(Descriptor, Descriptor)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn bind(&self, _: &Descriptor, addr: &Addr) -> io::Result<()> {
        match addr {
            Addr::Inet(addr) if addr.port() == 1 => Err(io::ErrorKind::Unsupported.into()),
            _ => Ok(()),
        }
    }

    fn listen(&self, _: &Descriptor, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn accept(&self, _: &Descriptor) -> io::Result<(Descriptor, Addr)> {
        let asked = self.accepts.fetch_add(1, Ordering::Relaxed);
        assert!(asked < 100_000, "it is asked without end");
        Err(self
            .refusal
            .lock()
            .unwrap()
            .take()
            .unwrap_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted)))
    }

    fn connect(&self, _: &Descriptor, _: &Addr) -> io::Result<()> {
        Ok(())
    }

    fn recv(&self, _: &Descriptor, _: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        Ok(0)
    }

    fn peek(&self, _: &Descriptor, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn send(&self, _: &Descriptor, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes = buffers.iter().map(|buffer| buffer.len()).sum();
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        Ok(bytes)
    }

    fn recv_message(&self, _: &Descriptor, _: &mut [IoSliceMut<'_>]) -> io::Result<sys::Message> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn send_message(
        &self,
        _: &Descriptor,
        _: &[IoSlice<'_>],
        _: Option<&Addr>,
    ) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn shutdown(&self, _: &Descriptor, _: Shutdown) -> io::Result<()> {
        Ok(())
    }

    fn set_option(&self, _: &Descriptor, _: SocketOption) -> io::Result<()> {
        Ok(())
    }

    fn option(&self, _: &Descriptor, option: SocketOption) -> io::Result<SocketOption> {
        Ok(option)
    }

    fn take_error(&self, _: &Descriptor) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    fn addr(&self, _: &Descriptor, _: sys::End) -> io::Result<Addr> {
        Ok(Addr::Inet(SocketAddr::from(([10, 0, 0, 1], 1))))
    }

    fn lookup(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::from(([10, 0, 0, 1], port))])
    }

    fn close(&self, _: Descriptor) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_runtime_may_put_another_network_in_the_kernels_place() {
    let (sink, env) = Sink::open();
    future::block_on(inside(&env, async {
        let mut stream = TcpStream::connect("far.away:80").await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        let error = stream.try_as_fd().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        let error = stream.into_std().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        TcpListener::bind("10.0.0.1:1").await.unwrap_err();
    }));
    assert_eq!(sink.sent.load(Ordering::Relaxed), 5);
    assert_eq!(sink.opened.load(Ordering::Relaxed), 2);
    assert_eq!(sink.closed.load(Ordering::Relaxed), 2);
}

/// Polls an accept once, in a task of its own.
fn accept_once(env: &Arc<Env>, waker: &Waker) -> Poll<io::Result<()>> {
    let local = Local::new(env, Role::Worker);
    let mut cx = Context::from_waker(waker);
    context::enter(&local, || {
        let bound = pin!(TcpListener::bind("10.0.0.1:80")).poll(&mut cx);
        let Poll::Ready(Ok(listener)) = bound else {
            panic!("an address needs no look-up");
        };
        let mut accept = pin!(listener.accept());
        local
            .in_task(task(env), || accept.as_mut().poll(&mut cx))
            .map_ok(drop)
    })
}

#[test]
fn connections_that_break_are_skipped_as_far_as_the_budget_goes() {
    let (sink, env) = Sink::open();
    let (told, wakes) = mpsc::channel();
    assert!(accept_once(&env, &Waker::from(Arc::new(Tell(told)))).is_pending());
    wakes
        .try_recv()
        .expect("the task was woken for its next turn");
    let asked = sink.accepts.load(Ordering::Relaxed);
    assert_eq!(asked, hob_core::budget::BUDGET_PER_POLL as usize);
}

#[test]
fn only_what_belongs_to_the_connection_is_skipped() {
    use rustix::io::Errno;
    let (sink, env) = Sink::open();
    let outcome = |errno: Errno| {
        *sink.refusal.lock().unwrap() = Some(errno.into());
        accept_once(&env, Waker::noop())
    };
    for errno in [
        Errno::CONNABORTED,
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::NETDOWN,
        Errno::NETUNREACH,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
    ] {
        assert!(outcome(errno).is_pending(), "{errno}");
    }
    for errno in [Errno::MFILE, Errno::NOBUFS, Errno::PERM, Errno::OPNOTSUPP] {
        let Poll::Ready(Err(error)) = outcome(errno) else {
            panic!("{errno} was skipped");
        };
        assert_eq!(error.raw_os_error(), Some(errno.raw_os_error()));
    }
}
