//! Channels of all kinds.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

use hob::Task;
use hob::sync::{Mutex, broadcast, mpmc, mpsc, oneshot, watch};

use crate::{cut, in_both_worlds, is_ready, later, now};

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
