//! Who is woken, and who scouts, case by case.

use super::*;

const SEAT: Place = Place::Seat;
const ALONE: Place = Place::Alone;

/// A board of so many workers, all awake.
fn awake(workers: usize) -> Idle {
    let idle = Idle::new(workers);
    (0..workers).for_each(|worker| idle.start(worker));
    idle
}

fn sleeper(worker: usize, place: Place) -> Sleeper {
    Sleeper { worker, place }
}

#[test]
fn who_sleeps_while_others_are_awake_scouts_and_the_last_one_need_not() {
    let idle = awake(2);
    assert_eq!(idle.enter(0, SEAT, false), Role::Scout);
    assert!(!idle.is_unwatched());
    // One that sleeps alone takes over from one in the seat, who may be called away.
    let idle = awake(3);
    assert_eq!(idle.enter(0, SEAT, false), Role::Scout);
    assert_eq!(idle.enter(1, ALONE, false), Role::Scout);
    assert_eq!(idle.enter(2, ALONE, false), Role::Sleeper);
    assert_eq!(idle.leave(0), Awakening::Works);
    assert_eq!(idle.leave(1), Awakening::Scouts(Call::Tick));
}

#[test]
fn work_from_outside_wakes_one_who_sleeps_alone_and_the_scout_last() {
    let idle = awake(4);
    for (worker, place) in [(0, SEAT), (1, ALONE), (2, ALONE)] {
        let _role = idle.enter(worker, place, false);
    }
    // Worker 1 scouts, since worker 3 is awake.
    assert_eq!(idle.pick(), Some(sleeper(2, ALONE)));
    assert_eq!(idle.pick(), Some(sleeper(0, SEAT)));
    assert_eq!(idle.pick(), Some(sleeper(1, ALONE)));
    assert_eq!(idle.pick(), None);
    assert_eq!(idle.asleep(), 0);
}

#[test]
fn who_was_picked_is_awake_and_no_scout() {
    let idle = awake(2);
    assert_eq!(idle.enter(0, ALONE, false), Role::Scout);
    assert_eq!(idle.pick(), Some(sleeper(0, ALONE)));
    assert_eq!(idle.leave(0), Awakening::Works);
}

#[test]
fn a_pool_that_sleeps_as_a_whole_wants_a_scout_once_somebody_wakes() {
    let idle = awake(2);
    assert_eq!(idle.enter(0, SEAT, false), Role::Scout);
    assert_eq!(idle.enter(1, ALONE, false), Role::Scout);
    // It has looked often enough, and nobody is awake.
    assert_eq!(idle.leave(1), Awakening::Scouts(Call::Tick));
    assert_eq!(idle.enter(1, ALONE, true), Role::Sleeper);
    assert!(!idle.is_unwatched() && !idle.wants_rousing(), "all sleep");
    assert_eq!(idle.leave(0), Awakening::Works);
    assert!(idle.is_unwatched() && idle.wants_rousing());
    assert_eq!(idle.guard(), Some(sleeper(1, ALONE)));
    assert!(!idle.is_unwatched());
    assert_eq!(idle.guard(), None, "there is one");
    assert_eq!(idle.leave(1), Awakening::Scouts(Call::Guard));
}

#[test]
fn a_scout_that_resigns_leaves_the_pool_unwatched() {
    let idle = awake(2);
    assert_eq!(idle.enter(0, ALONE, false), Role::Scout);
    assert_eq!(idle.leave(0), Awakening::Scouts(Call::Tick));
    assert_eq!(idle.enter(0, ALONE, true), Role::Sleeper);
    assert!(idle.wants_rousing(), "the next push");
}

#[test]
fn an_eager_scout_is_roused_once() {
    let idle = awake(2);
    assert_eq!(idle.enter(0, ALONE, false), Role::Scout);
    assert!(!idle.wants_rousing());
    idle.set_eager(0, true);
    assert!(idle.wants_rousing());
    assert_eq!(idle.rouse(), Some(sleeper(0, ALONE)));
    assert!(!idle.wants_rousing());
    assert_eq!(idle.rouse(), None);
    assert_eq!(idle.leave(0), Awakening::Scouts(Call::Look));
    idle.set_eager(0, true);
    assert!(!idle.wants_rousing(), "it is awake");
}

#[test]
fn a_scout_that_goes_to_work_appoints_another() {
    let idle = awake(3);
    assert_eq!(idle.enter(0, ALONE, false), Role::Scout);
    assert_eq!(idle.enter(1, ALONE, false), Role::Sleeper);
    assert_eq!(idle.leave(0), Awakening::Scouts(Call::Tick));
    assert_eq!(idle.stop_scouting(0), Some(sleeper(1, ALONE)));
    assert_eq!(idle.leave(1), Awakening::Scouts(Call::Look));
    assert_eq!(idle.stop_scouting(1), None, "nobody sleeps");
}

