//! A suite for a seam: whoever implements its trait runs it.
//!
//! A suite is a plain function that panics with the sentence of the contract that was broken. It is
//! part of the public API, so that engines outside this project can use it.
//!
//! A reactor for the sockets of a network of its own, such as a simulated one, does not run
//! [`reactor()`], whose sockets are the kernel's: it runs [`sys()`], which takes a network and its
//! reactor together.

pub mod blocking;
pub mod park;
pub mod reactor;
pub mod schedule;
pub mod sys;
pub mod timers;

pub use self::blocking::blocking;
pub use self::park::{ParkClock, park, park_on};
pub use self::reactor::reactor;
pub use self::schedule::{ScheduleRig, schedule};
pub use self::sys::{SysRig, sys};
pub use self::timers::timers;
