//! Reads as much TOML as the manifests of this workspace use.
//!
//! A manifest becomes a flat list of entries: section, key, value as written, and the comment at
//! the end of the line. Dotted keys stay as they are (`hob-core.workspace`), tables in a line too.

use std::fs;
use std::io;
use std::path::Path;

/// A manifest, entry by entry.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The entries in the order in which they stand.
    pub(crate) entries: Vec<Entry>,
}

/// One `key = value`.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    /// The line on which it begins, from 1.
    pub(crate) line: usize,
    /// The header above it, without brackets.
    pub(crate) section: String,
    /// The key as written.
    pub(crate) key: String,
    /// The value as written; several lines are joined by blanks.
    pub(crate) value: String,
    /// What follows `#`, trimmed; empty if nothing does.
    pub(crate) comment: String,
}

/// One dependency of a crate.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Dependency {
    /// The line on which it stands, from 1.
    pub(crate) line: usize,
    /// The name of the package, which is not the key if it is renamed.
    pub(crate) package: String,
    /// When it is needed.
    pub(crate) kind: Kind,
    /// Whether it is there only under `cfg(loom)`.
    pub(crate) loom_only: bool,
}

/// When a dependency is needed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// By whoever uses the crate.
    Normal,
    /// By its build script.
    Build,
    /// By its tests, examples and benches.
    Dev,
}

impl Manifest {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::parse(&fs::read_to_string(path)?))
    }

    /// Parses the text of a manifest.
    pub(crate) fn parse(text: &str) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut section = String::new();
        let mut open_brackets = 0;
        for (index, line) in text.lines().enumerate() {
            let (code, comment) = split_comment(line);
            let code = code.trim();
            if open_brackets > 0 {
                let last = entries.last_mut().expect("a bracket opens in an entry");
                last.value.push(' ');
                last.value.push_str(code);
                open_brackets += brackets(code);
            } else if let Some(header) = code.strip_prefix('[') {
                section = header.trim_matches(['[', ']', ' ']).to_owned();
            } else if let Some((key, value)) = code.split_once('=') {
                open_brackets = brackets(value);
                entries.push(Entry {
                    line: index + 1,
                    section: section.clone(),
                    key: key.trim().to_owned(),
                    value: value.trim().to_owned(),
                    comment: comment.trim().to_owned(),
                });
            }
        }
        Self { entries }
    }

    /// Returns a value, without its quotes.
    pub(crate) fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.entries
            .iter()
            .find(|entry| entry.section == section && entry.key == key)
            .map(|entry| entry.value.trim_matches('"'))
    }

    /// Returns the entries under one header.
    pub(crate) fn section<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.section == section)
    }

    /// Returns all dependencies, of every kind and target.
    pub(crate) fn dependencies(&self) -> Vec<Dependency> {
        let mut found: Vec<Dependency> =
            self.entries.iter().filter_map(Entry::dependency).collect();
        // `[dependencies.x]` gives an entry for each of its keys.
        found.dedup_by(|a, b| {
            (&a.package, a.kind, a.loom_only) == (&b.package, b.kind, b.loom_only)
        });
        found
    }
}

impl Entry {
    fn dependency(&self) -> Option<Dependency> {
        let (target, table) = match self.section.strip_prefix("target.") {
            Some(rest) => split_target(rest)?,
            None => ("", self.section.as_str()),
        };
        let (table, named) = match table.split_once('.') {
            Some((table, name)) => (table, Some(name)),
            None => (table, None),
        };
        let kind = match table {
            "dependencies" => Kind::Normal,
            "build-dependencies" => Kind::Build,
            "dev-dependencies" => Kind::Dev,
            _ => return None,
        };
        let key = named.unwrap_or_else(|| self.key.split('.').next().unwrap_or(&self.key));
        Some(Dependency {
            line: self.line,
            package: self.renamed().unwrap_or(key).to_owned(),
            kind,
            loom_only: target == "cfg(loom)",
        })
    }

