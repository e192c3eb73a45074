//! Setting up a runtime: bad input is an error that says what and where, and nothing is left of it.

use std::env;
use std::fs;
use std::io;
use std::process::{Command, Output};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use hob::prelude::*;
use hob::{Builder, LocalRuntime, Runtime};

fn refused<R>(built: io::Result<R>) -> String {
    match built {
        Ok(_) => panic!("it was built"),
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            error.to_string()
        }
    }
}

/// Runs one test of this program in a process of its own, with a variable set.
fn alone(test: &str, name: &str, value: &str) -> Output {
    let program = env::current_exe().expect("a test knows its program");
    Command::new(program)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .env(name, value)
        .output()
        .expect("the program starts again")
}

/// Set in the processes that [`alone`] starts.
const ALONE: &str = "HOB_TEST_ALONE";

mod workers {
    use super::*;

    #[test]
    fn none_is_refused() {
        assert_eq!(
            refused(Runtime::builder().worker_threads(0).build()),
            "worker_threads(0): a runtime needs at least one thread; give 1 or more, or leave it out"
        );
    }

    #[test]
    fn too_many_are_refused_before_any_is_started() {
        for workers in [1025, usize::MAX] {
            let message = refused(Runtime::builder().worker_threads(workers).build());
            let start = format!("worker_threads({workers}): ");
            assert!(message.starts_with(&start), "{message}");
        }
    }

    #[test]
    fn one_is_enough() {
        let runtime = Runtime::builder().worker_threads(1).build().unwrap();
        assert_eq!(runtime.statistics().executor.workers, 1);
        let answer = runtime.block_on(async {
            let waits = hob::spawn(hob::sleep(Duration::from_millis(2)));
            waits.await.expect("it ends");
            hob::to_thread(|| 42).await.expect("it ends")
        });
        assert_eq!(answer, 42);
    }

    #[test]
    fn do_not_go_with_one_thread() {
        let message = refused(Runtime::builder().worker_threads(2).build_local());
        assert!(
            message.starts_with("worker_threads(2) does not go with build_local(): "),
            "{message}"
        );
    }

    #[test]
    fn come_from_the_environment() {
        const TEST: &str = "workers::come_from_the_environment";
        if env::var_os(ALONE).is_none() {
            let output = alone(TEST, "HOB_WORKERS", "3");
            let errors = String::from_utf8_lossy(&output.stderr);
            return assert!(output.status.success(), "{errors}");
        }
        let workers = |builder: Builder| {
            let runtime = builder.build().expect("it can be made");
            runtime.statistics().executor.workers
        };
        assert_eq!(workers(Runtime::builder()), 3);
        assert_eq!(workers(Runtime::builder().worker_threads(2)), 2);
    }

    #[test]
    fn of_a_malformed_environment_are_refused() {
        const TEST: &str = "workers::of_a_malformed_environment_are_refused";
        if env::var_os(ALONE).is_none() {
            for text in ["0", "-1", "two", "", "1025", "4 "] {
                let output = alone(TEST, "HOB_WORKERS", text);
                let errors = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{text:?}: {errors}");
            }
            return;
        }
        let text = env::var("HOB_WORKERS").expect("it was set");
        assert_eq!(
            refused(Runtime::new()),
            format!("HOB_WORKERS={text:?}: give a number from 1 to 1024, or unset it")
        );
        // Where a number is given nobody looks, nor on one thread.
        let given = Runtime::builder().worker_threads(1).build();
        assert_eq!(given.unwrap().block_on(async { 42 }), 42);
        assert_eq!(hob::run_local(async { 42 }), 42);
        let run = std::panic::catch_unwind(|| hob::run(async { 42 }));
        let payload = run.expect_err("`run` has no other way to say it");
        let message = payload.downcast_ref::<String>().expect("it has parts");
        let start = "the hob runtime cannot be started: HOB_WORKERS=";
        assert!(message.starts_with(start), "{message}");
    }
}

mod blocking {
    use super::*;

    const MESSAGE: &str = "max_blocking_threads(0): a runtime needs at least one thread; \
                           give 1 or more, or leave it out";

    #[test]
    fn threads_none_are_refused() {
        let builder = || Runtime::builder().max_blocking_threads(0);
        assert_eq!(refused(builder().build()), MESSAGE);
        assert_eq!(refused(builder().build_local()), MESSAGE);
    }

