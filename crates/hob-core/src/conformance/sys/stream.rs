//! Claims about what streams carry, and how they end.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;

use super::connection::kind;
use super::net::{Net, Socket, Way, pattern, recv};
use crate::interest::Direction;

/// No buffer of a stream is as large.
const MORE_THAN_FITS: usize = 1 << 28;

pub(super) fn a_recv_with_nothing_would_block(net: &Net, way: &Way) {
    for socket in &net.connected(way) {
        let received = recv(net.sys, socket.descriptor(), 1);
        assert_eq!(
            kind(received),
            Some(io::ErrorKind::WouldBlock),
            "a recv with nothing would block"
        );
    }
}

pub(super) fn bytes_arrive_in_order_and_whole(net: &Net, way: &Way) {
    const COUNT: usize = 1 << 20;
    let [writer, reader] = net.connected(way);
    let (mut sent, mut received) = (0, 0);
    while received < COUNT {
        while sent < COUNT {
            // Uneven pieces, so that no boundary stays where it was.
            let piece = pattern(sent, (COUNT - sent).min(40_009));
            let tried = if sent == received {
                // All was read, but the news of it may still be on its way to the writer.
                writer.when(Direction::Write, |_, _| writer.try_send(&piece))
            } else {
                writer.try_send(&piece)
            };
            match tried {
                Ok(count) => sent += count,
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    break;
                }
            }
        }
        let some = reader.recv(30_011).expect("the stream is open");
        assert!(!some.is_empty(), "a stream ends after all that was sent");
        assert!(
            some == pattern(received, some.len()),
            "bytes arrive in order and whole, but not after byte {received}"
        );
        received += some.len();
    }
    let received = recv(net.sys, reader.descriptor(), 1);
    assert_eq!(
        kind(received),
        Some(io::ErrorKind::WouldBlock),
        "nothing arrives that was not sent"
    );
}

pub(super) fn a_full_sender_goes_on_once_the_reader_has_drained(net: &Net, way: &Way) {
    let [writer, reader] = net.connected(way);
    for _round in 0..2 {
        let sent = fill(&writer);
        for start in (0..sent).step_by(1 << 16) {
            let count = (sent - start).min(1 << 16);
            assert!(
                reader.recv_exact(count) == pattern(start, count),
                "bytes arrive in order and whole, also through a full buffer"
            );
        }
        // Nothing but the readiness tells that there is room.
        writer
            .when(Direction::Write, |_, _| writer.try_send(b"x"))
            .expect("a sender becomes writable after the reader has drained");
        assert_eq!(reader.recv_exact(1), b"x");
    }
}

pub(super) fn both_directions_are_independent(net: &Net, way: &Way) {
    let [one, other] = net.connected(way);
    fill(&one);
    other.send_all(b"still room this way");
    assert_eq!(
        one.recv_exact(19),
        b"still room this way",
        "a direction that is full leaves the other alone"
    );
}

pub(super) fn peek_does_not_take(net: &Net, way: &Way) {
    let [writer, reader] = net.connected(way);
    let nothing = net.sys.peek(reader.descriptor(), &mut [0; 1]);
    assert_eq!(
        kind(nothing),
        Some(io::ErrorKind::WouldBlock),
        "a peek with nothing would block"
    );
    writer.send_all(b"hello");
    let mut buffer = [0; 5];
    for _ in 0..2 {
        let count = reader.when(Direction::Read, |sys, socket| sys.peek(socket, &mut buffer));
        let count = count.expect("the stream is open");
        assert!(
            count > 0 && buffer[..count] == b"hello"[..count],
            "a peek shows what comes next"
        );
    }
    assert_eq!(reader.recv_exact(5), b"hello", "a peek takes nothing");
    shutdown(net, &writer, Shutdown::Write);
    let end = reader.when(Direction::Read, |sys, socket| sys.peek(socket, &mut buffer));
    assert_eq!(end.ok(), Some(0), "a peek shows the end");
}

