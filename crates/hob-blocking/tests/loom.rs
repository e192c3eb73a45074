//! Models of the pool's line, its shutdown, and the cell that a job and its future share.

#![cfg(loom)]

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use hob_blocking::{Pool, to_thread};
use hob_core::context::{self, Local, Role};
use hob_core::env::{Env, Parts};
use hob_core::{Blocking, Job, JobKind};
use loom::sync::{Condvar, Mutex};
use loom::thread;

/// Counts, and waits for a count; a job that is lost is a deadlock, which loom reports.
#[derive(Default)]
struct Tally {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Counts {
    ran: usize,
    dropped: usize,
}

impl Tally {
    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().expect("no model panics here"));
        self.changed.notify_all();
    }

    fn await_ran(&self, ran: usize) {
        let mut counts = self.counts.lock().expect("no model panics here");
        while counts.ran < ran {
            counts = self.changed.wait(counts).expect("no model panics here");
        }
    }

    fn counts(&self) -> Counts {
        *self.counts.lock().expect("no model panics here")
    }
}

/// What a job owns: it counts what became of the job.
struct Probe {
    tally: Arc<Tally>,
    ran: bool,
}

impl Probe {
    fn new(tally: &Arc<Tally>) -> Self {
        Self {
            tally: Arc::clone(tally),
            ran: false,
        }
    }

    fn run(mut self) {
        self.ran = true;
        self.tally.change(|counts| counts.ran += 1);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if !self.ran {
            self.tally.change(|counts| counts.dropped += 1);
        }
    }
}

fn job(tally: &Arc<Tally>) -> Job {
    let probe = Probe::new(tally);
    Box::new(move || probe.run())
}

fn push(pool: &Pool, tally: &Arc<Tally>) -> bool {
    pool.run(job(tally), JobKind::Thread).is_ok()
}

/// A pool of one thread. Under loom a finite patience has always just run out.
fn pool(keep_alive: Duration) -> Arc<Pool> {
    let builder = Pool::builder().max_threads(1).keep_alive(keep_alive);
    Arc::new(builder.build().expect("the settings are valid"))
}

#[test]
fn a_push_meets_a_thread_whose_patience_runs_out() {
    loom::model(|| {
        let (pool, tally) = (pool(Duration::ZERO), Arc::<Tally>::default());
        assert!(push(&pool, &tally));
        assert!(push(&pool, &tally));
        tally.await_ran(2);
    });
}

#[test]
fn a_push_meets_an_idle_thread_and_one_that_runs() {
    loom::model(|| {
        let (pool, tally) = (pool(Duration::MAX), Arc::<Tally>::default());
        assert!(push(&pool, &tally));
        assert!(push(&pool, &tally));
        tally.await_ran(2);
        assert!(pool.shutdown(Duration::MAX).is_empty());
    });
}

#[test]
fn two_push_while_patience_runs_out() {
    loom::model(|| {
        let (pool, tally) = (pool(Duration::ZERO), Arc::<Tally>::default());
        let pusher = {
            let (pool, tally) = (Arc::clone(&pool), Arc::clone(&tally));
            thread::spawn(move || assert!(push(&pool, &tally)))
        };
        assert!(push(&pool, &tally));
        tally.await_ran(2);
        pusher.join().expect("it does not panic");
    });
}

#[test]
fn shutdown_meets_a_push() {
    loom::model(|| {
        let (pool, tally) = (pool(Duration::MAX), Arc::<Tally>::default());
        let pusher = {
            let (pool, tally) = (Arc::clone(&pool), Arc::clone(&tally));
            // A job that comes back is dropped here and counted as such.
            thread::spawn(move || drop(pool.run(job(&tally), JobKind::Thread)))
        };
        assert!(pool.shutdown(Duration::MAX).is_empty());
        assert_eq!(pool.statistics().threads, 0);
        let ran_before = tally.counts().ran;
        pusher.join().expect("it does not panic");
        let Counts { ran, dropped } = tally.counts();
        assert_eq!(ran + dropped, 1, "exactly one fate");
        assert_eq!(ran, ran_before, "nothing runs once nothing was left");
    });
}

#[test]
fn shutdown_meets_an_idle_thread() {
    loom::model(|| {
        let (pool, tally) = (pool(Duration::MAX), Arc::<Tally>::default());
        assert!(push(&pool, &tally));
        assert!(pool.shutdown(Duration::MAX).is_empty());
        assert_eq!(pool.statistics().threads, 0);
        let Counts { ran, dropped } = tally.counts();
        assert_eq!(ran + dropped, 1, "exactly one fate");
    });
}

