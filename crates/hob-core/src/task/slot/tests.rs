//! What a slot promises to one thread; `tests/loom_task.rs` has the models.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::Wake;

use super::*;

const ENV: u64 = 7;

struct Bell(Option<Sender<()>>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let sender = self.0.as_ref().expect("this bell has no clapper");
        sender.send(()).expect("somebody listens");
    }
}

/// A slot with a task, and the task's number.
fn occupied() -> (TaskSlot, TaskId) {
    let slot = TaskSlot::new();
    let id = move_in(&slot);
    (slot, id)
}

fn move_in(slot: &TaskSlot) -> TaskId {
    let label = TaskLabel::new(Some("fetch".into()), Location::caller());
    let id = label.id;
    slot.occupy(Occupant {
        label,
        parent: None,
        env: ENV,
    });
    id
}

/// A reason that needs room.
fn because(reason: &'static str) -> CancelReason {
    String::from(reason).into()
}

/// The future ends and the task leaves.
fn move_out(slot: &TaskSlot) {
    drop(slot.future_gone(true));
    drop(slot.vacate());
}

#[test]
fn a_slot_takes_72_bytes() {
    assert_eq!(size_of::<TaskSlot>(), 72);
}

#[test]
fn a_free_slot_remembers_nothing() {
    let (slot, id) = occupied();
    slot.count_poll();
    slot.record_wait(&"sleep", Location::caller());
    assert!(slot.request(id, Request::Abandon, because("late")));
    assert!(slot.push_cleanup(Box::pin(async {})).is_ok());
    assert_eq!(slot.close_cleanups().len(), 1);
    move_out(&slot);
    assert!(slot.id().is_none() && slot.label().is_none());
    assert!(slot.snapshot(ENV).is_none() && slot.requested_of(id).is_none());
    assert!(rare::forget(id).is_none(), "nothing is left beside it");

    let next = move_in(&slot);
    assert_ne!(next, id);
    assert_eq!((slot.requested(), slot.reason()), (Request::None, None));
    let snapshot = slot.snapshot(ENV).expect("it is in use");
    assert_eq!((snapshot.label.id, snapshot.polls), (next, 0));
    assert!(snapshot.wait.is_none() && snapshot.cancel.is_none());
    assert!(slot.push_cleanup(Box::pin(async {})).is_ok());
}

#[test]
fn only_the_task_that_is_meant_is_woken() {
    let (slot, id) = occupied();
    let (sender, rung) = channel();
    slot.keep_alive(Arc::new(Bell(Some(sender))).into());
    assert!(slot.wake(id));
    assert_eq!(rung.try_iter().count(), 1);
    assert!(!slot.wake(TaskId::next()));
    drop(slot.future_gone(true));
    assert!(!slot.wake(id), "its future is gone");
    assert_eq!(rung.try_iter().count(), 0);
}

#[test]
fn the_strongest_request_and_the_first_reason_stay() {
    let (slot, id) = occupied();
    assert_eq!(slot.requested(), Request::None);
    assert!(slot.request(id, Request::Cancel, because("first")));
    assert!(slot.request(id, Request::Abandon, because("second")));
    assert!(slot.request(id, Request::Cancel, because("third")));
    assert_eq!(slot.requested(), Request::Abandon);
    assert_eq!(slot.reason(), Some(because("first")));
}

#[test]
fn a_request_reaches_only_whom_it_names() {
    let (slot, id) = occupied();
    assert!(!slot.request(TaskId::next(), Request::Cancel, because("another task")));
    assert_eq!((slot.requested(), slot.reason()), (Request::None, None));
    assert_eq!(
        (slot.alive_in(ENV), slot.alive_in(ENV + 1)),
        (Some(id), None)
    );
    assert!(slot.request(id, Request::Cancel, CancelReason::Shutdown));
    drop(slot.future_gone(true));
    assert!(!slot.request(id, Request::Abandon, because("too late")));
    assert_eq!(
        (slot.alive_in(ENV), slot.reason()),
        (None, Some(CancelReason::Shutdown))
    );
}

#[test]
fn a_request_wakes_the_task_as_long_as_it_lives() {
    let (slot, id) = occupied();
    let (sender, rung) = channel();
    slot.keep_alive(Arc::new(Bell(Some(sender))).into());
    assert!(slot.request(id, Request::Cancel, because("now")));
    assert_eq!(rung.try_iter().count(), 1);
    let waker = slot.future_gone(true);
    assert!(waker.is_some(), "the runtime's reference is handed out");
    assert!(!slot.request(id, Request::Cancel, because("again")));
    assert_eq!(rung.try_iter().count(), 0);
}

