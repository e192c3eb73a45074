//! TCP while nothing goes wrong on the way.

use std::io::ErrorKind::*;

use super::super::socket::Transport;
use super::super::state::State;
use super::*;

#[test]
fn a_connection_takes_a_round_trip_and_is_accepted_half_a_trip_later() {
    let world = World::calm();
    let listener = world.listener(8);
    let client = world.knock();
    fails(client.connect("10.0.0.2:80"), WouldBlock);
    fails(client.peer(), NotConnected);
    world.pass(2 * HOP);
    assert!(client.is_connected() && client.error().is_none());
    fails(listener.accept(), WouldBlock);
    world.pass(HOP);
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, Addr::Inet(client.local()));
    assert_eq!(client.local().to_string(), "10.0.0.1:49152");
    assert_eq!(server.local().to_string(), "10.0.0.2:80");
    assert_eq!(server.peer().unwrap(), client.local());
    assert!(
        client.connect("10.0.0.2:80").is_ok(),
        "that it is made is told once"
    );
    let again = client.connect("10.0.0.2:80").unwrap_err();
    assert_eq!(again.raw_os_error(), Some(106));
}

#[test]
fn a_port_without_listener_refuses_after_a_round_trip() {
    let world = World::calm();
    let client = world.knock();
    world.pass(2 * HOP - Duration::from_nanos(1));
    assert_eq!(client.error(), None);
    world.settle();
    assert_eq!(
        (client.error(), world.elapsed()),
        (Some(ConnectionRefused), 2 * HOP)
    );
    assert_eq!(client.error(), None, "an error is taken once");
    let _listener = world.listener(8);
    fails(client.connect("10.0.0.2:80"), WouldBlock);
    world.settle();
    assert!(client.is_connected(), "a socket may try again");
}

#[test]
fn an_address_of_nobody_is_unreachable_after_three_seconds() {
    let world = World::calm();
    let client = world.stream(MAIN);
    fails(client.connect("10.0.0.77:80"), WouldBlock);
    world.settle();
    assert_eq!(client.error(), Some(HostUnreachable));
    assert_eq!(world.elapsed(), Duration::from_secs(3));
    fails(client.connect("224.0.0.1:80"), NetworkUnreachable);
}

#[test]
fn connections_are_accepted_in_the_order_of_their_arrival() {
    let world = World::calm();
    let listener = world.listener(8);
    let clients = [(); 5].map(|()| {
        world.pass(Duration::from_micros(1));
        world.knock()
    });
    world.settle();
    for client in &clients {
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer, Addr::Inet(client.local()));
    }
}

#[test]
fn a_full_backlog_makes_clients_knock_again() {
    let world = World::calm();
    let listener = world.listener(0);
    let (first, second) = (world.knock(), world.knock());
    world.pass(Duration::from_millis(900));
    assert!(first.is_connected() && !second.is_connected());
    let _served = world.accepted(&listener);
    world.pass(Duration::from_millis(200));
    assert!(second.is_connected(), "it knocks again after a second");
}

#[test]
fn bytes_arrive_whole_and_in_order_in_any_weather() {
    for seed in 0..8 {
        let world = World::new(seed, Conditions::rough());
        let (client, server) = world.connection();
        let sent: Vec<u8> = (0..200_000_u32)
            .map(|number| (number % 251) as u8)
            .collect();
        let (mut left, mut heard) = (&sent[..], Vec::new());
        let mut blocked = 0;
        while heard.len() < sent.len() {
            match client.send(left) {
                Ok(count) => left = &left[count..],
                Err(error) if !left.is_empty() => {
                    assert_eq!(error.kind(), WouldBlock);
                    blocked += 1;
                }
                Err(error) => panic!("{error}"),
            }
            while let Ok(bytes) = server.recv(3000) {
                heard.extend(bytes);
            }
            let next = world.network.next();
            assert!(!next.is_never() || heard.len() == sent.len(), "it stopped");
            if !next.is_never() {
                world.pass(next - world.clock.now());
            }
        }
        assert!(heard == sent, "seed {seed}");
        assert!(blocked > 0, "the window is small");
    }
}

#[test]
fn a_sender_waits_for_its_reader_and_for_the_news_of_it() {
    let world = World::new(1, Conditions::calm().window(1000));
    let (client, server) = world.connection();
    assert_eq!(client.send(&[7; 1500]).unwrap(), 1000);
    fails(client.send(&[7; 1]), WouldBlock);
    world.settle();
    fails(client.send(&[7; 1]), WouldBlock);
    assert_eq!(server.recv(400).unwrap().len(), 400);
    fails(client.send(&[7; 1]), WouldBlock);
    world.pass(HOP);
    assert_eq!(client.send(&[7; 1500]).unwrap(), 400);
}

