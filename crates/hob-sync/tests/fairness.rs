//! Who comes first is served first: a hundred who wait, on one thread and on several, and also when
//! their budget is spent.

mod support;

use std::pin::Pin;
use std::sync::{Arc, Barrier, Mutex as StdMutex};
use std::task::{Poll, Waker};
use std::thread;

use hob_core::budget::BUDGET_PER_POLL;
use hob_core::context::{self, Local, Role};
use hob_core::env::Parts;
use hob_core::task::Occupant;
use hob_core::{Env, TaskLabel, TaskSlot};
use hob_sync::{
    Condition, LifoQueue, Mutex, Notify, PriorityQueue, Queue, RwLock, Semaphore, mpmc, mpsc,
};

use support::{Counter, Random, block_on, poll, poll_once, poll_with};

const WAITERS: usize = 100;

/// Numbers of waiters, in order.
type Served = StdMutex<Vec<usize>>;

type Waiter<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Futures in line, each with a waker of its own.
struct Line<'a>(Vec<(usize, Waiter<'a>, Arc<Counter>, Waker)>);

impl<'a> Line<'a> {
    /// A hundred are polled, in order, by `poll`.
    fn form(
        make: impl Fn(usize) -> Waiter<'a>,
        poll: impl Fn(&mut Waiter<'a>, &Waker) -> bool,
    ) -> Self {
        let waiters = (0..WAITERS).map(|number| {
            let (mut waiter, (counter, waker)) = (make(number), Counter::new());
            assert!(!poll(&mut waiter, &waker), "number {number} need not wait");
            assert_eq!(counter.wakes(), 0, "number {number} only yields");
            (number, waiter, counter, waker)
        });
        Self(waiters.collect())
    }

    /// Some of them go, wherever they stand.
    fn thin_out(&mut self, random: &mut Random) {
        for _ in 0..WAITERS / 2 {
            let index = random.below(self.0.len());
            drop(self.0.remove(index));
        }
    }

    /// Each time the first in line is woken and is ready, and nobody else is woken before.
    fn serve_in_order(
        self,
        mut serve: impl FnMut(),
        poll: impl Fn(&mut Waiter<'a>, &Waker) -> bool,
    ) {
        let mut line = self.0;
        while !line.is_empty() {
            serve();
            let woken = line.iter().filter(|(_, _, counter, _)| counter.wakes() > 0);
            let woken: Vec<_> = woken.map(|(number, ..)| *number).collect();
            assert_eq!(woken, [line[0].0], "others than the first are served");
            let (number, mut waiter, _, waker) = line.remove(0);
            assert!(
                poll(&mut waiter, &waker),
                "number {number} was woken for nothing"
            );
        }
    }
}

fn with_budget(waiter: &mut Waiter<'_>, waker: &Waker) -> bool {
    poll_with(waiter, waker).is_ready()
}

/// As a task whose budget is spent by the time when it gets there.
fn without_budget(waiter: &mut Waiter<'_>, waker: &Waker) -> bool {
    spent(|| poll_with(waiter, waker).is_ready())
}

/// Runs `inside` as the end of one poll of a task, when its budget is spent.
fn spent<R>(inside: impl FnOnce() -> R) -> R {
    in_task(|| {
        let semaphore = Semaphore::new(1);
        for _ in 0..BUDGET_PER_POLL {
            assert!(poll_once(semaphore.acquire()).is_ready());
        }
        assert!(poll_once(semaphore.acquire()).is_pending(), "some is left");
        inside()
    })
}

/// Runs `inside` as one poll of a task.
fn in_task<R>(inside: impl FnOnce() -> R) -> R {
    let env = Arc::new(Env::new(Parts::default()));
    let slot: &'static TaskSlot = Box::leak(Box::new(TaskSlot::new()));
    slot.occupy(Occupant {
        label: TaskLabel::new(Some("waiter".into()), std::panic::Location::caller()),
        parent: None,
        env: env.id(),
    });
    let local = Local::new(&env, Role::Worker);
    context::enter(&local, || local.in_task(slot, inside))
}

/// A hundred wait for what `serve` gives to one of them at a time: all of them, and those that are left
/// when half of them went; with a budget and without.
fn check<'a>(make: impl Fn(usize) -> Waiter<'a>, mut serve: impl FnMut()) {
    for poll in [with_budget, without_budget] {
        Line::form(&make, poll).serve_in_order(&mut serve, poll);
        let mut line = Line::form(&make, poll);
        line.thin_out(&mut Random::new(7));
        line.serve_in_order(&mut serve, poll);
    }
}

#[test]
fn a_mutex_is_handed_over_in_order() {
    let mutex = Mutex::new(());
    // Whoever has the lock leaves the guard here, to be dropped when the next is to be served.
    let held = StdMutex::new(mutex.try_lock().ok());
    let make = |_| {
        Box::pin(async {
            let guard = mutex.lock().await;
            *held.lock().unwrap() = Some(guard);
        }) as Waiter<'_>
    };
    check(make, || drop(held.lock().unwrap().take()));
}

#[test]
fn a_lock_is_handed_over_in_order_to_readers_and_writers() {
    let lock = RwLock::with_max_readers((), 1);
    let writer = StdMutex::new(lock.try_write().ok());
    let reader = StdMutex::new(None);
    let make = |number: usize| {
        let (lock, reader, writer) = (&lock, &reader, &writer);
        Box::pin(async move {
            if number.is_multiple_of(2) {
                let guard = lock.read().await;
                *reader.lock().unwrap() = Some(guard);
            } else {
                let guard = lock.write().await;
                *writer.lock().unwrap() = Some(guard);
            }
        }) as Waiter<'_>
    };
    check(make, || {
        drop(reader.lock().unwrap().take());
        drop(writer.lock().unwrap().take());
    });
}

#[test]
fn permits_are_handed_out_in_order() {
    let semaphore = Semaphore::new(0);
    let make = |_| Box::pin(async { semaphore.acquire().await.unwrap().forget() }) as Waiter<'_>;
    check(make, || semaphore.add_permits(1).unwrap());
}

/// One asks for many and is first in line; those behind it ask for one, which is there.
#[test]
fn who_asks_for_little_does_not_pass_one_who_asks_for_much() {
    let semaphore = Semaphore::new(WAITERS - 1);
    let mut much = Box::pin(semaphore.acquire_many(WAITERS));
    assert!(poll(&mut much).is_pending());
    let mut little: Vec<_> = (0..WAITERS)
        .map(|_| Box::pin(semaphore.acquire()))
        .collect();
    assert!(little.iter_mut().all(|it| poll(it).is_pending()));
    semaphore.add_permits(1).unwrap();
    assert!(poll(&mut much).is_ready());
    assert!(
        little.iter_mut().all(|it| poll(it).is_ready()),
        "they came back"
    );
}

#[test]
fn notifications_are_told_in_order() {
    let notify = Notify::new();
    check(|_| Box::pin(notify.notified()), || notify.notify_one());

    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let make = |_| {
        let waiting = condition.wait(mutex.try_lock().expect("those who wait have unlocked it"));
        Box::pin(async { drop(waiting.await) }) as Waiter<'_>
    };
    for poll in [with_budget, without_budget] {
        // Whoever was notified locks again, for which it needs a budget.
        let line = Line::form(make, poll);
        line.serve_in_order(|| condition.notify_one(), with_budget);
    }
}

#[test]
fn receivers_have_their_turns_in_order() {
    let (tx, rx) = mpmc::unbounded();
    let make = |_| Box::pin(async { rx.recv().await.expect("there is a sender") }) as Waiter<'_>;
    check(make, || tx.send(()).unwrap());

    let (tx, rx) = mpmc::bounded(1);
    let make = |_| {
        Box::pin(async {
            let mut batch = Vec::new();
            assert_eq!(rx.recv_many(&mut batch, 8).await, 1);
        }) as Waiter<'_>
    };
    check(make, || tx.try_send(()).unwrap());
}

#[test]
fn senders_have_room_in_order_and_so_have_their_messages() {
    let (tx, mut rx) = mpsc::bounded(1);
    tx.try_send(0).unwrap();
    let make = |number| {
        let tx = &tx;
        Box::pin(async move {
            if number % 2 == 0 {
                tx.send(number).await.unwrap();
            } else {
                tx.reserve().await.unwrap().send(number).unwrap();
            }
        }) as Waiter<'_>
    };
    let mut received = Vec::new();
    check(make, || received.push(rx.try_recv().unwrap()));
    for line in received[1..].chunk_by(|one, next| one < next) {
        assert!(line.len() >= WAITERS / 2 - 1, "out of order: {line:?}");
    }
}

#[test]
fn those_who_put_and_get_are_served_in_order_whatever_comes_out_next() {
    let queue = Queue::bounded(1);
    queue.try_put(0).unwrap();
    let make = |number| {
        let queue = &queue;
        Box::pin(async move { queue.put(number).await.unwrap() }) as Waiter<'_>
    };
    check(make, || queue.try_get().unwrap().done());

    let lifo = LifoQueue::<u8>::unbounded();
    let make = |_| Box::pin(async { lifo.get().await.unwrap().done() }) as Waiter<'_>;
    check(make, || lifo.try_put(0).unwrap());

    let priority = PriorityQueue::<u8>::unbounded();
    let make = |_| Box::pin(async { priority.get().await.unwrap().done() }) as Waiter<'_>;
    check(make, || priority.try_put(0).unwrap());
}

/// Four threads have a hundred waiters in line. The order in which they were first polled is that in
/// which they are served, which they note themselves while they are.
fn check_on_threads<'a>(
    make: impl Fn(usize) -> Waiter<'a> + Sync,
    served: &Served,
    start: impl FnOnce(),
) {
    const THREADS: usize = 4;
    let came = Served::default();
    let all_there = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        for first in 0..THREADS {
            let (make, came, all_there) = (&make, &came, &all_there);
            scope.spawn(move || {
                let mut waiters = Vec::new();
                for number in (first..WAITERS).step_by(THREADS) {
                    let mut waiter = make(number);
                    let mut came = came.lock().unwrap();
                    // Every second one has no budget left.
                    let poll = [with_budget, without_budget][number / THREADS % 2];
                    assert!(!poll(&mut waiter, Waker::noop()));
                    came.push(number);
                    drop(came);
                    waiters.push(waiter);
                    thread::yield_now();
                }
                all_there.wait();
                waiters.into_iter().for_each(block_on);
            });
        }
        all_there.wait();
        start();
    });
    assert_eq!(*came.lock().unwrap(), *served.lock().unwrap());
}

