//! A queue without wakers: what is in it, who stands in which line, and what was granted.

use std::collections::{HashMap, VecDeque};

use hob::sync::queue::QueueStatistics;

/// A future that waits.
pub(crate) type Ticket = u64;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Fifo,
    Lifo,
    Priority,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Value {
    pub(crate) id: u64,
    pub(crate) key: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    Put,
    Refused,
    Turn,
    Over,
    Joined,
}

/// Why not at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// Full, or empty, or others wait.
    NotNow,
    Closed,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, PartialOrd)]
enum Phase {
    Open,
    Draining,
    Closed,
}

#[derive(Debug)]
pub(crate) struct Queue {
    kind: Kind,
    capacity: usize,
    phase: Phase,
    /// The next is at the front.
    values: VecDeque<Value>,
    unfinished: usize,
    dropped: u64,
    putters: VecDeque<(Ticket, Value)>,
    getters: VecDeque<Ticket>,
    joiners: Vec<Ticket>,
    outcomes: HashMap<Ticket, Outcome>,
}

impl Queue {
    pub(crate) fn new(kind: Kind, capacity: usize) -> Self {
        Self {
            kind,
            capacity,
            phase: Phase::Open,
            values: VecDeque::new(),
            unfinished: 0,
            dropped: 0,
            putters: VecDeque::new(),
            getters: VecDeque::new(),
            joiners: Vec::new(),
            outcomes: HashMap::new(),
        }
    }

    /// The counts of the model are those of the queue.
    #[track_caller]
    pub(crate) fn check(&self, seen: &QueueStatistics) {
        let model = [
            self.values.len(),
            self.turns(),
            self.unfinished,
            self.putters.len(),
            self.getters.len(),
            self.joiners.len(),
        ];
        let real = [
            seen.len,
            seen.promised,
            seen.unfinished,
            seen.putters_waiting,
            seen.getters_waiting,
            seen.joiners_waiting,
        ];
        assert_eq!(real, model, "{self:?}");
        assert_eq!(seen.dropped, self.dropped);
        assert_eq!(seen.is_closed, self.phase > Phase::Open);
    }

    fn turns(&self) -> usize {
        let turns = self.outcomes.values().filter(|it| **it == Outcome::Turn);
        turns.count()
    }

    fn has_room(&self) -> bool {
        self.values.len() < self.capacity
    }

    fn has_free(&self) -> bool {
        self.phase != Phase::Closed && self.values.len() > self.turns()
    }

    fn is_over(&self) -> bool {
        match self.phase {
            Phase::Open => false,
            Phase::Draining => self.values.is_empty(),
            Phase::Closed => true,
        }
    }

    fn push(&mut self, value: Value) {
        let place = match self.kind {
            Kind::Fifo => self.values.len(),
            Kind::Lifo => 0,
            Kind::Priority => self.values.partition_point(|other| other.key <= value.key),
        };
        self.values.insert(place, value);
        self.unfinished += 1;
    }

    fn settle(&mut self) {
        while let Some(&(ticket, value)) = self.putters.front() {
            let outcome = if self.phase > Phase::Open {
                Outcome::Refused
            } else if self.has_room() {
                self.push(value);
                Outcome::Put
            } else {
                break;
            };
            self.putters.pop_front();
            self.outcomes.insert(ticket, outcome);
        }
        while let Some(&ticket) = self.getters.front() {
            let outcome = if self.has_free() {
                Outcome::Turn
            } else if self.is_over() {
                Outcome::Over
            } else {
                break;
            };
            self.getters.pop_front();
            self.outcomes.insert(ticket, outcome);
        }
        if self.unfinished == 0 {
            let joined = self.joiners.drain(..);
            self.outcomes.extend(joined.map(|it| (it, Outcome::Joined)));
        }
    }
}

/// Putting and getting.
impl Queue {
    pub(crate) fn put_pending(&mut self, ticket: Ticket, value: Value) {
        assert!(!self.outcomes.contains_key(&ticket), "it does not take it");
        let is_in_line = self.putters.iter().any(|(other, _)| *other == ticket);
        let may_yield = self.putters.is_empty() && (self.phase > Phase::Open || self.has_room());
        if !is_in_line && !may_yield {
            self.putters.push_back((ticket, value));
        }
        self.settle();
    }

