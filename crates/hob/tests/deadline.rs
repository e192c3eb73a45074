//! Which timeouts a task is within.

use std::future::pending;
use std::time::Duration;

use hob::time::{Instant, deadline, timeout, timeout_at};

const HOUR: Duration = Duration::from_secs(3600);
const PAST: Instant = Instant::from_nanos(0);

/// Asserts all of it in the runtime that this is awaited in.
async fn check() {
    let soon = Instant::now() + HOUR;
    let spawned = timeout_at(soon, async {
        assert_eq!(deadline(), Some(soon));
        let spawned = hob::spawn(async { deadline() }).await;
        let blocking = hob::to_thread(deadline).await;
        hob::yield_now().await;
        assert_eq!(deadline(), Some(soon), "in each poll");
        (spawned, blocking)
    });
    let (spawned, blocking) = spawned.await.expect("there is an hour");
    assert_eq!(spawned.expect("it ends well"), None, "a task of its own");
    assert_eq!(blocking.expect("it ends well"), None, "a job of its own");
    assert_eq!(deadline(), None);

    let soon = Instant::now() + Duration::from_millis(1);
    let limited = timeout_at(
        soon,
        timeout(Duration::MAX, timeout_at(soon, pending::<()>())),
    );
    assert!(limited.await.is_err(), "the outermost reports");
}

#[test]
fn on_one_thread_a_timeout_is_around_its_body_and_nothing_else() {
    hob::run_local(check());
}

#[test]
fn on_a_pool_a_timeout_is_around_its_body_and_nothing_else() {
    hob::run(async {
        check().await;
        hob::spawn(check()).await.expect("it ends well");
    });
}

#[test]
fn a_runtime_within_a_timeout_begins_without_limits() {
    let nested = timeout_at(PAST, async {
        assert_eq!(deadline(), Some(PAST));
        let inside = hob::run_local(async {
            assert!(timeout_at(PAST, pending::<()>()).await.is_err());
            deadline()
        });
        (inside, deadline())
    });
    let nested = futures_lite::future::block_on(nested);
    assert_eq!(nested, Ok((None, Some(PAST))));
}
