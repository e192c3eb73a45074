//! What a `Queue` promises: every value is got once, in order, and `join` sees the last one done.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Wake, Waker};
use std::thread;

use futures_lite::future::block_on;
use hob_sync::queue::{GetError, PutError, RequeueError, TryGetError, TryPutError};
use hob_sync::{Item, Queue};

use support::{Counter, kept, poll, poll_once, poll_with};

fn got<T>(poll: Poll<Result<Item<T>, GetError>>) -> T {
    match poll {
        Poll::Ready(Ok(item)) => item.into_inner(),
        Poll::Ready(Err(GetError)) => panic!("the queue is closed"),
        Poll::Pending => panic!("nothing was handed over"),
    }
}

/// A queue of one that is full, and three that wait to put 1, 2 and 3.
macro_rules! full_queue {
    ($queue:ident, $first:ident, $second:ident, $third:ident) => {
        let $queue = Queue::bounded(1);
        $queue.try_put(0).unwrap();
        let mut $first = Box::pin($queue.put(1));
        let mut $second = Box::pin($queue.put(2));
        let mut $third = Box::pin($queue.put(3));
        assert!(poll(&mut $first).is_pending());
        assert!(poll(&mut $second).is_pending());
        assert!(poll(&mut $third).is_pending());
    };
}

#[test]
fn getters_have_their_turns_in_order() {
    let queue = Queue::unbounded();
    let (counters, wakers): (Vec<_>, Vec<_>) = (0..3).map(|_| Counter::new()).unzip();
    let mut gets: Vec<_> = (0..3).map(|_| Box::pin(queue.get())).collect();
    for (get, waker) in gets.iter_mut().zip(&wakers) {
        assert!(poll_with(get, waker).is_pending());
    }
    let wakes = || {
        counters
            .iter()
            .map(|counter| counter.wakes())
            .collect::<Vec<_>>()
    };
    queue.try_put(1).unwrap();
    assert_eq!(wakes(), [1, 0, 0]);
    queue.try_put(2).unwrap();
    assert_eq!(wakes(), [1, 1, 0]);
    assert!(poll(&mut gets[2]).is_pending());
    assert_eq!(
        got(poll(&mut gets[1])),
        1,
        "whoever runs first takes the first"
    );
    assert_eq!(got(poll(&mut gets[0])), 2);
}

#[test]
fn what_is_promised_is_not_for_newcomers() {
    let queue = Queue::unbounded();
    let mut get = Box::pin(queue.get());
    assert!(poll(&mut get).is_pending());
    queue.try_put(1).unwrap();
    assert_eq!(queue.try_get().unwrap_err(), TryGetError::Empty);
    assert!(poll_once(queue.get()).is_pending());
    assert_eq!((queue.len(), queue.statistics().promised), (1, 1));
    queue.try_put(2).unwrap();
    assert_eq!(queue.try_get().unwrap().into_inner(), 1);
    assert_eq!(queue.try_get().unwrap_err(), TryGetError::Empty);
    assert_eq!(got(poll(&mut get)), 2);
    assert_eq!((queue.len(), queue.statistics().promised), (0, 0));
}

#[test]
fn what_is_promised_takes_room() {
    let queue = Queue::bounded(1);
    let mut get = Box::pin(queue.get());
    assert!(poll(&mut get).is_pending());
    queue.try_put(1).unwrap();
    assert!(queue.is_full());
    assert_eq!(queue.try_put(2), Err(TryPutError::Full(2)));
    drop(get);
    assert_eq!(queue.try_put(2), Err(TryPutError::Full(2)));
    queue.try_get().unwrap().done();
    assert!(!queue.is_full());
}

#[test]
fn a_get_dropped_before_its_first_poll_leaves_no_trace() {
    let queue = Queue::unbounded();
    drop(queue.get());
    queue.try_put(1).unwrap();
    assert_eq!(queue.try_get().unwrap().into_inner(), 1);
}

