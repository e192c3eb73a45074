//! A panic stays where it is: the process, the workers and the other tasks live on.

use std::future::{self, Future};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use hob::{Builder, JoinError, LocalRuntime, Runtime, UnhandledKind};

/// Nothing here takes that long, unless it hangs.
const LONG: Duration = Duration::from_secs(30);

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("boom");
    }
}

/// A waker that panics when it is woken, and tells of it.
struct Trap(Sender<()>);

impl Wake for Trap {
    fn wake(self: Arc<Self>) {
        self.0.send(()).expect("the scene listens");
        panic!("trapped");
    }
}

fn trap() -> (Waker, Receiver<()>) {
    let (sender, sprung) = channel();
    (Waker::from(Arc::new(Trap(sender))), sprung)
}

/// Waits until the trap has been sprung, and lets the others run meanwhile.
async fn until(sprung: Receiver<()>) {
    while sprung.try_recv().is_err() {
        hob::yield_now().await;
    }
}

/// What the hook was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<UnhandledKind>>>);

impl Told {
    fn listen(&self) -> Builder {
        let told = Arc::clone(&self.0);
        Runtime::builder()
            .watchdog(None)
            .on_unhandled(move |unhandled| told.lock().unwrap().push(unhandled.kind))
    }

    fn kinds(&self) -> Vec<UnhandledKind> {
        self.0.lock().unwrap().clone()
    }
}

/// Runs `scene` on a pool and on one thread, between a task that lives through it and a new one, and
/// checks what the hook was told.
fn on_both<F: Future<Output = ()>>(expected: &[UnhandledKind], scene: impl Fn() -> F) {
    let told = Told::default();
    let runtime = told.listen().worker_threads(2).build().unwrap();
    runtime.block_on(among_others(scene()));
    let report = runtime.shutdown_timeout(LONG);
    assert!(report.is_clean(), "every worker lives to its end: {report}");
    assert_eq!(told.kinds(), expected, "on a pool");

    let told = Told::default();
    let runtime = told.listen().build_local().unwrap();
    runtime.block_on(among_others(scene()));
    let report = runtime.shutdown_timeout(LONG);
    assert!(report.is_clean(), "{report}");
    assert_eq!(told.kinds(), expected, "on one thread");
}

async fn among_others(scene: impl Future<Output = ()>) {
    let (sender, receiver) = hob::sync::oneshot::channel();
    let bystander = hob::spawn(receiver);
    hob::yield_now().await;
    scene.await;
    sender.send(7).expect("the bystander is there");
    let received = bystander.await.expect("the bystander lives");
    assert_eq!(received.expect("it was sent"), 7);
    assert_eq!(hob::spawn(async { 42 }).await.ok(), Some(42));
}

/// Starts a task that owns `thing` and never ends by itself, and waits until it runs.
async fn start_with<T: Send + 'static>(thing: T) -> hob::Task<()> {
    let (started, is_started) = hob::sync::oneshot::channel();
    let task = hob::spawn(async move {
        let _thing = thing;
        started.send(()).expect("the scene waits");
        future::pending().await
    });
    is_started.await.expect("it starts");
    task
}

/// Waits until the task is listed no more.
async fn gone(id: hob::TaskId) {
    while hob::all_tasks().iter().any(|task| task.label.id == id) {
        hob::yield_now().await;
    }
}

fn message(error: JoinError) -> String {
    match error {
        JoinError::Panicked(panic) => panic.message().to_owned(),
        other => panic!("it did not panic: {other}"),
    }
}

#[test]
fn a_task_that_panics_tells_whoever_awaits_it() {
    on_both(&[], || async {
        let task = hob::spawn(async { panic!("number {}", 7) });
        let error: Result<(), _> = task.await;
        assert_eq!(message(error.expect_err("it panics")), "number 7");
    });
}

#[test]
fn a_task_that_nobody_awaits_is_told_to_the_hook() {
    on_both(&[UnhandledKind::TaskPanicked], || async {
        let (sender, receiver) = hob::sync::oneshot::channel::<()>();
        hob::spawn(async move {
            let _sender = sender;
            panic!("unheard")
        })
        .detach();
        receiver.await.expect_err("it is dropped in the panic");
        // The report comes after the future has gone, perhaps on another thread.
        for _ in 0..100 {
            hob::spawn(async {}).await.expect("it ends");
        }
    });
}

#[test]
fn a_future_that_panics_when_it_is_cancelled() {
    on_both(&[UnhandledKind::DropPanicked], || async {
        let task = start_with(Bomb).await;
        task.cancel("no longer wanted");
        let error = task.await.expect_err("it was cancelled");
        assert!(error.is_cancelled(), "{error}");
    });
}

#[test]
fn a_future_that_panics_when_its_runtime_shuts_down() {
    on_both(&[UnhandledKind::DropPanicked], || async {
        start_with(Bomb).await.detach();
    });
}

