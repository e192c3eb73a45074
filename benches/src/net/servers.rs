//! The servers: one file a runtime, each as its documentation shows it, with its best settings.
//!
//! A pool has two workers; the loop that accepts is a task like any other. Reading goes to a buffer that
//! is a byte longer than a message. Where the connections of an echo stay open `TCP_NODELAY` is set; web
//! servers leave it as it is. No timer is armed: what is measured is sockets.

mod hello;
mod hob;
mod smol;
mod tokio;

use std::io;
use std::io::Write;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process;

use crate::net::plan::Plan;
use crate::net::process::{Side, end_with_parent, prepare};
use crate::net::raw;

/// How many threads run tasks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Class {
    /// Two, in a pool.
    Pool,
    /// One.
    Local,
}

/// Serves what `plan` asks for, until the parent ends or lets go of this process's standard input.
pub(super) fn serve(plan: &'static Plan, contestant: &str) -> io::Result<()> {
    prepare(plan.pins, Side::Server)?;
    end_with_parent()?;
    match contestant {
        "hob_mt" => hob::serve(plan, Class::Pool),
        "hob_ct" => hob::serve(plan, Class::Local),
        "tokio_mt" => tokio::serve(plan, Class::Pool),
        "tokio_ct" => tokio::serve(plan, Class::Local),
        "smol_mt" => smol::serve(plan, Class::Pool),
        "smol_ct" => smol::serve(plan, Class::Local),
        "raw_epoll" => raw::serve(plan),
        _ => Err(io::Error::other(format!("nobody serves as `{contestant}`"))),
    }
}

/// Tells the parent where this server listens.
pub(super) fn announce(address: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{address}")?;
    out.flush()
}

/// A listener at a name of its own outside the file system: nothing is left to be removed.
pub(super) fn unix_listener() -> io::Result<UnixListener> {
    let name = format!("hob-bench-{}", process::id());
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    listener.set_nonblocking(true)?;
    announce(&name)?;
    Ok(listener)
}
