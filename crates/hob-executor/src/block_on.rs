//! Running one future on a thread that is not a worker.
//!
//! # Implementation
//!
//! The thread has leave to borrow the core of a worker that sleeps, and does so at the first push: what
//! the future spawns and wakes lands in that core's queue, and is run here while the future waits. The
//! future takes its turn like a task: when it is woken the end of the queue is noted, and it is polled
//! once what was queued before has run. When the queue is empty and the future waits, the core goes back,
//! and the thread sleeps. It never steals; others take from its queue as from any.

use std::cell::Cell;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hob_core::context::{self, Local, Role};
use hob_core::unhandled::wake_all;
use hob_core::{Env, Park, TaskSlot, Until};

use crate::hold::{self, Has, Hold};
use crate::parker::Parker;
use crate::parking::system_until;
use crate::pool::run;
use crate::shift::{Shift, Site};
use crate::turn::Turn;

/// Runs `future` on this thread, inside `env`; the thread sleeps while there is nothing to poll.
///
/// It drives the timers of threads that are no workers, its own among them: they fire on time also
/// while every worker is stuck in a poll. So a shutdown keeps its deadline.
pub(crate) fn wait_for<F: Future>(env: &Arc<Env>, future: F) -> F::Output {
    drive(env, future, |parker| sleep(env, parker))
}

/// As [`wait_for`], and runs tasks meanwhile, with the core of a worker that sleeps.
///
/// # Panics
///
/// On a thread that runs tasks: it would sleep while they wait for it.
#[track_caller]
pub(crate) fn block_on<F: Future>(site: &Site, future: F) -> F::Output {
    refuse_on_worker(&site.env);
    // A `block_on` around this one may have borrowed a core: its tasks are not to wait for us.
    site.shared.give_back();
    let hold = Hold::new(site.shared, Has::Leave);
    let _at_the_end = GiveBack(site);
    drive(&site.env, future, |parker| {
        loop {
            work(site, &hold, parker);
            if parker.has_token() {
                return;
            }
            site.shared.give_back();
            // Who was woken for that may have woken a task here, on this thread.
            if hold::of(site.shared) == Has::Leave {
                break;
            }
        }
        sleep(&site.env, parker);
    })
}

/// Polls `future` until it is ready, and calls `wait` in between, which returns once it was woken.
fn drive<F: Future>(env: &Arc<Env>, future: F, mut wait: impl FnMut(&mut Parker)) -> F::Output {
    let mut bed = Bed::take();
    let Bed { parker, waker } = &mut *bed;
    let mut cx = Context::from_waker(waker);
    let local = Local::new(env, Role::Guest);
    context::enter(&local, || {
        // In here, so that what is left of it is dropped inside the runtime.
        let mut future = pin!(future);
        loop {
            // Taken before the poll: a wake that comes during it is for the next one.
            parker.take_token();
            let polled = local.in_main_with(cx.waker(), || future.as_mut().poll(&mut cx));
            if let Poll::Ready(output) = polled {
                return output;
            }
            wait(parker);
        }
    })
}

/// What a thread sleeps on in `block_on`. It keeps one for the next time: a wake that comes too late
/// ends a later sleep early, and does no other harm.
struct Bed {
    parker: Parker,
    waker: Waker,
}

thread_local! {
    static SPARE: Cell<Option<Box<Bed>>> = const { Cell::new(None) };
}

/// A bed in use; it becomes the spare one.
struct Made(Option<Box<Bed>>);

impl Bed {
    fn take() -> Made {
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        Made(Some(spare.unwrap_or_else(|| {
            let parker = Parker::new();
            let waker = parker.waker();
            Box::new(Self { parker, waker })
        })))
    }
}

impl Deref for Made {
    type Target = Bed;

    fn deref(&self) -> &Bed {
        self.0.as_ref().expect("it is there until the drop")
    }
}

impl DerefMut for Made {
    fn deref_mut(&mut self) -> &mut Bed {
        self.0.as_mut().expect("it is there until the drop")
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // The thread's locals may be gone: then there is no next time.
        let _at_exit = SPARE.try_with(|spare| spare.set(self.0.take()));
    }
}

/// Gives the core back, also when the future panics.
struct GiveBack<'s>(&'s Site);

impl Drop for GiveBack<'_> {
    fn drop(&mut self) {
        self.0.shared.give_back();
    }
}

/// Runs tasks with the core that this thread has borrowed, if it has one, until there are none or it is
/// the main future's turn.
fn work(site: &Site, hold: &Hold, parker: &Parker) {
    let Has::Core(index) = hold::of(site.shared) else {
        return;
    };
    let mut local = Local::new(&site.env, Role::Worker).with_worker(index);
    if let Some(timers) = site.timers.get(index) {
        local = local.with_timers(*timers);
    }
    context::enter(&local, || {
        let Some(mut shift) = Shift::begin(site, hold, Turn::short()) else {
            return;
        };
        let mut turn_of_main = None;
        loop {
            if parker.has_token()
                && shift.taken() >= *turn_of_main.get_or_insert_with(|| shift.pushed())
            {
                return;
            }
            match shift.next() {
                Some(task) => shift.run(task, &mut run),
                None => return,
            }
        }
    });
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
        let who = task.map_or_else(
            || "the main future, or a hook,".to_owned(),
            |task| format!("{task},"),
        );
        panic!(
            "waiting for the runtime {:?} at {}, inside {who} of the same runtime, would wait for \
             itself: `.await` the future instead",
            env.parts().name,
            Location::caller(),
        );
    }
}
