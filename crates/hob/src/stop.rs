//! What ends a `run_forever` on a pool.

use std::future;
use std::sync::{Mutex, MutexGuard};
use std::task::{Poll, Waker};

/// A flag that one call raises and one waiter takes down.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    raised: bool,
    waker: Option<Waker>,
}

impl Stop {
    /// Raises the flag.
    pub(crate) fn raise(&self) {
        let waker = {
            let mut state = self.lock();
            state.raised = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits until the flag is up, and takes it down.
    pub(crate) fn taken_down(&self) -> impl Future<Output = ()> {
        future::poll_fn(|cx| {
            let mut displaced = Some(cx.waker().clone());
            let mut state = self.lock();
            let ready = if std::mem::take(&mut state.raised) {
                Poll::Ready(())
            } else {
                std::mem::swap(&mut state.waker, &mut displaced);
                Poll::Pending
            };
            drop(state);
            drop(displaced);
            ready
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no foreign code runs under this lock")
    }
}
