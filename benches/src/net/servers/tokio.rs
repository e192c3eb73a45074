//! tokio's servers. Its clock is not started: nothing here needs it, and it costs a look at each park.

use std::io;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket, UnixListener};
use tokio::runtime::Builder;

use super::hello::hello;
use super::{Class, announce, unix_listener};
use crate::net::plan::{Plan, Service, Style};

pub(super) fn serve(plan: &'static Plan, class: Class) -> io::Result<()> {
    let mut builder = match class {
        Class::Pool => Builder::new_multi_thread(),
        Class::Local => Builder::new_current_thread(),
    };
    let runtime = builder.worker_threads(2).enable_io().build()?;
    let service = runtime.spawn(async move {
        match plan.service {
            Service::Tcp | Service::Http => tcp(plan).await,
            Service::Udp => udp(plan).await,
            Service::Unix => unix(plan).await,
        }
    });
    runtime.block_on(service).map_err(io::Error::other)?
}

async fn tcp(plan: &'static Plan) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(&listener.local_addr()?.to_string())?;
    loop {
        let (stream, _) = listener.accept().await?;
        if plan.service == Service::Http {
            let service = service_fn(hello);
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            continue;
        }
        if plan.style == Style::Kept {
            stream.set_nodelay(true)?;
        }
        tokio::spawn(echo(stream, plan.buffer()));
    }
}

async fn unix(plan: &'static Plan) -> io::Result<()> {
    let listener = UnixListener::from_std(unix_listener()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(echo(stream, plan.buffer()));
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
