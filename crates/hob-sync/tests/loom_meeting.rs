//! Models of notifications, events, conditions and barriers. Run with `RUSTFLAGS="--cfg loom"
//! LOOM_MAX_PREEMPTIONS=2 cargo test --release -p hob-sync --test loom_meeting`. A lost wake shows as a
//! deadlock, a change that was told of and is not visible as a [`Mark`] that is not seen.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::pin::Pin;
use std::sync::Arc;

use hob_sync::{Barrier, Condition, Event, Mutex, Notify};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread::{self, JoinHandle};

use model::{block_on, poll};

/// Something that is done before it is told of. By itself it orders nothing.
struct Mark(AtomicBool);

impl Mark {
    fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_seen(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs `act` on another thread.
fn also<T, R>(shared: &Arc<T>, act: impl FnOnce(&T) -> R + 'static) -> JoinHandle<R>
where
    T: 'static,
    R: 'static,
{
    let shared = Arc::clone(shared);
    thread::spawn(move || act(&shared))
}

type Owned<R> = Pin<Box<dyn Future<Output = R>>>;

/// A future that has been polled once, and waits.
fn in_line<R>(future: impl Future<Output = R> + 'static) -> Owned<R> {
    let mut future: Owned<R> = Box::pin(future);
    assert!(poll(&mut future).is_pending());
    future
}

#[test]
fn what_was_done_before_notify_one_is_visible_whether_or_not_it_is_kept() {
    loom::model(|| {
        let shared = Arc::new((Notify::new(), Mark::new()));
        let notifies = also(&shared, |(notify, mark)| {
            mark.set();
            notify.notify_one();
        });
        let (notify, mark) = &*shared;
        block_on(notify.notified());
        assert!(mark.is_seen());
        notifies.join().unwrap();
        assert!(!notify.statistics().is_kept);
    });
}

#[test]
fn a_second_notify_one_that_is_kept_with_the_first_is_visible_too() {
    loom::model(|| {
        let shared = Arc::new((Notify::new(), Mark::new()));
        let (notify, mark) = &*shared;
        notify.notify_one();
        let notifies = also(&shared, |(notify, mark)| {
            mark.set();
            notify.notify_one();
        });
        block_on(notify.notified());
        let is_seen = mark.is_seen();
        notifies.join().unwrap();
        assert!(is_seen || notify.statistics().is_kept);
    });
}

#[test]
fn one_that_was_notified_and_goes_meanwhile_passes_it_on() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let first = in_line(Arc::clone(&notify).notified_owned());
        let gives_up = thread::spawn(move || drop(first));
        let notifies = also(&notify, Notify::notify_one);
        block_on(notify.notified());
        gives_up.join().unwrap();
        notifies.join().unwrap();
        let statistics = notify.statistics();
        assert!(!statistics.is_kept && statistics.waiting == 0);
    });
}

#[test]
fn all_and_then_one_reach_the_one_who_waited_and_the_next() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let waited = Arc::clone(&notify).notified_owned();
        let notifies = also(&notify, |notify| {
            notify.notify_all();
            notify.notify_one();
        });
        block_on(waited);
        block_on(notify.notified());
        notifies.join().unwrap();
        assert!(!notify.statistics().is_kept);
    });
}

#[test]
fn one_who_was_created_before_all_is_notified_though_another_is_in_line() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let early = Arc::clone(&notify).notified_owned();
        let _ahead = in_line(Arc::clone(&notify).notified_owned());
        let notifies = {
            let notify = Arc::clone(&notify);
            thread::spawn(move || {
                notify.notify_all();
                in_line(notify.notified_owned())
            })
        };
        block_on(early);
        drop(notifies.join().unwrap());
    });
}

