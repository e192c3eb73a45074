//! What a watched value promises: who is behind is told, once, and a panic leaves it usable.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Wake, Waker};
use std::thread;

use futures_lite::{Stream, StreamExt};
use hob_sync::watch::{self, Receiver, RecvError, SendError, Sender};

use support::{Counter, Random, block_on, kept, poll, poll_once, poll_with};

#[test]
fn a_receiver_is_told_of_a_change_once_and_sees_the_latest() {
    let (tx, mut rx) = watch::channel(0);
    assert!(poll_once(rx.changed()).is_pending(), "the first was seen");
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(poll_once(rx.changed()), Poll::Ready(Ok(())));
    assert_eq!(*rx.borrow(), 2);
    assert!(poll_once(rx.changed()).is_pending());
}

#[test]
fn a_change_that_comes_between_the_wake_and_the_poll_is_not_told_twice() {
    let (tx, mut rx) = watch::channel(0);
    let mut changed = Box::pin(rx.changed());
    assert!(poll(&mut changed).is_pending());
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(poll(&mut changed), Poll::Ready(Ok(())));
    drop(changed);
    assert_eq!(*rx.borrow(), 2);
    assert_eq!(rx.has_changed(), Ok(false));
    assert!(poll_once(rx.changed()).is_pending());
}

#[test]
fn a_change_wakes_all_who_wait_and_each_once() {
    let (tx, rx) = watch::channel(0);
    let (counter, waker) = Counter::new();
    let mut receivers: Vec<_> = (0..100).map(|_| rx.clone()).collect();
    let mut waits: Vec<_> = receivers
        .iter_mut()
        .map(|rx| Box::pin(rx.changed()))
        .collect();
    for wait in &mut waits {
        assert!(poll_with(wait, &waker).is_pending());
    }
    assert_eq!(tx.statistics().receivers_waiting, 100);
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(counter.wakes(), 100);
    for wait in &mut waits {
        assert_eq!(poll(wait), Poll::Ready(Ok(())));
    }
    drop(waits);
    assert!(receivers.iter().all(|rx| rx.has_changed() == Ok(false)));
}

#[test]
fn who_is_behind_passes_those_who_wait() {
    let (tx, mut rx) = watch::channel(0);
    let mut behind = rx.clone();
    tx.send(1).unwrap();
    rx.mark_unchanged();
    let mut waits = Box::pin(rx.changed());
    assert!(poll(&mut waits).is_pending());
    assert_eq!(poll_once(behind.changed()), Poll::Ready(Ok(())));
    assert!(poll(&mut waits).is_pending());
}

#[test]
fn dropped_changed_leaves_no_waker_and_has_seen_nothing() {
    let (tx, mut rx) = watch::channel(0);
    let (counter, waker) = Counter::new();
    drop(rx.changed());
    let mut changed = Box::pin(rx.changed());
    assert!(poll_with(&mut changed, &waker).is_pending());
    assert_eq!((kept(&counter), tx.statistics().receivers_waiting), (1, 1));
    drop(changed);
    assert_eq!((kept(&counter), tx.statistics().receivers_waiting), (0, 0));
    let mut changed = Box::pin(rx.changed());
    assert!(poll_with(&mut changed, &waker).is_pending());
    tx.send(1).unwrap();
    assert_eq!(counter.wakes(), 1);
    drop(changed);
    assert_eq!(rx.has_changed(), Ok(true), "it was told to nobody");
    assert_eq!(poll_once(rx.changed()), Poll::Ready(Ok(())));
}

