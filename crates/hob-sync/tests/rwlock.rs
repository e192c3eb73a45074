//! What a `RwLock` promises: one writer or several readers, in order, and nothing lost when a waiter
//! goes.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use hob_sync::rwlock::TryReadError;
use hob_sync::{
    OwnedMappedRwLockWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
    RwLockReadGuard, RwLockWriteGuard,
};

use support::{Counter, block_on, kept, poll, poll_once, poll_with};

#[test]
fn readers_share_and_a_writer_is_alone() {
    let lock = RwLock::new(1);
    let one = block_on(lock.read());
    let two = block_on(lock.read());
    assert_eq!((*one, *two, lock.statistics().readers), (1, 1, 2));
    assert!(lock.try_write().is_err());
    drop((one, two));
    let mut writer = block_on(lock.write());
    *writer = 2;
    assert!(lock.try_read().is_err() && lock.try_write().is_err());
    drop(writer);
    assert_eq!(*block_on(lock.read()), 2);
}

#[test]
fn a_waiting_writer_holds_up_later_readers_and_is_not_starved() {
    let lock = RwLock::new(());
    let early = lock.try_read().expect("it is free");
    let mut writer = Box::pin(lock.write());
    let mut late = Box::pin(lock.read());
    assert!(poll(&mut writer).is_pending());
    assert!(poll(&mut late).is_pending());
    assert_eq!(lock.try_read().unwrap_err(), TryReadError);
    assert!(poll_once(lock.read()).is_pending());
    drop(early);
    assert!(poll(&mut late).is_pending(), "it came after the writer");
    let Poll::Ready(guard) = poll(&mut writer) else {
        panic!("nobody reads");
    };
    drop(guard);
    assert!(poll(&mut late).is_ready());
}

#[test]
fn a_later_writer_does_not_overtake_readers() {
    let lock = RwLock::new(());
    let held = lock.try_write().expect("it is free");
    let mut readers = [Box::pin(lock.read()), Box::pin(lock.read())];
    assert!(readers.iter_mut().all(|reader| poll(reader).is_pending()));
    let mut writer = Box::pin(lock.write());
    assert!(poll(&mut writer).is_pending());
    drop(held);
    assert!(poll(&mut writer).is_pending());
    for mut reader in readers {
        assert!(poll(&mut reader).is_ready());
    }
    assert!(poll(&mut writer).is_ready());
}

#[test]
fn the_line_is_that_of_first_polls() {
    let lock = RwLock::new(());
    let held = lock.try_write().expect("it is free");
    let mut made_first = Box::pin(lock.write());
    let mut polled_first = Box::pin(lock.write());
    assert!(poll(&mut polled_first).is_pending());
    assert!(poll(&mut made_first).is_pending());
    drop(held);
    assert!(poll(&mut made_first).is_pending());
    assert!(poll(&mut polled_first).is_ready());
}

#[test]
fn more_readers_than_a_wake_list_holds_are_let_in_at_once() {
    let lock = RwLock::new(());
    let (counter, waker) = Counter::new();
    let held = lock.try_write().expect("it is free");
    let mut readers: Vec<_> = (0..20).map(|_| Box::pin(lock.read())).collect();
    for reader in &mut readers {
        assert!(poll_with(reader, &waker).is_pending());
    }
    drop(held);
    assert_eq!((counter.wakes(), lock.statistics().readers), (20, 20));
    let guards: Vec<_> = readers.iter_mut().map(block_on).collect();
    assert_eq!(guards.len(), 20);
}

#[test]
fn a_writer_that_gives_up_in_line_lets_the_readers_behind_it_through() {
    let lock = RwLock::new(());
    let (counter, waker) = Counter::new();
    let early = lock.try_read().expect("it is free");
    let mut writer = Box::pin(lock.write());
    let mut late = Box::pin(lock.read());
    assert!(poll(&mut writer).is_pending());
    assert!(poll_with(&mut late, &waker).is_pending());
    drop(writer);
    assert_eq!(counter.wakes(), 1);
    assert!(poll(&mut late).is_ready());
    drop(early);
}