#[test]
fn a_mutex_is_handed_over_in_order_on_several_threads() {
    let mutex = Mutex::new(());
    let served = Served::default();
    let held = mutex.try_lock().unwrap();
    let make = |number| -> Waiter<'_> {
        let (mutex, served) = (&mutex, &served);
        Box::pin(async move {
            let _held = mutex.lock().await;
            served.lock().unwrap().push(number);
        })
    };
    check_on_threads(make, &served, || drop(held));
}

#[test]
fn a_lock_for_writers_is_handed_over_in_order_on_several_threads() {
    let lock = RwLock::new(());
    let served = Served::default();
    let held = lock.try_read().unwrap();
    let make = |number| -> Waiter<'_> {
        let (lock, served) = (&lock, &served);
        Box::pin(async move {
            let _held = lock.write().await;
            served.lock().unwrap().push(number);
        })
    };
    check_on_threads(make, &served, || drop(held));
}

#[test]
fn permits_are_handed_out_in_order_on_several_threads() {
    let semaphore = Semaphore::new(2);
    let served = Served::default();
    let held = semaphore.try_acquire_many(2).unwrap();
    let make = |number| -> Waiter<'_> {
        let (semaphore, served) = (&semaphore, &served);
        Box::pin(async move {
            let _held = semaphore.acquire_many(2).await.unwrap();
            served.lock().unwrap().push(number);
        })
    };
    check_on_threads(make, &served, || drop(held));
}

