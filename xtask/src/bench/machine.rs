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
    commit: String,
    load: String,
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
            commit: commit(workspace),
            load: read("/proc/loadavg")
                .split(' ')
                .next()
                .map_or_else(unknown, str::to_owned),
        }
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
            load,
        } = self;
        writeln!(f, "# {date}\n")?;
        writeln!(
            f,
            "- {processor}, {cores} cores, Linux {kernel}, load {load} when it began"
        )?;
        writeln!(f, "- {rustc}, profile `bench`")?;
        writeln!(f, "- commit {commit}")
    }
}

/// The commit, and whether the files are still those.
fn commit(workspace: &Workspace) -> String {
    let Some(commit) = said(workspace, "git", "rev-parse --short HEAD") else {
        return unknown();
    };
    match said(workspace, "git", "status --porcelain") {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}, with changes"),
    }
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

    #[test]
    fn days_have_the_dates_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
        assert_eq!(civil(20_512), (2026, 2, 28));
    }
}
