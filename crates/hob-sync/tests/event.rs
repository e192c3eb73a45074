//! What an `Event` promises: whoever waits when it is set goes on, whatever comes next.

mod support;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::thread;

use hob_sync::Event;
use hob_sync::event::Wait;

use support::{Counter, Random, block_on, debug_within_debug, kept, poll, poll_once, poll_with};

#[test]
fn a_set_event_is_not_waited_for() {
    let event = Event::from(true);
    assert!(event.is_set());
    assert!(poll_once(event.wait()).is_ready());
    assert!(poll_once(event.wait()).is_ready(), "it stays set");
    event.clear();
    assert!(poll_once(event.wait()).is_pending());
    assert!(!Event::default().is_set());
}

#[test]
fn all_who_wait_go_on_when_it_is_set() {
    let event = Event::new();
    let (counter, waker) = Counter::new();
    // More than are woken in one go.
    let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(event.wait())).collect();
    for wait in &mut waiting {
        assert!(poll_with(wait, &waker).is_pending());
    }
    event.set();
    assert_eq!(counter.wakes(), 20);
    assert_eq!(kept(&counter), 0);
    assert!(waiting.iter_mut().all(|wait| poll(wait).is_ready()));
    event.set();
    assert_eq!(counter.wakes(), 20);
}

#[test]
fn set_and_clear_lets_those_go_on_who_waited_and_nobody_else() {
    let event = Event::new();
    let mut waited = Box::pin(event.wait());
    let mut created = Box::pin(event.wait());
    assert!(poll(&mut waited).is_pending());
    event.set();
    event.clear();
    assert!(poll(&mut created).is_pending(), "it did not wait by then");
    assert!(poll(&mut waited).is_ready());
    assert_eq!(event.statistics().waiting, 1);
}

/// Clears the event and waits anew, in the middle of a `set` that has others to serve yet.
struct ClearsAndWaits {
    event: &'static Event,
    wait: Mutex<Option<Pin<Box<Wait<'static>>>>>,
}

impl Wake for ClearsAndWaits {
    fn wake(self: Arc<Self>) {
        self.event.clear();
        let mut wait = Box::pin(self.event.wait());
        assert!(poll(&mut wait).is_pending());
        *self.wait.lock().unwrap() = Some(wait);
    }
}

#[test]
fn who_comes_after_a_clear_in_the_middle_of_a_set_is_not_released() {
    let event: &'static Event = Box::leak(Box::default());
    let clears = Arc::new(ClearsAndWaits {
        event,
        wait: Mutex::new(None),
    });
    let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(event.wait())).collect();
    assert!(poll_with(&mut waiting[0], &Waker::from(Arc::clone(&clears))).is_pending());
    for wait in &mut waiting[1..] {
        assert!(poll(wait).is_pending());
    }
    event.set();
    assert!(!event.is_set());
    assert!(waiting.iter_mut().all(|wait| poll(wait).is_ready()));
    let mut newcomer = clears.wait.lock().unwrap().take().expect("it was woken");
    assert!(poll(&mut newcomer).is_pending());
    assert_eq!(event.statistics().waiting, 1);
}

#[test]
fn a_dropped_wait_leaves_no_waker_at_any_step() {
    let event = Event::new();
    drop(event.wait());
    let (counter, waker) = Counter::new();
    let mut in_line = Box::pin(event.wait());
    let mut granted = Box::pin(event.wait());
    assert!(poll_with(&mut in_line, &waker).is_pending());
    assert!(poll_with(&mut granted, &waker).is_pending());
    assert_eq!(kept(&counter), 2);
    drop(in_line);
    assert_eq!(kept(&counter), 1);
    assert_eq!(event.statistics().waiting, 1);
    event.set();
    assert_eq!(counter.wakes(), 1);
    drop(granted);
    assert_eq!(kept(&counter), 0);
    assert_eq!(event.statistics().waiting, 0);
}

#[test]
fn debug_shows_the_statistics() {
    let event = Event::from(true);
    let shown = format!("{event:?} {:?}", event.wait());
    assert!(shown.contains("is_set: true"), "{shown}");
    assert!(shown.contains("Event::wait"), "{shown}");
}

#[test]
fn debug_is_written_with_the_lock_released() {
    let event = Event::new();
    let mut waits = Box::pin(event.wait());
    assert!(poll(&mut waits).is_pending());
    debug_within_debug(&event, |shown| {
        assert!(shown.contains("waiting: 1"), "{shown}");
    });
}

#[test]
fn threads_see_what_was_done_before_it_was_set() {
    for _ in 0..200 {
        let event = Event::new();
        let done = std::sync::OnceLock::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                block_on(event.wait());
                assert_eq!(done.get(), Some(&7));
            });
            scope.spawn(|| {
                event.wait_blocking();
                assert_eq!(done.get(), Some(&7));
            });
            done.set(7).expect("it is set once");
            event.set();
        });
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    New,
    InLine,
    Granted,
}

fn run_against_the_model(seed: u64) {
    const FUTURES: usize = 12;
    let mut random = Random::new(seed);
    let event = Event::new();
    let mut is_set = false;
    let mut futures: [Option<(Pin<Box<Wait<'_>>>, Stage)>; FUTURES] = Default::default();
    for step in 0..60 {
        let place = &mut futures[random.below(FUTURES)];
        match (random.below(12), &mut *place) {
            (0, _) => {
                event.set();
                is_set = true;
                for (_, stage) in futures.iter_mut().flatten() {
                    if *stage == Stage::InLine {
                        *stage = Stage::Granted;
                    }
                }
            }
            (1..=2, _) => {
                event.clear();
                is_set = false;
            }
            (_, None) => *place = Some((Box::pin(event.wait()), Stage::New)),
            (3..=5, Some(_)) => *place = None,
            (_, Some((future, stage))) => {
                let expected = *stage == Stage::Granted || (*stage == Stage::New && is_set);
                assert_eq!(poll(future).is_ready(), expected, "{seed} {step}");
                if expected {
                    *place = None;
                } else {
                    *stage = Stage::InLine;
                }
            }
        }
        let in_line = |place: &&(_, Stage)| place.1 == Stage::InLine;
        let waiting = futures.iter().flatten().filter(in_line).count();
        assert_eq!(event.statistics().waiting, waiting, "{seed} {step}");
        assert_eq!(event.is_set(), is_set, "{seed} {step}");
    }
}

#[test]
fn random_operations_and_cancels_agree_with_the_model() {
    (0..3_000).for_each(run_against_the_model);
}
