//! What a `Barrier` promises: all go on when the last is there, round by round, and who gives up before
//! takes only itself away.

mod support;

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::thread;

use hob_sync::Barrier;
use hob_sync::barrier::{BarrierError, Wait};

use support::{Counter, Random, block_on, debug_within_debug, kept, poll, poll_once, poll_with};

type Waiting<'a> = Pin<Box<Wait<'a>>>;

/// So many waits that stand in line.
fn arrive(barrier: &Barrier, count: usize) -> Vec<Waiting<'_>> {
    let mut waiting: Vec<_> = (0..count).map(|_| Box::pin(barrier.wait())).collect();
    for wait in &mut waiting {
        assert!(poll(wait).is_pending());
    }
    waiting
}

/// The index that it is told, if it is ready.
fn index(wait: &mut Waiting<'_>) -> Option<Result<usize, BarrierError>> {
    match poll(wait) {
        Poll::Ready(told) => Some(told.map(|told| told.index())),
        Poll::Pending => None,
    }
}

#[test]
fn all_go_on_when_the_last_is_there_in_order_of_arrival() {
    let barrier = Barrier::new(20);
    for _ in 0..3 {
        let mut waiting = arrive(&barrier, 19);
        assert_eq!(barrier.waiting(), 19);
        let mut last = Box::pin(barrier.wait());
        let Poll::Ready(Ok(told)) = poll(&mut last) else {
            panic!("the last does not wait");
        };
        assert!(told.is_leader());
        assert_eq!(told.index(), 19);
        assert_eq!(barrier.waiting(), 0);
        for (place, wait) in waiting.iter_mut().enumerate() {
            let Poll::Ready(Ok(told)) = poll(wait) else {
                panic!("all are there");
            };
            assert_eq!(told.index(), place);
            assert!(!told.is_leader());
        }
    }
}

#[test]
fn a_barrier_for_one_keeps_nobody() {
    let barrier = Barrier::new(1);
    assert_eq!(barrier.parties(), 1);
    for _ in 0..3 {
        let told = block_on(barrier.wait()).unwrap();
        assert!(told.is_leader() && told.index() == 0);
    }
}

#[test]
#[should_panic(expected = "one party at least")]
fn a_barrier_for_nobody_is_refused() {
    drop(Barrier::new(0));
}

#[test]
fn a_barrier_for_more_than_can_come_counts_them() {
    let barrier = Barrier::new(usize::MAX);
    let _waiting = arrive(&barrier, 3);
    assert_eq!(barrier.waiting(), 3);
}

#[test]
fn one_that_gives_up_is_one_fewer_and_breaks_nothing() {
    let barrier = Barrier::new(3);
    drop(barrier.wait());
    let (counter, waker) = Counter::new();
    let mut gone = Box::pin(barrier.wait());
    assert!(poll_with(&mut gone, &waker).is_pending());
    let mut stays = arrive(&barrier, 1);
    drop(gone);
    assert_eq!(kept(&counter), 0);
    assert_eq!(barrier.waiting(), 1);
    let mut next = arrive(&barrier, 1);
    assert_eq!(index(&mut Box::pin(barrier.wait())), Some(Ok(2)));
    assert_eq!(index(&mut stays[0]), Some(Ok(0)));
    assert_eq!(index(&mut next[0]), Some(Ok(1)));
    assert_eq!(counter.wakes(), 0);
}

#[test]
fn one_that_goes_when_all_are_there_takes_nothing_away() {
    let barrier = Barrier::new(3);
    let mut waiting = arrive(&barrier, 2);
    assert!(poll_once(barrier.wait()).is_ready());
    drop(waiting.remove(0));
    assert_eq!(index(&mut waiting[0]), Some(Ok(1)));
    assert_eq!(barrier.waiting(), 0, "of the next round");
    let _two = arrive(&barrier, 2);
    assert!(poll_once(barrier.wait()).is_ready());
}

#[test]
fn reset_sends_those_away_who_wait_and_starts_anew() {
    let barrier = Barrier::new(20);
    let mut early = arrive(&barrier, 10);
    barrier.reset();
    assert_eq!(barrier.waiting(), 0);
    assert!(!barrier.is_broken());
    let mut late = arrive(&barrier, 19);
    for wait in &mut early {
        assert_eq!(index(wait), Some(Err(BarrierError::Broken)));
    }
    assert_eq!(index(&mut Box::pin(barrier.wait())), Some(Ok(19)));
    assert_eq!(index(&mut late[0]), Some(Ok(0)));
    barrier.reset();
}

