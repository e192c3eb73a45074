//! Where hyper spawns: the runtime of the moment.

use std::future::Future;

use ::hyper::rt::Executor;

/// Spawns hyper's tasks on the current runtime, as [`hob::spawn`] does, and detaches them.
///
/// # Panics
///
/// `execute` panics where [`hob::spawn`] does: outside any runtime.
///
/// # Examples
///
/// ```
/// use hob_compat::hyper::HobExecutor;
/// use hyper::client::conn::http2;
///
/// let connections = http2::Builder::new(HobExecutor);
/// # let _ = connections;
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no state")]
pub struct HobExecutor;

impl<F> Executor<F> for HobExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        drop(hob::spawn(future));
    }
}
