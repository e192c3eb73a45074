//! What a `OnceCell` promises: one initializer at a time, the next one if it fails, and a value that
//! all who wait are told of.

mod support;

use std::cell::Cell;
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use hob_sync::OnceCell;
use hob_sync::once_cell::SetError;

use support::{Counter, Random, block_on, debug_within_debug, kept, poll, poll_once, poll_with};

/// How many wait: for a turn, and for the value.
fn waiting<T>(cell: &OnceCell<T>) -> (usize, usize) {
    let statistics = cell.statistics();
    (statistics.initializers_waiting, statistics.waiting)
}

#[test]
fn only_one_initializer_runs_when_it_succeeds() {
    let runs = AtomicUsize::new(0);
    let cell = OnceCell::new();
    let init = || async {
        runs.fetch_add(1, Ordering::Relaxed);
        futures_lite::future::yield_now().await;
        7
    };
    let mut first = Box::pin(cell.get_or_init(init));
    let mut second = Box::pin(cell.get_or_init(init));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    assert_eq!(poll(&mut first), Poll::Ready(&7));
    assert_eq!(poll(&mut second), Poll::Ready(&7));
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[test]
fn a_cancelled_initializer_is_followed_by_the_next_in_line() {
    let cell = OnceCell::new();
    let (counter, waker) = Counter::new();
    let mut first = Box::pin(cell.get_or_init(pending::<i32>));
    let mut second = Box::pin(cell.get_or_init(|| ready(2)));
    let mut third = Box::pin(cell.get_or_init(|| ready(3)));
    assert!(poll(&mut first).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    assert!(poll(&mut third).is_pending());
    assert_eq!(waiting(&cell), (2, 0));
    drop(first);
    assert_eq!(counter.wakes(), 1);
    assert!(poll(&mut third).is_pending(), "it is not its turn");
    assert_eq!(poll(&mut second), Poll::Ready(&2));
    assert_eq!(poll(&mut third), Poll::Ready(&2));
}

#[test]
fn a_turn_that_was_granted_and_not_taken_goes_to_the_next() {
    let cell = OnceCell::new();
    let mut first = Box::pin(cell.get_or_init(pending::<i32>));
    let mut second = Box::pin(cell.get_or_init(|| ready(2)));
    let mut third = Box::pin(cell.get_or_init(|| ready(3)));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    assert!(poll(&mut third).is_pending());
    drop(first);
    drop(second);
    assert_eq!(poll(&mut third), Poll::Ready(&3));
}

#[test]
fn a_future_that_was_never_polled_has_no_turn() {
    let cell = OnceCell::new();
    let unpolled = cell.get_or_init(pending::<i32>);
    assert_eq!(cell.set(1), Ok(()));
    drop(unpolled);
    assert_eq!(cell.get(), Some(&1));
}

#[test]
fn an_initializer_that_fails_is_followed_by_the_next_in_line() {
    let cell = OnceCell::new();
    let mut polls = 0;
    let fails = std::future::poll_fn(move |_| {
        polls += 1;
        if polls == 1 {
            Poll::Pending
        } else {
            Poll::Ready(Err("no luck"))
        }
    });
    let mut first = Box::pin(cell.get_or_try_init(|| fails));
    let mut second = Box::pin(cell.get_or_try_init(|| ready(Ok::<_, &str>(2))));
    let mut waits = Box::pin(cell.wait());
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    assert!(poll(&mut waits).is_pending());
    assert_eq!(poll(&mut first), Poll::Ready(Err("no luck")));
    assert!(poll(&mut waits).is_pending(), "it goes on waiting");
    assert_eq!(poll(&mut second), Poll::Ready(Ok(&2)));
    assert_eq!(poll(&mut waits), Poll::Ready(&2));
}

#[test]
fn an_initializer_that_panics_is_followed_by_the_next_in_line() {
    for in_the_closure in [true, false] {
        let cell = OnceCell::new();
        let mut first = Box::pin(cell.get_or_init(|| {
            assert!(!in_the_closure, "on purpose");
            async {
                futures_lite::future::yield_now().await;
                panic!("on purpose")
            }
        }));
        let mut second = Box::pin(cell.get_or_init(|| ready(2)));
        let panics = |first: &mut Pin<Box<_>>| {
            catch_unwind(AssertUnwindSafe(|| poll::<Pin<Box<_>>>(first))).is_err()
        };
        assert_eq!(panics(&mut first), in_the_closure);
        if !in_the_closure {
            assert!(poll(&mut second).is_pending());
            assert!(panics(&mut first));
        }
        // Although the one that panicked is still there.
        assert_eq!(poll(&mut second), Poll::Ready(&2));
        drop(first);
        assert_eq!(cell.get(), Some(&2));
    }
}

#[test]
fn an_initializer_is_gone_before_the_next_one_is_woken() {
    struct Gone(Arc<AtomicBool>);
    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    /// Notes whether it was gone at the wake.
    struct Notes(Arc<AtomicBool>, AtomicBool);
    impl Wake for Notes {
        fn wake(self: Arc<Self>) {
            self.1
                .store(self.0.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
    let gone = Arc::new(AtomicBool::new(false));
    let notes = Arc::new(Notes(Arc::clone(&gone), AtomicBool::new(false)));
    let cell = OnceCell::new();
    let mut first = Box::pin(cell.get_or_init(async || {
        let _gone = Gone(gone);
        pending::<i32>().await
    }));
    let mut second = Box::pin(cell.get_or_init(|| ready(2)));
    assert!(poll(&mut first).is_pending());
    assert!(poll_with(&mut second, &Waker::from(Arc::clone(&notes))).is_pending());
    drop(first);
    assert!(notes.1.load(Ordering::Relaxed));
    assert_eq!(poll(&mut second), Poll::Ready(&2));
}

#[test]
fn an_initializer_that_panicked_is_gone_before_the_next_one_starts() {
    struct Alive<'a>(&'a Cell<usize>);
    impl Drop for Alive<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    struct Panics<'a>(Alive<'a>);
    impl Future for Panics<'_> {
        type Output = usize;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<usize> {
            panic!("on purpose, {} alive", self.0.0.get())
        }
    }
    let (alive, cell) = (Cell::new(0), OnceCell::new());
    let start = || {
        alive.set(alive.get() + 1);
        Panics(Alive(&alive))
    };
    let mut first = Box::pin(cell.get_or_init(start));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut first))).is_err());
    assert_eq!(alive.get(), 0);
    let next = poll_once(cell.get_or_init(|| ready(alive.get())));
    assert_eq!(next, Poll::Ready(&0), "as many as it has found alive");
}

