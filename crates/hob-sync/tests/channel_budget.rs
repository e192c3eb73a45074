//! What the ends of channels do about a budget: they yield once, in order, and are charged when ready.

mod support;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_lite::StreamExt;
use hob_core::Env;
use hob_core::budget::{BUDGET_PER_POLL, try_spend};
use hob_core::context::{self, Local, Role};
use hob_core::env::Parts;
use hob_sync::mpsc::TryRecvError;
use hob_sync::{mpmc, mpsc, oneshot};

use support::{Counter, Random, poll, poll_once, poll_with};

const RUNS: u64 = 1_000;

/// Runs `inside` on a worker, each `in_main` of which is one poll of its task.
fn on_worker(inside: impl FnOnce(&Local<'_>)) {
    let env = Arc::new(Env::new(Parts::default()));
    let local = Local::new(&env, Role::Worker);
    context::enter(&local, || inside(&local));
}

/// Uses up what is left of the budget, and tells how much that was.
fn exhaust() -> u32 {
    (0..).take_while(|_| try_spend()).count() as u32
}

#[test]
fn what_is_at_hand_after_a_try_recv_comes_first_without_a_budget_too() {
    on_worker(|local| {
        let (tx, mut rx) = mpsc::unbounded();
        local.in_main(|| {
            assert!(poll_once(rx.next()).is_pending());
            (1..=3).for_each(|number| tx.send(number).unwrap());
            assert_eq!(rx.try_recv(), Ok(1));
            tx.send(4).unwrap();
            exhaust();
            assert!(poll_once(rx.next()).is_pending(), "the wait has ended");
        });
        let rest = local.in_main(|| (2..=4).map(|_| poll_once(rx.next())).collect::<Vec<_>>());
        assert_eq!(rest, [2, 3, 4].map(|number| Poll::Ready(Some(number))));
    });
}

#[test]
fn a_try_recv_that_finds_nothing_leaves_the_wait_as_it_is() {
    let (counter, waker) = Counter::new();
    let (tx, mut rx) = mpsc::unbounded();
    assert!(poll_with(&mut rx.next(), &waker).is_pending());
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    tx.send(1).unwrap();
    assert_eq!(counter.wakes(), 1);
}

#[test]
fn a_greedy_sibling_does_not_starve_a_receiver() {
    on_worker(|local| {
        let (tx, mut rx) = mpsc::unbounded();
        (1..=4).for_each(|number| tx.send(number).unwrap());
        let (counter, waker) = Counter::new();
        local.in_main(|| {
            exhaust();
            assert!(poll_with(&mut rx.next(), &waker).is_pending());
            assert!(
                poll_with(&mut rx.next(), &waker).is_pending(),
                "in the same poll"
            );
        });
        for number in 1..=4 {
            local.in_main(|| {
                exhaust();
                assert_eq!(poll_with(&mut rx.next(), &waker), Poll::Ready(Some(number)));
                assert!(poll_with(&mut rx.next(), &waker).is_pending(), "one a poll");
            });
        }
        assert_eq!(counter.wakes(), 2 + 3, "nothing is there in the end");
    });
}

#[test]
fn a_greedy_sibling_does_not_starve_a_batch() {
    on_worker(|local| {
        let (tx, mut rx) = mpsc::unbounded();
        (1..=4).for_each(|number| tx.send(number).unwrap());
        assert_eq!(rx.try_recv(), Ok(1));
        let mut batch = Vec::new();
        let mut recv = rx.recv_many(&mut batch, 2);
        for expected in [Poll::Pending, Poll::Ready(2)] {
            local.in_main(|| {
                exhaust();
                assert_eq!(poll(&mut recv), expected);
            });
        }
        drop(recv);
        assert_eq!(batch, [2, 3]);
    });
}

#[test]
fn a_greedy_sibling_does_not_starve_the_ends_of_a_oneshot() {
    on_worker(|local| {
        let (tx, mut rx) = oneshot::channel();
        tx.send(7).unwrap();
        let (mut tx, gone) = oneshot::channel::<u8>();
        drop(gone);
        let mut closed = tx.closed();
        let (counter, waker) = Counter::new();
        local.in_main(|| {
            exhaust();
            for _ in 0..2 {
                assert!(poll_with(&mut rx, &waker).is_pending());
                assert!(poll_with(&mut closed, &waker).is_pending());
            }
        });
        assert_eq!(counter.wakes(), 4);
        local.in_main(|| {
            exhaust();
            assert_eq!(poll(&mut rx), Poll::Ready(Ok(7)));
            assert!(poll(&mut closed).is_ready());
        });
    });
}

#[test]
fn the_end_of_a_oneshot_costs_a_budget() {
    on_worker(|local| {
        local.in_main(|| {
            let (mut tx, rx) = oneshot::channel::<u8>();
            drop(rx);
            assert!(poll_once(tx.closed()).is_ready());
            assert_eq!(exhaust(), BUDGET_PER_POLL - 1);
        });
    });
}

#[test]
fn what_a_rendezvous_offers_waits_for_a_budget() {
    on_worker(|local| {
        let (tx, rx) = mpmc::rendezvous();
        let mut sends: Vec<_> = (0..200).map(|number| Box::pin(tx.send(number))).collect();
        assert!(sends.iter_mut().all(|send| poll(send).is_pending()));
        let received =
            local.in_main(|| (0..200).filter(|_| poll_once(rx.recv()).is_ready()).count());
        assert_eq!(received, BUDGET_PER_POLL as usize);
    });
}

#[test]
fn who_finds_nothing_pays_nothing() {
    on_worker(|local| {
        local.in_main(|| {
            let (tx, rx) = mpmc::bounded(1);
            assert!(poll_once(rx.recv()).is_pending());
            tx.try_send(0).unwrap();
            assert!(poll_once(tx.send(1)).is_pending());
            let (_tx, mut rx) = mpsc::unbounded::<u8>();
            assert!(poll_once(rx.recv()).is_pending());
            assert_eq!(exhaust(), BUDGET_PER_POLL);
        });
    });
}

#[test]
fn a_stream_is_charged_for_each_message() {
    on_worker(|local| {
        let (tx, rx) = mpmc::unbounded();
        (0..200).for_each(|number| tx.send(number).unwrap());
        let mut messages = pin!(rx.stream());
        let mut next = 0;
        local.in_main(|| {
            while poll_once(messages.next()) == Poll::Ready(Some(next)) {
                next += 1;
            }
        });
        assert_eq!(next, BUDGET_PER_POLL);
        let more = local.in_main(|| poll_once(messages.next()));
        assert_eq!(
            more,
            Poll::Ready(Some(next)),
            "it took none that it did not give"
        );
    });
}

/// Whatever is mixed: a receiver gives every message in order; it waits when none is there, or once in a
/// poll of its task if the budget is spent, and is woken for either.
#[test]
fn a_receiver_keeps_the_order_whatever_the_budget_and_the_way() {
    for seed in 0..RUNS {
        on_worker(|local| {
            let mut random = Random::new(seed);
            let (counter, waker) = Counter::new();
            let (tx, mut rx) = mpsc::bounded(8);
            let mut ring = VecDeque::new();
            let mut next = 0_u32;
            // Whether the last poll of the stream was `Pending`, and before this poll of the task or
            // with nothing there.
            let (mut yielded, mut is_due, mut waits) = (false, false, false);
            for _ in 0..12 {
                is_due |= std::mem::take(&mut yielded);
                local.in_main(|| {
                    let is_spent = random.chance();
                    if is_spent {
                        exhaust();
                    }
                    for _ in 0..random.below(10) {
                        let wakes = counter.wakes();
                        match random.below(8) {
                            0..=2 => {
                                next += 1;
                                let sent = tx.try_send(next).is_ok();
                                assert_eq!(sent, ring.len() < 8, "seed {seed}");
                                if sent {
                                    ring.push_back(next);
                                    let woken = counter.wakes() > wakes;
                                    assert_eq!(woken, std::mem::take(&mut waits), "seed {seed}");
                                }
                            }
                            3 | 4 => {
                                let message = ring.pop_front();
                                assert_eq!(rx.try_recv().ok(), message, "seed {seed}");
                                if message.is_some() {
                                    (yielded, is_due) = (false, false);
                                }
                            }
                            5 => {
                                let mut batch = Vec::new();
                                let limit = 1 + random.below(3);
                                let polled = poll_once(rx.recv_many(&mut batch, limit));
                                let count = limit.min(ring.len());
                                assert!(polled.is_pending() || polled == Poll::Ready(count));
                                assert!(polled.is_ready() || count == 0 || is_spent && !is_due);
                                let expected: Vec<_> = ring.drain(..batch.len()).collect();
                                assert_eq!(batch, expected, "seed {seed}");
                                // Done, or dropped.
                                (yielded, is_due, waits) = (false, false, false);
                            }
                            _ => match poll_with(&mut rx.next(), &waker) {
                                Poll::Ready(message) => {
                                    assert_eq!(message, ring.pop_front(), "seed {seed}");
                                    assert!(message.is_some(), "seed {seed}");
                                    (yielded, is_due) = (false, false);
                                }
                                Poll::Pending if ring.is_empty() => {
                                    (yielded, is_due, waits) = (false, true, true);
                                }
                                Poll::Pending => {
                                    assert!(is_spent && !is_due, "seed {seed}");
                                    assert_eq!(counter.wakes(), wakes + 1, "seed {seed}");
                                    yielded = true;
                                }
                            },
                        }
                        assert_eq!(tx.len(), ring.len(), "seed {seed}");
                    }
                });
            }
        });
    }
}
