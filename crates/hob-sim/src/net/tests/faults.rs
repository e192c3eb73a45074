//! TCP when something goes wrong on the way.

use std::io::ErrorKind::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn nobody_answers_behind_a_cut_link_and_the_client_gives_up_after_127_seconds() {
    let world = World::calm();
    let _listener = world.listener(8);
    world.cut(true);
    let client = world.knock();
    world.settle();
    assert_eq!(client.error(), Some(TimedOut));
    assert_eq!(world.elapsed(), 127 * SECOND);
}

#[test]
fn a_client_knocks_again_until_the_link_is_mended() {
    let world = World::calm();
    let _listener = world.listener(8);
    world.cut(true);
    let client = world.knock();
    world.pass(4 * SECOND);
    world.cut(false);
    world.until(|| client.is_connected());
    assert_eq!(world.elapsed(), 7 * SECOND + 2 * HOP);
}

#[test]
fn an_answer_that_cannot_pass_leaves_the_client_its_own_patience() {
    let world = World::calm();
    let listener = world.listener(0);
    let client = world.knock();
    world.pass(HOP);
    world.cut(true);
    world.until(|| client.error() == Some(TimedOut));
    assert_eq!(world.elapsed(), 127 * SECOND);
    drop(client);
    world.settle();
    world.cut(false);
    world.settle();
    fails(listener.accept(), WouldBlock);
    let _client = world.knock();
    assert!(
        world.accepted(&listener).is_connected(),
        "the place is free again"
    );
}

#[test]
fn a_late_answer_ends_the_patience_of_the_client() {
    let world = World::calm();
    let _listener = world.listener(8);
    let client = world.knock();
    world.pass(HOP);
    world.cut(true);
    world.pass(SECOND);
    world.cut(false);
    world.until(|| client.is_connected());
    world.settle();
    assert!(world.elapsed() < 127 * SECOND, "nothing is left to happen");
    assert!(client.is_connected());
}

#[test]
fn a_listener_that_closes_behind_a_cut_link_leaves_the_client_its_own_patience() {
    let world = World::calm();
    let listener = world.listener(8);
    let client = world.knock();
    world.pass(HOP);
    world.cut(true);
    drop(listener);
    world.until(|| client.error() == Some(TimedOut));
    assert_eq!(world.elapsed(), 127 * SECOND);
}

#[test]
fn what_was_under_way_arrives_when_the_link_is_mended_and_the_sender_tries_again() {
    let world = World::calm();
    let (client, server) = world.connection();
    let sent = world.elapsed();
    world.cut(true);
    client.send(b"first ").unwrap();
    world.pass(SECOND);
    client.send(b"second").unwrap();
    world.settle_cut();
    fails(server.recv(99), WouldBlock);
    world.cut(false);
    world.until(|| server.recv_is_ready());
    // Sent again after 0.2, 0.6 and 1.4 seconds.
    let expected = Duration::from_millis(1400) + HOP;
    assert_eq!(world.elapsed() - sent, expected);
    world.settle();
    assert_eq!(server.recv(99).unwrap(), b"first second");
}

#[test]
fn a_sender_gives_up_after_924_seconds_and_its_peer_never_hears_of_it() {
    let world = World::calm();
    let (client, server) = world.connection();
    let sent = world.elapsed();
    world.cut(true);
    client.send(b"lost").unwrap();
    world.settle();
    assert_eq!(world.elapsed() - sent, Duration::from_millis(924_600));
    fails(client.send(b"more"), TimedOut);
    fails(client.send(b"more"), BrokenPipe);
    fails(server.recv(9), WouldBlock);
    world.cut(false);
    world.settle();
    fails(server.recv(9), WouldBlock);
    server.send(b"anybody?").unwrap();
    world.settle();
    fails(server.recv(9), ConnectionReset);
}

#[test]
fn an_idle_connection_survives_a_partition_of_any_length() {
    let world = World::calm();
    let (client, server) = world.connection();
    world.settle();
    world.cut(true);
    world.pass(100_000 * SECOND);
    world.cut(false);
    client.send(b"hello").unwrap();
    world.settle();
    assert_eq!(server.recv(9).unwrap(), b"hello");
}

#[test]
fn a_reset_is_sent_once_and_a_cut_link_swallows_it() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.set(SocketOption::Linger(Some(Duration::ZERO)));
    world.cut(true);
    drop(client);
    world.settle();
    world.cut(false);
    world.settle();
    fails(server.recv(9), WouldBlock);
    server.send(b"anybody?").unwrap();
    world.settle();
    fails(server.recv(9), ConnectionReset);
}

