//! A blocking job holds the clock from its submission to its end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hob::engine::{Blocking, Inline, Job, JobKind};
use hob::time::now;
use hob::{sleep, timeout, to_thread};

use crate::{HOUR, SECOND, block_for, run_virtual, virtual_builder, within_a_minute};

#[hob::test(virtual_time)]
async fn holds_the_clock_while_it_runs() {
    let begun = now();
    let job = to_thread(|| block_for(Duration::from_millis(20)));
    let ended = timeout(Duration::from_nanos(1), job).await;
    assert!(matches!(ended, Ok(Ok(()))), "{ended:?}");
    assert_eq!(now(), begun);
}

#[test]
fn holds_the_clock_while_it_waits_for_its_thread() {
    let runtime = virtual_builder().max_blocking_threads(1).build_local();
    runtime.expect("it can be made").block_on(async {
        let begun = now();
        let jobs = [20, 0].map(|millis| {
            let job = to_thread(move || block_for(Duration::from_millis(millis)));
            timeout(SECOND, job)
        });
        for job in jobs {
            job.await.expect("it is in time").expect("it runs");
        }
        assert_eq!(now(), begun);
    });
}

#[test]
fn holds_it_no_longer_once_it_has_ended_though_nobody_awaits_it() {
    within_a_minute(|| {
        let ended = Arc::new(AtomicBool::new(false));
        run_virtual(async {
            let ends = Arc::clone(&ended);
            let (start, started) = channel();
            let job = to_thread(move || {
                start.send(()).expect("it is awaited");
                block_for(Duration::from_millis(20));
                ends.store(true, Ordering::SeqCst);
            });
            started.recv().expect("it starts");
            drop(job);
            sleep(HOUR).await;
            assert!(ended.load(Ordering::SeqCst), "the job held the clock");
        });
    });
}

#[test]
fn that_panics_holds_it_no_longer() {
    within_a_minute(|| {
        let builder = virtual_builder().on_unhandled(|_| ());
        let runtime = builder.build_local().expect("it can be made");
        runtime.block_on(async {
            let job = to_thread(|| panic!("as it should"));
            assert!(job.await.is_err());
            sleep(HOUR).await;
        });
    });
}

/// Threads of somebody's own, which keep the first job and refuse the second.
#[derive(Default)]
struct Odd {
    asked: AtomicUsize,
    kept: Mutex<Option<Job>>,
}

impl Blocking for Odd {
    fn run(&self, job: Job, _kind: JobKind) -> Result<(), Job> {
        match self.asked.fetch_add(1, Ordering::SeqCst) {
            0 => {
                *self.kept.lock().unwrap() = Some(job);
                Ok(())
            }
            1 => Err(job),
            _ => {
                let thread = thread::Builder::new().spawn(job);
                drop(thread.expect("it starts"));
                Ok(())
            }
        }
    }
}

#[test]
fn counts_on_any_threads_until_it_was_run_or_dropped() {
    within_a_minute(|| {
        let odd = Arc::new(Odd::default());
        let runtime = virtual_builder().blocking(Arc::<Odd>::clone(&odd));
        runtime
            .build_local()
            .expect("it can be made")
            .block_on(async {
                let begun = now();
                let dropped = to_thread(|| ());
                let refused = to_thread(|| ());
                assert!(refused.await.is_err(), "it is refused");
                let ends_later = to_thread(|| block_for(Duration::from_millis(10)));
                ends_later.await.expect("it runs");
                let drops = thread::Builder::new().spawn(move || {
                    block_for(Duration::from_millis(10));
                    drop(odd.kept.lock().unwrap().take());
                });
                let ended = timeout(SECOND, dropped).await;
                assert!(matches!(ended, Ok(Err(_))), "{ended:?}");
                assert_eq!(now(), begun);
                drops.expect("it starts").join().expect("it ends");
                sleep(HOUR).await;
            });
    });
}

#[test]
fn that_runs_inline_holds_nothing() {
    within_a_minute(|| {
        let runtime = virtual_builder().blocking(Arc::new(Inline::new()));
        runtime
            .build_local()
            .expect("it can be made")
            .block_on(async {
                assert_eq!(to_thread(|| 42).await.ok(), Some(42));
                sleep(HOUR).await;
            });
    });
}

#[hob::test(virtual_time)]
async fn is_never_overtaken_by_a_jump() {
    let begun = now();
    for round in 0..5000 {
        let job = to_thread(move || (0..round % 64).for_each(|_| std::hint::spin_loop()));
        let ended = timeout(HOUR, job).await;
        assert!(matches!(ended, Ok(Ok(()))), "round {round}: {ended:?}");
        assert_eq!(now(), begun, "round {round}");
    }
}

/// Who waits is not its future's task but one that it tells.
#[hob::test(virtual_time)]
async fn is_not_overtaken_with_what_it_wakes() {
    let begun = now();
    for round in 0..5000 {
        let (send, receive) = hob::sync::oneshot::channel();
        let job = to_thread(move || send.send(round));
        let received = timeout(HOUR, receive).await;
        assert!(matches!(received, Ok(Ok(_))), "{round}: {received:?}");
        assert_eq!(now(), begun, "round {round}");
        job.await.expect("it does not panic").expect("it was heard");
    }
}
