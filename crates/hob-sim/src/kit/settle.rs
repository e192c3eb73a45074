//! Waiting until nothing is runnable.
//!
//! # Implementation
//!
//! The executor of one thread, and the simulator, call the wakers in [`Env::settle`] when they find
//! nothing to run, before they sleep or move the clock. The waker that is left there is a bell of our
//! own and not the task's: a task may be polled for any other reason, and only the bell says that it
//! was this one.
//!
//! [`Env::settle`]: hob_core::Env::settle

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hob_core::{Env, context};

use super::bell::Bell;

/// Waits until every other task, and the main future, is blocked: nothing is runnable.
///
/// It is what a test wants between "do this" and "now that must have happened", in place of a sleep.
/// It completes before time moves on: the simulator jumps to no timer and to no message that is under
/// way, though the polls themselves take some microseconds each; with a local executor on the real
/// clock, what is due or ready already comes first. Several that wait at once complete together, so what one of them
/// does afterwards may run beside the others.
///
/// A task that always has something to do, such as one that yields in a loop, keeps it waiting for
/// ever. A blocking job on a thread of its own does not count.
///
/// # Cancel safety
///
/// Cancel safe: dropping the future leaves none of the task's wakers behind.
///
/// # Panics
///
/// The future panics outside any runtime, and in one of several threads: there another thread may be
/// about to make something runnable at any moment.
///
/// # Examples
///
/// ```
/// hob_sim::run(7, async {
///     let queue = hob_sync::Queue::unbounded();
///     let echo = queue.clone();
///     let task = hob_task::spawn(async move { echo.get().await.is_ok_and(|item| *item == "egg") });
///     hob_sim::kit::settle().await;
///     assert!(!task.is_finished(), "it waits in `get`");
///     queue.try_put("egg").expect("there is room");
///     hob_sim::kit::settle().await;
///     assert!(task.is_finished());
/// });
/// ```
///
/// # References
///
/// Trio's `wait_all_tasks_blocked`,
/// <https://trio.readthedocs.io/en/stable/reference-testing.html>.
#[track_caller]
#[doc(alias = "wait_all_tasks_blocked")]
pub fn settle() -> Settle {
    Settle {
        place: Location::caller(),
        asked: None,
    }
}

/// The future of [`settle`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Settle {
    place: &'static Location<'static>,
    /// The bell that was left with a runtime, and the number of that runtime.
    asked: Option<(u64, Arc<Bell>)>,
}

impl Settle {
    /// Leaves a bell with the runtime of this thread, unless it has one.
    fn ask(&mut self) -> &Bell {
        let place = self.place;
        let Some(env) = context::env() else {
            panic!(
                "`settle` at {place} needs a runtime: await it inside `hob::sim::run`, \
                 `hob::run_local` or a `#[hob::test]`"
            );
        };
        check(&env, place);
        if self
            .asked
            .as_ref()
            .is_some_and(|(there, _)| *there != env.id())
        {
            // It has moved here from another runtime, which would ring when it settles itself.
            self.leave();
        }
        let (_, bell) = self.asked.get_or_insert_with(|| {
            let bell = Arc::new(Bell::default());
            env.settle(Waker::from(Arc::clone(&bell)));
            (env.id(), bell)
        });
        bell
    }

    /// Takes the task's waker out of what was left with the runtime.
    fn leave(&mut self) {
        if let Some((_, bell)) = self.asked.take() {
            bell.leave();
        }
    }
}

/// Panics unless the runtime says when nothing is runnable, and this is its thread.
fn check(env: &Env, place: &'static Location<'static>) {
    assert!(
        env.parts().home.is_some(),
        "`settle` at {place} needs a runtime of one thread, for in a pool another thread may be \
         about to make something runnable: use `hob::sim::run`, `hob::run_local`, or a \
         `#[hob::test]` without `workers`"
    );
    assert!(
        env.is_home(),
        "`settle` at {place} belongs on the thread of its runtime: await it in a task or in the \
         main future, not in a blocking job"
    );
}

impl Future for Settle {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let rung = this.ask().poll_rung(cx);
        if rung.is_pending() {
            context::record_wait(&"settle", this.place);
        }
        rung
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Settle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settle")
            .field("place", &format_args!("{}", self.place))
            .field("asked", &self.asked.is_some())
            .finish()
    }
}
