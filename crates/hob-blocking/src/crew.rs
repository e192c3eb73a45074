//! The threads of a pool, and the line of jobs before them.
//!
//! # Implementation
//!
//! One lock guards everything. Jobs, hooks and the start of threads are foreign code or system calls
//! and happen outside it. Each idle thread waits on a condition variable of its own, its *bell*, and
//! the bells lie on a stack: the thread that went idle last is called first, so that those at the
//! bottom grow old and exit although there is some work all the time.
//!
//! A job that was taken into the line has somebody who will look at the line after it came:
//!
//! - a thread that was called, and has left the stack of bells for it;
//! - or the thread that was started for it;
//! - or, if that failed or there were as many threads as allowed, any thread that runs. A thread
//!   exits only with an empty line, and counts itself out before it gives up the lock in which it saw
//!   that.
//!
//! While all threads are only being started, nobody knows whether any of them will ever run. A push
//! that would have to rely on them waits for the first result.
//!
//! # References
//!
//! - Tokio's issue 8056, <https://github.com/tokio-rs/tokio/issues/8056>: jobs left in the line by a
//!   pool that decided in two steps that a thread may go.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::mem;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use hob_core::panic::{self, Payload, contain, contain_drop, discard};
use hob_core::unhandled::{Unhandled, UnhandledKind};
use hob_core::{Instant, Job, JobKind};

use crate::builder::Settings;
use crate::pool::{LeftBehind, PoolStatistics};
use crate::primitive::{
    Condvar, Mutex, ThreadId, WaitEnd, current_thread, lock, per_thread, wait, wait_until,
};
use crate::verdict;

per_thread! {
    /// The crew that this thread is a member of.
    static CREW: RefCell<Option<Arc<Crew>>> = const { RefCell::new(None) };
}

pub(crate) struct Crew {
    settings: Settings,
    state: Mutex<State>,
    /// Rung when the start of a thread has succeeded or failed.
    started: Condvar,
    /// Rung when a thread ends after the line was closed.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    line: VecDeque<Queued>,
    /// The bells of idle threads. A thread that is called has been taken off.
    idle: Vec<Arc<Condvar>>,
    running: HashMap<ThreadId, Running>,
    /// Threads, with those that are being started.
    threads: usize,
    /// Calls of the spawner that have not returned.
    starting: usize,
    jobs_taken: u64,
    jobs_done: u64,
    jobs_panicked: u64,
    threads_started: u64,
    starts_failed: u64,
    start_error: Option<io::ErrorKind>,
}

struct Queued {
    ticket: u64,
    job: Job,
    kind: JobKind,
}

struct Running {
    kind: JobKind,
    since: Instant,
    place: Option<&'static Location<'static>>,
}

/// A thread's membership, which ends with it, or with the attempt to start it.
struct Member {
    crew: Arc<Crew>,
    counted: bool,
}

impl Crew {
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            settings,
            state: Mutex::new(State::default()),
            started: Condvar::new(),
            ended: Condvar::new(),
        })
    }

    /// Takes a job into the line, and sees to it that somebody will look.
    pub(crate) fn push(self: &Arc<Self>, job: Job, kind: JobKind) -> Result<(), Job> {
        let max_threads = self.settings.max_threads;
        let mut state = lock(&self.state);
        while !state.closed && state.threads >= max_threads && state.alive() == 0 {
            state = wait(&self.started, state);
        }
        if state.closed {
            return Err(job);
        }
        let ticket = state.take_in(job, kind);
        if let Some(bell) = state.idle.pop() {
            drop(state);
            bell.notify_one();
        } else if state.threads < max_threads {
            state.threads += 1;
            state.starting += 1;
            state.threads_started += 1;
            let number = state.threads_started;
            drop(state);
            return self.start_for(ticket, number);
        }
        Ok(())
    }

    /// Starts a thread for a job that is in the line. The job comes back if there is no other thread
    /// to run it either.
    fn start_for(self: &Arc<Self>, ticket: u64, number: u64) -> Result<(), Job> {
        let name = format!("{}-blocking-{number}", self.settings.name);
        let member = Member {
            crew: Arc::clone(self),
            counted: true,
        };
        // A closure that is dropped unrun counts the thread out.
        let main = Box::new(move || member.work());
        let result = contain(|| (self.settings.spawner)(&name, main));
        let error = match result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.kind()),
            Err(payload) => {
                self.report(UnhandledKind::CallbackPanicked, payload);
                Some(io::ErrorKind::Other)
            }
        };
        let mut state = lock(&self.state);
        state.starting -= 1;
        let mut refused = None;
        if error.is_some() {
            state.starts_failed += 1;
            state.start_error = error;
            if state.alive() == 0 {
                refused = state.take_back(ticket);
            }
        }
        drop(state);
        self.started.notify_all();
        refused.map_or(Ok(()), Err)
    }

    /// Runs a job that [`Member::next`] took out of the line.
    fn execute(&self, job: Job) {
        let result = contain(job);
        let panicked = verdict::take_panic() || result.is_err();
        if let Err(payload) = result {
            self.report(UnhandledKind::JobPanicked, payload);
        }
        let mut state = lock(&self.state);
        state.running.remove(&current_thread());
        state.jobs_done += 1;
        state.jobs_panicked += u64::from(panicked);
    }

    /// Takes no more jobs, drops those in line unrun, and lets idle threads go.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let line = mem::take(&mut state.line);
        let idle = mem::take(&mut state.idle);
        drop(state);
        self.started.notify_all();
        for bell in idle {
            bell.notify_one();
        }
        for queued in line {
            if let Err(payload) = contain_drop(queued.job) {
                self.report(UnhandledKind::DropPanicked, payload);
            }
        }
    }

    /// Waits, after [`close`](Self::close), until no thread is left but those that run jobs which
    /// are abandoned. A member of the crew does not wait at all: it would wait for itself.
    pub(crate) fn await_end(&self, within: Duration) -> Vec<LeftBehind> {
        let deadline = Instant::system() + within;
        let this_thread = current_thread();
        let mut state = lock(&self.state);
        if !state.running.contains_key(&this_thread) {
            let mut end = WaitEnd::Woken;
            while end == WaitEnd::Woken && state.awaited() > 0 {
                (state, end) = wait_until(&self.ended, &self.state, state, deadline);
            }
        }
        let now = Instant::system();
        let mut left: Vec<_> = state
            .running
            .iter()
            .filter(|(thread, _)| **thread != this_thread)
            .map(|(_, running)| LeftBehind {
                kind: running.kind,
                place: running.place,
                running_for: now - running.since,
            })
            .collect();
        drop(state);
        left.sort_by_key(|job| Reverse(job.running_for));
        left
    }

    pub(crate) fn statistics(&self) -> PoolStatistics {
        self.statistics_of(&lock(&self.state))
    }

    /// The same, for dumps that must not wait.
    pub(crate) fn try_statistics(&self) -> Option<PoolStatistics> {
        let state = self.state.try_lock().ok()?;
        Some(self.statistics_of(&state))
    }

    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    fn statistics_of(&self, state: &State) -> PoolStatistics {
        PoolStatistics {
            threads: state.threads,
            threads_idle: state.idle.len(),
            threads_max: self.settings.max_threads,
            jobs_queued: state.line.len(),
            jobs_running: state.running.len(),
            jobs_done: state.jobs_done,
            jobs_panicked: state.jobs_panicked,
            starts_failed: state.starts_failed,
            start_error: state.start_error,
        }
    }

    fn report(&self, kind: UnhandledKind, payload: Payload) {
        let unhandled = Unhandled::new(kind, None, panic::message(&payload));
        let told = contain(|| (self.settings.unhandled)(&unhandled));
        discard(payload);
        // A hook that panics is not told of that.
        if let Err(second) = told {
            discard(second);
        }
    }
}

