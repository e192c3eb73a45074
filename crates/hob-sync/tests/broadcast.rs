//! A broadcast gives every receiver every message, tells who lags, and keeps nothing for nobody.

mod support;
#[path = "support/tracked.rs"]
mod tracked;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::thread;

use futures_lite::StreamExt;
use hob_sync::broadcast::{self, Lagged, Receiver, RecvError, SendError, Sender, TryRecvError};

use tracked::Counts;

use support::{Counter, block_on, kept, poll, poll_once, poll_with};

#[test]
fn every_receiver_gets_every_message_in_order() {
    let (tx, rx) = broadcast::channel(8);
    let mut receivers = [tx.subscribe(), rx.resubscribe(), rx];
    for number in 0..8 {
        assert_eq!(tx.send(number), Ok(3));
    }
    for rx in &mut receivers {
        for number in 0..8 {
            assert_eq!(poll_once(rx.recv()), Poll::Ready(Ok(number)));
        }
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    }
}

#[test]
fn who_comes_later_gets_what_is_sent_later() {
    let (tx, mut rx) = broadcast::channel(4);
    tx.send(1).unwrap();
    let mut late = tx.subscribe();
    let mut latest = rx.resubscribe();
    assert_eq!((rx.len(), late.len(), latest.len()), (1, 0, 0));
    tx.send(2).unwrap();
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(late.try_recv(), Ok(2));
    assert_eq!(latest.try_recv(), Ok(2));
}

#[test]
fn who_lags_is_told_once_and_goes_on_with_the_oldest() {
    for capacity in 1..10 {
        let (tx, mut rx) = broadcast::channel(capacity as usize);
        for number in 0..capacity + 3 {
            tx.send(number).unwrap();
        }
        assert_eq!(rx.len() as u64, capacity, "what it missed is not there");
        assert_eq!(rx.try_recv(), Err(TryRecvError::Lagged(3)));
        for number in 3..capacity + 3 {
            assert_eq!(rx.try_recv(), Ok(number));
        }
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    }
}

#[test]
fn who_lags_again_before_it_looks_again_is_told_again() {
    let (tx, mut rx) = broadcast::channel(1);
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(poll_once(rx.recv()), Poll::Ready(Err(RecvError::Lagged(1))));
    tx.send(3).unwrap();
    assert_eq!(poll_once(rx.recv()), Poll::Ready(Err(RecvError::Lagged(1))));
    assert_eq!(poll_once(rx.recv()), Poll::Ready(Ok(3)));
}

#[test]
fn a_slow_receiver_makes_no_other_lag() {
    let (tx, slow) = broadcast::channel(2);
    let mut fast = tx.subscribe();
    for number in 0..100 {
        tx.send(number).unwrap();
        assert_eq!(fast.try_recv(), Ok(number));
    }
    assert_eq!((slow.len(), tx.len()), (2, 2));
    drop(slow);
    assert_eq!(tx.len(), 0, "only the slow one had to take them");
}

