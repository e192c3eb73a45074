//! Each queue against a plain model: random calls, polls and cancels give what the model gives, and
//! wake whom it serves.

mod support;

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

use hob_sync::queue::{Get, GetError, Join, Order, Put, PutError, WorkQueue};
use hob_sync::queue::{RequeueError, TryGetError, TryPutError};
use hob_sync::{Item, LifoQueue, PriorityQueue, Queue};

use support::{Counter, Random, poll_with};

const RUNS: u64 = 2_000;
const STEPS: usize = 50;

/// Compared by its key only.
#[derive(Clone, Copy)]
struct Value {
    key: usize,
    id: usize,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.id, self.key)
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Value {}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Fifo,
    Lifo,
    Priority,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Phase {
    Open,
    Draining,
    Closed,
}

/// What the model knows of a future.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    New,
    InLine,
    /// It was put, it has its turn, or all were done.
    Served,
    Refused,
}

/// Numbers are those of the futures.
struct Model {
    kind: Kind,
    capacity: usize,
    phase: Phase,
    /// The next is at the front.
    values: VecDeque<Value>,
    promised: usize,
    unfinished: usize,
    dropped: u64,
    stages: Vec<Stage>,
    putters: VecDeque<(usize, Value)>,
    getters: VecDeque<usize>,
    joiners: VecDeque<usize>,
}

impl Model {
    fn push_last(&mut self, value: Value) {
        let place = match self.kind {
            Kind::Fifo => self.values.len(),
            Kind::Lifo => 0,
            Kind::Priority => self.values.partition_point(|other| other.key <= value.key),
        };
        self.values.insert(place, value);
        self.unfinished += 1;
    }

    fn push_first(&mut self, value: Value) {
        let place = match self.kind {
            Kind::Fifo | Kind::Lifo => 0,
            Kind::Priority => self.values.partition_point(|other| other.key < value.key),
        };
        self.values.insert(place, value);
    }

    fn has_free(&self) -> bool {
        self.values.len() > self.promised
    }

    fn is_over(&self) -> bool {
        self.phase == Phase::Closed || (self.phase == Phase::Draining && self.values.is_empty())
    }

    fn settle(&mut self) {
        while let Some(&(putter, value)) = self.putters.front() {
            self.stages[putter] = if self.phase != Phase::Open {
                Stage::Refused
            } else if self.values.len() < self.capacity {
                self.push_last(value);
                Stage::Served
            } else {
                break;
            };
            self.putters.pop_front();
        }
        while let Some(&getter) = self.getters.front() {
            self.stages[getter] = if self.phase != Phase::Closed && self.has_free() {
                self.promised += 1;
                Stage::Served
            } else if self.is_over() {
                Stage::Refused
            } else {
                break;
            };
            self.getters.pop_front();
        }
        if self.unfinished == 0 {
            for joiner in self.joiners.drain(..) {
                self.stages[joiner] = Stage::Served;
            }
        }
    }

    fn try_put(&mut self, value: Value) -> Result<(), TryPutError<Value>> {
        if self.phase != Phase::Open {
            Err(TryPutError::Closed(value))
        } else if self.putters.is_empty() && self.values.len() < self.capacity {
            self.push_last(value);
            Ok(())
        } else {
            Err(TryPutError::Full(value))
        }
    }

    fn try_get(&mut self) -> Result<Value, TryGetError> {
        if self.is_over() {
            Err(TryGetError::Closed)
        } else if self.getters.is_empty() && self.has_free() {
            Ok(self.values.pop_front().expect("there is one"))
        } else {
            Err(TryGetError::Empty)
        }
    }

    fn poll_put(&mut self, id: usize, value: Value) -> Poll<Result<(), PutError<Value>>> {
        match self.stages[id] {
            Stage::New => match self.try_put(value) {
                Ok(()) => Poll::Ready(Ok(())),
                Err(TryPutError::Closed(value)) => Poll::Ready(Err(PutError(value))),
                Err(_) => {
                    self.putters.push_back((id, value));
                    self.stages[id] = Stage::InLine;
                    Poll::Pending
                }
            },
            Stage::InLine => Poll::Pending,
            Stage::Served => Poll::Ready(Ok(())),
            Stage::Refused => Poll::Ready(Err(PutError(value))),
        }
    }

