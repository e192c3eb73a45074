//! hob's servers. It has neither UDP nor Unix sockets yet.

use std::io;

use hob::net::{TcpListener, TcpStream};
use hob::prelude::*;
use hob::{LocalRuntime, Runtime};
use hob_compat::hyper::HyperIo;
use hyper::server::conn::http1;
use hyper::service::service_fn;

use super::hello::hello;
use super::{Class, announce};
use crate::net::plan::{Plan, Service, Style};

pub(super) fn serve(plan: &'static Plan, class: Class) -> io::Result<()> {
    match class {
        Class::Pool => {
            let runtime = Runtime::builder().worker_threads(2).build()?;
            runtime.block_on(runtime.spawn(accept(plan)))
        }
        Class::Local => {
            let runtime = LocalRuntime::new()?;
            runtime.block_on(runtime.spawn_local(accept(plan)))
        }
    }
    .map_err(io::Error::other)?
}

async fn accept(plan: &'static Plan) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(&listener.local_addr()?.to_string())?;
    loop {
        let (stream, _) = listener.accept().await?;
        match plan.service {
            Service::Tcp => {
                if plan.style == Style::Kept {
                    stream.set_nodelay(true)?;
                }
                hob::spawn(echo(stream, plan.buffer())).detach();
            }
            Service::Http => {
                let service = service_fn(hello);
                let connection =
                    http1::Builder::new().serve_connection(HyperIo::new(stream), service);
                hob::spawn(connection).detach();
            }
            Service::Udp | Service::Unix => return Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Sends everything back. A connection that fails ends as one that is closed: the client says so.
async fn echo(mut stream: TcpStream, buffer: usize) {
    let mut buffer = vec![0; buffer];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
