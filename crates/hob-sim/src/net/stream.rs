//! Reading and writing a connection, and closing it.
//!
//! # References
//!
//! - `recv(2)`, `send(2)`, `shutdown(2)`, `socket(7)` on `SO_LINGER`. Where they leave a choice, Linux's
//!   is taken: what has arrived before a reset can still be read, its error is told once, after that
//!   a read finds the end and a write a broken pipe. In the Unix domain only a read is told, even
//!   behind the end.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::net::Shutdown;

use fastrand::Rng;
use hob_core::Readiness;

use super::connection::{ConnectionId, End, Medium, Owner, Payload, Phase};
use super::errno::{Answer, Errno};
use super::event::ConnectionEnd;
use super::link::happens;
use super::state::State;

impl State {
    /// Reads from an end, and takes out what was read if `take`.
    pub(super) fn read(
        &mut self,
        id: ConnectionId,
        at: ConnectionEnd,
        buffers: &mut [IoSliceMut<'_>],
        take: bool,
    ) -> Answer<usize> {
        let connection = self.connections.get_mut(&id).ok_or(Errno::NotConnected)?;
        let medium = connection.medium;
        let end = &mut connection[at];
        if end.inbox.is_empty() {
            return nothing_to_read(end, medium).map(|()| 0);
        }
        let room: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let there = room.min(end.inbox.len());
        let bytes = shortened(there, self.conditions.short_io, &mut self.rng);
        copy_out(&end.inbox, buffers, bytes);
        if take && bytes > 0 {
            end.inbox.drain(..bytes);
            let is_open = end.phase == Phase::Open;
            if is_open && connection[at.other()].owner != Owner::Nobody {
                self.push(id, at, Payload::Window(bytes));
            }
        }
        Ok(bytes)
    }

    /// Writes to an end.
    pub(super) fn write(
        &mut self,
        id: ConnectionId,
        at: ConnectionEnd,
        buffers: &[IoSlice<'_>],
    ) -> Answer<usize> {
        let connection = self.connections.get_mut(&id).ok_or(Errno::NotConnected)?;
        let medium = connection.medium;
        let end = &mut connection[at];
        if end.phase == Phase::Opening {
            return Err(Errno::WouldBlock);
        }
        if end.phase == Phase::Closed || end.is_write_shut || end.error.is_some() {
            let told = end.error.take_if(|_| medium == Medium::Tcp);
            return Err(told.unwrap_or(Errno::BrokenPipe));
        }
        let asked: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let room = self.conditions.window.saturating_sub(end.outstanding);
        match (asked, room) {
            (0, _) => return Ok(0),
            (_, 0) => {
                self.lack_room(id, at);
                return Err(Errno::WouldBlock);
            }
            _ => {}
        }
        let bytes = shortened(asked.min(room), self.conditions.short_io, &mut self.rng);
        end.outstanding += bytes;
        self.push_data(id, at, copy_in(buffers, bytes));
        Ok(bytes)
    }

    pub(super) fn shutdown_end(
        &mut self,
        id: ConnectionId,
        at: ConnectionEnd,
        how: Shutdown,
    ) -> Answer<()> {
        let connection = self.connections.get_mut(&id).ok_or(Errno::NotConnected)?;
        let medium = connection.medium;
        let end = &mut connection[at];
        match end.phase {
            Phase::Closed if medium == Medium::Tcp => return Err(Errno::NotConnected),
            Phase::Opening => {
                self.stop_connecting(id);
                self.tell_end(id, at, Readiness::BOTH);
                return Ok(());
            }
            Phase::Closed | Phase::Open => {}
        }
        let shuts_reading = how != Shutdown::Write && !end.is_read_shut;
        let shuts_writing = how != Shutdown::Read && !end.is_write_shut;
        end.is_read_shut |= shuts_reading;
        end.is_write_shut |= shuts_writing;
        if shuts_writing {
            self.push(id, at, Payload::End);
        }
        if shuts_reading && medium == Medium::Unix {
            self.push(id, at, Payload::Deaf);
        }
        self.tell_end(id, at, Readiness::BOTH);
        Ok(())
    }

    /// The owner of an end closes it. What was written is still sent, unless that end `resets`, or
    /// has left something unread.
    pub(super) fn close_end(&mut self, id: ConnectionId, at: ConnectionEnd, resets: bool) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let medium = connection.medium;
        let end = &mut connection[at];
        end.owner = Owner::Nobody;
        let is_unread = !end.inbox.is_empty();
        end.inbox = VecDeque::new();
        let says_end = !end.is_write_shut;
        match end.phase {
            Phase::Opening => self.stop_connecting(id),
            Phase::Closed => {}
            Phase::Open if is_unread || resets && medium == Medium::Tcp => self.reset(id, at),
            Phase::Open => {
                end.is_write_shut = true;
                if says_end {
                    self.push(id, at, Payload::End);
                }
                if medium == Medium::Unix {
                    self.push(id, at, Payload::Deaf);
                }
            }
        }
        self.tidy(id);
    }
}

/// As many bytes, or fewer if the weather is so, but at least one.
fn shortened(bytes: usize, probability: f64, rng: &mut Rng) -> usize {
    if bytes > 1 && happens(probability, rng) {
        rng.usize(1..=bytes)
    } else {
        bytes
    }
}

/// What a read says that finds no bytes: the end of the stream, or why not.
fn nothing_to_read(end: &mut End, medium: Medium) -> Answer<()> {
    if end.has_ended && medium == Medium::Tcp {
        return Ok(());
    }
    match end.error.take() {
        Some(errno) => Err(errno),
        None if end.has_ended || end.is_read_shut || end.phase == Phase::Closed => Ok(()),
        None => Err(Errno::WouldBlock),
    }
}

/// Copies the first `bytes` of an inbox into buffers, which have room for them.
pub(super) fn copy_out(inbox: &VecDeque<u8>, buffers: &mut [IoSliceMut<'_>], bytes: usize) {
    let (front, back) = inbox.as_slices();
    let mut left = [front, back].into_iter().filter(|it| !it.is_empty());
    let mut source = left.next().unwrap_or_default();
    let mut wanted = bytes;
    for buffer in buffers {
        let mut rest = &mut buffer[..];
        while wanted > 0 && !rest.is_empty() {
            if source.is_empty() {
                source = left.next().unwrap_or_default();
            }
            let now = source.len().min(rest.len()).min(wanted);
            let (head, tail) = rest.split_at_mut(now);
            head.copy_from_slice(&source[..now]);
            (source, rest) = (&source[now..], tail);
            wanted -= now;
        }
    }
}

/// The first `bytes` of some buffers.
pub(super) fn copy_in(buffers: &[IoSlice<'_>], bytes: usize) -> Vec<u8> {
    let mut all = Vec::with_capacity(bytes);
    for buffer in buffers {
        let now = buffer.len().min(bytes - all.len());
        all.extend_from_slice(&buffer[..now]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_copied_over_the_bounds_of_buffers_on_both_sides() {
        let mut inbox: VecDeque<u8> = VecDeque::with_capacity(8);
        inbox.extend([0; 6]);
        inbox.drain(..6);
        inbox.extend([1, 2, 3, 4, 5, 6]);
        let (mut first, mut second) = ([0; 3], [0; 4]);
        let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        copy_out(&inbox, &mut buffers, 5);
        assert_eq!((first, second), ([1, 2, 3], [4, 5, 0, 0]));

        let buffers = [IoSlice::new(&first), IoSlice::new(&second)];
        assert_eq!(copy_in(&buffers, 4), [1, 2, 3, 4]);
        assert_eq!(copy_in(&buffers, 7), [1, 2, 3, 4, 5, 0, 0]);
    }
}
