//! Channels against a plain model: random sends, permits, receives, cancels and closes, each compared.

mod support;

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::task::Poll;

use hob_sync::mpmc::{self, TryRecvError, TrySendError};
use hob_sync::mpsc;

use support::{Random, poll, poll_once};

const RUNS: u64 = 1_500;
const STEPS: usize = 60;

type Key = usize;

/// What one who puts waits with: a message, or nothing for a slot.
type Put = Option<u32>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Sent,
    Slot,
    Refused,
}

/// A channel as it is described: a capacity of zero is a rendezvous.
#[derive(Default)]
struct Model {
    capacity: usize,
    ring: VecDeque<u32>,
    reserved: usize,
    is_closed: bool,
    putters: Vec<(Key, Put)>,
    takers: Vec<Key>,
    turns: Vec<Key>,
    /// What those in line were given, which they learn at their next poll.
    placed: HashMap<Key, Place>,
    over: Vec<Key>,
}

impl Model {
    fn has_room(&self) -> bool {
        let capacity = match self.capacity {
            0 => self.takers.len() + self.turns.len(),
            capacity => capacity,
        };
        self.ring.len() + self.reserved < capacity
    }

    fn available(&self) -> usize {
        let offers = self.putters.iter().filter(|(_, put)| put.is_some());
        let is_offered = matches!(self.putters.first(), Some((_, Some(_))));
        self.ring.len()
            + if self.capacity == 0 && is_offered {
                offers.count()
            } else {
                0
            }
    }

    fn is_over(&self) -> bool {
        self.is_closed && self.ring.is_empty() && self.reserved == 0
    }

    fn place(&mut self, put: Put) -> Option<Place> {
        if self.is_closed {
            return Some(Place::Refused);
        }
        if !self.has_room() || (put.is_some() && self.capacity == 0) {
            return None;
        }
        match put {
            Some(message) => self.ring.push_back(message),
            None => self.reserved += 1,
        }
        Some(if put.is_some() {
            Place::Sent
        } else {
            Place::Slot
        })
    }

    fn settle(&mut self) {
        while let Some((key, put)) = self.putters.first().copied()
            && let Some(place) = self.place(put)
        {
            self.putters.remove(0);
            self.placed.insert(key, place);
        }
        while let Some(key) = self.takers.first().copied() {
            if self.available() > self.turns.len() {
                self.turns.push(key);
            } else if self.is_over() {
                self.over.push(key);
            } else {
                return;
            }
            self.takers.remove(0);
        }
    }

    fn put(&mut self, key: Key, put: Put) -> Option<Place> {
        if let Some(place) = self.placed.remove(&key) {
            return Some(place);
        }
        if self.putters.iter().any(|(other, _)| *other == key) {
            return None;
        }
        let place = if self.putters.is_empty() {
            self.place(put)
        } else {
            None
        };
        if place.is_none() {
            self.putters.push((key, put));
        }
        self.settle();
        place
    }

    fn take(&mut self, is_turn: bool) -> Option<Option<u32>> {
        if self.available() <= self.turns.len() {
            return (is_turn || self.takers.is_empty())
                .then(|| self.is_over().then_some(None))
                .flatten();
        }
        let message = self.ring.pop_front().unwrap_or_else(|| {
            let (key, put) = self.putters.remove(0);
            self.placed.insert(key, Place::Sent);
            put.expect("it was offered")
        });
        Some(Some(message))
    }

    fn recv(&mut self, key: Key) -> Option<Option<u32>> {
        if let Some(at) = self.over.iter().position(|other| *other == key) {
            self.over.remove(at);
            return Some(None);
        }
        if self.takers.contains(&key) {
            return None;
        }
        let turn = self.turns.iter().position(|other| *other == key);
        if let Some(at) = turn {
            self.turns.remove(at);
        }
        let taken = if turn.is_some() {
            // The rule that newcomers leave to others what they have a turn for does not bind it.
            let turns = std::mem::take(&mut self.turns);
            let taken = self.take(true);
            self.turns = turns;
            taken
        } else if self.takers.is_empty() {
            self.take(false)
        } else {
            None
        };
        if taken.is_none() {
            let at = if turn.is_some() { 0 } else { self.takers.len() };
            self.takers.insert(at, key);
        }
        self.settle();
        taken
    }