#[test]
fn set_tells_a_value_from_an_initializer_at_work() {
    let cell = OnceCell::new();
    let mut init = Box::pin(cell.get_or_init(pending::<i32>));
    assert!(poll(&mut init).is_pending());
    assert_eq!(cell.set(1), Err(SetError::Initializing(1)));
    drop(init);
    assert_eq!(cell.set(2), Ok(()));
    let refused = cell.set(3);
    assert_eq!(refused, Err(SetError::AlreadySet(3)));
    assert_eq!(refused.unwrap_err().into_inner(), 3);
    assert_eq!(cell.get(), Some(&2));
}

#[test]
fn a_value_that_is_set_reaches_all_who_wait() {
    let cell = OnceCell::new();
    let (counter, waker) = Counter::new();
    let mut waits: Vec<_> = (0..100).map(|_| Box::pin(cell.wait())).collect();
    for wait in &mut waits {
        assert!(poll_with(wait, &waker).is_pending());
    }
    assert_eq!(waiting(&cell), (0, 100));
    cell.set(5).unwrap();
    assert_eq!(counter.wakes(), 100);
    for wait in &mut waits {
        assert_eq!(poll(wait), Poll::Ready(&5));
    }
    assert_eq!(poll_once(cell.wait()), Poll::Ready(&5));
}

