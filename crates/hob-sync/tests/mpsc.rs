//! What `mpsc` promises: every message arrives once or comes back, and the end is heard.

mod support;

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::thread;

use futures_core::Stream;
use futures_lite::future::block_on;
use futures_lite::stream::StreamExt;
use hob_sync::mpsc::{self, SendError, TryRecvError, TrySendError};

use support::{Counter, kept, poll, poll_once, poll_with};

#[test]
fn a_full_channel_makes_senders_wait_in_order() {
    let (tx, mut rx) = mpsc::bounded(1);
    tx.try_send(0).unwrap();
    let mut first = Box::pin(tx.send(1));
    let mut second = Box::pin(tx.send(2));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    assert_eq!(rx.try_recv(), Ok(0));
    assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)), "it is promised");
    assert!(poll(&mut second).is_pending());
    assert_eq!(poll(&mut first), Poll::Ready(Ok(())));
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(poll(&mut second), Poll::Ready(Ok(())));
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn messages_that_waited_arrive_in_order_whichever_sender_runs_first() {
    let (tx, mut rx) = mpsc::bounded(1);
    let mut sends: Vec<_> = (0..100).map(|number| Box::pin(tx.send(number))).collect();
    for send in &mut sends {
        let _first = poll(send);
    }
    // Nobody is polled again: the messages move by themselves.
    for number in 0..100 {
        assert_eq!(rx.try_recv(), Ok(number));
    }
    for send in sends.iter_mut().skip(1).rev() {
        assert_eq!(poll(send), Poll::Ready(Ok(())));
    }
}