#[test]
fn the_end_comes_after_the_last_value() {
    let (tx, mut rx) = watch::channel(0);
    let second = tx.clone();
    let mut waits = rx.clone();
    let mut waits = Box::pin(waits.changed());
    assert!(poll(&mut waits).is_pending());
    drop(tx);
    assert!(poll(&mut waits).is_pending(), "a sender is left");
    drop(second);
    assert_eq!(poll(&mut waits), Poll::Ready(Err(RecvError)));
    assert!(rx.is_closed());

    let (tx, mut late) = watch::channel(0);
    tx.send(1).unwrap();
    drop(tx);
    assert_eq!(late.has_changed(), Ok(true));
    assert_eq!(poll_once(late.changed()), Poll::Ready(Ok(())));
    assert_eq!(late.has_changed(), Err(RecvError));
    assert_eq!(poll_once(late.changed()), Poll::Ready(Err(RecvError)));
    assert_eq!(poll_once(rx.changed()), Poll::Ready(Err(RecvError)));
}

#[test]
fn what_nobody_would_see_is_not_sent_and_comes_back() {
    let (tx, rx) = watch::channel(0);
    drop(rx);
    assert!(tx.is_closed());
    assert_eq!(tx.send(1), Err(SendError(1)));
    assert_eq!((*tx.borrow(), tx.statistics().changes), (0, 0));
    assert_eq!(tx.send_replace(2), 0);
    let rx = tx.subscribe();
    assert_eq!((*rx.borrow(), rx.has_changed()), (2, Ok(false)));
    assert!(tx.send(3).is_ok());
}

#[test]
fn closed_waits_for_the_last_receiver() {
    let (tx, rx) = watch::channel(0);
    let other = rx.clone();
    let (counter, waker) = Counter::new();
    let mut closed = Box::pin(tx.closed());
    let mut gives_up = Box::pin(tx.closed());
    assert!(poll_with(&mut closed, &waker).is_pending());
    assert!(poll(&mut gives_up).is_pending());
    assert_eq!(tx.statistics().senders_waiting, 2);
    drop(gives_up);
    drop(rx);
    assert_eq!(counter.wakes(), 0);
    drop(other);
    assert_eq!(counter.wakes(), 1);
    assert!(poll(&mut closed).is_ready());
    let rx = tx.subscribe();
    assert!(poll_once(tx.closed()).is_pending(), "there is one again");
    drop(rx);
    assert!(poll_once(tx.closed()).is_ready());
}

#[test]
fn all_who_wait_for_closed_are_told_although_a_waker_subscribes_again() {
    struct Subscribes(Sender<u8>, std::sync::Mutex<Vec<Receiver<u8>>>);
    impl Wake for Subscribes {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0.subscribe());
        }
    }
    let (tx, rx) = watch::channel(0);
    let subscribes = Arc::new(Subscribes(tx.clone(), std::sync::Mutex::default()));
    let mut waits: Vec<_> = (0..20).map(|_| Box::pin(tx.closed())).collect();
    for wait in &mut waits {
        let waker = Waker::from(Arc::clone(&subscribes));
        assert!(poll_with(wait, &waker).is_pending());
    }
    drop(rx);
    for wait in &mut waits {
        assert!(poll(wait).is_ready());
    }
    assert_eq!(tx.receiver_count(), 20);
    assert!(poll_once(tx.closed()).is_pending(), "for who comes now");
    subscribes.1.lock().unwrap().clear();
    assert!(poll_once(tx.closed()).is_ready());
}

#[test]
fn only_what_counts_as_a_change_is_told() {
    let (tx, mut rx) = watch::channel(5);
    let (counter, waker) = Counter::new();
    let mut changed = Box::pin(rx.changed());
    assert!(poll_with(&mut changed, &waker).is_pending());
    assert!(!tx.send_if_modified(|_| false));
    assert_eq!(counter.wakes(), 0);
    assert!(tx.send_if_modified(|value| {
        *value += 1;
        true
    }));
    assert_eq!(counter.wakes(), 1);
    assert!(poll(&mut changed).is_ready());
    drop(changed);
    tx.send_modify(|value| *value += 1);
    assert_eq!(*rx.borrow_and_update(), 7);
}

