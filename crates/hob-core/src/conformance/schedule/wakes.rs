//! Claims: every task is run, and none at the cost of others.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Poll, Waker};
use std::thread;

use super::bench::Bench;
use super::crew::{Counter, Crew, Latch};
use crate::instant::Instant;
use crate::schedule::Why;

pub(super) fn a_task_that_wakes_itself_does_not_recurse(bench: Bench) {
    let polls = Counter::new();
    let counted = polls.clone();
    bench.crew.spawn(poll_fn(move |cx| {
        counted.add(1);
        if counted.get() >= 100_000 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    bench.run_all();
    assert_eq!(polls.get(), 100_000, "a task that yields is run again");
    bench.end();
}

pub(super) fn a_wake_before_the_poll_returns_is_not_lost(bench: Bench) {
    const ROUNDS: u64 = 200;
    let (to_wake, wakers) = channel::<Waker>();
    let (tell, woken) = channel();
    let (crew, polls) = (Arc::clone(&bench.crew), Counter::new());
    bench.crew.spawn(poll_fn(move |cx| {
        polls.add(1);
        if polls.get() > ROUNDS {
            return Poll::Ready(());
        }
        // Another thread wakes, and this poll lasts until it has.
        let handed_over = to_wake.send(cx.waker().clone());
        if handed_over.is_err() || woken.recv_timeout(crew.patience()).is_err() {
            crew.note("`schedule` does not wait for the poll that goes on");
            return Poll::Ready(());
        }
        Poll::Pending
    }));
    thread::scope(|scope| {
        scope.spawn(|| {
            for waker in wakers {
                waker.wake();
                // The task may have given up.
                let _gone = tell.send(());
            }
        });
        bench.run_all();
    });
    bench.end();
}

pub(super) fn no_wake_of_many_threads_is_lost(bench: Bench) {
    const TASKS: usize = 32;
    const THREADS: usize = 4;
    const WAKES: u64 = 2000;
    let (given, taken) = (Counter::new(), Counter::new());
    let closing = Counter::new();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (tokens, taken, closing) = (Counter::new(), taken.clone(), closing.clone());
            let task = tokens.clone();
            let waker = bench.crew.spawn(poll_fn(move |_| {
                // In this order: once it closes, no token comes any more.
                let closes = closing.get() == THREADS as u64;
                taken.add(task.take());
                if closes {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }));
            (tokens, waker)
        })
        .collect();
    thread::scope(|scope| {
        for thread in 0..THREADS as u64 {
            let (tasks, given, closing) = (&tasks, &given, &closing);
            scope.spawn(move || {
                let mut random = thread + 1;
                for _ in 0..WAKES {
                    random = xorshift(random);
                    let (tokens, waker) = &tasks[random as usize % TASKS];
                    tokens.add(1);
                    given.add(1);
                    waker.wake_by_ref();
                }
                closing.add(1);
                tasks.iter().for_each(|(_, waker)| waker.wake_by_ref());
            });
        }
        bench.run_all();
    });
    assert_eq!(
        (given.get(), taken.get()),
        (THREADS as u64 * WAKES, THREADS as u64 * WAKES),
        "after every wake there is a poll"
    );
    bench.end();
}

pub(super) fn the_reason_is_a_hint(bench: Bench) {
    const WHY: [Why; 3] = [Why::Spawned, Why::Woken, Why::Yielded];
    let (crew, ran) = (&bench.crew, Counter::new());
    let all = |crew: &Arc<Crew>, ran: &Counter| {
        for why in WHY {
            crew.spawn_as(why, ran.count_one());
        }
    };
    all(crew, &ran);
    let (inside, counted) = (Arc::clone(crew), ran.clone());
    crew.spawn(poll_fn(move |_| {
        all(&inside, &counted);
        Poll::Ready(())
    }));
    bench.run_all();
    assert_eq!(ran.get(), 6, "a task is run, whatever it is scheduled for");

    // From another thread, again and again, most of the time while the owner has nothing to do.
    let over = Latch::new(1);
    crew.spawn(Arc::clone(&over).wait());
    thread::scope(|scope| {
        scope.spawn(|| {
            let runs = WHY
                .into_iter()
                .all(|why| (0..200).all(|_| crew.runs_one(why)));
            if !runs {
                crew.note("every task that was taken is run, whatever it is scheduled for");
            }
            over.count_down();
        });
        bench.run_all();
    });
    bench.end();
}

pub(super) fn a_cancelled_task_is_taken_like_any_other(bench: Bench) {
    let crew = &bench.crew;
    // Cancelled before it has run, while it waits, and by another thread: each time it is scheduled
    // once more, and its future dropped where it is run.
    drop(crew.spawn_cancellable(poll_fn(|_| Poll::Pending)));
    let polled = Latch::new(2);
    let [here, there] = [(); 2].map(|()| {
        let (polled, mut first) = (Arc::clone(&polled), true);
        crew.spawn_cancellable(poll_fn(move |_| {
            if std::mem::take(&mut first) {
                polled.count_down();
            }
            Poll::Pending
        }))
    });
    bench.run(poll_fn(|cx| polled.poll(cx)));
    drop(here);
    thread::scope(|scope| {
        scope.spawn(move || drop(there));
        bench.run_all();
    });
    bench.end();
}

pub(super) fn a_task_that_yields_for_ever_starves_nobody(bench: Bench) {
    /// Yields until `done`, but not for ever.
    async fn yield_until(crew: &Crew, done: impl Fn() -> bool) {
        let deadline = Instant::system() + crew.patience();
        poll_fn(|cx| {
            if done() {
                return Poll::Ready(());
            }
            if Instant::system() >= deadline {
                crew.note("no task waits for ever behind one that is scheduled again and again");
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
    let (crew, ran) = (Arc::clone(&bench.crew), Counter::new());
    bench.crew.spawn(async move {
        crew.spawn(ran.count_one());
        yield_until(&crew, || ran.get() == 1).await;
        thread::scope(|scope| drop(scope.spawn(|| crew.spawn(ran.count_one()))));
        yield_until(&crew, || ran.get() == 2).await;
    });
    bench.run_all();
    bench.end();
}

fn xorshift(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^ (state << 17)
}
