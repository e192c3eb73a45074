//! The pool: how many threads, for how long, under which names, and what panics do to them.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use hob_blocking::{Inline, Pool};
use hob_core::unhandled::UnhandledKind;
use hob_core::{Blocking, JobKind, conformance};

const PATIENCE: Duration = Duration::from_secs(30);

fn run(pool: &impl Blocking, job: impl FnOnce() + Send + 'static) {
    assert!(
        pool.run(Box::new(job), JobKind::Thread).is_ok(),
        "the job was refused"
    );
}

/// Something that says on which thread it is dropped, for use as a thread-local.
struct Farewell(Sender<String>);

impl Drop for Farewell {
    fn drop(&mut self) {
        // Whoever listened may have stopped.
        let _gone = self
            .0
            .send(thread::current().name().unwrap_or_default().to_owned());
    }
}

thread_local! {
    static FAREWELL: std::cell::RefCell<Option<Farewell>> = const { std::cell::RefCell::new(None) };
}

fn say_farewell_to(sender: Sender<String>) {
    FAREWELL.with(|farewell| farewell.replace(Some(Farewell(sender))));
}

/// The names of the threads that really ended; waits until all that were asked to tell have.
fn farewells(receiver: &Receiver<String>) -> Vec<String> {
    let next = || receiver.recv_timeout(PATIENCE).ok();
    let mut names: Vec<_> = std::iter::from_fn(next).collect();
    names.sort();
    names
}

#[test]
fn a_pool_keeps_the_contract_of_blocking() {
    let small = || {
        Pool::builder()
            .max_threads(2)
            .on_unhandled(|_| ())
            .build()
            .unwrap()
    };
    conformance::blocking(small, |pool| {
        assert!(pool.shutdown(PATIENCE).is_empty());
    });
}

#[test]
fn a_pool_without_patience_keeps_the_contract_of_blocking() {
    let hasty = Pool::builder()
        .keep_alive(Duration::ZERO)
        .on_unhandled(|_| ());
    conformance::blocking(
        || hasty.clone().build().unwrap(),
        |pool| assert!(pool.shutdown(PATIENCE).is_empty()),
    );
}

#[test]
fn inline_keeps_the_contract_of_blocking() {
    conformance::blocking(|| Inline::new().on_unhandled(|_| ()), Inline::close);
}

#[test]
fn a_thousand_jobs_share_four_threads() {
    let pool = Pool::builder().max_threads(4).build().unwrap();
    let (sender, threads) = channel();
    for _ in 0..1000 {
        let sender = sender.clone();
        run(&pool, move || sender.send(thread::current().id()).unwrap());
    }
    drop(sender);
    let threads: Vec<_> = threads.iter().collect();
    assert_eq!(threads.len(), 1000);
    assert!(threads.iter().collect::<HashSet<_>>().len() <= 4);
    assert!(pool.shutdown(PATIENCE).is_empty());
    let statistics = pool.statistics();
    assert_eq!((statistics.jobs_done, statistics.threads), (1000, 0));
    assert_eq!((statistics.jobs_queued, statistics.jobs_running), (0, 0));
}

#[test]
fn jobs_that_need_each_other_get_a_thread_each() {
    let pool = Pool::default();
    let together = Arc::new(Barrier::new(9));
    for _ in 0..8 {
        let together = Arc::clone(&together);
        run(&pool, move || {
            together.wait();
        });
    }
    together.wait();
    assert_eq!(pool.statistics().threads, 8);
}

#[test]
fn at_the_limit_jobs_wait_in_line_and_in_order() {
    let pool = Pool::builder().max_threads(1).build().unwrap();
    let (gate, open) = channel::<()>();
    let (sender, order) = channel();
    run(&pool, move || open.recv().unwrap_or_default());
    for number in 0..10 {
        let sender = sender.clone();
        run(&pool, move || sender.send(number).unwrap());
    }
    let statistics = pool.statistics();
    assert_eq!((statistics.threads, statistics.threads_max), (1, 1));
    // The gate's job runs or is about to.
    assert!(statistics.jobs_queued >= 10);
    drop((gate, sender));
    assert!(order.iter().eq(0..10));
}

#[test]
fn threads_are_named_after_the_runtime() {
    let pool = Pool::builder()
        .name("kitchen")
        .max_threads(1)
        .build()
        .unwrap();
    let (sender, name) = channel();
    run(&pool, move || {
        sender
            .send(thread::current().name().map(str::to_owned))
            .unwrap()
    });
    assert_eq!(name.recv().unwrap().as_deref(), Some("kitchen-blocking-1"));
}

