//! One worker of two sits at the poller and sleeps for the timers of all: the other leaves them to it, and
//! serves them if it does not come back.

#![cfg(not(loom))]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Wake, Waker};
use std::time::Duration;

use hob_core::{Instant, Park, TimerKey, Timers, Unpark, Until};
use hob_executor::Parker;

use crate::common::{Naps, Pool, in_time};

/// How soon the timer is due.
const SOON: Duration = Duration::from_millis(5);

/// A poller from which nobody comes back until the test says so.
struct Bog {
    parker: Parker,
    exit: Arc<Exit>,
    sits: Sender<()>,
}

#[derive(Default)]
struct Exit {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Exit {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open));
    }
}

impl Park for Bog {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        if until != Until::Now {
            // Nobody listens any more once the test knows.
            let _heard = self.sits.send(());
            self.exit.pass();
        }
        self.parker.park(until, woken);
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        self.parker.unparker()
    }
}

#[derive(Default)]
struct Fired(AtomicBool);

impl Wake for Fired {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn pool_in_a_bog() -> (Pool, &'static Naps, Arc<Exit>, Receiver<()>) {
    let (sits, sitting) = channel();
    let exit = Arc::new(Exit::default());
    let timers = Naps::leak();
    let bog = Bog {
        parker: Parker::new(),
        exit: Arc::clone(&exit),
        sits,
    };
    let pool = Pool::with(2, |config| {
        config.seat = Some(Box::new(bog));
        config.timers = vec![timers];
    });
    timers.attach(pool.executor.alarm());
    (pool, timers, exit, sitting)
}

#[test]
fn timers_of_a_sleeper_that_does_not_come_back_are_served_by_the_other() {
    in_time(|| {
        let (pool, timers, exit, sitting) = pool_in_a_bog();
        sitting.recv().expect("a worker without tasks sits down");
        let fired = Arc::new(Fired::default());
        let mut key = TimerKey::new();
        let deadline = timers.now() + SOON;
        let armed = timers.arm(&mut key, deadline, &Waker::from(Arc::clone(&fired)));
        assert_eq!(armed, Ok(()));
        while !fired.0.load(Ordering::SeqCst) {
            // Whoever runs this wakes for it, and looks at the timers before it sleeps again.
            futures_lite::future::block_on(pool.spawn(async {})).expect("it runs");
        }
        assert!(Instant::system() >= deadline);
        exit.open();
        pool.end();
    });
}
