//! A Rust file, with its code and its comments told apart.
//!
//! # Implementation
//!
//! One pass over the characters. Code is copied; comments and the insides of string and character
//! literals become blanks of the same shape, so that lines and columns stay where they are. Comments
//! are kept beside it, in a text of the same shape. This is all the Rust that `tidy` understands.

use std::mem;

/// A file as the rules see it.
#[derive(Debug)]
pub(super) struct Source {
    /// The file, from the root.
    pub(super) path: String,
    /// The lines as they are.
    pub(super) lines: Vec<String>,
    /// The lines with nothing but code in them.
    pub(super) code: Vec<String>,
    /// The lines with nothing but comments in them.
    pub(super) comments: Vec<String>,
    /// For each line, whether it belongs to tests.
    in_tests: Vec<bool>,
}

impl Source {
    /// Takes a file apart.
    pub(super) fn new(path: &str, text: &str) -> Self {
        let (code, comments) = split(text);
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let code = lines(&code);
        let everything = is_test_path(path);
        let mut in_tests = vec![everything; code.len()];
        if !everything {
            mark_test_modules(&code, &mut in_tests);
        }
        Self {
            path: path.to_owned(),
            lines: lines(text),
            code,
            comments: lines(&comments),
            in_tests,
        }
    }

    /// Returns line numbers, from 1, with code in them, except those of tests.
    pub(super) fn code_outside_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .iter()
            .zip(&self.in_tests)
            .enumerate()
            .filter(|(_, (_, in_tests))| !**in_tests)
            .map(|(index, (line, _))| (index + 1, line.as_str()))
    }

    /// Returns the file's name.
    pub(super) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Returns whether the file is in the `src` of a crate of `crates/`.
    pub(super) fn is_library(&self) -> bool {
        self.path.starts_with("crates/") && self.path.contains("/src/")
    }

    /// Returns whether the file is a program's or a library's, not a test, bench or example.
    pub(super) fn is_in_src(&self) -> bool {
        self.is_library() || self.path.starts_with("xtask/src/")
    }
}

/// Tests, benches and examples: by folder, or by the file name `tests.rs`.
fn is_test_path(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path
            .split('/')
            .any(|folder| matches!(folder, "tests" | "benches" | "examples"))
}

/// Marks the lines from `#[cfg(test)]` to the end of the module below it.
fn mark_test_modules(code: &[String], in_tests: &mut [bool]) {
    let mut index = 0;
    while index < code.len() {
        if is_test_attribute(&code[index]) && opens_module(&code[index..]) {
            let end = index + module_length(&code[index..]);
            in_tests[index..end].fill(true);
            index = end;
        } else {
            index += 1;
        }
    }
}

fn is_test_attribute(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test")
}

/// Returns whether the first line that is no attribute opens a module.
fn opens_module(code: &[String]) -> bool {
    let first = code
        .iter()
        .map(|line| line.trim_start())
        .find(|line| !line.is_empty() && !line.starts_with("#["));
    first.is_some_and(|line| {
        let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
        line.starts_with("mod ") && line.contains('{')
    })
}

/// Counts the lines until the first brace that opens is closed.
fn module_length(code: &[String]) -> usize {
    let mut depth = 0;
    for (index, line) in code.iter().enumerate() {
        for c in line.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 1 => return index + 1,
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    code.len()
}

/// What the scanner is inside of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Inside {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Text { quote: char },
    RawText { hashes: usize },
}

/// Splits a file into its code and its comments, both in the shape of the file.
fn split(text: &str) -> (String, String) {
    let characters: Vec<char> = text.chars().collect();
    let mut scanner = Scanner {
        rest: &characters,
        before: ' ',
        code: String::with_capacity(text.len()),
        comments: String::with_capacity(text.len()),
        inside: Inside::Code,
    };
    while !scanner.rest.is_empty() {
        scanner.step();
    }
    (scanner.code, scanner.comments)
}

struct Scanner<'a> {
    rest: &'a [char],
    /// The last character of code, to tell `r"` from `for"`.
    before: char,
    code: String,
    comments: String,
    inside: Inside,
}

