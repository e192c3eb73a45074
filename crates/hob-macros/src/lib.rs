#![doc = include_str!("../README.md")]
//!
//! # Implementation
//!
//! `token` turns what the compiler gives into tokens of our own, which also exist in unit tests,
//! where the compiler's do not. `options` and `function` read those and know nothing of expansion:
//! they find what is written, and where, or an `error` with a place. `expand` alone deals in the
//! compiler's tokens. It keeps every token of the function but the attribute, at its own place.

mod error;
mod expand;
mod function;
mod options;
mod token;

use proc_macro::TokenStream;

use crate::options::Attribute;

/// Runs an `async fn main` on a hob runtime.
///
/// The default is a work-stealing pool with one worker a core, as `hob::run` makes it. The runtime
/// ends with the function: what is left is cancelled and waited for.
///
/// # Options
///
/// - `workers = N`: a pool of `N` workers, at least one.
/// - `local`: one thread, strict order, futures need not be `Send`.
/// - `crate = "path"`: what hob is called here.
///
/// # Errors
///
/// It does not compile if the item is no `async fn`, if the function has arguments, or if an option
/// is unknown, repeated, or has a value that makes no sense.
///
/// # Examples
///
/// ```text
/// #[hob::main(workers = 2)]
/// async fn main() {
///     hob::spawn(async { println!("on one of two workers") }).await.expect("nobody cancels it");
/// }
/// ```
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Attribute::Main, options, item)
}

/// Makes an `async fn` a test that runs on a hob runtime.
///
/// The default is one thread, as `hob::run_local` makes it, so that tests run in the same order each
/// time. Other attributes such as `#[should_panic]` work as on any test, and a test may return a
/// `Result`.
///
/// # Options
///
/// - `workers = N`: a pool of `N` workers, at least one.
/// - `crate = "path"`: what hob is called here.
///
/// # Errors
///
/// It does not compile in the same cases as [`macro@main`], nor where the function is a `#[test]`
/// already.
///
/// # Examples
///
/// ```text
/// #[hob::test]
/// async fn a_task_gives_its_output() {
///     assert_eq!(hob::spawn(async { 7 }).await.ok(), Some(7));
/// }
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Attribute::Test, options, item)
}
