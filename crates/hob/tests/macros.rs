//! The attributes, on the real runtime.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

#[hob::main]
async fn on_the_pool() -> Result<u32, hob::JoinError> {
    hob::spawn(async { 7 }).await
}

#[hob::main(workers = 2)]
async fn on_two_workers() -> usize {
    let names: BTreeSet<_> = both_workers().await.into_iter().collect();
    names.len()
}

#[hob::main(local)]
async fn on_one_thread() -> Result<Rc<Cell<u32>>, hob::JoinError> {
    let shared = Rc::new(Cell::new(41));
    let own = Rc::clone(&shared);
    hob::spawn_local(async move { own.set(own.get() + 1) }).await?;
    Ok(shared)
}

/// The names of the threads of two tasks that wait for each other by blocking, which must not be
/// done, and shows that there are two workers.
async fn both_workers() -> [String; 2] {
    let (first, second) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    let meet = |sender: std::sync::mpsc::Sender<()>, receiver: std::sync::mpsc::Receiver<()>| {
        hob::spawn(async move {
            sender.send(()).expect("the other is there");
            let met = receiver.recv_timeout(Duration::from_secs(30));
            met.expect("there is a second worker");
            thread::current()
                .name()
                .expect("a worker has a name")
                .to_owned()
        })
    };
    let tasks = [meet(first.0, second.1), meet(second.0, first.1)];
    let [left, right] = tasks;
    [left.await.expect("it ends"), right.await.expect("it ends")]
}

#[test]
fn main_runs_on_the_pool() {
    assert_eq!(on_the_pool().ok(), Some(7));
}

#[test]
fn main_takes_a_number_of_workers() {
    assert_eq!(on_two_workers(), 2);
}

#[test]
fn main_takes_one_thread_and_what_is_not_send() {
    let shared = on_one_thread().expect("it ends");
    assert_eq!(shared.get(), 42);
    assert_eq!(Rc::strong_count(&shared), 1, "the task is gone");
}

#[hob::test]
async fn test_runs_on_one_thread() {
    let shared = Rc::new(42);
    let task = hob::spawn_local(async move { *shared });
    assert_eq!(task.await.ok(), Some(42));
}

#[hob::test(workers = 2)]
async fn test_takes_workers() {
    let [left, right] = both_workers().await;
    assert_ne!(left, right);
}

#[hob::test]
async fn test_may_return_an_error() -> Result<(), Box<dyn std::error::Error>> {
    hob::sleep(Duration::from_millis(1)).await;
    let task = hob::spawn(async { "7".parse::<u32>() });
    assert_eq!(task.await??, 7);
    Ok(())
}

#[hob::test]
#[should_panic(expected = "as it should")]
async fn test_may_have_to_panic() {
    hob::yield_now().await;
    panic!("as it should");
}

#[hob::test(workers = 1)]
#[should_panic(expected = "as it should")]
async fn test_on_a_pool_may_have_to_panic() {
    hob::yield_now().await;
    panic!("as it should");
}

#[cfg(feature = "sim")]
mod simulated {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    thread_local! {
        static SEEDS: Cell<Vec<u64>> = const { Cell::new(Vec::new()) };
    }

    #[hob::test(sim)]
    async fn an_hour_takes_no_time() {
        let start = hob::time::Instant::now();
        // Held across an await, it makes the future `!Send`.
        let shared = Rc::new(HOUR);
        hob::sleep(*shared).await;
        assert!(start.elapsed() >= *shared);
    }

    #[hob::test(sim, seeds = 5)]
    async fn notes_its_seed() -> Result<(), String> {
        let mut seeds = SEEDS.take();
        seeds.extend(hob::sim::seed());
        SEEDS.set(seeds);
        Ok(())
    }

    #[test]
    fn each_seed_has_a_run_of_its_own() {
        assert_eq!(notes_its_seed(), Ok(()));
        assert_eq!(SEEDS.take(), Vec::from_iter(hob::sim::seeds(5)));
    }

    /// A test that may return a `Result` may not be expected to panic, so this is what it expands to.
    #[test]
    fn an_error_of_the_last_seed_fails_the_test() {
        let ran = Cell::new(0);
        let fails_last = || async {
            ran.set(ran.get() + 1);
            let is_last = hob::sim::seeds(3).next_back() == hob::sim::seed();
            hob::yield_now().await;
            let number = if is_last { "seven" } else { "7" };
            number.parse::<u8>().map(drop)
        };
        let run = AssertUnwindSafe(|| hob::__private::run_simulated(3, fails_last));
        let payload = catch_unwind(run).expect_err("the last one fails");
        let message = payload.downcast::<String>().expect("a text");
        assert!(
            message.contains("the test returned an error: ParseIntError"),
            "{message}"
        );
        assert_eq!(ran.get(), hob::sim::seeds(3).count());
    }

    #[hob::test(sim, seeds = 1)]
    #[should_panic(expected = "as it should")]
    async fn a_panic_fails_the_test() {
        hob::spawn(async { hob::yield_now().await }).detach();
        panic!("as it should");
    }
}
