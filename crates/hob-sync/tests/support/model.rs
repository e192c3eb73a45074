//! What the models share: a `block_on` of loom's threads, one poll at a time, a cell to touch.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each file of models uses its part"
)]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::cell::UnsafeCell;
use loom::sync::{Condvar, Mutex as LoomMutex};

/// Wakes a thread of the model.
#[derive(Default)]
struct Parker {
    woken: LoomMutex<bool>,
    condvar: Condvar,
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.condvar.notify_one();
    }
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    let parker = Arc::new(Parker::default());
    let waker = Waker::from(Arc::clone(&parker));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        let mut woken = parker.woken.lock().unwrap();
        while !*woken {
            woken = parker.condvar.wait(woken).unwrap();
        }
        *woken = false;
    }
}

pub fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Drops what may be a guard, a permit or an item, after one poll.
pub fn poll_and_drop<F: Future>(future: F) {
    drop(pin!(future).poll(&mut Context::from_waker(Waker::noop())));
}

/// A waker whose references can be counted.
pub struct Counted;

impl Wake for Counted {
    fn wake(self: Arc<Self>) {}
}

/// Says to the model that the cell is written.
pub fn touch(cell: &UnsafeCell<()>) {
    cell.with_mut(|_| ());
}
