//! What few tasks have: a name, a reason to end, cleanups.
//!
//! # Implementation
//!
//! Maps by the task's number, each behind a lock of its own. A task that stands in one has the flag
//! `RARE` in its slot's word, so all others never look here. The flag is set under the map's lock, and
//! only while the task's future is alive; the entry is removed when the slot is vacated.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::{CancelReason, Cleanup, TaskId};
use crate::primitive::{Mutex, lock};

/// The rare things of the tasks that fall to one map.
pub(super) struct Rares(HashMap<u64, Rare, BuildHasherDefault<Spread>>);

/// Spreads numbers that follow one another. They are our own, so nobody can choose them to collide.
#[derive(Default)]
pub(super) struct Spread(u64);

/// The rare things of one task.
#[derive(Default)]
pub(super) struct Rare {
    pub(super) name: Option<Box<str>>,
    pub(super) reason: Option<CancelReason>,
    pub(super) cleanups: Vec<Cleanup>,
}

const MAPS: usize = if cfg!(loom) { 1 } else { 16 };

/// A map that is used by less than a part of this many gives memory back.
const CAPACITY_KEPT: usize = 1024;

#[cfg(not(loom))]
static RARES: [Mutex<Rares>; MAPS] = [const { Mutex::new(Rares::new()) }; MAPS];
#[cfg(loom)]
crate::primitive::lazy_static! {
    /// Made anew for each run of a model.
    static ref RARES: [Mutex<Rares>; MAPS] = [Mutex::new(Rares::new())];
}

impl Rares {
    const fn new() -> Self {
        Self(HashMap::with_hasher(BuildHasherDefault::new()))
    }

    /// What there is about the task, if there is anything.
    pub(super) fn get(&self, id: TaskId) -> Option<&Rare> {
        self.0.get(&id.get())
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, id: TaskId) -> Option<&mut Rare> {
        self.0.get_mut(&id.get())
    }

    /// The place for what there is about the task; it may be empty.
    pub(super) fn entry(&mut self, id: TaskId) -> &mut Rare {
        self.0.entry(id.get()).or_default()
    }

    /// Takes out what there is about the task.
    pub(super) fn remove(&mut self, id: TaskId) -> Option<Rare> {
        let removed = self.0.remove(&id.get());
        if self.0.capacity() > CAPACITY_KEPT && self.0.len() < self.0.capacity() / 8 {
            self.0.shrink_to(2 * self.0.len());
        }
        removed
    }
}

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The map takes the place from the lowest bits, and a tag from the highest.
        self.0 = number.rotate_right(4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
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
    with(id, |rares| rares.remove(id))
}
