//! The loop of a simulation.
//!
//! ```text
//!   ┌─► timers and network: what is due now ─► somebody runnable? ─ yes ─► poll it, some µs pass
//!   │                                              │ no
//!   │                                    somebody who settles? ─ yes ─► wake him
//!   │                                              │ no
//!   │                                    anything to come? ─ yes ─► move the clock to it
//!   │                                              │ no
//!   └──────────────────────────────────────    deadlock: panic with the tree of tasks
//! ```
//!
//! Time passes with every poll, so a task that is always ready cannot stop it.
//!
//! The seed decides more than the order. A simulation has *habits*, drawn from the seed before it
//! begins: half of them wake tasks for no reason, half choose by rank instead of uniformly, a quarter
//! give every poll a small budget, and they begin at different points of the clock. A habit that all
//! seeds had would hide bugs: a wake for no reason rescues a task whose real wake was lost.

use std::fmt::{self, Write as _};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use hob_blocking::Inline;
use hob_core::budget::BUDGET_PER_POLL;
use hob_core::context::{self, Local, Role};
use hob_core::env::{Parts, UnhandledHook};
use hob_core::panic::{Payload, contain};
use hob_core::unhandled::wake_all;
use hob_core::{Alarm, Env, Instant, Park, Reactor, Timers, Until};
use hob_task::{TaskTree, tasks_of};
use hob_time::{Clock, Heap, VirtualClock};

use crate::net::{Conditions, Network};
use crate::parker::{Parker, Token};
use crate::scheduler::{Lent, Order, Scheduler, Turn};
use crate::trace::{Actor, Event, Trace};
use crate::world::{self, World};

/// What a simulation is made with.
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) conditions: Conditions,
    pub(crate) polls_max: u64,
    pub(crate) heal: Option<Heal>,
    /// Whether it waits for wakes from other threads when nothing else is to come.
    pub(crate) waits_for_threads: bool,
    pub(crate) unhandled: UnhandledHook,
}

/// When all faults end, and how long the program may go on after that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heal {
    pub(crate) after: Duration,
    pub(crate) within: Duration,
}

/// The engines of one simulation, put together.
pub(crate) struct Engine {
    env: Arc<Env>,
    scheduler: &'static Scheduler,
    heap: &'static Heap,
    parker: Parker,
    alarm: Arc<Alarm>,
    blocking: Arc<Inline>,
    world: World,
    habits: Habits,
    rng: Rng,
    polls: u64,
    polls_max: u64,
    heal_at: Instant,
    /// How long the program may go on after that, and until when.
    patience: Duration,
    end_by: Instant,
    waits_for_threads: bool,
}

/// What a simulation came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) polls: u64,
    pub(crate) tasks: usize,
    pub(crate) time: Duration,
}

/// What the seed decided beforehand.
#[derive(Clone, Copy, Debug)]
struct Habits {
    order: Order,
    wakes_for_nothing: bool,
    small_budgets: bool,
    start: Instant,
}

/// One turn in so many begins with a wake for no reason.
const TURNS_PER_WAKE: u32 = 16;
/// The most that passes with one poll.
const POLL_MICROS_MAX: u64 = 5;
/// How long what is left may take to clean up when the main future has ended.
const SHUTDOWN_TIME: Duration = Duration::from_secs(10);

/// Keeps our random numbers apart from those of a program that begins with the same seed.
const SALT: u64 = 0x686f_622d_7369_6d00;

const DEADLOCKED: &str = "is deadlocked: nothing is runnable, no timer is armed and nothing is under \
    way on the network (a wake from another thread would come too late: it cannot be replayed)";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Habits {
    fn draw(rng: &mut Rng) -> Self {
        let order = [Order::Uniform, Order::Ranked][usize::from(rng.bool())];
        Self {
            order,
            wakes_for_nothing: rng.bool(),
            small_budgets: rng.u8(..4) == 0,
            start: start(rng),
        }
    }
}

