//! Cancelling a future at each place at which it can be cancelled.
//!
//! # Implementation
//!
//! The future is polled inside the caller's task, with a bell for a waker: it is polled again only
//! when the bell was rung, so places are counted alike however often the task itself is woken. A ring
//! is awaited beside [`settle`]. When all has settled and nothing rang, only time can help: in a
//! simulation a long wait costs nothing, elsewhere the wait is short.

use std::fmt;
use std::future::{self, Future};
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hob_core::task::{Wait, What};
use hob_core::{TaskSlot, context};

use super::bell::Bell;
use super::settle::settle;
use crate::world;

/// A future with more places than these is taken for one that does not end.
const AWAITS_MAX: usize = 1000;

/// How long nothing may ring in a simulation.
const PATIENCE_SIMULATED: Duration = Duration::from_secs(3600);

/// How long nothing may ring elsewhere.
const PATIENCE_REAL: Duration = Duration::from_secs(1);

/// What a future is noted to wait in that says nothing itself.
const UNKNOWN: What = &"cancel_everywhere";

/// Where a future was cut.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Cut {
    /// At which of its `Pending`s it was dropped, from 1. With 0 it was dropped before its first poll.
    pub awaits: usize,
    /// Whether its waker had been called by then, and it had not been polled again.
    pub woken: bool,
    /// What it waited for there, if that says so.
    pub wait: Option<Wait>,
    /// How many clones of its waker somebody keeps after everything has settled. As a rule none
    /// should be.
    pub wakers_left: usize,
}

/// What [`cancel_everywhere`] has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[must_use = "a future that did not complete was not cut everywhere"]
#[non_exhaustive]
pub struct Cuts {
    /// How often the future was dropped as soon as it was pending, or before it was polled at all.
    pub at_once: usize,
    /// How often it was dropped after its waker was called and before it was polled again.
    pub woken: usize,
    /// Whether the future completed when it was let, so that there are no further places. Otherwise
    /// nobody woke it at the last one.
    pub completed: bool,
}

/// Runs a future again and again, cancels it each time at another place, and calls `check` after each.
///
/// For `n` = 0, 1, 2 and so on `make` makes the future anew. It is polled until it is pending for the
/// `n`th time (0: not at all) and dropped there; [`settle`] lets everybody else come to rest; `check`
/// looks whether all is as it should be, and may wait. Each place has its turn twice: the future is
/// dropped at once, and in another run after its waker was called but before it is polled again. The
/// second is where something that was granted is most easily lost: a lock, a permit, a message. It ends
/// with the run in which the future completes.
///
/// `make` also sets up what the future is to wait for, such as a task that holds the lock and lets it
/// go. What the future returns is dropped.
///
/// A future that nobody wakes ends it too, and then [`Cuts::completed`] is `false`. While nothing is
/// runnable time passes, so timers, and peers on the network, do wake it: it is given up after an hour
/// of a simulation's time, and after a second elsewhere.
///
/// # Cancel safety
///
/// Dropping it drops the future at the place where that is.
///
/// # Panics
///
/// As [`settle`]. Also for a future that has not completed after 1,000 awaits.
///
/// # Examples
///
/// ```
/// use hob_sim::kit::cancel_everywhere;
/// use std::time::Duration;
///
/// hob_sim::run(7, async {
///     let queue = hob_sync::Queue::unbounded();
///     let cuts = cancel_everywhere(
///         || {
///             let (queue, later) = (&queue, queue.clone());
///             hob_task::spawn(async move {
///                 hob_time::sleep(Duration::from_secs(1)).await;
///                 later.put("egg").await
///             })
///             .detach();
///             async move { queue.get().await.map(|item| item.requeue()) }
///         },
///         async |cut| {
///             hob_time::sleep(Duration::from_secs(1)).await;
///             let egg = queue.try_get().map(|egg| egg.into_inner());
///             assert_eq!(egg, Ok("egg"), "lost when {cut}");
///         },
///     )
///     .await;
///     assert!(cuts.completed);
///     assert_eq!((cuts.at_once, cuts.woken), (2, 1));
/// });
/// ```
#[track_caller]
pub fn cancel_everywhere<F: Future>(
    mut make: impl FnMut() -> F,
    mut check: impl AsyncFnMut(&Cut),
) -> impl Future<Output = Cuts> {
    let place = Location::caller();
    async move {
        let mut cuts = Cuts::default();
        for awaits in 0..=AWAITS_MAX {
            for woken in [false, true] {
                if awaits == 0 && woken {
                    // What was not polled has no waker.
                    continue;
                }
                let bell = Arc::new(Bell::default());
                let wait = match run_to(make(), &bell, awaits, woken, place).await {
                    Reached::Place(wait) => wait,
                    Reached::End => {
                        cuts.completed = true;
                        return cuts;
                    }
                    Reached::Silence => return cuts,
                };
                cuts.count(woken);
                settle().await;
                let wakers_left = Arc::strong_count(&bell) - 1;
                let cut = Cut {
                    awaits,
                    woken,
                    wait,
                    wakers_left,
                };
                check(&cut).await;
            }
        }
        panic!(
            "the future of `cancel_everywhere` at {place} has not completed after {AWAITS_MAX} \
             awaits: give it one that ends"
        );
    }
}