    fn poll_get(&mut self, id: usize) -> Poll<Result<Value, GetError>> {
        match self.stages[id] {
            Stage::New => match self.try_get() {
                Ok(value) => Poll::Ready(Ok(value)),
                Err(TryGetError::Closed) => Poll::Ready(Err(GetError)),
                Err(_) => {
                    self.getters.push_back(id);
                    self.stages[id] = Stage::InLine;
                    Poll::Pending
                }
            },
            Stage::InLine => Poll::Pending,
            Stage::Served => {
                self.promised -= 1;
                Poll::Ready(self.values.pop_front().ok_or(GetError))
            }
            Stage::Refused => Poll::Ready(Err(GetError)),
        }
    }

    fn poll_join(&mut self, id: usize) -> Poll<()> {
        match self.stages[id] {
            Stage::New if self.unfinished > 0 => {
                self.joiners.push_back(id);
                self.stages[id] = Stage::InLine;
                Poll::Pending
            }
            Stage::InLine => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }

    fn finish(&mut self) {
        self.unfinished -= 1;
    }

    fn requeue(&mut self, value: Value) -> Result<(), RequeueError<Value>> {
        if self.phase == Phase::Closed {
            self.finish();
            return Err(RequeueError(value));
        }
        self.push_first(value);
        Ok(())
    }

    fn close_now(&mut self) -> Vec<Value> {
        self.phase = Phase::Closed;
        self.unfinished -= self.values.len();
        self.values.drain(..).collect()
    }
}

type Pinned<F> = Pin<Box<F>>;

enum Future<'a, O: Order<Value>> {
    Put(Value, Pinned<Put<'a, Value, O>>),
    Get(Pinned<Get<'a, Value, O>>),
    Join(Pinned<Join<'a, Value, O>>),
}

struct Running<'a, O: Order<Value>> {
    id: usize,
    future: Future<'a, O>,
    counter: Arc<Counter>,
    waker: Waker,
}

/// The queue and its model, with what the outside has of both.
struct Check<'a, O: Order<Value>> {
    queue: &'a WorkQueue<Value, O>,
    model: Model,
    running: Vec<Running<'a, O>>,
    items: Vec<Item<Value, O>>,
    values_made: usize,
}

impl<'a, O: Order<Value>> Check<'a, O> {
    fn value(&mut self, random: &mut Random) -> Value {
        self.values_made += 1;
        Value {
            key: random.below(4),
            id: self.values_made,
        }
    }

    fn start(&mut self, future: Future<'a, O>) {
        let (counter, waker) = Counter::new();
        self.running.push(Running {
            id: self.model.stages.len(),
            future,
            counter,
            waker,
        });
        self.model.stages.push(Stage::New);
    }

    /// Polls the future at `index`, in both worlds.
    fn poll(&mut self, index: usize) {
        let Running {
            id, future, waker, ..
        } = &mut self.running[index];
        let is_pending = match future {
            Future::Put(value, put) => {
                let expected = self.model.poll_put(*id, *value);
                let poll = poll_with(put, waker);
                same(&poll, &expected);
                poll.is_pending()
            }
            Future::Get(get) => {
                let expected = self.model.poll_get(*id);
                let poll = poll_with(get, waker);
                let seen = poll.map_ok(|item| {
                    self.items.push(item);
                    **self.items.last().expect("it was just pushed")
                });
                same(&seen, &expected);
                seen.is_pending()
            }
            Future::Join(join) => {
                let expected = self.model.poll_join(*id);
                let poll = poll_with(join, waker);
                assert_eq!(poll, expected);
                poll.is_pending()
            }
        };
        if !is_pending {
            drop(self.running.swap_remove(index));
        }
    }

    /// Drops the future at `index`, in both worlds.
    fn cancel(&mut self, index: usize) {
        let gone = self.running.swap_remove(index);
        let model = &mut self.model;
        match (&gone.future, model.stages[gone.id]) {
            (Future::Put(..), Stage::InLine) => model.putters.retain(|(id, _)| *id != gone.id),
            (Future::Get(_), Stage::InLine) => model.getters.retain(|id| *id != gone.id),
            (Future::Get(_), Stage::Served) => model.promised -= 1,
            (Future::Join(_), Stage::InLine) => model.joiners.retain(|id| *id != gone.id),
            _ => {}
        }
    }

    fn end_item(&mut self, random: &mut Random) {
        let item = self.items.swap_remove(random.below(self.items.len()));
        match random.below(4) {
            0 => {
                let expected = self.model.requeue(*item);
                same(&item.requeue(), &expected);
                return;
            }
            1 => {
                self.model.dropped += 1;
                drop(item);
            }
            2 => item.done(),
            _ => {
                let value = *item;
                assert_eq!(item.into_inner().id, value.id);
            }
        }
        self.model.finish();
    }

