//! The simulation that runs on this thread.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use hob_core::Instant;
use hob_time::VirtualClock;

use crate::net::Network;
use crate::trace::{Event, Trace};

/// What the public functions of this crate reach for.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) network: &'static Network,
    pub(crate) trace: Arc<Trace>,
    pub(crate) clock: VirtualClock,
    pub(crate) start: Instant,
}

thread_local! {
    static CURRENT: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Runs `inside` with `world` as the current one, and clears it also when `inside` panics.
///
/// # Panics
///
/// Inside another simulation: the two would share a thread, and neither could be replayed.
#[track_caller]
pub(crate) fn enter<R>(world: World, inside: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            CURRENT.set(None);
        }
    }
    assert!(
        current().is_none(),
        "a simulation runs on this thread already: run the second one after it, not inside"
    );
    CURRENT.set(Some(world));
    let _leave = Leave;
    inside()
}

/// The simulation that runs on this thread.
pub(crate) fn current() -> Option<World> {
    CURRENT.with_borrow(Option::clone)
}

/// The simulation that runs on this thread, or a panic that says what to do.
#[track_caller]
pub(crate) fn expect_current(what: &str) -> World {
    let Some(world) = current() else {
        panic!("{what} needs a simulation around it: call it inside `hob::sim::run(seed, ...)`");
    };
    world
}

/// The seed of the simulation that runs on this thread; `None` outside any.
///
/// A program that draws random numbers begins with it, and is repeated with all else. The simulator
/// draws its own from somewhere else.
///
/// # Examples
///
/// ```
/// assert_eq!(hob_sim::run(7, async { hob_sim::seed() }), Some(7));
/// assert_eq!(hob_sim::seed(), None);
/// ```
#[must_use]
pub fn seed() -> Option<u64> {
    current().map(|world| world.seed)
}

/// How far the virtual clock has moved since the simulation began.
///
/// # Panics
///
/// Outside a simulation.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// hob_sim::run(7, async {
///     hob_time::sleep(Duration::from_secs(3600)).await;
///     assert!(hob_sim::elapsed() >= Duration::from_secs(3600));
/// });
/// ```
#[must_use]
#[track_caller]
pub fn elapsed() -> Duration {
    let world = expect_current("hob::sim::elapsed");
    world.clock.now() - world.start
}

/// Adds a value of the program's own to the [trace](crate::TraceHash), so that two runs in which it
/// differs are told apart. Outside a simulation it does nothing.
///
/// # Examples
///
/// ```
/// use hob_sim::Simulation;
///
/// let trace = |answer: u32| {
///     let (_, report) = Simulation::new(7).run_report(async move { hob_sim::note(&answer) });
///     report.trace
/// };
/// assert_eq!(trace(42), trace(42));
/// assert_ne!(trace(42), trace(43));
/// ```
pub fn note(value: &(impl Hash + ?Sized)) {
    if let Some(world) = current() {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        world.trace.note(Event::Noted(hasher.finish()));
    }
}
