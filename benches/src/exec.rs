//! The family `exec`: spawning, switching, crossing threads, ending, and what a task weighs.
//!
//! `floor` is hand-written code that gives the same answer with no executor at all; `raw_at` is the
//! least that can run tasks. What pins threads or looks into `/proc` takes part on Linux only.

#[cfg(target_os = "linux")]
mod across;
mod bursts;
mod ending;
mod floor;
mod spawning;
mod steal;
mod switching;
#[cfg(target_os = "linux")]
mod weight;
mod work;

use std::time::Duration;

use crate::contestant::{HobMt, Raw, SmolMt, TokioMt, both_classes, wider_pools};
use crate::exec::bursts::{Burst, burst, child_of_spinner};
use crate::workload::Workload;

/// Every workload of the family.
pub(crate) fn workloads() -> Vec<Workload> {
    let groups = [
        spawning(),
        switching(),
        #[cfg(target_os = "linux")]
        on_linux(),
        whole(),
        bursts(),
    ];
    groups.into_iter().flatten().collect()
}

fn spawning() -> Vec<Workload> {
    vec![
        wider_pools!(
            both_classes!("exec", "spawn_join", "ns", spawning::join),
            spawning::join
        )
        .add("raw_at", spawning::join::<Raw>)
        .add("floor", floor::boxed),
        both_classes!("exec", "spawn_inside", "ns", spawning::join_inside)
            .add("raw_at", spawning::join_inside::<Raw>)
            .add("floor", floor::boxed),
        both_classes!("exec", "spawn_detached", "ns", spawning::detach)
            .add("raw_at", spawning::detach::<Raw>)
            .add("floor", floor::boxed),
        both_classes!("exec", "detached_inside", "ns", spawning::detach_inside)
            .add("raw_at", spawning::detach_inside::<Raw>)
            .add("floor", floor::boxed),
        wider_pools!(
            both_classes!("exec", "ping_spawn", "ns", spawning::ping),
            spawning::ping
        )
        .add("raw_at", spawning::ping::<Raw>),
        both_classes!("exec", "chained_spawn", "ns", spawning::chain)
            .add("raw_at", spawning::chain::<Raw>)
            .add("floor", floor::boxed),
        wider_pools!(
            both_classes!("exec", "fan_out_in", "ns", spawning::fan_out_in),
            spawning::fan_out_in
        )
        .add("raw_at", spawning::fan_out_in::<Raw>)
        .add("floor", floor::boxed),
    ]
}

fn switching() -> Vec<Workload> {
    vec![
        both_classes!("exec", "yield_1", "ns", switching::yield_1)
            .add("raw_at", switching::yield_1::<Raw>)
            .add("floor", |size| floor::yields(size, 1)),
        both_classes!("exec", "yield_10", "ns", switching::yield_10)
            .add("raw_at", switching::yield_10::<Raw>)
            .add("floor", |size| floor::yields(size, 10)),
        wider_pools!(
            both_classes!("exec", "yield_1000", "ns", switching::yield_1000),
            switching::yield_1000
        )
        .add("raw_at", switching::yield_1000::<Raw>)
        .add("floor", |size| floor::yields(size, 1_000)),
        both_classes!("exec", "ping_pong_1", "ns", switching::ping_pong_1)
            .add("raw_at", switching::ping_pong_1::<Raw>)
            .add("floor", |size| floor::turns(size, 1)),
        both_classes!("exec", "ping_pong_100", "ns", switching::ping_pong_100)
            .add("raw_at", switching::ping_pong_100::<Raw>)
            .add("floor", |size| floor::turns(size, 100)),
    ]
}

#[cfg(target_os = "linux")]
fn on_linux() -> Vec<Workload> {
    vec![
        both_classes!("exec", "cross_wake_same", "ns", across::wake_same)
            .add("floor", across::wake_same_floor),
        both_classes!("exec", "cross_wake_apart", "ns", across::wake_apart)
            .add("floor", across::wake_apart_floor),
        both_classes!("exec", "mem_task", "B", weight::task)
            .add("raw_at", weight::task::<Raw>)
            .add("floor", weight::task_floor),
        both_classes!("exec", "mem_task_256", "B", weight::task_256)
            .add("raw_at", weight::task_256::<Raw>)
            .add("floor", weight::task_256_floor),
    ]
}

fn whole() -> Vec<Workload> {
    vec![
        both_classes!("exec", "steal_10us", "ns", steal::steal)
            .add("raw_at", steal::steal::<Raw>)
            .add("floor", steal::steal_floor),
        both_classes!("exec", "block_on_ready", "ns", ending::block_on_ready)
            .add("raw_at", ending::block_on_ready::<Raw>)
            .add("floor", floor::ready_future),
        both_classes!("exec", "block_on_spawn", "ns", ending::block_on_spawn)
            .add("raw_at", ending::block_on_spawn::<Raw>),
        both_classes!("exec", "cancel", "ns", ending::cancel)
            .add("raw_at", ending::cancel::<Raw>)
            .add("floor", ending::drop_floor),
        both_classes!("exec", "drop_rt", "ns", ending::drop_runtime)
            .add("floor", ending::drop_floor),
    ]
}

/// Only a pool can be late with these.
fn bursts() -> Vec<Workload> {
    let row = |name, tasks, microseconds, milliseconds_after| {
        let what = Burst {
            tasks,
            microseconds,
            after: Duration::from_millis(milliseconds_after),
        };
        Workload::new("exec", name, "us")
            .add("hob_mt", move |size| burst::<HobMt>(size, what))
            .add("tokio_mt", move |size| burst::<TokioMt>(size, what))
            .add("smol_mt", move |size| burst::<SmolMt>(size, what))
    };
    vec![
        row("burst_20x50us", 20, 50, 0),
        row("burst_100x10us", 100, 10, 0),
        row("burst_2x1ms", 2, 1_000, 0),
        row("burst_after_2ms", 20, 50, 2),
        row("burst_after_20ms", 20, 50, 20),
        Workload::new("exec", "child_of_spinner", "us")
            .add("hob_mt", child_of_spinner::<HobMt>)
            .add("tokio_mt", child_of_spinner::<TokioMt>)
            .add("smol_mt", child_of_spinner::<SmolMt>),
    ]
}