#[test]
fn a_lock_granted_to_a_dropped_waiter_goes_to_those_behind_it() {
    let lock = RwLock::new(());
    let held = lock.try_write().expect("it is free");
    let mut writer = Box::pin(lock.write());
    let mut readers = [Box::pin(lock.read()), Box::pin(lock.read())];
    let mut last = Box::pin(lock.write());
    assert!(poll(&mut writer).is_pending());
    assert!(readers.iter_mut().all(|reader| poll(reader).is_pending()));
    assert!(poll(&mut last).is_pending());
    drop(held);
    assert!(lock.statistics().is_write_locked);
    drop(writer);
    assert_eq!(
        (lock.statistics().readers, lock.statistics().waiting),
        (2, 1)
    );
    drop(readers);
    assert!(poll(&mut last).is_ready());
}

#[test]
fn a_wait_that_was_never_polled_holds_up_nobody() {
    let lock = RwLock::new(());
    let held = lock.try_read().expect("it is free");
    let writer = Box::pin(lock.write());
    assert!(lock.try_read().is_ok());
    drop(writer);
    assert_eq!(lock.statistics().waiting, 0);
    drop(held);
    assert!(lock.try_write().is_ok());
}

#[test]
fn dropped_wait_leaves_no_waker() {
    let lock = RwLock::new(());
    let (counter, waker) = Counter::new();
    let held = lock.try_write().expect("it is free");
    let mut read = Box::pin(lock.read());
    let mut write = Box::pin(lock.write());
    assert!(poll_with(&mut read, &waker).is_pending());
    assert!(poll_with(&mut write, &waker).is_pending());
    assert_eq!((kept(&counter), lock.statistics().waiting), (2, 2));
    drop((read, write));
    assert_eq!((kept(&counter), lock.statistics().waiting), (0, 0));
    drop(held);
    assert_eq!(counter.wakes(), 0);
}

#[test]
fn downgrade_lets_the_readers_at_the_head_in_and_no_writer() {
    let lock = RwLock::new(1);
    let (counter, waker) = Counter::new();
    let mut held = lock.try_write().expect("it is free");
    let mut early = [Box::pin(lock.read()), Box::pin(lock.read())];
    for reader in &mut early {
        assert!(poll_with(reader, &waker).is_pending());
    }
    let mut writer = Box::pin(lock.write());
    let mut late = Box::pin(lock.read());
    assert!(poll(&mut writer).is_pending());
    assert!(poll(&mut late).is_pending());
    *held = 2;
    let held = RwLockWriteGuard::downgrade(held);
    assert_eq!((counter.wakes(), lock.statistics().readers), (2, 3));
    for reader in &mut early {
        assert_eq!(*block_on(reader), 2);
    }
    assert!(poll(&mut writer).is_pending(), "one still reads");
    assert!(poll(&mut late).is_pending(), "it came after the writer");
    drop(held);
    assert!(poll(&mut writer).is_ready());
}

#[test]
fn downgrade_gives_a_first_writer_nothing_until_the_guard_goes() {
    let lock = RwLock::with_max_readers((), 1);
    let held = lock.try_write().expect("it is free");
    let mut writer = Box::pin(lock.write());
    assert!(poll(&mut writer).is_pending());
    let held = RwLockWriteGuard::downgrade(held);
    assert!(poll(&mut writer).is_pending());
    drop(held);
    assert!(poll(&mut writer).is_ready());
}

#[test]
fn no_more_readers_than_were_allowed_get_in() {
    let lock = RwLock::with_max_readers((), 2);
    let one = lock.try_read().expect("it is free");
    let two = lock.try_read().expect("there are two seats");
    assert!(lock.try_read().is_err());
    let full = lock.statistics();
    assert_eq!((full.readers, full.is_write_locked), (2, false));
    let mut third = Box::pin(lock.read());
    assert!(poll(&mut third).is_pending());
    drop(one);
    assert!(poll(&mut third).is_ready());
    drop(two);
    let _writer = lock.try_write().expect("it is free");
    let written = lock.statistics();
    assert_eq!((written.readers, written.is_write_locked), (0, true));
}

