//! The poller for Linux: an edge-triggered epoll, with one system call a turn.
//!
//! # Implementation
//!
//! A descriptor is registered once, for both directions and edge-triggered, so that nothing has to be
//! asked for again: [`IoSource`] remembers what is ready. The time to sleep travels in the call that
//! sleeps, `epoll_pwait2`, in nanoseconds; that the system keeps to it is the matter of `exact.rs`.
//! Another thread ends the sleep through an eventfd that is
//! written only while somebody sleeps, see [`Token`], and that is never read: each write is an edge.
//!
//! ```text
//!   Epoll  (&'static, recycled)          EpollSeat  (owned by who drives it)
//!     state: Mutex ┬ Arc<Descriptors> ───── Arc<Descriptors>: epoll, eventfd
//!                  └ Registry of Arc<IoSource>          Token ── unparkers
//! ```
//!
//! One lock guards the registry, and the poller's descriptors, which are there between `open` and
//! `retire`. An event takes it only to look up the sources; they are told after it is released, since
//! a source calls `register` under its own lock. So a source may hear of an event while its
//! `deregister` runs on another thread, and not after that unless the two overlapped.
//!
//! The descriptors close with the last of the seat, the reactor until it is retired, and an unparker
//! that rings at that very moment. Unparkers that outlive the seat hold a weak reference.
//!
//! # References
//!
//! - epoll(7), <https://man7.org/linux/man-pages/man7/epoll.7.html>: edges, and what a close does.
//! - mio's waker on Linux, <https://docs.rs/mio/latest/mio/struct.Waker.html>: an eventfd that is not
//!   read.

use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use hob_core::reactor::retired;
use hob_core::unhandled::wake_all;
use hob_core::{DescriptorRef, Direction, IoSource, Park, Reactor, Readiness, Recycler};
use hob_core::{Unpark, Until};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

use crate::engine::{explain_open, not_ours, remaining};
use crate::exact::Stretch;
use crate::home::Home;
use crate::primitive::{Mutex, lock};
use crate::registry::{BELL, Registry};
use crate::statistics::{Counters, ReactorStatistics};
use crate::token::{Sleeper, Token};

/// The reactor's face of an epoll. See [`epoll`](crate::epoll()).
///
/// # Examples
///
/// ```
/// # use hob_core::{Park, Until};
/// let (epoll, mut seat) = hob_reactor::Epoll::open()?;
/// seat.park(Until::Now, &mut Vec::new());
/// assert_eq!(epoll.statistics().turns, 1);
/// # std::io::Result::Ok(())
/// ```
pub struct Epoll {
    home: Home,
    state: Mutex<State>,
    counters: Counters,
}

/// The seat at an [`Epoll`]: whoever parks here sleeps until a descriptor is ready.
///
/// Dropping it retires the reactor and wakes those who waited.
pub struct EpollSeat {
    epoll: &'static Epoll,
    descriptors: Arc<Descriptors>,
    token: Arc<Token>,
    /// What the events of one turn mean; empty between turns.
    ready: Vec<(Arc<IoSource>, Readiness)>,
}

static SHELF: Recycler<Epoll> = Recycler::new();

/// How many events one turn takes at the most.
const EVENTS_MAX: usize = 1024;

const NOW: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

impl Epoll {
    /// Opens an epoll.
    ///
    /// # Errors
    ///
    /// As [`epoll`](crate::epoll()).
    pub fn open() -> io::Result<(&'static Self, EpollSeat)> {
        let descriptors = Arc::new(Descriptors::open()?);
        let epoll = SHELF.take(|_| true, Self::new);
        epoll.counters.reset();
        epoll.home.settle();
        lock(&epoll.state).descriptors = Some(Arc::clone(&descriptors));
        let seat = EpollSeat {
            epoll,
            descriptors,
            token: Arc::new(Token::new()),
            ready: Vec::new(),
        };
        Ok((epoll, seat))
    }

