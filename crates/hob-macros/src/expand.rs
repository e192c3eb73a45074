//! Puts a plain function around the one that was written.
//!
//! ```text
//! #[doc = "..."] pub async fn name<T>() -> T { body }
//!
//! #[doc = "..."] #[test] pub fn name<T>() -> T {
//!     async fn name<T>() -> T { body }
//!     ::hob::run_local(name())
//! }
//! ```
//!
//! The inner function is the user's, token by token, so what the compiler says about the body is
//! what it says about any `async fn`. The call carries the place of the name: if the future is not
//! `Send`, that is where the message points.

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

use crate::error::Error;
use crate::function::Function;
use crate::options::{Attribute, Options, Path, Runner};
use crate::token::Token;

/// Expands an attribute on an item.
pub(crate) fn expand(attribute: Attribute, options: TokenStream, item: TokenStream) -> TokenStream {
    let options: Vec<Token<Span>> = options.into_iter().map(|it| Token::of(&it)).collect();
    let trees: Vec<TokenTree> = item.into_iter().collect();
    let tokens: Vec<Token<Span>> = trees.iter().map(Token::of).collect();
    let function = match Function::find(attribute, &tokens) {
        Ok(function) => function,
        Err(error) => return instead(attribute, error),
    };
    match Options::parse(attribute, &options) {
        Ok(options) => wrapped(attribute, &trees, function, &options),
        Err(error) => {
            // With the defaults in place of the bad options, this stays the only message.
            let options = Options::default_of(attribute);
            let mut stream = compile_error(error);
            stream.extend(wrapped(attribute, &trees, function, &options));
            stream
        }
    }
}

fn wrapped(
    attribute: Attribute,
    trees: &[TokenTree],
    function: Function,
    options: &Options<Span>,
) -> TokenStream {
    let Function {
        attributes_end,
        asynk,
        name,
    } = function;
    let body = trees.len() - 1;
    let mut stream = TokenStream::new();
    stream.extend(trees[..attributes_end].iter().cloned());
    if attribute == Attribute::Test {
        stream.extend(test_attribute());
    }
    stream.extend(trees[attributes_end..asynk].iter().cloned());
    stream.extend(trees[asynk + 1..body].iter().cloned());

    let mut inner: TokenStream = trees[asynk..].iter().cloned().collect();
    inner.extend(call(&trees[name], options));
    let mut outer = Group::new(Delimiter::Brace, inner);
    outer.set_span(trees[body].span());
    stream.extend([TokenTree::Group(outer)]);
    stream
}

/// `::hob::run(name())`, or what the options ask for.
fn call(name: &TokenTree, options: &Options<Span>) -> TokenStream {
    let place = Span::call_site().located_at(name.span());
    let mut stream = match &options.facade {
        Some((path, place)) => path_tokens(path, *place),
        None => words(&["hob"], true, Span::call_site()),
    };
    let runner: &[&str] = match options.runner {
        Runner::Pool => &["run"],
        Runner::Workers(..) => &["__private", "run_pool"],
        Runner::Local => &["run_local"],
        Runner::Virtual => &["__private", "run_virtual"],
        Runner::Simulated(..) => &["__private", "run_simulated"],
    };
    stream.extend(words(runner, true, Span::call_site()));
    let mut arguments = TokenStream::new();
    match options.runner {
        Runner::Pool | Runner::Local | Runner::Virtual => {}
        Runner::Workers(number, place) => {
            arguments.extend(first_argument(Literal::usize_suffixed(number), place));
        }
        Runner::Simulated(seeds, place) => {
            arguments.extend(first_argument(Literal::u64_suffixed(seeds), place));
            // `|| name()`: each seed has a future of its own.
            arguments.extend([punct('|', place), punct('|', place)]);
        }
    }
    arguments.extend([name.clone(), group('(', TokenStream::new(), place)]);
    stream.extend([group('(', arguments, place)]);
    stream
}

/// `4,`
fn first_argument(mut literal: Literal, place: Span) -> [TokenTree; 2] {
    literal.set_span(place);
    [TokenTree::Literal(literal), punct(',', place)]
}

/// `#[::core::prelude::v1::test]`, whatever else is called `test` here.
fn test_attribute() -> TokenStream {
    let place = Span::call_site();
    let path = words(&["core", "prelude", "v1", "test"], true, place);
    [punct('#', place), group('[', path, place)]
        .into_iter()
        .collect()
}

/// What stands for an item that could not be read: the message, and a `main` for its caller.
fn instead(attribute: Attribute, error: Error<Span>) -> TokenStream {
    let mut stream = compile_error(error);
    if attribute == Attribute::Main {
        let place = Span::call_site();
        stream.extend(words(&["fn"], false, place));
        stream.extend(words(&["main"], false, place));
        stream.extend([
            group('(', TokenStream::new(), place),
            group('{', TokenStream::new(), place),
        ]);
    }
    stream
}

/// `::core::compile_error! { "message" }`
fn compile_error(error: Error<Span>) -> TokenStream {
    let place = error.place.unwrap_or_else(Span::call_site);
    let mut literal = Literal::string(&error.message);
    literal.set_span(place);
    let message = TokenStream::from(TokenTree::Literal(literal));
    let mut stream = words(&["core", "compile_error"], true, place);
    stream.extend([punct('!', place), group('{', message, place)]);
    stream
}

fn path_tokens(path: &Path, place: Span) -> TokenStream {
    let text: Vec<&str> = path.words.iter().map(String::as_str).collect();
    words(&text, path.rooted, place)
}

/// `a::b`, or `::a::b` if it is rooted.
fn words(words: &[&str], rooted: bool, place: Span) -> TokenStream {
    let mut stream = TokenStream::new();
    for (index, word) in words.iter().enumerate() {
        if rooted || index > 0 {
            let mut colon = Punct::new(':', Spacing::Joint);
            colon.set_span(place);
            stream.extend([TokenTree::Punct(colon), punct(':', place)]);
        }
        stream.extend([TokenTree::Ident(Ident::new(word, place))]);
    }
    stream
}

fn punct(character: char, place: Span) -> TokenTree {
    let mut punct = Punct::new(character, Spacing::Alone);
    punct.set_span(place);
    TokenTree::Punct(punct)
}

fn group(opens: char, content: TokenStream, place: Span) -> TokenTree {
    let delimiter = match opens {
        '(' => Delimiter::Parenthesis,
        '[' => Delimiter::Bracket,
        _ => Delimiter::Brace,
    };
    let mut group = Group::new(delimiter, content);
    group.set_span(place);
    TokenTree::Group(group)
}
