//! Shutting a pool down: bounded, naming what is left, from anywhere.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use futures_lite::future::block_on;
use hob_blocking::{Pool, ToThread, to_thread, to_thread_as};
use hob_core::context::{self, Local, Role};
use hob_core::env::{Env, Parts};
use hob_core::{Blocking, Instant, JobKind};

const PATIENCE: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_millis(30);

fn pool_of(max_threads: usize) -> Arc<Pool> {
    Arc::new(Pool::builder().max_threads(max_threads).build().unwrap())
}

fn env_with(pool: &Arc<Pool>) -> Arc<Env> {
    Arc::new(Env::new(Parts {
        blocking: Some(Arc::clone(pool) as Arc<dyn Blocking>),
        ..Parts::default()
    }))
}

fn within<R>(env: &Arc<Env>, act: impl FnOnce() -> R) -> R {
    context::enter(&Local::new(env, Role::Guest), act)
}

/// A job that runs until the sender is dropped, and does run.
fn stuck(env: &Arc<Env>, kind: JobKind) -> (Sender<()>, ToThread<()>) {
    let (gate, open) = channel::<()>();
    let (sender, runs) = channel();
    let work = move || {
        sender.send(()).unwrap();
        open.recv().unwrap_or_default();
    };
    let job = within(env, || to_thread_as(kind, work));
    runs.recv_timeout(PATIENCE).unwrap();
    (gate, job)
}

#[test]
fn an_idle_pool_ends_at_once_whatever_its_patience() {
    let pool = Pool::builder().keep_alive(Duration::MAX).build().unwrap();
    assert!(pool.run(Box::new(|| ()), JobKind::Thread).is_ok());
    assert!(pool.shutdown(Duration::MAX).is_empty());
    assert_eq!(pool.statistics().threads, 0);
    assert!(pool.shutdown(Duration::MAX).is_empty(), "and again");
}

#[test]
fn jobs_in_line_are_dropped_unrun() {
    let pool = pool_of(1);
    let env = env_with(&pool);
    let (gate, running) = stuck(&env, JobKind::Thread);
    let owned = Arc::new(());
    let kept = Arc::clone(&owned);
    let queued = within(&env, || to_thread(move || drop(kept)));
    assert_eq!(Arc::strong_count(&owned), 2);
    assert_eq!(pool.shutdown(Duration::ZERO).len(), 1);
    assert_eq!(Arc::strong_count(&owned), 1);
    assert!(block_on(queued).unwrap_err().is_cancelled());
    drop(gate);
    block_on(running).expect("a job that runs is not cut");
    assert!(pool.shutdown(PATIENCE).is_empty());
}

#[test]
fn what_is_left_at_the_deadline_is_named() {
    let pool = pool_of(4);
    let env = env_with(&pool);
    let (release, open) = channel::<()>();
    let (sender, runs) = channel();
    let work = move || {
        sender.send(()).unwrap();
        open.recv().unwrap_or_default();
    };
    let line = line!() + 1;
    let job = within(&env, || to_thread(work));
    runs.recv_timeout(PATIENCE).unwrap();

    let before = Instant::system();
    let left = pool.shutdown(MOMENT);
    assert!(
        Instant::system() - before >= MOMENT,
        "it waits until the deadline"
    );
    let [left] = left.as_slice() else {
        panic!("one job is left, not {left:?}");
    };
    let place = left.place.expect("it came from `to_thread`");
    assert_eq!((place.file(), place.line()), (file!(), line));
    assert_eq!(left.kind, JobKind::Thread);
    assert!(left.running_for >= MOMENT);
    assert!(left.to_string().contains(file!()), "{left}");

    drop(release);
    block_on(job).unwrap();
    assert!(
        pool.shutdown(PATIENCE).is_empty(),
        "the second call waits on"
    );
}

#[test]
fn a_running_job_is_waited_for() {
    let pool = pool_of(1);
    let env = env_with(&pool);
    let (gate, job) = stuck(&env, JobKind::Thread);
    let queued = within(&env, || to_thread(|| ()));
    thread::scope(|scope| {
        let shutdown = scope.spawn(|| pool.shutdown(PATIENCE));
        // The line is emptied before anything is waited for.
        block_on(queued).unwrap_err();
        drop(gate);
        assert!(shutdown.join().unwrap().is_empty());
    });
    block_on(job).unwrap();
}

#[test]
fn an_abandoned_job_is_not_waited_for() {
    let pool = pool_of(2);
    let env = env_with(&pool);
    let (gate, job) = stuck(&env, JobKind::Abandon);
    let left = pool.shutdown(Duration::MAX);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].kind, JobKind::Abandon);
    drop(gate);
    block_on(job).unwrap();
}

#[test]
fn a_job_of_the_pool_may_shut_it_down() {
    let pool = pool_of(2);
    let env = env_with(&pool);
    let (gate, other) = stuck(&env, JobKind::Thread);
    let inside = Arc::clone(&pool);
    let left = within(&env, || to_thread(move || inside.shutdown(Duration::MAX)));
    let left = block_on(left).unwrap();
    assert_eq!(left.len(), 1, "the other job, and not the one that asks");
    drop(gate);
    block_on(other).unwrap();
    assert!(pool.shutdown(PATIENCE).is_empty());
}

/// Tells that its thread ends, when it lies in [`TELLS`].
struct Tells(Sender<()>);

impl Drop for Tells {
    fn drop(&mut self) {
        // Whoever listened may have stopped.
        let _gone = self.0.send(());
    }
}

thread_local! {
    static TELLS: RefCell<Option<Tells>> = const { RefCell::new(None) };
}

fn tell_when_this_thread_ends(sender: Sender<()>) {
    TELLS.with(|tells| tells.replace(Some(Tells(sender))));
}

#[test]
fn the_last_reference_may_go_in_a_job_of_the_pool() {
    for _ in 0..1000 {
        let pool = pool_of(1);
        let (gate, open) = channel::<()>();
        let (sender, ended) = channel();
        let inside = Arc::clone(&pool);
        let job = move || {
            tell_when_this_thread_ends(sender);
            open.recv().unwrap_or_default();
            drop(inside);
        };
        assert!(pool.run(Box::new(job), JobKind::Thread).is_ok());
        drop(pool);
        drop(gate);
        assert_eq!(ended.recv_timeout(PATIENCE), Ok(()));
    }
}

#[test]
fn the_surroundings_may_go_with_the_job_that_they_surround() {
    let pool = Pool::builder().keep_alive(Duration::MAX).build().unwrap();
    let env = env_with(&Arc::new(pool));
    let (gate, open) = channel::<()>();
    let (sender, ended) = channel();
    let (started, starts) = channel();
    let job = within(&env, || {
        to_thread(move || {
            tell_when_this_thread_ends(sender);
            started.send(()).unwrap();
            open.recv().unwrap_or_default();
        })
    });
    starts.recv_timeout(PATIENCE).unwrap();
    drop((job, env));
    drop(gate);
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(()));
}

#[test]
fn a_dropped_pool_lets_its_idle_threads_go() {
    let pool = Pool::builder().keep_alive(Duration::MAX).build().unwrap();
    let (sender, ended) = channel();
    let (ran, runs) = channel();
    let job = move || {
        tell_when_this_thread_ends(sender);
        ran.send(()).unwrap();
    };
    assert!(pool.run(Box::new(job), JobKind::Thread).is_ok());
    runs.recv_timeout(PATIENCE).unwrap();
    drop(pool);
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(()));
}
