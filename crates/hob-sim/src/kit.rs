//! What tests of asynchronous code need: to wait until everything has come to rest, and to cancel a
//! future wherever it can be cancelled.
//!
//! Both want a runtime of one thread, where "nothing is runnable" is a fact: [`run`](crate::run), or
//! the local executor. In the simulator they repeat with the seed.
//!
//! ```
//! use std::sync::Arc;
//! use hob_sim::kit;
//! use hob_sync::Semaphore;
//!
//! hob_sim::run(7, async {
//!     let semaphore = Arc::new(Semaphore::new(1));
//!     let cuts = kit::cancel_everywhere(
//!         // There is no permit at first, so that there is something to wait for.
//!         || {
//!             let permit = Arc::clone(&semaphore).try_acquire_owned().expect("it is back");
//!             hob_task::spawn(async move { drop(permit) }).detach();
//!             semaphore.acquire()
//!         },
//!         async |cut| assert_eq!(semaphore.available_permits(), 1, "{cut}"),
//!     )
//!     .await;
//!     assert!(cuts.completed, "{cuts}");
//! });
//! ```

mod bell;
mod cancel;
mod settle;

pub use self::cancel::{Cut, Cuts, cancel_everywhere};
pub use self::settle::{Settle, settle};
