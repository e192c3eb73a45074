//! Timers that do not fire: made, armed, moved, dropped.

use std::future::{Future, poll_fn, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use crate::contestant::Timed;
use crate::meeting::Turns;
use crate::meter::Meter;
use crate::workload::{Missed, Outcome, Size, expect};

/// Longer than any run.
const FAR: Duration = Duration::from_secs(3600);

/// How many timers are armed in the background.
const BACKGROUND: u64 = 10_000;

/// Makes a sleep and drops it unpolled.
pub(super) fn create<C: Timed>(size: Size) -> Outcome {
    const BATCH: u64 = 1_000;
    C::start()?.block_on(async {
        let mut meter = Meter::new(size, BATCH);
        while meter.more() {
            for _ in 0..BATCH {
                drop(black_box(C::sleep(black_box(FAR))));
            }
        }
        Ok(meter.measured())
    })
}

/// Makes a sleep, polls it once, drops it.
pub(super) fn drop_polled<C: Timed>(size: Size) -> Outcome {
    C::start()?.block_on(polled_and_dropped::<C>(size))
}

/// The same in a task.
pub(super) fn drop_polled_in_task<C: Timed>(size: Size) -> Outcome {
    C::start()?.block_on(async move { C::spawn(polled_and_dropped::<C>(size)).await })
}

async fn polled_and_dropped<C: Timed>(size: Size) -> Outcome {
    const BATCH: u64 = 100;
    let mut meter = Meter::new(size, BATCH);
    let mut pending = 0;
    while meter.more() {
        for _ in 0..BATCH {
            pending += u64::from(is_pending(pin!(C::sleep(FAR))).await);
        }
        // Whoever counts what a task does in one poll lets it begin anew.
        C::yield_now().await;
    }
    expect("sleeps that wait", pending, meter.operations())?;
    Ok(meter.measured())
}

/// The same with ten thousand timers armed, some for sooner and some for later.
pub(super) fn drop_polled_among_10k<C: Timed>(size: Size) -> Outcome {
    const BATCH: u64 = 100;
    let background = background(size);
    C::start()?.block_on(async move {
        let mut armed: Vec<_> = (0..background).map(far::<C>).collect();
        expect(
            "sleeps that wait",
            count_pending::<C>(&mut armed).await,
            background,
        )?;
        let mut meter = Meter::new(size, BATCH);
        let (mut pending, mut number) = (0, 0);
        while meter.more() {
            for _ in 0..BATCH {
                // A step that meets every number in an order that looks like none.
                number = (number + 7_919) % background;
                let sleep = C::sleep(FAR + Duration::from_millis(number));
                pending += u64::from(is_pending(pin!(sleep)).await);
            }
            C::yield_now().await;
        }
        expect("sleeps that wait", pending, meter.operations())?;
        expect(
            "sleeps that wait",
            count_pending::<C>(&mut armed).await,
            background,
        )?;
        Ok(meter.measured())
    })
}

/// Puts a limit to a future that is ready.
pub(super) fn timeout_ready<C: Timed>(size: Size) -> Outcome {
    const BATCH: u64 = 1_000;
    C::start()?.block_on(async {
        let mut meter = Meter::new(size, BATCH);
        let mut sum = 0;
        while meter.more() {
            for number in 0..BATCH {
                let answer = C::timeout(black_box(FAR), ready(black_box(number))).await;
                sum += answer.unwrap_or(0);
            }
            C::yield_now().await;
        }
        expect("sum", sum, meter.operations() * (BATCH - 1) / 2)?;
        Ok(meter.measured())
    })
}

/// Moves one of ten thousand armed timers to later.
pub(super) fn reset_one_of_10k<C: Timed>(size: Size) -> Outcome {
    let background = background(size);
    C::start()?.block_on(async move {
        let mut armed: Vec<_> = (0..background).map(far::<C>).collect();
        expect(
            "sleeps that wait",
            count_pending::<C>(&mut armed).await,
            background,
        )?;
        let mut meter = Meter::new(size, background);
        let mut later = FAR + Duration::from_secs(60);
        while meter.more() {
            for sleep in &mut armed {
                C::reset(sleep.as_mut(), later);
            }
            later += Duration::from_millis(1);
        }
        expect(
            "sleeps that wait",
            count_pending::<C>(&mut armed).await,
            background,
        )?;
        Ok(meter.measured())
    })
}

/// Pairs that hand a turn to and fro, each wait under a limit: nanoseconds a turn.
pub(super) fn timeout_idle<C: Timed>(size: Size) -> Outcome {
    let pairs = size.pick(2, 100, 100);
    let turns = size.pick(4, 200, 200);
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, (pairs * turns) as u64);
        let tables: Vec<_> = (0..pairs).map(|_| Turns::leaked()).collect();
        let mut players = Vec::with_capacity(2 * pairs);
        let mut in_time = 0;
        while meter.more() {
            for table in &tables {
                for who in [0, 1] {
                    players.push(C::spawn(play::<C>(table, who, turns / 2)));
                }
            }
            for player in players.drain(..) {
                in_time += player.await;
            }
        }
        expect("turns in time", in_time, meter.operations())?;
        Ok::<_, Missed>(meter.measured())
    })
}

async fn play<C: Timed>(table: &'static Turns, who: usize, turns: usize) -> u64 {
    let mut in_time = 0;
    for _ in 0..turns {
        in_time += u64::from(C::timeout(FAR, table.wait(who)).await.is_some());
        table.hand_over(who);
    }
    in_time
}

fn background(size: Size) -> u64 {
    size.pick(100, BACKGROUND as usize, BACKGROUND as usize) as u64
}

fn far<C: Timed>(number: u64) -> Pin<Box<C::Sleep>> {
    Box::pin(C::sleep(FAR + Duration::from_millis(number)))
}

/// Polls each once and returns how many wait.
async fn count_pending<C: Timed>(sleeps: &mut [Pin<Box<C::Sleep>>]) -> u64 {
    let mut pending = 0;
    for sleep in sleeps {
        pending += u64::from(is_pending(sleep.as_mut()).await);
        C::yield_now().await;
    }
    pending
}

/// Polls once and tells whether that was not enough.
async fn is_pending<F: Future>(mut future: Pin<&mut F>) -> bool {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}
