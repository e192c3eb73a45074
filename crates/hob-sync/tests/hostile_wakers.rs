//! Wakers that call back into the object that holds them when they are woken or dropped, or panic.
//!
//! Those that call back when they are cloned are tested beside `Mutex`.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};

use futures_lite::StreamExt;
use hob_sync::{
    Barrier, Condition, Event, Mutex, Notify, PriorityQueue, Queue, Semaphore, mpmc, mpsc, oneshot,
};

use support::{Counter, poll, poll_once, poll_with};

/// Runs `act` when it is woken, and when the last clone is dropped.
struct Hostile<F: Fn()> {
    act: F,
    calls: Arc<AtomicUsize>,
}

impl<F: Fn() + Send + Sync + 'static> Hostile<F> {
    fn waker(act: F) -> (Waker, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let waker = Waker::from(Arc::new(Self {
            act,
            calls: Arc::clone(&calls),
        }));
        (waker, calls)
    }
}

impl<F: Fn()> Hostile<F> {
    fn act(&self) {
        (self.act)();
        self.calls.fetch_add(1, Ordering::SeqCst);
    }
}

impl<F: Fn() + Send + Sync + 'static> Wake for Hostile<F> {
    fn wake(self: Arc<Self>) {
        self.act();
    }
}

impl<F: Fn()> Drop for Hostile<F> {
    fn drop(&mut self) {
        self.act();
    }
}

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

/// Polls with the only reference to `waker`, so that the object drops the last one.
fn park<F: Future + Unpin>(future: &mut F, waker: Waker) {
    assert!(poll_with(future, &waker).is_pending());
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
fn wakers_call_back_into_a_broadcast() {
    let (tx, rx) = hob_sync::broadcast::channel(2);
    let act = |tx: &hob_sync::broadcast::Sender<u8>| {
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
    let lagged = Err(hob_sync::broadcast::RecvError::Lagged(1));
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
fn wakers_call_back_into_a_watched_value() {
    let (tx, mut rx) = hob_sync::watch::channel(0);
    let act = |tx: &hob_sync::watch::Sender<u8>| {
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
