//! Links in Markdown pages lead to files that exist.

use std::fs;

use crate::tidy::Violation;
use crate::tidy::source::is_word;
use crate::workspace::{Workspace, files};

/// Checks every page of the repository.
pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for page in files(&workspace.root, ".md") {
        let Ok(text) = fs::read_to_string(&page) else {
            continue;
        };
        // A README is the front page of a crate's documentation, where items have links too.
        let has_items = page.file_name().is_some_and(|name| name == "README.md");
        for (line, target) in links(&text, has_items) {
            let path = target.split('#').next().unwrap_or(&target);
            let folder = page.parent().unwrap_or(&workspace.root);
            if !path.is_empty() && !folder.join(path).exists() {
                let text = format!("the link to `{target}` leads nowhere; correct it");
                violations.push(Violation::new(workspace.relative(&page), line, text));
            }
        }
    }
    violations
}

/// Returns line and target of each link to a file: not to the web, not to an item of rustdoc.
fn links(text: &str, has_items: bool) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|it| trimmed.starts_with(it));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => found.extend(
                targets(line)
                    .into_iter()
                    .filter(|target| is_file(target, has_items))
                    .map(|target| (index + 1, target)),
            ),
            (Some(_), _) => {}
        }
    }
    found
}

/// Finds `[text](target)`, `[text](target "title")` and `[text]: target`.
fn targets(line: &str) -> Vec<String> {
    let line = without_code(line);
    let inline = line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?;
        target.split_whitespace().next().map(str::to_owned)
    });
    let definition = line.trim_start().strip_prefix('[').and_then(|rest| {
        let (_, target) = rest.split_once("]: ")?;
        target.split_whitespace().next().map(str::to_owned)
    });
    inline.chain(definition).collect()
}

/// Blanks what stands between backticks; a link's text may hold code, its target may not.
fn without_code(line: &str) -> String {
    let pieces: Vec<&str> = line.split('`').collect();
    let paired = pieces.len() % 2 == 1;
    let outside = |index: usize| index.is_multiple_of(2) || !paired;
    let kept = pieces
        .iter()
        .enumerate()
        .map(|(index, piece)| if outside(index) { *piece } else { "" });
    kept.collect()
}

fn is_file(target: &str, has_items: bool) -> bool {
    let elsewhere = target.contains("://") || target.starts_with("mailto:");
    let within_rustdoc = target.contains("::") || target.contains('(') || target.contains('!');
    // The name of an item, such as `Runtime`; a file has a dot or a dash in its name, or shouts.
    let item = has_items && target.chars().all(is_word) && target != target.to_uppercase();
    !(elsewhere || within_rustdoc || item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found = links(text, true);
        let found: Vec<&str> = found.iter().map(|(_, target)| target.as_str()).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn links_to_files_are_found() {
        check(
            "see [a](docs/a.md#b) and [`b`](../b.md \"B\")",
            &["docs/a.md#b", "../b.md"],
        );
        check("[a]: docs/a.md", &["docs/a.md"]);
        check("[MIT](LICENSE-MIT)", &["LICENSE-MIT"]);
        check("![a drawing](docs/a.svg)", &["docs/a.svg"]);
        check("[a](LICENSE) [b](docs/)", &["LICENSE", "docs/"]);
    }

    #[test]
    fn outside_a_readme_every_name_is_a_file() {
        let text = "[a](docs) [b](Runtime)";
        assert_eq!(links(text, true), []);
        let expected = ["docs", "Runtime"].map(|target| (1, target.to_owned()));
        assert_eq!(links(text, false), expected);
    }

    #[test]
    fn links_to_elsewhere_are_not() {
        check("[a](https://example.org) [b](mailto:x@example.org)", &[]);
        check(
            "[a](crate::Runtime) [b](Runtime) [c](block_on) [d](f())",
            &[],
        );
    }

    #[test]
    fn code_is_no_link() {
        check("```\n[a](b.md)\n```\n[c](d.md)", &["d.md"]);
        check("`[a](b.md)` and `x[0](1)`", &[]);
    }
}
