//! How a stateful object shows itself: by its statistics, without waiting, and with nothing locked
//! while the text is written, for whoever takes the text is foreign code.

use std::fmt;

use crate::primitive::Guarded;

/// Looks at what `lock` guards, unless somebody has it; the lock is free again when this returns.
pub(crate) fn glance<S, R>(lock: &Guarded<S>, look: impl FnOnce(&S) -> R) -> Option<R> {
    lock.try_lock().map(|state| look(&state))
}

/// Shows the statistics of what is called `name`, if there was a chance to take them.
pub(crate) fn show(
    name: &str,
    statistics: Option<impl fmt::Debug>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut dump = f.debug_struct(name);
    match statistics {
        Some(statistics) => dump.field("statistics", &statistics),
        None => dump.field("statistics", &format_args!("<locked>")),
    };
    dump.finish_non_exhaustive()
}
