//! Models of the token between a sleeper in a poller and those who wake it.

#![cfg(loom)]

use hob_reactor::token::{Sleeper, Token};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// An eventfd in an epoll: a ring is an edge that is kept until somebody waits for it.
struct Poller {
    token: Token,
    edge: Mutex<bool>,
    rung: Condvar,
    rings: AtomicUsize,
    /// What the unparkers have to tell.
    news: AtomicUsize,
}

impl Poller {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            token: Token::new(),
            edge: Mutex::new(false),
            rung: Condvar::new(),
            rings: AtomicUsize::new(0),
            news: AtomicUsize::new(0),
        })
    }

    /// As a seat parks for ever; a lost token is a deadlock, which loom reports.
    fn park(&self) {
        if self.token.begin_sleep() == Sleeper::Asleep {
            let mut edge = self.edge.lock().unwrap();
            while !*edge {
                edge = self.rung.wait(edge).unwrap();
            }
            *edge = false;
            drop(edge);
            self.token.end_sleep();
        }
    }

    fn unpark(&self) {
        if self.token.leave() == Sleeper::Asleep {
            self.rings.fetch_add(1, Ordering::Relaxed);
            *self.edge.lock().unwrap() = true;
            self.rung.notify_one();
        }
    }

    fn tell(&self) {
        self.news.fetch_add(1, Ordering::Relaxed);
        self.unpark();
    }
}

fn in_another_thread(
    poller: &Arc<Poller>,
    act: impl FnOnce(&Poller) + 'static,
) -> thread::JoinHandle<()> {
    let poller = Arc::clone(poller);
    thread::spawn(move || act(&poller))
}

#[test]
fn a_token_is_never_lost_and_brings_its_news() {
    loom::model(|| {
        let poller = Poller::new();
        let unparker = in_another_thread(&poller, Poller::tell);
        poller.park();
        assert_eq!(poller.news.load(Ordering::Relaxed), 1);
        unparker.join().unwrap();
    });
}

#[test]
fn two_tokens_count_as_one_and_bring_all_news() {
    loom::model(|| {
        let poller = Poller::new();
        let first = in_another_thread(&poller, Poller::tell);
        let second = in_another_thread(&poller, Poller::tell);
        while poller.news.load(Ordering::Relaxed) < 2 {
            poller.park();
        }
        first.join().unwrap();
        second.join().unwrap();
        assert!(
            poller.rings.load(Ordering::Relaxed) <= 2,
            "nobody rings twice"
        );
    });
}

#[test]
fn a_look_takes_a_token_with_its_news_or_leaves_it() {
    loom::model(|| {
        let poller = Poller::new();
        let unparker = in_another_thread(&poller, Poller::tell);
        poller.token.take();
        if poller.news.load(Ordering::Relaxed) == 0 {
            // Whatever the look missed ends the next sleep.
            poller.park();
        }
        assert_eq!(poller.news.load(Ordering::Relaxed), 1);
        unparker.join().unwrap();
    });
}

#[test]
fn a_sleep_that_another_event_ends_keeps_a_later_token() {
    loom::model(|| {
        let poller = Poller::new();
        let unparker = in_another_thread(&poller, Poller::tell);
        // A descriptor became ready: the sleep ends without a ring.
        if poller.token.begin_sleep() == Sleeper::Asleep {
            poller.token.end_sleep();
        }
        while poller.news.load(Ordering::Relaxed) == 0 {
            poller.park();
        }
        unparker.join().unwrap();
    });
}
