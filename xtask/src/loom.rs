//! Model checks every protocol over atomics.
//!
//! Models stand in `tests/loom.rs` of a crate, or, where they need what is private, in a module of
//! `src` under `#[cfg(all(test, loom))]` whose name contains `loom`. Everything is built once more
//! under `--cfg loom`, in a target folder of its own, so that the two sets of flags do not throw
//! each other's work away.

use std::fs;
use std::time::Duration;

use crate::report::{Done, Outcome, Report, conclude, count};
use crate::run::{Run, Stopwatch};
use crate::testing::tests_passed;
use crate::workspace::{Crate, Workspace, files};

/// How often loom may switch threads against their will: two find nearly all, three take hours.
const PREEMPTIONS: &str = "2";

/// How long the whole step may take. A model that needs more than a minute should be split.
const LIMIT: Duration = Duration::from_secs(480);

/// Runs the models of all crates that have any.
pub(crate) fn loom(workspace: &Workspace) -> Outcome {
    let watch = Stopwatch::start();
    let mut reports = Vec::new();
    let (mut models, mut crates) = (0, 0);
    for member in &workspace.crates {
        let runs = runs(workspace, member);
        crates += usize::from(!runs.is_empty());
        for run in runs {
            let left = LIMIT.saturating_sub(watch.elapsed());
            let ran = run.clone().limit(left).run(&workspace.root);
            let found = tests_passed(&ran.output);
            models += found;
            if !ran.success {
                reports.push(ran.report());
            } else if found == 0 {
                reports.push(no_model(&run));
            }
        }
    }
    if crates == 0 {
        return Ok(Done::Skipped("no crate has a model".to_owned()));
    }
    let crates = count(crates, "crate");
    conclude(format!("{} in {crates}", count(models, "model")), reports)
}

fn runs(workspace: &Workspace, member: &Crate) -> Vec<Run> {
    let target = workspace.relative(&workspace.target.join("loom"));
    let run = Run::cargo("test --quiet --release -p")
        .args([&member.name])
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTFLAGS", "--cfg loom")
        .env("LOOM_MAX_PREEMPTIONS", PREEMPTIONS);
    let mut runs = Vec::new();
    if member.folder.join("tests/loom.rs").is_file() {
        runs.push(run.clone().args(["--test", "loom"]));
    }
    if has_models_inside(member) {
        runs.push(run.args(["--lib", "--", "loom"]));
    }
    runs
}

fn has_models_inside(member: &Crate) -> bool {
    files(&member.folder.join("src"), ".rs")
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .any(|text| text.contains("#[cfg(all(test, loom))]"))
}

fn no_model(run: &Run) -> Report {
    Report {
        repeat: run.to_string(),
        text: "no model ran; a module with models has `loom` in its name".to_owned(),
    }
}