    #[test]
    fn one_thread_runs_job_after_job() {
        let runtime = Runtime::builder().max_blocking_threads(1).build().unwrap();
        let names = runtime.block_on(async {
            let name = || thread::current().name().map(str::to_owned);
            let jobs: Vec<_> = (0..10).map(|_| hob::to_thread(name)).collect();
            let mut names = Vec::new();
            for job in jobs {
                names.push(job.await.expect("it ends").expect("it has a name"));
            }
            names
        });
        assert_eq!(names.len(), 10);
        names.iter().for_each(|name| assert_eq!(name, &names[0]));
        assert!(runtime.statistics().blocking.threads <= 1);
    }
}

mod name {
    use super::*;

    /// The names that a runtime of that name gives to itself, a worker and a blocking thread.
    fn names(name: &str) -> [String; 3] {
        let runtime = Runtime::builder().name(name).build().unwrap();
        let here = || thread::current().name().map(str::to_owned);
        // From outside: what is spawned in `block_on` may run on this thread.
        let worker = runtime.spawn(async move { here() });
        let (worker, job) = runtime.block_on(async move {
            let worker = worker.await.expect("it ends");
            let job = hob::to_thread(here).await.expect("it ends");
            (worker, job)
        });
        let own = runtime.handle().name().to_owned();
        [own, worker.expect("it has one"), job.expect("it has one")]
    }

    #[test]
    fn is_the_beginning_of_its_threads_names() {
        let [own, worker, job] = names("kitchen");
        assert_eq!(own, "kitchen");
        assert!(worker.starts_with("kitchen-"), "{worker}");
        assert!(job.starts_with("kitchen-blocking-"), "{job}");
    }

    #[test]
    fn may_be_huge_or_empty() {
        let huge = "Mise en place: ".repeat(10_000);
        let [own, worker, _] = names(&huge);
        assert_eq!(own, huge);
        assert!(worker.starts_with(&huge));
        assert_eq!(names("")[0], "");
    }

    #[test]
    fn loses_its_zeros() {
        let [own, worker, job] = names("\0kit\0chen\0");
        assert_eq!(own, "kitchen");
        assert!(worker.starts_with("kitchen-") && job.starts_with("kitchen-"));
        let runtime = Runtime::builder().name("a\0b").build_local().unwrap();
        assert_eq!(runtime.handle().name(), "ab");
    }
}

mod hooks {
    use super::*;

    #[test]
    fn of_threads_run_once_on_each_worker() {
        let (sender, heard) = channel();
        let at_end = sender.clone();
        let name = || thread::current().name().map(str::to_owned);
        let runtime = Runtime::builder()
            .name("hooked")
            .worker_threads(3)
            .on_thread_start(move || sender.send(("start", name())).unwrap())
            .on_thread_stop(move || at_end.send(("stop", name())).unwrap())
            .build()
            .unwrap();
        drop(runtime);
        let mut heard: Vec<_> = heard.iter().collect();
        heard.sort_unstable();
        let expected: Vec<_> = ["start", "stop"]
            .into_iter()
            .flat_map(|when| (0..3).map(move |worker| (when, Some(format!("hooked-{worker}")))))
            .collect();
        assert_eq!(heard, expected);
    }
}

mod reactor {
    use super::*;

    /// A sleep, a blocking job and an echo over TCP: one of everything that a poller wakes.
    async fn everything() {
        let begin = hob::time::Instant::now();
        hob::sleep(Duration::from_millis(5)).await;
        assert!(begin.elapsed() >= Duration::from_millis(5));
        assert_eq!(hob::to_thread(|| 42).await.ok(), Some(42));

        let listener = hob::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = hob::spawn(async move {
            let (mut peer, _) = listener.accept().await?;
            let mut heard = [0; 5];
            peer.read_exact(&mut heard).await?;
            peer.write_all(&heard).await?;
            peer.close().await
        });
        let mut client = hob::net::TcpStream::connect(address).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        let mut echo = String::new();
        client.read_to_string(&mut echo).await.unwrap();
        assert_eq!(echo, "hello");
        server.await.expect("it does not panic").unwrap();
    }

    /// Runs it on a pool and on one thread.
    fn check(open: fn() -> io::Result<hob::reactor::Engine>) {
        let builder = Runtime::builder().worker_threads(2).reactor(open);
        builder.build().unwrap().block_on(everything());
        let builder = Runtime::builder().reactor(open);
        builder.build_local().unwrap().block_on(everything());
    }

