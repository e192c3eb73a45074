//! A poller for the sockets of the toy network: there is nothing to ask a kernel for.
//!
//! The network says what happened; whoever is in the seat tells the sources.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Waker;

use hob::engine::{DescriptorRef, IoSource, Park, Reactor, Readiness, Unpark, Until, retired};

use crate::Counter;
use crate::toy_parker::ToyParker;

pub static REGISTER: Counter = Counter::new();
pub static TELL: Counter = Counter::new();
pub static DEREGISTER: Counter = Counter::new();
pub static RETIRE: Counter = Counter::new();

/// Who waits for which socket, and what has happened there.
pub struct ToyReactor {
    state: Mutex<State>,
    seat: Arc<dyn Unpark>,
}

#[derive(Default)]
struct State {
    watched: Vec<Watched>,
    last_key: u64,
    happened: Vec<(u64, Readiness)>,
    retired: bool,
}

struct Watched {
    key: u64,
    socket: u64,
    source: Arc<IoSource>,
}

/// Where a worker sleeps until something has happened.
pub struct ToySeat {
    reactor: &'static ToyReactor,
    parker: ToyParker,
}

impl ToyReactor {
    /// One that lives as long as the process: sockets may outlive their runtime.
    pub fn open() -> (&'static Self, ToySeat) {
        let parker = ToyParker::new();
        let reactor = Box::leak(Box::new(Self {
            state: Mutex::default(),
            seat: parker.unparker(),
        }));
        (reactor, ToySeat { reactor, parker })
    }

    /// Notes that `socket` may be ready now; for the network.
    pub fn happened(&self, socket: u64, readiness: Readiness) {
        self.state().happened.push((socket, readiness));
        self.seat.unpark();
    }

    /// Tells the sources what has happened since the last time.
    fn tell(&self, woken: &mut Vec<Waker>) {
        let mut state = self.state();
        let happened = mem::take(&mut state.happened);
        let told: Vec<_> = happened
            .into_iter()
            .filter_map(|(socket, readiness)| {
                let watched = state.watched.iter().find(|it| it.socket == socket)?;
                Some((Arc::clone(&watched.source), readiness))
            })
            .collect();
        // A source calls us under its lock, so ours is released before we call it.
        drop(state);
        for (source, readiness) in told {
            TELL.add_one();
            source.set_ready(readiness, woken);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no foreign code runs under it")
    }
}

impl Reactor for ToyReactor {
    fn register(&self, fd: DescriptorRef<'_>, source: &Arc<IoSource>) -> io::Result<u64> {
        REGISTER.add_one();
        let DescriptorRef::Virtual(socket) = fd else {
            let text = format!("{fd} is no socket of the toy network");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        };
        let mut state = self.state();
        if state.retired {
            return Err(retired());
        }
        state.last_key += 1;
        let key = state.last_key;
        let source = Arc::clone(source);
        state.watched.push(Watched {
            key,
            socket,
            source,
        });
        drop(state);
        // What happened before counts too: whoever waits tries once in vain at the most.
        self.happened(socket, Readiness::BOTH);
        Ok(key)
    }

    fn deregister(&self, _fd: DescriptorRef<'_>, key: u64) -> io::Result<()> {
        DEREGISTER.add_one();
        let mut state = self.state();
        let index = state.watched.iter().position(|it| it.key == key);
        let gone = index.map(|index| state.watched.swap_remove(index));
        drop(state);
        drop(gone);
        Ok(())
    }

    fn retire(&self, woken: &mut Vec<Waker>) {
        RETIRE.add_one();
        let mut state = self.state();
        state.retired = true;
        let watched = mem::take(&mut state.watched);
        drop(state);
        for Watched { key, source, .. } in watched {
            source.unbind(self, key, woken);
        }
    }
}

impl Park for ToySeat {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        self.parker.park(until, woken);
        self.reactor.tell(woken);
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        self.parker.unparker()
    }
}
