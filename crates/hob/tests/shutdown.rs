//! What a shutdown ends, what it waits for, what it names, and when it is over.

use std::future;
use std::panic::Location;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hob::task::TaskSnapshot;
use hob::time::{Clock, Heap, Instant, VirtualClock};
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
        // Here polls last for long on purpose.
        builder.watchdog(None).on_unhandled(move |unhandled| {
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
        assert_eq!(names(tasks.as_slice()), [Some("first"), Some("second")]);
        assert_eq!(tasks.as_slice()[0].label.place.file(), file!());
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
            names(handle.tasks().as_slice()),
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
        let (sender, workers) = channel::<()>();
        let runtime = Runtime::builder()
            .worker_threads(2)
            .on_thread_stop(move || sender.send(()).expect("somebody listens"))
            // The one that is alive when the deadline passes may be named.
            .on_unhandled(|_| {})
            .build()
            .expect("it can be made");
        runtime.spawn(async { drop(Breed) }).detach();
        let begin = Instant::system();
        let _report = runtime.shutdown_timeout(DEADLINE);
        assert!(begin.elapsed() < DEADLINE + SLACK, "{:?}", begin.elapsed());
        for _ in 0..2 {
            workers.recv_timeout(LONG).expect("both workers end");
        }
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
        assert!(report.workers_stuck >= 1, "{report}");
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
        // On a loaded machine a worker may be late, and is reported; but not each time.
        let clean = (0..10).any(|_| {
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
            await_until(|| told.kinds().contains(&UnhandledKind::CleanupCut));
            report.is_clean()
        });
        assert!(clean, "the cleanup outlives each deadline");
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

    /// A runtime on a clock that nobody moves.
    fn frozen(told: &Told) -> (Builder, VirtualClock) {
        let clock = VirtualClock::open(Instant::from_nanos(1 << 60));
        let builder = told
            .listen(Runtime::builder())
            .cleanup_time(Duration::from_millis(50))
            .timers(move || Heap::open(Clock::Virtual(clock)));
        (builder, clock)
    }

    #[test]
    fn in_a_cleanup_is_cut_though_the_clock_stands_still() {
        let told = Told::default();
        let (builder, clock) = frozen(&told);
        let runtime = builder.worker_threads(1).build().expect("it can be made");
        let begin = Instant::system();
        let report = shut_down_with_hanging_cleanup(runtime, DEADLINE);
        let took = Instant::system() - begin;
        assert!(DEADLINE <= took && took < DEADLINE + SLACK, "{took:?}");
        await_until(|| told.kinds().contains(&UnhandledKind::CleanupCut));
        assert_eq!(report.workers_stuck, 0, "{report}");
        assert_eq!(clock.now(), Instant::from_nanos(1 << 60));
    }

    #[test]
    fn in_a_cleanup_on_one_thread_is_cut_though_the_clock_stands_still() {
        let told = Told::default();
        let (builder, _) = frozen(&told);
        let runtime = builder.build_local().expect("it can be made");
        runtime.block_on(async {
            hob::spawn(async {
                hob::on_cancel(future::pending());
                future::pending::<()>().await;
            })
            .detach();
            hob::yield_now().await;
        });
        let begin = Instant::system();
        let report = runtime.shutdown_timeout(DEADLINE);
        let took = Instant::system() - begin;
        assert!(DEADLINE <= took && took < DEADLINE + SLACK, "{took:?}");
        assert!(report.is_clean(), "{report}");
        assert_eq!(told.kinds(), [UnhandledKind::CleanupCut]);
    }

    #[test]
    fn in_a_poll_is_left_though_the_clock_stands_still() {
        let told = Told::default();
        let (builder, _) = frozen(&told);
        let runtime = builder.worker_threads(2).build().expect("it can be made");
        let (release, _) = block_a_worker(&runtime);
        let begin = Instant::system();
        let report = runtime.shutdown_timeout(DEADLINE);
        let took = Instant::system() - begin;
        assert!(DEADLINE <= took && took < DEADLINE + SLACK, "{took:?}");
        let left = (report.left_behind.len(), report.workers_stuck);
        assert_eq!(left, (1, 1), "{report}");
        drop(release);
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
        assert!(report.workers_stuck >= 1, "{report}");
        let [LeftBehind::Task(left)] = &report.left_behind[..] else {
            panic!("one task is left behind: {report}");
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

/// Waits for what another thread is about to do.
fn await_until(condition: impl Fn() -> bool) {
    let begin = Instant::system();
    while !condition() {
        assert!(begin.elapsed() < LONG, "it does not come true");
        thread::yield_now();
    }
}

#[test]
fn cleanups_that_register_each_other_are_cut() {
    fn again() {
        hob::on_cancel(async { again() });
    }
    let runtime = Runtime::builder()
        .worker_threads(1)
        .cleanup_time(Duration::from_millis(20))
        .on_unhandled(|_| {})
        .build()
        .expect("it starts");
    let task = runtime.spawn(async { again() });
    runtime
        .block_on(task)
        .expect("it ends, once its cleanups were cut");
    assert!(runtime.shutdown_timeout(Duration::from_secs(20)).is_clean());
}
