//! What crosses threads: a wake from outside, and work that a second core can take.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use rustix::thread::sched_getcpu;

use crate::contestant::Contestant;
use crate::exec::work::spin;
use crate::meeting::Turns;
use crate::meter::Meter;
use crate::workload::{Missed, Outcome, Size, expect};

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

    /// Where they landed, if it was the same nine times in ten.
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

/// A plain thread and a task wake each other: nanoseconds a round trip.
pub(super) fn cross_wake<C: Contestant>(size: Size) -> Outcome {
    let runtime = C::start()?;
    let partner = Partner::start()?;
    let (table, place) = (partner.table, partner.place);
    let thread = partner.thread.thread().clone();
    let outcome = runtime.block_on(async move {
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
    });
    partner.end()?;
    outcome
}

/// Two plain threads.
pub(super) fn cross_wake_floor(size: Size) -> Outcome {
    let partner = Partner::start()?;
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
    let outcome = told(partner.table, &meter, &places);
    partner.end()?;
    outcome
}

fn told(table: &Turns, meter: &Meter, places: &Places) -> Outcome {
    expect("turns", table.taken() as u64, 2 * meter.operations())?;
    Ok(meter.measured().placed(places.verdict()))
}

/// One task spawns tasks of 10 µs of work each: nanoseconds a task, 5 µs at best on two cores.
pub(super) fn steal<C: Contestant>(size: Size) -> Outcome {
    const WAVE: u64 = 500;
    let wave = size.pick(20, WAVE as usize, WAVE as usize) as u64;
    C::start()?.block_on(async move {
        C::spawn(async move {
            let mut meter = Meter::new(size, wave);
            let mut tasks = Vec::with_capacity(wave as usize);
            let mut sum = 0_u64;
            while meter.more() {
                for _ in 0..wave {
                    tasks.push(C::spawn(async { spin(10) }));
                }
                for task in tasks.drain(..) {
                    sum = sum.wrapping_add(task.await);
                }
            }
            expect("sum", sum, spin(10).wrapping_mul(meter.operations()))?;
            Ok(meter.measured())
        })
        .await
    })
}

/// Two threads take numbers from a counter.
pub(super) fn steal_floor(size: Size) -> Outcome {
    let wave = size.pick(20, 5_000, 20_000);
    let mut meter = Meter::new(size, wave as u64);
    let mut sum = 0_u64;
    while meter.more() {
        let left = AtomicUsize::new(wave);
        let work = || {
            let mut sum = 0_u64;
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                })
                .is_ok()
            {
                sum = sum.wrapping_add(spin(10));
            }
            sum
        };
        let other = thread::scope(|scope| {
            let other = thread::Builder::new().spawn_scoped(scope, work)?;
            sum = sum.wrapping_add(work());
            let panicked = |_| io::Error::other("the other thread panicked");
            other.join().map_err(panicked)
        })?;
        sum = sum.wrapping_add(other);
    }
    expect("sum", sum, spin(10).wrapping_mul(meter.operations()))?;
    Ok(meter.measured())
}