#[test]
fn reset_does_not_reach_those_of_a_round_that_has_ended() {
    let barrier = Barrier::new(2);
    let mut waiting = arrive(&barrier, 1);
    assert!(poll_once(barrier.wait()).is_ready());
    barrier.reset();
    barrier.abort();
    assert_eq!(index(&mut waiting[0]), Some(Ok(0)));
}

#[test]
fn abort_breaks_the_barrier_until_it_is_reset() {
    let barrier = Barrier::new(2);
    let mut waiting = arrive(&barrier, 1);
    barrier.abort();
    barrier.abort();
    assert!(barrier.is_broken());
    assert_eq!(index(&mut waiting[0]), Some(Err(BarrierError::Broken)));
    let mut late = Box::pin(barrier.wait());
    assert_eq!(index(&mut late), Some(Err(BarrierError::Broken)));
    assert_eq!(barrier.waiting(), 0);
    barrier.reset();
    assert!(!barrier.is_broken());
    let mut waiting = arrive(&barrier, 1);
    assert!(poll_once(barrier.wait()).is_ready());
    assert_eq!(index(&mut waiting[0]), Some(Ok(0)));
}

/// Does something when it is woken: in the middle of a round's end, which has others to tell yet.
struct Acts<F: Fn()>(F);

impl<F: Fn() + Send + Sync + 'static> Acts<F> {
    fn waker(act: F) -> Waker {
        Waker::from(Arc::new(Self(act)))
    }
}

impl<F: Fn() + Send + Sync + 'static> Wake for Acts<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

type Kept = Arc<Mutex<Vec<Waiting<'static>>>>;

#[test]
fn rounds_that_end_in_the_middle_of_another_keep_their_results_apart() {
    let barrier: &'static Barrier = Box::leak(Box::new(Barrier::new(60)));
    let mut waiting = arrive(barrier, 59);
    // Eight are woken in one go. Whoever acts serves the next eight before it returns, so the next
    // actor comes in while the line is still to be served.
    let later = Kept::default();
    for round in 0..3 {
        let arrives = Arc::clone(&later);
        let arrives = Acts::waker(move || {
            // Others act while this arrives.
            let arrived = arrive(barrier, 1);
            arrives.lock().unwrap().extend(arrived);
        });
        assert!(poll_with(&mut waiting[16 * round], &arrives).is_pending());
        let resets = Acts::waker(|| barrier.reset());
        assert!(poll_with(&mut waiting[16 * round + 8], &resets).is_pending());
    }
    assert!(poll_once(barrier.wait()).is_ready());
    for (place, wait) in waiting.iter_mut().enumerate() {
        assert_eq!(index(wait), Some(Ok(place)));
    }
    let mut later = later.lock().unwrap();
    assert_eq!(later.len(), 3);
    for wait in &mut *later {
        assert_eq!(index(wait), Some(Err(BarrierError::Broken)));
    }
    assert_eq!(barrier.waiting(), 0);
}

#[test]
fn one_that_goes_when_its_round_has_ended_is_not_missed_in_the_next() {
    let barrier: &'static Barrier = Box::leak(Box::new(Barrier::new(20)));
    let mut waiting = arrive(barrier, 19);
    let last = Kept::default();
    last.lock().unwrap().extend(waiting.pop());
    let goes = Arc::clone(&last);
    let goes = Acts::waker(move || {
        // It was not told yet.
        let gone = goes.lock().unwrap().pop();
        drop(gone);
        let arrived = arrive(barrier, 1);
        goes.lock().unwrap().extend(arrived);
    });
    assert!(poll_with(&mut waiting[0], &goes).is_pending());
    assert!(poll_once(barrier.wait()).is_ready());
    assert_eq!(last.lock().unwrap().len(), 1);
    assert_eq!(barrier.waiting(), 1);
    for (place, wait) in waiting.iter_mut().enumerate() {
        assert_eq!(index(wait), Some(Ok(place)));
    }
}