#[test]
fn a_send_that_is_dropped_in_line_has_sent_nothing() {
    let (tx, mut rx) = mpsc::bounded(1);
    drop(tx.send(9));
    tx.try_send(0).unwrap();
    let mut first = Box::pin(tx.send(1));
    let mut second = Box::pin(tx.send(2));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    drop(first);
    assert_eq!(rx.try_recv(), Ok(0));
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(poll(&mut second), Poll::Ready(Ok(())));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn a_send_that_is_dropped_after_its_turn_has_sent() {
    let (tx, mut rx) = mpsc::bounded(1);
    let (counter, waker) = Counter::new();
    tx.try_send(0).unwrap();
    let mut send = Box::pin(tx.send(1));
    assert!(poll_with(&mut send, &waker).is_pending());
    assert_eq!(rx.try_recv(), Ok(0));
    assert_eq!(counter.wakes(), 1);
    drop(send);
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(tx.statistics().reserved, 0);
}

#[test]
fn a_reserve_that_is_dropped_passes_its_slot_on() {
    let (tx, mut rx) = mpsc::bounded(1);
    tx.try_send(0).unwrap();
    let mut first = Box::pin(tx.reserve());
    let mut second = Box::pin(tx.reserve());
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    assert_eq!(rx.try_recv(), Ok(0));
    drop(first);
    let Poll::Ready(Ok(permit)) = poll(&mut second) else {
        panic!("it is the next in line");
    };
    drop(permit);
    assert_eq!(tx.statistics().reserved, 0);
    assert!(tx.try_send(1).is_ok());
}

#[test]
fn a_message_in_line_waits_for_a_slot_even_if_none_is_there_to_be_received() {
    let (tx, mut rx) = mpsc::bounded(1);
    let permit = tx.try_reserve().unwrap();
    let mut send = Box::pin(tx.send(2));
    assert!(poll(&mut send).is_pending());
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert!(poll_once(rx.recv_many(&mut Vec::new(), 9)).is_pending());
    permit.send(1).unwrap();
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(poll(&mut send), Poll::Ready(Ok(())));
}

#[test]
fn an_owned_permit_keeps_the_channel_open_and_gives_its_sender_back() {
    let (tx, mut rx) = mpsc::bounded(1);
    let permit = block_on(tx.reserve_owned()).unwrap();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    let tx = permit.send(1).unwrap();
    let tx = tx.try_reserve_owned().expect_err("it is full").into_inner();
    assert_eq!(rx.try_recv(), Ok(1));
    let tx = tx.try_reserve_owned().unwrap().release();
    let mut reserve = Box::pin(tx.reserve_owned());
    let Poll::Ready(Ok(permit)) = poll(&mut reserve) else {
        panic!("there is room");
    };
    let (counter, waker) = Counter::new();
    let mut recv = rx.recv();
    assert!(poll_with(&mut recv, &waker).is_pending());
    drop(permit);
    assert_eq!(counter.wakes(), 1, "the last sender went with it");
    assert_eq!(poll(&mut recv), Poll::Ready(None));
}

#[test]
fn an_owned_reserve_that_is_dropped_ends_the_channel() {
    let (tx, mut rx) = mpsc::bounded(1);
    tx.try_send(1).unwrap();
    let mut reserve = Box::pin(tx.reserve_owned());
    assert!(poll(&mut reserve).is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    let (counter, waker) = Counter::new();
    let mut recv = rx.recv();
    assert!(poll_with(&mut recv, &waker).is_pending());
    drop(reserve);
    assert_eq!(counter.wakes(), 1);
    assert_eq!(poll(&mut recv), Poll::Ready(None));
}

#[test]
fn any_number_wait_until_the_channel_is_closed() {
    let (tx, rx) = mpsc::bounded::<u8>(1);
    let (counter, waker) = Counter::new();
    let mut waits: Vec<_> = (0..20).map(|_| Box::pin(tx.closed())).collect();
    for closed in &mut waits {
        assert!(poll_with(closed, &waker).is_pending());
    }
    drop(waits.pop());
    assert_eq!(kept(&counter), 19);
    assert_eq!(tx.statistics().closed_waiting, 19);
    drop(rx);
    assert_eq!(counter.wakes(), 19);
    assert!(waits.iter_mut().all(|closed| poll(closed).is_ready()));
    assert!(poll_once(tx.closed()).is_ready());
}

#[test]
fn a_rendezvous_hands_over_from_sender_to_receiver() {
    let (tx, mut rx) = mpsc::rendezvous();
    assert_eq!(tx.try_send(0), Err(TrySendError::Full(0)));
    let (sender, sender_waker) = Counter::new();
    let mut first = Box::pin(tx.send(1));
    let mut second = Box::pin(tx.send(2));
    assert!(poll_with(&mut first, &sender_waker).is_pending());
    assert!(poll(&mut second).is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(sender.wakes(), 1);
    assert_eq!(poll(&mut first), Poll::Ready(Ok(())));
    assert!(poll(&mut second).is_pending());
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(poll(&mut second), Poll::Ready(Ok(())));
}

#[test]
fn a_rendezvous_is_complete_when_the_message_was_taken_and_not_before() {
    let (tx, mut rx) = mpsc::rendezvous();
    let (receiver, waker) = Counter::new();
    let mut recv = rx.recv();
    assert!(poll_with(&mut recv, &waker).is_pending());
    let mut send = Box::pin(tx.send(1));
    assert!(poll(&mut send).is_pending());
    assert_eq!(receiver.wakes(), 1);
    drop(recv);
    assert!(poll(&mut send).is_pending(), "nobody took it");
    drop(send);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn a_rendezvous_takes_what_cannot_wait_while_a_receiver_does() {
    let (tx, mut rx) = mpsc::rendezvous();
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    let mut reserve = Box::pin(tx.reserve());
    assert!(poll(&mut reserve).is_pending());
    let mut recv = rx.recv();
    assert!(poll(&mut recv).is_pending());
    let Poll::Ready(Ok(permit)) = poll(&mut reserve) else {
        panic!("a receiver waits");
    };
    assert_eq!(
        tx.try_send(2),
        Err(TrySendError::Full(2)),
        "one receiver, one slot"
    );
    permit.send(3).unwrap();
    assert_eq!(poll(&mut recv), Poll::Ready(Some(3)));
    drop(recv);
    let mut recv = rx.recv();
    assert!(poll(&mut recv).is_pending());
    tx.try_send(4).unwrap();
    assert_eq!(tx.try_send(5), Err(TrySendError::Full(5)));
    assert_eq!(poll(&mut recv), Poll::Ready(Some(4)));
    assert_eq!(tx.try_send(6), Err(TrySendError::Full(6)));
}

#[test]
fn the_receiver_hears_of_a_message_and_of_the_end() {
    let (tx, mut rx) = mpsc::bounded(1);
    let (counter, waker) = Counter::new();
    assert!(poll_with(&mut rx.recv(), &waker).is_pending());
    assert_eq!(kept(&counter), 0, "a dropped wait leaves no waker");

    let mut recv = rx.recv();
    assert!(poll_with(&mut recv, &waker).is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(counter.wakes(), 1);
    assert_eq!(poll(&mut recv), Poll::Ready(Some(1)));
    drop(recv);

    let mut recv = rx.recv();
    assert!(poll_with(&mut recv, &waker).is_pending());
    let clone = tx.clone();
    drop(tx);
    assert_eq!(counter.wakes(), 1);
    drop(clone);
    assert_eq!(counter.wakes(), 2);
    assert_eq!(poll(&mut recv), Poll::Ready(None));
}

#[test]
fn close_gives_back_what_waits_and_drains_what_is_there() {
    let (tx, mut rx) = mpsc::bounded(1);
    tx.try_send(1).unwrap();
    let mut waiting = Box::pin(tx.send(2));
    assert!(poll(&mut waiting).is_pending());
    rx.close();
    assert_eq!(poll(&mut waiting), Poll::Ready(Err(SendError(2))));
    assert_eq!(tx.try_send(3), Err(TrySendError::Closed(3)));
    assert!(tx.is_closed() && rx.is_closed());
    assert_eq!(block_on(rx.recv()), Some(1));
    assert_eq!(block_on(rx.recv()), None);
}

#[test]
fn a_closed_channel_waits_for_permits_that_are_out() {
    for use_it in [true, false] {
        let (tx, mut rx) = mpsc::bounded(1);
        let (counter, waker) = Counter::new();
        let permit = block_on(tx.reserve()).unwrap();
        rx.close();
        let mut recv = rx.recv();
        assert!(poll_with(&mut recv, &waker).is_pending());
        if use_it {
            permit.send("kept").unwrap();
        } else {
            drop(permit);
        }
        assert_eq!(counter.wakes(), 1);
        assert_eq!(poll(&mut recv), Poll::Ready(use_it.then_some("kept")));
    }
}

#[test]
fn a_closed_channel_hears_of_a_granted_wait_that_is_dropped() {
    let (tx, mut rx) = mpsc::bounded(1);
    tx.try_send(1).unwrap();
    let mut reserve = Box::pin(tx.reserve());
    assert!(poll(&mut reserve).is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    rx.close();
    let (counter, waker) = Counter::new();
    let mut recv = rx.recv();
    assert!(poll_with(&mut recv, &waker).is_pending());
    drop(reserve);
    assert_eq!(counter.wakes(), 1);
    assert_eq!(poll(&mut recv), Poll::Ready(None));
}

#[test]
fn messages_come_back_when_the_receiver_is_dropped() {
    let (tx, rx) = mpsc::bounded(1);
    let permit = tx.try_reserve().unwrap();
    let mut waiting = Box::pin(tx.send(1));
    assert!(poll(&mut waiting).is_pending());
    drop(rx);
    assert_eq!(permit.send(0), Err(SendError(0)));
    assert_eq!(poll(&mut waiting), Poll::Ready(Err(SendError(1))));
    assert!(tx.try_reserve().is_err());
}

#[test]
fn recv_many_takes_what_is_there_and_no_more() {
    let (tx, mut rx) = mpsc::unbounded();
    let mut batch = Vec::new();
    assert!(poll_once(rx.recv_many(&mut batch, 2)).is_pending());
    for number in 0..3 {
        tx.send(number).unwrap();
    }
    assert_eq!(block_on(rx.recv_many(&mut batch, 0)), 0);
    assert_eq!(block_on(rx.recv_many(&mut batch, 2)), 2);
    assert_eq!(block_on(rx.recv_many(&mut batch, usize::MAX)), 1);
    drop(tx);
    assert_eq!(block_on(rx.recv_many(&mut batch, 2)), 0);
    assert_eq!(batch, [0, 1, 2]);
}

#[test]
fn recv_many_lets_as_many_senders_in() {
    let (tx, mut rx) = mpsc::bounded(2);
    tx.try_send(0).unwrap();
    tx.try_send(1).unwrap();
    let mut waiting = [2, 3, 4].map(|number| Box::pin(tx.send(number)));
    for send in &mut waiting {
        assert!(poll(send).is_pending());
    }
    let mut batch = Vec::new();
    assert_eq!(block_on(rx.recv_many(&mut batch, 2)), 2);
    let served = waiting.each_mut().map(|send| poll(send).is_ready());
    assert_eq!(served, [true, true, false]);
    assert_eq!(block_on(rx.recv_many(&mut batch, 9)), 2);
    assert_eq!(batch, [0, 1, 2, 3]);
}

#[test]
fn the_ends_tell_of_their_channel() {
    let (tx, rx) = mpsc::bounded(3);
    let (other, _rx) = mpsc::unbounded::<u8>();
    tx.try_send(1_u8).unwrap();
    assert!(tx.same_channel(&tx.clone()) && other.same_channel(&other.clone()));
    assert_eq!((tx.capacity(), rx.capacity()), (Some(3), Some(3)));
    assert_eq!((tx.len(), rx.len()), (1, 1));
    assert!(!tx.is_empty() && other.is_empty());
    let seen = rx.statistics();
    assert_eq!((seen.senders, seen.receivers, seen.len), (1, 1, 1));
    assert_eq!(seen.capacity, Some(3));
    assert!(format!("{tx:?}{rx:?}{:?}", tx.downgrade()).contains("capacity: Some(3)"));
}

#[test]
fn a_weak_sender_does_not_keep_the_channel_open() {
    let (tx, mut rx) = mpsc::unbounded();
    let weak = tx.downgrade();
    weak.upgrade().expect("there is a sender").send(1).unwrap();
    drop(tx);
    assert!(weak.upgrade().is_none());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_receiver_is_a_stream() {
    let (tx, mut rx) = mpsc::bounded(4);
    for number in 0..3 {
        tx.try_send(number).unwrap();
    }
    assert_eq!(rx.size_hint(), (3, None));
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(Pin::new(&mut rx).poll_next(&mut cx), Poll::Ready(Some(0)));
    drop(tx);
    assert_eq!(block_on(rx.collect::<Vec<_>>()), [1, 2]);
}

#[test]
fn a_receiver_that_stopped_waiting_is_not_woken() {
    let (tx, mut rx) = mpsc::unbounded();
    let (counter, waker) = Counter::new();
    let mut recv = rx.recv();
    assert!(poll_with(&mut recv, &waker).is_pending());
    tx.send(1).unwrap();
    assert_eq!(poll_with(&mut recv, &waker), Poll::Ready(Some(1)));
    drop(recv);
    tx.send(2).unwrap();
    assert_eq!((counter.wakes(), kept(&counter)), (1, 0));
}

#[test]
fn a_sender_closes_for_all() {
    let (tx, mut rx) = mpsc::bounded(1);
    tx.try_send(1).unwrap();
    let mut send = Box::pin(tx.send(2));
    assert!(poll(&mut send).is_pending());
    tx.clone().close();
    assert_eq!(poll(&mut send), Poll::Ready(Err(SendError(2))));
    tx.closed_blocking();
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    let (tx, mut rx) = mpsc::unbounded::<u8>();
    let (counter, waker) = Counter::new();
    assert!(poll_with(&mut rx.recv(), &waker).is_pending());
    let mut recv = rx.recv();
    assert!(poll_with(&mut recv, &waker).is_pending());
    tx.close();
    assert_eq!(counter.wakes(), 1);
    assert_eq!(poll(&mut recv), Poll::Ready(None));
}

#[test]
fn it_is_full_as_long_as_a_send_would_have_to_wait() {
    let (tx, mut rx) = mpsc::bounded(1);
    assert!(!tx.is_full() && !rx.is_full());
    let permit = tx.try_reserve().unwrap();
    assert!(tx.is_full() && rx.is_full());
    permit.send(1).unwrap();
    let mut send = Box::pin(tx.send(2));
    assert!(poll(&mut send).is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert!(tx.is_full(), "it is that of the one in line");
    assert_eq!(rx.try_recv(), Ok(2));
    assert!(!tx.is_full());
    let (tx, mut rx) = mpsc::rendezvous::<u8>();
    assert!(tx.is_full());
    let mut recv = rx.recv();
    assert!(poll(&mut recv).is_pending());
    assert!(!tx.is_full(), "a receiver waits");
    assert!(!mpsc::unbounded::<u8>().1.is_full());
}

#[test]
fn of_a_rendezvous_a_reserve_first_in_line_is_served_by_who_waits() {
    let (tx, mut rx) = mpsc::rendezvous();
    let mut reserve = Box::pin(tx.reserve());
    let mut send = Box::pin(tx.send(7));
    assert!(poll(&mut reserve).is_pending() && poll(&mut send).is_pending());
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    let mut recv = rx.recv();
    assert!(poll(&mut recv).is_pending());
    assert!(poll(&mut reserve).is_ready());
    assert_eq!(poll(&mut recv), Poll::Ready(Some(7)));
    assert_eq!(poll(&mut send), Poll::Ready(Ok(())));
}

#[test]
fn what_was_offered_when_a_rendezvous_closes_is_offered_no_more() {
    let (tx, mut rx) = mpsc::rendezvous();
    let mut sends: Vec<_> = (0..50).map(|number| Box::pin(tx.send(number))).collect();
    assert!(sends.iter_mut().all(|send| poll(send).is_pending()));
    assert_eq!(rx.try_recv(), Ok(0));
    drop(sends.remove(1));
    rx.close();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(poll(&mut sends[0]), Poll::Ready(Ok(())));
    for (send, number) in sends.iter_mut().skip(1).zip(2..) {
        assert_eq!(poll(send), Poll::Ready(Err(SendError(number))));
    }
}

#[test]
fn threads_send_and_receive() {
    const MESSAGES: u32 = 1_000;
    let (tx, mut rx) = mpsc::bounded(3);
    let sum = thread::scope(|scope| {
        for _ in 0..2 {
            let tx = tx.clone();
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    tx.send_blocking(number).unwrap();
                }
            });
        }
        drop(tx);
        std::iter::from_fn(|| rx.recv_blocking()).sum::<u32>()
    });
    assert_eq!(sum, MESSAGES * (MESSAGES - 1));
}

#[test]
#[should_panic(expected = "`rendezvous`")]
fn no_capacity_is_a_panic() {
    let _channel = mpsc::bounded::<u8>(0);
}

#[test]
fn a_dump_is_written_with_nothing_locked() {
    let (tx, rx) = mpsc::bounded::<u8>(1);
    support::debug_within_debug(&tx, |text| assert!(!text.contains("<locked>"), "{text}"));
    support::debug_within_debug(&rx, |text| assert!(!text.contains("<locked>"), "{text}"));
}
