//! When moving tasks to another core pays: what a scout goes by.
//!
//! # Implementation
//!
//! A push to an own queue wakes nobody, because waking a core that sleeps costs some 25 µs and a cache
//! line that changes hands 65 ns: for tasks of less than a microsecond a second worker makes a pool
//! slower than one thread. So one idle worker, the scout, looks at the queues of the others every so
//! often. It glances at each twice, a few microseconds apart, and takes half of a queue if
//!
//! - no poll has ended in between, and tasks are not spawned faster than they would be moved: its owner
//!   is stuck in a poll, or busy with a long one;
//! - polls take a microsecond or more, the tasks that wait are worth three, and there is a
//!   microsecond of work to each task that is spawned;
//! - polls are shorter than that, but what waits is worth the same and few tasks were spawned since the
//!   last look: they live long, so moving them pays once and for ever;
//! - a single poll has lasted for two milliseconds, whatever it spawns.
//!
//! "Work per spawned task" is what tells a thousand tasks that yield to each other, which are worth two
//! cores, from a thousand that are spawned and end at once, which are not.
//!
//! The scout sleeps for 50 µs before its next look, and twice as long after each that came to nothing, up
//! to 10 ms. Beyond a while it lets a push rouse it; after a look that a push has brought forward in
//! vain it takes twice as long until it does so again. When nothing was polled or pushed between its looks, twice, it stops
//! scouting, and sleeps like the others: an idle pool is not woken by its own clock.
//!
//! # References
//!
//! - The thresholds were found by measurement, on two cores; `docs/performance.md` has the figures, and
//!   `docs/decisions` what else was tried.
//! - U. A. Acar, A. Charguéraud, M. Rainey, *Scheduling parallel programs by work stealing with private
//!   deques*, 2013: victims that do not synchronize with their thieves, <https://hal.inria.fr/hal-00863028>.

use std::time::Duration;

use hob_core::Instant;

use crate::idle::Call;

/// Between the two glances of a look.
pub(crate) const BETWEEN_GLANCES: Duration = Duration::from_micros(10);

/// The first sleep of a scout.
const PERIOD_MIN: Duration = Duration::from_micros(50);
/// Its longest: who is stuck is found after two of them.
const PERIOD_MAX: Duration = Duration::from_millis(10);
/// From this period on a push may rouse it.
const PATIENCE_MIN: Duration = Duration::from_micros(400);
/// So many looks at a pool that does nothing, and it stops.
const QUIET_MAX: u32 = 2;

/// What moving a task to another core costs, with all that follows from it.
const WORTH_MOVING: Duration = Duration::from_micros(1);
/// What must wait, at the least, for a look to come to something.
const BACKLOG_MIN: Duration = Duration::from_micros(3);
/// A poll that lasts longer holds its queue up.
const POLL_MAX: Duration = Duration::from_millis(2);

/// What a scout remembers between its looks.
#[derive(Debug)]
pub(crate) struct Scouting {
    period: Duration,
    patience: Duration,
    quiet: u32,
    /// Whether a push has brought the next look forward.
    is_roused: bool,
    /// Whether its last look came to something.
    was_lucky: bool,
    /// Polls and pushes in the whole pool, up to the last look.
    activity: u64,
    /// What was seen of each core at the last look.
    last: Box<[Glance]>,
}

/// One glance at a core.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance {
    pub(crate) at: Instant,
    /// Odd while a poll runs; two more for each that has ended.
    pub(crate) mark: u64,
    /// How many tasks were spawned there.
    pub(crate) spawned: u64,
    /// How many tasks wait.
    pub(crate) waiting: usize,
}

impl Glance {
    /// Before the first.
    const NONE: Self = Self {
        at: Instant::from_nanos(0),
        mark: 0,
        spawned: 0,
        waiting: 0,
    };
}

impl Scouting {
    pub(crate) fn new(cores: usize) -> Self {
        Self {
            period: PERIOD_MIN,
            patience: PATIENCE_MIN,
            quiet: 0,
            is_roused: false,
            was_lucky: false,
            activity: 0,
            last: vec![Glance::NONE; cores].into(),
        }
    }