#[test]
fn a_get_dropped_in_line_leaves_its_place_to_the_next() {
    let queue = Queue::unbounded();
    let mut gets: Vec<_> = (0..3).map(|_| Box::pin(queue.get())).collect();
    for get in &mut gets {
        assert!(poll(get).is_pending());
    }
    drop(gets.remove(1));
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    assert_eq!(queue.statistics().getters_waiting, 0);
    assert_eq!(got(poll(&mut gets[0])), 1);
    assert_eq!(got(poll(&mut gets[1])), 2);
}

#[test]
fn the_turn_of_a_dropped_getter_goes_to_the_next() {
    let queue = Queue::unbounded();
    let (counter, waker) = Counter::new();
    let mut first = Box::pin(queue.get());
    let mut second = Box::pin(queue.get());
    assert!(poll(&mut first).is_pending());
    assert!(poll_with(&mut second, &waker).is_pending());
    queue.try_put(1).unwrap();
    drop(first);
    assert_eq!(counter.wakes(), 1);
    assert_eq!(got(poll(&mut second)), 1);
}

#[test]
fn dropped_getters_leave_the_values_where_they_were() {
    for drop_second_first in [true, false] {
        let queue = Queue::unbounded();
        let mut first = Box::pin(queue.get());
        let mut second = Box::pin(queue.get());
        assert!(poll(&mut first).is_pending());
        assert!(poll(&mut second).is_pending());
        for number in 1..=3 {
            queue.try_put(number).unwrap();
        }
        if drop_second_first {
            drop(second);
            drop(first);
        } else {
            drop(first);
            drop(second);
        }
        for number in 1..=3 {
            assert_eq!(queue.try_get().unwrap().into_inner(), number);
        }
    }
}

#[test]
fn putters_wait_for_room_in_order() {
    full_queue!(queue, first, second, third);
    queue.try_get().unwrap().done();
    assert_eq!(queue.try_put(4), Err(TryPutError::Full(4)));
    assert!(poll(&mut second).is_pending());
    assert_eq!(poll(&mut first), Poll::Ready(Ok(())));
    assert_eq!(queue.try_get().unwrap().into_inner(), 1);
    assert_eq!(queue.try_get().unwrap().into_inner(), 2);
    assert_eq!(queue.try_get().unwrap().into_inner(), 3);
    assert_eq!(poll(&mut third), Poll::Ready(Ok(())));
    assert_eq!(poll(&mut second), Poll::Ready(Ok(())));
}

#[test]
fn a_put_dropped_before_its_first_poll_puts_nothing() {
    let queue = Queue::bounded(1);
    drop(queue.put(1));
    assert_eq!((queue.len(), queue.unfinished()), (0, 0));
}

#[test]
fn a_put_dropped_in_line_puts_nothing_and_holds_nobody_up() {
    full_queue!(queue, first, second, third);
    drop(first);
    drop(second);
    queue.try_get().unwrap().done();
    assert_eq!(poll(&mut third), Poll::Ready(Ok(())));
    assert_eq!(queue.close_now(), [3]);
}

#[test]
fn a_put_dropped_once_its_turn_has_come_has_put() {
    full_queue!(queue, first, second, third);
    queue.try_get().unwrap().done();
    drop(first);
    assert_eq!((queue.len(), queue.unfinished()), (1, 1));
    assert!(poll(&mut second).is_pending(), "the room is taken");
    assert_eq!(queue.try_get().unwrap().into_inner(), 1);
    drop((second, third));
    assert_eq!(queue.close_now(), [2]);
}

#[test]
fn a_value_that_waits_to_be_put_goes_to_a_getter_that_waits() {
    full_queue!(queue, first, second, third);
    let item = queue.try_get().unwrap();
    drop((second, third));
    assert_eq!(got(poll_once(queue.get())), 1);
    let mut get = Box::pin(queue.get());
    assert!(poll(&mut get).is_pending());
    assert_eq!(poll(&mut first), Poll::Ready(Ok(())));
    item.requeue().unwrap();
    assert_eq!(got(poll(&mut get)), 0);
}

