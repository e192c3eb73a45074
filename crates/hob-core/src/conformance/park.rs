//! The suite of [`Park`] and [`Unpark`].
//!
//! # Implementation
//!
//! Each check takes a fresh parker, and the clock that its deadlines are on: the system's, or a virtual
//! one. A sleep that must end is one without end, so a wakeup that is lost hangs the suite. A sleep that
//! must last is measured on the parker's clock, and may end early a few times, as the contract allows,
//! but not again and again. Nothing is said of how long it takes on any other clock: a parker that moves
//! a virtual clock on returns as soon as it has moved it to the deadline.

use std::sync::Arc;
use std::sync::mpsc;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use crate::instant::Instant;
use crate::park::{Park, Unpark, Until};

/// Spurious returns that are forgiven in one sleep.
const SPURIOUS_MAX: u32 = 4;

/// What tells the present on the clock of a parker.
pub type ParkClock = Box<dyn Fn() -> Instant>;

/// Checks every sentence of the contract of [`Park`], for a parker on the system's clock.
///
/// `make` gives a parker that nobody uses; for a seat at a poller, one where nothing is registered.
///
/// # Panics
///
/// With the sentence that does not hold. A wakeup that is lost hangs it.
pub fn park(make: impl Fn() -> Box<dyn Park + Send>) {
    park_on(|| (make(), Box::new(Instant::system)));
}

/// As [`park`], for a parker on any clock; for one on a virtual clock that nobody else moves.
///
/// # Panics
///
/// As [`park`].
pub fn park_on(make: impl Fn() -> (Box<dyn Park + Send>, ParkClock)) {
    let make = || Rig::new(make());
    a_token_left_before_ends_the_next_sleep(make());
    several_tokens_count_as_one(make());
    now_does_not_sleep(make());
    the_past_does_not_sleep(make());
    a_sleep_lasts_as_long_as_asked(make());
    the_far_future_is_no_error(make());
    another_thread_ends_a_sleep(make());
    no_wakeup_is_lost_in_many_rounds(make());
    what_was_in_the_vector_stays(make());
    a_parker_may_move_to_another_thread(make());
    an_unparker_outlives_its_parker(make());
}

/// A parker, and the clock that its deadlines are on.
struct Rig {
    parker: Box<dyn Park + Send>,
    clock: ParkClock,
}

fn a_token_left_before_ends_the_next_sleep(mut rig: Rig) {
    rig.parker.unparker().unpark();
    let begun = rig.now();
    rig.park(Until::At(begun + Duration::from_secs(600)));
    let slept = rig.now() - begun;
    assert!(
        slept < Duration::from_secs(300),
        "a token left before `park` ends it"
    );
    // Through any of its handles, and before a sleep without end as well.
    rig.parker.unparker().unpark();
    rig.park(Until::Forever);
}

fn several_tokens_count_as_one(mut rig: Rig) {
    let unparker = rig.parker.unparker();
    for _ in 0..100 {
        unparker.unpark();
    }
    rig.park(Until::Forever);
    rig.sleeps_at_least(Duration::from_millis(5));
}

fn now_does_not_sleep(mut rig: Rig) {
    let begun = rig.now();
    for _ in 0..1000 {
        rig.park(Until::Now);
    }
    let took = rig.now() - begun;
    assert!(
        took < Duration::from_secs(5),
        "`Until::Now` does not sleep, but 1000 of them took {took:?}"
    );
}

fn the_past_does_not_sleep(mut rig: Rig) {
    let begun = rig.now();
    for past in [
        Instant::from_nanos(0),
        begun - Duration::from_secs(1),
        begun,
    ] {
        rig.park(Until::At(past));
        assert!(rig.now() >= begun, "a clock does not go back");
    }
}

fn a_sleep_lasts_as_long_as_asked(mut rig: Rig) {
    for micros in [50, 999, 1000, 1001, 2500, 20_000] {
        rig.sleeps_at_least(Duration::from_micros(micros));
    }
}

