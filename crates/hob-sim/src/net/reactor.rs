//! The network as a [`Reactor`] for its own sockets.
//!
//! # Implementation
//!
//! It is edge-triggered: both directions are reported from a registration on, as they become ready.
//! [`Readiness::EDGE`] is never promised, because here a short read or write is often one that chance
//! has shortened, and leaves something behind.
//!
//! A source registers under its own lock, so nothing is said to it then; what is ready already is
//! news for the next [`advance`](Network::advance).

use std::io;
use std::sync::Arc;
use std::task::Waker;

use hob_core::reactor::retired;
use hob_core::{DescriptorRef, IoSource, Reactor, Readiness};

use super::network::Network;
use super::socket::Watch;

impl Reactor for Network {
    fn register(&self, fd: DescriptorRef<'_>, source: &Arc<IoSource>) -> io::Result<u64> {
        let mut inner = self.lock();
        if inner.state.as_ref().is_none_or(|state| state.is_retired) {
            return Err(retired());
        }
        let key = inner.registrations;
        let (state, id) = inner.find(fd)?;
        let readiness = state.readiness(id);
        let socket = state.socket(id)?;
        if socket.watch.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        socket.watch = Some(Watch {
            key,
            source: Arc::clone(source),
            news: Readiness::NONE,
        });
        state.tell(id, readiness);
        inner.registrations = key + 1;
        Ok(key)
    }

    fn deregister(&self, fd: DescriptorRef<'_>, key: u64) -> io::Result<()> {
        let mut inner = self.lock();
        let watch = inner.find(fd).ok().and_then(|(state, id)| {
            let socket = state.sockets.get_mut(&id)?;
            socket.watch.take_if(|watch| watch.key == key)
        });
        drop(inner);
        // The source may hold wakers, which are foreign code.
        drop(watch);
        Ok(())
    }

    fn retire(&self, woken: &mut Vec<Waker>) {
        let mut inner = self.lock();
        let mut watches = Vec::new();
        if let Some(state) = &mut inner.state {
            state.is_retired = true;
            watches.extend(state.sockets.values_mut().filter_map(|it| it.watch.take()));
        }
        drop(inner);
        for watch in watches {
            watch.source.unbind(self, watch.key, woken);
        }
    }
}
