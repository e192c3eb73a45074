//! What may cross threads, and what may not.

#![cfg(not(loom))]

use hob_core::blocking::Job;
use hob_core::context::Local;
use hob_core::env::Parts;
use hob_core::io_source::{Binding, Seen, WaitKey};
use hob_core::task::{Occupant, TaskSnapshot};
use hob_core::{
    Alarm, Blocking, Env, Instant, IoSource, Park, Reactor, Recycler, Retired, Schedule,
    SchedulerRef, Sys, TaskCell, TaskId, TaskLabel, TaskSlot, TimerKey, Timers, Unhandled, Unpark,
};

const fn crosses<T: Send + Sync + ?Sized>() {}

const _: () = {
    crosses::<Alarm>();
    crosses::<Env>();
    crosses::<Parts>();
    crosses::<Instant>();
    crosses::<IoSource>();
    crosses::<Binding>();
    crosses::<Seen>();
    crosses::<WaitKey>();
    crosses::<Recycler<u32>>();
    crosses::<Retired>();
    crosses::<SchedulerRef>();
    crosses::<TaskCell>();
    crosses::<TaskId>();
    crosses::<TaskLabel>();
    crosses::<TaskSlot>();
    crosses::<TaskSnapshot>();
    crosses::<Occupant>();
    crosses::<TimerKey>();
    crosses::<Unhandled<'_>>();
    crosses::<dyn Blocking>();
    crosses::<dyn Reactor>();
    crosses::<dyn Schedule>();
    crosses::<dyn Sys>();
    crosses::<dyn Timers>();
    crosses::<dyn Unpark>();
};

const fn moves<T: Send + ?Sized>() {}

const _: () = {
    moves::<Job>();
    moves::<dyn Park>();
};

/// Compiles only if `Self` has exactly one of the two implementations, that is, if it is not `Sync`.
trait AmbiguousIfSync<Tag> {
    fn holds() {}
}

struct WhenSync;

impl<T: ?Sized> AmbiguousIfSync<()> for T {}
impl<T: ?Sized + Sync> AmbiguousIfSync<WhenSync> for T {}

#[test]
fn the_surroundings_are_one_threads() {
    <Local<'_> as AmbiguousIfSync<_>>::holds();
}

#[test]
fn a_sleeper_and_a_job_have_one_owner() {
    <dyn Park as AmbiguousIfSync<_>>::holds();
    <Job as AmbiguousIfSync<_>>::holds();
}
