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
fn a_dropped_send_has_sent_nothing_and_passes_its_slot_on() {
    let (tx, mut rx) = mpsc::bounded(1);
    tx.try_send(0).unwrap();
    let mut first = Box::pin(tx.send(1));
    let mut second = Box::pin(tx.send(2));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    assert_eq!(rx.try_recv(), Ok(0));
    drop(first);
    assert_eq!(poll(&mut second), Poll::Ready(Ok(())));
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(tx.statistics().reserved, 0);
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
    let mut waiting = [tx.send(2), tx.send(3), tx.send(4)];
    for send in &mut waiting {
        assert!(poll(send).is_pending());
    }
    let mut batch = Vec::new();
    assert_eq!(block_on(rx.recv_many(&mut batch, 2)), 2);
    let served: Vec<_> = waiting
        .iter_mut()
        .map(|send| poll(send).is_ready())
        .collect();
    assert_eq!(served, [true, true, false]);
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
#[should_panic(expected = "at least one message")]
fn no_capacity_is_a_panic() {
    let _channel = mpsc::bounded::<u8>(0);
}