    fn cancel(&mut self, key: Key) {
        self.putters.retain(|(other, _)| *other != key);
        self.takers.retain(|other| *other != key);
        self.turns.retain(|other| *other != key);
        self.over.retain(|other| *other != key);
        if self.placed.remove(&key) == Some(Place::Slot) {
            self.reserved -= 1;
        }
        self.settle();
    }

    fn unreserve(&mut self, message: Option<u32>) {
        self.reserved -= 1;
        self.ring.extend(message);
        self.settle();
    }
}

fn as_poll<T>(option: Option<T>) -> Poll<T> {
    option.map_or(Poll::Pending, Poll::Ready)
}

enum Pending<'a> {
    Send(Pin<Box<mpmc::Sending<'a, u32>>>, u32),
    Reserve(Pin<Box<mpmc::Reserve<'a, u32>>>),
    Recv(Pin<Box<mpmc::Recv<'a, u32>>>),
}

/// One step of a future, compared. Returns whether it goes on waiting, and a permit it may have got.
fn step<'a>(
    model: &mut Model,
    key: Key,
    pending: &mut Pending<'a>,
) -> (bool, Option<mpmc::Permit<'a, u32>>) {
    match pending {
        Pending::Send(send, message) => {
            let sent = poll(send);
            let expected = model.put(key, Some(*message)).map(|place| match place {
                Place::Refused => Err(mpmc::SendError(*message)),
                _ => Ok(()),
            });
            assert_eq!(sent, as_poll(expected), "send of {message}");
            (sent.is_pending(), None)
        }
        Pending::Reserve(reserve) => {
            let reserved = poll(reserve);
            let expected = model.put(key, None).map(|place| place == Place::Slot);
            let is_slot = match &reserved {
                Poll::Ready(result) => Some(result.is_ok()),
                Poll::Pending => None,
            };
            assert_eq!(is_slot, expected, "reserve");
            match reserved {
                Poll::Ready(result) => (false, result.ok()),
                Poll::Pending => (true, None),
            }
        }
        Pending::Recv(recv) => {
            let received = poll(recv);
            assert_eq!(received, as_poll(model.recv(key)), "recv");
            (received.is_pending(), None)
        }
    }
}

#[test]
fn mpmc_does_what_the_model_does() {
    for seed in 0..RUNS {
        for capacity in [0, 1, 2, 5] {
            let mut random = Random::new(seed * 7 + capacity as u64);
            let (tx, rx) = match capacity {
                0 => mpmc::rendezvous(),
                _ => mpmc::bounded(capacity),
            };
            let mut model = Model {
                capacity,
                ..Model::default()
            };
            let mut waiting: Vec<(Key, Pending<'_>)> = Vec::new();
            let mut permits = Vec::new();
            let mut next = 0;
            for key in 0..STEPS {
                let mut new = None;
                match random.below(20) {
                    0..=3 => {
                        next += 1;
                        new = Some(Pending::Send(Box::pin(tx.send(next)), next));
                    }
                    4 | 5 => new = Some(Pending::Reserve(Box::pin(tx.reserve()))),
                    6..=9 => new = Some(Pending::Recv(Box::pin(rx.recv()))),
                    10 => {
                        next += 1;
                        let expected = if model.is_closed {
                            Err(TrySendError::Closed(next))
                        } else if model.putters.is_empty() && model.has_room() {
                            model.ring.push_back(next);
                            Ok(())
                        } else {
                            Err(TrySendError::Full(next))
                        };
                        assert_eq!(tx.try_send(next), expected, "seed {seed}");
                        model.settle();
                    }
                    11 => {
                        let expected = if model.takers.is_empty() {
                            model.take(false)
                        } else {
                            model.is_over().then_some(None)
                        };
                        let expected = expected
                            .map(|taken| taken.ok_or(TryRecvError::Closed))
                            .unwrap_or(Err(TryRecvError::Empty));
                        assert_eq!(rx.try_recv(), expected, "seed {seed}");
                        model.settle();
                    }
                    12 | 13 if !permits.is_empty() => {
                        let permit: mpmc::Permit<'_, u32> =
                            permits.swap_remove(random.below(permits.len()));
                        next += 1;
                        let message = random.chance().then_some(next);
                        match message {
                            Some(message) => permit.send(message).unwrap(),
                            None => drop(permit),
                        }
                        model.unreserve(message);
                    }
                    14 | 15 if !waiting.is_empty() => {
                        let (key, pending) = waiting.swap_remove(random.below(waiting.len()));
                        drop(pending);
                        model.cancel(key);
                    }
                    16 if seed % 3 == 0 && random.below(10) == 0 => {
                        rx.close();
                        model.is_closed = true;
                        model.settle();
                    }
                    _ if !waiting.is_empty() => {
                        let at = random.below(waiting.len());
                        let (key, mut pending) = waiting.swap_remove(at);
                        let (waits, permit) = step(&mut model, key, &mut pending);
                        permits.extend(permit);
                        if waits {
                            waiting.push((key, pending));
                        }
                    }
                    _ => {}
                }
                if let Some(mut pending) = new {
                    let (waits, permit) = step(&mut model, key, &mut pending);
                    permits.extend(permit);
                    if waits {
                        waiting.push((key, pending));
                    }
                }
                let seen = tx.statistics();
                assert_eq!(seen.len, model.ring.len(), "seed {seed}, {capacity}");
                assert_eq!(seen.reserved, model.reserved, "seed {seed}, {capacity}");
                assert_eq!(seen.senders_waiting, model.putters.len());
                assert_eq!(seen.receivers_waiting, model.takers.len());
            }
        }
    }
}

/// Whatever is cancelled, messages arrive in the order of the first polls of their sends, each once,
/// and a sender that waits comes through as soon as there is room.
#[test]
fn mpsc_keeps_the_order_and_the_room() {
    for seed in 0..RUNS {
        for capacity in [1, 2, 5] {
            let mut random = Random::new(seed * 5 + capacity as u64);
            let (tx, mut rx) = mpsc::bounded(capacity);
            let mut ring = VecDeque::new();
            let mut line: Vec<(u32, Pin<Box<mpsc::Sending<'_, u32>>>)> = Vec::new();
            // Senders whose message has gone into the ring, which they do not know yet.
            let mut sent = Vec::new();
            for next in 0..STEPS as u32 {
                match random.below(6) {
                    0..=2 => {
                        let mut send = Box::pin(tx.send(next));
                        if poll(&mut send).is_ready() {
                            assert!(line.is_empty() && ring.len() < capacity, "seed {seed}");
                            ring.push_back(next);
                        } else {
                            assert!(ring.len() == capacity, "seed {seed}");
                            line.push((next, send));
                        }
                    }
                    3 if !line.is_empty() => drop(line.remove(random.below(line.len()))),
                    4 => {
                        let mut batch = Vec::new();
                        let limit = 1 + random.below(3);
                        let received = poll_once(rx.recv_many(&mut batch, limit));
                        let count = limit.min(ring.len());
                        assert_eq!(received.is_ready(), count > 0, "seed {seed}");
                        assert_eq!(batch, ring.drain(..count).collect::<Vec<_>>());
                    }
                    _ => assert_eq!(rx.try_recv().ok(), ring.pop_front(), "seed {seed}"),
                }
                while ring.len() < capacity && !line.is_empty() {
                    let (message, send) = line.remove(0);
                    ring.push_back(message);
                    sent.push(send);
                }
                assert_eq!(tx.len(), ring.len(), "seed {seed}");
                assert_eq!(tx.statistics().senders_waiting, line.len(), "seed {seed}");
                if random.chance() {
                    // Dropped or polled: it has been sent.
                    for mut send in sent.drain(..) {
                        assert!(random.chance() || poll(&mut send).is_ready());
                    }
                }
            }
        }
    }
}
