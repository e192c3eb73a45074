//! A thread that sleeps on nothing but its own token.
//!
//! # Implementation
//!
//! One word: *empty*, *parked* or *notified*. An unpark swaps in *notified* and touches the lock only
//! if the thread was parked; taking and releasing it once before the notification means that the
//! thread is either not yet checking the word, or already waiting. How a sleep ends on time is told in
//! `exact.rs`.
//!
//! # References
//!
//! - The parkers of std, crossbeam and `parking` have this shape.

use std::fmt;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use hob_core::{Instant, Park, Unpark, Until};

use crate::exact::{Exact, Precision};
use crate::primitive::{AtomicUsize, Condvar, Mutex, Ordering, lock};

/// A sleep that lasts no longer is made exact from its beginning.
const LAST_STRETCH: Duration = Duration::from_millis(16);

/// Lets a thread sleep until it is unparked, or until a deadline.
///
/// # Examples
///
/// ```
/// use hob_core::{Park, Until};
/// use hob_executor::Parker;
///
/// let mut parker = Parker::new();
/// parker.unparker().unpark();
/// parker.park(Until::Forever, &mut Vec::new()); // the token was there
/// ```
pub struct Parker {
    inner: Arc<Inner>,
}

struct Inner {
    word: AtomicUsize,
    lock: Mutex<()>,
    changed: Condvar,
}

const EMPTY: usize = 0;
const PARKED: usize = 1;
const NOTIFIED: usize = 2;

impl Parker {
    /// Creates a parker without a token.
    #[must_use]
    pub fn new() -> Self {
        Self {
            inner: Arc::new(Inner {
                word: AtomicUsize::new(EMPTY),
                lock: Mutex::new(()),
                changed: Condvar::new(),
            }),
        }
    }

    /// Whether there is a token: the next sleep will not last.
    pub(crate) fn has_token(&self) -> bool {
        self.inner.word.load(Ordering::Relaxed) == NOTIFIED
    }

    /// Takes the token, if there is one.
    pub(crate) fn take_token(&self) {
        self.inner.take_token();
    }

    /// As [`park`](Park::park), to wake so exactly.
    pub(crate) fn park_with(&self, until: Until, precision: Precision) {
        self.inner.park(until, precision);
    }

    /// A waker that unparks.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.inner))
    }
}

impl Park for Parker {
    fn park(&mut self, until: Until, _woken: &mut Vec<Waker>) {
        self.park_with(until, Precision::Exact);
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        Arc::clone(&self.inner) as Arc<dyn Unpark>
    }
}

impl Inner {
    fn park(&self, until: Until, precision: Precision) {
        // Acquire: what was done before the unpark is visible after the park.
        if self.take_token() || until == Until::Now {
            return;
        }
        let mut guard = lock(&self.lock);
        if self
            .word
            .compare_exchange(EMPTY, PARKED, Ordering::Acquire, Ordering::Acquire)
            .is_err()
        {
            // A swap, not a store: several tokens may have become one, and each of those who left
            // them must be seen.
            self.word.swap(EMPTY, Ordering::Acquire);
            return;
        }
        loop {
            guard = match self.wait(guard, until, precision) {
                Some(guard) => guard,
                None => break,
            };
            if self.take_token() {
                return;
            }
        }
        // The deadline has passed. A token that came just now is used up: the caller looks again.
        self.word.swap(EMPTY, Ordering::Acquire);
    }

    /// Waits once; `None` when the deadline has passed.
    fn wait<'g>(&self, guard: Guard<'g>, until: Until, precision: Precision) -> Option<Guard<'g>> {
        let deadline = until.deadline()?;
        if deadline.is_never() {
            let guard = self.changed.wait(guard);
            return Some(guard.expect("nothing panics under the parker's lock"));
        }
        let left = deadline - Instant::system();
        if left.is_zero() {
            return None;
        }
        let (time, exact) = match precision {
            // Most long sleeps end by an unpark: only the last stretch of one is worth the system calls.
            Precision::Exact if left > LAST_STRETCH => (left - LAST_STRETCH / 2, None),
            Precision::Exact => (left, Exact::begin()),
            Precision::Coarse => (left, None),
        };
        let waited = self.changed.wait_timeout(guard, time);
        drop(exact);
        Some(waited.expect("nothing panics under the parker's lock").0)
    }

    fn take_token(&self) -> bool {
        self.word
            .compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }
}

type Guard<'g> = crate::primitive::MutexGuard<'g, ()>;

impl Unpark for Inner {
    fn unpark(&self) {
        if self.word.swap(NOTIFIED, Ordering::Release) == PARKED {
            drop(lock(&self.lock));
            self.changed.notify_one();
        }
    }
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.unpark();
    }
}

impl Default for Parker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Parker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parker").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use super::*;

    fn park(parker: &mut Parker, until: Until) {
        parker.park(until, &mut Vec::new());
    }

    #[test]
    fn several_tokens_count_as_one() {
        let mut parker = Parker::new();
        parker.unparker().unpark();
        parker.waker().wake_by_ref();
        park(&mut parker, Until::Forever);
        let deadline = Instant::system() + Duration::from_millis(5);
        park(&mut parker, Until::At(deadline));
        assert!(Instant::system() >= deadline, "there was a second token");
    }

    #[test]
    fn a_deadline_of_the_past_ends_at_once() {
        let mut parker = Parker::new();
        park(&mut parker, Until::At(Instant::from_nanos(0)));
        park(&mut parker, Until::Now);
    }

    #[test]
    fn a_token_ends_a_long_sleep() {
        let mut parker = Parker::new();
        let unparker = parker.unparker();
        let far = Instant::system() + Duration::from_secs(3600);
        let other = std::thread::Builder::new()
            .spawn(move || unparker.unpark())
            .expect("a thread starts");
        park(&mut parker, Until::At(far));
        assert!(Instant::system() < far);
        other.join().expect("it does not panic");
    }
}
