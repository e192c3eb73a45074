//! What may cross threads, and what may not.

#![cfg(not(loom))]

use std::rc::Rc;

use hob_time::{
    Clock, Elapsed, Heap, Interval, IntervalStatistics, MissedTicks, Sleep, Tick, Timeout,
    TimersStatistics, VirtualClock, Wheel,
};

const fn crosses<T: Send + Sync + Unpin>() {}

const _: () = {
    crosses::<Clock>();
    crosses::<Elapsed>();
    crosses::<Heap>();
    crosses::<Wheel>();
    crosses::<VirtualClock>();
    crosses::<TimersStatistics>();
    crosses::<Interval>();
    crosses::<IntervalStatistics>();
    crosses::<MissedTicks>();
    crosses::<Sleep>();
    crosses::<Tick<'_>>();
    crosses::<Timeout<u32>>();
};

/// Compiles only if `Self` has exactly one of the two implementations, that is, if it is not `Send`.
trait AmbiguousIfSend<Tag> {
    fn holds() {}
}

struct WhenSend;

impl<T: ?Sized> AmbiguousIfSend<()> for T {}
impl<T: ?Sized + Send> AmbiguousIfSend<WhenSend> for T {}

/// Compiles only if `Self` has exactly one of the two implementations, that is, if it is not `Sync`.
trait AmbiguousIfSync<Tag> {
    fn holds() {}
}

struct WhenSync;

impl<T: ?Sized> AmbiguousIfSync<()> for T {}
impl<T: ?Sized + Sync> AmbiguousIfSync<WhenSync> for T {}

#[test]
fn a_timeout_goes_where_its_body_goes() {
    <Timeout<Rc<()>> as AmbiguousIfSend<_>>::holds();
    <Timeout<Rc<()>> as AmbiguousIfSync<_>>::holds();
}
