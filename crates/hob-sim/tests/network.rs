//! hob-net, unchanged, on the simulated network.

use std::io;
use std::time::Duration;

use futures_lite::{AsyncReadExt, AsyncWriteExt};
use hob_net::{TcpListener, TcpStream};
use hob_sim::net::{self, Conditions, Host, Link};
use hob_sim::{Simulation, check_twice, run};
use hob_task::Task;
use hob_time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// Connects as soon as somebody listens there.
async fn connect(target: &'static str) -> TcpStream {
    loop {
        match TcpStream::connect(target).await {
            Ok(stream) => return stream,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused),
        }
        sleep(SECOND).await;
    }
}

/// A host that sends back what it hears, to so many clients.
fn echo(server: &Host, clients: usize) -> Task<()> {
    server.spawn(async move {
        let listener = TcpListener::bind("0.0.0.0:7").await.unwrap();
        let mut served = Vec::new();
        for _ in 0..clients {
            let (stream, _) = listener.accept().await.unwrap();
            served.push(hob_task::spawn(async move {
                futures_lite::io::copy(&stream, &mut &stream).await
            }));
        }
        for task in served {
            task.await.unwrap().unwrap();
        }
    })
}

/// Sends bytes to the echo and counts what comes back.
async fn shout(number: u8, bytes: usize) -> usize {
    let stream = connect("server:7").await;
    let (reader, mut writer) = stream.into_split();
    let sent = vec![number; bytes];
    let expected = sent.clone();
    let writing = hob_task::spawn(async move {
        writer.write_all(&sent).await.unwrap();
        writer.close().await.unwrap();
    });
    let mut heard = Vec::new();
    let mut reader = reader;
    reader.read_to_end(&mut heard).await.unwrap();
    writing.await.unwrap();
    assert!(heard == expected, "client {number} heard something else");
    heard.len()
}

async fn crowd(clients: u8) {
    let server = echo(&net::host("server"), usize::from(clients));
    let shouting: Vec<_> = (0..clients)
        .map(|number| {
            let host = net::host(&format!("client {number}"));
            host.spawn(shout(number, 1000 + 300 * usize::from(number)))
        })
        .collect();
    for task in shouting {
        task.await.unwrap();
    }
    server.await.unwrap();
}

#[test]
fn a_crowd_hears_its_own_echo_in_any_weather() {
    for conditions in [
        Conditions::calm(),
        Conditions::default(),
        Conditions::rough(),
    ] {
        for seed in hob_sim::seeds(5) {
            Simulation::new(seed)
                .conditions(conditions.clone())
                .run(async {
                    crowd(12).await;
                    let made = net::statistics().connections_made;
                    assert_eq!(made, 12);
                    // The last handshakes of the closing are still under way.
                    sleep(2000 * SECOND).await;
                    let statistics = net::statistics();
                    let left = (statistics.sockets_open, statistics.connections_open);
                    assert_eq!(left, (0, 0));
                });
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let first = check_twice(1, || crowd(5));
    let second = check_twice(2, || crowd(5));
    assert_ne!(first.trace, second.trace);
}

#[test]
fn a_connection_survives_a_partition_that_heals() {
    run(3, async {
        let (main, server) = (net::host("main"), net::host("server"));
        let echo = echo(&server, 1);
        let mut stream = connect("server:7").await;
        stream.write_all(b"before").await.unwrap();
        let mut heard = [0; 6];
        stream.read_exact(&mut heard).await.unwrap();

        net::partition(&main, &server);
        stream.write_all(b"during").await.unwrap();
        let nothing = timeout(60 * SECOND, stream.read_exact(&mut heard)).await;
        assert!(nothing.is_err(), "nothing passes");
        net::heal(&main, &server);
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"during");
        stream.close().await.unwrap();
        echo.await.unwrap();
    });
}

#[test]
fn a_writer_behind_a_partition_fails_in_the_end() {
    run(4, async {
        let server = net::host("server");
        let echo = echo(&server, 1);
        let mut stream = connect("server:7").await;
        net::isolate(&server);
        let begin = Instant::now();
        let failed = async {
            loop {
                stream.write_all(&[0; 1000]).await?;
                sleep(SECOND).await;
            }
        };
        let failed: io::Result<()> = failed.await;
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begin.elapsed() > 900 * SECOND);
        net::heal_all();
        echo.cancel("the client is gone");
    });
}

#[test]
fn a_writer_without_room_behind_a_partition_fails_in_the_end() {
    let conditions = Conditions::calm().window(4096);
    Simulation::new(4).conditions(conditions).run(async {
        let server = net::host("server");
        let listener = server.run(TcpListener::bind("0.0.0.0:7")).await.unwrap();
        let mut stream = connect("server:7").await;
        let (_never_reads, _) = listener.accept().await.unwrap();
        let writing = hob_task::spawn(async move { stream.write_all(&[0; 8192]).await });
        sleep(SECOND).await;
        net::isolate(&server);
        let begin = Instant::now();
        let failed = writing.await.unwrap().unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
        assert!(begin.elapsed() > 900 * SECOND);
    });
}

