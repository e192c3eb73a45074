//! Tasks that live long and give way: what a switch costs.

use crate::contestant::Contestant;
use crate::meeting::Turns;
use crate::meter::Meter;
use crate::workload::{Missed, Outcome, Size, expect};

/// One task yields.
pub(super) fn yield_1<C: Contestant>(size: Size) -> Outcome {
    yields::<C>(size, 1, size.pick(100, 50_000, 50_000))
}

/// Ten tasks yield.
pub(super) fn yield_10<C: Contestant>(size: Size) -> Outcome {
    yields::<C>(size, 10, size.pick(10, 5_000, 5_000))
}

/// A thousand tasks yield.
pub(super) fn yield_1000<C: Contestant>(size: Size) -> Outcome {
    yields::<C>(size, 1_000, size.pick(2, 100, 200))
}

/// Tasks that each yield so often, until all have: nanoseconds a yield.
fn yields<C: Contestant>(size: Size, tasks: usize, each: usize) -> Outcome {
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, (tasks * each) as u64);
        let mut all = Vec::with_capacity(tasks);
        let mut yielded = 0;
        while meter.more() {
            for _ in 0..tasks {
                all.push(C::spawn(async move {
                    let mut yielded = 0;
                    while yielded < each {
                        C::yield_now().await;
                        yielded += 1;
                    }
                    yielded as u64
                }));
            }
            for task in all.drain(..) {
                yielded += task.await;
            }
        }
        expect("yields", yielded, meter.operations())?;
        Ok::<_, Missed>(meter.measured())
    })
}

/// A pair of tasks hands a turn to and fro.
pub(super) fn ping_pong_1<C: Contestant>(size: Size) -> Outcome {
    ping_pong::<C>(size, 1, size.pick(100, 20_000, 20_000))
}

/// A hundred pairs.
pub(super) fn ping_pong_100<C: Contestant>(size: Size) -> Outcome {
    ping_pong::<C>(size, 100, size.pick(2, 500, 500))
}

/// Pairs that hand a turn over so often, until all have: nanoseconds a turn.
fn ping_pong<C: Contestant>(size: Size, pairs: usize, turns: usize) -> Outcome {
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, (pairs * turns) as u64);
        let tables: Vec<_> = (0..pairs).map(|_| Turns::leaked()).collect();
        let mut players = Vec::with_capacity(2 * pairs);
        while meter.more() {
            for table in &tables {
                for who in [0, 1] {
                    players.push(C::spawn(play(table, who, turns / 2)));
                }
            }
            for player in players.drain(..) {
                player.await;
            }
        }
        let taken: usize = tables.iter().map(|table| table.taken()).sum();
        expect("turns", taken as u64, meter.operations())?;
        Ok::<_, Missed>(meter.measured())
    })
}

async fn play(table: &'static Turns, who: usize, turns: usize) {
    for _ in 0..turns {
        table.wait(who).await;
        table.hand_over(who);
    }
}
