//! A web server on loopback, and a crowd of clients: hyper on both sides.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hob::net::{TcpListener, TcpStream};
use hob::sync::{Mutex, Semaphore, mpsc};
use hob_compat::hyper::{HobTimer, HyperIo};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::HOST;
use hyper::service::service_fn;
use hyper::{Request, Response, client, server};

const CLIENTS: usize = 200;
const REQUESTS_EACH: usize = 10;

/// A crowd that takes longer than this takes for ever.
const PATIENCE: Duration = Duration::from_secs(30);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Opens when all clients have come.
struct Door {
    missing: Mutex<usize>,
    open: Semaphore,
}

/// Lets the clients ask, each on its own connection and all at once.
pub(crate) async fn crowd() -> String {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    let address = listener.local_addr().expect("it listens");
    // Whoever fails first is heard first: the others may wait at the door for ever.
    let (told, mut heard) = mpsc::unbounded();
    let server = hob::spawn({
        let told = told.clone();
        async move {
            // The listener stays open until the error is told: it comes before what it leads to.
            let Err(error) = serve(&listener).await;
            // Nobody listens any more if a client failed before.
            let _ = told.send(Err(error.into()));
        }
    });
    let server = server.cancel_on_drop();
    for _ in 0..CLIENTS {
        let told = told.clone();
        hob::spawn(async move {
            let _ = told.send(ask(address).await);
        })
        .detach();
    }
    let answers = async {
        let mut answers = 0;
        for _ in 0..CLIENTS {
            let answered = heard.recv().await.expect("we keep a sender");
            answers += answered.expect("loopback does not fail");
        }
        answers
    };
    let answers = hob::timeout(PATIENCE, answers)
        .await
        .expect("a crowd is served in half a minute");
    assert_eq!(answers, CLIENTS * REQUESTS_EACH);
    assert!(!server.is_finished());
    format!("{CLIENTS} clients at once asked a server of hyper's {answers} times")
}

async fn serve(listener: &TcpListener) -> io::Result<Infallible> {
    let door = Arc::new(Door {
        missing: Mutex::new(CLIENTS),
        open: Semaphore::new(0),
    });
    loop {
        let (stream, _) = listener.accept().await?;
        let door = Arc::clone(&door);
        hob::spawn(async move {
            let service = service_fn(|request| answer(request, &door));
            server::conn::http1::Builder::new()
                .timer(HobTimer)
                .serve_connection(HyperIo::new(stream), service)
                .await
        })
        .detach();
    }
}

/// Says the path back. At `/0` it first waits for all clients: that is how they are there at once.
async fn answer(request: Request<Incoming>, door: &Door) -> Result<Response<String>, Infallible> {
    let path = request.uri().path();
    if path == "/0" {
        door.enter().await;
    }
    Ok(Response::new(format!("you asked for {path}")))
}

impl Door {
    async fn enter(&self) {
        let mut missing = self.missing.lock().await;
        *missing -= 1;
        if *missing == 0 {
            self.open.close();
        }
        drop(missing);
        // No permit ever comes; closing the semaphore lets all pass.
        let _closed = self.open.acquire().await;
    }
}

/// Asks several times on one connection, and returns how many answers were right.
async fn ask(address: SocketAddr) -> Result<usize, Failure> {
    let stream = TcpStream::connect(address).await?;
    let (mut requests, connection) = client::conn::http1::handshake(HyperIo::new(stream)).await?;
    let connection = hob::spawn(connection);
    let mut right = 0;
    for number in 0..REQUESTS_EACH {
        let request = Request::get(format!("/{number}"))
            .header(HOST, address.to_string())
            .body(Empty::<Bytes>::new())?;
        let response = requests.send_request(request).await?;
        let body = response.into_body().collect().await?.to_bytes();
        right += usize::from(body == format!("you asked for /{number}"));
    }
    drop(requests);
    connection.await??; // Without requests to come it ends.
    Ok(right)
}