#[test]
fn the_last_sender_closes_behind_what_it_sent() {
    let (tx, mut rx) = broadcast::channel(2);
    let other = tx.clone();
    let weak = tx.downgrade();
    tx.send(1).unwrap();
    drop(tx);
    assert!(!rx.is_closed());
    drop(weak.upgrade().expect("there is another"));
    drop(other);
    assert!(rx.is_closed());
    assert!(weak.upgrade().is_none());
    assert_eq!(poll_once(rx.recv()), Poll::Ready(Ok(1)));
    assert_eq!(poll_once(rx.recv()), Poll::Ready(Err(RecvError::Closed)));
    assert_eq!(poll_once(rx.recv()), Poll::Ready(Err(RecvError::Closed)));
    let mut late = rx.resubscribe();
    assert_eq!(late.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn a_message_that_nobody_hears_comes_back() {
    let tx = Sender::new(1);
    assert_eq!(tx.send(1), Err(SendError(1)));
    for round in 0..3 {
        let mut rx = tx.subscribe();
        assert_eq!(tx.send(round), Ok(1));
        assert_eq!(rx.try_recv(), Ok(round));
        tx.send(7).unwrap();
        drop(rx);
        assert_eq!(tx.send(8), Err(SendError(8)));
    }
}

#[test]
fn the_last_who_takes_a_message_has_it_moved() {
    let counts = Arc::new(Counts::default());
    let (tx, rx) = broadcast::channel(4);
    let mut receivers = [tx.subscribe(), tx.subscribe(), rx];
    tx.send(counts.message(1)).unwrap();
    for (rx, (live, clones)) in receivers.iter_mut().zip([(1, 1), (1, 2), (0, 2)]) {
        assert_eq!(rx.try_recv().unwrap().0, 1);
        assert_eq!((counts.live(), counts.clones()), (live, clones));
    }
}

#[test]
fn what_is_overwritten_is_dropped_at_once() {
    let counts = Arc::new(Counts::default());
    let (tx, rx) = broadcast::channel(3);
    for number in 0..10 {
        tx.send(counts.message(number)).unwrap();
        assert_eq!(counts.live(), tx.len());
    }
    assert_eq!(counts.live(), 3);
    drop(rx);
    assert_eq!((counts.live(), tx.len()), (0, 0));
    assert_eq!(counts.clones(), 0);
}

#[test]
fn a_receiver_that_goes_lets_go_of_what_only_it_had_to_take() {
    let counts = Arc::new(Counts::default());
    let (tx, oldest) = broadcast::channel(8);
    let mut middle = tx.subscribe();
    for number in 0..6 {
        tx.send(counts.message(number)).unwrap();
    }
    let newest = tx.subscribe();
    for _ in 0..2 {
        middle.try_recv().unwrap();
    }
    assert_eq!(counts.live(), 6);
    drop(oldest);
    assert_eq!((counts.live(), middle.len()), (4, 4));
    drop(newest);
    assert_eq!(counts.live(), 4);
    assert_eq!(middle.try_recv().unwrap().0, 2);
    drop(middle);
    assert_eq!(counts.live(), 0);
}

#[test]
fn a_million_messages_leave_nothing_behind() {
    let counts = Arc::new(Counts::default());
    let (tx, slow) = broadcast::channel(100);
    let mut fast = tx.subscribe();
    for number in 0..1_000_000 {
        tx.send(counts.message(number)).unwrap();
        assert_eq!(fast.try_recv().unwrap().0, number);
    }
    assert_eq!(counts.live(), 100);
    drop(slow);
    assert_eq!(counts.live(), 0);
}

#[test]
fn a_wait_that_is_dropped_takes_nothing_and_leaves_no_waker() {
    let (tx, mut rx) = broadcast::channel(4);
    let (counter, waker) = Counter::new();
    drop(rx.recv());
    assert!(poll_with(&mut Box::pin(rx.recv()), &waker).is_pending());
    assert_eq!((kept(&counter), rx.statistics().waiting), (0, 0));

    let mut recv = Box::pin(rx.recv());
    assert!(poll_with(&mut recv, &waker).is_pending());
    assert_eq!((kept(&counter), tx.statistics().waiting), (1, 1));
    tx.send(1).unwrap();
    assert_eq!((counter.wakes(), tx.statistics().waiting), (1, 0));
    drop(recv);
    assert_eq!(poll_once(rx.recv()), Poll::Ready(Ok(1)));
}

#[test]
fn who_was_woken_and_did_not_look_may_lag() {
    let (tx, mut rx) = broadcast::channel(1);
    let mut recv = Box::pin(rx.recv());
    assert!(poll(&mut recv).is_pending());
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    assert_eq!(poll(&mut recv), Poll::Ready(Err(RecvError::Lagged(1))));
    drop(recv);
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn all_who_wait_are_woken_in_the_order_in_which_they_came() {
    const WAITERS: usize = 100;
    struct Noted(usize, Arc<order::Log>);
    impl std::task::Wake for Noted {
        fn wake(self: Arc<Self>) {
            self.1.push(self.0);
        }
    }
    let log = Arc::new(order::Log::default());
    let (tx, rx) = broadcast::channel(1);
    drop(rx);
    let mut receivers: Vec<_> = (0..WAITERS).map(|_| tx.subscribe()).collect();
    let mut waits: Vec<_> = receivers.iter_mut().map(|rx| Box::pin(rx.recv())).collect();
    for (number, wait) in waits.iter_mut().enumerate() {
        let waker = Arc::new(Noted(number, Arc::clone(&log))).into();
        assert!(poll_with(wait, &waker).is_pending());
    }
    assert_eq!(tx.send(7), Ok(WAITERS));
    assert_eq!(log.take(), (0..WAITERS).collect::<Vec<_>>());
    for mut wait in waits {
        assert_eq!(poll(&mut wait), Poll::Ready(Ok(7)));
    }
}

mod order {
    use std::sync::Mutex;

    /// Who was woken, in order.
    #[derive(Default)]
    pub(super) struct Log(Mutex<Vec<usize>>);

    impl Log {
        pub(super) fn push(&self, number: usize) {
            self.0.lock().unwrap().push(number);
        }

        pub(super) fn take(&self) -> Vec<usize> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }
}

#[test]
fn the_last_sender_wakes_all_who_wait() {
    let (tx, rx) = broadcast::channel::<u8>(1);
    let mut receivers: Vec<_> = (0..20).map(|_| rx.resubscribe()).collect();
    let mut waits: Vec<_> = receivers.iter_mut().map(|rx| Box::pin(rx.recv())).collect();
    let (counter, waker) = Counter::new();
    for wait in &mut waits {
        assert!(poll_with(wait, &waker).is_pending());
    }
    drop(tx);
    assert_eq!(counter.wakes(), 20);
    for wait in &mut waits {
        assert_eq!(poll(wait), Poll::Ready(Err(RecvError::Closed)));
    }
}

#[test]
fn closed_completes_when_the_last_receiver_goes() {
    let (tx, rx) = broadcast::channel::<u8>(1);
    let other = rx.resubscribe();
    let (counter, waker) = Counter::new();
    let mut closed = Box::pin(tx.closed());
    assert!(poll_with(&mut closed, &waker).is_pending());
    assert_eq!(tx.statistics().waiting_for_closed, 1);
    drop(rx);
    assert!(poll_with(&mut closed, &waker).is_pending());
    drop(other);
    assert_eq!(counter.wakes(), 1);
    let _reopened = tx.subscribe();
    assert!(poll(&mut closed).is_ready(), "nobody listened for a moment");
    assert!(poll_once(tx.closed()).is_pending());
}

#[test]
fn all_who_wait_for_closed_are_told_although_a_waker_subscribes_again() {
    struct Subscribes(Sender<u8>, RefCell<Vec<Receiver<u8>>>);
    thread_local! {
        static INNER: RefCell<Option<Subscribes>> = const { RefCell::new(None) };
    }
    struct Waker;
    impl std::task::Wake for Waker {
        fn wake(self: Arc<Self>) {
            INNER.with_borrow(|inner| {
                let Subscribes(tx, receivers) = inner.as_ref().unwrap();
                receivers.borrow_mut().push(tx.subscribe());
            });
        }
    }
    let (tx, rx) = broadcast::channel::<u8>(1);
    INNER.set(Some(Subscribes(tx.clone(), RefCell::default())));
    let mut waits: Vec<_> = (0..20).map(|_| Box::pin(tx.closed())).collect();
    for wait in &mut waits {
        assert!(poll_with(wait, &Arc::new(Waker).into()).is_pending());
    }
    drop(rx);
    for wait in &mut waits {
        assert!(poll(wait).is_ready());
    }
    assert_eq!(tx.receiver_count(), 20);
    drop(INNER.take());
}

#[test]
fn who_asks_for_closed_while_others_are_told_does_not_wait() {
    struct Asks(Sender<u8>, OnceLock<()>, OnceLock<bool>);
    impl std::task::Wake for Asks {
        fn wake(self: Arc<Self>) {
            if self.1.set(()).is_ok() {
                let is_ready = poll_once(self.0.closed()).is_ready();
                self.2.set(is_ready).expect("it asks once");
            }
        }
    }
    let (tx, rx) = broadcast::channel(1);
    let asks = Arc::new(Asks(tx.clone(), OnceLock::new(), OnceLock::new()));
    // More than the list of wakes holds.
    let mut waits: Vec<_> = (0..20).map(|_| Box::pin(tx.closed())).collect();
    for wait in &mut waits {
        assert!(poll_with(wait, &Arc::clone(&asks).into()).is_pending());
    }
    drop(rx);
    assert_eq!(asks.2.get(), Some(&true));
}

#[test]
fn debug_writes_with_the_lock_released() {
    let (tx, _rx) = broadcast::channel::<u8>(1);
    support::debug_within_debug(&tx, |text| assert!(!text.contains("<locked>"), "{text}"));
}

#[test]
fn a_stream_gives_lags_and_ends() {
    let (tx, mut rx) = broadcast::channel(1);
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    {
        let mut stream = pin!(rx.stream());
        assert_eq!(poll_once(stream.next()), Poll::Ready(Some(Err(Lagged(1)))));
        assert_eq!(poll_once(stream.next()), Poll::Ready(Some(Ok(2))));
        assert_eq!(poll_once(stream.next()), Poll::Pending);
    }
    assert_eq!(tx.statistics().waiting, 0, "the stream went out of line");
    let mut stream = Box::pin(rx.into_stream());
    let (counter, waker) = Counter::new();
    for number in 3..6 {
        assert!(poll_with(&mut stream.next(), &waker).is_pending());
        tx.send(number).unwrap();
        assert_eq!(poll(&mut stream.next()), Poll::Ready(Some(Ok(number))));
    }
    assert_eq!(counter.wakes(), 3);
    drop(tx);
    assert_eq!(stream.receiver().len(), 0);
    assert_eq!(poll(&mut stream.next()), Poll::Ready(None));
    assert_eq!(poll(&mut stream.next()), Poll::Ready(None));
}

#[test]
fn an_owned_stream_that_is_dropped_takes_its_receiver_along() {
    let (tx, rx) = broadcast::channel(2);
    let mut stream = Box::pin(rx.into_stream());
    assert!(poll(&mut stream.next()).is_pending());
    tx.send(1).unwrap();
    drop(stream);
    assert_eq!((tx.len(), tx.receiver_count()), (0, 0));
    assert_eq!(tx.statistics().waiting, 0);
}

#[test]
fn handles_know_their_channel_and_show_it() {
    let (tx, rx) = broadcast::channel(2);
    let (other, elsewhere) = broadcast::channel(2);
    assert!(tx.same_channel(&tx.clone()) && !tx.same_channel(&other));
    assert!(rx.same_channel(&tx.subscribe()) && !rx.same_channel(&elsewhere));
    tx.send(1).unwrap();
    other.send(2).unwrap();
    let statistics = tx.statistics();
    assert_eq!((statistics.len, statistics.capacity), (1, 2));
    assert_eq!((statistics.senders, statistics.receivers), (1, 1));
    let shown = format!("{statistics:?}");
    assert_eq!(
        format!("{rx:?}"),
        format!("Receiver {{ statistics: {shown}, .. }}")
    );
    assert_eq!(
        format!("{tx:?}"),
        format!("Sender {{ statistics: {shown}, .. }}")
    );
}

#[test]
fn a_clone_that_panics_loses_the_message_to_its_receiver_only() {
    #[derive(Debug)]
    struct Panics(
        bool,
        #[expect(dead_code, reason = "it has a destructor")] Box<()>,
    );
    impl Clone for Panics {
        fn clone(&self) -> Self {
            assert!(!self.0, "on purpose");
            Self(false, Box::default())
        }
    }
    let (tx, rx) = broadcast::channel(2);
    let mut last = rx.resubscribe();
    let mut stream = Box::pin(rx.into_stream());
    tx.send(Panics(true, Box::default())).unwrap();
    tx.send(Panics(false, Box::default())).unwrap();
    let clone = catch_unwind(AssertUnwindSafe(|| poll(&mut stream.next())));
    assert!(clone.is_err());
    assert!(matches!(
        poll(&mut stream.next()),
        Poll::Ready(Some(Ok(Panics(false, _))))
    ));
    assert!(last.try_recv().unwrap().0, "it is moved to the last one");
    assert!(!last.try_recv().unwrap().0);
    assert!(tx.is_empty());
}

#[test]
fn a_plain_message_whose_clone_panics_is_not_sent() {
    #[derive(Debug)]
    struct Panics;
    impl Clone for Panics {
        fn clone(&self) -> Self {
            panic!("on purpose");
        }
    }
    let (tx, mut rx) = broadcast::channel(2);
    let other = rx.resubscribe();
    assert!(catch_unwind(AssertUnwindSafe(|| tx.send(Panics))).is_err());
    assert!(tx.is_empty());
    drop(other);
    tx.send(Panics).expect("it need not be cloned for one");
    assert!(rx.try_recv().is_ok());
}

#[test]
fn plain_messages_reach_few_and_many() {
    let (tx, rx) = broadcast::channel(4);
    let mut receivers: Vec<_> = (0..20).map(|_| rx.resubscribe()).collect();
    drop(rx);
    while let Some(gone) = receivers.pop() {
        let left = receivers.len();
        assert_eq!(tx.send(left), Ok(left + 1));
        drop(gone);
        for rx in &mut receivers {
            assert_eq!(rx.try_recv(), Ok(left));
        }
        assert!(tx.is_empty());
    }
}

#[test]
fn threads_lose_nothing_and_see_each_sender_in_order() {
    const MESSAGES: u64 = 2_000;
    const SENDERS: u64 = 2;
    let (tx, rx) = broadcast::channel::<(u64, u64)>(32);
    thread::scope(|scope| {
        for _ in 0..3 {
            let mut rx = rx.resubscribe();
            scope.spawn(move || {
                let mut next = [0; SENDERS as usize];
                let (mut received, mut missed) = (0, 0);
                loop {
                    match rx.recv_blocking() {
                        Ok((sender, number)) => {
                            let next = &mut next[sender as usize];
                            assert!(number >= *next, "out of order");
                            *next = number + 1;
                            received += 1;
                        }
                        Err(RecvError::Lagged(n)) => missed += n,
                        Err(RecvError::Closed) => break,
                    }
                }
                assert_eq!(received + missed, SENDERS * MESSAGES);
            });
        }
        for sender in 0..SENDERS {
            let tx = tx.clone();
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    tx.send((sender, number)).unwrap();
                }
            });
        }
        drop(tx);
    });
    assert!(rx.is_closed());
}

#[test]
fn messages_cross_threads_through_futures() {
    let (tx, rx) = broadcast::channel(4);
    let mut rx = Box::pin(rx.into_stream());
    let sender = thread::scope(|scope| {
        let sender = scope.spawn(|| {
            for number in 0..100 {
                tx.send(number).unwrap();
                while !tx.is_empty() {
                    thread::yield_now();
                }
            }
        });
        for number in 0..100 {
            assert_eq!(block_on(rx.next()), Some(Ok(number)));
        }
        sender.join()
    });
    assert!(sender.is_ok());
}
