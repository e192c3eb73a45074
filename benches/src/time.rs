//! The family `time`: what a timer costs that never fires, and how late the others are.

mod firing;
mod floor;
mod idle;
// It looks into `/proc`.
#[cfg(target_os = "linux")]
mod weight;

use crate::contestant::both_classes;
use crate::workload::Workload;

/// Every workload of the family.
pub(crate) fn workloads() -> Vec<Workload> {
    let idle: [Workload; 7] = [
        both_classes!("time", "sleep_create", "ns", idle::create).add("floor", floor::create),
        both_classes!("time", "sleep_drop", "ns", idle::drop_polled).add("floor", floor::arm),
        both_classes!("time", "sleep_drop_task", "ns", idle::drop_polled_in_task)
            .add("floor", floor::arm),
        both_classes!(
            "time",
            "sleep_drop_bg10k",
            "ns",
            idle::drop_polled_among_10k
        )
        .add("floor", floor::arm_among_10k),
        both_classes!("time", "timeout_ready", "ns", idle::timeout_ready),
        both_classes!("time", "reset_10k", "ns", idle::reset_one_of_10k).add("floor", floor::reset),
        both_classes!("time", "idle_timeout", "ns", idle::timeout_idle),
    ];
    let firing = [
        both_classes!("time", "fire_random", "ns", firing::random).add("floor", floor::random),
        both_classes!("time", "interval_1ms", "us", firing::interval).add("floor", floor::interval),
        both_classes!("time", "sleep_1ms", "us", firing::sleep).add("floor", floor::sleep),
        #[cfg(target_os = "linux")]
        both_classes!("time", "mem_timer", "B", weight::timer),
    ];
    idle.into_iter().chain(firing).collect()
}
