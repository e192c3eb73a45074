//! Claims about how connections are made.

use std::io;

use super::net::{Net, Way, recv};
use crate::sys::{Addr, End, SocketKind, SocketOption};

pub(super) fn each_end_knows_both_addresses(net: &Net, way: &Way) {
    let (listener, addr) = net.listening(way, 8);
    let client = net.open(way, SocketKind::Stream);
    client.connect(&addr).expect("somebody listens there");
    let error = net.sys.take_error(client.descriptor());
    assert!(
        error.expect("it is open").is_none(),
        "a connection that was made has no error"
    );
    let (served, from) = listener.accept();
    assert_eq!(
        [client.addr(End::Peer), served.addr(End::Local)],
        [addr.clone(), addr],
        "a connection is to the listener's address"
    );
    assert_eq!(
        [served.addr(End::Peer), from],
        [client.addr(End::Local), client.addr(End::Local)],
        "`accept` tells the client's address"
    );
    if let Way::Path = way {
        assert_eq!(
            client.addr(End::Local),
            Addr::Unnamed,
            "who has not bound has no name"
        );
    }
}

pub(super) fn connecting_fails_where_nobody_listens(net: &Net, way: &Way) {
    let (_bound, addr) = net.bound(way, SocketKind::Stream);
    let client = net.open(way, SocketKind::Stream);
    let refused = client.connect(&addr);
    assert_eq!(
        kind(refused),
        Some(io::ErrorKind::ConnectionRefused),
        "an address where nobody listens refuses"
    );
    if let Way::Path = way {
        let client = net.open(way, SocketKind::Stream);
        let missing = client.connect(&net.vacant(way));
        assert_eq!(
            kind(missing),
            Some(io::ErrorKind::NotFound),
            "a path that is not there is not found"
        );
    }
}

pub(super) fn an_error_is_taken_once(net: &Net, way: &Way) {
    let (_bound, addr) = net.bound(way, SocketKind::Stream);
    let client = net.open(way, SocketKind::Stream);
    client.connect(&addr).expect_err("nobody listens there");
    let error = net.sys.take_error(client.descriptor());
    assert!(
        error.expect("it is open").is_none(),
        "`take_error` takes the error"
    );
}

pub(super) fn a_free_address_is_given(net: &Net, way: &Way) {
    let [(_one, one), (_other, other)] = [(); 2].map(|()| net.listening(way, 8));
    assert_ne!(one, other, "two listeners have two addresses");
    if let (Way::Inet(ip), Addr::Inet(given)) = (way, one) {
        assert_eq!(given.ip(), *ip, "the address is the one that was bound");
        assert_ne!(given.port(), 0, "for port 0 a free one is given");
    }
}

pub(super) fn a_taken_address_is_in_use(net: &Net, way: &Way) {
    let (_listener, addr) = net.listening(way, 8);
    let second = net.open(way, SocketKind::Stream);
    let bound = net.sys.bind(second.descriptor(), &addr);
    let taken = bound.and_then(|()| net.sys.listen(second.descriptor(), 8));
    assert_eq!(
        kind(taken),
        Some(io::ErrorKind::AddrInUse),
        "an address at which somebody listens is in use"
    );
}

pub(super) fn an_address_is_free_again(net: &Net, way: &Way) {
    let Way::Inet(_) = way else { return };
    let reusable = |addr: &Addr| {
        let socket = net.open(way, SocketKind::Stream);
        let option = SocketOption::ReuseAddress(true);
        net.sys
            .set_option(socket.descriptor(), option)
            .expect("this option is there");
        net.sys
            .bind(socket.descriptor(), addr)
            .expect("an address is free once its listener has closed");
        net.sys
            .listen(socket.descriptor(), 8)
            .expect("a bound socket can listen");
        socket
    };
    let first = reusable(&net.vacant(way));
    let addr = first.addr(End::Local);
    let client = net.open(way, SocketKind::Stream);
    client.connect(&addr).expect("somebody listens there");
    let (served, _) = first.accept();
    // The server closes first, so a kernel remembers the connection for a while.
    drop((served, first));
    drop(client);
    let again = reusable(&addr);
    let client = net.open(way, SocketKind::Stream);
    client.connect(&addr).expect("somebody listens there again");
    let _accepted = again.accept();
}

