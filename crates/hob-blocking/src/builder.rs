//! How a pool is to be: [`Builder`].

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hob_core::env::UnhandledHook;
use hob_core::unhandled::{self, Unhandled};

use crate::pool::Pool;
use crate::primitive::start_thread;

/// How a [`Pool`] is to be.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use hob_blocking::Pool;
/// let pool = Pool::builder()
///     .name("kitchen")
///     .max_threads(4)
///     .keep_alive(Duration::from_secs(1))
///     .build()?;
/// assert_eq!(pool.statistics().threads_max, 4);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder {
    settings: Settings,
}

/// What starts a thread of that name with that main function.
pub(crate) type Spawner =
    Arc<dyn Fn(&str, Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) name: Arc<str>,
    pub(crate) max_threads: usize,
    pub(crate) keep_alive: Duration,
    pub(crate) unhandled: UnhandledHook,
    pub(crate) spawner: Spawner,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            settings: Settings::default(),
        }
    }

    /// The runtime's name: threads are called `<name>-blocking-<number>`. The default is `hob`.
    pub fn name(mut self, name: &str) -> Self {
        self.settings.name = name.into();
        self
    }

    /// How many threads there may be at once; further jobs wait in line. The default is 512.
    pub fn max_threads(mut self, max_threads: usize) -> Self {
        self.settings.max_threads = max_threads;
        self
    }

    /// How long a thread stays without work before it exits; [`Duration::MAX`] means for ever. The
    /// default is 10 seconds.
    pub fn keep_alive(mut self, keep_alive: Duration) -> Self {
        self.settings.keep_alive = keep_alive;
        self
    }

    /// Who hears of jobs that panic; see [`Unhandled`]. The default prints them.
    pub fn on_unhandled(mut self, hook: impl Fn(&Unhandled<'_>) + Send + Sync + 'static) -> Self {
        self.settings.unhandled = Arc::new(hook);
        self
    }

    /// Starts threads through `spawner`, which gets a thread's name and its main function: to set
    /// what the pool does not know of, such as priorities, or to fail in a test.
    ///
    /// It must start a thread of its own for each call, and must not use the pool. A panic in it
    /// counts as a failure.
    pub fn spawn_with(
        mut self,
        spawner: impl Fn(&str, Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.settings.spawner = Arc::new(spawner);
        self
    }

    /// Makes the pool. No thread is started before there is a job.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if no thread is allowed, or if the name
    /// contains a NUL.
    pub fn build(self) -> io::Result<Pool> {
        if self.settings.max_threads == 0 {
            return Err(invalid(
                "a pool for blocking jobs needs at least one thread",
            ));
        }
        if self.settings.name.contains('\0') {
            return Err(invalid("a thread's name cannot contain a NUL"));
        }
        Ok(Pool::new(self.settings))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "hob".into(),
            max_threads: 512,
            keep_alive: Duration::from_secs(10),
            unhandled: Arc::new(unhandled::print),
            spawner: Arc::new(start_thread),
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.settings.name)
            .field("max_threads", &self.settings.max_threads)
            .field("keep_alive", &self.settings.keep_alive)
            .finish_non_exhaustive()
    }
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
