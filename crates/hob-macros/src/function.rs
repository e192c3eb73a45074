//! What stands below the attribute: where the parts of the `async fn` are.
//!
//! ```text
//! #[...] #[...]  pub(crate)  async fn  name  <T>  ()  -> T where ...  { ... }
//! │                          │     │   │          │                   │
//! attributes                 asynk │   name       arguments           body, the last token
//!                                  function
//! ```

use crate::error::Error;
use crate::options::Attribute;
use crate::token::Token;

/// Where the parts are: indexes into the tokens of the item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Function {
    /// Where the attributes end and the visibility begins.
    pub(crate) attributes_end: usize,
    /// `async`
    pub(crate) asynk: usize,
    /// The name.
    pub(crate) name: usize,
}

impl Function {
    /// Finds the parts, or says what is wrong.
    pub(crate) fn find<S: Copy>(
        attribute: Attribute,
        tokens: &[Token<S>],
    ) -> Result<Self, Error<S>> {
        let attributes_end = skip_attributes(attribute, tokens)?;
        let asynk = skip_visibility(tokens, attributes_end);
        check_keywords(attribute, tokens, asynk)?;
        let name = asynk + 2;
        let arguments = find_arguments(tokens, name);
        let arguments = arguments.ok_or_else(|| no_function(attribute, tokens, asynk))?;
        check_arguments(attribute, &tokens[arguments])?;
        check_body(attribute, tokens)?;
        Ok(Self {
            attributes_end,
            asynk,
            name,
        })
    }
}

fn skip_attributes<S: Copy>(attribute: Attribute, tokens: &[Token<S>]) -> Result<usize, Error<S>> {
    let mut index = 0;
    while let Some([hash, group]) = tokens.get(index..index + 2) {
        let (true, Some(inner)) = (hash.is_punct('#'), group.group('[')) else {
            break;
        };
        if attribute == Attribute::Test && inner.content == ["test"] {
            let message = "`#[hob::test]` makes it a test by itself; remove `#[test]`";
            return Err(Error::at(group.place, message));
        }
        index += 2;
    }
    Ok(index)
}

/// Skips `pub`, `pub(crate)`, and the invisible group that a macro's `$vis` comes in.
fn skip_visibility<S>(tokens: &[Token<S>], mut index: usize) -> usize {
    let has = |index: usize, is: &dyn Fn(&Token<S>) -> bool| tokens.get(index).is_some_and(is);
    if has(index, &|token| token.invisible_group().is_some()) {
        index += 1;
    } else if has(index, &|token| token.is_word("pub")) {
        index += 1;
        if has(index, &|token| token.group('(').is_some()) {
            index += 1;
        }
    }
    index
}

/// Checks that `async fn` stands there.
fn check_keywords<S: Copy>(
    attribute: Attribute,
    tokens: &[Token<S>],
    index: usize,
) -> Result<(), Error<S>> {
    let name = attribute.name();
    let is = |index: usize, word: &str| tokens.get(index).is_some_and(|it| it.is_word(word));
    if is(index, "async") && is(index + 1, "fn") {
        return Ok(());
    }
    let words = ["const", "async", "unsafe", "safe", "extern"];
    let between =
        |token: &Token<S>| words.iter().any(|word| token.is_word(word)) || token.is_literal();
    let end = tokens[index..].iter().position(|token| !between(token));
    let end = end.map_or(tokens.len(), |length| index + length);
    if !is(end, "fn") {
        return Err(no_function(attribute, tokens, index));
    }
    let place = tokens[index].place;
    if tokens[index..end]
        .iter()
        .any(|token| token.is_word("async"))
    {
        let message =
            format!("`{name}` takes a plain `async fn`; remove the other words before `fn`");
        return Err(Error::at(place, message));
    }
    let message = format!("`{name}` runs an `async fn`; write `async` before `fn`");
    Err(Error::at(place, message))
}

fn no_function<S: Copy>(attribute: Attribute, tokens: &[Token<S>], index: usize) -> Error<S> {
    let message = format!("`{}` belongs on an `async fn`", attribute.name());
    match tokens.get(index).or_else(|| tokens.last()) {
        Some(token) => Error::at(token.place, message),
        None => Error::of_all(message),
    }
}

/// Finds the arguments: the first parentheses after the name that are not inside `<...>`.
fn find_arguments<S>(tokens: &[Token<S>], name: usize) -> Option<usize> {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(name + 1) {
        let arrow = token.is_punct('>') && tokens[index - 1].is_punct('-');
        if token.is_punct('<') {
            depth += 1;
        } else if token.is_punct('>') && !arrow {
            depth -= 1;
        } else if depth == 0 && token.group('(').is_some() {
            return Some(index);
        }
    }
    None
}

