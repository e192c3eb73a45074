//! Each primitive's futures are cut at each of their awaits, in both ways: afterwards it is as good as
//! new, and what was granted is not lost.
#![cfg(feature = "sim")]

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hob::Task;
use hob::sync::{
    Barrier, Condition, Event, Lazy, LifoQueue, Mutex, Notify, OnceCell, PriorityQueue, Queue,
    RwLock, Semaphore,
};
use hob::sync::{broadcast, mpmc, mpsc, oneshot, watch};
use hob::test::{Cut, cancel_everywhere, settle};

/// Runs it on one thread with the real clock, and in the simulator with some seeds.
fn in_both_worlds(test: impl AsyncFn()) {
    hob::run_local(test());
    for seed in hob::sim::seeds(20) {
        hob::sim::run(seed, test());
    }
}

/// Cuts what `make` makes everywhere, which waits at least once; nobody keeps its waker then.
async fn cut<F: Future>(make: impl FnMut() -> F, mut check: impl AsyncFnMut(&Cut)) {
    let cuts = cancel_everywhere(make, async |cut| {
        assert_eq!(cut.wakers_left, 0, "{cut}");
        check(cut).await;
    })
    .await;
    assert!(cuts.completed && cuts.woken > 0, "{cuts}");
}

/// Lets a task of its own do it, after the future was polled.
fn later(act: impl FnOnce() + 'static) {
    hob::spawn_local(async move { act() }).detach();
}

/// Whether the future is ready at once.
fn is_ready<T>(future: impl Future<Output = T>) -> bool {
    now(future).is_some()
}

/// What the future gives at once.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

mod locks {
    use super::*;

