//! What `hob` builds on: licences, sources, duplicates, and how many crates there are.
//!
//! Only normal graphs count, for the platform at hand: what a user compiles. Licences, sources and
//! duplicates are those of `hob` and `hob-compat` with all features; the number is that of `hob` as it
//! comes. A graph comes from `cargo tree`, one crate a line, `name vVERSION [(source)]` and its licence.

mod licence;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::report::{Outcome, Report, conclude, count};
use crate::run::{Ran, Run};
use crate::workspace::Workspace;

/// Promise P21: how many crates of others a normal build of `hob` may compile.
const OUTSIDE_MAX: usize = 25;

/// One crate of the graph.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Package {
    name: String,
    version: String,
    /// Empty for crates.io: cargo names a source only if it is another.
    source: String,
    licence: String,
}

/// Checks the normal graphs of `hob` and `hob-compat`.
pub(crate) fn deny(workspace: &Workspace) -> Outcome {
    let plain = tree("-p hob");
    let ran = plain.run(&workspace.root);
    let every = tree("-p hob -p hob-compat --all-features").run(&workspace.root);
    if let Some(failed) = [&ran, &every].into_iter().find(|ran| !ran.success) {
        return conclude(String::new(), vec![failed.report()]);
    }
    let root = workspace.root.display().to_string();
    let outside = outside(&ran, &root);
    let mut wrong = unreadable(&ran.output);
    wrong.extend(unreadable(&every.output));
    wrong.extend(complaints(&packages(&every.output), &root));
    if outside.len() > OUTSIDE_MAX {
        wrong.push(format!(
            "a normal build of hob compiles {} crates of others, at most {OUTSIDE_MAX} are promised; \
             leave one out, or put it behind a feature",
            outside.len()
        ));
    }
    let house = packages(&ran.output).len() - outside.len();
    let counted = format!(
        "{} of others (at most {OUTSIDE_MAX}), {house} of the house",
        count(outside.len(), "crate")
    );
    let report = (!wrong.is_empty()).then(|| Report {
        repeat: plain.to_string(),
        text: wrong.join("\n"),
    });
    conclude(counted, report.into_iter().collect())
}

fn tree(of: &str) -> Run {
    Run::cargo("tree --quiet -e normal --prefix none")
        .args(of.split_whitespace())
        .args(["-f", "{p}|{l}"])
}

fn outside(ran: &Ran, root: &str) -> BTreeSet<Package> {
    let mut packages = packages(&ran.output);
    packages.retain(|package| !package.is_of(root));
    packages
}

fn packages(tree: &str) -> BTreeSet<Package> {
    tree.lines().filter_map(Package::parse).collect()
}

/// Says which lines are no crate; a blank one stands between two graphs.
fn unreadable(tree: &str) -> Vec<String> {
    tree.lines()
        .filter(|line| !line.is_empty() && Package::parse(line).is_none())
        .map(|line| format!("`cargo tree` says `{line}`, which xtask/src/deny.rs cannot read"))
        .collect()
}

/// Says what is wrong with a graph, a line each.
fn complaints(packages: &BTreeSet<Package>, root: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        let Package { name, version, .. } = package;
        versions.entry(name).or_default().push(version);
        if !package.source.is_empty() && !package.is_of(root) {
            let source = &package.source;
            wrong.push(format!(
                "{name} {version} comes from {source}; take it from crates.io"
            ));
        }
        if !licence::allowed(&package.licence) {
            let licence = &package.licence;
            wrong.push(format!(
                "{name} {version} has the licence `{licence}`; if we may use it, add it to \
                 xtask/src/deny/licence.rs"
            ));
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    for (name, versions) in versions {
        let versions = versions.join(" and ");
        wrong.push(format!(
            "{name} is there as {versions}; `cargo tree -p hob -i {name}` tells who wants which"
        ));
    }
    wrong
}

impl Package {
    fn parse(line: &str) -> Option<Self> {
        let (package, licence) = line.split_once('|')?;
        let licence = licence.trim_end_matches("(*)").trim();
        let mut words = package.split_whitespace();
        let name = words.next()?.to_owned();
        let version = words.next()?.strip_prefix('v')?.to_owned();
        let source = words
            .filter(|word| !matches!(*word, "(*)" | "(proc-macro)"))
            .collect::<Vec<_>>()
            .join(" ");
        Some(Self {
            name,
            version,
            source: source.trim_matches(['(', ')']).to_owned(),
            licence: licence.to_owned(),
        })
    }

    /// Returns whether it lies in this workspace.
    fn is_of(&self, root: &str) -> bool {
        self.source
            .strip_prefix(root)
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tree: &str, expected: &[&str]) {
        let wrong = complaints(&packages(tree), "/home/hob");
        assert_eq!(wrong.len(), expected.len(), "{wrong:?}");
        for (wrong, expected) in wrong.iter().zip(expected) {
            assert!(wrong.starts_with(expected), "{wrong}");
        }
    }

    #[test]
    fn crates_io_and_our_own_folder_are_fine() {
        check("slab v0.4.12|MIT\nslab v0.4.12|MIT (*)", &[]);
        check("hob v0.1.0 (/home/hob/crates/hob)|MIT", &[]);
        check("m v0.1.0 (proc-macro) (/home/hob/crates/m)|MIT", &[]);
    }

    #[test]
    fn other_sources_are_refused() {
        check(
            "a v1.0.0 (/home/hobby/a)|MIT",
            &["a 1.0.0 comes from /home/hobby/a"],
        );
        check(
            "a v1.0.0 (https://example.org/a#0123)|MIT",
            &["a 1.0.0 comes from https"],
        );
    }

    #[test]
    fn a_line_that_is_no_crate_is_refused() {
        assert_eq!(unreadable("a v1.0.0|MIT\n\nb v1.0.0|MIT (*)"), [""; 0]);
        for line in ["a v1.0.0", "a 1.0.0|MIT", "a|MIT", "warning: x"] {
            assert_eq!(unreadable(line).len(), 1, "{line}");
        }
    }

    #[test]
    fn two_versions_are_refused() {
        check(
            "a v1.0.0|MIT\na v2.0.0|MIT",
            &["a is there as 1.0.0 and 2.0.0"],
        );
    }

    #[test]
    fn unknown_and_missing_licences_are_refused() {
        check("a v1.0.0|GPL-3.0", &["a 1.0.0 has the licence `GPL-3.0`"]);
        check("a v1.0.0|", &["a 1.0.0 has the licence ``"]);
    }
}
