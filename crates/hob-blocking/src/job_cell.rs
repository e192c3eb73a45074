//! What a job and whoever awaits it share: the closure first, its result later.
//!
//! # Implementation
//!
//! The closure lies here and not in the pool's line, which holds an empty shell, the [`Runner`]. So
//! a future that is dropped takes the closure, and all that it owns, with it at once.
//!
//! ```text
//!   Queued ──start──► Running ──finish──► Finished ──poll──► Gone
//!     │                  │                    │               ▲
//!     │                  └────── abandon ─────┴───────────────┤
//!     ├───────────────────────── abandon ─────────────────────┘
//!     └─ never_ran ─► Finished(Cancelled)
//! ```
//!
//! One lock guards the state. The closure, its result and the waker are foreign: they are moved out
//! and called or dropped after the lock is released, behind a wall that no panic passes.

use std::fmt;
use std::mem;
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hob_core::Env;
use hob_core::context::{self, Local, Role};
use hob_core::panic::{self, Payload, contain, contain_drop, discard};
use hob_core::unhandled::{self, Unhandled, UnhandledKind};

use crate::crew;
use crate::error::BlockingError;
use crate::primitive::{Mutex, lock};
use crate::verdict;

pub(crate) type Work<T> = Box<dyn FnOnce() -> T + Send>;

pub(crate) struct JobCell<T> {
    place: &'static Location<'static>,
    /// The surroundings of whoever made the job.
    env: Option<Arc<Env>>,
    state: Mutex<State<T>>,
}

enum State<T> {
    /// Nobody has started it.
    Queued(Work<T>, Option<Waker>),
    /// A thread runs it, outside the lock.
    Running(Option<Waker>),
    /// Its result waits.
    Finished(Result<T, BlockingError>),
    /// The result was taken, or nobody wants it.
    Gone,
}

/// The job that a pool gets. Run or dropped, it settles its cell.
pub(crate) struct Runner<T>(Option<Arc<JobCell<T>>>);

impl<T> JobCell<T> {
    pub(crate) fn new(
        work: Work<T>,
        env: Option<Arc<Env>>,
        place: &'static Location<'static>,
    ) -> Arc<Self> {
        Arc::new(Self {
            place,
            env,
            state: Mutex::new(State::Queued(work, None)),
        })
    }

    pub(crate) const fn env(&self) -> Option<&Arc<Env>> {
        self.env.as_ref()
    }

    pub(crate) const fn place(&self) -> &'static Location<'static> {
        self.place
    }

    /// Takes the result, or files the waker. `Ready(None)` once it was taken.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Option<Result<T, BlockingError>>> {
        let mut waker = Some(cx.waker().clone());
        let mut state = lock(&self.state);
        let poll = match &mut *state {
            State::Queued(_, filed) | State::Running(filed) => {
                mem::swap(filed, &mut waker);
                Poll::Pending
            }
            State::Finished(_) | State::Gone => match mem::replace(&mut *state, State::Gone) {
                State::Finished(result) => Poll::Ready(Some(result)),
                _ => Poll::Ready(None),
            },
        };
        drop(state);
        // `waker`, or the one that it displaced, goes last.
        self.drop_waker(waker);
        poll
    }

    /// Nobody wants the result: a job that has not started never will.
    pub(crate) fn abandon(&self) {
        let before = mem::replace(&mut *lock(&self.state), State::Gone);
        match before {
            State::Queued(work, waker) => {
                self.drop_contained(work);
                self.drop_waker(waker);
            }
            State::Running(waker) => self.drop_waker(waker),
            State::Finished(result) => self.drop_result(result),
            State::Gone => {}
        }
    }

    /// What the job is doing, for dumps; `None` while that is changing.
    pub(crate) fn describe(&self) -> Option<&'static str> {
        let state = self.state.try_lock().ok()?;
        Some(match *state {
            State::Queued(..) => "queued",
            State::Running(_) => "running",
            State::Finished(_) => "finished",
            State::Gone => "gone",
        })
    }

    fn run(&self) {
        let Some(work) = self.start() else {
            return;
        };
        crew::label_job(self.place);
        self.inside(|| {
            let result = contain(work).map_err(BlockingError::panicked);
            if result.is_err() {
                verdict::note_panic();
            }
            self.finish(result);
        });
    }

    fn start(&self) -> Option<Work<T>> {
        let mut state = lock(&self.state);
        match mem::replace(&mut *state, State::Gone) {
            State::Queued(work, waker) => {
                *state = State::Running(waker);
                Some(work)
            }
            State::Running(_) | State::Finished(_) => {
                unreachable!("a job has one runner, which starts it once")
            }
            State::Gone => None,
        }
    }

    fn finish(&self, result: Result<T, BlockingError>) {
        let mut state = lock(&self.state);
        if let State::Running(waker) = &mut *state {
            let waker = waker.take();
            *state = State::Finished(result);
            drop(state);
            self.wake(waker);
        } else {
            drop(state);
            self.drop_result(result);
        }
    }

    /// The pool has dropped the job, or would not take it.
    fn never_ran(&self) {
        let mut state = lock(&self.state);
        if !matches!(*state, State::Queued(..)) {
            return;
        }
        let before = mem::replace(&mut *state, State::Finished(Err(BlockingError::Cancelled)));
        drop(state);
        if let State::Queued(work, waker) = before {
            self.drop_contained(work);
            self.wake(waker);
        }
    }

    /// Runs `act` in the surroundings of whoever made the job.
    fn inside(&self, act: impl FnOnce()) {
        match &self.env {
            Some(env) => context::enter(&Local::new(env, Role::Guest), act),
            None => act(),
        }
    }

    fn wake(&self, waker: Option<Waker>) {
        if let Some(waker) = waker
            && let Err(payload) = contain(|| waker.wake())
        {
            self.report(UnhandledKind::CallbackPanicked, payload);
        }
    }

    fn drop_waker(&self, waker: Option<Waker>) {
        if let Err(payload) = contain_drop(waker) {
            self.report(UnhandledKind::CallbackPanicked, payload);
        }
    }

    fn drop_contained(&self, value: impl Sized) {
        if let Err(payload) = contain_drop(value) {
            self.report(UnhandledKind::DropPanicked, payload);
        }
    }

    fn drop_result(&self, result: Result<T, BlockingError>) {
        match result {
            Ok(value) => self.drop_contained(value),
            Err(BlockingError::Panicked(panic)) => {
                self.report(UnhandledKind::JobPanicked, panic.into_payload());
            }
            Err(BlockingError::Cancelled) => {}
        }
    }

    fn report(&self, kind: UnhandledKind, payload: Payload) {
        let message = format!("{} (job from {})", panic::message(&payload), self.place);
        let unhandled = Unhandled::new(kind, None, &message);
        match &self.env {
            Some(env) => env.report(&unhandled),
            None => unhandled::print(&unhandled),
        }
        discard(payload);
    }
}

impl<T> Runner<T> {
    pub(crate) const fn new(cell: Arc<JobCell<T>>) -> Self {
        Self(Some(cell))
    }

    pub(crate) fn run(mut self) {
        if let Some(cell) = self.0.take() {
            cell.run();
        }
    }
}

impl<T> Drop for Runner<T> {
    fn drop(&mut self) {
        if let Some(cell) = self.0.take() {
            cell.never_ran();
        }
    }
}

impl<T> fmt::Debug for JobCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobCell")
            .field("place", &format_args!("{}", self.place))
            .field("state", &self.describe().unwrap_or("<locked>"))
            .finish_non_exhaustive()
    }
}
