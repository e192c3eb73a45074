//! Runs one command: captured, limited in time, and able to say how to repeat it.
//!
//! # Implementation
//!
//! Both streams of the child go to one pipe, so that what it says stays in order. A thread reads
//! the pipe and hands the pieces over a channel; the end of the pipe is the end of the run. Waiting
//! with a limit is then a `recv_timeout`, and needs neither signals nor polling.

use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::io::{self, PipeReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::report::Report;
use crate::workspace;

/// How many of the last lines of a failed command are shown.
const TAIL_LINES: usize = 60;

/// How long a command may take when it does not say otherwise.
const LIMIT: Duration = Duration::from_secs(600);

/// How often a command is asked whether it has ended, once it says nothing more.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the real clock: steps run outside any runtime"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// A command, before it runs.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    program: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    limit: Duration,
}

/// A command, after it ran.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Whether it ended by itself, with status 0.
    pub(crate) success: bool,
    /// Its status, if it ended by itself and not by a signal.
    pub(crate) code: Option<i32>,
    /// What it wrote to either stream; our own remark, if any, comes last.
    pub(crate) output: String,
    repeat: String,
}

impl Run {
    /// Names a program.
    pub(crate) fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            limit: LIMIT,
        }
    }

    /// Names the cargo that runs us, with arguments separated by blanks.
    pub(crate) fn cargo(arguments: &str) -> Self {
        Self::new("cargo").args(arguments.split_whitespace())
    }

    /// Adds arguments.
    pub(crate) fn args(mut self, more: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.arguments.extend(more.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Kills the command, and what it started, after so long.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the command in `directory` to its end.
    pub(crate) fn run(&self, directory: &Path) -> Ran {
        self.try_run(directory).unwrap_or_else(|error| Ran {
            success: false,
            code: None,
            output: format!("cannot run {}: {error}", self.program),
            repeat: self.to_string(),
        })
    }

    /// Builds the command for those who must talk to it while it runs.
    ///
    /// Cargo is told where to build and not to colour what we read, and tests draw their own seeds; a
    /// variable of the run's own wins.
    pub(crate) fn command(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env("CARGO_TARGET_DIR", workspace::target(directory))
            .env("CARGO_TERM_COLOR", "never")
            // Whoever chases one seed does not check by it.
            .env_remove("HOB_SEED")
            .env_remove("HOB_SEEDS")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(directory)
            .stdin(Stdio::null());
        command
    }

    fn try_run(&self, directory: &Path) -> io::Result<Ran> {
        let watch = Stopwatch::start();
        let (reader, writer) = io::pipe()?;
        let mut child = {
            // The command holds our copies of the pipe's writing end: drop it, or it never ends.
            let mut command = self.command(directory);
            command.stdout(writer.try_clone()?).stderr(writer).spawn()?
        };
        let pieces = read_in_thread(reader)?;
        let mut bytes = Vec::new();
        // Whoever closes its streams may run on.
        let ended =
            collect(&pieces, &mut bytes, watch, self.limit) && wait(&mut child, watch, self.limit)?;
        if !ended {
            kill_tree(&mut child);
        }
        let status = child.wait()?;
        let mut output = String::from_utf8_lossy(&bytes).into_owned();
        if !ended {
            let limit = self.limit.as_secs();
            let _ = write!(output, "\nkilled: it still ran after {limit} s");
        } else if !status.success() {
            let _ = write!(output, "\nended with {status}");
        }
        Ok(Ran {
            success: ended && status.success(),
            code: status.code().filter(|_| ended),
            output,
            repeat: self.to_string(),
        })
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str(&self.program)?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

impl Ran {
    /// Reports a failure, with the tail of the output.
    pub(crate) fn report(&self) -> Report {
        Report {
            repeat: self.repeat.clone(),
            text: tail(&self.output, TAIL_LINES),
        }
    }
}

/// Quotes for a shell what needs it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:+,@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Returns the last lines, and says how many came before them.
fn tail(text: &str, lines_max: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let hidden = lines.len().saturating_sub(lines_max);
    let shown = lines[hidden..].join("\n");
    if hidden == 0 {
        shown
    } else {
        format!("({hidden} lines before)\n{shown}")
    }
}

fn read_in_thread(mut reader: PipeReader) -> io::Result<Receiver<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("output".to_owned())
        .spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        })?;
    Ok(receiver)
}

