//! Model checks every protocol over atomics.
//!
//! Models stand in the files of a crate's `tests` whose names begin with `loom`, or, where they need
//! what is private, in a module of `src` under `#[cfg(all(test, loom))]` whose name contains `loom`.
//! Everything is built once more under `--cfg loom`, in a target folder of its own, so that the two
//! sets of flags do not throw each other's work away.
//!
//! A crate without models must not need any: one that depends on loom fails, and one that has locks
//! or atomics must be listed, with the reason.

use std::fs;
use std::time::Duration;

use crate::report::{Outcome, Report, conclude, count};
use crate::run::{Run, Stopwatch};
use crate::testing::tests_passed;
use crate::workspace::{Crate, Workspace, files};

/// How often loom may switch threads against their will: two find nearly all, three take hours.
const PREEMPTIONS: &str = "2";

/// How long the whole step may take. A model that needs more than a minute should be split.
const LIMIT: Duration = Duration::from_secs(480);

/// The crates that have locks or atomics and no model, and why they need none.
const WITHOUT_MODELS: &[(&str, &str)] = &[
    // Its locks guard what is taken once, when a runtime ends. Protocols live below.
    ("hob", "cold locks only"),
    // A simulation runs on one thread; its locks make what futures reach `Sync`.
    ("hob-sim", "one thread"),
];

/// Runs the models of all crates that have any.
pub(crate) fn loom(workspace: &Workspace) -> Outcome {
    let watch = Stopwatch::start();
    let mut reports = Vec::new();
    let (mut models, mut crates, mut without) = (0, 0, String::new());
    for member in &workspace.crates {
        let runs = runs(workspace, member);
        crates += usize::from(!runs.is_empty());
        match reason(member, !runs.is_empty()) {
            Ok(Some(reason)) => without.push_str(&format!(", none in {}: {reason}", member.name)),
            Ok(None) => {}
            Err(text) => reports.push(our_own(text)),
        }
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
    let (models, crates) = (count(models, "model"), count(crates, "crate"));
    conclude(format!("{models} in {crates}{without}"), reports)
}

/// Returns why a crate needs no model, if it would otherwise; or what is wrong about it.
fn reason(member: &Crate, has_models: bool) -> Result<Option<&'static str>, String> {
    let name = &member.name;
    let listed = WITHOUT_MODELS.iter().find(|(listed, _)| listed == name);
    let shares = sources(member).iter().any(|text| shares(text));
    let depends = member.manifest.dependencies();
    match (has_models, listed) {
        (false, _) if depends.iter().any(|it| it.package == "loom") => Err(format!(
            "{name} depends on loom and has no model; write tests/loom.rs, or do without loom"
        )),
        (false, None) if shares => Err(format!(
            "{name} has locks or atomics and no model; write tests/loom.rs, or say why it needs none \
             in xtask/src/loom.rs"
        )),
        (false, Some((_, reason))) if shares => Ok(Some(reason)),
        (_, Some(_)) => Err(format!(
            "{name} is in no need of its reason in xtask/src/loom.rs; take it out"
        )),
        (_, None) => Ok(None),
    }
}

/// Returns whether a file names what threads share, outside its comments.
fn shares(text: &str) -> bool {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .any(|line| {
            ["sync::atomic", "Mutex<", "RwLock<", "Condvar"]
                .iter()
                .any(|name| line.contains(name))
        })
}

fn runs(workspace: &Workspace, member: &Crate) -> Vec<Run> {
    let target = workspace.relative(&workspace.target.join("loom"));
    let run = Run::cargo("test --quiet --release -p")
        .args([&member.name])
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTFLAGS", "--cfg loom")
        .env("LOOM_MAX_PREEMPTIONS", PREEMPTIONS);
    let mut runs: Vec<Run> = model_files(member)
        .iter()
        .map(|name| run.clone().args(["--test", name]))
        .collect();
    let inside = |text: &String| text.contains("#[cfg(all(test, loom))]");
    if sources(member).iter().any(inside) {
        runs.push(run.args(["--lib", "--", "loom"]));
    }
    runs
}

/// Returns the names of the tests that are models: `tests/loom*.rs`, `tests/loom*/main.rs`.
///
/// Each has a run of its own, so that one in which nothing runs is noticed.
fn model_files(member: &Crate) -> Vec<String> {
    let folder = member.folder.join("tests");
    files(&folder, ".rs")
        .iter()
        .filter_map(|path| {
            let path = path.strip_prefix(&folder).ok()?.to_str()?;
            let name = path
                .strip_suffix("/main.rs")
                .or_else(|| path.strip_suffix(".rs"))?;
            (name.starts_with("loom") && !name.contains('/')).then(|| name.to_owned())
        })
        .collect()
}

/// Reads the files of a crate's `src`.
fn sources(member: &Crate) -> Vec<String> {
    files(&member.folder.join("src"), ".rs")
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect()
}

fn no_model(run: &Run) -> Report {
    Report {
        repeat: run.to_string(),
        text: "no model ran; a module with models has `loom` in its name".to_owned(),
    }
}

/// Reports what this step found by itself.
fn our_own(text: String) -> Report {
    Report {
        repeat: "cargo xtask loom".to_owned(),
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    #[test]
    fn every_file_with_models_is_run() {
        let workspace = Workspace::open().expect("we run inside the workspace");
        for member in &workspace.crates {
            let run: Vec<String> = runs(&workspace, member)
                .iter()
                .map(Run::to_string)
                .collect();
            for path in files(&member.folder.join("tests"), ".rs") {
                let text = fs::read_to_string(&path).expect("it is there");
                let name = path.file_stem().and_then(|name| name.to_str());
                if let Some(name) = name.filter(|_| text.contains("#![cfg(loom)]")) {
                    let wanted = format!("-p {} --test {name}", member.name);
                    assert!(run.iter().any(|run| run.ends_with(&wanted)), "{path:?}");
                }
            }
        }
    }

    #[test]
    fn a_crate_that_needs_models_has_some() {
        let member = |name: &str, manifest: &str| Crate {
            name: name.to_owned(),
            folder: "/no/such/folder".into(),
            manifest: Manifest::parse(manifest),
        };
        let loom = "[target.'cfg(loom)'.dependencies]\nloom.workspace = true";
        assert_eq!(reason(&member("x", ""), false), Ok(None));
        assert_eq!(reason(&member("x", loom), true), Ok(None));
        assert!(reason(&member("x", loom), false).is_err());
        assert!(reason(&member("hob", ""), false).is_err());
        assert!(reason(&member("hob", ""), true).is_err());
    }

    #[test]
    fn what_threads_share_is_seen_outside_comments() {
        assert!(shares("use std::sync::atomic::AtomicU8;"));
        assert!(shares("    state: Mutex<State>,"));
        assert!(!shares("/// Not a `Mutex<State>`.\nfn f() {}"));
    }
}
