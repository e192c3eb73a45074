//! Claims about messages: each arrives whole, or not at all.

use std::io::{self, IoSlice, IoSliceMut};

use super::connection::kind;
use super::net::{Net, Socket, Way, pattern, recv};
use crate::interest::Direction;
use crate::sys::{Addr, End, SocketKind};

/// Two sockets, and what each calls the other: `None` if they are connected.
struct Peers<'n> {
    one: Socket<'n>,
    other: Socket<'n>,
    to_other: Option<Addr>,
    /// The sender that `other` sees.
    one_is: Addr,
}

impl<'n> Peers<'n> {
    fn new(net: &'n Net, way: &Way) -> Self {
        if let Way::Pair = way {
            let [one, other] = net.pair(SocketKind::Datagram);
            return Self {
                one,
                other,
                to_other: None,
                one_is: Addr::Unnamed,
            };
        }
        let (one, one_is) = net.bound(way, SocketKind::Datagram);
        let (other, other_is) = net.bound(way, SocketKind::Datagram);
        Self {
            one,
            other,
            to_other: Some(other_is),
            one_is,
        }
    }

    /// Sends a message from the one to the other.
    fn send(&self, bytes: &[u8]) {
        self.one.send_message(bytes, self.to_other.as_ref());
    }
}

pub(super) fn a_message_arrives_whole_and_with_its_sender(net: &Net, way: &Way) {
    let peers = Peers::new(net, way);
    for count in [1, 7, 500, 1200] {
        peers.send(&pattern(count, count));
        let (bytes, message) = peers.other.recv_message(2000);
        assert!(bytes == pattern(count, count), "a message arrives whole");
        assert!(!message.truncated, "a message that fits is not truncated");
        assert_eq!(message.from, peers.one_is, "a message has its sender");
    }
}

pub(super) fn messages_are_kept_apart(net: &Net, way: &Way) {
    let peers = Peers::new(net, way);
    let sent: [&[u8]; 3] = [b"a", b"bcd", b"ef"];
    sent.into_iter().for_each(|bytes| peers.send(bytes));
    let mut received = [(); 3].map(|()| peers.other.recv_message(100).0);
    // A network may change their order.
    received.sort();
    assert_eq!(received, sent, "messages are kept apart");
}

pub(super) fn what_does_not_fit_is_told(net: &Net, way: &Way) {
    let peers = Peers::new(net, way);
    peers.send(b"too long a message");
    let (bytes, message) = peers.other.recv_message(8);
    assert_eq!(bytes, b"too long", "a message begins with its first byte");
    assert!(message.truncated, "what does not fit is told");
    peers.send(b"the next");
    let (bytes, message) = peers.other.recv_message(8);
    assert_eq!(bytes, b"the next", "what does not fit is lost");
    assert!(!message.truncated, "a message that just fits is whole");
}

pub(super) fn a_message_may_be_empty(net: &Net, way: &Way) {
    let peers = Peers::new(net, way);
    peers.send(b"");
    let (bytes, message) = peers.other.recv_message(8);
    assert_eq!(
        (bytes.len(), message.truncated, message.from),
        (0, false, peers.one_is.clone()),
        "an empty message is a message"
    );
    peers.send(b"and no end");
    assert_eq!(peers.other.recv_message(10).0, b"and no end");
}

pub(super) fn a_message_may_be_scattered(net: &Net, way: &Way) {
    let peers = Peers::new(net, way);
    let pieces: [&[u8]; 4] = [b"ab", b"", b"cdefg", b"h"];
    let sent = peers.one.when(Direction::Write, |sys, socket| {
        sys.send_message(socket, &pieces.map(IoSlice::new), peers.to_other.as_ref())
    });
    assert_eq!(sent.ok(), Some(8), "several buffers are one message");
    let (mut first, mut second, mut third) = ([0; 3], [0; 0], [0; 20]);
    let received = peers.other.when(Direction::Read, |sys, socket| {
        let mut buffers = [&mut first[..], &mut second[..], &mut third[..]].map(IoSliceMut::new);
        sys.recv_message(socket, &mut buffers)
    });
    let message = received.expect("a message comes");
    assert_eq!(
        (message.len, &first, &third[..5]),
        (8, b"abc", &b"defgh"[..]),
        "buffers are sent and filled in order"
    );
}

