//! What `mpmc` promises: each message goes to one receiver, in order, and all hear of the end.

mod support;

use std::pin::pin;
use std::sync::Mutex as StdMutex;
use std::task::Poll;
use std::thread;

use futures_lite::StreamExt;
use futures_lite::future::block_on;
use hob_sync::mpmc::{self, SendError, TryRecvError, TrySendError};

use support::{Counter, kept, poll, poll_once, poll_with};

#[test]
fn receivers_that_wait_are_served_in_order() {
    let (tx, rx) = mpmc::unbounded();
    let mut waits: Vec<_> = (0..100).map(|_| Box::pin(rx.recv())).collect();
    for recv in &mut waits {
        assert!(poll(recv).is_pending());
    }
    for number in 0..50 {
        tx.send(number).unwrap();
    }
    assert!(waits[50..].iter_mut().all(|recv| poll(recv).is_pending()));
    for (number, recv) in waits[..50].iter_mut().enumerate() {
        assert_eq!(poll(recv), Poll::Ready(Some(number)));
    }
    assert_eq!(tx.statistics().receivers_waiting, 50);
}

#[test]
fn a_newcomer_takes_nothing_that_another_has_a_turn_for() {
    let (tx, rx) = mpmc::bounded(2);
    let mut recv = Box::pin(rx.recv());
    assert!(poll(&mut recv).is_pending());
    tx.try_send(1).unwrap();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    let mut newcomer = Box::pin(rx.recv());
    assert!(poll(&mut newcomer).is_pending());
    let mut batch = Vec::new();
    assert!(poll_once(rx.recv_many(&mut batch, 9)).is_pending());
    assert_eq!(poll(&mut recv), Poll::Ready(Some(1)));
    tx.try_send(2).unwrap();
    assert_eq!(poll(&mut newcomer), Poll::Ready(Some(2)));
}

#[test]
fn the_turn_of_a_receiver_that_is_dropped_goes_to_the_next_and_the_order_stays() {
    let (tx, rx) = mpmc::unbounded();
    let (counter, waker) = Counter::new();
    let mut first = Box::pin(rx.recv());
    let mut second = Box::pin(rx.recv());
    let mut third = Box::pin(rx.recv());
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    assert!(poll_with(&mut third, &waker).is_pending());
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(counter.wakes(), 0);
    drop(first);
    assert_eq!(counter.wakes(), 1);
    assert_eq!(poll(&mut third), Poll::Ready(Some(1)), "it runs first");
    assert_eq!(poll(&mut second), Poll::Ready(Some(2)));
}

#[test]
fn dropped_waits_leave_no_waker() {
    let (_tx, rx) = mpmc::bounded::<u8>(1);
    let (counter, waker) = Counter::new();
    drop(rx.recv());
    let mut recv = Box::pin(rx.recv());
    let mut batch = Vec::new();
    let mut many = Box::pin(rx.recv_many(&mut batch, 2));
    let mut stream = Box::pin(rx.stream());
    assert!(poll_with(&mut recv, &waker).is_pending());
    assert!(poll_with(&mut many, &waker).is_pending());
    assert!(poll_with(&mut stream.next(), &waker).is_pending());
    assert_eq!(kept(&counter), 3);
    drop((recv, many, stream));
    assert_eq!(kept(&counter), 0);
    assert_eq!(rx.statistics().receivers_waiting, 0);
}

