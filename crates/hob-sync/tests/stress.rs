//! Threads that wait, give up at random and try again: nothing may be lost, and nobody left asleep.
//!
//! All tests together give up a million waits, in a release build four millions.

mod support;

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;

use hob_sync::barrier::BarrierError;
use hob_sync::{Barrier, Condition, Mutex, Notify, Queue, RwLock, Semaphore, mpmc, mpsc};

use support::{Random, block_on, poll};

const THREADS: usize = 2;

/// Given up while waiting, over all threads of a test. There are ten such runs.
const CANCELS: usize = if cfg!(debug_assertions) {
    100_000
} else {
    400_000
};

type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

#[expect(
    clippy::print_stdout,
    reason = "how much was done belongs to the result"
)]
fn told(count: &str) {
    println!("{count} were given up");
}

/// Runs `work` on each thread until so many waits were given up, and prints how many.
fn until_enough(name: &str, work: impl Fn(&mut Random) -> usize + Sync) {
    let cancels = AtomicUsize::new(0);
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (cancels, work) = (&cancels, &work);
            scope.spawn(move || {
                let mut random = Random::new(seed as u64 + 1);
                while cancels.load(Ordering::Relaxed) < CANCELS {
                    cancels.fetch_add(work(&mut random), Ordering::Relaxed);
                }
            });
        }
    });
    told(&format!("{name}: {} waits", cancels.into_inner()));
}

/// Polls what may have to wait, in order, and returns what does. What does not is finished.
fn begin<'a, T>(
    futures: impl Iterator<Item = Waiting<'a, T>>,
    mut finish: impl FnMut(T),
) -> Vec<Waiting<'a, T>> {
    let mut waiting = Vec::new();
    for mut future in futures {
        match poll(&mut future) {
            Poll::Ready(output) => finish(output),
            Poll::Pending => waiting.push(future),
        }
    }
    waiting
}

/// Drops all of those who wait but one or none, wherever they stand, and returns how many. Some look
/// once more, and may find that they need not wait any longer, or only for something else.
fn give_up<T>(
    random: &mut Random,
    waiting: &mut Vec<Waiting<'_, T>>,
    mut finish: impl FnMut(T),
) -> usize {
    let (stays, mut gone) = (random.below(2), 0);
    while waiting.len() > stays {
        let mut future = waiting.remove(random.below(waiting.len()));
        if random.chance()
            && let Poll::Ready(output) = poll(&mut future)
        {
            finish(output);
        } else {
            gone += 1;
        }
    }
    gone
}

/// Those in line give up, or finish, before or after what they wait for is released.
fn wait_for<T>(random: &mut Random, mut waiting: Vec<Waiting<'_, T>>, held: T) -> usize {
    let mut held = Some(held);
    if random.chance() {
        held = None;
    }
    let gone = give_up(random, &mut waiting, drop);
    drop(held);
    for future in waiting {
        drop(block_on(future));
    }
    gone
}

#[test]
fn a_mutex_is_free_in_the_end() {
    let mutex = Mutex::new(());
    until_enough("Mutex", |random| {
        let held = block_on(mutex.lock());
        let locks = (0..6).map(|_| Box::pin(mutex.lock()) as Waiting<'_, _>);
        let waiting = begin(locks, |_| panic!("it is locked"));
        wait_for(random, waiting, held)
    });
    assert!(mutex.try_lock().is_ok());
    assert_eq!(mutex.statistics().waiting, 0);
}

#[test]
fn a_lock_for_readers_and_writers_is_free_in_the_end() {
    enum Guard<'a> {
        Read(#[expect(dead_code, reason = "it is held")] hob_sync::RwLockReadGuard<'a, (u64, u64)>),
        Write(hob_sync::RwLockWriteGuard<'a, (u64, u64)>),
    }
    let lock = RwLock::new((0, 0));
    let read = async || {
        let read = lock.read().await;
        assert_eq!(read.0, read.1, "half of what was written");
        Guard::Read(read)
    };
    let write = async || {
        let mut write = lock.write().await;
        write.0 += 1;
        write.1 += 1;
        Guard::Write(write)
    };
    until_enough("RwLock", |random| {
        let held = block_on(write());
        if let Guard::Write(held) = &held {
            assert_eq!(held.0, held.1);
        }
        let locks: Vec<_> = (0..6)
            .map(|_| match random.chance() {
                true => Box::pin(read()) as Waiting<'_, _>,
                false => Box::pin(write()),
            })
            .collect();
        let waiting = begin(locks.into_iter(), |_| panic!("it is locked"));
        wait_for(random, waiting, held)
    });
    assert!(lock.try_write().is_ok());
    assert_eq!(lock.statistics().waiting, 0);
}

#[test]
fn a_semaphore_has_its_permits_in_the_end() {
    let semaphore = Semaphore::new(2);
    until_enough("Semaphore", |random| {
        let held = block_on(semaphore.acquire_many(2));
        let size = 1 + random.below(2);
        let acquires = (0..6).map(|_| Box::pin(semaphore.acquire_many(size)) as Waiting<'_, _>);
        let waiting = begin(acquires, |_| panic!("all permits are held"));
        wait_for(random, waiting, held)
    });
    assert_eq!(semaphore.available_permits(), 2);
    assert_eq!(semaphore.statistics().waiting, 0);
}

/// Whoever takes jobs gives up most of its tries; meanwhile jobs are put, one at a time, until all have
/// had enough. So if nobody is told of one, all are left asleep. Returns how many were put and taken.
fn take_jobs<'a>(
    name: &str,
    take: impl Fn() -> Waiting<'a, ()> + Sync,
    there: impl Fn() -> usize,
    put: impl Fn(),
) -> (usize, usize) {
    let (taken, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut made = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ends = SetOnDrop(&enough);
            until_enough(name, |random| {
                let mut finish = |()| {
                    taken.fetch_add(1, Ordering::Relaxed);
                };
                let mut waiting = begin((0..6).map(|_| take()), &mut finish);
                let gone = give_up(random, &mut waiting, &mut finish);
                for future in waiting {
                    block_on(future);
                    finish(());
                }
                gone
            });
        });
        while !enough.load(Ordering::Relaxed) {
            if there() == 0 {
                put();
                made += 1;
            } else {
                thread::yield_now();
            }
        }
    });
    // Of what is left nobody was told who did not pass it on.
    let left = there();
    for _ in 0..left {
        block_on(take());
    }
    (made, taken.into_inner() + left)
}