#[test]
fn what_was_refused_is_dropped_with_its_put() {
    let queue = Queue::bounded(1);
    let value = Arc::new(());
    queue.try_put(Arc::new(())).unwrap();
    let mut put = Box::pin(queue.put(Arc::clone(&value)));
    assert!(poll(&mut put).is_pending());
    queue.close();
    drop(put);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn more_than_the_list_of_wakes_holds_are_served() {
    const MANY: usize = 20;
    let queue = Queue::bounded(MANY);
    let mut gets: Vec<_> = (0..MANY).map(|_| Box::pin(queue.get())).collect();
    let mut joins: Vec<_> = (0..MANY).map(|_| Box::pin(queue.join())).collect();
    queue.try_put(MANY).unwrap();
    let first = queue.try_get().unwrap();
    for get in &mut gets {
        assert!(poll(get).is_pending());
    }
    for join in &mut joins {
        assert!(poll(join).is_pending());
    }
    for number in 0..MANY {
        queue.try_put(number).unwrap();
    }
    for (number, get) in gets.iter_mut().enumerate() {
        assert_eq!(got(poll(get)), number);
    }
    first.done();
    for join in &mut joins {
        assert!(poll(join).is_ready());
    }
}

/// A waker that puts a value when it is woken: between two rounds of waking, when more wait than the
/// list of those to wake has room for.
#[test]
fn who_waits_for_all_to_be_done_is_told_although_more_is_put_meanwhile() {
    struct Puts(Queue<u8>);
    impl Wake for Puts {
        fn wake(self: Arc<Self>) {
            self.0.try_put(2).unwrap();
        }
    }
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    let puts = Waker::from(Arc::new(Puts(queue.clone())));
    let mut first = Box::pin(queue.join());
    assert!(poll_with(&mut first, &puts).is_pending());
    let mut joins: Vec<_> = (0..20).map(|_| Box::pin(queue.join())).collect();
    for join in &mut joins {
        assert!(poll(join).is_pending());
    }
    queue.try_get().unwrap().done();
    assert_eq!(queue.unfinished(), 1);
    for join in &mut joins {
        assert!(poll(join).is_ready(), "it waited at the moment");
    }
    assert!(poll_once(queue.join()).is_pending(), "it came later");
}

/// Asks to join when it is first woken.
struct Joins(Queue<u8>, OnceLock<()>, OnceLock<bool>);

impl Wake for Joins {
    fn wake(self: Arc<Self>) {
        if self.1.set(()).is_ok() {
            let is_ready = poll_once(self.0.join()).is_ready();
            self.2.set(is_ready).expect("it asks once");
        }
    }
}

#[test]
fn who_comes_while_others_are_told_that_all_is_done_does_not_wait() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    let joins = Arc::new(Joins(queue.clone(), OnceLock::new(), OnceLock::new()));
    let waker = Waker::from(Arc::clone(&joins));
    // More than the list of wakes holds.
    let mut waits: Vec<_> = (0..20).map(|_| Box::pin(queue.join())).collect();
    for wait in &mut waits {
        assert!(poll_with(wait, &waker).is_pending());
    }
    queue.try_get().unwrap().done();
    assert_eq!(joins.2.get(), Some(&true));
}

#[test]
fn debug_writes_with_the_lock_released() {
    let queue = Queue::<u8>::unbounded();
    support::debug_within_debug(&queue, |text| assert!(!text.contains("<locked>"), "{text}"));
}

#[test]
fn join_waits_for_the_last_item_to_be_done() {
    let queue = Queue::unbounded();
    assert!(poll_once(queue.join()).is_ready(), "nothing is unfinished");
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let (counter, waker) = Counter::new();
    let mut joins = [(); 2].map(|()| Box::pin(queue.join()));
    for join in &mut joins {
        assert!(poll_with(join, &waker).is_pending());
    }
    queue.try_get().unwrap().done();
    let last = queue.try_get().unwrap();
    assert_eq!(counter.wakes(), 0);
    assert_eq!(last.into_inner(), 2);
    assert_eq!(counter.wakes(), 2);
    queue.try_put(3).unwrap();
    for join in &mut joins {
        assert!(poll(join).is_ready(), "it saw the moment");
    }
}

#[test]
fn an_item_dropped_without_a_word_is_done_and_counted() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    drop(queue.try_get().unwrap());
    assert_eq!(queue.unfinished(), 0);
    assert_eq!(queue.statistics().dropped, 1);
}

