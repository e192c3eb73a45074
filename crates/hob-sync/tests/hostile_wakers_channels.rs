//! Wakers that call back into the channel or the queue that holds them, when they are woken or
//! dropped; and messages that do.
//!
//! Those of the other primitives are in `hostile_wakers`, and those that panic.

#[path = "support/hostile.rs"]
mod hostile;
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use hob_sync::{LifoQueue, Mutex, PriorityQueue, Queue, broadcast, mpmc, mpsc, oneshot, watch};

use hostile::{Hostile, park};
use support::{poll, poll_once};

#[test]
fn wakers_call_back_into_a_oneshot() {
    let (tx, rx) = oneshot::channel::<u8>();
    let ends = Arc::new(Mutex::new((Some(tx), Some(rx))));
    let inner = Arc::clone(&ends);
    // Whichever end is still in the box is asked, and dropped.
    let (waker, calls) = Hostile::waker(move || {
        let (tx, rx) = &mut *inner.try_lock().unwrap();
        drop((tx.take(), rx.take()));
    });
    let mut rx = ends.try_lock().unwrap().1.take().unwrap();
    park(&mut rx, waker);
    let tx = ends.try_lock().unwrap().0.take().unwrap();
    tx.send(1).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(poll(&mut rx), Poll::Ready(Ok(1)));

    let (mut tx, rx) = oneshot::channel::<u8>();
    let rx = Arc::new(Mutex::new(Some(rx)));
    let inner = Arc::clone(&rx);
    let (waker, calls) = Hostile::waker(move || drop(inner.try_lock().unwrap().take()));
    let mut closed = tx.closed();
    park(&mut closed, waker);
    drop(closed);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert!(
        tx.is_closed(),
        "the waker's destructor dropped the receiver"
    );
}

#[test]
fn wakers_call_back_into_a_channel() {
    let (tx, mut rx) = mpsc::bounded(2);
    let act = |tx: &mpsc::Sender<u8>| {
        let tx = tx.clone();
        move || {
            let _sent = poll_once(tx.send(7));
            let _shown = format!("{tx:?}");
        }
    };
    let (waker, calls) = Hostile::waker(act(&tx));
    let mut recv = rx.recv();
    park(&mut recv, waker);
    tx.try_send(1).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(poll(&mut recv), Poll::Ready(Some(1)));
    drop(recv);

    let (waker, calls) = Hostile::waker(act(&tx));
    let _sent = poll_once(tx.send(2));
    let mut send = Box::pin(tx.send(3));
    park(&mut send, waker);
    assert_eq!(rx.try_recv(), Ok(7));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert!(poll(&mut send).is_ready());
}

#[test]
fn wakers_call_back_into_a_rendezvous() {
    let (tx, mut rx) = mpsc::rendezvous();
    let act = || {
        let tx = tx.clone();
        move || {
            let _sent = tx.try_send(7);
            let _sent = poll_once(tx.send(8));
            let _closed = poll_once(tx.closed());
            let _shown = format!("{tx:?} {:?}", tx.statistics());
        }
    };
    let (receiver, receiver_calls) = Hostile::waker(act());
    let mut recv = rx.recv();
    park(&mut recv, receiver);
    tx.try_send(1).unwrap();
    assert_eq!(receiver_calls.load(Ordering::SeqCst), 2);
    assert_eq!(poll(&mut recv), Poll::Ready(Some(1)));
    drop(recv);

    let (sender, sender_calls) = Hostile::waker(act());
    let mut send = Box::pin(tx.send(2));
    park(&mut send, sender);
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(sender_calls.load(Ordering::SeqCst), 2);
    assert_eq!(poll(&mut send), Poll::Ready(Ok(())));
}

