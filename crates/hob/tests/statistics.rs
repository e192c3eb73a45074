//! What a runtime tells of itself: after so many known polls the numbers are known too.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use hob::sync::{Event, Mutex};
use hob::time::Instant;
use hob::{Handle, LocalRuntime, Runtime, task};

const TASKS: usize = 10;
const YIELDS: u64 = 9;

/// Waits until the runtime's counters, which nobody waits for, say what they must.
#[track_caller]
fn until(condition: impl Fn() -> bool) {
    let begun = Instant::system();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never is");
        std::thread::yield_now();
    }
}

async fn yields() {
    for _ in 0..YIELDS {
        hob::yield_now().await;
    }
}

#[test]
fn each_poll_on_a_pool_is_counted_once() {
    for workers in [1, 2, 4] {
        let runtime = Runtime::builder().worker_threads(workers).build().unwrap();
        let tasks: Vec<_> = (0..TASKS).map(|_| runtime.spawn(yields())).collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.expect("it does not panic");
            }
        });
        let expected = TASKS as u64 * (YIELDS + 1);
        until(|| runtime.statistics().executor.polls >= expected);
        let statistics = runtime.statistics();
        assert_eq!(statistics.executor.polls, expected);
        assert_eq!(statistics.executor.workers, workers);
        let per_worker = &statistics.executor.per_worker;
        assert_eq!(per_worker.len(), workers);
        let polls: u64 = per_worker.iter().map(|worker| worker.polls).sum();
        assert_eq!(polls, expected);
        assert_eq!(statistics.tasks_alive, 0);
        assert_eq!(
            (statistics.executor.injected, statistics.executor.queued),
            (0, 0)
        );
    }
}

#[test]
fn each_poll_on_one_thread_is_counted_once() {
    let runtime = LocalRuntime::new().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..TASKS).map(|_| hob::spawn_local(yields())).collect();
        for task in tasks {
            task.await.expect("it does not panic");
        }
    });
    let statistics = runtime.statistics();
    assert_eq!(statistics.polls, TASKS as u64 * (YIELDS + 1));
    assert_eq!(statistics.queued, 0);
}

#[test]
fn a_task_that_has_spent_its_budget_is_counted() {
    let runtime = Runtime::builder().worker_threads(1).build().unwrap();
    let task = runtime.spawn(async {
        let lock = Mutex::new(0);
        let mut spent = 0;
        for _ in 0..1_000 {
            *lock.lock().await += 1;
            spent += u64::from(task::should_yield());
        }
        spent
    });
    let spent = runtime.block_on(task).expect("it does not panic");
    assert!(spent > 0, "a thousand locks are more than one budget");
    // Counted when the worker looks up, or has nothing to do.
    until(|| runtime.statistics().executor.budgets_spent == spent);
}

#[test]
fn what_waits_in_the_queues_is_counted() {
    let runtime = Runtime::builder().worker_threads(1).build().unwrap();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let sticks = runtime.spawn(async move {
        for _ in 0..3 {
            hob::spawn(async {}).detach();
        }
        begun.send(()).expect("the test listens");
        ended.recv().expect("the test ends it");
    });
    has_begun.recv().expect("it has begun");
    for _ in 0..4 {
        runtime.spawn(async {}).detach();
    }
    let statistics = runtime.statistics();
    assert_eq!(statistics.tasks_alive, 8);
    assert_eq!(statistics.executor.injected + statistics.executor.queued, 7);
    end.send(()).expect("it waits");
    runtime.block_on(sticks).expect("it ends");
    until(|| runtime.statistics().executor.polls == 8);
    assert_eq!(runtime.statistics().tasks_alive, 0);
}

#[test]
fn an_idle_worker_has_parked() {
    let runtime = Runtime::builder().worker_threads(2).build().unwrap();
    until(|| runtime.statistics().executor.workers_idle == 2);
    assert!(runtime.statistics().executor.parks >= 2);
    let parks = runtime.statistics().executor.parks;
    for _ in 0..10 {
        runtime.block_on(runtime.spawn(async {})).expect("it ends");
        until(|| runtime.statistics().executor.workers_idle == 2);
    }
    assert!(runtime.statistics().executor.parks > parks);
}

