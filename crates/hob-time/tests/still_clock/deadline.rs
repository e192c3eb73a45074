//! What a body is told of its deadline.

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_lite::future::{block_on, yield_now};
use hob_core::{Instant, Timers};
use hob_time::{deadline, timeout, timeout_at};

use crate::world::{World, poll_with};

const MILLISECOND: Duration = Duration::from_millis(1);

/// Polls a future once in `world`, which makes it ready.
fn run<T>(world: &World, future: impl Future<Output = T>) -> T {
    let polled = world.enter(|| pin!(future).poll(&mut Context::from_waker(Waker::noop())));
    match polled {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits for something"),
    }
}

#[test]
fn without_a_timeout_there_is_none() {
    assert_eq!(deadline(), None);
    let world = World::new();
    assert_eq!(world.enter(deadline), None);
    assert_eq!(world.timers.take_readings(), 0);
}

#[test]
fn a_deadline_that_was_given_is_told_exactly_and_without_a_clock() {
    let world = World::new();
    let given = world.timers.now() + MILLISECOND;
    world.timers.take_readings();
    assert_eq!(
        run(&world, timeout_at(given, async { deadline() })),
        Ok(Some(given))
    );
    assert_eq!(world.timers.take_readings(), 0);
}

#[test]
fn a_limit_without_end_is_no_deadline() {
    let world = World::new();
    let unlimited = timeout_at(Instant::NEVER, async { deadline() });
    assert_eq!(run(&world, timeout(Duration::MAX, unlimited)), Ok(Ok(None)));
}

#[test]
fn the_first_deadline_counts_wherever_it_was_set() {
    for (outer, inner, first) in [(1, 2, 1), (2, 1, 1), (1, 1, 1)] {
        let world = World::new();
        let start = world.timers.now();
        let [outer, inner, first] = [outer, inner, first].map(|number| number * MILLISECOND);
        let ask = || async { deadline() };
        let expected = Ok(Ok(Some(start + first)));

        let lazy_in_lazy = timeout(outer, timeout(inner, ask()));
        assert_eq!(run(&world, lazy_in_lazy), expected);
        let exact_in_lazy = timeout(outer, timeout_at(start + inner, ask()));
        assert_eq!(run(&world, exact_in_lazy), expected);
        let lazy_in_exact = timeout_at(start + outer, timeout(inner, ask()));
        assert_eq!(run(&world, lazy_in_exact), expected);
        let exact_in_exact = timeout_at(start + outer, timeout_at(start + inner, ask()));
        assert_eq!(run(&world, exact_in_exact), expected);
    }
}

#[test]
fn a_body_that_asks_and_is_ready_at_once_reads_the_clock_once() {
    let world = World::new();
    let ask = async { (deadline(), deadline()) };
    let limited = timeout(
        3 * MILLISECOND,
        timeout(2 * MILLISECOND, timeout(MILLISECOND, ask)),
    );
    let (first, second) = run(&world, limited).unwrap().unwrap().unwrap();
    assert_eq!(world.timers.take_readings(), 1);
    assert_eq!(first, Some(world.timers.now() + MILLISECOND));
    assert_eq!(first, second);
}

#[test]
fn a_body_that_does_not_ask_and_is_ready_at_once_reads_no_clock() {
    let world = World::new();
    let limited = timeout(MILLISECOND, timeout(MILLISECOND, async { 7 }));
    assert_eq!(run(&world, limited), Ok(Ok(7)));
    assert_eq!(world.timers.take_readings(), 0);
}

#[test]
fn a_question_begins_all_limits_around_it() {
    let world = World::new();
    let start = world.timers.now();
    let mut outer = timeout(
        20 * MILLISECOND,
        timeout(
            30 * MILLISECOND,
            poll_fn(|_| {
                let asked = deadline();
                world.advance(10 * MILLISECOND);
                assert_eq!(deadline(), asked, "a second question changes nothing");
                Poll::<()>::Pending
            }),
        ),
    );
    assert_eq!(world.poll(&mut outer), Poll::Pending);
    assert_eq!(outer.deadline(), Some(start + 20 * MILLISECOND));
    let inner = outer.get_ref().deadline();
    assert_eq!(inner, Some(start + 30 * MILLISECOND));
}

#[test]
fn a_question_in_a_timeout_that_ends_first_begins_the_outer_one() {
    let world = World::new();
    let start = world.timers.now();
    let mut outer = timeout(
        20 * MILLISECOND,
        Box::pin(async {
            let soon = start + MILLISECOND;
            let asked = timeout_at(soon, async { deadline() }).await;
            assert_eq!(asked, Ok(Some(soon)));
            world.advance(10 * MILLISECOND);
            assert_eq!(deadline(), Some(start + 20 * MILLISECOND));
            let later = timeout(5 * MILLISECOND, async { deadline() }).await;
            assert_eq!(later, Ok(Some(start + 15 * MILLISECOND)));
            pending::<()>().await;
        }),
    );
    assert_eq!(world.poll(&mut outer), Poll::Pending);
    assert_eq!(outer.deadline(), Some(start + 20 * MILLISECOND));
}

