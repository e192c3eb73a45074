//! Models of mutexes, read-write locks and semaphores. Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo
//! test --release -p hob-sync --test loom_locks`. A lost wake shows as a deadlock, a broken lock as two
//! threads in one cell.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::sync::Arc;

use hob_sync::{Mutex, RwLock, RwLockWriteGuard, Semaphore};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use model::{block_on, poll, poll_and_drop, touch};

/// Two numbers that a writer changes one after the other: whoever sees that they differ reads while
/// somebody writes, or sees less than the last writer did.
#[derive(Default)]
struct Twins(AtomicUsize, AtomicUsize);

impl Twins {
    fn write(&self) {
        let next = self.read() + 1;
        self.0.store(next, Ordering::Relaxed);
        self.1.store(next, Ordering::Relaxed);
    }

    fn read(&self) -> usize {
        let first = self.0.load(Ordering::Relaxed);
        assert_eq!(first, self.1.load(Ordering::Relaxed));
        first
    }
}

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
fn mutex_is_handed_to_a_waiter_that_alone_owns_it() {
    loom::model(|| {
        let mutex = Arc::new(Mutex::new(UnsafeCell::new(())));
        let held = Arc::clone(&mutex).try_lock_owned().unwrap();
        let waits = thread::spawn(move || touch(&block_on(mutex.lock_owned())));
        touch(&held);
        drop(held);
        waits.join().unwrap();
    });
}

#[test]
fn rwlock_readers_see_whole_writes() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(Twins::default()));
        let writer = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || block_on(lock.write()).write())
        };
        let reader = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || block_on(lock.read()).read())
        };
        block_on(lock.write()).write();
        writer.join().unwrap();
        reader.join().unwrap();
        assert_eq!(lock.try_read().unwrap().read(), 2);
    });
}

#[test]
fn rwlock_writer_waits_for_every_reader() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(Twins::default()));
        let readers = [(); 2].map(|()| {
            let reader = Arc::clone(&lock).try_read_owned().unwrap();
            thread::spawn(move || reader.read())
        });
        block_on(lock.write()).write();
        for reader in readers {
            reader.join().unwrap();
        }
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn rwlock_downgrade_lets_no_writer_in_between() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(Twins::default()));
        let writer = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || block_on(lock.write()).write())
        };
        let reader = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || block_on(lock.read()).read())
        };
        let guard = block_on(lock.write());
        guard.write();
        let written = guard.read();
        let guard = RwLockWriteGuard::downgrade(guard);
        assert_eq!(guard.read(), written);
        drop(guard);
        writer.join().unwrap();
        reader.join().unwrap();
        assert_eq!(lock.try_write().unwrap().read(), 2);
    });
}

#[test]
fn rwlock_lets_readers_through_when_the_writer_ahead_gives_up() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(Twins::default()));
        let early = Arc::clone(&lock).try_read_owned().unwrap();
        // First in line: it gives up while it waits, or when it was granted the lock.
        let mut writer = Box::pin(Arc::clone(&lock).write_owned());
        assert!(poll(&mut writer).is_pending());
        let gives_up = thread::spawn(move || drop(writer));
        let waits = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || block_on(lock.read()).read())
        };
        drop(early);
        gives_up.join().unwrap();
        waits.join().unwrap();
        assert!(lock.try_write().is_ok());
        assert_eq!(lock.statistics().waiting, 0);
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

#[test]
fn semaphore_forgets_permits_while_others_come_back_to_a_waiter() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(2));
        let held = Arc::clone(&semaphore).try_acquire_owned().unwrap();
        // In line for both, of which one is there to be forgotten.
        let mut both = Box::pin(Arc::clone(&semaphore).acquire_many_owned(2));
        assert!(poll(&mut both).is_pending());
        let waits = thread::spawn(move || assert_eq!(block_on(both).unwrap().count(), 2));
        let releases = thread::spawn(move || drop(held));
        let forgotten = semaphore.forget_permits(1);
        semaphore.add_permits(forgotten).unwrap();
        releases.join().unwrap();
        waits.join().unwrap();
        let statistics = semaphore.statistics();
        assert_eq!(statistics.permits_available, 2);
        assert_eq!(statistics.permits_total, 2);
        assert_eq!(statistics.waiting, 0);
    });
}

#[test]
fn mutex_serves_two_in_line_in_order_and_a_newcomer_after_them() {
    loom::model(|| {
        let mutex = Arc::new(Mutex::new(Vec::new()));
        let held = Arc::clone(&mutex).try_lock_owned().unwrap();
        let line = [1, 2].map(|number| {
            let mut wait = Box::pin(Arc::clone(&mutex).lock_owned());
            assert!(poll(&mut wait).is_pending());
            (number, wait)
        });
        let threads = line.map(|(number, wait)| thread::spawn(move || block_on(wait).push(number)));
        drop(held);
        block_on(mutex.lock()).push(3);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*mutex.try_lock().unwrap(), [1, 2, 3]);
    });
}
