//! The figures to reach.
//!
//! A figure is a share of what a peer takes in the same run, a pool beside pools and one thread beside
//! one thread. Two shares count, of tokio and of the best peer, whichever is less. The peers were
//! measured first; each share stands between what the best of them takes and what hand-written code
//! does.

/// What one workload is to reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    pub(super) family: &'static str,
    pub(super) name: &'static str,
    /// Shares of tokio: the pool, one thread.
    pub(super) tokio: [Option<f64>; 2],
    /// Shares of the best peer: the pool, one thread.
    pub(super) best: [Option<f64>; 2],
    /// Besides: a further figure (or `result`) and its greatest value.
    pub(super) at_most: Option<(&'static str, f64)>,
}

/// Finds what a workload is to reach.
pub(super) fn find(family: &str, name: &str) -> Option<&'static Figure> {
    FIGURES
        .iter()
        .find(|figure| figure.family == family && figure.name == name)
}

/// Whether a workload, or any if none is named, is in one of the families: in any, if none is named.
pub(super) fn knows(families: &[String], name: Option<&str>) -> bool {
    FIGURES.iter().any(|figure| {
        (families.is_empty() || families.iter().any(|family| family == figure.family))
            && name.is_none_or(|name| name == figure.name)
    })
}

const fn figure(
    family: &'static str,
    name: &'static str,
    tokio: [f64; 2],
    best: [f64; 2],
) -> Figure {
    Figure {
        family,
        name,
        tokio: [Some(tokio[0]), Some(tokio[1])],
        best: [Some(best[0]), Some(best[1])],
        at_most: None,
    }
}

/// The same, for what must besides not exceed something.
const fn limited(figure: Figure, what: &'static str, greatest: f64) -> Figure {
    Figure {
        at_most: Some((what, greatest)),
        ..figure
    }
}

/// For what tokio has not.
const fn beside_best(family: &'static str, name: &'static str, best: [f64; 2]) -> Figure {
    let figure = figure(family, name, [0.0; 2], best);
    Figure {
        tokio: [None; 2],
        ..figure
    }
}

/// For what is a count and is the same for every good peer.
const fn beside_tokio(family: &'static str, name: &'static str, tokio: [f64; 2]) -> Figure {
    let figure = figure(family, name, tokio, [0.0; 2]);
    Figure {
        best: [None; 2],
        ..figure
    }
}

/// For what no peer promises.
const fn alone(family: &'static str, name: &'static str, greatest: f64) -> Figure {
    Figure {
        family,
        name,
        tokio: [None; 2],
        best: [None; 2],
        at_most: Some(("result", greatest)),
    }
}

/// For what is only looked at.
const fn unjudged(family: &'static str, name: &'static str) -> Figure {
    Figure {
        at_most: None,
        ..alone(family, name, 0.0)
    }
}

