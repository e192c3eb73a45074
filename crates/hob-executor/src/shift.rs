//! What whoever holds a core does with it: runs tasks, and looks up from them every so often.
//!
//! ```text
//!   ┌─► own queue ─► injector ─► nothing: the shift is over
//!   │       │
//!   │      run
//!   └───────┴── after 61 polls or 5 ms: poller, timers and injector get a look
//! ```

use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Duration;

use hob_core::context::{self, Local};
use hob_core::unhandled::wake_all;
use hob_core::{Alarm, Env, Instant, Timers, Until};

use crate::gather::Gather;
use crate::hold::Hold;
use crate::primitive::now;
use crate::pulse::Pulse;
use crate::ring::{BATCH, Owner, Token};
use crate::scout::{BETWEEN_GLANCES, Glance, Scouting};
use crate::shared::{Core, Ready, Shared, add, count};
use crate::turn::Turn;
use crate::watchdog::Watchdog;

/// What all who work in a pool have in common.
pub(crate) struct Site<T: Token + 'static = Ready> {
    pub(crate) shared: &'static Shared<T>,
    pub(crate) env: Arc<Env>,
    /// The timers of all workers, and those of everybody else.
    pub(crate) timers: Arc<[&'static dyn Timers]>,
    pub(crate) alarm: Arc<Alarm>,
    /// How thick all their timers come.
    pub(crate) gather: Arc<Gather>,
    /// Started after the workers: it must not take the one thread that the system grants.
    pub(crate) watchdog: Arc<OnceLock<Arc<Watchdog>>>,
}

impl<T: Token> Clone for Site<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared,
            env: Arc::clone(&self.env),
            timers: Arc::clone(&self.timers),
            alarm: Arc::clone(&self.alarm),
            gather: Arc::clone(&self.gather),
            watchdog: Arc::clone(&self.watchdog),
        }
    }
}

/// Working with a core, which this thread holds.
pub(crate) struct Shift<'s, T: Token + 'static> {
    site: &'s Site<T>,
    /// Whether the watchdog has been told, which starts after the workers.
    is_watched: bool,
    index: usize,
    core: &'static Core<T>,
    ring: Owner<'static, T>,
    turn: Turn,
    woken: Vec<Waker>,
    batch: Vec<T>,
    /// What the context had counted when it was last asked.
    budgets_spent: u64,
}

impl<'s, T: Token> Shift<'s, T> {
    /// Begins to work with the core that `hold` stands for.
    pub(crate) fn begin(site: &'s Site<T>, hold: &'s Hold, turn: Turn) -> Option<Self> {
        let (index, ring) = site.shared.own_ring(hold)?;
        let mut shift = Self {
            site,
            is_watched: false,
            index,
            core: &site.shared.cores[index],
            ring,
            turn,
            woken: Vec::new(),
            batch: Vec::new(),
            budgets_spent: context::with(|local| local.map_or(0, Local::budgets_spent)),
        };
        shift.call_watchdog();
        Some(shift)
    }

    /// Tells the watchdog that polls begin here, once it is there.
    fn call_watchdog(&mut self) {
        if !self.is_watched
            && let Some(watchdog) = self.site.watchdog.get()
        {
            watchdog.busy(&self.site.shared.pulses[self.index]);
            self.is_watched = true;
        }
    }

    /// The task to run next.
    pub(crate) fn next(&mut self) -> Option<T> {
        if self.turn.is_over() {
            self.look();
        }
        let shared = self.site.shared;
        shared.pop(&self.ring).or_else(|| {
            self.take_injected();
            shared.pop(&self.ring)
        })
    }

    /// Runs a task; `run` polls it.
    pub(crate) fn run(&self, task: T, run: &mut impl FnMut(&Pulse, T)) {
        run(&self.site.shared.pulses[self.index], task);
    }

    /// How many tasks were ever pushed here.
    pub(crate) fn pushed(&self) -> u64 {
        self.core.ring.pushed()
    }

    /// How many were ever taken.
    pub(crate) fn taken(&self) -> u64 {
        self.core.ring.taken()
    }

    /// Wakes what `woken` holds, after which this core looks at its queue.
    pub(crate) fn wake(&self, woken: &mut Vec<Waker>) {
        before_looking(|| wake_all(woken));
        // One of them this core takes itself, at once.
        if self.core.ring.len() > 1 {
            self.site.shared.rouse_if_wanted();
        }
    }

