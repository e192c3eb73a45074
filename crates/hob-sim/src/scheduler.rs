//! Which task runs next: the seed decides.
//!
//! # Implementation
//!
//! A [`Scheduler`] is the simulator's side of [`Schedule`]: a set of runnable tasks without an order.
//! It lives as long as the process and is used again. One lock guards it all; it is held for a few
//! lines and never while foreign code runs.
//!
//! Tasks are numbered as they are spawned, because a [`TaskId`] is a number of the whole process: two
//! runs of one program may give its tasks different ids, but never different numbers.
//!
//! # References
//!
//! - S. Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs",
//!   ASPLOS 2010: random priorities with few changes reach orders that uniform choice hardly ever
//!   makes. Half of the seeds work so.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::task::{Wake, Waker};

use fastrand::Rng;
use hob_core::{
    Recycler, Runnable, Schedule, SchedulerRef, TaskCell, TaskId, TaskSlot, Unpark as _, Why,
    context,
};

use crate::net::{HostId, Network};
use crate::parker::Token;
use crate::primitive::{Mutex, lock};
use crate::trace::{Actor, Event, Trace};

/// The runnable tasks of one simulation.
pub(crate) struct Scheduler {
    reference: Mutex<Option<SchedulerRef>>,
    state: Mutex<State>,
}

/// What runs next.
pub(crate) enum Turn {
    Main,
    Task(Actor, Runnable<TaskCell>),
}

/// How the next one is chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// Any of them, with equal chances.
    Uniform,
    /// The one with the highest rank. Ranks are drawn at birth and change seldom, but at each yield:
    /// a task that yields until another has done something must not keep that one from running.
    Ranked,
}

/// What one simulation lends to the scheduler.
pub(crate) struct Lent {
    pub(crate) network: &'static Network,
    pub(crate) trace: Arc<Trace>,
    pub(crate) token: Arc<Token>,
    /// Draws ranks.
    pub(crate) rng: Rng,
}

#[derive(Default)]
struct State {
    /// Tells one use from the next.
    generation: u64,
    current: Option<Lent>,
    /// The number of the runtime that this use belongs to: it tells whether a thread is our home.
    env: u64,
    ready: Vec<Ready>,
    main_woken: bool,
    main_rank: u32,
    /// All tasks that were spawned in this use; a task's number is its place here plus one.
    births: Vec<Birth>,
    numbers: HashMap<TaskId, usize>,
    /// Numbers of the tasks that were alive when somebody looked last.
    alive: Vec<usize>,
    /// Tasks that came when the use had ended. They are kept for ever: their futures may be dropped on
    /// one thread only, and nobody knows whether it still lives.
    late: Vec<Runnable<TaskCell>>,
}

struct Birth {
    id: TaskId,
    slot: &'static TaskSlot,
    host: HostId,
    rank: u32,
}

struct Ready {
    /// `None` for a task that stands in no table: one that was made by hand.
    number: Option<usize>,
    rank: u32,
    task: Runnable<TaskCell>,
}

/// The waker of the main future.
struct MainWaker {
    scheduler: &'static Scheduler,
    generation: u64,
}

static SHELF: Recycler<Scheduler> = Recycler::new();

/// Ranks are compared one by one: among more tasks than these the choice is uniform.
const RANKED_MAX: usize = 256;
/// A rank changes once in so many wakes.
const WAKES_PER_CHANGE: u32 = 32;