/// How far a future came.
enum Reached {
    /// To the place where it was to be cut; it is dropped.
    Place(Option<Wait>),
    /// It completed before.
    End,
    /// Nobody woke it.
    Silence,
}

/// Polls `future` until it is pending for the `awaits`th time, and until it is woken there if it shall
/// be, and drops it.
async fn run_to<F: Future>(
    future: F,
    bell: &Arc<Bell>,
    awaits: usize,
    woken: bool,
    place: &'static Location<'static>,
) -> Reached {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::clone(bell));
    let mut wait = None;
    for count in 0..awaits {
        if count > 0 && !is_rung(bell).await {
            return Reached::Silence;
        }
        bell.reset();
        context::record_wait(UNKNOWN, place);
        // The context of our own poll is not the future's: its waker is the bell.
        if future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
        {
            return Reached::End;
        }
        wait = last_wait().filter(|wait| wait.what != *UNKNOWN);
    }
    if woken && !is_rung(bell).await {
        return Reached::Silence;
    }
    Reached::Place(wait)
}

/// Waits until the bell is rung, or returns `false` when nobody will ring it.
async fn is_rung(bell: &Bell) -> bool {
    // At least once, for each poll of the future shall be one of the task, with a budget of its own.
    hob_task::yield_now().await;
    let ring = future::poll_fn(|cx| bell.poll_rung(cx));
    if either(ring, settle()).await {
        return true;
    }
    let patience = if world::current().is_some() {
        PATIENCE_SIMULATED
    } else {
        PATIENCE_REAL
    };
    let ring = future::poll_fn(|cx| bell.poll_rung(cx));
    either(ring, hob_time::sleep(patience)).await
}

/// Waits for one of two, and returns whether it was the first.
async fn either(first: impl Future<Output = ()>, second: impl Future<Output = ()>) -> bool {
    let (mut first, mut second) = (pin!(first), pin!(second));
    future::poll_fn(|cx| {
        if first.as_mut().poll(cx).is_ready() {
            return Poll::Ready(true);
        }
        second.as_mut().poll(cx).map(|()| false)
    })
    .await
}

/// What the running task, or the main future, waited for last.
fn last_wait() -> Option<Wait> {
    context::with(|local| {
        let local = local?;
        match local.task() {
            Some(task) => TaskSlot::snapshot(task, local.env().id())?.wait,
            None => local.main_wait(),
        }
    })
}

impl Cut {
    fn ordinal(&self) -> String {
        let ending = match (self.awaits % 10, self.awaits % 100) {
            (_, 11..=13) => "th",
            (1, _) => "st",
            (2, _) => "nd",
            (3, _) => "rd",
            _ => "th",
        };
        format!("{}{ending}", self.awaits)
    }
}

impl Cuts {
    /// How often the future was cut.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.at_once + self.woken
    }

    fn count(&mut self, woken: bool) {
        if woken {
            self.woken += 1;
        } else {
            self.at_once += 1;
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.awaits == 0 {
            return f.write_str("cut before its first poll");
        }
        let how = if self.woken {
            "after it was woken"
        } else {
            "at once"
        };
        write!(f, "cut at its {} await, {how}", self.ordinal())?;
        if let Some(wait) = &self.wait {
            write!(f, ", in {wait}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Cuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_once, woken, .. } = self;
        let end = if self.completed {
            "then it completed"
        } else {
            "then nobody woke it"
        };
        write!(
            f,
            "cut {at_once} times at once, {woken} times after it was woken; {end}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_numbered_as_one_says_it() {
        let cut = |awaits| Cut {
            awaits,
            woken: false,
            wait: None,
            wakers_left: 0,
        };
        let ordinals = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(|awaits| cut(awaits).ordinal());
        let expected = "1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 111th";
        assert_eq!(ordinals.join(" "), expected);
        assert_eq!(cut(2).to_string(), "cut at its 2nd await, at once");
        assert_eq!(cut(0).to_string(), "cut before its first poll");
    }
}
