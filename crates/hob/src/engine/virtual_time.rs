//! Virtual time on one thread: a clock that jumps to the next timer when there is nothing else to do.
//!
//! # Implementation
//!
//! The executor of one thread sleeps when nothing is runnable, until its next timer is due. Here it sleeps
//! in a [`JumpingSeat`], which stands in front of the poller's seat:
//!
//! ```text
//!   until a deadline ─► look at the poller, without sleeping ─► found something?  ─ yes ─► return
//!                                                                   │ no
//!                                                            rung, or time has come? ─ yes ─► return
//!                                                                   │ no
//!                                                            jobs under way?  ─ yes ─► sleep until rung
//!                                                                   │ no
//!                                                            move the clock to the deadline
//! ```
//!
//! The poller's seat never hears of a deadline: it is asked not to sleep at all, or to sleep for ever.
//!
//! Two things come from other threads, how many blocking jobs are under way and whether the seat was rung,
//! and one lock guards both. After its look the seat sees both at one moment. A job is counted out after it
//! has run, so what it woke has rung by then. The last one that is counted out rings itself, at that very
//! moment: what it wrote to a descriptor may have come after the look; and nobody may have waited for it,
//! while the seat sleeps on account of it. Whoever moves the clock by hand rings through the alarm, as
//! whoever arms an earlier timer does.
//!
//! A ring that is answered by a return is taken down; one that comes later stays, and lets the next sleep
//! end at once. That does no harm: the executor looks at its queues and sleeps again.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use hob_core::panic::contain;
use hob_core::unhandled::{UnhandledKind, report_panic};
use hob_core::{Blocking, Instant, Job, JobKind, Park, Unpark, Until};
use hob_executor::Parker;
use hob_time::VirtualClock;

/// What the clock of every runtime in virtual time shows at first.
pub(crate) const START: Instant = Instant::from_nanos(1 << 60);

/// Puts a seat that jumps in front of `seat`, and counts the jobs that `threads` are given.
pub(crate) fn arrange(
    clock: VirtualClock,
    seat: Box<dyn Park + Send>,
    threads: Arc<dyn Blocking>,
) -> (Box<dyn Park + Send>, Arc<dyn Blocking>) {
    let parker = Parker::new();
    let hold = Arc::new(Hold {
        state: Mutex::new(State::default()),
        seat: seat.unparker(),
        parker: parker.unparker(),
    });
    let counting = Counting {
        hold: Arc::clone(&hold),
        threads,
    };
    let jumping = JumpingSeat {
        clock,
        hold,
        seat,
        parker,
        is_broken: false,
    };
    (Box::new(jumping), Arc::new(counting))
}

/// Moves the clock instead of sleeping.
struct JumpingSeat {
    clock: VirtualClock,
    hold: Arc<Hold>,
    seat: Box<dyn Park + Send>,
    /// Slept on once `seat` has panicked. The executor's own substitute would not move the clock.
    parker: Parker,
    is_broken: bool,
}

/// What may keep the clock from jumping, and what ends a sleep.
struct Hold {
    state: Mutex<State>,
    seat: Arc<dyn Unpark>,
    parker: Arc<dyn Unpark>,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct State {
    /// Jobs that run, or wait for their thread.
    jobs: usize,
    is_rung: bool,
}

/// Threads for blocking jobs, whose jobs are counted.
struct Counting {
    hold: Arc<Hold>,
    threads: Arc<dyn Blocking>,
}

/// A job that is counted. Run or dropped, it is counted out after that: fields are dropped in this order.
struct CountedJob {
    job: Job,
    _counted: Counted,
}

/// One of the jobs under way.
struct Counted(Arc<Hold>);

impl JumpingSeat {
    /// Sleeps at the poller; a panic is reported, and ends the sleep.
    fn park_there(&mut self, until: Until, woken: &mut Vec<Waker>) {
        if self.is_broken {
            return self.parker.park(until, woken);
        }
        let slept = contain(|| self.seat.park(until, woken));
        self.is_broken = slept.is_err();
        report_panic(UnhandledKind::CallbackPanicked, slept);
    }

    fn sleep(&mut self, woken: &mut Vec<Waker>) {
        self.park_there(Until::Forever, woken);
        // What rang comes before the return.
        let _: State = self.hold.take_ring();
    }
}

impl Park for JumpingSeat {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        let deadline = match until {
            Until::Now => return self.park_there(until, woken),
            Until::Forever => return self.sleep(woken),
            // No clock comes to that.
            Until::At(Instant::NEVER) => return self.sleep(woken),
            Until::At(deadline) => deadline,
        };
        self.park_there(Until::Now, woken);
        // After the look, and at one moment: see the module's documentation.
        let State { jobs, is_rung } = self.hold.take_ring();
        if is_rung || !woken.is_empty() || deadline <= self.clock.now() {
            return;
        }
        if jobs > 0 {
            self.sleep(woken);
        } else {
            self.clock.advance_to(deadline);
        }
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        Arc::<Hold>::clone(&self.hold)
    }
}

