//! What one can do with event loops: run until a result, run until stopped, run several, and reach
//! them from other threads.
//!
//! ```text
//! cargo run --release -p hob --example loops
//! ```
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use hob::{LocalRuntime, Runtime};

fn main() -> io::Result<()> {
    until_complete_and_until_stopped()?;
    two_runtimes()?;
    from_another_thread()
}

/// A runtime of one thread runs only while it is asked to: its tasks stay where they are in between.
fn until_complete_and_until_stopped() -> io::Result<()> {
    let runtime = LocalRuntime::new()?;
    let ticks = Rc::new(Cell::new(0));

    // It needs no `Send`, and does not run yet.
    let counted = Rc::clone(&ticks);
    let ticker = runtime.spawn_local(async move {
        let mut interval = hob::time::interval(Duration::from_millis(10));
        loop {
            interval.tick().await;
            counted.set(counted.get() + 1);
            if counted.get() == 3 {
                hob::Handle::current().stop();
            }
        }
    });
    assert_eq!(ticks.get(), 0);

    let answer = runtime.block_on(async { 6 * 7 });
    println!("block_on       gave {answer}; the ticker beside it was not awaited");
    assert_eq!(answer, 42);

    runtime.run_forever();
    println!(
        "run_forever    was stopped by a task after {} ticks",
        ticks.get()
    );
    assert!(ticks.get() >= 3);

    ticker.cancel("it has ticked enough");
    let error = runtime.block_on(ticker).expect_err("it was cancelled");
    println!("block_on       again: {error}");
    assert!(error.is_cancelled());
    Ok(())
}

/// Two pools in one process; a task of one awaits a task of the other.
fn two_runtimes() -> io::Result<()> {
    let kitchen = Runtime::builder()
        .name("kitchen")
        .worker_threads(1)
        .build()?;
    let bar = Runtime::builder().name("bar").worker_threads(1).build()?;

    let drink = bar.spawn(async {
        hob::sleep(Duration::from_millis(10)).await;
        thread_name()
    });
    let (cooked, poured) = kitchen.block_on(async {
        let meal = hob::spawn(async move { (thread_name(), drink.await) });
        let (cooked, poured) = meal.await.expect("the meal does not panic");
        (cooked, poured.expect("the drink does not panic"))
    });
    println!("two runtimes   the meal was made by {cooked}, its drink by {poured}");
    assert!(cooked.starts_with("kitchen") && poured.starts_with("bar"));
    Ok(())
}

/// A handle goes anywhere; here a thread that knows nothing of tasks spawns one and stops the loop.
fn from_another_thread() -> io::Result<()> {
    let runtime = LocalRuntime::new()?;
    let handle = runtime.handle();
    let home = thread::current().id();

    let outsider = thread::Builder::new().spawn(move || {
        let stop = handle.clone();
        handle.spawn(async move {
            stop.stop();
            thread::current().id()
        })
    })?;
    runtime.run_forever();

    let task = outsider.join().expect("the outsider does not panic");
    let ran_on = runtime.block_on(task).expect("the task does not panic");
    println!("other thread   spawned a task, which ran here and ended run_forever");
    assert_eq!(ran_on, home);
    Ok(())
}

fn thread_name() -> String {
    thread::current()
        .name()
        .unwrap_or("a thread without a name")
        .to_owned()
}
