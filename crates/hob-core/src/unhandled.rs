//! What went wrong where nobody looks.
//!
//! A panic that nobody joins, a cleanup that was cut, a task that did not end: each reaches the
//! runtime's hook at the moment it happens. The default hook writes a line to standard error.

use std::fmt;
use std::io::{self, Write};
use std::task::Waker;

use crate::context;
use crate::panic::{self, Payload, contain, contain_drop};
use crate::task::TaskLabel;

/// One thing that went wrong and that nobody else will see.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unhandled<'a> {
    /// What it was.
    pub kind: UnhandledKind,
    /// The task it happened in, if any.
    pub task: Option<&'a TaskLabel>,
    /// The panic's message, or what else is known.
    pub message: &'a str,
}

/// The kinds of [`Unhandled`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum UnhandledKind {
    /// A task panicked, and its handle had been dropped, or was dropped without being awaited.
    TaskPanicked,
    /// The destructor of a task's future or output panicked.
    DropPanicked,
    /// A blocking job panicked, and nobody awaits it any more.
    JobPanicked,
    /// A waker, hook or callback panicked.
    CallbackPanicked,
    /// A cleanup panicked.
    CleanupPanicked,
    /// A cleanup was dropped before it ended: its time was up, or nobody took it any more.
    CleanupCut,
    /// The system refused a thread, so a pool has fewer than it was asked for.
    PoolSmaller,
    /// A task or a blocking job did not end before the shutdown's deadline.
    LeftBehind,
    /// A task, or the main future of a one-thread runtime, has been in one poll for longer than the
    /// watchdog's limit: it blocks the thread, or computes without a pause.
    SlowPoll,
    /// The system refused the watchdog its thread: nobody looks for slow polls.
    NoWatchdog,
}

impl<'a> Unhandled<'a> {
    /// Describes what happened.
    #[must_use]
    pub fn new(kind: UnhandledKind, task: Option<&'a TaskLabel>, message: &'a str) -> Self {
        Self {
            kind,
            task,
            message,
        }
    }
}

impl fmt::Display for Unhandled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            UnhandledKind::TaskPanicked => "panicked, and nobody awaited it",
            UnhandledKind::DropPanicked => "panicked in a destructor",
            UnhandledKind::JobPanicked => "ran a blocking job that panicked, and nobody awaited it",
            UnhandledKind::CallbackPanicked => "ran a callback that panicked",
            UnhandledKind::CleanupPanicked => "panicked in a cleanup",
            UnhandledKind::CleanupCut => "had a cleanup that was dropped before it ended",
            UnhandledKind::PoolSmaller => "has a smaller pool than it was asked for",
            UnhandledKind::LeftBehind => "did not end before the shutdown's deadline",
            UnhandledKind::SlowPoll => "is in a poll that does not end",
            UnhandledKind::NoWatchdog => "has no watchdog",
        };
        match self.task {
            Some(task) => write!(f, "hob: {task}, {what}")?,
            None => write!(f, "hob: the runtime {what}")?,
        }
        if self.message.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.message)
        }
    }
}

/// Tells the hook of the runtime that this thread is in, or else [prints](print()) it.
pub fn report(unhandled: &Unhandled<'_>) {
    match context::env() {
        Some(env) => env.report(unhandled),
        None => print(unhandled),
    }
}

/// Reports a panic that was contained, if there was one, and drops what it carried.
pub fn report_panic(kind: UnhandledKind, contained: Result<(), Payload>) {
    if let Err(payload) = contained {
        report(&Unhandled::new(kind, None, panic::message(&payload)));
        panic::discard(payload);
    }
}

/// Wakes. A waker is foreign code: when it panics that is reported, and goes no further.
pub fn wake(waker: Waker) {
    report_panic(UnhandledKind::CallbackPanicked, contain(|| waker.wake()));
}

/// Drops a waker that is not needed any more, if there is one. When its destructor panics that is
/// reported, and goes no further: whoever drops it may hold what was granted to it.
pub fn drop_waker(waker: impl Into<Option<Waker>>) {
    if let Some(waker) = waker.into() {
        report_panic(UnhandledKind::CallbackPanicked, contain_drop(waker));
    }
}

/// Wakes all of `woken` and leaves it empty; one that panics keeps no other asleep.
pub fn wake_all(woken: &mut Vec<Waker>) {
    woken.drain(..).for_each(wake);
}

/// The default hook: a line on standard error.
pub fn print(unhandled: &Unhandled<'_>) {
    let line = format!("{unhandled}\n");
    // When standard error is gone there is nobody left to tell.
    let _gone = io::stderr().write_all(line.as_bytes());
}
