//! A poll that does not end is reported once, with all that is known of its task; an idle program has a
//! watchdog that sleeps.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use hob::{Builder, Runtime, UnhandledKind, sleep};

const LIMIT: Duration = Duration::from_millis(50);
/// Far longer than the limit; a loaded machine may be late.
const STUCK: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(30);

/// What the hook was told: the kind, and the whole line.
type Told = Receiver<(UnhandledKind, String)>;

fn listen(builder: Builder) -> (Builder, Told) {
    let (tell, told) = channel();
    let builder = builder.on_unhandled(move |unhandled| {
        // Nobody may be left to listen.
        let _deaf = tell.send((unhandled.kind, unhandled.to_string()));
    });
    (builder, told)
}

/// Blocks its thread, as no task should.
async fn blocks() {
    sleep(Duration::from_millis(1)).await;
    thread::park_timeout(STUCK);
}

#[track_caller]
fn check_report(told: &Told, name: &str, line: u32) {
    let (kind, text) = told.recv_timeout(LONG).expect("it is reported");
    assert_eq!(kind, UnhandledKind::SlowPoll, "{text}");
    assert!(text.contains(&format!("{name:?}")), "{text}");
    assert!(text.contains(&format!("{}:{line}:", file!())), "{text}");
    assert!(text.contains("sleep"), "its last wait: {text}");
    assert!(text.contains(" ms"), "{text}");
}

#[test]
fn a_task_that_blocks_a_worker_is_reported_once() {
    let (builder, told) = listen(Runtime::builder().worker_threads(2).watchdog(LIMIT));
    let runtime = builder.build().expect("it can be made");
    let line = line!() + 1;
    let builder = hob::task::Builder::new().name("stuck");
    let task = runtime.handle().enter(|| builder.spawn(blocks()));
    check_report(&told, "stuck", line);
    runtime.block_on(task).expect("it ends after all");
    drop(runtime);
    let more: Vec<_> = told.try_iter().collect();
    assert!(more.is_empty(), "{more:?}");
}

#[test]
fn a_task_that_blocks_the_one_thread_is_reported_once() {
    let (builder, told) = listen(Runtime::builder().watchdog(LIMIT));
    let runtime = builder.build_local().expect("it can be made");
    let line = runtime.block_on(async {
        let line = line!() + 1;
        let task = hob::task::Builder::new().name("stuck").spawn(blocks());
        task.await.expect("it ends after all");
        line
    });
    check_report(&told, "stuck", line);
    drop(runtime);
    assert_eq!(told.try_iter().count(), 0);
}

#[test]
fn without_one_nothing_is_reported() {
    let (builder, told) = listen(Runtime::builder().worker_threads(1).watchdog(None));
    let runtime = builder.build().expect("it can be made");
    let task = runtime.spawn(blocks());
    runtime.block_on(task).expect("it ends");
    drop(runtime);
    assert_eq!(told.try_iter().count(), 0);
}

#[test]
fn one_without_patience_is_refused() {
    let refused = Runtime::builder().watchdog(Duration::ZERO).build();
    let error = refused.map(drop).expect_err("every poll would be too long");
    assert!(error.to_string().contains("watchdog(0)"), "{error}");
}

#[cfg(target_os = "linux")]
mod idle {
    use std::fs;

    use super::*;

    /// How often the threads whose name begins so have given up their core by themselves.
    fn voluntary_switches(name: &str) -> u64 {
        let threads = fs::read_dir("/proc/self/task").expect("Linux has it");
        let statuses = threads
            .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("status")).ok());
        let of_ours = statuses.filter(|status| status.starts_with(&format!("Name:\t{name}")));
        let switches = of_ours.filter_map(|status| {
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt"))?;
            line.rsplit('\t').next()?.parse::<u64>().ok()
        });
        switches.sum()
    }

    #[test]
    fn the_watchdog_of_an_idle_program_sleeps() {
        let (builder, told) = listen(
            Runtime::builder()
                .name("resting")
                .worker_threads(2)
                .watchdog(Duration::from_millis(10)),
        );
        let runtime = builder.build().expect("it can be made");
        runtime.block_on(async { sleep(Duration::from_millis(30)).await });
        // All threads of the runtime: workers too sleep without a deadline once nothing happens.
        let before = loop {
            let before = voluntary_switches("resting");
            thread::park_timeout(Duration::from_millis(60));
            if voluntary_switches("resting") == before {
                break before;
            }
        };
        thread::park_timeout(Duration::from_millis(300));
        assert_eq!(voluntary_switches("resting"), before);
        drop(runtime);
        assert_eq!(told.try_iter().count(), 0);
    }
}
