//! Models of mutexes and semaphores. Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo
//! test --release -p hob-sync --test loom_locks`. A lost wake shows as a deadlock, a broken lock as two
//! threads in one cell.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::sync::Arc;

use hob_sync::{Mutex, Semaphore};
use loom::cell::UnsafeCell;
use loom::thread;

use model::{block_on, poll, poll_and_drop, touch};

#[test]
fn mutex_admits_one_at_a_time() {
    loom::model(|| {
        let mutex = Arc::new(Mutex::new(UnsafeCell::new(())));
        let threads = [(); 2].map(|()| {
            let mutex = Arc::clone(&mutex);
            thread::spawn(move || touch(&block_on(mutex.lock())))
        });
        touch(&block_on(mutex.lock()));
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(mutex.try_lock().is_ok());
    });
}

#[test]
fn mutex_is_handed_on_when_a_waiter_is_cancelled() {
    loom::model(|| {
        let mutex = Arc::new(Mutex::new(UnsafeCell::new(())));
        let held = mutex.try_lock().unwrap();
        let gives_up = {
            let mutex = Arc::clone(&mutex);
            thread::spawn(move || poll_and_drop(mutex.lock()))
        };
        let waits = {
            let mutex = Arc::clone(&mutex);
            thread::spawn(move || touch(&block_on(mutex.lock())))
        };
        touch(&held);
        drop(held);
        gives_up.join().unwrap();
        waits.join().unwrap();
        assert!(mutex.try_lock().is_ok());
        assert_eq!(mutex.statistics().waiting, 0);
    });
}

#[test]
fn semaphore_passes_a_permit_on_when_its_waiter_is_cancelled() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        // First in line, so it is the one that is granted.
        let mut first = Box::pin(Arc::clone(&semaphore).acquire_owned());
        assert!(poll(&mut first).is_pending());
        let gives_up = thread::spawn(move || drop(first));
        let waits = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || drop(block_on(semaphore.acquire()).unwrap()))
        };
        semaphore.add_permits(1).unwrap();
        gives_up.join().unwrap();
        waits.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn semaphore_serves_a_large_request_from_several_releases() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(2));
        let one = Arc::clone(&semaphore).try_acquire_owned().unwrap();
        let two = Arc::clone(&semaphore).try_acquire_owned().unwrap();
        let threads = [one, two].map(|permit| thread::spawn(move || drop(permit)));
        assert_eq!(block_on(semaphore.acquire_many(2)).unwrap().count(), 2);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn semaphore_close_reaches_a_waiter_that_comes_meanwhile() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let closes = {
            let semaphore = Arc::clone(&semaphore);
            thread::spawn(move || semaphore.close())
        };
        assert!(block_on(semaphore.acquire()).is_err());
        closes.join().unwrap();
    });
}
