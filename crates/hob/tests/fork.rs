//! A runtime is its process's: in a child that was forked it refuses, and the parent goes on.
//!
//! Each child says by its exit status whether it was content; one that hangs is found out by the
//! parent, which waits for a second at the most, and then for longer only to tell the difference.

#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "std has no fork")]

use std::future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::rc::Rc;
use std::time::Duration;

use futures_lite::future::block_on as plainly;
use hob::net::{TcpListener, TcpStream};
use hob::prelude::*;
use hob::time::Instant;
use hob::{JoinError, LocalRuntime, Runtime};

fn pool() -> Runtime {
    let builder = Runtime::builder().name("parent's").worker_threads(2);
    builder.build().expect("it can be made")
}

/// What the system says of a child.
#[derive(Debug, Eq, PartialEq)]
enum End {
    Status(i32),
    Hangs,
}

/// Runs `scene` in a child, which tells by its status whether it returned `true`.
#[track_caller]
fn in_child(scene: impl FnOnce() -> bool) {
    // SAFETY: the child uses what `scene` does, and no lock that another thread of this process may
    // have held but the allocator's, which the C library makes usable again, and standard error's.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "the system has room for a process");
    if child == 0 {
        let content = catch_unwind(AssertUnwindSafe(scene)).unwrap_or(false);
        // SAFETY: it only ends the process; no destructor of the parent's runs.
        unsafe { libc::_exit(if content { 0 } else { 1 }) };
    }
    assert_eq!(end_of(child), End::Status(0));
}

fn end_of(child: libc::pid_t) -> End {
    let begun = Instant::system();
    loop {
        let mut status = 0;
        // SAFETY: `status` is there to be written to, and the child is this process's.
        let ended = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
        if ended == child {
            return End::Status(status);
        }
        if begun.elapsed() > Duration::from_secs(20) {
            // SAFETY: the child has not been waited for, so the number is its own.
            unsafe { libc::kill(child, libc::SIGKILL) };
            // SAFETY: as above.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            return End::Hangs;
        }
        std::thread::yield_now();
    }
}

/// The message of the panic that `act` ends in.
fn panic_of(act: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(act)).expect_err("it panics");
    *payload.downcast().expect("it is made of parts")
}

/// Whether `text` names the process `owner` and this one.
fn names_both(text: &str, owner: u32) -> bool {
    text.contains(&format!("process {owner},"))
        && text.contains(&format!("process {},", process::id()))
}

/// A pool of the parent's still does all it should.
fn check(runtime: &Runtime) {
    let sum = runtime.block_on(async {
        let task = hob::spawn(async {
            hob::sleep(Duration::from_millis(1)).await;
            20
        });
        let job = hob::to_thread(|| 22);
        task.await.expect("it ends") + job.await.expect("it ends")
    });
    assert_eq!(sum, 42);
}

#[test]
fn to_wait_in_a_child_is_a_panic_that_names_both_processes() {
    let (many, one, owner) = (pool(), LocalRuntime::new().unwrap(), process::id());
    in_child(|| {
        let texts = [
            panic_of(|| many.block_on(async {})),
            panic_of(|| many.run_forever()),
            panic_of(|| many.handle().enter(|| ())),
            panic_of(|| one.block_on(async {})),
            panic_of(|| one.run_forever()),
            panic_of(|| drop(one.spawn_local(async {}))),
        ];
        texts.iter().all(|text| names_both(text, owner))
    });
    check(&many);
    assert_eq!(one.block_on(async { 42 }), 42);
}

#[test]
fn what_is_spawned_in_a_child_is_cancelled_for_that_reason() {
    let (runtime, owner) = (pool(), process::id());
    let handle = runtime.handle();
    in_child(|| {
        let reason = |error: JoinError| error.reason().expect("it was cancelled").to_string();
        let mut reasons = vec![
            reason(plainly(runtime.spawn(async {})).expect_err("it never runs")),
            reason(plainly(handle.spawn(async {})).expect_err("it never runs")),
        ];
        let refused = handle.try_spawn(async { 42 }).expect_err("it never runs");
        reasons.push(refused.to_string());
        let given_back = plainly(refused.future) == 42;
        given_back && reasons.iter().all(|text| names_both(text, owner))
    });
    check(&runtime);
}

