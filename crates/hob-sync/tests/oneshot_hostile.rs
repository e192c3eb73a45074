//! Wakers that call the other end of their `oneshot`, or panic: when they are woken, and when they are
//! dropped, at each place where the channel does so. Those that notice a clone are in `hostile_clones`.

#![cfg(not(loom))]

mod support;

use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};

use hob_sync::oneshot::{self, Receiver, RecvError, Sender};

use support::{Counter, kept, poll, poll_with};

/// Acts once: when it is woken, or else when its last clone is dropped.
struct Hostile<F: FnOnce()>(Mutex<Option<F>>);

impl<F: FnOnce() + Send + 'static> Hostile<F> {
    fn waker(act: F) -> Waker {
        Waker::from(Arc::new(Self(Mutex::new(Some(act)))))
    }
}

impl<F: FnOnce()> Hostile<F> {
    fn act(&self) {
        let act = self.0.lock().unwrap().take();
        if let Some(act) = act {
            act();
        }
    }
}

impl<F: FnOnce() + Send + 'static> Wake for Hostile<F> {
    fn wake(self: Arc<Self>) {
        self.act();
    }
}

impl<F: FnOnce()> Drop for Hostile<F> {
    fn drop(&mut self) {
        self.act();
    }
}

/// An end that a waker takes to itself, once the test has put it there.
struct Hidden<T>(Arc<Mutex<Option<T>>>);

impl<T: Send + 'static> Hidden<T> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    fn put(&self, end: T) {
        *self.0.lock().unwrap() = Some(end);
    }

    /// A waker that does `act` with the end, if it is there.
    fn waker(&self, act: impl FnOnce(T) + Send + 'static) -> Waker {
        let hidden = Arc::clone(&self.0);
        Hostile::waker(move || {
            let end = hidden.lock().unwrap().take();
            act(end.expect("the test has put it there"));
        })
    }
}

#[test]
fn a_woken_receiver_receives_and_goes_inside_send() {
    let hidden = Hidden::new();
    let (tx, mut rx) = oneshot::channel();
    let (got, mut gets) = oneshot::channel();
    let waker = hidden.waker(|mut rx: Receiver<u8>| got.send(rx.try_recv()).unwrap());
    assert!(poll_with(&mut rx, &waker).is_pending());
    hidden.put(rx);
    tx.send(7).unwrap();
    assert_eq!(gets.try_recv(), Ok(Ok(7)));
}

#[test]
fn a_woken_receiver_goes_inside_the_drop_of_the_sender() {
    let hidden = Hidden::new();
    let (tx, mut rx) = oneshot::channel::<u8>();
    let waker = hidden.waker(|mut rx: Receiver<u8>| {
        assert_eq!(poll(&mut rx), Poll::Ready(Err(RecvError)));
    });
    assert!(poll_with(&mut rx, &waker).is_pending());
    hidden.put(rx);
    drop(tx);
}

#[test]
fn a_woken_sender_goes_inside_the_drop_of_the_receiver() {
    for close in [false, true] {
        let hidden = Hidden::new();
        let (mut tx, mut rx) = oneshot::channel();
        let waker = hidden.waker(|tx: Sender<u8>| assert!(tx.send(7).is_err()));
        let mut closed = std::mem::ManuallyDrop::new(tx.closed());
        assert!(poll_with(&mut *closed, &waker).is_pending());
        hidden.put(tx);
        if close {
            rx.close();
            assert_eq!(poll(&mut rx), Poll::Ready(Err(RecvError)));
        }
        drop(rx);
    }
}

#[test]
fn a_displaced_waker_sends_when_it_is_dropped() {
    let hidden = Hidden::new();
    let (tx, mut rx) = oneshot::channel();
    let waker = hidden.waker(|tx: Sender<u8>| tx.send(7).unwrap());
    assert!(poll_with(&mut rx, &waker).is_pending());
    drop(waker);
    hidden.put(tx);
    let (counter, waker) = Counter::new();
    assert!(poll_with(&mut rx, &waker).is_pending());
    assert_eq!(
        counter.wakes(),
        1,
        "it was filed before the other was dropped"
    );
    assert_eq!(poll(&mut rx), Poll::Ready(Ok(7)));
}

