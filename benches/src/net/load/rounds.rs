//! Load in rounds, for whoever counts system calls: the server comes to rest between two steps.

use std::io;
use std::thread;
use std::time::Duration;

use super::{Load, NO_MORE};
use crate::net::order::Report;
use crate::net::plan::{Measure, Style};

/// How long the client thinks for each connection that was busy, where system calls are counted: longer
/// than a server takes that strace holds up at each call.
const THOUGHT: Duration = Duration::from_micros(200);

impl Load {
    /// Sends so many messages, in rounds of one on each line, and lets the server come to rest before
    /// each step: it makes all the calls by which it waits, and the same ones every time.
    pub(super) fn in_rounds(&mut self, messages: usize) -> io::Result<Report> {
        let mut done = 0;
        while done < messages {
            let lines = 0..self.lines.len().min(messages - done);
            if self.plan.style == Style::Short {
                for index in lines.clone() {
                    self.connect(index)?;
                }
                self.rest(lines.len());
            }
            for index in lines.clone() {
                self.ask(index)?;
            }
            done += self.hear_out(lines.len(), NO_MORE)?;
            self.rest(lines.len());
            if self.plan.style == Style::Short {
                for index in lines.clone() {
                    self.lines[index].close()?;
                }
                self.hear_out(lines.len(), NO_MORE)?;
                self.rest(lines.len());
            }
        }
        Ok(Report {
            messages: done as u64,
            ..Report::default()
        })
    }

    /// Where system calls are counted, waits until the server has surely come to rest after something
    /// has happened on so many connections.
    pub(super) fn rest(&self, connections: usize) {
        if self.plan.measure != Measure::Syscalls {
            return;
        }
        let connections = u32::try_from(connections).unwrap_or(u32::MAX);
        #[expect(clippy::disallowed_methods, reason = "a client that thinks")]
        thread::sleep(THOUGHT * connections.saturating_add(5));
    }
}
