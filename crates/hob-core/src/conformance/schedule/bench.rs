//! An owner, the crew that works for it, and how long one waits for either.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::{Poll, Waker};
use std::thread;

use super::ScheduleRig;
use super::crew::{Crew, lock};
use crate::primitive::{Global, GlobalCounter, GlobalOrdering};

/// An owner that is put to the test.
pub(super) struct Bench {
    rig: Box<dyn ScheduleRig>,
    pub(super) crew: Arc<Crew>,
}

impl Bench {
    pub(super) fn new(make: &impl Fn() -> Box<dyn ScheduleRig>) -> Self {
        let rig = make();
        let crew = Arc::new(Crew::new(Arc::clone(rig.env()), rig.patience() / 2));
        Self { rig, crew }
    }

    /// Lets the owner work until every task has ended.
    pub(super) fn run_all(&self) {
        self.run(poll_fn(|cx| self.crew.env().poll_empty(cx)));
    }

    /// Lets the owner work until `main` is ready, or nobody has any patience left.
    pub(super) fn run(&self, main: impl Future<Output = ()>) {
        let patience = self.rig.patience();
        let given_up = &GlobalCounter::new(0);
        let is_given_up = || given_up.load(GlobalOrdering::SeqCst) == 1;
        let waiting = &Global::new(None::<Waker>);
        let (over, end) = channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                if end.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                    given_up.store(1, GlobalOrdering::SeqCst);
                    let waker = lock(waiting).take();
                    waker.into_iter().for_each(Waker::wake);
                }
            });
            let mut main = pin!(main);
            self.rig.block_on(pin!(poll_fn(|cx| {
                let waker = Some(cx.waker().clone());
                drop(mem::replace(&mut *lock(waiting), waker));
                // After the waker was left, so that it is found.
                if is_given_up() {
                    return Poll::Ready(());
                }
                main.as_mut().poll(cx)
            })));
            drop(over);
        });
        self.crew.check();
        assert!(
            !is_given_up(),
            "every task that was taken is run, and again after each wake: after {patience:?} \
             there are {} left",
            self.crew.env().tasks_alive(),
        );
    }

    /// Shuts the owner down, and returns the crew, which may be asked what it saw since.
    pub(super) fn end(self) -> Arc<Crew> {
        self.rig.finish();
        self.crew.check();
        self.crew
    }
}
