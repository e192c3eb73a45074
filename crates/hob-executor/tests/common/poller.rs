//! A poller whose events are made by the test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;

use hob_core::{Park, Unpark, Until};
use hob_executor::Parker;

/// The side of the test.
#[derive(Clone)]
pub(crate) struct Poller {
    events: Arc<Events>,
    unparker: Arc<dyn Unpark>,
}

/// The side of the executor.
struct Seat {
    events: Arc<Events>,
    parker: Parker,
}

#[derive(Default)]
struct Events {
    ready: Mutex<Vec<Waker>>,
    looks: AtomicUsize,
    sleeps: AtomicUsize,
}

impl Poller {
    pub(crate) fn new() -> (Self, Box<dyn Park + Send>) {
        let events = Arc::new(Events::default());
        let parker = Parker::new();
        let poller = Self {
            events: Arc::clone(&events),
            unparker: parker.unparker(),
        };
        (poller, Box::new(Seat { events, parker }))
    }

    /// Makes `waker` come out of the seat, as a socket that became ready does.
    pub(crate) fn ring(&self, waker: Waker) {
        self.events.ready.lock().unwrap().push(waker);
        self.unparker.unpark();
    }

    /// How often somebody looked without sleeping.
    pub(crate) fn looks(&self) -> usize {
        self.events.looks.load(Ordering::SeqCst)
    }

    /// How often somebody sat down to sleep.
    pub(crate) fn sleeps(&self) -> usize {
        self.events.sleeps.load(Ordering::SeqCst)
    }

    /// Whether the executor has dropped its side.
    pub(crate) fn is_closed(&self) -> bool {
        Arc::strong_count(&self.events) == 1
    }
}

impl Park for Seat {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        let counter = match until {
            Until::Now => &self.events.looks,
            Until::At(_) | Until::Forever => &self.events.sleeps,
        };
        counter.fetch_add(1, Ordering::SeqCst);
        self.parker.park(until, woken);
        woken.append(&mut self.events.ready.lock().unwrap());
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        self.parker.unparker()
    }
}
