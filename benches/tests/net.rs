//! The real program: servers, load generator, and what happens when one of them goes wrong.

// As the families are that it tests.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{self, Command, Output, Stdio};
use std::thread;

fn bench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hob-bench"));
    command.args(arguments).output().unwrap()
}

fn lines(output: Output) -> Vec<String> {
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(str::to_owned).collect()
}

/// Runs a workload once for each of its contestants.
fn check(family: &str, name: &str) {
    let listed = lines(bench(&["list", family]));
    let row = listed
        .iter()
        .find(|row| row.split(' ').nth(1) == Some(name))
        .unwrap();
    let contestants: Vec<&str> = row.split(' ').skip(3).collect();
    assert!(contestants.contains(&"raw_epoll"));
    for contestant in contestants {
        let output = bench(&["run", family, name, contestant, "--smoke"]);
        assert!(output.status.success(), "{contestant}: {output:?}");
        let said = lines(output);
        let value = match said[0].split_once(' ') {
            Some(("result", value)) => value.parse::<f64>().unwrap(),
            Some(("skipped", _)) => continue,
            _ => panic!("{contestant}: {said:?}"),
        };
        assert!(value > 0.0 && value.is_finite(), "{contestant}: {value}");
    }
}

#[test]
fn every_server_echoes_over_tcp() {
    check("net", "tcp_pong_1_same");
}

#[test]
fn every_server_echoes_large_messages() {
    check("net", "tcp_50_16k");
}

#[test]
fn every_server_echoes_datagrams() {
    check("net", "udp_pong_same");
}

#[test]
fn every_server_echoes_over_unix_streams() {
    check("net", "uds_pong_same");
}

#[test]
fn every_server_takes_short_connections() {
    check("net", "accept_50");
}

#[test]
fn every_server_greets_over_http() {
    check("http", "http_50");
}

#[test]
fn the_system_calls_of_every_server_can_be_counted() {
    check("syscalls", "tcp_pong_1");
}

#[test]
fn a_server_ends_with_its_input() {
    for contestant in ["hob_mt", "tokio_mt", "smol_mt", "raw_epoll"] {
        let mut server = Command::new(env!("CARGO_BIN_EXE_hob-bench"))
            .args(["serve-one", "net", "tcp_pong_1", contestant])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let mut out = BufReader::new(server.stdout.take().unwrap());
        out.read_line(&mut address).unwrap();
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        assert!(server.try_wait().unwrap().is_none());
        drop(server.stdin.take());
        assert!(server.wait().unwrap().success());
    }
}

/// Puts the load on a server that does `answer` with the first message, and returns the complaint.
fn complaint(answer: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::Builder::new()
        .spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut message = vec![0; 64];
            stream.read_exact(&mut message).unwrap();
            stream.write_all(&answer(message)).unwrap();
        })
        .unwrap();
    let this = process::id().to_string();
    let output = bench(&["load", "net", "tcp_pong_1_same", &address, &this, "count:1"]);
    server.join().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_wrong_echo_is_an_error() {
    let last_bit = |mut message: Vec<u8>| {
        message[63] ^= 1;
        message
    };
    assert!(complaint(last_bit).contains("other bytes came back"));
}

#[test]
fn an_echo_too_long_is_an_error() {
    let twice = |message: Vec<u8>| [message.as_slice(), &message].concat();
    assert!(complaint(twice).contains("other bytes came back"));
}

#[test]
fn an_echo_cut_short_is_an_error() {
    let half = |message: Vec<u8>| message[..32].to_vec();
    assert!(complaint(half).contains("before the answer was whole"));
}