    /// Gives back memory that a burst has left.
    pub(crate) fn tidy_up(&self) {
        self.ring.trim();
    }

    /// What a busy core owes the others: the poller, the timers, the injector.
    pub(crate) fn look(&mut self) {
        if let Some(mut seat) = self.site.shared.seat.try_sit() {
            seat.park(Until::Now, &mut self.woken);
            drop(seat);
            // Nobody sat there: whoever wanted to sleep there just now may sleep elsewhere.
            self.site.shared.guard_seat();
        }
        self.site.expire(&mut self.woken);
        let mut woken = std::mem::take(&mut self.woken);
        self.wake(&mut woken);
        self.woken = woken;
        self.take_injected();
        self.count_budgets();
        self.call_watchdog();
        self.turn.restart();
    }

    /// Looks at all other cores, and takes tasks where that pays.
    pub(crate) fn look_around(&mut self, scouting: &mut Scouting) -> bool {
        let (cores, pulses) = (&self.site.shared.cores, &self.site.shared.pulses);
        let victims: Vec<(usize, Glance)> = (1..cores.len())
            .map(|distance| (self.index + distance) % cores.len())
            .filter(|index| !cores[*index].ring.is_empty())
            .map(|index| (index, cores[index].glance(&pulses[index])))
            .collect();
        if !victims.is_empty() {
            spin(BETWEEN_GLANCES);
        }
        let found = victims.into_iter().any(|(index, first)| {
            let second = cores[index].glance(&pulses[index]);
            scouting.is_worth_moving(index, first, second) && self.steal(index)
        });
        if found {
            scouting.succeed();
        } else {
            let polls: u64 = pulses.iter().map(Pulse::polls).sum();
            let pushes: u64 = cores.iter().map(|core| core.ring.pushed()).sum();
            scouting.fail(polls + pushes);
        }
        found
    }

    /// Adds what the context has counted since the last time.
    fn count_budgets(&mut self) {
        let now = context::with(|local| local.map_or(0, Local::budgets_spent));
        let before = std::mem::replace(&mut self.budgets_spent, now);
        add(&self.core.budgets_spent, now.saturating_sub(before));
    }

    fn steal(&mut self, victim: usize) -> bool {
        let victim = &self.site.shared.cores[victim];
        let stolen = victim.ring.steal_into(BATCH, &mut self.batch);
        self.ring.push_all(&mut self.batch);
        if stolen > 0 {
            count(&self.core.steals);
        }
        stolen > 0
    }

    /// Moves a fair share of what waits in the injector to the own queue.
    fn take_injected(&mut self) {
        let shared = self.site.shared;
        if shared.injector.is_empty() {
            return;
        }
        let taken = shared.injector.take(shared.cores.len(), &mut self.batch);
        self.ring.push_all(&mut self.batch);
        // What came along was in no queue while it was moved: a peer that looked then may sleep by now.
        if taken > 1 || !shared.injector.is_empty() {
            shared.notify();
        }
    }
}

impl<T: Token> Drop for Shift<'_, T> {
    fn drop(&mut self) {
        // Something is left only if the timers have panicked.
        wake_all(&mut self.woken);
        self.count_budgets();
        self.site.shared.pulses[self.index].rest();
    }
}

impl<T: Token> Site<T> {
    /// The present on the clock of the timers.
    pub(crate) fn now(&self) -> Instant {
        self.timers.first().map_or_else(now, |timers| timers.now())
    }

    /// Takes out what is due in anybody's timers.
    pub(crate) fn expire(&self, woken: &mut Vec<Waker>) {
        self.expire_if_late_by(Duration::ZERO, woken);
    }

    /// Takes out what is due in those queues whose earliest timer is so late.
    pub(crate) fn expire_if_late_by(&self, lateness: Duration, woken: &mut Vec<Waker>) {
        if self.timers.is_empty() {
            return;
        }
        let now = self.now();
        let before = woken.len();
        for timers in &*self.timers {
            if timers.next() + lateness <= now {
                timers.expire(now, woken);
            }
        }
        self.gather.note(now, woken.len() - before);
    }
}

/// Runs `wake` on a thread that looks at its queue next.
fn before_looking(wake: impl FnOnce()) {
    context::with(|local| match local {
        Some(local) => local.before_looking(wake),
        None => wake(),
    });
}

/// Lets a short time pass: too short to sleep.
fn spin(time: Duration) {
    let until = now() + time;
    while now() < until && !cfg!(loom) {
        std::hint::spin_loop();
    }
}
