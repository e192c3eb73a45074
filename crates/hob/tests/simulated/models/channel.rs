//! A channel without wakers: who has sent what, who stands in which line, and what was granted.

use std::collections::{HashMap, VecDeque};

use hob::sync::mpsc::ChannelStatistics;

/// A future that waits.
pub(crate) type Ticket = u64;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Room {
    Bounded(usize),
    Rendezvous,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Put {
    Message(u64),
    Slot,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Sent,
    Slot,
    Refused,
}

/// Why not at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// Full, or empty, or others wait.
    NotNow,
    Closed,
}

#[derive(Debug)]
pub(crate) struct Channel {
    room: Room,
    /// Its only receiver stands in no line, and is given no turns.
    has_one_receiver: bool,
    sent: VecDeque<u64>,
    line: VecDeque<(Ticket, Put)>,
    outcomes: HashMap<Ticket, Outcome>,
    reserved: usize,
    takers: VecDeque<Ticket>,
    turns: Vec<Ticket>,
    told_over: Vec<Ticket>,
    senders: usize,
    receivers: usize,
    closed: bool,
}

impl Channel {
    pub(crate) fn new(room: Room, has_one_receiver: bool) -> Self {
        Self {
            room,
            has_one_receiver,
            sent: VecDeque::new(),
            line: VecDeque::new(),
            outcomes: HashMap::new(),
            reserved: 0,
            takers: VecDeque::new(),
            turns: Vec::new(),
            told_over: Vec::new(),
            senders: 1,
            receivers: 1,
            closed: false,
        }
    }

    /// The counts of the model are those of the channel.
    #[track_caller]
    pub(crate) fn check(&self, seen: &ChannelStatistics) {
        let model = (
            self.sent.len(),
            self.reserved,
            self.line.len(),
            self.senders,
            self.receivers,
            self.closed,
        );
        let real = (
            seen.len,
            seen.reserved,
            seen.senders_waiting,
            seen.senders,
            seen.receivers,
            seen.is_closed,
        );
        assert_eq!(real, model, "{self:?}");
        if !self.has_one_receiver {
            assert_eq!(seen.receivers_waiting, self.takers.len(), "{self:?}");
        }
    }

    fn has_room(&self) -> bool {
        let room = match self.room {
            Room::Bounded(room) => room,
            Room::Rendezvous => self.takers.len() + self.turns.len(),
        };
        self.sent.len() + self.reserved < room
    }

    fn is_offer(&self, put: Put) -> bool {
        self.room == Room::Rendezvous && put != Put::Slot
    }

    /// How many messages are to be had, with those that wait in a rendezvous.
    fn available(&self) -> usize {
        let is_offered = self
            .line
            .front()
            .is_some_and(|(_, put)| self.is_offer(*put));
        let offers = self.line.iter().filter(|(_, put)| *put != Put::Slot);
        self.sent.len() + if is_offered { offers.count() } else { 0 }
    }

    fn is_over(&self) -> bool {
        self.sent.is_empty() && self.reserved == 0 && (self.closed || self.senders == 0)
    }

    fn settle(&mut self) {
        while let Some(&(ticket, put)) = self.line.front() {
            let outcome = if self.closed {
                Outcome::Refused
            } else if self.is_offer(put) || !self.has_room() {
                break;
            } else {
                self.place(put)
            };
            self.line.pop_front();
            self.outcomes.insert(ticket, outcome);
        }
        if self.has_one_receiver {
            return;
        }
        while let Some(&ticket) = self.takers.front() {
            if self.available() > self.turns.len() {
                self.turns.push(ticket);
            } else if self.is_over() {
                self.told_over.push(ticket);
            } else {
                break;
            }
            self.takers.pop_front();
        }
    }

    fn place(&mut self, put: Put) -> Outcome {
        match put {
            Put::Message(id) => {
                self.sent.push_back(id);
                Outcome::Sent
            }
            Put::Slot => {
                self.reserved += 1;
                Outcome::Slot
            }
        }
    }
}

/// Senders.
impl Channel {
    pub(crate) fn sender_came(&mut self) {
        self.senders += 1;
    }

    pub(crate) fn sender_gone(&mut self) {
        self.senders -= 1;
        self.settle();
    }

    pub(crate) fn send_pending(&mut self, ticket: Ticket, put: Put) {
        assert!(!self.outcomes.contains_key(&ticket), "it does not take it");
        if self.line.iter().any(|(other, _)| *other == ticket) {
            return;
        }
        let has_room = self.has_room() && !self.is_offer(put);
        if self.line.is_empty() && (self.closed || has_room) {
            return; // It has no budget left.
        }
        self.line.push_back((ticket, put));
        self.settle();
    }

