//! Starts server and load generator, puts the figure together, and ends both, whatever happens.
//!
//! # Implementation
//!
//! The parent holds the server's standard input. Letting go of it ends the server, and so does
//! whatever ends the parent. When the load generator fails, or the server does not start, the error
//! holds what the server had written to its error stream.

use std::env;
use std::io;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::net::order::{Amount, Report};
use crate::net::plan::{Measure, Plan};
use crate::workload::{Measured, Missed, Outcome, Size};

/// How long a server may take to listen.
const PATIENCE: Timespec = Timespec {
    tv_sec: 10,
    tv_nsec: 0,
};

/// A child that does not outlive us.
struct Guarded(Child);

/// A server that listens.
pub(super) struct Server {
    process: Guarded,
    address: String,
}

/// Runs one workload once for one contestant.
pub(super) fn run(plan: &Plan, contestant: &str, size: Size) -> Outcome {
    if let Some(why) = plan.hindrance()? {
        return Err(Missed::Skipped(why.to_owned()));
    }
    let mut command = serve_one(plan, contestant)?;
    let mut server = Server::start(&mut command)?;
    let amount = Amount::Time {
        warm_up: Duration::from_millis(size.pick(0, 30, 100) as u64),
        window: Duration::from_millis(size.pick(1, 150, 500) as u64),
    };
    let report = server.under(plan, amount)?;
    server.end()?;
    measured(plan, report)
}

fn measured(plan: &Plan, report: Report) -> Outcome {
    if report.messages == 0 {
        return Err(Missed::Failed("no message was answered".to_owned()));
    }
    let each = |total: u64| total as f64 / report.messages as f64;
    let measured = match plan.measure {
        Measure::Wall => Measured::new(each(report.wall)).extra("cpu", each(report.cpu)),
        Measure::ServerCpu => Measured::new(each(report.cpu)).extra("wall", each(report.wall)),
        Measure::Memory => Measured::new(each(report.grown)),
        Measure::Syscalls => return Err(Missed::Failed("strace counts system calls".to_owned())),
    };
    Ok(measured.extra("messages", report.messages as f64))
}

/// The command that is the server.
pub(super) fn serve_one(plan: &Plan, contestant: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["serve-one", plan.family, plan.name, contestant]);
    Ok(command)
}

impl Server {
    /// Starts `command` and waits until it says where it listens.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut process = Guarded(child);
        match process.first_line() {
            Ok(address) => Ok(Self { process, address }),
            Err(error) => Err(process.fate(&error)),
        }
    }

    /// Puts the load on it.
    pub(super) fn under(&mut self, plan: &Plan, amount: Amount) -> io::Result<Report> {
        let child = Command::new(env::current_exe()?)
            .args(["load", plan.family, plan.name, &self.address])
            .args([self.process.0.id().to_string(), amount.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Guarded(child)
            .report()
            .map_err(|error| self.process.fate(&error))
    }

    /// Lets it go, and waits until it is gone.
    pub(super) fn end(mut self) -> io::Result<()> {
        let Guarded(child) = &mut self.process;
        // Waiting closes our end of its standard input.
        let status = child.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(self.process.fate(&io::Error::other("it ended badly")))
    }
}

impl Guarded {
    /// What the server says first: its address.
    fn first_line(&mut self) -> io::Result<String> {
        let out = self.0.stdout.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let ready = poll(&mut [PollFd::new(out, PollFlags::IN)], Some(&PATIENCE))?;
        if ready == 0 {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "it did not listen within 10 s",
            ));
        }
        let mut line = String::new();
        // It says nothing else, so nothing is lost with the buffer.
        BufReader::new(out).read_line(&mut line)?;
        if line.ends_with('\n') {
            return Ok(line.trim_end().to_owned());
        }
        Err(io::Error::other("it ended before it listened"))
    }

    /// What the load generator says in the end.
    fn report(mut self) -> io::Result<Report> {
        let mut said = String::new();
        if let Some(out) = &mut self.0.stdout {
            out.read_to_string(&mut said)?;
        }
        if self.0.wait()?.success() {
            return Report::parse(said.trim_end());
        }
        Err(io::Error::other(self.excuse()?))
    }

    /// Ends the server, and adds to `error` what became of it and what it wrote.
    fn fate(&mut self, error: &io::Error) -> io::Error {
        let mut last_words = || -> io::Result<String> {
            let status = self.0.try_wait()?;
            let fate = status.map_or_else(
                || "was still running".to_owned(),
                |status| format!("had ended ({status})"),
            );
            self.stop()?;
            Ok(format!("{error}; the server {fate}: {}", self.excuse()?))
        };
        match last_words() {
            Ok(words) => io::Error::new(error.kind(), words),
            Err(second) => io::Error::other(format!("{error}; and then: {second}")),
        }
    }

    /// What a child that has ended wrote to its error stream.
    fn excuse(&mut self) -> io::Result<String> {
        let mut words = String::new();
        if let Some(out) = &mut self.0.stderr {
            out.read_to_string(&mut words)?;
        }
        Ok(words.trim_end().to_owned())
    }

    fn stop(&mut self) -> io::Result<()> {
        // Under strace this is what ends the server itself.
        drop(self.0.stdin.take());
        // Without effect on a process that has been waited for.
        self.0.kill()?;
        self.0.wait().map(drop)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("a child may be left behind: {error}");
        }
    }
}
