//! Queues of work.

use hob::sync::{LifoQueue, PriorityQueue, Queue};

use crate::{cut, in_both_worlds, is_ready, later};

#[test]
fn a_get_that_is_cut_leaves_what_comes_next_in_its_place() {
    in_both_worlds(async || {
        let (lifo, priority) = (LifoQueue::unbounded(), PriorityQueue::unbounded());
        let make = || {
            let (one, other) = (lifo.clone(), priority.clone());
            later(move || {
                for value in [2, 1, 3] {
                    one.try_put(value).expect("there is room");
                    other.try_put(value).expect("there is room");
                }
            });
            async {
                lifo.get()
                    .await
                    .expect("it is open")
                    .requeue()
                    .expect("it is open");
                priority
                    .get()
                    .await
                    .expect("it is open")
                    .requeue()
                    .expect("it is open");
            }
        };
        cut(make, async |cut| {
            let (mut last_first, mut least_first) = (Vec::new(), Vec::new());
            while let Ok(item) = lifo.try_get() {
                last_first.push(item.into_inner());
            }
            while let Ok(item) = priority.try_get() {
                least_first.push(item.into_inner());
            }
            assert_eq!(
                (last_first, least_first),
                (vec![3, 1, 2], vec![1, 2, 3]),
                "{cut}"
            );
            let left = (lifo.statistics(), priority.statistics());
            assert_eq!((left.0.promised, left.1.promised), (0, 0), "{cut}");
            assert_eq!((lifo.unfinished(), priority.unfinished()), (0, 0), "{cut}");
        })
        .await;
    });
}

#[test]
fn a_join_that_is_cut_leaves_nobody_in_line() {
    in_both_worlds(async || {
        let queue = Queue::unbounded();
        let make = || {
            queue.try_put(7).expect("there is room");
            let item = queue.try_get().expect("it was put");
            later(move || item.done());
            queue.join()
        };
        cut(make, async |cut| {
            assert_eq!(queue.statistics().joiners_waiting, 0, "{cut}");
            assert!(is_ready(queue.join()), "{cut}");
        })
        .await;
    });
}