#[rustfmt::skip]
const FIGURES: &[Figure] = &[
    figure("exec", "spawn_join", [0.22, 0.65], [0.35, 0.85]),
    figure("exec", "spawn_inside", [0.22, 0.5], [0.3, 0.95]),
    figure("exec", "spawn_detached", [0.22, 0.45], [0.38, 0.9]),
    figure("exec", "detached_inside", [0.24, 0.45], [0.35, 0.75]),
    figure("exec", "yield_1", [0.18, 0.2], [0.35, 0.55]),
    figure("exec", "yield_10", [0.42, 0.7], [0.42, 0.7]),
    figure("exec", "yield_1000", [0.85, 0.8], [0.85, 1.0]),
    figure("exec", "ping_pong_1", [0.8, 1.0], [0.8, 1.0]),
    figure("exec", "ping_pong_100", [1.12, 1.0], [1.12, 1.0]),
    figure("exec", "ping_spawn", [0.5, 0.75], [0.5, 0.8]),
    figure("exec", "chained_spawn", [0.28, 0.45], [0.28, 0.5]),
    figure("exec", "fan_out_in", [0.25, 0.5], [0.25, 0.7]),
    figure("exec", "cross_wake_same", [1.0, 1.0], [1.1, 1.1]),
    figure("exec", "cross_wake_apart", [1.0, 1.0], [1.1, 1.1]),
    figure("exec", "steal_10us", [1.0, 1.0], [1.0, 1.05]),
    figure("exec", "mem_task", [0.38, 0.38], [1.25, 1.25]),
    figure("exec", "mem_task_256", [0.6, 0.6], [1.1, 1.1]),
    figure("exec", "block_on_ready", [0.3, 0.25], [0.9, 1.1]),
    figure("exec", "block_on_spawn", [0.03, 0.4], [0.03, 0.4]),
    figure("exec", "cancel", [0.32, 0.55], [0.4, 0.8]),
    figure("exec", "drop_rt", [0.45, 0.7], [0.95, 0.95]),
    beside_tokio("exec", "burst_20x50us", [1.2, 1.2]),
    beside_tokio("exec", "burst_100x10us", [1.2, 1.2]),
    beside_tokio("exec", "burst_2x1ms", [1.2, 1.2]),
    beside_best("exec", "burst_after_2ms", [1.2, 1.2]),
    beside_best("exec", "burst_after_20ms", [1.2, 1.2]),
    alone("exec", "child_of_spinner", 250.0),
    figure("time", "sleep_create", [0.72, 0.72], [1.25, 1.25]),
    figure("time", "sleep_drop", [0.48, 0.2], [0.48, 0.4]),
    figure("time", "sleep_drop_task", [0.48, 0.2], [0.48, 0.4]),
    figure("time", "sleep_drop_bg10k", [0.48, 0.45], [0.48, 0.45]),
    figure("time", "timeout_ready", [0.1, 0.1], [0.7, 0.7]),
    figure("time", "reset_10k", [0.42, 0.42], [0.42, 0.42]),
    figure("time", "idle_timeout", [0.18, 0.65], [0.25, 0.65]),
    limited(figure("time", "fire_random", [0.7, 1.0], [1.0, 1.0]), "p50_us_late", 150.0),
    limited(figure("time", "interval_1ms", [0.08, 0.08], [2.0, 2.0]), "result", 110.0),
    figure("time", "sleep_1ms", [0.1, 0.1], [2.0, 2.0]),
    figure("time", "mem_timer", [0.5, 0.5], [1.0, 1.0]),
    figure("sync", "mpsc_b64_1", [0.6, 0.55], [1.0, 1.0]),
    figure("sync", "mpsc_b64_4", [0.4, 0.6], [1.2, 1.2]),
    figure("sync", "mpsc_b1_1", [0.5, 0.5], [1.2, 1.2]),
    beside_best("sync", "mpmc_b64_4_4", [1.2, 0.45]),
    figure("sync", "mpsc_u_1", [0.65, 0.7], [1.2, 1.2]),
    figure("sync", "mpsc_u_4", [0.45, 0.65], [1.2, 1.2]),
    figure("sync", "chan_pong", [0.6, 0.8], [1.0, 1.0]),
    figure("sync", "oneshot", [0.7, 0.75], [1.0, 1.0]),
    figure("sync", "mutex_1", [0.6, 0.65], [0.8, 0.8]),
    figure("sync", "mutex_8", [0.5, 0.4], [1.3, 1.3]),
    figure("sync", "mutex_8_hold", [0.6, 0.6], [0.8, 0.8]),
    figure("sync", "sem_1", [0.55, 0.65], [0.8, 0.8]),
    figure("sync", "sem_8_hold", [0.5, 0.5], [0.8, 0.8]),
    figure("sync", "rwlock_read_1", [0.6, 0.7], [0.85, 0.85]),
    figure("sync", "rwlock_8_hold", [0.7, 0.8], [0.9, 0.9]),
    figure("sync", "notify_pong", [0.7, 0.95], [0.95, 0.95]),
    figure("sync", "notify_64", [0.7, 0.95], [0.95, 0.95]),
    figure("sync", "barrier_8", [0.75, 0.95], [0.95, 0.95]),
    figure("sync", "broadcast_4", [0.7, 0.85], [0.9, 0.9]),
    figure("sync", "watch_4", [0.6, 0.75], [0.8, 0.8]),
    figure("net", "tcp_pong_1_same", [0.95, 0.96], [0.97, 0.97]),
    figure("net", "udp_pong_same", [0.95, 0.95], [0.97, 0.97]),
    figure("net", "uds_pong_same", [0.93, 0.96], [1.1, 1.1]),
    figure("net", "tcp_pong_1", [1.0, 1.0], [1.03, 1.03]),
    figure("net", "tcp_50_64", [0.98, 0.98], [1.0, 1.0]),
    figure("net", "tcp_50_16k", [0.97, 0.97], [1.0, 1.0]),
    figure("net", "tcp_1000_64", [0.95, 0.95], [0.97, 0.97]),
    figure("net", "tcp_1000_16k", [0.9, 0.85], [1.0, 1.0]),
    figure("net", "accept_50", [0.95, 0.93], [1.0, 1.0]),
    figure("net", "tcp_50_64_free", [0.9, 1.0], [1.05, 1.05]),
    figure("net", "tcp_1000_64_free", [0.93, 0.95], [1.0, 1.0]),
    unjudged("net", "mem_idle"),
    figure("http", "http_50", [0.98, 0.98], [1.0, 1.0]),
    beside_tokio("syscalls", "tcp_pong_1", [1.0, 1.0]),
    beside_tokio("syscalls", "tcp_50_64", [1.0, 1.0]),
    beside_tokio("syscalls", "accept_50", [0.9, 0.9]),
    beside_tokio("syscalls", "udp_pong", [1.0, 1.0]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_workload_has_two_figures() {
        for (index, figure) in FIGURES.iter().enumerate() {
            let again = FIGURES[index + 1..]
                .iter()
                .any(|it| (it.family, it.name) == (figure.family, figure.name));
            assert!(!again, "{} {}", figure.family, figure.name);
        }
    }

    #[test]
    fn a_figure_is_a_share_within_reason() {
        for figure in FIGURES {
            for share in figure.tokio.into_iter().chain(figure.best).flatten() {
                assert!((0.01..=3.0).contains(&share), "{}", figure.name);
            }
        }
    }
}
