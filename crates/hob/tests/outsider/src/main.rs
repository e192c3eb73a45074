//! Somebody else's engines under hob: what an idle worker sleeps on, timers, poller, network, and
//! threads for what blocks.
//!
//! Each is a toy of one file that knows hob by its facade alone; only the suites are in `hob-core`. The program is that of hob's
//! own example, and does not know what it runs on.

mod toy_blocking;
mod toy_network;
mod toy_parker;
mod toy_reactor;
mod toy_timers;
#[allow(dead_code, reason = "its `main` is another one")]
#[path = "../../../examples/workers.rs"]
mod workers;

use std::future::poll_fn;
use std::io;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use hob::engine::Engine;
use hob::net::{TcpListener, TcpStream};
use hob::prelude::*;
use hob::sync::Queue;
use hob::{Builder, Runtime};
use hob_core::conformance::{self, SysRig};

use crate::toy_blocking::ToyThreads;
use crate::toy_network::ToyNetwork;
use crate::toy_parker::ToyParker;
use crate::toy_reactor::ToyReactor;
use crate::toy_timers::ToyTimers;

/// Counts what is called.
#[derive(Debug)]
pub(crate) struct Counter(AtomicUsize);

impl Counter {
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is called at least once in every run, by name.
const CALLS: [(&str, &Counter); 11] = [
    ("timers: now", &toy_timers::NOW),
    ("timers: arm", &toy_timers::ARM),
    ("timers: expire", &toy_timers::EXPIRE),
    ("timers: retire", &toy_timers::RETIRE),
    ("reactor: register", &toy_reactor::REGISTER),
    ("reactor: tell", &toy_reactor::TELL),
    ("reactor: deregister", &toy_reactor::DEREGISTER),
    ("reactor: retire", &toy_reactor::RETIRE),
    ("network: send", &toy_network::SEND),
    ("network: recv", &toy_network::RECV),
    ("blocking: run", &toy_blocking::RUN),
];

/// Longer than any of this needs, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> io::Result<()> {
    let (done, end) = mpsc::channel();
    let running = thread::Builder::new().spawn(move || {
        let result = everything();
        done.send(()).map_or(Ok(()), |()| result)
    })?;
    if end.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("it hangs: a wakeup was lost");
    }
    running
        .join()
        .unwrap_or_else(|payload| resume_unwind(payload))
}

fn everything() -> io::Result<()> {
    conformance::park(|| Box::new(ToyParker::new()));
    conformance::timers(|| ToyTimers::open());
    conformance::sys(network);
    conformance::blocking(ToyThreads::default, ToyThreads::close);
    println!("the toys keep the contracts of `Park`, `Timers`, `Sys` and `Blocking`");

    let calls = check("several threads", on_several_threads)?;
    assert_ne!(calls, 0, "no worker has slept on a toy");
    let calls = check("one thread", on_one_thread)?;
    assert_ne!(calls, 0, "the seat is a toy");
    Ok(())
}

/// Runs the program in a runtime of toys, and sees that all of them were needed. Returns how often
/// somebody slept on one.
fn check(name: &str, run: fn(Builder) -> io::Result<()>) -> io::Result<usize> {
    let before = CALLS.map(|(_, counter)| counter.read());
    let parks = toy_parker::PARK.read();
    run(toys())?;
    println!("on {name}:");
    for ((call, counter), before) in CALLS.into_iter().zip(before) {
        let calls = counter.read() - before;
        println!("  {call:<20} {calls:>6} calls");
        assert_ne!(calls, 0, "on {name}, {call}: nobody needed it");
    }
    let parks = toy_parker::PARK.read() - parks;
    println!("  {:<20} {parks:>6} calls", "parker: park");
    Ok(parks)
}

/// A runtime in which hob has the threads that run tasks, and nothing else.
fn toys() -> Builder {
    let (reactor, seat) = ToyReactor::open();
    let engine = Engine {
        reactor,
        seat: Box::new(seat),
    };
    Runtime::builder()
        .reactor(|| Ok(engine))
        .timers(|| ToyTimers::open())
        .sys(ToyNetwork::open(reactor))
        .blocking(Arc::new(ToyThreads::default()))
}

