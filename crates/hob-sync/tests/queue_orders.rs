//! What comes out next: the last, or the smallest, whatever the comparisons do. And values without a
//! guard.

mod support;

use std::cell::{Cell, RefCell};
use std::cmp::{Ordering, Reverse};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::thread;

use hob_sync::queue::{
    Get, GetError, Order, Priority, PutError, TaskDoneError, TryGetError, WorkQueue,
};
use hob_sync::{LifoQueue, PriorityQueue, Queue};

use support::{Counter, poll, poll_once, poll_with};

fn take_all<T, O: Order<T>>(queue: &WorkQueue<T, O>) -> Vec<T> {
    std::iter::from_fn(|| Some(queue.try_get().ok()?.into_inner())).collect()
}

fn put_all<T, O: Order<T>>(queue: &WorkQueue<T, O>, values: impl IntoIterator<Item = T>) {
    for value in values {
        assert!(queue.try_put(value).is_ok());
    }
}

#[test]
fn the_last_comes_out_first() {
    let queue = LifoQueue::bounded(3);
    put_all(&queue, [1, 2, 3]);
    assert_eq!(queue.try_get().unwrap().into_inner(), 3);
    put_all(&queue, [4]);
    assert_eq!(take_all(&queue), [4, 2, 1]);
}

#[test]
fn a_value_requeued_on_a_stack_is_next() {
    let queue = LifoQueue::unbounded();
    put_all(&queue, [1, 2]);
    let item = queue.try_get().unwrap();
    put_all(&queue, [3]);
    item.requeue().unwrap();
    assert_eq!(take_all(&queue), [2, 3, 1]);
}

#[test]
fn those_who_wait_for_room_on_a_stack_are_served_in_order() {
    let queue = LifoQueue::bounded(1);
    put_all(&queue, [0]);
    let mut puts = [1, 2].map(|number| Box::pin(queue.put(number)));
    for put in &mut puts {
        assert!(poll(put).is_pending());
    }
    assert_eq!(take_all(&queue), [0, 1, 2]);
}

#[test]
fn the_smallest_comes_out_first_whatever_the_order_of_arrival() {
    let mut random = support::Random::new(1);
    for len in 0..60 {
        let queue = PriorityQueue::unbounded();
        let mut numbers: Vec<usize> = (0..len).map(|_| random.below(100)).collect();
        put_all(&queue, numbers.iter().copied());
        numbers.sort_unstable();
        assert_eq!(take_all(&queue), numbers);
    }
}

#[test]
fn the_largest_comes_out_first_in_reverse() {
    let queue = PriorityQueue::bounded(3);
    put_all(&queue, [2, 3, 1].map(Reverse));
    assert_eq!(take_all(&queue), [3, 2, 1].map(Reverse));
}

/// Compared by the first number only.
#[derive(Debug)]
struct Tie(u8, u8);