#[test]
fn dropped_wait_leaves_no_waker() {
    let cell = OnceCell::<i32>::new();
    let (counter, waker) = Counter::new();
    let mut wait = Box::pin(cell.wait());
    assert!(poll_with(&mut wait, &waker).is_pending());
    assert_eq!((kept(&counter), waiting(&cell)), (1, (0, 1)));
    drop(wait);
    assert_eq!((kept(&counter), waiting(&cell)), (0, (0, 0)));
    cell.set(1).unwrap();
    assert_eq!(counter.wakes(), 0);
}

#[test]
fn a_cell_whose_value_was_taken_out_is_set_again() {
    let mut cell = OnceCell::from(1);
    *cell.get_mut().unwrap() += 1;
    assert_eq!(cell.take(), Some(2));
    assert_eq!(cell.take(), None);
    assert!(!cell.statistics().is_set);
    assert!(poll_once(cell.wait()).is_pending());
    assert_eq!(poll_once(cell.get_or_init(|| ready(3))), Poll::Ready(&3));
    assert_eq!(cell.into_inner(), Some(3));
}

#[test]
fn a_clone_is_a_cell_of_its_own() {
    let empty = OnceCell::<i32>::default();
    let clone = empty.clone();
    clone.set(1).unwrap();
    assert_eq!(empty.get(), None);
    let mut second = clone.clone();
    assert_eq!((second.take(), clone.get()), (Some(1), Some(&1)));
}

#[test]
fn debug_shows_the_value_and_never_blocks() {
    let cell = OnceCell::from(17);
    let shown = format!("{cell:?}");
    assert!(
        shown.contains("Some(17)") && shown.contains("is_set: true"),
        "{shown}"
    );
    let cell = OnceCell::<i32>::new();
    let mut init = Box::pin(cell.get_or_init(pending));
    assert!(poll(&mut init).is_pending());
    let shown = format!("{cell:?} {init:?}");
    assert!(shown.contains("is_initializing: true"), "{shown}");
}

#[test]
fn debug_is_written_with_the_lock_released() {
    let cell = OnceCell::<u8>::new();
    let mut waits = Box::pin(cell.wait());
    assert!(poll(&mut waits).is_pending());
    debug_within_debug(&cell, |shown| {
        assert!(shown.contains("waiting: 1"), "{shown}");
    });
}

#[test]
fn threads_and_tasks_make_one_value() {
    for _ in 0..200 {
        let cell = Arc::new(OnceCell::new());
        let runs = Arc::new(AtomicUsize::new(0));
        thread::scope(|scope| {
            for number in 0..3 {
                let (cell, runs) = (&cell, &runs);
                scope.spawn(move || {
                    let seen = if number == 0 {
                        cell.get_or_init_blocking(|| runs.fetch_add(1, Ordering::Relaxed))
                    } else {
                        block_on(cell.get_or_init(async || runs.fetch_add(1, Ordering::Relaxed)))
                    };
                    assert_eq!(*seen, 0);
                });
                scope.spawn(|| assert_eq!(*cell.wait_blocking(), 0));
            }
        });
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }
}

/// What an initializer of the property test is to do at its next poll.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Fate {
    Waits,
    Gives,
    Fails,
    Panics,
}

/// One who initializes or waits, and what the model knows of it.
struct Party<'a> {
    future: Pin<Box<dyn Future<Output = Result<u32, ()>> + 'a>>,
    fate: Rc<Cell<Fate>>,
    is_waiter: bool,
    number: u32,
}