    #[test]
    fn an_owned_lock_that_is_cut_leaves_the_mutex_free() {
        in_both_worlds(async || {
            let mutex = Arc::new(Mutex::new(0));
            let make = || {
                let held = Arc::clone(&mutex).try_lock_owned().expect("it is free");
                later(move || drop(held));
                Arc::clone(&mutex).lock_owned()
            };
            cut(make, async |cut| {
                assert!(mutex.try_lock().is_ok(), "{cut}");
                assert_eq!(mutex.statistics().waiting, 0, "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn permits_that_are_cut_come_back() {
        in_both_worlds(async || {
            let semaphore = Arc::new(Semaphore::new(3));
            let make = || {
                let held = Arc::clone(&semaphore).try_acquire_many_owned(2);
                let held = held.expect("all are back");
                later(move || drop(held));
                Arc::clone(&semaphore).acquire_many_owned(2)
            };
            cut(make, async |cut| {
                assert_eq!(semaphore.available_permits(), 3, "{cut}");
                assert_eq!(semaphore.statistics().waiting, 0, "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_write_that_is_cut_leaves_the_lock_free_and_lets_the_readers_behind_it_through() {
        in_both_worlds(async || {
            let lock = Arc::new(RwLock::new(0));
            let reader = RefCell::new(None::<Task<()>>);
            let make = || {
                let held = Arc::clone(&lock).try_read_owned().expect("it is free");
                let behind = Arc::clone(&lock);
                let behind = hob::spawn(async move { drop(behind.read().await) });
                reader.replace(Some(behind));
                later(move || drop(held));
                async { *lock.write().await += 1 }
            };
            cut(make, async |cut| {
                let reader = reader.take().expect("one was spawned");
                assert!(reader.is_finished(), "the reader is left: {cut}");
                assert!(lock.try_write().is_ok(), "{cut}");
                assert_eq!(lock.statistics().waiting, 0, "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_read_that_is_cut_leaves_the_lock_free() {
        in_both_worlds(async || {
            let lock = Arc::new(RwLock::with_max_readers(0, 1));
            for writes in [false, true] {
                let make = || {
                    let held = Arc::clone(&lock);
                    if writes {
                        let held = held.try_write_owned().expect("it is free");
                        later(move || drop(held));
                    } else {
                        let held = held.try_read_owned().expect("it is free");
                        later(move || drop(held));
                    }
                    Arc::clone(&lock).read_owned()
                };
                cut(make, async |cut| {
                    assert_eq!(lock.statistics().readers, 0, "{cut}");
                    assert!(lock.try_write().is_ok(), "{cut}");
                })
                .await;
            }
        });
    }
}

mod meetings {
    use super::*;

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
                assert_eq!(
                    barrier.waiting(),
                    usize::from(!other.is_finished()),
                    "{cut}"
                );
                assert!(!cut.woken || other.is_finished(), "both were there: {cut}");
                if !other.is_finished() {
                    assert!(is_ready(barrier.wait()), "the second has come: {cut}");
                }
                assert_eq!(other.await.ok(), Some(true), "{cut}");
                assert_eq!(barrier.waiting(), 0, "{cut}");
            })
            .await;
        });
    }
}

mod cells {
    use super::*;

    #[test]
    fn an_initializer_that_is_cut_leaves_the_cell_empty_and_the_next_its_turn() {
        in_both_worlds(async || {
            let cell = Rc::new(OnceCell::<u8>::new());
            let next = RefCell::new(None::<Task<()>>);
            let fail = async || {
                hob::yield_now().await;
                Err(())
            };
            let make = || {
                let behind = Rc::clone(&cell);
                let second = async move {
                    assert_eq!(behind.get_or_try_init(fail).await, Err(()));
                };
                next.replace(Some(hob::spawn_local(second)));
                cell.get_or_try_init(fail)
            };
            cut(make, async |cut| {
                assert!(next.take().expect("one was spawned").is_finished(), "{cut}");
                let statistics = cell.statistics();
                assert!(!statistics.is_initializing && !statistics.is_set, "{cut}");
                assert_eq!(statistics.initializers_waiting, 0, "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_turn_that_is_granted_to_one_who_is_cut_goes_to_the_next() {
        in_both_worlds(async || {
            let cell = Rc::new(OnceCell::<u8>::new());
            let fail = async || {
                hob::yield_now().await;
                Err(())
            };
            let make = || {
                let first = Rc::clone(&cell);
                async {
                    let first = async move { first.get_or_try_init(fail).await.is_ok() };
                    let first = hob::spawn_local(first);
                    hob::yield_now().await;
                    assert_eq!(cell.get_or_try_init(fail).await, Err(()));
                    first.await.expect("it does not panic");
                }
            };
            cut(make, async |cut| {
                let statistics = cell.statistics();
                assert!(!statistics.is_initializing && !statistics.is_set, "{cut}");
                assert_eq!(statistics.initializers_waiting, 0, "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_wait_for_a_cell_that_is_cut_leaves_nobody_in_line() {
        in_both_worlds(async || {
            let slot = RefCell::new(Rc::new(OnceCell::new()));
            let make = || {
                let cell = Rc::new(OnceCell::new());
                slot.replace(Rc::clone(&cell));
                let sets = Rc::clone(&cell);
                later(move || sets.set(7).expect("nobody else does"));
                async move { assert_eq!(cell.wait().await, &7) }
            };
            cut(make, async |cut| {
                let cell = slot.borrow().clone();
                assert_eq!(cell.statistics().waiting, 0, "{cut}");
                assert_eq!(now(cell.wait()), Some(&7), "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_lazy_value_whose_making_is_cut_is_made_on_from_there() {
        in_both_worlds(async || {
            let (begun, steps) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            let slot = RefCell::new(None);
            let make = || {
                begun.set(0);
                steps.set(0);
                let (begun, steps) = (Rc::clone(&begun), Rc::clone(&steps));
                let lazy = Rc::new(Lazy::new(async move {
                    begun.set(begun.get() + 1);
                    for _ in 0..3 {
                        hob::yield_now().await;
                        steps.set(steps.get() + 1);
                    }
                }));
                slot.replace(Some(Rc::clone(&lazy)));
                async move { *lazy.force().await }
            };
            cut(make, async |cut| {
                let lazy = slot.take().expect("one was made");
                lazy.force().await;
                assert_eq!((begun.get(), steps.get()), (1, 3), "{cut}");
                assert_eq!(lazy.statistics().waiting, 0, "{cut}");
            })
            .await;
        });
    }
}

mod channels {
    use super::*;

    #[test]
    fn a_oneshot_that_is_cut_gives_its_sender_the_value_back() {
        in_both_worlds(async || {
            let sent = Rc::new(Cell::new(None));
            let make = || {
                let (sender, receiver) = oneshot::channel();
                let sent = Rc::clone(&sent);
                sent.set(None);
                later(move || sent.set(Some(sender.send(7).is_ok())));
                receiver
            };
            cut(make, async |cut| {
                // What was sent before the cut is dropped with the receiver.
                assert_eq!(sent.get(), Some(cut.woken), "{cut}");
            })
            .await;
        });
    }

    /// What is granted room before the cut has been sent, and stays.
    #[test]
    fn a_send_that_is_cut_has_sent_all_or_nothing() {
        in_both_worlds(async || {
            let (sender, receiver) = mpmc::bounded(1);
            let make = || {
                sender.try_send(1).expect("there is room");
                let takes = receiver.clone();
                later(move || assert_eq!(takes.try_recv(), Ok(1)));
                async {
                    sender.send(2).await.expect("it is open");
                    assert_eq!(receiver.try_recv(), Ok(2));
                }
            };
            cut(make, async |cut| {
                let left = receiver.try_recv().ok();
                assert_eq!(left, cut.woken.then_some(2), "{cut}");
                assert!(sender.try_reserve().is_ok(), "the room is lost: {cut}");
                assert_eq!(sender.statistics().senders_waiting, 0, "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_handing_over_that_is_cut_has_handed_over_all_or_nothing() {
        in_both_worlds(async || {
            let (sender, receiver) = mpmc::rendezvous();
            let got = Rc::new(Cell::new(None));
            let other = RefCell::new(None::<Task<()>>);
            let make = || {
                let (takes, got) = (receiver.clone(), Rc::clone(&got));
                got.set(None);
                let takes = async move { got.set(takes.recv().await) };
                other.replace(Some(hob::spawn_local(takes)));
                sender.send(7)
            };
            cut(make, async |cut| {
                let other = other.take().expect("one was spawned");
                assert_eq!(got.get(), cut.woken.then_some(7), "{cut}");
                other.cancel("nothing will come");
                assert_eq!(other.await.is_ok(), cut.woken, "{cut}");
                let statistics = sender.statistics();
                let waiting = (statistics.senders_waiting, statistics.receivers_waiting);
                assert_eq!((waiting, statistics.len), ((0, 0), 0), "{cut}");
                assert!(sender.try_send(8).is_err(), "a receiver is left: {cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_receive_of_a_handing_over_that_is_cut_takes_nothing() {
        in_both_worlds(async || {
            let (sender, receiver) = mpmc::rendezvous();
            let other = RefCell::new(None::<Task<()>>);
            let make = || {
                let sends = sender.clone();
                let sends = async move { sends.send(7).await.expect("it is open") };
                other.replace(Some(hob::spawn_local(sends)));
                receiver.recv()
            };
            cut(make, async |cut| {
                let other = other.take().expect("one was spawned");
                assert!(!other.is_finished(), "nobody has taken it: {cut}");
                assert_eq!(receiver.try_recv(), Ok(7), "{cut}");
                other.await.expect("it was sent");
                assert_eq!(receiver.statistics().receivers_waiting, 0, "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_receive_that_is_cut_leaves_its_message_to_the_next_in_line() {
        in_both_worlds(async || {
            let (sender, receiver) = mpmc::bounded(4);
            let got = Rc::new(RefCell::new(Vec::new()));
            let next = RefCell::new(None::<Task<()>>);
            let make = || {
                let (takes, list) = (receiver.clone(), Rc::clone(&got));
                list.borrow_mut().clear();
                async {
                    let mut first = pin!(receiver.recv());
                    assert!(!is_ready(first.as_mut()), "it is empty");
                    let second = async move {
                        let message = takes.recv().await;
                        list.borrow_mut().extend(message);
                    };
                    next.replace(Some(hob::spawn_local(second)));
                    hob::yield_now().await;
                    let sends = sender.clone();
                    later(move || sends.try_send(1).expect("there is room"));
                    let message = first.await.expect("there is a sender");
                    sender.try_send(message).expect("there is room");
                }
            };
            cut(make, async |cut| {
                let Some(next) = next.take() else { return };
                if !next.is_finished() {
                    // The cut came before there was a message.
                    sender.try_send(1).expect("there is room");
                }
                next.await.expect("it does not panic");
                assert_eq!(*got.borrow(), [1], "{cut}");
                assert_eq!(receiver.statistics().receivers_waiting, 0, "{cut}");
                assert!(receiver.is_empty(), "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_batch_that_is_cut_takes_nothing() {
        in_both_worlds(async || {
            let (many, many_rx) = mpmc::bounded(4);
            let buffer = RefCell::new(Vec::new());
            let make = || {
                buffer.borrow_mut().clear();
                let sends = many.clone();
                later(move || {
                    for number in 0..3 {
                        sends.try_send(number).expect("there is room");
                    }
                });
                async {
                    let mut batch = Vec::new();
                    many_rx.recv_many(&mut batch, 8).await;
                    buffer.borrow_mut().append(&mut batch);
                }
            };
            cut(make, async |cut| {
                assert!(buffer.borrow().is_empty(), "{cut}");
                let left = std::iter::from_fn(|| many_rx.try_recv().ok());
                assert_eq!(left.collect::<Vec<_>>(), [0, 1, 2], "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn an_mpsc_batch_that_is_cut_takes_nothing() {
        in_both_worlds(async || {
            let (sender, receiver) = mpsc::unbounded();
            let receiver = Mutex::new(receiver);
            let make = || {
                let sends = sender.clone();
                later(move || {
                    for number in 0..2 {
                        sends.send(number).expect("it is open");
                    }
                });
                async {
                    let mut receiver = receiver.try_lock().expect("it is back");
                    let mut batch = Vec::new();
                    receiver.recv_many(&mut batch, 8).await;
                }
            };
            cut(make, async |cut| {
                let mut receiver = receiver.try_lock().expect("it is back");
                let left = std::iter::from_fn(|| receiver.try_recv().ok());
                assert_eq!(left.collect::<Vec<_>>(), [0, 1], "{cut}");
                assert_eq!(sender.statistics().receivers_waiting, 0, "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn an_owned_slot_that_is_cut_comes_back() {
        in_both_worlds(async || {
            let (sender, receiver) = mpmc::bounded(1);
            let make = || {
                sender.try_send(1).expect("there is room");
                let takes = receiver.clone();
                later(move || assert_eq!(takes.try_recv(), Ok(1)));
                sender.clone().reserve_owned()
            };
            cut(make, async |cut| {
                assert_eq!(sender.statistics().reserved, 0, "{cut}");
                assert_eq!(sender.statistics().senders, 1, "{cut}");
                assert!(sender.try_reserve().is_ok(), "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_wait_for_the_end_that_is_cut_leaves_nobody_in_line() {
        in_both_worlds(async || {
            let slot = RefCell::new(None);
            let make = || {
                let (sender, receiver) = mpmc::bounded::<u8>(1);
                slot.replace(Some(sender.clone()));
                later(move || drop(receiver));
                async move { sender.closed().await }
            };
            cut(make, async |cut| {
                let sender = slot.take().expect("one was made");
                assert_eq!(sender.statistics().closed_waiting, 0, "{cut}");
                assert!(is_ready(sender.closed()), "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_broadcast_whose_receive_is_cut_has_its_message_still() {
        in_both_worlds(async || {
            let (sender, receiver) = broadcast::channel(4);
            let receiver = Mutex::new(receiver);
            let make = || {
                let sends = sender.clone();
                later(move || assert_eq!(sends.send(7), Ok(1)));
                async {
                    let mut receiver = receiver.try_lock().expect("it is back");
                    assert_eq!(receiver.recv().await, Ok(7));
                }
            };
            cut(make, async |cut| {
                let mut receiver = receiver.try_lock().expect("it is back");
                assert_eq!(receiver.try_recv(), Ok(7), "{cut}");
                assert!(receiver.is_empty() && sender.is_empty(), "{cut}");
                assert_eq!(sender.statistics().waiting, 0, "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_change_whose_wait_is_cut_was_not_seen() {
        in_both_worlds(async || {
            let (sender, receiver) = watch::channel(0);
            let (sender, receiver) = (Rc::new(sender), Mutex::new(receiver));
            let make = || {
                let sends = Rc::clone(&sender);
                later(move || sends.send_modify(|value| *value += 1));
                async {
                    let mut receiver = receiver.try_lock().expect("it is back");
                    receiver.changed().await.expect("there is a sender");
                }
            };
            cut(make, async |cut| {
                let mut receiver = receiver.try_lock().expect("it is back");
                assert_eq!(now(receiver.changed()), Some(Ok(())), "{cut}");
                assert!(!is_ready(receiver.changed()), "there were two: {cut}");
                assert_eq!(sender.statistics().receivers_waiting, 0, "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_wait_for_a_value_that_is_cut_finds_it_next_time() {
        in_both_worlds(async || {
            let (sender, receiver) = watch::channel(0);
            let (sender, receiver) = (Rc::new(sender), Mutex::new(receiver));
            let make = || {
                sender.send(0).expect("there is a receiver");
                let sends = Rc::clone(&sender);
                hob::spawn_local(async move {
                    for value in 1..4 {
                        sends.send(value).expect("there is a receiver");
                        hob::yield_now().await;
                    }
                })
                .detach();
                async {
                    let mut receiver = receiver.try_lock().expect("it is back");
                    let found = receiver.wait_for(|value| *value == 3).await;
                    assert_eq!(*found.expect("there is a sender"), 3);
                }
            };
            cut(make, async |cut| {
                let mut receiver = receiver.try_lock().expect("it is back");
                let found = now(receiver.wait_for(|value| *value == 3));
                assert_eq!(
                    found.map(|found| found.map(|value| *value)),
                    Some(Ok(3)),
                    "{cut}"
                );
                assert_eq!(sender.statistics().receivers_waiting, 0, "{cut}");
            })
            .await;
        });
    }
}

mod queues {
    use super::*;

    #[test]
    fn a_get_that_is_cut_leaves_what_comes_next_in_its_place() {
        in_both_worlds(async || {
            let (lifo, priority) = (LifoQueue::unbounded(), PriorityQueue::unbounded());
            let make = || {
                let (one, other) = (lifo.clone(), priority.clone());
                later(move || {
                    for value in [2, 1, 3] {
                        one.try_put(value).expect("there is room");
                        other.try_put(value).expect("there is room");
                    }
                });
                async {
                    lifo.get()
                        .await
                        .expect("it is open")
                        .requeue()
                        .expect("it is open");
                    priority
                        .get()
                        .await
                        .expect("it is open")
                        .requeue()
                        .expect("it is open");
                }
            };
            cut(make, async |cut| {
                let (mut last_first, mut least_first) = (Vec::new(), Vec::new());
                while let Ok(item) = lifo.try_get() {
                    last_first.push(item.into_inner());
                }
                while let Ok(item) = priority.try_get() {
                    least_first.push(item.into_inner());
                }
                assert_eq!(
                    (last_first, least_first),
                    (vec![3, 1, 2], vec![1, 2, 3]),
                    "{cut}"
                );
                let left = (lifo.statistics(), priority.statistics());
                assert_eq!((left.0.promised, left.1.promised), (0, 0), "{cut}");
                assert_eq!((lifo.unfinished(), priority.unfinished()), (0, 0), "{cut}");
            })
            .await;
        });
    }

    #[test]
    fn a_join_that_is_cut_leaves_nobody_in_line() {
        in_both_worlds(async || {
            let queue = Queue::unbounded();
            let make = || {
                queue.try_put(7).expect("there is room");
                let item = queue.try_get().expect("it was put");
                later(move || item.done());
                queue.join()
            };
            cut(make, async |cut| {
                assert_eq!(queue.statistics().joiners_waiting, 0, "{cut}");
                assert!(is_ready(queue.join()), "{cut}");
            })
            .await;
        });
    }
}
