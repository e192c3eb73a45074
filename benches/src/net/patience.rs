//! Notices when nothing comes back any more.
//!
//! One timer in the load generator's epoll, so that no wait needs a timeout, which would cost a little
//! each time. When it has ticked twice with no progress between, patience is at its end.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::{Timespec, epoll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

/// The key of its events.
pub(super) const TICK: u64 = u64::MAX;

const EVERY: Timespec = Timespec {
    tv_sec: 5,
    tv_nsec: 0,
};

#[derive(Debug)]
pub(super) struct Patience {
    timer: OwnedFd,
    /// How many messages had been answered at the last tick.
    answered: Option<u64>,
}

impl Patience {
    /// Starts its timer, watched by `epoll`.
    pub(super) fn watched_by(epoll: &OwnedFd) -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        let times = Itimerspec {
            it_interval: EVERY,
            it_value: EVERY,
        };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times)?;
        let key = epoll::EventData::new_u64(TICK);
        epoll::add(epoll, &timer, key, epoll::EventFlags::IN)?;
        Ok(Self {
            timer,
            answered: None,
        })
    }

    /// Takes a tick, when so many messages have been answered in all.
    pub(super) fn tick(&mut self, answered: u64) -> io::Result<()> {
        rustix::io::read(&self.timer, &mut [0; 8])?;
        if self.answered.replace(answered) == Some(answered) {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("nothing came back for 5 s, after {answered} messages"),
            ));
        }
        Ok(())
    }
}
