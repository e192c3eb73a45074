//! Who notices a poll that does not end.
//!
//! A task that blocks its thread, or computes for long, keeps others waiting, and nothing in the
//! program says so. The watchdog is a thread that looks at the [`Pulse`]s of all threads that poll, and
//! reports each poll that has lasted longer than the limit: once, while it still lasts.
//!
//! # Implementation
//!
//! Two looks that see the same odd mark, at least the limit apart, have seen one poll that long. The
//! looks come every half of the limit, so a poll is found before it has lasted one and a half of it.
//! Only the watchdog reads a clock.
//!
//! While the program is idle the watchdog sleeps without a deadline: it does so once a look has found
//! that nothing was polled since the look before, and all threads rest. Whoever leaves its rest says
//! so, and then looks whether the watchdog sleeps; the watchdog says that it sleeps, and then looks
//! whether all rest. Both put a sequentially consistent fence in between, so at least one of them sees
//! what the other did:
//!
//! ```text
//!   thread (`busy`)                     watchdog (`may_sleep`)
//!   awake := true                       asleep := true
//!   fence                               fence
//!   asleep?  then unpark                somebody awake?  then asleep := false, and go on
//! ```
//!
//! So while a thread is awake the watchdog is awake too, or has a token; no wakeup is lost, and a
//! thread that polls says nothing but once after each rest. Between two rests of a busy program, less
//! than a look apart, the watchdog stays awake, and nobody pays for waking it.
//!
//! A report names the task by its slot, and looks at the mark once more before it is sent: the slot
//! was not given to a task of a later poll.
//!
//! One lock says whether the thread has ended. The hook is called under no lock, on the watchdog's own
//! thread: one that takes its time delays the next report and nobody else.

use std::fmt;
use std::io;
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hob_core::context::{self, Local, Role};
use hob_core::panic::{contain, discard};
use hob_core::task::{TaskLabel, Wait};
use hob_core::unhandled::{Unhandled, UnhandledKind};
use hob_core::{Env, Instant, Park, Unpark, Until};

use crate::parker::Parker;
use crate::primitive::{AtomicBool, Condvar, Mutex, Ordering, fence, lock, now};
use crate::pulse::{Pulse, Subject};

/// How long [`Watchdog::stop`] waits for a hook.
const STOP_TIME: Duration = Duration::from_secs(1);

/// Looks are no closer than that, however short the limit is.
const PERIOD_LEAST: Duration = Duration::from_millis(1);

/// The watchdog of one executor. It stops when it is dropped, at the latest.
pub(crate) struct Watchdog {
    bowl: Arc<Bowl>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the watchdog's thread shares with those that it watches.
struct Bowl {
    /// It sleeps without a deadline, or is about to.
    asleep: AtomicBool,
    stopping: AtomicBool,
    unparker: Arc<dyn Unpark>,
    has_ended: Mutex<bool>,
    ended: Condvar,
}

/// What the watchdog's thread does.
struct Sampler {
    /// It keeps no runtime alive.
    env: Weak<Env>,
    limit: Duration,
    pulses: &'static [Pulse],
    seen: Box<[Seen]>,
    /// Nothing was polled between the last two looks.
    quiet: bool,
    parker: Parker,
    bowl: Arc<Bowl>,
}

/// What the looks at one pulse have seen.
struct Seen {
    mark: u64,
    /// When it was first seen.
    since: Instant,
    reported: bool,
}

impl Watchdog {
    /// Starts a watchdog if there is a `limit`. Where its thread cannot be started that is reported, and
    /// the program goes on without.
    pub(crate) fn open(
        env: &Arc<Env>,
        limit: Option<Duration>,
        pulses: &'static [Pulse],
    ) -> Option<Arc<Self>> {
        match Self::start(env, limit?, pulses) {
            Ok(watchdog) => Some(Arc::new(watchdog)),
            Err(error) => {
                let text = format!("its thread could not be started: {error}");
                env.report(&Unhandled::new(UnhandledKind::NoWatchdog, None, &text));
                None
            }
        }
    }

