//! Wakers that call back when they are cloned, or panic when a clone is dropped. To make one takes
//! unsafe code, so they have a file of their own; `hostile_wakers` has the others.

#![cfg(not(loom))]
#![expect(unsafe_code, reason = "only a raw waker can notice that it is cloned")]

mod support;

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use hob_sync::{
    Barrier, Condition, Event, Lazy, LifoQueue, Mutex, Notify, OnceCell, PriorityQueue, Queue,
    RwLock, Semaphore, broadcast, mpmc, mpsc, oneshot, watch,
};

use support::{poll, poll_once, poll_with};

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

/// A waker that calls `act`, and how often it was cloned.
fn waker(act: impl Fn() + Send + Sync + 'static) -> (Waker, &'static AtomicUsize) {
    let hostile: &'static Hostile = Box::leak(Box::new(Hostile {
        act: Box::new(act),
        clones: AtomicUsize::new(0),
    }));
    let raw = RawWaker::new(std::ptr::from_ref(hostile).cast(), &VTABLE);
    // SAFETY: the functions of `VTABLE` may be called from any thread, as `act` is `Sync` and the
    // data lives for ever; cloning and dropping need no count for the same reason.
    let waker = unsafe { Waker::from_raw(raw) };
    (waker, &hostile.clones)
}

/// Polls once with a waker that calls `act`, and sees that it was cloned.
fn poll_calling<F: Future>(future: F, act: impl Fn() + Send + Sync + 'static) -> Poll<F::Output> {
    let (waker, clones) = waker(act);
    let poll = pin!(future).poll(&mut Context::from_waker(&waker));
    assert_eq!(clones.load(Ordering::SeqCst), 1);
    poll
}

/// Lets `wait` wait with a waker that calls `act`, displaces it and files it again, and sees that
/// `end` ends the wait, if a call has not ended it before. One that gave up has gone ahead of it.
#[track_caller]
fn check<F: Future>(
    wait: impl Fn() -> F,
    act: impl Fn() + Clone + Send + Sync + 'static,
    end: impl FnOnce(),
) {
    let waits = || {
        let (hostile, clones) = waker(act.clone());
        let mut wait = Box::pin(wait());
        let mut is_ready = false;
        for waker in [&hostile, Waker::noop(), &hostile] {
            is_ready = is_ready || poll_with(&mut wait, waker).is_ready();
        }
        (wait, is_ready, clones.load(Ordering::SeqCst))
    };
    let (.., clones) = waits();
    assert!(clones > 0, "it waited");
    let (mut wait, is_ready, _) = waits();
    end();
    assert!(is_ready || poll(&mut wait).is_ready(), "it was told");
}

/// Calls of `act` with what is shared.
fn calls<T: Send + Sync + 'static>(
    shared: &Arc<T>,
    act: impl Fn(&T) + Clone + Send + Sync + 'static,
) -> impl Fn() + Clone + Send + Sync + 'static {
    let shared = Arc::clone(shared);
    move || act(&shared)
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

    let (tx, rx) = oneshot::channel();
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

#[test]
fn clones_call_back_into_a_read_write_lock() {
    let lock = Arc::new(RwLock::new(()));
    let act = calls(&lock, |lock| {
        drop((lock.try_read(), lock.try_write()));
        drop(poll_once(lock.read()));
        drop(poll_once(lock.write()));
        let _shown = format!("{lock:?} {:?}", lock.statistics());
    });
    let held = lock.try_write().unwrap();
    check(|| lock.read(), act.clone(), || drop(held));
    let held = lock.try_read().unwrap();
    check(|| lock.write(), act, || drop(held));
}

#[test]
fn clones_call_back_into_a_notify() {
    let notify = Arc::new(Notify::new());
    let act = calls(&notify, |notify| {
        notify.notify_one();
        notify.notify_all();
        let _notified = poll_once(notify.notified());
        let _shown = format!("{notify:?} {:?}", notify.statistics());
    });
    let enabled = || {
        let mut notified = Box::pin(notify.notified());
        notified.as_mut().enable();
        notified
    };
    check(enabled, act.clone(), || notify.notify_one());
    let _kept = poll_once(notify.notified());
    check(|| notify.notified(), act, || notify.notify_all());
}

