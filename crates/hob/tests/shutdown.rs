//! What a shutdown ends, what it waits for, what it names, and when it is over.

use std::future::{self, Future};
use std::panic::Location;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use hob::task::TaskSnapshot;
use hob::time::Instant;
use hob::{Builder, Handle, LeftBehind, LocalRuntime, Runtime, UnhandledKind};

const DEADLINE: Duration = Duration::from_millis(200);
/// What a loaded machine may add to a deadline.
const SLACK: Duration = Duration::from_millis(500);
/// Nothing here takes that long, unless it hangs.
const LONG: Duration = Duration::from_secs(30);

/// What the hook was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(UnhandledKind, String)>>>);

impl Told {
    fn listen(&self, builder: Builder) -> Builder {
        let told = Arc::clone(&self.0);
        builder.on_unhandled(move |unhandled| {
            let line = (unhandled.kind, unhandled.to_string());
            told.lock().unwrap().push(line);
        })
    }

    fn kinds(&self) -> Vec<UnhandledKind> {
        self.0.lock().unwrap().iter().map(|line| line.0).collect()
    }

    fn texts(&self) -> Vec<String> {
        let told = self.0.lock().unwrap();
        told.iter().map(|line| line.1.clone()).collect()
    }
}

/// Tells of its drop.
struct Bell(Sender<&'static str>, &'static str);

impl Drop for Bell {
    fn drop(&mut self) {
        // Where nobody listens any more, nobody asks.
        let _heard = self.0.send(self.1);
    }
}

fn pool() -> (Runtime, Told) {
    let told = Told::default();
    let builder = told.listen(Runtime::builder().worker_threads(2));
    (builder.build().expect("it can be made"), told)
}

fn local() -> (LocalRuntime, Told) {
    let told = Told::default();
    let builder = told.listen(Runtime::builder());
    (builder.build_local().expect("it can be made"), told)
}

fn names(tasks: &[TaskSnapshot]) -> Vec<Option<&str>> {
    let name = |task: &'_ TaskSnapshot| task.label.name.is_some();
    assert!(tasks.iter().all(name), "every task here has a name");
    tasks
        .iter()
        .map(|task| task.label.name.as_deref())
        .collect()
}

/// Starts a task that owns a bell and never ends, and waits until it was polled.
fn detach_pending(handle: &Handle, name: &'static str, bell: Sender<&'static str>) {
    let bell = Bell(bell, name);
    handle.enter(|| {
        hob::task::Builder::new()
            .name(name)
            .spawn(async move {
                let _bell = bell;
                future::pending::<()>().await;
            })
            .detach();
    });
}

mod tasks {
    use super::*;

    #[test]
    fn detached_on_a_pool_are_listed_and_dropped() {
        let (runtime, told) = pool();
        let handle = runtime.handle();
        let (sender, dropped) = channel();
        detach_pending(&handle, "first", sender.clone());
        detach_pending(&handle, "second", sender);
        let tasks = handle.tasks();
        assert_eq!(names(&tasks), [Some("first"), Some("second")]);
        assert_eq!(tasks[0].label.place.file(), file!());
        assert_eq!(runtime.statistics().tasks_alive, 2);
        drop(runtime);
        let mut gone: Vec<_> = dropped.iter().collect();
        gone.sort_unstable();
        assert_eq!(gone, ["first", "second"]);
        assert!(handle.tasks().is_empty() && handle.is_closed());
        assert_eq!(told.texts(), [""; 0]);
    }

    #[test]
    fn detached_on_one_thread_are_listed_and_dropped() {
        let (runtime, told) = local();
        let handle = runtime.handle();
        let (sender, dropped) = channel();
        detach_pending(&handle, "polled", sender.clone());
        runtime.block_on(hob::yield_now());
        detach_pending(&handle, "never polled", sender);
        assert_eq!(
            names(&handle.tasks()),
            [Some("polled"), Some("never polled")]
        );
        drop(runtime);
        assert_eq!(dropped.iter().count(), 2);
        assert!(handle.tasks().is_empty() && handle.is_closed());
        assert_eq!(told.texts(), [""; 0]);
    }

