//! Who is told what is ready, and what outlives its simulation.

use std::io::ErrorKind::*;
use std::sync::Mutex;
use std::task::{Context, Poll, Wake, Waker};

use hob_core::io_source::{Binding, Seen};
use hob_core::reactor::is_retired;
use hob_core::{Direction, IoSource, Reactor, Readiness};

use super::super::state::State;
use super::*;

#[derive(Default)]
struct Counting(Mutex<usize>);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        *self.0.lock().unwrap() += 1;
    }
}

impl Counting {
    fn count(&self) -> usize {
        *self.0.lock().unwrap()
    }
}

fn poll(
    sock: &Sock,
    source: &Arc<IoSource>,
    direction: Direction,
    waker: &Waker,
) -> Poll<io::Result<Seen>> {
    let reactor: &'static Network = sock.network;
    let fd = sock.fd().as_ref();
    source.poll_ready(&Context::from_waker(waker), direction, fd, || {
        let key = reactor.register(fd, source)?;
        Ok(Binding { reactor, key })
    })
}

/// Waits for a direction, and says that there is nothing when it is reported.
fn exhaust(world: &World, sock: &Sock, source: &Arc<IoSource>, direction: Direction) {
    while let Poll::Ready(seen) = poll(sock, source, direction, Waker::noop()) {
        source.clear(direction, seen.unwrap());
        world.pass(Duration::ZERO);
    }
    world.pass(Duration::ZERO);
    if source.readiness().contains(direction) {
        exhaust(world, sock, source, direction);
    }
}

#[track_caller]
fn wakes(world: &World, sock: &Sock, direction: Direction, act: impl FnOnce()) {
    let source = Arc::new(IoSource::new());
    exhaust(world, sock, &source, direction);
    let counting = Arc::<Counting>::default();
    let waker = Waker::from(Arc::clone(&counting));
    assert!(poll(sock, &source, direction, &waker).is_pending());
    act();
    let mut woken = Vec::new();
    while counting.count() == 0 && !world.network.next().is_never() {
        world.clock.advance_to(world.network.next());
        world.network.advance(world.clock.now(), &mut woken);
        woken.drain(..).for_each(Waker::wake);
    }
    assert_eq!(counting.count(), 1);
    let seen = poll(sock, &source, direction, &waker);
    let Poll::Ready(Ok(seen)) = seen else {
        panic!("it was announced");
    };
    assert!(!seen.is_edge(direction), "chance shortens reads and writes");
    source.deregister(sock.fd().as_ref()).unwrap();
}

#[test]
fn what_was_ready_before_the_registration_is_reported() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.send(b"early").unwrap();
    world.settle();
    let source = Arc::new(IoSource::new());
    assert!(poll(&server, &source, Direction::Read, Waker::noop()).is_pending());
    assert_eq!(
        world.network.next(),
        Instant::from_nanos(0),
        "there is news"
    );
    world.pass(Duration::ZERO);
    assert_eq!(source.readiness(), Readiness::BOTH);
}

#[test]
fn whoever_waits_is_woken_by_what_he_waits_for() {
    let world = World::new(1, Conditions::calm().window(10));
    let listener = world.listener(8);
    let mut client = None;
    wakes(&world, &listener, Direction::Read, || {
        client = Some(world.knock())
    });
    let server = world.accepted(&listener);
    let client = client.unwrap();
    wakes(&world, &server, Direction::Read, || {
        assert_eq!(client.send(b"bytes").unwrap(), 5)
    });
    server.recv(9).unwrap();
    world.settle();
    client.send(&[0; 10]).unwrap();
    world.settle();
    // The window is exactly full, and nobody has tried in vain.
    wakes(&world, &client, Direction::Write, || {
        drop(server.recv(5).unwrap())
    });
    server.recv(9).unwrap();
    wakes(&world, &server, Direction::Read, || {
        client.shutdown(Shutdown::Write).unwrap()
    });
    wakes(&world, &client, Direction::Read, || {
        server.shutdown(Shutdown::Write).unwrap()
    });
}

#[test]
fn whoever_waits_is_woken_by_the_end_of_the_connection() {
    let world = World::calm();
    for direction in [Direction::Read, Direction::Write] {
        let (client, server) = world.connection();
        wakes(&world, &client, direction, || {
            server.set(SocketOption::Linger(Some(Duration::ZERO)));
            drop(server);
        });
        let client = world.stream(MAIN);
        fails(client.connect("10.0.0.2:81"), WouldBlock);
        wakes(&world, &client, direction, || {});
    }
}

#[test]
fn a_sender_of_datagrams_is_woken_when_there_is_room() {
    let world = World::calm();
    let (one, other) = world.network.pair(SocketKind::Datagram).unwrap();
    let [one, other] = [one, other].map(|it| Sock::new(world.network, it));
    while one.send(b"x").is_ok() {}
    world.settle();
    wakes(&world, &one, Direction::Write, || {
        drop(other.recv(9).unwrap())
    });
    while one.send(b"x").is_ok() {}
    world.settle();
    wakes(&world, &one, Direction::Write, || drop(other));
}

