//! Threads that cannot be started: a smaller pool, or a job that comes back.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use hob_blocking::{Builder, Pool, to_thread};
use hob_core::context::{self, Local, Role};
use hob_core::env::{Env, Parts};
use hob_core::{Blocking, JobKind};

const PATIENCE: Duration = Duration::from_secs(30);

/// A pool where the starts in `failing` fail, the first being number 0.
fn pool_failing_at(failing: impl Fn(usize) -> bool + Send + Sync + 'static) -> Builder {
    let starts = AtomicUsize::new(0);
    Pool::builder().spawn_with(move |name, main| {
        if failing(starts.fetch_add(1, Ordering::Relaxed)) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(main)
            .map(drop)
    })
}

#[test]
fn without_any_thread_the_job_comes_back_unrun() {
    let pool = pool_failing_at(|_| true).build().unwrap();
    let (sender, ran) = channel();
    let returned = pool.run(Box::new(move || sender.send(7).unwrap()), JobKind::Thread);
    assert!(ran.try_recv().is_err());
    let job = returned.expect_err("it can never run");
    job();
    assert_eq!(ran.try_recv(), Ok(7), "it is the very job");
    let statistics = pool.statistics();
    assert_eq!((statistics.threads, statistics.jobs_queued), (0, 0));
    assert_eq!(statistics.starts_failed, 1);
    assert_eq!(statistics.start_error, Some(io::ErrorKind::WouldBlock));
}

#[test]
fn a_thread_that_does_not_come_to_run_is_counted_after_a_shutdown() {
    let (sender, starts) = channel();
    let pool = Pool::builder()
        .spawn_with(move |_, main| {
            sender.send(main).unwrap();
            Ok(())
        })
        .build()
        .unwrap();
    assert!(pool.run(Box::new(|| ()), JobKind::Thread).is_ok());
    assert!(pool.shutdown(Duration::ZERO).is_empty(), "no job is left");
    assert_eq!(pool.statistics().threads, 1);
    let main = starts.recv().unwrap();
    main();
    assert!(pool.shutdown(PATIENCE).is_empty());
    assert_eq!(pool.statistics().threads, 0);
}

#[test]
fn with_one_thread_the_job_stays_in_line() {
    let pool = pool_failing_at(|start| start > 0).build().unwrap();
    let (gate, open) = channel::<()>();
    let (sender, ran) = channel();
    let holds = Box::new(move || open.recv().unwrap_or_default());
    assert!(pool.run(holds, JobKind::Thread).is_ok());
    for number in 0..10 {
        let sender = sender.clone();
        let job = Box::new(move || sender.send(number).unwrap());
        assert!(pool.run(job, JobKind::Thread).is_ok());
    }
    assert_eq!(pool.statistics().threads, 1);
    assert_eq!(pool.statistics().starts_failed, 10);
    drop((gate, sender));
    assert!(ran.iter().eq(0..10));
}

#[test]
fn each_start_in_turn_may_fail() {
    for failing in 0..8 {
        let pool = pool_failing_at(move |start| start == failing)
            .build()
            .unwrap();
        let (sender, ran) = channel();
        let mut accepted = 0;
        for _ in 0..16 {
            let sender = sender.clone();
            let job = Box::new(move || sender.send(()).unwrap());
            accepted += usize::from(pool.run(job, JobKind::Thread).is_ok());
        }
        drop(sender);
        assert_eq!(ran.iter().count(), accepted);
        assert!(accepted >= 15, "at most the first job comes back");
        assert!(pool.shutdown(PATIENCE).is_empty());
    }
}

#[test]
fn a_failed_start_strands_no_job_of_another_thread() {
    for _ in 0..200 {
        let builder = pool_failing_at(|start| start % 2 == 0);
        let pool = builder
            .max_threads(1)
            .keep_alive(Duration::ZERO)
            .build()
            .unwrap();
        let (sender, ran) = channel();
        let together = Barrier::new(3);
        let accepted: usize = thread::scope(|scope| {
            let pushers = [(); 3].map(|()| {
                let sender = sender.clone();
                scope.spawn(|| {
                    let job = Box::new(move || sender.send(()).unwrap());
                    together.wait();
                    usize::from(pool.run(job, JobKind::Thread).is_ok())
                })
            });
            pushers
                .into_iter()
                .map(|pusher| pusher.join().unwrap())
                .sum()
        });
        drop(sender);
        let ran = (0..accepted).filter(|_| ran.recv_timeout(PATIENCE).is_ok());
        assert_eq!(ran.count(), accepted);
    }
}

#[test]
fn a_spawner_that_panics_has_failed() {
    let pool = Pool::builder()
        .spawn_with(|_, _| panic!("no thread today"))
        .on_unhandled(|_| ())
        .build()
        .unwrap();
    assert!(pool.run(Box::new(|| ()), JobKind::Thread).is_err());
    assert_eq!(pool.statistics().threads, 0);
    assert!(pool.shutdown(PATIENCE).is_empty());
}

#[test]
fn to_thread_without_any_thread_is_an_error() {
    let pool = pool_failing_at(|_| true).build().unwrap();
    let env = Arc::new(Env::new(Parts {
        blocking: Some(Arc::new(pool)),
        ..Parts::default()
    }));
    let owned = Arc::new(());
    let kept = Arc::clone(&owned);
    let job = context::enter(&Local::new(&env, Role::Guest), || {
        to_thread(move || drop(kept))
    });
    assert_eq!(Arc::strong_count(&owned), 1, "the closure is gone");
    let error = block_on(job).unwrap_err();
    assert!(error.is_cancelled() && !error.is_panic());
    assert!(error.to_string().contains("no thread could be started"));
    assert!(error.into_panic().is_err());
}