#[test]
fn chance_shortens_reads_and_writes_but_never_to_nothing() {
    let world = World::new(1, Conditions::calm().short_io(1.0));
    let (client, server) = world.connection();
    let written: Vec<usize> = (0..50).map(|_| client.send(&[1; 100]).unwrap()).collect();
    let sent = written.iter().sum::<usize>();
    world.settle();
    let read: Vec<usize> = std::iter::from_fn(|| server.recv(100).ok())
        .map(|bytes| bytes.len())
        .collect();
    assert_eq!(read.iter().sum::<usize>(), sent);
    for counts in [written, read] {
        assert!(counts.iter().all(|count| (1..=100).contains(count)));
        assert!(counts.iter().any(|count| *count < 100));
    }
}

#[test]
fn peeking_takes_nothing() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.send(b"peek").unwrap();
    world.settle();
    let mut seen = [0; 2];
    assert_eq!(world.network.peek(server.fd(), &mut seen).unwrap(), 2);
    assert_eq!((&seen, server.recv(9).unwrap()), (b"pe", b"peek".to_vec()));
    fails(world.network.peek(server.fd(), &mut seen), WouldBlock);
}

#[test]
fn half_a_connection_goes_on_when_the_other_is_shut() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.send(b"last words").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    fails(client.send(b"more"), BrokenPipe);
    world.settle();
    assert_eq!(server.recv(99).unwrap(), b"last words");
    assert_eq!(server.recv(99).unwrap(), b"");
    assert_eq!(server.recv(99).unwrap(), b"", "the end stays");
    server.send(b"answer").unwrap();
    world.settle();
    assert_eq!(client.recv(99).unwrap(), b"answer");
    server.shutdown(Shutdown::Write).unwrap();
    world.settle();
    assert_eq!(client.recv(99).unwrap(), b"");
    fails(client.shutdown(Shutdown::Write), NotConnected);
}

#[test]
fn a_reader_that_shuts_reading_finds_the_end() {
    let world = World::calm();
    let (client, server) = world.connection();
    fails(client.recv(1), WouldBlock);
    client.shutdown(Shutdown::Read).unwrap();
    assert_eq!(client.recv(1).unwrap(), b"");
    client.send(b"still").unwrap();
    world.settle();
    assert_eq!(server.recv(9).unwrap(), b"still");
}

#[test]
fn closing_sends_the_rest_and_both_ends_are_forgotten() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.send(b"bye").unwrap();
    drop(client);
    world.settle();
    assert_eq!(server.recv(9).unwrap(), b"bye");
    assert_eq!(server.recv(9).unwrap(), b"");
    drop(server);
    world.settle();
    let statistics = world.statistics();
    assert_eq!(
        (statistics.sockets_open, statistics.connections_open),
        (0, 0)
    );
    assert_eq!((statistics.connections_made, statistics.resets), (1, 0));
}

#[test]
fn closing_with_something_unread_resets_the_peer() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.send(b"unheard").unwrap();
    server.send(b"heard").unwrap();
    world.settle();
    drop(server);
    world.settle();
    assert_eq!(client.recv(99).unwrap(), b"heard", "what had arrived stays");
    fails(client.recv(99), ConnectionReset);
    assert_eq!(client.recv(99).unwrap(), b"", "the error is told once");
    fails(client.send(b"more"), BrokenPipe);
    fails(client.peer(), NotConnected);
}

#[test]
fn lingering_for_no_time_resets_the_peer() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.set(SocketOption::Linger(Some(Duration::ZERO)));
    drop(client);
    world.settle();
    fails(server.send(b"x"), ConnectionReset);
    fails(server.send(b"x"), BrokenPipe);
}

#[test]
fn what_arrives_at_a_closed_end_is_answered_with_a_reset() {
    let world = World::calm();
    let (client, server) = world.connection();
    drop(server);
    world.settle();
    assert_eq!(
        client.send(b"anybody?").unwrap(),
        8,
        "the end alone is no reason"
    );
    world.settle();
    fails(client.send(b"anybody?"), BrokenPipe);
    assert_eq!(client.recv(9).unwrap(), b"");
    assert_eq!(world.statistics().resets, 1);
}

#[test]
fn a_listener_that_closes_resets_those_who_wait() {
    let world = World::calm();
    let listener = world.listener(8);
    let (in_queue, on_the_way) = (world.knock(), {
        world.pass(2 * HOP);
        world.knock()
    });
    world.pass(HOP);
    drop(listener);
    world.settle();
    fails(in_queue.recv(1), ConnectionReset);
    fails(on_the_way.recv(1), ConnectionReset);
    drop((in_queue, on_the_way));
    assert_eq!(world.statistics().connections_open, 0);
}

#[test]
fn an_attempt_that_is_given_up_leaves_its_place_in_the_backlog() {
    let world = World::calm();
    let listener = world.listener(0);
    // Its knock has been heard; the answer is under way.
    let client = world.knock();
    world.pass(HOP + HOP / 2);
    drop(client);
    world.settle();
    fails(listener.accept(), WouldBlock);
    assert_eq!(world.statistics().connections_open, 0);
    let next = world.knock();
    world.pass(2 * HOP);
    assert!(next.is_connected());
}

