//! Runs the examples of `hob`: each must end by itself, in time, and with status 0.

use std::time::Duration;

use crate::report::{Outcome, Report, conclude, count};
use crate::run::Run;
use crate::serve;
use crate::workspace::{Workspace, files};

/// An example that ends by itself.
struct Example {
    name: &'static str,
    arguments: &'static [&'static str],
    limit_s: u64,
}

/// The examples of `hob` that end by themselves.
const EXAMPLES: &[Example] = &[
    Example {
        name: "tour",
        arguments: &[],
        limit_s: 60,
    },
    Example {
        name: "breakfast",
        arguments: &[],
        limit_s: 60,
    },
    Example {
        name: "count",
        arguments: &[],
        limit_s: 30,
    },
    Example {
        name: "tickets",
        arguments: &[],
        limit_s: 30,
    },
    Example {
        name: "workers",
        arguments: &[],
        limit_s: 30,
    },
    Example {
        name: "chat",
        arguments: &[],
        limit_s: 30,
    },
    Example {
        name: "loops",
        arguments: &[],
        limit_s: 30,
    },
];

/// Builds and runs the examples, and asks the file server some questions.
pub(crate) fn examples(workspace: &Workspace) -> Outcome {
    let found = found(workspace);
    let listed: Vec<&str> = EXAMPLES.iter().map(|example| example.name).collect();
    let mut reports: Vec<Report> = complaints(&listed, &found)
        .into_iter()
        .map(our_own)
        .collect();
    let build = Run::cargo("build --quiet --release -p hob --examples").run(&workspace.root);
    if !build.success {
        reports.push(build.report());
        return conclude(String::new(), reports);
    }
    // What has no source is not run: an old program of that name may still lie in the target folder.
    let exists = |name: &str| found.iter().any(|it| it == name);
    let (mut ran_well, mut requests) = (0, 0);
    // Its silent clients wait while the others run.
    let server =
        exists(serve::NAME).then(|| serve::start(workspace, &program(workspace, serve::NAME)));
    for example in EXAMPLES.iter().filter(|example| exists(example.name)) {
        match run(workspace, example) {
            None => ran_well += 1,
            Some(report) => reports.push(report),
        }
    }
    if let Some(server) = server {
        match server.and_then(|server| serve::check(workspace, server)) {
            Ok(answered) => (ran_well, requests) = (ran_well + 1, answered),
            Err(text) => reports.push(our_own(format!("{}: {text}", serve::NAME))),
        }
    }
    let ran_well = count(ran_well, "example");
    let counted = format!("{ran_well} ran well, {}", count(requests, "request"));
    conclude(counted, reports)
}

/// Runs an example to its end, and reports it if that is not a good one.
fn run(workspace: &Workspace, example: &Example) -> Option<Report> {
    let ran = Run::new(program(workspace, example.name))
        .args(example.arguments.iter().copied())
        .limit(Duration::from_secs(example.limit_s))
        .run(&workspace.root);
    (!ran.success).then(|| Report {
        repeat: repeat(example),
        ..ran.report()
    })
}

/// Reports what this step found by itself.
fn our_own(text: String) -> Report {
    Report {
        repeat: "cargo xtask examples".to_owned(),
        text,
    }
}

/// Returns the names of the examples that have a source.
fn found(workspace: &Workspace) -> Vec<String> {
    let folder = workspace.root.join("crates/hob/examples");
    files(&folder, ".rs")
        .iter()
        // A folder with a `main.rs` is one example; its other files are modules of it.
        .filter_map(|path| match path.strip_prefix(&folder).ok()?.to_str()? {
            file if file.ends_with("/main.rs") => file.split('/').next().map(str::to_owned),
            file if file.contains('/') => None,
            file => file.strip_suffix(".rs").map(str::to_owned),
        })
        .collect()
}

/// Says what files have no entry here, and what entries no file.
fn complaints(listed: &[&str], found: &[String]) -> Vec<String> {
    let unlisted = found
        .iter()
        .filter(|name| *name != serve::NAME && !listed.contains(&name.as_str()))
        .map(|name| format!("{name} is an example nobody runs; add it to xtask/src/examples.rs"));
    let missing = listed
        .iter()
        .chain([&serve::NAME])
        .filter(|name| !found.iter().any(|it| it == *name))
        .map(|name| format!("crates/hob/examples has no {name}; xtask/src/examples.rs lists it"));
    unlisted.chain(missing).collect()
}

fn program(workspace: &Workspace, name: &str) -> String {
    let path = workspace.target.join("release/examples").join(name);
    path.display().to_string()
}

fn repeat(example: &Example) -> String {
    let mut line = format!("cargo run --release -p hob --example {}", example.name);
    if !example.arguments.is_empty() {
        line.push_str(" -- ");
        line.push_str(&example.arguments.join(" "));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_and_folder_must_agree() {
        let found = ["count", "serve"].map(str::to_owned);
        assert_eq!(complaints(&["count"], &found), [""; 0]);
        assert_eq!(complaints(&[], &found).len(), 1);
        assert_eq!(complaints(&["count", "tour"], &found).len(), 1);
        assert_eq!(complaints(&["count"], &found[..1]).len(), 1);
    }
}