impl Hold {
    /// Takes the ring down, and returns what was the case before.
    fn take_ring(&self) -> State {
        let mut state = self.lock();
        let down = State {
            is_rung: false,
            ..*state
        };
        mem::replace(&mut state, down)
    }

    /// Ends the sleep, wherever it is slept.
    fn end_sleep(&self) {
        self.parker.unpark();
        let rung = contain(|| self.seat.unpark());
        report_panic(UnhandledKind::CallbackPanicked, rung);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under this lock")
    }
}

impl Unpark for Hold {
    fn unpark(&self) {
        self.lock().is_rung = true;
        self.end_sleep();
    }
}

impl Blocking for Counting {
    fn run(&self, job: Job, kind: JobKind) -> Result<(), Job> {
        let counted = CountedJob {
            job,
            _counted: Counted::new(&self.hold),
        };
        self.threads.run(Box::new(move || counted.run()), kind)
    }
}

impl CountedJob {
    fn run(self) {
        let Self { job, _counted } = self;
        job();
    }
}

impl Counted {
    fn new(hold: &Arc<Hold>) -> Self {
        hold.lock().jobs += 1;
        Self(Arc::clone(hold))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Self(hold) = self;
        let is_last = {
            let mut state = hold.lock();
            state.jobs -= 1;
            // Counted out and rung at one moment.
            let is_last = state.jobs == 0;
            state.is_rung |= is_last;
            is_last
        };
        if is_last {
            hold.end_sleep();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use hob_blocking::Inline;

    use super::*;

    const DEADLINE: Instant = Instant::from_nanos(START.as_nanos() + 7);

    /// A seat at which something happens at each look, and that never sleeps.
    struct Eventful<F> {
        parker: Parker,
        at_look: F,
        slept: Arc<Mutex<u32>>,
    }

    impl<F: FnMut(&mut Vec<Waker>) + Send> Park for Eventful<F> {
        fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
            match until {
                Until::Now => (self.at_look)(woken),
                Until::At(_) => panic!("the seat knows no virtual time"),
                Until::Forever => *self.slept.lock().unwrap() += 1,
            }
            self.parker.park(Until::Now, woken);
        }

        fn unparker(&self) -> Arc<dyn Unpark> {
            self.parker.unparker()
        }
    }

    /// A seat on a clock of its own.
    struct Rig {
        clock: VirtualClock,
        seat: Box<dyn Park + Send>,
        threads: Arc<dyn Blocking>,
        slept: Arc<Mutex<u32>>,
    }

    impl Rig {
        fn new(at_look: impl FnMut(&mut Vec<Waker>) + Send + 'static) -> Self {
            let clock = VirtualClock::open(START);
            let slept = Arc::default();
            let seat = Eventful {
                parker: Parker::new(),
                at_look,
                slept: Arc::clone(&slept),
            };
            let (seat, threads) = arrange(clock, Box::new(seat), Arc::new(Kept::default()));
            Self {
                clock,
                seat,
                threads,
                slept,
            }
        }

        /// How far the clock has jumped, and how often there was a real sleep.
        fn park(&mut self) -> (u64, u32) {
            self.seat.park(Until::At(DEADLINE), &mut Vec::new());
            let jumped = self.clock.now() - START;
            (jumped.as_nanos() as u64, *self.slept.lock().unwrap())
        }
    }

    impl Drop for Rig {
        fn drop(&mut self) {
            self.clock.close();
        }
    }

    /// Keeps the last job.
    #[derive(Default)]
    struct Kept(Mutex<Option<Job>>);

    impl Blocking for Kept {
        fn run(&self, job: Job, _kind: JobKind) -> Result<(), Job> {
            let before = self.0.lock().unwrap().replace(job);
            before.map_or(Ok(()), Err)
        }
    }

    /// Of a seat at which nobody sits.
    fn idle() -> Arc<Hold> {
        let parker = Parker::new();
        Arc::new(Hold {
            state: Mutex::new(State::default()),
            seat: parker.unparker(),
            parker: parker.unparker(),
        })
    }

    #[test]
    fn nothing_to_do_is_a_jump() {
        let mut rig = Rig::new(|_| ());
        assert_eq!(rig.park(), (7, 0));
        assert_eq!(rig.park(), (7, 0), "it is there already");
    }

    #[test]
    fn what_a_look_finds_is_no_jump() {
        let mut left = 1;
        let mut rig = Rig::new(move |woken| {
            woken.extend((0..left).map(|_| Waker::noop().clone()));
            left = 0;
        });
        assert_eq!(rig.park(), (0, 0));
        assert_eq!(rig.park(), (7, 0));
    }

    #[test]
    fn a_ring_before_the_look_is_no_jump() {
        let mut rig = Rig::new(|_| ());
        rig.seat.unparker().unpark();
        assert_eq!(rig.park(), (0, 0));
        assert_eq!(rig.park(), (7, 0));
    }

    #[test]
    fn a_ring_during_the_look_is_no_jump() {
        let bell = Arc::new(Mutex::new(None::<Arc<dyn Unpark>>));
        let rings = Arc::clone(&bell);
        let mut rig = Rig::new(move |_| {
            if let Some(bell) = rings.lock().unwrap().take() {
                bell.unpark();
            }
        });
        *bell.lock().unwrap() = Some(rig.seat.unparker());
        assert_eq!(rig.park(), (0, 0));
        assert_eq!(rig.park(), (7, 0));
    }

    #[test]
    fn a_ring_that_ended_a_sleep_is_used_up() {
        let mut rig = Rig::new(|_| ());
        rig.seat.unparker().unpark();
        rig.seat.park(Until::Forever, &mut Vec::new());
        assert_eq!(rig.park(), (7, 1));
    }

    #[test]
    fn a_job_is_a_real_sleep_until_it_is_dropped() {
        let mut rig = Rig::new(|_| ());
        let job: Job = Box::new(|| ());
        assert!(rig.threads.run(job, JobKind::Abandon).is_ok());
        assert_eq!(rig.park(), (0, 1));
        let refused = rig.threads.run(Box::new(|| ()), JobKind::Thread);
        drop(refused.expect_err("there is room for one"));
        assert_eq!(rig.park(), (0, 2), "the last job has not rung");
    }

    #[test]
    fn a_job_that_ends_during_the_look_is_no_jump() {
        let ending = Arc::new(Mutex::new(None::<Arc<dyn Blocking>>));
        let ends = Arc::clone(&ending);
        let mut rig = Rig::new(move |_| {
            // With the threads goes the job that they keep.
            drop(ends.lock().unwrap().take());
        });
        let threads = mem::replace(&mut rig.threads, Arc::new(Inline::new()));
        assert!(threads.run(Box::new(|| ()), JobKind::Thread).is_ok());
        *ending.lock().unwrap() = Some(threads);
        assert_eq!(rig.park(), (0, 0));
        assert_eq!(rig.park(), (7, 0));
    }

    #[test]
    fn a_time_that_has_come_is_no_sleep_though_there_is_a_job() {
        let mut rig = Rig::new(|_| ());
        assert!(rig.threads.run(Box::new(|| ()), JobKind::Thread).is_ok());
        rig.clock.advance_to(DEADLINE);
        assert_eq!(rig.park(), (7, 0));
    }

    #[test]
    fn a_job_is_counted_out_after_it_has_run() {
        let hold = idle();
        let counting = Counting {
            hold: Arc::clone(&hold),
            threads: Arc::new(Inline::new()),
        };
        let seen = Arc::clone(&hold);
        let check = |hold: &Hold, jobs, is_rung| {
            assert_eq!(hold.take_ring(), State { jobs, is_rung });
        };
        let job = move || check(&seen, 1, false);
        assert!(counting.run(Box::new(job), JobKind::Thread).is_ok());
        check(&hold, 0, true);
    }

    #[test]
    fn a_job_that_never_runs_is_counted_out_after_it_was_dropped() {
        struct Seen(Arc<Hold>, Arc<Mutex<Option<State>>>);
        impl Drop for Seen {
            fn drop(&mut self) {
                *self.1.lock().unwrap() = Some(self.0.take_ring());
            }
        }
        let (hold, at_drop) = (idle(), Arc::default());
        let job = Seen(Arc::clone(&hold), Arc::clone(&at_drop));
        let threads = Inline::new();
        threads.close();
        let counting = Counting {
            hold: Arc::clone(&hold),
            threads: Arc::new(threads),
        };
        let refused = counting.run(Box::new(move || drop(job)), JobKind::Thread);
        drop(refused.expect_err("it takes no more jobs"));
        let seen = at_drop.lock().unwrap().take();
        assert_eq!(
            (seen.map(|state| state.jobs), hold.take_ring().jobs),
            (Some(1), 0)
        );
    }

    #[test]
    fn the_counting_threads_keep_the_contract_of_blocking() {
        struct Threads(Arc<hob_blocking::Pool>, Counting);
        impl Blocking for Threads {
            fn run(&self, job: Job, kind: JobKind) -> Result<(), Job> {
                self.1.run(job, kind)
            }
        }
        let open = || {
            let pool = hob_blocking::Pool::builder().max_threads(2);
            let pool = Arc::new(pool.on_unhandled(|_| ()).build().expect("it can be made"));
            let hold = idle();
            let threads = Arc::<hob_blocking::Pool>::clone(&pool);
            Threads(pool, Counting { hold, threads })
        };
        hob_core::conformance::blocking(open, |Threads(pool, counting)| {
            let left = pool.shutdown(std::time::Duration::from_secs(60));
            assert!(left.is_empty(), "{left:?}");
            assert_eq!(counting.hold.take_ring().jobs, 0, "all are counted out");
        });
    }

    #[test]
    fn the_seat_keeps_the_contract_of_park() {
        let clocks = Cell::new(Vec::new());
        hob_core::conformance::park_on(|| {
            let clock = VirtualClock::open(START);
            let mut opened = clocks.take();
            opened.push(clock);
            clocks.set(opened);
            let seat = hob_reactor::default().expect("it can be opened").seat;
            let (seat, _threads) = arrange(clock, seat, Arc::new(Inline::new()));
            (seat, Box::new(move || clock.now()))
        });
        clocks.take().into_iter().for_each(VirtualClock::close);
    }
}