    /// Returns what it watches, and what it has done.
    #[must_use]
    pub fn statistics(&self) -> ReactorStatistics {
        let state = lock(&self.state);
        self.counters
            .snapshot(state.registry.len(), state.descriptors.is_none())
    }

    fn new() -> Self {
        Self {
            state: Mutex::new(State {
                descriptors: None,
                registry: Registry::new(),
            }),
            counters: Counters::new(),
            home: Home::new(),
        }
    }
}

impl Reactor for Epoll {
    fn register(&self, fd: DescriptorRef<'_>, source: &Arc<IoSource>) -> io::Result<u64> {
        let DescriptorRef::Os(os) = fd else {
            return Err(not_ours(fd));
        };
        self.home.check()?;
        let mut state = lock(&self.state);
        let State {
            descriptors,
            registry,
        } = &mut *state;
        let Some(descriptors) = descriptors else {
            return Err(retired());
        };
        let key = registry.insert(Arc::clone(source))?;
        let added = epoll::add(&descriptors.epoll, os, EventData::new_u64(key), watched());
        if let Err(error) = added {
            // The caller holds the source too, so no waker is dropped under the lock.
            registry.remove(key);
            return Err(error.into());
        }
        Ok(key)
    }

    fn deregister(&self, fd: DescriptorRef<'_>, key: u64) -> io::Result<()> {
        let DescriptorRef::Os(os) = fd else {
            return Err(not_ours(fd));
        };
        if !self.home.is_here() {
            return Ok(());
        }
        let mut state = lock(&self.state);
        let gone = state.registry.remove(key);
        let deleted = match (&gone, &state.descriptors) {
            (Some(_), Some(descriptors)) => epoll::delete(&descriptors.epoll, os),
            // The key of an earlier use: the epoll that it was for has been closed.
            _ => Ok(()),
        };
        drop(state);
        drop(gone);
        Ok(deleted?)
    }

    fn retire(&self, woken: &mut Vec<Waker>) {
        let mut state = lock(&self.state);
        let descriptors = state.descriptors.take();
        let sources = state.registry.drain();
        drop(state);
        drop(descriptors);
        for (key, source) in sources {
            source.unbind(self, key, woken);
        }
    }
}

impl EpollSeat {
    /// Sleeps until something happens, or until `until`; most sleeps are of one stretch.
    fn sleep(&mut self, until: Until, woken: &mut Vec<Waker>) {
        loop {
            let stretch = Stretch::of(remaining(until));
            let turned = self.turn(stretch, Sleeper::Asleep, woken);
            if turned == Turned::Up || matches!(stretch, Stretch::Last(_)) {
                return;
            }
        }
    }

    /// Looks for events without sleeping.
    fn look(&mut self, woken: &mut Vec<Waker>) {
        let stretch = Stretch::Last(Some(Duration::ZERO));
        self.turn(stretch, Sleeper::Awake, woken);
    }

    /// Looks for events, with one call of the system, and tells the sources.
    fn turn(&mut self, stretch: Stretch, sleeper: Sleeper, woken: &mut Vec<Waker>) -> Turned {
        // A time that the system cannot express is for ever.
        let timeout = stretch
            .time()
            .and_then(|time| Timespec::try_from(time).ok());
        // On the stack, where it costs nothing until the system writes to it.
        let mut room = [const { MaybeUninit::uninit() }; EVENTS_MAX];
        let exact = stretch.make_exact();
        let waited = epoll::wait(&self.descriptors.epoll, &mut room[..], timeout.as_ref());
        drop(exact);
        let turned = match &waited {
            Ok(([], _)) => Turned::Over,
            Ok(_) | Err(_) => Turned::Up,
        };
        let is_awake = turned == Turned::Up || matches!(stretch, Stretch::Last(_));
        if sleeper == Sleeper::Asleep && is_awake {
            self.token.end_sleep();
        }
        let events: &[epoll::Event] = match waited {
            Ok((events, _)) => events,
            // A signal: the caller looks at its queues and parks again.
            Err(Errno::INTR) => &[],
            Err(error) => panic!("an epoll that `open` has tried fails: {error}"),
        };
        self.epoll.counters.add_turn(events.len());
        if !events.is_empty() {
            self.deliver(events, woken);
        }
        turned
    }