/// A board of two workers: the first sleeps, the second is awake.
fn one_asleep(place: Place) -> Idle {
    let idle = awake(2);
    assert_eq!(idle.enter(0, place, false), Role::Scout);
    idle
}

#[test]
fn a_core_is_lent_while_its_worker_sleeps_on() {
    let idle = one_asleep(SEAT);
    assert_eq!(idle.borrow(), Some(0));
    assert_eq!(idle.pick(), None, "there is no core to run anything");
    assert_eq!(idle.leave(0), Awakening::Coreless);
    assert_eq!(idle.enter(0, SEAT, false), Role::Coreless);
    assert_eq!(idle.give_back(0, false), Some(sleeper(0, SEAT)), "to scout");
    assert_eq!(idle.leave(0), Awakening::Scouts(Call::Look));
}

#[test]
fn the_last_core_is_not_lent() {
    let idle = awake(1);
    assert_eq!(idle.enter(0, SEAT, false), Role::Sleeper);
    assert_eq!(idle.borrow(), None);
    let idle = awake(2);
    let _roles = (idle.enter(0, SEAT, false), idle.enter(1, ALONE, false));
    assert_eq!(idle.borrow(), Some(1));
    assert_eq!(idle.borrow(), None, "somebody must be there for the others");
    assert_eq!(idle.give_back(1, false), None);
    assert_eq!(idle.borrow(), Some(1));
}

#[test]
fn a_core_that_comes_back_with_tasks_wakes_its_worker() {
    let idle = one_asleep(ALONE);
    assert_eq!(idle.borrow(), Some(0));
    assert_eq!(idle.give_back(0, true), Some(sleeper(0, ALONE)));
    assert_eq!(idle.leave(0), Awakening::Works);
    // One that is on its way needs no waking: it looks at its queue before it sleeps.
    assert_eq!(idle.enter(0, ALONE, false), Role::Scout);
    assert_eq!(idle.borrow(), Some(0));
    assert_eq!(idle.leave(0), Awakening::Coreless);
    assert_eq!(idle.give_back(0, true), None);
    assert_eq!(idle.enter(0, ALONE, false), Role::Scout);
}

#[test]
fn who_scouts_is_lent_last_and_replaced_when_its_core_comes_back() {
    let idle = awake(3);
    let _roles = (idle.enter(0, ALONE, false), idle.enter(1, ALONE, false));
    assert_eq!(idle.borrow(), Some(1), "worker 0 scouts");
    assert_eq!(idle.give_back(1, true), Some(sleeper(1, ALONE)));
    assert_eq!(idle.leave(1), Awakening::Works);
    assert_eq!(idle.borrow(), Some(0), "there is no other");
    assert_eq!(idle.give_back(0, false), Some(sleeper(0, ALONE)));
    assert_eq!(idle.leave(0), Awakening::Scouts(Call::Look));
}

#[test]
fn a_borrower_is_watched() {
    let idle = awake(2);
    assert_eq!(idle.enter(0, SEAT, true), Role::Sleeper);
    assert_eq!(idle.enter(1, ALONE, true), Role::Sleeper);
    assert_eq!(idle.borrow(), Some(1));
    assert!(idle.wants_rousing());
    assert_eq!(idle.rouse(), Some(sleeper(0, SEAT)));
}

#[test]
fn the_core_of_a_worker_that_has_ended_is_given_back_to_nobody() {
    let idle = one_asleep(ALONE);
    assert_eq!(idle.borrow(), Some(0));
    assert_eq!(idle.leave(0), Awakening::Coreless);
    idle.end(0);
    idle.end(1);
    assert!(!idle.is_vacant(), "it is lent");
    assert_eq!(idle.give_back(0, false), None);
    assert_eq!((idle.pick(), idle.asleep()), (None, 0));
    assert!(idle.is_vacant());
    idle.start(0);
    assert_eq!(idle.enter(0, SEAT, false), Role::Sleeper, "nobody is awake");
}

#[test]
fn a_rouse_that_comes_late_is_kept() {
    let idle = one_asleep(ALONE);
    assert_eq!(idle.leave(0), Awakening::Scouts(Call::Tick));
    idle.set_eager(0, true);
    assert_eq!(idle.rouse(), None, "it is awake");
    assert_eq!(idle.enter(0, ALONE, false), Role::Scout);
    assert_eq!(idle.rouse(), Some(sleeper(0, ALONE)));
}
