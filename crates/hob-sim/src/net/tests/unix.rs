//! The Unix domain.

use std::io::ErrorKind::*;
use std::path::PathBuf;

use super::*;

impl World {
    fn pair(&self, kind: SocketKind) -> (Sock, Sock) {
        let (one, other) = self.network.pair(kind).unwrap();
        (Sock::new(self.network, one), Sock::new(self.network, other))
    }

    fn unix(&self, host: HostId, kind: SocketKind) -> Sock {
        self.open(host, Family::Unix, kind).unwrap()
    }
}

impl Sock {
    fn bind_path(&self, name: &str) -> io::Result<()> {
        self.network.bind(self.fd(), &path(name))
    }

    fn connect_path(&self, name: &str) -> io::Result<()> {
        self.network.connect(self.fd(), &path(name))
    }

    fn addr(&self, end: End) -> Addr {
        self.network.addr(self.fd(), end).unwrap()
    }
}

fn path(name: &str) -> Addr {
    Addr::Unix(PathBuf::from(name))
}

#[test]
fn a_pair_is_connected_in_both_directions() {
    let world = World::calm();
    let (one, other) = world.pair(SocketKind::Stream);
    assert_eq!(one.addr(End::Local), Addr::Unnamed);
    assert_eq!(one.addr(End::Peer), Addr::Unnamed);
    one.send(b"there").unwrap();
    other.send(b"back").unwrap();
    world.settle();
    assert_eq!(other.recv(9).unwrap(), b"there");
    assert_eq!(one.recv(9).unwrap(), b"back");
    one.shutdown(Shutdown::Write).unwrap();
    world.settle();
    assert_eq!(other.recv(9).unwrap(), b"");
    other.send(b"still").unwrap();
    world.settle();
    assert_eq!(one.recv(9).unwrap(), b"still");
}

#[test]
fn a_close_leaves_a_broken_pipe_and_one_with_something_unread_a_reset() {
    let world = World::calm();
    let (one, other) = world.pair(SocketKind::Stream);
    one.send(b"bye").unwrap();
    drop(one);
    world.settle();
    fails(other.send(b"x"), BrokenPipe);
    assert_eq!(other.recv(9).unwrap(), b"bye");
    assert_eq!(other.recv(9).unwrap(), b"");
    drop(other);

    let (one, other) = world.pair(SocketKind::Stream);
    other.send(b"unheard").unwrap();
    world.settle();
    drop(one);
    world.settle();
    fails(other.recv(9), ConnectionReset);
    drop(other);
    world.settle();
    assert_eq!(world.statistics().connections_open, 0);
}

#[test]
fn a_reset_is_told_to_a_reader_even_behind_the_end_and_never_to_a_writer() {
    for shuts_first in [false, true] {
        for writes_first in [false, true] {
            let world = World::calm();
            let (one, other) = world.pair(SocketKind::Stream);
            one.send(b"heard").unwrap();
            other.send(b"unheard").unwrap();
            world.settle();
            if shuts_first {
                one.shutdown(Shutdown::Write).unwrap();
            }
            drop(one);
            world.settle();
            if writes_first {
                fails(other.send(b"x"), BrokenPipe);
            }
            assert_eq!(other.recv(9).unwrap(), b"heard");
            fails(other.send(b"x"), BrokenPipe);
            fails(other.recv(9), ConnectionReset);
            assert_eq!(other.recv(9).unwrap(), b"", "the error is told once");
            fails(other.send(b"x"), BrokenPipe);
        }
    }
}

#[test]
fn whoever_shuts_reading_breaks_the_pipe_of_the_other() {
    let world = World::calm();
    let (one, other) = world.pair(SocketKind::Stream);
    one.shutdown(Shutdown::Read).unwrap();
    world.settle();
    fails(other.send(b"x"), BrokenPipe);
    one.send(b"x").unwrap();
    world.settle();
    assert_eq!(other.recv(9).unwrap(), b"x");
}

#[test]
fn a_path_leads_to_its_listener_and_only_on_its_host() {
    let world = World::calm();
    let listener = world.unix(SERVER, SocketKind::Stream);
    fails(listener.listen(1), InvalidInput);
    listener.bind_path("/run/socket").unwrap();
    let client = world.unix(SERVER, SocketKind::Stream);
    fails(client.connect_path("/run/socket"), ConnectionRefused);
    listener.listen(0).unwrap();
    client.connect_path("/run/socket").unwrap();
    assert_eq!(client.addr(End::Peer), path("/run/socket"));
    let second = world.unix(SERVER, SocketKind::Stream);
    fails(second.connect_path("/run/socket"), ResourceBusy);
    let (served, peer) = listener.accept().unwrap();
    assert_eq!(
        (peer, served.addr(End::Local)),
        (Addr::Unnamed, path("/run/socket"))
    );
    second.connect_path("/run/socket").unwrap();
    client.send(b"hello").unwrap();
    world.settle();
    assert_eq!(served.recv(9).unwrap(), b"hello");
    let elsewhere = world.unix(MAIN, SocketKind::Stream);
    fails(elsewhere.connect_path("/run/socket"), NotFound);
}

#[test]
fn the_path_of_a_closed_socket_refuses_and_can_be_bound_again() {
    let world = World::calm();
    let bound = || {
        let listener = world.unix(MAIN, SocketKind::Stream);
        listener.bind_path("/run/socket").map(|()| listener)
    };
    let first = bound().unwrap();
    fails(bound(), AddrInUse);
    drop(first);
    let client = world.unix(MAIN, SocketKind::Stream);
    fails(client.connect_path("/run/socket"), ConnectionRefused);
    bound().unwrap();
}

#[test]
fn datagrams_keep_their_bounds_and_their_order() {
    let late = Duration::ZERO..=Duration::from_millis(9);
    let world = World::new(
        5,
        Conditions::rough().link(Link::new().latency(late).loss(0.5)),
    );
    let (one, other) = world.pair(SocketKind::Datagram);
    for number in 0..10 {
        one.send(&[number]).unwrap();
    }
    world.settle();
    for number in 0..10 {
        assert_eq!(other.recv(9).unwrap(), [number]);
    }
    drop(one);
    fails(other.send(b"x"), ConnectionRefused);
}

#[test]
fn a_datagram_finds_its_path_and_waits_for_room() {
    let world = World::calm();
    let receiver = world.unix(MAIN, SocketKind::Datagram);
    receiver.bind_path("/run/log").unwrap();
    let sender = world.unix(MAIN, SocketKind::Datagram);
    fails(sender.send(b"x"), NotConnected);
    sender.bind_path("/run/sender").unwrap();
    sender.connect_path("/run/log").unwrap();
    for _ in 0..10 {
        sender.send(b"line").unwrap();
    }
    fails(sender.send(b"line"), WouldBlock);
    world.settle();
    fails(sender.send(b"line"), WouldBlock);
    let (_, message) = receiver.recv_from(9).unwrap();
    assert_eq!(message.from, path("/run/sender"));
    sender.send(b"line").unwrap();
    receiver.connect_path("/run/log").unwrap();
    fails(sender.send(b"line"), PermissionDenied);
    let stream = world.unix(MAIN, SocketKind::Stream);
    let wrong = stream.connect_path("/run/log").unwrap_err();
    assert_eq!(wrong.raw_os_error(), Some(91));
}
