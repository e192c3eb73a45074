//! `to_thread`: its result, its panics, its cancellation, and what surrounds the job.

use std::panic::{Location, panic_any};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use std::{pin::pin, thread};

use futures_lite::future::{block_on, poll_once, zip};
use hob_blocking::{BlockingError, Inline, Pool, to_thread};
use hob_core::context::{self, Local, Role};
use hob_core::env::{Env, Parts};
use hob_core::task::{Occupant, TaskLabel};
use hob_core::unhandled::UnhandledKind;
use hob_core::{Blocking, TaskSlot};

const PATIENCE: Duration = Duration::from_secs(30);

type Reports = Receiver<(UnhandledKind, String)>;

/// Surroundings with `blocking`, and what reaches their hook.
fn env_with(blocking: impl Blocking + 'static) -> (Arc<Env>, Reports) {
    let (sender, reports) = channel();
    let env = Env::new(Parts {
        blocking: Some(Arc::new(blocking)),
        unhandled: Arc::new(move |unhandled| {
            sender
                .send((unhandled.kind, unhandled.message.to_owned()))
                .unwrap();
        }),
        ..Parts::default()
    });
    (Arc::new(env), reports)
}

fn single() -> Pool {
    Pool::builder().max_threads(1).build().unwrap()
}

fn within<R>(env: &Arc<Env>, act: impl FnOnce() -> R) -> R {
    context::enter(&Local::new(env, Role::Worker), act)
}

/// Occupies the one thread until the sender is dropped.
fn hold(env: &Arc<Env>) -> Sender<()> {
    let (gate, open) = channel::<()>();
    let (sender, runs) = channel();
    let work = Box::new(move || {
        sender.send(()).unwrap();
        open.recv().unwrap_or_default();
    });
    let blocking = env.parts().blocking.as_ref().unwrap();
    assert!(blocking.run(work, hob_core::JobKind::Thread).is_ok());
    runs.recv_timeout(PATIENCE).unwrap();
    gate
}

/// Panics when it is dropped, unless that happens during another panic.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("the bomb");
        }
    }
}

fn assert_send_sync<T: Send + Sync>(value: T) -> T {
    value
}

#[test]
fn outside_any_runtime_it_runs_on_another_thread() {
    let here = thread::current().id();
    let there = block_on(assert_send_sync(to_thread(move || thread::current().id())));
    assert_ne!(there.unwrap(), here);
}

#[test]
fn jobs_run_beside_each_other_before_the_first_poll() {
    let (sender, receiver) = channel();
    let receives = to_thread(move || receiver.recv_timeout(PATIENCE).unwrap());
    let sends = to_thread(move || sender.send(7).unwrap());
    let (seven, ()) = block_on(async {
        let (receives, sends) = zip(receives, sends).await;
        (receives.unwrap(), sends.unwrap())
    });
    assert_eq!(seven, 7);
}

#[test]
fn a_job_sees_the_surroundings_of_its_caller() {
    let (env, _reports) = env_with(single());
    let seen = within(&env, || {
        to_thread(|| (context::env().map(|env| env.id()), context::on_worker()))
    });
    assert_eq!(block_on(seen).unwrap(), (Some(env.id()), false));
    let outside = to_thread(|| context::env().is_none());
    assert!(block_on(outside).unwrap());
}

#[test]
fn a_job_makes_jobs_for_the_same_pool() {
    let (env, _reports) = env_with(Pool::builder().name("inner").build().unwrap());
    let name = || thread::current().name().unwrap_or_default().to_owned();
    let nested = within(&env, || {
        to_thread(move || block_on(to_thread(name)).unwrap())
    });
    assert!(block_on(nested).unwrap().starts_with("inner-blocking-"));
}