#[test]
fn debug_and_errors_say_what_is() {
    let barrier = Barrier::new(2);
    let _waiting = arrive(&barrier, 1);
    let shown = format!("{barrier:?} {:?}", barrier.wait());
    assert!(shown.contains("waiting: 1"), "{shown}");
    assert!(shown.contains("Barrier::wait"), "{shown}");
    assert!(BarrierError::Broken.to_string().contains("broken"));
}

#[test]
fn debug_is_written_with_the_lock_released() {
    let barrier = Barrier::new(2);
    let _waiting = arrive(&barrier, 1);
    debug_within_debug(&barrier, |shown| {
        assert!(shown.contains("waiting: 1"), "{shown}");
    });
}

#[test]
fn threads_meet_round_by_round() {
    const ROUNDS: usize = 300;
    let barrier = Barrier::new(4);
    let (led, arrived) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let party = |blocks: bool| {
        for round in 0..ROUNDS {
            arrived.fetch_add(1, Ordering::Relaxed);
            let told = if blocks {
                barrier.wait_blocking().unwrap()
            } else {
                block_on(barrier.wait()).unwrap()
            };
            led.fetch_add(usize::from(told.is_leader()), Ordering::Relaxed);
            assert!(arrived.load(Ordering::Relaxed) >= 4 * (round + 1));
        }
    };
    thread::scope(|scope| {
        for index in 0..4 {
            scope.spawn(move || party(index < 2));
        }
    });
    assert_eq!(led.into_inner(), ROUNDS);
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    New,
    InLine,
    Told(Result<usize, BarrierError>),
}

/// What a barrier is, told plainly.
struct Model {
    parties: usize,
    is_broken: bool,
    stages: Vec<Option<Stage>>,
    line: Vec<usize>,
}

impl Model {
    fn end(&mut self, told: impl Fn(usize) -> Result<usize, BarrierError>) {
        for (place, id) in self.line.drain(..).enumerate() {
            self.stages[id] = Some(Stage::Told(told(place)));
        }
    }

    /// What a poll gives.
    fn poll(&mut self, id: usize) -> Option<Result<usize, BarrierError>> {
        match self.stages[id].expect("it is there") {
            Stage::Told(told) => Some(told),
            Stage::InLine => None,
            Stage::New if self.is_broken => Some(Err(BarrierError::Broken)),
            Stage::New => {
                self.line.push(id);
                self.stages[id] = Some(Stage::InLine);
                if self.line.len() < self.parties {
                    return None;
                }
                self.end(Ok);
                Some(Ok(self.parties - 1))
            }
        }
    }
}

fn run_against_the_model(seed: u64) {
    const FUTURES: usize = 14;
    let mut random = Random::new(seed);
    let parties = 1 + random.below(12);
    let barrier = Barrier::new(parties);
    let mut futures: [Option<Waiting<'_>>; FUTURES] = Default::default();
    let mut model = Model {
        parties,
        is_broken: false,
        stages: vec![None; FUTURES],
        line: Vec::new(),
    };
    for step in 0..80 {
        let id = random.below(FUTURES);
        match (random.below(30), &mut futures[id]) {
            (0, _) => {
                barrier.reset();
                model.is_broken = false;
                model.end(|_| Err(BarrierError::Broken));
            }
            (1, _) => {
                barrier.abort();
                model.is_broken = true;
                model.end(|_| Err(BarrierError::Broken));
            }
            (_, None) => {
                futures[id] = Some(Box::pin(barrier.wait()));
                model.stages[id] = Some(Stage::New);
            }
            (2..=5, Some(_)) => {
                futures[id] = None;
                model.stages[id] = None;
                model.line.retain(|other| *other != id);
            }
            (_, Some(future)) => {
                let expected = model.poll(id);
                assert_eq!(index(future), expected, "{seed} {step}");
                if expected.is_some() {
                    futures[id] = None;
                    model.stages[id] = None;
                }
            }
        }
        assert_eq!(barrier.waiting(), model.line.len(), "{seed} {step}");
        assert_eq!(barrier.is_broken(), model.is_broken, "{seed} {step}");
    }
}

#[test]
fn random_operations_and_cancels_agree_with_the_model() {
    (0..3_000).for_each(run_against_the_model);
}
