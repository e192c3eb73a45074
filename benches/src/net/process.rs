//! What a process is told to do, and what `/proc` says that it did.

use std::fs;
use std::io;
use std::io::Read;
use std::process;
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cores::{cores, pin};
use crate::memory::malformed;
use crate::net::plan::Pins;

/// Which of the two processes this is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    Server,
    Client,
}

/// The CPU time of each thread of a process.
#[derive(Clone, Debug)]
pub(super) struct CpuTime(Vec<(String, u64)>);

/// Allows this process as many descriptors as it may have, and pins it. Comes before the first thread
/// is started: threads inherit the pin.
pub(super) fn prepare(pins: Pins, side: Side) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )?;
    let which = match (pins, side) {
        (Pins::Free, _) => return Ok(()),
        (Pins::Apart | Pins::Same, Side::Server) | (Pins::Same, Side::Client) => 0,
        (Pins::Apart, Side::Client) => 1,
    };
    let core = cores()?
        .get(which)
        .copied()
        .ok_or_else(|| io::Error::other("this workload needs two cores"))?;
    pin(core)
}

/// Ends this process when its standard input ends: a pipe, held by its parent.
pub(super) fn end_with_parent() -> io::Result<()> {
    thread::Builder::new()
        .name("parent-watch".to_owned())
        .spawn(|| {
            let ended = io::stdin().lock().read_to_end(&mut Vec::new());
            #[expect(clippy::exit, reason = "the server's loop has no end of its own")]
            process::exit(i32::from(ended.is_err()))
        })?;
    Ok(())
}

impl CpuTime {
    /// What each thread of process `pid` has taken so far.
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        let mut threads = Vec::new();
        for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
            let entry = entry?;
            let path = entry.path().join("schedstat");
            let text = fs::read_to_string(&path)?;
            let time = text
                .split_whitespace()
                .next()
                .and_then(|word| word.parse().ok())
                .ok_or_else(|| malformed(&path.display().to_string(), &text))?;
            threads.push((entry.file_name().to_string_lossy().into_owned(), time));
        }
        Ok(Self(threads))
    }

    /// The nanoseconds that were taken since `before`, by all threads together.
    pub(super) fn since(&self, before: &Self) -> io::Result<u64> {
        let sum = |Self(threads): &Self| threads.iter().map(|(_, time)| time).sum::<u64>();
        for (id, _) in &before.0 {
            if !self.0.iter().any(|(other, _)| other == id) {
                // Its time is not listed any more.
                return Err(io::Error::other("a thread of the server ended meanwhile"));
            }
        }
        Ok(sum(self) - sum(before))
    }
}