pub(super) fn peek_leaves_the_message(net: &Net, way: &Way) {
    let peers = Peers::new(net, way);
    peers.send(b"look at me");
    let mut buffer = [0; 4];
    let peeked = peers
        .other
        .when(Direction::Read, |sys, socket| sys.peek(socket, &mut buffer));
    assert_eq!(
        (peeked.ok(), &buffer),
        (Some(4), b"look"),
        "a peek shows the message that comes next"
    );
    assert_eq!(
        peers.other.recv_message(20).0,
        b"look at me",
        "a peek leaves the message whole"
    );
}

pub(super) fn a_connected_socket_needs_no_address(net: &Net, way: &Way) {
    let Peers {
        one,
        other,
        to_other,
        one_is,
    } = Peers::new(net, way);
    if let Some(addr) = to_other {
        one.connect(&addr)
            .expect("a datagram socket connects at once");
        other.connect(&one_is).expect("and so does the other");
        assert_eq!(
            [one.addr(End::Peer), other.addr(End::Peer)],
            [addr, one_is],
            "a connected socket has a peer"
        );
    }
    one.send_message(b"by message", None);
    assert_eq!(other.recv(100).ok(), Some(b"by message".to_vec()));
    let sent = other.when(Direction::Write, |_, _| other.try_send(b"by stream"));
    assert_eq!(sent.ok(), Some(9), "a message goes out whole");
    let (bytes, message) = one.recv_message(100);
    assert_eq!((&*bytes, message.truncated), (&b"by stream"[..], false));
}

pub(super) fn a_connected_socket_hears_nobody_else(net: &Net, way: &Way) {
    let Peers {
        one,
        other,
        to_other: Some(addr),
        one_is,
    } = Peers::new(net, way)
    else {
        return;
    };
    other
        .connect(&one_is)
        .expect("a datagram socket connects at once");
    let (stranger, _) = net.bound(way, SocketKind::Datagram);
    // More than once, since a network may change their order.
    for _ in 0..8 {
        // The call may be refused: what counts is that nothing arrives.
        let _refused = net.sys.send_message(
            stranger.descriptor(),
            &[IoSlice::new(b"from a stranger")],
            Some(&addr),
        );
        one.send_message(b"from a friend", Some(&addr));
        let (bytes, message) = other.recv_message(100);
        assert_eq!(
            (&*bytes, &message.from),
            (&b"from a friend"[..], &one_is),
            "a connected socket hears nobody else"
        );
    }
    assert_eq!(
        kind(recv(net.sys, other.descriptor(), 100)),
        Some(io::ErrorKind::WouldBlock),
        "a connected socket hears nobody else"
    );
}

pub(super) fn without_an_address_nothing_is_sent(net: &Net, way: &Way) {
    let (Way::Inet(_) | Way::Path) = way else {
        return;
    };
    let socket = net.open(way, SocketKind::Datagram);
    let sent = net
        .sys
        .send_message(socket.descriptor(), &[IoSlice::new(b"x")], None);
    let sent = kind(sent);
    assert!(
        sent.is_some_and(|kind| kind != io::ErrorKind::WouldBlock),
        "without an address nothing is sent: {sent:?}"
    );
    let peer = net.sys.addr(socket.descriptor(), End::Peer);
    assert_eq!(
        kind(peer),
        Some(io::ErrorKind::NotConnected),
        "a socket that is not connected has no peer"
    );
}

pub(super) fn nothing_would_block_and_too_much_fails(net: &Net, way: &Way) {
    let peers = Peers::new(net, way);
    let nothing = || {
        let mut buffer = [0; 1];
        let message = net.sys.recv_message(
            peers.other.descriptor(),
            &mut [IoSliceMut::new(&mut buffer)],
        );
        kind(message)
    };
    let expected = Some(io::ErrorKind::WouldBlock);
    assert_eq!(nothing(), expected, "a recv with nothing would block");
    assert_eq!(
        kind(recv(net.sys, peers.other.descriptor(), 1)),
        expected,
        "a recv with nothing would block"
    );
    if let Way::Inet(_) = way {
        let sent = net.sys.send_message(
            peers.one.descriptor(),
            &[IoSlice::new(&[0; 70_000])],
            peers.to_other.as_ref(),
        );
        let sent = kind(sent);
        assert!(
            sent.is_some_and(|kind| kind != io::ErrorKind::WouldBlock),
            "a message that is too long is an error: {sent:?}"
        );
    }
    peers.send(b"short");
    assert_eq!(peers.other.recv_message(8).0, b"short");
}
