//! The suite of [`Timers`].
//!
//! # Implementation
//!
//! Each check takes a fresh queue and drives it itself: it says what the present is by calling
//! `expire`, and never waits for a clock, so a virtual clock that stands still passes as well. A check
//! moves the present only forwards. Deadlines are relative to the queue's own `now`.

mod model;
mod rig;

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use crate::conformance::timers::rig::{CallsBack, PanicsWhenDropped, Rig};
use crate::instant::Instant;
use crate::panic::{contain, discard};
use crate::timers::{Retired, TimerKey, Timers};

const NANOSECOND: Duration = Duration::from_nanos(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Checks every sentence of the contract of [`Timers`].
///
/// `make` gives a queue that is empty, and that nobody drives or has driven in this call.
///
/// # Panics
///
/// With the sentence that does not hold.
pub fn timers(make: impl Fn() -> &'static dyn Timers) {
    due_timers_are_handed_out_and_no_later_ones(&Rig::new(make()));
    equal_deadlines_keep_the_order_of_arming(&Rig::new(make()));
    arming_again_moves_the_timer_and_replaces_the_waker(&Rig::new(make()));
    arming_as_before_changes_nothing(&Rig::new(make()));
    disarming_forgets_the_timer(&Rig::new(make()));
    resetting_moves_what_is_armed(&Rig::new(make()));
    resetting_what_is_gone_empties_the_key(&Rig::new(make()));
    stale_keys_touch_nobody_elses_timer(&Rig::new(make()));
    never_and_the_past_are_deadlines(&Rig::new(make()));
    next_is_published(&Rig::new(make()));
    an_earlier_timer_ends_the_sleep_and_no_other(&Rig::new(make()));
    retiring_hands_out_wakers_and_refuses_timers(&Rig::new(make()));
    wakers_are_dropped_under_no_lock(&Rig::new(make()));
    a_waker_that_panics_when_dropped_breaks_nothing(&Rig::new(make()));
    model::agrees_with_a_sorted_list(make);
}

fn due_timers_are_handed_out_and_no_later_ones(rig: &Rig) {
    let delays = [
        NANOSECOND,
        MILLISECOND,
        SECOND,
        60 * SECOND,
        60 * 60 * SECOND,
        DAY,
        12 * DAY,
        25 * DAY,
        50 * DAY,
        3650 * DAY,
    ];
    for (name, delay) in (0..).zip(delays) {
        rig.arm(name, delay);
    }
    for (name, delay) in (0..).zip(delays) {
        assert_eq!(
            rig.expire(delay - NANOSECOND),
            [],
            "`expire` hands out no timer before its deadline, not by a nanosecond ({delay:?})"
        );
        assert_eq!(
            rig.expire(delay),
            [name],
            "`expire` hands out a timer at its deadline ({delay:?})"
        );
    }
}

fn equal_deadlines_keep_the_order_of_arming(rig: &Rig) {
    let mut keys: Vec<_> = (0..100).map(|name| rig.arm(name, SECOND)).collect();
    rig.move_to(&mut keys[7], 7, SECOND);
    rig.move_to(&mut keys[3], 3, 2 * SECOND);
    rig.move_to(&mut keys[3], 3, SECOND);
    let untouched = (0..100).filter(|name| ![3, 7].contains(name));
    let expected: Vec<_> = untouched.chain([7, 3]).collect();
    assert_eq!(
        rig.expire(SECOND),
        expected,
        "timers with equal deadlines are handed out in the order in which they were armed, and one \
         that is armed again counts as armed then"
    );
}

fn arming_as_before_changes_nothing(rig: &Rig) {
    let waker = Waker::from(Arc::new(rig.waker(1)));
    let mut key = TimerKey::new();
    rig.set(&mut key, SECOND, &waker);
    let _other = rig.arm(2, SECOND);
    rig.set(&mut key, SECOND, &waker);
    assert_eq!(
        rig.expire(SECOND),
        [1, 2],
        "a timer that is armed with the deadline and the waker that it has stays where it is"
    );
    rig.set(&mut key, SECOND, &waker);
    assert_eq!(rig.expire(SECOND), [1], "unless it has fired");
}

fn arming_again_moves_the_timer_and_replaces_the_waker(rig: &Rig) {
    let mut key = TimerKey::new();
    let first = Arc::new(rig.waker(1));
    rig.set(&mut key, SECOND, &Waker::from(Arc::clone(&first)));
    rig.move_to(&mut key, 2, 2 * SECOND);
    assert_eq!(
        Arc::strong_count(&first),
        1,
        "`arm` drops the waker that it displaces"
    );
    assert_eq!(rig.expire(SECOND), [], "a timer can be moved to later");
    rig.move_to(&mut key, 3, 2 * SECOND - MILLISECOND);
    assert_eq!(
        rig.expire(2 * SECOND - MILLISECOND),
        [3],
        "a timer can be moved to earlier, and has the waker it was given last"
    );
    assert_eq!(rig.expire(3 * SECOND), [], "a timer is handed out once");
}

fn disarming_forgets_the_timer(rig: &Rig) {
    let mut key = TimerKey::new();
    let waker = Arc::new(rig.waker(1));
    rig.set(&mut key, SECOND, &Waker::from(Arc::clone(&waker)));
    assert!(!key.is_empty(), "`arm` fills the key");
    let _other = rig.arm(2, SECOND);
    rig.timers.disarm(&mut key);
    assert!(key.is_empty(), "`disarm` empties the key");
    assert_eq!(Arc::strong_count(&waker), 1, "`disarm` drops the waker");
    rig.timers.disarm(&mut key);
    assert_eq!(
        rig.expire(SECOND),
        [2],
        "`disarm` forgets that timer and no other, and takes an empty key"
    );
}

fn resetting_moves_what_is_armed(rig: &Rig) {
    let waker = Arc::new(rig.waker(1));
    let mut key = TimerKey::new();
    rig.set(&mut key, SECOND, &Waker::from(Arc::clone(&waker)));
    let references = Arc::strong_count(&waker);
    rig.timers.reset(&mut key, rig.at(2 * SECOND));
    assert_eq!(
        Arc::strong_count(&waker),
        references,
        "a timer that is reset keeps its waker"
    );
    assert_eq!(rig.expire(SECOND), [], "a timer can be reset to later");
    let _other = rig.arm(2, 2 * SECOND);
    rig.timers.reset(&mut key, rig.at(2 * SECOND));
    assert!(!key.is_empty(), "the key of an armed timer stays filled");
    assert_eq!(
        rig.expire(2 * SECOND),
        [2, 1],
        "timers with equal deadlines are handed out in the order in which they were armed, and one \
         that is reset counts as armed then"
    );
    let mut key = rig.arm(3, 4 * SECOND);
    rig.timers.reset(&mut key, Instant::NEVER);
    assert_eq!(rig.expire(DAY), [], "a timer can be reset to never");
    rig.timers.reset(&mut key, rig.at(SECOND));
    assert_eq!(rig.expire(DAY), [3], "and from never to the past");
}

fn resetting_what_is_gone_empties_the_key(rig: &Rig) {
    let [mut fired, mut retired] = [0, 1].map(|name| rig.arm(name, SECOND * name));
    assert_eq!(rig.expire(Duration::ZERO), [0]);
    let _other = rig.arm(2, SECOND);
    let mut empty = TimerKey::new();
    for key in [&mut fired, &mut empty] {
        rig.timers.reset(key, rig.at(Duration::ZERO));
        assert!(
            key.is_empty(),
            "to reset what has fired, or never was armed, leaves the key empty"
        );
    }
    assert_eq!(rig.expire(Duration::ZERO), [], "and moves nobody else's");
    rig.timers.retire(&mut Vec::new());
    rig.timers.attach(Arc::clone(&rig.alarm));
    let _other = rig.arm(3, SECOND);
    rig.timers.reset(&mut retired, rig.at(Duration::ZERO));
    assert!(
        retired.is_empty(),
        "to reset a timer of an earlier use leaves the key empty"
    );
    assert_eq!(rig.expire(Duration::ZERO), [], "and moves nobody else's");
    assert_eq!(rig.expire(SECOND), [3]);
}

fn stale_keys_touch_nobody_elses_timer(rig: &Rig) {
    let stale = || {
        let key = rig.arm(0, Duration::ZERO);
        let _fired = rig.expire(Duration::ZERO);
        key
    };
    let (mut disarmed, mut armed) = (stale(), stale());
    let _others = [1, 2].map(|name| rig.arm(name, SECOND));
    rig.timers.disarm(&mut disarmed);
    assert!(disarmed.is_empty(), "`disarm` empties the key");
    rig.move_to(&mut armed, 3, SECOND);
    assert_eq!(
        rig.expire(SECOND),
        [1, 2, 3],
        "the key of a timer that has fired names nobody else's; it is armed anew"
    );
}

fn never_and_the_past_are_deadlines(rig: &Rig) {
    let start = rig.timers.now();
    let _never = rig.arm(1, Duration::MAX);
    assert_eq!(rig.expire(3650 * DAY), [], "`NEVER` is not reached");
    let _soon = rig.arm(2, 3650 * DAY + MILLISECOND);
    assert_eq!(
        rig.expire(3650 * DAY + MILLISECOND),
        [2],
        "a timer that is never due keeps no other from being due"
    );
    for past in [Instant::from_nanos(0), start - DAY, start] {
        let waker = Waker::from(Arc::new(rig.waker(3)));
        let mut key = TimerKey::new();
        assert_eq!(rig.timers.arm(&mut key, past, &waker), Ok(()));
        assert_eq!(
            rig.expire(3650 * DAY + MILLISECOND),
            [3],
            "a deadline in the past is due at once"
        );
    }
}

fn next_is_published(rig: &Rig) {
    let next = || rig.timers.next();
    assert_eq!(
        next(),
        Instant::NEVER,
        "`next` of an empty queue is `NEVER`"
    );
    let mut key = rig.arm(1, SECOND);
    assert!(
        next() <= rig.at(SECOND),
        "`next` is no later than the earliest deadline"
    );
    let _later = rig.arm(2, 2 * SECOND);
    rig.move_to(&mut key, 1, MILLISECOND);
    assert!(
        next() <= rig.at(MILLISECOND),
        "`next` is no later than a deadline that was moved to earlier"
    );
    rig.timers.disarm(&mut key);
    assert_eq!(rig.expire(SECOND), []);
    assert!(
        next() > rig.at(SECOND) && next() <= rig.at(2 * SECOND),
        "after `expire` there is nothing due: `next` is later than now, or its driver would spin"
    );
    assert_eq!(rig.expire(2 * SECOND), [2]);
    assert_eq!(
        next(),
        Instant::NEVER,
        "`next` of an empty queue is `NEVER`"
    );
}

fn an_earlier_timer_ends_the_sleep_and_no_other(rig: &Rig) {
    let mut key = rig.arm(1, 10 * SECOND);
    rig.alarm.clear();
    let _awake = rig.arm(2, 9 * SECOND);
    assert_eq!(
        rig.unparks(),
        0,
        "nobody sleeps, so there is no sleep to end"
    );

    let until = rig.alarm.set([rig.timers].into_iter());
    assert!(until <= rig.at(9 * SECOND), "the alarm reads `next`");
    rig.move_to(&mut key, 1, 11 * SECOND);
    let _later = rig.arm(3, 12 * SECOND);
    let _never = rig.arm(4, Duration::MAX);
    assert_eq!(rig.unparks(), 0, "a later timer does not end the sleep");

    let _earlier = rig.arm(5, Duration::ZERO);
    assert_ne!(rig.unparks(), 0, "a new earliest timer ends the sleep");
    assert_eq!(rig.expire(Duration::ZERO), [5]);

    let _until = rig.alarm.set([rig.timers].into_iter());
    rig.move_to(&mut key, 1, NANOSECOND);
    assert_ne!(
        rig.unparks(),
        0,
        "a timer that becomes the earliest ends the sleep"
    );

    let _until = rig.alarm.set([rig.timers].into_iter());
    rig.timers.reset(&mut key, rig.at(Duration::ZERO));
    assert_ne!(
        rig.unparks(),
        0,
        "a timer that is reset to the earliest ends the sleep"
    );
    assert!(
        rig.timers.next() <= rig.at(Duration::ZERO),
        "`next` is no later than the earliest deadline, also of one that was reset"
    );

    rig.timers.retire(&mut Vec::new());
    let other = Rig::new(rig.timers);
    let _until = rig.alarm.set([rig.timers].into_iter());
    let _until = other.alarm.set([rig.timers].into_iter());
    let _earlier = other.arm(6, Duration::ZERO);
    assert_eq!(rig.unparks(), 0, "only the attached alarm is told");
    assert_ne!(other.unparks(), 0, "the alarm attached last is told");
}

fn retiring_hands_out_wakers_and_refuses_timers(rig: &Rig) {
    let mut fired = rig.arm(0, Duration::ZERO);
    assert_eq!(rig.expire(Duration::ZERO), [0]);
    let mut keys = [1, 2].map(|name| rig.arm(name, name * SECOND));
    let mut woken = Vec::new();
    rig.timers.retire(&mut woken);
    let mut names = rig.wake(woken);
    names.sort_unstable();
    assert_eq!(names, [1, 2], "`retire` hands out the waker of each timer");
    assert_eq!(rig.expire(2 * SECOND), [], "`retire` leaves no timer");
    assert_eq!(
        rig.timers.next(),
        Instant::NEVER,
        "a retired queue has no deadline"
    );

    let waker = Arc::new(rig.waker(3));
    for key in [&mut keys[0], &mut TimerKey::new()] {
        let armed = rig
            .timers
            .arm(key, rig.at(3 * SECOND), &Waker::from(Arc::clone(&waker)));
        assert_eq!(armed, Err(Retired), "a retired queue refuses timers");
        assert!(key.is_empty(), "`arm` that fails leaves the key empty");
    }
    assert_eq!(
        Arc::strong_count(&waker),
        1,
        "a retired queue keeps no waker"
    );

    let again = Rig::new(rig.timers);
    let _other = again.arm(4, 4 * SECOND);
    rig.timers.disarm(&mut TimerKey::new());
    for key in [&mut keys[1], &mut fired] {
        again.refuses(key);
    }
    again.move_to(&mut keys[1], 5, 4 * SECOND);
    assert_eq!(
        again.expire(4 * SECOND),
        [4, 5],
        "a queue can be used again, and takes a key that was left empty"
    );
}

fn wakers_are_dropped_under_no_lock(rig: &Rig) {
    let hostile = || Waker::from(Arc::new(CallsBack(rig.timers)));
    let mut key = TimerKey::new();
    rig.set(&mut key, SECOND, &hostile());
    rig.set(&mut key, SECOND, &hostile());
    rig.timers.disarm(&mut key);
    rig.set(&mut key, SECOND, &hostile());
    rig.timers.retire(&mut Vec::new());
    let refused = rig.timers.arm(&mut key, rig.at(SECOND), &hostile());
    assert_eq!(refused, Err(Retired), "a retired queue refuses timers");
}

fn a_waker_that_panics_when_dropped_breaks_nothing(rig: &Rig) {
    let bomb = || Waker::from(Arc::new(PanicsWhenDropped));
    let mut keys = [bomb(), bomb()].map(|waker| {
        let mut key = TimerKey::new();
        rig.set(&mut key, SECOND, &waker);
        key
    });
    let [displaced, disarmed] = &mut keys;
    for panics in [
        contain(|| rig.move_to(displaced, 1, SECOND)),
        contain(|| rig.timers.disarm(disarmed)),
    ] {
        discard(panics.expect_err("a displaced waker is dropped by whoever displaces it"));
    }
    let _other = rig.arm(2, SECOND);
    assert_eq!(
        rig.expire(SECOND),
        [1, 2],
        "a waker that panics when it is dropped breaks nothing"
    );
}
