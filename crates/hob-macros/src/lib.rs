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
/// - `virtual_time`: one thread, with a clock that stands still while anything runs, and jumps to the next
///   timer when there is nothing else to do. See `hob::Builder::clock`.
/// - `sim`: the simulator, as `hob::sim::run` does it: virtual time, an order that the seed decides, a
///   network in memory. The test runs 16 times, with the seeds 0 to 15: enough to see most mistakes of
///   order at each build, and quick enough not to be noticed. It needs hob's feature `sim`.
/// - `seeds = N`, beside `sim`: the number of seeds, at least one. `HOB_SEED=7` in the environment runs
///   that seed alone, `HOB_SEEDS=1000` so many, whatever stands here; a run that fails names its seed.
/// - `crate = "path"`: what hob is called here.
///
/// In the simulator the test runs once a seed, and what it returns must be known for good or bad: `()`,
/// or a `Result`. An `Err` fails the test as a panic does, and its seed is named too.
///
/// # Errors
///
/// It does not compile in the same cases as [`macro@main`], nor where the function is a `#[test]`
/// already, nor with `sim` where hob has not its feature `sim`.
///
/// # Examples
///
/// ```text
/// #[hob::test]
/// async fn a_task_gives_its_output() {
///     assert_eq!(hob::spawn(async { 7 }).await.ok(), Some(7));
/// }
///
/// #[hob::test(virtual_time)]
/// async fn a_day_is_over_at_once() {
///     hob::sleep(std::time::Duration::from_secs(24 * 3600)).await;
/// }
///
/// #[hob::test(sim, seeds = 100)]
/// async fn an_hour_takes_no_time() {
///     hob::sleep(std::time::Duration::from_secs(3600)).await;
/// }
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Attribute::Test, options, item)
}