#[test]
fn a_sender_that_waits_comes_through_when_any_receiver_takes() {
    let (tx, rx) = mpmc::bounded(1);
    let other = rx.clone();
    tx.try_send(1).unwrap();
    let mut send = Box::pin(tx.send(2));
    assert!(poll(&mut send).is_pending());
    assert_eq!(other.try_recv(), Ok(1));
    assert_eq!(poll(&mut send), Poll::Ready(Ok(())));
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn recv_many_leaves_the_others_their_turns() {
    let (tx, rx) = mpmc::unbounded();
    let mut batch = Vec::new();
    let mut many = Box::pin(rx.recv_many(&mut batch, 9));
    let mut one = Box::pin(rx.recv());
    assert!(poll(&mut many).is_pending());
    assert!(poll(&mut one).is_pending());
    for number in 0..5 {
        tx.send(number).unwrap();
    }
    assert_eq!(poll(&mut many), Poll::Ready(4));
    assert_eq!(poll(&mut one), Poll::Ready(Some(4)));
    drop(many);
    assert_eq!(batch, [0, 1, 2, 3]);
    drop(tx);
    assert_eq!(block_on(rx.recv_many(&mut batch, 0)), 0);
    assert_eq!(block_on(rx.recv_many(&mut batch, 3)), 0);
}

#[test]
fn the_end_is_heard_by_all_once_the_last_message_is_gone() {
    let (tx, rx) = mpmc::bounded(1);
    let (counter, waker) = Counter::new();
    let mut waits: Vec<_> = (0..20).map(|_| Box::pin(rx.recv())).collect();
    for recv in &mut waits {
        assert!(poll_with(recv, &waker).is_pending());
    }
    let permit = tx.try_reserve().unwrap();
    rx.close();
    assert_eq!(counter.wakes(), 0, "a permit is out");
    permit.send(7).unwrap();
    assert_eq!(counter.wakes(), 1);
    assert_eq!(poll(&mut waits[0]), Poll::Ready(Some(7)));
    assert_eq!(counter.wakes(), 20);
    assert!(
        waits[1..]
            .iter_mut()
            .all(|recv| poll(recv) == Poll::Ready(None))
    );
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(block_on(tx.send(8)), Err(SendError(8)));
}

#[test]
fn the_end_is_heard_when_a_permit_or_the_last_sender_goes() {
    for close in [true, false] {
        let (tx, rx) = mpmc::bounded::<u8>(1);
        let (counter, waker) = Counter::new();
        let mut recv = Box::pin(rx.recv());
        assert!(poll_with(&mut recv, &waker).is_pending());
        let permit = tx.try_reserve_owned().unwrap();
        if close {
            rx.close();
        }
        assert_eq!(counter.wakes(), 0);
        drop(permit);
        assert_eq!(counter.wakes(), 1);
        assert_eq!(poll(&mut recv), Poll::Ready(None));
    }
}

#[test]
fn messages_go_with_the_last_receiver() {
    let (tx, rx) = mpmc::bounded(2);
    let other = rx.clone();
    tx.try_send(1).unwrap();
    drop(rx);
    assert!(!tx.is_closed());
    assert_eq!(tx.len(), 1);
    let permit = tx.try_reserve().unwrap();
    let mut waiting = Box::pin(tx.send(2));
    assert!(poll(&mut waiting).is_pending());
    drop(other);
    assert!(tx.is_closed() && tx.is_empty());
    assert_eq!(permit.send(3), Err(SendError(3)));
    assert_eq!(poll(&mut waiting), Poll::Ready(Err(SendError(2))));
    assert_eq!(tx.try_send(4), Err(TrySendError::Closed(4)));
}

#[test]
fn a_rendezvous_is_complete_when_the_message_was_taken_and_not_before() {
    let (tx, rx) = mpmc::rendezvous();
    let mut recv = Box::pin(rx.recv());
    assert!(poll(&mut recv).is_pending());
    let mut send = Box::pin(tx.send(1));
    assert!(poll(&mut send).is_pending());
    assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)), "one is in line");
    drop(recv);
    assert!(poll(&mut send).is_pending(), "nobody took it");
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(poll(&mut send), Poll::Ready(Ok(())));
}