/// Takes pieces until they end, and returns `false` when the time ends first.
fn collect(
    pieces: &Receiver<Vec<u8>>,
    bytes: &mut Vec<u8>,
    watch: Stopwatch,
    limit: Duration,
) -> bool {
    loop {
        match pieces.recv_timeout(limit.saturating_sub(watch.elapsed())) {
            Ok(piece) => bytes.extend(piece),
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

/// Waits until a child has ended, and returns `false` when the time ends first.
#[expect(
    clippy::disallowed_methods,
    reason = "std has no other way to wait for a child with a limit"
)]
fn wait(child: &mut Child, watch: Stopwatch, limit: Duration) -> io::Result<bool> {
    while child.try_wait()?.is_none() {
        if watch.elapsed() >= limit {
            return Ok(false);
        }
        thread::sleep(ASK_AGAIN);
    }
    Ok(true)
}

/// Kills a child and all that came from it.
///
/// A test program hangs, not the cargo that started it. A process group would do it as well, but
/// then Ctrl-C in a terminal would not reach the child.
fn kill_tree(child: &mut Child) {
    let mut doomed = vec![child.id()];
    let parents = parents();
    let mut next = 0;
    while next < doomed.len() {
        let parent = doomed[next];
        doomed.extend(parents.iter().filter(|it| it.1 == parent).map(|it| it.0));
        next += 1;
    }
    let _ = child.kill();
    let script = doomed[1..].iter().fold(String::new(), |mut script, pid| {
        let _ = write!(script, "kill -9 {pid};");
        script
    });
    let _ = Command::new("sh")
        .args(["-c", &script])
        .stderr(Stdio::null())
        .status();
}

/// Lists (process, parent), as far as this system has `/proc`.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((pid, parent_in(&stat)?))
        })
        .collect()
}

/// Reads the parent from `PID (NAME) STATE PARENT ...`, where the name may hold anything.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(1)?.parse().ok()
}

/// Returns whether a program answers `--version` style questions with success.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    Command::new(OsStr::new(program))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn sh(script: &str) -> Run {
        Run::new("sh").args(["-c", script])
    }

    #[test]
    fn both_streams_are_captured_and_the_status_is_told() {
        let ran = sh("echo out; echo err >&2; exit 3").run(Path::new("/"));
        assert!(!ran.success);
        assert!(ran.output.starts_with("out\nerr\n"), "{}", ran.output);
        assert!(ran.output.contains("exit status: 3"), "{}", ran.output);
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_its_children() {
        let watch = Stopwatch::start();
        let ran = sh("echo begun; sleep 600 & wait")
            .limit(Duration::from_millis(300))
            .run(Path::new("/"));
        assert!(!ran.success);
        assert!(ran.output.starts_with("begun\n"), "{}", ran.output);
        assert!(ran.output.contains("killed"), "{}", ran.output);
        assert!(watch.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn a_command_that_closes_its_streams_and_hangs_is_killed() {
        let watch = Stopwatch::start();
        let ran = sh("echo begun; exec >&- 2>&-; sleep 600")
            .limit(Duration::from_millis(300))
            .run(Path::new("/"));
        assert!(!ran.success);
        assert!(ran.output.contains("killed"), "{}", ran.output);
        assert!(watch.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn a_status_is_told_from_a_signal() {
        assert_eq!(sh("exit 2").run(Path::new("/")).code, Some(2));
        assert_eq!(sh("kill -9 $$").run(Path::new("/")).code, None);
    }

    #[test]
    fn cargo_is_told_where_to_build() {
        let asked = |run: &Run| {
            let command = run.command(Path::new("/x"));
            let mut variables = command.get_envs();
            let target = variables.find(|(name, _)| *name == "CARGO_TARGET_DIR");
            target.and_then(|(_, value)| value).map(PathBuf::from)
        };
        let run = Run::cargo("build");
        assert_eq!(asked(&run), Some(workspace::target(Path::new("/x"))));
        let run = run.env("CARGO_TARGET_DIR", "other");
        assert_eq!(asked(&run), Some(PathBuf::from("other")));
    }

    #[test]
    fn a_command_prints_as_a_line_for_the_shell() {
        let run = Run::cargo("test -p hob").env("RUSTFLAGS", "--cfg loom");
        assert_eq!(run.to_string(), "RUSTFLAGS='--cfg loom' cargo test -p hob");
    }

    #[test]
    fn a_missing_program_is_a_failure() {
        let ran = Run::new("no-such-program-here").run(Path::new("/"));
        assert!(!ran.success);
        assert!(ran.output.contains("no-such-program-here"));
    }

    #[test]
    fn the_tail_tells_how_much_it_hides() {
        assert_eq!(tail("a\nb\n", 2), "a\nb");
        assert_eq!(tail("a\nb\nc\n", 2), "(1 lines before)\nb\nc");
    }

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent_in("7 (a) b) S 5 7 7 0"), Some(5));
    }
}
