#![doc = include_str!("../README.md")]

extern crate self as hob; // The attributes name it, also where they are used inside.

mod builder;
mod emptying;
pub mod engine;
mod environment;
mod fork;
mod handle;
mod local_runtime;
pub mod prelude;
mod report;
mod run;
mod runtime;
mod simulated;
mod stop;
mod teardown;

/// Reading and writing, in terms of the futures-io traits.
pub mod io {
    #[doc(no_inline)]
    pub use futures_lite::io::*;
}

/// Sockets.
#[cfg(feature = "net")]
pub mod net {
    #[doc(inline)]
    pub use hob_net::*;
}

/// Blocking jobs: `to_thread` and what it returns.
pub mod blocking {
    #[doc(inline)]
    pub use hob_blocking::{BlockingError, JobPanic, ToThread, to_thread};
}

/// Pollers, and any descriptor as an async one.
pub mod reactor {
    #[doc(inline)]
    pub use hob_reactor::*;
}

/// Locks, semaphores, channels and queues.
pub mod sync {
    #[doc(inline)]
    pub use hob_sync::*;
}

/// Tasks: spawning, joining, cancelling, cleaning up.
pub mod task {
    #[doc(inline)]
    pub use hob_task::{
        Builder, CancelOnDrop, CancelReason, Canceller, Guarded, JoinError, SpawnError, Task,
        TaskId, TaskLabel, TaskPanic, TaskSnapshot, TaskTree, YieldNow, all_tasks, current_task,
        guarded, on_cancel, should_yield, spawn, spawn_local, try_spawn, yield_now,
    };
}

/// Clock, sleep, timeout and interval.
pub mod time {
    #[doc(inline)]
    pub use hob_time::*;
}

pub use crate::builder::Builder;
pub use crate::handle::{Handle, NoRuntime};
pub use crate::local_runtime::{LocalRuntime, LocalStatistics};
pub use crate::report::{Inherited, LeftBehind, LeftJob, LeftTask, ShutdownReport};
pub use crate::run::{run, run_local};
pub use crate::runtime::{
    BlockingStatistics, ExecutorStatistics, Runtime, RuntimeStatistics, WorkerStatistics,
};

/// The simulator, and what tests of asynchronous code need.
#[cfg(feature = "sim")]
#[doc(inline)]
pub use hob_sim::{self as sim, kit as test};

#[doc(inline)]
pub use hob_blocking::{BlockingError, ToThread, to_thread};
#[doc(inline)]
pub use hob_core::unhandled::{Unhandled, UnhandledKind};
#[cfg(feature = "macros")]
#[doc(inline)]
pub use hob_macros::{main, test};
#[doc(inline)]
pub use hob_task::{
    CancelReason, Guarded, JoinError, SpawnError, Task, TaskId, all_tasks, current_task, guarded,
    on_cancel, spawn, spawn_local, try_spawn, yield_now,
};
#[doc(inline)]
pub use hob_time::{sleep, timeout};

#[doc(hidden)]
pub mod __private {
    pub use crate::{run::run_pool, run::run_virtual, simulated::*}; // What the attributes expand to.
}
