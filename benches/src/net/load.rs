//! The load generator: one thread, one epoll, the same for every contestant.
//!
//! It opens its connections, warms up, and then keeps one message under way on each for the length of
//! the window, or for a count of messages. It looks at the clock once a batch of events.
//!
//! # Implementation
//!
//! A [`Line`] is a place for a connection. Its descriptor is watched edge-triggered for both
//! directions from the start, so nothing is ever re-armed: an answer that is not whole, and a message
//! that did not fit, wait for the next edge.
//!
//! Before the figures are read, at both ends of the window, every answer has come and no message is
//! under way.

mod line;
mod rounds;

use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use self::line::{Line, State, connect};
use crate::memory::resident;
use crate::meter::now;
use crate::net::order::{Amount, Report};
use crate::net::patience::{Patience, TICK};
use crate::net::plan::{Measure, Plan, Style};
use crate::net::process::{self, CpuTime, Side};
use crate::net::talk::Talk;

/// How many connections are opened before each of them has carried one message: fewer than any
/// server lets wait.
const OPENED_AT_ONCE: usize = 50;

/// How many short connections there are at the most, in the warm-up and again in the window: each keeps a
/// port of ours for a while, and there are some 28,000.
const SHORT_MAX: usize = 10_000;

/// How many idle connections there are before memory is looked at for the first time.
const IDLE_FIRST: usize = 500;

/// What an event says when the other end is closed.
const ENDED: epoll::EventFlags = epoll::EventFlags::RDHUP
    .union(epoll::EventFlags::HUP)
    .union(epoll::EventFlags::ERR);

struct Load {
    talk: Talk,
    plan: &'static Plan,
    address: String,
    epoll: OwnedFd,
    patience: Patience,
    /// How many messages were answered since the beginning.
    answered: u64,
    lines: Vec<Line>,
    /// Where answers are read to.
    room: Vec<u8>,
}

/// When no further message is started.
#[derive(Clone, Copy, Debug)]
struct Until {
    /// So many were.
    started_max: usize,
    /// It is so late, and at least one was.
    reached: Option<Instant>,
}

/// Runs the load of `plan` against the server at `address`, whose process is `server`.
pub(super) fn run(
    plan: &'static Plan,
    address: &str,
    server: &str,
    amount: &str,
) -> io::Result<Report> {
    let server: u32 = server
        .parse()
        .map_err(|_| io::Error::other("the id of the server's process is a number"))?;
    let amount = Amount::parse(amount)?;
    process::prepare(plan.pins, Side::Client)?;
    let mut load = Load::new(plan, address)?;
    if plan.measure == Measure::Memory {
        return load.idle(server);
    }
    if plan.style == Style::Short {
        load.lines.resize_with(plan.connections, Line::new);
    } else {
        load.open(plan.connections)?;
    }
    match amount {
        Amount::Time { warm_up, window } => {
            load.exchange(Until::after(warm_up, plan.style))?;
            load.measured(server, window)
        }
        Amount::Count(messages) => load.in_rounds(messages),
    }
}

impl Load {
    fn new(plan: &'static Plan, address: &str) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let patience = Patience::watched_by(&epoll)?;
        Ok(Self {
            talk: Talk::new(plan),
            plan,
            address: address.to_owned(),
            epoll,
            patience,
            answered: 0,
            lines: Vec::new(),
            room: vec![0; plan.bytes.max(4096) * 2],
        })
    }

    /// Opens connections until there are `total`, each of which has then carried a message.
    fn open(&mut self, total: usize) -> io::Result<()> {
        while self.lines.len() < total {
            let first = self.lines.len();
            let last = total.min(first + OPENED_AT_ONCE);
            for index in first..last {
                self.lines.push(Line::new());
                self.connect(index)?;
                self.rest(1);
            }
            self.exchange_on(first..last, Until::started(last - first))?;
            self.rest(last - first);
        }
        Ok(())
    }

    fn connect(&mut self, index: usize) -> io::Result<()> {
        let socket = connect(self.plan.service, &self.address)?;
        epoll::add(
            &self.epoll,
            &socket,
            epoll::EventData::new_u64(index as u64),
            epoll::EventFlags::IN
                | epoll::EventFlags::OUT
                | epoll::EventFlags::RDHUP
                | epoll::EventFlags::ET,
        )?;
        self.lines[index].socket = Some(socket);
        Ok(())
    }

    fn idle(&mut self, server: u32) -> io::Result<Report> {
        let first = IDLE_FIRST.min(self.plan.connections / 2);
        self.open(first)?;
        let before = resident(server)?;
        self.open(self.plan.connections)?;
        let after = resident(server)?;
        Ok(Report {
            messages: (self.plan.connections - first) as u64,
            grown: after.saturating_sub(before),
            ..Report::default()
        })
    }

