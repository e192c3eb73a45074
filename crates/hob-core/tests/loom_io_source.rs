//! Models of `IoSource`: waiters against events, clears and the end of the poller.

#![cfg(loom)]

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use hob_core::io_source::{Binding, Seen, WaitKey};
use hob_core::{DescriptorRef, Direction, IoSource, Reactor, Readiness};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;

/// A poller that watches nothing: the models make the events.
struct Idle;

static IDLE: Idle = Idle;
static OTHER: Idle = Idle;

impl Reactor for Idle {
    fn register(&self, _: DescriptorRef<'_>, _: &Arc<IoSource>) -> io::Result<u64> {
        Ok(1)
    }

    fn deregister(&self, _: DescriptorRef<'_>, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn retire(&self, _: &mut Vec<Waker>) {}
}

const FD: DescriptorRef<'_> = DescriptorRef::Virtual(1);

fn bind() -> io::Result<Binding> {
    Ok(Binding {
        reactor: &IDLE,
        key: 1,
    })
}

/// A thread that sleeps until it is woken; a lost wakeup is a deadlock, which loom reports.
#[derive(Default)]
struct Sleeper {
    woken: Mutex<bool>,
    left: Condvar,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.left.notify_one();
    }
}

fn block_on<T>(mut poll: impl FnMut(&Context<'_>) -> Poll<io::Result<T>>) -> T {
    let sleeper = Arc::new(Sleeper::default());
    let waker = Waker::from(Arc::clone(&sleeper));
    let cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(result) = poll(&cx) {
            return result.expect("nothing fails here");
        }
        let mut woken = sleeper.woken.lock().unwrap();
        while !*woken {
            woken = sleeper.left.wait(woken).unwrap();
        }
        *woken = false;
    }
}

fn ready(source: &IoSource, direction: Direction) -> Seen {
    block_on(|cx| source.poll_ready(cx, direction, FD, bind))
}

fn ready_listed(source: &IoSource, direction: Direction) -> Seen {
    let mut key = WaitKey::default();
    block_on(|cx| source.poll_listed(cx, &mut key, direction, FD, bind))
}

fn event(source: &IoSource, readiness: Readiness) {
    let mut woken = Vec::new();
    source.set_ready(readiness, &mut woken);
    woken.into_iter().for_each(Waker::wake);
}

#[test]
fn an_event_is_not_lost_while_somebody_starts_to_wait() {
    loom::model(|| {
        let source = Arc::new(IoSource::new());
        let poller = {
            let source = Arc::clone(&source);
            thread::spawn(move || event(&source, Readiness::READABLE))
        };
        let _seen = ready(&source, Direction::Read);
        poller.join().unwrap();
    });
}

/// A descriptor on which bytes arrive: each is announced after it has arrived.
#[test]
fn an_event_is_not_lost_while_an_old_one_is_cleared() {
    loom::model(|| {
        let source = Arc::new(IoSource::new());
        let bytes = Arc::new(AtomicUsize::new(0));
        // Nothing has arrived yet, so the first attempt clears.
        event(&source, Readiness::READABLE);
        let poller = {
            let (source, bytes) = (Arc::clone(&source), Arc::clone(&bytes));
            thread::spawn(move || {
                for _ in 0..2 {
                    bytes.fetch_add(1, Ordering::Relaxed);
                    event(&source, Readiness::READABLE);
                }
            })
        };
        let mut missing = 2;
        while missing > 0 {
            let seen = ready(&source, Direction::Read);
            match bytes.swap(0, Ordering::Relaxed) {
                0 => source.clear(Direction::Read, seen),
                count => missing -= count,
            }
        }
        poller.join().unwrap();
    });
}

#[test]
fn clearing_one_direction_keeps_the_event_of_the_other() {
    loom::model(|| {
        let source = Arc::new(IoSource::new());
        event(&source, Readiness::READABLE);
        let seen = source.seen(Direction::Read).expect("it was announced");
        let poller = {
            let source = Arc::clone(&source);
            thread::spawn(move || event(&source, Readiness::WRITABLE))
        };
        source.clear(Direction::Read, seen);
        let _seen = ready(&source, Direction::Write);
        poller.join().unwrap();
    });
}