/// A parent with two children, one of which has a child, all of them at rest after known polls.
async fn family(stay: Arc<Event>) {
    let spawn = |name: &'static str, future| task::Builder::new().name(name).spawn(future);
    let (first, second) = (Arc::clone(&stay), Arc::clone(&stay));
    let elder = spawn(
        "elder",
        Box::pin(async move {
            let grandchild = async {
                hob::yield_now().await;
                hob::yield_now().await;
                future::pending::<()>().await;
            };
            task::Builder::new()
                .name("grandchild")
                .spawn(grandchild)
                .detach();
            first.wait().await;
        }) as std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
    );
    let younger = spawn("younger", Box::pin(async move { second.wait().await }));
    elder.detach();
    younger.detach();
    hob::yield_now().await;
    stay.wait().await;
}

fn check_tree(handle: &Handle, spawned: &str) {
    let tree = handle.tasks();
    let seen: Vec<_> = tree
        .walk()
        .map(|(level, task)| (level, task.label.name.as_deref().unwrap_or("-"), task.polls))
        .collect();
    let expected = [
        (0, "parent", 2),
        (1, "elder", 1),
        (2, "grandchild", 3),
        (1, "younger", 1),
    ];
    assert_eq!(seen, expected, "{tree}");
    let text = tree.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        lines[0].contains(spawned) && lines[0].contains("waits in Event::wait"),
        "{text}"
    );
    assert!(
        lines[2].starts_with("    task ") && lines[2].contains("\"grandchild\""),
        "{text}"
    );
    assert!(lines[2].contains(", 3 polls"), "{text}");
}

#[test]
fn tasks_are_listed_as_a_tree_with_their_polls_on_a_pool() {
    for workers in [1, 2] {
        let runtime = Runtime::builder().worker_threads(workers).build().unwrap();
        let stay = Arc::new(Event::new());
        let spawned = format!("spawned at {}:{}", file!(), line!() + 1);
        let parent = task::Builder::new();
        let parent = runtime
            .handle()
            .enter(|| parent.name("parent").spawn(family(Arc::clone(&stay))));
        let at_rest = || {
            runtime
                .handle()
                .tasks()
                .as_slice()
                .iter()
                .map(|task| task.polls)
                .sum::<u64>()
                == 7
        };
        until(at_rest);
        check_tree(&runtime.handle(), &spawned);
        stay.set();
        runtime.block_on(parent).expect("it ends");
        until(|| runtime.handle().tasks().len() == 1);
        // Whose parent has ended is a root.
        assert_eq!(runtime.handle().tasks().roots().count(), 1);
    }
}

#[test]
fn tasks_are_listed_as_a_tree_with_their_polls_on_one_thread() {
    let runtime = LocalRuntime::new().unwrap();
    let stay = Arc::new(Event::new());
    let spawned = format!("spawned at {}:{}", file!(), line!() + 1);
    let parent = task::Builder::new();
    let parent = runtime
        .handle()
        .enter(|| parent.name("parent").spawn(family(Arc::clone(&stay))));
    runtime.block_on(async {
        for _ in 0..10 {
            hob::yield_now().await;
        }
    });
    check_tree(&runtime.handle(), &spawned);
    stay.set();
    runtime.block_on(parent).expect("it ends");
}

#[test]
fn a_task_may_have_any_name() {
    let huge = "n".repeat(1 << 20);
    let names = ["", "\0", "a\0b\0", "line\nline", "\u{202e}\u{1f35d}", &huge];
    hob::run_local(async {
        for name in names {
            let task = task::Builder::new()
                .name(name)
                .spawn(future::pending::<()>());
            assert_eq!(task.name(), Some(name));
            let tree = Handle::current().tasks();
            let snapshot = tree.get(task.id()).expect("it is alive");
            assert_eq!(snapshot.label.name.as_deref(), Some(name));
            assert_eq!(tree.to_string().lines().count(), 1, "no name forges a line");
            task.cancel("no longer needed");
            task.await.expect_err("it was cancelled");
        }
    });
}