    #[test]
    fn polling_serves_everything() {
        check(hob::reactor::polling);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn epoll_serves_everything() {
        check(hob::reactor::epoll);
    }

    #[test]
    fn by_default_serves_everything() {
        check(hob::reactor::default);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn that_cannot_be_opened_is_an_error_and_leaves_nothing() {
        const TEST: &str = "reactor::that_cannot_be_opened_is_an_error_and_leaves_nothing";
        if env::var_os(ALONE).is_none() {
            let output = alone(TEST, "UNUSED", "");
            let errors = String::from_utf8_lossy(&output.stderr);
            return assert!(output.status.success(), "{errors}");
        }
        let counts = || {
            let entries = |path| fs::read_dir(path).expect("Linux has it").count();
            (entries("/proc/self/fd"), entries("/proc/self/task"))
        };
        let refuse = || Err(io::Error::other("no poller today"));
        let before = counts();
        for _ in 0..100 {
            let builder = Runtime::builder().worker_threads(2).reactor(refuse);
            let error = builder.build().expect_err("it is refused");
            let message = "the poller cannot be opened: no poller today";
            assert_eq!(error.to_string(), message);
            let original = error.get_ref().and_then(|inner| inner.source());
            assert_eq!(original.expect("it is kept").to_string(), "no poller today");
            let error = Runtime::builder().reactor(refuse).build_local();
            assert_eq!(error.expect_err("it is refused").to_string(), message);
        }
        assert_eq!(counts(), before);
    }
}

mod parker {
    use std::sync::mpsc::Sender;
    use std::sync::{Arc, Mutex};
    use std::task::Waker;

    use hob_core::{Park, Unpark, Until};
    use hob_executor::Parker;

    use super::*;

    /// Says when it is slept on.
    struct Telling {
        parker: Parker,
        tell: Sender<&'static str>,
    }

    impl Park for Telling {
        fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
            self.tell.send("slept on").expect("it is heard");
            self.parker.park(until, woken);
        }

        fn unparker(&self) -> Arc<dyn Unpark> {
            self.parker.unparker()
        }
    }

    impl Drop for Telling {
        fn drop(&mut self) {
            self.tell.send("dropped").expect("it is heard");
        }
    }

    #[test]
    fn serves_each_worker_outside_the_seat_and_goes_with_the_runtime() {
        let (tell, heard) = channel();
        let made = Arc::new(Mutex::new(0));
        let count = Arc::clone(&made);
        let builder = Runtime::builder().worker_threads(3).parker(move || {
            *count.lock().unwrap() += 1;
            Box::new(Telling {
                parker: Parker::new(),
                tell: tell.clone(),
            })
        });
        let runtime = builder.build().unwrap();
        assert_eq!(*made.lock().unwrap(), 3);
        // Nobody has anything to do, and one of them has the seat.
        let patience = Duration::from_secs(60);
        for _ in 0..2 {
            assert_eq!(heard.recv_timeout(patience), Ok("slept on"));
        }
        runtime.block_on(runtime.spawn(async {})).unwrap();
        drop(runtime);
        let dropped = heard.iter().filter(|what| *what == "dropped").count();
        assert_eq!((dropped, *made.lock().unwrap()), (3, 3));
    }

    #[test]
    fn is_not_made_for_one_thread() {
        let builder = Runtime::builder().parker(|| panic!("nobody needs it"));
        assert_eq!(builder.build_local().unwrap().block_on(async { 42 }), 42);
    }
}

mod timers {
    use std::sync::{Arc, Mutex};

    use hob::time::{Clock, Heap, Instant, VirtualClock};
    use hob_core::Timers;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Queues that their owner remembers.
    type Opened = Arc<Mutex<Vec<&'static Heap>>>;

    fn with_heaps(clock: Clock) -> (Builder, Opened) {
        let opened = Opened::default();
        let remember = Arc::clone(&opened);
        let builder = Runtime::builder().timers(move || {
            let heap = Heap::open(clock);
            remember.lock().unwrap().push(heap);
            heap
        });
        (builder, opened)
    }

    /// Takes them back, as an owner may once the runtime has ended.
    fn close(opened: &Opened) {
        for heap in opened.lock().unwrap().drain(..) {
            // It panics unless the heap was retired, and not closed by anybody else.
            heap.close();
        }
    }