impl Scanner<'_> {
    fn step(&mut self) {
        match self.inside {
            Inside::Code => self.step_code(),
            Inside::LineComment => {
                let ends = self.rest[0] == '\n';
                self.take(1);
                if ends {
                    self.inside = Inside::Code;
                }
            }
            Inside::BlockComment { depth } => self.step_block_comment(depth),
            Inside::Text { quote } => self.step_text(quote),
            Inside::RawText { hashes } => self.step_raw_text(hashes),
        }
    }

    fn step_code(&mut self) {
        if self.starts_with("//") {
            self.inside = Inside::LineComment;
        } else if self.starts_with("/*") {
            self.inside = Inside::BlockComment { depth: 0 };
        } else if let Some((prefix, hashes)) = self.raw_text() {
            self.take(prefix);
            self.inside = Inside::RawText { hashes };
        } else if self.rest[0] == '"' {
            self.take(1);
            self.inside = Inside::Text { quote: '"' };
        } else if self.is_character() {
            self.take(1);
            self.inside = Inside::Text { quote: '\'' };
        } else {
            self.take(1);
        }
    }

    fn step_block_comment(&mut self, depth: usize) {
        if self.starts_with("/*") {
            self.take(2);
            self.inside = Inside::BlockComment { depth: depth + 1 };
        } else if self.starts_with("*/") {
            self.take(2);
            self.inside = match depth {
                0 | 1 => Inside::Code,
                _ => Inside::BlockComment { depth: depth - 1 },
            };
        } else {
            self.take(1);
        }
    }

    fn step_text(&mut self, quote: char) {
        if self.rest[0] == '\\' {
            self.take(2);
        } else if self.rest[0] == quote {
            self.inside = Inside::Code;
            self.take(1);
        } else {
            self.take(1);
        }
    }

    fn step_raw_text(&mut self, hashes: usize) {
        let end = self.rest[0] == '"' && self.rest[1..].iter().take(hashes).eq(vec![&'#'; hashes]);
        if end {
            self.inside = Inside::Code;
            self.take(1 + hashes);
        } else {
            self.take(1);
        }
    }

    /// Returns the length of `r##"` and the number of hashes, if that is what comes next.
    fn raw_text(&self) -> Option<(usize, usize)> {
        if is_word(self.before) && !matches!(self.before, 'b' | 'c') {
            return None;
        }
        let after = self.rest.strip_prefix(&['r'])?;
        let hashes = after.iter().take_while(|c| **c == '#').count();
        (after.get(hashes) == Some(&'"')).then_some((2 + hashes, hashes))
    }

    /// Returns whether a quote begins a character and not a lifetime.
    fn is_character(&self) -> bool {
        self.rest[0] == '\'' && (self.rest.get(1) == Some(&'\\') || self.rest.get(2) == Some(&'\''))
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars().eq(self.rest.iter().copied().take(text.len()))
    }

    /// Moves characters to where they belong, and blanks to where they do not.
    fn take(&mut self, number: usize) {
        let (taken, rest) = self.rest.split_at(number.min(self.rest.len()));
        self.rest = rest;
        for &c in taken {
            let blank = if c == '\n' { '\n' } else { ' ' };
            let (code, comment) = match self.inside {
                Inside::Code => (c, blank),
                Inside::LineComment | Inside::BlockComment { .. } => (blank, c),
                Inside::Text { .. } | Inside::RawText { .. } => (blank, blank),
            };
            self.code.push(code);
            self.comments.push(comment);
            let _ = mem::replace(&mut self.before, code);
        }
    }
}

/// Returns whether a character can be part of a name.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns whether a line of code has `word` in it, as a word.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, code: &str) {
        let found = Source::new("crates/x/src/x.rs", text).code.join("\n");
        let squeezed: Vec<&str> = found.split_whitespace().collect();
        assert_eq!(squeezed.join(" "), code, "{text}");
    }

    #[test]
    fn comments_are_no_code() {
        check("a // unsafe\nb", "a b");
        check("a /* unsafe /* twice */ unsafe */ b", "a b");
        check("/// doc\n//! doc\nfn f() {}", "fn f() {}");
    }

    #[test]
    fn strings_are_no_code() {
        check(r#"f("unsafe \" unsafe", b"x")"#, r#"f(" ", b" ")"#);
        check(r##"f(r#"unsafe " unsafe"#, 1)"##, r##"f(r#" "#, 1)"##);
        check("for\"unsafe\"", "for\" \"");
        check("f(\"// no comment\") // comment", "f(\" \")");
    }

    #[test]
    fn lifetimes_are_code_and_characters_are_not() {
        check("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)");
        check(r"f('{', '\'', '\u{7d}', 'a')", "f(' ', ' ', ' ', ' ')");
        check("'outer: loop {}", "'outer: loop {}");
    }

    #[test]
    fn code_keeps_its_lines_and_comments_theirs() {
        let source = Source::new("x.rs", "a // one\n\"two\nlines\" b");
        assert_eq!(source.code.len(), 3);
        assert_eq!(source.comments[0].trim(), "// one");
        assert_eq!(source.code[2].trim(), "\" b");
    }

    #[test]
    fn test_modules_are_told_apart() {
        let text = "one\n#[cfg(test)]\nmod tests {\n    fn f() {}\n}\nsix\n";
        let source = Source::new("crates/x/src/x.rs", text);
        let lines: Vec<_> = source.code_outside_tests().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 6]);
    }

    #[test]
    fn a_test_item_that_is_no_module_is_code() {
        let text = "#[cfg(test)]\nuse x;\nthree\n";
        let source = Source::new("crates/x/src/x.rs", text);
        assert_eq!(source.code_outside_tests().count(), 3);
    }

    #[test]
    fn words_are_whole_words() {
        assert!(has_word("unsafe { }", "unsafe"));
        assert!(!has_word("expect(unsafe_code)", "unsafe"));
        assert!(!has_word("not_unsafe", "unsafe"));
    }
}