/// Whoever waits for the end goes on, also after a panic.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_notification_reaches_somebody() {
    let (notify, jobs) = (Notify::new(), AtomicUsize::new(0));
    let one_fewer = |jobs: usize| jobs.checked_sub(1);
    let take = async || loop {
        let mut notified = std::pin::pin!(notify.notified());
        notified.as_mut().enable();
        let taken = jobs.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_fewer);
        if taken.is_ok() {
            return;
        }
        notified.await;
    };
    let (made, taken) = take_jobs(
        "Notify",
        || Box::pin(take()),
        || jobs.load(Ordering::SeqCst),
        || {
            jobs.fetch_add(1, Ordering::SeqCst);
            notify.notify_one();
        },
    );
    assert_eq!(made, taken);
    assert_eq!(notify.statistics().waiting, 0);
}

#[test]
fn a_condition_tells_somebody_and_leaves_the_mutex_free() {
    let (jobs, put) = (Mutex::new(0_usize), Condition::new());
    let take = async || {
        let guard = jobs.lock().await;
        let mut jobs = put.wait_while(guard, |jobs| *jobs == 0).await;
        *jobs -= 1;
    };
    let (made, taken) = take_jobs(
        "Condition",
        || Box::pin(take()),
        || *block_on(jobs.lock()),
        || {
            *block_on(jobs.lock()) += 1;
            put.notify_one();
        },
    );
    assert_eq!(made, taken);
    assert_eq!(put.statistics().waiting, 0);
    assert!(jobs.try_lock().is_ok());
}

#[test]
fn a_barrier_lets_go_whoever_has_met() {
    let (barrier, cancels) = (Barrier::new(THREADS), AtomicUsize::new(0));
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (barrier, cancels) = (&barrier, &cancels);
            scope.spawn(move || {
                let mut random = Random::new(seed as u64 + 1);
                // Whoever resets looks then whether the other has had enough: that one aborts.
                while cancels.load(Ordering::SeqCst) < CANCELS {
                    let gone = meet(&mut random, barrier);
                    cancels.fetch_add(gone, Ordering::SeqCst);
                    if random.chance() {
                        barrier.reset();
                    }
                }
                barrier.abort();
            });
        }
    });
    told(&format!("Barrier: {} waits", cancels.into_inner()));
    assert_eq!(barrier.waiting(), 0);
}

/// Comes and goes several times, and waits for the other then. Returns how often it has gone.
fn meet(random: &mut Random, barrier: &Barrier) -> usize {
    let mut gone = 0;
    for _ in 0..random.below(16) {
        let mut wait = Box::pin(barrier.wait());
        gone += usize::from(poll(&mut wait).is_pending());
    }
    match block_on(barrier.wait()) {
        Ok(met) => assert!(met.index() < THREADS),
        // The other has reset it, or has had enough.
        Err(BarrierError::Broken) => {}
        Err(other) => panic!("{other}"),
    }
    gone
}

/// A message that tells when it is gone.
struct Message<'a>(usize, &'a AtomicUsize);

