//! What a `Condition` promises: no notification between the unlocking and the wait is missed, and one
//! that reached a wait that goes reaches the next.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::thread;

use hob_sync::condition::Wait;
use hob_sync::{Condition, Mutex, MutexGuard};

use support::{Counter, Random, block_on, debug_within_debug, kept, poll, poll_once, poll_with};

type Waiting<'a> = Pin<Box<Wait<'a, MutexGuard<'a, ()>>>>;

/// A wait that stands in line.
fn waits<'a>(condition: &'a Condition, mutex: &'a Mutex<()>) -> Waiting<'a> {
    let guard = mutex.try_lock().expect("it is free");
    let mut wait = Box::pin(condition.wait(guard));
    assert!(poll(&mut wait).is_pending());
    wait
}

#[test]
fn the_mutex_is_free_from_the_first_poll_on() {
    let (mutex, condition) = (Mutex::new(()), Condition::default());
    let mut wait = Box::pin(condition.wait(mutex.try_lock().unwrap()));
    assert!(mutex.try_lock().is_err());
    assert_eq!(condition.statistics().waiting, 0);
    assert!(poll(&mut wait).is_pending());
    assert!(mutex.try_lock().is_ok());
    assert_eq!(condition.statistics().waiting, 1);
    condition.notify_one();
    let Poll::Ready(guard) = poll(&mut wait) else {
        panic!("it was notified, and the mutex is free");
    };
    assert!(mutex.try_lock().is_err());
    drop(guard);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn nothing_is_kept_for_those_who_come_later() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    condition.notify_one();
    condition.notify_all();
    condition.notify(7);
    let mut wait = waits(&condition, &mutex);
    assert!(poll(&mut wait).is_pending());
}

#[test]
fn a_wait_that_was_not_polled_leaves_the_mutex_free() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    drop(condition.wait(mutex.try_lock().unwrap()));
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn those_who_wait_are_notified_in_order_and_as_many_as_said() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let mut waiting: Vec<_> = (0..20).map(|_| waits(&condition, &mutex)).collect();
    condition.notify(0);
    assert_eq!(condition.statistics().waiting, 20);
    condition.notify(11);
    assert_eq!(condition.statistics().waiting, 9);
    for (index, wait) in waiting.iter_mut().enumerate() {
        assert_eq!(poll(wait).is_ready(), index < 11, "{index}");
    }
    condition.notify(usize::MAX);
    condition.notify(usize::MAX);
    assert_eq!(condition.statistics().waiting, 0);
    assert!(waiting[11..].iter_mut().all(|wait| poll(wait).is_ready()));
    assert!(poll(&mut waits(&condition, &mutex)).is_pending());
}

#[test]
fn all_who_wait_are_notified() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let mut waiting: Vec<_> = (0..20).map(|_| waits(&condition, &mutex)).collect();
    condition.notify_all();
    assert!(waiting.iter_mut().all(|wait| poll(wait).is_ready()));
    assert!(poll(&mut waits(&condition, &mutex)).is_pending());
}

/// Waits anew when it is woken, in the middle of a notification that has others to serve yet.
struct WaitsAnew {
    condition: &'static Condition,
    mutex: &'static Mutex<()>,
    wait: std::sync::Mutex<Option<Waiting<'static>>>,
}

impl Wake for WaitsAnew {
    fn wake(self: Arc<Self>) {
        *self.wait.lock().unwrap() = Some(waits(self.condition, self.mutex));
    }
}

#[test]
fn who_comes_in_the_middle_of_a_notification_is_not_notified() {
    for notify in [Condition::notify_all, |condition: &Condition| {
        condition.notify(usize::MAX);
    }] {
        let condition: &'static Condition = Box::leak(Box::default());
        let mutex: &'static Mutex<()> = Box::leak(Box::default());
        let anew = Arc::new(WaitsAnew {
            condition,
            mutex,
            wait: std::sync::Mutex::new(None),
        });
        let mut waiting: Vec<_> = (0..20).map(|_| waits(condition, mutex)).collect();
        assert!(poll_with(&mut waiting[0], &Waker::from(Arc::clone(&anew))).is_pending());
        for wait in &mut waiting[1..] {
            assert!(poll_with(wait, &Counter::new().1).is_pending());
        }
        notify(condition);
        assert!(waiting.iter_mut().all(|wait| poll(wait).is_ready()));
        let mut newcomer = anew.wait.lock().unwrap().take().expect("it was woken");
        assert!(poll(&mut newcomer).is_pending());
        assert_eq!(condition.statistics().waiting, 1);
    }
}

