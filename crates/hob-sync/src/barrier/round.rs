//! The rounds of a barrier: who has arrived, and what those are told whose round has ended.

use smallvec::SmallVec;

use crate::barrier::{BarrierError, BarrierStatistics, BarrierWait};
use crate::epoch::Epoch;
use crate::primitive::{AtomicBool, AtomicUsize, Guarded, Ordering};
use crate::wait_queue::{Serve, Settle, WaitQueue, serve, update};
use crate::waker::WakeList;

pub(crate) struct Meeting {
    parties: usize,
    /// In the present round; less than `parties`. It changes under the lock.
    arrived: AtomicUsize,
    /// It changes under the lock, too.
    is_broken: AtomicBool,
    state: Guarded<State>,
}

pub(crate) struct State {
    line: WaitQueue<Epoch, Told>,
    rounds: Rounds,
}

/// A round is known by its epoch, which ends with it.
pub(crate) struct Rounds {
    present: Epoch,
    /// Those of whose people some may still be in line, in order.
    ended: SmallVec<[Ended; 2]>,
}

struct Ended {
    round: Epoch,
    /// The index of the next who is told, or why it is told none.
    next: Result<usize, BarrierError>,
}

type Told = Result<BarrierWait, BarrierError>;

impl Meeting {
    pub(super) fn new(parties: usize) -> Self {
        Self {
            parties,
            arrived: AtomicUsize::new(0),
            is_broken: AtomicBool::new(false),
            state: Guarded::new(State {
                line: WaitQueue::new(),
                rounds: Rounds {
                    present: Epoch::FIRST,
                    ended: SmallVec::new(),
                },
            }),
        }
    }

    pub(super) const fn parties(&self) -> usize {
        self.parties
    }

    pub(super) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Relaxed)
    }

    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    pub(super) fn reset(&self) {
        self.start_anew(false);
    }

    pub(super) fn abort(&self) {
        self.start_anew(true);
    }

    fn start_anew(&self, is_broken: bool) {
        update(self, |state| {
            self.is_broken.store(is_broken, Ordering::Relaxed);
            self.end_round(&mut state.rounds, Err(BarrierError::Broken));
        });
    }

    pub(super) fn statistics(&self) -> BarrierStatistics {
        BarrierStatistics {
            parties: self.parties,
            waiting: self.arrived(),
            is_broken: self.is_broken(),
        }
    }

    /// Whether all others have arrived.
    fn is_last(&self) -> bool {
        self.arrived() + 1 == self.parties
    }

    /// Lets one arrive who need not wait: the last, or anybody if the barrier is broken.
    fn arrive(&self, rounds: &mut Rounds) -> Option<Told> {
        if self.is_broken() {
            return Some(Err(BarrierError::Broken));
        }
        self.is_last().then(|| {
            self.end_round(rounds, Ok(0));
            Ok(self.told(self.parties - 1))
        })
    }

    /// Ends the round, if it has begun: those who have arrived are to be told.
    fn end_round(&self, rounds: &mut Rounds, next: Result<usize, BarrierError>) {
        if self.arrived() == 0 {
            return;
        }
        rounds.ended.push(Ended {
            round: rounds.present,
            next,
        });
        rounds.present.advance();
        self.arrived.store(0, Ordering::Relaxed);
    }

    const fn told(&self, index: usize) -> BarrierWait {
        BarrierWait {
            index,
            is_leader: index + 1 == self.parties,
        }
    }
}

impl Rounds {
    /// The round, if it has ended. Those before it are forgotten: nobody of theirs is in line any more.
    fn ended(&mut self, round: Epoch) -> Option<&mut Ended> {
        let over = self.ended.iter().take_while(|ended| ended.round < round);
        let over = over.count();
        self.ended.drain(..over);
        self.ended.first_mut().filter(|ended| ended.round == round)
    }
}

impl Settle for Meeting {
    type State = State;

    fn lock(&self) -> &Guarded<State> {
        &self.state
    }

    fn settle(&self, state: &mut State, wakes: &mut WakeList) {
        serve(self, state, wakes);
        if state.line.is_empty() {
            state.rounds.ended.clear();
        }
    }
}

impl Serve for Meeting {
    type Request = Epoch;
    type Grant = Told;
    type Store = Rounds;

    fn parts(state: &mut State) -> (&mut WaitQueue<Epoch, Told>, &mut Rounds) {
        (&mut state.line, &mut state.rounds)
    }

    fn is_ready(&self, _: &Rounds, _: &Epoch) -> bool {
        self.is_broken() || self.is_last()
    }

    fn take(&self, rounds: &mut Rounds, round: &mut Epoch) -> Option<Told> {
        if *round == Epoch::NOT_IN_LINE {
            return self.arrive(rounds);
        }
        match &mut rounds.ended(*round)?.next {
            Ok(next) => {
                let index = *next;
                *next += 1;
                Some(Ok(self.told(index)))
            }
            Err(error) => Some(Err(*error)),
        }
    }

    fn put_back(&self, _: &mut Rounds, _: Told) -> Option<Told> {
        // It was told, and goes. That changes nothing for the others.
        None
    }

    fn take_past_line(&self, rounds: &mut Rounds, _: &mut Epoch) -> Option<Told> {
        self.arrive(rounds)
    }

    fn joins(&self, rounds: &mut Rounds, round: &mut Epoch) {
        *round = rounds.present;
        self.arrived.store(self.arrived() + 1, Ordering::Relaxed);
    }

    fn leaves(&self, rounds: &mut Rounds, round: &Epoch) {
        if *round == rounds.present {
            self.arrived.store(self.arrived() - 1, Ordering::Relaxed);
        }
    }

    fn try_take(&self, _: &mut Epoch) -> Option<Told> {
        // Only a hint: it may have changed under the lock. Who joins the line looks again.
        if self.is_broken() || self.is_last() {
            update(self, |state| self.arrive(&mut state.rounds))
        } else {
            None
        }
    }
}
