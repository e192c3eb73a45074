//! What `#[hob::test(sim)]` expands to.
//!
//! Two functions of one name: with the feature `sim` it runs the test, without it its call does not
//! compile, and the compiler's message says which feature is missing.

#[cfg(not(feature = "sim"))]
mod missing;
#[cfg(feature = "sim")]
mod seeds;

#[cfg(not(feature = "sim"))]
pub use self::missing::{HasFeatureSim, run_simulated};
#[cfg(feature = "sim")]
pub use self::seeds::{Verdict, run_simulated};
