//! What a `Notify` promises: in order, one kept at most, and none lost with a future that goes.

mod support;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::thread;

use hob_sync::Notify;
use hob_sync::notify::Notified;

use support::{Counter, Random, block_on, debug_within_debug, kept, poll, poll_once, poll_with};

fn is_kept(notify: &Notify) -> bool {
    notify.statistics().is_kept
}

#[test]
fn a_notification_without_anybody_is_kept_once() {
    let notify = Notify::default();
    notify.notify_one();
    notify.notify_one();
    assert!(poll_once(notify.notified()).is_ready());
    assert!(poll_once(notify.notified()).is_pending());
    assert!(!is_kept(&notify));
}

#[test]
fn those_who_wait_are_notified_in_order() {
    let notify = Notify::new();
    let mut first = Box::pin(notify.notified());
    let mut second = Box::pin(notify.notified());
    // The order is that of the polls.
    assert!(poll(&mut second).is_pending());
    assert!(poll(&mut first).is_pending());
    notify.notify_one();
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_ready());
    notify.notify_one();
    assert!(poll(&mut first).is_ready());
    assert!(!is_kept(&notify));
}

#[test]
fn all_who_wait_are_notified_and_nothing_is_kept() {
    let notify = Notify::new();
    let (counter, waker) = Counter::new();
    // More than are woken in one go.
    let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(notify.notified())).collect();
    for wait in &mut waiting {
        assert!(poll_with(wait, &waker).is_pending());
    }
    notify.notify_all();
    assert_eq!(counter.wakes(), 20);
    assert_eq!(kept(&counter), 0);
    assert!(waiting.iter_mut().all(|wait| poll(wait).is_ready()));
    assert!(poll_once(notify.notified()).is_pending());
}

/// Waits anew when it is woken, in the middle of a `notify_all` that has others to serve yet.
struct WaitsAnew {
    notify: &'static Notify,
    wait: Mutex<Option<Pin<Box<Notified<'static>>>>>,
}

impl Wake for WaitsAnew {
    fn wake(self: Arc<Self>) {
        let mut wait = Box::pin(self.notify.notified());
        assert!(poll(&mut wait).is_pending());
        self.notify.notify_one();
        self.notify.notify_one();
        *self.wait.lock().unwrap() = Some(wait);
    }
}

#[test]
fn one_in_the_middle_of_all_is_for_those_who_come_later() {
    let notify: &'static Notify = Box::leak(Box::default());
    let anew = Arc::new(WaitsAnew {
        notify,
        wait: Mutex::new(None),
    });
    let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(notify.notified())).collect();
    assert!(poll_with(&mut waiting[0], &Waker::from(Arc::clone(&anew))).is_pending());
    for wait in &mut waiting[1..] {
        assert!(poll(wait).is_pending());
    }
    notify.notify_all();
    drop(waiting);
    let mut newcomer = anew.wait.lock().unwrap().take().expect("it was woken");
    assert!(poll(&mut newcomer).is_ready(), "by the first of the two");
    assert!(is_kept(notify), "which is the second");
}

#[test]
fn a_future_that_was_not_polled_counts_for_all_and_not_for_one() {
    let notify = Notify::new();
    let mut early = Box::pin(notify.notified());
    let mut owned = Box::pin(Arc::new(Notify::new()).notified_owned());
    notify.notify_all();
    assert!(poll(&mut early).is_ready());
    assert!(poll(&mut owned).is_pending(), "that is another's");

    let mut early = Box::pin(notify.notified());
    notify.notify_one();
    assert!(poll_once(notify.notified()).is_ready(), "it was kept");
    assert!(poll(&mut early).is_pending());
}

#[test]
fn all_before_one_leaves_the_one_for_the_next() {
    let notify = Notify::new();
    let mut created = Box::pin(notify.notified());
    let mut polled = Box::pin(notify.notified());
    assert!(poll(&mut polled).is_pending());
    notify.notify_all();
    notify.notify_one();
    assert!(poll(&mut created).is_ready());
    assert!(poll(&mut polled).is_ready());
    assert!(poll_once(notify.notified()).is_ready(), "the one was kept");
}