impl Scheduler {
    /// Takes a scheduler that was [closed](Self::close), if there is one.
    pub(crate) fn open(mut current: Lent) -> &'static Self {
        let scheduler = SHELF.take(
            |_| true,
            || Self {
                reference: Mutex::new(None),
                state: Mutex::new(State::default()),
            },
        );
        lock(&scheduler.reference).get_or_insert_with(|| SchedulerRef::leak(scheduler));
        let mut state = lock(&scheduler.state);
        state.generation += 1;
        state.main_rank = current.rng.u32(..);
        state.current = Some(current);
        drop(state);
        scheduler
    }

    /// Says which runtime this use belongs to, before its first task is spawned.
    pub(crate) fn belongs_to(&self, env: u64) {
        lock(&self.state).env = env;
    }

    /// Ends the use, once no task is alive.
    pub(crate) fn close(&'static self) {
        let mut state = lock(&self.state);
        let next = State {
            generation: state.generation,
            late: mem::take(&mut state.late),
            ..State::default()
        };
        let ended = mem::replace(&mut *state, next);
        drop(state);
        drop(ended);
        SHELF.give_back(self);
    }

    /// For the [`Env`](hob_core::Env).
    pub(crate) fn reference(&self) -> SchedulerRef {
        lock(&self.reference).expect("`open` has put it in")
    }

    pub(crate) fn main_waker(&'static self) -> Waker {
        let generation = lock(&self.state).generation;
        Waker::from(Arc::new(MainWaker {
            scheduler: self,
            generation,
        }))
    }

    /// Takes out what runs next, and makes its host the current one.
    pub(crate) fn next(&self, order: Order, rng: &mut Rng) -> Option<Turn> {
        let mut state = lock(&self.state);
        let network = state.current.as_ref()?.network;
        let candidates = state.ready.len() + usize::from(state.main_woken);
        if candidates == 0 {
            return None;
        }
        let ranked = order == Order::Ranked && candidates <= RANKED_MAX;
        let place = if ranked {
            state.highest()
        } else {
            rng.usize(..candidates)
        };
        let (turn, host) = state.take(place);
        drop(state);
        network.set_current_host(host);
        Some(turn)
    }

    /// How many tasks were spawned in this use.
    pub(crate) fn tasks_spawned(&self) -> usize {
        lock(&self.state).births.len()
    }

    /// Wakes somebody who is alive for no reason.
    pub(crate) fn wake_for_nothing(&self, rng: &mut Rng) {
        let mut state = lock(&self.state);
        while let Some(current) = &state.current {
            let trace = Arc::clone(&current.trace);
            let place = rng.usize(..=state.alive.len());
            let Some(&number) = state.alive.get(place) else {
                state.wake_main();
                return trace.note(Event::WokenForNothing(Actor::Main));
            };
            let Birth { slot, id, .. } = state.births[number - 1];
            drop(state);
            trace.note(Event::WokenForNothing(Actor::Task(number)));
            if slot.wake(id) {
                return;
            }
            state = lock(&self.state);
            state.alive.retain(|alive| *alive != number);
        }
    }
}

impl State {
    /// The place of the one with the highest rank; behind the last task stands the main future.
    fn highest(&self) -> usize {
        let main = self.main_woken.then_some(self.main_rank);
        let ranks = self.ready.iter().map(|ready| ready.rank).chain(main);
        let highest = ranks.enumerate().max_by_key(|(_, rank)| *rank);
        highest.map_or(0, |(place, _)| place)
    }

    /// Takes out what stands at that place.
    fn take(&mut self, place: usize) -> (Turn, HostId) {
        if place == self.ready.len() {
            self.main_woken = false;
            return (Turn::Main, HostId::MAIN);
        }
        let Ready { number, task, .. } = self.ready.swap_remove(place);
        let (actor, host) = match number {
            Some(number) => (Actor::Task(number), self.births[number - 1].host),
            None => (Actor::Unlisted, HostId::MAIN),
        };
        (Turn::Task(actor, task), host)
    }

    /// The number of a task; one that is not known was spawned this moment.
    fn number(&mut self, id: TaskId, slot: &'static TaskSlot) -> Option<usize> {
        if let Some(number) = self.numbers.get(&id) {
            return Some(*number);
        }
        let current = self.current.as_mut()?;
        self.births.push(Birth {
            id,
            slot,
            host: current.network.current_host(),
            rank: current.rng.u32(..),
        });
        let number = self.births.len();
        self.numbers.insert(id, number);
        self.alive.push(number);
        if let Some(label) = slot.label() {
            let spawned = Event::Spawned(Actor::Task(number), label.place.into());
            current.trace.note(spawned);
        }
        Some(number)
    }

    /// The rank of a task that was woken.
    fn rank(&mut self, number: Option<usize>, why: Why) -> u32 {
        let (Some(number), Some(current)) = (number, &mut self.current) else {
            return 0;
        };
        let rank = &mut self.births[number - 1].rank;
        current.draw_again(rank, why);
        *rank
    }

    fn wake_main(&mut self) {
        self.main_woken = true;
        if let Some(current) = &mut self.current {
            current.draw_again(&mut self.main_rank, Why::Woken);
        }
    }

    /// Ends the sleep of the home thread, unless this is it.
    fn notify(&self) {
        let home = context::with(|local| {
            local.is_some_and(|local| local.env().id() == self.env && local.worker().is_some())
        });
        if let (false, Some(current)) = (home, &self.current) {
            current.token.unpark();
        }
    }
}

impl Lent {
    /// Draws a new rank after a yield, and once in a while.
    fn draw_again(&mut self, rank: &mut u32, why: Why) {
        if why == Why::Yielded || self.rng.u32(..WAKES_PER_CHANGE) == 0 {
            *rank = self.rng.u32(..);
        }
    }
}

impl Schedule for Scheduler {
    fn schedule(&self, task: Runnable<TaskCell>, why: Why) {
        let slot = task.metadata().slot;
        let id = slot.id();
        let mut state = lock(&self.state);
        if state.current.is_none() {
            state.late.push(task);
            return;
        }
        let number = id.and_then(|id| state.number(id, slot));
        let rank = state.rank(number, why);
        state.ready.push(Ready { number, rank, task });
        state.notify();
    }
}

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = lock(&self.scheduler.state);
        if state.generation == self.generation {
            state.wake_main();
            state.notify();
        }
    }
}