#[test]
fn a_rendezvous_serves_many_at_once() {
    let (tx, rx) = mpmc::rendezvous();
    let mut receives: Vec<_> = (0..20).map(|_| Box::pin(rx.recv())).collect();
    let mut sends: Vec<_> = (0..20).map(|number| Box::pin(tx.send(number))).collect();
    for (recv, send) in receives.iter_mut().zip(&mut sends) {
        assert!(poll(recv).is_pending());
        assert!(poll(send).is_pending());
    }
    assert_eq!(tx.statistics().receivers_waiting, 0, "each has its turn");
    for (number, recv) in receives.iter_mut().enumerate().rev() {
        assert_eq!(poll(recv), Poll::Ready(Some(19 - number)));
    }
    assert!(
        sends
            .iter_mut()
            .all(|send| poll(send) == Poll::Ready(Ok(())))
    );
}

#[test]
fn a_receiver_whose_sender_gave_up_is_the_first_in_line_again() {
    let (tx, rx) = mpmc::rendezvous();
    let (counter, waker) = Counter::new();
    let mut first = Box::pin(rx.recv());
    let mut second = Box::pin(rx.recv());
    assert!(poll_with(&mut first, &waker).is_pending());
    assert!(poll(&mut second).is_pending());
    let mut gives_up = Box::pin(tx.send(1));
    assert!(poll(&mut gives_up).is_pending());
    assert_eq!(counter.wakes(), 1);
    drop(gives_up);
    assert!(poll_with(&mut first, &waker).is_pending());
    let mut send = Box::pin(tx.send(2));
    assert!(poll(&mut send).is_pending());
    assert_eq!(counter.wakes(), 2);
    assert!(poll(&mut second).is_pending());
    assert_eq!(poll(&mut first), Poll::Ready(Some(2)));
    assert_eq!(poll(&mut send), Poll::Ready(Ok(())));
}

#[test]
fn streams_share_with_receivers() {
    let (tx, rx) = mpmc::unbounded();
    for number in 0..4 {
        tx.send(number).unwrap();
    }
    let mut messages = pin!(rx.stream());
    assert_eq!(block_on(messages.next()), Some(0));
    assert_eq!(rx.try_recv(), Ok(1));
    let owned = rx.clone().into_stream();
    assert!(owned.receiver().same_channel(&rx));
    drop(tx);
    assert_eq!(block_on(owned.collect::<Vec<_>>()), [2, 3]);
    assert_eq!(block_on(messages.next()), None);
    assert_eq!(block_on(messages.next()), None, "the end stays the end");
}

#[test]
fn the_ends_tell_of_their_channel() {
    let (tx, rx) = mpmc::bounded::<u8>(3);
    let (unbounded, unbounded_rx) = mpmc::unbounded::<u8>();
    assert_eq!((rx.capacity(), unbounded_rx.capacity()), (Some(3), None));
    assert_eq!(tx.capacity(), Some(3));
    assert!(rx.same_channel(&rx.clone()) && !rx.same_channel(&unbounded_rx));
    assert_eq!(rx.statistics().receivers, 1);
    assert!(format!("{tx:?} {rx:?}").contains("receivers: 1"));
    drop(unbounded);
    assert!(unbounded_rx.is_closed() && unbounded_rx.is_empty() && !rx.is_closed());
}

#[test]
fn threads_send_and_receive() {
    const MESSAGES: u32 = 1_000;
    let (tx, rx) = mpmc::bounded(3);
    let sums = StdMutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            let (tx, rx, sums) = (tx.clone(), rx.clone(), &sums);
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    tx.send_blocking(number).unwrap();
                }
            });
            scope.spawn(move || {
                let mut sum = 0;
                let mut batch = Vec::new();
                while rx.recv_many_blocking(&mut batch, 2) > 0 {
                    sum += batch.drain(..).sum::<u32>();
                    sum += rx.recv_blocking().unwrap_or(0);
                }
                sums.lock().unwrap().push(sum);
            });
        }
        drop((tx, rx));
    });
    let sum: u32 = sums.into_inner().unwrap().iter().sum();
    assert_eq!(sum, MESSAGES * (MESSAGES - 1));
}

#[test]
#[should_panic(expected = "`rendezvous`")]
fn no_capacity_is_a_panic() {
    let _channel = mpmc::bounded::<u8>(0);
}
