//! The watchdog: a poll that does not end is reported once, and who is idle pays nothing.

use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use hob::{Builder, Runtime, Unhandled, UnhandledKind};

/// Far shorter than the time that a task here blocks its thread.
const LIMIT: Duration = Duration::from_millis(20);
/// A time in which each poll that lasts would be reported several times over.
const WHILE: Duration = Duration::from_millis(300);
/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// A report: its kind, the task and the message.
type Told = (UnhandledKind, Option<String>, String);

fn watched_local() -> (Builder, Receiver<Told>) {
    let (tell, told) = channel();
    let hook = move |unhandled: &Unhandled<'_>| {
        let task = unhandled.task.map(ToString::to_string);
        // Who does not listen any more expects no report.
        drop(tell.send((unhandled.kind, task, unhandled.message.to_owned())));
    };
    let builder = Runtime::builder().watchdog(LIMIT).on_unhandled(hook);
    (builder, told)
}

fn watched() -> (Builder, Receiver<Told>) {
    let (builder, told) = watched_local();
    (builder.worker_threads(2), told)
}

/// Blocks the thread until something is told, and then for a while; all that was told.
fn block(told: &Receiver<Told>) -> Vec<Told> {
    let mut all = vec![told.recv_timeout(LONG).expect("it is reported")];
    while let Ok(more) = told.recv_timeout(WHILE) {
        all.push(more);
    }
    all
}

/// Waits for something, and then blocks its thread.
async fn crunch(told: Receiver<Told>) -> Vec<Told> {
    hob::sleep(Duration::from_millis(1)).await;
    block(&told)
}

fn assert_is_report_of_crunch(told: &[Told]) {
    let [(kind, task, message)] = told else {
        panic!("it is reported once: {told:?}");
    };
    assert_eq!(*kind, UnhandledKind::SlowPoll);
    let task = task.as_deref().expect("it is a task");
    let spawned = format!("\"crunch\", spawned at {}:", file!());
    assert!(task.contains(&spawned), "{task}");
    assert!(message.contains(" ms at least"), "{message}");
    let waited = format!("its last wait was sleep at {}:", file!());
    assert!(message.contains(&waited), "{message}");
}

#[test]
fn a_task_that_blocks_a_worker_is_reported_once() {
    let (builder, told) = watched();
    let runtime = builder.build().unwrap();
    let told = runtime.block_on(async {
        let task = hob::task::Builder::new().name("crunch").spawn(crunch(told));
        task.await.expect("it does not panic")
    });
    assert_is_report_of_crunch(&told);
}

#[test]
fn a_task_that_blocks_the_only_thread_is_reported_once() {
    let (builder, told) = watched_local();
    let runtime = builder.build_local().unwrap();
    let told = runtime.block_on(async {
        let task = hob::task::Builder::new().name("crunch").spawn(crunch(told));
        task.await.expect("it does not panic")
    });
    assert_is_report_of_crunch(&told);
}

#[test]
fn a_main_future_that_blocks_the_only_thread_is_reported_once() {
    let (builder, told) = watched_local();
    let runtime = builder.build_local().unwrap();
    let told = runtime.block_on(crunch(told));
    let [(UnhandledKind::SlowPoll, None, message)] = told.as_slice() else {
        panic!("it is reported once, and is no task: {told:?}");
    };
    let called = format!("main future of `block_on` at {}:", file!());
    assert!(message.contains(&called), "{message}");
}

#[test]
fn a_hook_that_does_not_return_keeps_no_worker() {
    let (enter, entered) = channel();
    let (leave, left): (Sender<()>, _) = channel();
    let left = Mutex::new(left);
    let runtime = Runtime::builder()
        .worker_threads(1)
        .watchdog(LIMIT)
        .on_unhandled(move |_| {
            enter.send(()).expect("it is awaited");
            // Until the sender is dropped.
            let _dropped = left.lock().unwrap().recv();
        })
        .build()
        .unwrap();
    let stuck = runtime.spawn(async move { entered.recv_timeout(LONG) });
    let answer = runtime.block_on(async move {
        stuck.await.expect("it does not panic").expect("it is told");
        hob::spawn(async { 42 }).await
    });
    assert_eq!(answer.ok(), Some(42));
    drop(leave);
}

