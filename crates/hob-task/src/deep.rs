//! Dropping chains of finished tasks, each of which holds the handle of the next as its output.
//!
//! # Implementation
//!
//! Dropping a handle drops the output, that drops a handle, and so on: a call within a call for each link.
//! Beyond a certain depth the rest is put on a list of this thread, which the outermost drop empties.

#![expect(
    unsafe_code,
    reason = "a handle's type does not say that its output lives for ever, though it does"
)]

use std::cell::{Cell, RefCell};
use std::mem::{self, ManuallyDrop};

use async_task::FallibleTask;
use hob_core::TaskCell;

use crate::outcome::Outcome;

/// So many drops stand within each other.
const DEPTH_MAX: usize = 32;

type Later<'a> = Box<dyn FnOnce() + 'a>;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Without a destructor, so that it is there as long as the thread; the outermost drop leaves it empty.
    static LATER: ManuallyDrop<RefCell<Vec<Later<'static>>>> =
        const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// Drops the handle of a finished task, and its output with it: here, or soon after on this thread.
pub(crate) fn drop_finished<T>(handle: FallibleTask<Outcome<T>, TaskCell>) {
    let depth = DEPTH.with(Cell::get);
    if depth >= DEPTH_MAX {
        let later: Later<'_> = Box::new(move || handle.detach());
        // SAFETY: only the lifetime changes. Handles are made in `spawn.rs` only, where each way to spawn
        // asks that the output is `'static`; so whatever `T` says here, nothing in it is borrowed.
        let later = unsafe { mem::transmute::<Later<'_>, Later<'static>>(later) };
        return LATER.with(|list| list.borrow_mut().push(later));
    }
    let _entered = Entered::new(depth);
    handle.detach();
    if depth == 0 {
        while let Some(later) = next() {
            later();
        }
    }
}

fn next() -> Option<Later<'static>> {
    LATER.with(|list| list.borrow_mut().pop())
}

struct Entered(usize);

impl Entered {
    fn new(depth: usize) -> Self {
        DEPTH.with(|now| now.set(depth + 1));
        Self(depth)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        DEPTH.with(|now| now.set(self.0));
    }
}
