//! One test, many seeds.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt::Debug;
use std::future::Future;
use std::process::ExitCode;

/// What a simulated test may return: something that says whether the test failed.
///
/// [`Termination`](std::process::Termination) would have to consume it, and then nothing would be left
/// to return.
#[diagnostic::on_unimplemented(
    message = "a simulated test returns `()` or a `Result` whose error is `Debug`, not `{Self}`"
)]
pub trait Verdict {
    /// What is wrong, if something is.
    fn complaint(&self) -> Option<String>;
}

impl Verdict for () {
    fn complaint(&self) -> Option<String> {
        None
    }
}

impl Verdict for Infallible {
    fn complaint(&self) -> Option<String> {
        match *self {}
    }
}

impl Verdict for ExitCode {
    fn complaint(&self) -> Option<String> {
        (*self != Self::SUCCESS).then(|| format!("{self:?}"))
    }
}

impl<T: Verdict, E: Debug> Verdict for Result<T, E> {
    fn complaint(&self) -> Option<String> {
        match self {
            Ok(output) => output.complaint(),
            Err(error) => Some(format!("{error:?}")),
        }
    }
}

/// Runs what `make` makes once for each seed, and returns what the last of them returned.
///
/// A bad output is a panic inside the simulation, so that its seed is named as for any other.
///
/// # Panics
///
/// As `hob_sim::run`, for a bad output, and when the environment asks for no seed at all.
#[track_caller]
pub fn run_simulated<F>(seeds: u64, mut make: impl FnMut() -> F) -> F::Output
where
    F: Future,
    F::Output: Verdict,
{
    let last = RefCell::new(None);
    hob_sim::for_each_seed(seeds, || {
        let (future, last) = (make(), &last);
        async move {
            let output = future.await;
            if let Some(complaint) = output.complaint() {
                panic!("the test returned an error: {complaint}");
            }
            last.replace(Some(output));
        }
    });
    let Some(last) = last.into_inner() else {
        panic!("the test ran with no seed at all: let HOB_SEEDS be 1 or more");
    };
    last
}