impl<'a> Party<'a> {
    fn new(cell: &'a OnceCell<u32>, is_waiter: bool, number: u32) -> Self {
        let fate = Rc::new(Cell::new(Fate::Waits));
        let ordered = Rc::clone(&fate);
        let init = std::future::poll_fn(move |_| match ordered.get() {
            Fate::Waits => Poll::Pending,
            Fate::Gives => Poll::Ready(Ok(number)),
            Fate::Fails => Poll::Ready(Err(())),
            Fate::Panics => std::panic::resume_unwind(Box::new(())),
        });
        let future: Pin<Box<dyn Future<Output = _>>> = if is_waiter {
            Box::pin(async { Ok(*cell.wait().await) })
        } else {
            Box::pin(async { cell.get_or_try_init(|| init).await.copied() })
        };
        Self {
            future,
            fate,
            is_waiter,
            number,
        }
    }
}

/// Parties come, are polled, cancelled and told what to do at random. The model is the list of those
/// who would initialize, in order of their first polls: the first of them has the turn.
fn run(seed: u64) {
    let random = &mut Random::new(seed);
    let cell = OnceCell::new();
    let mut parties: Vec<Party<'_>> = Vec::new();
    let mut value = None;
    for number in 0..12 + u32::try_from(random.below(12)).unwrap() {
        match random.below(6) {
            0 | 1 => {
                let mut party = Party::new(&cell, random.chance(), number);
                if poll(&mut party.future).is_pending() {
                    assert_eq!(value, None);
                    parties.push(party);
                } else {
                    assert!(value.is_some());
                }
            }
            2 if !parties.is_empty() => drop(parties.remove(random.below(parties.len()))),
            3 => {
                let busy = parties.iter().any(|party| !party.is_waiter);
                match cell.set(number) {
                    Ok(()) => {
                        assert!(!busy && value.is_none());
                        value = Some(number);
                    }
                    Err(SetError::Initializing(_)) => assert!(busy && value.is_none()),
                    Err(_) => assert!(value.is_some()),
                }
            }
            _ if !parties.is_empty() => {
                let index = random.below(parties.len());
                let has_turn = parties.iter().position(|party| !party.is_waiter) == Some(index);
                let fates = [Fate::Waits, Fate::Gives, Fate::Fails, Fate::Panics];
                let fate = fates[random.below(4)];
                let party = &mut parties[index];
                party.fate.set(fate);
                let polled = catch_unwind(AssertUnwindSafe(|| poll(&mut party.future)));
                let expected = match (value, has_turn, fate) {
                    (Some(value), ..) => Ok(Poll::Ready(Ok(value))),
                    (None, false, _) | (None, true, Fate::Waits) => Ok(Poll::Pending),
                    (None, true, Fate::Gives) => Ok(Poll::Ready(Ok(party.number))),
                    (None, true, Fate::Fails) => Ok(Poll::Ready(Err(()))),
                    (None, true, Fate::Panics) => Err(()),
                };
                assert_eq!(polled.map_err(drop), expected);
                if expected != Ok(Poll::Pending) {
                    value = cell.get().copied();
                    drop(parties.remove(index));
                } else {
                    party.fate.set(Fate::Waits);
                }
            }
            _ => {}
        }
        check(&cell, &parties, value);
    }
}

fn check(cell: &OnceCell<u32>, parties: &[Party<'_>], value: Option<u32>) {
    assert_eq!(cell.get().copied(), value);
    let statistics = cell.statistics();
    assert_eq!(statistics.is_set, value.is_some());
    if value.is_some() {
        assert_eq!(waiting(cell), (0, 0));
        return;
    }
    let waiters = parties.iter().filter(|party| party.is_waiter).count();
    let initializers = parties.len() - waiters;
    assert_eq!(statistics.is_initializing, initializers > 0);
    assert_eq!(waiting(cell), (initializers.saturating_sub(1), waiters));
}

#[test]
fn random_parties_agree_with_the_model() {
    for seed in 0..3_000 {
        run(seed);
    }
}
