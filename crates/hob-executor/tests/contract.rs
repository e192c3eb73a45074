//! The parker and the executors keep the contracts of their seams, and the suites notice who does not.
#![cfg(not(loom))]

mod common;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use hob_core::conformance::{self, ParkClock, ScheduleRig};
use hob_core::context::{self, Local, Role};
use hob_core::env::Parts;
use hob_core::panic::{contain, discard, message};
use hob_core::{
    Env, Instant, Park, Runnable, Schedule, SchedulerRef, TaskCell, Unpark, Until, Why,
};
use hob_executor::Parker;

use crate::common::{Loop, Pool};

#[test]
fn the_parker_keeps_the_contract_of_park() {
    conformance::park(|| Box::new(Parker::new()));
}

#[test]
fn a_parker_on_a_virtual_clock_keeps_the_contract_of_park() {
    conformance::park_on(|| Virtual::rig(ParkFault::None));
}

#[test]
fn a_pool_of_one_keeps_the_contract_of_schedule() {
    conformance::schedule(|| Box::new(Pool::new(1)));
}

#[test]
fn a_pool_of_two_keeps_the_contract_of_schedule() {
    conformance::schedule(|| Box::new(Pool::new(2)));
}

#[test]
fn a_pool_of_four_keeps_the_contract_of_schedule() {
    conformance::schedule(|| Box::new(Pool::new(4)));
}

#[test]
fn the_local_executor_keeps_the_contract_of_schedule() {
    conformance::schedule(|| Box::new(Loop::new()));
}

#[test]
fn a_plain_queue_keeps_the_contract_of_schedule() {
    conformance::schedule(|| Queue::rig(Fault::None));
}

impl ScheduleRig for Pool {
    fn env(&self) -> &Arc<Env> {
        &self.env
    }

    fn block_on(&self, main: Pin<&mut dyn Future<Output = ()>>) {
        self.executor.block_on(&self.env, main);
    }

    fn finish(self: Box<Self>) {
        assert_eq!(self.executor.stop(&self.env, Instant::NEVER), 0);
    }
}

impl ScheduleRig for Loop {
    fn env(&self) -> &Arc<Env> {
        &self.env
    }

    fn block_on(&self, main: Pin<&mut dyn Future<Output = ()>>) {
        self.executor.block_on(&self.env, main);
    }

    fn finish(self: Box<Self>) {
        self.executor.close(&self.env);
    }
}

/// A sentence of the contract of `Schedule` that is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    None,
    DropsOne,
    LosesOne,
    LosesRemoteOnes,
    LosesThoseOfGuests,
    TellsNobodyOfRemoteOnes,
    RunsInline,
    RunsYieldedInline,
    WaitsUntilRun,
    TrustsTheReason,
    LastInFirstOut,
    RunsOutside,
    RunsElsewhere,
    DropsRemoteWakes,
    RunsLateOnes,
    DropsLateOnes,
    LeavesLateOnesToTheNext,
}

/// The simplest scheduler: a queue, and whoever works it off on the thread of the test.
struct Queue {
    fault: Fault,
    home: ThreadId,
    tasks: Mutex<VecDeque<Runnable<TaskCell>>>,
    unparker: Arc<dyn Unpark>,
    waker: Waker,
    parker: Mutex<Parker>,
    taken: AtomicU64,
    run: AtomicU64,
    closed: AtomicBool,
}

/// A queue whose owner has ended, for the one who does not look whether it is empty.
static SHELF: Mutex<Option<&'static Queue>> = Mutex::new(None);

struct QueueRig {
    queue: &'static Queue,
    env: Arc<Env>,
}

impl Queue {
    fn rig(fault: Fault) -> Box<dyn ScheduleRig> {
        let used = match fault {
            Fault::LeavesLateOnesToTheNext => SHELF.lock().unwrap().take(),
            _ => None,
        };
        let queue = used.unwrap_or_else(|| Self::leak(fault));
        let env = Arc::new(Env::new(Parts {
            scheduler: Some(SchedulerRef::leak(queue)),
            home: Some(queue.home),
            ..Parts::default()
        }));
        Box::new(QueueRig { queue, env })
    }

    fn leak(fault: Fault) -> &'static Self {
        let parker = Parker::new();
        Box::leak(Box::new(Self {
            fault,
            home: thread::current().id(),
            tasks: Mutex::default(),
            unparker: parker.unparker(),
            waker: parker.waker(),
            parker: Mutex::new(parker),
            taken: AtomicU64::new(0),
            run: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }))
    }

    fn pop(&self) -> Option<Runnable<TaskCell>> {
        let mut tasks = self.tasks.lock().unwrap();
        match self.fault {
            Fault::LastInFirstOut => tasks.pop_back(),
            _ => tasks.pop_front(),
        }
    }

    fn run(&self, task: Runnable<TaskCell>) {
        if self.fault == Fault::DropsOne && self.run.load(Ordering::SeqCst) == 500 {
            drop(task);
        } else if self.fault == Fault::RunsElsewhere && self.run.load(Ordering::SeqCst) == 50 {
            let local = context::env().unwrap();
            thread::scope(|scope| {
                scope.spawn(|| {
                    context::enter(&Local::new(&local, Role::Worker), || task.run());
                });
            });
        } else {
            task.run();
        }
        self.run.fetch_add(1, Ordering::SeqCst);
    }
}