    /// Starts a watchdog that reports polls longer than `limit`.
    fn start(env: &Arc<Env>, limit: Duration, pulses: &'static [Pulse]) -> io::Result<Self> {
        let sampler = Sampler::new(Arc::downgrade(env), limit, pulses);
        let bowl = Arc::clone(&sampler.bowl);
        let thread = thread::Builder::new()
            .name(format!("{}-watchdog", env.parts().name))
            .spawn(move || sampler.run())?;
        Ok(Self {
            bowl,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// The thread that `pulse` belongs to leaves its rest: it may poll from now on.
    ///
    /// It must call this before its first poll, and [`Pulse::rest`] after its last.
    pub(crate) fn busy(&self, pulse: &Pulse) {
        self.bowl.busy(pulse);
    }

    /// Ends the thread, and waits for that.
    ///
    /// It waits a second and no longer: the thread may be in a hook that does not return. Such a hook
    /// itself may call this.
    pub(crate) fn stop(&self) {
        self.bowl.stop();
        let Some(thread) = lock(&self.thread).take() else {
            return;
        };
        if thread.thread().id() == thread::current().id() {
            return;
        }
        if self.bowl.wait_ended(now() + STOP_TIME) {
            thread.join().expect("panics of foreign code are contained");
        }
    }
}

impl Bowl {
    fn busy(&self, pulse: &Pulse) {
        pulse.wake();
        // Pairs with the fence in `may_sleep`; see the module's documentation.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed) {
            self.unparker.unpark();
        }
    }

    fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.unparker.unpark();
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn end(&self) {
        *lock(&self.has_ended) = true;
        self.ended.notify_all();
    }

    /// Waits until the thread has ended; has it, by `deadline`?
    fn wait_ended(&self, deadline: Instant) -> bool {
        let mut has_ended = lock(&self.has_ended);
        while !*has_ended {
            let left = deadline - now();
            if left.is_zero() {
                break;
            }
            has_ended = self
                .ended
                .wait_timeout(has_ended, left)
                .expect("no foreign code runs under hob's locks")
                .0;
        }
        *has_ended
    }
}

impl Sampler {
    fn new(env: Weak<Env>, limit: Duration, pulses: &'static [Pulse]) -> Self {
        let parker = Parker::new();
        let bowl = Arc::new(Bowl {
            asleep: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            unparker: parker.unparker(),
            has_ended: Mutex::new(false),
            ended: Condvar::new(),
        });
        let since = now();
        let seen = |_| Seen {
            mark: 0,
            since,
            reported: false,
        };
        Self {
            env,
            limit,
            pulses,
            seen: pulses.iter().map(seen).collect(),
            quiet: true,
            parker,
            bowl,
        }
    }

    fn run(mut self) {
        // Two periods are no shorter than the limit.
        let period = PERIOD_LEAST.max(self.limit - self.limit / 2);
        while !self.bowl.is_stopping() {
            let until = if self.may_sleep() {
                Until::Forever
            } else {
                Until::at(now() + period)
            };
            self.parker.park(until, &mut Vec::new());
            self.bowl.asleep.store(false, Ordering::Relaxed);
            self.look(now());
        }
        self.bowl.end();
    }

    /// Whether to sleep until somebody is [busy](Bowl::busy).
    fn may_sleep(&self) -> bool {
        if !self.quiet {
            return false;
        }
        self.bowl.asleep.store(true, Ordering::Relaxed);
        // Pairs with the fence in `busy`; see the module's documentation.
        fence(Ordering::SeqCst);
        let all_rest = self.pulses.iter().all(Pulse::rests);
        if !all_rest {
            self.bowl.asleep.store(false, Ordering::Relaxed);
        }
        all_rest
    }

    /// Looks at all pulses, and reports the polls that have lasted too long.
    fn look(&mut self, now: Instant) {
        self.quiet = true;
        for (seen, pulse) in self.seen.iter_mut().zip(self.pulses) {
            let mark = pulse.mark();
            let is_polled = !mark.is_multiple_of(2);
            let lasted = now - seen.since;
            if mark != seen.mark {
                *seen = Seen {
                    mark,
                    since: now,
                    reported: false,
                };
                self.quiet = false;
            } else if is_polled {
                self.quiet = false;
                if !seen.reported && lasted >= self.limit {
                    seen.reported = true;
                    report(&self.env, pulse, mark, lasted);
                }
            }
        }
    }
}

/// Reports the poll with that mark, if it runs still.
fn report(env: &Weak<Env>, pulse: &Pulse, mark: u64, lasted: Duration) {
    // All of it: the runtime's surroundings may go with the last reference here, the hook with them.
    let told = contain(|| {
        let Some(env) = env.upgrade() else { return };
        let Some(running) = pulse.running().filter(|running| running.mark == mark) else {
            return;
        };
        let (label, message) = describe(&env, running.subject, lasted);
        // Once more, after the slot was read.
        if pulse.is_in(mark) {
            let unhandled = Unhandled::new(UnhandledKind::SlowPoll, label.as_ref(), &message);
            context::enter(&Local::new(&env, Role::Guest), || env.report(&unhandled));
        }
    });
    if let Err(payload) = told {
        discard(payload);
    }
}

fn describe(env: &Env, subject: Subject, lasted: Duration) -> (Option<TaskLabel>, String) {
    let lasted = format!("it has lasted {} ms at least", lasted.as_millis());
    match subject {
        Subject::Main(place) => (
            None,
            format!("that of the main future of `block_on` at {place}; {lasted}"),
        ),
        Subject::Task(slot) => match slot.snapshot(env.id()) {
            Some(snapshot) => {
                let text = format!("{lasted}; {}", last_wait(snapshot.wait));
                (Some(snapshot.label), text)
            }
            // The rest of the poll runs destructors, or wakers.
            None => (slot.label(), format!("{lasted}; its future is gone")),
        },
    }
}

fn last_wait(wait: Option<Wait>) -> String {
    match wait {
        Some(wait) => format!("its last wait was {wait}"),
        None => "it has not waited for anything".to_owned(),
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.bowl.stop();
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchdog")
            .field("asleep", &self.bowl.asleep.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::Location;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use hob_core::TaskSlot;
    use hob_core::env::Parts;
    use hob_core::task::Occupant;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);
    /// Far longer than anything here takes.
    const LONG: Duration = Duration::from_secs(60);

    fn pulses(count: usize) -> &'static [Pulse] {
        Box::leak((0..count).map(|_| Pulse::new()).collect())
    }

    /// What the reports say.
    fn env() -> (Arc<Env>, Receiver<String>) {
        let (tell, told) = channel();
        let hook = move |unhandled: &Unhandled<'_>| {
            assert_eq!(unhandled.kind, UnhandledKind::SlowPoll);
            tell.send(unhandled.to_string()).expect("somebody listens");
        };
        (env_with(hook), told)
    }

    fn env_with(hook: impl Fn(&Unhandled<'_>) + Send + Sync + 'static) -> Arc<Env> {
        Arc::new(Env::new(Parts {
            unhandled: Arc::new(hook),
            ..Parts::default()
        }))
    }

    fn task(env: &Env, name: &str) -> &'static TaskSlot {
        let slot: &TaskSlot = Box::leak(Box::default());
        slot.occupy(Occupant {
            label: TaskLabel::new(Some(name.into()), Location::caller()),
            parent: None,
            env: env.id(),
        });
        slot
    }

    fn sampler(env: &Arc<Env>, pulses: &'static [Pulse]) -> Sampler {
        Sampler::new(Arc::downgrade(env), LIMIT, pulses)
    }

    /// The sampler looks at these numbers of milliseconds after an instant.
    fn look_at(sampler: &mut Sampler, begun: Instant, millis: &[u64]) {
        for &millis in millis {
            sampler.look(begun + Duration::from_millis(millis));
        }
    }

    #[test]
    fn a_poll_is_reported_once_it_has_lasted_the_limit() {
        let ((env, told), pulses, begun) = (env(), pulses(2), now());
        let mut sampler = sampler(&env, pulses);
        pulses[1].begin(task(&env, "crunch"));
        look_at(&mut sampler, begun, &[10, 60, 109]);
        assert_eq!(told.try_iter().count(), 0, "99 ms were seen");
        look_at(&mut sampler, begun, &[130, 180, 10_000]);
        let told: Vec<_> = told.try_iter().collect();
        assert_eq!(told.len(), 1, "{told:?}");
        let text = &told[0];
        assert!(text.contains("\"crunch\", spawned at "), "{text}");
        assert!(text.contains("lasted 120 ms at least"), "{text}");
        assert!(text.contains("has not waited for anything"), "{text}");
    }

    #[test]
    fn a_report_says_what_the_task_waited_for_last() {
        let ((env, told), pulses, begun) = (env(), pulses(1), now());
        let (mut sampler, slot) = (sampler(&env, pulses), task(&env, "crunch"));
        slot.record_wait(&"Mutex::lock", Location::caller());
        pulses[0].begin(slot);
        look_at(&mut sampler, begun, &[0, 100]);
        let text = told.try_recv().expect("it is reported");
        assert!(text.contains("last wait was Mutex::lock at "), "{text}");
    }

    #[test]
    fn a_main_future_is_named_by_its_block_on() {
        let ((env, told), pulses, begun) = (env(), pulses(1), now());
        let mut sampler = sampler(&env, pulses);
        let here = Location::caller();
        let _poll = pulses[0].begin_main(here);
        look_at(&mut sampler, begun, &[0, 100]);
        let text = told.try_recv().expect("it is reported");
        assert!(text.contains(&format!("`block_on` at {here}")), "{text}");
    }

    #[test]
    fn many_short_polls_are_not_one_long_poll() {
        let ((env, told), pulses, begun) = (env(), pulses(1), now());
        let (mut sampler, slot) = (sampler(&env, pulses), task(&env, "yield"));
        for look in 0..10 {
            pulses[0].begin(slot);
            look_at(&mut sampler, begun, &[look * 99]);
            pulses[0].end();
        }
        assert_eq!(told.try_iter().count(), 0);
    }

    #[test]
    fn each_long_poll_is_reported() {
        let ((env, told), pulses, begun) = (env(), pulses(1), now());
        let (mut sampler, slot) = (sampler(&env, pulses), task(&env, "crunch"));
        for poll in 0..3 {
            pulses[0].begin(slot);
            look_at(&mut sampler, begun, &[poll * 1000, poll * 1000 + 500]);
            pulses[0].end();
        }
        assert_eq!(told.try_iter().count(), 3);
    }

    #[test]
    fn it_sleeps_only_while_all_rest_and_nothing_was_polled() {
        let ((env, _told), pulses, begun) = (env(), pulses(2), now());
        let (mut sampler, slot) = (sampler(&env, pulses), task(&env, "nap"));
        assert!(sampler.may_sleep(), "nothing has begun");
        sampler.bowl.busy(&pulses[1]);
        assert!(!sampler.may_sleep(), "somebody is awake");
        pulses[1].begin(slot);
        pulses[1].end();
        pulses[1].rest();
        look_at(&mut sampler, begun, &[50]);
        assert!(!sampler.may_sleep(), "there was a poll since the last look");
        look_at(&mut sampler, begun, &[100]);
        assert!(sampler.may_sleep(), "now there was none");
    }

    #[test]
    fn who_gets_busy_wakes_it_once() {
        let ((env, _told), pulses) = (env(), pulses(2));
        let mut sampler = sampler(&env, pulses);
        assert!(sampler.may_sleep());
        sampler.bowl.busy(&pulses[0]);
        assert!(!sampler.bowl.asleep.load(Ordering::Relaxed));
        sampler.parker.park(Until::Forever, &mut Vec::new());
        sampler.bowl.busy(&pulses[1]);
        let soon = now() + Duration::from_millis(5);
        sampler.parker.park(Until::at(soon), &mut Vec::new());
        assert!(now() >= soon, "it was not asleep, and got a token");
    }

    #[test]
    fn it_wakes_up_and_finds_a_poll_that_does_not_end() {
        let ((env, told), pulses) = (env(), pulses(3));
        let limit = Duration::from_millis(10);
        let watchdog = Watchdog::open(&env, Some(limit), pulses).expect("a thread starts");
        for pulse in pulses {
            while !watchdog.bowl.asleep.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            watchdog.busy(pulse);
            pulse.begin(task(&env, "stuck"));
            let text = told.recv_timeout(LONG).expect("it is reported");
            assert!(text.contains("\"stuck\""), "{text}");
            pulse.end();
            pulse.rest();
        }
        watchdog.stop();
        assert_eq!(told.try_iter().count(), 0);
    }

    #[test]
    fn a_stop_waits_until_the_thread_has_ended() {
        let (env, _told) = env();
        for _ in 0..100 {
            let watchdog = Watchdog::open(&env, Some(LIMIT), pulses(1)).expect("a thread starts");
            let left = Arc::downgrade(&watchdog.bowl);
            watchdog.stop();
            drop(watchdog);
            assert_eq!(left.strong_count(), 0, "the thread runs still");
        }
    }

    #[test]
    fn the_last_reference_ends_the_thread() {
        let (env, _told) = env();
        let watchdog = Watchdog::open(&env, Some(LIMIT), pulses(1)).expect("a thread starts");
        let bowl = Arc::clone(&watchdog.bowl);
        drop(watchdog);
        assert!(bowl.wait_ended(now() + LONG));
    }

    #[test]
    fn without_a_limit_there_is_none() {
        let (env, _told) = env();
        assert!(Watchdog::open(&env, None, pulses(1)).is_none());
    }

    #[test]
    fn it_keeps_no_runtime_alive() {
        let ((env, told), pulses) = (env(), pulses(1));
        let slot = task(&env, "stuck");
        let mut sampler = sampler(&env, pulses);
        drop(env);
        pulses[0].begin(slot);
        look_at(&mut sampler, now(), &[0, 1000]);
        assert!(told.recv().is_err(), "the hook is gone with the runtime");
    }

    #[test]
    fn a_hook_that_panics_leaves_it_watching() {
        let (tell, told) = channel();
        let env = env_with(move |_| {
            tell.send(()).expect("somebody listens");
            panic!("the hook");
        });
        let (pulses, begun) = (pulses(1), now());
        let (mut sampler, slot) = (sampler(&env, pulses), task(&env, "crunch"));
        for poll in 0..2 {
            pulses[0].begin(slot);
            look_at(&mut sampler, begun, &[poll * 1000, poll * 1000 + 500]);
            pulses[0].end();
        }
        assert_eq!(told.try_iter().count(), 2);
    }

    #[test]
    fn a_hook_that_does_not_return_ends_no_stop() {
        let (enter, entered) = channel();
        let (leave, left): (Sender<()>, _) = channel();
        let left = Mutex::new(left);
        let env = env_with(move |_| {
            enter.send(()).expect("somebody listens");
            // Until the sender is dropped.
            let _dropped = lock(&left).recv();
        });
        let pulses = pulses(1);
        let limit = Duration::from_millis(1);
        let watchdog = Watchdog::open(&env, Some(limit), pulses).expect("a thread starts");
        watchdog.busy(&pulses[0]);
        pulses[0].begin(task(&env, "stuck"));
        entered.recv_timeout(LONG).expect("it is reported");
        watchdog.stop();
        assert!(!*lock(&watchdog.bowl.has_ended), "it is in the hook");
        drop(leave);
        assert!(watchdog.bowl.wait_ended(now() + LONG));
    }
}

#[cfg(all(test, loom))]
mod models {
    use hob_core::TaskSlot;

