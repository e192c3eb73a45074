//! What may cross threads, and what may not.

#![cfg(not(loom))]

use std::rc::Rc;

use hob_task::{
    CancelOnDrop, Canceller, Drain, Guarded, JoinError, SpawnError, Task, TaskPanic, YieldNow,
};

const fn crosses<T: Send + Sync>() {}

const _: () = {
    crosses::<Task<u32>>();
    crosses::<CancelOnDrop<u32>>();
    crosses::<Canceller>();
    crosses::<JoinError>();
    crosses::<TaskPanic>();
    crosses::<SpawnError<u32>>();
    crosses::<YieldNow>();
};

const fn moves<T: Send>() {}

const _: () = {
    moves::<Drain>();
    moves::<Guarded<u32>>();
};

/// Compiles only if `Self` has exactly one of the two implementations, that is, if it is not `Send`.
trait AmbiguousIfSend<Tag> {
    fn holds() {}
}

struct WhenSend;

impl<T: ?Sized> AmbiguousIfSend<()> for T {}
impl<T: ?Sized + Send> AmbiguousIfSend<WhenSend> for T {}

#[test]
fn a_handle_of_a_local_output_stays_on_its_thread() {
    <Task<Rc<()>> as AmbiguousIfSend<_>>::holds();
    <CancelOnDrop<Rc<()>> as AmbiguousIfSend<_>>::holds();
}
