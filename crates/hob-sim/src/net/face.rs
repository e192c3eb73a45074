//! What a program asks of the network that it runs on.

use std::fmt;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use hob_task::Task;

use super::conditions::Link;
use super::host::{HOSTS_MAX, HostId};
use super::network::{Epoch, Network};
use super::state::State;
use super::statistics::NetworkStatistics;
use crate::world::expect_current;

/// A machine on the simulated network, with its own addresses, ports, paths and limits.
#[derive(Clone)]
pub struct Host {
    network: &'static Network,
    epoch: Epoch,
    id: HostId,
    name: Arc<str>,
}

/// The host of that name, which is made if there is none. Upper and lower case are the same.
///
/// # Panics
///
/// Outside a simulation. If the name is empty, is `localhost`, or reads as an address. If there are
/// too many hosts, which is more than 65,000.
///
/// # Examples
///
/// ```
/// use hob_sim::net::host;
///
/// hob_sim::run(7, async {
///     assert_eq!(host("main").ip().to_string(), "10.0.0.1");
///     assert_eq!(host("server").ip().to_string(), "10.0.0.2");
///     assert_eq!(host("server").ipv6().to_string(), "fd00::2");
/// });
/// ```
#[must_use]
#[track_caller]
pub fn host(name: &str) -> Host {
    let network = expect_current("`net::host`").network;
    let is_usual = !name.is_empty() && !name.eq_ignore_ascii_case("localhost");
    assert!(
        is_usual && name.parse::<IpAddr>().is_err(),
        "{name:?} cannot name a host"
    );
    let epoch = network.epoch();
    let found = network.in_use(epoch, |state| {
        let id = state.host(name)?;
        Some((id, Arc::clone(&state.host_state(id).name)))
    });
    let found = found.expect("the network of a running simulation is in use");
    let (id, name) = found.unwrap_or_else(|| panic!("a simulation has at most {HOSTS_MAX} hosts"));
    Host {
        network,
        epoch,
        id,
        name,
    }
}

/// Cuts the link between two hosts, in both directions.
///
/// Connections notice nothing at first: what is sent waits, and is sent again. Datagrams are lost.
///
/// Nothing is cut once the simulation has ended all faults: see
/// [`Simulation::heal`](crate::Simulation::heal).
///
/// # Panics
///
/// If the hosts are not those of one running simulation.
///
/// # Examples
///
/// ```
/// use hob_net::TcpStream;
/// use hob_sim::net::{heal, host, partition};
///
/// hob_sim::run(7, async {
///     let (main, server) = (host("main"), host("server"));
///     partition(&main, &server);
///     let lost = TcpStream::connect("server:80").await.unwrap_err();
///     assert_eq!(lost.kind(), std::io::ErrorKind::TimedOut);
///     heal(&main, &server);
///     let refused = TcpStream::connect("server:80").await.unwrap_err();
///     assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
/// });
/// ```
#[track_caller]
pub fn partition(one: &Host, other: &Host) {
    one.with(other, |state| state.set_cut(one.id, other.id, true));
}

/// Mends the link between two hosts. What was under way is sent again when its sender next tries.
///
/// # Panics
///
/// As [`partition`].
#[track_caller]
pub fn heal(one: &Host, other: &Host) {
    one.with(other, |state| state.set_cut(one.id, other.id, false));
}

/// Cuts a host off from all others that there are now. It does nothing where [`partition`] does nothing.
///
/// # Panics
///
/// If the host's simulation has ended.
#[track_caller]
pub fn isolate(host: &Host) {
    host.with(host, |state| {
        for other in (0..state.hosts.len()).filter_map(HostId::at) {
            state.set_cut(host.id, other, true);
        }
    });
}

/// Mends all links.
///
/// # Panics
///
/// Outside a simulation.
#[track_caller]
pub fn heal_all() {
    let network = expect_current("`net::heal_all`").network;
    network.in_use(network.epoch(), State::mend_all);
}

/// Changes the link between two hosts, in both directions, for what is sent from now on.
///
/// Nothing is changed for a host and itself. Once the simulation has ended all faults, a link only gets
/// its latency: see [`Simulation::heal`](crate::Simulation::heal).
///
/// # Panics
///
/// As [`partition`].
#[track_caller]
pub fn set_link(one: &Host, other: &Host, link: Link) {
    one.with(other, |state| {
        let link = if state.is_healed { link.healed() } else { link };
        state.links.set(one.id, other.id, link);
    });
}