#[test]
fn a_closure_that_panics_has_made_a_change_and_harms_nobody() {
    let modifies: [fn(&Sender<i32>); 2] = [
        |tx| {
            tx.send_modify(|value| {
                *value += 1;
                panic!("on purpose");
            });
        },
        |tx| {
            tx.send_if_modified(|value| {
                *value += 1;
                panic!("on purpose");
            });
        },
    ];
    for modify in modifies {
        let (tx, mut rx) = watch::channel(0);
        let (counter, waker) = Counter::new();
        let mut changed = Box::pin(rx.changed());
        assert!(poll_with(&mut changed, &waker).is_pending());
        assert!(catch_unwind(AssertUnwindSafe(|| modify(&tx))).is_err());
        assert_eq!(counter.wakes(), 1);
        assert_eq!(poll(&mut changed), Poll::Ready(Ok(())));
        drop(changed);
        assert_eq!(*rx.borrow(), 1);
        tx.send(9).unwrap();
        assert_eq!(*rx.borrow(), 9);
    }
}

#[test]
fn a_predicate_that_panics_harms_nobody() {
    let (tx, mut rx) = watch::channel(0);
    let mut wait = Box::pin(rx.wait_for(|value| {
        assert_eq!(*value, 0, "on purpose");
        false
    }));
    assert!(poll(&mut wait).is_pending());
    tx.send(1).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut wait).is_ready())).is_err());
    drop(wait);
    tx.send(2).unwrap();
    assert_eq!(*block_on(rx.wait_for(|value| *value == 2)).unwrap(), 2);
    assert_eq!(tx.statistics().receivers_waiting, 0);
}

#[test]
fn wait_for_looks_at_what_is_there_and_then_at_each_change() {
    let (tx, mut rx) = watch::channel(3);
    assert_eq!(*block_on(rx.wait_for(|value| *value == 3)).unwrap(), 3);
    let mut looks = 0;
    let mut wait = Box::pin(rx.wait_for(|value| {
        looks += 1;
        *value > 7
    }));
    assert!(poll(&mut wait).is_pending());
    tx.send(5).unwrap();
    assert!(poll(&mut wait).is_pending());
    tx.send(8).unwrap();
    match poll(&mut wait) {
        Poll::Ready(Ok(value)) => assert!(*value == 8 && value.has_changed()),
        other => panic!("{other:?}"),
    }
    drop(wait);
    assert_eq!(looks, 3);
    assert_eq!(rx.has_changed(), Ok(false), "it was seen");
    drop(tx);
    assert!(block_on(rx.wait_for(|value| *value == 8)).is_ok());
    assert_eq!(
        block_on(rx.wait_for(|value| *value == 9)).err(),
        Some(RecvError)
    );
}

#[test]
fn dropped_wait_for_leaves_no_waker() {
    let (tx, mut rx) = watch::channel(0);
    let (counter, waker) = Counter::new();
    let mut wait = Box::pin(rx.wait_for(|value| *value == 2));
    assert!(poll_with(&mut wait, &waker).is_pending());
    tx.send(1).unwrap();
    assert!(poll_with(&mut wait, &waker).is_pending());
    assert_eq!(kept(&counter), 1);
    drop(wait);
    assert_eq!((kept(&counter), tx.statistics().receivers_waiting), (0, 0));
}

#[test]
fn marks_say_what_was_seen() {
    let (tx, mut rx) = watch::channel(0);
    rx.mark_changed();
    assert_eq!(poll_once(rx.changed()), Poll::Ready(Ok(())));
    tx.send(1).unwrap();
    let clone = rx.clone();
    rx.mark_unchanged();
    assert_eq!(rx.has_changed(), Ok(false));
    assert_eq!(clone.has_changed(), Ok(true), "each keeps it by itself");
    assert!(rx.same_channel(&clone) && tx.same_channel(&tx.clone()));
    assert!(!rx.same_channel(&Sender::new(1).subscribe()));
}

#[test]
fn the_old_value_is_dropped_with_nothing_locked() {
    struct Tells(Option<Sender<Self>>);
    impl Drop for Tells {
        fn drop(&mut self) {
            if let Some(tx) = self.0.take() {
                assert!(tx.borrow().0.is_none());
                assert!(tx.send(Self(None)).is_ok());
            }
        }
    }
    let (tx, rx) = watch::channel(Tells(None));
    assert!(tx.send(Tells(Some(tx.clone()))).is_ok());
    assert!(tx.send(Tells(None)).is_ok());
    assert_eq!(rx.statistics().changes, 3);
}

