//! Where one cannot connect or listen, and what is said about it.

use std::io;
use std::net::SocketAddr;

use futures_lite::future;
use hob_net::{AddressError, TcpListener, TcpStream};

/// An address at which nobody listens.
fn deserted() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[track_caller]
fn check(error: &io::Error, kind: io::ErrorKind, says: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for text in says {
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn a_refusal_names_the_address() {
    let addr = deserted();
    let error = future::block_on(TcpStream::connect(addr)).unwrap_err();
    check(
        &error,
        io::ErrorKind::ConnectionRefused,
        &["connect", &addr.to_string(), "refused"],
    );
}

#[test]
fn every_address_is_tried_and_told() {
    let both = [deserted(), deserted()];
    let error = future::block_on(TcpStream::connect(both.as_slice())).unwrap_err();
    let inner = error.get_ref().unwrap();
    let attempts = inner.downcast_ref::<AddressError>().unwrap().attempts();
    let tried: Vec<_> = attempts.iter().map(|(addr, _)| *addr).collect();
    assert_eq!(tried, both);
}

#[test]
fn the_next_address_is_tried_after_a_failure() {
    future::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let stream = TcpStream::connect(vec![deserted(), there]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), there);
    });
}

#[test]
fn a_taken_port_is_named() {
    future::block_on(async {
        let first = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let taken = first.local_addr().unwrap();
        let error = TcpListener::bind(taken).await.unwrap_err();
        check(
            &error,
            io::ErrorKind::AddrInUse,
            &["listen at", &taken.to_string()],
        );
        drop(first);
        let again = TcpListener::bind(taken).await.expect("it is free again");
        assert_eq!(again.local_addr().unwrap(), taken);
    });
}

#[test]
fn a_name_without_address_is_named() {
    let error = future::block_on(TcpStream::connect("nobody.invalid:80")).unwrap_err();
    assert!(error.to_string().contains("\"nobody.invalid\""), "{error}");
    let error = future::block_on(TcpListener::bind("nobody.invalid:80")).unwrap_err();
    assert!(error.to_string().contains("\"nobody.invalid\""), "{error}");
}

#[test]
fn a_name_is_looked_up() {
    future::block_on(async {
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        assert!(addr.ip().is_loopback());
        let target = format!("localhost:{}", addr.port());
        let stream = TcpStream::connect(&target).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
    });
}

#[test]
#[should_panic(expected = "`Connect` was polled after it was ready")]
fn a_connection_is_made_once() {
    future::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let mut connect = TcpStream::connect(vec![there, there]);
        let _stream = (&mut connect).await.unwrap();
        assert!(format!("{connect:?}").contains("done"), "{connect:?}");
        let _second = connect.await;
    });
}

#[test]
fn a_malformed_target_is_an_error() {
    for target in ["localhost", ":80", "localhost:http", ""] {
        let error = future::block_on(TcpStream::connect(target)).unwrap_err();
        check(&error, io::ErrorKind::InvalidInput, &["is no address"]);
    }
    let none: Vec<SocketAddr> = Vec::new();
    let error = future::block_on(TcpStream::connect(none)).unwrap_err();
    check(
        &error,
        io::ErrorKind::InvalidInput,
        &["no address was given"],
    );
}