impl Drop for Message<'_> {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One sends, one receives, and both give up most of their tries. What was said to be sent arrives, and
/// all in order.
fn exchange<'a>(
    name: &str,
    send: impl Fn(usize) -> Waiting<'a, bool> + Send,
    mut receive: impl FnMut(&mut Random, &mut Vec<usize>) -> Option<usize> + Send,
) {
    thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            let (mut random, mut received, mut gone) = (Random::new(1), Vec::new(), 0);
            while let Some(more) = receive(&mut random, &mut received) {
                gone += more;
            }
            (received, gone)
        });
        let (mut random, mut sent, mut gone) = (Random::new(2), Vec::new(), 0);
        let mut next = 0;
        while gone < CANCELS / 2 {
            let futures = (next..next + 6).map(|number| {
                let future = send(number);
                Box::pin(async move { (number, future.await) }) as Waiting<'_, _>
            });
            let mut finish = |(number, is_sent): (usize, bool)| {
                assert!(is_sent, "it is open");
                sent.push(number);
            };
            let mut waiting = begin(futures, &mut finish);
            next += 6;
            gone += give_up(&mut random, &mut waiting, &mut finish);
            for future in waiting {
                finish(block_on(future));
            }
        }
        drop(send);
        let (received, receives_gone) = receiver.join().expect("it does not panic");
        told(&format!(
            "{name}: {gone} sends and {receives_gone} receives"
        ));
        assert!(
            received.is_sorted_by(|one, next| one < next),
            "out of order"
        );
        let received: HashSet<_> = received.into_iter().collect();
        assert!(sent.iter().all(|number| received.contains(number)), "lost");
    });
}

/// Begins to receive several times, gives most of it up, and finishes the rest; `None` at the end.
fn receive_some<M>(
    random: &mut Random,
    futures: Vec<Waiting<'_, Option<M>>>,
    mut keep: impl FnMut(M),
) -> Option<usize> {
    let mut is_over = false;
    let mut finish = |message: Option<M>| match message {
        Some(message) => keep(message),
        None => is_over = true,
    };
    let mut waiting = begin(futures.into_iter(), &mut finish);
    let gone = give_up(random, &mut waiting, &mut finish);
    for future in waiting {
        finish(block_on(future));
    }
    (!is_over).then_some(gone)
}

fn exchange_by_mpmc<'a>(
    name: &str,
    alive: &'a AtomicUsize,
    (tx, rx): (mpmc::Sender<Message<'a>>, mpmc::Receiver<Message<'a>>),
) {
    let send = move |number| {
        alive.fetch_add(1, Ordering::Relaxed);
        let (tx, message) = (tx.clone(), Message(number, alive));
        Box::pin(async move { tx.send(message).await.is_ok() }) as Waiting<'_, _>
    };
    exchange(name, send, |random, received| {
        let futures = (0..6).map(|_| Box::pin(rx.recv()) as Waiting<'_, _>);
        receive_some(random, futures.collect(), |message: Message<'_>| {
            received.push(message.0)
        })
    });
    assert_eq!(rx.statistics().receivers_waiting, 0);
    drop(rx);
    assert_eq!(alive.load(Ordering::Relaxed), 0, "a message is left");
}

#[test]
fn a_channel_for_many_loses_no_message_and_no_turn() {
    let alive = AtomicUsize::new(0);
    exchange_by_mpmc("mpmc::bounded", &alive, mpmc::bounded(2));
}

#[test]
fn a_rendezvous_loses_no_message_and_no_turn() {
    let alive = AtomicUsize::new(0);
    exchange_by_mpmc("mpmc::rendezvous", &alive, mpmc::rendezvous());
}

#[test]
fn a_channel_for_one_loses_no_message_and_no_slot() {
    let alive = AtomicUsize::new(0);
    let (tx, mut rx) = mpsc::bounded(2);
    let counts = &alive;
    let send = move |number| {
        counts.fetch_add(1, Ordering::Relaxed);
        let (tx, message) = (tx.clone(), Message(number, counts));
        Box::pin(async move { tx.send(message).await.is_ok() }) as Waiting<'_, _>
    };
    let receive = |_: &mut Random, received: &mut Vec<usize>| {
        let mut gone = 0;
        for _ in 0..4 {
            match poll(&mut rx.recv()) {
                Poll::Ready(message) => received.push(message?.0),
                Poll::Pending => gone += 1,
            }
        }
        received.push(block_on(rx.recv())?.0);
        Some(gone)
    };
    exchange("mpsc::bounded", send, receive);
    drop(rx);
    assert_eq!(alive.load(Ordering::Relaxed), 0, "a message is left");
}

#[test]
fn a_queue_loses_no_item_and_no_join() {
    let queue = Queue::bounded(2);
    let (put, got) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let feeder = scope.spawn(|| {
            while block_on(queue.put(())).is_ok() {
                put.fetch_add(1, Ordering::Relaxed);
            }
        });
        until_enough("Queue", |random| {
            let mut finish = |item: Result<hob_sync::Item<()>, _>| {
                item.expect("it is open").done();
                got.fetch_add(1, Ordering::Relaxed);
            };
            let gets = (0..6).map(|_| Box::pin(queue.get()) as Waiting<'_, _>);
            let mut waiting = begin(gets, &mut finish);
            let gone = give_up(random, &mut waiting, &mut finish);
            for future in waiting {
                finish(block_on(future));
            }
            gone
        });
        let left = queue.close_now().len();
        feeder.join().expect("it does not panic");
        block_on(queue.join());
        let put = put.load(Ordering::Relaxed);
        assert_eq!(put, got.load(Ordering::Relaxed) + left);
    });
    assert_eq!(queue.statistics().dropped, 0);
}
