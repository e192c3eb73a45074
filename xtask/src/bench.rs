//! `cargo xtask bench`: hob beside its peers, as one table with the figures to reach.
//!
//! # Implementation
//!
//! The workloads live in `hob-bench`, the binary of `benches/`, which says what it has and runs one
//! workload once for one contestant. Here it is built, and run many times over: each run in a process
//! of its own, the contestants of a workload in turn (A B C A B C ...), so that a machine that slows
//! down does so for all of them. [`runs`] collects, [`figures`] holds what is to be reached,
//! [`verdict`] compares, [`wider`] hob's pools with each other, [`table`] tells, and [`machine`] says where it was measured.

mod figures;
mod machine;
mod options;
mod runs;
mod table;
mod verdict;
mod wider;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bench::machine::Machine;
use crate::bench::options::Options;
use crate::bench::runs::{Bench, Row};
use crate::bench::table::Tally;
use crate::ci::say;
use crate::run::{Ran, Run};
use crate::workspace::Workspace;

/// How long a build may take: thin LTO of three runtimes, perhaps on a busy machine.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// Fewer rounds are for a look; they leave no record.
const ROUNDS_OF_A_RECORD: usize = 7;

/// Runs what the arguments ask for, prints the tables, and returns whether nothing failed.
///
/// A figure that is not reached is no failure: the table says so. A wrong answer is one, and so
/// is a result that is missing.
pub(crate) fn bench(workspace: &Workspace, arguments: &[String]) -> bool {
    if Options::help(arguments) {
        say(options::USAGE);
        return true;
    }
    match try_bench(workspace, arguments) {
        Ok(failures) => {
            for failure in &failures {
                say(&format!("FAILED: {failure}"));
            }
            failures.is_empty()
        }
        Err(why) => {
            say(&why);
            false
        }
    }
}

fn try_bench(workspace: &Workspace, arguments: &[String]) -> Result<Vec<String>, String> {
    let options = Options::parse(arguments)?;
    build(workspace)?;
    let bench = Bench {
        program: workspace.target.join("release/hob-bench"),
        root: workspace.root.clone(),
        quick: options.quick,
        rounds: options.rounds,
    };
    let rows = options.choose(bench.list(&options.families)?)?;
    let machine = Machine::look(workspace);
    let (mut tally, mut failures) = (Tally::default(), Vec::new());
    for family in families(&rows) {
        let results: Vec<_> = rows
            .iter()
            .filter(|row| row.family == family)
            .map(|row| bench.measure(row))
            .collect();
        let text = table::family(&family, &results, &mut tally);
        say(&text);
        failures.extend(results.iter().flat_map(|result| result.failures()));
        if options.records() {
            let path = record(workspace, &family, &options, &machine, &text)
                .map_err(|error| format!("cannot write the record: {error}"))?;
            say(&format!("written to {}\n", workspace.relative(&path)));
        }
    }
    say(&tally.to_string());
    if tally.failed() > 0 && failures.is_empty() {
        failures.push("a row lacks what its figure needs".to_owned());
    }
    Ok(failures)
}

fn build(workspace: &Workspace) -> Result<(), String> {
    let run = Run::cargo("build --quiet --profile bench -p hob-benches").limit(BUILD_LIMIT);
    let ran = run.run(&workspace.root);
    if ran.success { Ok(()) } else { Err(told(&ran)) }
}

fn told(ran: &Ran) -> String {
    let report = ran.report();
    format!("{}\nrepeat with: {}", report.text, report.repeat)
}

/// The families of the rows, each once, in their order.
fn families(rows: &[Row]) -> Vec<String> {
    let mut families: Vec<String> = Vec::new();
    for row in rows {
        if !families.contains(&row.family) {
            families.push(row.family.clone());
        }
    }
    families
}

fn record(
    workspace: &Workspace,
    family: &str,
    options: &Options,
    machine: &Machine,
    table: &str,
) -> io::Result<PathBuf> {
    let folder = workspace.root.join("benches/record");
    fs::create_dir_all(&folder)?;
    let quick = if options.quick { "-quick" } else { "" };
    let name = format!("{}-{family}{quick}-{}", machine.date, machine.version());
    let length = if options.quick { "short" } else { "long" };
    let (head, rounds, command) = (machine.head(), options.rounds, &options.command);
    let text = format!(
        "{head}- `{command}`: {rounds} rounds of {length} runs, the contestants in turn\n\n{table}"
    );
    write_new(&folder, &name, &text)
}

/// Writes `name.md`, or `name-2.md` and so on if there is one already: no record replaces another.
fn write_new(folder: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    for number in 1.. {
        let again = (number > 1).then(|| format!("-{number}"));
        let path = folder.join(format!("{name}{}.md", again.unwrap_or_default()));
        match File::create_new(&path) {
            Ok(mut file) => return file.write_all(text.as_bytes()).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    #[test]
    fn a_record_replaces_none() {
        let folder = env::temp_dir().join(format!("hob-record-{}", process::id()));
        fs::create_dir_all(&folder).expect("there is room");
        let write = |text| write_new(&folder, "day", text).expect("there is room");
        let paths = [write("first"), write("second"), write("third")];
        let names = paths.each_ref().map(|path| path.file_name());
        let kept = paths.each_ref().map(|path| fs::read_to_string(path).ok());
        fs::remove_dir_all(&folder).expect("it is there");
        assert_eq!(
            names,
            ["day.md", "day-2.md", "day-3.md"].map(|it| Some(it.as_ref()))
        );
        assert_eq!(
            kept,
            ["first", "second", "third"].map(|it| Some(it.to_owned()))
        );
    }
}