    fn measured(&mut self, server: u32, window: Duration) -> io::Result<Report> {
        let before = CpuTime::of(server)?;
        let start = now();
        let messages = self.exchange(Until::after(window, self.plan.style))?;
        let wall = start.elapsed();
        let cpu = CpuTime::of(server)?.since(&before)?;
        Ok(Report {
            messages: messages as u64,
            wall: u64::try_from(wall.as_nanos()).map_err(io::Error::other)?,
            cpu,
            grown: 0,
        })
    }

    /// Keeps a message under way on every line; when it returns, all are answered. Returns how many.
    fn exchange(&mut self, until: Until) -> io::Result<usize> {
        self.exchange_on(0..self.lines.len(), until)
    }

    fn exchange_on(&mut self, lines: Range<usize>, until: Until) -> io::Result<usize> {
        let mut started = 0;
        for index in lines {
            if until.is_over(now(), started) {
                break;
            }
            self.begin(index)?;
            started += 1;
        }
        self.hear_out(started, until)
    }

    /// Hears the answers to as many messages as were `started`, and to those that it starts after them.
    fn hear_out(&mut self, mut started: usize, until: Until) -> io::Result<usize> {
        let mut done = 0;
        let mut events: Vec<epoll::Event> = Vec::with_capacity(1024);
        while done < started {
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let now = now();
            for event in &events {
                if event.data.u64() == TICK {
                    self.patience.tick(self.answered)?;
                    continue;
                }
                let index = usize::try_from(event.data.u64()).map_err(io::Error::other)?;
                if !self.advance(index, event.flags)? {
                    continue;
                }
                done += 1;
                self.answered += 1;
                if !until.is_over(now, started) {
                    self.begin(index)?;
                    started += 1;
                }
            }
        }
        Ok(done)
    }

    /// Starts the next message of a line.
    fn begin(&mut self, index: usize) -> io::Result<()> {
        if self.plan.style == Style::Short {
            self.connect(index)?;
        }
        self.ask(index)
    }

    fn ask(&mut self, index: usize) -> io::Result<()> {
        self.lines[index].start();
        self.send_rest(index)
    }

    /// Does what an event allows; `true` when that ended the message.
    fn advance(&mut self, index: usize, flags: epoll::EventFlags) -> io::Result<bool> {
        if self.lines[index].state == State::Silent {
            // The edge that comes with being watched; or the end.
            return if flags.intersects(ENDED) {
                Err(closed("while it was silent"))
            } else {
                Ok(false)
            };
        }
        if flags.contains(epoll::EventFlags::OUT) {
            self.send_rest(index)?;
        }
        if flags == epoll::EventFlags::OUT {
            return Ok(false);
        }
        self.hear(index, flags.intersects(ENDED))
    }

    /// Sends what is left of a line's message, as far as it fits.
    fn send_rest(&mut self, index: usize) -> io::Result<()> {
        let line = &mut self.lines[index];
        let request = self.talk.request(index, line.number);
        while line.sent < request.len() {
            match send(line.socket()?, &request[line.sent..], SendFlags::NOSIGNAL) {
                Ok(sent) => line.sent += sent,
                Err(Errno::WOULDBLOCK) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads what there is; `true` when the message has ended. After a short read nothing is left, unless
    /// the other end is closed: no further edge tells of that.
    fn hear(&mut self, index: usize, ended: bool) -> io::Result<bool> {
        let line = &mut self.lines[index];
        loop {
            let socket = line.socket()?;
            let read = match recv(socket, self.room.as_mut_slice(), RecvFlags::empty()) {
                Ok((read, _)) => read,
                Err(Errno::WOULDBLOCK) => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            match (line.state, read) {
                (State::Closing, 0) => {
                    line.state = State::Silent;
                    line.socket = None;
                    return Ok(true);
                }
                (_, 0) => return Err(closed("before the answer was whole")),
                (State::Closing | State::Silent, _) => {
                    return Err(io::Error::other("more came back than was sent"));
                }
                (State::Asking, _) => {}
            }
            let request = self.talk.request(index, line.number);
            if self
                .talk
                .check(request, &mut line.heard, &self.room[..read])?
            {
                line.state = State::Silent;
                if self.plan.style != Style::Short || self.plan.measure == Measure::Syscalls {
                    return Ok(true);
                }
                line.close()?;
            }
            if read < self.room.len() && !ended {
                return Ok(false);
            }
        }
    }
}

/// No further message at all.
const NO_MORE: Until = Until::started(0);

impl Until {
    const fn started(messages: usize) -> Self {
        Self {
            started_max: messages,
            reached: None,
        }
    }

    fn after(time: Duration, style: Style) -> Self {
        let started_max = match style {
            Style::Short => SHORT_MAX,
            Style::Kept | Style::Idle => usize::MAX,
        };
        Self {
            started_max,
            reached: Some(now() + time),
        }
    }

    fn is_over(self, now: Instant, started: usize) -> bool {
        let late = self.reached.is_some_and(|end| started > 0 && now >= end);
        late || started >= self.started_max
    }
}

fn closed(when: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("the server closed a connection {when}"),
    )
}