#[test]
fn a_reset_that_is_under_way_when_the_link_is_cut_is_lost() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.set(SocketOption::Linger(Some(Duration::ZERO)));
    client.send(b"before it").unwrap();
    drop(client);
    world.cut(true);
    world.pass(SECOND);
    world.cut(false);
    world.settle();
    fails(server.recv(9), WouldBlock);
    drop(server);
    world.settle();
    assert_eq!(world.statistics().connections_open, 0);
}

#[test]
fn whoever_resets_behind_a_cut_link_sends_nothing_again() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.set(SocketOption::Linger(Some(Duration::ZERO)));
    world.cut(true);
    client.send(b"lost").unwrap();
    world.pass(SECOND);
    drop(client);
    world.cut(false);
    world.settle();
    fails(server.recv(9), WouldBlock);
}

#[test]
fn whoever_resets_after_a_cut_sends_nothing_again_either() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.set(SocketOption::Linger(Some(Duration::ZERO)));
    world.cut(true);
    client.send(b"lost").unwrap();
    world.pass(SECOND);
    world.cut(false);
    drop(client);
    world.pass(HOP);
    fails(server.recv(9), ConnectionReset);
}

#[test]
fn a_reset_arrives_at_once_and_what_was_lost_before_it_never() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.send(b"unread").unwrap();
    world.settle();
    server.send(b"in time ").unwrap();
    world.link(Link::new().loss(0.99));
    server.send(b"lost ").unwrap();
    world.link(Link::new());
    server.send(b"behind it").unwrap();
    drop(server);
    world.pass(HOP);
    assert_eq!(client.recv(99).unwrap(), b"in time ");
    fails(client.recv(99), ConnectionReset);
    assert_eq!(client.recv(99).unwrap(), b"");
}

#[test]
fn a_segment_that_was_sent_again_is_under_way_like_any_other() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.set(SocketOption::Linger(Some(Duration::ZERO)));
    world.cut(true);
    client.send(b"again").unwrap();
    world.pass(SECOND / 10);
    world.cut(false);
    world.pass(SECOND / 10);
    drop(client);
    world.pass(HOP);
    assert_eq!(server.recv(9).unwrap(), b"again");
    fails(server.recv(9), ConnectionReset);
}

#[test]
fn a_reset_that_is_lost_takes_what_was_lost_before_along() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.set(SocketOption::Linger(Some(Duration::ZERO)));
    world.link(Link::new().loss(0.99));
    client.send(b"lost").unwrap();
    drop(client);
    world.link(Link::new());
    world.settle();
    fails(server.recv(9), WouldBlock);
    server.send(b"anybody?").unwrap();
    world.settle();
    fails(server.recv(9), ConnectionReset);
}

#[test]
fn a_listener_that_closes_before_its_answer_is_heard_refuses() {
    let world = World::calm();
    let listener = world.listener(8);
    let client = world.knock();
    world.pass(HOP);
    world.cut(true);
    world.pass(HOP);
    world.cut(false);
    drop(listener);
    world.pass(HOP);
    assert_eq!(client.error(), Some(ConnectionRefused));
    assert_eq!(world.statistics().connections_failed, 1);
    drop(client);
    assert_eq!(world.statistics().connections_open, 0);
}

#[test]
fn a_handshake_that_is_reset_before_it_is_made_leaves_its_place_in_the_backlog() {
    let world = World::calm();
    let listener = world.listener(0);
    let client = world.knock();
    client.set(SocketOption::Linger(Some(Duration::ZERO)));
    world.pass(2 * HOP);
    assert!(client.is_connected());
    world.cut(true);
    world.pass(HOP);
    world.cut(false);
    drop(client);
    world.settle();
    fails(listener.accept(), WouldBlock);
    assert_eq!(world.statistics().connections_open, 0);
    let _client = world.knock();
    assert!(world.accepted(&listener).is_connected());
}

#[test]
fn a_sender_without_room_behind_a_cut_link_gives_up() {
    for is_cut_first in [false, true] {
        let world = World::new(1, Conditions::calm().window(4));
        let (client, server) = world.connection();
        client.send(b"full").unwrap();
        world.settle();
        if is_cut_first {
            world.cut(true);
        }
        fails(client.send(b"more"), WouldBlock);
        let begin = world.elapsed();
        world.settle();
        if !is_cut_first {
            assert_eq!(world.elapsed(), begin, "a reader that rests is no reason");
            world.cut(true);
            world.settle();
        }
        assert_eq!(world.elapsed() - begin, Duration::from_millis(924_600));
        fails(client.send(b"more"), TimedOut);
        assert_eq!(server.recv(9).unwrap(), b"full");
        fails(server.recv(9), WouldBlock);
    }
}

