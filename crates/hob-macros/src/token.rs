//! Tokens of our own.
//!
//! The compiler's tokens exist only while it expands a macro, so code that reads them cannot be unit
//! tested. Ours are the same, flat, with a place of any type: a span in the compiler, a number in
//! tests.

use proc_macro::{Delimiter, Span, TokenTree};

/// A token, and where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Token<S> {
    /// What it is.
    pub(crate) kind: Kind,
    /// Where it stands.
    pub(crate) place: S,
}

/// What a token is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A name or a keyword.
    Word(String),
    /// A number, string or character, as written.
    Literal(String),
    /// One character of punctuation.
    Punct(char),
    /// A group, which we do not look into: only what it holds at its head is kept.
    Group(Group),
}

/// A group in delimiters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Group {
    /// The delimiter that opens it; `None` if it is invisible, as around a macro's `$body:block`.
    pub(crate) opens: Option<char>,
    /// The words in it, one level deep: enough to know an attribute or a body.
    pub(crate) content: Vec<String>,
}

impl<S> Token<S> {
    /// Returns whether it is this word.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(it) if it == word)
    }

    /// Returns whether it is this character.
    pub(crate) fn is_punct(&self, punct: char) -> bool {
        self.kind == Kind::Punct(punct)
    }

    /// Returns whether it is a number, string or character.
    pub(crate) fn is_literal(&self) -> bool {
        matches!(self.kind, Kind::Literal(_))
    }

    /// Returns the group that opens with this delimiter, if it is one.
    pub(crate) fn group(&self, opens: char) -> Option<&Group> {
        match &self.kind {
            Kind::Group(group) if group.opens == Some(opens) => Some(group),
            _ => None,
        }
    }

    /// Returns the group, if it is one without delimiters.
    pub(crate) fn invisible_group(&self) -> Option<&Group> {
        match &self.kind {
            Kind::Group(group) if group.opens.is_none() => Some(group),
            _ => None,
        }
    }
}

impl Token<Span> {
    /// Takes a token of the compiler's.
    pub(crate) fn of(tree: &TokenTree) -> Self {
        let kind = match tree {
            TokenTree::Ident(ident) => Kind::Word(ident.to_string()),
            TokenTree::Literal(literal) => Kind::Literal(literal.to_string()),
            TokenTree::Punct(punct) => Kind::Punct(punct.as_char()),
            TokenTree::Group(group) => Kind::Group(Group {
                opens: match group.delimiter() {
                    Delimiter::Parenthesis => Some('('),
                    Delimiter::Brace => Some('{'),
                    Delimiter::Bracket => Some('['),
                    Delimiter::None => None,
                },
                content: group.stream().into_iter().map(|it| head(&it)).collect(),
            }),
        };
        Self {
            kind,
            place: tree.span(),
        }
    }
}

/// Returns a token as text, a group as its opening delimiter.
fn head(tree: &TokenTree) -> String {
    match tree {
        TokenTree::Group(group) => match group.delimiter() {
            Delimiter::Parenthesis => "(".to_owned(),
            Delimiter::Brace => "{".to_owned(),
            Delimiter::Bracket => "[".to_owned(),
            Delimiter::None => String::new(),
        },
        other => other.to_string(),
    }
}

/// Makes tokens out of text, for tests: blanks separate, and each token's place is its number.
#[cfg(test)]
pub(crate) fn tokens(text: &str) -> Vec<Token<usize>> {
    let kind = |word: &str| {
        let first = word.chars().next().expect("a word is not empty");
        match first {
            '(' | '[' | '{' => Kind::Group(Group {
                opens: Some(first),
                content: content(word),
            }),
            // Written `⟨...⟩` in tests: the invisible group of a macro's fragment.
            '⟨' => Kind::Group(Group {
                opens: None,
                content: content(word),
            }),
            '"' | '0'..='9' => Kind::Literal(word.to_owned()),
            c if c.is_alphabetic() || c == '_' => Kind::Word(word.to_owned()),
            c => Kind::Punct(c),
        }
    };
    let words = text.split_whitespace().enumerate();
    words
        .map(|(place, word)| Token {
            kind: kind(word),
            place,
        })
        .collect()
}

/// Splits `(a,b)` into what it holds.
#[cfg(test)]
fn content(group: &str) -> Vec<String> {
    let inner = group.trim_matches(['(', ')', '[', ']', '⟨', '⟩']);
    let inner = if group.starts_with('{') { "" } else { inner };
    let words = inner.split(',').filter(|word| !word.is_empty());
    words
        .map(|word| word.chars().take_while(|c| *c != '}').collect())
        .collect()
}
