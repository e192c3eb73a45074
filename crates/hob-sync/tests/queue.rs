//! What a `Queue` promises: every value is got once, in order, and `join` sees the last one done.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
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

#[test]
fn values_go_to_getters_in_order() {
    let queue = Queue::unbounded();
    let mut first = Box::pin(queue.get());
    let mut second = Box::pin(queue.get());
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    assert_eq!(queue.try_get().unwrap_err(), TryGetError::Empty);
    assert_eq!(got(poll(&mut second)), 2);
    assert_eq!(got(poll(&mut first)), 1);
}

#[test]
fn what_a_dropped_getter_was_given_goes_to_the_next() {
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
fn what_dropped_getters_were_given_returns_in_order() {
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
    let queue = Queue::bounded(1);
    queue.try_put(0).unwrap();
    let mut first = Box::pin(queue.put(1));
    let mut second = Box::pin(queue.put(2));
    let mut third = Box::pin(queue.put(3));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    assert!(poll(&mut third).is_pending());
    queue.try_get().unwrap().done();
    assert_eq!(queue.try_put(4), Err(TryPutError::Full(4)));
    assert!(poll(&mut second).is_pending());
    drop(first);
    assert_eq!(poll(&mut second), Poll::Ready(Ok(())));
    assert!(poll(&mut third).is_pending());
    assert_eq!(queue.try_get().unwrap().into_inner(), 2);
}

#[test]
fn join_waits_for_the_last_item_to_be_done() {
    let queue = Queue::unbounded();
    assert!(poll_once(queue.join()).is_ready(), "nothing is unfinished");
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let (counter, waker) = Counter::new();
    let mut joins = [queue.join(), queue.join()];
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
fn room_granted_before_the_close_is_of_no_use_after_it() {
    let queue = Queue::bounded(1);
    queue.try_put(1).unwrap();
    let mut put = Box::pin(queue.put(2));
    assert!(poll(&mut put).is_pending());
    queue.try_get().unwrap().done();
    queue.close();
    assert_eq!(poll(&mut put), Poll::Ready(Err(PutError(2))));
    assert_eq!(queue.unfinished(), 0);
}

#[test]
fn close_wakes_every_getter() {
    let queue = Queue::<u8>::unbounded();
    let (counter, waker) = Counter::new();
    let mut gets = [queue.get(), queue.get()];
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
fn a_getter_waits_for_what_may_come_back_from_another() {
    for comes_back in [true, false] {
        let queue = Queue::unbounded();
        let mut first = Box::pin(queue.get());
        let mut second = Box::pin(queue.get());
        assert!(poll(&mut first).is_pending());
        assert!(poll(&mut second).is_pending());
        queue.try_put(1).unwrap();
        queue.close();
        assert!(poll(&mut second).is_pending());
        if comes_back {
            drop(first);
            assert_eq!(got(poll(&mut second)), 1);
        } else {
            assert_eq!(got(poll(&mut first)), 1);
            assert!(matches!(poll(&mut second), Poll::Ready(Err(GetError))));
        }
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
fn what_was_handed_over_before_close_now_is_not_lost() {
    for taken in [true, false] {
        let queue = Queue::unbounded();
        let mut get = Box::pin(queue.get());
        assert!(poll(&mut get).is_pending());
        queue.try_put(1).unwrap();
        assert!(queue.close_now().is_empty());
        if taken {
            assert_eq!(got(poll(&mut get)), 1);
        }
        drop(get);
        assert_eq!(queue.unfinished(), 0);
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
#[should_panic(expected = "at least one value")]
fn no_capacity_is_a_panic() {
    let _queue = Queue::<u8>::bounded(0);
}