fn check_arguments<S: Copy>(attribute: Attribute, arguments: &Token<S>) -> Result<(), Error<S>> {
    if arguments.group('(').is_none_or(|it| it.content.is_empty()) {
        return Ok(());
    }
    let message = format!(
        "nobody calls a function under `{}` with arguments; remove them",
        attribute.name()
    );
    Err(Error::at(arguments.place, message))
}

fn check_body<S: Copy>(attribute: Attribute, tokens: &[Token<S>]) -> Result<(), Error<S>> {
    let body = |token: &Token<S>| {
        let of_macro = token
            .invisible_group()
            .map(|group| group.content.as_slice());
        token.group('{').is_some() || of_macro.is_some_and(|content| content == ["{"])
    };
    match tokens.last() {
        Some(last) if !body(last) => {
            let message = format!("the function under `{}` needs a body", attribute.name());
            Err(Error::at(last.place, message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tokens;

    fn check(text: &str, expected: [usize; 3]) {
        let found = Function::find(Attribute::Main, &tokens(text)).expect("it is an `async fn`");
        let [attributes_end, asynk, name] = expected;
        let expected = Function {
            attributes_end,
            asynk,
            name,
        };
        assert_eq!(found, expected, "{text}");
    }

    fn check_error(attribute: Attribute, text: &str, place: usize, message: &str) {
        let error = Function::find(attribute, &tokens(text)).expect_err("it is wrong");
        assert_eq!(error.place, Some(place), "{text}: {}", error.message);
        assert!(error.message.contains(message), "{}", error.message);
    }

    #[test]
    fn the_parts_are_found() {
        check("async fn main () {}", [0, 0, 2]);
        check("pub async fn main () - > T {}", [0, 1, 3]);
        check("pub (crate) async fn main () {}", [0, 2, 4]);
        check("# [doc] # [cfg] async fn main () {}", [4, 4, 6]);
        check("async fn main () - > R < A > where A : B {}", [0, 0, 2]);
    }

    #[test]
    fn generics_are_left_to_the_compiler() {
        check("async fn main < T : Fn (u8) - > u8 > () {}", [0, 0, 2]);
        check("async fn main < T > () where T : Fn (u8) {}", [0, 0, 2]);
    }

    #[test]
    fn fragments_of_macros_are_seen_through() {
        check("⟨pub⟩ async fn main () ⟨{}⟩", [0, 1, 3]);
        check("⟨⟩ async fn main () {}", [0, 1, 3]);
    }

    #[test]
    fn a_function_that_is_not_async_is_told() {
        check_error(
            Attribute::Main,
            "fn main () {}",
            0,
            "write `async` before `fn`",
        );
        check_error(Attribute::Main, "pub unsafe fn f () {}", 1, "write `async`");
        check_error(
            Attribute::Main,
            "async unsafe fn f () {}",
            0,
            "a plain `async fn`",
        );
        check_error(
            Attribute::Main,
            "async extern \"C\" fn f () {}",
            0,
            "a plain `async fn`",
        );
    }

    #[test]
    fn what_is_no_function_is_told() {
        check_error(Attribute::Main, "struct X ;", 0, "belongs on an `async fn`");
        check_error(
            Attribute::Main,
            "# [a] pub mod x {}",
            3,
            "belongs on an `async fn`",
        );
        check_error(
            Attribute::Main,
            "async fn main",
            0,
            "belongs on an `async fn`",
        );
        let nothing = Function::find(Attribute::Main, &tokens("")).expect_err("it is wrong");
        assert_eq!(nothing.place, None);
    }

    #[test]
    fn arguments_are_told_where_they_stand() {
        check_error(
            Attribute::Main,
            "async fn main (a,:,u8) {}",
            3,
            "remove them",
        );
        check_error(
            Attribute::Test,
            "async fn f < T > (self) {}",
            6,
            "#[hob::test]",
        );
    }

    #[test]
    fn a_missing_body_is_told() {
        check_error(Attribute::Main, "async fn main () ;", 4, "needs a body");
    }

    #[test]
    fn a_test_is_not_made_a_test_twice() {
        check_error(
            Attribute::Test,
            "# [test] async fn f () {}",
            1,
            "remove `#[test]`",
        );
        check("# [test] async fn main () {}", [2, 2, 4]);
    }
}