#[test]
fn messages_arrive_in_the_order_of_their_sends_on_several_threads() {
    let (tx, rx) = mpmc::bounded(1);
    let served = Served::default();
    tx.try_send(None).unwrap();
    let make = |number| -> Waiter<'_> {
        let (tx, rx, served) = (&tx, &rx, &served);
        Box::pin(async move {
            tx.send(Some(number)).await.unwrap();
            // One message makes room for the next, and they are noted under one lock.
            let mut served = served.lock().unwrap();
            served.extend(rx.try_recv().expect("as many were sent"));
        })
    };
    check_on_threads(make, &served, || assert_eq!(rx.try_recv(), Ok(None)));
}

/// Whoever has had it comes behind those who wait, however soon it asks again.
#[test]
fn what_is_released_and_asked_for_again_at_once_is_had_last() {
    let (mutex, mut held) = (Mutex::new(()), None);
    held.replace(mutex.try_lock().unwrap());
    let mut line: Vec<_> = (0..WAITERS).map(|_| Box::pin(mutex.lock())).collect();
    assert!(line.iter_mut().all(|it| poll(it).is_pending()));
    drop(held);
    assert!(mutex.try_lock().is_err());
    let mut again = Box::pin(mutex.lock());
    for mut first in line {
        assert!(poll(&mut again).is_pending(), "it overtakes");
        drop(block_on(first.as_mut()));
    }
    assert!(poll(&mut again).is_ready());

    let semaphore = Semaphore::new(2);
    let held = semaphore.try_acquire_many(2).unwrap();
    let mut line: Vec<_> = (0..WAITERS)
        .map(|_| Box::pin(semaphore.acquire_many(2)))
        .collect();
    assert!(line.iter_mut().all(|it| poll(it).is_pending()));
    drop(held);
    assert!(semaphore.try_acquire().is_err());
    let mut again = Box::pin(semaphore.acquire());
    for mut first in line {
        assert!(poll(&mut again).is_pending(), "it overtakes");
        drop(block_on(first.as_mut()).unwrap());
    }
    assert!(poll(&mut again).is_ready());

    let lock = RwLock::new(());
    let held = lock.try_read().unwrap();
    let mut line: Vec<_> = (0..WAITERS).map(|_| Box::pin(lock.write())).collect();
    assert!(line.iter_mut().all(|it| poll(it).is_pending()));
    assert!(lock.try_read().is_err(), "a reader passes writers");
    drop(held);
    let mut again = Box::pin(lock.read());
    for mut first in line {
        assert!(poll(&mut again).is_pending(), "it overtakes");
        drop(block_on(first.as_mut()));
    }
    assert!(poll(&mut again).is_ready());
}

