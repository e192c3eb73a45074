//! What a `Lazy` promises: its one future runs when it is needed, and goes on when its runner goes.

mod support;

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;

use hob_sync::Lazy;

use support::{Counter, Random, block_on, kept, poll, poll_with};

/// Counts its polls, and is ready at the one of that number.
fn ready_at(polls: &AtomicUsize, last: usize) -> impl Future<Output = usize> {
    poll_fn(move |_| {
        let number = polls.fetch_add(1, Ordering::Relaxed) + 1;
        if number == last {
            Poll::Ready(number)
        } else {
            Poll::Pending
        }
    })
}

#[test]
fn nothing_runs_before_it_is_forced() {
    let polls = AtomicUsize::new(0);
    let lazy = Lazy::new(ready_at(&polls, 1));
    let force = lazy.force();
    assert_eq!((lazy.get(), polls.load(Ordering::Relaxed)), (None, 0));
    assert_eq!(block_on(force), &1);
    assert_eq!(lazy.get(), Some(&1));
    assert!(lazy.statistics().is_set);
}

#[test]
fn the_next_in_line_polls_the_same_future_on() {
    let polls = AtomicUsize::new(0);
    let lazy = Lazy::new(ready_at(&polls, 3));
    let (counter, waker) = Counter::new();
    let mut first = Box::pin(lazy.force());
    let mut second = Box::pin(lazy.force());
    assert!(poll(&mut first).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    assert!(poll(&mut first).is_pending());
    assert_eq!(polls.load(Ordering::Relaxed), 2, "one runs it at a time");
    drop(first);
    assert_eq!(counter.wakes(), 1);
    assert_eq!(poll(&mut second), Poll::Ready(&3), "it did not start over");
}

#[test]
fn a_future_left_alone_goes_on_when_somebody_comes() {
    let polls = AtomicUsize::new(0);
    let lazy = Lazy::new(ready_at(&polls, 2));
    assert!(poll(&mut Box::pin(lazy.force())).is_pending());
    let statistics = lazy.statistics();
    assert!(!statistics.is_initializing && !statistics.is_set);
    assert_eq!(block_on(lazy.force()), &2);
}

#[test]
fn a_turn_that_was_granted_and_not_taken_goes_to_the_next() {
    let polls = AtomicUsize::new(0);
    let lazy = Lazy::new(ready_at(&polls, 2));
    let mut line = [lazy.force(), lazy.force(), lazy.force()].map(Box::pin);
    for force in &mut line {
        assert!(poll(force).is_pending());
    }
    assert_eq!(lazy.statistics().waiting, 2);
    let [first, second, mut third] = line;
    drop(first);
    drop(second);
    assert_eq!(poll(&mut third), Poll::Ready(&2));
}

#[test]
fn dropped_force_leaves_no_waker() {
    let lazy = Lazy::new(pending::<i32>());
    let (counter, waker) = Counter::new();
    let mut first = Box::pin(lazy.force());
    let mut second = Box::pin(lazy.force());
    assert!(poll(&mut first).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    assert_eq!((kept(&counter), lazy.statistics().waiting), (1, 1));
    drop(second);
    assert_eq!((kept(&counter), lazy.statistics().waiting), (0, 0));
}

#[test]
fn a_future_that_panicked_makes_all_panic_and_nobody_hang() {
    let lazy = Lazy::new(async {
        futures_lite::future::yield_now().await;
        panic!("on purpose")
    });
    let message = |force: &mut Pin<Box<hob_sync::lazy::Force<'_, i32, _>>>| {
        let polled = catch_unwind(AssertUnwindSafe(|| poll(force)));
        hob_core::panic::message(&polled.expect_err("it panics")).to_owned()
    };
    let mut line = [lazy.force(), lazy.force(), lazy.force()].map(Box::pin);
    for force in &mut line {
        assert!(poll(force).is_pending());
    }
    assert_eq!(message(&mut line[0]), "on purpose");
    for force in &mut line[1..] {
        let said = message(force);
        assert!(said.contains("tests/lazy.rs"), "{said}");
        assert!(said.ends_with("has panicked"), "{said}");
    }
    assert_eq!(lazy.get(), None);
}

#[test]
fn the_future_is_dropped_as_soon_as_it_has_ended() {
    let token = Arc::new(());
    let held = Arc::clone(&token);
    let lazy = Lazy::new(async move {
        let _held = held;
        1
    });
    assert_eq!(block_on(lazy.force()), &1);
    assert_eq!(Arc::strong_count(&token), 1);

    let held = Arc::clone(&token);
    let lazy = Lazy::new(async move {
        let _held = held;
        pending::<i32>().await
    });
    assert!(poll(&mut Box::pin(lazy.force())).is_pending());
    assert_eq!(Arc::strong_count(&token), 2);
    assert_eq!(lazy.into_inner(), None);
    assert_eq!(Arc::strong_count(&token), 1);
}

#[test]
fn a_boxed_one_has_a_name_and_is_awaited_by_reference() {
    let lazy: Lazy<i32> = Lazy::from_boxed(Box::pin(async { 1 }));
    assert_eq!(block_on(async { *(&lazy).await }), 1);
    assert!(format!("{lazy:?}").contains("Some(1)"));
}

#[test]
fn threads_run_it_once() {
    for _ in 0..200 {
        let runs = AtomicUsize::new(0);
        let lazy = Lazy::new(async { runs.fetch_add(1, Ordering::Relaxed) });
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| assert_eq!(*lazy.force_blocking(), 0));
            }
        });
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }
}

/// Those who force come and go at random. The model counts the polls that reached the future: only
/// those of the first in line do.
#[test]
fn random_runners_agree_with_the_model() {
    for seed in 0..2_000 {
        let random = &mut Random::new(seed);
        let polls = AtomicUsize::new(0);
        let last = 1 + random.below(8);
        let lazy = Lazy::new(ready_at(&polls, last));
        let mut line = Vec::new();
        let mut expected = 0;
        for _ in 0..30 {
            if line.is_empty() || random.below(3) == 0 {
                line.push(Box::pin(lazy.force()));
                let newcomer = line.len() - 1;
                step(&mut line, newcomer, &mut expected, last);
            } else if random.chance() {
                drop(line.remove(random.below(line.len())));
            } else {
                let index = random.below(line.len());
                step(&mut line, index, &mut expected, last);
            }
            assert_eq!(polls.load(Ordering::Relaxed), expected);
        }
    }
}

/// Polls one, and takes it out of the line if it is ready.
fn step<F>(
    line: &mut Vec<Pin<Box<hob_sync::lazy::Force<'_, usize, F>>>>,
    index: usize,
    expected: &mut usize,
    last: usize,
) where
    F: Future<Output = usize>,
{
    if index == 0 && *expected < last {
        *expected += 1;
    }
    let poll = poll(&mut line[index]);
    assert_eq!(poll.is_ready(), *expected == last);
    if poll.is_ready() {
        drop(line.remove(index));
    }
}