    /// Finds `package = "name"`.
    fn renamed(&self) -> Option<&str> {
        let (_, after) = self.value.split_once("package")?;
        let quoted = after.trim_start().strip_prefix('=')?.trim_start();
        quoted.strip_prefix('"')?.split('"').next()
    }
}

/// Splits `'cfg(unix)'.dependencies`, in quotes of either kind or none, into target and table.
fn split_target(section: &str) -> Option<(&str, &str)> {
    match section.chars().next()? {
        quote @ ('\'' | '"') => {
            let (target, rest) = section[1..].split_once(quote)?;
            Some((target, rest.strip_prefix('.')?))
        }
        _ => section.split_once('.'),
    }
}

/// Splits a line at the first `#` outside quotes.
fn split_comment(line: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') => return (&line[..at], &line[at + 1..]),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    (line, "")
}

/// Counts brackets that open, less those that close; good enough where strings hold none.
fn brackets(code: &str) -> i32 {
    code.chars().fold(0, |depth, c| match c {
        '[' | '{' => depth + 1,
        ']' | '}' => depth - 1,
        _ => depth,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, Kind, bool)]) {
        let manifest = Manifest::parse(text);
        let found = manifest.dependencies();
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.package.as_str(), it.kind, it.loom_only))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn dependencies_of_every_kind_are_found() {
        check(
            "[dependencies]\na.workspace = true",
            &[("a", Kind::Normal, false)],
        );
        check(
            "[dependencies]\na = \"1\" # why",
            &[("a", Kind::Normal, false)],
        );
        check("[dev-dependencies]\na = \"1\"", &[("a", Kind::Dev, false)]);
        check(
            "[build-dependencies]\na = \"1\"",
            &[("a", Kind::Build, false)],
        );
        check("[features]\na = []", &[]);
    }

    #[test]
    fn dependencies_of_a_target_are_found() {
        check(
            "[target.'cfg(loom)'.dependencies]\nloom.workspace = true",
            &[("loom", Kind::Normal, true)],
        );
        check(
            "[target.'cfg(unix)'.dev-dependencies]\na = \"1\"",
            &[("a", Kind::Dev, false)],
        );
        check(
            "[target.\"cfg(loom)\".dependencies]\nloom = \"1\"",
            &[("loom", Kind::Normal, true)],
        );
        check(
            "[target.x86_64-unknown-linux-gnu.dependencies]\na = \"1\"",
            &[("a", Kind::Normal, false)],
        );
        check(
            "[target.\"cfg(unix)\".dependencies.a]\nversion = \"1\"",
            &[("a", Kind::Normal, false)],
        );
    }

    #[test]
    fn a_dependency_under_loom_hides_no_other() {
        check(
            "[dependencies]\nloom = \"1\"\n[target.'cfg(loom)'.dependencies]\nloom = \"1\"",
            &[("loom", Kind::Normal, false), ("loom", Kind::Normal, true)],
        );
    }

    #[test]
    fn a_dependency_with_a_section_of_its_own_is_found_once() {
        check(
            "[dependencies.a]\nversion = \"1\"\nfeatures = []",
            &[("a", Kind::Normal, false)],
        );
    }

    #[test]
    fn a_renamed_dependency_is_known_by_its_package() {
        check(
            "[dependencies]\na = { version = \"1\", package = \"b\" }",
            &[("b", Kind::Normal, false)],
        );
    }

    #[test]
    fn values_may_span_lines_and_comments_are_kept() {
        let manifest = Manifest::parse("[x]\na = [\n  \"#1\", # one\n  2,\n]\nb = 3 # three\n");
        assert_eq!(manifest.get("x", "a"), Some("[ \"#1\", 2, ]"));
        assert_eq!(manifest.entries[1].comment, "three");
        assert_eq!(manifest.entries[1].line, 6);
    }
}
