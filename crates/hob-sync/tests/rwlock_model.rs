//! Random schedules of a `RwLock` agree with a plain list of who waits, step by step.

mod support;

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::Poll;

use hob_sync::rwlock::{Read, Write};
use hob_sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use support::{Random, poll};

type Asking<'a> = Who<Pin<Box<Read<'a, u32>>>, Pin<Box<Write<'a, u32>>>>;
/// Who asks, and whether it was granted.
type Waiting<'a> = (Asking<'a>, bool);
type Holding<'a> = Who<RwLockReadGuard<'a, u32>, RwLockWriteGuard<'a, u32>>;

enum Who<R, W> {
    Reader(R),
    Writer(W),
}

/// A lock beside a plain list of who waits, each with whether it was granted, and who holds it.
struct Schedule<'a> {
    random: Random,
    lock: &'a RwLock<u32>,
    seats: usize,
    line: VecDeque<Waiting<'a>>,
    holding: Vec<Holding<'a>>,
    writes: u32,
}

impl<'a> Schedule<'a> {
    fn new(seed: u64, lock: &'a RwLock<u32>, seats: usize) -> Self {
        Self {
            random: Random::new(seed),
            lock,
            seats,
            line: VecDeque::new(),
            holding: Vec::new(),
            writes: 0,
        }
    }

    /// How many read and write, or may.
    fn admitted(&self) -> (usize, usize) {
        let granted = self.line.iter().filter(|(_, granted)| *granted);
        let granted = granted.map(|(wait, _)| matches!(wait, Who::Writer(_)));
        let holding = self
            .holding
            .iter()
            .map(|guard| matches!(guard, Who::Writer(_)));
        granted
            .chain(holding)
            .fold((0, 0), |(readers, writers), writes| match writes {
                true => (readers, writers + 1),
                false => (readers + 1, writers),
            })
    }

    fn admits(&self, writes: bool) -> bool {
        match self.admitted() {
            (0, 0) => true,
            (readers, 0) => !writes && readers < self.seats,
            _ => false,
        }
    }

    fn waiting(&self) -> usize {
        self.line.iter().filter(|(_, granted)| !granted).count()
    }

    /// Grants in order, as long as there is something to grant.
    fn settle(&mut self) {
        while let Some(first) = self.line.iter().position(|(_, granted)| !granted)
            && self.admits(matches!(self.line[first].0, Who::Writer(_)))
        {
            self.line[first].1 = true;
        }
    }

    fn hold(&mut self, mut guard: Holding<'a>) {
        if let Who::Writer(guard) = &mut guard {
            **guard += 1;
            self.writes += 1;
        }
        self.holding.push(guard);
    }

    fn ask(&mut self) {
        let writes = self.random.chance();
        let served = self.waiting() == 0 && self.admits(writes);
        let mut wait = if writes {
            Who::Writer(Box::pin(self.lock.write()))
        } else {
            Who::Reader(Box::pin(self.lock.read()))
        };
        let guard = step(&mut wait);
        assert_eq!(guard.is_some(), served);
        match guard {
            Some(guard) => self.hold(guard),
            None => self.line.push_back((wait, false)),
        }
    }

    fn try_to(&mut self) {
        let writes = self.random.chance();
        let served = self.waiting() == 0 && self.admits(writes);
        let guard = if writes {
            self.lock.try_write().ok().map(Who::Writer)
        } else {
            self.lock.try_read().ok().map(Who::Reader)
        };
        assert_eq!(guard.is_some(), served);
        if let Some(guard) = guard {
            self.hold(guard);
        }
    }

    fn poll_one(&mut self) {
        if self.line.is_empty() {
            return;
        }
        let index = self.random.below(self.line.len());
        let (wait, granted) = &mut self.line[index];
        let guard = step(wait);
        assert_eq!(guard.is_some(), *granted, "it is served in its turn");
        if let Some(guard) = guard {
            drop(self.line.remove(index));
            self.hold(guard);
        }
    }

    fn give_up(&mut self) {
        if !self.line.is_empty() {
            drop(self.line.remove(self.random.below(self.line.len())));
        }
    }

    fn release(&mut self) {
        if self.holding.is_empty() {
            return;
        }
        let guard = self
            .holding
            .swap_remove(self.random.below(self.holding.len()));
        match guard {
            Who::Writer(guard) if self.random.chance() => {
                let guard = RwLockWriteGuard::downgrade(guard);
                self.holding.push(Who::Reader(guard));
            }
            guard => drop(guard),
        }
    }

    fn run(mut self) {
        for _ in 0..50 {
            match self.random.below(8) {
                0 | 1 => self.ask(),
                2 => self.try_to(),
                3 | 4 => self.poll_one(),
                5 => self.give_up(),
                _ => self.release(),
            }
            self.settle();
            let statistics = self.lock.statistics();
            let (readers, writers) = self.admitted();
            assert_eq!(statistics.readers, readers);
            assert_eq!(statistics.is_write_locked, writers == 1);
            assert_eq!(statistics.waiting, self.waiting());
            for guard in &self.holding {
                let seen = match guard {
                    Who::Reader(guard) => **guard,
                    Who::Writer(guard) => **guard,
                };
                assert_eq!(seen, self.writes);
            }
        }
    }
}

fn step<'a>(wait: &mut Asking<'a>) -> Option<Holding<'a>> {
    let poll = match wait {
        Who::Reader(read) => poll(read).map(Who::Reader),
        Who::Writer(write) => poll(write).map(Who::Writer),
    };
    match poll {
        Poll::Ready(guard) => Some(guard),
        Poll::Pending => None,
    }
}

#[test]
fn random_schedules_are_those_of_a_plain_list() {
    for seed in 0..3_000 {
        let seats = 1 + u32::try_from(seed % 4).expect("it is small");
        let lock = RwLock::with_max_readers(0, seats);
        Schedule::new(seed, &lock, seats as usize).run();
        let left = lock.statistics();
        assert_eq!(
            (left.readers, left.is_write_locked, left.waiting),
            (0, false, 0)
        );
    }
}