#[test]
fn wakers_call_back_when_a_channel_is_closed() {
    let (tx, mut rx) = mpsc::bounded(1);
    let act = || {
        let tx = tx.clone();
        move || {
            let _sent = poll_once(tx.send(7));
            let _closed = poll_once(tx.closed());
            let _shown = format!("{tx:?} {:?}", tx.statistics());
        }
    };
    let (told, told_calls) = Hostile::waker(act());
    let (dropped, dropped_calls) = Hostile::waker(act());
    let mut closed = Box::pin(tx.closed());
    let mut gives_up = Box::pin(tx.closed());
    park(&mut closed, told);
    park(&mut gives_up, dropped);
    drop(gives_up);
    assert_eq!(dropped_calls.load(Ordering::SeqCst), 1);
    assert_eq!(rx.try_recv(), Ok(7));
    drop(rx);
    assert_eq!(told_calls.load(Ordering::SeqCst), 2);
    assert!(poll(&mut closed).is_ready());
}

#[test]
fn wakers_call_back_into_a_channel_of_many_receivers() {
    let (tx, rx) = mpmc::bounded(1);
    let act = || {
        let (tx, rx) = (tx.clone(), rx.clone());
        move || {
            let _sent = poll_once(tx.send(7));
            let _received = poll_once(rx.recv());
            drop(tx.try_reserve());
            let _closed = poll_once(tx.closed());
            let _shown = format!("{tx:?} {rx:?}");
        }
    };
    let (woken, woken_calls) = Hostile::waker(act());
    let (dropped, dropped_calls) = Hostile::waker(act());
    let mut first = Box::pin(rx.recv());
    let mut second = Box::pin(rx.recv());
    park(&mut first, woken);
    park(&mut second, dropped);
    drop(second);
    assert_eq!(dropped_calls.load(Ordering::SeqCst), 1);
    // It sent, which woke the other.
    assert_eq!(woken_calls.load(Ordering::SeqCst), 2);
    assert_eq!(poll(&mut first), Poll::Ready(Some(7)));
    drop(first);

    let (closed, closed_calls) = Hostile::waker(act());
    let mut wait = Box::pin(tx.closed());
    park(&mut wait, closed);
    let (refused, refused_calls) = Hostile::waker(act());
    let _full = poll_once(tx.send(2));
    let mut send = Box::pin(tx.send(3));
    park(&mut send, refused);
    rx.close();
    assert_eq!(closed_calls.load(Ordering::SeqCst), 2);
    assert_eq!(refused_calls.load(Ordering::SeqCst), 2);
    assert_eq!(poll(&mut send), Poll::Ready(Err(mpmc::SendError(3))));
}

#[test]
fn messages_call_back_when_they_are_dropped() {
    struct Message(mpsc::UnboundedSender<Option<Self>>);
    impl Drop for Message {
        fn drop(&mut self) {
            assert!(self.0.is_closed());
            assert!(self.0.send(None).is_err());
        }
    }
    let (tx, rx) = mpsc::unbounded();
    tx.send(Some(Message(tx.clone()))).unwrap();
    drop(rx);
    assert_eq!(tx.len(), 0);
}

#[test]
fn wakers_call_back_into_a_priority_queue() {
    let queue = PriorityQueue::bounded(1);
    let act = |queue: &PriorityQueue<u8>| {
        let queue = queue.clone();
        move || {
            drop(queue.try_get());
            let _got = poll_once(queue.plain().get());
            let _put = poll_once(queue.put(9));
            let _shown = format!("{queue:?}");
        }
    };
    let (putter, putter_calls) = Hostile::waker(act(&queue));
    let (getter, getter_calls) = Hostile::waker(act(&queue));
    queue.try_put(3).unwrap();
    let mut put = Box::pin(queue.put(2));
    park(&mut put, putter);
    assert_eq!(queue.try_get().unwrap().into_inner(), 3);
    assert_eq!(putter_calls.load(Ordering::SeqCst), 2);
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
    drop(queue.try_get());
    let mut get = Box::pin(queue.get());
    park(&mut get, getter);
    assert!(queue.close_now().is_empty());
    assert_eq!(getter_calls.load(Ordering::SeqCst), 2);
    assert!(matches!(poll(&mut get), Poll::Ready(Err(_))));
}

