//! The parker keeps the contract of its seam.
#![cfg(not(loom))]

use hob_core::conformance;
use hob_executor::Parker;

#[test]
fn the_parker_keeps_the_contract_of_park() {
    conformance::park(|| Box::new(Parker::new()));
}