fn the_far_future_is_no_error(mut rig: Rig) {
    for years in [100, 0] {
        let deadline = rig.now() + Duration::from_secs(25 * 86_400 + years * 365 * 86_400);
        rig.ended_by_another_thread(Until::At(deadline));
    }
    for deadline in [Instant::from_nanos(u64::MAX - 1), Instant::NEVER] {
        rig.ended_by_another_thread(Until::At(deadline));
    }
}

fn another_thread_ends_a_sleep(mut rig: Rig) {
    rig.ended_by_another_thread(Until::Forever);
    let begun = Instant::system();
    let deadline = rig.now() + Duration::from_secs(600);
    rig.ended_by_another_thread(Until::At(deadline));
    // On the system's clock, whatever the parker's is: that one may have moved to the deadline.
    assert!(
        Instant::system() - begun < Duration::from_secs(300),
        "an unpark from another thread ends a sleep before its deadline"
    );
}

fn no_wakeup_is_lost_in_many_rounds(Rig { mut parker, .. }: Rig) {
    const ROUNDS: u32 = 2000;
    let unparker = parker.unparker();
    let (ball_tx, ball_rx) = mpsc::channel();
    let (back_tx, back_rx) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            for round in 0..ROUNDS {
                ball_tx.send(round).expect("the sleeper lives");
                unparker.unpark();
                back_rx.recv().expect("the sleeper lives");
            }
        });
        for round in 0..ROUNDS {
            let ball = loop {
                match ball_rx.try_recv() {
                    Ok(ball) => break ball,
                    Err(_) => parker.park(Until::Forever, &mut Vec::new()),
                }
            };
            assert_eq!(ball, round);
            // The other side may be gone after the last round.
            let _gone = back_tx.send(());
        }
    });
}

fn what_was_in_the_vector_stays(Rig { mut parker, .. }: Rig) {
    let mut woken = vec![Waker::noop().clone()];
    parker.park(Until::Now, &mut woken);
    parker.unparker().unpark();
    parker.park(Until::Forever, &mut woken);
    assert_eq!(
        woken.len(),
        1,
        "`park` adds wakers of what is ready, and nothing else"
    );
}

fn a_parker_may_move_to_another_thread(Rig { mut parker, .. }: Rig) {
    parker.park(Until::Now, &mut Vec::new());
    thread::scope(|scope| {
        scope.spawn(move || {
            parker.unparker().unpark();
            parker.park(Until::Forever, &mut Vec::new());
        });
    });
}

fn an_unparker_outlives_its_parker(Rig { parker, .. }: Rig) {
    let unparker = parker.unparker();
    unparker.unpark();
    drop(parker);
    unparker.unpark();
}

impl Rig {
    fn new((parker, clock): (Box<dyn Park + Send>, ParkClock)) -> Self {
        Self { parker, clock }
    }

    fn now(&self) -> Instant {
        (self.clock)()
    }

    fn park(&mut self, until: Until) {
        self.parker.park(until, &mut Vec::new());
    }

    fn sleeps_at_least(&mut self, time: Duration) {
        let deadline = self.now() + time;
        let mut spurious = 0;
        loop {
            self.park(Until::At(deadline));
            if self.now() >= deadline {
                return;
            }
            spurious += 1;
            assert!(
                spurious <= SPURIOUS_MAX,
                "a sleep returns no earlier than asked, but one of {time:?} did {spurious} times"
            );
        }
    }

    /// Sleeps until another thread has said that it unparks, however often it has to; or until the
    /// deadline, on a clock that this moves.
    fn ended_by_another_thread(&mut self, until: Until) {
        let deadline = until.deadline().unwrap_or(Instant::NEVER);
        let unparker: Arc<dyn Unpark> = self.parker.unparker();
        let (said_tx, said_rx) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                // The sleeper has ended if its clock has moved to the deadline.
                let _gone = said_tx.send(());
                unparker.unpark();
            });
            let mut returns = 0;
            while said_rx.try_recv().is_err() && self.now() < deadline {
                self.park(until);
                returns += 1;
                assert!(
                    returns <= 1 + SPURIOUS_MAX || self.now() >= deadline,
                    "a sleep returns no earlier than asked, except when unparked"
                );
            }
        });
    }
}