#[test]
fn a_snapshot_shows_living_futures_of_its_runtime() {
    let (slot, id) = occupied();
    slot.count_poll();
    slot.count_poll();
    assert!(slot.snapshot(ENV + 1).is_none());
    let snapshot = slot.snapshot(ENV).expect("it is in use");
    assert_eq!((snapshot.label.id, snapshot.polls), (id, 2));
    drop(slot.future_gone(true));
    assert!(slot.snapshot(ENV).is_none());
    assert_eq!(slot.id(), Some(id), "the handle still asks for it");
}

#[test]
fn the_first_reason_stays_whether_it_needs_room_or_not() {
    let (slot, id) = occupied();
    assert!(slot.request(id, Request::Cancel, CancelReason::Shutdown));
    assert!(slot.request(id, Request::Cancel, because("second")));
    assert_eq!(slot.reason(), Some(CancelReason::Shutdown));
    drop(slot.future_gone(false));
    assert_eq!(slot.vacate(), Some(CancelReason::Shutdown));
    let id = move_in(&slot);
    assert!(slot.request(id, Request::Cancel, because("first")));
    assert!(slot.request(id, Request::Abandon, CancelReason::Shutdown));
    assert_eq!(slot.reason(), Some(because("first")));
    drop(slot.future_gone(false));
    assert_eq!(slot.vacate(), Some(because("first")));
    let id = move_in(&slot);
    assert!(slot.request(id, Request::Cancel, CancelReason::from("a constant")));
    assert!(slot.request(id, Request::Cancel, because("second")));
    assert_eq!(slot.reason(), Some(because("a constant")));
    assert_eq!(
        slot.word.load(Ordering::Relaxed) & RARE,
        RARE,
        "for its name"
    );
    drop(slot.future_gone(false));
    assert_eq!(slot.vacate(), Some(because("a constant")));
}

#[test]
fn a_request_for_a_task_that_is_gone_leaves_nothing_behind() {
    let slot = TaskSlot::new();
    let label = TaskLabel::new(None, Location::caller());
    let id = label.id;
    assert!(!slot.request(id, Request::Cancel, because("it is not here yet")));
    assert!(rare::forget(id).is_none());
    let (parent, env) = (None, ENV);
    slot.occupy(Occupant { label, parent, env });
    drop(slot.future_gone(false));
    assert!(!slot.request(id, Request::Cancel, because("it has ended")));
    assert!(rare::forget(id).is_none());
}

#[test]
fn a_wait_takes_the_place_of_the_former() {
    let (slot, _) = occupied();
    let wait = || slot.snapshot(ENV).expect("it is in use").wait;
    assert!(wait().is_none());
    slot.record_wait(&"one", Location::caller());
    let place = Location::caller();
    slot.record_wait(&"other", place);
    let wait = wait().expect("it was noted");
    assert_eq!((wait.what, wait.place), ("other", place));
}

#[test]
fn no_cleanup_is_taken_after_the_end() {
    let (slot, _) = occupied();
    assert!(slot.close_cleanups().is_empty());
    assert!(slot.push_cleanup(Box::pin(async {})).is_err());
    let (slot, _) = occupied();
    drop(slot.future_gone(false));
    assert!(slot.push_cleanup(Box::pin(async {})).is_err());
}

#[test]
fn cleanups_come_out_last_in_first() {
    let (slot, _) = occupied();
    let (sender, ran) = channel();
    for number in 0..3 {
        let sender = sender.clone();
        let cleanup = Box::pin(async move {
            sender.send(number).expect("somebody listens");
        });
        assert!(slot.push_cleanup(cleanup).is_ok());
    }
    while let Some(cleanup) = slot.pop_cleanup() {
        futures_lite::future::block_on(cleanup);
    }
    assert_eq!(ran.try_iter().collect::<Vec<_>>(), [2, 1, 0]);
}

#[test]
#[should_panic(expected = "given out twice")]
fn a_slot_in_use_takes_nobody_in() {
    let (slot, _) = occupied();
    move_in(&slot);
}

#[test]
fn words_for_messages() {
    let (slot, id) = occupied();
    let label = slot.label().expect("it is in use");
    let start = format!("task {id} \"fetch\", spawned at {}", file!());
    assert!(label.to_string().starts_with(&start), "{label}");
    let wait = Wait::new("Mutex::lock", label.place);
    assert!(wait.to_string().starts_with("Mutex::lock at "), "{wait}");
    assert_eq!(because("no longer wanted").to_string(), "no longer wanted");
}