#[test]
fn two_who_are_enabled_are_both_notified_one_by_one() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let mut first = Box::pin(Arc::clone(&notify).notified_owned());
        assert!(!first.as_mut().enable());
        let waits = thread::spawn(move || block_on(first));
        let mut second = Box::pin(notify.notified());
        assert!(!second.as_mut().enable());
        let notifies = also(&notify, |notify| {
            notify.notify_one();
            notify.notify_one();
        });
        block_on(second);
        waits.join().unwrap();
        notifies.join().unwrap();
        assert!(!notify.statistics().is_kept);
    });
}

#[test]
fn what_was_done_before_an_event_was_set_is_visible() {
    loom::model(|| {
        let shared = Arc::new((Event::new(), Mark::new()));
        let sets = also(&shared, |(event, mark)| {
            mark.set();
            event.set();
        });
        let (event, mark) = &*shared;
        block_on(event.wait());
        assert!(mark.is_seen());
        sets.join().unwrap();
        assert_eq!(event.statistics().waiting, 0);
    });
}

#[test]
fn who_clears_an_event_and_looks_misses_nothing() {
    loom::model(|| {
        let shared = Arc::new((Event::new(), Mark::new()));
        let sets = also(&shared, |(event, mark)| {
            mark.set();
            event.set();
        });
        let (event, mark) = &*shared;
        event.clear();
        if !mark.is_seen() {
            // So it was not set before it was cleared, and is yet to be.
            block_on(event.wait());
            assert!(mark.is_seen());
        }
        sets.join().unwrap();
    });
}

#[test]
fn set_and_clear_release_who_waited_while_another_gives_up() {
    loom::model(|| {
        let event = Arc::new(Event::new());
        let wait = |event: Arc<Event>| in_line(async move { event.wait().await });
        let gone = wait(Arc::clone(&event));
        let waits = wait(Arc::clone(&event));
        let gives_up = thread::spawn(move || drop(gone));
        let sets = also(&event, |event| {
            event.set();
            event.clear();
        });
        block_on(waits);
        gives_up.join().unwrap();
        sets.join().unwrap();
        assert_eq!(event.statistics().waiting, 0);
    });
}

#[test]
fn a_set_releases_who_waited_though_another_clears_meanwhile() {
    loom::model(|| {
        let event = Arc::new(Event::new());
        let waits = in_line({
            let event = Arc::clone(&event);
            async move { event.wait().await }
        });
        let sets = also(&event, Event::set);
        let clears = also(&event, Event::clear);
        block_on(waits);
        sets.join().unwrap();
        clears.join().unwrap();
        assert_eq!(event.statistics().waiting, 0);
    });
}

#[test]
fn an_event_that_two_set_is_seen_by_one_who_comes_meanwhile() {
    loom::model(|| {
        let event = Arc::new(Event::new());
        let pulses = also(&event, |event| {
            event.set();
            event.clear();
        });
        let sets = also(&event, |event| {
            event.set();
            event.set();
        });
        // It comes before one of the two, or between, or sees it set by the second for good; unless
        // that was before the first cleared it.
        let mut wait = Box::pin(event.wait());
        let is_ready = poll(&mut wait).is_ready();
        pulses.join().unwrap();
        sets.join().unwrap();
        if !is_ready {
            let was_released = poll(&mut wait).is_ready();
            assert!(was_released || !event.is_set());
        }
        drop(wait);
        assert_eq!(event.statistics().waiting, 0);
    });
}

#[test]
fn a_change_under_the_mutex_reaches_who_waits_at_the_condition() {
    loom::model(|| {
        let shared = Arc::new((Mutex::new(false), Condition::new()));
        let changes = also(&shared, |(mutex, condition)| {
            *block_on(mutex.lock()) = true;
            condition.notify_one();
        });
        let (mutex, condition) = &*shared;
        block_on(async {
            let guard = mutex.lock().await;
            assert!(*condition.wait_while(guard, |set| !*set).await);
        });
        changes.join().unwrap();
        assert!(mutex.try_lock().is_ok());
        assert_eq!(condition.statistics().waiting, 0);
    });
}