    fn step(&mut self, random: &mut Random) {
        match random.below(16) {
            0..3 => {
                let value = self.value(random);
                self.start(Future::Put(value, Box::pin(self.queue.put(value))));
            }
            3..6 => self.start(Future::Get(Box::pin(self.queue.get()))),
            6 => self.start(Future::Join(Box::pin(self.queue.join()))),
            7 => {
                let value = self.value(random);
                same(&self.queue.try_put(value), &self.model.try_put(value));
            }
            8 => {
                let got = self.queue.try_get();
                same(
                    &got.as_ref().map(|item| **item),
                    &self.model.try_get().as_ref().copied(),
                );
                self.items.extend(got);
            }
            9..12 if !self.running.is_empty() => self.poll(random.below(self.running.len())),
            12 if !self.running.is_empty() => self.cancel(random.below(self.running.len())),
            13..15 if !self.items.is_empty() => self.end_item(random),
            15 if random.below(8) == 0 => {
                self.queue.close();
                self.model.phase = self.model.phase.max(Phase::Draining);
            }
            15 if random.below(16) == 0 => {
                same(&self.queue.close_now(), &self.model.close_now());
            }
            _ => return,
        }
        self.model.settle();
        self.compare();
        // Most futures are polled at once.
        if let Some(last) = self.running.len().checked_sub(1)
            && self.model.stages[self.running[last].id] == Stage::New
            && random.below(4) > 0
        {
            self.poll(last);
            self.model.settle();
            self.compare();
        }
    }

    fn compare(&self) {
        let (seen, model) = (self.queue.statistics(), &self.model);
        assert_eq!(seen.len, model.values.len());
        assert_eq!(seen.promised, model.promised);
        assert_eq!(seen.unfinished, model.unfinished);
        assert_eq!(seen.dropped, model.dropped);
        assert_eq!(seen.putters_waiting, model.putters.len());
        assert_eq!(seen.getters_waiting, model.getters.len());
        assert_eq!(seen.joiners_waiting, model.joiners.len());
        assert_eq!(seen.is_closed, model.phase != Phase::Open);
        for running in &self.running {
            let served = matches!(model.stages[running.id], Stage::Served | Stage::Refused);
            assert_eq!(
                running.counter.wakes(),
                usize::from(served),
                "woken once, when served"
            );
        }
    }

    /// Lets everybody finish: nothing is lost, and nobody is left asleep.
    fn heal(mut self) {
        self.queue.close();
        self.model.phase = self.model.phase.max(Phase::Draining);
        self.model.settle();
        self.compare();
        let mut patience = 1_000;
        while !self.running.is_empty() || !self.items.is_empty() || !self.queue.is_empty() {
            assert!(patience > 0, "somebody waits for ever");
            patience -= 1;
            for index in (0..self.running.len()).rev() {
                self.poll(index);
                self.model.settle();
            }
            for item in self.items.drain(..) {
                item.done();
                self.model.finish();
            }
            self.model.settle();
            // All that had been put or had not been polled yet.
            if let Ok(item) = self.queue.try_get() {
                assert_eq!(self.model.try_get().map(|value| value.id), Ok(item.id));
                self.items.push(item);
            }
            self.model.settle();
            self.compare();
        }
        assert_eq!(self.queue.unfinished(), 0);
    }
}

/// By all they show, not by their keys.
fn same(seen: &impl fmt::Debug, expected: &impl fmt::Debug) {
    assert_eq!(format!("{seen:?}"), format!("{expected:?}"));
}

fn check<O: Order<Value>>(kind: Kind, make: impl Fn(usize) -> WorkQueue<Value, O>) {
    for seed in 0..RUNS {
        let mut random = Random::new(seed + 1);
        let capacity = [1, 2, 3, usize::MAX][random.below(4)];
        let queue = make(capacity);
        let mut check = Check {
            queue: &queue,
            model: Model {
                kind,
                capacity,
                phase: Phase::Open,
                values: VecDeque::new(),
                promised: 0,
                unfinished: 0,
                dropped: 0,
                stages: Vec::new(),
                putters: VecDeque::new(),
                getters: VecDeque::new(),
                joiners: VecDeque::new(),
            },
            running: Vec::new(),
            items: Vec::new(),
            values_made: 0,
        };
        for _ in 0..STEPS {
            check.step(&mut random);
        }
        check.heal();
    }
}

#[test]
fn a_queue_does_as_its_model() {
    check(Kind::Fifo, Queue::bounded);
}

#[test]
fn a_lifo_queue_does_as_its_model() {
    check(Kind::Lifo, LifoQueue::bounded);
}

#[test]
fn a_priority_queue_does_as_its_model() {
    check(Kind::Priority, PriorityQueue::bounded);
}
