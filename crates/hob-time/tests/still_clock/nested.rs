//! What timeouts within timeouts promise.

use std::future::{Future, pending, poll_fn};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures_lite::future::block_on;
use hob_core::{Instant, Timers};
use hob_time::{Elapsed, timeout, timeout_at};

use crate::world::{Body, Wakes, World, poll_with};

const MILLISECOND: Duration = Duration::from_millis(1);
const PAST: Instant = Instant::from_nanos(0);

/// The limits are so many milliseconds, the outermost first. All begin, `later` milliseconds pass
/// without a poll, and the one of `expected` milliseconds reports.
fn check(limits: [u32; 3], later: u32, expected: u32) {
    let world = World::new();
    let (wakes, waker) = Wakes::waker();
    let body = Body::default();
    let [outer, middle, inner] = limits.map(|number| number * MILLISECOND);
    let mut limited = timeout(outer, timeout(middle, timeout(inner, body.clone())));
    assert_eq!(world.poll_with(&mut limited, &waker), Poll::Pending);
    world.advance(later * MILLISECOND);
    assert!(wakes.take() > 0);
    let Poll::Ready(result) = world.poll_with(&mut limited, &waker) else {
        panic!("nobody reports within {limits:?} after {later}");
    };
    let elapsed = match result {
        Ok(Ok(Ok(_))) => panic!("the body is not ready"),
        Ok(Ok(Err(elapsed))) | Ok(Err(elapsed)) | Err(elapsed) => elapsed,
    };
    assert_eq!(elapsed.duration(), Some(expected * MILLISECOND));
    assert_eq!(body.polls(), 2, "the body had its last chance, once");
}

#[test]
fn of_several_expired_timeouts_the_outermost_reports() {
    check([3, 2, 1], 3, 3);
    check([3, 2, 1], 2, 2);
    check([3, 2, 1], 1, 1);
    check([1, 2, 3], 1, 1);
    check([1, 2, 3], 3, 1);
    check([2, 1, 3], 3, 2);
    check([2, 1, 3], 1, 1);
    check([2, 3, 1], 2, 2);
    check([2, 3, 1], 1, 1);
}

#[test]
fn of_equal_deadlines_the_outermost_reports() {
    let world = World::new();
    let deadline = world.timers.now() + MILLISECOND;
    let mut limited = timeout_at(deadline, timeout_at(deadline, pending::<()>()));
    assert_eq!(world.poll(&mut limited), Poll::Pending);
    world.advance(MILLISECOND);
    assert!(matches!(world.poll(&mut limited), Poll::Ready(Err(_))));
}

#[test]
fn no_time_at_all_is_one_poll_also_within_no_time_at_all() {
    let world = World::new();
    let body = Body::default();
    let inner = timeout(Duration::ZERO, body.clone());
    let mut limited = timeout(Duration::ZERO, inner);
    assert!(matches!(world.poll(&mut limited), Poll::Ready(Err(_))));
    assert_eq!(body.polls(), 1);
}

#[test]
fn a_limit_that_has_not_begun_leaves_the_report_to_the_inner_one() {
    let world = World::new();
    let mut limited = timeout(MILLISECOND, timeout_at(PAST, pending::<()>()));
    assert!(matches!(world.poll(&mut limited), Poll::Ready(Ok(Err(_)))));
}

#[test]
fn outside_any_runtime_the_outermost_reports_too() {
    let middle = timeout_at(PAST, timeout_at(PAST, pending::<()>()));
    let mut limited = timeout_at(PAST, middle);
    let polled = poll_with(&mut limited, Waker::noop());
    assert!(matches!(polled, Poll::Ready(Err(_))));

    let mut limited = timeout_at(Instant::NEVER, timeout_at(PAST, pending::<()>()));
    let polled = poll_with(&mut limited, Waker::noop());
    assert!(matches!(polled, Poll::Ready(Ok(Err(_)))));
}

#[test]
fn an_executor_inside_the_outer_body_does_not_hang() {
    let world = World::new();
    let inner = || timeout_at(PAST, pending::<()>());
    let one = poll_fn(|_| Poll::Ready(block_on(inner()).is_err()));
    assert_eq!(
        world.poll(&mut timeout_at(PAST, one)),
        Poll::Ready(Ok(true))
    );
    // Both have deferred, so the first that is polled reports.
    let two = poll_fn(|_| Poll::Ready(block_on(timeout_at(PAST, inner()))));
    let polled = world.poll(&mut timeout_at(PAST, two));
    assert!(matches!(polled, Poll::Ready(Ok(Ok(Err(_))))), "{polled:?}");
}

/// Polls `inner` three times in the body of a timeout whose time is up.
fn poll_thrice<T>(
    world: &World,
    mut inner: impl Future<Output = Result<T, Elapsed>> + Unpin,
    between: impl Fn(),
) -> [Poll<Result<T, Elapsed>>; 3] {
    let (wakes, waker) = Wakes::waker();
    let body = poll_fn(|_| {
        let first = poll_with(&mut inner, &waker);
        assert_eq!(wakes.take(), 1, "it asks to be polled again");
        let second = poll_with(&mut inner, &waker);
        assert_eq!(wakes.take(), 1, "and again");
        between();
        let third = poll_with(&mut inner, &waker);
        assert_eq!(wakes.take(), 0);
        Poll::Ready([first, second, third])
    });
    match world.poll(&mut timeout_at(PAST, body)) {
        Poll::Ready(Ok(polls)) => polls,
        _ => panic!("the body is ready"),
    }
}

#[test]
fn a_timeout_that_has_deferred_twice_reports_at_its_next_poll() {
    let world = World::new();
    let inner = timeout(Duration::ZERO, pending::<()>());
    let [first, second, third] = poll_thrice(&world, inner, || ());
    assert_eq!([first, second], [Poll::Pending, Poll::Pending]);
    assert!(matches!(third, Poll::Ready(Err(_))));
    assert_eq!(world.armed(), 0);
}

#[test]
fn a_body_that_is_ready_after_its_timeout_has_deferred_still_wins() {
    let world = World::new();
    let body = Body::default();
    let inner = timeout(Duration::ZERO, body.clone());
    let polls = poll_thrice(&world, inner, || body.finish(7));
    assert_eq!(polls, [Poll::Pending, Poll::Pending, Poll::Ready(Ok(7))]);
}

#[test]
fn a_timeout_that_outlives_the_one_it_has_deferred_to_reports_then() {
    let world = World::new();
    let mut inner = timeout_at(PAST, pending::<()>());
    let outer = world.poll(&mut timeout_at(PAST, &mut inner));
    assert!(matches!(outer, Poll::Ready(Err(_))));
    assert!(matches!(world.poll(&mut inner), Poll::Ready(Err(_))));
}

#[test]
fn the_clock_of_another_runtime_does_not_count() {
    let (world, other) = (World::new(), World::new());
    let mut limited = timeout_at(
        PAST,
        poll_fn(|_| Poll::Ready(other.poll(&mut timeout_at(PAST, pending::<()>())))),
    );
    let polled = world.poll(&mut limited);
    assert!(
        matches!(polled, Poll::Ready(Ok(Poll::Ready(Err(_))))),
        "nobody there to defer to: {polled:?}"
    );
}