    fn deliver(&mut self, events: &[epoll::Event], woken: &mut Vec<Waker>) {
        let mut state = lock(&self.epoll.state);
        for event in events {
            let (key, flags) = (event.data, event.flags);
            // An event that was on its way when its registration ended finds no source.
            if let Some(source) = state.registry.get_mut(key.u64()) {
                self.ready.push((Arc::clone(source), readiness(flags)));
            }
        }
        drop(state);
        for (source, readiness) in self.ready.drain(..) {
            source.set_ready(readiness, woken);
        }
    }
}

impl Park for EpollSeat {
    fn park(&mut self, until: Until, woken: &mut Vec<Waker>) {
        if remaining(until) == Some(Duration::ZERO) {
            self.token.take();
            self.look(woken);
        } else {
            match self.token.begin_sleep() {
                Sleeper::Asleep => self.sleep(until, woken),
                Sleeper::Awake => self.look(woken),
            }
        }
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        Arc::new(EpollUnparker {
            token: Arc::clone(&self.token),
            descriptors: Arc::downgrade(&self.descriptors),
            epoll: self.epoll,
        })
    }
}

impl Drop for EpollSeat {
    fn drop(&mut self) {
        let mut woken = Vec::new();
        self.epoll.retire(&mut woken);
        SHELF.give_back(self.epoll);
        wake_all(&mut woken);
    }
}

impl fmt::Debug for Epoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoll")
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for EpollSeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpollSeat")
            .field("epoll", &self.descriptors.epoll)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Turned {
    /// Its time is over.
    Over,
    /// Something has happened.
    Up,
}

struct State {
    /// `None` before it is opened, and once it is retired.
    descriptors: Option<Arc<Descriptors>>,
    registry: Registry<Arc<IoSource>>,
}

struct Descriptors {
    epoll: OwnedFd,
    bell: OwnedFd,
}

impl Descriptors {
    fn open() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let edge = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), edge)?;
        // A kernel or a sandbox without `epoll_pwait2` is found out here, not by a worker.
        let mut room = [MaybeUninit::uninit()];
        match epoll::wait(&epoll, &mut room[..], Some(&NOW)) {
            Ok(_) | Err(Errno::INTR) => Ok(Self { epoll, bell }),
            Err(error) => Err(explain_open(error.into())),
        }
    }

    /// Ends the sleep of whoever is in `epoll::wait`, or the next one.
    fn ring(&self) {
        loop {
            match rustix::io::write(&self.bell, &1_u64.to_ne_bytes()) {
                Ok(_) => return,
                Err(Errno::INTR) => {}
                // Nobody reads it, so after 2⁶⁴ rings it is full: start again from zero.
                Err(Errno::AGAIN) => self.empty_bell(),
                Err(error) => panic!("an open eventfd takes no number: {error}"),
            }
        }
    }

    fn empty_bell(&self) {
        match rustix::io::read(&self.bell, &mut [0; 8]) {
            Ok(_) | Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => panic!("an open eventfd gives no number: {error}"),
        }
    }
}

/// Leaves a token, and rings the bell if the seat's owner sleeps.
struct EpollUnparker {
    token: Arc<Token>,
    descriptors: Weak<Descriptors>,
    epoll: &'static Epoll,
}

impl Unpark for EpollUnparker {
    fn unpark(&self) {
        if self.token.leave() == Sleeper::Asleep
            && let Some(descriptors) = self.descriptors.upgrade()
        {
            descriptors.ring();
            self.epoll.counters.add_ring();
        }
    }
}

/// Both directions, half-closes, urgent data, as edges. Hang-ups and errors come unasked.
fn watched() -> EventFlags {
    EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::PRI | EventFlags::ET
}

