//! Steps that need another toolchain than the one at hand, and are skipped where it is missing.

use std::time::Duration;

use crate::report::{Done, Outcome, conclude, count};
use crate::run::{Run, answers};
use crate::testing::tests_passed;
use crate::tidy::unsafe_files::UNSAFE_FILES;
use crate::workspace::Workspace;

/// Checks that the `rust-version` of the workspace builds all crates.
pub(crate) fn msrv(workspace: &Workspace) -> Outcome {
    let version = workspace
        .manifest
        .get("workspace.package", "rust-version")
        .unwrap_or("stable");
    // Asking rustup itself does not make it install what is missing, as `cargo +1.88` might.
    if !answers("rustup", &["run", version, "cargo", "--version"]) {
        return Ok(Done::Skipped(format!("Rust {version}: not installed")));
    }
    let target = workspace.relative(&workspace.target.join("msrv"));
    let run = Run::new("rustup")
        .args(["run", version, "cargo", "check", "--quiet", "--workspace"])
        .env("CARGO_TARGET_DIR", target);
    let ran = run.run(&workspace.root);
    let failed = (!ran.success).then(|| ran.report());
    conclude(format!("Rust {version}"), failed.into_iter().collect())
}

/// Runs the unit tests of the crates with unsafe code under Miri.
pub(crate) fn miri(workspace: &Workspace) -> Outcome {
    if !answers("cargo", &["+nightly", "miri", "--version"]) {
        return Ok(Done::Skipped("not installed".to_owned()));
    }
    let target = workspace.relative(&workspace.target.join("miri"));
    let mut reports = Vec::new();
    let mut tests = 0;
    for member in &workspace.crates {
        let prefix = workspace.relative(&member.folder.join("src"));
        if !UNSAFE_FILES
            .iter()
            .any(|file| file.path.starts_with(&prefix))
        {
            continue;
        }
        let run = Run::cargo("+nightly miri test --quiet --lib -p")
            .args([&member.name])
            .env("CARGO_TARGET_DIR", &target)
            .env("MIRIFLAGS", "-Zmiri-disable-isolation");
        let ran = run.limit(Duration::from_secs(300)).run(&workspace.root);
        tests += tests_passed(&ran.output);
        if !ran.success {
            reports.push(ran.report());
        }
    }
    conclude(count(tests, "test"), reports)
}
