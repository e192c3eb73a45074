//! What few tasks have: a name, a reason to end, cleanups.
//!
//! # Implementation
//!
//! Maps by the task's number, each behind a lock of its own. A task that stands in one has the flag
//! `RARE` in its slot's word, so all others never look here. The flag is set under the map's lock, and
//! only while the task's future is alive; the entry is removed when the slot is vacated.

use std::collections::BTreeMap;

use super::{CancelReason, Cleanup, TaskId};
use crate::primitive::{Mutex, lock};

/// The rare things of the tasks that fall to one map.
pub(super) type Rares = BTreeMap<TaskId, Rare>;

/// The rare things of one task.
#[derive(Default)]
pub(super) struct Rare {
    pub(super) name: Option<Box<str>>,
    pub(super) reason: Option<CancelReason>,
    pub(super) cleanups: Vec<Cleanup>,
}

const MAPS: usize = if cfg!(loom) { 1 } else { 16 };

#[cfg(not(loom))]
static RARES: [Mutex<Rares>; MAPS] = [const { Mutex::new(BTreeMap::new()) }; MAPS];
#[cfg(loom)]
loom::lazy_static! {
    /// Made anew for each run of a model.
    static ref RARES: [Mutex<Rares>; MAPS] = [Mutex::new(BTreeMap::new())];
}

impl Rare {
    /// Whether the entry is not needed.
    pub(super) fn is_empty(&self) -> bool {
        self.name.is_none() && self.reason.is_none() && self.cleanups.is_empty()
    }
}

/// Looks at the map that the task `id` falls to. No foreign code may run in `act`: cleanups are moved
/// out first.
pub(super) fn with<R>(id: TaskId, act: impl FnOnce(&mut Rares) -> R) -> R {
    // The remainder is less than the number of maps.
    let map = (id.get() % MAPS as u64) as usize;
    act(&mut lock(&RARES[map]))
}

/// Removes what there is about the task.
pub(super) fn forget(id: TaskId) -> Option<Rare> {
    with(id, |rares| rares.remove(&id))
}
