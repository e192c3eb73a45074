//! Running a program in the simulator.

use std::fmt::{self, Write as _};
use std::future::Future;
use std::io::{self, Write as _};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use hob_core::env::UnhandledHook;
use hob_core::{Unhandled, unhandled};

use crate::engine::{Engine, Figures, Heal, Setup};
use crate::net::Conditions;
use crate::primitive::{Mutex, lock};
use crate::trace::{Event, Trace, TraceHash};

/// Runs `main` in a simulation of its own: virtual time, a seeded order, a network in memory.
///
/// Everything that goes through hob is decided by the seed: the same one gives the same run. Time
/// stands still while something is runnable, but for some microseconds a poll, and jumps to the next
/// timer or message when nothing is. All tasks run on this thread and need not be `Send`. Blocking
/// jobs run at once, on this thread too. Sockets belong to the [simulated network](crate::net).
///
/// Tasks that are left when `main` is ready are cancelled, and their cleanups awaited.
///
/// What is made outside goes by the clock outside: write `async { sleep(time).await }` rather than
/// to hand over a `sleep(time)` that counts from the system's present.
///
/// # Panics
///
/// With the panic of `main`. When nothing is runnable and nothing will come: then with the tree of
/// tasks and what each waits for. When a task panicked and nobody awaited it, and for whatever else
/// goes unhandled. When the program has not ended after ten million polls. Inside another simulation.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use hob_sim::run;
/// use hob_time::{Instant, sleep};
///
/// let before = std::time::SystemTime::now();
/// run(7, async {
///     let begin = Instant::now();
///     sleep(Duration::from_secs(24 * 60 * 60)).await;
///     assert!(begin.elapsed() >= Duration::from_secs(24 * 60 * 60));
/// });
/// assert!(before.elapsed().unwrap() < Duration::from_secs(60 * 60));
/// ```
#[track_caller]
pub fn run<F: Future>(seed: u64, main: F) -> F::Output {
    Simulation::new(seed).run(main)
}

/// Runs a program twice with one seed, and panics if the two runs differ.
///
/// # Panics
///
/// As [`run`], and with the first difference.
///
/// # Examples
///
/// ```
/// let report = hob_sim::check_twice(7, || async {
///     let tasks = [1, 2, 3].map(|number| hob_task::spawn(async move { number }));
///     for task in tasks {
///         task.await.expect("nobody panics");
///     }
/// });
/// assert_eq!(report.tasks, 3);
/// ```
#[track_caller]
pub fn check_twice<F: Future>(seed: u64, make: impl FnMut() -> F) -> Report {
    Simulation::new(seed).check_twice(make)
}

/// Sets up a simulation.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use hob_sim::{Simulation, net::Conditions};
///
/// let (answer, report) = Simulation::new(7)
///     .conditions(Conditions::calm())
///     .heal(Duration::from_secs(60), Duration::from_secs(600))
///     .run_report(async { 42 });
/// assert_eq!((answer, report.polls), (42, 1));
/// ```
#[must_use = "a simulation does nothing until it runs"]
pub struct Simulation {
    seed: u64,
    conditions: Conditions,
    polls_max: u64,
    heal: Option<Heal>,
    waits_for_threads: bool,
    unhandled: Option<UnhandledHook>,
}

/// What a simulation came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// A number over everything that happened.
    pub trace: TraceHash,
    /// A number over the order in which tasks were polled, and nothing else.
    pub order: TraceHash,
    /// Polls of tasks and of the main future, until that was ready.
    pub polls: u64,
    /// Tasks that were spawned until then.
    pub tasks: usize,
    /// How far the virtual clock had moved by then.
    pub time: Duration,
}

/// What nobody handled, in words; `None` once the simulation is over, when it is printed instead.
#[derive(Clone)]
struct Complaints(Arc<Mutex<Option<Vec<String>>>>);

