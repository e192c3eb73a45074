//! A shutdown in virtual time is over in real time.

use std::future;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hob::time::{Instant, now, sleep_until};
use hob::{LeftBehind, LocalRuntime, sleep, timeout, to_thread};

use crate::{HOUR, LONG, SECOND, timed, virtual_builder, virtual_runtime, within_a_minute};

fn sleeper(runtime: &LocalRuntime, dropped: Sender<()>) {
    runtime
        .spawn_local(async move {
            let _dropped = dropped;
            sleep_until(Instant::NEVER).await;
        })
        .detach();
    runtime.block_on(hob::yield_now());
}

fn is_dropped(dropped: &Receiver<()>) -> bool {
    dropped.try_recv() == Err(TryRecvError::Disconnected)
}

#[test]
fn ends_a_task_that_sleeps_for_ever() {
    within_a_minute(|| {
        let (drops, dropped) = channel();
        let runtime = virtual_runtime();
        sleeper(&runtime, drops);
        assert!(!is_dropped(&dropped));
        drop(runtime);
        assert!(is_dropped(&dropped));

        let (drops, dropped) = channel();
        let runtime = virtual_runtime();
        sleeper(&runtime, drops);
        let report = runtime.shutdown_timeout(LONG);
        assert!(report.is_clean(), "{report}");
        assert!(is_dropped(&dropped));
    });
}

#[test]
fn lets_a_cleanup_have_its_virtual_time() {
    within_a_minute(|| {
        let passed = Arc::new(Mutex::new(Duration::ZERO));
        let runtime = virtual_builder().cleanup_time(HOUR).build_local();
        let runtime = runtime.expect("it can be made");
        let notes = Arc::clone(&passed);
        runtime
            .spawn_local(async move {
                hob::on_cancel(async move {
                    let begun = now();
                    sleep(5 * SECOND).await;
                    *notes.lock().unwrap() = now() - begun;
                });
                future::pending::<()>().await;
            })
            .detach();
        runtime.block_on(hob::yield_now());
        let report = runtime.shutdown_timeout(LONG);
        assert!(report.is_clean(), "{report}");
        assert_eq!(*passed.lock().unwrap(), 5 * SECOND);
    });
}

#[test]
fn is_over_in_real_time_though_a_job_holds_the_clock() {
    const TIME: Duration = Duration::from_millis(100);
    within_a_minute(|| {
        let runtime = virtual_builder().on_unhandled(|_| ()).build_local();
        let runtime = runtime.expect("it can be made");
        let (end, ended) = channel::<()>();
        runtime
            .spawn_local(async move {
                hob::on_cancel(async move {
                    let job = to_thread(move || ended.recv());
                    assert!(timeout(HOUR, job).await.is_err(), "it is cut");
                });
                future::pending::<()>().await;
            })
            .detach();
        runtime.block_on(hob::yield_now());
        let mut report = None;
        let took = timed(|| report = Some(runtime.shutdown_timeout(TIME)));
        assert!((TIME..LONG / 2).contains(&took), "{took:?}");
        let report = report.expect("it was shut down");
        // On a busy machine the task may be too.
        let is_job = |left: &LeftBehind| matches!(left, LeftBehind::Job(_));
        assert!(report.left_behind.iter().any(is_job), "{report}");
        drop(end);
    });
}
