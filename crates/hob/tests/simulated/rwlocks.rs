//! Read-write locks under cancels and timeouts: who is in, who comes next, who is let through.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hob::sync::{RwLock, RwLockWriteGuard};

use crate::{cancel_some, dawdle, end_of, patience, rng, scenario};

const TASKS: u64 = 8;
const ROUNDS: u32 = 4;
const READERS_MAX: u32 = 3;

/// Who is in.
#[derive(Default)]
struct House {
    readers: Cell<u32>,
    writers: Cell<u32>,
}

/// One who is in, as long as this lives.
struct Inside<'a>(&'a Cell<u32>);

impl House {
    fn enter_to_read(&self) -> Inside<'_> {
        assert_eq!(self.writers.get(), 0, "one reads while one writes");
        assert!(self.readers.get() < READERS_MAX, "more read than may");
        Inside::enter(&self.readers)
    }

    fn enter_to_write(&self) -> Inside<'_> {
        let inside = (self.readers.get(), self.writers.get());
        assert_eq!(inside, (0, 0), "one writes beside others");
        Inside::enter(&self.writers)
    }
}

impl<'a> Inside<'a> {
    fn enter(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[test]
fn a_writer_is_alone_and_what_it_wrote_is_read_whole() {
    scenario(|| async {
        let lock = Rc::new(RwLock::with_max_readers((0, 0), READERS_MAX));
        let house = Rc::new(House::default());
        let tasks = (0..TASKS).map(|number| {
            let (lock, house) = (Rc::clone(&lock), Rc::clone(&house));
            hob::spawn_local(async move {
                for round in 0..ROUNDS {
                    read_or_write(&lock, &house, number * 10 + u64::from(round)).await;
                }
            })
        });
        cancel_some(tasks.collect()).await;
        let left = (house.readers.get(), house.writers.get());
        assert_eq!(left, (0, 0));
        let statistics = lock.statistics();
        assert_eq!((statistics.readers, statistics.waiting), (0, 0));
        assert!(lock.try_write().is_ok(), "the lock is free");
    });
}

async fn read_or_write(lock: &RwLock<(u64, u64)>, house: &House, number: u64) {
    let mut rng = rng(number);
    let patience = patience(&mut rng, 8);
    if rng.bool() {
        let Ok(read) = hob::timeout(patience, lock.read()).await else {
            return;
        };
        let _inside = house.enter_to_read();
        dawdle(&mut rng).await;
        assert_eq!(read.0, read.1, "half of what was written");
        return;
    }
    let Ok(mut write) = hob::timeout(patience, lock.write()).await else {
        return;
    };
    let inside = house.enter_to_write();
    write.0 = number;
    // A writer that is cancelled here leaves the halves as they are.
    let mend = Mend(&mut write);
    dawdle(&mut rng).await;
    mend.0.1 = number;
    drop(mend);
    drop(inside);
    if rng.bool() {
        let read = RwLockWriteGuard::downgrade(write);
        let _inside = house.enter_to_read();
        dawdle(&mut rng).await;
        assert_eq!(*read, (number, number), "another wrote in between");
    }
}

/// Makes the halves equal, however a writer ends.
struct Mend<'a>(&'a mut (u64, u64));

impl Drop for Mend<'_> {
    fn drop(&mut self) {
        self.0.1 = self.0.0;
    }
}

/// Readers that stand together are let in together, and run in any order; all else is in order.
#[test]
fn readers_and_writers_are_served_in_the_order_in_which_they_came() {
    scenario(|| async {
        let lock = Rc::new(RwLock::new(()));
        let came = Rc::new(RefCell::new(Vec::new()));
        let served = Rc::new(RefCell::new(Vec::new()));
        let held = lock.write().await;
        let waiters: Vec<_> = (0..TASKS)
            .map(|number| {
                let lock = Rc::clone(&lock);
                let (came, served) = (Rc::clone(&came), Rc::clone(&served));
                hob::spawn_local(async move {
                    let mut rng = rng(number);
                    dawdle(&mut rng).await;
                    let reads = rng.bool();
                    came.borrow_mut().push((number, reads));
                    if reads {
                        let _read = lock.read().await;
                        served.borrow_mut().push(number);
                        hob::yield_now().await;
                    } else {
                        let _write = lock.write().await;
                        served.borrow_mut().push(number);
                        hob::yield_now().await;
                    }
                })
            })
            .collect();
        hob::sleep(std::time::Duration::from_millis(5)).await;
        drop(held);
        for waiter in waiters {
            waiter.await.expect("nobody panics");
        }
        let (came, mut served) = (came.take(), served.take());
        for group in came.chunk_by(|one, next| one.1 && next.1) {
            let mut next: Vec<_> = served.drain(..group.len()).collect();
            next.sort_unstable();
            let mut expected: Vec<_> = group.iter().map(|(number, _)| *number).collect();
            expected.sort_unstable();
            assert_eq!(next, expected, "of {came:?}");
        }
    });
}

#[test]
fn readers_that_keep_coming_do_not_keep_a_writer_out() {
    scenario(|| async {
        let lock = Rc::new(RwLock::new(false));
        let readers: Vec<_> = (0..3)
            .map(|number| {
                let lock = Rc::clone(&lock);
                hob::spawn_local(async move {
                    let mut rng = rng(number);
                    let mut turns = 0;
                    while !*lock.read().await {
                        // They hold it longer than they are away, so somebody always does.
                        let held = lock.read().await;
                        hob::sleep(patience(&mut rng, 1)).await;
                        drop(held);
                        turns += 1;
                        assert!(turns < 100, "the writer does not get in");
                    }
                })
            })
            .collect();
        let mut rng = rng(TASKS);
        dawdle(&mut rng).await;
        *lock.write().await = true;
        for reader in readers {
            reader.await.expect("nobody panics");
        }
    });
}

#[test]
fn a_writer_that_gives_up_lets_the_readers_behind_it_through() {
    scenario(|| async {
        let lock = Rc::new(RwLock::new(()));
        let mut rng = rng(TASKS);
        let _held = lock.read().await;
        let (line, gone) = (Rc::clone(&lock), patience(&mut rng, 3));
        let writer = hob::spawn_local(async move {
            let gave_up = hob::timeout(gone, line.write()).await.is_err();
            assert!(gave_up, "a reader holds it");
        });
        hob::test::settle().await;
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let lock = Rc::clone(&lock);
                hob::spawn_local(async move { drop(lock.read().await) })
            })
            .collect();
        if rng.bool() {
            dawdle(&mut rng).await;
            writer.cancel("the scenario wants it");
        }
        for reader in readers {
            reader.await.expect("nobody panics");
        }
        end_of(writer).await;
        assert_eq!(lock.statistics().waiting, 0);
    });
}
