//! Claims: owners keep to their own tasks, and to none once they have ended.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use super::bench::Bench;
use super::crew::{Counter, Latch};

/// How many owners are made after one has ended: among so many there is the one that uses again what
/// that one has left, if any does.
const SUCCESSORS: usize = 4;

pub(super) fn two_owners_do_not_mix(one: Bench, other: Bench) {
    let ran = Counter::new();
    for (from, to) in [(&one, &other), (&other, &one)] {
        for _ in 0..10 {
            let (to, ran) = (Arc::clone(&to.crew), ran.clone());
            from.crew.spawn(poll_fn(move |_| {
                (0..10).for_each(|_| drop(to.spawn(ran.count_one())));
                Poll::Ready(())
            }));
        }
    }
    one.run_all();
    other.run_all();
    one.run_all();
    assert_eq!(ran.get(), 200, "a task is taken inside another's poll");
    other.end();
    one.end();
}

pub(super) fn what_comes_late_is_never_run(bench: Bench, successor: impl Fn() -> Bench) {
    let (polls, polled) = (Counter::new(), Latch::new(4));
    let tasks = [(); 4].map(|()| {
        let (polls, polled) = (polls.clone(), Arc::clone(&polled));
        bench.crew.spawn_left_behind(poll_fn(move |_| {
            polls.add(1);
            polled.count_down();
            Poll::Pending
        }))
    });
    bench.run(poll_fn(|cx| polled.poll(cx)));
    let crew = bench.end();

    let before = polls.get();
    let [first, second, third, fourth] = tasks;
    first.wake();
    thread::scope(|scope| {
        scope.spawn(move || second.wake());
    });
    let successors = [(); SUCCESSORS].map(|()| successor());
    third.wake();
    successors[0].crew.spawn(poll_fn(move |_| {
        fourth.wake_by_ref();
        Poll::Ready(())
    }));
    work_and_end(successors);
    assert_eq!(
        polls.get(),
        before,
        "what is scheduled after the owner was shut down is never run"
    );
    crew.check();
}

pub(super) fn what_comes_while_the_owner_ends_harms_nobody(
    bench: Bench,
    successor: impl Fn() -> Bench,
) {
    let (polls, begun) = (Counter::new(), Latch::new(1));
    let (task, first) = (polls.clone(), Arc::clone(&begun));
    let waker = bench.crew.spawn_left_behind(poll_fn(move |_| {
        task.add(1);
        first.count_down();
        Poll::Pending
    }));
    bench.run(poll_fn(|cx| begun.poll(cx)));
    let crew = thread::scope(|scope| {
        scope.spawn(|| (0..1000).for_each(|_| waker.wake_by_ref()));
        bench.end()
    });
    let before = polls.get();
    waker.wake();
    work_and_end([(); SUCCESSORS].map(|()| successor()));
    assert_eq!(
        polls.get(),
        before,
        "once the owner was shut down, no task of its is run"
    );
    crew.check();
}

/// Lets each of them run some tasks, while all are there, and shuts them down.
fn work_and_end(benches: [Bench; SUCCESSORS]) {
    for bench in &benches {
        for _ in 0..10 {
            bench.crew.spawn(poll_fn(|_| Poll::Ready(())));
        }
        bench.run_all();
    }
    for bench in benches {
        bench.end();
    }
}
