//! Threads for what must block: [`Pool`].

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use hob_core::{Blocking, Job, JobKind};

use crate::builder::{Builder, Settings};
use crate::crew::Crew;

/// Threads for what must block: as many as are needed, up to a limit, and no longer than needed.
///
/// A thread is started when a job comes and no thread is idle. The thread that went idle last gets
/// the next job; one that has had none for [`keep_alive`](Builder::keep_alive) exits.
///
/// The line before the threads has no limit of its own; see [`statistics`](Self::statistics).
///
/// Dropping a pool is [`shutdown`](Self::shutdown) that does not wait: jobs in line are dropped, and
/// threads end after the job they run. It may happen anywhere, also in a job of the pool.
///
/// # Examples
///
/// ```
/// # use std::{sync::mpsc, time::Duration};
/// # use hob_blocking::Pool;
/// # use hob_core::{Blocking, JobKind};
/// let pool = Pool::default();
/// let (sender, receiver) = mpsc::channel();
/// let job = Box::new(move || sender.send("done").expect("somebody listens"));
/// assert!(pool.run(job, JobKind::Thread).is_ok());
/// assert_eq!(receiver.recv(), Ok("done"));
/// assert!(pool.shutdown(Duration::from_secs(5)).is_empty());
/// ```
pub struct Pool {
    crew: Arc<Crew>,
}

/// A job that was still running when a shutdown stopped waiting for it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeftBehind {
    /// What it is; those of [`JobKind::Abandon`] were not waited for.
    pub kind: JobKind,
    /// Where [`to_thread`](crate::to_thread) was called; unknown for jobs from elsewhere.
    pub place: Option<&'static Location<'static>>,
    /// How long it has been running.
    pub running_for: Duration,
}

/// A snapshot of a [`Pool`], for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PoolStatistics {
    /// How many threads there are, with those that are being started.
    pub threads: usize,
    /// How many of them wait for a job.
    pub threads_idle: usize,
    /// How many there may be.
    pub threads_max: usize,
    /// How many jobs wait for a thread.
    pub jobs_queued: usize,
    /// How many jobs run.
    pub jobs_running: usize,
    /// How many jobs have ended, those that panicked included.
    pub jobs_done: u64,
    /// How many jobs have panicked.
    pub jobs_panicked: u64,
    /// How often a thread could not be started.
    pub starts_failed: u64,
    /// Why it could not, the last time.
    pub start_error: Option<io::ErrorKind>,
}

impl Pool {
    /// Starts to describe a pool.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            crew: Crew::new(settings),
        }
    }

    /// Takes no more jobs, drops those in line unrun, waits for those that run, and says which are
    /// left.
    ///
    /// The list starts with the job that has been running for longest.
    ///
    /// It waits at the longest for `within`, [`Duration::MAX`] being for ever, and not at all for
    /// jobs of [`JobKind::Abandon`]. It waits for the threads without a job as well, which end at once.
    /// When it returns nothing, no other job runs; a thread that had not come round to ending when the
    /// time was over is still counted in [`statistics`](Self::statistics).
    ///
    /// In a job of this very pool it does not wait, and does not list that job. It may be called
    /// again, to wait for longer.
    pub fn shutdown(&self, within: Duration) -> Vec<LeftBehind> {
        self.crew.close();
        self.crew.await_end(within)
    }

    /// Returns what the threads do, and what has been done.
    #[must_use]
    pub fn statistics(&self) -> PoolStatistics {
        self.crew.statistics()
    }
}

impl Blocking for Pool {
    fn run(&self, job: Job, kind: JobKind) -> Result<(), Job> {
        self.crew.push(job, kind)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.crew.close();
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pool = f.debug_struct("Pool");
        pool.field("name", &self.crew.name());
        // A dump must not wait.
        match self.crew.try_statistics() {
            Some(statistics) => pool.field("statistics", &statistics),
            None => pool.field("statistics", &format_args!("<locked>")),
        };
        pool.finish()
    }
}

impl fmt::Display for LeftBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a blocking job")?;
        if let Some(place) = self.place {
            write!(f, " from {place}")?;
        }
        write!(f, ", running for {:?}", self.running_for)
    }
}