impl State {
    /// Threads of which it is certain that they run; too few, never too many.
    fn alive(&self) -> usize {
        self.threads.saturating_sub(self.starting)
    }

    /// Threads that a shutdown waits for.
    fn awaited(&self) -> usize {
        let abandoned = |running: &&Running| running.kind == JobKind::Abandon;
        self.threads - self.running.values().filter(abandoned).count()
    }

    fn take_in(&mut self, job: Job, kind: JobKind) -> u64 {
        let ticket = self.jobs_taken;
        self.jobs_taken += 1;
        self.line.push_back(Queued { ticket, job, kind });
        ticket
    }

    /// Takes a job out again, unless somebody runs or dropped it.
    fn take_back(&mut self, ticket: u64) -> Option<Job> {
        let index = self
            .line
            .iter()
            .position(|queued| queued.ticket == ticket)?;
        self.line.remove(index).map(|queued| queued.job)
    }
}

impl Member {
    /// What a thread does: jobs, until there are none for long, or none ever again.
    fn work(mut self) {
        CREW.with(|crew| crew.replace(Some(Arc::clone(&self.crew))));
        let bell = Arc::new(Condvar::new());
        while let Some(job) = self.next(&bell) {
            self.crew.execute(job);
        }
        let crew = CREW.with(RefCell::take);
        drop(crew);
    }

    fn next(&mut self, bell: &Arc<Condvar>) -> Option<Job> {
        let mut state = lock(&self.crew.state);
        loop {
            if let Some(queued) = state.line.pop_front() {
                let running = Running {
                    kind: queued.kind,
                    since: Instant::system(),
                    place: None,
                };
                state.running.insert(current_thread(), running);
                return Some(queued.job);
            }
            if state.closed {
                break;
            }
            state.idle.push(Arc::clone(bell));
            let deadline = Instant::system() + self.crew.settings.keep_alive;
            let mut end = WaitEnd::Woken;
            // On the stack: nobody has called.
            while let Some(index) = position(&state.idle, bell) {
                if end == WaitEnd::Expired {
                    state.idle.remove(index);
                    break;
                }
                (state, end) = wait_until(bell, &self.crew.state, state, deadline);
            }
            if end == WaitEnd::Expired && state.line.is_empty() {
                break;
            }
        }
        // In the lock in which the line was seen empty: a push that comes next must not rely on us.
        state.threads -= 1;
        self.counted = false;
        let closed = state.closed;
        drop(state);
        if closed {
            self.crew.ended.notify_all();
        }
        None
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.counted {
            lock(&self.crew.state).threads -= 1;
            self.crew.ended.notify_all();
        }
    }
}

/// Says where the job was made that this thread runs; the first word counts, for jobs that are run
/// inside jobs.
pub(crate) fn label_job(place: &'static Location<'static>) {
    let crew = CREW.with(|crew| crew.borrow().clone());
    if let Some(crew) = crew
        && let Some(running) = lock(&crew.state).running.get_mut(&current_thread())
    {
        running.place.get_or_insert(place);
    }
}

fn position(idle: &[Arc<Condvar>], bell: &Arc<Condvar>) -> Option<usize> {
    idle.iter().rposition(|other| Arc::ptr_eq(other, bell))
}
