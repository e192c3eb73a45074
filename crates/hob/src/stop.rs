//! What ends a `run_forever` on a pool.

use std::future;
use std::mem;
use std::sync::{Mutex, MutexGuard};
use std::task::{Poll, Waker};

use hob_core::unhandled;

/// A flag that a call raises and one of those who wait takes down.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    raised: bool,
    /// Those who wait; all are woken, and one of them finds the flag.
    wakers: Vec<Waker>,
}

impl Stop {
    /// Raises the flag.
    pub(crate) fn raise(&self) {
        let wakers = {
            let mut state = self.lock();
            state.raised = true;
            mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(unhandled::wake);
    }

    /// Waits until the flag is up, and takes it down.
    pub(crate) fn taken_down(&self) -> impl Future<Output = ()> {
        future::poll_fn(|cx| {
            let waker = cx.waker().clone();
            let mut state = self.lock();
            if mem::take(&mut state.raised) {
                drop(state);
                return Poll::Ready(());
            }
            state.wakers.push(waker);
            Poll::Pending
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no foreign code runs under this lock")
    }
}