pub(super) fn buffers_are_filled_and_sent_in_order(net: &Net, way: &Way) {
    let [writer, reader] = net.connected(way);
    let pieces: [&[u8]; 5] = [b"ab", b"", b"cdefg", b"h", b"ij"];
    let sent = writer.when(Direction::Write, |sys, socket| {
        sys.send(socket, &pieces.map(IoSlice::new))
    });
    let sent = sent.expect("the stream is open");
    assert!((1..=10).contains(&sent), "a send says how much went out");
    writer.send_all(&b"abcdefghij"[sent..]);

    let mut all = Vec::new();
    while all.len() < 10 {
        let (mut first, mut second, mut third) = ([0; 3], [0; 0], [0; 20]);
        let received = reader.when(Direction::Read, |sys, socket| {
            let mut buffers =
                [&mut first[..], &mut second[..], &mut third[..]].map(IoSliceMut::new);
            sys.recv(socket, &mut buffers)
        });
        let received = received.expect("the stream is open");
        assert!(received > 0, "a stream ends after all that was sent");
        all.extend_from_slice(&[&first[..], &third[..]].concat()[..received]);
    }
    assert_eq!(all, b"abcdefghij", "buffers are sent and filled in order");
}

pub(super) fn there_may_be_any_number_of_buffers(net: &Net, way: &Way) {
    // No system takes as many in one call.
    const COUNT: usize = 2000;
    let [writer, reader] = net.connected(way);
    let bytes = pattern(0, COUNT);
    let pieces: Vec<_> = bytes.chunks(1).map(IoSlice::new).collect();
    let sent = writer.when(Direction::Write, |sys, socket| sys.send(socket, &pieces));
    let sent = sent.expect("of any number of buffers some are sent");
    assert!((1..=COUNT).contains(&sent), "a send says how much went out");

    let mut all = Vec::new();
    while all.len() < sent {
        let mut some = [0; COUNT];
        let received = reader.when(Direction::Read, |sys, socket| {
            let mut buffers: Vec<_> = some.chunks_mut(1).map(IoSliceMut::new).collect();
            sys.recv(socket, &mut buffers)
        });
        let received = received.expect("of any number of buffers some are filled");
        assert!(received > 0, "a stream ends after all that was sent");
        all.extend_from_slice(&some[..received]);
    }
    assert!(all == bytes[..sent], "buffers are sent and filled in order");
}

pub(super) fn empty_buffers_move_nothing(net: &Net, way: &Way) {
    let [writer, reader] = net.connected(way);
    assert_eq!(
        writer.try_send(b"").ok(),
        Some(0),
        "an empty send is no error"
    );
    writer.send_all(b"x");
    let there = reader.when(Direction::Read, |sys, socket| sys.peek(socket, &mut [0; 1]));
    assert_eq!(there.ok(), Some(1));
    let received = net
        .sys
        .recv(reader.descriptor(), &mut [IoSliceMut::new(&mut [])]);
    assert_eq!(received.ok(), Some(0), "an empty recv is no error");
    assert_eq!(reader.recv_exact(1), b"x", "an empty buffer takes nothing");
}

pub(super) fn a_half_close_leaves_the_other_direction(net: &Net, way: &Way) {
    let [client, served] = net.connected(way);
    client.send_all(b"question");
    shutdown(net, &client, Shutdown::Write);
    assert_eq!(served.recv_exact(8), b"question");
    assert_end(&served);
    assert_end(&served);
    served.send_all(b"answer");
    assert_eq!(
        client.recv_exact(6),
        b"answer",
        "a half-close leaves the other direction open"
    );
    assert_eq!(
        kind(client.try_send(b"x")),
        Some(io::ErrorKind::BrokenPipe),
        "after a half-close nothing is sent"
    );
    drop(served);
    assert_end(&client);
}