#[test]
#[should_panic(expected = "without readers")]
fn zero_readers_panic_at_construction() {
    let _lock = RwLock::with_max_readers((), 0);
}

#[test]
#[should_panic(expected = "READERS_MAX")]
fn too_many_readers_panic_at_construction() {
    let _lock = RwLock::with_max_readers((), RwLock::<()>::READERS_MAX + 1);
}

#[test]
fn as_many_readers_as_can_be_leave_room_for_a_writer() {
    let lock = RwLock::with_max_readers((), RwLock::<()>::READERS_MAX);
    let reader = lock.try_read().expect("it is free");
    assert_eq!(lock.statistics().readers, 1);
    drop(reader);
    assert!(lock.try_write().is_ok());
}

#[test]
fn mapped_guards_hold_the_lock_to_the_end() {
    let lock = RwLock::new((1, vec![2, 3]));
    let list = RwLockWriteGuard::map(block_on(lock.write()), |pair| &mut pair.1);
    let mut last = hob_sync::MappedRwLockWriteGuard::map(list, |list| &mut list[1]);
    *last = 4;
    assert!(lock.try_read().is_err());
    drop(last);
    let list = RwLockReadGuard::map(block_on(lock.read()), |pair| &pair.1);
    let last = RwLockReadGuard::map(list, |list| &list[1]);
    assert_eq!(*last, 4);
    assert_eq!(lock.statistics().readers, 1);
    assert!(lock.try_write().is_err());
    drop(last);
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_part_that_is_not_found_gives_the_guard_back() {
    let lock = RwLock::new([1]);
    let guard = RwLockWriteGuard::try_map(block_on(lock.write()), |list| list.get_mut(1));
    let guard = guard.expect_err("there is one only");
    assert!(lock.try_read().is_err(), "the guard still holds it");
    let guard = RwLockWriteGuard::downgrade(guard);
    let guard = RwLockReadGuard::try_map(guard, |list| list.get(1)).unwrap_err();
    assert_eq!(lock.statistics().readers, 1);
    assert_eq!(
        *RwLockReadGuard::try_map(guard, |list| list.first()).unwrap(),
        1
    );
}

#[test]
fn a_panic_under_a_downgraded_guard_is_counted_and_one_that_was_before_is_not() {
    struct Downgrades<'a>(&'a RwLock<u8>);
    impl Drop for Downgrades<'_> {
        fn drop(&mut self) {
            let writer = self.0.try_write().expect("it is free");
            drop(RwLockWriteGuard::downgrade(writer));
        }
    }
    let lock = RwLock::new(1);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _downgrades = Downgrades(&lock);
        panic!("on purpose");
    }));
    assert!(panic.is_err());
    assert_eq!(lock.statistics().guards_dropped_in_panic, 0);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _reader = RwLockWriteGuard::downgrade(block_on(lock.write()));
        panic!("on purpose");
    }));
    assert!(panic.is_err());
    assert_eq!(lock.statistics().guards_dropped_in_panic, 1);
}

#[test]
fn a_panic_while_mapping_unlocks_and_is_counted() {
    let lock = RwLock::new(1);
    let panic = catch_unwind(AssertUnwindSafe(|| {
        drop(RwLockWriteGuard::map(
            block_on(lock.write()),
            |_| -> &mut u8 { panic!("on purpose") },
        ));
    }));
    assert!(panic.is_err());
    assert!(lock.try_write().is_ok());
    let panic = catch_unwind(AssertUnwindSafe(|| {
        drop(RwLockReadGuard::map(block_on(lock.read()), |_| -> &u8 {
            panic!("on purpose")
        }));
    }));
    assert!(panic.is_err());
    assert!(lock.try_write().is_ok());
    assert_eq!(lock.statistics().guards_dropped_in_panic, 2);
}