#[test]
fn a_panic_is_an_error_with_its_payload() {
    let (env, reports) = env_with(single());
    let error = block_on(within(&env, || {
        to_thread(|| -> u8 { panic!("the milk boils over") })
    }));
    let error: BlockingError = assert_send_sync(error.unwrap_err());
    assert!(error.is_panic() && !error.is_cancelled());
    assert_eq!(
        error.to_string(),
        "the blocking job panicked: the milk boils over"
    );
    let error = std::io::Error::from(error);
    let error: BlockingError = error.downcast().unwrap();
    let payload = error.into_panic().unwrap();
    assert_eq!(payload.downcast_ref(), Some(&"the milk boils over"));
    assert!(reports.try_recv().is_err(), "somebody saw it");

    let odd = block_on(within(&env, || to_thread(|| panic_any(7_u8))));
    let payload = odd.unwrap_err().into_panic().unwrap();
    assert_eq!(payload.downcast_ref(), Some(&7_u8));
}

#[test]
fn panics_are_counted_though_they_are_caught() {
    let pool = Arc::new(single());
    let env = Arc::new(Env::new(Parts {
        blocking: Some(Arc::clone(&pool) as Arc<dyn Blocking>),
        ..Parts::default()
    }));
    let jobs = within(&env, || [to_thread(|| panic!("one")), to_thread(|| ())]);
    for job in jobs {
        drop(block_on(job));
    }
    assert!(pool.shutdown(PATIENCE).is_empty());
    let statistics = pool.statistics();
    assert_eq!((statistics.jobs_done, statistics.jobs_panicked), (2, 1));
}

#[test]
fn dropped_while_queued_it_never_starts_and_owns_nothing() {
    let (env, _reports) = env_with(single());
    let gate = hold(&env);
    let (sender, ran) = channel::<()>();
    let job = within(&env, || to_thread(move || sender.send(()).unwrap()));
    assert!(block_on(poll_once(&mut { job })).is_none());
    assert!(ran.try_recv().is_err());
    assert_eq!(
        ran.recv_timeout(Duration::ZERO),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected),
        "the closure was dropped with the future"
    );
    drop(gate);
    block_on(within(&env, || to_thread(|| ()))).unwrap();
    assert!(ran.try_recv().is_err());
}

