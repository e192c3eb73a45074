//! Which licences we may use, and what an SPDX expression allows.
//!
//! ```text
//! or   := and ("OR" and | "/" and)*
//! and  := term ("AND" term)*
//! term := "(" or ")" | NAME ["WITH" NAME]
//! ```

/// The licences we may use.
const ALLOWED: &[&str] = &["Apache-2.0", "MIT", "Unicode-3.0"];

/// The exceptions that take nothing away from a licence we may use.
const EXCEPTIONS: &[&str] = &["LLVM-exception"];

/// Returns whether an expression leaves us a choice that we may take.
pub(super) fn allowed(expression: &str) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    or(&mut words) == Some(true) && words.is_empty()
}

/// The words stand in reverse: the next one is the last. `None` is a mistake in the grammar.
fn or(words: &mut Vec<&str>) -> Option<bool> {
    let mut fine = and(words)?;
    while words.pop_if(|word| *word == "OR").is_some() {
        fine |= and(words)?;
    }
    Some(fine)
}

fn and(words: &mut Vec<&str>) -> Option<bool> {
    let mut fine = term(words)?;
    while words.pop_if(|word| *word == "AND").is_some() {
        fine &= term(words)?;
    }
    Some(fine)
}

fn term(words: &mut Vec<&str>) -> Option<bool> {
    let name = words.pop()?;
    if name == "(" {
        let fine = or(words)?;
        return (words.pop()? == ")").then_some(fine);
    }
    let fine = ALLOWED.contains(&name);
    if words.pop_if(|word| *word == "WITH").is_some() {
        return Some(fine && EXCEPTIONS.contains(&words.pop()?));
    }
    Some(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_enough() {
        assert!(allowed("MIT"));
        assert!(allowed("GPL-3.0 OR MIT"));
        assert!(allowed("MIT/Apache-2.0"));
        assert!(allowed("Apache-2.0 WITH LLVM-exception OR GPL-3.0"));
        assert!(allowed("(MIT OR GPL-3.0) AND Unicode-3.0"));
    }

    #[test]
    fn what_is_not_listed_is_refused() {
        assert!(!allowed("GPL-3.0"));
        assert!(!allowed("MIT AND GPL-3.0"));
        assert!(!allowed("MIT WITH strange-exception"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for expression in ["", "(MIT", "MIT)", "MIT OR", "MIT MIT"] {
            assert!(!allowed(expression), "{expression}");
        }
    }
}
