//! Programs on a network that delays, loses, cuts and heals.

use std::io;
use std::time::Duration;

use hob::net::{TcpListener, TcpStream};
use hob::prelude::*;
use hob::sim::net::{self, Conditions, Host};
use hob::sim::{Simulation, seeds};

use crate::{dawdle, rng, scenario};

const CLIENTS: u64 = 11;
const MESSAGES: u64 = 4;
const MESSAGE_MAX: usize = 2_000;

/// Echoes until the client has said all. One task for each client.
async fn serve(listener: TcpListener) -> io::Result<()> {
    let mut connections = Vec::new();
    for _ in 0..CLIENTS {
        let (stream, _) = listener.accept().await?;
        connections.push(hob::spawn(echo(stream)));
    }
    for connection in connections {
        connection.await.map_err(io::Error::other)??;
    }
    Ok(())
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return stream.close().await;
        }
        stream.write_all(&buffer[..length]).await?;
    }
}

/// Says some messages of random bytes, and hears each of them again.
async fn talk(number: u64) -> io::Result<()> {
    let mut rng = rng(number);
    let mut stream = TcpStream::connect("server:7").await?;
    for _ in 0..MESSAGES {
        let said: Vec<u8> = (0..rng.usize(1..MESSAGE_MAX)).map(|_| rng.u8(..)).collect();
        stream.write_all(&said).await?;
        let mut heard = vec![0; said.len()];
        stream.read_exact(&mut heard).await?;
        assert_eq!(heard, said);
        dawdle(&mut rng).await;
    }
    stream.close().await?;
    assert_eq!(stream.read(&mut [0]).await?, 0, "the server closes too");
    Ok(())
}

/// Cuts links and heals them.
async fn disturb(server: Host) {
    let mut rng = rng(CLIENTS);
    for _ in 0..4 {
        hob::sleep(Duration::from_micros(rng.u64(..4_000))).await;
        let client = net::host(&format!("client {}", rng.u64(..CLIENTS)));
        net::partition(&server, &client);
        hob::sleep(Duration::from_micros(rng.u64(..400_000))).await;
        net::heal(&server, &client);
    }
}

/// A server, a task for each connection, clients, and one that cuts links: 24 tasks.
async fn echoes() {
    let server = net::host("server");
    let listener = server.run(TcpListener::bind("0.0.0.0:7"));
    let served = server.spawn(serve(listener.await.expect("the port is free")));
    let disturber = hob::spawn(disturb(server));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| net::host(&format!("client {number}")).spawn(talk(number)))
        .collect();
    for client in clients {
        let talked = client.await.expect("every byte comes back");
        talked.expect("no connection breaks");
    }
    let served = served.await.expect("nobody panics");
    served.expect("no connection breaks");
    disturber.await.expect("nobody panics");
}

#[test]
fn every_byte_is_echoed_through_cuts_and_losses() {
    scenario(echoes);
}

#[test]
fn rough_weather_is_only_slow() {
    for seed in seeds(20) {
        let (_, report) = Simulation::new(seed)
            .conditions(Conditions::rough())
            .heal(Duration::from_secs(20), Duration::from_secs(300))
            .run_report(echoes());
        assert_eq!(report.tasks, 24);
    }
}

/// A promise of the simulator, of its optimized build: that thousands of orders can be tried.
#[cfg(all(target_os = "linux", not(debug_assertions)))]
#[test]
fn a_thousand_seeds_take_two_seconds_of_one_core() {
    let spent = || -> Duration {
        let figures = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux has it");
        let nanos = figures
            .split(' ')
            .next()
            .and_then(|nanos| nanos.parse().ok());
        Duration::from_nanos(nanos.expect("its first figure is the time on a core"))
    };
    let before = spent();
    for seed in 0..1000 {
        let (_, report) = Simulation::new(seed).run_report(echoes());
        assert_eq!(report.tasks, 24);
    }
    let took = spent() - before;
    #[expect(clippy::print_stdout, reason = "a figure that somebody may want")]
    {
        println!("1000 seeds took {took:?} of one core");
    }
    assert!(took < Duration::from_secs(2), "1000 seeds took {took:?}");
}

#[test]
fn whoever_is_at_its_limit_of_descriptors_serves_all_in_the_end() {
    scenario(|| async {
        let server = net::host("server");
        let listener = server.run(TcpListener::bind("0.0.0.0:7"));
        let listener = listener.await.expect("the port is free");
        // The listener, and two connections at a time.
        server.set_descriptor_limit(3);
        let served = server.spawn(async move {
            let mut refused = 0;
            let mut left = CLIENTS;
            while left > 0 {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        left -= 1;
                        hob::spawn(echo(stream)).detach();
                    }
                    Err(error) => {
                        assert_eq!(error.raw_os_error(), Some(24), "{error}");
                        refused += 1;
                        hob::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
            refused
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| net::host("client").spawn(talk(number)))
            .collect();
        for client in clients {
            let talked = client.await.expect("every byte comes back");
            talked.expect("no connection breaks");
        }
        let refused = served.await.expect("nobody panics");
        assert!(refused > 0, "the limit was reached");
    });
}

#[test]
fn a_client_that_goes_in_the_middle_harms_nobody_else() {
    scenario(|| async {
        let server = net::host("server");
        let listener = server.run(TcpListener::bind("0.0.0.0:7"));
        let listener = listener.await.expect("the port is free");
        let served = server.spawn(async move {
            let mut connections = Vec::new();
            for _ in 0..CLIENTS {
                let (stream, _) = listener.accept().await.expect("the listener lives");
                connections.push(hob::spawn(echo(stream)));
            }
            let mut broken = 0;
            for connection in connections {
                broken += u32::from(connection.await.expect("nobody panics").is_err());
            }
            broken
        });
        let mut rng = rng(CLIENTS);
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            // All of them connect, so that the server can count them.
            let client = net::host("client");
            let stream = client.run(TcpStream::connect("server:7")).await;
            let talks = client.spawn(talk_on(stream.expect("it listens"), number));
            let patience = Duration::from_micros(rng.u64(..10_000));
            clients.push((number.is_multiple_of(3), patience, talks));
        }
        for (goes, patience, talks) in clients {
            if goes {
                hob::sleep(patience).await;
                talks.cancel("the scenario wants it");
                let _cancelled = talks.await;
            } else {
                let talked = talks.await.expect("nobody panics");
                talked.expect("no connection breaks");
            }
        }
        let broken = served.await.expect("nobody panics");
        assert!(u64::from(broken) <= CLIENTS.div_ceil(3));
    });
}

async fn talk_on(mut stream: TcpStream, number: u64) -> io::Result<()> {
    let mut rng = rng(number);
    for _ in 0..MESSAGES {
        dawdle(&mut rng).await;
        stream.write_all(&[7; MESSAGE_MAX]).await?;
        let mut heard = [0; MESSAGE_MAX];
        stream.read_exact(&mut heard).await?;
        assert_eq!(heard, [7; MESSAGE_MAX]);
    }
    stream.close().await
}
