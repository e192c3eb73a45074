//! Which cores there are, and which of them a thread may run on.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores that this thread may use.
pub(crate) fn cores() -> io::Result<Vec<usize>> {
    let allowed = sched_getaffinity(None)?;
    let cores = 0..CpuSet::MAX_CPU;
    Ok(cores.filter(|core| allowed.is_set(*core)).collect())
}

/// Lets this thread run on one core only, and so the threads that it starts from now on.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only)?;
    Ok(())
}
