//! The message for a simulated test without the simulator.

/// What a future is once hob has its feature `sim`. Without it, nothing is.
#[diagnostic::on_unimplemented(
    message = "`#[hob::test(sim)]` needs the feature `sim` of the crate `hob`",
    label = "the simulator is not compiled in",
    note = "in Cargo.toml: hob = {{ ..., features = [\"sim\"] }}"
)]
pub trait HasFeatureSim {}

/// Cannot be called.
pub fn run_simulated<F: HasFeatureSim, T>(_seeds: u64, _make: impl FnMut() -> F) -> T {
    unreachable!("no type has the trait")
}