#[test]
fn wakers_call_back_into_a_stack() {
    let stack = LifoQueue::bounded(1);
    let act = || {
        let stack = stack.clone();
        move || {
            drop(stack.try_get());
            let _got = poll_once(stack.get());
            let _put = poll_once(stack.put(9));
            let _joined = poll_once(stack.join());
            let _shown = format!("{stack:?} {:?}", stack.statistics());
        }
    };
    let (putter, putter_calls) = Hostile::waker(act());
    let (getter, getter_calls) = Hostile::waker(act());
    stack.try_put(1).unwrap();
    let mut put = Box::pin(stack.put(2));
    park(&mut put, putter);
    assert_eq!(stack.try_get().unwrap().into_inner(), 1);
    assert_eq!(putter_calls.load(Ordering::SeqCst), 2);
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
    drop(stack.try_get());
    let mut get = Box::pin(stack.get());
    park(&mut get, getter);
    assert!(stack.close_now().is_empty());
    assert_eq!(getter_calls.load(Ordering::SeqCst), 2);
    assert!(matches!(poll(&mut get), Poll::Ready(Err(_))));
}

#[test]
fn wakers_call_back_into_a_plain_queue() {
    let plain = Queue::bounded(1).plain();
    let act = || {
        let plain = plain.clone();
        move || {
            let _got = plain.try_get();
            let _done = plain.task_done();
            let _put = plain.try_put(9);
            let _shown = format!("{plain:?}");
        }
    };
    let (getter, getter_calls) = Hostile::waker(act());
    let (dropped, dropped_calls) = Hostile::waker(act());
    let mut get = Box::pin(plain.get());
    let mut gives_up = Box::pin(plain.get());
    park(&mut get, getter);
    park(&mut gives_up, dropped);
    drop(gives_up);
    // It put a value, which woke the other.
    assert_eq!(dropped_calls.load(Ordering::SeqCst), 1);
    assert_eq!(getter_calls.load(Ordering::SeqCst), 2);
    assert_eq!(poll(&mut get), Poll::Ready(Ok(9)));
}

#[test]
fn wakers_call_back_into_a_queue() {
    let queue = Queue::bounded(1);
    let act = |queue: &Queue<u8>| {
        let queue = queue.clone();
        move || {
            drop(queue.try_get());
            let _put = queue.try_put(9);
            let _joined = poll_once(queue.join());
            let _shown = format!("{queue:?}");
        }
    };
    let (getter, getter_calls) = Hostile::waker(act(&queue));
    let (joiner, joiner_calls) = Hostile::waker(act(&queue));
    let mut get = Box::pin(queue.get());
    park(&mut get, getter);
    queue.try_put(1).unwrap();
    assert_eq!(getter_calls.load(Ordering::SeqCst), 2);
    let Poll::Ready(Ok(item)) = poll(&mut get) else {
        panic!("it was handed over");
    };
    let mut join = Box::pin(queue.join());
    park(&mut join, joiner);
    drop(queue.close_now());
    item.done();
    assert_eq!(joiner_calls.load(Ordering::SeqCst), 2);
    assert!(poll(&mut join).is_ready());
}

