//! hyper's clients and servers in the simulator, unchanged, over links that are cut and heal.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use hob::net::{TcpListener, TcpStream};
use hob::sim::net::{self, Host};
use hob::sim::{Report, Simulation, seeds};
use hob_compat::hyper::{HobExecutor, HobTimer, HyperIo};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::HOST;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, client, server};

type Body = Full<Bytes>;

const CLIENTS: u32 = 10;
const REQUESTS_EACH: u32 = 100;
/// How long nothing gets through: less than a server of hyper waits for a header, which is 30 s.
const CUT: Duration = Duration::from_secs(20);

/// Answers with the path, and the body as it came.
async fn echo(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let mut answer = request.uri().path().as_bytes().to_vec();
    answer.extend(request.into_body().collect().await?.to_bytes());
    Ok(Response::new(Body::from(answer)))
}

fn request(path: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header(HOST, "server")
        .body(Body::from(body.to_owned()))
        .expect("it is well formed")
}

async fn check(response: Response<Incoming>, expected: &str) {
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.expect("it arrives");
    assert_eq!(body.to_bytes(), expected);
}

/// Serves HTTP/1 for as long as the simulation lasts.
async fn serve_http1(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.expect("the listener lives");
        let connection = server::conn::http1::Builder::new()
            .timer(HobTimer)
            .serve_connection(HyperIo::new(stream), service_fn(echo));
        hob::spawn(connection).detach();
    }
}

async fn ask_http1(number: u32) {
    let stream = TcpStream::connect("server:80").await.expect("it listens");
    let handshake = client::conn::http1::handshake(HyperIo::new(stream));
    let (mut requests, connection) = handshake.await.expect("the connection is up");
    hob::spawn(connection).detach();
    for count in 0..REQUESTS_EACH {
        let path = format!("/{number}/{count}");
        requests.ready().await.expect("the connection is up");
        let answer = requests.send_request(request(&path, "!")).await;
        check(answer.expect("it is answered"), &format!("{path}!")).await;
    }
}

/// Cuts all links to `server` in the middle, and heals them.
async fn disturb(server: Host) {
    hob::sleep(Duration::from_millis(20)).await;
    net::isolate(&server);
    hob::sleep(CUT).await;
    net::heal_all();
}

/// Runs a server, ten clients that ask a hundred times each, and a cut in the middle.
async fn across_a_cut<S, C>(serve: fn(TcpListener) -> S, ask: fn(u32) -> C)
where
    S: Future<Output = ()> + Send + 'static,
    C: Future<Output = ()> + Send + 'static,
{
    let server = net::host("server");
    let listener = server.run(TcpListener::bind("0.0.0.0:80")).await;
    server
        .spawn(serve(listener.expect("the port is free")))
        .detach();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| net::host(&format!("client {number}")).spawn(ask(number)))
        .collect();
    hob::spawn(disturb(server)).detach();
    for client in clients {
        client
            .await
            .expect("every request is answered, and rightly");
    }
}

/// The cut came while they talked, and they went on after it.
fn check_report(report: Report) {
    assert!(report.time > CUT, "it was over before the cut: {report:?}");
}

#[test]
fn a_thousand_requests_of_http1_are_answered_across_a_cut() {
    for seed in seeds(20) {
        let (_, report) = Simulation::new(seed).run_report(across_a_cut(serve_http1, ask_http1));
        check_report(report);
    }
}

#[test]
fn hyper_does_the_same_for_the_same_seed() {
    check_report(hob::sim::check_twice(7, || {
        across_a_cut(serve_http1, ask_http1)
    }));
    check_report(hob::sim::check_twice(7, || {
        across_a_cut(serve_http2, ask_http2)
    }));
}

/// Serves HTTP/2 for as long as the simulation lasts.
async fn serve_http2(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.expect("the listener lives");
        let service = service_fn(|request| async {
            Ok::<_, Infallible>(echo(request).await.expect("it arrives"))
        });
        let connection = server::conn::http2::Builder::new(HobExecutor)
            .timer(HobTimer)
            // The date is the system's, which no seed decides; and a header that has changed since the
            // last answer is longer than one that has not.
            .auto_date_header(false)
            .serve_connection(HyperIo::new(stream), service);
        hob::spawn(connection).detach();
    }
}

/// Asks ten at a time, each in a task.
async fn ask_http2(number: u32) {
    let stream = TcpStream::connect("server:80").await.expect("it listens");
    let handshake = client::conn::http2::handshake(HobExecutor, HyperIo::new(stream));
    let (requests, connection) = handshake.await.expect("the connection is up");
    hob::spawn(connection).detach();
    for round in 0..REQUESTS_EACH / 10 {
        let asked: Vec<_> = (0..10)
            .map(|count| {
                let mut requests = requests.clone();
                hob::spawn(async move {
                    let path = format!("/{number}/{round}/{count}");
                    requests.ready().await.expect("the connection is up");
                    let answer = requests.send_request(request(&path, "?")).await;
                    check(answer.expect("it is answered"), &format!("{path}?")).await;
                })
            })
            .collect();
        for asked in asked {
            asked.await.expect("it is answered");
        }
    }
}

#[test]
fn a_thousand_requests_of_http2_are_answered_across_a_cut() {
    for seed in seeds(10) {
        let (_, report) = Simulation::new(seed).run_report(across_a_cut(serve_http2, ask_http2));
        check_report(report);
    }
}
