//! Who may use whom: the floors of the house, as a table.
//!
//! A crate may use a crate of a lower floor that its row names, never one of its own floor or above.
//! `loom` is everybody's, under `cfg(loom)`. The decision behind a row belongs into
//! `docs/architecture.md`; whoever adds a dependency adds it here, in the same commit.

/// One crate of the house.
#[derive(Debug)]
pub(super) struct Room {
    /// Its name.
    pub(super) name: &'static str,
    /// How high it lies.
    pub(super) floor: u8,
    /// What it may depend on, house and outside, except `loom`.
    pub(super) may_use: &'static [&'static str],
}

/// The whole house, from the ground up.
pub(super) const ROOMS: &[Room] = &[
    room("hob-core", 0, &["async-task"]),
    room("hob-macros", 0, &[]),
    room(
        "hob-sync",
        1,
        &[
            "hob-core",
            "futures-core",
            "parking_lot",
            "pin-project-lite",
            "smallvec",
        ],
    ),
    room(
        "hob-task",
        1,
        &["hob-core", "async-task", "pin-project-lite"],
    ),
    room(
        "hob-time",
        1,
        &["hob-core", "futures-core", "pin-project-lite", "slab"],
    ),
    room("hob-reactor", 1, &["hob-core", "polling", "rustix", "slab"]),
    room("hob-blocking", 1, &["hob-core"]),
    room("hob-executor", 2, &["hob-core", "hob-task", "rustix"]),
    room(
        "hob-net",
        2,
        &[
            "hob-core",
            "hob-reactor",
            "hob-blocking",
            "futures-io",
            "rustix",
            "socket2",
        ],
    ),
    room(
        "hob-sim",
        3,
        &[
            "hob-core",
            "hob-task",
            "hob-time",
            "hob-blocking",
            "hob-net",
            "fastrand",
        ],
    ),
    room(
        "hob",
        4,
        &[
            "hob-core",
            "hob-macros",
            "hob-sync",
            "hob-task",
            "hob-time",
            "hob-reactor",
            "hob-blocking",
            "hob-executor",
            "hob-net",
            "hob-sim",
            "futures-lite",
            "libc",
        ],
    ),
    room("hob-compat", 5, &["hob", "futures-io", "hyper"]),
];

/// Who may have whom from above for tests and examples, and nothing else.
pub(super) const UPWARD_IN_TESTS: &[(&str, &str)] = &[
    // The examples of the facade run other people's libraries.
    ("hob", "hob-compat"),
];

/// Finds a crate of the house.
pub(super) fn find(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

const fn room(name: &'static str, floor: u8, may_use: &'static [&'static str]) -> Room {
    Room {
        name,
        floor,
        may_use,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_itself_points_downward() {
        for room in ROOMS {
            for other in room.may_use.iter().filter_map(|name| find(name)) {
                assert!(
                    other.floor < room.floor,
                    "{} uses {}",
                    room.name,
                    other.name
                );
            }
        }
    }
}