#[test]
fn at_the_limit_of_descriptors_a_connection_stays_in_the_queue() {
    let world = World::calm();
    let listener = world.listener(8);
    let _client = world.knock();
    world.settle();
    world.state(|state| state.host_state(SERVER).descriptors_max = 1);
    for _ in 0..2 {
        let full = listener.accept().err().expect("there is no descriptor");
        assert_eq!(full.raw_os_error(), Some(24));
    }
    let full = world.open(SERVER, Family::V4, SocketKind::Stream);
    assert_eq!(full.err().and_then(|it| it.raw_os_error()), Some(24));
    assert!(world.open(MAIN, Family::V4, SocketKind::Stream).is_ok());
    world.state(|state| state.host_state(SERVER).descriptors_max = 2);
    assert!(listener.accept().is_ok());
}

#[test]
fn a_closed_socket_gives_its_port_and_its_descriptor_back() {
    let world = World::calm();
    world.state(|state| state.host_state(SERVER).descriptors_max = 1);
    for port in [49152, 49153] {
        let socket = world.stream(SERVER);
        socket.bind("0.0.0.0:0").unwrap();
        assert_eq!(socket.local().port(), port);
        drop(socket);
        let users = |state: &mut State| state.at_port(SERVER, Transport::Stream, port).len();
        assert_eq!(world.state(users), 0);
    }
}

#[test]
fn an_address_is_had_once_unless_it_is_shared() {
    let world = World::calm();
    let _listener = world.listener(8);
    let second = world.stream(SERVER);
    fails(second.bind("10.0.0.2:80"), AddrInUse);
    second.set(SocketOption::ReuseAddress(true));
    fails(second.bind("10.0.0.2:80"), AddrInUse);
    fails(second.bind("10.0.0.1:80"), AddrNotAvailable);
    second.bind("10.0.0.2:0").unwrap();
    assert_eq!(second.local().port(), 49152);
    fails(second.bind("10.0.0.2:0"), InvalidInput);

    let sharing = [(); 2].map(|()| {
        let socket = world.stream(SERVER);
        socket.set(SocketOption::ReusePort(true));
        socket.bind("0.0.0.0:81").unwrap();
        socket.listen(99).unwrap();
        socket
    });
    for _ in 0..20 {
        let client = world.stream(MAIN);
        fails(client.connect("10.0.0.2:81"), WouldBlock);
        world.settle();
    }
    assert!(
        sharing.iter().all(|it| it.accept().is_ok()),
        "both get some"
    );
}

#[test]
fn two_who_bound_one_address_cannot_both_listen() {
    let world = World::calm();
    let [one, other] = [(); 2].map(|()| {
        let socket = world.stream(SERVER);
        socket.set(SocketOption::ReuseAddress(true));
        socket.bind("0.0.0.0:80").unwrap();
        socket
    });
    one.listen(1).unwrap();
    fails(other.listen(1), AddrInUse);
    drop(one);
    other.listen(1).unwrap();
}

#[test]
fn a_listener_of_version_6_hears_version_4_too() {
    let world = World::calm();
    let listener = world.open(SERVER, Family::V6, SocketKind::Stream).unwrap();
    listener.bind("[::]:80").unwrap();
    listener.listen(1).unwrap();
    let client = world.knock();
    let server = world.accepted(&listener);
    assert_eq!(
        server.peer().unwrap().to_string(),
        "[::ffff:10.0.0.1]:49152"
    );
    assert_eq!(server.local().to_string(), "[::ffff:10.0.0.2]:80");
    assert_eq!(client.peer().unwrap().to_string(), "10.0.0.2:80");

    let client = world.open(MAIN, Family::V6, SocketKind::Stream).unwrap();
    fails(client.connect("[fd00::2]:80"), WouldBlock);
    let server = world.accepted(&listener);
    assert_eq!(server.peer().unwrap(), client.local());
    assert_eq!(client.local().to_string(), "[fd00::1]:49153");
}

#[test]
fn loopback_is_the_host_itself() {
    let world = World::calm();
    let listener = world.stream(MAIN);
    listener.bind("127.0.0.1:80").unwrap();
    listener.listen(1).unwrap();
    let near = world.stream(MAIN);
    fails(near.connect("127.0.0.1:80"), WouldBlock);
    let server = world.accepted(&listener);
    assert!(world.elapsed() < HOP, "it is a short way");
    assert_eq!(server.peer().unwrap().to_string(), "127.0.0.1:49152");

    let far = world.stream(SERVER);
    fails(far.connect("127.0.0.1:80"), WouldBlock);
    world.settle();
    assert_eq!(
        far.error(),
        Some(ConnectionRefused),
        "the server's own loopback"
    );
    let mismatched = world.stream(MAIN);
    mismatched.bind("127.0.0.1:0").unwrap();
    fails(mismatched.connect("10.0.0.2:80"), InvalidInput);
}

#[test]
fn a_socket_that_is_not_connected_says_so() {
    let world = World::calm();
    let idle = world.stream(MAIN);
    fails(idle.recv(1), NotConnected);
    fails(idle.send(b"x"), BrokenPipe);
    fails(idle.shutdown(Shutdown::Both), NotConnected);
    fails(idle.accept(), InvalidInput);
    assert_eq!(idle.local().to_string(), "0.0.0.0:0");
}
