//! Running one future on a thread that is not a worker.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hob_core::context::{self, Local, Role};
use hob_core::unhandled::wake_all;
use hob_core::{Env, Park, TaskSlot, Until};

use crate::parker::Parker;
use crate::parking::system_until;

/// Runs `future` on this thread, inside `env`; the thread sleeps while there is nothing to poll.
///
/// It drives the timers of threads that are no workers, its own among them: they fire on time also
/// while every worker is stuck in a poll. So a shutdown keeps its deadline.
///
/// # Panics
///
/// On a thread that runs tasks: it would sleep while they wait for it.
#[track_caller]
pub(crate) fn block_on<F: Future>(env: &Arc<Env>, future: F) -> F::Output {
    refuse_on_worker(env);
    wait_for(env, future)
}

/// As [`block_on`], but also on a thread that runs tasks.
pub(crate) fn wait_for<F: Future>(env: &Arc<Env>, future: F) -> F::Output {
    let mut parker = Parker::new();
    let waker = parker.waker();
    let mut cx = Context::from_waker(&waker);
    let local = Local::new(env, Role::Guest);
    context::enter(&local, || {
        // In here, so that what is left of it is dropped inside the runtime.
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = local.in_main(|| future.as_mut().poll(&mut cx)) {
                return output;
            }
            sleep(env, &mut parker);
        }
    })
}

fn sleep(env: &Env, parker: &mut Parker) {
    let Some(timers) = env.parts().timers else {
        return parker.park(Until::Forever, &mut Vec::new());
    };
    let mut woken = Vec::new();
    parker.park(system_until(timers.next(), timers), &mut woken);
    let now = timers.now();
    if timers.next() <= now {
        timers.expire(now, &mut woken);
    }
    wake_all(&mut woken);
}

/// Panics, naming both places, if this thread runs tasks of `env` itself, however deep inside.
///
/// The tasks of another runtime are only delayed, which is the caller's choice.
#[track_caller]
pub(crate) fn refuse_on_worker(env: &Env) {
    let nested = context::find(|local| {
        let ours = local.role() == Role::Worker && local.env().id() == env.id();
        ours.then(|| local.task().and_then(TaskSlot::label))
    });
    if let Some(task) = nested {
        let who = task.map_or_else(|| "the main future".to_owned(), |task| format!("{task},"));
        panic!(
            "waiting for the runtime {:?} at {}, inside {who} of the same runtime, would wait for \
             itself: `.await` the future instead",
            env.parts().name,
            Location::caller(),
        );
    }
}