#[test]
fn two_who_clear_both_succeed() {
    loom::model(|| {
        let source = Arc::new(IoSource::new());
        event(&source, Readiness::BOTH);
        let clear = |direction| {
            let source = Arc::clone(&source);
            move || {
                let seen = source.seen(direction).expect("it was announced");
                source.clear(direction, seen);
            }
        };
        let writer = thread::spawn(clear(Direction::Write));
        clear(Direction::Read)();
        writer.join().unwrap();
        assert!(source.readiness().is_empty(), "no event came in between");
    });
}

#[test]
fn a_waiter_hears_that_its_poller_ends() {
    loom::model(|| {
        let source = Arc::new(IoSource::new());
        // It is bound, and somebody waits already.
        let waiting = source.poll_ready(
            &Context::from_waker(Waker::noop()),
            Direction::Write,
            FD,
            bind,
        );
        assert!(waiting.is_pending());
        let poller = {
            let source = Arc::clone(&source);
            thread::spawn(move || {
                let mut woken = Vec::new();
                source.unbind(&IDLE, 1, &mut woken);
                woken.into_iter().for_each(Waker::wake);
            })
        };
        let seen = ready(&source, Direction::Read);
        poller.join().unwrap();

        // The attempt would block: the next wait finds another poller.
        source.clear(Direction::Read, seen);
        let other = || {
            Ok(Binding {
                reactor: &OTHER,
                key: 1,
            })
        };
        let cx = Context::from_waker(Waker::noop());
        assert!(
            source
                .poll_ready(&cx, Direction::Read, FD, other)
                .is_pending()
        );
        assert!(source.is_bound());
    });
}

#[test]
fn a_listed_waiter_that_goes_takes_nobody_elses_event() {
    loom::model(|| {
        let source = Arc::new(IoSource::new());
        let sleeper = Arc::new(Sleeper::default());
        let poller = {
            let source = Arc::clone(&source);
            thread::spawn(move || event(&source, Readiness::READABLE))
        };
        let other = {
            let source = Arc::clone(&source);
            thread::spawn(move || {
                let _seen = ready_listed(&source, Direction::Read);
            })
        };
        {
            let waker = Waker::from(Arc::clone(&sleeper));
            let mut key = WaitKey::default();
            let cx = Context::from_waker(&waker);
            let _event = source.poll_listed(&cx, &mut key, Direction::Read, FD, bind);
            source.unlist(&mut key);
        }
        other.join().unwrap();
        poller.join().unwrap();
        assert_eq!(
            Arc::strong_count(&sleeper),
            1,
            "whoever goes leaves no waker"
        );
    });
}

#[test]
fn two_first_waits_bind_once() {
    loom::model(|| {
        let source = Arc::new(IoSource::new());
        let registrations = Arc::new(AtomicUsize::new(0));
        let wait = |direction| {
            let (source, registrations) = (Arc::clone(&source), Arc::clone(&registrations));
            move || {
                let mut key = WaitKey::default();
                let cx = Context::from_waker(Waker::noop());
                let polled = source.poll_listed(&cx, &mut key, direction, FD, || {
                    registrations.fetch_add(1, Ordering::Relaxed);
                    bind()
                });
                assert!(polled.is_pending());
            }
        };
        let writer = thread::spawn(wait(Direction::Write));
        wait(Direction::Read)();
        writer.join().unwrap();
        assert_eq!(registrations.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn deregistering_against_an_event_ends_unbound() {
    loom::model(|| {
        let source = Arc::new(IoSource::new());
        let cx = Context::from_waker(Waker::noop());
        assert!(
            source
                .poll_ready(&cx, Direction::Read, FD, bind)
                .is_pending()
        );
        let poller = {
            let source = Arc::clone(&source);
            thread::spawn(move || event(&source, Readiness::READABLE))
        };
        source.deregister(FD).expect("nothing fails here");
        poller.join().unwrap();
        assert!(!source.is_bound());
    });
}