#[test]
fn without_a_watchdog_nothing_is_reported() {
    let (builder, told) = watched();
    let runtime = builder.watchdog(None).build().unwrap();
    let task = runtime.spawn(async move { told.recv_timeout(WHILE).is_err() });
    assert_eq!(runtime.block_on(task).ok(), Some(true));
}

#[test]
fn a_watchdog_without_patience_is_refused() {
    let refusals = [
        Runtime::builder().watchdog(Duration::ZERO).build().err(),
        Runtime::builder()
            .watchdog(Duration::ZERO)
            .build_local()
            .err(),
    ];
    for refusal in refusals {
        let error = refusal.expect("it is refused");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.starts_with("watchdog(0): "), "{text}");
    }
}

/// What the system says of the watchdog's thread.
#[cfg(target_os = "linux")]
mod thread {
    use std::fs;

    use super::*;

    /// How often the thread of that name has gone to sleep, if there is one.
    fn sleeps(name: &str) -> Option<u64> {
        let threads = fs::read_dir("/proc/self/task").expect("this is Linux");
        for thread in threads.flatten() {
            // One that has just ended can be listed and have no files.
            let read = |file: &str| fs::read_to_string(thread.path().join(file)).ok();
            if read("comm").is_some_and(|comm| comm.trim() == name) {
                let status = read("status")?;
                let line = status
                    .lines()
                    .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
                return Some(line?.trim().parse().expect("it is a number"));
            }
        }
        None
    }

    /// Waits for so long, or until the sender is gone.
    fn wait(time: Duration) {
        let (_sender, receiver) = channel::<()>();
        receiver
            .recv_timeout(time)
            .expect_err("nobody sends anything");
    }

    /// Whether it becomes true soon: a thread gets its name a moment after it was started, and is struck
    /// off a moment after it was joined.
    fn soon(is_true: impl Fn() -> bool) -> bool {
        (0..1000).any(|_| {
            wait(Duration::from_millis(1));
            is_true()
        })
    }

    /// Whether that thread sleeps through some time, sooner or later.
    fn falls_asleep(name: &str) -> bool {
        assert!(soon(|| sleeps(name).is_some()));
        (0..40).any(|_| {
            let before = sleeps(name).expect("there is such a thread");
            wait(WHILE);
            sleeps(name) == Some(before)
        })
    }

    #[test]
    fn it_sleeps_while_the_program_does() {
        let (builder, told) = watched();
        let runtime = builder.name("idle").build().unwrap();
        let nap = async || hob::sleep(Duration::from_secs(3600)).await;
        for _ in 0..3 {
            runtime.spawn(nap()).detach();
        }
        assert!(falls_asleep("idle-watchdog"));
        assert_eq!(told.try_iter().count(), 0);
    }

    #[test]
    fn it_sleeps_while_the_only_thread_does() {
        let (builder, told) = watched_local();
        let runtime = builder.name("lone").build_local().unwrap();
        let falls_asleep = || falls_asleep("lone-watchdog");
        let job = runtime.block_on(async { hob::to_thread(falls_asleep).await });
        assert_eq!(job.ok(), Some(true));
        assert_eq!(told.try_iter().count(), 0);
    }

    #[test]
    fn it_is_woken_by_who_works_again() {
        let (builder, told) = watched();
        let runtime = builder.name("again").build().unwrap();
        assert!(falls_asleep("again-watchdog"));
        let task = runtime.spawn(async move { block(&told).len() });
        assert_eq!(runtime.block_on(task).ok(), Some(1));
    }

    #[test]
    fn by_default_it_is_there_where_debug_assertions_are() {
        let runtime = Runtime::builder().name("default").build().unwrap();
        // The system keeps fifteen bytes of a name.
        let is_there = soon(|| sleeps("default-watchdo").is_some());
        assert_eq!(is_there, cfg!(debug_assertions));
        drop(runtime);
    }

    #[test]
    fn it_ends_with_its_runtime() {
        let (builder, _told) = watched();
        let runtime = builder.name("ends").build().unwrap();
        assert!(soon(|| sleeps("ends-watchdog").is_some()));
        drop(runtime);
        assert!(soon(|| sleeps("ends-watchdog").is_none()));
    }
}
