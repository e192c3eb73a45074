//! Models of the pool: its own workers and queues, with numbers for tasks.
//!
//! A wakeup that is lost shows as a deadlock, which loom reports.

use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use hob_core::env::Parts;
use hob_core::{Alarm, Env, Instant, Park, Unpark, Until, Why};

use crate::gather::Gather;
use crate::hold::{self, Has, Hold};
use crate::parker::Parker;
use crate::parking::Parking;
use crate::pool::Hooks;
use crate::primitive::{Condvar, ModelBuilder, Mutex, lock, thread};
use crate::shared::Shared;
use crate::shift::{Shift, Site};
use crate::turn::Turn;
use crate::worker::Worker;

/// All that can happen with one preemption: a scout may wake at any time, so with two there is more of it
/// than can be looked at.
fn model(run: impl Fn() + Sync + Send + 'static) {
    deep_model(1, run);
}

/// All that can happen with so many preemptions.
fn deep_model(preemptions: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut builder = ModelBuilder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(run);
}

/// A number that only grows, and that threads wait for.
struct Count {
    number: Mutex<usize>,
    grown: Condvar,
}

impl Count {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            number: Mutex::new(0),
            grown: Condvar::new(),
        })
    }

    fn add_one(&self) {
        *lock(&self.number) += 1;
        self.grown.notify_all();
    }

    fn wait_for(&self, least: usize) {
        let mut number = lock(&self.number);
        while *number < least {
            number = self.grown.wait(number).expect("nobody panics");
        }
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.add_one();
    }
}

/// A poller with one socket.
struct Seat {
    parker: Parker,
    ready: Arc<Mutex<Option<Waker>>>,
}

impl Park for Seat {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        self.parker.park(until, woken);
        woken.extend(lock(&self.ready).take());
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        self.parker.unparker()
    }
}

/// A pool whose task `n` is the `n`th of some functions.
struct Rig {
    shared: &'static Shared<usize>,
    env: Arc<Env>,
    ready: Arc<Mutex<Option<Waker>>>,
    poller: Arc<dyn Unpark>,
}

impl Rig {
    fn new(workers: usize) -> Self {
        // Not from the shelf: what was made in one run of the model must not live in the next.
        let shared: &'static Shared<usize> = Box::leak(Box::new(Shared::new(workers)));
        let parker = Parker::new();
        let ready = Arc::new(Mutex::new(None));
        let poller = parker.unparker();
        let seat = Seat {
            parker,
            ready: Arc::clone(&ready),
        };
        let seat = Parking::foreign(Box::new(seat));
        let parkers = (0..workers).map(|_| Parking::plain());
        shared.furnish(seat, parkers.collect());
        Self {
            shared,
            env: Arc::new(Env::new(Parts::default())),
            ready,
            poller,
        }
    }

    fn site(&self) -> Site<usize> {
        Site {
            shared: self.shared,
            env: Arc::clone(&self.env),
            timers: Arc::new([]),
            alarm: Arc::new(Alarm::new(self.shared.seat_unparker())),
            gather: Arc::new(Gather::new(Duration::ZERO)),
            watchdog: Arc::default(),
        }
    }

    fn start(&self, index: usize, mut run: impl FnMut(usize) + 'static) -> thread::JoinHandle<()> {
        let worker = Worker {
            index,
            site: self.site(),
            hooks: Hooks::default(),
        };
        self.shared.expect_worker();
        thread::spawn(move || worker.run(|_, task| run(task)))
    }