    pub(crate) fn send_ready(&mut self, ticket: Ticket, put: Put, ok: bool) {
        let outcome = self.outcomes.remove(&ticket).unwrap_or_else(|| {
            assert!(self.line.is_empty(), "it overtakes: {self:?}");
            if self.closed {
                return Outcome::Refused;
            }
            assert!(self.has_room() && !self.is_offer(put), "no room: {self:?}");
            self.place(put)
        });
        assert_eq!(ok, outcome != Outcome::Refused);
        self.settle();
    }

    pub(crate) fn send_dropped(&mut self, ticket: Ticket) {
        self.line.retain(|(other, _)| *other != ticket);
        if self.outcomes.remove(&ticket) == Some(Outcome::Slot) {
            self.reserved -= 1;
        }
        self.settle();
    }

    pub(crate) fn try_send(&mut self, id: u64) -> Result<(), Refusal> {
        if self.closed {
            return Err(Refusal::Closed);
        }
        if !self.line.is_empty() || !self.has_room() {
            return Err(Refusal::NotNow);
        }
        self.sent.push_back(id);
        self.settle();
        Ok(())
    }

    /// A slot was used for a message, or given back.
    pub(crate) fn unreserve(&mut self, message: Option<u64>) -> bool {
        self.reserved -= 1;
        let is_received = self.receivers > 0;
        self.sent.extend(message.filter(|_| is_received));
        self.settle();
        is_received
    }
}

/// Receivers.
impl Channel {
    pub(crate) fn receiver_came(&mut self) {
        self.receivers += 1;
    }

    pub(crate) fn receiver_gone(&mut self) {
        self.receivers -= 1;
        if self.receivers == 0 {
            self.closed = true;
            self.sent.clear();
        }
        self.settle();
    }

    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.settle();
    }

    pub(crate) fn recv_pending(&mut self, ticket: Ticket) {
        assert!(!self.told_over.contains(&ticket), "it does not take it");
        if let Some(index) = self.turns.iter().position(|other| *other == ticket) {
            assert_eq!(self.room, Room::Rendezvous, "it does not take it");
            self.turns.remove(index);
            self.settle();
            assert!(self.available() <= self.turns.len(), "there was one");
            self.takers.push_front(ticket);
        } else if self.takers.contains(&ticket) {
            let nothing = !self.has_one_receiver || (self.available() == 0 && !self.is_over());
            assert!(nothing, "it does not take it");
        } else if !self.may_yield() {
            self.takers.push_back(ticket);
        }
        self.settle();
    }

    /// Whether a newcomer without budget comes again, since there is something for it.
    fn may_yield(&self) -> bool {
        if self.has_one_receiver {
            return self.available() > 0 || self.is_over();
        }
        self.takers.is_empty() && (self.sent.len() > self.turns.len() || self.is_over())
    }

    /// Takes up to `limit` messages for one that was ready, and tells which; none if it is over.
    pub(crate) fn recv_ready(&mut self, ticket: Ticket, limit: usize) -> Vec<u64> {
        let messages = if let Some(index) = self.told_over.iter().position(|it| *it == ticket) {
            self.told_over.remove(index);
            Vec::new()
        } else if self.has_one_receiver {
            self.takers.clear();
            self.pop(limit)
        } else if let Some(index) = self.turns.iter().position(|it| *it == ticket) {
            self.turns.remove(index);
            self.pop(limit)
        } else {
            assert!(self.takers.is_empty(), "it overtakes: {self:?}");
            self.pop(limit)
        };
        assert!(!messages.is_empty() || self.is_over(), "{self:?}");
        self.settle();
        messages
    }

    pub(crate) fn recv_dropped(&mut self, ticket: Ticket) {
        self.takers.retain(|other| *other != ticket);
        self.turns.retain(|other| *other != ticket);
        self.told_over.retain(|other| *other != ticket);
        self.settle();
    }

    pub(crate) fn try_recv(&mut self) -> Result<u64, Refusal> {
        let may = self.has_one_receiver || self.takers.is_empty();
        if may && self.available() > self.turns.len() {
            let message = self.pop(1)[0];
            self.settle();
            return Ok(message);
        }
        Err(if self.is_over() {
            Refusal::Closed
        } else {
            Refusal::NotNow
        })
    }

    fn pop(&mut self, limit: usize) -> Vec<u64> {
        // One is for whoever takes them; others may have turns for the rest.
        let free = self.sent.len().saturating_sub(self.turns.len()).max(1);
        if !self.sent.is_empty() {
            let count = limit.min(free);
            return self.sent.drain(..count).collect();
        }
        match self.line.front() {
            Some(&(ticket, Put::Message(id))) if self.room == Room::Rendezvous => {
                self.line.pop_front();
                self.outcomes.insert(ticket, Outcome::Sent);
                vec![id]
            }
            _ => Vec::new(),
        }
    }
}
