//! Wakers that call back into the lock, or what else holds them, when they are woken or dropped; and
//! wakers that panic.
//!
//! Those that call back into channels and queues are in `hostile_wakers_channels`; those that do so
//! when they are cloned in `hostile_clones`, since it takes unsafe code to make one.

#[path = "support/hostile.rs"]
mod hostile;
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Wake, Waker};

use futures_lite::StreamExt;
use hob_sync::{Barrier, Condition, Event, Lazy, Mutex, Notify, Queue, Semaphore, mpsc, oneshot};

use hostile::{Hostile, park};
use support::{Counter, poll, poll_once, poll_with};

/// Panics when it is woken.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("on purpose");
    }
}

/// Panics when the last clone is dropped.
struct Bomb;

impl Bomb {
    fn waker() -> Waker {
        Waker::from(Arc::new(Self))
    }
}

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

#[test]
fn wakers_call_back_into_a_mutex() {
    let mutex = Arc::new(Mutex::new(()));
    let act = |mutex: &Arc<Mutex<()>>| {
        let mutex = Arc::clone(mutex);
        move || {
            drop(mutex.try_lock());
            drop(poll_once(mutex.lock()));
            let _shown = format!("{mutex:?} {:?}", mutex.statistics());
        }
    };
    let held = mutex.try_lock().unwrap();
    let (dropped, dropped_calls) = Hostile::waker(act(&mutex));
    let (displaced, displaced_calls) = Hostile::waker(act(&mutex));
    let (woken, woken_calls) = Hostile::waker(act(&mutex));
    let mut first = Box::pin(mutex.lock());
    let mut second = Box::pin(mutex.lock());
    park(&mut first, dropped);
    park(&mut second, displaced);
    park(&mut second, woken);
    assert_eq!(displaced_calls.load(Ordering::SeqCst), 1);
    drop(first);
    assert_eq!(dropped_calls.load(Ordering::SeqCst), 1);
    drop(held);
    assert_eq!(woken_calls.load(Ordering::SeqCst), 2);
    assert!(poll(&mut second).is_ready());
}

#[test]
fn wakers_call_back_into_a_read_write_lock() {
    let lock = Arc::new(hob_sync::RwLock::new(()));
    let act = |lock: &Arc<hob_sync::RwLock<()>>| {
        let lock = Arc::clone(lock);
        move || {
            drop((lock.try_read(), lock.try_write()));
            drop(poll_once(lock.read()));
            drop(poll_once(lock.write()));
            let _shown = format!("{lock:?} {:?}", lock.statistics());
        }
    };
    let held = lock.try_write().unwrap();
    let (dropped, dropped_calls) = Hostile::waker(act(&lock));
    let (displaced, displaced_calls) = Hostile::waker(act(&lock));
    let (woken, woken_calls) = Hostile::waker(act(&lock));
    let mut writer = Box::pin(lock.write());
    let mut reader = Box::pin(lock.read());
    park(&mut writer, dropped);
    park(&mut reader, displaced);
    park(&mut reader, woken);
    assert_eq!(displaced_calls.load(Ordering::SeqCst), 1);
    drop(writer);
    assert_eq!(dropped_calls.load(Ordering::SeqCst), 1);
    let held = hob_sync::RwLockWriteGuard::downgrade(held);
    assert_eq!(woken_calls.load(Ordering::SeqCst), 2);
    drop(held);
    assert!(poll(&mut reader).is_ready());
}

#[test]
fn wakers_call_back_into_a_semaphore() {
    let semaphore = Arc::new(Semaphore::new(0));
    let inner = Arc::clone(&semaphore);
    let (waker, calls) = Hostile::waker(move || {
        drop(inner.try_acquire());
        inner.add_permits(1).unwrap();
        inner.close();
    });
    let mut acquire = Box::pin(semaphore.acquire());
    park(&mut acquire, waker);
    semaphore.add_permits(1).unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert!(matches!(poll(&mut acquire), Poll::Ready(Ok(_))));
}

