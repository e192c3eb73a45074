//! Words that have no place in finished code.

use crate::tidy::Violation;
use crate::tidy::source::Source;

/// What is not wanted anywhere, and what to do instead.
const NOWHERE: &[(&str, &str)] = &[
    (
        "#[ignore",
        "a test nobody runs; assert what happens now, with a FIXME, or remove it",
    ),
    ("todo!", "unfinished; finish it, or leave it out"),
    ("unimplemented!", "unfinished; finish it, or leave it out"),
];

/// What is not wanted outside tests, and what to do instead.
const ONLY_IN_TESTS: &[(&str, &str)] = &[(
    ".unwrap()",
    "a panic without a reason; `expect(\"why it cannot fail\")`, or return the error",
)];

/// Checks one file.
pub(super) fn check(source: &Source) -> Vec<Violation> {
    let everywhere = source.code.iter().enumerate();
    let everywhere = everywhere.flat_map(|(index, code)| complaints(index + 1, code, NOWHERE));
    let outside_tests = source
        .code_outside_tests()
        .flat_map(|(line, code)| complaints(line, code, ONLY_IN_TESTS));
    everywhere
        .chain(outside_tests)
        .map(|(line, text)| Violation::new(&source.path, line, text))
        .collect()
}

fn complaints(line: usize, code: &str, words: &[(&str, &str)]) -> Vec<(usize, String)> {
    words
        .iter()
        .filter(|(word, _)| code.contains(word))
        .map(|(word, remedy)| (line, format!("`{word}`: {remedy}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, violations: usize) {
        let found = super::check(&Source::new("crates/x/src/a.rs", text));
        assert_eq!(found.len(), violations, "{text}: {found:?}");
    }

    #[test]
    fn unfinished_code_is_told_also_in_tests() {
        check("fn f() { todo!() }", 1);
        check(
            "#[cfg(test)]\nmod tests {\n#[ignore]\n#[ignore = \"x\"]\n}",
            2,
        );
        check("// todo!\n/// unimplemented!\nfn f() {}", 0);
    }

    #[test]
    fn unwrap_is_for_tests() {
        check("let x = y.unwrap();", 1);
        check("/// let x = y.unwrap();\nfn f() {}", 0);
        check("#[cfg(test)]\nmod tests {\nlet x = y.unwrap();\n}", 0);
        check("let x = y.unwrap_or(1);", 0);
    }
}