#[test]
fn wakers_call_back_into_a_broadcast() {
    let (tx, rx) = broadcast::channel(2);
    let act = |tx: &broadcast::Sender<u8>| {
        let tx = tx.clone();
        move || {
            let mut rx = tx.subscribe();
            tx.send(7).unwrap();
            assert_eq!(poll_once(rx.recv()), Poll::Ready(Ok(7)));
            assert!(poll_once(tx.closed()).is_pending());
            let _shown = format!("{tx:?} {rx:?} {:?}", tx.statistics());
        }
    };
    let (waker, calls) = Hostile::waker(act(&tx));
    let mut other = rx.resubscribe();
    let mut recv = Box::pin(other.recv());
    park(&mut recv, waker);
    tx.send(1).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    let lagged = Err(broadcast::RecvError::Lagged(1));
    assert_eq!(
        poll(&mut recv),
        Poll::Ready(lagged),
        "it was told twice more"
    );
    drop(recv);
    while other.try_recv().is_ok() {}

    let (waker, calls) = Hostile::waker(act(&tx));
    let mut recv = Box::pin(other.recv());
    park(&mut recv, waker);
    drop(recv);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(other.try_recv(), Ok(7));

    let (waker, calls) = Hostile::waker(act(&tx));
    let mut closed = Box::pin(tx.closed());
    park(&mut closed, waker);
    drop((rx, other));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert!(poll(&mut closed).is_ready());
}

#[test]
fn wakers_call_back_into_a_watched_value() {
    let (tx, mut rx) = watch::channel(0);
    let act = |tx: &watch::Sender<u8>| {
        let tx = tx.clone();
        move || {
            tx.send_modify(|value| *value += 1);
            let mut rx = tx.subscribe();
            assert!(poll_once(rx.changed()).is_pending());
            assert!(poll_once(tx.closed()).is_pending());
            let _shown = format!("{tx:?} {rx:?} {:?}", *tx.borrow());
        }
    };
    let (changed, changed_calls) = Hostile::waker(act(&tx));
    let (dropped, dropped_calls) = Hostile::waker(act(&tx));
    let (closed, closed_calls) = Hostile::waker(act(&tx));
    let mut gives_up = Box::pin(rx.changed());
    park(&mut gives_up, dropped);
    drop(gives_up);
    assert_eq!(dropped_calls.load(Ordering::SeqCst), 1);
    rx.mark_unchanged();
    let mut wait = Box::pin(rx.changed());
    park(&mut wait, changed);
    tx.send(5).unwrap();
    assert_eq!(changed_calls.load(Ordering::SeqCst), 2);
    assert!(poll(&mut wait).is_ready());
    drop(wait);
    assert_eq!(*rx.borrow(), 7);
    let mut wait = Box::pin(tx.closed());
    park(&mut wait, closed);
    drop(rx);
    assert_eq!(closed_calls.load(Ordering::SeqCst), 2);
    assert!(poll(&mut wait).is_ready());
}

/// A message whose clone and drop call back into the channel.
struct CallsBack(broadcast::Sender<Option<Self>>);

impl CallsBack {
    fn call(&self) {
        let mut rx = self.0.subscribe();
        self.0.send(None).expect("one listens");
        let received = rx.try_recv();
        assert!(matches!(
            received,
            Ok(None) | Err(broadcast::TryRecvError::Lagged(_))
        ));
        let _shown = format!("{:?} {}", self.0, self.0.len());
    }
}

impl Clone for CallsBack {
    fn clone(&self) -> Self {
        self.call();
        Self(self.0.clone())
    }
}

impl Drop for CallsBack {
    fn drop(&mut self) {
        self.call();
    }
}

#[test]
fn messages_of_a_broadcast_call_back_when_they_are_cloned_and_dropped() {
    let (tx, mut rx) = broadcast::channel(2);
    let mut other = tx.subscribe();
    tx.send(Some(CallsBack(tx.clone()))).unwrap();
    assert!(matches!(rx.try_recv(), Ok(Some(_))));
    assert!(matches!(
        rx.try_recv(),
        Err(broadcast::TryRecvError::Lagged(_)) | Ok(None)
    ));
    while other.try_recv().is_ok() {}
    for _ in 0..5 {
        tx.send(Some(CallsBack(tx.clone()))).unwrap();
    }
    drop((rx, other));
    assert!(tx.is_empty());
}