/// What the network has done so far.
///
/// # Panics
///
/// Outside a simulation.
///
/// # Examples
///
/// ```
/// let statistics = hob_sim::run(7, async { hob_sim::net::statistics() });
/// assert_eq!((statistics.hosts, statistics.sockets_open), (1, 0));
/// ```
#[must_use]
#[track_caller]
pub fn statistics() -> NetworkStatistics {
    let network = expect_current("`net::statistics`").network;
    let statistics = network.in_use(network.epoch(), |state| state.statistics());
    statistics.expect("the network of a running simulation is in use")
}

impl Host {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address of version 4.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.id.v4().into()
    }

    /// Its address of version 6.
    #[must_use]
    pub fn ipv6(&self) -> IpAddr {
        self.id.v6().into()
    }

    /// Starts a task on this host, and so do the tasks that it starts.
    ///
    /// # Panics
    ///
    /// If the host's simulation has ended.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let builder = hob_task::Builder::new();
        self.enter(|| builder.spawn(future))
    }

    /// Polls `future` on this host, in the task that awaits it.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops `future`.
    ///
    /// # Panics
    ///
    /// If it is polled when the host's simulation has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use hob_net::TcpListener;
    /// use hob_sim::net::host;
    ///
    /// hob_sim::run(7, async {
    ///     let server = host("server");
    ///     let listener = server.run(TcpListener::bind("0.0.0.0:80")).await?;
    ///     let taken = server.run(TcpListener::bind("0.0.0.0:80")).await;
    ///     assert!(taken.is_err(), "it is the same port of the same host");
    ///     TcpListener::bind("0.0.0.0:80").await?;
    ///     drop(listener);
    ///     Ok::<_, std::io::Error>(())
    /// })
    /// # .unwrap();
    /// ```
    pub async fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.enter(|| future.as_mut().poll(cx))).await
    }

    /// Runs `inside` on this host: sockets that it opens and tasks that it spawns belong there.
    ///
    /// # Panics
    ///
    /// If the host's simulation has ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use hob_net::TcpListener;
    /// use hob_sim::net::host;
    ///
    /// hob_sim::run(7, async {
    ///     let server = host("server");
    ///     let task = server.enter(|| hob_task::spawn(async {
    ///         TcpListener::bind("server:80").await?.local_addr()
    ///     }));
    ///     assert_eq!(task.await.unwrap().unwrap().ip(), server.ip());
    /// });
    /// ```
    #[track_caller]
    pub fn enter<R>(&self, inside: impl FnOnce() -> R) -> R {
        struct Restore(&'static Network, Epoch, HostId);
        impl Drop for Restore {
            fn drop(&mut self) {
                let Self(network, epoch, host) = *self;
                network.in_use(epoch, |state| state.current = host);
            }
        }
        let before = self.with(self, |state| std::mem::replace(&mut state.current, self.id));
        let _restore = Restore(self.network, self.epoch, before);
        inside()
    }

    /// Sets how many sockets it may have open. At the limit opening, and accepting, fail as at the
    /// kernel's (`EMFILE`); a connection that was not accepted stays in the queue.
    ///
    /// Nothing is limited once the simulation has ended all faults: see
    /// [`Simulation::heal`](crate::Simulation::heal).
    ///
    /// # Panics
    ///
    /// If the host's simulation has ended.
    #[doc(alias("RLIMIT_NOFILE", "EMFILE"))]
    #[track_caller]
    pub fn set_descriptor_limit(&self, sockets: usize) {
        self.with(self, |state| {
            if !state.is_healed {
                state.host_state(self.id).descriptors_max = sockets;
            }
        });
    }

    /// Runs `act` on the network that this and another host are on.
    #[track_caller]
    fn with<R>(&self, other: &Self, act: impl FnOnce(&mut State) -> R) -> R {
        assert!(
            self.epoch == other.epoch,
            "the hosts {self} and {other} belong to different simulations"
        );
        let acted = self.network.in_use(self.epoch, act);
        acted.unwrap_or_else(|| panic!("the simulation of the host {self} has ended"))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("name", &self.name)
            .field("ip", &self.ip())
            .finish_non_exhaustive()
    }
}