    pub(crate) fn put_ready(&mut self, ticket: Ticket, value: Value, ok: bool) {
        let expected = match self.outcomes.remove(&ticket) {
            Some(outcome) => outcome == Outcome::Put,
            None => self.try_put(value) == Ok(()),
        };
        assert_eq!(ok, expected, "{self:?}");
        self.settle();
    }

    pub(crate) fn try_put(&mut self, value: Value) -> Result<(), Refusal> {
        if self.phase > Phase::Open {
            return Err(Refusal::Closed);
        }
        if !self.putters.is_empty() || !self.has_room() {
            return Err(Refusal::NotNow);
        }
        self.push(value);
        self.settle();
        Ok(())
    }

    pub(crate) fn get_pending(&mut self, ticket: Ticket) {
        assert!(!self.outcomes.contains_key(&ticket), "it does not take it");
        let may_yield = self.getters.is_empty() && (self.has_free() || self.is_over());
        if !self.getters.contains(&ticket) && !may_yield {
            self.getters.push_back(ticket);
        }
        self.settle();
    }

    /// What one gets that is ready; `None` if the queue is closed.
    pub(crate) fn get_ready(&mut self, ticket: Ticket) -> Option<u64> {
        let got = match self.outcomes.remove(&ticket) {
            // A value may have been requeued since: that is for whoever gets anew.
            Some(Outcome::Over) => return None,
            Some(_) if self.phase == Phase::Closed => None,
            Some(_) => self.values.pop_front().map(|value| value.id),
            None => {
                assert!(!self.getters.contains(&ticket), "it is not its turn");
                self.try_get().ok()
            }
        };
        assert!(got.is_some() || self.is_over(), "{self:?}");
        self.settle();
        got
    }

    pub(crate) fn try_get(&mut self) -> Result<u64, Refusal> {
        if self.getters.is_empty() && self.has_free() {
            let value = self.values.pop_front().expect("one is free");
            self.settle();
            return Ok(value.id);
        }
        Err(if self.getters.is_empty() && self.is_over() {
            Refusal::Closed
        } else {
            Refusal::NotNow
        })
    }

    /// One that waited to put, get or join has gone.
    pub(crate) fn dropped(&mut self, ticket: Ticket) {
        self.putters.retain(|(other, _)| *other != ticket);
        self.getters.retain(|other| *other != ticket);
        self.joiners.retain(|other| *other != ticket);
        self.outcomes.remove(&ticket);
        self.settle();
    }
}

/// What becomes of items, and of the queue.
impl Queue {
    pub(crate) fn done(&mut self) {
        self.unfinished -= 1;
        self.settle();
    }

    pub(crate) fn item_dropped(&mut self) {
        self.dropped += 1;
        self.done();
    }

    pub(crate) fn requeue(&mut self, value: Value) -> bool {
        if self.phase == Phase::Closed {
            self.done();
            return false;
        }
        let place = match self.kind {
            Kind::Fifo | Kind::Lifo => 0,
            Kind::Priority => self.values.partition_point(|other| other.key < value.key),
        };
        self.values.insert(place, value);
        self.settle();
        true
    }

    pub(crate) fn join_pending(&mut self, ticket: Ticket) {
        assert!(!self.outcomes.contains_key(&ticket), "it does not take it");
        if !self.joiners.contains(&ticket) && self.unfinished > 0 {
            self.joiners.push(ticket);
        }
    }

    pub(crate) fn join_ready(&mut self, ticket: Ticket) {
        let told = self.outcomes.remove(&ticket).is_some();
        assert!(told || self.unfinished == 0, "{self:?}");
    }

    pub(crate) fn close(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Draining;
        }
        self.settle();
    }

    pub(crate) fn close_now(&mut self) -> Vec<u64> {
        self.phase = Phase::Closed;
        self.unfinished -= self.values.len();
        let values = self.values.drain(..).map(|value| value.id).collect();
        self.settle();
        values
    }
}