    #[test]
    fn left_when_main_returns_run_their_cleanups() {
        let (sender, heard) = channel();
        hob::run(async move {
            let (started, is_started) = hob::sync::oneshot::channel();
            hob::spawn(async move {
                hob::on_cancel(async move {
                    hob::sleep(Duration::from_millis(5)).await;
                    sender.send("goodbye").expect("somebody listens");
                });
                started.send(()).expect("main listens");
                future::pending::<()>().await;
            })
            .detach();
            is_started.await.expect("the task starts");
        });
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["goodbye"]);
    }

    #[test]
    fn that_spawn_for_ever_do_not_hold_it_up() {
        fn breed() {
            hob::spawn(async {
                loop {
                    breed();
                    hob::yield_now().await;
                }
            })
            .detach();
        }
        let (runtime, told) = pool();
        runtime.handle().enter(breed);
        runtime.block_on(hob::sleep(Duration::from_millis(10)));
        let report = runtime.shutdown_timeout(LONG);
        assert!(report.is_clean(), "{report}");
        assert_eq!(told.texts(), [""; 0]);
    }

    #[test]
    fn whose_destructors_spawn_for_ever_end_with_the_deadline() {
        struct Breed;
        impl Drop for Breed {
            fn drop(&mut self) {
                let child = Self;
                let bred = hob::try_spawn(async move {
                    let _child = child;
                    future::pending::<()>().await;
                });
                match bred {
                    Ok(task) => task.detach(),
                    #[expect(clippy::mem_forget, reason = "dropping it would breed for ever")]
                    Err(refused) => std::mem::forget(refused),
                }
            }
        }
        let (runtime, _told) = pool();
        runtime.spawn(async { drop(Breed) }).detach();
        let begin = Instant::system();
        let report = runtime.shutdown_timeout(DEADLINE);
        assert!(begin.elapsed() < DEADLINE + SLACK, "{:?}", begin.elapsed());
        assert_eq!(report.workers_stuck, 0, "{report}");
    }

    #[test]
    fn of_a_cleanup_are_cancelled_from_the_start() {
        let (runtime, told) = pool();
        let (sender, heard) = channel();
        let (started, is_started) = channel();
        runtime
            .spawn(async move {
                hob::on_cancel(async move {
                    let late = hob::spawn(async { unreachable!("it is not polled") });
                    let error = late.await.expect_err("it never ran");
                    sender.send(error.to_string()).expect("somebody listens");
                });
                started.send(()).expect("somebody listens");
                future::pending::<()>().await;
            })
            .detach();
        is_started.recv_timeout(LONG).expect("it starts");
        assert!(runtime.shutdown_timeout(LONG).is_clean());
        assert_eq!(
            heard.recv().expect("the cleanup ran"),
            "the task was cancelled: its runtime shuts down"
        );
        assert_eq!(told.texts(), [""; 0]);
    }
}

mod what_hangs {
    use super::*;

    /// Lets a task block its worker until the sender goes, and waits until it does.
    fn block_a_worker(runtime: &Runtime) -> (Sender<()>, &'static Location<'static>) {
        let (release, released) = channel::<()>();
        let (stuck, is_stuck) = channel();
        let builder = hob::task::Builder::new().name("stuck");
        let task = runtime.handle().enter(|| {
            builder.spawn(async move {
                stuck.send(()).expect("somebody listens");
                // This is what must not be done: it blocks the thread.
                released.recv().expect_err("nothing is ever sent");
            })
        });
        is_stuck.recv_timeout(LONG).expect("it runs");
        let place = task.spawned_at();
        task.detach();
        (release, place)
    }