impl Ord for Tie {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Tie {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Tie {}

impl PartialEq for Tie {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

#[test]
fn equals_come_out_in_the_order_of_arrival() {
    let queue = PriorityQueue::unbounded();
    put_all(&queue, (0..40).map(|number| Tie(number % 2, number)));
    let numbers: Vec<u8> = take_all(&queue).iter().map(|tie| tie.1).collect();
    let even_then_odd = (0..40).step_by(2).chain((1..40).step_by(2));
    assert_eq!(numbers, even_then_odd.collect::<Vec<u8>>());
}

#[test]
fn a_requeued_value_comes_before_its_equals() {
    let queue = PriorityQueue::unbounded();
    put_all(&queue, [Tie(1, 1), Tie(1, 2), Tie(0, 3)]);
    let items = [(); 3].map(|()| queue.try_get().unwrap());
    put_all(&queue, [Tie(1, 4), Tie(0, 5)]);
    for item in items {
        item.requeue().unwrap();
    }
    let numbers: Vec<u8> = take_all(&queue).iter().map(|tie| tie.1).collect();
    assert_eq!(numbers, [3, 5, 2, 1, 4]);
}

#[test]
fn who_waited_takes_the_smallest_that_is_there_when_it_runs() {
    let queue = PriorityQueue::unbounded();
    let mut get = Box::pin(queue.get());
    assert!(poll(&mut get).is_pending());
    put_all(&queue, [3, 1, 2]);
    let Poll::Ready(Ok(item)) = poll(&mut get) else {
        panic!("it has its turn");
    };
    assert_eq!(item.into_inner(), 1);
}

#[test]
fn close_now_gives_values_out_in_order() {
    let queue = LifoQueue::unbounded();
    put_all(&queue, [1, 2, 3]);
    assert_eq!(queue.close_now(), [3, 2, 1]);

    let queue = PriorityQueue::unbounded();
    put_all(&queue, [3, 0, 2]);
    queue.try_get().unwrap().done();
    put_all(&queue, [1]);
    assert_eq!(queue.close_now(), [1, 2, 3]);
    assert_eq!(queue.unfinished(), 0);
    assert_eq!(queue.try_get().unwrap_err(), TryGetError::Closed);
}

thread_local! {
    static ON_COMPARE: RefCell<Option<Rc<dyn Fn()>>> = const { RefCell::new(None) };
}

/// Compared with what `ON_COMPARE` does first.
#[derive(Debug, Eq, PartialEq)]
struct Hostile(u32);

impl Ord for Hostile {
    fn cmp(&self, other: &Self) -> Ordering {
        let hook = ON_COMPARE.with_borrow(Clone::clone);
        hook.inspect(|hook| hook());
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Hostile {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn on_compare(hook: impl Fn() + 'static) {
    ON_COMPARE.set(Some(Rc::new(hook)));
}

/// Panics at the comparison with this number.
fn panic_at(number: usize) {
    let left = RefCell::new(number);
    on_compare(move || {
        let mut left = left.borrow_mut();
        assert!(*left > 0, "on purpose");
        *left -= 1;
    });
}

fn message<R>(act: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(act)) else {
        panic!("it must panic");
    };
    hob_core::panic::message(&panic).to_string()
}

#[test]
fn a_comparison_that_panics_loses_nothing() {
    let numbers = [5, 3, 8, 1, 9, 2, 7, 4, 6, 0];
    for at in 0.. {
        let queue = PriorityQueue::unbounded();
        put_all(&queue, numbers.map(Hostile));
        panic_at(at);
        let took = catch_unwind(AssertUnwindSafe(|| take_all(&queue).len()));
        ON_COMPARE.set(None);
        if took.is_ok() {
            assert!(at > 20, "all were sorted with {at} comparisons");
            return;
        }
        let left = take_all(&queue);
        assert_eq!(queue.statistics().len, 0);
        assert_eq!(queue.unfinished(), 0);
        // Those that came out before were the smallest, each once.
        let expected = (10 - left.len()..10).map(|number| Hostile(u32::try_from(number).unwrap()));
        assert_eq!(left, expected.collect::<Vec<_>>(), "panic at {at}");
    }
}

#[test]
fn a_close_now_whose_comparison_panics_has_closed_and_loses_nothing() {
    for at in 0.. {
        let queue = PriorityQueue::unbounded();
        put_all(&queue, [5, 3, 8, 1, 9, 2, 7, 4, 6].map(Hostile));
        let item = queue.try_get().unwrap();
        put_all(&queue, [0].map(Hostile));
        panic_at(at);
        let closed = catch_unwind(AssertUnwindSafe(|| queue.close_now()));
        ON_COMPARE.set(None);
        assert!(queue.is_closed());
        let values = closed
            .as_ref()
            .map_or_else(|_| take_all(&queue), |_| Vec::new());
        let all = closed.as_ref().unwrap_or(&values);
        let expected = [0, 2, 3, 4, 5, 6, 7, 8, 9].map(Hostile);
        assert_eq!(*all, expected, "panic at {at}");
        assert_eq!((queue.len(), queue.unfinished()), (0, 1));
        item.done();
        if closed.is_ok() {
            assert!(at > 9, "all were sorted with {at} comparisons");
            return;
        }
    }
}

#[test]
fn what_comes_back_while_close_now_sorts_is_not_lost() {
    let queue = PriorityQueue::unbounded();
    put_all(&queue, [2, 3, 4, 1].map(Hostile));
    let item = RefCell::new(queue.try_get().ok());
    on_compare(move || {
        let item = item.borrow_mut().take();
        item.into_iter()
            .for_each(|item| item.requeue().expect("it is draining"));
    });
    assert_eq!(queue.close_now(), [1, 2, 3, 4].map(Hostile));
    ON_COMPARE.set(None);
    assert_eq!((queue.len(), queue.unfinished()), (0, 0));
}

#[test]
fn the_turn_of_one_whose_comparison_panics_goes_to_the_next() {
    let queue = PriorityQueue::unbounded();
    let mut first = Box::pin(queue.get());
    let mut second = Box::pin(queue.get());
    let mut third = Box::pin(queue.get());
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    assert!(poll(&mut third).is_pending());
    put_all(&queue, [2, 1].map(Hostile));
    queue.close();
    panic_at(0);
    assert!(message(|| poll(&mut first)).contains("on purpose"));
    ON_COMPARE.set(None);
    for (get, number) in [(&mut third, 1), (&mut second, 2)] {
        let Poll::Ready(Ok(item)) = poll(get) else {
            panic!("it has its turn");
        };
        assert_eq!(item.into_inner(), Hostile(number));
    }
    assert_eq!(queue.statistics().promised, 0);
    assert_eq!(queue.unfinished(), 0);
}

#[test]
fn nobody_hears_of_the_end_from_one_who_fails_to_take() {
    let queue = PriorityQueue::unbounded();
    put_all(&queue, [2, 1].map(Hostile));
    queue.close();
    let inner = queue.clone();
    on_compare(move || {
        assert_eq!((inner.len(), inner.statistics().promised), (2, 1));
        panic!("on purpose");
    });
    assert!(message(|| queue.try_get()).contains("on purpose"));
    ON_COMPARE.set(None);
    assert_eq!(take_all(&queue), [1, 2].map(Hostile));
    assert_eq!(queue.try_get().unwrap_err(), TryGetError::Closed);
}

#[test]
fn comparisons_may_call_into_the_queue() {
    let queue = PriorityQueue::bounded(4);
    put_all(&queue, [2, 3, 1].map(Hostile));
    let inner = queue.clone();
    on_compare(move || {
        let _put = inner.try_put(Hostile(0));
        assert!(poll_once(inner.join()).is_pending());
        assert!(!inner.is_empty());
        assert_eq!(inner.unfinished(), 4);
        let _shown = format!("{inner:?} {:?}", inner.statistics());
        inner.close();
    });
    assert_eq!(queue.try_get().unwrap().0, 1);
    ON_COMPARE.set(None);
    assert_eq!(take_all(&queue), [0, 2, 3].map(Hostile));
}

#[test]
fn comparisons_may_not_take_from_the_queue() {
    let calls: [fn(&PriorityQueue<Hostile>); 3] = [
        |queue| drop(queue.try_get()),
        |queue| drop(poll_once(queue.get())),
        |queue| drop(queue.close_now()),
    ];
    for call in calls {
        let queue = PriorityQueue::unbounded();
        put_all(&queue, [2, 3, 1].map(Hostile));
        let inner = queue.clone();
        on_compare(move || call(&inner));
        let message = message(|| queue.try_get());
        ON_COMPARE.set(None);
        assert!(message.contains("comparison"), "{message}");
        assert_eq!(take_all(&queue), [1, 2, 3].map(Hostile));
        assert_eq!(queue.unfinished(), 0);
    }
}

#[test]
fn a_comparison_that_puts_and_panics_leaves_no_more_than_there_is_room_for() {
    let queue = PriorityQueue::bounded(2);
    put_all(&queue, [1, 2].map(Hostile));
    let inner = queue.clone();
    on_compare(move || {
        assert!(inner.is_full());
        assert!(inner.try_put(Hostile(9)).is_err());
        panic!("on purpose");
    });
    assert!(message(|| queue.try_get()).contains("on purpose"));
    ON_COMPARE.set(None);
    assert_eq!((queue.len(), queue.statistics().promised), (2, 0));
    assert_eq!(take_all(&queue), [1, 2].map(Hostile));
}

#[test]
fn the_room_of_a_value_is_free_once_it_is_taken() {
    let queue = PriorityQueue::bounded(2);
    put_all(&queue, [1, 2].map(Hostile));
    let mut put = Box::pin(queue.put(Hostile(0)));
    assert!(poll(&mut put).is_pending());
    let inner = queue.clone();
    on_compare(move || assert_eq!(inner.statistics().putters_waiting, 1));
    assert_eq!(queue.try_get().unwrap().into_inner(), Hostile(1));
    ON_COMPARE.set(None);
    assert_eq!(poll(&mut put), Poll::Ready(Ok(())));
    assert_eq!(take_all(&queue), [0, 2].map(Hostile));
}

type Getter = Pin<Box<Get<'static, Hostile, Priority>>>;

/// Polls a getter as soon as it is woken, as a waker that runs its task on the spot does.
struct RunsInline(Mutex<Option<Getter>>, Mutex<Vec<u32>>);

impl Wake for RunsInline {
    fn wake(self: Arc<Self>) {
        let get = self.0.lock().unwrap().take();
        if let Some(Poll::Ready(item)) = get.map(|mut get| poll(&mut get)) {
            self.1.lock().unwrap().push(item.unwrap().into_inner().0);
        }
    }
}

#[test]
fn whom_a_comparison_wakes_may_get_on_the_spot() {
    // The getter that the waker polls lives as long as it likes.
    let queue: &'static PriorityQueue<Hostile> = Box::leak(Box::new(PriorityQueue::unbounded()));
    let mut first = Box::pin(queue.get());
    let mut second = Box::pin(queue.get());
    let mut third = Box::pin(queue.get());
    let runs = Arc::new(RunsInline(Mutex::default(), Mutex::default()));
    let waker = Waker::from(Arc::clone(&runs));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    assert!(poll_with(&mut third, &waker).is_pending());
    *runs.0.lock().unwrap() = Some(third);
    put_all(queue, [3, 2].map(Hostile));

    let has_put = Cell::new(false);
    let seen = Arc::clone(&runs);
    on_compare(move || {
        if !has_put.replace(true) {
            put_all(queue, [1].map(Hostile));
            assert!(seen.1.lock().unwrap().is_empty(), "values are compared");
        }
    });
    let Poll::Ready(Ok(item)) = poll(&mut first) else {
        panic!("it has its turn");
    };
    ON_COMPARE.set(None);
    assert_eq!(item.into_inner(), Hostile(2));
    assert_eq!(
        *runs.1.lock().unwrap(),
        [1],
        "it was polled when it was woken"
    );
    let Poll::Ready(Ok(item)) = poll(&mut second) else {
        panic!("it has its turn");
    };
    assert_eq!(item.into_inner(), Hostile(3));
}

#[test]
fn whom_a_comparison_wakes_is_woken_although_it_panics() {
    let queue = PriorityQueue::bounded(2);
    put_all(&queue, [2, 1].map(Hostile));
    let mut put = Box::pin(queue.put(Hostile(0)));
    let (count, waker) = Counter::new();
    assert!(poll_with(&mut put, &waker).is_pending());
    let (inner, seen) = (queue.clone(), Arc::clone(&count));
    on_compare(move || {
        inner.close();
        assert_eq!(seen.wakes(), 0);
        panic!("on purpose");
    });
    assert!(message(|| queue.try_get()).contains("on purpose"));
    ON_COMPARE.set(None);
    assert_eq!(count.wakes(), 1);
    assert!(matches!(
        poll(&mut put),
        Poll::Ready(Err(PutError(Hostile(0))))
    ));
}

#[test]
fn a_turn_that_is_used_in_a_comparison_is_not_lost() {
    let queue = PriorityQueue::unbounded();
    // Lives as long as the hook, which is for ever.
    let inner: &'static PriorityQueue<Hostile> = Box::leak(Box::new(queue.clone()));
    let mut get = Box::pin(inner.get());
    assert!(poll(&mut get).is_pending());
    put_all(&queue, [2, 3, 1].map(Hostile));
    assert_eq!(queue.statistics().promised, 1);
    let get = RefCell::new(get);
    on_compare(move || drop(poll(&mut *get.borrow_mut())));
    assert!(message(|| queue.try_get()).contains("comparison"));
    ON_COMPARE.set(None);
    assert_eq!(queue.statistics().promised, 0);
    assert_eq!(take_all(&queue), [1, 2, 3].map(Hostile));
}

#[test]
fn an_order_that_contradicts_itself_loses_nothing() {
    #[derive(Debug, Eq, PartialEq)]
    struct Contrary(u32);
    impl Ord for Contrary {
        fn cmp(&self, _: &Self) -> Ordering {
            Ordering::Less
        }
    }
    impl PartialOrd for Contrary {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    let queue = PriorityQueue::unbounded();
    put_all(&queue, (0..50).map(Contrary));
    let mut values: Vec<Contrary> = (0..10)
        .map(|_| queue.try_get().unwrap().into_inner())
        .collect();
    values.extend(queue.close_now());
    let mut numbers: Vec<u32> = values.iter().map(|value| value.0).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, Vec::from_iter(0..50));
}

#[test]
fn threads_share_a_priority_queue() {
    const VALUES: u64 = 500;
    let queue = PriorityQueue::<u64>::bounded(4);
    let sum: u64 = thread::scope(|scope| {
        let workers = [(); 2].map(|()| {
            let queue = queue.clone();
            scope.spawn(move || {
                let next = || Some(queue.get_blocking().ok()?.into_inner());
                std::iter::from_fn(next).sum::<u64>()
            })
        });
        for number in 0..VALUES {
            queue.put_blocking(number).unwrap();
        }
        queue.join_blocking();
        queue.close();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum()
    });
    assert_eq!(sum, VALUES * (VALUES - 1) / 2);
}

#[test]
fn a_plain_value_is_unfinished_until_it_is_said() {
    let queue = Queue::bounded(2).plain();
    assert_eq!(queue.task_done(), Err(TaskDoneError));
    put_all(&queue, [1, 2]);
    assert_eq!(queue.task_done(), Err(TaskDoneError), "none was got");
    assert_eq!(poll_once(queue.get()), Poll::Ready(Ok(1)));
    assert_eq!(queue.try_get(), Ok(2));
    let mut join = Box::pin(queue.join());
    assert!(poll(&mut join).is_pending());
    assert_eq!(queue.task_done(), Ok(()));
    assert!(poll(&mut join).is_pending());
    assert_eq!(queue.task_done(), Ok(()));
    assert!(poll(&mut join).is_ready());
    assert_eq!(queue.task_done(), Err(TaskDoneError), "done twice");
    assert_eq!(queue.statistics().dropped, 0);
}

#[test]
fn what_is_done_plain_is_no_item() {
    let queue = Queue::unbounded();
    let plain = queue.plain();
    put_all(&queue, [1, 2]);
    let item = queue.try_get().unwrap();
    assert_eq!(plain.task_done(), Err(TaskDoneError), "it is the item's");
    assert_eq!(plain.try_get(), Ok(2));
    drop(item);
    let other = queue.plain();
    assert_eq!(other.task_done(), Ok(()), "it is the same queue");
    assert_eq!(plain.task_done(), Err(TaskDoneError));
    assert_eq!(queue.unfinished(), 0);
}

#[test]
fn a_plain_getter_waits_in_the_same_line_and_gives_its_turn_up() {
    let queue = PriorityQueue::unbounded();
    let plain = queue.plain();
    let mut first = Box::pin(plain.get());
    let mut second = Box::pin(queue.get());
    let mut third = Box::pin(plain.get());
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    assert!(poll(&mut third).is_pending());
    put_all(&queue, [2]);
    drop(first);
    assert_eq!(plain.task_done(), Err(TaskDoneError));
    assert_eq!(poll(&mut third), Poll::Pending);
    put_all(&queue, [0]);
    assert_eq!(poll(&mut third), Poll::Ready(Ok(0)));
    assert_eq!(plain.task_done(), Ok(()));
    plain.close_now();
    assert!(matches!(poll(&mut second), Poll::Ready(Err(GetError))));
    assert_eq!(plain.get_blocking(), Err(GetError));
}

#[test]
fn a_comparison_that_panics_counts_no_plain_value() {
    let queue = PriorityQueue::unbounded().plain();
    put_all(&queue, [2, 1].map(Hostile));
    panic_at(0);
    assert!(message(|| queue.try_get()).contains("on purpose"));
    ON_COMPARE.set(None);
    assert_eq!(queue.task_done(), Err(TaskDoneError));
    assert_eq!(queue.len(), 2);
}

#[test]
fn the_default_has_no_limit() {
    assert_eq!(PriorityQueue::<u8>::default().capacity(), None);
    assert!(!LifoQueue::<u8>::default().is_closed());
}

#[test]
fn debug_names_the_order() {
    assert!(format!("{:?}", LifoQueue::<u8>::bounded(1)).starts_with("LifoQueue {"));
    assert!(format!("{:?}", PriorityQueue::<u8>::bounded(1)).starts_with("PriorityQueue {"));
    let plain = format!("{:?}", Queue::<u8>::bounded(1).plain());
    assert!(plain.starts_with("PlainQueue { queue: Queue {"), "{plain}");
}