#[test]
fn one_that_was_notified_by_all_and_goes_passes_nothing_on() {
    let notify = Notify::new();
    let mut wait = Box::pin(notify.notified());
    assert!(poll(&mut wait).is_pending());
    notify.notify_all();
    notify.notify_one();
    drop(wait);
    assert!(is_kept(&notify));
    assert!(poll_once(notify.notified()).is_ready());
    assert!(poll_once(notify.notified()).is_pending());
}

#[test]
fn one_that_was_notified_and_goes_passes_it_on() {
    let notify = Notify::new();
    let (counter, waker) = Counter::new();
    let mut first = Box::pin(notify.notified());
    let mut second = Box::pin(notify.notified());
    assert!(poll(&mut first).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    notify.notify_one();
    assert_eq!(counter.wakes(), 0);
    drop(first);
    assert_eq!(counter.wakes(), 1);
    drop(second);
    assert!(is_kept(&notify), "nobody is left, so it is kept");
}

#[test]
fn those_who_go_before_they_were_notified_change_nothing() {
    let notify = Notify::new();
    drop(notify.notified());
    let (counter, waker) = Counter::new();
    let mut gone = Box::pin(notify.notified());
    let mut stays = Box::pin(notify.notified());
    assert!(poll_with(&mut gone, &waker).is_pending());
    assert!(poll(&mut stays).is_pending());
    assert_eq!(kept(&counter), 1);
    drop(gone);
    assert_eq!(kept(&counter), 0);
    assert_eq!(notify.statistics().waiting, 1);
    notify.notify_one();
    assert_eq!(counter.wakes(), 0);
    assert!(poll(&mut stays).is_ready());
}

#[test]
fn enable_joins_the_line() {
    let notify = Notify::new();
    let mut first = Box::pin(notify.notified());
    assert!(!first.as_mut().enable());
    assert!(!first.as_mut().enable(), "once is enough");
    assert_eq!(notify.statistics().waiting, 1);
    let mut second = Box::pin(notify.notified());
    assert!(poll(&mut second).is_pending());
    notify.notify_one();
    assert!(first.as_mut().enable());
    assert!(poll(&mut second).is_pending());
    assert!(poll(&mut first).is_ready());
}

#[test]
fn enable_takes_what_is_kept_and_hands_it_on() {
    let notify = Notify::new();
    notify.notify_one();
    let mut first = Box::pin(notify.notified());
    assert!(first.as_mut().enable());
    assert!(!is_kept(&notify));
    drop(first);
    assert!(is_kept(&notify));
    let mut second = Box::pin(notify.notified());
    assert!(second.as_mut().enable());
    assert!(poll(&mut second).is_ready());
}

#[test]
fn the_poll_after_enable_brings_the_waker() {
    let notify = Arc::new(Notify::new());
    let mut wait = Box::pin(Arc::clone(&notify).notified_owned());
    assert!(!wait.as_mut().enable());
    let (counter, waker) = Counter::new();
    assert!(poll_with(&mut wait, &waker).is_pending());
    notify.notify_one();
    assert_eq!(counter.wakes(), 1);
    assert!(poll(&mut wait).is_ready());
}

#[test]
#[should_panic(expected = "Notify::notified at")]
fn enable_after_it_was_ready_panics() {
    let notify = Notify::new();
    notify.notify_one();
    let mut wait = Box::pin(notify.notified());
    assert!(poll(&mut wait).is_ready());
    wait.as_mut().enable();
}

#[test]
fn debug_shows_the_statistics() {
    let notify = Notify::new();
    notify.notify_one();
    let shown = format!("{notify:?} {:?}", notify.notified());
    assert!(shown.contains("is_kept: true"), "{shown}");
    assert!(shown.contains("Notify::notified"), "{shown}");
}

#[test]
fn debug_is_written_with_the_lock_released() {
    let notify = Notify::new();
    let mut waits = Box::pin(notify.notified());
    assert!(poll(&mut waits).is_pending());
    debug_within_debug(&notify, |shown| {
        assert!(shown.contains("waiting: 1"), "{shown}");
    });
}

#[test]
fn two_threads_ping_and_pong() {
    let (ping, pong) = (Notify::new(), Notify::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..1_000 {
                block_on(ping.notified());
                pong.notify_one();
            }
        });
        for _ in 0..1_000 {
            ping.notify_one();
            pong.notified_blocking();
        }
    });
    assert!(!is_kept(&ping) && !is_kept(&pong));
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    New { calls: usize },
    InLine,
    One,
    All,
}