    #[test]
    fn in_a_poll_is_left_at_the_deadline_and_named() {
        let told = Told::default();
        let (sender, worker_ended) = channel();
        let runtime = told
            .listen(Runtime::builder())
            .worker_threads(2)
            .on_thread_stop(move || sender.send(()).expect("somebody listens"))
            .build()
            .expect("it can be made");
        let (release, place) = block_a_worker(&runtime);
        let (bell, dropped) = channel();
        detach_pending(&runtime.handle(), "innocent", bell);

        let begin = Instant::system();
        let report = runtime.shutdown_timeout(DEADLINE);
        let took = begin.elapsed();
        assert!(DEADLINE <= took && took < DEADLINE + SLACK, "{took:?}");
        assert_eq!(report.workers_stuck, 1);
        let [LeftBehind::Task(left)] = &report.left_behind[..] else {
            panic!("one task is left behind: {report}");
        };
        assert_eq!(left.task.name.as_deref(), Some("stuck"));
        assert!(std::ptr::eq(left.task.place, place), "{report}");
        assert_eq!(told.kinds(), [UnhandledKind::LeftBehind]);
        let text = &told.texts()[0];
        assert!(text.contains("\"stuck\"") && text.contains(&place.to_string()));
        assert_eq!(dropped.recv(), Ok("innocent"), "the others were dropped");

        worker_ended.recv_timeout(LONG).expect("one was free");
        drop(release);
        let late = worker_ended.recv_timeout(LONG);
        late.expect("the other ends as soon as it can");
    }

    #[test]
    fn in_a_poll_does_not_hold_up_a_shutdown_in_the_background() {
        let (runtime, told) = pool();
        let handle = runtime.handle();
        let (release, _) = block_a_worker(&runtime);
        let begin = Instant::system();
        runtime.shutdown_background();
        assert!(begin.elapsed() < SLACK, "{:?}", begin.elapsed());
        drop(release);
        await_until(|| handle.is_closed());
        assert_eq!(told.texts(), [""; 0]);
    }

    #[test]
    fn in_a_cleanup_is_cut_after_the_cleanup_time() {
        let told = Told::default();
        let runtime = told
            .listen(Runtime::builder())
            .worker_threads(2)
            .cleanup_time(Duration::from_millis(50))
            .build()
            .expect("it can be made");
        let begin = Instant::system();
        let report = shut_down_with_hanging_cleanup(runtime, LONG);
        let took = begin.elapsed();
        assert!(took >= Duration::from_millis(50) && took < LONG, "{took:?}");
        assert!(report.is_clean(), "{report}");
        assert_eq!(told.kinds(), [UnhandledKind::CleanupCut]);
        assert!(told.texts()[0].contains("\"tidy\""), "{:?}", told.texts());
    }

    #[test]
    fn in_a_cleanup_is_cut_at_the_deadline() {
        let told = Told::default();
        let runtime = told
            .listen(Runtime::builder())
            .worker_threads(2)
            .cleanup_time(Duration::MAX)
            .build()
            .expect("it can be made");
        let begin = Instant::system();
        let report = shut_down_with_hanging_cleanup(runtime, DEADLINE);
        let took = begin.elapsed();
        assert!(DEADLINE <= took && took < DEADLINE + SLACK, "{took:?}");
        assert!(report.is_clean(), "{report}");
        assert_eq!(told.kinds(), [UnhandledKind::CleanupCut]);
    }

    #[test]
    fn in_a_cleanup_on_one_thread_is_cut_too() {
        let told = Told::default();
        let runtime = told
            .listen(Runtime::builder())
            .cleanup_time(Duration::from_millis(50))
            .build_local()
            .expect("it can be made");
        runtime.block_on(async {
            hob::spawn(async {
                hob::on_cancel(future::pending());
                future::pending::<()>().await;
            })
            .detach();
            hob::yield_now().await;
        });
        let report = runtime.shutdown_timeout(LONG);
        assert!(report.is_clean(), "{report}");
        assert_eq!(told.kinds(), [UnhandledKind::CleanupCut]);
    }

    fn shut_down_with_hanging_cleanup(runtime: Runtime, time: Duration) -> hob::ShutdownReport {
        let (started, is_started) = channel();
        let builder = hob::task::Builder::new().name("tidy");
        let task = runtime.handle().enter(|| {
            builder.spawn(async move {
                hob::on_cancel(future::pending());
                started.send(()).expect("somebody listens");
                future::pending::<()>().await;
            })
        });
        is_started.recv_timeout(LONG).expect("it starts");
        task.detach();
        runtime.shutdown_timeout(time)
    }