#[test]
fn in_the_midst_of_main_a_child_can_spawn_nothing_there() {
    let (runtime, owner) = (pool(), process::id());
    runtime.block_on(async {
        in_child(|| {
            let error = plainly(hob::spawn(async {})).expect_err("it never runs");
            let reason = error.reason().expect("it was cancelled").to_string();
            let refused = hob::try_spawn(async {}).expect_err("as above").to_string();
            names_both(&reason, owner) && names_both(&refused, owner)
        });
    });
    check(&runtime);
}

#[test]
fn a_pool_that_is_dropped_in_a_child_neither_waits_nor_harms_the_parent() {
    let runtime = pool();
    runtime.spawn(future::pending::<()>()).detach();
    let mut kept = Some(runtime);
    in_child(|| {
        drop(kept.take());
        true
    });
    let runtime = kept.expect("the child had a copy");
    check(&runtime);
    in_child(|| {
        let again = std::mem::ManuallyDrop::new(&runtime);
        !again.handle().is_closed()
    });
    assert!(runtime.shutdown_timeout(Duration::from_secs(5)).is_clean());
}

#[test]
fn a_shutdown_in_a_child_says_whose_the_runtime_is() {
    let (mut many, mut one) = (Some(pool()), Some(LocalRuntime::new().unwrap()));
    let owner = process::id();
    in_child(|| {
        let many = many.take().expect("it is there");
        let one = one.take().expect("it is there");
        let reports = [many].map(|many| many.shutdown_timeout(Duration::from_secs(9)));
        let one = one.shutdown_timeout(Duration::from_secs(9));
        let mut reports = reports.iter().chain([&one]);
        reports.all(|report| !report.is_clean() && names_both(&report.to_string(), owner))
    });
    check(&many.expect("the child had a copy"));
}

#[test]
fn a_loop_with_tasks_that_is_dropped_in_a_child_drops_nothing_of_theirs() {
    struct Told(Rc<std::cell::Cell<bool>>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let dropped = Rc::new(std::cell::Cell::new(false));
    let runtime = LocalRuntime::new().unwrap();
    let told = Told(Rc::clone(&dropped));
    let task = runtime.spawn_local(async move {
        let _told = told;
        future::pending::<()>().await;
    });
    runtime.block_on(hob::yield_now());
    let mut kept = Some(runtime);
    in_child(|| {
        drop(kept.take());
        !dropped.get()
    });
    let runtime = kept.expect("the child had a copy");
    task.cancel("no longer needed");
    assert!(runtime.block_on(task).is_err());
    assert!(dropped.get());
}

#[test]
fn a_child_that_drops_the_parents_sockets_leaves_them_registered() {
    for open in [hob::reactor::epoll, hob::reactor::polling] {
        let runtime = Runtime::builder().worker_threads(2).reactor(open).build();
        let runtime = runtime.unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let connecting = TcpStream::connect(listener.local_addr().unwrap());
            let (client, accepted) = futures_lite::future::zip(connecting, listener.accept()).await;
            let (mut client, mut served) = (client.unwrap(), accepted.unwrap().0);
            let mut byte = [0];
            // It waits once, so that the poller watches it.
            let waits = hob::timeout(Duration::from_millis(5), served.read_exact(&mut byte));
            waits.await.expect_err("nothing was written");

            let mut kept = Some((served, listener));
            in_child(|| {
                drop(kept.take());
                true
            });
            let (mut served, listener) = kept.expect("the child had a copy");
            let reads = hob::spawn(async move {
                let mut byte = [0];
                served.read_exact(&mut byte).await.map(|()| byte[0])
            });
            hob::yield_now().await;
            hob::sleep(Duration::from_millis(5)).await;
            client.write_all(b"x").await.unwrap();
            let read = hob::timeout(Duration::from_secs(5), reads).await;
            let read = read.expect("the poller still watches it").expect("it ends");
            assert_eq!(read.unwrap(), b'x');
            drop(listener);
        });
    }
}

#[test]
fn a_child_makes_a_runtime_of_its_own_and_forks_again() {
    let runtime = pool();
    in_child(|| {
        let own = pool();
        check(&own);
        in_child(|| names_both(&panic_of(|| own.block_on(async {})), parent()));
        check(&own);
        own.shutdown_timeout(Duration::from_secs(5)).is_clean()
    });
    check(&runtime);
}

fn parent() -> u32 {
    std::os::unix::process::parent_id()
}