#[test]
fn an_item_whose_destructor_panics_is_done_all_the_same() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    let queue = Queue::unbounded();
    for _ in 0..2 {
        assert!(queue.try_put(Bomb).is_ok());
    }
    assert!(catch_unwind(AssertUnwindSafe(|| queue.try_get().unwrap().done())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(queue.try_get().unwrap()))).is_err());
    assert_eq!(queue.unfinished(), 0);
}

#[test]
fn a_requeued_item_is_next_and_unfinished() {
    let queue = Queue::bounded(2);
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let failed = queue.try_get().unwrap();
    queue.try_put(3).unwrap();
    failed.requeue().unwrap();
    assert_eq!((queue.len(), queue.unfinished()), (3, 3));
    assert!(queue.is_full());
    for number in 1..=3 {
        assert_eq!(*queue.try_get().unwrap(), number);
    }
}

#[test]
fn a_requeued_item_wakes_a_getter() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    let item = queue.try_get().unwrap();
    let mut get = Box::pin(queue.get());
    assert!(poll(&mut get).is_pending());
    item.requeue().unwrap();
    assert_eq!(got(poll(&mut get)), 1);
}

#[test]
fn close_drains_and_then_says_so() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let mut put = Box::pin(queue.put(2));
    assert!(poll(&mut put).is_pending());
    queue.close();
    assert_eq!(poll(&mut put), Poll::Ready(Err(PutError(2))));
    assert_eq!(queue.try_put(3), Err(TryPutError::Closed(3)));
    let item = queue.try_get().unwrap();
    item.requeue().expect("it may be tried again");
    assert_eq!(block_on(queue.get()).unwrap().into_inner(), 1);
    assert_eq!(queue.try_get().unwrap_err(), TryGetError::Closed);
    assert_eq!(block_on(queue.get()).unwrap_err(), GetError);
}

#[test]
fn an_item_requeued_after_the_end_was_told_waits_for_a_new_get() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    let item = queue.try_get().unwrap();
    queue.close();
    assert_eq!(
        poll_once(queue.get()).map(Result::err),
        Poll::Ready(Some(GetError))
    );
    item.requeue().unwrap();
    let mut join = Box::pin(queue.join());
    assert!(poll(&mut join).is_pending());
    assert_eq!(got(poll_once(queue.get())), 1);
    assert!(poll(&mut join).is_ready());
}

#[test]
fn debug_of_an_item_shows_the_value() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    assert_eq!(format!("{:?}", queue.try_get().unwrap()), "Item(1)");
}

#[test]
fn what_was_put_before_the_close_is_put() {
    full_queue!(queue, first, second, third);
    queue.try_get().unwrap().done();
    queue.close();
    assert_eq!(poll(&mut first), Poll::Ready(Ok(())));
    assert_eq!(poll(&mut second), Poll::Ready(Err(PutError(2))));
    assert_eq!(poll(&mut third), Poll::Ready(Err(PutError(3))));
    assert_eq!(queue.try_get().unwrap().into_inner(), 1);
    assert_eq!(queue.unfinished(), 0);
}

#[test]
fn close_wakes_every_getter() {
    let queue = Queue::<u8>::unbounded();
    let (counter, waker) = Counter::new();
    let mut gets = [(); 2].map(|()| Box::pin(queue.get()));
    for get in &mut gets {
        assert!(poll_with(get, &waker).is_pending());
    }
    queue.close();
    assert_eq!(counter.wakes(), 2);
    for get in &mut gets {
        assert!(matches!(poll(get), Poll::Ready(Err(GetError))));
    }
}

#[test]
fn a_getter_waits_for_what_is_promised_to_another() {
    for comes_free in [true, false] {
        let queue = Queue::unbounded();
        let mut first = Box::pin(queue.get());
        let mut second = Box::pin(queue.get());
        assert!(poll(&mut first).is_pending());
        assert!(poll(&mut second).is_pending());
        queue.try_put(1).unwrap();
        queue.close();
        assert!(poll(&mut second).is_pending());
        assert_eq!(queue.try_get().unwrap_err(), TryGetError::Empty);
        if comes_free {
            drop(first);
            assert_eq!(got(poll(&mut second)), 1);
        } else {
            assert_eq!(got(poll(&mut first)), 1);
            assert!(matches!(poll(&mut second), Poll::Ready(Err(GetError))));
        }
        assert_eq!(queue.try_get().unwrap_err(), TryGetError::Closed);
    }
}