#[test]
fn clones_call_back_into_an_event() {
    let event = Arc::new(Event::new());
    let act = calls(&event, |event| {
        event.clear();
        let _waited = poll_once(event.wait());
        event.set();
        event.clear();
        let _shown = format!("{event:?} {:?}", event.statistics());
    });
    check(|| event.wait(), act, || event.set());
}

#[test]
fn clones_call_back_into_a_condition() {
    let shared = Arc::new((Mutex::new(()), Condition::new()));
    let act = calls(&shared, |(mutex, condition)| {
        if let Ok(guard) = mutex.try_lock() {
            let _waited = poll_once(condition.wait(guard));
        }
        condition.notify_one();
        condition.notify_all();
        let _shown = format!("{condition:?} {:?}", condition.statistics());
    });
    let (mutex, condition) = &*shared;
    let wait = || condition.wait(mutex.try_lock().expect("it was unlocked"));
    check(wait, act, || condition.notify_all());
}

#[test]
fn clones_call_back_into_a_barrier() {
    let barrier = Arc::new(Barrier::new(3));
    let act = calls(&barrier, |barrier| {
        let _waited = poll_once(barrier.wait());
        barrier.reset();
        barrier.abort();
        barrier.reset();
        let _shown = format!("{barrier:?} {:?}", barrier.statistics());
    });
    check(|| barrier.wait(), act, || barrier.abort());
}

#[test]
fn clones_call_back_into_a_once_cell() {
    let cell = Arc::new(OnceCell::new());
    let act = calls(&cell, |cell| {
        let _set = cell.set(7);
        let _waited = poll_once(cell.wait());
        let _made = poll_once(cell.get_or_init(std::future::pending));
        let _shown = format!("{cell:?} {:?}", cell.statistics());
    });
    let mut first = Box::pin(cell.get_or_init(std::future::pending));
    assert!(poll(&mut first).is_pending());
    let init = || cell.get_or_init(|| std::future::ready(2));
    check(init, act, || drop(first));

    let cell = Arc::new(OnceCell::new());
    let act = calls(&cell, |cell: &OnceCell<u8>| {
        let _waited = poll_once(cell.wait());
        let _made = poll_once(cell.get_or_init(std::future::pending));
    });
    check(|| cell.wait(), act, || cell.set(1).unwrap());
}

#[test]
fn clones_call_back_into_a_lazy_value() {
    let make = || {
        let event = Arc::new(Event::new());
        let inner = Arc::clone(&event);
        let lazy = Lazy::new(async move { inner.wait().await });
        (event, Arc::new(lazy))
    };
    let act = |lazy: &Lazy<(), _>| {
        let _forced = poll_once(lazy.force());
        let _value = lazy.get();
        let _shown = format!("{lazy:?} {:?}", lazy.statistics());
    };
    let (event, lazy) = make();
    check(|| lazy.force(), calls(&lazy, act), || event.set());

    let (event, lazy) = make();
    let mut first = Box::pin(lazy.force());
    assert!(poll(&mut first).is_pending());
    check(
        || lazy.force(),
        calls(&lazy, act),
        || {
            event.set();
            assert!(poll(&mut first).is_ready());
        },
    );
}

#[test]
fn clones_call_back_into_a_channel_of_one_receiver() {
    let (tx, rx) = mpsc::bounded::<u8>(1);
    let inner = tx.clone();
    let act = move || {
        let _sent = poll_once(inner.send(1));
        let _reserved = inner.try_reserve();
        let _closed = poll_once(inner.closed());
        let _shown = format!("{inner:?} {:?}", inner.statistics());
    };
    let rx = StdMutex::new(rx);
    let _filled = tx.try_send(1);
    check(
        || tx.send(2),
        act.clone(),
        || {
            while rx.lock().unwrap().try_recv().is_ok() {}
        },
    );
    let _filled = tx.try_send(1);
    check(|| tx.reserve(), act.clone(), || rx.lock().unwrap().close());
    let (tx, rx) = mpsc::bounded::<u8>(1);
    check(|| tx.closed(), act, || drop(rx));
}

