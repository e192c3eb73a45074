//! Both pollers keep the contracts of the seams that they fill.

#![cfg(not(loom))]

use hob_core::conformance;
use hob_core::{Park, Reactor};
use hob_reactor::Engine;

fn faces(engine: Engine) -> (&'static dyn Reactor, Box<dyn Park + Send>) {
    (engine.reactor, engine.seat)
}

#[cfg(target_os = "linux")]
#[test]
fn epoll_keeps_the_contract_of_reactor() {
    conformance::reactor(|| faces(hob_reactor::epoll().expect("a poller")));
}

#[cfg(target_os = "linux")]
#[test]
fn epoll_keeps_the_contract_of_park() {
    conformance::park(|| hob_reactor::epoll().expect("a poller").seat);
}

#[test]
fn polling_keeps_the_contract_of_reactor() {
    conformance::reactor(|| faces(hob_reactor::polling().expect("a poller")));
}

#[test]
fn polling_keeps_the_contract_of_park() {
    conformance::park(|| hob_reactor::polling().expect("a poller").seat);
}