pub(super) fn a_close_for_reading_is_an_end(net: &Net, way: &Way) {
    let [client, served] = net.connected(way);
    shutdown(net, &client, Shutdown::Read);
    assert_end(&client);
    client.send_all(b"x");
    assert_eq!(
        served.recv_exact(1),
        b"x",
        "who does not read may still write"
    );
}

pub(super) fn a_close_of_both_ends_both(net: &Net, way: &Way) {
    let [client, served] = net.connected(way);
    shutdown(net, &client, Shutdown::Both);
    assert_end(&served);
    assert_end(&client);
    assert_eq!(
        kind(client.try_send(b"x")),
        Some(io::ErrorKind::BrokenPipe),
        "after a shutdown nothing is sent"
    );
}

pub(super) fn what_was_sent_before_a_close_arrives(net: &Net, way: &Way) {
    let [writer, reader] = net.connected(way);
    let sent = writer.when(Direction::Write, |_, _| {
        writer.try_send(&pattern(0, 100_000))
    });
    let sent = sent.expect("the stream is open");
    drop(writer);
    assert!(
        reader.recv_exact(sent) == pattern(0, sent),
        "what was sent before a close arrives"
    );
    assert_end(&reader);
}

pub(super) fn a_close_with_bytes_unread_resets(net: &Net, way: &Way) {
    // The Unix domain has no word on it.
    let Way::Inet(_) = way else { return };
    let [client, served] = net.connected(way);
    client.send_all(b"nobody will read this");
    let there = served.when(Direction::Read, |sys, socket| sys.peek(socket, &mut [0; 1]));
    assert_eq!(there.ok(), Some(1));
    drop(served);
    assert_eq!(
        kind(client.recv(1)),
        Some(io::ErrorKind::ConnectionReset),
        "a close with bytes unread resets the connection"
    );
}

pub(super) fn a_write_after_the_peer_closed_fails(net: &Net, way: &Way) {
    let [client, served] = net.connected(way);
    drop(served);
    assert_end(&client);
    let piece = [0; 4096];
    let mut sent = 0;
    let failed = loop {
        match client.when(Direction::Write, |_, _| client.try_send(&piece)) {
            Ok(count) => sent += count,
            Err(error) => break error.kind(),
        }
        assert!(
            sent < MORE_THAN_FITS,
            "a write after the peer has closed fails in the end"
        );
    };
    assert!(
        matches!(
            failed,
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
        ),
        "a write after the peer has closed says so: {failed:?}"
    );
}

pub(super) fn a_close_ends_the_wait_of_the_peer(net: &Net, way: &Way) {
    let [client, served] = net.connected(way);
    fill(&served);
    // The reader goes, with all that it has not read: the writer hears of it.
    drop(client);
    let failed = served.when(Direction::Write, |_, _| served.try_send(b"x"));
    let failed = kind(failed);
    assert!(
        matches!(
            failed,
            Some(io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
        ),
        "a close ends the wait of a writer: {failed:?}"
    );
}

/// Sends until nothing more goes out, and returns how much did.
fn fill(writer: &Socket<'_>) -> usize {
    let mut sent = 0;
    loop {
        match writer.try_send(&pattern(sent, 1 << 16)) {
            Ok(count) => sent += count,
            Err(error) => {
                assert_eq!(
                    error.kind(),
                    io::ErrorKind::WouldBlock,
                    "a sender whose reader is slow would block in the end"
                );
                return sent;
            }
        }
        assert!(
            sent < MORE_THAN_FITS,
            "a sender whose reader is slow would block in the end"
        );
    }
}

fn assert_end(reader: &Socket<'_>) {
    let end = reader.recv(1).expect("an end is no error");
    assert_eq!(end, b"", "a direction that was closed is at its end");
}

fn shutdown(net: &Net, socket: &Socket<'_>, how: Shutdown) {
    net.sys
        .shutdown(socket.descriptor(), how)
        .expect("it is connected");
}