    #[test]
    fn in_a_blocking_job_is_left_at_the_deadline_and_named() {
        let (runtime, told) = pool();
        let (release, released) = channel::<()>();
        let (started, is_started) = channel();
        let line = line!() + 2;
        let job = runtime.handle().enter(|| {
            hob::to_thread(move || {
                started.send(()).expect("somebody listens");
                released.recv().expect_err("nothing is ever sent");
            })
        });
        is_started.recv_timeout(LONG).expect("it starts");
        let begin = Instant::system();
        let report = runtime.shutdown_timeout(DEADLINE);
        let took = begin.elapsed();
        assert!(DEADLINE <= took && took < DEADLINE + SLACK, "{took:?}");
        let [LeftBehind::Job(left)] = &report.left_behind[..] else {
            panic!("one job is left behind: {report}");
        };
        let place = left.place.expect("it came from `to_thread`");
        assert_eq!((place.file(), place.line()), (file!(), line));
        assert_eq!(told.kinds(), [UnhandledKind::LeftBehind]);
        assert!(told.texts()[0].contains(&place.to_string()));
        drop(release);
        futures_lite::future::block_on(job).expect("it ends after all, and its result is there");
    }

    #[test]
    fn is_the_caller_itself_where_it_shuts_down_its_own_runtime() {
        let (runtime, told) = pool();
        let handle = runtime.handle();
        let (sender, reported) = channel();
        let line = line!() + 2;
        handle
            .spawn(async move {
                let begin = Instant::system();
                let report = runtime.shutdown_timeout(DEADLINE);
                let heard = sender.send((report, begin.elapsed()));
                heard.expect("somebody listens");
            })
            .detach();
        let (report, took) = reported.recv_timeout(LONG).expect("it comes back");
        assert!(DEADLINE <= took && took < DEADLINE + SLACK, "{took:?}");
        assert_eq!((report.workers_stuck, report.left_behind.len()), (1, 1));
        let LeftBehind::Task(left) = &report.left_behind[0] else {
            panic!("it is a task: {report}");
        };
        assert_eq!(
            (left.task.place.file(), left.task.place.line()),
            (file!(), line)
        );
        assert_eq!(told.kinds(), [UnhandledKind::LeftBehind]);
    }

    #[test]
    fn is_not_the_job_that_shuts_down_its_own_runtime() {
        let (runtime, told) = pool();
        let handle = runtime.handle();
        let job = handle.enter(|| hob::to_thread(move || runtime.shutdown_timeout(LONG)));
        let report = futures_lite::future::block_on(job).expect("the job ends");
        assert!(report.is_clean(), "{report}");
        assert_eq!(told.texts(), [""; 0]);
    }
}

mod what_outlives_it {
    use super::*;

    fn ended() -> Handle {
        let (runtime, _) = pool();
        runtime.handle()
    }

    #[test]
    fn a_handle_refuses_tasks() {
        let handle = ended();
        let refused = handle.try_spawn(async { 42 }).expect_err("it has ended");
        assert_eq!(futures_lite::future::block_on(refused.future), 42);
        let late = handle.spawn(async { 42 });
        assert!(late.is_finished() && late.is_cancelled());
        let error = futures_lite::future::block_on(late).expect_err("it never ran");
        assert_eq!(error.reason(), Some(&hob::CancelReason::Shutdown));
        assert!(handle.tasks().is_empty());
        assert_eq!(handle.name(), "hob");
    }

    #[test]
    fn a_handle_stops_nobody_else() {
        let stale = {
            let (runtime, _) = local();
            runtime.handle()
        };
        // It may well be made of what the other has left.
        let (runtime, _) = local();
        let handle = runtime.handle();
        let task = runtime.spawn_local(async move {
            hob::sleep(Duration::from_millis(20)).await;
            handle.stop();
        });
        stale.stop();
        runtime.run_forever();
        assert!(
            task.is_finished(),
            "another runtime's handle has stopped it"
        );
    }

    #[test]
    fn inside_a_handle_time_goes_on_and_jobs_are_refused() {
        let handle = ended();
        handle.enter(|| {
            futures_lite::future::block_on(hob::sleep(Duration::from_millis(5)));
            let job = hob::to_thread(|| 42);
            let error = futures_lite::future::block_on(job).expect_err("it never runs");
            assert!(error.is_cancelled(), "{error}");
        });
    }