pub(super) fn connections_wait_to_be_accepted(net: &Net, way: &Way) {
    const BACKLOG: usize = 8;
    let (listener, addr) = net.listening(way, BACKLOG as u32);
    let clients: Vec<_> = (0..BACKLOG)
        .map(|number| {
            let client = net.open(way, SocketKind::Stream);
            client
                .connect(&addr)
                .expect("as many as the backlog connect before one is accepted");
            client.send_all(&[number as u8]);
            client
        })
        .collect();
    let mut numbers: Vec<_> = clients
        .iter()
        .flat_map(|_| listener.accept().0.recv_exact(1))
        .collect();
    numbers.sort_unstable();
    assert!(
        numbers.into_iter().eq(0..BACKLOG as u8),
        "each connection is accepted once, with what was sent before"
    );
}

pub(super) fn an_accept_with_nothing_would_block(net: &Net, way: &Way) {
    let (listener, addr) = net.listening(way, 8);
    let nothing = || kind(net.sys.accept(listener.descriptor()).map(drop));
    let expected = Some(io::ErrorKind::WouldBlock);
    assert_eq!(nothing(), expected, "an accept with nothing would block");
    let client = net.open(way, SocketKind::Stream);
    client.connect(&addr).expect("somebody listens there");
    let (served, _) = listener.accept();
    assert_eq!(nothing(), expected, "a connection is accepted once");
    // What was accepted does not block either.
    let received = recv(net.sys, served.descriptor(), 1);
    assert_eq!(
        kind(received.map(drop)),
        expected,
        "what was accepted does not block"
    );
}

pub(super) fn what_does_not_listen_accepts_nothing(net: &Net, way: &Way) {
    let (bound, _) = net.bound(way, SocketKind::Stream);
    let accepted = kind(net.sys.accept(bound.descriptor()).map(drop));
    assert_eq!(
        accepted,
        Some(io::ErrorKind::InvalidInput),
        "a socket that does not listen accepts nothing"
    );
}

pub(super) fn what_is_not_connected_says_so(net: &Net, way: &Way) {
    let socket = net.open(way, SocketKind::Stream);
    let peer = net.sys.addr(socket.descriptor(), End::Peer);
    assert_eq!(
        kind(peer.map(drop)),
        Some(io::ErrorKind::NotConnected),
        "a socket that is not connected has no peer"
    );
    let sent = kind(socket.try_send(b"x").map(drop));
    assert!(
        matches!(
            sent,
            Some(io::ErrorKind::NotConnected | io::ErrorKind::BrokenPipe)
        ),
        "a socket that is not connected sends nothing: {sent:?}"
    );
    let received = recv(net.sys, socket.descriptor(), 1);
    let received = kind(received.map(drop));
    assert!(
        matches!(
            received,
            Some(io::ErrorKind::NotConnected | io::ErrorKind::InvalidInput)
        ),
        "a socket that is not connected receives nothing: {received:?}"
    );
}

pub(super) fn a_second_connect_harms_nothing(net: &Net, way: &Way) {
    let (listener, addr) = net.listening(way, 8);
    let client = net.open(way, SocketKind::Stream);
    client.connect(&addr).expect("somebody listens there");
    // An error, or none: this is how some learn that the first one has ended.
    let again = net.sys.connect(client.descriptor(), &addr);
    assert_ne!(
        kind(again),
        Some(io::ErrorKind::WouldBlock),
        "nothing is under way on a socket that is connected"
    );
    let (served, _) = listener.accept();
    client.send_all(b"still here");
    assert_eq!(served.recv_exact(10), b"still here");
}

pub(super) fn a_listener_that_closes_ends_who_waits(net: &Net, way: &Way) {
    let (listener, addr) = net.listening(way, 8);
    let client = net.open(way, SocketKind::Stream);
    client.connect(&addr).expect("somebody listens there");
    drop(listener);
    match client.recv(1) {
        Ok(bytes) => assert!(bytes.is_empty(), "nobody has sent anything"),
        Err(error) => assert_eq!(
            error.kind(),
            io::ErrorKind::ConnectionReset,
            "a connection that nobody accepted ends with its listener"
        ),
    }
    let late = net.open(way, SocketKind::Stream);
    assert_eq!(
        kind(late.connect(&addr)),
        Some(io::ErrorKind::ConnectionRefused),
        "a listener that has closed listens no more"
    );
}

/// What kind of error it is, if it is one.
pub(super) fn kind<T>(result: io::Result<T>) -> Option<io::ErrorKind> {
    result.err().map(|error| error.kind())
}
