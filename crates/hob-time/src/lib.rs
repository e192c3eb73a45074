#![doc = include_str!("../README.md")]

mod advance;
mod clock;
mod deadlines;
mod driver;
mod heap;
mod interval;
mod parker;
mod primitive;
mod sleep;
mod small_lock;
mod stage;
mod statistics;
mod timeout;
mod timer;
mod wheel;

pub use hob_core::{Instant, NotVirtual};

pub use crate::advance::{advance, now, try_advance};
pub use crate::clock::RuntimeClock::{self, Virtual};
pub use crate::clock::{Clock, VirtualClock};
pub use crate::driver::driver_statistics;
pub use crate::heap::Heap;
pub use crate::interval::{Interval, IntervalStatistics, MissedTicks, Tick, interval, interval_at};
pub use crate::sleep::{Sleep, sleep, sleep_until};
pub use crate::statistics::TimersStatistics;
pub use crate::timeout::{Elapsed, Timeout, deadline, timeout, timeout_at};
pub use crate::wheel::Wheel;
