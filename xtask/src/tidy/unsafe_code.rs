//! Unsafe code lives in listed files, and each piece of it says why it is sound.

use crate::tidy::Violation;
use crate::tidy::source::{Source, has_word};
use crate::tidy::unsafe_files::{UNSAFE_FILES, UnsafeFile};

const LIST: &str = "xtask/src/tidy/unsafe_files.rs";

/// Checks all files against the list, and the list against all files.
pub(super) fn check(sources: &[Source]) -> Vec<Violation> {
    check_list(sources, UNSAFE_FILES)
}

fn check_list(sources: &[Source], list: &[UnsafeFile]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources {
        let listed = list.iter().any(|file| file.path == source.path);
        violations.extend(check_file(source, listed));
    }
    for file in list {
        if !sources.iter().any(|source| source.path == file.path) {
            let text = format!("{} does not exist; remove it from the list", file.path);
            violations.push(Violation::new(LIST, 1, text));
        }
        if file.reason.is_empty() {
            let text = format!("{} has no reason; give it one", file.path);
            violations.push(Violation::new(LIST, 1, text));
        }
    }
    violations
}

fn check_file(source: &Source, listed: bool) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut violation = |line, text: String| {
        violations.push(Violation::new(&source.path, line, text));
    };
    let found: Vec<usize> = (0..source.code.len())
        .filter(|&index| has_word(&source.code[index], "unsafe"))
        .collect();
    match (found.first(), listed) {
        (None, false) => {}
        (Some(&first), false) => {
            let text = format!("unsafe code outside the list; do without, or add it to {LIST}");
            violation(first + 1, text);
        }
        (None, true) => violation(1, format!("has no unsafe code; remove it from {LIST}")),
        (Some(_), true) if !opts_in(source) => {
            let text = "does not opt in; begin with `#![expect(unsafe_code, reason = \"...\")]`";
            violation(1, text.to_owned());
        }
        (Some(_), true) => {}
    }
    for index in found {
        if needs_note(source, index) && !has_note(source, index) {
            let text = "unsafe without a `// SAFETY:` comment above; name the fact and who \
                        guarantees it";
            violation(index + 1, text.to_owned());
        }
    }
    violations
}

/// Returns whether the file switches the lint off for itself, at its head.
fn opts_in(source: &Source) -> bool {
    let code: String = source.code.concat();
    let code: String = code.split_whitespace().collect();
    code.contains("#![expect(unsafe_code,")
}

/// A block and an impl need a note; `unsafe fn` states its conditions in its documentation.
fn needs_note(source: &Source, index: usize) -> bool {
    let line = &source.code[index];
    line.match_indices("unsafe").any(|(at, word)| {
        let mut after = line[at + word.len()..].trim_start();
        if after.is_empty() {
            after = source
                .code
                .get(index + 1)
                .map_or("", |line| line.trim_start());
        }
        after.starts_with('{') || has_word(after.split('<').next().unwrap_or(after), "impl")
    })
}

/// Looks for the note on the line, and above it as far as the statement and its comments reach.
fn has_note(source: &Source, index: usize) -> bool {
    if source.comments[index].contains("SAFETY:") {
        return true;
    }
    for above in (0..index).rev() {
        if source.comments[above].contains("SAFETY:") {
            return true;
        }
        let code = source.code[above].trim();
        let comment = source.comments[above].trim();
        let ends_a_statement = code.ends_with([';', '{', '}', ',']);
        let nothing = code.is_empty() && comment.is_empty();
        if nothing || ends_a_statement {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unnecessary_safety_comment,
        reason = "clippy takes the notes in our strings for notes on our code"
    )]

    use super::*;

    const LISTED: &[UnsafeFile] = &[UnsafeFile {
        path: "crates/x/src/a.rs",
        reason: "a test",
    }];
    const HEAD: &str = "#![expect(unsafe_code, reason = \"x\")]\n";

    fn check(text: &str, list: &[UnsafeFile], expected: &[&str]) {
        let sources = [Source::new("crates/x/src/a.rs", text)];
        let found = check_list(&sources, list);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.text.contains(expected), "{found}");
        }
    }

    #[test]
    fn a_listed_file_with_notes_is_fine() {
        let code = "// SAFETY: x.\nunsafe { f() }\n";
        check(&format!("{HEAD}{code}"), LISTED, &[]);
        check("// unsafe\nlet s = \"unsafe\"; // unsafe_code\n", &[], &[]);
    }

    #[test]
    fn an_unlisted_file_is_told() {
        check("unsafe fn f() {}", &[], &["outside the list"]);
    }

    #[test]
    fn a_stale_entry_is_told() {
        check("fn f() {}", LISTED, &["has no unsafe code"]);
        let gone = UnsafeFile {
            path: "crates/x/src/gone.rs",
            reason: "x",
        };
        check("fn f() {}", &[gone], &["does not exist"]);
    }

    #[test]
    fn a_file_opts_in() {
        check("unsafe fn f() {}", LISTED, &["does not opt in"]);
        let broken = "#![expect(\n    unsafe_code,\n    reason = \"x\"\n)]\nunsafe fn f() {}";
        check(broken, LISTED, &[]);
    }

    #[test]
    fn a_block_or_impl_without_a_note_is_told() {
        let note =
            |code: &str, expected: &[&str]| check(&format!("{HEAD}{code}"), LISTED, expected);
        note("unsafe { f() }", &["without a `// SAFETY:`"]);
        note("unsafe impl Send for X {}", &["without a `// SAFETY:`"]);
        note(
            "unsafe impl<T> Send for X<T> {}",
            &["without a `// SAFETY:`"],
        );
        note("// SAFETY: x.\nlet a =\n    unsafe { f() };", &[]);
        note("unsafe { f() } // SAFETY: x.", &[]);
        note(
            "// SAFETY: x.\ng();\nunsafe { f() }",
            &["without a `// SAFETY:`"],
        );
    }
}
