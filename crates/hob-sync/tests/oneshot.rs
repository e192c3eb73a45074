//! What `oneshot` promises: the value arrives, or comes back, or is dropped once.

#![cfg(not(loom))]

mod support;

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use futures_lite::future::block_on;
use hob_sync::oneshot::{self, RecvError, SendError, TryRecvError};

use support::{Counter, kept, poll, poll_with};

#[test]
fn send_wakes_the_receiver() {
    let (tx, mut rx) = oneshot::channel();
    let (counter, waker) = Counter::new();
    assert!(poll_with(&mut rx, &waker).is_pending());
    tx.send(7).unwrap();
    assert_eq!((counter.wakes(), kept(&counter)), (1, 0));
    assert_eq!(poll(&mut rx), Poll::Ready(Ok(7)));
}

#[test]
fn a_dropped_sender_is_an_error() {
    let (tx, mut rx) = oneshot::channel::<u8>();
    let (counter, waker) = Counter::new();
    assert!(poll_with(&mut rx, &waker).is_pending());
    drop(tx);
    assert_eq!(counter.wakes(), 1);
    assert_eq!(poll(&mut rx), Poll::Ready(Err(RecvError)));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_try_tells_of_a_dropped_sender_too() {
    let (tx, mut rx) = oneshot::channel::<u8>();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    drop(tx);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn the_value_comes_back_when_nobody_will_receive_it() {
    let (tx, rx) = oneshot::channel();
    drop(rx);
    assert!(tx.is_closed());
    assert_eq!(tx.send("egg"), Err(SendError("egg")));

    let (tx, mut rx) = oneshot::channel();
    rx.close();
    assert_eq!(tx.send("egg"), Err(SendError("egg")));
    assert_eq!(poll(&mut rx), Poll::Ready(Err(RecvError)));
}

#[test]
fn a_value_sent_before_the_close_is_received() {
    let (tx, mut rx) = oneshot::channel();
    tx.send(7).unwrap();
    rx.close();
    assert_eq!(rx.try_recv(), Ok(7));
}

#[test]
fn a_receiver_that_was_polled_and_dropped_leaves_no_waker() {
    let (tx, mut rx) = oneshot::channel::<u8>();
    let (counter, waker) = Counter::new();
    assert!(poll_with(&mut rx, &waker).is_pending());
    drop(rx);
    assert_eq!(kept(&counter), 0);
    assert!(tx.send(1).is_err());
    assert_eq!(counter.wakes(), 0);
}

#[test]
fn an_unreceived_value_is_dropped_with_the_receiver() {
    let value = Arc::new(());
    let (tx, rx) = oneshot::channel();
    tx.send(Arc::clone(&value)).unwrap();
    assert_eq!(Arc::strong_count(&value), 2);
    drop(rx);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn closed_completes_when_the_receiver_goes() {
    let (mut tx, rx) = oneshot::channel::<u8>();
    let (counter, waker) = Counter::new();
    let mut closed = tx.closed();
    assert!(poll_with(&mut closed, &waker).is_pending());
    drop(rx);
    assert_eq!(counter.wakes(), 1);
    assert!(poll(&mut closed).is_ready());
}

#[test]
fn a_dropped_closed_leaves_no_waker() {
    let (mut tx, rx) = oneshot::channel::<u8>();
    let (counter, waker) = Counter::new();
    let mut closed = tx.closed();
    assert!(poll_with(&mut closed, &waker).is_pending());
    drop(closed);
    assert_eq!(kept(&counter), 0);
    drop((tx, rx));
}

#[test]
fn a_thread_blocks_until_the_value_is_there() {
    let (tx, rx) = oneshot::channel();
    let (ready_tx, ready_rx) = oneshot::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            ready_tx.send(()).unwrap();
            assert_eq!(rx.recv_blocking(), Ok(7));
        });
        block_on(ready_rx).unwrap();
        tx.send(7).unwrap();
    });
}