#[test]
fn those_who_wait_are_woken_with_the_value_unlocked() {
    struct Looks(Sender<i32>, AtomicBool);
    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            self.0.send_modify(|value| *value += 1);
            self.1.store(*self.0.borrow() > 1, Ordering::Relaxed);
        }
    }
    let (tx, mut rx) = watch::channel(0);
    let looks = Arc::new(Looks(tx.clone(), AtomicBool::new(false)));
    let mut changed = Box::pin(rx.changed());
    assert!(poll_with(&mut changed, &Waker::from(Arc::clone(&looks))).is_pending());
    tx.send(1).unwrap();
    assert!(looks.1.load(Ordering::Relaxed));
}

#[test]
fn a_stream_gives_the_unseen_values_and_then_the_end() {
    let (tx, rx) = watch::channel(0);
    let (counter, waker) = Counter::new();
    let mut stream = rx.into_stream();
    let next = |stream: &mut _, waker: &Waker| poll_with(&mut StreamExt::next(stream), waker);
    assert_eq!(next(&mut stream, &waker), Poll::Pending);
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(counter.wakes(), 1);
    assert_eq!(next(&mut stream, &waker), Poll::Ready(Some(2)));
    assert_eq!(next(&mut stream, &waker), Poll::Pending);
    drop(tx);
    assert_eq!(next(&mut stream, &waker), Poll::Ready(None));
    assert_eq!(next(&mut stream, &waker), Poll::Ready(None));
}

#[test]
fn a_clone_that_panics_ends_no_stream() {
    struct Fragile(bool);
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            assert!(self.0, "on purpose");
            Self(true)
        }
    }
    let (tx, rx) = watch::channel(Fragile(true));
    let mut stream = rx.into_stream();
    let mut next = |waker| {
        let mut cx = std::task::Context::from_waker(waker);
        let poll = AssertUnwindSafe(|| Pin::new(&mut stream).poll_next(&mut cx));
        catch_unwind(poll).map(|poll| poll.is_ready())
    };
    tx.send(Fragile(false)).unwrap();
    assert!(next(Waker::noop()).is_err());
    assert!(!next(Waker::noop()).expect("it waits for the next"));
    tx.send(Fragile(true)).unwrap();
    assert!(next(Waker::noop()).expect("here it is"));
}

#[test]
fn debug_never_blocks() {
    let (tx, rx) = watch::channel(0);
    tx.send_modify(|_| {
        let shown = format!("{tx:?} {rx:?}");
        assert!(shown.contains("receivers: 1"), "{shown}");
    });
}

#[test]
fn threads_see_the_last_value_and_nothing_goes_back() {
    const CHANGES: usize = 20_000;
    let (tx, rx) = watch::channel(0);
    thread::scope(|scope| {
        for number in 0..3 {
            let mut rx = rx.clone();
            scope.spawn(move || {
                let mut last = 0;
                loop {
                    let changed = match number {
                        0 => rx.changed_blocking(),
                        _ => block_on(rx.changed()),
                    };
                    if changed.is_err() {
                        break;
                    }
                    let seen = *rx.borrow_and_update();
                    assert!(seen >= last);
                    last = seen;
                }
                assert_eq!(last, CHANGES);
            });
        }
        drop(rx);
        for change in 1..=CHANGES {
            tx.send(change).unwrap();
        }
        drop(tx);
    });
}

#[test]
fn a_thread_waits_for_the_last_receiver() {
    let (tx, rx) = watch::channel(0);
    thread::scope(|scope| {
        scope.spawn(|| tx.closed_blocking());
        scope.spawn(move || drop(rx));
    });
    assert!(tx.is_closed());
}

