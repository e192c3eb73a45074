//! The shape of files: documented, short, a roof over each crate.

use std::fs;

use crate::tidy::Violation;
use crate::tidy::source::Source;
use crate::workspace::Workspace;

/// `lib.rs` is the roof: documentation, lints, modules, re-exports.
const LIB_LINES_MAX: usize = 99;

/// A file longer than this holds more than one thing.
const FILE_LINES_MAX: usize = 600;

const README: &str = "#![doc = include_str!(\"../README.md\")]";

/// Checks one file.
pub(super) fn check(source: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut violation = |line, text: String| {
        violations.push(Violation::new(&source.path, line, text));
    };
    let lines = source.lines.len();
    if source.is_in_src() && !begins_with_docs(source) {
        violation(
            1,
            "has no module documentation; begin with `//!` and say what it answers".to_owned(),
        );
    }
    if source.is_library() && source.path.ends_with("/src/lib.rs") && lines > LIB_LINES_MAX {
        let text = format!(
            "lib.rs has {lines} lines, at most {LIB_LINES_MAX} are allowed; move code to a module"
        );
        violation(LIB_LINES_MAX + 1, text);
    }
    if source.is_library() && lines > FILE_LINES_MAX {
        let text =
            format!("has {lines} lines, at most {FILE_LINES_MAX} are allowed; split by noun");
        violation(FILE_LINES_MAX + 1, text);
    }
    violations
}

/// Checks that each crate has a README, which is its crate documentation.
pub(super) fn check_readmes(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in &workspace.crates {
        let readme = member.folder.join("README.md");
        if !readme.is_file() {
            let text = "is missing; say what the crate is, what it is for, and how to use it";
            violations.push(Violation::new(workspace.relative(&readme), 1, text));
        }
        let roof = member.folder.join("src/lib.rs");
        if !fs::read_to_string(&roof).is_ok_and(|text| text.contains(README)) {
            let text = format!("does not include its README; begin with `{README}`");
            violations.push(Violation::new(workspace.relative(&roof), 1, text));
        }
    }
    violations
}

fn begins_with_docs(source: &Source) -> bool {
    let first = source.lines.iter().find(|line| !line.trim().is_empty());
    first.is_some_and(|line| line.starts_with("//!") || line.starts_with("#![doc = include_str!"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, violations: usize) {
        let found = super::check(&Source::new(path, text));
        assert_eq!(found.len(), violations, "{found:?}");
    }

    #[test]
    fn a_file_begins_with_its_documentation() {
        check("crates/x/src/a.rs", "//! Answers.\n", 0);
        check("crates/x/src/lib.rs", README, 0);
        check("crates/x/src/a.rs", "use std::fmt;\n", 1);
        check("crates/x/tests/a.rs", "use std::fmt;\n", 0);
    }

    #[test]
    fn lib_is_short_and_other_files_are_not_endless() {
        let lines = |number: usize| format!("//! Docs.\n{}", "\n".repeat(number - 1));
        check("crates/x/src/lib.rs", &lines(99), 0);
        check("crates/x/src/lib.rs", &lines(100), 1);
        check("crates/x/src/a.rs", &lines(600), 0);
        check("crates/x/src/a.rs", &lines(601), 1);
    }
}
