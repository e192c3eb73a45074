//! What the tests share: one poll at a time, and wakers that tell what was done to them.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::fmt::{self, Debug, Write as _};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// Polls once, with a waker that nobody hears, and drops the future.
pub fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls once, with a waker that nobody hears.
pub fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}

pub fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// A waker that counts its wakes; its references can be counted too.
#[derive(Default)]
pub struct Counter(AtomicUsize);

impl Counter {
    pub fn new() -> (Arc<Self>, Waker) {
        let counter = Arc::new(Self::default());
        let waker = Waker::from(Arc::clone(&counter));
        (counter, waker)
    }

    pub fn wakes(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// How many clones of the waker are kept somewhere, besides the test's own.
pub fn kept(counter: &Arc<Counter>) -> usize {
    Arc::strong_count(counter) - 2
}

/// Runs a future to its end; a wake that does not come is a panic, not a hang.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Parker(Thread, AtomicBool);
    impl Wake for Parker {
        fn wake(self: Arc<Self>) {
            self.1.store(true, Ordering::SeqCst);
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let parker = Arc::new(Parker(thread::current(), AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&parker));
    loop {
        if let Poll::Ready(output) = poll_with(&mut future, &waker) {
            return output;
        }
        let mut patience = 100;
        while !parker.1.swap(false, Ordering::SeqCst) {
            assert!(patience > 0, "a wake was lost");
            patience -= 1;
            thread::park_timeout(Duration::from_millis(200));
        }
    }
}

/// Formats `value`, and calls `check` with what a second dump shows while the first is written.
pub fn debug_within_debug<T: Debug>(value: &T, check: impl Fn(&str)) {
    struct Writer<F>(F);
    impl<F: Fn()> fmt::Write for Writer<F> {
        fn write_str(&mut self, _: &str) -> fmt::Result {
            (self.0)();
            Ok(())
        }
    }
    let mut writer = Writer(|| check(&format!("{value:?}")));
    write!(writer, "{value:?}").expect("the writer takes all");
}

/// Small, seeded, good enough to shuffle with.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits fit") % end
    }

    pub fn chance(&mut self) -> bool {
        self.below(2) == 0
    }
}
