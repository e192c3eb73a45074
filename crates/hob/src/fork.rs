//! What a runtime does in a process that was forked from its own: it says so, and leaves all to its
//! owner.
//!
//! The child of a fork has one thread and a copy of everything: workers that are no more, locks that one
//! of them may have held for ever, a poller that it shares with the parent, whose registrations it
//! would delete. So nothing is waited for there, and nothing dropped. `hob_core::fork` tells whether
//! this is such a child.

#![expect(
    unsafe_code,
    reason = "std has no way to hear of a fork, and to ask for the number of the process is a system call"
)]

use std::io;
use std::mem::ManuallyDrop;
use std::sync::{Arc, OnceLock};

use hob_core::Env;
use hob_core::fork::forked;
use hob_core::unhandled::{Unhandled, UnhandledKind};

use crate::report::ShutdownReport;

/// Sees to it that each child of this process knows that it is one.
///
/// # Errors
///
/// What the system says when there is no room for one more function to call.
pub(crate) fn watch() -> io::Result<()> {
    static REGISTERED: OnceLock<i32> = OnceLock::new();
    let refused = *REGISTERED.get_or_init(|| {
        // SAFETY: all that `pthread_atfork` asks of a function for the child is that it calls nothing
        // but what is async-signal-safe; `in_child` adds to an atomic.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) }
    });
    match refused {
        0 => Ok(()),
        number => Err(io::Error::from_raw_os_error(number)),
    }
}

extern "C" fn in_child() {
    forked();
}

/// Refuses to use a runtime of the parent's.
///
/// # Panics
///
/// In a child of its process.
#[track_caller]
pub(crate) fn refuse(env: &Env) {
    if let Some(inherited) = env.inherited() {
        panic!(
            "the runtime {:?} cannot be used here: {inherited}",
            env.parts().name
        );
    }
}

/// Leaves what a shutdown would take apart to the process that it belongs to, if that is another one;
/// else gives it back.
pub(crate) fn leave<R>(env: &Arc<Env>, running: R) -> Result<R, ShutdownReport> {
    let Some(inherited) = env.inherited() else {
        return Ok(running);
    };
    let name = &env.parts().name;
    let text = format!("the runtime {name:?} is not shut down here: {inherited}");
    // Not even dropped: that would wait for threads which are no more, and close the parent's sockets.
    let _left = ManuallyDrop::new((running, Arc::clone(env)));
    env.report(&Unhandled::new(UnhandledKind::LeftBehind, None, &text));
    Err(ShutdownReport::of_inherited(inherited))
}
