//! Work that a task does after it was cancelled.
//!
//! A cancelled future is dropped, and a destructor cannot await. What must be awaited, such as the
//! goodbye to a peer, is registered as a cleanup: it runs as part of the task after its future is
//! gone, whether the task was cancelled, panicked or just ended.

use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use hob_core::context;
use hob_core::panic::contain_drop;
use hob_core::task::Cleanup;
use hob_core::unhandled::{self, Unhandled, UnhandledKind};

use crate::spawn;

/// Registers a cleanup with the running task.
///
/// It runs after the task's future has been dropped: the last that was registered runs first, no
/// cancellation stops it, and all cleanups of a task together have the runtime's cleanup time (five
/// seconds by default) before they are dropped and reported.
///
/// In a future that is no task, such as the one of `block_on`, the cleanup starts at once as a task of
/// its own; a shutdown waits for it. Outside any runtime it is dropped, and that is reported.
///
/// # Examples
///
/// ```
/// # async fn example() {
/// hob_task::on_cancel(async {
///     // Say goodbye to somebody.
/// });
/// # }
/// ```
#[track_caller]
pub fn on_cancel(cleanup: impl Future<Output = ()> + Send + 'static) {
    register(Box::pin(cleanup), Location::caller());
}

/// Wraps a value whose end needs an `.await`.
///
/// The result derefs to the value. When it is dropped, `close` is called with the value and what it
/// returns is registered as by [`on_cancel`]. [`Guarded::into_inner`] disarms it.
///
/// # Examples
///
/// ```
/// # struct Connection;
/// # impl Connection { async fn say_goodbye(self) {} fn send(&self) {} }
/// # async fn example(connection: Connection) {
/// let connection = hob_task::guarded(connection, |connection| connection.say_goodbye());
/// connection.send();
/// # }
/// ```
#[track_caller]
pub fn guarded<T, C, F>(value: T, close: C) -> Guarded<T>
where
    T: Send + 'static,
    C: FnOnce(T) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    Guarded {
        armed: Some((value, Box::new(move |value| Box::pin(close(value))))),
        place: Location::caller(),
    }
}

/// The value of [`guarded`].
#[must_use = "dropping it closes the value"]
pub struct Guarded<T: Send + 'static> {
    /// `None` only after it was taken out, which consumes the guard.
    armed: Option<(T, Close<T>)>,
    place: &'static Location<'static>,
}

type Close<T> = Box<dyn FnOnce(T) -> Cleanup + Send>;

impl<T: Send> Guarded<T> {
    /// Takes the value out; nothing will be closed.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it cannot panic")]
    pub fn into_inner(mut self) -> T {
        let (value, _close) = self.armed.take().expect("only this method takes it, once");
        value
    }
}

impl<T: Send> Deref for Guarded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let (value, _) = self
            .armed
            .as_ref()
            .expect("the guard has not been consumed");
        value
    }
}

impl<T: Send> DerefMut for Guarded<T> {
    fn deref_mut(&mut self) -> &mut T {
        let (value, _) = self
            .armed
            .as_mut()
            .expect("the guard has not been consumed");
        value
    }
}

impl<T: Send> Drop for Guarded<T> {
    fn drop(&mut self) {
        if let Some((value, close)) = self.armed.take() {
            register(Box::pin(async move { close(value).await }), self.place);
        }
    }
}

/// Hands a cleanup over; one that nobody takes is dropped, and that is reported.
fn register(cleanup: Cleanup, place: &'static Location<'static>) {
    let refused = match (context::task(), context::env()) {
        (Some(task), _) => task.push_cleanup(cleanup).err(),
        (None, Some(env)) => match spawn::start_cleanup(&env, place, cleanup) {
            Ok(task) => {
                task.detach();
                None
            }
            Err(refused) => Some(refused.future),
        },
        (None, None) => Some(cleanup),
    };
    if let Some(cleanup) = refused {
        let text = format!("registered at {place}, where no task or runtime takes it any more");
        unhandled::report(&Unhandled::new(UnhandledKind::CleanupCut, None, &text));
        unhandled::report_panic(UnhandledKind::DropPanicked, contain_drop(cleanup));
    }
}

impl<T: Send + fmt::Debug> fmt::Debug for Guarded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guarded").field(&**self).finish()
    }
}
