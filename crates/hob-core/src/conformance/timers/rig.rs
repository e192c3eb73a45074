//! What the checks of a queue share: an alarm, named wakers and hostile ones.

use std::mem;
use std::sync::mpsc;
use std::sync::{Arc, MutexGuard};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use crate::conformance::timers::SECOND;
use crate::instant::Instant;
use crate::park::Unpark;
use crate::primitive::Global;
use crate::timers::{Alarm, Retired, TimerKey, Timers};

/// A queue under test, with an alarm and a log of who was woken.
pub(super) struct Rig {
    pub(super) timers: &'static dyn Timers,
    pub(super) alarm: Arc<Alarm>,
    unparks: Arc<Unparks>,
    start: Instant,
    log: Log,
}

/// The names of those who were woken, in order.
type Log = Arc<Global<Vec<u32>>>;

pub(super) struct Named {
    name: u32,
    log: Log,
}

/// Counts how often a sleep was ended.
#[derive(Default)]
struct Unparks(Global<u32>);

/// Calls the queue when it is dropped, from another thread, so that a held lock shows.
pub(super) struct CallsBack(pub(super) &'static dyn Timers);

pub(super) struct PanicsWhenDropped;

impl Rig {
    pub(super) fn new(timers: &'static dyn Timers) -> Self {
        let unparks = Arc::new(Unparks::default());
        let alarm = Arc::new(Alarm::new(Arc::<Unparks>::clone(&unparks)));
        timers.attach(Arc::clone(&alarm));
        Self {
            timers,
            alarm,
            unparks,
            start: timers.now(),
            log: Log::default(),
        }
    }

    pub(super) fn at(&self, delay: Duration) -> Instant {
        self.start + delay
    }

    pub(super) fn waker(&self, name: u32) -> Named {
        Named {
            name,
            log: Arc::clone(&self.log),
        }
    }

    pub(super) fn set(&self, key: &mut TimerKey, delay: Duration, waker: &Waker) {
        let armed = self.timers.arm(key, self.at(delay), waker);
        assert_eq!(armed, Ok(()), "a queue that is driven takes timers");
    }

    pub(super) fn move_to(&self, key: &mut TimerKey, name: u32, delay: Duration) {
        self.set(key, delay, &Waker::from(Arc::new(self.waker(name))));
    }

    pub(super) fn arm(&self, name: u32, delay: Duration) -> TimerKey {
        let mut key = TimerKey::new();
        self.move_to(&mut key, name, delay);
        key
    }

    /// Arms with a key of an earlier use.
    pub(super) fn refuses(&self, key: &mut TimerKey) {
        let armed = self.timers.arm(key, Instant::NEVER, Waker::noop());
        assert_eq!(
            armed,
            Err(Retired),
            "a queue that is used again refuses a key of an earlier use"
        );
        assert!(key.is_empty(), "`arm` that fails leaves the key empty");
    }

    /// Those who are handed out at that time, in order.
    pub(super) fn expire(&self, delay: Duration) -> Vec<u32> {
        let mut woken = Vec::new();
        self.timers.expire(self.at(delay), &mut woken);
        self.wake(woken)
    }

    pub(super) fn wake(&self, woken: Vec<Waker>) -> Vec<u32> {
        assert!(guard(&self.log).is_empty(), "the queue wakes no waker");
        woken.into_iter().for_each(Waker::wake);
        mem::take(&mut *guard(&self.log))
    }

    /// How often a sleep was ended since the last call.
    pub(super) fn unparks(&self) -> u32 {
        mem::take(&mut *guard(&self.unparks.0))
    }
}

fn guard<T>(global: &Global<T>) -> MutexGuard<'_, T> {
    global.lock().expect("nothing panics under it")
}

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        guard(&self.log).push(self.name);
    }
}

impl Unpark for Unparks {
    fn unpark(&self) {
        *guard(&self.0) += 1;
    }
}

impl Wake for CallsBack {
    fn wake(self: Arc<Self>) {}
}

impl Drop for CallsBack {
    fn drop(&mut self) {
        let timers = self.0;
        let (done, wait) = mpsc::channel();
        let call = move || {
            let mut key = TimerKey::new();
            // A retired queue refuses it, which needs the lock as well.
            let _or_retired = timers.arm(&mut key, Instant::NEVER, Waker::noop());
            timers.disarm(&mut key);
            done.send(()).expect("it is waited for");
        };
        let thread = thread::Builder::new().spawn(call);
        drop(thread.expect("a test can start a thread"));
        wait.recv_timeout(10 * SECOND)
            .expect("a queue drops no waker while it holds a lock");
    }
}

impl Wake for PanicsWhenDropped {
    fn wake(self: Arc<Self>) {}
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("a waker that panics when it is dropped");
    }
}