/// Calls a closure when it is woken for the first time.
struct Calls(std::sync::Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Calls {
    fn waker(call: impl FnOnce() + Send + 'static) -> Waker {
        Waker::from(Arc::new(Self(std::sync::Mutex::new(Some(Box::new(call))))))
    }
}

impl Wake for Calls {
    fn wake(self: Arc<Self>) {
        let call = self.0.lock().unwrap().take();
        if let Some(call) = call {
            call();
        }
    }
}

/// A condition, and those who join its line while others are notified.
#[derive(Default)]
struct Site {
    condition: Condition,
    newcomers: std::sync::Mutex<Vec<Waiting<'static>>>,
}

impl Site {
    fn newcomer(&'static self) {
        // Who joins the line goes on with what is to be notified: others may join in the middle of it.
        let mutex: &'static Mutex<()> = Box::leak(Box::default());
        let wait = waits(&self.condition, mutex);
        self.newcomers.lock().unwrap().push(wait);
    }
}

/// Notifies more than wait; some of them act when they are woken.
fn notify_more_than_wait(
    acts: impl IntoIterator<Item = (usize, fn(&'static Site))>,
) -> &'static Site {
    let site: &'static Site = Box::leak(Box::default());
    let mutex = Mutex::new(());
    let mut acts: std::collections::BTreeMap<_, _> = acts.into_iter().collect();
    let mut waiting = Vec::new();
    for index in 0..100 {
        let mut wait = Box::pin(site.condition.wait(mutex.try_lock().unwrap()));
        let waker = match acts.remove(&index) {
            Some(act) => Calls::waker(move || act(site)),
            None => Counter::new().1,
        };
        assert!(poll_with(&mut wait, &waker).is_pending());
        waiting.push(wait);
    }
    site.condition.notify(1_000);
    assert!(waiting.iter_mut().all(|wait| poll(wait).is_ready()));
    drop(waiting);
    site
}

#[test]
fn what_is_left_of_a_notification_is_not_added_to_the_next() {
    let at_once: fn(&'static Site) = |site| {
        (0..5).for_each(|_| site.newcomer());
        site.condition.notify_one();
    };
    let site = notify_more_than_wait([(0, at_once)]);
    assert_eq!(site.newcomers.lock().unwrap().len(), 5);
    assert_eq!(site.condition.statistics().waiting, 4);
}

#[test]
fn what_is_left_of_a_notification_is_for_no_newcomer_of_a_later_go() {
    let joins: fn(&'static Site) = Site::newcomer;
    let notifies: fn(&'static Site) = |site| site.condition.notify_one();
    let site = notify_more_than_wait([(0, joins), (8, joins), (16, joins), (24, notifies)]);
    assert_eq!(site.newcomers.lock().unwrap().len(), 3);
    assert_eq!(site.condition.statistics().waiting, 2);
}

#[test]
fn those_who_go_in_the_middle_of_a_notification_leave_nothing_to_newcomers() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    for gone in 0..20 {
        let mut waiting: Vec<_> = (0..20).map(|_| waits(&condition, &mutex)).collect();
        condition.notify(10);
        waiting.drain(..gone);
        // Who was notified and goes passes it on, as long as anybody is there.
        let left = 20_usize.saturating_sub(10 + gone.min(10)).min(20 - gone);
        assert_eq!(condition.statistics().waiting, left, "{gone}");
        let newcomer = waits(&condition, &mutex);
        condition.notify(left);
        assert_eq!(condition.statistics().waiting, 1, "{gone}");
        drop(newcomer);
    }
}

#[test]
fn a_wait_that_goes_while_it_waits_leaves_no_waker() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let (counter, waker) = Counter::new();
    let mut gone = waits(&condition, &mutex);
    assert!(poll_with(&mut gone, &waker).is_pending());
    let mut stays = waits(&condition, &mutex);
    assert_eq!(kept(&counter), 1);
    drop(gone);
    assert_eq!(kept(&counter), 0);
    condition.notify_one();
    assert_eq!(counter.wakes(), 0);
    assert!(poll(&mut stays).is_ready());
}

#[test]
fn a_wait_that_goes_when_it_was_notified_passes_it_on() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let first = waits(&condition, &mutex);
    let mut second = waits(&condition, &mutex);
    condition.notify_one();
    assert!(poll(&mut second).is_pending());
    drop(first);
    assert!(poll(&mut second).is_ready());
}

#[test]
fn a_wait_that_goes_while_it_locks_again_passes_it_on() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let mut first = waits(&condition, &mutex);
    let mut second = waits(&condition, &mutex);
    let held = mutex.try_lock().unwrap();
    condition.notify_one();
    assert!(poll(&mut first).is_pending());
    assert_eq!(mutex.statistics().waiting, 1);
    assert!(poll(&mut second).is_pending());
    drop(first);
    assert_eq!(mutex.statistics().waiting, 0);
    drop(held);
    assert!(poll(&mut second).is_ready());
}

