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
        pusher.join().expect("it does not panic");
        // A thread that was being started may outlast the first wait.
        assert!(pool.shutdown(Duration::MAX).is_empty());
        let Counts { ran, dropped } = tally.counts();
        assert_eq!(ran + dropped, 1, "exactly one fate");
        assert_eq!(pool.statistics().threads, 0);
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

#[test]
fn a_future_is_dropped_while_its_job_starts() {
    loom::model(|| {
        let tally = Arc::<Tally>::default();
        let (work, result) = (Probe::new(&tally), Probe::new(&tally));
        let future = within(Threads, || {
            to_thread(move || {
                work.run();
                result
            })
        });
        let waker = Waker::noop();
        let early = pin!(future)
            .poll(&mut Context::from_waker(waker))
            .is_ready();
        // The future has been dropped. Whatever the job does now, it happens once.
        let counts = tally.counts();
        assert!(!early || counts.ran == 1);
    });
}

#[test]
fn a_closure_that_was_taken_with_its_future_does_not_run() {
    loom::model(|| {
        let tally = Arc::<Tally>::default();
        let probe = Probe::new(&tally);
        drop(within(Threads, || to_thread(move || probe.run())));
        let Counts { ran, dropped } = tally.counts();
        // Neither: it is about to be run.
        assert!(ran + dropped <= 1);
        if dropped == 1 {
            thread::yield_now();
            assert_eq!(tally.counts().ran, 0);
        }
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