#[test]
fn a_future_that_panics_in_its_poll_and_then_when_it_is_dropped() {
    struct Both;
    impl Future for Both {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            panic!("in the poll")
        }
    }
    impl Drop for Both {
        fn drop(&mut self) {
            panic!("in the drop")
        }
    }
    on_both(&[UnhandledKind::DropPanicked], || async {
        let error = hob::spawn(Both).await.expect_err("it panics");
        assert_eq!(message(error), "in the poll");
    });
}

#[test]
fn an_output_that_panics_when_nobody_takes_it() {
    on_both(&[UnhandledKind::DropPanicked], || async {
        let task = hob::spawn(async { Bomb });
        while !task.is_finished() {
            hob::yield_now().await;
        }
        drop(task);
    });
}

#[test]
fn an_output_of_a_detached_task_that_panics() {
    on_both(&[UnhandledKind::DropPanicked], || async {
        let task = hob::spawn(async { Bomb });
        let id = task.id();
        task.detach();
        gone(id).await;
    });
}

#[test]
fn a_waker_of_a_join_that_panics() {
    on_both(&[UnhandledKind::CallbackPanicked], || async {
        let (sender, receiver) = hob::sync::oneshot::channel::<()>();
        let mut task = hob::spawn(receiver);
        let (trap, sprung) = trap();
        assert!(poll_with(&mut task, &trap).is_pending());
        sender.send(()).expect("the task waits");
        until(sprung).await;
        let received = task.await.expect("the task itself is well");
        received.expect("it was sent");
    });
}

#[test]
fn a_waker_of_a_sleep_that_panics() {
    on_both(&[UnhandledKind::CallbackPanicked], || async {
        hob::spawn(async {
            let (trap, sprung) = trap();
            let mut sleep = hob::sleep(Duration::from_millis(5));
            assert!(poll_with(&mut sleep, &trap).is_pending());
            until(sprung).await;
            assert!(sleep.is_elapsed());
        })
        .await
        .expect("the task itself is well");
    });
}

#[test]
fn a_waker_of_a_sleep_in_main_that_panics() {
    on_both(&[UnhandledKind::CallbackPanicked], || async {
        let (trap, sprung) = trap();
        let mut sleep = hob::sleep(Duration::from_millis(5));
        assert!(poll_with(&mut sleep, &trap).is_pending());
        until(sprung).await;
        assert!(sleep.is_elapsed());
    });
}

#[test]
fn a_waker_of_a_socket_that_panics() {
    on_both(&[UnhandledKind::CallbackPanicked], || async {
        let listener = hob::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (trap, sprung) = trap();
        let mut trapped = listener.accept();
        assert!(poll_with(&mut trapped, &trap).is_pending());
        let client = std::net::TcpStream::connect(address).expect("somebody listens");
        // One who waits beside it is woken all the same.
        listener.accept().await.expect("the client is there");
        until(sprung).await;
        drop(trapped);
        drop(client);
    });
}

#[test]
fn a_payload_that_panics_when_it_is_dropped() {
    let expected = [UnhandledKind::DropPanicked];
    on_both(&expected, || async {
        let task: hob::Task<()> = hob::spawn(async { panic_any(Bomb) });
        let error = task.await.expect_err("it panics");
        assert!(error.is_panic());
        drop(error);
    });
}

#[test]
fn a_payload_that_panics_and_that_nobody_sees() {
    let expected = [UnhandledKind::TaskPanicked, UnhandledKind::DropPanicked];
    on_both(&expected, || async {
        let task: hob::Task<()> = hob::spawn(async { panic_any(Bomb) });
        let id = task.id();
        task.detach();
        gone(id).await;
    });
}

#[test]
fn a_blocking_job_that_panics_tells_whoever_awaits_it() {
    on_both(&[], || async {
        let job: hob::ToThread<()> = hob::to_thread(|| panic!("in a job"));
        let error = job.await.expect_err("it panics");
        assert!(error.is_panic(), "{error}");
    });
}

#[test]
fn a_cleanup_that_panics_keeps_no_other_from_running() {
    on_both(&[UnhandledKind::CleanupPanicked], || async {
        let (sender, receiver) = hob::sync::oneshot::channel();
        let (started, is_started) = hob::sync::oneshot::channel();
        let task = hob::spawn(async move {
            hob::on_cancel(async move { sender.send(()).expect("the scene waits") });
            hob::on_cancel(async { panic!("in a cleanup") });
            started.send(()).expect("the scene waits");
            future::pending::<()>().await;
        });
        is_started.await.expect("it starts");
        task.cancel("no longer wanted");
        receiver
            .await
            .expect("the first cleanup runs after the last");
        assert!(task.await.expect_err("it was cancelled").is_cancelled());
    });
}

