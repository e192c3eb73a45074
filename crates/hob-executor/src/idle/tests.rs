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
fn a_scout_does_not_resign_while_somebody_is_awake() {
    let idle = awake(2);
    assert_eq!(idle.enter(0, ALONE, true), Role::Scout);
    assert_eq!(idle.leave(0), Awakening::Scouts(Call::Tick));
    assert_eq!(idle.enter(0, ALONE, true), Role::Scout);
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

#[test]
fn a_core_is_lent_while_its_worker_sleeps_on() {
    let idle = awake(1);
    assert_eq!(idle.borrow(), None, "nobody sleeps");
    assert_eq!(idle.enter(0, SEAT, false), Role::Sleeper);
    assert_eq!(idle.borrow(), Some(0));
    assert_eq!(idle.borrow(), None);
    assert_eq!(idle.pick(), None, "there is no core to run anything");
    assert_eq!(idle.leave(0), Awakening::Coreless);
    assert_eq!(idle.enter(0, SEAT, false), Role::Coreless);
    assert_eq!(idle.give_back(0, false), None);
    assert_eq!(idle.pick(), Some(sleeper(0, SEAT)));
    assert_eq!(idle.leave(0), Awakening::Works);
}

#[test]
fn a_core_that_comes_back_with_tasks_wakes_its_worker() {
    let idle = awake(1);
    assert_eq!(idle.enter(0, ALONE, false), Role::Sleeper);
    assert_eq!(idle.borrow(), Some(0));
    assert_eq!(idle.give_back(0, true), Some(sleeper(0, ALONE)));
    assert_eq!(idle.leave(0), Awakening::Works);
    // One that is on its way needs no waking.
    assert_eq!(idle.enter(0, ALONE, false), Role::Sleeper);
    assert_eq!(idle.borrow(), Some(0));
    assert_eq!(idle.leave(0), Awakening::Coreless);
    assert_eq!(idle.give_back(0, true), None);
    assert_eq!(idle.enter(0, ALONE, false), Role::Sleeper);
}

#[test]
fn a_borrower_is_watched() {
    let idle = awake(2);
    assert_eq!(idle.enter(0, SEAT, true), Role::Scout);
    assert_eq!(idle.enter(1, ALONE, true), Role::Scout);
    assert_eq!(idle.leave(1), Awakening::Scouts(Call::Tick));
    assert_eq!(idle.enter(1, ALONE, true), Role::Sleeper);
    assert_eq!(idle.borrow(), Some(1));
    assert!(idle.wants_rousing());
    assert_eq!(idle.rouse(), Some(sleeper(0, SEAT)));
    assert!(!idle.is_only(0), "the borrower is awake");
}

#[test]
fn the_core_of_a_worker_that_has_ended_is_not_listed() {
    let idle = awake(1);
    assert_eq!(idle.enter(0, ALONE, false), Role::Sleeper);
    assert_eq!(idle.borrow(), Some(0));
    assert_eq!(idle.leave(0), Awakening::Coreless);
    idle.end(0);
    assert_eq!(idle.give_back(0, false), None);
    assert_eq!((idle.pick(), idle.asleep()), (None, 0));
}