#[test]
fn a_wait_that_goes_when_it_was_given_the_lock_passes_both_on() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let mut first = waits(&condition, &mutex);
    let mut second = waits(&condition, &mutex);
    let held = mutex.try_lock().unwrap();
    condition.notify_one();
    assert!(poll(&mut first).is_pending());
    let mut lock = Box::pin(mutex.lock());
    assert!(poll(&mut lock).is_pending());
    drop(held);
    drop(first);
    let Poll::Ready(guard) = poll(&mut lock) else {
        panic!("the lock went on to the next");
    };
    drop(guard);
    assert!(poll(&mut second).is_ready());
}

#[test]
fn a_wait_that_was_notified_with_all_passes_nothing_on() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let mut first = waits(&condition, &mutex);
    let early = waits(&condition, &mutex);
    condition.notify_all();
    let mut late = waits(&condition, &mutex);
    let held = mutex.try_lock().unwrap();
    assert!(poll(&mut first).is_pending());
    drop(held);
    drop((first, early));
    assert!(poll(&mut late).is_pending());
}

#[test]
fn a_wait_that_took_the_lock_has_used_its_notification_up() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let mut first = waits(&condition, &mutex);
    let mut second = waits(&condition, &mutex);
    condition.notify_one();
    assert!(poll(&mut first).is_ready());
    drop(first);
    assert!(poll(&mut second).is_pending());
}

#[test]
fn wait_while_looks_first_and_after_each_notification() {
    let (mutex, condition) = (Mutex::new(0), Condition::new());
    let looks = std::cell::Cell::new(0);
    let guard = mutex.try_lock().unwrap();
    let mut wait = Box::pin(condition.wait_while(guard, |number| {
        looks.set(looks.get() + 1);
        *number < 2
    }));
    for round in 0..2 {
        assert!(poll(&mut wait).is_pending());
        assert_eq!(looks.get(), round + 1);
        assert!(poll(&mut wait).is_pending());
        assert_eq!(looks.get(), round + 1, "it was not notified");
        *mutex.try_lock().unwrap() += 1;
        condition.notify_one();
    }
    let Poll::Ready(guard) = poll(&mut wait) else {
        panic!("it is two");
    };
    assert_eq!(*guard, 2);
    drop(guard);
    let guard = mutex.try_lock().unwrap();
    assert!(poll_once(condition.wait_while(guard, |_| false)).is_ready());
}

#[test]
fn a_closure_that_panics_leaves_the_mutex_free() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let guard = mutex.try_lock().unwrap();
    let mut wait = Box::pin(condition.wait_while(guard, |()| panic!("on purpose")));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut wait))).is_err());
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn each_wait_locks_the_mutex_that_it_came_with() {
    let (one, two, condition) = (Mutex::new(()), Mutex::new(()), Condition::new());
    let mut first = waits(&condition, &one);
    let mut second = waits(&condition, &two);
    condition.notify_all();
    let Poll::Ready(guard) = poll(&mut first) else {
        panic!("it was notified");
    };
    assert!(one.try_lock().is_err() && two.try_lock().is_ok());
    assert!(poll(&mut second).is_ready(), "the other mutex is free");
    drop(guard);
}

#[test]
fn a_guard_that_owns_its_mutex_waits_too() {
    let (mutex, condition) = (Arc::new(Mutex::new(1)), Condition::new());
    let guard = Arc::clone(&mutex).try_lock_owned().unwrap();
    let mut wait = Box::pin(condition.wait_while(guard, |number| *number == 1));
    assert!(poll(&mut wait).is_pending());
    *mutex.try_lock().unwrap() = 2;
    condition.notify_one();
    assert!(matches!(poll(&mut wait), Poll::Ready(guard) if *guard == 2));
}

#[test]
fn a_value_without_a_size_is_waited_with() {
    let mutex: &Mutex<[u8]> = &Mutex::new([1, 2]);
    let condition = Condition::new();
    let guard = mutex.try_lock().unwrap();
    let Poll::Ready(guard) = poll_once(condition.wait_while(guard, |list| list.is_empty())) else {
        panic!("it is not empty");
    };
    assert_eq!(guard.len(), 2);
}

#[test]
fn debug_shows_who_waits() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let wait = waits(&condition, &mutex);
    let guard = mutex.try_lock().unwrap();
    let shown = format!("{condition:?} {wait:?}");
    assert!(shown.contains("waiting: 1"), "{shown}");
    assert!(shown.contains("Condition::wait"), "{shown}");
    let shown = format!("{:?}", condition.wait_while(guard, |()| true));
    assert!(shown.contains("tests/condition.rs"), "{shown}");
}