    #[test]
    fn of_the_builder_are_one_for_each_worker_and_one_for_the_others() {
        let (builder, opened) = with_heaps(Clock::System);
        let runtime = builder.worker_threads(2).build().unwrap();
        assert_eq!(opened.lock().unwrap().len(), 3);
        let expired = || -> Vec<_> {
            let opened = opened.lock().unwrap();
            let expired = opened.iter().map(|heap| heap.statistics().timers_expired);
            expired.collect()
        };
        let sleep = || hob::sleep(Duration::from_millis(2));
        runtime.block_on(async { sleep().await });
        assert_eq!(expired(), [0, 0, 1], "the main future is on no worker");
        runtime.block_on(runtime.spawn(sleep())).unwrap();
        let of_workers: u64 = expired()[..2].iter().sum();
        assert_eq!(of_workers, 1);
        assert_eq!(runtime.statistics().timers_armed, 0);
        drop(runtime);
        close(&opened);
    }

    #[test]
    fn of_the_builder_are_one_on_one_thread() {
        let (builder, opened) = with_heaps(Clock::System);
        let runtime = builder.build_local().unwrap();
        runtime.block_on(hob::sleep(Duration::from_millis(2)));
        assert_eq!(opened.lock().unwrap().len(), 1);
        drop(runtime);
        close(&opened);
    }

    #[test]
    fn bring_their_clock() {
        let clock = VirtualClock::open(Instant::from_nanos(1 << 60));
        let (builder, opened) = with_heaps(Clock::Virtual(clock));
        let runtime = builder.build_local().unwrap();
        let heap = opened.lock().unwrap()[0];
        runtime.block_on(async {
            let begun = Instant::now();
            let asleep = hob::spawn(async move {
                hob::sleep(HOUR).await;
                begun.elapsed()
            });
            hob::yield_now().await;
            clock.advance_to(begun + HOUR);
            // Nobody who sleeps knows that clock, so whoever moves it expires its queue.
            let mut woken = Vec::new();
            heap.expire(clock.now(), &mut woken);
            woken.into_iter().for_each(std::task::Waker::wake);
            assert_eq!(asleep.await.unwrap(), HOUR);
        });
        drop(runtime);
        close(&opened);
        clock.close();
    }

    /// By the system's clock the time of the shutdown would have passed before it began.
    #[test]
    fn of_a_clock_that_is_ahead_cut_no_cleanup() {
        let clock = VirtualClock::open(Instant::now() + 1000 * HOUR);
        for local in [true, false] {
            let (builder, opened) = with_heaps(Clock::Virtual(clock));
            let cleaned = Arc::new(Mutex::new(false));
            let inside = Arc::clone(&cleaned);
            let task = async move {
                hob::on_cancel(async move {
                    hob::yield_now().await;
                    *inside.lock().unwrap() = true;
                });
                std::future::pending::<()>().await;
            };
            let begin = async {
                hob::spawn(task).detach();
                hob::yield_now().await;
            };
            let report = if local {
                let runtime = builder.build_local().unwrap();
                runtime.block_on(begin);
                runtime.shutdown_timeout(Duration::from_secs(60))
            } else {
                let runtime = builder.worker_threads(1).build().unwrap();
                // On the only worker, where the yield lets the task begin.
                runtime.block_on(runtime.spawn(begin)).unwrap();
                runtime.shutdown_timeout(Duration::from_secs(60))
            };
            assert!(report.left_behind.is_empty(), "{report:?}");
            assert!(*cleaned.lock().unwrap(), "the cleanup was cut");
            close(&opened);
        }
        clock.close();
    }
}

mod times {
    use super::*;

    #[test]
    fn may_be_for_ever_or_nothing() {
        for time in [Duration::MAX, Duration::ZERO] {
            let builder = || {
                Runtime::builder()
                    .cleanup_time(time)
                    .blocking_keep_alive(time)
                    .shutdown_time(time)
            };
            let scene = async || {
                hob::spawn(std::future::pending::<()>()).detach();
                hob::to_thread(|| 42).await.expect("it ends")
            };
            assert_eq!(builder().build().unwrap().block_on(scene()), 42);
            assert_eq!(builder().build_local().unwrap().block_on(scene()), 42);
        }
    }
}

#[test]
fn what_is_built_shows_itself() {
    let builder = Runtime::builder().name("kitchen").worker_threads(2);
    assert!(format!("{builder:?}").contains("kitchen"));
    let runtime = builder.build().unwrap();
    assert!(format!("{runtime:?}").contains("kitchen"));
    assert!(format!("{:?}", runtime.handle()).contains("tasks_alive: 0"));
    let local = LocalRuntime::new().unwrap();
    assert!(format!("{local:?}").contains("hob"));
}