impl Simulation {
    /// A simulation with the usual weather on its network, and no faults that programs need not
    /// bear: messages are late, reads and writes are short.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            conditions: Conditions::default(),
            polls_max: 10_000_000,
            heal: None,
            waits_for_threads: false,
            unhandled: None,
        }
    }

    /// Sets what every link of the network starts with.
    pub fn conditions(mut self, conditions: Conditions) -> Self {
        self.conditions = conditions;
        self
    }

    /// Sets how many polls the program may take before it counts as endless. Default ten million.
    pub const fn polls_max(mut self, polls: u64) -> Self {
        self.polls_max = polls;
        self
    }

    /// Ends all faults `after` so long: partitions heal, nothing is lost any more, limits are lifted,
    /// and nobody is woken for no reason. The program must end `within` the time that follows.
    ///
    /// From then on the program can make no fault itself: [`partition`](crate::net::partition) and
    /// [`isolate`](crate::net::isolate) do nothing, nor does
    /// [`Host::set_descriptor_limit`](crate::net::Host::set_descriptor_limit), and
    /// [`set_link`](crate::net::set_link) only changes latencies.
    ///
    /// It tells a program that is slow under faults from one that never recovers.
    pub const fn heal(mut self, after: Duration, within: Duration) -> Self {
        self.heal = Some(Heal { after, within });
        self
    }

    /// When nothing else is to come, waits for a thread outside to wake a task, rather than to call it
    /// a deadlock. Such a run cannot be repeated: the seed does not decide when the thread does that.
    pub const fn wait_for_threads(mut self) -> Self {
        self.waits_for_threads = true;
        self
    }

    /// Is called with everything that goes wrong where nobody looks. Default: the simulation panics
    /// with it at its end.
    pub fn on_unhandled(mut self, hook: impl Fn(&Unhandled<'_>) + Send + Sync + 'static) -> Self {
        self.unhandled = Some(Arc::new(hook));
        self
    }

    /// Runs `main`. See [`run`].
    ///
    /// # Panics
    ///
    /// As [`run`].
    #[track_caller]
    pub fn run<F: Future>(self, main: F) -> F::Output {
        self.run_report(main).0
    }

    /// Runs `main`, and tells what it came to.
    ///
    /// # Panics
    ///
    /// As [`run`].
    #[track_caller]
    pub fn run_report<F: Future>(self, main: F) -> (F::Output, Report) {
        let (output, report, _) = self.run_traced(main, false);
        (output, report)
    }

    /// Runs what `make` makes twice, and panics if the two runs differ.
    ///
    /// # Panics
    ///
    /// As [`run`], and with the first difference: the program asks something for advice that the
    /// seed does not decide, such as the system's clock, a thread, or the order of a `HashMap`.
    #[track_caller]
    pub fn check_twice<F: Future>(self, mut make: impl FnMut() -> F) -> Report {
        let (_, first, before) = self.clone().run_traced(make(), true);
        let (_, second, now) = self.run_traced(make(), true);
        if let Some(difference) = difference(&before, &now) {
            panic!("two runs with seed {} differ: {difference}", first.seed);
        }
        second
    }

    #[track_caller]
    fn run_traced<F: Future>(mut self, main: F, keep: bool) -> (F::Output, Report, Vec<Event>) {
        let seed = self.seed;
        let trace = Arc::new(Trace::new(keep));
        let complaints = Complaints::new();
        let unhandled = self.unhandled.take().unwrap_or_else(|| complaints.hook());
        let setup = Setup {
            seed,
            conditions: self.conditions,
            polls_max: self.polls_max,
            heal: self.heal,
            waits_for_threads: self.waits_for_threads,
            unhandled,
        };
        let mut engine = Engine::open(setup, Arc::clone(&trace));
        let ran = engine.run(main);
        let wound_up = engine.wind_up();
        let complaints = complaints.take();
        let (output, figures) = match (ran, wound_up) {
            (Ok(output), Ok(figures)) if complaints.is_empty() => (output, figures),
            (Ok(_), Ok(_)) => {
                say_how_to_repeat(seed, &[]);
                panic!("nobody handled this: {}", complaints.join("; "));
            }
            (Err(payload), _) | (Ok(_), Err(payload)) => {
                say_how_to_repeat(seed, &complaints);
                resume_unwind(payload);
            }
        };
        let Figures { polls, tasks, time } = figures;
        let report = Report {
            seed,
            trace: trace.hash(),
            order: trace.order(),
            polls,
            tasks,
            time,
        };
        (output, report, trace.take())
    }
}

/// The first place where two runs differ, in words.
fn difference(before: &[Event], now: &[Event]) -> Option<String> {
    let place =
        (0..before.len().max(now.len())).find(|place| before.get(*place) != now.get(*place))?;
    let told = |events: &[Event]| {
        let event = events.get(place);
        event.map_or_else(|| "it is over".to_owned(), Event::to_string)
    };
    let last = place.checked_sub(1).map_or_else(String::new, |last| {
        format!("; the last in common: {}", before[last])
    });
    Some(format!(
        "event {place} was \"{}\" and is \"{}\"{last}",
        told(before),
        told(now)
    ))
}

impl Complaints {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    /// What collects them, and prints those that come too late.
    fn hook(&self) -> UnhandledHook {
        let complaints = self.clone();
        Arc::new(move |unhandled| match &mut *lock(&complaints.0) {
            Some(collected) => collected.push(unhandled.to_string()),
            None => unhandled::print(unhandled),
        })
    }

    /// Ends the collection.
    fn take(&self) -> Vec<String> {
        lock(&self.0).take().unwrap_or_default()
    }
}

/// Tells the seed on standard error, and what else went wrong: it may be the cause.
fn say_how_to_repeat(seed: u64, complaints: &[String]) {
    let mut text =
        format!("hob: the simulation with seed {seed} failed; HOB_SEED={seed} repeats it\n");
    for complaint in complaints {
        let _ = writeln!(text, "hob: nobody handled this: {complaint}");
    }
    // When standard error is gone there is nobody left to tell.
    let _gone = io::stderr().write_all(text.as_bytes());
}

impl Clone for Simulation {
    fn clone(&self) -> Self {
        Self {
            conditions: self.conditions.clone(),
            unhandled: self.unhandled.clone(),
            ..*self
        }
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("seed", &self.seed)
            .field("polls_max", &self.polls_max)
            .field("heal", &self.heal)
            .finish_non_exhaustive()
    }
}
