//! The network of one simulation, as its engine sees it.
//!
//! # Implementation
//!
//! One lock guards everything. It is never contended where a simulation has one thread, and no foreign
//! code runs under it: sources are told, and wakers handed out, when it is free.
//!
//! A network lives as long as the process and is used again, because sockets refer to it and may outlive
//! their simulation. Each use has a range of descriptors of its own, so a socket that has outlived
//! its simulation is refused, and never touches another's.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::Waker;

use hob_core::{Descriptor, DescriptorRef, Instant, Recycler};
use hob_time::VirtualClock;

use super::conditions::Conditions;
use super::errno::Answer;
use super::event::NetworkEvent;
use super::host::HostId;
use super::socket::SocketId;
use super::state::State;
use super::statistics::NetworkStatistics;
use crate::primitive::{Mutex, MutexGuard, lock};
use crate::trace::Trace;

/// A network in memory: the second implementation of [`Sys`](hob_core::Sys), and a
/// [`Reactor`](hob_core::Reactor) for its own sockets.
pub(crate) struct Network {
    inner: Mutex<Inner>,
}

pub(super) struct Inner {
    /// Whether this is the use that something belongs to.
    pub(super) epoch: Epoch,
    /// `None` while nobody uses the network.
    pub(super) state: Option<State>,
    /// Of all registrations in all uses.
    pub(super) registrations: u64,
}

/// One use of a network: where its descriptors begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Epoch(u64);

static SHELF: Recycler<Network> = Recycler::new();
/// Where the descriptors of the next use begin.
static NEXT_EPOCH: Mutex<u64> = Mutex::new(0);
/// How many descriptors a use has.
const DESCRIPTORS: u64 = 1 << 32;

