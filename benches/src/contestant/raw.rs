//! The least that runs tasks: async-task and a thread-local queue.
//!
//! No poller, no timers, no registry, no shutdown, no wake from another thread. What it takes is what
//! the task's own machinery costs, which no executor built on it can go below.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use async_task::{Runnable, Task};
use futures_lite::future::yield_now;

use super::Contestant;

/// How many tasks run before the future of `block_on` has its turn.
const TASKS_A_TURN: usize = 64;

thread_local! {
    static QUEUE: RefCell<VecDeque<Runnable>> = const { RefCell::new(VecDeque::new()) };
}

/// The queue of this thread.
#[derive(Debug)]
pub(crate) struct Raw;

/// Whether the future of `block_on` was woken.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs some tasks and returns how many.
fn turn() -> usize {
    for ran in 0..TASKS_A_TURN {
        let next = QUEUE.with_borrow_mut(VecDeque::pop_front);
        let Some(next) = next else {
            return ran;
        };
        next.run();
    }
    TASKS_A_TURN
}

impl Contestant for Raw {
    type Join<T: Send + 'static> = Task<T>;

    fn start() -> io::Result<Self> {
        Ok(Self)
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            let polls = woken.0.load(Ordering::Relaxed);
            if polls {
                woken.0.store(false, Ordering::Relaxed);
                if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                    return output;
                }
            }
            let ran = turn();
            assert!(polls || ran > 0, "nothing is left that could wake anything");
        }
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let schedule = |runnable| QUEUE.with_borrow_mut(|queue| queue.push_back(runnable));
        let (runnable, task) = async_task::spawn(future, schedule);
        runnable.schedule();
        task
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::spawn(future).detach();
    }

    fn cancel<T: Send + 'static>(task: Task<T>) {
        drop(task);
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        yield_now()
    }
}
