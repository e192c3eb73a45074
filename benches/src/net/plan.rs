//! The table of workloads with a server and a client.

use std::io;

use crate::cores::cores;

/// One workload: what is served, what is asked, where the two run, and what is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) family: &'static str,
    pub(super) name: &'static str,
    pub(super) service: Service,
    pub(super) style: Style,
    /// How many connections are under way at once; each carries one message at a time.
    pub(super) connections: usize,
    /// The size of a message; http has its own.
    pub(super) bytes: usize,
    pub(super) pins: Pins,
    pub(super) measure: Measure,
}

/// What the server offers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Service {
    /// Everything comes back, over TCP.
    Tcp,
    /// Every datagram comes back.
    Udp,
    /// Everything comes back, over a Unix stream.
    Unix,
    /// Hello world over HTTP/1.1.
    Http,
}

/// What the client does with a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Style {
    /// It stays open, one message after the other.
    Kept,
    /// It carries one message, and is closed from both ends before the next is opened.
    Short,
    /// It stays open, and after the first message it is silent.
    Idle,
}

/// Where server and client run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pins {
    /// The server on the first core, the client on the second.
    Apart,
    /// Both on the first core.
    Same,
    /// Wherever the kernel puts them.
    Free,
}

/// What the figure is, for each message (of style [`Style::Short`], for each connection).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Measure {
    /// Nanoseconds that pass.
    Wall,
    /// Nanoseconds of CPU that all threads of the server take.
    ServerCpu,
    /// System calls that the server makes.
    Syscalls,
    /// Resident bytes of the server, for each idle connection.
    Memory,
}

const PONG: Plan = Plan {
    family: "net",
    name: "tcp_pong_1",
    service: Service::Tcp,
    style: Style::Kept,
    connections: 1,
    bytes: 64,
    pins: Pins::Apart,
    measure: Measure::Wall,
};

const PONG_SAME: Plan = Plan {
    pins: Pins::Same,
    ..PONG
};

const MANY: Plan = Plan {
    connections: 50,
    measure: Measure::ServerCpu,
    ..PONG
};

const FREE: Plan = Plan {
    pins: Pins::Free,
    measure: Measure::Wall,
    ..MANY
};

const SYSCALLS: Plan = Plan {
    family: "syscalls",
    measure: Measure::Syscalls,
    ..PONG
};

const KIB: usize = 1024;

/// Every workload, in the order of the table.
pub(super) static PLANS: [Plan; 17] = [
    Plan {
        name: "tcp_pong_1_same",
        ..PONG_SAME
    },
    Plan {
        name: "udp_pong_same",
        service: Service::Udp,
        ..PONG_SAME
    },
    Plan {
        name: "uds_pong_same",
        service: Service::Unix,
        ..PONG_SAME
    },
    PONG,
    Plan {
        name: "tcp_50_64",
        ..MANY
    },
    Plan {
        name: "tcp_50_16k",
        bytes: 16 * KIB,
        ..MANY
    },
    Plan {
        name: "tcp_1000_64",
        connections: 1000,
        ..MANY
    },
    Plan {
        name: "tcp_1000_16k",
        connections: 1000,
        bytes: 16 * KIB,
        ..MANY
    },
    Plan {
        name: "accept_50",
        style: Style::Short,
        ..MANY
    },
    Plan {
        name: "tcp_50_64_free",
        ..FREE
    },
    Plan {
        name: "tcp_1000_64_free",
        connections: 1000,
        ..FREE
    },
    Plan {
        name: "mem_idle",
        style: Style::Idle,
        connections: 5000,
        measure: Measure::Memory,
        ..PONG
    },
    Plan {
        family: "http",
        name: "http_50",
        service: Service::Http,
        ..MANY
    },
    SYSCALLS,
    Plan {
        name: "tcp_50_64",
        connections: 50,
        ..SYSCALLS
    },
    Plan {
        name: "accept_50",
        style: Style::Short,
        connections: 50,
        ..SYSCALLS
    },
    Plan {
        name: "udp_pong",
        service: Service::Udp,
        ..SYSCALLS
    },
];

impl Plan {
    /// The workload of that name.
    pub(super) fn find(family: &str, name: &str) -> io::Result<&'static Self> {
        PLANS
            .iter()
            .find(|plan| plan.family == family && plan.name == name)
            .ok_or_else(|| io::Error::other(format!("there is no workload `{family} {name}`")))
    }

    /// Who takes part. hob has neither UDP nor Unix sockets yet.
    pub(super) fn contestants(&self) -> Vec<&'static str> {
        let hob: &[_] = match self.service {
            Service::Tcp | Service::Http => &["hob_mt", "hob_ct"],
            Service::Udp | Service::Unix => &[],
        };
        let others = ["tokio_mt", "tokio_ct", "smol_mt", "smol_ct", "raw_epoll"];
        [hob, &others].concat()
    }

    /// Why it cannot run on this machine, if it cannot.
    pub(super) fn hindrance(&self) -> io::Result<Option<&'static str>> {
        let apart = self.pins == Pins::Apart;
        Ok((apart && cores()?.len() < 2).then_some("there is only one core"))
    }

    /// What the figure counts.
    pub(super) const fn unit(&self) -> &'static str {
        match self.measure {
            Measure::Wall | Measure::ServerCpu => "ns",
            Measure::Syscalls => "calls",
            Measure::Memory => "B",
        }
    }

    /// How long a server's buffer is: more than a message, so that a whole message is a short read,
    /// which tells whoever looks at it that nothing is left.
    pub(super) const fn buffer(&self) -> usize {
        self.bytes + 1
    }
}