/// What epoll's flags mean to whoever waits.
fn readiness(flags: EventFlags) -> Readiness {
    if flags.intersects(EventFlags::HUP | EventFlags::ERR) {
        // Whatever is tried next fails, or finds the last bytes and then the end.
        return Readiness::BOTH;
    }
    let mut readiness = Readiness::NONE;
    if flags.intersects(EventFlags::IN | EventFlags::PRI | EventFlags::RDHUP) {
        readiness |= Direction::Read.into();
    }
    if flags.contains(EventFlags::OUT) {
        readiness |= Direction::Write.into();
    }
    if !flags.intersects(EventFlags::PRI | EventFlags::RDHUP) {
        readiness |= Readiness::EDGE;
    }
    readiness
}

#[cfg(all(test, not(loom)))]
mod tests {
    use hob_core::Instant;

    use super::*;

    #[test]
    fn a_full_bell_still_rings() {
        let (_epoll, mut seat) = Epoll::open().expect("a poller");
        let full = (u64::MAX - 1).to_ne_bytes();
        rustix::io::write(&seat.descriptors.bell, &full).expect("there is room for it");
        seat.park(Until::Forever, &mut Vec::new());
        seat.descriptors.ring();
        seat.park(Until::Forever, &mut Vec::new());
    }

    #[test]
    fn a_ring_is_an_event_although_the_last_one_was_not_read() {
        let (epoll, mut seat) = Epoll::open().expect("a poller");
        for _ in 0..3 {
            seat.descriptors.ring();
            seat.park(Until::Forever, &mut Vec::new());
        }
        assert_eq!(epoll.statistics().events, 3);
        seat.park(Until::Now, &mut Vec::new());
        assert_eq!(epoll.statistics().events, 3, "one event a ring");
    }

    #[test]
    fn a_sleep_leaves_the_slack_of_its_thread_as_it_was() {
        let slack = || rustix::thread::current_timer_slack().expect("Linux tells");
        let before = slack();
        let (_epoll, mut seat) = Epoll::open().expect("a poller");
        let deadline = Instant::system() + Duration::from_millis(1);
        seat.park(Until::At(deadline), &mut Vec::new());
        assert_eq!(slack(), before);
    }

    #[test]
    fn a_long_sleep_takes_two_turns_and_ends_no_earlier() {
        let (epoll, mut seat) = Epoll::open().expect("a poller");
        let deadline = Instant::system() + Duration::from_millis(60);
        seat.park(Until::At(deadline), &mut Vec::new());
        assert!(Instant::system() >= deadline);
        assert_eq!(epoll.statistics().turns, 2);
        // It has woken: nobody rings for it.
        seat.unparker().unpark();
        assert_eq!(epoll.statistics().rings, 0);
    }

    #[test]
    fn a_ring_ends_the_first_stretch_of_a_long_sleep() {
        let (epoll, mut seat) = Epoll::open().expect("a poller");
        seat.descriptors.ring();
        let far = Instant::system() + Duration::from_secs(3600);
        seat.park(Until::At(far), &mut Vec::new());
        assert!(Instant::system() < far);
        assert_eq!(epoll.statistics().turns, 1);
        seat.unparker().unpark();
        assert_eq!(epoll.statistics().rings, 0, "it is awake");
    }

    #[test]
    fn flags_mean_what_an_operation_would_find() {
        let both = Readiness::BOTH;
        let read = Readiness::READABLE;
        let edge = Readiness::EDGE;
        let check = |flags, expected| assert_eq!(readiness(flags), expected, "{flags:?}");
        check(EventFlags::IN, read | edge);
        check(EventFlags::OUT, Readiness::WRITABLE | edge);
        check(EventFlags::IN | EventFlags::OUT, both | edge);
        check(EventFlags::IN | EventFlags::RDHUP, read);
        check(EventFlags::RDHUP, read);
        check(EventFlags::IN | EventFlags::PRI, read);
        check(EventFlags::HUP, both);
        check(EventFlags::ERR | EventFlags::IN, both);
    }
}
