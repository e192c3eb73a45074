//! What a workload is, and what a run of it says.
//!
//! A [`Workload`] has a name in a family, a unit, and contestants; [`Workload::run`] runs it once, in
//! this process, for one of them. A run checks its own answer: a wrong one is a [`Missed::Failed`],
//! never a figure.

use std::fmt;
use std::io;
use std::time::Duration;

/// What a run of a workload for one contestant does.
pub(crate) type Run = Box<dyn Fn(&str, Size) -> Outcome>;

/// How a run ended.
pub(crate) type Outcome = Result<Measured, Missed>;

/// One row of the table.
pub(crate) struct Workload {
    /// The family, a word: `exec`.
    pub(crate) family: &'static str,
    /// The name within the family, a word: `spawn_join`.
    pub(crate) name: &'static str,
    /// What a figure counts: `ns`, `us`, `B`, `calls`.
    pub(crate) unit: &'static str,
    /// Who takes part: `hob_mt`, `tokio_ct`, `floor`, `raw_at:kanal` ...
    pub(crate) contestants: Vec<&'static str>,
    /// Runs it once for the named contestant.
    pub(crate) run: Run,
}

/// How long a run takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Size {
    /// A few milliseconds: only to see that it still works.
    Smoke,
    /// About 75 ms, and 180 ms over sockets.
    Quick,
    /// About 400 ms, and 600 ms over sockets.
    Full,
}

/// What one run measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    /// The figure, in the workload's unit.
    pub(crate) value: f64,
    /// Further figures by name: `p99`.
    pub(crate) extras: Vec<(&'static str, f64)>,
    /// Where the threads landed, for a workload whose figure is void unless they always land alike.
    pub(crate) placed: Option<&'static str>,
}

/// Why a run has no figure.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Missed {
    /// It cannot run here, for a reason that is nobody's fault: `strace is not installed`.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "who needs it takes part on Linux only")
    )]
    Skipped(String),
    /// It went wrong: the answer, a call to the system, a process that died.
    Failed(String),
}

impl Workload {
    /// A workload that nobody takes part in yet.
    pub(crate) fn new(family: &'static str, name: &'static str, unit: &'static str) -> Self {
        Self {
            family,
            name,
            unit,
            contestants: Vec::new(),
            run: Box::new(|contestant, _| {
                Err(Missed::Failed(format!("`{contestant}` takes no part")))
            }),
        }
    }

    /// Adds a contestant, and what runs the workload for it.
    pub(crate) fn add(
        mut self,
        contestant: &'static str,
        run: impl Fn(Size) -> Outcome + 'static,
    ) -> Self {
        let others = self.run;
        self.contestants.push(contestant);
        self.run = Box::new(move |name, size| {
            if name == contestant {
                run(size)
            } else {
                others(name, size)
            }
        });
        self
    }
}

impl Size {
    /// How long to measure.
    pub(crate) const fn window(self) -> Duration {
        match self {
            Self::Smoke => Duration::from_millis(1),
            Self::Quick => Duration::from_millis(60),
            Self::Full => Duration::from_millis(350),
        }
    }

    /// How long to warm up before.
    pub(crate) const fn warm_up(self) -> Duration {
        match self {
            Self::Smoke => Duration::ZERO,
            Self::Quick => Duration::from_millis(15),
            Self::Full => Duration::from_millis(60),
        }
    }

    /// One of three numbers, for what is counted and not timed.
    pub(crate) const fn pick(self, smoke: usize, quick: usize, full: usize) -> usize {
        match self {
            Self::Smoke => smoke,
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

impl Measured {
    /// A figure alone.
    pub(crate) const fn new(value: f64) -> Self {
        Self {
            value,
            extras: Vec::new(),
            placed: None,
        }
    }

    /// Adds a further figure.
    pub(crate) fn extra(mut self, name: &'static str, value: f64) -> Self {
        self.extras.push((name, value));
        self
    }

    /// Says where the threads landed.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "who needs it takes part on Linux only")
    )]
    pub(crate) const fn placed(mut self, place: &'static str) -> Self {
        self.placed = Some(place);
        self
    }
}

impl From<io::Error> for Missed {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workload")
            .field("family", &self.family)
            .field("name", &self.name)
            .field("unit", &self.unit)
            .field("contestants", &self.contestants)
            .finish_non_exhaustive()
    }
}

/// Fails unless a run's answer is the right one.
pub(crate) fn expect<T: PartialEq + fmt::Debug>(
    what: &str,
    found: T,
    expected: T,
) -> Result<(), Missed> {
    if found == expected {
        return Ok(());
    }
    Err(Missed::Failed(format!(
        "{what}: {found:?}, expected {expected:?}"
    )))
}