    /// How long it sleeps until its next look.
    pub(crate) fn period(&self) -> Duration {
        self.period
    }

    /// Whether there is nothing to scout for.
    pub(crate) fn resigns(&self) -> bool {
        self.quiet >= QUIET_MAX
    }

    /// Whether a push may bring its next look forward.
    pub(crate) fn is_eager(&self) -> bool {
        self.period >= self.patience
    }

    /// Whether its last look came to something.
    pub(crate) fn was_lucky(&self) -> bool {
        self.was_lucky
    }

    /// It was called; returns whether it is to look now.
    pub(crate) fn answer(&mut self, call: Call) -> bool {
        self.is_roused = call == Call::Look;
        match call {
            Call::Tick => {}
            Call::Look => self.begin(),
            Call::Guard => self.period = PERIOD_MAX,
        }
        call != Call::Guard
    }

    /// It begins, since it has run out of tasks itself.
    pub(crate) fn begin(&mut self) {
        self.period = PERIOD_MIN;
        self.quiet = 0;
    }

    /// It found tasks that were worth moving.
    pub(crate) fn succeed(&mut self) {
        self.begin();
        self.patience = PATIENCE_MIN;
        self.was_lucky = true;
    }

    /// It found nothing; `activity` is how many polls and pushes there were in the whole pool.
    pub(crate) fn fail(&mut self, activity: u64) {
        self.was_lucky = false;
        let is_quiet = activity == self.activity;
        self.activity = activity;
        if is_quiet {
            self.quiet += 1;
            self.period = PERIOD_MAX;
            self.patience = PATIENCE_MIN;
            return;
        }
        self.quiet = 0;
        if self.is_roused {
            self.patience = (self.patience * 2).min(PERIOD_MAX);
        } else {
            self.period = (self.period * 2).min(PERIOD_MAX);
        }
    }

    /// Whether half of what waits at `core` is to be moved, after two glances at it.
    pub(crate) fn is_worth_moving(&mut self, core: usize, first: Glance, second: Glance) -> bool {
        let before = std::mem::replace(&mut self.last[core], second);
        if second.waiting == 0 {
            return false;
        }
        // No time passes in a model: whatever waits is moved.
        cfg!(loom) || is_worth_moving(before, first, second)
    }
}

fn is_worth_moving(before: Glance, first: Glance, second: Glance) -> bool {
    let is_one_poll = second.mark == before.mark;
    if is_one_poll && second.at - before.at >= POLL_MAX {
        return true;
    }
    let per_spawn = share(second.at - first.at, second.spawned - first.spawned);
    let ended = (second.mark - first.mark) / 2;
    if ended == 0 {
        return per_spawn >= WORTH_MOVING;
    }
    let per_poll = share(second.at - first.at, ended);
    let backlog = per_poll.saturating_mul(second.waiting as u32);
    if backlog < BACKLOG_MIN {
        return false;
    }
    if per_poll >= WORTH_MOVING {
        per_spawn >= WORTH_MOVING
    } else {
        let spawned = second.spawned.saturating_sub(before.spawned);
        share(second.at - before.at, spawned) >= WORTH_MOVING
    }
}