#[test]
fn whoever_closes_with_something_unread_loses_what_was_lost_on_the_way() {
    for seed in 0..20 {
        let conditions = Conditions::calm();
        Simulation::new(seed).conditions(conditions).run(async {
            let (main, server) = (net::host("main"), net::host("server"));
            let listener = server.run(TcpListener::bind("0.0.0.0:7")).await.unwrap();
            let mut client = connect("server:7").await;
            let (mut served, _) = listener.accept().await.unwrap();
            client.write_all(b"unread").await.unwrap();
            sleep(SECOND).await;
            net::set_link(&main, &server, Link::new().loss(0.5));
            served.write_all(b"answer").await.unwrap();
            net::set_link(&main, &server, Link::new());
            drop(served);
            let begin = Instant::now();
            let mut heard = Vec::new();
            let failed = client.read_to_end(&mut heard).await.unwrap_err();
            assert_eq!(failed.kind(), io::ErrorKind::ConnectionReset);
            assert!(begin.elapsed() < SECOND / 100, "a reset does not wait");
        });
    }
}

#[test]
fn errors_of_connecting_are_those_of_a_kernel() {
    run(5, async {
        let server = net::host("server");
        let kind = async |target: &'static str| {
            let error = TcpStream::connect(target).await.unwrap_err();
            error.kind()
        };
        assert_eq!(kind("server:7").await, io::ErrorKind::ConnectionRefused);
        assert_eq!(kind("10.0.9.9:7").await, io::ErrorKind::HostUnreachable);
        let unknown = TcpStream::connect("nobody:7").await.unwrap_err();
        assert!(
            unknown.to_string().contains("failed to lookup"),
            "{unknown}"
        );
        net::isolate(&server);
        let begin = Instant::now();
        assert_eq!(kind("10.0.0.2:7").await, io::ErrorKind::TimedOut);
        assert_eq!(begin.elapsed().as_secs(), 127);
    });
}

#[test]
fn a_server_out_of_descriptors_serves_on_when_it_has_some_again() {
    run(6, async {
        let server = net::host("server");
        let serving = server.spawn(async {
            let listener = TcpListener::bind("0.0.0.0:7").await.unwrap();
            let (first, _) = listener.accept().await.unwrap();
            net::host("server").set_descriptor_limit(2);
            let full = listener.accept().await.unwrap_err();
            assert_eq!(full.raw_os_error(), Some(24));
            drop(first);
            let (mut second, _) = listener.accept().await.unwrap();
            second.write_all(b"at last").await.unwrap();
        });
        let _first = connect("server:7").await;
        let mut second = connect("server:7").await;
        let mut heard = String::new();
        second.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "at last");
        serving.await.unwrap();
    });
}

#[test]
fn a_slow_link_is_slow_and_others_are_not() {
    Simulation::new(7)
        .conditions(Conditions::calm())
        .run(async {
            let (main, server) = (net::host("main"), net::host("server"));
            let _echo = echo(&server, 2);
            sleep(SECOND).await;
            net::set_link(&main, &server, Link::new().latency(SECOND..=SECOND));
            let begin = Instant::now();
            let _far = connect("server:7").await;
            assert_eq!(begin.elapsed().as_secs(), 2);
            let near = net::host("near").spawn(async {
                let begin = Instant::now();
                let _near = connect("server:7").await;
                begin.elapsed()
            });
            assert!(near.await.unwrap() < SECOND);
        });
}

#[test]
fn tasks_stay_on_the_host_where_they_were_spawned() {
    run(8, async {
        let server = net::host("server");
        let bound = async || {
            let listener = TcpListener::bind("localhost:7").await.unwrap();
            // Still there after others have run on other hosts.
            hob_task::yield_now().await;
            let _second = TcpListener::bind("0.0.0.0:8").await.unwrap();
            listener.local_addr().unwrap().port()
        };
        let inner = move || hob_task::spawn(bound());
        let on_main = inner();
        let on_server = server.spawn(async move { inner().await.unwrap() });
        assert_eq!((on_main.await.unwrap(), on_server.await.unwrap()), (7, 7));
    });
}

#[test]
fn a_socket_that_outlives_its_simulation_is_refused_and_harmless() {
    let (listener, host) = run(9, async {
        let listener = TcpListener::bind("0.0.0.0:7").await.unwrap();
        (listener, net::host("main"))
    });
    assert_eq!(
        listener.local_addr().unwrap_err().kind(),
        io::ErrorKind::InvalidInput
    );
    run(10, async {
        let again = TcpListener::bind("0.0.0.0:7").await.unwrap();
        drop(listener);
        assert!(again.local_addr().is_ok());
    });
    assert_eq!(host.name(), "main");
}

#[test]
#[should_panic = "the simulation of the host main has ended"]
fn a_host_that_outlives_its_simulation_says_so() {
    let host = run(11, async { net::host("main") });
    host.set_descriptor_limit(1);
}

#[test]
#[should_panic = "is deadlocked"]
fn waiting_for_a_client_that_never_comes_is_a_deadlock() {
    run(12, async {
        let listener = TcpListener::bind("0.0.0.0:7").await.unwrap();
        listener.accept().await.map(drop)
    })
    .unwrap();
}
