//! What a timeout promises.

use std::future::{pending, ready};
use std::io;
use std::task::{Poll, Waker};
use std::time::Duration;

use hob_core::{Instant, Timers};
use hob_time::{sleep_until, timeout, timeout_at};

use crate::world::{Body, Wakes, World, poll_with};

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn a_body_that_is_ready_wins_over_its_deadline() {
    let world = World::new();
    let body = Body::default();
    let mut limited = timeout(MILLISECOND, body.clone());
    assert_eq!(world.poll(&mut limited), Poll::Pending);
    world.advance(MILLISECOND);
    body.finish(7);
    assert_eq!(world.poll(&mut limited), Poll::Ready(Ok(7)));
    assert_eq!(world.armed(), 0);
}

#[test]
fn a_body_that_is_late_is_polled_once_more() {
    let world = World::new();
    let (wakes, waker) = Wakes::waker();
    let body = Body::default();
    let mut limited = timeout(MILLISECOND, body.clone());
    assert_eq!(world.poll_with(&mut limited, &waker), Poll::Pending);
    let deadline = limited.deadline().unwrap();
    world.advance(MILLISECOND);
    assert_eq!(wakes.take(), 1);
    let late = world.poll_with(&mut limited, &waker);
    assert_eq!(body.polls(), 2);
    let Poll::Ready(Err(elapsed)) = late else {
        panic!("the time is up: {late:?}");
    };
    assert_eq!(elapsed.deadline(), deadline);
    assert_eq!(elapsed.duration(), Some(MILLISECOND));
    assert_eq!(world.armed(), 0);
}

#[test]
fn no_time_at_all_is_one_poll() {
    let world = World::new();
    assert_eq!(
        world.poll(&mut timeout(Duration::ZERO, ready(7))),
        Poll::Ready(Ok(7))
    );
    let body = Body::default();
    let late = world.poll(&mut timeout(Duration::ZERO, body.clone()));
    assert!(matches!(late, Poll::Ready(Err(_))));
    assert_eq!(body.polls(), 1);
}

#[test]
fn time_counts_from_the_end_of_the_first_poll() {
    let world = World::new();
    let start = world.timers.now();
    let mut limited = timeout(
        MILLISECOND,
        Box::pin(async {
            world.advance(10 * MILLISECOND);
            pending::<()>().await;
        }),
    );
    world.advance(10 * MILLISECOND);
    assert_eq!(limited.deadline(), None);
    assert_eq!(world.poll(&mut limited), Poll::Pending);
    assert_eq!(limited.deadline(), Some(start + 21 * MILLISECOND));
}

#[test]
fn a_deadline_is_exact() {
    let world = World::new();
    let deadline = world.timers.now() + MILLISECOND;
    let mut limited = timeout_at(deadline, pending::<()>());
    assert_eq!(limited.deadline(), Some(deadline));
    world.advance(MILLISECOND - Duration::from_nanos(1));
    assert_eq!(world.poll(&mut limited), Poll::Pending);
    world.advance(Duration::from_nanos(1));
    let Poll::Ready(Err(elapsed)) = world.poll(&mut limited) else {
        panic!("the deadline has passed");
    };
    assert_eq!((elapsed.deadline(), elapsed.duration()), (deadline, None));
}

#[test]
fn a_deadline_in_the_past_still_polls_the_body() {
    let world = World::new();
    let past = Instant::from_nanos(0);
    assert_eq!(
        world.poll(&mut timeout_at(past, ready(7))),
        Poll::Ready(Ok(7))
    );
    assert!(matches!(
        world.poll(&mut timeout_at(past, pending::<()>())),
        Poll::Ready(Err(_))
    ));
}

#[test]
fn the_longest_limit_is_none() {
    let world = World::new();
    let body = Body::default();
    let mut limited = timeout(Duration::MAX, body.clone());
    assert_eq!(world.poll(&mut limited), Poll::Pending);
    world.advance(Duration::MAX);
    assert_eq!(world.poll(&mut limited), Poll::Pending);
    body.finish(7);
    assert_eq!(world.poll(&mut limited), Poll::Ready(Ok(7)));
}

#[test]
fn a_timeout_that_is_done_in_time_leaves_no_timer() {
    let world = World::new();
    let body = Body::default();
    let mut limited = timeout(MILLISECOND, body.clone());
    assert_eq!(world.poll(&mut limited), Poll::Pending);
    assert_eq!(world.armed(), 1);
    body.finish(7);
    assert_eq!(world.poll(&mut limited), Poll::Ready(Ok(7)));
    assert_eq!(world.armed(), 0);
}

#[test]
fn a_dropped_timeout_leaves_no_timer() {
    let world = World::new();
    let mut limited = timeout(MILLISECOND, pending::<()>());
    assert_eq!(world.poll(&mut limited), Poll::Pending);
    assert_eq!(world.armed(), 1);
    drop(limited);
    assert_eq!(world.armed(), 0);
}

#[test]
fn a_body_lent_to_a_timeout_survives_it() {
    let world = World::new();
    let mut body = Body::default();
    let late = world.poll(&mut timeout(Duration::ZERO, &mut body));
    assert!(matches!(late, Poll::Ready(Err(_))));
    body.finish(7);
    assert_eq!(world.poll(&mut body), Poll::Ready(7));
}

#[test]
fn a_body_that_spends_the_budget_does_not_postpone_its_deadline() {
    let world = World::new();
    let past = world.timers.now();
    let mut limited = timeout(
        MILLISECOND,
        Box::pin(async {
            loop {
                sleep_until(past).await;
            }
        }),
    );
    let (first, _): (Poll<Result<(), _>>, _) =
        world.in_task(|| poll_with(&mut limited, Waker::noop()));
    assert_eq!(first, Poll::Pending);
    world.advance(MILLISECOND);
    let (second, _) = world.in_task(|| poll_with(&mut limited, Waker::noop()));
    assert!(matches!(second, Poll::Ready(Err(_))));
}

#[test]
fn elapsed_is_an_io_error_that_says_how_long_and_where() {
    let world = World::new();
    let Poll::Ready(Err(elapsed)) = world.poll(&mut timeout(Duration::ZERO, pending::<()>()))
    else {
        panic!("the time is up");
    };
    let error = io::Error::from(elapsed);
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let text = error.to_string();
    assert!(
        text.starts_with("not done within 0ns, the limit set at "),
        "{text}"
    );
    assert!(text.contains("timeout.rs:"), "{text}");
}
