//! What a shutdown could not end.

use std::fmt;

#[doc(inline)]
pub use hob_blocking::LeftBehind as LeftJob;
#[doc(inline)]
pub use hob_core::fork::Inherited;
#[doc(inline)]
pub use hob_task::LeftBehind as LeftTask;

/// What was still running when a shutdown's deadline passed; empty as a rule.
///
/// Each of these was also told to the runtime's hook for what goes unhandled.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Tasks and blocking jobs that did not end, with the places where they were started.
    pub left_behind: Vec<LeftBehind>,
    /// Workers that did not end: each is in a poll that does not return.
    pub workers_stuck: usize,
    /// Whose the runtime is, if this process was forked from its own: nothing was shut down then.
    pub inherited: Option<Inherited>,
}

/// A task or a blocking job that did not end.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LeftBehind {
    /// A task.
    Task(LeftTask),
    /// A blocking job.
    Job(LeftJob),
}

impl ShutdownReport {
    /// Returns `true` if everything has ended.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.left_behind.is_empty() && self.workers_stuck == 0 && self.inherited.is_none()
    }

    /// Nothing was shut down: the runtime is another process's.
    pub(crate) fn of_inherited(inherited: Inherited) -> Self {
        Self {
            inherited: Some(inherited),
            ..Self::default()
        }
    }
}

impl fmt::Display for LeftBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(left) => write!(f, "{}", left.task),
            Self::Job(left) => write!(f, "{left}"),
        }
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("everything has ended");
        }
        let mut parts: Vec<String> = self
            .left_behind
            .iter()
            .map(|left| format!("{left}, did not end"))
            .collect();
        match self.workers_stuck {
            0 => {}
            1 => parts.push("one worker is stuck".to_owned()),
            many => parts.push(format!("{many} workers are stuck")),
        }
        parts.extend(self.inherited.map(|inherited| inherited.to_string()));
        f.write_str(&parts.join("; "))
    }
}
