//! Atomics and locks come through the one door that loom can exchange: `primitive.rs`.

use crate::tidy::Violation;
use crate::tidy::source::{Source, is_word};

/// The paths that only `primitive.rs` may name.
const GUARDED: &[&str] = &[
    "std::sync::atomic",
    "core::sync::atomic",
    "parking_lot",
    "loom",
];

/// Checks one file of a crate's `src`.
pub(super) fn check(source: &Source) -> Vec<Violation> {
    let is_door = source.file_name() == "primitive.rs" || source.path.contains("/primitive/");
    if !source.is_library() || is_door {
        return Vec::new();
    }
    statements(source)
        .iter()
        .filter_map(|(line, statement)| {
            let guarded = GUARDED.iter().find(|path| names(statement, path))?;
            let text = format!("`{guarded}` outside `primitive.rs`; use `crate::primitive`");
            Some(Violation::new(&source.path, *line, text))
        })
        .collect()
}

/// Returns the lines of code outside tests, but a `use` as one, its braces multiplied out.
fn statements(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, code) in source.code_outside_tests() {
        let begins = code
            .trim_start()
            .trim_start_matches("pub ")
            .starts_with("use ");
        let (first, mut statement) = match open.take() {
            Some(open) => open,
            None if begins => (line, String::new()),
            None => {
                found.push((line, code.to_owned()));
                continue;
            }
        };
        statement.push_str(code.trim());
        statement.push(' ');
        if code.contains(';') {
            found.push((first, multiplied(&statement)));
        } else {
            open = Some((first, statement));
        }
    }
    found
}

/// Turns `use a::{b, c::{d, e}};` into `a::b a::c::d a::c::e`.
fn multiplied(statement: &str) -> String {
    let tree = statement.trim().trim_start_matches("pub ");
    let tree = tree.trim_start_matches("use ").trim_end_matches([';', ' ']);
    let mut prefixes = vec![String::new()];
    let mut paths = String::new();
    let mut path = String::new();
    let end = |path: &mut String, prefix: &str, paths: &mut String| {
        if !path.is_empty() {
            paths.push_str(prefix);
            paths.push_str(path);
            paths.push(' ');
            path.clear();
        }
    };
    for c in tree.chars() {
        let prefix = prefixes.last().cloned().unwrap_or_default();
        match c {
            '{' => prefixes.push(format!("{prefix}{}", std::mem::take(&mut path))),
            '}' => {
                end(&mut path, &prefix, &mut paths);
                prefixes.pop();
            }
            ',' => end(&mut path, &prefix, &mut paths),
            c if c.is_whitespace() => {}
            c => path.push(c),
        }
    }
    end(&mut path, "", &mut paths);
    paths
}

/// Returns whether code names a path that begins so: not `crate::loom`, not `loom_models`.
fn names(code: &str, path: &str) -> bool {
    // A crate is named by `loom::`; a module by its path, with whatever follows.
    let single = !path.contains("::");
    code.match_indices(path).any(|(at, _)| {
        let before = &code[..at];
        let after = &code[at + path.len()..];
        let rooted = before.ends_with("::")
            && before[..at - 2]
                .chars()
                .next_back()
                .is_none_or(|c| !is_word(c));
        let starts = rooted || !before.ends_with(|c| is_word(c) || c == ':');
        let ends = if single {
            after.starts_with("::")
        } else {
            !after.starts_with(is_word)
        };
        starts && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, violations: usize) {
        let found = super::check(&Source::new("crates/x/src/a.rs", text));
        assert_eq!(found.len(), violations, "{text}: {found:?}");
    }

    #[test]
    fn the_door_and_tests_may_name_them() {
        let text = "use std::sync::atomic::AtomicUsize;";
        for path in ["src/primitive.rs", "src/primitive/loom.rs", "tests/a.rs"] {
            let source = Source::new(&format!("crates/x/{path}"), text);
            assert_eq!(super::check(&source), []);
        }
        check(
            "#[cfg(test)]\nmod tests {\nuse std::sync::atomic::fence;\n}\n",
            0,
        );
    }

    #[test]
    fn others_may_not() {
        check("use std::sync::atomic::AtomicUsize;", 1);
        check("use std::sync::atomic;", 1);
        check("let x = core::sync::atomic::fence(y);", 1);
        check("let x = ::std::sync::atomic::fence(y);", 1);
        check("use parking_lot::Mutex;", 1);
        check("loom::model(|| {});", 1);
    }

    #[test]
    fn braces_hide_nothing() {
        check("use std::sync::{Arc, atomic::AtomicUsize};", 1);
        check(
            "use std::{fmt, sync::{\n    Arc,\n    atomic::{fence, Ordering},\n}};",
            1,
        );
        check("use std::sync::{Arc, Weak};", 0);
    }

    #[test]
    fn the_way_through_the_door_is_free() {
        check("use crate::primitive::sync::atomic::AtomicUsize;", 0);
        check(
            "use crate::primitive::{parking_lot::Mutex, sync::atomic::fence};",
            0,
        );
        check("#[cfg(loom)]\nmod loom_models;", 0);
        check("/// Like [`std::sync::atomic`].\nfn f() {}", 0);
    }
}
