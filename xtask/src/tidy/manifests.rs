//! Dependencies point downward, and each outside one has a reason.

use crate::manifest::{Dependency, Kind};
use crate::tidy::Violation;
use crate::tidy::floors::{Room, UPWARD_IN_TESTS, find};
use crate::workspace::{Crate, Workspace};

/// Checks all manifests.
pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = unexplained(workspace);
    for member in &workspace.crates {
        let path = workspace.relative(&member.folder.join("Cargo.toml"));
        violations.extend(
            complaints(member)
                .into_iter()
                .map(|(line, text)| Violation::new(&path, line, text)),
        );
        violations.extend(
            unused(member)
                .into_iter()
                .map(|text| Violation::new("xtask/src/tidy/floors.rs", 1, text)),
        );
    }
    violations
}

/// Finds outside dependencies of the workspace that do not say why they are there.
fn unexplained(workspace: &Workspace) -> Vec<Violation> {
    let entries = workspace.manifest.section("workspace.dependencies");
    entries
        .filter(|entry| entry.comment.is_empty() && !entry.value.contains("path ="))
        .map(|entry| {
            let text = format!(
                "{} does not say why; add a comment with the reason at the end of the line",
                entry.key
            );
            Violation::new("Cargo.toml", entry.line, text)
        })
        .collect()
}

fn complaints(member: &Crate) -> Vec<(usize, String)> {
    let folder = member.folder.file_name().unwrap_or_default();
    let mut wrong = Vec::new();
    if *folder != *member.name {
        let text = format!("{} lies in another folder; name both alike", member.name);
        wrong.push((1, text));
    }
    let Some(room) = find(&member.name) else {
        let text = format!(
            "{} has no floor; add it to xtask/src/tidy/floors.rs",
            member.name
        );
        wrong.push((1, text));
        return wrong;
    };
    for dependency in member.manifest.dependencies() {
        wrong.extend(complaint(room, &dependency).map(|text| (dependency.line, text)));
    }
    wrong
}

fn complaint(room: &Room, dependency: &Dependency) -> Option<String> {
    let package = dependency.package.as_str();
    let Room { name, floor, .. } = room;
    let for_tests = dependency.kind == Kind::Dev;
    if for_tests && UPWARD_IN_TESTS.contains(&(*name, package)) {
        return None;
    }
    if let Some(other) = find(package).filter(|other| other.floor >= *floor) {
        let where_it_is = if other.floor == *floor {
            "on the same floor"
        } else {
            "above it"
        };
        let remedy = if for_tests {
            "tests that need it live in a crate above both"
        } else {
            "what both need belongs on a floor below, behind a trait"
        };
        return Some(format!(
            "{name} (floor {floor}) uses {package} (floor {}), which is {where_it_is}; {remedy}",
            other.floor
        ));
    }
    let loom = package == "loom" && dependency.loom_only;
    if for_tests || loom || room.may_use.contains(&package) {
        return None;
    }
    Some(format!(
        "{name} may not use {package}; do without, or say why in docs/architecture.md and add it \
         to xtask/src/tidy/floors.rs"
    ))
}

/// Says what a crate may use and does not: a grant that nobody needs is one that nobody thought about.
fn unused(member: &Crate) -> Vec<String> {
    let name = member.name.as_str();
    let used = member.manifest.dependencies();
    let uses = |package: &str, for_tests: bool| {
        used.iter()
            .any(|it| it.package == package && (it.kind == Kind::Dev) == for_tests)
    };
    let granted = find(name).map_or(&[][..], |room| room.may_use);
    let granted = granted.iter().filter(|package| !uses(package, false));
    let upward = UPWARD_IN_TESTS
        .iter()
        .filter(|(user, package)| *user == name && !uses(package, true))
        .map(|(_, package)| package);
    granted
        .chain(upward)
        .map(|package| format!("{name} may use {package} and does not; take it out of the table"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::manifest::Manifest;

    fn check(name: &str, dependencies: &str, expected: &[&str]) {
        let member = Crate {
            name: name.to_owned(),
            folder: PathBuf::from(name),
            manifest: Manifest::parse(dependencies),
        };
        let wrong = complaints(&member);
        assert_eq!(wrong.len(), expected.len(), "{wrong:?}");
        for ((_, wrong), expected) in wrong.iter().zip(expected) {
            assert!(wrong.contains(expected), "{wrong}");
        }
    }

    #[test]
    fn what_the_table_names_is_fine() {
        check("hob-task", "[dependencies]\nhob-core.workspace = true", &[]);
        check("hob-task", "[dev-dependencies]\nfutures-lite = \"2\"", &[]);
        check(
            "hob",
            "[dev-dependencies]\nhob-compat = { path = \"\" }",
            &[],
        );
    }

    #[test]
    fn the_same_floor_and_above_are_refused() {
        check(
            "hob-task",
            "[dependencies]\nhob-sync.workspace = true",
            &["hob-task (floor 1) uses hob-sync (floor 1), which is on the same floor"],
        );
        check(
            "hob-sync",
            "[dev-dependencies]\nhob = \"1\"",
            &["(floor 4), which is above it; tests that"],
        );
        check("hob", "[dependencies]\nhob-compat = \"1\"", &["above it"]);
    }

    #[test]
    fn what_the_table_does_not_name_is_refused() {
        check(
            "hob-task",
            "[dependencies]\nslab = \"1\"",
            &["may not use slab"],
        );
        check(
            "hob-time",
            "[build-dependencies]\ncc = \"1\"",
            &["may not use cc"],
        );
        check("hob-pan", "", &["has no floor"]);
    }

    #[test]
    fn what_the_table_names_must_be_used() {
        let check = |name: &str, dependencies: &str| {
            unused(&Crate {
                name: name.to_owned(),
                folder: PathBuf::from(name),
                manifest: Manifest::parse(dependencies),
            })
        };
        let found = check("hob-blocking", "[dependencies]\nhob-core.workspace = true");
        assert_eq!(found, [""; 0]);
        let found = check("hob-blocking", "[dev-dependencies]\nhob-core = \"1\"");
        assert_eq!(found.len(), 1, "{found:?}");
        let found = check("hob", "[dependencies]\nhob-compat = \"1\"");
        assert!(
            found.iter().any(|it| it.contains("hob-compat")),
            "{found:?}"
        );
    }

    #[test]
    fn loom_is_for_its_cfg_only() {
        let under_cfg = "[target.'cfg(loom)'.dependencies]\nloom = \"1\"";
        check("hob-sync", under_cfg, &[]);
        check(
            "hob-sync",
            "[dependencies]\nloom = \"1\"",
            &["may not use loom"],
        );
    }
}