/// What a `Notify` is, told plainly.
#[derive(Default)]
struct Model {
    calls: usize,
    is_kept: bool,
    line: Vec<usize>,
}

impl Model {
    fn notify_one(&mut self, stages: &mut [Option<Stage>]) {
        if self.line.is_empty() {
            self.is_kept = true;
        } else {
            stages[self.line.remove(0)] = Some(Stage::One);
        }
    }

    fn notify_all(&mut self, stages: &mut [Option<Stage>]) {
        self.calls += 1;
        for id in self.line.drain(..) {
            stages[id] = Some(Stage::All);
        }
    }

    /// Joins the line, unless there is a notification.
    fn enable(&mut self, id: usize, stages: &mut [Option<Stage>]) -> bool {
        let stage = match stages[id].expect("it is there") {
            Stage::New { calls } if calls != self.calls => Stage::All,
            Stage::New { .. } if self.is_kept => {
                self.is_kept = false;
                Stage::One
            }
            Stage::New { .. } => {
                self.line.push(id);
                Stage::InLine
            }
            stage => stage,
        };
        stages[id] = Some(stage);
        stage != Stage::InLine
    }

    fn drop(&mut self, id: usize, stages: &mut [Option<Stage>]) {
        self.line.retain(|other| *other != id);
        if stages[id].take() == Some(Stage::One) {
            self.notify_one(stages);
        }
    }
}

fn run_against_the_model(seed: u64) {
    const FUTURES: usize = 12;
    let mut random = Random::new(seed);
    let notify = Notify::new();
    let mut model = Model::default();
    let mut futures: [Option<Pin<Box<Notified<'_>>>>; FUTURES] = Default::default();
    let mut stages = [None; FUTURES];
    for step in 0..60 {
        let id = random.below(FUTURES);
        match (random.below(10), &mut futures[id]) {
            (0, _) => {
                notify.notify_one();
                model.notify_one(&mut stages);
            }
            (1, _) => {
                notify.notify_all();
                model.notify_all(&mut stages);
            }
            (_, None) => {
                futures[id] = Some(Box::pin(notify.notified()));
                stages[id] = Some(Stage::New { calls: model.calls });
            }
            (2..=3, Some(_)) => {
                futures[id] = None;
                model.drop(id, &mut stages);
            }
            (4, Some(future)) => {
                let expected = model.enable(id, &mut stages);
                assert_eq!(future.as_mut().enable(), expected, "{seed} {step}");
            }
            (_, Some(future)) => {
                let expected = model.enable(id, &mut stages);
                assert_eq!(poll(future).is_ready(), expected, "{seed} {step}");
                if expected {
                    // It has used its notification up.
                    stages[id] = None;
                    futures[id] = None;
                }
            }
        }
        let statistics = notify.statistics();
        assert_eq!(statistics.waiting, model.line.len(), "{seed} {step}");
        assert_eq!(statistics.is_kept, model.is_kept, "{seed} {step}");
    }
}

#[test]
fn random_operations_and_cancels_agree_with_the_model() {
    (0..3_000).for_each(run_against_the_model);
}
