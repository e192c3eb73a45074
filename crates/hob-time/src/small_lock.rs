//! A lock of one byte, for what takes less time than falling asleep.
//!
//! # Implementation
//!
//! Taking it is one exchange, and giving it back a plain store: where nobody else wants it, that is half of what
//! a lock costs that can wake who waits for it. Who finds this one taken spins for a moment, then lets other
//! threads run, and in the end sleeps for a fixed time, over and over. The last step is for threads of a higher
//! priority, which would keep the owner from its core for ever.
//!
//! So it serves where the owner is quick, and runs no code but ours. It does not
//! poison: nothing panics under it but a bug, and then it is given back all the same.
//!
//! # References
//!
//! - L. Rudolph, Z. Segall, *Dynamic decentralized cache schemes for MIMD parallel processors*, 1984: look
//!   before another exchange, so that who waits does not take the line from the owner.

#![expect(
    unsafe_code,
    reason = "a cell that only the owner of the lock looks into"
)]

use std::fmt;

use crate::primitive::{AtomicBool, Ordering, UnsafeCell, pause};

/// A value that one thread at a time may touch.
pub(crate) struct SmallLock<T> {
    /// Acquire when it is taken, and Release when it is given back: each owner sees what those before
    /// it have done.
    is_taken: AtomicBool,
    value: UnsafeCell<T>,
}

/// The lock is taken; dropped, it is given back.
struct Taken<'l>(&'l AtomicBool);

// SAFETY: `with` and `try_with` are the only ways to the value. Whoever is in one of them has changed
// `is_taken` from `false` to `true`, and nobody else can until `Taken` is dropped. So one thread at a time
// has the value, and it may come from any: `T: Send`.
unsafe impl<T: Send> Sync for SmallLock<T> {}

impl<T> SmallLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            is_taken: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Lets `act` touch the value, once nobody else does.
    ///
    /// From inside `act` it would wait for itself.
    #[inline]
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        if !self.take() {
            self.wait();
        }
        self.touch(act)
    }

    /// Lets `act` touch the value, unless somebody else does.
    #[inline]
    pub(crate) fn try_with<R>(&self, act: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.take().then(|| self.touch(act))
    }

    /// Takes the lock, unless it is taken.
    #[inline]
    fn take(&self) -> bool {
        self.is_taken
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// The caller has taken the lock.
    #[inline]
    fn touch<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        let _taken = Taken(&self.is_taken);
        self.value.with_mut(|value| {
            // SAFETY: the caller has set `is_taken`, and `_taken` keeps it so until `act` has returned;
            // see the note at `Sync`. So this is the only reference.
            act(unsafe { &mut *value })
        })
    }

    /// Waits until it has taken the lock.
    #[cold]
    fn wait(&self) {
        for times in 0.. {
            pause(times);
            // A model may show an old value for ever, so there nobody looks first.
            let seems_free = cfg!(loom) || !self.is_taken.load(Ordering::Relaxed);
            if seems_free && self.take() {
                return;
            }
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl<T> fmt::Debug for SmallLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmallLock").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use hob_core::panic::{contain, discard};

    use super::*;

    #[test]
    fn who_tries_a_taken_lock_is_told_so() {
        let lock = SmallLock::new(1);
        let inner = lock.with(|value| {
            *value += 1;
            lock.try_with(|_| ())
        });
        assert_eq!(inner, None);
        assert_eq!(lock.try_with(|value| *value), Some(2));
    }

    #[test]
    fn a_panic_gives_it_back() {
        let lock = SmallLock::new(1);
        discard(contain(|| lock.with(|_| panic!("a bug"))).expect_err("it panics"));
        assert_eq!(lock.with(|value| *value), 1);
    }

    #[test]
    fn many_threads_lose_nothing() {
        const TIMES: u64 = 10_000;
        let lock = Arc::new(SmallLock::new(0));
        let threads = [(); 4].map(|()| {
            let lock = Arc::clone(&lock);
            let count = move || (0..TIMES).for_each(|_| lock.with(|value| *value += 1));
            thread::Builder::new()
                .spawn(count)
                .expect("a test can start a thread")
        });
        for thread in threads {
            thread.join().expect("it does not panic");
        }
        assert_eq!(lock.with(|value| *value), 4 * TIMES);
    }
}

#[cfg(all(test, loom))]
mod loom_models {
    use loom::thread;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn loom_one_at_a_time_has_the_value_and_sees_what_was_done() {
        loom::model(|| {
            let lock = Arc::new(SmallLock::new(0));
            let other = Arc::clone(&lock);
            let adds = thread::spawn(move || other.with(|value| *value += 1));
            let tried = lock.try_with(|value| *value += 1);
            adds.join().unwrap();
            let sum = lock.with(|value| *value);
            assert_eq!(sum, 1 + u32::from(tried.is_some()));
        });
    }

    #[test]
    fn loom_who_waits_gets_its_turn() {
        loom::model(|| {
            let lock = Arc::new(SmallLock::new(0));
            let others = [(); 2].map(|()| {
                let lock = Arc::clone(&lock);
                thread::spawn(move || lock.with(|value| *value += 1))
            });
            for other in others {
                other.join().unwrap();
            }
            assert_eq!(lock.with(|value| *value), 2);
        });
    }
}