#[test]
fn close_now_gives_out_what_is_there() {
    let queue = Queue::unbounded();
    for number in 1..=3 {
        queue.try_put(number).unwrap();
    }
    let in_hand = queue.try_get().unwrap();
    let mut join = Box::pin(queue.join());
    assert!(poll(&mut join).is_pending());
    assert_eq!(queue.close_now(), [2, 3]);
    assert_eq!(queue.unfinished(), 1);
    assert_eq!(in_hand.requeue(), Err(RequeueError(1)));
    assert!(poll(&mut join).is_ready());
    assert!(queue.close_now().is_empty());
    queue.close();
    assert_eq!(queue.try_get().unwrap_err(), TryGetError::Closed);
}

#[test]
fn close_now_takes_what_was_promised() {
    for polled in [true, false] {
        let queue = Queue::unbounded();
        let mut first = Box::pin(queue.get());
        let mut second = Box::pin(queue.get());
        assert!(poll(&mut first).is_pending());
        assert!(poll(&mut second).is_pending());
        queue.try_put(1).unwrap();
        assert_eq!(queue.close_now(), [1]);
        if polled {
            assert!(matches!(poll(&mut first), Poll::Ready(Err(GetError))));
        }
        drop(first);
        assert!(matches!(poll(&mut second), Poll::Ready(Err(GetError))));
        assert_eq!((queue.unfinished(), queue.statistics().promised), (0, 0));
    }
}

#[test]
fn dropped_waits_leave_no_waker() {
    let queue = Queue::bounded(1);
    let (counter, waker) = Counter::new();
    let mut get = Box::pin(queue.get());
    assert!(poll_with(&mut get, &waker).is_pending());
    drop(get);
    queue.try_put(1).unwrap();
    let mut put = Box::pin(queue.put(2));
    assert!(poll_with(&mut put, &waker).is_pending());
    let mut join = Box::pin(queue.join());
    assert!(poll_with(&mut join, &waker).is_pending());
    assert_eq!(kept(&counter), 2);
    drop((put, join));
    assert_eq!((kept(&counter), counter.wakes()), (0, 0));
}

#[test]
fn threads_put_get_and_join() {
    const VALUES: u64 = 500;
    let queue = Queue::<u64>::bounded(2);
    let sum: u64 = thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let queue = queue.clone();
                scope.spawn(move || {
                    let mut sum = 0;
                    while let Ok(item) = queue.get_blocking() {
                        sum += item.into_inner();
                    }
                    sum
                })
            })
            .collect();
        for number in 0..VALUES {
            queue.put_blocking(number).unwrap();
        }
        queue.join_blocking();
        assert_eq!(queue.unfinished(), 0);
        queue.close();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum()
    });
    assert_eq!(sum, VALUES * (VALUES - 1) / 2);
}

#[test]
fn capacities_are_what_was_asked_for() {
    assert_eq!(Queue::<u8>::bounded(1).capacity(), Some(1));
    let largest = Queue::<u8>::bounded(usize::MAX);
    assert_eq!(largest.capacity(), Some(usize::MAX));
    assert!(largest.try_put(1).is_ok());
    assert_eq!(Queue::<u8>::unbounded().capacity(), None);
}

#[test]
fn debug_shows_the_counts() {
    let queue = Queue::bounded(2);
    queue.try_put(1).unwrap();
    let shown = format!("{queue:?}");
    assert!(shown.starts_with("Queue { statistics:"), "{shown}");
    assert!(shown.contains("len: 1, capacity: Some(2)"), "{shown}");
}

#[test]
#[should_panic(expected = "at least one value")]
fn no_capacity_is_a_panic() {
    let _queue = Queue::<u8>::bounded(0);
}
