//! hyper's servers and clients on hob's runtime, over loopback.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hob::net::{TcpListener, TcpStream};
use hob::prelude::*;
use hob_compat::hyper::{FuturesIo, HobExecutor, HobTimer, HyperIo};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HOST, UPGRADE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, client, server};

type Body = Full<Bytes>;

/// Answers with the path, and the body as it came.
async fn echo(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let mut answer = request.uri().path().as_bytes().to_vec();
    answer.extend(request.into_body().collect().await?.to_bytes());
    Ok(Response::new(Body::from(answer)))
}

fn request(path: &str, body: impl Into<Bytes>) -> Request<Body> {
    Request::post(path)
        .header(HOST, "localhost")
        .body(Body::new(body.into()))
        .unwrap()
}

async fn text(response: Response<Incoming>) -> Bytes {
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().collect().await.unwrap().to_bytes()
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Serves HTTP/1 for as long as the runtime lives, and counts the connections.
async fn serve_http1() -> (SocketAddr, Arc<AtomicUsize>) {
    let (listener, addr) = listen().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    drop(hob::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            let connection = server::conn::http1::Builder::new()
                .timer(HobTimer)
                .serve_connection(HyperIo::new(stream), service_fn(echo));
            drop(hob::spawn(connection));
        }
    }));
    (addr, connections)
}

async fn connect_http1(addr: SocketAddr) -> client::conn::http1::SendRequest<Body> {
    let stream = HyperIo::new(TcpStream::connect(addr).await.unwrap());
    let (requests, connection) = client::conn::http1::handshake(stream).await.unwrap();
    drop(hob::spawn(connection));
    requests
}

#[test]
fn one_connection_carries_200_requests() {
    hob::run(async {
        let (addr, connections) = serve_http1().await;
        let mut requests = connect_http1(addr).await;
        for number in 0..200 {
            requests.ready().await.unwrap();
            let answer = requests.send_request(request(&format!("/{number}"), "!"));
            assert_eq!(text(answer.await.unwrap()).await, format!("/{number}!"));
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn large_bodies_arrive_whole() {
    let body: Bytes = (0..3_000_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    hob::run(async move {
        let (addr, _) = serve_http1().await;
        let mut requests = connect_http1(addr).await;
        let answer = requests.send_request(request("/", body.clone()));
        let answer = text(answer.await.unwrap()).await;
        assert!(answer[..1] == b"/"[..] && answer[1..] == body[..]);
    });
}

#[test]
fn a_silent_client_is_closed_after_the_header_timeout() {
    hob::run(async {
        let (listener, addr) = listen().await;
        let server = hob::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            server::conn::http1::Builder::new()
                .timer(HobTimer)
                .header_read_timeout(Duration::from_millis(50))
                .serve_connection(HyperIo::new(stream), service_fn(echo))
                .await
        });
        let mut silent = TcpStream::connect(addr).await.unwrap();
        silent.write_all(b"GET / HTTP/1.1\r\nhos").await.unwrap();
        let mut heard = Vec::new();
        silent.read_to_end(&mut heard).await.unwrap();
        let error = server.await.unwrap().unwrap_err();
        assert!(error.is_timeout(), "{error}");
    });
}

#[test]
fn http2_carries_many_streams_over_one_connection() {
    hob::run(async {
        let (listener, addr) = listen().await;
        drop(hob::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            server::conn::http2::Builder::new(HobExecutor)
                .timer(HobTimer)
                .serve_connection(HyperIo::new(stream), service_fn(echo))
                .await
        }));
        let stream = HyperIo::new(TcpStream::connect(addr).await.unwrap());
        let (requests, connection) = client::conn::http2::Builder::new(HobExecutor)
            .timer(HobTimer)
            .handshake(stream)
            .await
            .unwrap();
        drop(hob::spawn(connection));

        let streams: Vec<_> = (0..50)
            .map(|number| {
                let mut requests = requests.clone();
                hob::spawn(async move {
                    let body = vec![b'.'; 20_000];
                    let answer = requests.send_request(request(&format!("/{number}"), body));
                    (number, text(answer.await.unwrap()).await)
                })
            })
            .collect();
        for stream in streams {
            let (number, answer) = stream.await.unwrap();
            let path = format!("/{number}");
            assert!(answer.starts_with(path.as_bytes()));
            assert_eq!(answer.len(), path.len() + 20_000);
        }
    });
}

/// Switches the protocol, and then sends everything back.
async fn upgrade(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    drop(hob::spawn(async move {
        let upgraded = hyper::upgrade::on(request).await.unwrap();
        let mut stream = FuturesIo::new(upgraded);
        let mut line = [0; 5];
        stream.read_exact(&mut line).await.unwrap();
        stream.write_all(&line).await.unwrap();
        stream.close().await.unwrap();
    }));
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response
        .headers_mut()
        .insert(UPGRADE, "echo".parse().unwrap());
    Ok(response)
}

#[test]
fn an_upgraded_connection_is_a_stream_again() {
    hob::run(async {
        let (listener, addr) = listen().await;
        drop(hob::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            server::conn::http1::Builder::new()
                .serve_connection(HyperIo::new(stream), service_fn(upgrade))
                .with_upgrades()
                .await
        }));
        let stream = HyperIo::new(TcpStream::connect(addr).await.unwrap());
        let (mut requests, connection) = client::conn::http1::handshake(stream).await.unwrap();
        drop(hob::spawn(connection.with_upgrades()));
        let request = Request::get("/")
            .header(HOST, "localhost")
            .header(CONNECTION, "upgrade")
            .header(UPGRADE, "echo")
            .body(Body::default())
            .unwrap();
        let response = requests.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);

        let mut stream = FuturesIo::new(hyper::upgrade::on(response).await.unwrap());
        stream.write_all(b"hello").await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "hello");
    });
}
