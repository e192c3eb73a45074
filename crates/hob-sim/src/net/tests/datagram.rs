//! UDP.

use std::io::ErrorKind::*;

use super::*;

/// Sockets of `main` and of the server, the second at port 53.
fn sockets(world: &World) -> (Sock, Sock) {
    let open = |host| world.open(host, Family::V4, SocketKind::Datagram).unwrap();
    let (client, server) = (open(MAIN), open(SERVER));
    server.bind("0.0.0.0:53").unwrap();
    (client, server)
}

const THERE: &str = "10.0.0.2:53";

#[test]
fn messages_keep_their_bounds_and_say_where_they_come_from() {
    let world = World::calm();
    let (client, server) = sockets(&world);
    for text in ["one", "", "three"] {
        assert_eq!(client.send_to(text.as_bytes(), THERE).unwrap(), text.len());
    }
    fails(server.recv_from(9), WouldBlock);
    world.settle();
    for text in ["one", "", "three"] {
        let (bytes, message) = server.recv_from(9).unwrap();
        assert_eq!((&bytes[..], message.truncated), (text.as_bytes(), false));
        assert_eq!(message.from, inet("10.0.0.1:49152"));
    }
    fails(server.recv_from(9), WouldBlock);
}

#[test]
fn what_does_not_fit_is_lost_and_said() {
    let world = World::calm();
    let (client, server) = sockets(&world);
    client.send_to(b"too long", THERE).unwrap();
    client.send_to(b"next", THERE).unwrap();
    world.settle();
    let (bytes, message) = server.recv_from(3).unwrap();
    assert_eq!((&bytes[..], message.truncated), (&b"too"[..], true));
    assert_eq!(server.recv_from(9).unwrap().0, b"next");
    let long = client.send_to(&[0; 65_508], THERE).unwrap_err();
    assert_eq!(long.raw_os_error(), Some(90));
}

#[test]
fn a_connected_socket_hears_its_peer_alone() {
    let world = World::calm();
    let (client, server) = sockets(&world);
    fails(client.peer(), NotConnected);
    let nowhere = client.send(b"to whom?").unwrap_err();
    assert_eq!(nowhere.raw_os_error(), Some(89));
    client.connect(THERE).unwrap();
    assert_eq!(client.peer().unwrap().to_string(), THERE);
    client.send(b"hello").unwrap();
    world.settle();
    let (_, message) = server.recv_from(9).unwrap();
    let back = client.local().to_string();
    assert_eq!(message.from, inet(&back));

    let stranger = world
        .open(SERVER, Family::V4, SocketKind::Datagram)
        .unwrap();
    stranger.send_to(b"psst", &back).unwrap();
    server.send_to(b"hello", &back).unwrap();
    world.settle();
    assert_eq!(client.recv(9).unwrap(), b"hello");
    fails(client.recv(9), WouldBlock);
}

#[test]
fn a_connected_socket_hears_that_nobody_is_there() {
    let world = World::calm();
    let client = world.open(MAIN, Family::V4, SocketKind::Datagram).unwrap();
    client.send_to(b"anybody?", THERE).unwrap();
    world.settle();
    assert_eq!(client.error(), None, "it does not know which of many");
    client.connect(THERE).unwrap();
    client.send(b"anybody?").unwrap();
    world.settle();
    fails(client.recv(9), ConnectionRefused);
    fails(client.recv(9), WouldBlock);
    assert_eq!(world.statistics().datagrams_dropped, 2);
}

#[test]
fn datagrams_are_lost_doubled_and_overtake_each_other() {
    let late = Duration::from_millis(1)..=Duration::from_millis(50);
    let link = Link::new().latency(late).loss(0.2).duplication(0.2);
    let world = World::new(3, Conditions::calm().link(link));
    let (client, server) = sockets(&world);
    for number in 0..100 {
        client.send_to(&[number], THERE).unwrap();
    }
    world.settle();
    let heard: Vec<u8> = std::iter::from_fn(|| server.recv(9).ok())
        .flatten()
        .collect();
    let mut sorted = heard.clone();
    sorted.sort_unstable();
    assert_ne!(sorted, heard, "some overtake");
    sorted.dedup();
    assert!(sorted.len() < heard.len(), "some come twice");
    assert!(sorted.len() < 100, "some are lost");
    let statistics = world.statistics();
    assert_eq!(statistics.datagrams_delivered, heard.len() as u64);
}

#[test]
fn a_full_mailbox_and_a_cut_link_drop_what_comes() {
    let world = World::calm();
    let (client, server) = sockets(&world);
    for _ in 0..10 {
        client.send_to(&[0; 60_000], THERE).unwrap();
    }
    world.settle();
    let heard = std::iter::from_fn(|| server.recv(9).ok()).count();
    assert_eq!((heard, world.statistics().datagrams_dropped), (3, 7));
    world.cut(true);
    client.send_to(b"lost", THERE).unwrap();
    world.settle();
    world.cut(false);
    fails(server.recv(9), WouldBlock);
}

#[test]
fn shutting_down_ends_a_connected_socket() {
    let world = World::calm();
    let (client, _server) = sockets(&world);
    fails(client.shutdown(Shutdown::Both), NotConnected);
    client.connect(THERE).unwrap();
    client.shutdown(Shutdown::Both).unwrap();
    assert_eq!(client.recv(9).unwrap(), b"");
    fails(client.send(b"x"), BrokenPipe);
}

#[test]
fn each_transport_has_its_own_ports() {
    let world = World::calm();
    let (_, server) = sockets(&world);
    let stream = world.stream(SERVER);
    stream.bind("0.0.0.0:53").unwrap();
    let second = world
        .open(SERVER, Family::V4, SocketKind::Datagram)
        .unwrap();
    fails(second.bind("0.0.0.0:53"), AddrInUse);
    drop(server);
    second.bind("0.0.0.0:53").unwrap();
    let unsupported = second.listen(1).unwrap_err();
    assert_eq!(unsupported.raw_os_error(), Some(95));
}
