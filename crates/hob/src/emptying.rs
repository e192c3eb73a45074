//! How long a shutdown waits for tasks: by two clocks, and whichever is first ends it.
//!
//! # Implementation
//!
//! [`Drain`] goes by the runtime's own clock. One that is not the system's may stand still, and then no
//! deadline of its passes. So there a thread rings when the time is up by the system's clock: first the
//! cleanups are abandoned, by a drain whose deadline lies in the past; a moment later the timers are
//! retired, which ends a drain, since nobody would wake it any more.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use hob_core::{Env, Instant, unhandled};
use hob_task::{Drain, LeftBehind, drain};

/// How long abandoned tasks have to be dropped, as in [`Drain`].
const LAST_CALL: Duration = Duration::from_millis(15);

/// Waits until no task is left, or a deadline has passed.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub(crate) struct Emptying<'r> {
    env: Arc<Env>,
    drain: Drain,
    stage: Stage,
    /// When the stage ends, by the system's clock.
    deadline: Instant,
    /// Dropped, it ends the thread that rings.
    ringing: Option<Sender<()>>,
    retire: &'r mut dyn FnMut(),
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Asked,
    Abandoned,
    Retired,
}

impl<'r> Emptying<'r> {
    /// Waits for `time` by the runtime's clock, and until `deadline` by the system's at the most;
    /// [`Instant::NEVER`] where the runtime has no other.
    pub(crate) fn new(
        env: &Arc<Env>,
        time: Duration,
        deadline: Instant,
        retire: &'r mut dyn FnMut(),
    ) -> Self {
        let timers = env.parts().timers;
        let of_tasks = timers.map_or(deadline, |timers| timers.now() + time);
        Self {
            env: Arc::clone(env),
            drain: drain(Arc::clone(env), of_tasks),
            stage: Stage::Asked,
            deadline,
            ringing: None,
            retire,
        }
    }

    fn enter_next_stage(&mut self) {
        match self.stage {
            Stage::Asked => {
                self.drain = drain(Arc::clone(&self.env), Instant::from_nanos(0));
                self.deadline += LAST_CALL;
                self.stage = Stage::Abandoned;
            }
            Stage::Abandoned | Stage::Retired => {
                (self.retire)();
                self.deadline = Instant::NEVER;
                self.stage = Stage::Retired;
            }
        }
    }

    /// Sees to it that `waker` is woken when the stages end.
    fn ring(&mut self, waker: &Waker) {
        if self.ringing.is_some() || self.deadline.is_never() {
            return;
        }
        match ring_at([self.deadline, self.deadline + LAST_CALL], waker.clone()) {
            Ok(ringing) => self.ringing = Some(ringing),
            // Without it the tasks are asked to end, but not waited for.
            Err(_) => self.deadline = Instant::from_nanos(0),
        }
    }
}

/// Starts a thread that wakes at those instants of the system's clock, until the sender is dropped.
fn ring_at(instants: [Instant; 2], waker: Waker) -> io::Result<Sender<()>> {
    let (ringing, end) = mpsc::channel();
    let run = move || {
        for instant in instants {
            let left = instant - Instant::system();
            if end.recv_timeout(left) == Err(mpsc::RecvTimeoutError::Disconnected) {
                return;
            }
            unhandled::wake(waker.clone());
        }
    };
    thread::Builder::new()
        .name("hob-deadline".to_owned())
        .spawn(run)
        .map(|_| ringing)
}

impl Future for Emptying<'_> {
    type Output = Vec<LeftBehind>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.ring(cx.waker());
        loop {
            if let Poll::Ready(left) = Pin::new(&mut this.drain).poll(cx) {
                return Poll::Ready(left);
            }
            if Instant::system() < this.deadline {
                return Poll::Pending;
            }
            this.enter_next_stage();
        }
    }
}

impl fmt::Debug for Emptying<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emptying")
            .field("drain", &self.drain)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}
