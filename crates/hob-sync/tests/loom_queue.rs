//! Models of queues. Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo test --release -p
//! hob-sync --test loom_queue`. A lost wake shows as a deadlock, a lost value as a count that is not
//! zero.

#![cfg(loom)]

#[path = "support/model.rs"]
mod model;

use std::task::Poll;

use hob_sync::{PriorityQueue, Queue};
use loom::thread;

use model::{block_on, poll, poll_and_drop};

#[test]
fn queue_join_against_the_last_done() {
    loom::model(|| {
        let queue = Queue::unbounded();
        queue.try_put(1).unwrap();
        queue.try_put(2).unwrap();
        let threads = [(); 2].map(|()| {
            let item = queue.try_get().unwrap();
            thread::spawn(move || item.done())
        });
        block_on(queue.join());
        assert_eq!(queue.unfinished(), 0);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn queue_turn_of_a_cancelled_getter_goes_to_the_next() {
    loom::model(|| {
        let queue = Queue::<u8>::unbounded();
        let gives_up = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut get = Box::pin(queue.get());
                // What it gets in its one poll it puts back; a turn that comes later it gives up.
                if let Poll::Ready(item) = poll(&mut get) {
                    item.unwrap().requeue().unwrap();
                }
            })
        };
        let gets = {
            let queue = queue.clone();
            thread::spawn(move || block_on(queue.get()).unwrap().into_inner())
        };
        queue.try_put(7).unwrap();
        gives_up.join().unwrap();
        assert_eq!(gets.join().unwrap(), 7);
        assert_eq!((queue.unfinished(), queue.statistics().promised), (0, 0));
    });
}

#[test]
fn queue_close_drains_before_it_says_so() {
    loom::model(|| {
        let queue = Queue::<u8>::unbounded();
        let puts = {
            let queue = queue.clone();
            thread::spawn(move || {
                let put = queue.try_put(7).is_ok();
                queue.close();
                put
            })
        };
        let mut got = 0;
        while let Ok(item) = block_on(queue.get()) {
            item.done();
            got += 1;
        }
        assert_eq!(usize::from(puts.join().unwrap()), got);
    });
}

/// One who may give its turn up keeps the other from hearing of the end too early.
#[test]
fn queue_end_waits_for_a_turn_that_may_be_given_up() {
    loom::model(|| {
        let queue = Queue::<u8>::unbounded();
        let gives_up = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut get = Box::pin(queue.get());
                poll(&mut get).is_ready()
            })
        };
        let gets = {
            let queue = queue.clone();
            thread::spawn(move || block_on(queue.get()).is_ok())
        };
        queue.try_put(7).unwrap();
        queue.close();
        let got = [gives_up.join().unwrap(), gets.join().unwrap()];
        assert!(got.contains(&true));
        assert_eq!((queue.len(), queue.statistics().promised), (0, 0));
    });
}

/// The first in line for room goes: it has put, or it has left the room to the next.
#[test]
fn queue_room_reaches_the_next_when_a_putter_is_cancelled() {
    loom::model(|| {
        let queue = Queue::bounded(1);
        queue.try_put(0).unwrap();
        let gives_up = {
            let queue = queue.clone();
            thread::spawn(move || poll_and_drop(queue.put(1)))
        };
        let puts = {
            let queue = queue.clone();
            thread::spawn(move || block_on(queue.put(2)).unwrap())
        };
        let mut got = 0;
        while got != 2 {
            got = block_on(queue.get()).unwrap().into_inner();
        }
        gives_up.join().unwrap();
        puts.join().unwrap();
        let left = queue.close_now();
        assert!(left.is_empty() || left == [1]);
        assert_eq!(queue.unfinished(), 0);
    });
}

/// Either the getter takes what it has its turn for or `close_now` does, never both and never neither.
#[test]
fn queue_close_now_against_a_turn() {
    loom::model(|| {
        let queue = Queue::<u8>::bounded(1);
        let gets = {
            let queue = queue.clone();
            thread::spawn(move || block_on(queue.get()).is_ok_and(|item| item.into_inner() == 7))
        };
        let puts = {
            let queue = queue.clone();
            thread::spawn(move || queue.try_put(7).is_ok())
        };
        let left = queue.close_now() == [7];
        let (got, put) = (gets.join().unwrap(), puts.join().unwrap());
        assert_eq!(usize::from(put), usize::from(got) + usize::from(left));
        assert_eq!((queue.unfinished(), queue.statistics().promised), (0, 0));
    });
}

/// Two sort at once what a third has put meanwhile.
#[test]
fn priority_queue_gives_each_value_once() {
    loom::model(|| {
        let queue = PriorityQueue::unbounded();
        queue.try_put(2).unwrap();
        let puts = {
            let queue = queue.clone();
            thread::spawn(move || queue.try_put(1).unwrap())
        };
        let gets = {
            let queue = queue.clone();
            thread::spawn(move || block_on(queue.get()).unwrap().into_inner())
        };
        let mine = block_on(queue.get()).unwrap().into_inner();
        let others = gets.join().unwrap();
        puts.join().unwrap();
        assert_eq!((mine.min(others), mine.max(others)), (1, 2));
        assert_eq!(queue.unfinished(), 0);
    });
}

#[test]
fn priority_queue_close_now_against_a_turn() {
    loom::model(|| {
        let queue = PriorityQueue::<u8>::unbounded();
        let gets = {
            let queue = queue.clone();
            thread::spawn(move || {
                let mut got = 0;
                while let Ok(item) = block_on(queue.get()) {
                    item.done();
                    got += 1;
                }
                got
            })
        };
        queue.try_put(2).unwrap();
        queue.try_put(1).unwrap();
        let left = queue.close_now().len();
        assert_eq!(gets.join().unwrap() + left, 2);
        assert_eq!((queue.unfinished(), queue.len()), (0, 0));
    });
}
