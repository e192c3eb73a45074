//! How many system calls a server makes for a message: an exact count.
//!
//! # Implementation
//!
//! The server runs under `strace -f -c`, twice: with a fixed number of messages, and with none. What
//! both runs share, that is starting, listening, opening the connections and ending, goes with the
//! subtraction. strace slows the server down; so the client sends in rounds and thinks between, until
//! the server has come to rest. Otherwise the next message would be there before the server has looked
//! for it, and would save it the calls by which it waits.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

use crate::net::order::Amount;
use crate::net::parent::{Server, serve_one};
use crate::net::plan::{Plan, Style};
use crate::workload::{Measured, Missed, Outcome, Size};

/// What is told one by one, each under the name by which strace may know it.
const TOLD: [(&str, &[&str]); 6] = [
    ("wait", &["epoll_wait", "epoll_pwait", "epoll_pwait2"]),
    ("ctl", &["epoll_ctl"]),
    ("recv", &["recvfrom", "recvmsg", "read"]),
    ("send", &["sendto", "sendmsg", "write"]),
    ("futex", &["futex"]),
    ("timer", &["timerfd_settime"]),
];

/// How often each system call was made, by its name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Calls(BTreeMap<String, u64>);

/// A file that is removed in the end.
struct Scratch(PathBuf);

/// Runs one workload once for one contestant.
pub(super) fn run(plan: &Plan, contestant: &str, size: Size) -> Outcome {
    if !is_installed()? {
        return Err(Missed::Skipped("strace is not installed".to_owned()));
    }
    if let Some(why) = plan.hindrance()? {
        return Err(Missed::Skipped(why.to_owned()));
    }
    let rounds = match (plan.style, plan.connections) {
        (_, 1) => size.pick(20, 200, 500),
        (Style::Short, _) => size.pick(1, 15, 40),
        (Style::Kept | Style::Idle, _) => size.pick(1, 40, 100),
    };
    let messages = rounds * plan.connections;
    let without = counted(plan, contestant, 0)?;
    let with = counted(plan, contestant, messages)?;
    let each = |calls: &Calls, names: &[&str]| {
        (with.of(names) as f64 - calls.of(names) as f64) / messages as f64
    };
    let mut measured =
        Measured::new((with.total() as f64 - without.total() as f64) / messages as f64);
    for (name, known_as) in TOLD {
        measured = measured.extra(name, each(&without, known_as));
    }
    Ok(measured.extra("messages", messages as f64))
}

fn is_installed() -> io::Result<bool> {
    let tried = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match tried {
        Ok(status) => Ok(status.success()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The calls of a server from its start to its end, with so many messages between.
fn counted(plan: &Plan, contestant: &str, messages: usize) -> io::Result<Calls> {
    let scratch = Scratch::new();
    let server = serve_one(plan, contestant)?;
    let mut command = Command::new("strace");
    command
        .args(["-f", "-c", "-o"])
        .arg(&scratch.0)
        .arg(server.get_program())
        .args(server.get_args());
    let mut server = Server::start(&mut command)?;
    let report = server.under(plan, Amount::Count(messages))?;
    server.end()?;
    if report.messages != messages as u64 {
        let answered = report.messages;
        return Err(io::Error::other(format!(
            "{answered} of {messages} messages were answered"
        )));
    }
    Calls::parse(&fs::read_to_string(&scratch.0)?)
}

impl Calls {
    /// Reads strace's table: `% time, seconds, usecs/call, calls, [errors,] syscall`.
    fn parse(table: &str) -> io::Result<Self> {
        let mut calls: BTreeMap<String, u64> = table.lines().filter_map(row).collect();
        let total = calls.remove("total");
        if total == Some(calls.values().sum()) {
            return Ok(Self(calls));
        }
        Err(io::Error::other(format!(
            "strace's table does not add up:\n{table}"
        )))
    }

    fn of(&self, names: &[&str]) -> u64 {
        names.iter().filter_map(|name| self.0.get(*name)).sum()
    }

    fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// The name and the count of one row, unless it is a heading or a rule.
fn row(line: &str) -> Option<(String, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.first()?.parse::<f64>().ok()?;
    let count = words.get(3)?.parse().ok()?;
    Some(((*words.last()?).to_owned(), count))
}

impl Scratch {
    fn new() -> Self {
        Self(env::temp_dir().join(format!("hob-bench-{}.strace", process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        // strace did not come so far.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 75.00    0.000300           1       300           recvfrom
 25.00    0.000100           1       100         7 epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    0.000400           1       400         7 total
";

    #[test]
    fn a_table_is_read_with_and_without_errors() {
        let calls = Calls::parse(TABLE).unwrap();
        assert_eq!(calls.total(), 400);
        assert_eq!(calls.of(&["epoll_wait", "epoll_pwait"]), 100);
        assert_eq!(calls.of(&["recvfrom"]), 300);
    }

    #[test]
    fn a_table_that_does_not_add_up_is_refused() {
        Calls::parse("").unwrap_err();
        Calls::parse(&TABLE.replace("       300 ", "       301 ")).unwrap_err();
        let cut: Vec<&str> = TABLE.lines().take(4).collect();
        Calls::parse(&cut.join("\n")).unwrap_err();
    }
}
