//! The families that need a server and a client: `net`, `http` and `syscalls`.
//!
//! A run is three processes. The [parent] starts a [server](servers), made by the contestant, and the
//! [load generator](load), which is the same hand-written code for all of them; it puts the figure
//! together and ends both, whatever happens.
//!
//! ```text
//!  hob-bench run net tcp_50_64 hob_mt          the parent; waits
//!    ├── hob-bench serve-one ...  ◄─────┐      on the first core (`_free`: on any)
//!    └── hob-bench load ...  ───────────┘      on the second (`_same`: on the first)
//! ```
//!
//! # Implementation
//!
//! What a workload is made of stands in one table, see [`plan`]. A server never ends by itself: its
//! standard input is a pipe that the parent holds, and when that closes, also because the parent was
//! killed, the server is gone. The load generator checks every byte that comes back and how many
//! messages there were. It reads the server's CPU time from `/proc` just before and just after the
//! window, while no message is under way.
//!
//! In the family `syscalls` the server runs under strace, see [`strace`].

mod load;
mod order;
mod parent;
mod patience;
mod plan;
mod process;
mod raw;
mod servers;
mod strace;
mod talk;

use crate::net::plan::{Measure, PLANS, Plan};
use crate::workload::Workload;

/// Every workload of the three families.
pub(crate) fn workloads() -> Vec<Workload> {
    PLANS.iter().map(workload).collect()
}

/// Runs a hidden subcommand of these families, `serve-one` or `load`, if the arguments name one.
pub(crate) fn hidden(arguments: &[String]) -> Option<Result<(), String>> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["serve-one", family, name, contestant] => {
            Plan::find(family, name).and_then(|plan| servers::serve(plan, contestant))
        }
        ["load", family, name, address, server, amount] => Plan::find(family, name)
            .and_then(|plan| load::run(plan, address, server, amount))
            .map(|report| println!("{report}")),
        _ => return None,
    };
    Some(done.map_err(|error| error.to_string()))
}

fn workload(plan: &'static Plan) -> Workload {
    let (family, name) = (plan.family, plan.name);
    let contestants = plan.contestants();
    match plan.measure {
        Measure::Syscalls => Workload {
            family,
            name,
            unit: "calls",
            contestants,
            run: Box::new(|contestant, size| strace::run(plan, contestant, size)),
        },
        Measure::Wall | Measure::ServerCpu | Measure::Memory => Workload {
            family,
            name,
            unit: plan.unit(),
            contestants,
            run: Box::new(|contestant, size| parent::run(plan, contestant, size)),
        },
    }
}