/// What each of `count` has of `time`; all of it and more, if there is none.
fn share(time: Duration, count: u64) -> Duration {
    match u32::try_from(count) {
        Ok(0) => Duration::MAX,
        Ok(count) => time / count,
        Err(_) => Duration::ZERO,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const START: Instant = Instant::from_nanos(1_000_000_000);

    /// A glance so many microseconds after the start.
    fn glance(micros: u64, polls: u64, spawned: u64, waiting: usize) -> Glance {
        Glance {
            at: START + Duration::from_micros(micros),
            mark: 2 * polls,
            spawned,
            waiting,
        }
    }

    #[track_caller]
    fn check(glances: [Glance; 3], expected: bool) {
        let [before, first, second] = glances;
        assert_eq!(is_worth_moving(before, first, second), expected);
    }

    #[test]
    fn the_queue_of_a_poll_that_does_not_end_is_taken() {
        let stuck = |micros| glance(micros, 7, 1, 1);
        check([glance(0, 5, 0, 0), stuck(50), stuck(60)], true);
    }

    #[test]
    fn who_spawns_quickly_is_left_alone_for_two_milliseconds() {
        // Ten tasks a microsecond, all in one poll.
        let spawns = |micros| glance(micros, 7, 10 * micros, 10 * micros as usize);
        check([spawns(0), spawns(100), spawns(110)], false);
        check([spawns(0), spawns(2_000), spawns(2_010)], true);
    }

    #[test]
    fn tasks_that_end_at_once_are_not_moved() {
        // Ten polls a microsecond, and as many are spawned.
        let busy = |micros| glance(micros, 10 * micros, 10 * micros, 1_000);
        check([busy(0), busy(100), busy(110)], false);
    }

    #[test]
    fn tiny_polls_of_tasks_that_live_long_are_moved() {
        let yields = |micros| glance(micros, 10 * micros, 1_000, 1_000);
        check([yields(0), yields(100), yields(110)], true);
        let few = |micros| glance(micros, 10 * micros, 20, 20);
        check([few(0), few(100), few(110)], false);
    }

    #[test]
    fn long_polls_are_moved_unless_there_are_hardly_any() {
        // A poll every five microseconds.
        let works = |micros, waiting| glance(micros, micros / 5, 100, waiting);
        check([works(0, 50), works(100, 50), works(110, 50)], true);
        check([works(0, 1), works(100, 1), works(110, 1)], true);
        check([works(0, 0), works(100, 0), works(110, 0)], false);
    }

    #[test]
    fn looks_that_come_to_nothing_grow_rare_up_to_a_limit() {
        let mut scouting = Scouting::new(1);
        let mut polls = 0;
        let mut fail = |scouting: &mut Scouting| {
            polls += 1;
            assert!(scouting.answer(Call::Tick));
            scouting.fail(polls);
        };
        assert_eq!(scouting.period(), PERIOD_MIN);
        fail(&mut scouting);
        assert_eq!(scouting.period(), 2 * PERIOD_MIN);
        assert!(!scouting.is_eager());
        (0..20).for_each(|_| fail(&mut scouting));
        assert_eq!(scouting.period(), PERIOD_MAX);
        assert!(scouting.is_eager() && !scouting.resigns());
        scouting.succeed();
        assert_eq!(scouting.period(), PERIOD_MIN);
    }

    #[test]
    fn who_was_roused_in_vain_is_eager_later() {
        let mut scouting = Scouting::new(1);
        for polls in 0..4 {
            assert!(scouting.answer(Call::Look));
            assert_eq!(scouting.period(), PERIOD_MIN);
            scouting.fail(polls);
        }
        for polls in 10..13 {
            assert!(scouting.answer(Call::Tick));
            scouting.fail(polls);
        }
        assert_eq!(scouting.period(), PATIENCE_MIN);
        assert!(!scouting.is_eager(), "it has lost patience with such calls");
    }

    #[test]
    fn a_guard_does_not_look_at_once() {
        let mut scouting = Scouting::new(1);
        assert!(!scouting.answer(Call::Guard));
        assert_eq!(scouting.period(), PERIOD_MAX);
    }

    #[test]
    fn a_pool_that_does_nothing_is_looked_at_twice_more() {
        let mut scouting = Scouting::new(1);
        scouting.fail(9);
        assert!(!scouting.resigns(), "there were polls since the last look");
        scouting.fail(9);
        assert_eq!(scouting.period(), PERIOD_MAX);
        assert!(scouting.is_eager() && !scouting.resigns());
        scouting.fail(9);
        assert!(scouting.resigns());
        scouting.fail(10);
        assert!(!scouting.resigns(), "somebody polled");
    }
}
