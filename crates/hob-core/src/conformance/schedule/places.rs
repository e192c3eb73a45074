//! Claims: a task is taken wherever it is scheduled.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::task::Poll;
use std::thread;

use super::bench::Bench;
use super::crew::{Counter, Crew, Latch, at_thread_exit};
use crate::context::{self, Local, Role};
use crate::env::{Env, Parts};
use crate::schedule::Why;

pub(super) fn what_was_scheduled_before_the_owner_runs_is_run(bench: Bench) {
    let ran = Counter::new();
    for _ in 0..1000 {
        bench.crew.spawn(ran.count_one());
    }
    bench.run_all();
    assert_eq!(ran.get(), 1000, "every task that was taken is run once");
    bench.end();
}

/// Where a foreign thread may be when it schedules.
#[derive(Clone, Copy)]
enum Place {
    Outside,
    /// A worker of another runtime, with the number that a worker here may have as well.
    OtherWorker,
    /// A blocking job of this runtime.
    Job,
    /// A job of this runtime, inside of which another one runs.
    Nested,
}

impl Place {
    const ALL: [Self; 4] = [Self::Outside, Self::OtherWorker, Self::Job, Self::Nested];

    fn enter(self, env: &Arc<Env>, inside: impl FnOnce()) {
        let other = Arc::new(Env::new(Parts::default()));
        let job = Local::new(env, Role::Guest);
        let worker = Local::new(&other, Role::Worker).with_worker(0);
        match self {
            Self::Outside => inside(),
            Self::OtherWorker => context::enter(&worker, inside),
            Self::Job => context::enter(&job, inside),
            Self::Nested => context::enter(&job, || context::enter(&worker, inside)),
        }
    }
}

pub(super) fn any_thread_may_schedule(bench: Bench) {
    let (crew, ran) = (&bench.crew, Counter::new());
    let threads = Latch::new(Place::ALL.len());
    crew.spawn(Arc::clone(&threads).wait());
    thread::scope(|scope| {
        for place in Place::ALL {
            let (ran, threads) = (ran.clone(), Arc::clone(&threads));
            scope.spawn(move || {
                place.enter(crew.env(), || {
                    (0..250).for_each(|_| drop(crew.spawn(ran.count_one())));
                });
                threads.count_down();
            });
        }
        bench.run_all();
    });
    assert_eq!(ran.get(), 1000, "a task is taken from any thread");
    bench.end();
}

pub(super) fn any_thread_ends_the_sleep_of_the_owner(bench: Bench) {
    let crew = &bench.crew;
    let over = Latch::new(1);
    crew.spawn(Arc::clone(&over).wait());
    thread::scope(|scope| {
        scope.spawn(|| {
            for place in Place::ALL {
                place.enter(crew.env(), || {
                    if !(0..100).all(|_| crew.runs_one(Why::Spawned)) {
                        crew.note("every task that was taken is run, also by an owner that sleeps");
                    }
                });
            }
            over.count_down();
        });
        bench.run_all();
    });
    bench.end();
}

pub(super) fn a_thread_that_ends_may_schedule(bench: Bench) {
    let latch = Latch::new(1);
    bench.crew.spawn(Arc::clone(&latch).wait());
    thread::scope(|scope| {
        scope.spawn(|| at_thread_exit(move || latch.count_down()));
        bench.run_all();
    });
    bench.end();
}

pub(super) fn a_poll_may_schedule(bench: Bench) {
    const DEPTH: u32 = 10;
    fn branch(crew: Arc<Crew>, depth: u32, leaves: Counter) -> impl Future<Output = ()> + Send {
        poll_fn(move |_| {
            match depth {
                0 => leaves.add(1),
                _ => (0..2).for_each(|_| {
                    let below = branch(Arc::clone(&crew), depth - 1, leaves.clone());
                    crew.spawn(Box::pin(below) as Pin<Box<dyn Future<Output = ()> + Send>>);
                }),
            }
            Poll::Ready(())
        })
    }
    let leaves = Counter::new();
    let root = branch(Arc::clone(&bench.crew), DEPTH, leaves.clone());
    bench.crew.spawn(root);
    bench.run_all();
    assert_eq!(leaves.get(), 1 << DEPTH, "a task is taken inside a poll");

    // Inside a poll, but inside another runtime there.
    let (crew, ran) = (Arc::clone(&bench.crew), leaves);
    bench.crew.spawn(poll_fn(move |_| {
        Place::Nested.enter(crew.env(), || drop(crew.spawn(ran.count_one())));
        Poll::Ready(())
    }));
    bench.run_all();
    bench.end();
}

pub(super) fn the_main_future_may_schedule(bench: Bench) {
    let latch = Latch::new(100);
    let mut begun = false;
    bench.run(poll_fn(|cx| {
        if !begun {
            begun = true;
            for _ in 0..100 {
                let latch = Arc::clone(&latch);
                bench.crew.spawn(poll_fn(move |_| {
                    latch.count_down();
                    Poll::Ready(())
                }));
            }
        }
        latch.poll(cx)
    }));
    bench.run_all();
    bench.end();
}

pub(super) fn a_call_does_not_wait_for_a_busy_owner(bench: Bench) {
    /// Keeps whoever runs it busy until the other side of `release` is dropped.
    fn busy(crew: Arc<Crew>, begun: Sender<()>, release: Receiver<()>) -> impl Future<Output = ()> {
        poll_fn(move |_| {
            // A suite that has failed no longer listens.
            let _gone = begun.send(());
            // One that has waited in vain is enough.
            if crew.is_broken() {
                return Poll::Ready(());
            }
            if release.recv_timeout(crew.patience()) == Err(RecvTimeoutError::Timeout) {
                crew.note("`schedule` does not wait for another thread to run something");
            }
            Poll::Ready(())
        })
    }
    let (crew, ran) = (&bench.crew, Counter::new());
    let woken = Latch::new(1);
    crew.spawn(Arc::clone(&woken).wait());
    let (begun, begins) = channel();
    let releases: Vec<_> = (0..16)
        .map(|_| {
            let (hold, release) = channel();
            crew.spawn(busy(Arc::clone(crew), begun.clone(), release));
            hold
        })
        .collect();
    thread::scope(|scope| {
        let ran = ran.clone();
        scope.spawn(move || {
            // If none begins, the bench says so.
            if begins.recv_timeout(crew.patience()).is_ok() {
                (0..100).for_each(|_| drop(crew.spawn(ran.count_one())));
            }
            woken.count_down();
            drop(releases);
        });
        bench.run_all();
    });
    assert_eq!(ran.get(), 100, "a task is taken while its owner is busy");
    bench.end();
}
