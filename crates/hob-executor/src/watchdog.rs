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

#[cfg(all(test, loom))]
mod loom_models;
#[cfg(all(test, not(loom)))]
mod tests;

/// How long [`Watchdog::stop`] waits for a hook: no longer than a shutdown may be late.
const STOP_TIME: Duration = Duration::from_millis(20);

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
    /// It must call this before its first poll, or as soon as there is a watchdog if that starts later, and
    /// [`Pulse::rest`] after its last.
    pub(crate) fn busy(&self, pulse: &Pulse) {
        self.bowl.busy(pulse);
    }

    /// Ends the thread, and waits for that.
    ///
    /// It waits a moment and no longer: the thread may be in a hook that does not return. Such a hook
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
            if self.bowl.is_stopping() {
                // After a hook that took its time the pulses may be somebody else's.
                return;
            }
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
