//! Wakers that call back when they are cloned, or panic when a clone is dropped. To make one takes
//! unsafe code, so they have a file of their own; `hostile_wakers` has the others.

#![cfg(not(loom))]
#![expect(unsafe_code, reason = "only a raw waker can notice that it is cloned")]

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use hob_sync::{Mutex, Queue, Semaphore, mpsc, oneshot};

/// Calls `act` whenever anything is done to the waker.
struct Hostile {
    act: Box<dyn Fn() + Send + Sync>,
    clones: AtomicUsize,
}

const VTABLE: RawWakerVTable = RawWakerVTable::new(clone, act, act, act);

fn hostile(data: *const ()) -> &'static Hostile {
    // SAFETY: `waker` below is the only maker of this vtable's wakers, and their data is a
    // `Hostile` that it has leaked.
    unsafe { &*data.cast() }
}

fn clone(data: *const ()) -> RawWaker {
    hostile(data).clones.fetch_add(1, Ordering::SeqCst);
    act(data);
    RawWaker::new(data, &VTABLE)
}

fn act(data: *const ()) {
    (hostile(data).act)();
}

/// Polls once with a waker that calls `act`, and sees that it was cloned.
fn poll_calling<F: Future>(future: F, act: impl Fn() + Send + Sync + 'static) -> Poll<F::Output> {
    let hostile: &'static Hostile = Box::leak(Box::new(Hostile {
        act: Box::new(act),
        clones: AtomicUsize::new(0),
    }));
    let raw = RawWaker::new(std::ptr::from_ref(hostile).cast(), &VTABLE);
    // SAFETY: the functions of `VTABLE` may be called from any thread, as `act` is `Sync` and the
    // data lives for ever; cloning and dropping need no count for the same reason.
    let waker = unsafe { Waker::from_raw(raw) };
    let poll = pin!(future).poll(&mut Context::from_waker(&waker));
    assert_eq!(hostile.clones.load(Ordering::SeqCst), 1);
    poll
}

#[test]
fn a_clone_that_unlocks_is_heard() {
    let mutex: &'static Mutex<()> = Box::leak(Box::new(Mutex::new(())));
    let held = StdMutex::new(Some(mutex.try_lock().expect("it is free")));
    // The lock is released between the two looks at it: the second finds it free.
    let poll = poll_calling(mutex.lock(), move || {
        let guard = held.lock().unwrap().take();
        drop(guard);
        let _shown = format!("{mutex:?}");
    });
    assert!(poll.is_ready());
}

/// Gives when it is called first, by a clone, and panics when that clone is dropped.
fn give_then_panic(give: impl Fn() + Send + Sync + 'static) -> impl Fn() + Send + Sync {
    let calls = AtomicUsize::new(0);
    move || match calls.fetch_add(1, Ordering::SeqCst) {
        0 => give(),
        1 => panic!("on purpose"),
        _ => {}
    }
}

#[test]
fn a_clone_whose_destructor_panics_takes_nothing_away() {
    let mutex: &'static Mutex<()> = Box::leak(Box::new(Mutex::new(())));
    let held = StdMutex::new(Some(mutex.try_lock().expect("it is free")));
    let unlock = give_then_panic(move || {
        let guard = held.lock().unwrap().take();
        drop(guard);
    });
    assert!(poll_calling(mutex.lock(), unlock).is_ready());
    assert!(mutex.try_lock().is_ok(), "its guard unlocks it");

    let semaphore = Arc::new(Semaphore::new(0));
    let inner = Arc::clone(&semaphore);
    let release = give_then_panic(move || inner.add_permits(1).expect("they are few"));
    assert!(poll_calling(semaphore.acquire(), release).is_ready());
    assert_eq!(semaphore.available_permits(), 1);

    let (tx, mut rx) = mpsc::unbounded();
    let send = give_then_panic(move || tx.send(7).expect("it is open"));
    assert_eq!(poll_calling(rx.recv(), send), Poll::Ready(Some(7)));

    let queue = Queue::unbounded();
    let inner = queue.clone();
    let put = give_then_panic(move || inner.try_put(7).expect("it is open"));
    let Poll::Ready(Ok(item)) = poll_calling(queue.get(), put) else {
        panic!("it was handed over");
    };
    assert_eq!(item.into_inner(), 7);
}

#[test]
fn clones_call_back_into_all_primitives() {
    let semaphore = Arc::new(Semaphore::new(0));
    let inner = Arc::clone(&semaphore);
    let release = move || inner.add_permits(1).expect("they are few");
    assert!(poll_calling(semaphore.acquire(), release).is_ready());

    let (tx, mut rx) = mpsc::unbounded();
    let send = move || tx.send(7).expect("it is open");
    assert_eq!(poll_calling(rx.recv(), send), Poll::Ready(Some(7)));

    let (tx, mut rx) = oneshot::channel();
    let tx = StdMutex::new(Some(tx));
    let send = move || {
        let tx = tx.lock().unwrap().take();
        tx.into_iter()
            .for_each(|tx| tx.send(7).expect("it is open"));
    };
    assert_eq!(poll_calling(rx, send), Poll::Ready(Ok(7)));

    let queue = Queue::unbounded();
    let inner = queue.clone();
    let put = move || inner.try_put(7).expect("it is open");
    assert!(poll_calling(queue.get(), put).is_ready());
}
