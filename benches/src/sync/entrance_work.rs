//! Tasks that enter and leave: alone, in a crowd, with a pause inside.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::contestant::Contestant;
use crate::meter::Meter;
use crate::sync::entrance::Entrance;
use crate::workload::{Missed, Outcome, Size, expect};

/// Who comes, and what they do inside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    tasks: u64,
    inside: Inside,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Inside {
    /// Nothing.
    Pass,
    /// Nothing, as readers.
    Read,
    /// One yield; of a lock with readers, one in eight writes.
    Hold,
}

impl Crowd {
    /// Tasks that do nothing inside.
    pub(super) const fn passing(tasks: u64) -> Self {
        Self {
            tasks,
            inside: Inside::Pass,
        }
    }

    /// Tasks that do nothing inside, as readers.
    pub(super) const fn reading(tasks: u64) -> Self {
        Self {
            tasks,
            inside: Inside::Read,
        }
    }

    /// Tasks that yield inside.
    pub(super) const fn holding(tasks: u64) -> Self {
        Self {
            tasks,
            inside: Inside::Hold,
        }
    }
}

/// How many are inside, and whether there were ever too many.
#[derive(Debug, Default)]
struct Room {
    inside: AtomicU64,
    overfull: AtomicU64,
}

/// Nanoseconds an entrance.
pub(super) fn enter<C: Contestant, E: Entrance>(size: Size, crowd: Crowd) -> Outcome {
    let each = size.pick(20, 4_000, 8_000) as u64;
    let entrance: &'static E = Box::leak(Box::new(E::new()));
    let room: &'static Room = Box::leak(Box::default());
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, crowd.tasks * each);
        let mut tasks = Vec::new();
        while meter.more() {
            for number in 0..crowd.tasks {
                tasks.push(C::spawn(come_and_go::<C, E>(
                    entrance, room, crowd, number, each,
                )));
            }
            for task in tasks.drain(..) {
                task.await;
            }
        }
        expect("entered", entrance.entered().await, meter.operations())?;
        expect("too many inside", room.overfull.load(Ordering::Relaxed), 0)?;
        Ok::<_, Missed>(meter.measured())
    })
}

async fn come_and_go<C: Contestant, E: Entrance>(
    entrance: &'static E,
    room: &'static Room,
    crowd: Crowd,
    number: u64,
    times: u64,
) {
    for turn in 0..times {
        match crowd.inside {
            Inside::Pass => entrance.enter(async {}).await,
            Inside::Read => entrance.read(async {}).await,
            Inside::Hold if !E::HAS_READERS || (turn + number).is_multiple_of(8) => {
                entrance
                    .enter(room.stay(E::WRITERS_MAX, C::yield_now()))
                    .await;
            }
            Inside::Hold => entrance.read(C::yield_now()).await,
        }
    }
}

impl Room {
    /// Awaits `pause` and notes whether more than `most` do.
    async fn stay(&self, most: u64, pause: impl Future<Output = ()> + Send) {
        if self.inside.fetch_add(1, Ordering::Relaxed) >= most {
            self.overfull.fetch_add(1, Ordering::Relaxed);
        }
        pause.await;
        self.inside.fetch_sub(1, Ordering::Relaxed);
    }
}
