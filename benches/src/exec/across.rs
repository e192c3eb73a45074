//! What crosses threads: a wake from outside.
//!
//! Both threads are pinned, for the figures with one core and with two are far apart. Where they landed is
//! looked at all the same.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use rustix::thread::sched_getcpu;

use crate::contestant::Contestant;
use crate::cores::{cores, pin};
use crate::meeting::Turns;
use crate::meter::Meter;
use crate::workload::{Missed, Outcome, Size, expect};

/// Where the plain thread runs: its core's place among the cores. The runtime has the first.
#[derive(Clone, Copy, Debug)]
enum Place {
    Same,
    Apart,
}

/// Where two threads were, round by round.
#[derive(Debug, Default)]
struct Places {
    rounds: usize,
    together: usize,
}

impl Places {
    fn note(&mut self, other: &AtomicUsize) {
        self.rounds += 1;
        self.together += usize::from(other.load(Ordering::Relaxed) == sched_getcpu());
    }

    /// Where they landed, if it was the same nine times in ten. `xtask` knows the last name: void by itself.
    const fn verdict(&self) -> &'static str {
        if self.together * 10 >= self.rounds * 9 {
            "one_core"
        } else if self.together * 10 <= self.rounds {
            "two_cores"
        } else {
            "now_one_core_now_two"
        }
    }
}

/// A plain thread that answers each turn at a table by the next, until it is told to end.
struct Partner {
    table: &'static Turns,
    place: &'static AtomicUsize,
    done: &'static AtomicBool,
    thread: JoinHandle<()>,
}

impl Partner {
    fn start() -> io::Result<Self> {
        let table = Turns::leaked();
        let place: &'static AtomicUsize = Box::leak(Box::default());
        let done: &'static AtomicBool = Box::leak(Box::default());
        let other = thread::current();
        let thread = thread::Builder::new().spawn(move || {
            while !done.load(Ordering::Acquire) {
                if table.is_turn_of(1) {
                    place.store(sched_getcpu(), Ordering::Relaxed);
                    table.hand_over(1);
                    // Only in the floor does anyone park there; for the others it is an atomic.
                    other.unpark();
                } else {
                    thread::park();
                }
            }
        })?;
        Ok(Self {
            table,
            place,
            done,
            thread,
        })
    }

    fn end(self) -> Result<(), Missed> {
        self.done.store(true, Ordering::Release);
        self.thread.thread().unpark();
        let joined = self.thread.join();
        joined.map_err(|_| Missed::Failed("the partner panicked".to_owned()))
    }
}

/// A plain thread and a task wake each other, on one core: nanoseconds a round trip.
pub(super) fn wake_same<C: Contestant>(size: Size) -> Outcome {
    beside_partner(Place::Same, |partner| cross_wake::<C>(size, partner))
}

/// The same on two cores: the runtime, with all its threads, has one, and the plain thread the other.
pub(super) fn wake_apart<C: Contestant>(size: Size) -> Outcome {
    beside_partner(Place::Apart, |partner| cross_wake::<C>(size, partner))
}

/// Two plain threads on one core.
pub(super) fn wake_same_floor(size: Size) -> Outcome {
    beside_partner(Place::Same, |partner| cross_wake_floor(size, partner))
}

/// Two plain threads on two cores.
pub(super) fn wake_apart_floor(size: Size) -> Outcome {
    beside_partner(Place::Apart, |partner| cross_wake_floor(size, partner))
}

/// Runs `run` on the first core and a partner at its place, both on threads of their own: no pin stays
/// behind. What `run` starts stays on the first core too.
fn beside_partner(place: Place, run: impl FnOnce(&Partner) -> Outcome + Send) -> Outcome {
    let cores = cores()?;
    let (Some(&first), Some(&other)) = (cores.first(), cores.get(place as usize)) else {
        return Err(Missed::Skipped("there is only one core".to_owned()));
    };
    let pinned = move || {
        pin(other)?;
        let partner = Partner::start()?;
        pin(first)?;
        let outcome = run(&partner);
        partner.end()?;
        outcome
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, pinned)?;
        let panicked = |_| Err(Missed::Failed("the pinned thread panicked".to_owned()));
        thread.join().unwrap_or_else(panicked)
    })
}

fn cross_wake<C: Contestant>(size: Size, partner: &Partner) -> Outcome {
    let runtime = C::start()?;
    let (table, place) = (partner.table, partner.place);
    let thread = partner.thread.thread().clone();
    runtime.block_on(async move {
        C::spawn(async move {
            let mut meter = Meter::new(size, 1);
            let mut places = Places::default();
            while meter.more() {
                table.hand_over(0);
                thread.unpark();
                table.wait(0).await;
                places.note(place);
            }
            told(table, &meter, &places)
        })
        .await
    })
}

fn cross_wake_floor(size: Size, partner: &Partner) -> Outcome {
    let mut meter = Meter::new(size, 1);
    let mut places = Places::default();
    while meter.more() {
        partner.table.hand_over(0);
        partner.thread.thread().unpark();
        while !partner.table.is_turn_of(0) {
            thread::park();
        }
        places.note(partner.place);
    }
    told(partner.table, &meter, &places)
}

fn told(table: &Turns, meter: &Meter, places: &Places) -> Outcome {
    expect("turns", table.taken() as u64, 2 * meter.operations())?;
    Ok(meter.measured().placed(places.verdict()))
}