    use super::*;
    use crate::primitive::{model, thread};

    #[test]
    fn loom_whoever_gets_busy_is_watched() {
        model(|| {
            let pulses: &'static [Pulse] = Box::leak(Box::new([Pulse::new(), Pulse::new()]));
            let mut sampler = Sampler::new(Weak::new(), Duration::MAX, pulses);
            let bowl = Arc::clone(&sampler.bowl);
            let watchdog = thread::spawn(move || {
                if sampler.may_sleep() {
                    // A token that is lost shows as a deadlock: the poll below does not end before.
                    sampler.parker.park(Until::Forever, &mut Vec::new());
                }
                assert!(pulses.iter().any(|pulse| !pulse.rests()));
            });
            let first = Arc::clone(&bowl);
            let worker = thread::spawn(move || first.busy(&pulses[0]));
            bowl.busy(&pulses[1]);
            watchdog.join().expect("it does not panic");
            worker.join().expect("it does not panic");
        });
    }

    #[test]
    fn loom_who_rested_and_is_busy_again_is_watched() {
        model(|| {
            let pulses: &'static [Pulse] = Box::leak(Box::new([Pulse::new()]));
            let mut sampler = Sampler::new(Weak::new(), Duration::MAX, pulses);
            let bowl = Arc::clone(&sampler.bowl);
            let watchdog = thread::spawn(move || {
                for _ in 0..2 {
                    if sampler.may_sleep() {
                        sampler.parker.park(Until::Forever, &mut Vec::new());
                        sampler.bowl.asleep.store(false, Ordering::Relaxed);
                    }
                }
            });
            bowl.busy(&pulses[0]);
            pulses[0].rest();
            bowl.busy(&pulses[0]);
            watchdog.join().expect("it does not panic");
        });
    }

    #[test]
    fn loom_a_look_sees_the_task_of_the_poll_that_it_sees() {
        model(|| {
            let pulse: &'static Pulse = Box::leak(Box::new(Pulse::new()));
            let slots = [(); 2].map(|()| &*Box::leak(Box::new(TaskSlot::new())));
            let observer = thread::spawn(move || {
                let Some(running) = pulse.running() else {
                    return;
                };
                let expected = match running.mark {
                    1 => slots[0],
                    3 => slots[1],
                    mark => panic!("no poll has the mark {mark}"),
                };
                match running.subject {
                    Subject::Task(slot) => assert!(std::ptr::eq(slot, expected)),
                    Subject::Main(_) => panic!("there is no main future"),
                }
            });
            for slot in slots {
                pulse.begin(slot);
                pulse.end();
            }
            observer.join().expect("it does not panic");
        });
    }
}
