//! The suite of [`Park`] and [`Unpark`].
//!
//! # Implementation
//!
//! Each check takes a fresh parker. A sleep that must end is one without end, so a wakeup that is lost
//! hangs the suite. A sleep that must last is measured on the system's clock, and may end early a few
//! times, as the contract allows, but not again and again.

use std::sync::Arc;
use std::sync::mpsc;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use crate::instant::Instant;
use crate::park::{Park, Unpark, Until};

/// Spurious returns that are forgiven in one sleep.
const SPURIOUS_MAX: u32 = 4;

/// Checks every sentence of the contract of [`Park`].
///
/// `make` gives a parker that nobody uses; for a seat at a poller, one where nothing is registered.
///
/// # Panics
///
/// With the sentence that does not hold. A wakeup that is lost hangs it.
pub fn park(make: impl Fn() -> Box<dyn Park + Send>) {
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

fn a_token_left_before_ends_the_next_sleep(mut parker: Box<dyn Park + Send>) {
    parker.unparker().unpark();
    parker.park(Until::Forever, &mut Vec::new());
    // Through any of its handles, and before a sleep with a deadline as well.
    parker.unparker().unpark();
    let begun = Instant::system();
    parker.park(Until::At(begun + Duration::from_secs(600)), &mut Vec::new());
    let slept = Instant::system() - begun;
    assert!(
        slept < Duration::from_secs(300),
        "a token left before `park` ends it"
    );
}

fn several_tokens_count_as_one(mut parker: Box<dyn Park + Send>) {
    let unparker = parker.unparker();
    for _ in 0..100 {
        unparker.unpark();
    }
    parker.park(Until::Forever, &mut Vec::new());
    sleeps_at_least(&mut *parker, Duration::from_millis(5));
}

fn now_does_not_sleep(mut parker: Box<dyn Park + Send>) {
    let begun = Instant::system();
    for _ in 0..1000 {
        parker.park(Until::Now, &mut Vec::new());
    }
    let took = Instant::system() - begun;
    assert!(
        took < Duration::from_secs(5),
        "`Until::Now` does not sleep, but 1000 of them took {took:?}"
    );
}

fn the_past_does_not_sleep(mut parker: Box<dyn Park + Send>) {
    for past in [
        Instant::from_nanos(0),
        Instant::system() - Duration::from_secs(1),
        Instant::system(),
    ] {
        parker.park(Until::At(past), &mut Vec::new());
    }
}

fn a_sleep_lasts_as_long_as_asked(mut parker: Box<dyn Park + Send>) {
    for micros in [50, 999, 1000, 1001, 2500, 20_000] {
        sleeps_at_least(&mut *parker, Duration::from_micros(micros));
    }
}

fn the_far_future_is_no_error(mut parker: Box<dyn Park + Send>) {
    for deadline in [
        Instant::NEVER,
        Instant::from_nanos(u64::MAX - 1),
        Instant::system() + Duration::from_secs(100 * 365 * 86_400),
        Instant::system() + Duration::from_secs(25 * 86_400),
    ] {
        ended_by_another_thread(&mut *parker, Until::At(deadline));
    }
}

fn another_thread_ends_a_sleep(mut parker: Box<dyn Park + Send>) {
    ended_by_another_thread(&mut *parker, Until::Forever);
    let deadline = Instant::system() + Duration::from_secs(600);
    ended_by_another_thread(&mut *parker, Until::At(deadline));
    assert!(
        Instant::system() < deadline,
        "an unpark from another thread ends a sleep before its deadline"
    );
}

fn no_wakeup_is_lost_in_many_rounds(mut parker: Box<dyn Park + Send>) {
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

fn what_was_in_the_vector_stays(mut parker: Box<dyn Park + Send>) {
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

fn a_parker_may_move_to_another_thread(mut parker: Box<dyn Park + Send>) {
    parker.park(Until::Now, &mut Vec::new());
    thread::scope(|scope| {
        scope.spawn(move || {
            parker.unparker().unpark();
            parker.park(Until::Forever, &mut Vec::new());
        });
    });
}

fn an_unparker_outlives_its_parker(parker: Box<dyn Park + Send>) {
    let unparker = parker.unparker();
    unparker.unpark();
    drop(parker);
    unparker.unpark();
}

fn sleeps_at_least(parker: &mut (dyn Park + Send), time: Duration) {
    let deadline = Instant::system() + time;
    let mut spurious = 0;
    loop {
        parker.park(Until::At(deadline), &mut Vec::new());
        if Instant::system() >= deadline {
            return;
        }
        spurious += 1;
        assert!(
            spurious <= SPURIOUS_MAX,
            "a sleep returns no earlier than asked, but one of {time:?} did {spurious} times"
        );
    }
}

/// Sleeps until another thread has said that it unparks, however often it has to.
fn ended_by_another_thread(parker: &mut (dyn Park + Send), until: Until) {
    let unparker: Arc<dyn Unpark> = parker.unparker();
    let (said_tx, said_rx) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            said_tx.send(()).expect("the sleeper lives");
            unparker.unpark();
        });
        let mut returns = 0;
        while said_rx.try_recv().is_err() {
            parker.park(until, &mut Vec::new());
            returns += 1;
            assert!(
                returns <= 1 + SPURIOUS_MAX,
                "a sleep returns no earlier than asked, except when unparked"
            );
        }
    });
}
