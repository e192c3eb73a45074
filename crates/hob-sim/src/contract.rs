//! The simulator keeps the contracts of the seams it stands in for.

use std::cell::RefCell;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;

use hob_core::conformance::{self, ScheduleRig};
use hob_core::{Env, Instant, Park, unhandled};
use hob_time::VirtualClock;

use crate::engine::{Engine, Setup};
use crate::net::{Conditions, Network};
use crate::parker::{Parker, Token};
use crate::trace::Trace;

/// A simulation whose tasks are woken by other threads too, as the suites do.
struct Rig {
    env: Arc<Env>,
    engine: RefCell<Engine>,
}

impl Rig {
    fn new(seed: u64) -> Self {
        let setup = Setup {
            seed,
            conditions: Conditions::default(),
            polls_max: u64::MAX,
            heal: None,
            waits_for_threads: true,
            unhandled: Arc::new(unhandled::print),
        };
        let engine = Engine::open(setup, Arc::new(Trace::new(false)));
        Self {
            env: Arc::clone(engine.env()),
            engine: RefCell::new(engine),
        }
    }
}

impl ScheduleRig for Rig {
    fn env(&self) -> &Arc<Env> {
        &self.env
    }

    fn block_on(&self, main: Pin<&mut dyn Future<Output = ()>>) {
        let ran = self.engine.borrow_mut().run(main);
        ran.unwrap_or_else(|payload| resume_unwind(payload));
    }

    fn finish(self: Box<Self>) {
        let wound_up = self.engine.into_inner().wind_up();
        wound_up.unwrap_or_else(|payload| resume_unwind(payload));
    }
}

#[test]
fn the_simulator_keeps_the_contract_of_schedule() {
    // Seeds with different habits.
    for seed in 0..8 {
        conformance::schedule(|| Box::new(Rig::new(seed)));
    }
}

#[test]
fn the_simulators_parker_keeps_the_contract_of_park() {
    conformance::park_on(|| {
        let clock = VirtualClock::open(Instant::from_nanos(1 << 60));
        let trace = Arc::new(Trace::new(false));
        let network = Network::open(7, Conditions::default(), trace, clock);
        let parker = Parker::new(clock, network, Arc::new(Token::default()));
        let parker: Box<dyn Park + Send> = Box::new(parker);
        (parker, Box::new(move || clock.now()))
    });
}