/// A wait at the condition that stands in line, with the mutex unlocked.
fn waits(shared: &Arc<(Mutex<()>, Condition)>) -> Owned<()> {
    let shared = Arc::clone(shared);
    in_line(async move {
        let (mutex, condition) = &*shared;
        drop(condition.wait(mutex.lock().await).await);
    })
}

#[test]
fn a_wait_that_goes_when_it_is_notified_passes_it_on() {
    loom::model(|| {
        let shared = Arc::new((Mutex::new(()), Condition::new()));
        let mut first = waits(&shared);
        let mut second = waits(&shared);
        // It goes before or after it was notified, or it has the lock by then and has used it up.
        let gives_up = thread::spawn(move || poll(&mut first).is_ready());
        shared.1.notify_one();
        if gives_up.join().unwrap() {
            assert!(poll(&mut second).is_pending());
        } else {
            block_on(second);
        }
        assert!(shared.0.try_lock().is_ok());
    });
}

#[test]
fn a_wait_that_goes_while_it_locks_again_passes_both_on() {
    loom::model(|| {
        let shared = Arc::new((Mutex::new(()), Condition::new()));
        let mut first = waits(&shared);
        let second = waits(&shared);
        let (mutex, condition) = &*shared;
        let held = mutex.try_lock().unwrap();
        condition.notify_one();
        assert!(
            poll(&mut first).is_pending(),
            "it stands in the mutex' line"
        );
        let gives_up = thread::spawn(move || drop(first));
        let ends = thread::spawn(move || block_on(second));
        drop(held);
        ends.join().unwrap();
        gives_up.join().unwrap();
        assert!(mutex.try_lock().is_ok());
        assert_eq!(mutex.statistics().waiting, 0);
    });
}

#[test]
fn three_meet_and_see_what_the_others_did() {
    loom::model(|| {
        let shared = Arc::new((Barrier::new(3), [Mark::new(), Mark::new()]));
        let others = [0, 1].map(|index: usize| {
            also(&shared, move |(barrier, marks)| {
                marks[index].set();
                block_on(barrier.wait()).unwrap().index()
            })
        });
        let (barrier, marks) = &*shared;
        let mine = block_on(barrier.wait()).unwrap().index();
        assert!(marks.iter().all(Mark::is_seen));
        let mut indexes = others.map(|other| other.join().unwrap()).to_vec();
        indexes.push(mine);
        indexes.sort_unstable();
        assert_eq!(indexes, [0, 1, 2]);
        assert_eq!(barrier.waiting(), 0);
    });
}

/// Waits at the barrier, in line.
fn arrives(barrier: &Arc<Barrier>) -> Owned<bool> {
    let barrier = Arc::clone(barrier);
    in_line(async move { barrier.wait().await.is_ok() })
}

#[test]
fn one_that_gives_up_is_met_or_not_counted() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let gone = arrives(&barrier);
        let gives_up = thread::spawn(move || drop(gone));
        let mut last = Box::pin(barrier.wait());
        let has_met = poll(&mut last).is_ready();
        gives_up.join().unwrap();
        assert_eq!(barrier.waiting(), usize::from(!has_met));
        if !has_met {
            assert!(block_on(barrier.wait()).unwrap().is_leader());
            assert_eq!(block_on(last).unwrap().index(), 0);
        }
    });
}

#[test]
fn reset_and_the_last_to_come_leave_nobody_behind() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let first = arrives(&barrier);
        let resets = also(&barrier, Barrier::reset);
        let meets = also(&barrier, |barrier| {
            poll(&mut Box::pin(barrier.wait())).is_ready()
        });
        // Either both have met, or the first was sent away and the other has waited in vain.
        let has_met = block_on(first);
        assert_eq!(has_met, meets.join().unwrap());
        resets.join().unwrap();
        assert_eq!(barrier.waiting(), 0);
    });
}
