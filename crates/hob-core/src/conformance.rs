//! A suite for a seam: whoever implements its trait runs it. `Schedule` and `Sys` have none yet.
//!
//! A suite is a plain function that panics with the sentence of the contract that was broken. It is
//! part of the public API, so that engines outside this project can use it.

pub mod blocking;
pub mod park;
pub mod reactor;
pub mod timers;

pub use self::blocking::blocking;
pub use self::park::park;
pub use self::reactor::reactor;
pub use self::timers::timers;
