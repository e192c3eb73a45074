//! Runtimes with a virtual clock, and without.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use hob::engine::{Park, Unpark, Until};
use hob::time::{Clock, Heap, NotVirtual, advance, now, try_advance};
use hob::{sleep, to_thread};

use crate::{
    HOUR, SECOND, block_for, run_virtual, timed, virtual_builder, virtual_runtime, within_a_minute,
};

fn refused<R>(built: io::Result<R>) -> String {
    let error = built.err().expect("it is refused");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    error.to_string()
}

#[test]
fn of_several_threads_have_no_virtual_time() {
    assert_eq!(
        refused(virtual_builder().build()),
        "clock(Virtual) does not go with build(): virtual time moves when nothing runs, and the \
         threads of a pool run side by side; use build_local(), or leave it out"
    );
    let one = virtual_builder().worker_threads(1);
    assert!(refused(one.build()).contains("use build_local()"));
}

#[test]
fn with_timers_of_their_own_have_no_second_clock() {
    let builder = virtual_builder().timers(|| Heap::open(Clock::System));
    assert_eq!(
        refused(builder.build_local()),
        "clock(Virtual) does not go with timers(): those bring a clock of their own; leave out one \
         of the two"
    );
}

#[test]
fn have_a_clock_each() {
    let [first, second] = [virtual_runtime(), virtual_runtime()];
    let begun = second.block_on(async { now() });
    first.block_on(async {
        sleep(HOUR).await;
        advance(HOUR);
        assert_eq!(now() - begun, 2 * HOUR);
    });
    assert_eq!(second.block_on(async { now() }), begun);
}

#[test]
fn one_inside_the_other_have_a_clock_each() {
    run_virtual(async {
        let begun = now();
        sleep(HOUR).await;
        let inner = virtual_runtime();
        let passed = inner.block_on(async {
            sleep(SECOND).await;
            now() - begun
        });
        assert_eq!(passed, SECOND);
        assert_eq!(now() - begun, HOUR);
    });
}

#[hob::test(virtual_time)]
async fn in_real_time_inside_one_are_untouched() {
    let begun = now();
    let millis = Duration::from_millis(10);
    let took = timed(|| {
        hob::run_local(async {
            let real = now();
            assert_eq!(try_advance(HOUR), Err(NotVirtual));
            sleep(millis).await;
            assert!((millis..HOUR).contains(&(now() - real)));
        });
    });
    assert!(took >= millis, "{took:?}");
    assert_eq!(now(), begun);
    let in_a_job = to_thread(move || hob::run_local(sleep(millis)));
    in_a_job.await.expect("it does not panic");
    assert_eq!(now(), begun);
}

#[test]
fn run_for_ever_until_stopped_at_a_time() {
    within_a_minute(|| {
        let runtime = virtual_runtime();
        let handle = runtime.handle();
        let begun = handle.enter(now);
        for _ in 0..2 {
            let handle = runtime.handle();
            let stops = runtime.spawn_local(async move {
                sleep(HOUR).await;
                handle.stop();
                sleep(HOUR).await;
            });
            stops.detach();
            runtime.run_forever();
        }
        // The second half of the first one's sleep ends with the first of the second's.
        assert_eq!(handle.enter(now) - begun, 2 * HOUR);
    });
}

#[test]
fn run_for_ever_until_stopped_by_another_thread() {
    within_a_minute(|| {
        let runtime = virtual_runtime();
        let handle = runtime.handle();
        let thread = thread::Builder::new().spawn(move || {
            block_for(Duration::from_millis(10));
            handle.stop();
        });
        runtime.run_forever();
        thread.expect("it starts").join().expect("it ends");
    });
}

#[test]
fn go_on_in_virtual_time_when_their_poller_panics() {
    struct Broken(Box<dyn Park + Send>);
    impl Park for Broken {
        fn park(&mut self, _until: Until, _woken: &mut Vec<Waker>) {
            panic!("as it should");
        }
        fn unparker(&self) -> Arc<dyn Unpark> {
            self.0.unparker()
        }
    }
    within_a_minute(|| {
        let (tell, told) = channel();
        let builder = virtual_builder().on_unhandled(move |unhandled| {
            tell.send(unhandled.kind).expect("it is awaited");
        });
        let builder = builder.reactor(|| {
            let mut engine = hob::reactor::default()?;
            engine.seat = Box::new(Broken(engine.seat));
            Ok(engine)
        });
        let runtime = builder.build_local().expect("it can be made");
        runtime.block_on(async {
            let begun = now();
            sleep(HOUR).await;
            to_thread(|| block_for(Duration::from_millis(5)))
                .await
                .expect("it ends");
            sleep(HOUR).await;
            assert_eq!(now() - begun, 2 * HOUR);
        });
        drop(runtime);
        let kinds: Vec<_> = told.iter().collect();
        assert_eq!(kinds, [hob::UnhandledKind::CallbackPanicked]);
    });
}