#[test]
fn a_displaced_waker_drops_the_receiver_that_closed_waits_for() {
    let hidden = Hidden::new();
    let (mut tx, rx) = oneshot::channel::<u8>();
    let waker = hidden.waker(|rx: Receiver<u8>| drop(rx));
    let mut closed = tx.closed();
    assert!(poll_with(&mut closed, &waker).is_pending());
    drop(waker);
    hidden.put(rx);
    let (counter, waker) = Counter::new();
    assert!(poll_with(&mut closed, &waker).is_pending());
    assert_eq!((counter.wakes(), kept(&counter)), (1, 0));
    assert!(poll_with(&mut closed, &waker).is_ready());
}

#[test]
fn the_waker_of_a_receiver_that_goes_sends_when_it_is_dropped() {
    let hidden = Hidden::new();
    let (tx, mut rx) = oneshot::channel();
    let waker = hidden.waker(|tx: Sender<u8>| assert!(tx.send(7).is_err()));
    assert!(poll_with(&mut rx, &waker).is_pending());
    drop(waker);
    hidden.put(tx);
    drop(rx);
}

#[test]
fn the_waker_of_a_sender_that_sends_drops_the_receiver() {
    let hidden = Hidden::new();
    let counted = Arc::new(());
    let (mut tx, rx) = oneshot::channel();
    let waker = hidden.waker(|rx: Receiver<Arc<()>>| drop(rx));
    let mut closed = std::mem::ManuallyDrop::new(tx.closed());
    assert!(poll_with(&mut *closed, &waker).is_pending());
    drop(waker);
    hidden.put(rx);
    // The waker goes with the sender, and is dropped when the value is sent.
    assert!(tx.send(Arc::clone(&counted)).is_ok());
    assert_eq!(Arc::strong_count(&counted), 1);
}

#[test]
fn a_message_goes_back_into_its_own_channel() {
    struct Message(Arc<Mutex<Option<Receiver<Self>>>>);
    impl Drop for Message {
        fn drop(&mut self) {
            drop(self.0.lock().unwrap().take());
        }
    }
    let inside = Arc::new(Mutex::new(None));
    let (tx, rx) = oneshot::channel();
    *inside.lock().unwrap() = Some(rx);
    assert!(tx.send(Message(Arc::clone(&inside))).is_ok());
    let rx = inside.lock().unwrap().take();
    drop(rx);
    assert_eq!(Arc::strong_count(&inside), 1);
}

/// Panics when it is woken, and when its last clone is dropped unwoken.
fn bomb() -> Waker {
    Hostile::waker(|| panic!("on purpose"))
}

#[test]
fn wakers_that_panic_take_nothing_away() {
    let (tx, mut rx) = oneshot::channel();
    assert!(poll_with(&mut rx, &bomb()).is_pending());
    tx.send(7).unwrap();
    assert_eq!(poll(&mut rx), Poll::Ready(Ok(7)));

    let (tx, mut rx) = oneshot::channel::<u8>();
    assert!(poll_with(&mut rx, &bomb()).is_pending());
    assert!(poll(&mut rx).is_pending(), "the displaced one panics");
    assert!(poll_with(&mut rx, &bomb()).is_pending());
    drop(tx);
    assert_eq!(poll(&mut rx), Poll::Ready(Err(RecvError)));

    let (mut tx, mut rx) = oneshot::channel::<u8>();
    let mut closed = tx.closed();
    assert!(poll_with(&mut closed, &bomb()).is_pending());
    assert!(poll_with(&mut closed, &bomb()).is_pending());
    rx.close();
    assert!(poll(&mut closed).is_ready());
    drop(closed);
    assert_eq!(tx.send(7).unwrap_err().0, 7);
}
