//! An allocator that counts, for each thread, what it is asked for.

#![expect(unsafe_code, reason = "an allocator can only be made by unsafe code")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with a count of the calls and of the bytes that are out.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    /// Negative on a thread that frees what others allocated.
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

/// Runs `act` on this thread, and tells how often it allocated or grew something.
pub fn allocations<R>(act: impl FnOnce() -> R) -> (R, u64) {
    let before = CALLS.get();
    let result = act();
    (result, CALLS.get() - before)
}

/// Runs `make` on this thread, and tells how many bytes it left allocated.
pub fn bytes_of<R>(make: impl FnOnce() -> R) -> (R, i64) {
    let before = BYTES.get();
    let result = make();
    (result, BYTES.get() - before)
}

fn count(grown: i64) {
    CALLS.set(CALLS.get() + u64::from(grown > 0));
    BYTES.set(BYTES.get() + grown);
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).expect("no allocation has that many bytes")
}

// SAFETY: all calls are passed on as they are to the system's allocator, which keeps the contract; the
// counters are plain cells without destructors, so touching them allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(size(layout.size()));
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-size(layout.size()));
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(size(new_size) - size(layout.size()));
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}
