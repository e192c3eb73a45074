//! The files that may hold unsafe code, each with the reason why it must.
//!
//! To add one: put a line here, begin the file with `#![expect(unsafe_code, reason = "...")]`, and
//! give each block a `// SAFETY:` comment that names the fact and who guarantees it.

/// A file with unsafe code.
#[derive(Debug)]
pub(crate) struct UnsafeFile {
    /// The file, from the root.
    pub(crate) path: &'static str,
    /// Why it cannot do without.
    pub(crate) reason: &'static str,
}

/// All files with unsafe code.
pub(crate) const UNSAFE_FILES: &[UnsafeFile] = &[
    UnsafeFile {
        path: "crates/hob/src/fork.rs",
        reason: "std has no way to hear of a fork: one call of `pthread_atfork`",
    },
    UnsafeFile {
        path: "crates/hob/tests/fork.rs",
        reason: "std has no fork",
    },
    UnsafeFile {
        path: "crates/hob-core/src/atomic_ref.rs",
        reason: "std has no atomic reference to what lives for ever",
    },
    UnsafeFile {
        path: "crates/hob-core/src/context.rs",
        reason: "the ambient context is a raw pointer to the stack of whoever entered",
    },
    UnsafeFile {
        path: "crates/hob-core/src/context/limit.rs",
        reason: "the limits around a poll are frames on its stack",
    },
    UnsafeFile {
        path: "crates/hob-executor/src/ring.rs",
        reason: "tokens lie in a ring as pointers, and a buffer is freed when no thief reads it",
    },
    UnsafeFile {
        path: "crates/hob-executor/src/ring/loom_models.rs",
        reason: "the thread of a model owns the ring",
    },
    UnsafeFile {
        path: "crates/hob-executor/src/ring/tests.rs",
        reason: "the thread of a test owns the ring, and tokens of tests are boxes",
    },
    UnsafeFile {
        path: "crates/hob-executor/src/shared.rs",
        reason: "a queue has one owner: there is decided which thread that is",
    },
    UnsafeFile {
        path: "crates/hob-reactor/src/polling.rs",
        reason: "polling's `add` asks that a descriptor is deleted before it is closed",
    },
    UnsafeFile {
        path: "crates/hob-task/src/deep.rs",
        reason: "a handle's type does not say that its output lives for ever, though it does",
    },
    UnsafeFile {
        path: "crates/hob-sync/src/lent.rs",
        reason: "guards of locks lead to a value that their permits keep from others",
    },
    UnsafeFile {
        path: "crates/hob-sync/src/oneshot/cell.rs",
        reason: "a state word says who owns the value and the wakers, and which end frees",
    },
    UnsafeFile {
        path: "crates/hob-sync/src/wait_queue/line.rs",
        reason: "nodes live in the futures that wait, so that waiting allocates nothing",
    },
    UnsafeFile {
        path: "crates/hob-sync/src/wait_queue/wait.rs",
        reason: "a node is linked where it is pinned, under the lock of a line that outlives it",
    },
    UnsafeFile {
        path: "crates/hob-time/src/small_lock.rs",
        reason: "a cell that only the owner of the lock looks into",
    },
    UnsafeFile {
        path: "crates/hob-sync/tests/hostile_clones.rs",
        reason: "only a raw waker can notice that it is cloned",
    },
    UnsafeFile {
        path: "crates/hob-sync/tests/support/allocator.rs",
        reason: "an allocator can only be made by unsafe code",
    },
];
