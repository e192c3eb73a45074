//! Events, notifications, conditions and barriers.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use hob::Task;
use hob::sync::{Barrier, Condition, Event, Mutex, Notify};
use hob::test::settle;

use crate::{cut, in_both_worlds, is_ready, later};

#[test]
fn a_wait_for_an_event_that_is_cut_leaves_nobody_in_line() {
    in_both_worlds(async || {
        let event = Rc::new(Event::new());
        let make = || {
            event.clear();
            let sets = Rc::clone(&event);
            later(move || sets.set());
            event.wait()
        };
        cut(make, async |cut| {
            assert_eq!(event.statistics().waiting, 0, "{cut}");
            assert!(is_ready(event.wait()), "{cut}");
        })
        .await;
    });
}

#[test]
fn a_notification_whose_wait_is_cut_is_kept() {
    in_both_worlds(async || {
        let notify = Rc::new(Notify::new());
        let make = || {
            let notifies = Rc::clone(&notify);
            later(move || notifies.notify_one());
            notify.notified()
        };
        cut(make, async |cut| {
            assert!(is_ready(notify.notified()), "it is lost: {cut}");
            assert!(!is_ready(notify.notified()), "there were two: {cut}");
            assert_eq!(notify.statistics().waiting, 0, "{cut}");
        })
        .await;
    });
}

#[test]
fn a_notification_whose_wait_is_cut_goes_to_the_next_in_line() {
    in_both_worlds(async || {
        let notify = Rc::new(Notify::new());
        let next = RefCell::new(None::<Task<()>>);
        let make = || {
            let (behind, notifies) = (Rc::clone(&notify), Rc::clone(&notify));
            async {
                let mut first = pin!(notify.notified());
                assert!(!first.as_mut().enable(), "none was kept");
                let second = hob::spawn_local(async move { behind.notified().await });
                next.replace(Some(second));
                hob::yield_now().await;
                later(move || notifies.notify_one());
                first.await;
            }
        };
        cut(make, async |cut| {
            if let Some(next) = next.take() {
                if !next.is_finished() {
                    // The cut came before there was a notification.
                    notify.notify_one();
                    settle().await;
                }
                assert!(next.is_finished(), "{cut}");
            }
            assert!(!is_ready(notify.notified()), "one is left over: {cut}");
            assert_eq!(notify.statistics().waiting, 0, "{cut}");
        })
        .await;
        // The run that completed has left the second one in line.
        notify.notify_one();
    });
}

#[test]
fn a_wait_at_a_condition_that_is_cut_leaves_the_mutex_free_and_hands_its_notification_on() {
    in_both_worlds(async || {
        let (mutex, condition) = (Arc::new(Mutex::new(0)), Rc::new(Condition::new()));
        let other = RefCell::new(None::<Task<()>>);
        let make = || {
            let guard = Arc::clone(&mutex).try_lock_owned().expect("it is free");
            let (own, waits) = (Arc::clone(&mutex), Rc::clone(&condition));
            let second = async move { drop(waits.wait(own.lock_owned().await).await) };
            other.replace(Some(hob::spawn_local(second)));
            let (own, notifies) = (Arc::clone(&mutex), Rc::clone(&condition));
            let notifies = async move {
                // Both wait by then, or one of them was cut.
                settle().await;
                let mut guard = own.lock().await;
                notifies.notify_one();
                hob::yield_now().await;
                *guard += 1;
            };
            hob::spawn_local(notifies).detach();
            condition.wait(guard)
        };
        cut(make, async |cut| {
            settle().await;
            let other = other.take().expect("one was spawned");
            assert!(other.is_finished(), "the notification is lost: {cut}");
            assert_eq!(condition.statistics().waiting, 0, "{cut}");
            assert!(mutex.try_lock().is_ok(), "{cut}");
        })
        .await;
        condition.notify_all();
    });
}

#[test]
fn a_wait_while_something_holds_that_is_cut_leaves_the_mutex_free() {
    in_both_worlds(async || {
        let (mutex, condition) = (Arc::new(Mutex::new(0)), Rc::new(Condition::new()));
        let make = || {
            let mut guard = Arc::clone(&mutex).try_lock_owned().expect("it is free");
            *guard = 0;
            let (own, notifies) = (Arc::clone(&mutex), Rc::clone(&condition));
            hob::spawn_local(async move {
                for _ in 0..3 {
                    *own.lock().await += 1;
                    notifies.notify_one();
                    hob::yield_now().await;
                }
            })
            .detach();
            condition.wait_while(guard, |count| *count < 3)
        };
        cut(make, async |cut| {
            assert_eq!(condition.statistics().waiting, 0, "{cut}");
            assert!(mutex.try_lock().is_ok(), "{cut}");
        })
        .await;
    });
}

#[test]
fn a_wait_at_a_barrier_that_is_cut_makes_it_one_fewer() {
    in_both_worlds(async || {
        let barrier = Rc::new(Barrier::new(2));
        let other = RefCell::new(None::<Task<bool>>);
        let make = || {
            let meets = Rc::clone(&barrier);
            let meets = async move { meets.wait().await.is_ok() };
            other.replace(Some(hob::spawn_local(meets)));
            barrier.wait()
        };
        cut(make, async |cut| {
            let other = other.take().expect("one was spawned");
            assert_eq!(other.is_finished(), cut.woken, "{cut}");
            assert_eq!(barrier.waiting(), usize::from(!cut.woken), "{cut}");
            if !other.is_finished() {
                assert!(is_ready(barrier.wait()), "the second has come: {cut}");
            }
            assert_eq!(other.await.ok(), Some(true), "{cut}");
            assert_eq!(barrier.waiting(), 0, "{cut}");
        })
        .await;
    });
}
