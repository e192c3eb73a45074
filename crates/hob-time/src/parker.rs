//! What the driver's thread sleeps on: a condition variable.
//!
//! # Implementation
//!
//! One mutex guards the token of [`Unpark`]; whoever leaves it wakes the sleeper after releasing the
//! lock. The sleeper takes the token before it returns, so several count as one.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::Waker;

use hob_core::{Instant, Park, Unpark, Until};

use crate::primitive::{Condvar, Mutex, UNPOISONED, lock};

/// Sleeps on a condition variable.
pub(crate) struct Parker {
    bed: Arc<Bed>,
}

struct Bed {
    token: Mutex<bool>,
    left: Condvar,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self {
            bed: Arc::new(Bed {
                token: Mutex::new(false),
                left: Condvar::new(),
            }),
        }
    }
}

impl Park for Parker {
    fn park(&mut self, until: Until, _woken: &mut Vec<Waker>) {
        let mut token = lock(&self.bed.token);
        while !mem::take(&mut *token) {
            token = match until {
                Until::Now => return,
                Until::Forever => self.bed.left.wait(token).expect(UNPOISONED),
                Until::At(deadline) => {
                    let rest = deadline - Instant::system();
                    if rest.is_zero() {
                        return;
                    }
                    let (token, _) = self.bed.left.wait_timeout(token, rest).expect(UNPOISONED);
                    token
                }
            };
        }
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        Arc::<Bed>::clone(&self.bed)
    }
}

impl Unpark for Bed {
    fn unpark(&self) {
        *lock(&self.token) = true;
        self.left.notify_one();
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

    use hob_core::conformance;

    use super::*;

    #[test]
    fn the_parker_keeps_the_contract_of_park() {
        conformance::park(|| Box::new(Parker::new()));
    }

    #[test]
    fn a_token_left_before_is_kept_and_several_count_as_one() {
        let mut parker = Parker::new();
        let unparker = parker.unparker();
        unparker.unpark();
        unparker.unpark();
        parker.park(Until::Forever, &mut Vec::new());
        assert!(!*lock(&parker.bed.token), "the sleep took the token");
    }

    #[test]
    fn sleeps_no_shorter_than_asked() {
        let mut parker = Parker::new();
        let deadline = Instant::system() + Duration::from_millis(2);
        parker.park(Until::At(deadline), &mut Vec::new());
        assert!(Instant::system() >= deadline);
    }

    #[test]
    fn now_and_the_past_do_not_sleep() {
        let mut parker = Parker::new();
        parker.park(Until::Now, &mut Vec::new());
        parker.park(Until::At(Instant::from_nanos(0)), &mut Vec::new());
    }
}
