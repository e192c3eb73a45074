//! The seam between futures and the threads that may block.

/// Work for a thread that may block.
pub type Job = Box<dyn FnOnce() + Send + 'static>;

/// What a job is, which decides how long a shutdown waits for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum JobKind {
    /// A closure of `to_thread`: a shutdown waits for it, up to its deadline.
    Thread,
    /// Something that may hang for long and loses nothing when it is left behind: name look-ups,
    /// reads from a terminal.
    Abandon,
}

/// Where blocking jobs run: a pool of threads, or the caller's own thread in a simulation.
///
/// # Contract
///
/// Implementations must
///
/// - run each job that was accepted exactly once, or drop it unrun at shutdown;
/// - survive a job that panics;
/// - give the job back once they are shut down, instead of losing it.
pub trait Blocking: Send + Sync {
    /// Queues `job`.
    ///
    /// # Errors
    ///
    /// The job, when it can never run: the pool has been shut down, or no thread could be started
    /// and none runs.
    fn run(&self, job: Job, kind: JobKind) -> Result<(), Job>;
}