#[test]
fn a_push_relies_on_no_thread_that_fails_to_start() {
    loom::model(|| {
        let failed = Mutex::new(false);
        let pool = Pool::builder()
            .max_threads(1)
            .keep_alive(Duration::ZERO)
            .spawn_with(move |_, main| {
                let mut failed = failed.lock().expect("no model panics here");
                if !*failed {
                    *failed = true;
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                drop(failed);
                thread::spawn(main);
                Ok(())
            })
            .build()
            .expect("the settings are valid");
        let (pool, tally) = (Arc::new(pool), Arc::<Tally>::default());
        let pusher = {
            let (pool, tally) = (Arc::clone(&pool), Arc::clone(&tally));
            thread::spawn(move || push(&pool, &tally))
        };
        let here = push(&pool, &tally);
        let there = pusher.join().expect("it does not panic");
        assert!(here || there, "one start in two fails");
        tally.await_ran(usize::from(here) + usize::from(there));
    });
}

/// Runs each job on a thread of its own.
struct Threads;

impl Blocking for Threads {
    fn run(&self, job: Job, _kind: JobKind) -> Result<(), Job> {
        thread::spawn(job);
        Ok(())
    }
}

fn within<R>(blocking: impl Blocking + 'static, act: impl FnOnce() -> R) -> R {
    let env = Arc::new(Env::new(Parts {
        blocking: Some(Arc::new(blocking)),
        ..Parts::default()
    }));
    context::enter(&Local::new(&env, Role::Guest), act)
}

/// Keeps the job for the model to run.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Option<Job>>>);

impl Blocking for Shelf {
    fn run(&self, job: Job, _kind: JobKind) -> Result<(), Job> {
        let displaced = self.0.lock().expect("no model panics here").replace(job);
        assert!(displaced.is_none(), "one job a model");
        Ok(())
    }
}

#[test]
fn a_future_is_dropped_while_its_job_starts() {
    loom::model(|| {
        let (work, result) = (Arc::<Tally>::default(), Arc::<Tally>::default());
        let (runs, returned) = (Probe::new(&work), Probe::new(&result));
        let shelf = Shelf::default();
        let future = within(shelf.clone(), || {
            to_thread(move || {
                runs.run();
                returned
            })
        });
        let job = shelf.0.lock().expect("no model panics here").take();
        let thread = thread::spawn(job.expect("it was queued"));
        drop(future);
        thread.join().expect("it does not panic");
        let Counts { ran, dropped } = work.counts();
        assert_eq!(ran + dropped, 1, "exactly one fate");
        assert_eq!(result.counts().dropped, 1, "wherever it was, it went once");
    });
}

#[test]
fn a_future_is_dropped_while_the_pool_drops_its_job() {
    loom::model(|| {
        let tally = Arc::<Tally>::default();
        let probe = Probe::new(&tally);
        let shelf = Shelf::default();
        let future = within(shelf.clone(), || to_thread(move || probe.run()));
        let job = shelf.0.lock().expect("no model panics here").take();
        let pool = thread::spawn(move || drop(job));
        drop(future);
        pool.join().expect("it does not panic");
        assert_eq!(tally.counts(), Counts { ran: 0, dropped: 1 });
    });
}

/// A token that ends a wait.
#[derive(Default)]
struct Token {
    left: Mutex<bool>,
    bell: Condvar,
}

impl Wake for Token {
    fn wake(self: Arc<Self>) {
        *self.left.lock().expect("no model panics here") = true;
        self.bell.notify_one();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let token = Arc::<Token>::default();
    let waker = Waker::from(Arc::clone(&token));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let mut left = token.left.lock().expect("no model panics here");
        while !*left {
            left = token.bell.wait(left).expect("no model panics here");
        }
        *left = false;
    }
}

#[test]
fn a_result_meets_the_poll_that_asks_for_it() {
    loom::model(|| {
        let future = within(Threads, || to_thread(|| 7));
        assert_eq!(block_on(future).expect("it does not panic"), 7);
    });
}

#[test]
fn a_pool_that_is_shut_down_wakes_who_awaits_a_job() {
    loom::model(|| {
        let pool = Arc::new(Pool::builder().build().expect("the settings are valid"));
        let future = within(Shared(Arc::clone(&pool)), || to_thread(|| 7));
        let shutdown = thread::spawn(move || assert!(pool.shutdown(Duration::MAX).is_empty()));
        match block_on(future) {
            Ok(result) => assert_eq!(result, 7),
            Err(error) => assert!(error.is_cancelled()),
        }
        shutdown.join().expect("it does not panic");
    });
}

struct Shared(Arc<Pool>);

impl Blocking for Shared {
    fn run(&self, job: Job, kind: JobKind) -> Result<(), Job> {
        self.0.run(job, kind)
    }
}