    #[test]
    fn a_task_is_cancelled_for_whoever_awaits_it() {
        let (runtime, _) = pool();
        let task = runtime.spawn(future::pending::<()>());
        let waiter = thread::Builder::new()
            .spawn(|| futures_lite::future::block_on(task))
            .expect("a thread starts");
        drop(runtime);
        let error = waiter.join().unwrap().expect_err("it never ended");
        assert_eq!(error.reason(), Some(&hob::CancelReason::Shutdown));
    }

    #[test]
    fn an_output_that_was_ready_is_still_there() {
        let (runtime, _) = pool();
        let task = runtime.spawn(async { 42 });
        await_until(|| task.is_finished());
        drop(runtime);
        assert_eq!(futures_lite::future::block_on(task).ok(), Some(42));
    }

    #[test]
    fn wakers_wake_nobody() {
        let (runtime, _) = pool();
        let (sender, wakers) = channel();
        let task = runtime.spawn(future::poll_fn(move |cx| {
            sender.send(cx.waker().clone()).expect("somebody listens");
            Poll::<()>::Pending
        }));
        let waker = wakers.recv_timeout(LONG).expect("it is polled");
        drop(runtime);
        waker.wake_by_ref();
        drop(task);
        waker.wake();
        assert_eq!(wakers.iter().count(), 0, "it is not polled again");
    }

    #[test]
    fn a_canceller_finds_nobody() {
        let (runtime, _) = pool();
        let task = runtime.spawn(future::pending::<()>());
        let canceller = task.canceller();
        drop(runtime);
        assert!(!canceller.cancel("too late"));
        drop(task);
        assert!(!canceller.cancel("far too late"));
    }

    #[test]
    fn a_sleep_that_it_armed_fires_outside_any_runtime() {
        for sleep in sleeps_armed_in_a_runtime_that_ended() {
            futures_lite::future::block_on(sleep);
        }
    }

    #[test]
    fn a_sleep_that_it_armed_fires_in_another_runtime() {
        let (runtime, _) = pool();
        for sleep in sleeps_armed_in_a_runtime_that_ended() {
            runtime.block_on(runtime.spawn(sleep)).expect("it fires");
        }
        let (runtime, _) = local();
        for sleep in sleeps_armed_in_a_runtime_that_ended() {
            runtime.block_on(sleep);
        }
    }

    #[test]
    fn a_sleep_under_way_outside_fires_although_its_runtime_ends() {
        let (runtime, _) = pool();
        let mut sleep = Box::pin(hob::sleep(Duration::from_millis(50)));
        // Armed in the runtime's queue, awaited outside.
        runtime.block_on(future::poll_fn(|cx| {
            assert!(sleep.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        }));
        let (sender, slept) = channel();
        let waiter = thread::Builder::new()
            .spawn(move || {
                futures_lite::future::block_on(sleep);
                sender.send(()).expect("somebody listens");
            })
            .expect("a thread starts");
        drop(runtime);
        slept.recv_timeout(LONG).expect("it fires");
        waiter.join().unwrap();
    }

    fn sleeps_armed_in_a_runtime_that_ended() -> Vec<std::pin::Pin<Box<hob::time::Sleep>>> {
        let (sender, sleeps) = channel();
        let arm = move || {
            let sender = sender.clone();
            let mut sleep = Some(Box::pin(hob::sleep(Duration::from_millis(20))));
            future::poll_fn(move |cx| {
                let mut sleep = sleep.take().expect("it is polled once");
                assert!(sleep.as_mut().poll(cx).is_pending());
                sender.send(sleep).expect("somebody listens");
                Poll::Ready(())
            })
        };
        let (runtime, _) = pool();
        // In the queue of a worker, and in the one for everybody else.
        runtime.block_on(runtime.spawn(arm())).expect("it runs");
        runtime.block_on(arm());
        drop(runtime);
        let (runtime, _) = local();
        runtime.block_on(arm());
        drop((runtime, arm));
        let sleeps: Vec<_> = sleeps.iter().collect();
        assert_eq!(sleeps.len(), 3);
        sleeps
    }
}

/// Waits for what another thread is about to do.
fn await_until(condition: impl Fn() -> bool) {
    let begin = Instant::system();
    while !condition() {
        assert!(begin.elapsed() < LONG, "it does not come true");
        thread::yield_now();
    }
}