#[test]
fn owned_guards_keep_the_value_alive_and_drop_it_once() {
    let value = Arc::new(());
    let lock = Arc::new(RwLock::new((0, Arc::clone(&value))));
    let mut waits = Box::pin(Arc::clone(&lock).read_owned());
    let mut writer = Arc::clone(&lock).try_write_owned().expect("it is free");
    assert!(poll(&mut waits).is_pending());
    writer.0 = 7;
    let mapped: OwnedMappedRwLockWriteGuard<_, i32> =
        OwnedRwLockWriteGuard::map(writer, |pair| &mut pair.0);
    drop(lock);
    drop(mapped);
    let Poll::Ready(reader) = poll(&mut waits) else {
        panic!("the writer is gone");
    };
    drop(waits);
    let number = OwnedRwLockReadGuard::map(reader, |pair| &pair.0);
    assert_eq!((*number, Arc::strong_count(&value)), (7, 2));
    drop(number);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn an_owned_downgrade_keeps_one_share_of_the_lock() {
    let lock = Arc::new(RwLock::new(1));
    let writer = block_on(Arc::clone(&lock).write_owned());
    let reader = OwnedRwLockWriteGuard::downgrade(writer);
    assert_eq!((*reader, Arc::strong_count(&lock)), (1, 2));
    assert_eq!(lock.statistics().readers, 1);
    drop(reader);
    assert_eq!(
        (lock.statistics().readers, Arc::strong_count(&lock)),
        (0, 1)
    );
}

#[test]
fn unsized_values_are_locked_too() {
    let lock: Arc<RwLock<[u8]>> = Arc::new(RwLock::new([1, 2, 3]));
    block_on(lock.write())[0] = 7;
    let owned = block_on(Arc::clone(&lock).read_owned());
    let tail = OwnedRwLockReadGuard::map(owned, |list| &list[1..]);
    assert_eq!(
        (&*block_on(lock.read()), &*tail),
        (&[7, 2, 3][..], &[2, 3][..])
    );
}

#[test]
fn blocked_threads_and_tasks_share_one_line() {
    const ROUNDS: usize = 500;
    let lock = Arc::new(RwLock::new((0, 0)));
    thread::scope(|scope| {
        for blocking in [true, false] {
            let lock = &lock;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let mut pair = if blocking {
                        lock.write_blocking()
                    } else {
                        block_on(lock.write())
                    };
                    pair.0 += 1;
                    pair.1 += 1;
                    let pair = RwLockWriteGuard::downgrade(pair);
                    assert_eq!(pair.0, pair.1);
                    drop(pair);
                    let pair = lock.read_blocking();
                    assert_eq!(pair.0, pair.1);
                    drop(pair);
                    let mut pair = Arc::clone(lock).write_owned_blocking();
                    pair.0 += 1;
                    pair.1 += 1;
                    drop(pair);
                    let pair = Arc::clone(lock).read_owned_blocking();
                    assert_eq!(pair.0, pair.1);
                }
            });
        }
    });
    assert_eq!(*lock.read_blocking(), (4 * ROUNDS, 4 * ROUNDS));
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[test]
fn debug_shows_the_state_and_only_a_guard_shows_the_value() {
    let lock = RwLock::new("the value");
    let guard = lock.try_read().expect("it is free");
    let shown = format!("{lock:?}");
    assert!(shown.contains("readers: 1"), "{shown}");
    assert!(!shown.contains("the value"), "{shown}");
    assert_eq!(format!("{guard:?} {guard}"), "\"the value\" the value");
}

#[test]
fn whoever_has_the_lock_to_itself_needs_no_guard() {
    let mut lock = RwLock::<u8>::default();
    *lock.get_mut() += 1;
    assert_eq!(lock.into_inner(), 1);
    assert_eq!(*block_on(RwLock::from(2).read()), 2);
}