#[test]
fn ten_thousand_tasks_that_panic_stop_nobody() {
    on_both(&[], || async {
        let tasks: Vec<hob::Task<()>> = (0..10_000)
            .map(|_| hob::spawn(async { std::panic::resume_unwind(Box::new("quiet")) }))
            .collect();
        for task in tasks {
            assert_eq!(message(task.await.expect_err("it panics")), "quiet");
        }
    });
}

mod main {
    use super::*;

    fn payload<R>(act: impl FnOnce() -> R) -> Box<dyn std::any::Any + Send> {
        match catch_unwind(AssertUnwindSafe(act)) {
            Ok(_) => panic!("nothing has panicked"),
            Err(payload) => payload,
        }
    }

    #[test]
    fn passes_through_and_a_pool_goes_on() {
        let runtime = Runtime::builder().worker_threads(2).build().unwrap();
        let task = runtime.spawn(future::pending::<()>());
        let payload = payload(|| runtime.block_on(async { panic!("main") }));
        assert_eq!(payload.downcast_ref(), Some(&"main"));
        assert!(hob::Handle::try_current().is_err(), "the context is left");
        assert!(!task.is_finished());
        assert_eq!(runtime.block_on(runtime.spawn(async { 42 })).ok(), Some(42));
        assert!(runtime.shutdown_timeout(LONG).is_clean());
    }

    #[test]
    fn passes_through_and_one_thread_goes_on() {
        let runtime = LocalRuntime::new().unwrap();
        let task = runtime.spawn_local(hob::sleep(Duration::from_millis(5)));
        let payload = payload(|| runtime.block_on(async { panic!("main") }));
        assert_eq!(payload.downcast_ref(), Some(&"main"));
        assert!(hob::Handle::try_current().is_err(), "the context is left");
        runtime
            .block_on(task)
            .expect("the others are where they were");
        assert!(runtime.shutdown_timeout(LONG).is_clean());
    }

    #[test]
    fn passes_through_run_after_the_shutdown() {
        let (sender, receiver) = channel();
        let payload = payload(|| {
            hob::run(async {
                let (started, is_started) = hob::sync::oneshot::channel();
                hob::spawn(async move {
                    hob::on_cancel(async move { sender.send("tidy").expect("somebody listens") });
                    started.send(()).expect("main waits");
                    future::pending::<()>().await;
                })
                .detach();
                is_started.await.expect("it starts");
                panic!("main")
            })
        });
        assert_eq!(payload.downcast_ref(), Some(&"main"));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["tidy"]);
    }

    #[test]
    fn with_a_hostile_payload_passes_through_whole() {
        for local in [false, true] {
            let payload = payload(|| {
                if local {
                    hob::run_local(async { panic_any(Bomb) })
                } else {
                    hob::run(async { panic_any(Bomb) })
                }
            });
            assert!(payload.is::<Bomb>());
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(payload)));
            dropped.expect_err("it was alive until now");
        }
    }
}

mod hooks {
    use super::*;

    #[test]
    fn of_threads_that_panic_stop_no_thread() {
        let told = Told::default();
        let runtime = told
            .listen()
            .worker_threads(2)
            .on_thread_start(|| panic!("at the start"))
            .on_thread_stop(|| panic!("at the end"))
            .build()
            .unwrap();
        let tasks: Vec<_> = (0..100).map(|n| runtime.spawn(async move { n })).collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(runtime.block_on(task).ok(), Some(n));
        }
        let report = runtime.shutdown_timeout(LONG);
        assert!(report.is_clean(), "{report}");
        assert_eq!(told.kinds(), [UnhandledKind::CallbackPanicked; 4]);
    }

    #[test]
    fn for_the_unhandled_that_panic_are_not_told_again() {
        let hook = |calls: &Arc<Mutex<usize>>| {
            let calls = Arc::clone(calls);
            Runtime::builder().watchdog(None).on_unhandled(move |_| {
                *calls.lock().unwrap() += 1;
                panic_any(Bomb)
            })
        };
        let scene = || {
            among_others(async {
                hob::spawn(async { panic!("unheard") }).detach();
                start_with(Bomb).await.detach();
            })
        };

        let calls = Arc::default();
        let runtime = hook(&calls).worker_threads(2).build().unwrap();
        runtime.block_on(scene());
        let report = runtime.shutdown_timeout(LONG);
        assert!(report.is_clean(), "{report}");
        assert!(!calls.is_poisoned());
        assert_eq!(*calls.lock().unwrap(), 2);

        let calls = Arc::default();
        let runtime = hook(&calls).build_local().unwrap();
        runtime.block_on(scene());
        assert!(runtime.shutdown_timeout(LONG).is_clean());
        assert_eq!(*calls.lock().unwrap(), 2);
    }
}

fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}