#[test]
fn dropped_while_it_runs_it_goes_on_and_its_result_is_dropped() {
    let (env, reports) = env_with(single());
    let (gate, open) = channel::<()>();
    let (sender, runs) = channel();
    let (result, dropped) = channel::<()>();
    let job = within(&env, || {
        to_thread(move || {
            sender.send(()).unwrap();
            open.recv().unwrap_or_default();
            result
        })
    });
    runs.recv_timeout(PATIENCE).unwrap();
    drop(job);
    assert_eq!(
        dropped.try_recv(),
        Err(std::sync::mpsc::TryRecvError::Empty)
    );
    drop(gate);
    let end = dropped.recv_timeout(PATIENCE);
    assert_eq!(end, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
    assert!(reports.try_recv().is_err());
}

#[test]
fn destructors_that_panic_are_reported_and_contained() {
    // A result that nobody wants, and a closure that never runs.
    let (env, reports) = env_with(single());
    let gate = hold(&env);
    let bomb = Bomb;
    drop(within(&env, || to_thread(move || drop(bomb))));
    let told = reports.try_recv().unwrap();
    assert_eq!(told.0, UnhandledKind::DropPanicked);
    assert!(told.1.starts_with("the bomb (job from "), "{}", told.1);
    drop(gate);

    let (gate, open) = channel::<()>();
    let (sender, runs) = channel();
    let job = within(&env, || {
        to_thread(move || {
            sender.send(()).unwrap();
            open.recv().unwrap_or_default();
            Bomb
        })
    });
    runs.recv_timeout(PATIENCE).unwrap();
    drop(job);
    drop(gate);
    let told = reports.recv_timeout(PATIENCE).unwrap();
    assert_eq!(told.0, UnhandledKind::DropPanicked);
}

#[test]
fn a_panic_that_nobody_awaits_is_reported() {
    let (env, reports) = env_with(Inline::new());
    drop(within(&env, || to_thread(|| panic!("unseen"))));
    let (kind, message) = reports.try_recv().unwrap();
    assert_eq!(kind, UnhandledKind::JobPanicked);
    assert!(message.starts_with("unseen (job from "), "{message}");
}

#[test]
fn a_waker_that_panics_is_reported_and_the_result_is_kept() {
    struct Hostile;
    impl Wake for Hostile {
        fn wake(self: Arc<Self>) {
            panic!("the waker");
        }
    }
    let (env, reports) = env_with(single());
    let gate = hold(&env);
    let mut job = pin!(within(&env, || to_thread(|| 7)));
    let waker = Waker::from(Arc::new(Hostile));
    assert!(
        job.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(gate);
    let told = reports.recv_timeout(PATIENCE).unwrap();
    assert_eq!(told.0, UnhandledKind::CallbackPanicked);
    assert_eq!(block_on(job).unwrap(), 7);
}

#[test]
fn a_waker_whose_destructor_panics_is_reported_when_it_is_displaced() {
    struct Fuse(Bomb);
    impl Wake for Fuse {
        fn wake(self: Arc<Self>) {
            let Self(_bomb) = &*self;
        }
    }
    let (env, reports) = env_with(single());
    let gate = hold(&env);
    let mut job = pin!(within(&env, || to_thread(|| 7)));
    for waker in [Waker::from(Arc::new(Fuse(Bomb))), Waker::noop().clone()] {
        let mut poll = || job.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(poll().is_pending());
    }
    let told = reports.try_recv().unwrap();
    assert_eq!(told.0, UnhandledKind::CallbackPanicked);
    drop(gate);
    assert_eq!(block_on(job).unwrap(), 7);
}

#[test]
#[should_panic(expected = " was polled after it was ready")]
fn a_job_that_gave_its_result_is_not_polled_again() {
    let (env, _reports) = env_with(Inline::new());
    let mut job = pin!(within(&env, || to_thread(|| 7)));
    assert_eq!(block_on(&mut job).unwrap(), 7);
    let _second = block_on(job);
}

#[test]
fn only_the_last_waker_is_woken() {
    struct Bell(Sender<()>);
    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.send(()).unwrap();
        }
    }
    let (env, _reports) = env_with(single());
    let gate = hold(&env);
    let mut job = pin!(within(&env, || to_thread(|| ())));
    let (old, new) = (channel(), channel());
    for sender in [old.0, new.0] {
        let waker = Waker::from(Arc::new(Bell(sender)));
        assert!(
            job.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    drop(gate);
    new.1.recv_timeout(PATIENCE).unwrap();
    assert!(old.1.try_recv().is_err());
    block_on(job).unwrap();
}

#[test]
fn inline_jobs_are_done_when_they_are_made() {
    let (env, _reports) = env_with(Inline::new());
    let here = thread::current().id();
    let job = within(&env, || {
        to_thread(move || block_on(to_thread(move || thread::current().id())))
    });
    let nested = block_on(poll_once(job)).expect("it is done").unwrap();
    assert_eq!(nested.unwrap(), here);
}

#[test]
fn what_a_task_waits_for_is_on_record() {
    let (env, _reports) = env_with(single());
    let gate = hold(&env);
    let slot: &TaskSlot = Box::leak(Box::default());
    slot.occupy(Occupant {
        label: TaskLabel::new(None, Location::caller()),
        parent: None,
        env: env.id(),
    });
    let line = line!() + 1;
    let mut job = pin!(within(&env, || to_thread(|| ())));
    let local = Local::new(&env, Role::Worker);
    let poll = context::enter(&local, || {
        local.in_task(slot, || {
            job.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        })
    });
    assert!(matches!(poll, Poll::Pending));
    let wait = slot.snapshot(env.id()).unwrap().wait.unwrap();
    assert_eq!((wait.what, wait.place.line()), ("to_thread", line));
    drop(gate);
}

#[test]
fn a_task_that_only_finds_finished_jobs_yields_now_and_then() {
    let (env, _reports) = env_with(Inline::new());
    let slot: &TaskSlot = Box::leak(Box::default());
    let local = Local::new(&env, Role::Worker);
    let mut polls = 0;
    let yielded = context::enter(&local, || {
        local.in_task(slot, || {
            (0..10_000).any(|_| {
                polls += 1;
                let mut job = pin!(to_thread(|| ()));
                job.as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            })
        })
    });
    assert!(yielded && polls < 1000, "{polls} polls");
}
