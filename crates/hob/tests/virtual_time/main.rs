//! Virtual time on one thread: what moves the clock, what holds it, and who hears of it.

mod a_blocking_job;
mod a_socket;
mod advancing;
mod another_thread;
mod runtimes;
mod shutting_down;
mod the_clock;

use std::future::Future;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use hob::time::{Instant, Virtual};
use hob::{Builder, LocalRuntime, Runtime};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Nothing here takes that long, unless it hangs.
const LONG: Duration = Duration::from_secs(60);

fn virtual_builder() -> Builder {
    Runtime::builder().clock(Virtual)
}

fn virtual_runtime() -> LocalRuntime {
    virtual_builder().build_local().expect("it can be made")
}

/// Runs `main` on a runtime in virtual time.
fn run_virtual<F: Future>(main: F) -> F::Output {
    virtual_runtime().block_on(main)
}

/// Runs `test` on a thread, so that one that hangs fails.
fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    let body = move || {
        test();
        done.send(()).expect("it is awaited");
    };
    let thread = thread::Builder::new().spawn(body).expect("it starts");
    // A panic of the test drops the sender.
    if is_done.recv_timeout(LONG) == Err(RecvTimeoutError::Timeout) {
        panic!("it hangs");
    }
    thread.join().expect("the test passes");
}

/// How long `act` takes by the system's clock.
fn timed(act: impl FnOnce()) -> Duration {
    let begun = Instant::system();
    act();
    Instant::system() - begun
}

/// Blocks the thread until somebody sends, or for a while of real time.
fn block_for(time: Duration) {
    let (_nobody, never) = channel::<()>();
    never.recv_timeout(time).expect_err("nobody sends");
}