#[test]
fn a_value_is_received_by_a_poll_as_well_as_by_a_try() {
    let (tx, mut rx) = oneshot::channel();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    tx.send(7).unwrap();
    assert_eq!(poll(&mut rx), Poll::Ready(Ok(7)));
    assert_eq!(poll(&mut rx), Poll::Ready(Err(RecvError)));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn only_the_last_waker_is_woken() {
    let (tx, mut rx) = oneshot::channel();
    let (first, first_waker) = Counter::new();
    let (second, second_waker) = Counter::new();
    assert!(poll_with(&mut rx, &first_waker).is_pending());
    assert!(poll_with(&mut rx, &second_waker).is_pending());
    assert_eq!(kept(&first), 0);
    tx.send(7).unwrap();
    assert_eq!((first.wakes(), second.wakes(), kept(&second)), (0, 1, 0));
}

#[test]
fn the_same_waker_is_kept_once() {
    let (mut tx, mut rx) = oneshot::channel::<u8>();
    let (counter, waker) = Counter::new();
    for _ in 0..3 {
        assert!(poll_with(&mut rx, &waker).is_pending());
        assert_eq!(kept(&counter), 1);
    }
    let mut closed = tx.closed();
    for _ in 0..3 {
        assert!(poll_with(&mut closed, &waker).is_pending());
        assert_eq!(kept(&counter), 2);
    }
}

#[test]
fn a_close_wakes_the_sender_that_waits_and_leaves_it_to_send_nothing() {
    let (mut tx, mut rx) = oneshot::channel();
    let (counter, waker) = Counter::new();
    let mut closed = tx.closed();
    assert!(poll_with(&mut closed, &waker).is_pending());
    rx.close();
    rx.close();
    assert_eq!((counter.wakes(), kept(&counter)), (1, 0));
    assert!(poll_with(&mut closed, &waker).is_ready());
    drop(closed);
    assert_eq!(poll(&mut rx), Poll::Ready(Err(RecvError)));
    assert_eq!(tx.send(7), Err(SendError(7)));
}

#[test]
fn a_closed_that_was_leaked_leaves_no_waker_once_the_sender_is_gone() {
    let ends: [fn(oneshot::Sender<u8>); 2] = [drop, |tx| tx.send(7).unwrap()];
    for end in ends {
        let (mut tx, rx) = oneshot::channel();
        let (counter, waker) = Counter::new();
        let mut closed = ManuallyDrop::new(tx.closed());
        assert!(poll_with(&mut *closed, &waker).is_pending());
        end(tx);
        assert_eq!((counter.wakes(), kept(&counter)), (0, 0));
        drop(rx);
    }
}

#[test]
fn a_receiver_that_waits_and_closes_leaves_no_waker() {
    let (tx, mut rx) = oneshot::channel::<u8>();
    let (counter, waker) = Counter::new();
    assert!(poll_with(&mut rx, &waker).is_pending());
    rx.close();
    assert_eq!(poll_with(&mut rx, &waker), Poll::Ready(Err(RecvError)));
    assert_eq!(kept(&counter), 0);
    drop(tx);
    assert_eq!(counter.wakes(), 0);
}

/// Sends a value and takes each way it can end: it must come out once, and as it was.
fn check_message<T: Clone + PartialEq + std::fmt::Debug>(value: &T) {
    let (tx, mut rx) = oneshot::channel();
    tx.send(value.clone()).unwrap();
    assert_eq!(
        poll(&mut rx).map(Result::unwrap),
        Poll::Ready(value.clone())
    );

    let (tx, mut rx) = oneshot::channel();
    assert!(poll(&mut rx).is_pending());
    tx.send(value.clone()).unwrap();
    assert_eq!(rx.try_recv().unwrap(), *value);

    let (tx, rx) = oneshot::channel();
    drop(rx);
    assert_eq!(tx.send(value.clone()).unwrap_err().0, *value);

    let (tx, rx) = oneshot::channel();
    tx.send(value.clone()).unwrap();
    drop(rx);

    let (tx, mut rx) = oneshot::channel();
    tx.send(value.clone()).unwrap();
    rx.close();
    assert_eq!(rx.try_recv().unwrap(), *value);
}

#[test]
fn messages_may_be_of_any_size_and_alignment() {
    #[derive(Clone, Debug, PartialEq)]
    #[repr(align(256))]
    struct Aligned(u8);

    check_message(&());
    check_message(&7_u8);
    check_message(&u128::MAX);
    check_message(&[7_u64; 4096]);
    check_message(&Aligned(7));
    check_message(&"breakfast".to_owned());
    let counted = Arc::new(());
    check_message(&counted);
    assert_eq!(Arc::strong_count(&counted), 1, "each was dropped once");
}

#[test]
fn a_message_that_panics_when_it_is_dropped_takes_nothing_along() {
    struct Bomb(Arc<()>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose, with {} left", Arc::strong_count(&self.0));
        }
    }
    let counted = Arc::new(());
    let (counter, waker) = Counter::new();
    let (tx, mut rx) = oneshot::channel();
    assert!(poll_with(&mut rx, &waker).is_pending());
    assert!(tx.send(Bomb(Arc::clone(&counted))).is_ok());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
    assert_eq!((Arc::strong_count(&counted), kept(&counter)), (1, 0));
}

#[test]
fn statistics_say_what_is_there_and_who_waits() {
    let (mut tx, mut rx) = oneshot::channel::<u8>();
    assert!(poll(&mut rx).is_pending());
    let mut closed = tx.closed();
    assert!(poll(&mut closed).is_pending());
    let shown = format!("{closed:?}");
    assert!(shown.contains("sender_waits: true"), "{shown}");
    assert!(rx.statistics().sender_waits);
    drop(closed);
    let statistics = tx.statistics();
    assert!(statistics.receiver_waits && !statistics.sender_waits);
    assert!(!statistics.has_value && !statistics.is_closed);

    tx.send(7).unwrap();
    let statistics = rx.statistics();
    assert!(statistics.has_value && !statistics.receiver_waits);
    assert_eq!(rx.try_recv(), Ok(7));
    assert!(!rx.statistics().has_value && !rx.statistics().is_closed);
    rx.close();
    assert!(rx.statistics().is_closed, "also when the value is out");
    assert!(format!("{rx:?}").contains("is_closed: true"));
}

/// Two threads, many channels, all ends at once: for the sanitizers, and for what a model is too small
/// for. Every message is received, comes back or is dropped.
#[test]
fn ends_that_go_at_the_same_time_lose_nothing() {
    const ROUNDS: usize = 2_000;
    let counted = Arc::new(());
    let (counter, waker) = Counter::new();
    thread::scope(|scope| {
        let (give, take) = std::sync::mpsc::sync_channel::<oneshot::Sender<Arc<()>>>(8);
        let message = Arc::clone(&counted);
        scope.spawn(move || {
            for (round, tx) in take.into_iter().enumerate() {
                if round % 5 == 0 {
                    drop(tx);
                } else {
                    drop(tx.send(Arc::clone(&message)));
                }
            }
        });
        for round in 0..ROUNDS {
            let (tx, mut rx) = oneshot::channel();
            if round % 3 == 0 {
                drop(poll_with(&mut rx, &waker));
            }
            give.send(tx).unwrap();
            match round % 4 {
                0 => drop(poll_with(&mut rx, &waker)),
                1 => rx.close(),
                2 => drop(block_on(&mut rx)),
                _ => drop(rx.try_recv()),
            }
        }
    });
    assert_eq!((Arc::strong_count(&counted), kept(&counter)), (1, 0));
}