    /// This thread is worker `index`, awake, and does `act` with its core.
    fn as_worker<R>(&self, index: usize, act: impl FnOnce(&mut Shift<'_, usize>) -> R) -> R {
        self.shared.idle.start(index);
        let site = self.site();
        let hold = Hold::new(self.shared, Has::Core(index));
        let result = act(&mut Shift::begin(&site, &hold, Turn::new()).expect("it holds its core"));
        drop(hold);
        self.shared.idle.end(index);
        result
    }

    /// Spawns a task, on a thread that is no worker.
    fn inject(&self, task: usize) {
        self.shared.inject(task);
    }

    /// The socket becomes ready, and `waker` waits for it.
    fn ring(&self, waker: Arc<Count>) {
        *lock(&self.ready) = Some(Waker::from(waker));
        self.poller.unpark();
    }

    /// Stops the pool, and joins its workers.
    fn end(&self, workers: impl IntoIterator<Item = thread::JoinHandle<()>>) {
        self.stop();
        for worker in workers {
            worker.join().expect("it does not panic");
        }
    }

    /// Stops the pool. (Not a join: in loom, an unpark of a thread would end that too.)
    fn stop(&self) {
        self.shared.stop();
        assert_eq!(self.shared.wait_ended(Instant::NEVER), 0);
        assert!(self.shared.injector.is_empty());
        assert!(self.shared.cores.iter().all(|core| core.ring.is_empty()));
        assert_eq!(self.shared.idle.asleep(), 0);
    }
}

#[test]
fn loom_a_push_against_a_sleep_is_run() {
    model(|| {
        let rig = Rig::new(1);
        let ran = Count::new();
        let counted = Arc::clone(&ran);
        let worker = rig.start(0, move |_| counted.add_one());
        rig.inject(0);
        ran.wait_for(1);
        rig.inject(0);
        ran.wait_for(2);
        rig.end([worker]);
    });
}

#[test]
fn loom_two_pushes_wake_two_sleepers() {
    model(|| {
        let rig = Rig::new(2);
        let met = Count::new();
        let workers = [0, 1].map(|index| {
            let met = Arc::clone(&met);
            rig.start(index, move |_| {
                // Neither ends unless both are run at the same time.
                met.add_one();
                met.wait_for(2);
            })
        });
        rig.inject(0);
        rig.inject(0);
        met.wait_for(2);
        rig.end(workers);
    });
}

#[test]
fn loom_a_stuck_worker_leaves_its_queue_to_its_peer() {
    model(|| {
        let rig = Rig::new(2);
        let ran = Count::new();
        let workers = [0, 1].map(|index| {
            let ran = Arc::clone(&ran);
            let shared = rig.shared;
            rig.start(index, move |task| {
                if task == 0 {
                    shared.take_in(1, Why::Woken);
                    ran.wait_for(1);
                } else {
                    ran.add_one();
                }
            })
        });
        rig.inject(0);
        ran.wait_for(1);
        rig.end(workers);
    });
}

#[test]
fn loom_the_poller_is_served_while_a_worker_is_stuck() {
    model(|| {
        let rig = Rig::new(2);
        let served = Count::new();
        let workers = [0, 1].map(|index| {
            let served = Arc::clone(&served);
            rig.start(index, move |_| served.wait_for(1))
        });
        rig.inject(0);
        rig.ring(Arc::clone(&served));
        served.wait_for(1);
        rig.end(workers);
    });
}

#[test]
fn loom_a_seat_that_was_left_is_taken_by_who_goes_to_sleep() {
    model(|| {
        let rig = Rig::new(2);
        let served = Count::new();
        let sleeper = rig.start(0, |_| ());
        // This thread is the other worker: it looks at the poller, and is stuck from then on.
        rig.as_worker(1, |shift| {
            shift.look();
            rig.ring(Arc::clone(&served));
            served.wait_for(1);
        });
        rig.end([sleeper]);
    });
}

#[test]
fn loom_the_seat_is_taken_though_a_task_comes_too() {
    model(|| {
        let rig = Rig::new(3);
        let served = Count::new();
        let workers = [0, 1].map(|index| {
            let served = Arc::clone(&served);
            rig.start(index, move |_| served.wait_for(1))
        });
        // This thread is the third worker: it looks at the poller, and is stuck while others spawn.
        rig.as_worker(2, |shift| {
            shift.look();
            rig.inject(0);
            rig.ring(Arc::clone(&served));
            served.wait_for(1);
        });
        rig.end(workers);
    });
}

#[test]
fn loom_a_stop_ends_every_sleep() {
    model(|| {
        let rig = Rig::new(2);
        let workers = [0, 1].map(|index| rig.start(index, |_| ()));
        rig.end(workers);
    });
}

#[test]
fn loom_what_was_pushed_before_a_stop_is_run() {
    model(|| {
        let rig = Rig::new(2);
        let ran = Count::new();
        let workers = [0, 1].map(|index| {
            let ran = Arc::clone(&ran);
            rig.start(index, move |_| ran.add_one())
        });
        rig.inject(0);
        rig.stop();
        ran.wait_for(1);
        for worker in workers {
            worker.join().expect("it does not panic");
        }
    });
}

/// This thread is a worker that stays awake, so that the core of the other one may be lent, and is in
/// `block_on` besides.
fn borrowing(rig: &Rig, act: impl FnOnce(Hold)) {
    rig.shared.idle.start(1);
    act(Hold::new(rig.shared, Has::Leave));
    rig.shared.idle.end(1);
}

#[test]
fn loom_what_a_borrower_leaves_in_the_queue_is_run() {
    model(|| {
        let rig = Rig::new(2);
        let ran = Count::new();
        let counted = Arc::clone(&ran);
        let worker = rig.start(0, move |_| counted.add_one());
        borrowing(&rig, |_hold| {
            // Into the queue of the worker if it sleeps already, else into the injector.
            rig.shared.take_in(0, Why::Spawned);
            rig.shared.give_back();
            ran.wait_for(1);
        });
        rig.end([worker]);
    });
}

#[test]
fn loom_tasks_that_come_back_while_the_worker_serves_the_poller_are_run() {
    deep_model(3, || {
        let rig = Rig::new(2);
        let ran = Count::new();
        let served = Count::new();
        let counted = Arc::clone(&ran);
        let worker = rig.start(0, move |_| counted.add_one());
        borrowing(&rig, |_hold| {
            rig.shared.take_in(0, Why::Spawned);
            rig.ring(Arc::clone(&served));
            rig.shared.give_back();
            ran.wait_for(1);
        });
        rig.end([worker]);
    });
}

#[test]
fn loom_a_borrower_who_is_stuck_leaves_its_queue_to_a_scout() {
    model(|| {
        let rig = Rig::new(2);
        let ran = Count::new();
        let workers = [0, 1].map(|index| {
            let ran = Arc::clone(&ran);
            rig.start(index, move |_| ran.add_one())
        });
        let hold = Hold::new(rig.shared, Has::Leave);
        rig.shared.take_in(0, Why::Spawned);
        // As in a task that waits for the one it has spawned.
        ran.wait_for(1);
        rig.shared.give_back();
        drop(hold);
        rig.end(workers);
    });
}

#[test]
fn loom_what_is_injected_while_a_core_is_given_back_is_run() {
    model(|| {
        let rig = Rig::new(2);
        let ran = Count::new();
        let counted = Arc::clone(&ran);
        let worker = rig.start(0, move |_| counted.add_one());
        let shared = rig.shared;
        let stranger = thread::spawn(move || shared.inject(0));
        borrowing(&rig, |_hold| {
            if let Some(core) = rig.shared.idle.borrow() {
                hold::set(rig.shared, Has::Core(core));
            }
            rig.shared.give_back();
            ran.wait_for(1);
        });
        rig.end([worker]);
        stranger.join().expect("it does not panic");
    });
}

#[test]
fn loom_the_poller_is_served_by_a_worker_whose_core_is_lent() {
    model(|| {
        let rig = Rig::new(2);
        let served = Count::new();
        let worker = rig.start(0, |_| ());
        borrowing(&rig, |_hold| {
            if let Some(core) = rig.shared.idle.borrow() {
                hold::set(rig.shared, Has::Core(core));
            }
            rig.ring(Arc::clone(&served));
            served.wait_for(1);
            rig.shared.give_back();
        });
        rig.end([worker]);
    });
}

#[test]
fn loom_a_task_that_comes_as_the_pool_stops_is_run_or_left_where_it_is() {
    model(|| {
        let rig = Rig::new(1);
        let ran = Count::new();
        let counted = Arc::clone(&ran);
        let worker = rig.start(0, move |_| counted.add_one());
        let shared = rig.shared;
        let late = thread::spawn(move || shared.inject(0));
        shared.stop();
        assert_eq!(shared.wait_ended(Instant::NEVER), 0);
        late.join().expect("it does not panic");
        worker.join().expect("it does not panic");
        assert_eq!(shared.injector.len() + *lock(&ran.number), 1);
        assert!(shared.idle.is_vacant());
    });
}
