//! smol's servers: an executor that two threads run, or a local one.

use std::future::{Future, pending};
use std::io;
use std::rc::Rc;
use std::thread;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use smol::net::unix::UnixListener;
use smol::net::{TcpListener, UdpSocket};
use smol::{Executor, LocalExecutor};
use smol_hyper::rt::FuturesIo;

use super::hello::hello;
use super::{Class, announce, unix_listener};
use crate::net::plan::{Plan, Service, Style};

static POOL: Executor<'static> = Executor::new();

/// Somewhere to spawn.
trait Spawn {
    fn spawn_detached<F: Future<Output: Send> + Send + 'static>(&self, future: F);
}

impl Spawn for &'static Executor<'static> {
    fn spawn_detached<F: Future<Output: Send> + Send + 'static>(&self, future: F) {
        self.spawn(future).detach();
    }
}

impl Spawn for Rc<LocalExecutor<'static>> {
    fn spawn_detached<F: Future<Output: Send> + Send + 'static>(&self, future: F) {
        self.spawn(future).detach();
    }
}

pub(super) fn serve(plan: &'static Plan, class: Class) -> io::Result<()> {
    match class {
        Class::Pool => {
            thread::Builder::new()
                .name("smol-2".to_owned())
                .spawn(|| smol::block_on(POOL.run(pending::<()>())))?;
            smol::block_on(POOL.run(POOL.spawn(offer(plan, &POOL))))
        }
        Class::Local => {
            let local = Rc::new(LocalExecutor::new());
            let service = local.spawn(offer(plan, Rc::clone(&local)));
            smol::block_on(local.run(service))
        }
    }
}

async fn offer(plan: &'static Plan, executor: impl Spawn) -> io::Result<()> {
    match plan.service {
        Service::Tcp | Service::Http => tcp(plan, executor).await,
        Service::Udp => udp(plan).await,
        Service::Unix => unix(plan, executor).await,
    }
}

async fn tcp(plan: &'static Plan, executor: impl Spawn) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(&listener.local_addr()?.to_string())?;
    loop {
        let (stream, _) = listener.accept().await?;
        if plan.service == Service::Http {
            let service = service_fn(hello);
            let connection =
                http1::Builder::new().serve_connection(FuturesIo::new(stream), service);
            executor.spawn_detached(connection);
            continue;
        }
        if plan.style == Style::Kept {
            stream.set_nodelay(true)?;
        }
        executor.spawn_detached(echo(stream, plan.buffer()));
    }
}

async fn unix(plan: &'static Plan, executor: impl Spawn) -> io::Result<()> {
    let listener = UnixListener::try_from(unix_listener()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        executor.spawn_detached(echo(stream, plan.buffer()));
    }
}

async fn udp(plan: &'static Plan) -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    announce(&socket.local_addr()?.to_string())?;
    let mut buffer = vec![0; plan.buffer()];
    loop {
        let (read, from) = socket.recv_from(&mut buffer).await?;
        socket.send_to(&buffer[..read], from).await?;
    }
}

/// Sends everything back. A connection that fails ends as one that is closed: the client says so.
async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin, buffer: usize) {
    let mut buffer = vec![0; buffer];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
