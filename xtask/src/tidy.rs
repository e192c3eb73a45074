//! The rules of the house that no linter knows.
//!
//! Each rule is a small file that returns what it found wrong; the data they need (who may use whom,
//! which files hold unsafe code) stands in tables of their own: [`floors`] and [`unsafe_files`].

mod atomics;
mod code_map;
mod floors;
mod links;
mod manifests;
mod shape;
mod source;
mod unsafe_code;
pub(crate) mod unsafe_files;
mod words;

use std::fmt;
use std::fs;

use crate::report::{Outcome, Report, conclude, count};
use crate::tidy::source::Source;
use crate::workspace::{Workspace, files};

/// Something that is not as it should be.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Violation {
    /// The file, from the root.
    path: String,
    /// The line, from 1.
    line: usize,
    /// What is wrong; what to do.
    text: String,
}

impl Violation {
    fn new(path: impl Into<String>, line: usize, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line,
            text: text.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.text)
    }
}

/// Checks all rules and tells all violations at once.
pub(crate) fn tidy(workspace: &Workspace) -> Outcome {
    let sources = sources(workspace);
    let mut violations = Vec::new();
    violations.extend(manifests::check(workspace));
    violations.extend(code_map::check(workspace));
    violations.extend(links::check(workspace));
    violations.extend(unsafe_code::check(&sources));
    violations.extend(atomics::check(&sources));
    for source in &sources {
        violations.extend(shape::check(source));
        violations.extend(words::check(source));
    }
    violations.extend(shape::check_readmes(workspace));
    violations.sort();

    let files = count(sources.len(), "source file");
    if violations.is_empty() {
        return conclude(files, Vec::new());
    }
    let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
    let report = Report {
        repeat: "cargo xtask tidy".to_owned(),
        text: lines.join("\n"),
    };
    conclude(
        format!("{} in {files}", count(lines.len(), "violation")),
        vec![report],
    )
}

/// Reads every Rust file of the house.
fn sources(workspace: &Workspace) -> Vec<Source> {
    ["benches", "crates", "xtask"]
        .iter()
        .flat_map(|folder| files(&workspace.root.join(folder), ".rs"))
        .filter_map(|path| {
            let text = fs::read_to_string(&path).ok()?;
            Some(Source::new(&workspace.relative(&path), &text))
        })
        .collect()
}
