//! What engines from outside are made of: the seams, and the words that cross them.
//!
//! [`Builder`](crate::Builder) takes an engine for each of these seams:
//!
//! | | seam | words |
//! |---|---|---|
//! | [`reactor`](crate::Builder::reactor) | [`Reactor`], and [`Park`] for its seat | [`Engine`], [`IoSource`], [`DescriptorRef`], [`Interest`], [`Readiness`] |
//! | [`parker`](crate::Builder::parker) | [`Park`], [`Unpark`] | [`Until`] |
//! | [`timers`](crate::Builder::timers) | [`Timers`] | [`TimerKey`], [`Alarm`], [`Retired`] |
//! | [`sys`](crate::Builder::sys) | [`Sys`] | [`Descriptor`], and those in [`sys`] |
//! | [`blocking`](crate::Builder::blocking) | [`Blocking`] | [`Job`], [`JobKind`] |
//!
//! Suites that check an engine against the contract of its seam are in `hob_core::conformance`.

pub(crate) mod seat;
pub(crate) mod virtual_time;

pub use hob_blocking::Inline;
pub use hob_core::reactor::{is_retired, retired};
pub use hob_core::{
    Alarm, Blocking, Descriptor, DescriptorRef, Direction, Instant, Interest, IoSource, Job,
    JobKind, NotVirtual, Park, Reactor, Readiness, Retired, Sys, TimerKey, Timers, Unpark, Until,
    sys,
};
pub use hob_executor::Parker;
pub use hob_reactor::Engine;
