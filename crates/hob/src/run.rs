//! Running a program: one call that starts a runtime, and leaves nothing behind.

use std::future::Future;
use std::io;

use crate::local_runtime::LocalRuntime;
use crate::runtime::Runtime;

/// Makes a runtime of one worker for each core, runs `main` on this thread inside it, and shuts it
/// down.
///
/// Tasks that are left when `main` is ready are cancelled, and their cleanups awaited, up to ten
/// seconds; what has not ended then is named on standard error.
///
/// # Panics
///
/// If the runtime cannot be started; [`Runtime::new`] gives an error instead. A panic of `main` passes
/// through, after the shutdown.
///
/// # Examples
///
/// ```
/// let answer = hob::run(async {
///     let task = hob::spawn(async { 42 });
///     task.await.expect("the task does not panic")
/// });
/// assert_eq!(answer, 42);
/// ```
#[track_caller]
#[doc(alias("asyncio.run", "block_on"))]
pub fn run<F: Future>(main: F) -> F::Output {
    let runtime = started(Runtime::new());
    let output = runtime.block_on(main);
    runtime.shut_down();
    output
}

/// Makes a runtime of this thread alone, runs `main` inside it, and shuts it down.
///
/// Tasks run in strict order of arrival and need not be `Send`; this is asyncio's own shape. `main` is
/// no task, and takes its turn like one: when it was woken it goes on after those who were woken before.
///
/// # Panics
///
/// As [`run`].
///
/// # Examples
///
/// ```
/// use std::{cell::Cell, rc::Rc};
///
/// let total = hob::run_local(async {
///     let count = Rc::new(Cell::new(0));
///     let counted = Rc::clone(&count);
///     let task = hob::spawn_local(async move { counted.set(42) });
///     task.await.expect("the task does not panic");
///     count.get()
/// });
/// assert_eq!(total, 42);
/// ```
#[track_caller]
pub fn run_local<F: Future>(main: F) -> F::Output {
    started(LocalRuntime::new()).block_on(main)
}

/// What `#[hob::main(workers = N)]` expands to.
#[track_caller]
pub fn run_pool<F: Future>(workers: usize, main: F) -> F::Output {
    let runtime = started(Runtime::builder().worker_threads(workers).build());
    let output = runtime.block_on(main);
    runtime.shut_down();
    output
}

/// What `#[hob::test(virtual_time)]` expands to.
#[track_caller]
pub fn run_virtual<F: Future>(main: F) -> F::Output {
    let builder = Runtime::builder().clock(hob_time::Virtual);
    started(builder.build_local()).block_on(main)
}

#[track_caller]
fn started<R>(runtime: io::Result<R>) -> R {
    match runtime {
        Ok(runtime) => runtime,
        Err(error) => panic!("the hob runtime cannot be started: {error}"),
    }
}
