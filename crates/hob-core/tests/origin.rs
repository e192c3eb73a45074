//! The scale of time begins with the process, whatever instant is converted first.
//!
//! The one test of its process: nobody has read the clock before.

#![cfg(not(loom))]

use std::time::Duration;

use hob_core::Instant;

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the first reading must not pass the door"
)]
fn an_instant_far_off_does_not_move_the_origin() {
    let far = std::time::Instant::now() + 60 * YEAR;
    let far = Instant::from(far);
    let rest = far - Instant::system();
    assert!(rest <= 60 * YEAR && rest > 59 * YEAR, "{rest:?}");
}