#[test]
fn wakers_call_back_into_a_notify() {
    let notify = Arc::new(Notify::new());
    let act = |notify: &Arc<Notify>| {
        let notify = Arc::clone(notify);
        move || {
            notify.notify_one();
            notify.notify_all();
            let _notified = poll_once(notify.notified());
            let mut enabled = Box::pin(notify.notified());
            enabled.as_mut().enable();
            let _shown = format!("{notify:?} {:?}", notify.statistics());
        }
    };
    let (woken, woken_calls) = Hostile::waker(act(&notify));
    let (dropped, dropped_calls) = Hostile::waker(act(&notify));
    let mut first = Box::pin(notify.notified());
    let mut second = Box::pin(notify.notified());
    park(&mut first, woken);
    park(&mut second, dropped);
    drop(second);
    assert_eq!(dropped_calls.load(Ordering::SeqCst), 1);
    assert_eq!(
        woken_calls.load(Ordering::SeqCst),
        2,
        "by the other's calls"
    );
    assert!(poll(&mut first).is_ready());
}

#[test]
fn wakers_call_back_into_an_event() {
    let event = Arc::new(Event::new());
    let inner = Arc::clone(&event);
    let (waker, calls) = Hostile::waker(move || {
        inner.clear();
        let _waited = poll_once(inner.wait());
        inner.set();
        let _waited = poll_once(inner.wait());
        let _shown = format!("{inner:?} {:?}", inner.statistics());
    });
    let mut wait = Box::pin(event.wait());
    park(&mut wait, waker);
    event.set();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert!(poll(&mut wait).is_ready());
}

#[test]
fn wakers_call_back_into_a_condition() {
    let shared = Arc::new((Mutex::new(()), Condition::new()));
    let inner = Arc::clone(&shared);
    let (waker, calls) = Hostile::waker(move || {
        let (mutex, condition) = &*inner;
        if let Ok(guard) = mutex.try_lock() {
            let _waited = poll_once(condition.wait(guard));
        }
        condition.notify_one();
        condition.notify_all();
        let _shown = format!("{condition:?} {:?}", condition.statistics());
    });
    let (mutex, condition) = &*shared;
    let mut wait = Box::pin(condition.wait(mutex.try_lock().unwrap()));
    park(&mut wait, waker);
    condition.notify_one();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert!(poll(&mut wait).is_ready());
}

#[test]
fn wakers_call_back_into_a_barrier() {
    let barrier = Arc::new(Barrier::new(2));
    let inner = Arc::clone(&barrier);
    let (waker, calls) = Hostile::waker(move || {
        let _waited = poll_once(inner.wait());
        inner.reset();
        inner.abort();
        let _waited = poll_once(inner.wait());
        inner.reset();
        let _shown = format!("{inner:?} {:?}", inner.statistics());
    });
    let mut wait = Box::pin(barrier.wait());
    park(&mut wait, waker);
    assert!(poll_once(barrier.wait()).is_ready());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert!(matches!(poll(&mut wait), Poll::Ready(Ok(_))));
}

#[test]
fn wakers_call_back_into_a_once_cell() {
    let cell = Arc::new(hob_sync::OnceCell::new());
    let act = |cell: &Arc<hob_sync::OnceCell<u8>>| {
        let cell = Arc::clone(cell);
        move || {
            let _set = cell.set(7);
            let _waited = poll_once(cell.wait());
            let _made = poll_once(cell.get_or_init(std::future::pending));
            let _shown = format!("{cell:?}");
        }
    };
    let mut first = Box::pin(cell.get_or_init(std::future::pending));
    assert!(poll(&mut first).is_pending());
    let (initializer, initializer_calls) = Hostile::waker(act(&cell));
    let (waiter, waiter_calls) = Hostile::waker(act(&cell));
    let mut second = Box::pin(cell.get_or_init(|| std::future::ready(2)));
    let mut wait = Box::pin(cell.wait());
    park(&mut second, initializer);
    park(&mut wait, waiter);
    drop(first);
    assert_eq!(initializer_calls.load(Ordering::SeqCst), 2);
    assert_eq!(poll(&mut second), Poll::Ready(&2));
    assert_eq!(waiter_calls.load(Ordering::SeqCst), 2);
    assert_eq!(poll(&mut wait), Poll::Ready(&2));
}