/// Where the clock begins: as a rule just before a place where other clocks broke, which is where a
/// count of milliseconds in 32 bits is half full and full, on the scale itself and from its usual
/// beginning.
fn start(rng: &mut Rng) -> Instant {
    const ORIGIN: Instant = Instant::from_nanos(1 << 60);
    const WRAP: Duration = Duration::from_millis(1 << 32);
    let on_the_scale = |wrap: Duration| {
        let nanos = wrap.as_nanos() as u64;
        Instant::from_nanos(ORIGIN.as_nanos().next_multiple_of(nanos))
    };
    let places = [
        ORIGIN + WRAP / 2,
        ORIGIN + WRAP,
        on_the_scale(WRAP / 2),
        on_the_scale(WRAP),
        ORIGIN + 3653 * DAY,
        ORIGIN,
    ];
    let place = places[rng.usize(..places.len())];
    place.saturating_sub(Duration::from_micros(rng.u64(..10_000)))
}

impl Engine {
    pub(crate) fn open(setup: Setup, trace: Arc<Trace>) -> Self {
        let mut rng = Rng::with_seed(setup.seed ^ SALT);
        let habits = Habits::draw(&mut rng);
        let clock = VirtualClock::open(habits.start);
        let network = Network::open(rng.u64(..), setup.conditions, Arc::clone(&trace), clock);
        let token = Arc::new(Token::default());
        let parker = Parker::new(clock, network, Arc::clone(&token));
        let alarm = Arc::new(Alarm::new(parker.unparker()));
        let heap = Heap::open(Clock::Virtual(clock));
        heap.attach(Arc::clone(&alarm));
        let scheduler = Scheduler::open(Lent {
            network,
            trace: Arc::clone(&trace),
            token,
            rng: rng.fork(),
        });
        let hook = Arc::clone(&setup.unhandled);
        let blocking = Arc::new(Inline::new().on_unhandled(move |unhandled| hook(unhandled)));
        let env = Arc::new(Env::new(Parts {
            name: "simulation".into(),
            scheduler: Some(scheduler.reference()),
            home: Some(thread::current().id()),
            timers: Some(heap),
            reactor: Some(network),
            sys: Some(network),
            blocking: Some(Arc::clone(&blocking) as _),
            unhandled: setup.unhandled,
            ..Parts::default()
        }));
        scheduler.belongs_to(env.id());
        let never = Instant::NEVER;
        Self {
            env,
            scheduler,
            heap,
            parker,
            alarm,
            blocking,
            world: World {
                seed: setup.seed,
                network,
                trace,
                clock,
                start: habits.start,
            },
            habits,
            rng,
            polls: 0,
            polls_max: setup.polls_max,
            heal_at: setup.heal.map_or(never, |heal| habits.start + heal.after),
            patience: setup.heal.map_or(Duration::MAX, |heal| heal.within),
            end_by: never,
            waits_for_threads: setup.waits_for_threads,
        }
    }

    #[cfg(test)]
    pub(crate) const fn env(&self) -> &Arc<Env> {
        &self.env
    }

    /// Runs `main` to its end. The error is a panic: of `main`, or of ours about a deadlock.
    pub(crate) fn run<F: Future>(&mut self, main: F) -> Result<F::Output, Payload> {
        let (env, heap, world) = (Arc::clone(&self.env), self.heap, self.world.clone());
        let local = Local::new(&env, Role::Worker)
            .with_worker(0)
            .with_timers(heap);
        contain(|| {
            world::enter(world, || {
                context::enter(&local, || {
                    // In here, so that what is left of it is dropped inside the simulation.
                    let main = pin!(main);
                    self.drive(&local, main)
                })
            })
        })
    }

    /// Cancels what is left, waits for the cleanups, and takes everything apart.
    pub(crate) fn wind_up(mut self) -> Result<Figures, Payload> {
        let figures = self.figures();
        self.heal_at = Instant::NEVER;
        self.end_by = Instant::NEVER;
        // The deadline bounds this too: each poll takes some time.
        self.polls_max = u64::MAX;
        let deadline = self.world.clock.now() + SHUTDOWN_TIME;
        let drained = self.run(hob_task::drain(Arc::clone(&self.env), deadline));
        self.blocking.close();
        self.env.end();
        let mut woken = Vec::new();
        self.world.network.retire(&mut woken);
        self.heap.retire(&mut woken);
        context::enter(&Local::new(&self.env, Role::Guest), || wake_all(&mut woken));
        // A task that is still alive may be scheduled there: then nothing is used again.
        if self.env.tasks_alive() == 0 {
            self.scheduler.close();
            self.heap.close();
            self.world.network.close();
            self.world.clock.close();
        }
        drained.map(|_left| figures)
    }

    fn figures(&self) -> Figures {
        Figures {
            polls: self.polls,
            tasks: self.scheduler.tasks_spawned(),
            time: self.elapsed(),
        }
    }

