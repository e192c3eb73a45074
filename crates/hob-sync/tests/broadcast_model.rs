//! Random runs of a broadcast agree with a model of it, step by step.

mod support;
#[path = "support/tracked.rs"]
mod tracked;

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures_lite::StreamExt;
use hob_sync::broadcast::{self, IntoMessages, Lagged, Receiver, SendError, Sender, TryRecvError};

use tracked::{Counts, Tracked};

use support::{Counter, Random, poll, poll_with};

/// What is sent: messages that are shared, and plain ones, of which each receiver gets its own.
trait Payload: Clone {
    /// Whether it counts.
    const IS_TRACKED: bool;

    fn make(counts: &Arc<Counts>, number: u64) -> Self;

    fn number(&self) -> u64;
}

impl Payload for Tracked {
    const IS_TRACKED: bool = true;

    fn make(counts: &Arc<Counts>, number: u64) -> Self {
        counts.message(number)
    }

    fn number(&self) -> u64 {
        self.0
    }
}

impl Payload for u64 {
    const IS_TRACKED: bool = false;

    fn make(_: &Arc<Counts>, number: u64) -> Self {
        number
    }

    fn number(&self) -> u64 {
        *self
    }
}

/// A receiver, and the position of the message that comes next for it.
struct Listener<T> {
    ear: Ear<T>,
    next: u64,
}

enum Ear<T> {
    Receiver(Receiver<T>),
    /// Possibly in line; how often it should have been woken, and was.
    Stream(Pin<Box<IntoMessages<T>>>, bool, Arc<Counter>, usize),
}

struct Model<T> {
    random: Random,
    tx: Option<Sender<T>>,
    capacity: u64,
    tail: u64,
    listeners: Vec<Listener<T>>,
    counts: Arc<Counts>,
    clones: usize,
    waiting: usize,
}

impl<T: Payload> Model<T> {
    /// The oldest message that is held.
    fn head(&self) -> u64 {
        let oldest = self.listeners.iter().map(|it| it.next).min();
        let overwritten = self.tail.saturating_sub(self.capacity);
        oldest.unwrap_or(self.tail).max(overwritten)
    }

    fn step(&mut self) {
        match self.random.below(12) {
            0..4 => self.send(),
            4 => self.subscribe(),
            5 if !self.listeners.is_empty() => {
                let gone = self.random.below(self.listeners.len());
                drop(self.listeners.swap_remove(gone));
            }
            _ if !self.listeners.is_empty() => self.receive(),
            _ => self.subscribe(),
        }
        self.check();
    }

    fn send(&mut self) {
        let Some(tx) = &self.tx else { return };
        match tx.send(T::make(&self.counts, self.tail)) {
            Ok(receivers) => {
                assert_eq!(receivers, self.listeners.len());
                self.tail += 1;
                self.all_are_woken();
            }
            Err(SendError(message)) => {
                assert_eq!(message.number(), self.tail);
                assert!(self.listeners.is_empty());
            }
        }
    }

    fn all_are_woken(&mut self) {
        for Listener { ear, .. } in &mut self.listeners {
            if let Ear::Stream(_, waits, counter, wakes) = ear {
                *wakes += usize::from(std::mem::take(waits));
                assert_eq!(counter.wakes(), *wakes);
            }
        }
    }

    fn subscribe(&mut self) {
        let Some(tx) = &self.tx else { return };
        let rx = tx.subscribe();
        let ear = if self.random.chance() {
            Ear::Receiver(rx)
        } else {
            let (counter, _) = Counter::new();
            Ear::Stream(Box::pin(rx.into_stream()), false, counter, 0)
        };
        let next = self.tail;
        self.listeners.push(Listener { ear, next });
    }