impl Network {
    /// Takes a network that nobody uses, with one host.
    pub(crate) fn open(
        seed: u64,
        conditions: Conditions,
        trace: Arc<Trace>,
        clock: VirtualClock,
    ) -> &'static Self {
        let network = SHELF.take(|_| true, Self::idle);
        network.begin(State::new(seed, conditions, trace, clock));
        network
    }

    /// Forgets everything. Sockets that are left are refused from now on.
    pub(crate) fn close(&'static self) {
        self.end();
        SHELF.give_back(self);
    }

    /// One that nobody uses.
    pub(super) const fn idle() -> Self {
        Self {
            inner: Mutex::new(Inner {
                epoch: Epoch(0),
                state: None,
                registrations: 0,
            }),
        }
    }

    pub(super) fn begin(&self, state: State) {
        let epoch = Epoch::next();
        let mut inner = self.lock();
        inner.epoch = epoch;
        inner.state = Some(state);
    }

    pub(super) fn end(&self) {
        let state = self.lock().state.take();
        // The sources in it may hold wakers, which are foreign code: dropped after the lock.
        drop(state);
    }

    /// When something happens next; never, if nothing is under way.
    pub(crate) fn next(&self) -> Instant {
        let inner = self.lock();
        inner.state.as_ref().map_or(Instant::NEVER, State::next)
    }

    /// Does what is due at `now`, and hands out those who waited for it.
    pub(crate) fn advance(&self, now: Instant, woken: &mut Vec<Waker>) {
        let mut told = Vec::new();
        if let Some(state) = &mut self.lock().state {
            state.run(now);
            while let Some(news) = state.take_news() {
                told.push(news);
            }
        }
        for (source, readiness) in told {
            source.set_ready(readiness, woken);
        }
    }

    /// The host that the running code is on.
    pub(crate) fn current_host(&self) -> HostId {
        let inner = self.lock();
        inner.state.as_ref().map_or(HostId::MAIN, |it| it.current)
    }

    /// Says which host the code that runs next is on.
    pub(crate) fn set_current_host(&self, host: HostId) {
        if let Some(state) = &mut self.lock().state {
            state.current = host;
        }
    }

    /// Ends all faults for good: partitions heal, nothing is lost any more, limits are lifted.
    pub(crate) fn heal(&self) {
        if let Some(state) = &mut self.lock().state {
            state.heal();
        }
    }

    /// The use that this network is in.
    pub(super) fn epoch(&self) -> Epoch {
        self.lock().epoch
    }

    /// Runs `act` if the network is still in that use.
    pub(super) fn in_use<R>(&self, epoch: Epoch, act: impl FnOnce(&mut State) -> R) -> Option<R> {
        let mut inner = self.lock();
        let is_it = inner.epoch == epoch;
        inner.state.as_mut().filter(|_| is_it).map(act)
    }

    /// Runs `act` on the socket of a descriptor, unless it is foreign or closed.
    pub(super) fn on_socket<R>(
        &self,
        socket: &Descriptor,
        act: impl FnOnce(&mut State, SocketId) -> Answer<R>,
    ) -> io::Result<R> {
        let mut inner = self.lock();
        let (state, id) = inner.find(socket.as_ref())?;
        act(state, id).map_err(io::Error::from)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

impl Inner {
    /// The socket of a descriptor, and the state it is in.
    pub(super) fn find(
        &mut self,
        descriptor: DescriptorRef<'_>,
    ) -> io::Result<(&mut State, SocketId)> {
        let id = self.epoch.socket(descriptor);
        let state = self.state.as_mut();
        match (state, id) {
            (Some(state), Some(id)) if state.sockets.contains_key(&id) => Ok((state, id)),
            _ => Err(foreign(descriptor)),
        }
    }
}

impl Epoch {
    fn next() -> Self {
        let mut next = lock(&NEXT_EPOCH);
        let epoch = *next;
        *next = epoch
            .checked_add(DESCRIPTORS)
            .expect("a process does not run four billion simulations");
        Self(epoch)
    }

    pub(super) const fn descriptor(self, id: SocketId) -> Descriptor {
        Descriptor::Virtual(self.0 + id.0)
    }

    fn socket(self, descriptor: DescriptorRef<'_>) -> Option<SocketId> {
        let DescriptorRef::Virtual(number) = descriptor else {
            return None;
        };
        let id = number.checked_sub(self.0)?;
        (id < DESCRIPTORS).then_some(SocketId(id))
    }
}

impl State {
    /// Cuts a link or mends it.
    pub(super) fn set_cut(&mut self, one: HostId, other: HostId, is_cut: bool) {
        if is_cut && self.is_healed || !self.links.set_cut(one, other, is_cut) {
            return;
        }
        let (one, other) = (one.min(other), one.max(other));
        self.note(if is_cut {
            NetworkEvent::Partitioned {
                one: one.0,
                other: other.0,
            }
        } else {
            NetworkEvent::Healed {
                one: one.0,
                other: other.0,
            }
        });
        if is_cut {
            self.probe(one, other);
        } else {
            self.resume(one, other);
        }
    }

    pub(super) fn mend_all(&mut self) {
        for (one, other) in self.links.cut() {
            self.set_cut(one, other, false);
        }
    }

    fn heal(&mut self) {
        self.is_healed = true;
        self.mend_all();
        self.links.heal();
        for host in &mut self.hosts {
            host.descriptors_max = usize::MAX;
        }
    }

    pub(super) fn statistics(&self) -> NetworkStatistics {
        NetworkStatistics {
            hosts: self.hosts.len(),
            sockets_open: self.sockets.len(),
            connections_open: self.connections.len(),
            ..self.statistics
        }
    }
}

/// The refusal of a descriptor that is the kernel's, another network's, or closed.
fn foreign(descriptor: DescriptorRef<'_>) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{descriptor} is no open socket of this simulated network"),
    )
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut network = f.debug_struct("Network");
        match self.inner.try_lock() {
            Ok(inner) => {
                let statistics = inner.state.as_ref().map(State::statistics);
                network.field("statistics", &statistics).finish()
            }
            Err(_) => network
                .field("statistics", &format_args!("<locked>"))
                .finish(),
        }
    }
}
