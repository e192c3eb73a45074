//! Tests and doc tests, one crate at a time.
//!
//! Testing the workspace at once would switch on, for every crate, the features that any other asks
//! of their common dependencies; a crate that forgot to ask would still pass. With `-p` each is
//! tested as its users build it. A crate that has features which are off by default is tested twice:
//! as it comes, and with all of them.

use std::time::Duration;

use crate::report::{Outcome, conclude, count};
use crate::run::Run;
use crate::workspace::{Crate, Workspace};

/// How long one crate's tests may take, with building them.
const LIMIT: Duration = Duration::from_secs(400);

/// Runs unit and integration tests.
pub(crate) fn test(workspace: &Workspace) -> Outcome {
    let mut runs: Vec<Run> = workspace
        .crates
        .iter()
        .flat_map(|member| runs(member, "test --quiet --tests -p"))
        .collect();
    runs.push(Run::cargo("test --quiet --tests -p xtask"));
    runs.push(Run::cargo("test --quiet --tests -p hob-benches"));
    // A bench that is tested runs each of its functions once.
    runs.push(Run::cargo("test --quiet -p hob-sync --bench uncontended"));
    runs.push(Run::cargo("test --quiet -p hob-time --bench queues"));
    run_all(workspace, &runs, "test")
}

/// Runs the examples in documentation comments and READMEs.
pub(crate) fn doctest(workspace: &Workspace) -> Outcome {
    let runs: Vec<Run> = workspace
        .crates
        .iter()
        .flat_map(|member| runs(member, "test --quiet --doc -p"))
        .collect();
    run_all(workspace, &runs, "example")
}

/// The crate as it comes, and with all features if some are off.
fn runs(member: &Crate, arguments: &str) -> Vec<Run> {
    let plain = Run::cargo(arguments).args([&member.name]);
    let mut runs = vec![plain.clone()];
    if member.has_features_off() {
        runs.push(plain.args(["--all-features"]));
    }
    runs
}

fn run_all(workspace: &Workspace, runs: &[Run], noun: &str) -> Outcome {
    let mut reports = Vec::new();
    let mut tests = 0;
    for run in runs {
        let ran = run.clone().limit(LIMIT).run(&workspace.root);
        tests += tests_passed(&ran.output);
        if !ran.success {
            reports.push(ran.report());
        }
    }
    let runs = count(runs.len(), "run");
    conclude(format!("{} in {runs}", count(tests, noun)), reports)
}

/// Adds up the `test result: ok. 12 passed; ...` of what libtest says.
pub(crate) fn tests_passed(output: &str) -> usize {
    output
        .lines()
        .filter(|line| line.starts_with("test result:"))
        .filter_map(|line| {
            let (before, _) = line.split_once(" passed")?;
            before.rsplit(' ').next()?.parse::<usize>().ok()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_tests_are_added_up() {
        let output = "running 2 tests\n..\n\
            test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
            test result: FAILED. 40 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(tests_passed(output), 42);
        assert_eq!(tests_passed("error: no"), 0);
    }
}