    /// What a listener is to receive, and whether it is the last one to take it.
    fn expected(&self, index: usize) -> (Result<u64, TryRecvError>, bool) {
        let (next, head) = (self.listeners[index].next, self.head());
        let others = self.listeners.iter().enumerate();
        let is_last = others
            .filter(|(other, _)| *other != index)
            .all(|(_, other)| other.next > next);
        let expected = match () {
            () if next < head => Err(TryRecvError::Lagged(head - next)),
            () if next < self.tail => Ok(next),
            () if self.tx.is_none() => Err(TryRecvError::Closed),
            () => Err(TryRecvError::Empty),
        };
        (expected, is_last)
    }

    fn receive(&mut self) {
        let index = self.random.below(self.listeners.len());
        let (expected, is_last) = self.expected(index);
        let cancels = self.random.chance();
        let received = match &mut self.listeners[index].ear {
            Ear::Receiver(rx) if cancels => {
                let mut recv = Box::pin(rx.recv());
                match poll(&mut recv) {
                    Poll::Ready(received) => received.map_err(TryRecvError::from),
                    Poll::Pending => {
                        drop(recv);
                        rx.try_recv()
                    }
                }
            }
            Ear::Receiver(rx) => rx.try_recv(),
            Ear::Stream(stream, waits, counter, _) => {
                let waker = Arc::clone(counter).into();
                let next = poll_with(&mut stream.next(), &waker);
                *waits = next.is_pending();
                match next {
                    Poll::Ready(Some(Ok(message))) => Ok(message),
                    Poll::Ready(Some(Err(Lagged(missed)))) => Err(TryRecvError::Lagged(missed)),
                    Poll::Ready(None) => Err(TryRecvError::Closed),
                    Poll::Pending => Err(TryRecvError::Empty),
                }
            }
        };
        assert_eq!(received.as_ref().map(T::number), expected.as_ref().copied());
        let step = match expected {
            Ok(_) => 1,
            Err(TryRecvError::Lagged(missed)) => missed,
            Err(_) => 0,
        };
        self.listeners[index].next += step;
        self.clones += usize::from(expected.is_ok() && !is_last);
    }

    fn check(&mut self) {
        let held = usize::try_from(self.tail - self.head()).unwrap();
        if T::IS_TRACKED {
            assert_eq!(self.counts.live(), held);
            assert_eq!(self.counts.clones(), self.clones);
        }
        let is_waiting = |it: &&Listener<T>| matches!(it.ear, Ear::Stream(_, true, ..));
        self.waiting = self.listeners.iter().filter(is_waiting).count();
        if let Some(tx) = &self.tx {
            let statistics = tx.statistics();
            assert!(statistics.len >= held);
            if T::IS_TRACKED || held == 0 {
                assert_eq!(statistics.len, held);
            }
            assert_eq!(statistics.receivers, self.listeners.len());
            assert_eq!(statistics.waiting, self.waiting);
        }
    }
}

#[test]
fn random_runs_of_shared_messages_agree_with_the_model() {
    random_runs::<Tracked>();
}

#[test]
fn random_runs_of_plain_messages_agree_with_the_model() {
    random_runs::<u64>();
}

fn random_runs<T: Payload>() {
    for seed in 0..2_000 {
        let mut random = Random::new(seed);
        let capacity = 1 + random.below(9);
        let (tx, _) = broadcast::channel(capacity);
        let mut model = Model::<T> {
            random,
            tx: Some(tx),
            capacity: capacity as u64,
            tail: 0,
            listeners: Vec::new(),
            counts: Arc::default(),
            clones: 0,
            waiting: 0,
        };
        for _ in 0..model.random.below(12) {
            model.subscribe();
        }
        for _ in 0..60 {
            model.step();
        }
        drop(model.tx.take());
        model.all_are_woken();
        while model.listeners.iter().any(|it| it.next < model.tail) {
            model.receive();
            model.check();
        }
        for index in 0..model.listeners.len() {
            assert_eq!(model.expected(index).0, Err(TryRecvError::Closed));
        }
        let counts = Arc::clone(&model.counts);
        drop(model);
        assert_eq!(counts.live(), 0, "seed {seed}");
    }
}
