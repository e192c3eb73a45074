//! The steps that are a cargo command and little else.

use crate::report::{Outcome, Report, conclude, count};
use crate::run::Run;
use crate::workspace::Workspace;

/// Checks the format of every file.
pub(crate) fn fmt(workspace: &Workspace) -> Outcome {
    one(workspace, &Run::cargo("fmt --all --check"))
}

/// Asks clippy about every target, with every feature.
pub(crate) fn clippy(workspace: &Workspace) -> Outcome {
    let arguments = "clippy --quiet --workspace --all-targets --all-features -- -D warnings";
    one(workspace, &Run::cargo(arguments))
}

/// Builds the documentation; a warning is an error.
pub(crate) fn doc(workspace: &Workspace) -> Outcome {
    let run = Run::cargo("doc --quiet --workspace --no-deps --all-features");
    one(workspace, &run.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Builds each crate without its tests' dependencies: with no feature, then with each alone.
pub(crate) fn features(workspace: &Workspace) -> Outcome {
    let mut reports = Vec::new();
    let mut checks = 0;
    for member in &workspace.crates {
        let alone = Run::cargo("check --quiet --no-default-features -p").args([&member.name]);
        let each = member
            .features()
            .into_iter()
            .map(|feature| alone.clone().args(["--features", feature]));
        for run in std::iter::once(alone.clone()).chain(each) {
            checks += 1;
            reports.extend(check_without_warning(workspace, &run));
        }
    }
    conclude(count(checks, "check"), reports)
}

/// Runs a check and reports it if it fails or warns: code that a feature leaves unused.
fn check_without_warning(workspace: &Workspace, run: &Run) -> Option<Report> {
    let ran = run.run(&workspace.root);
    // `-D warnings` in RUSTFLAGS would do it too, and would build every dependency once more.
    let warned = ran.output.lines().any(|line| line.starts_with("warning"));
    (!ran.success || warned).then(|| ran.report())
}

fn one(workspace: &Workspace, run: &Run) -> Outcome {
    let ran = run.run(&workspace.root);
    let failed = (!ran.success).then(|| ran.report());
    conclude(String::new(), failed.into_iter().collect())
}
