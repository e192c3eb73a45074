//! Atomics and locks come through the one door that loom can exchange: `primitive.rs`.
//!
//! A crate without that door has nothing that loom checks, and may use the locks of the standard
//! library; atomics it may not.

use crate::tidy::Violation;
use crate::tidy::source::{Source, is_word};

/// The paths that only `primitive.rs` may name.
const GUARDED: &[&str] = &[
    "std::sync::atomic",
    "core::sync::atomic",
    "parking_lot",
    "loom",
];

/// The locks, in a crate that has a `primitive.rs`.
const LOCKS: &[&str] = &[
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::sync::Condvar",
];

/// A `use` that ends so brings in the whole module, and hides what it is used for.
const WHOLE: &[&str] = &["std::sync", "core::sync"];

/// Checks the files of all crates' `src`.
pub(super) fn check(sources: &[Source]) -> Vec<Violation> {
    let doors: Vec<&str> = sources
        .iter()
        .filter_map(|source| source.path.strip_suffix("/primitive.rs"))
        .collect();
    sources
        .iter()
        .filter(|source| source.is_library() && !is_door(source))
        .flat_map(|source| {
            let has_door = doors.iter().any(|door| source.path.starts_with(door));
            check_one(source, if has_door { LOCKS } else { &[] })
        })
        .collect()
}

fn is_door(source: &Source) -> bool {
    source.file_name() == "primitive.rs" || source.path.contains("/primitive/")
}

fn check_one(source: &Source, locks: &[&str]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for statement in statements(source) {
        let mut complain =
            |text| violations.push(Violation::new(&source.path, statement.line, text));
        let mut guarded = GUARDED.iter().chain(locks);
        if let Some(path) = guarded.find(|path| names(&statement.code, path)) {
            complain(format!(
                "`{path}` outside `primitive.rs`; use `crate::primitive`"
            ));
        } else if statement.is_use && brings_whole(&statement.code) {
            complain("a `use` of all of `sync`; name what is used".to_owned());
        }
    }
    violations
}

/// A line of code, or a `use` with the paths that it brings in.
struct Statement {
    line: usize,
    code: String,
    is_use: bool,
}

/// Returns the lines of code outside tests, but a `use` as one, its braces multiplied out.
fn statements(source: &Source) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, code) in source.code_outside_tests() {
        let begins = without_visibility(code).starts_with("use ");
        let (first, mut statement) = match open.take() {
            Some(open) => open,
            None if begins => (line, String::new()),
            None => {
                found.push(Statement {
                    line,
                    code: code.to_owned(),
                    is_use: false,
                });
                continue;
            }
        };
        statement.push_str(code.trim());
        statement.push(' ');
        if code.contains(';') {
            found.push(Statement {
                line: first,
                code: multiplied(&statement),
                is_use: true,
            });
        } else {
            open = Some((first, statement));
        }
    }
    found
}

/// Takes `pub`, `pub(crate)` or `pub(in path)` away.
fn without_visibility(code: &str) -> &str {
    let code = code.trim_start();
    let Some(rest) = code.strip_prefix("pub") else {
        return code;
    };
    match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((_, rest)) => rest.trim_start(),
        None if rest.starts_with(' ') => rest.trim_start(),
        None => code,
    }
}

/// Turns `use a::{b, c::{d as x, e}};` into `a::b a::c::d@x a::c::e`.
fn multiplied(statement: &str) -> String {
    let tree = without_visibility(statement);
    let tree = tree.trim_start_matches("use ").trim_end_matches([';', ' ']);
    let tree = tree.replace(" as ", "@");
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

/// Returns whether one of the paths of a `use` is a whole module, by whatever name.
fn brings_whole(paths: &str) -> bool {
    paths.split_whitespace().any(|path| {
        let path = path.split('@').next().unwrap_or(path);
        let path = path.strip_prefix("::").unwrap_or(path);
        let module = path
            .strip_suffix("::self")
            .or_else(|| path.strip_suffix("::*"));
        WHOLE.contains(&module.unwrap_or(path))
    })
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
            after.starts_with("::") || after.starts_with('@')
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
        let door = Source::new("crates/x/src/primitive.rs", "");
        let found = super::check(&[door, Source::new("crates/x/src/a.rs", text)]);
        assert_eq!(found.len(), violations, "{text}: {found:?}");
    }

    #[test]
    fn the_door_and_tests_may_name_them() {
        let text = "use std::sync::atomic::AtomicUsize;";
        for path in ["src/primitive.rs", "src/primitive/loom.rs", "tests/a.rs"] {
            let source = Source::new(&format!("crates/x/{path}"), text);
            assert_eq!(super::check(&[source]), []);
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
    fn neither_does_another_name_nor_a_visibility() {
        check("use std::sync::atomic as a;", 1);
        check("use std::sync::{Arc, Mutex as Lock};", 1);
        check("use parking_lot as p;", 1);
        check("pub(crate) use std::sync::atomic::fence;", 1);
        check(
            "pub(in crate::a) use std::{\n    sync::atomic::fence,\n};",
            1,
        );
        check("pub use loom::sync::Arc;", 1);
    }

    #[test]
    fn a_whole_module_hides_what_is_used() {
        check("use std::sync;", 1);
        check("use std::sync::{self, Arc};", 1);
        check("use std::{fmt, sync as s};", 1);
        check("use std::sync::*;", 1);
        check("use crate::sync;", 0);
        check("let x = std::sync::Arc::new(1);", 0);
    }

    #[test]
    fn locks_are_free_where_there_is_no_door() {
        for name in ["Mutex", "RwLock", "Condvar"] {
            let text = format!("use std::sync::{name};");
            check(&text, 1);
            let source = Source::new("crates/y/src/a.rs", &text);
            assert_eq!(super::check(&[source]), []);
        }
        check("use std::sync::{Arc, MutexGuard, PoisonError};", 0);
        check("use crate::primitive::Mutex;", 0);
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
