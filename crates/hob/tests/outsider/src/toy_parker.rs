//! A parker of a mutex and a condition.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex};
use std::task::Waker;

use hob::engine::{Instant, Park, Unpark, Until};

use crate::Counter;

/// How often somebody slept on one.
pub static PARK: Counter = Counter::new();

/// Sleeps until there is a token.
pub struct ToyParker {
    token: Arc<Token>,
    /// Hears of the first sleep.
    tell: Option<Sender<()>>,
}

#[derive(Default)]
struct Token {
    there: Mutex<bool>,
    changed: Condvar,
}

impl ToyParker {
    pub fn new() -> Self {
        Self {
            token: Arc::default(),
            tell: None,
        }
    }

    /// One that says so when it is first slept on.
    pub fn telling(tell: Sender<()>) -> Self {
        Self {
            tell: Some(tell),
            ..Self::new()
        }
    }
}

impl Park for ToyParker {
    fn park(&mut self, until: Until, _woken: &mut Vec<Waker>) {
        PARK.add_one();
        if let Some(tell) = self.tell.take() {
            tell.send(()).expect("somebody listens");
        }
        let mut there = self.token.there.lock().expect("nobody panics");
        while !*there {
            let Some(deadline) = until.deadline() else {
                return;
            };
            let left = deadline - Instant::system();
            if left.is_zero() {
                return;
            }
            // In the far future the condition overflows; to wake too early is allowed.
            let left = left.min(std::time::Duration::from_secs(86_400));
            let waited = self.token.changed.wait_timeout(there, left);
            there = waited.expect("nobody panics").0;
        }
        *there = false;
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        Arc::clone(&self.token) as _
    }
}

impl Unpark for Token {
    fn unpark(&self) {
        *self.there.lock().expect("nobody panics") = true;
        self.changed.notify_one();
    }
}
