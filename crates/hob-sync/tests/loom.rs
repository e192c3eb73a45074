//! Models: every interleaving of two or three threads, up to a bound of preemptions.
//!
//! Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo test --release -p hob-sync --test
//! loom`. A lost wake shows as a deadlock, a broken lock as two threads in one cell.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hob_sync::{Queue, mpsc, oneshot};
use loom::thread;

use model::{Counted, block_on, poll, poll_and_drop};

#[test]
fn oneshot_delivers() {
    loom::model(|| {
        let (tx, rx) = oneshot::channel();
        let sends = thread::spawn(move || tx.send(7).unwrap());
        assert_eq!(block_on(rx), Ok(7));
        sends.join().unwrap();
    });
}

#[test]
fn oneshot_hears_of_a_dropped_sender() {
    loom::model(|| {
        let (tx, rx) = oneshot::channel::<u8>();
        let drops = thread::spawn(move || drop(tx));
        assert!(block_on(rx).is_err());
        drops.join().unwrap();
    });
}

/// The receiver is polled and dropped while the sender sends: its waker is not used afterwards, and
/// the value is dropped once.
#[test]
fn oneshot_polled_then_dropped_against_send() {
    loom::model(|| {
        let counted = Arc::new(Counted);
        let value = Arc::new(());
        let (tx, mut rx) = oneshot::channel();
        let sends = {
            let value = Arc::clone(&value);
            thread::spawn(move || drop(tx.send(value)))
        };
        let waker = Waker::from(Arc::clone(&counted));
        let received = Pin::new(&mut rx).poll(&mut Context::from_waker(&waker));
        drop(rx);
        drop(received);
        sends.join().unwrap();
        drop(waker);
        assert_eq!(Arc::strong_count(&counted), 1);
        assert_eq!(Arc::strong_count(&value), 1);
    });
}

/// Either the sender gets its value back or the receiver finds it, never both and never neither.
#[test]
fn oneshot_close_against_send() {
    loom::model(|| {
        let (tx, mut rx) = oneshot::channel();
        let sends = thread::spawn(move || tx.send(7).is_ok());
        let early = matches!(poll(&mut rx), Poll::Ready(Ok(7)));
        rx.close();
        let late = rx.try_recv() == Ok(7);
        assert_eq!(sends.join().unwrap(), early || late);
    });
}

#[test]
fn oneshot_closed_hears_of_a_dropped_receiver() {
    loom::model(|| {
        let (mut tx, rx) = oneshot::channel::<u8>();
        let drops = thread::spawn(move || drop(rx));
        block_on(tx.closed());
        drops.join().unwrap();
    });
}

#[test]
fn mpsc_last_sender_drop_against_recv() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::unbounded();
        let threads = [tx.clone(), tx].map(|tx| thread::spawn(move || tx.send(7).unwrap()));
        assert_eq!(block_on(rx.recv()), Some(7));
        assert_eq!(block_on(rx.recv()), Some(7));
        assert_eq!(block_on(rx.recv()), None);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn mpsc_close_against_a_send_that_waits() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::bounded(1);
        tx.try_send(0).unwrap();
        let sends = thread::spawn(move || block_on(tx.send(1)).is_ok());
        assert_eq!(block_on(rx.recv()), Some(0));
        rx.close();
        let mut received = 0;
        while block_on(rx.recv()).is_some() {
            received += 1;
        }
        assert_eq!(usize::from(sends.join().unwrap()), received);
    });
}

#[test]
fn mpsc_slot_of_a_cancelled_reserve_goes_to_the_next() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::bounded(1);
        tx.try_send(0).unwrap();
        let gives_up = {
            let tx = tx.clone();
            thread::spawn(move || poll_and_drop(tx.reserve()))
        };
        let sends = thread::spawn(move || block_on(tx.send(1)).unwrap());
        assert_eq!(block_on(rx.recv()), Some(0));
        assert_eq!(block_on(rx.recv()), Some(1));
        gives_up.join().unwrap();
        sends.join().unwrap();
    });
}

#[test]
fn mpsc_closed_receiver_hears_of_the_last_permit() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::bounded::<u8>(1);
        // Shared, not cloned: so that no sender is dropped after the permit.
        let tx = Arc::new(tx);
        let holds = {
            let tx = Arc::clone(&tx);
            thread::spawn(move || drop(tx.try_reserve()))
        };
        rx.close();
        assert_eq!(block_on(rx.recv()), None);
        holds.join().unwrap();
        drop(tx);
    });
}

#[test]
fn mpsc_weak_sender_revives_or_the_end_is_heard() {
    loom::model(|| {
        let (tx, mut rx) = mpsc::unbounded();
        let weak = tx.downgrade();
        let revives = thread::spawn(move || weak.upgrade().is_some_and(|tx| tx.send(7).is_ok()));
        drop(tx);
        let received = block_on(rx.recv()).is_some();
        assert_eq!(revives.join().unwrap(), received);
    });
}

#[test]
fn queue_join_against_the_last_done() {
    loom::model(|| {
        let queue = Queue::unbounded();
        queue.try_put(1).unwrap();
        queue.try_put(2).unwrap();
        let threads = [(); 2].map(|()| {
            let item = queue.try_get().unwrap();
            thread::spawn(move || item.done())
        });
        block_on(queue.join());
        assert_eq!(queue.unfinished(), 0);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn queue_item_of_a_cancelled_getter_goes_to_the_next() {
    loom::model(|| {
        let queue = Queue::<u8>::unbounded();
        let gives_up = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut get = Box::pin(queue.get());
                // What it gets in its one poll it puts back; what it is granted later returns.
                if let Poll::Ready(item) = poll(&mut get) {
                    item.unwrap().requeue().unwrap();
                }
            })
        };
        let gets = {
            let queue = queue.clone();
            thread::spawn(move || block_on(queue.get()).unwrap().into_inner())
        };
        queue.try_put(7).unwrap();
        gives_up.join().unwrap();
        assert_eq!(gets.join().unwrap(), 7);
        assert_eq!(queue.unfinished(), 0);
    });
}

#[test]
fn queue_close_drains_before_it_says_so() {
    loom::model(|| {
        let queue = Queue::<u8>::unbounded();
        let puts = {
            let queue = queue.clone();
            thread::spawn(move || {
                let put = queue.try_put(7).is_ok();
                queue.close();
                put
            })
        };
        let mut got = 0;
        while let Ok(item) = block_on(queue.get()) {
            item.done();
            got += 1;
        }
        assert_eq!(usize::from(puts.join().unwrap()), got);
    });
}