/// The toy network, put to the test.
fn network() -> SysRig {
    let (reactor, seat) = ToyReactor::open();
    SysRig {
        sys: ToyNetwork::open(reactor),
        reactor,
        seat: Box::new(seat),
        addresses: vec![toy_network::HOST.into()],
        datagrams: false,
        pairs: false,
        directory: None,
    }
}

fn on_several_threads(toys: Builder) -> io::Result<()> {
    const WORKERS: usize = 3;
    let (tell, slept) = mpsc::channel();
    let runtime = toys
        .worker_threads(WORKERS)
        .parker(move || Box::new(ToyParker::telling(tell.clone())))
        .build()?;
    // There is nothing to do yet: one worker has the seat, the others sleep on what was made for them.
    for _ in 1..WORKERS {
        let heard = slept.recv_timeout(PATIENCE);
        heard.expect("an idle worker sleeps on what the builder was given");
    }
    runtime.block_on(program())?;
    let report = runtime.shutdown_timeout(PATIENCE);
    assert!(report.left_behind.is_empty(), "{report:?}");
    assert!(slept.try_iter().count() <= 1, "each tells once");
    let end = Err(mpsc::TryRecvError::Disconnected);
    assert_eq!(slept.try_recv(), end, "each goes with its runtime");
    Ok(())
}

fn on_one_thread(toys: Builder) -> io::Result<()> {
    let runtime = toys.build_local()?;
    runtime.block_on(program())?;
    let report = runtime.shutdown_timeout(PATIENCE);
    assert!(report.left_behind.is_empty(), "{report:?}");
    Ok(())
}

/// Runs the example, and then an echo.
async fn program() -> io::Result<()> {
    let orders = Queue::bounded(5);
    let (longest, cooked) = workers::dinner(orders.clone()).await;
    assert!(longest <= 5, "{longest} waited");
    let mut numbers = cooked.concat();
    numbers.sort_unstable();
    assert_eq!(numbers, Vec::from_iter(0..60), "each was cooked once");
    assert_eq!((orders.unfinished(), orders.statistics().dropped), (0, 0));
    let name = hob::to_thread(|| thread::current().name().map(str::to_owned)).await;
    assert_eq!(name.ok().flatten().as_deref(), Some(toy_blocking::NAME));
    echo().await
}

/// Sends more than a socket has room for to a server that sends it back.
async fn echo() -> io::Result<()> {
    // A name and an address that only the toy knows.
    let listener = TcpListener::bind("toy:7").await?;
    let addr = listener.local_addr()?;
    assert_eq!(addr.to_string(), "192.0.2.1:7");
    {
        // Whatever the threads do next: here somebody waits, and the poller hears of it.
        let mut accept = pin!(listener.accept());
        let polled = poll_fn(|cx| Poll::Ready(accept.as_mut().poll(cx))).await;
        assert!(polled.is_pending(), "nobody has connected");
    }
    let server = hob::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let (reader, mut writer) = stream.into_split();
        let copied = hob::io::copy(reader, &mut writer).await?;
        writer.close().await?;
        io::Result::Ok(copied)
    });
    let refused = TcpStream::connect("192.0.2.1:8").await;
    let refused = refused.expect_err("nobody listens there");
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

    let sent: Vec<u8> = (0..10 * toy_network::ROOM).map(|n| n as u8).collect();
    let (mut reader, mut writer) = TcpStream::connect(addr).await?.into_split();
    let bytes = sent.clone();
    let client = hob::spawn(async move {
        writer.write_all(&bytes).await?;
        writer.close().await
    });
    let mut heard = Vec::new();
    reader.read_to_end(&mut heard).await?;
    assert_eq!(heard, sent);
    client.await.expect("it does not panic")?;
    let copied = server.await.expect("it does not panic")?;
    assert_eq!(copied, sent.len() as u64);
    Ok(())
}
