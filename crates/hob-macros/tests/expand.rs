//! What the attributes expand to, run on a stand-in for hob: the real one lies floors above.

use std::io;

/// As much of hob as the attributes call, with a log of which function was called.
mod facade {
    use std::cell::RefCell;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    thread_local! {
        static CALLED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    pub(crate) fn run<F: Future + Send>(future: F) -> F::Output {
        log("run".to_owned());
        poll_once(future)
    }

    pub(crate) fn run_local<F: Future>(future: F) -> F::Output {
        log("run_local".to_owned());
        poll_once(future)
    }

    pub(crate) mod __private {
        pub(crate) fn run_pool<F: Future + Send>(workers: usize, future: F) -> F::Output {
            super::log(format!("run_pool {workers}"));
            super::poll_once(future)
        }

        pub(crate) fn run_virtual<F: Future>(future: F) -> F::Output {
            super::log("run_virtual".to_owned());
            super::poll_once(future)
        }

        pub(crate) fn run_simulated<F: Future>(seeds: u64, make: impl Fn() -> F) -> F::Output {
            super::log(format!("run_simulated {seeds}"));
            let outputs = [make(), make()].map(super::poll_once);
            let [_, last] = outputs;
            last
        }
    }

    /// Returns what was called on this thread since the last time somebody asked.
    pub(crate) fn called() -> Vec<String> {
        CALLED.take()
    }

    fn log(what: String) {
        CALLED.with_borrow_mut(|called| called.push(what));
    }

    fn poll_once<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("no future in these tests waits"),
        }
    }
}

/// Stands beside the inner function, to show that the body sees what surrounds the outer one.
const SEVEN: u8 = 7;

#[hob_macros::main(crate = "facade")]
async fn on_the_default_pool() -> u8 {
    SEVEN
}

#[hob_macros::main(workers = 3, crate = "crate::facade")]
async fn on_three_workers() -> u8 {
    SEVEN
}

#[hob_macros::main(local, crate = "self::facade")]
async fn on_one_thread() -> u8 {
    // Held across an await, it makes the future `!Send`.
    let seven = std::rc::Rc::new(SEVEN);
    std::future::ready(()).await;
    *seven
}

#[hob_macros::main(crate = "facade")]
async fn with_question_mark() -> io::Result<u8> {
    let seven = "seven".parse::<u8>().map_err(io::Error::other)?;
    Ok(seven)
}

/// Documented, visible, and generic where it may be.
#[hob_macros::main(crate = "facade")]
#[must_use]
pub(crate) async fn in_full<T>() -> Vec<T>
where
    T: From<u8>,
{
    vec![T::from(SEVEN)]
}

macro_rules! from_a_macro {
    ($visibility:vis $name:ident $output:ty, $body:block) => {
        #[hob_macros::main(crate = "facade")]
        $visibility async fn $name() -> $output $body
    };
}

from_a_macro!(pub(crate) made_by_a_macro u8, { SEVEN });
from_a_macro!(private_and_made_by_a_macro u8, { SEVEN });

#[test]
fn main_runs_on_what_its_options_say() {
    assert_eq!(on_the_default_pool(), 7);
    assert_eq!(facade::called(), ["run"]);
    assert_eq!(on_three_workers(), 7);
    assert_eq!(facade::called(), ["run_pool 3"]);
    assert_eq!(on_one_thread(), 7);
    assert_eq!(facade::called(), ["run_local"]);
}

#[test]
fn question_marks_leave_the_function() {
    assert!(with_question_mark().is_err());
}

#[test]
fn attributes_generics_and_bounds_stay() {
    assert_eq!(in_full::<u32>(), [7]);
}

#[test]
fn a_macro_may_write_the_function() {
    assert_eq!(made_by_a_macro(), 7);
    assert_eq!(private_and_made_by_a_macro(), 7);
}

#[hob_macros::test(crate = "facade")]
async fn a_test_runs_on_one_thread() {
    assert_eq!(facade::called(), ["run_local"]);
}

#[hob_macros::test(workers = 2, crate = "facade")]
async fn a_test_may_ask_for_workers() {
    assert_eq!(facade::called(), ["run_pool 2"]);
}

#[hob_macros::test(crate = "facade")]
async fn a_test_may_return_a_result() -> Result<(), io::Error> {
    Err(io::Error::other("unused")).or(Ok(()))
}

#[hob_macros::test(crate = "facade")]
#[should_panic = "this is right"]
async fn a_test_may_be_expected_to_panic() {
    panic!("this is right");
}

#[hob_macros::test(sim, crate = "facade")]
async fn a_test_may_ask_for_the_simulator() {
    // Held across an await, it makes the future `!Send`.
    let called = std::rc::Rc::new(facade::called());
    std::future::ready(()).await;
    assert!(called.is_empty() || *called == ["run_simulated 16"]);
}

#[hob_macros::test(sim, seeds = 3, crate = "facade")]
async fn a_simulated_test_may_say_how_many_seeds() -> io::Result<()> {
    let called = facade::called();
    assert!(called.is_empty() || called == ["run_simulated 3"]);
    Ok(())
}

#[hob_macros::test(virtual_time, crate = "facade")]
async fn a_test_may_ask_for_virtual_time() {
    assert_eq!(facade::called(), ["run_virtual"]);
}