impl Schedule for Queue {
    fn schedule(&self, task: Runnable<TaskCell>, why: Why) {
        let number = self.taken.fetch_add(1, Ordering::SeqCst);
        let is_remote = thread::current().id() != self.home;
        let is_guest = context::with(|local| local.is_some_and(|l| l.role() == Role::Guest));
        match self.fault {
            Fault::LosesOne if number == 500 => return forget(task),
            Fault::LosesRemoteOnes if is_remote => return forget(task),
            Fault::LosesThoseOfGuests if is_guest => return forget(task),
            Fault::RunsInline => return run(task),
            Fault::RunsYieldedInline if why == Why::Yielded => return run(task),
            Fault::DropsRemoteWakes if is_remote && why == Why::Woken => {
                return drop(task);
            }
            Fault::RunsLateOnes if self.closed.load(Ordering::SeqCst) => {
                return run(task);
            }
            Fault::DropsLateOnes if self.closed.load(Ordering::SeqCst) && !is_remote => {
                return drop(task);
            }
            _ => {}
        }
        self.tasks.lock().unwrap().push_back(task);
        let trusted = self.fault == Fault::TrustsTheReason && why == Why::Yielded;
        let silent = self.fault == Fault::TellsNobodyOfRemoteOnes && is_remote;
        if !trusted && !silent {
            self.unparker.unpark();
        }
        if self.fault == Fault::WaitsUntilRun && is_remote {
            while self.run.load(Ordering::SeqCst) <= number {
                thread::yield_now();
            }
        }
    }
}

fn run(task: Runnable<TaskCell>) {
    task.run();
}

/// Keeps a task for ever.
fn forget(task: Runnable<TaskCell>) {
    Box::leak(Box::new(task));
}

impl ScheduleRig for QueueRig {
    fn env(&self) -> &Arc<Env> {
        &self.env
    }

    fn block_on(&self, mut main: Pin<&mut dyn Future<Output = ()>>) {
        let mut parker = self.queue.parker.lock().unwrap();
        let mut cx = Context::from_waker(&self.queue.waker);
        let local = Local::new(&self.env, Role::Worker);
        let mut pass = || {
            // Strictly in turn: the main future, then one task.
            while main.as_mut().poll(&mut cx).is_pending() {
                match self.queue.pop() {
                    Some(task) => self.queue.run(task),
                    None => parker.park(Until::Forever, &mut Vec::new()),
                }
            }
        };
        match self.queue.fault {
            Fault::RunsOutside => pass(),
            _ => context::enter(&local, pass),
        }
    }

    fn finish(self: Box<Self>) {
        self.queue.closed.store(true, Ordering::SeqCst);
        if self.queue.fault == Fault::LeavesLateOnesToTheNext {
            *SHELF.lock().unwrap() = Some(self.queue);
        }
    }

    fn patience(&self) -> Duration {
        match self.queue.fault {
            // What they lose is waited for in vain, at whichever claim it is.
            Fault::LosesOne
            | Fault::LosesRemoteOnes
            | Fault::LosesThoseOfGuests
            | Fault::TellsNobodyOfRemoteOnes => Duration::from_secs(2),
            // The same, but the claims before must hold, and they take long on a busy machine: each
            // wakes a sleeping thread some hundred times.
            Fault::WaitsUntilRun | Fault::TrustsTheReason | Fault::LastInFirstOut => {
                Duration::from_secs(15)
            }
            _ => Duration::from_secs(60),
        }
    }
}

/// The suite says which sentence is broken.
#[track_caller]
fn check(fault: Fault, sentence: &str) {
    check_any(fault, &[sentence]);
}

/// One that is found by waiting in vain: on a busy machine patience may end at an earlier claim, and
/// then its sentence is told.
#[track_caller]
fn check_by_patience(fault: Fault, sentence: &str) {
    check_any(fault, &[sentence, "every task that was taken is run"]);
}

#[track_caller]
fn check_any(fault: Fault, sentences: &[&str]) {
    let payload = contain(|| conformance::schedule(|| Queue::rig(fault)))
        .expect_err(&format!("the suite does not notice {fault:?}"));
    let text = message(&payload);
    let is_told = sentences.iter().any(|sentence| text.contains(sentence));
    assert!(is_told, "{fault:?} is taken for: {text}");
    discard(payload);
}