#[test]
fn wakers_call_back_into_a_lazy_value() {
    let event = Arc::new(Event::new());
    let inner = Arc::clone(&event);
    let lazy = Arc::new(Lazy::new(async move { inner.wait().await }));
    let act = || {
        let lazy = Arc::clone(&lazy);
        move || {
            let _forced = poll_once(lazy.force());
            let _value = lazy.get();
            let _shown = format!("{lazy:?} {:?}", lazy.statistics());
        }
    };
    let (runs, runs_calls) = Hostile::waker(act());
    let (waits, waits_calls) = Hostile::waker(act());
    let mut first = Box::pin(lazy.force());
    let mut second = Box::pin(lazy.force());
    park(&mut first, runs);
    park(&mut second, waits);
    event.set();
    assert_eq!(runs_calls.load(Ordering::SeqCst), 2);
    assert!(poll(&mut first).is_ready());
    assert_eq!(waits_calls.load(Ordering::SeqCst), 2);
    assert!(poll(&mut second).is_ready());
}

#[test]
fn a_waker_that_panics_keeps_nobody_asleep_and_takes_nothing_away() {
    let queue = Queue::bounded(2);
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let (counter, waker) = Counter::new();
    let mut puts = [3, 4, 5].map(|number| Box::pin(queue.put(number)));
    assert!(poll_with(&mut puts[0], &Waker::from(Arc::new(Panics))).is_pending());
    assert!(poll_with(&mut puts[1], &waker).is_pending());
    assert!(poll_with(&mut puts[2], &Waker::from(Arc::new(Panics))).is_pending());
    assert_eq!(
        queue.try_get().unwrap().into_inner(),
        1,
        "it is not lost in the panic"
    );
    assert_eq!(counter.wakes(), 0);
    queue.close();
    assert_eq!(counter.wakes(), 1);
}

#[test]
fn a_waker_whose_destructor_panics_is_contained_when_it_is_displaced() {
    let mutex = Mutex::new(());
    let held = mutex.try_lock().unwrap();
    let mut lock = Box::pin(mutex.lock());
    park(&mut lock, Bomb::waker());
    assert!(poll(&mut lock).is_pending());
    drop(held);
    assert!(poll(&mut lock).is_ready());
}

#[test]
fn a_waker_whose_destructor_panics_is_contained_when_its_owner_goes() {
    let semaphore = Semaphore::new(0);
    let mut acquire = Box::pin(semaphore.acquire());
    park(&mut acquire, Bomb::waker());
    drop(acquire);
    assert_eq!(semaphore.statistics().waiting, 0);

    let (mut tx, mut rx) = oneshot::channel::<u8>();
    let mut closed = tx.closed();
    park(&mut closed, Bomb::waker());
    drop(closed);
    park(&mut rx, Bomb::waker());
    drop(rx);
    assert!(tx.is_closed());

    let (tx, mut rx) = mpsc::unbounded::<u8>();
    let mut recv = rx.recv();
    park(&mut recv, Bomb::waker());
    drop(recv);
    park(&mut rx.next(), Bomb::waker());
    drop(rx);
    assert!(tx.is_closed());

    let queue = Queue::<u8>::unbounded();
    let mut get = Box::pin(queue.get());
    park(&mut get, Bomb::waker());
    drop(get);
    assert_eq!(queue.statistics().getters_waiting, 0);
}
