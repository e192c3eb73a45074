//! Locks and permits.

use std::cell::RefCell;
use std::sync::Arc;

use hob::Task;
use hob::sync::{Mutex, RwLock, Semaphore};

use crate::{cut, in_both_worlds, later};

#[test]
fn an_owned_lock_that_is_cut_leaves_the_mutex_free() {
    in_both_worlds(async || {
        let mutex = Arc::new(Mutex::new(0));
        let make = || {
            let held = Arc::clone(&mutex).try_lock_owned().expect("it is free");
            later(move || drop(held));
            Arc::clone(&mutex).lock_owned()
        };
        cut(make, async |cut| {
            assert!(mutex.try_lock().is_ok(), "{cut}");
            assert_eq!(mutex.statistics().waiting, 0, "{cut}");
        })
        .await;
    });
}

#[test]
fn permits_that_are_cut_come_back() {
    in_both_worlds(async || {
        let semaphore = Arc::new(Semaphore::new(3));
        let make = || {
            let held = Arc::clone(&semaphore).try_acquire_many_owned(2);
            let held = held.expect("all are back");
            later(move || drop(held));
            Arc::clone(&semaphore).acquire_many_owned(2)
        };
        cut(make, async |cut| {
            assert_eq!(semaphore.available_permits(), 3, "{cut}");
            assert_eq!(semaphore.statistics().waiting, 0, "{cut}");
        })
        .await;
    });
}

#[test]
fn a_write_that_is_cut_leaves_the_lock_free_and_lets_the_readers_behind_it_through() {
    in_both_worlds(async || {
        let lock = Arc::new(RwLock::new(0));
        let reader = RefCell::new(None::<Task<()>>);
        let make = || {
            let held = Arc::clone(&lock).try_read_owned().expect("it is free");
            let behind = Arc::clone(&lock);
            let behind = hob::spawn(async move { drop(behind.read().await) });
            reader.replace(Some(behind));
            later(move || drop(held));
            async { *lock.write().await += 1 }
        };
        cut(make, async |cut| {
            let reader = reader.take().expect("one was spawned");
            assert!(reader.is_finished(), "the reader is left: {cut}");
            assert!(lock.try_write().is_ok(), "{cut}");
            assert_eq!(lock.statistics().waiting, 0, "{cut}");
        })
        .await;
    });
}

#[test]
fn a_read_that_is_cut_leaves_the_lock_free() {
    in_both_worlds(async || {
        let lock = Arc::new(RwLock::with_max_readers(0, 1));
        for writes in [false, true] {
            let make = || {
                let held = Arc::clone(&lock);
                if writes {
                    let held = held.try_write_owned().expect("it is free");
                    later(move || drop(held));
                } else {
                    let held = held.try_read_owned().expect("it is free");
                    later(move || drop(held));
                }
                Arc::clone(&lock).read_owned()
            };
            cut(make, async |cut| {
                assert_eq!(lock.statistics().readers, 0, "{cut}");
                assert!(lock.try_write().is_ok(), "{cut}");
            })
            .await;
        }
    });
}
