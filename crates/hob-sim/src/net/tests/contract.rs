//! The network keeps the contract of `Sys`, whatever the weather.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::task::Waker;
use std::thread;

use hob_core::conformance::{self, SysRig};
use hob_core::{Park, Unpark, Until};

use super::*;
use crate::parker::{Parker, Token};

/// A seat that closes its network when nobody sits there any more.
struct Seat {
    parker: Parker,
    world: World,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let is_retired = self.world.state(|state| state.is_retired);
        assert!(
            is_retired || thread::panicking(),
            "the suite retires the reactor before it drops the seat"
        );
    }
}

impl Park for Seat {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        self.parker.park(until, woken);
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        self.parker.unparker()
    }
}

fn rig(conditions: Conditions, addresses: Vec<IpAddr>) -> SysRig {
    let world = World::new(7, conditions);
    let network = world.network;
    let parker = Parker::new(world.clock, network, Arc::new(Token::default()));
    SysRig {
        sys: network,
        reactor: network,
        seat: Box::new(Seat { parker, world }),
        addresses,
        datagrams: true,
        pairs: true,
        directory: Some(PathBuf::from("/run")),
    }
}

fn check(conditions: &Conditions) {
    let loopback = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let own = vec![MAIN.v4().into(), MAIN.v6().into()];
    for addresses in [loopback, own] {
        conformance::sys(|| rig(conditions.clone(), addresses.clone()));
    }
}

#[test]
fn the_network_keeps_the_contract_of_sys_in_calm_weather() {
    check(&Conditions::calm());
}

#[test]
fn the_network_keeps_the_contract_of_sys_in_rough_weather() {
    check(&Conditions::rough());
}
