//! `cargo xtask bench`: hob beside its peers, as one table with the figures to reach.
//!
//! # Implementation
//!
//! The workloads live in `hob-bench`, the binary of `benches/`, which says what it has and runs one
//! workload once for one contestant. Here it is built, and run many times over: each run in a process
//! of its own, the contestants of a workload in turn (A B C A B C ...), so that a machine that slows
//! down does so for all of them. [`runs`] collects, [`figures`] holds what is to be reached,
//! [`verdict`] compares, [`table`] tells, and [`machine`] says where it was measured.

mod figures;
mod machine;
mod options;
mod runs;
mod table;
mod verdict;

use std::fs;
use std::io;
use std::path::PathBuf;
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
/// A figure that is not reached is no failure: the table says so. A wrong answer is one.
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
    let path = folder.join(format!("{}-{family}{quick}.md", machine.date));
    let length = if options.quick { "short" } else { "long" };
    let rounds = options.rounds;
    let text =
        format!("{machine}- {rounds} rounds of {length} runs, the contestants in turn\n\n{table}");
    fs::write(&path, text)?;
    Ok(path)
}