#[test]
fn clones_call_back_into_a_channel_of_many_receivers() {
    fn act(
        tx: &mpmc::Sender<u8>,
        rx: &mpmc::Receiver<u8>,
    ) -> impl Fn() + Clone + Send + Sync + use<> {
        let (tx, rx) = (tx.clone(), rx.clone());
        move || {
            let _sent = poll_once(tx.send(1));
            let _received = poll_once(rx.recv());
            let _reserved = tx.try_reserve();
            let _closed = poll_once(tx.closed());
            let _shown = format!("{tx:?} {rx:?} {:?}", tx.statistics());
        }
    }
    for make in [|| mpmc::bounded(1), mpmc::rendezvous] {
        let (tx, rx) = make();
        check(
            || rx.recv(),
            act(&tx, &rx),
            || {
                let _sent = tx.try_send(1);
            },
        );
        let (tx, rx) = make();
        let _filled = tx.try_send(1);
        check(
            || tx.send(2),
            act(&tx, &rx),
            || {
                let _received = rx.try_recv();
            },
        );
        let (tx, rx) = make();
        let _filled = tx.try_send(1);
        check(|| tx.reserve(), act(&tx, &rx), || rx.close());
        let (tx, rx) = make();
        check(|| tx.closed(), act(&tx, &rx), || rx.close());
    }
}

#[test]
fn clones_call_back_into_a_broadcast() {
    let (tx, rx) = broadcast::channel(2);
    let inner = tx.clone();
    let act = move || {
        let mut rx = inner.subscribe();
        let _sent = inner.send(Arc::new(1));
        let _received = poll_once(rx.recv());
        let _closed = poll_once(inner.closed());
        let _shown = format!("{inner:?} {rx:?} {:?}", inner.statistics());
    };
    let heard = poll_calling(rx.resubscribe().recv(), act.clone());
    assert_eq!(heard, Poll::Ready(Ok(Arc::new(1))));
    check(|| tx.closed(), act, || drop(rx));
}

#[test]
fn clones_call_back_into_a_watched_value() {
    let (tx, rx) = watch::channel(0_u64);
    let inner = tx.clone();
    let act = move || {
        inner.send_modify(|value| *value += 1);
        let mut rx = inner.subscribe();
        let _changed = poll_once(rx.changed());
        let _closed = poll_once(inner.closed());
        let _shown = format!("{inner:?} {rx:?} {:?}", *inner.borrow());
    };
    assert_eq!(
        poll_calling(rx.clone().changed(), act.clone()),
        Poll::Ready(Ok(()))
    );
    check(|| tx.closed(), act, || drop(rx));
}

/// The same for all orders of a queue.
macro_rules! check_queue {
    ($queue:ident) => {
        let act = |queue: &$queue<u8>| {
            let queue = queue.clone();
            move || {
                let _put = queue.try_put(1);
                drop(queue.try_get());
                let _put = poll_once(queue.put(1));
                let _joined = poll_once(queue.join());
                drop(poll_once(queue.get()));
                let _got = poll_once(queue.plain().get());
                let _shown = format!("{queue:?} {:?}", queue.statistics());
            }
        };
        let queue = $queue::bounded(1);
        check(
            || queue.get(),
            act(&queue),
            || {
                let _put = queue.try_put(1);
            },
        );
        let queue = $queue::bounded(1);
        queue.try_put(1).unwrap();
        check(|| queue.put(2), act(&queue), || drop(queue.close_now()));
        let queue = $queue::bounded(1);
        queue.try_put(1).unwrap();
        let item = queue.try_get().unwrap();
        check(|| queue.join(), act(&queue), || item.done());
    };
}

#[test]
fn clones_call_back_into_queues() {
    check_queue!(Queue);
    check_queue!(LifoQueue);
    check_queue!(PriorityQueue);
}
