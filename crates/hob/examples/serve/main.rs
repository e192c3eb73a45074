//! A file server: HTTP/1.1 by hyper, on hob.
//!
//! It shows how a library that brings no runtime runs on this one, how files are read on threads that
//! may block, and what a server that meets strangers has to expect: too many connections, clients
//! that say nothing, paths that lead out of the folder.
//!
//! ```text
//! cargo run --release -p hob --example serve -- target/doc 127.0.0.1:8080
//! curl http://127.0.0.1:8080/hob/
//! ```
//!
//! It runs until it is killed. It has no ranges, no caching and no lists of folders, sets no limit to
//! the time that an answer takes, and trusts those who can write to the folder.

mod answer;
mod files;
mod path;

use std::convert::Infallible;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use hob::net::{TcpListener, TcpStream};
use hob_compat::hyper::{HobTimer, HyperIo};
use hyper::server::conn::http1;
use hyper::service::service_fn;

const USAGE: &str = "usage: serve DIR [ADDR], where ADDR is 127.0.0.1:8080 if left out";

/// How long a client may take to send the head of a request, also of the next one.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long the server waits after it could not accept: for others to hang up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// More threads would not make a disk faster.
const FILE_THREADS: usize = 16;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let (folder, address) = match arguments.as_slice() {
        [folder] => (folder, "127.0.0.1:8080"),
        [folder, address] => match address.to_str() {
            Some(address) => (folder, address),
            None => return fail(2, USAGE),
        },
        _ => return fail(2, USAGE),
    };
    match serve(Path::new(folder), address) {
        Ok(never) => match never {},
        Err(text) => fail(1, &text),
    }
}

fn fail(status: u8, text: &str) -> ExitCode {
    complain(text);
    ExitCode::from(status)
}

fn serve(folder: &Path, address: &str) -> Result<Infallible, String> {
    let root = open_folder(folder)
        .map_err(|error| format!("cannot serve {}: {error}", folder.display()))?;
    let runtime = hob::Runtime::builder()
        .name("serve")
        .max_blocking_threads(FILE_THREADS)
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        // Its error names the address.
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| error.to_string())?;
        announce(folder, &listener).map_err(|error| format!("cannot tell where: {error}"))?;
        // In a task, so that it runs where its connections do.
        let accepting = hob::spawn(accept(listener, root.into()));
        accepting
            .await
            .map_err(|error| format!("cannot go on: {error}"))
    })
}

/// Returns the folder's one true path, without links, which all that is served must begin with.
fn open_folder(folder: &Path) -> io::Result<PathBuf> {
    let root = folder.canonicalize()?;
    // Whoever may not list it is told now.
    fs::read_dir(&root)?;
    Ok(root)
}

fn announce(folder: &Path, listener: &TcpListener) -> io::Result<()> {
    let address = listener.local_addr()?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "serving {} on http://{address}", folder.display())?;
    stdout.flush()
}

/// Accepts for ever.
async fn accept(listener: TcpListener, root: Arc<Path>) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => hob::spawn(connection(stream, Arc::clone(&root))).detach(),
            Err(error) => {
                // Such as too many open files: the client waits in line, and trying again at once
                // would spin.
                complain(&format!("cannot accept: {error}"));
                hob::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers one client until it hangs up, falls silent, or sends what is no HTTP.
async fn connection(stream: TcpStream, root: Arc<Path>) {
    if stream.set_nodelay(true).is_err() {
        return; // It has hung up already.
    }
    let service = service_fn(|request| answer::answer(request, Arc::clone(&root)));
    let ended = http1::Builder::new()
        .timer(HobTimer)
        .header_read_timeout(HEAD_TIME)
        .serve_connection(HyperIo::new(stream), service)
        .await;
    // An error is the client's doing, and hyper has told it what there was to tell.
    drop(ended);
}

fn complain(text: &str) {
    // If this fails there is nobody to tell.
    let _ = writeln!(io::stderr(), "serve: {text}");
}