#[test]
fn nothing_is_said_to_a_source_after_its_deregister() {
    let world = World::calm();
    let (client, server) = world.connection();
    let source = Arc::new(IoSource::new());
    exhaust(&world, &server, &source, Direction::Read);
    client.send(b"x").unwrap();
    world.pass(HOP / 2);
    source.deregister(server.fd().as_ref()).unwrap();
    world.settle();
    assert!(!source.readiness().contains(Direction::Read));
    assert_eq!(Arc::strong_count(&source), 1);
    // A registration takes the place of another only when that has ended.
    let network = world.network;
    let key = network.register(server.fd().as_ref(), &source).unwrap();
    fails(
        network.register(server.fd().as_ref(), &source),
        AlreadyExists,
    );
    network.deregister(server.fd().as_ref(), key + 1).unwrap();
    fails(
        network.register(server.fd().as_ref(), &source),
        AlreadyExists,
    );
    network.deregister(server.fd().as_ref(), key).unwrap();
    assert_eq!(Arc::strong_count(&source), 1);
}

#[test]
fn a_retired_network_hands_out_who_waits_and_takes_no_registration() {
    let world = World::calm();
    let (_client, server) = world.connection();
    let source = Arc::new(IoSource::new());
    exhaust(&world, &server, &source, Direction::Read);
    let counting = Arc::<Counting>::default();
    let waker = Waker::from(Arc::clone(&counting));
    assert!(poll(&server, &source, Direction::Read, &waker).is_pending());
    let mut woken = Vec::new();
    world.network.retire(&mut woken);
    woken.into_iter().for_each(Waker::wake);
    assert_eq!((counting.count(), source.is_bound()), (1, false));
    let refused = world.network.register(server.fd().as_ref(), &source);
    assert!(is_retired(&refused.unwrap_err()));
}

#[test]
fn a_socket_that_outlives_its_simulation_touches_no_other() {
    static NETWORK: Network = Network::idle();
    let world = World::calm();
    let begin = || {
        let trace = Arc::clone(&world.trace);
        NETWORK.begin(State::new(1, Conditions::calm(), trace, world.clock));
    };
    let open = || NETWORK.socket(Family::V4, SocketKind::Stream);
    begin();
    let old = Sock::new(&NETWORK, open().unwrap());
    NETWORK.end();
    fails(old.bind("0.0.0.0:80"), InvalidInput);
    fails(open(), NetworkDown);
    assert!(NETWORK.next().is_never());

    begin();
    let new = Sock::new(&NETWORK, open().unwrap());
    fails(old.bind("0.0.0.0:80"), InvalidInput);
    drop(old);
    new.bind("0.0.0.0:80").unwrap();
    NETWORK.end();
}

#[test]
fn a_closed_or_foreign_descriptor_is_refused() {
    let world = World::calm();
    let socket = world.stream(MAIN);
    let Descriptor::Virtual(number) = *socket.fd() else {
        panic!("it is simulated");
    };
    drop(socket);
    for number in [number, number + 1, u64::MAX] {
        let refused = world.network.listen(&Descriptor::Virtual(number), 1);
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), InvalidInput);
        let name = format!("virtual socket {number} ");
        assert!(error.to_string().contains(&name), "{error}");
    }
}

#[test]
fn names_are_looked_up_on_the_network() {
    let world = World::calm();
    let look = |name| {
        let found = world.network.lookup(name, 7)?;
        let words: Vec<_> = found.iter().map(SocketAddr::to_string).collect();
        io::Result::Ok(words.join(" "))
    };
    assert_eq!(look("server").unwrap(), "10.0.0.2:7 [fd00::2]:7");
    assert_eq!(look("SERVER").unwrap(), look("server").unwrap());
    assert_eq!(look("localhost").unwrap(), "127.0.0.1:7 [::1]:7");
    assert_eq!(look("::1").unwrap(), "[::1]:7");
    let unknown = look("nobody").unwrap_err();
    assert!(unknown.to_string().contains("failed to lookup"));
}

#[test]
fn options_read_back_as_set() {
    let world = World::calm();
    let stream = world.stream(MAIN);
    for option in [
        SocketOption::NoDelay(true),
        SocketOption::Ttl(7),
        SocketOption::Linger(Some(Duration::from_secs(3))),
        SocketOption::ReuseAddress(true),
        SocketOption::ReusePort(true),
        SocketOption::KeepAlive(true),
    ] {
        stream.set(option);
        assert_eq!(world.network.option(stream.fd(), option).unwrap(), option);
    }
    for hops in [0, 256] {
        let refused = world
            .network
            .set_option(stream.fd(), SocketOption::Ttl(hops));
        fails(refused, InvalidInput);
    }
}