#[test]
fn debug_is_written_with_the_lock_released() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let _waits = waits(&condition, &mutex);
    debug_within_debug(&condition, |shown| {
        assert!(shown.contains("waiting: 1"), "{shown}");
    });
}

#[test]
fn threads_hand_work_over_with_a_condition() {
    let (jobs, filled) = (Mutex::new(0), Condition::new());
    let done = thread::scope(|scope| {
        let awaits = scope.spawn(|| {
            block_on(async {
                for _ in 0..500 {
                    let guard = jobs.lock().await;
                    *filled.wait_while(guard, |jobs| *jobs == 0).await -= 1;
                }
            });
        });
        let blocks = scope.spawn(|| {
            for _ in 0..500 {
                *filled.wait_while_blocking(jobs.lock_blocking(), |jobs| *jobs == 0) -= 1;
            }
        });
        for _ in 0..1_000 {
            *jobs.lock_blocking() += 1;
            filled.notify_one();
        }
        awaits.join().is_ok() && blocks.join().is_ok()
    });
    assert!(done);
    assert_eq!(jobs.into_inner(), 0);
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    InLine,
    One,
    All,
    /// It stands in the line of the mutex, notified by one or not.
    Locking {
        by_one: bool,
    },
}

/// What a condition with a mutex is, told plainly.
#[derive(Default)]
struct Model {
    stages: Vec<Option<Stage>>,
    line: Vec<usize>,
    locking: Vec<usize>,
    /// Whether the test holds the mutex; else it is the first who is locking that has it, if any.
    is_held: bool,
}

impl Model {
    fn notify(&mut self, n: usize, by: Stage) {
        for id in self.line.drain(..n.min(self.line.len())) {
            self.stages[id] = Some(by);
        }
    }

    fn is_free(&self) -> bool {
        !self.is_held && self.locking.is_empty()
    }

    /// Whether a poll is ready.
    fn poll(&mut self, id: usize) -> bool {
        let by_one = match self.stages[id].expect("it is there") {
            Stage::InLine => return false,
            Stage::Locking { .. } => {
                let is_ready = !self.is_held && self.locking[0] == id;
                if is_ready {
                    self.locking.remove(0);
                }
                return is_ready;
            }
            stage => stage == Stage::One,
        };
        let is_ready = self.is_free();
        if !is_ready {
            self.stages[id] = Some(Stage::Locking { by_one });
            self.locking.push(id);
        }
        is_ready
    }

    fn drop(&mut self, id: usize) {
        self.line.retain(|other| *other != id);
        self.locking.retain(|other| *other != id);
        if let Some(Stage::One | Stage::Locking { by_one: true }) = self.stages[id].take() {
            self.notify(1, Stage::One);
        }
    }
}

fn run_against_the_model(seed: u64) {
    const FUTURES: usize = 12;
    let mut random = Random::new(seed);
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let mut held = None;
    let mut futures: [Option<Waiting<'_>>; FUTURES] = Default::default();
    let mut model = Model {
        stages: vec![None; FUTURES],
        ..Model::default()
    };
    for step in 0..80 {
        let id = random.below(FUTURES);
        match (random.below(12), &mut futures[id]) {
            (0..=1, _) => {
                let n = random.below(4);
                condition.notify(n);
                model.notify(n, Stage::One);
            }
            (2, _) => {
                condition.notify_all();
                model.notify(FUTURES, Stage::All);
            }
            (3, _) if held.is_some() => {
                held = None;
                model.is_held = false;
            }
            (3, _) => {
                held = mutex.try_lock().ok();
                assert_eq!(held.is_some(), model.is_free(), "{seed} {step}");
                model.is_held = held.is_some();
            }
            (_, None) => {
                if let Ok(guard) = mutex.try_lock() {
                    assert!(model.is_free(), "{seed} {step}");
                    let mut wait = Box::pin(condition.wait(guard));
                    assert!(poll(&mut wait).is_pending());
                    futures[id] = Some(wait);
                    model.stages[id] = Some(Stage::InLine);
                    model.line.push(id);
                } else {
                    assert!(!model.is_free(), "{seed} {step}");
                }
            }
            (4..=5, Some(_)) => {
                futures[id] = None;
                model.drop(id);
            }
            (_, Some(future)) => {
                let expected = model.poll(id);
                assert_eq!(poll(future).is_ready(), expected, "{seed} {step}");
                if expected {
                    // Its guard is gone already, and with it the lock.
                    model.stages[id] = None;
                    futures[id] = None;
                }
            }
        }
        let waiting = condition.statistics().waiting;
        assert_eq!(waiting, model.line.len(), "{seed} {step}");
    }
}

#[test]
fn random_operations_and_cancels_agree_with_the_model() {
    (0..3_000).for_each(run_against_the_model);
}
