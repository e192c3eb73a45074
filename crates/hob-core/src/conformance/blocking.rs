//! The suite of [`Blocking`].

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::blocking::{Blocking, Job, JobKind};

/// Checks the contract of [`Blocking`] on what `make` makes.
///
/// `shut_down` shuts one down and waits for its running jobs. Each implementation is told of a few
/// panics.
///
/// # Panics
///
/// With the sentence of the contract that was broken.
///
/// # Examples
///
/// ```
/// use hob_core::conformance;
/// use hob_core::{Blocking, Job, JobKind};
///
/// /// Never takes a job, which is allowed.
/// struct Refuser;
/// impl Blocking for Refuser {
///     fn run(&self, job: Job, _kind: JobKind) -> Result<(), Job> {
///         Err(job)
///     }
/// }
/// conformance::blocking(|| Refuser, |_| ());
/// ```
pub fn blocking<B: Blocking + 'static>(make: impl Fn() -> B, shut_down: impl Fn(&B)) {
    runs_each_accepted_job_once(&make(), &shut_down);
    survives_a_panic(&make(), &shut_down);
    takes_jobs_from_jobs(Arc::new(make()), &shut_down);
    runs_or_drops_at_shutdown(make(), &shut_down);
    gives_the_job_back_after_shutdown(&make(), &shut_down);
}

const PATIENCE: Duration = Duration::from_secs(60);

fn runs_each_accepted_job_once<B: Blocking>(blocking: &B, shut_down: impl Fn(&B)) {
    let (sender, fates) = channel();
    let accepted = submit(blocking, 0..100, &sender);
    drop(sender);
    let mut ran = settled(&fates, &accepted);
    shut_down(blocking);
    ran.sort_unstable();
    let expected: Vec<_> = accepted.iter().map(|&number| (number, Fate::Ran)).collect();
    assert_eq!(
        ran, expected,
        "each job that was accepted runs exactly once"
    );
}

fn survives_a_panic<B: Blocking>(blocking: &B, shut_down: impl Fn(&B)) {
    for _ in 0..3 {
        let (sender, fates) = channel();
        // No message of std's panic hook: the panic is no news.
        let panics = Box::new(|| resume_unwind(Box::new("a panic of the suite")));
        drop(blocking.run(panics, JobKind::Thread));
        let accepted = submit(blocking, 0..3, &sender);
        drop(sender);
        let ran = settled(&fates, &accepted);
        assert_eq!(
            ran.len(),
            accepted.len(),
            "jobs run after a job that panics"
        );
    }
    shut_down(blocking);
}

fn takes_jobs_from_jobs<B: Blocking + 'static>(blocking: Arc<B>, shut_down: impl Fn(&B)) {
    let (sender, fates) = channel();
    let outer = Probe::new(0, sender.clone());
    let inside = Arc::clone(&blocking);
    let job: Job = Box::new(move || {
        submit(&*inside, 1..4, &outer.fates);
        outer.run();
    });
    if blocking.run(job, JobKind::Thread).is_ok() {
        drop(sender);
        let mut ran = settled(&fates, &[0, 1, 2, 3]);
        ran.sort_unstable();
        let expected = [0, 1, 2, 3].map(|number| (number, Fate::Ran));
        assert_eq!(ran, expected, "a job that a job brought runs too");
    }
    shut_down(&blocking);
}

fn runs_or_drops_at_shutdown<B: Blocking>(blocking: B, shut_down: impl Fn(&B)) {
    let (sender, fates) = channel();
    let accepted = submit(&blocking, 0..100, &sender);
    shut_down(&blocking);
    drop(sender);
    let mut settled: Vec<_> = settled(&fates, &accepted)
        .iter()
        .map(|(number, _)| *number)
        .collect();
    settled.sort_unstable();
    assert_eq!(
        settled, accepted,
        "at shutdown each job is run or dropped, and not both"
    );
    drop(blocking);
}

fn gives_the_job_back_after_shutdown<B: Blocking>(blocking: &B, shut_down: impl Fn(&B)) {
    shut_down(blocking);
    let (sender, fates) = channel();
    let probe = Probe::new(0, sender);
    let returned = blocking.run(Box::new(move || probe.run()), JobKind::Thread);
    let Err(job) = returned else {
        panic!("a job is given back after shutdown, not accepted");
    };
    assert!(
        fates.try_recv().is_err(),
        "a job that is given back has neither run nor been dropped"
    );
    job();
    assert_eq!(
        settled(&fates, &[0]),
        [(0, Fate::Ran)],
        "the job that is given back is the one that was brought"
    );
}

/// Brings a job for each number; returns the numbers of those that were accepted.
fn submit<B: Blocking>(
    blocking: &B,
    numbers: impl Iterator<Item = usize>,
    fates: &Sender<(usize, Fate)>,
) -> Vec<usize> {
    let is_accepted = |number: &usize| {
        let probe = Probe::new(*number, fates.clone());
        let job: Job = Box::new(move || probe.run());
        blocking.run(job, JobKind::Thread).is_ok()
    };
    numbers.filter(is_accepted).collect()
}

/// Waits until every job is gone; returns the fates of those that were accepted.
fn settled(fates: &Receiver<(usize, Fate)>, accepted: &[usize]) -> Vec<(usize, Fate)> {
    let mut settled = Vec::new();
    loop {
        match fates.recv_timeout(PATIENCE) {
            Ok((number, fate)) if accepted.contains(&number) => settled.push((number, fate)),
            Ok(_refused) => {}
            Err(RecvTimeoutError::Disconnected) => return settled,
            Err(RecvTimeoutError::Timeout) => {
                panic!("each job that was accepted runs, or is dropped at shutdown")
            }
        }
    }
}

/// What became of a job.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fate {
    Ran,
    DroppedUnrun,
}

/// What a job owns: it tells its fate.
struct Probe {
    number: usize,
    fates: Sender<(usize, Fate)>,
    ran: bool,
}

impl Probe {
    fn new(number: usize, fates: Sender<(usize, Fate)>) -> Self {
        Self {
            number,
            fates,
            ran: false,
        }
    }

    fn run(mut self) {
        self.ran = true;
        self.tell(Fate::Ran);
    }

    fn tell(&self, fate: Fate) {
        // A suite that has failed no longer listens.
        let _gone = self.fates.send((self.number, fate));
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if !self.ran {
            self.tell(Fate::DroppedUnrun);
        }
    }
}
