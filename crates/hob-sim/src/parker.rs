//! Where the simulation sleeps: in no time at all.
//!
//! A sleep with a deadline moves the virtual clock to it, or to the next thing that happens on the
//! network if that is earlier, and returns at once. A sleep without end and with nothing under way is
//! a real one: only another thread can end it. The [engine](crate::engine) never starts one, because
//! that is a deadlock, and it says so instead.

use std::sync::Arc;
use std::task::Waker;

use hob_core::{Instant, Park, Unpark, Until};
use hob_time::VirtualClock;

use crate::net::Network;
use crate::primitive::{Condvar, Mutex, lock};

/// Sleeps on a virtual clock.
pub(crate) struct Parker {
    clock: VirtualClock,
    network: &'static Network,
    token: Arc<Token>,
}

/// Ends a sleep, now or the next one.
#[derive(Default)]
pub(crate) struct Token {
    is_left: Mutex<bool>,
    left: Condvar,
}

impl Parker {
    pub(crate) fn new(clock: VirtualClock, network: &'static Network, token: Arc<Token>) -> Self {
        Self {
            clock,
            network,
            token,
        }
    }

    /// Moves the clock to `to`, and does what is due on the network then.
    fn move_to(&self, to: Instant, woken: &mut Vec<Waker>) {
        self.clock.advance_to(to);
        self.network.advance(self.clock.now(), woken);
    }
}

impl Park for Parker {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        let next = self.network.next();
        match until {
            _ if self.token.take() => self.move_to(self.clock.now(), woken),
            Until::Now => self.move_to(self.clock.now(), woken),
            Until::At(deadline) if !next.min(deadline).is_never() => {
                self.move_to(next.min(deadline), woken);
            }
            Until::Forever if !next.is_never() => self.move_to(next, woken),
            Until::At(_) | Until::Forever => self.token.wait(),
        }
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        Arc::<Token>::clone(&self.token)
    }
}

impl Token {
    fn take(&self) -> bool {
        std::mem::take(&mut *lock(&self.is_left))
    }

    fn wait(&self) {
        let is_left = lock(&self.is_left);
        let woken = self.left.wait_while(is_left, |is_left| !*is_left);
        *woken.expect("nothing panics under this lock") = false;
    }
}

impl Unpark for Token {
    fn unpark(&self) {
        *lock(&self.is_left) = true;
        self.left.notify_one();
    }
}
