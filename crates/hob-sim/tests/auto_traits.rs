//! What may cross threads.

use hob_sim::kit::{Cut, Cuts, Settle};
use hob_sim::net::{Conditions, ConnectionEnd, Host, Link, NetworkEvent, NetworkStatistics};
use hob_sim::{Report, Simulation, TraceHash};

const fn crosses<T: Send + Sync + Unpin>() {}

const _: () = {
    crosses::<Conditions>();
    crosses::<ConnectionEnd>();
    crosses::<Cut>();
    crosses::<Cuts>();
    crosses::<Host>();
    crosses::<Link>();
    crosses::<NetworkEvent>();
    crosses::<NetworkStatistics>();
    crosses::<Report>();
    crosses::<Settle>();
    crosses::<Simulation>();
    crosses::<TraceHash>();
};

/// A task may wait for a cut to be checked, and be moved to another thread meanwhile.
#[test]
fn what_runs_on_a_host_crosses_threads_if_it_does_itself() {
    const fn is_send<T: Send>(_: &T) {}
    hob_sim::run(7, async {
        let host = hob_sim::net::host("server");
        is_send(&host.run(async { 42 }));
    });
}
