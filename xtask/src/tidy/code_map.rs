//! The code map in `docs/architecture.md` and `crates/` name the same crates.
//!
//! An entry of the map is a line of the section "Code map" that begins with ``- **`hob-x`**``.

use std::fs;

use crate::tidy::Violation;
use crate::workspace::Workspace;

const PAGE: &str = "docs/architecture.md";

/// Checks the map against the folder, both ways.
pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let names: Vec<&str> = workspace.crates.iter().map(|it| it.name.as_str()).collect();
    let Ok(page) = fs::read_to_string(workspace.root.join(PAGE)) else {
        return vec![Violation::new(PAGE, 1, "there is no such page; write it")];
    };
    let exists = |path: &str| workspace.root.join(path).is_dir();
    complaints(&page, &names, exists)
        .into_iter()
        .map(|(line, text)| Violation::new(PAGE, line, text))
        .collect()
}

fn complaints(page: &str, names: &[&str], exists: impl Fn(&str) -> bool) -> Vec<(usize, String)> {
    let mut wrong = Vec::new();
    let entries = entries(page);
    for (line, name) in &entries {
        if !names.contains(name) {
            let text = format!("the code map has `{name}`, `crates/` has not; remove the entry");
            wrong.push((*line, text));
        }
    }
    for name in names {
        if !entries.iter().any(|(_, entry)| entry == name) {
            let text =
                format!("`{name}` is not in the code map; add a line \"- **`{name}`** ...\"");
            wrong.push((section_line(page), text));
        }
    }
    for (line, path) in folders(page) {
        if !exists(path) {
            wrong.push((line, format!("`{path}` does not exist; correct the name")));
        }
    }
    wrong
}

/// Returns the line of the section's header, or the first if there is none.
fn section_line(page: &str) -> usize {
    let header = page.lines().position(|line| line.trim() == "## Code map");
    header.map_or(1, |index| index + 1)
}

/// Returns line and name of each entry.
fn entries(page: &str) -> Vec<(usize, &str)> {
    let numbered = page.lines().enumerate();
    numbered
        .skip_while(|(_, line)| line.trim() != "## Code map")
        .skip(1)
        .take_while(|(_, line)| !line.starts_with("## "))
        .filter_map(|(index, line)| {
            let rest = line.trim_start().strip_prefix("- **`")?;
            let name = rest.split('`').next()?;
            let name = name.trim_start_matches("crates/").trim_end_matches('/');
            (name == "hob" || name.starts_with("hob-")).then_some((index + 1, name))
        })
        .collect()
}

/// Returns line and path of every `crates/NAME` in backticks, wherever it stands.
fn folders(page: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (index, line) in page.lines().enumerate() {
        for code in line.split('`').skip(1).step_by(2) {
            let Some(rest) = code.strip_prefix("crates/") else {
                continue;
            };
            let name = rest.split('/').next().unwrap_or(rest);
            if name.starts_with("hob") {
                found.push((index + 1, &code[.."crates/".len() + name.len()]));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(page: &str, names: &[&str], expected: &[&str]) {
        let wrong = complaints(page, names, |path| path == "crates/hob");
        assert_eq!(wrong.len(), expected.len(), "{wrong:?}");
        for ((_, wrong), expected) in wrong.iter().zip(expected) {
            assert!(wrong.starts_with(expected), "{wrong}");
        }
    }

    #[test]
    fn map_and_folder_agree() {
        check(
            "## Code map\n- **`hob`** is\n- **`xtask`**\n",
            &["hob"],
            &[],
        );
        check(
            "## Code map\n\n- **`crates/hob`**: is\n## End\n",
            &["hob"],
            &[],
        );
    }

    #[test]
    fn missing_and_stale_entries_are_told() {
        check("## Code map\n", &["hob"], &["`hob` is not in the code map"]);
        check("", &["hob"], &["`hob` is not in the code map"]);
        check(
            "## Code map\n- **`hob-old`** is\n",
            &[],
            &["the code map has `hob-old`"],
        );
        check(
            "- **`hob`** before\n## Code map\n",
            &["hob"],
            &["`hob` is not"],
        );
    }

    #[test]
    fn a_folder_that_is_gone_is_told_wherever_it_stands() {
        check("see `crates/hob/src/lib.rs`", &[], &[]);
        check(
            "see `crates/hob-old/src`",
            &[],
            &["`crates/hob-old` does not"],
        );
    }
}