#[test]
fn a_body_that_asks_and_takes_all_its_time_is_late_at_its_first_poll() {
    let world = World::new();
    let start = world.timers.now();
    let mut limited = timeout(
        MILLISECOND,
        poll_fn(|_| {
            assert!(deadline().is_some());
            world.advance(MILLISECOND);
            Poll::<()>::Pending
        }),
    );
    let Poll::Ready(Err(elapsed)) = world.poll(&mut limited) else {
        panic!("the time is up");
    };
    assert_eq!(elapsed.deadline(), start + MILLISECOND);
    assert_eq!(elapsed.duration(), Some(MILLISECOND));
}

#[test]
fn a_question_in_a_later_poll_is_answered_from_the_first() {
    let world = World::new();
    let mut answer = None;
    let mut limited = timeout(
        10 * MILLISECOND,
        Box::pin(async {
            world.advance(MILLISECOND);
            yield_now().await;
            answer = deadline();
        }),
    );
    assert_eq!(world.poll(&mut limited), Poll::Pending);
    let begun = limited.deadline();
    world.advance(MILLISECOND);
    world.timers.take_readings();
    assert_eq!(world.poll(&mut limited), Poll::Ready(Ok(())));
    assert_eq!(world.timers.take_readings(), 0);
    drop(limited);
    assert!(answer.is_some());
    assert_eq!(answer, begun);
}

#[test]
fn between_its_polls_a_timeout_limits_nobody() {
    let world = World::new();
    let mut limited = timeout(MILLISECOND, pending::<()>());
    assert_eq!(world.poll(&mut limited), Poll::Pending);
    assert_eq!(world.enter(deadline), None);
    assert_eq!(run(&world, async { deadline() }), None);
}

#[test]
fn an_inner_timeout_limits_only_its_own_body() {
    let world = World::new();
    let start = world.timers.now();
    let [soon, later] = [1, 2].map(|number| start + number * MILLISECOND);
    let limited = timeout_at(later, async {
        let mut inner = timeout_at(soon, pending::<()>());
        assert_eq!(poll_with(&mut inner, Waker::noop()), Poll::Pending);
        deadline()
    });
    assert_eq!(run(&world, limited), Ok(Some(later)));
}

#[test]
fn another_task_is_not_limited() {
    let (world, other) = (World::new(), World::new());
    let limited = timeout(MILLISECOND, async {
        assert_eq!(world.in_task(deadline).0, None, "of the same runtime");
        assert_eq!(other.enter(deadline), None, "of another one");
        let own = other.timers.now() + 9 * MILLISECOND;
        let answer = other.enter(|| {
            poll_with(
                &mut timeout_at(own, poll_fn(|_| Poll::Ready(deadline()))),
                Waker::noop(),
            )
        });
        assert_eq!(answer, Poll::Ready(Ok(Some(own))));
        deadline()
    });
    let expected = world.timers.now() + MILLISECOND;
    assert_eq!(run(&world, limited), Ok(Some(expected)));
}

#[test]
fn a_panic_in_a_body_leaves_the_limits_as_they_were() {
    let world = World::new();
    let [soon, later] = [1, 2].map(|number| world.timers.now() + number * MILLISECOND);
    let limited = timeout_at(later, async {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let body = poll_fn(|_| -> Poll<()> { resume_unwind(Box::new(deadline())) });
            poll_with(&mut timeout_at(soon, body), Waker::noop())
        }));
        let seen = panicked.expect_err("the body panics");
        assert_eq!(seen.downcast_ref(), Some(&Some(soon)));
        deadline()
    });
    assert_eq!(run(&world, limited), Ok(Some(later)));
    assert_eq!(world.enter(deadline), None);
}

#[test]
fn a_question_before_a_panic_still_counts() {
    let world = World::new();
    let start = world.timers.now();
    let mut outer = timeout(
        20 * MILLISECOND,
        poll_fn(|_| {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                let body = poll_fn(|_| -> Poll<()> { resume_unwind(Box::new(deadline())) });
                poll_with(&mut timeout(MILLISECOND, body), Waker::noop())
            }));
            assert!(panicked.is_err());
            world.advance(10 * MILLISECOND);
            Poll::<()>::Pending
        }),
    );
    assert_eq!(world.poll(&mut outer), Poll::Pending);
    assert_eq!(outer.deadline(), Some(start + 20 * MILLISECOND));
}

#[test]
fn outside_any_runtime_it_is_told_too() {
    let hour = Duration::from_secs(3600);
    let before = Instant::now();
    let answer = block_on(timeout(
        2 * hour,
        timeout(hour, async {
            yield_now().await;
            deadline()
        }),
    ));
    let told = answer.unwrap().unwrap().expect("there are two");
    assert!((before + hour..=Instant::now() + hour).contains(&told));
    assert_eq!(deadline(), None);
}