#[test]
fn idle_threads_really_exit() {
    let pool = Pool::builder()
        .keep_alive(Duration::from_millis(20))
        .build()
        .unwrap();
    let (sender, receiver) = channel();
    let together = Arc::new(Barrier::new(3));
    for _ in 0..3 {
        let (sender, together) = (sender.clone(), Arc::clone(&together));
        run(&pool, move || {
            say_farewell_to(sender);
            together.wait();
        });
    }
    drop(sender);
    let names = farewells(&receiver);
    assert_eq!(
        names,
        [1, 2, 3].map(|number| format!("hob-blocking-{number}"))
    );
    assert_eq!(pool.statistics().threads, 0);
    let (sender, done) = channel();
    run(&pool, move || sender.send(()).unwrap());
    assert_eq!(
        done.recv(),
        Ok(()),
        "a pool whose threads have gone starts new ones"
    );
}

#[test]
fn threads_at_the_bottom_go_while_the_last_one_works_on() {
    let pool = Pool::builder()
        .keep_alive(Duration::from_millis(100))
        .build()
        .unwrap();
    let (sender, receiver) = channel();
    let together = Arc::new(Barrier::new(3));
    for _ in 0..3 {
        let (sender, together) = (sender.clone(), Arc::clone(&together));
        run(&pool, move || {
            say_farewell_to(sender);
            together.wait();
        });
    }
    // A trickle that would keep all three busy if they took turns.
    let mut gone = 0;
    for _ in 0..5000 {
        let (sender, done) = channel();
        run(&pool, move || sender.send(()).unwrap());
        done.recv().unwrap();
        gone += usize::from(receiver.recv_timeout(Duration::from_millis(5)).is_ok());
        if gone == 2 {
            break;
        }
    }
    assert_eq!(gone, 2);
}

#[test]
fn a_job_that_panics_is_reported_and_its_thread_goes_on() {
    let (reports, reported) = channel();
    let pool = Pool::builder()
        .max_threads(1)
        .on_unhandled(move |unhandled| {
            reports
                .send((unhandled.kind, unhandled.message.to_owned()))
                .unwrap();
        })
        .build()
        .unwrap();
    let (sender, threads) = channel();
    let first = sender.clone();
    run(&pool, move || {
        first.send(thread::current().id()).unwrap();
        panic!("the milk boils over");
    });
    run(&pool, move || sender.send(thread::current().id()).unwrap());
    let threads: Vec<_> = threads.iter().collect();
    assert_eq!(threads[0], threads[1]);
    let expected = (UnhandledKind::JobPanicked, "the milk boils over".to_owned());
    assert_eq!(reported.recv(), Ok(expected));
    assert!(pool.shutdown(PATIENCE).is_empty());
    let statistics = pool.statistics();
    assert_eq!((statistics.jobs_done, statistics.jobs_panicked), (2, 1));
}

#[test]
fn a_hook_that_panics_is_contained() {
    let pool = Pool::builder()
        .max_threads(1)
        .on_unhandled(|_| panic!("the hook"))
        .build()
        .unwrap();
    run(&pool, || panic!("the job"));
    let (sender, done) = channel();
    run(&pool, move || sender.send(()).unwrap());
    assert_eq!(done.recv(), Ok(()));
}

#[test]
fn a_pool_that_could_never_run_anything_is_an_error() {
    for builder in [Pool::builder().max_threads(0), Pool::builder().name("a\0b")] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}

#[test]
fn a_dump_never_waits_and_names_the_pool() {
    let pool = Pool::builder().name("kitchen").build().unwrap();
    assert!(format!("{pool:?}").contains("kitchen"));
}

#[test]
fn inline_jobs_nest() {
    let inline = Arc::new(Inline::new());
    let (sender, order) = channel();
    let again = Arc::clone(&inline);
    run(&*inline, move || {
        let inside = sender.clone();
        let counts = again.statistics();
        run(&*again, move || {
            inside.send(("inner", counts.jobs_running)).unwrap()
        });
        sender
            .send(("outer", again.statistics().jobs_running))
            .unwrap();
    });
    assert_eq!(
        order.try_iter().collect::<Vec<_>>(),
        [("inner", 1), ("outer", 1)]
    );
    let statistics = inline.statistics();
    assert_eq!((statistics.jobs_done, statistics.jobs_running), (2, 0));
}