/// A wait that gives its receiver back.
type Waiting = Pin<Box<dyn Future<Output = (Receiver<usize>, Result<(), RecvError>)>>>;

/// One receiver of the property test: what it waits with, if it does, and what the model knows.
struct Party {
    /// `None` while `wait` has it.
    rx: Option<Receiver<usize>>,
    wait: Option<Waiting>,
    seen: usize,
}

/// A sender and some receivers do things at random. The model is the number of changes, which is the
/// value too, and what each receiver has seen of it.
fn run(seed: u64) {
    let random = &mut Random::new(seed);
    let (tx, rx) = watch::channel(0);
    let mut tx = Some(tx);
    let mut now = 0;
    let mut parties = vec![party(rx, 0)];
    for _ in 0..24 {
        let index = random.below(parties.len());
        match random.below(8) {
            0 | 1 => {
                if let Some(tx) = &tx {
                    now += 1;
                    tx.send(now).unwrap();
                }
            }
            2 if random.below(6) == 0 => tx = None,
            3 if parties.len() < 6 => {
                let new = match (&tx, &parties[index].rx) {
                    (Some(tx), _) if random.chance() => Some(party(tx.subscribe(), now)),
                    (_, Some(rx)) => Some(party(rx.clone(), parties[index].seen)),
                    _ => None,
                };
                parties.extend(new);
            }
            4 if parties.len() > 1 => drop(parties.remove(index)),
            5 => look(&mut parties[index], random, now, tx.is_none()),
            _ => wait(&mut parties[index], now, tx.is_none()),
        }
        let in_line = |party: &&Party| party.wait.is_some() && party.seen == now;
        let expected = match tx.is_some() {
            true => parties.iter().filter(in_line).count(),
            false => 0,
        };
        let any = parties.iter().find_map(|party| party.rx.as_ref());
        if let Some(statistics) = any.map(Receiver::statistics) {
            assert_eq!(statistics.receivers_waiting, expected, "seed {seed}");
            assert_eq!(statistics.receivers, parties.len());
            assert_eq!(
                (statistics.changes, statistics.is_closed),
                (now, tx.is_none())
            );
        }
    }
}

fn party(rx: Receiver<usize>, seen: usize) -> Party {
    Party {
        rx: Some(rx),
        wait: None,
        seen,
    }
}

/// Looks at the value in one way or the other, if it does not wait.
fn look(party: &mut Party, random: &mut Random, now: usize, closed: bool) {
    let Some(rx) = &mut party.rx else { return };
    let expected = match (party.seen == now, closed) {
        (false, _) => Ok(true),
        (true, false) => Ok(false),
        (true, true) => Err(RecvError),
    };
    assert_eq!(rx.has_changed(), expected);
    if random.chance() {
        assert_eq!(*rx.borrow(), now);
    } else {
        assert_eq!(*rx.borrow_and_update(), now);
        party.seen = now;
    }
}

/// Starts to wait, or goes on.
fn wait(party: &mut Party, now: usize, closed: bool) {
    if let Some(mut rx) = party.rx.take() {
        party.wait = Some(Box::pin(async move {
            let changed = rx.changed().await;
            (rx, changed)
        }));
    }
    let polled = poll(party.wait.as_mut().expect("it waits"));
    match polled {
        Poll::Pending => assert!(party.seen == now && !closed),
        Poll::Ready((rx, changed)) => {
            let expected = if party.seen == now {
                Err(RecvError)
            } else {
                Ok(())
            };
            assert_eq!(changed, expected);
            party.seen = now;
            party.rx = Some(rx);
            party.wait = None;
        }
    }
}

#[test]
fn random_operations_agree_with_the_model() {
    for seed in 0..3_000 {
        run(seed);
    }
}

#[test]
fn a_dump_is_written_with_nothing_locked() {
    let (tx, rx) = watch::channel(0);
    support::debug_within_debug(&tx, |text| assert!(!text.contains("<locked>"), "{text}"));
    support::debug_within_debug(&rx, |text| assert!(!text.contains("<locked>"), "{text}"));
}