#[test]
fn who_yielded_for_its_budget_stands_behind_those_who_had_to_wait_since() {
    fn check<F: Future>(ask: impl Fn() -> F) {
        let (counter, waker) = Counter::new();
        let mut yields = Box::pin(ask());
        assert!(spent(|| poll_with(&mut yields, &waker).is_pending()));
        assert_eq!(counter.wakes(), 1, "it is free");
        let Poll::Ready(held) = poll_once(ask()) else {
            panic!("who yields holds no place");
        };
        let mut waits = Box::pin(ask());
        assert!(poll(&mut waits).is_pending());
        assert!(poll(&mut yields).is_pending());
        drop(held);
        assert!(poll(&mut yields).is_pending(), "it overtakes");
        assert!(poll(&mut waits).is_ready());
        assert!(poll(&mut yields).is_ready());
    }
    let mutex = Arc::new(Mutex::new(()));
    check(|| Arc::clone(&mutex).lock_owned());
    let semaphore = Arc::new(Semaphore::new(2));
    check(|| Arc::clone(&semaphore).acquire_many_owned(2));
    let lock = Arc::new(RwLock::new(()));
    check(|| Arc::clone(&lock).write_owned());
}

#[test]
fn what_was_taken_from_a_channel_or_queue_leaves_no_gap_for_newcomers() {
    let (tx, rx) = mpmc::bounded(1);
    tx.try_send(0).unwrap();
    let mut line: Vec<_> = (1..=WAITERS).map(|it| Box::pin(tx.send(it))).collect();
    assert!(line.iter_mut().all(|it| poll(it).is_pending()));
    let queue = Queue::bounded(1);
    queue.try_put(0).unwrap();
    let mut putters: Vec<_> = (1..=WAITERS).map(|it| Box::pin(queue.put(it))).collect();
    assert!(putters.iter_mut().all(|it| poll(it).is_pending()));
    for number in 0..WAITERS {
        assert_eq!(rx.try_recv(), Ok(number));
        assert!(tx.try_send(0).is_err(), "it overtakes");
        assert!(tx.try_reserve().is_err(), "it overtakes");
        assert_eq!(queue.try_get().unwrap().into_inner(), number);
        assert!(queue.try_put(0).is_err(), "it overtakes");
    }
}
