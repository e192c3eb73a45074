//! Where and when something was measured.

use std::fmt;
use std::fs;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::run::Run;
use crate::workspace::Workspace;

/// The head of a record.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    /// The day, `2026-02-28`, in universal time.
    pub(super) date: String,
    processor: String,
    cores: usize,
    kernel: String,
    rustc: String,
    /// Its short name, if git knows it.
    commit: Option<String>,
    /// Whether the files are not quite those of the commit.
    changed: bool,
    load: Option<f64>,
}

impl Machine {
    /// Looks.
    pub(super) fn look(workspace: &Workspace) -> Self {
        let cpuinfo = read("/proc/cpuinfo");
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        let model = model.and_then(|line| line.split_once(": "));
        Self {
            date: today(),
            processor: model.map_or_else(unknown, |(_, name)| name.to_owned()),
            cores: thread::available_parallelism().map_or(0, Into::into),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            rustc: said(workspace, "rustc", "--version").unwrap_or_else(unknown),
            commit: said(workspace, "git", "rev-parse --short HEAD"),
            changed: changed(workspace),
            load: load(),
        }
    }

    /// Which files were measured, as a word for the name of a file: `abcdef0`, `abcdef0-dirty`.
    pub(super) fn version(&self) -> String {
        let commit = self.commit.clone().unwrap_or_else(unknown);
        if self.changed {
            format!("{commit}-dirty")
        } else {
            commit
        }
    }

    /// Says it, at the end of what was measured.
    pub(super) fn head(&self) -> String {
        self.head_with(load())
    }

    fn head_with(&self, load_now: Option<f64>) -> String {
        let told = |load: Option<f64>| load.map_or_else(unknown, |load| format!("{load:.2}"));
        let (began, ended) = (told(self.load), told(load_now));
        let mut head = format!("{self}- load {began} when it began, {ended} when it ended\n");
        let cores = self.cores as f64;
        if [self.load, load_now]
            .iter()
            .flatten()
            .any(|load| *load > cores)
        {
            head.push_str(
                "- **the machine was busy**: the load was greater than the cores are many\n",
            );
        }
        if self.changed {
            head.push_str("- **the files had changes** that the commit has not\n");
        }
        head
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            date,
            processor,
            cores,
            kernel,
            rustc,
            commit,
            ..
        } = self;
        let commit = commit.clone().unwrap_or_else(unknown);
        writeln!(f, "# {date}\n")?;
        writeln!(f, "- {processor}, {cores} cores, Linux {kernel}")?;
        writeln!(f, "- {rustc}, profile `bench`")?;
        writeln!(f, "- commit {commit}")
    }
}

/// Whether the files are others than those of the commit; a record of an earlier run is none of them.
fn changed(workspace: &Workspace) -> bool {
    let changes = said(
        workspace,
        "git",
        "status --porcelain -- . :(exclude)benches/record",
    );
    changes.is_none_or(|changes| !changes.is_empty())
}

/// How many processes ran or wanted to, over the last minute.
fn load() -> Option<f64> {
    read("/proc/loadavg").split(' ').next()?.parse().ok()
}

fn said(workspace: &Workspace, program: &str, arguments: &str) -> Option<String> {
    let ran = Run::new(program)
        .args(arguments.split(' '))
        .run(&workspace.root);
    ran.success.then(|| ran.output.trim().to_owned())
}

fn read(path: &str) -> String {
    // A system without it measures all the same; the record then says less.
    fs::read_to_string(path).unwrap_or_default()
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let (year, month, day) = civil(since.map_or(0, |since| since.as_secs() / 86_400));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day of the day with this number, counted from 1970-01-01.
///
/// # References
///
/// - Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms*, `civil_from_days`,
///   <https://howardhinnant.github.io/date_algorithms.html>: years begin in March, so that the leap
///   day is the last.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leaps = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(changed: bool, load: f64) -> Machine {
        Machine {
            date: "2026-02-28".to_owned(),
            processor: "any".to_owned(),
            cores: 2,
            kernel: "6".to_owned(),
            rustc: "rustc".to_owned(),
            commit: Some("abcdef0".to_owned()),
            changed,
            load: Some(load),
        }
    }

    #[test]
    fn a_busy_machine_and_changed_files_are_said_in_words() {
        let says = |machine: &Machine, load_now| {
            let head = machine.head_with(Some(load_now));
            assert!(head.contains("when it began"), "{head}");
            (head.contains("was busy"), head.contains("had changes"))
        };
        assert_eq!(says(&machine(false, 2.0), 2.0), (false, false));
        assert_eq!(says(&machine(false, 2.1), 0.0), (true, false));
        assert_eq!(says(&machine(true, 0.0), 2.1), (true, true));
        assert_eq!(machine(false, 0.0).version(), "abcdef0");
        assert_eq!(machine(true, 0.0).version(), "abcdef0-dirty");
    }

    #[test]
    fn days_have_the_dates_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
        assert_eq!(civil(20_512), (2026, 2, 28));
    }
}