#[test]
fn the_suite_notices_who_loses_tasks() {
    check(Fault::DropsOne, "run, and not dropped");
    check(Fault::LosesOne, "every task that was taken is run");
    check(Fault::LosesRemoteOnes, "every task that was taken is run");
    check(
        Fault::LosesThoseOfGuests,
        "every task that was taken is run",
    );
    check(
        Fault::TellsNobodyOfRemoteOnes,
        "every task that was taken is run",
    );
}

#[test]
fn the_suite_notices_who_runs_tasks_in_the_wrong_place() {
    check(Fault::RunsInline, "never run inside `schedule`");
    check(Fault::RunsYieldedInline, "never run inside `schedule`");
    check(Fault::RunsOutside, "in the surroundings of its runtime");
    check(Fault::RunsElsewhere, "run on no other");
}

#[test]
fn the_suite_notices_who_waits() {
    check_by_patience(Fault::WaitsUntilRun, "does not wait for another thread");
}

#[test]
fn the_suite_notices_who_trusts() {
    check_by_patience(Fault::TrustsTheReason, "whatever it is scheduled for");
}

#[test]
fn the_suite_notices_whose_last_is_the_first() {
    check_by_patience(Fault::LastInFirstOut, "no task waits for ever");
}

#[test]
fn the_suite_notices_who_drops_or_runs_what_he_must_keep() {
    check(Fault::DropsRemoteWakes, "dropped on no other");
    check(Fault::RunsLateOnes, "never run");
    check(Fault::DropsLateOnes, "never dropped inside `schedule`");
    check(Fault::LeavesLateOnesToTheNext, "never run");
}

/// A sentence of the contract of `Park` that is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ParkFault {
    None,
    ForgetsTheToken,
    KeepsEveryToken,
    SleepsForNow,
    ReturnsEarly,
    GoesBack,
    DropsWhatIsThere,
}

/// A parker that does not sleep until a deadline: it moves its clock there.
struct Virtual {
    fault: ParkFault,
    nanos: Arc<AtomicU64>,
    tokens: Arc<AtomicU64>,
    parker: Parker,
}

/// Counts the tokens, for the one who keeps them all.
struct Tokens(Arc<AtomicU64>, Arc<dyn Unpark>);

impl Virtual {
    fn rig(fault: ParkFault) -> (Box<dyn Park + Send>, ParkClock) {
        let nanos = Arc::new(AtomicU64::new(1_000_000_000));
        let clock = Arc::clone(&nanos);
        let parker = Self {
            fault,
            nanos,
            tokens: Arc::default(),
            parker: Parker::new(),
        };
        let now = move || Instant::from_nanos(clock.load(Ordering::SeqCst));
        (Box::new(parker), Box::new(now))
    }
}

impl Park for Virtual {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        let until = match (self.fault, until) {
            (ParkFault::SleepsForNow, Until::Now) => {
                let now = Instant::from_nanos(self.nanos.load(Ordering::SeqCst));
                Until::At(now + Duration::from_millis(10))
            }
            (_, until) => until,
        };
        let token = self.tokens.swap(0, Ordering::SeqCst);
        if self.fault == ParkFault::KeepsEveryToken {
            self.tokens.store(token.saturating_sub(1), Ordering::SeqCst);
        }
        if self.fault == ParkFault::DropsWhatIsThere {
            woken.clear();
        }
        match until {
            Until::At(deadline) if self.fault == ParkFault::ForgetsTheToken || token == 0 => {
                let nanos = match self.fault {
                    ParkFault::ReturnsEarly => deadline.as_nanos() - 1,
                    _ => deadline.as_nanos(),
                };
                match self.fault {
                    ParkFault::GoesBack => self.nanos.store(nanos, Ordering::SeqCst),
                    _ => drop(self.nanos.fetch_max(nanos, Ordering::SeqCst)),
                }
            }
            Until::Forever if token == 0 => {
                self.parker.park(Until::Forever, woken);
                self.tokens.store(0, Ordering::SeqCst);
            }
            _ => {}
        }
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        Arc::new(Tokens(Arc::clone(&self.tokens), self.parker.unparker()))
    }
}

impl Unpark for Tokens {
    fn unpark(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        self.1.unpark();
    }
}

/// The suite says which sentence is broken.
#[track_caller]
fn check_park(fault: ParkFault, sentence: &str) {
    let payload = contain(|| conformance::park_on(|| Virtual::rig(fault)))
        .expect_err(&format!("the suite does not notice {fault:?}"));
    let text = message(&payload);
    assert!(text.contains(sentence), "{fault:?} is taken for: {text}");
    discard(payload);
}

#[test]
fn the_suite_notices_each_fault_of_a_parker() {
    check_park(ParkFault::ForgetsTheToken, "a token left before `park`");
    check_park(ParkFault::KeepsEveryToken, "no earlier than asked");
    check_park(ParkFault::SleepsForNow, "`Until::Now` does not sleep");
    check_park(ParkFault::ReturnsEarly, "no earlier than asked");
    check_park(ParkFault::GoesBack, "a clock does not go back");
    check_park(ParkFault::DropsWhatIsThere, "and nothing else");
}