    fn elapsed(&self) -> Duration {
        self.world.clock.now() - self.world.start
    }

    fn drive<F: Future>(&mut self, local: &Local<'_>, mut main: Pin<&mut F>) -> F::Output {
        let waker = self.scheduler.main_waker();
        waker.wake_by_ref();
        let mut cx = Context::from_waker(&waker);
        let mut woken = Vec::new();
        loop {
            self.look(Until::Now, &mut woken);
            self.mind_health(local);
            let Some(turn) = self.scheduler.next(self.habits.order, &mut self.rng) else {
                self.pass_time(local, &mut woken);
                continue;
            };
            self.begin_poll(local, &turn);
            match turn {
                Turn::Main => {
                    if let Poll::Ready(output) = local.in_main(|| main.as_mut().poll(&mut cx)) {
                        self.world.trace.note(Event::MainReady);
                        return output;
                    }
                }
                Turn::Task(_, task) => {
                    task.run();
                }
            }
            let spent = Duration::from_micros(self.rng.u64(1..=POLL_MICROS_MAX));
            let clock = self.world.clock;
            clock.advance_to(clock.now() + spent);
        }
    }

    fn begin_poll(&mut self, local: &Local<'_>, turn: &Turn) {
        self.polls += 1;
        assert!(
            self.polls <= self.polls_max,
            "{}",
            self.story(
                local,
                "has not ended; polls_max sets how many polls it may take"
            )
        );
        let actor = match turn {
            Turn::Main => Actor::Main,
            Turn::Task(actor, _) => *actor,
        };
        let polled = Event::Polled(actor, self.elapsed());
        self.world.trace.note(polled);
        if self.habits.wakes_for_nothing && self.rng.u32(..TURNS_PER_WAKE) == 0 {
            self.scheduler.wake_for_nothing(&mut self.rng);
        }
        if self.habits.small_budgets {
            local.set_budget_per_poll(self.rng.u32(1..=BUDGET_PER_POLL / 8));
        }
    }

    /// Looks at the network and at the timers, which may move the clock up to `until`, and wakes.
    fn look(&mut self, until: Until, woken: &mut Vec<Waker>) {
        self.parker.park(until, woken);
        let now = self.world.clock.now();
        if self.heap.next() <= now {
            self.heap.expire(now, woken);
        }
        wake_all(woken);
    }

    /// Sees to whatever comes next when nothing is runnable.
    fn pass_time(&mut self, local: &Local<'_>, woken: &mut Vec<Waker>) {
        woken.extend(self.env.take_settling());
        if !woken.is_empty() {
            return wake_all(woken);
        }
        let next = self.heap.next().min(self.world.network.next());
        if next.min(self.heal_at).is_never() && !self.waits_for_threads {
            panic!("{}", self.story(local, DEADLOCKED));
        }
        let timers: &'static dyn Timers = self.heap;
        let until = self.alarm.set([timers].into_iter()).min(self.heal_at);
        self.look(Until::at(until), woken);
        self.alarm.clear();
        self.world.trace.note(Event::TimeMoved(self.elapsed()));
    }

    /// Ends the faults when it is time, and the patience when they have ended for long.
    fn mind_health(&mut self, local: &Local<'_>) {
        let now = self.world.clock.now();
        if now >= self.heal_at {
            self.heal_at = Instant::NEVER;
            self.end_by = now + self.patience;
            self.habits.wakes_for_nothing = false;
            self.world.network.heal();
        }
        if now >= self.end_by {
            let what = format!(
                "has not ended {:?} after all faults were healed",
                self.patience
            );
            panic!("{}", self.story(local, &what));
        }
    }

    /// What a failure tells: where the simulation stands, and what everybody waits for.
    fn story(&self, local: &Local<'_>, what: &str) -> String {
        let mut story = format!(
            "the simulation with seed {} {what}; it is at {:?} of virtual time, after {} polls",
            self.world.seed,
            self.elapsed(),
            self.polls,
        );
        if let Some(wait) = local.main_wait() {
            let _ = write!(story, "\nthe main future waits in {wait}");
        }
        let _ = write!(story, "\n{}", TaskTree::new(tasks_of(&self.env)));
        story
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("seed", &self.world.seed)
            .field("elapsed", &self.elapsed())
            .finish_non_exhaustive()
    }
}