#[test]
fn a_sender_without_room_is_patient_again_when_the_link_is_mended() {
    let world = World::new(1, Conditions::calm().window(4));
    let (client, server) = world.connection();
    client.send(b"full").unwrap();
    world.settle();
    fails(client.send(b"more"), WouldBlock);
    for _ in 0..3 {
        world.cut(true);
        world.pass(900 * SECOND);
        world.cut(false);
    }
    let begin = world.elapsed();
    world.settle();
    assert_eq!(world.elapsed(), begin, "nothing is left to happen");
    server.recv(9).unwrap();
    world.settle();
    // It has room again, so there is nothing that it asks for.
    world.cut(true);
    world.pass(10_000 * SECOND);
    world.cut(false);
    client.send(b"more").unwrap();
    world.settle();
    assert_eq!(server.recv(9).unwrap(), b"more");
}

#[test]
fn a_close_behind_a_cut_link_is_heard_of_later() {
    let world = World::calm();
    let (client, server) = world.connection();
    world.cut(true);
    client.send(b"bye").unwrap();
    drop(client);
    world.pass(SECOND);
    world.cut(false);
    world.settle();
    assert_eq!(server.recv(9).unwrap(), b"bye");
    assert_eq!(server.recv(9).unwrap(), b"");
    drop(server);
    world.settle();
    assert_eq!(world.statistics().connections_open, 0);
}

#[test]
fn two_ends_that_are_closed_behind_a_cut_link_are_forgotten() {
    let world = World::calm();
    let (client, server) = world.connection();
    world.settle();
    world.cut(true);
    drop((client, server));
    world.settle();
    assert_eq!(world.statistics().connections_open, 0);
}

#[test]
fn a_lost_segment_is_late_and_holds_up_those_behind_it() {
    let world = World::calm();
    let (client, server) = world.connection();
    world.settle();
    world.link(Link::new().loss(0.99));
    client.send(b"late ").unwrap();
    world.link(Link::new());
    client.send(b"in time").unwrap();
    world.pass(2 * HOP);
    fails(server.recv(99), WouldBlock);
    world.settle();
    assert_eq!(server.recv(99).unwrap(), b"late in time");
    assert!(world.elapsed() >= Duration::from_millis(200));
}

#[test]
fn no_fault_can_be_made_after_the_great_healing() {
    let world = World::new(1, Conditions::rough());
    let listener = world.listener(8);
    world.cut(true);
    let client = world.knock();
    world.state(|state| state.host_state(SERVER).descriptors_max = 1);
    world.pass(SECOND / 2);
    world.network.heal();
    world.cut(true);
    assert!(!world.state(|state| state.links.is_cut(MAIN, SERVER)));
    let server = world.accepted(&listener);
    assert!(
        world.elapsed() < 2 * SECOND,
        "the first repetition gets through"
    );
    for _ in 0..200 {
        client.send(b"x").unwrap();
    }
    let sent = world.elapsed();
    world.until(|| server.statistics_delivered(&world) == 200);
    assert!(
        world.elapsed() - sent <= SECOND / 10,
        "nothing is lost any more"
    );
}

#[test]
fn the_trace_names_what_happened() {
    let world = World::calm();
    let (client, server) = world.connection();
    client.send(b"four").unwrap();
    world.settle();
    world.cut(true);
    world.cut(false);
    drop(server);
    world.settle();
    let words: Vec<_> = world.events().iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "connection 0 is made",
            "the server of connection 0 gets 4 bytes",
            "hosts 0 and 1 no longer hear each other",
            "hosts 0 and 1 hear each other again",
            "a reset of connection 0 arrives at the client",
        ]
    );
    drop(client);
}

#[test]
fn the_seed_decides_everything() {
    let run = |seed| {
        let world = World::new(seed, Conditions::rough());
        let (client, server) = world.connection();
        for _ in 0..50 {
            // What fits and what does not is up to the weather too.
            let _moved = client.send(&[1; 700]).or_else(|_| server.send(&[2; 7]));
            let _heard = server.recv(500);
            world.pass(Duration::from_millis(20));
        }
        world.settle();
        world.hash()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

impl World {
    /// Lets time pass that is no reason to give anything up.
    fn settle_cut(&self) {
        self.pass(Duration::from_millis(1));
    }
}

impl Sock {
    fn recv_is_ready(&self) -> bool {
        self.network.peek(self.fd(), &mut [0]).is_ok()
    }

    fn statistics_delivered(&self, world: &World) -> u64 {
        world.statistics().bytes_delivered
    }
}
