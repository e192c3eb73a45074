//! Who is awake, who sleeps where, and who of the sleepers scouts.
//!
//! # Implementation
//!
//! A worker owns a *core*: the right to run tasks from one queue. On the board stands where each core is:
//!
//! ```text
//!                enter                    borrow
//!     Awake ───────────────► Asleep ───────────────► Lent
//!       ▲   ◄───────────────    ▲   ◄───────────────   │
//!       │     leave, pick       │      give back       │
//!       └───────────────────────┼──────────────────────┘
//!                               give back, with tasks in the queue
//! ```
//!
//! A core is lent to a thread in `block_on`; its worker sleeps on, and runs nothing meanwhile. The last one
//! is never lent: whoever borrows may block, and somebody must be there for the others. The board
//! is behind a lock, which is taken when somebody goes to sleep or is woken, each of which costs more
//! than the lock. What pushes look at is a word beside it, [`SLEEPERS`] and two more bits, written
//! under the lock.
//!
//! **Work from outside** wakes a sleeper at once. A worker enters the board, and looks at the injector
//! once more before it sleeps; whoever injects does so first, and then looks at the word. Both put a
//! sequentially consistent fence between the two steps, so at least one of them sees what the other did.
//!
//! ```text
//!   worker                          push
//!   enter the board                 put the task in the injector
//!   fence                           fence
//!   look at the injector            look at the word
//! ```
//!
//! **A push to the own queue** wakes nobody: it loads the word, Relaxed. One sleeper is the *scout*, who
//! looks at the others every so often and takes tasks where that pays; see `scout.rs`. The invariant:
//! while one core is awake or lent and another asleep, there is a scout, or the word says
//! [`UNWATCHED`], and then the next push to an own queue rouses one. Three changes leave nobody to
//! scout. Who wakes first in a pool that sleeps as a whole reads the word after that change: it made it,
//! or was woken by who did. Who borrows the scout's core does so in order to push, and rouses another.
//! And a scout resigns after two looks at which nothing had moved: then no queue had a task to take.
//!
//! The scout itself sleeps longer and longer if its looks find nothing. [`EAGER`] says that its next look
//! is far off and that a push may bring it forward, once.

use crate::primitive::{AtomicUsize, Mutex, MutexGuard, Ordering, fence, lock};

#[cfg(all(test, not(loom)))]
mod tests;

pub(crate) struct Idle {
    word: AtomicUsize,
    board: Mutex<Board>,
}

/// Somebody sleeps and may be woken to work.
const SLEEPERS: usize = 0b001;
/// Somebody is awake, somebody sleeps, and nobody scouts.
const UNWATCHED: usize = 0b010;
/// The scout sleeps for long, and a push may rouse it.
const EAGER: usize = 0b100;

struct Board {
    cores: Box<[Core]>,
    /// Who sleeps alone, the last on top.
    alone: Vec<usize>,
    /// Who sleeps in the seat at the poller.
    seat: Option<usize>,
    /// How many cores are awake or lent.
    busy: usize,
    scout: Option<Scout>,
}

/// Where a core is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Core {
    /// Its worker has not started, or has ended.
    Absent,
    Awake,
    Asleep(Place),
    /// Lent, and where its worker sleeps meanwhile, if it does.
    Lent(Option<Place>),
    /// Lent, and its worker has ended.
    Orphaned,
}

struct Scout {
    worker: usize,
    call: Call,
    is_eager: bool,
}

/// A worker that is to be woken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "somebody must unpark it"]
pub(crate) struct Sleeper {
    pub(crate) worker: usize,
    pub(crate) place: Place,
}

/// Where a worker sleeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// On its own parker.
    Alone,
    /// In the seat at the poller.
    Seat,
}

/// As what a worker goes to sleep.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// It sleeps until somebody wakes it.
    Sleeper,
    /// It looks at the others every so often.
    Scout,
    /// Its core is lent: it has nothing to run tasks with.
    Coreless,
}

/// What a worker is when it wakes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Awakening {
    /// It has its core, and works.
    Works,
    /// It has its core, and scouts.
    Scouts(Call),
    /// Its core is lent.
    Coreless,
}

/// What a scout was roused for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    /// Nothing: its time was up.
    Tick,
    /// The poller was left alone: it need only look now and then.
    Guard,
    /// A push: it is to look at once.
    Look,
}

impl Idle {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            word: AtomicUsize::new(0),
            board: Mutex::new(Board {
                cores: vec![Core::Absent; workers].into(),
                alone: Vec::with_capacity(workers),
                seat: None,
                busy: 0,
                scout: None,
            }),
        }
    }

    /// A worker starts, awake.
    pub(crate) fn start(&self, worker: usize) {
        self.change(|board| {
            assert_eq!(board.cores[worker], Core::Absent, "a core has one worker");
            board.cores[worker] = Core::Awake;
            board.busy += 1;
        });
    }

    /// A worker ends, awake. Its core, if it is lent, is nobody's afterwards.
    pub(crate) fn end(&self, worker: usize) {
        self.change(|board| {
            board.take_out(worker);
            match board.cores[worker] {
                Core::Lent(_) => board.cores[worker] = Core::Orphaned,
                _ => {
                    board.busy -= 1;
                    board.cores[worker] = Core::Absent;
                }
            }
            board.dismiss(worker);
        });
    }

    /// A worker is about to sleep; afterwards it looks at the injector once more.
    ///
    /// Who has scouted and finds that there is nothing to watch `resigns`.
    pub(crate) fn enter(&self, worker: usize, place: Place, resigns: bool) -> Role {
        let role = self.change(|board| board.enter(worker, place, resigns));
        fence(Ordering::SeqCst);
        role
    }

    /// A worker has woken, for whatever reason.
    pub(crate) fn leave(&self, worker: usize) -> Awakening {
        self.change(|board| board.leave(worker))
    }

    /// The scout works from now on; who is to scout in its place?
    pub(crate) fn stop_scouting(&self, worker: usize) -> Option<Sleeper> {
        self.change(|board| {
            board.dismiss(worker);
            board.appoint(Call::Look)
        })
    }

    /// The scout says whether a push may rouse it.
    pub(crate) fn set_eager(&self, worker: usize, is_eager: bool) {
        self.change(|board| {
            if let Some(scout) = board.scout_is(worker) {
                scout.is_eager = is_eager;
            }
        });
    }

    /// Takes a sleeper out, to be woken, after a task was injected.
    pub(crate) fn pick(&self) -> Option<Sleeper> {
        fence(Ordering::SeqCst);
        if self.word.load(Ordering::Relaxed) & SLEEPERS == 0 {
            return None;
        }
        self.change(Board::pick)
    }

    /// Whether a push to an own queue is to [rouse](Self::rouse) somebody.
    pub(crate) fn wants_rousing(&self) -> bool {
        self.word.load(Ordering::Relaxed) & (UNWATCHED | EAGER) != 0
    }

    /// Finds the scout that a push rouses.
    pub(crate) fn rouse(&self) -> Option<Sleeper> {
        self.change(Board::rouse)
    }

    /// Whether somebody is awake, somebody sleeps, and nobody scouts.
    pub(crate) fn is_unwatched(&self) -> bool {
        self.word.load(Ordering::Relaxed) & UNWATCHED != 0
    }

    /// Finds a scout for a poller that was left alone.
    pub(crate) fn guard(&self) -> Option<Sleeper> {
        self.change(|board| board.appoint(Call::Guard))
    }

    /// Takes the core of a sleeping worker.
    pub(crate) fn borrow(&self) -> Option<usize> {
        if self.word.load(Ordering::Relaxed) & SLEEPERS == 0 {
            return None;
        }
        self.change(Board::borrow)
    }

    /// Gives a borrowed core back; its worker is to be woken if tasks are `waiting` in the queue, else
    /// perhaps a scout.
    ///
    /// As after [`enter`](Self::enter), the caller looks at the injector afterwards.
    pub(crate) fn give_back(&self, worker: usize, waiting: bool) -> Option<Sleeper> {
        let sleeper = self.change(|board| board.give_back(worker, waiting));
        fence(Ordering::SeqCst);
        sleeper
    }

    /// Whether every worker has ended, and nobody has a core: the pool may be another's.
    pub(crate) fn is_vacant(&self) -> bool {
        lock(&self.board)
            .cores
            .iter()
            .all(|core| *core == Core::Absent)
    }

    /// How many workers sleep.
    pub(crate) fn asleep(&self) -> usize {
        lock(&self.board).asleep()
    }

    fn change<R>(&self, act: impl FnOnce(&mut Board) -> R) -> R {
        let mut board: MutexGuard<'_, Board> = lock(&self.board);
        let result = act(&mut board);
        self.word.store(board.word(), Ordering::Relaxed);
        result
    }
}

impl Board {
    fn word(&self) -> usize {
        if self.asleep() == 0 {
            return 0;
        }
        let watch = match &self.scout {
            None if self.busy > 0 => UNWATCHED,
            Some(scout) if scout.is_eager && self.place_of(scout.worker).is_some() => EAGER,
            _ => 0,
        };
        SLEEPERS | watch
    }

    fn asleep(&self) -> usize {
        self.alone.len() + usize::from(self.seat.is_some())
    }

    fn enter(&mut self, worker: usize, place: Place, resigns: bool) -> Role {
        match self.cores[worker] {
            Core::Lent(_) => {
                self.cores[worker] = Core::Lent(Some(place));
                return Role::Coreless;
            }
            core => debug_assert_eq!(core, Core::Awake, "who sleeps was awake"),
        }
        self.busy -= 1;
        self.put_in(worker, place);
        if resigns {
            self.dismiss(worker);
            return Role::Sleeper;
        }
        match &self.scout {
            Some(scout) if scout.worker == worker => return Role::Scout,
            // One in the seat may be called away by what happens there.
            Some(scout) if place == Place::Alone && self.seat == Some(scout.worker) => {}
            None if self.busy > 0 => {}
            _ => return Role::Sleeper,
        }
        self.scout = Some(Scout::new(worker, Call::Tick));
        Role::Scout
    }

    fn leave(&mut self, worker: usize) -> Awakening {
        match self.cores[worker] {
            Core::Lent(_) => {
                self.cores[worker] = Core::Lent(None);
                return Awakening::Coreless;
            }
            Core::Asleep(_) => self.wake(worker),
            Core::Awake | Core::Absent | Core::Orphaned => {}
        }
        match self.scout_is(worker) {
            Some(scout) => {
                scout.is_eager = false;
                Awakening::Scouts(std::mem::replace(&mut scout.call, Call::Tick))
            }
            None => Awakening::Works,
        }
    }

    /// Wakes the scout last while somebody else is awake: who knows what that one is at.
    fn pick(&mut self) -> Option<Sleeper> {
        let scout = self.scout.as_ref().map(|scout| scout.worker);
        let may_be = |worker: &usize| self.busy == 0 || scout != Some(*worker);
        let chosen = self.alone.iter().rev().copied().find(may_be);
        let chosen = chosen
            .or_else(|| self.seat.filter(may_be))
            .or_else(|| self.alone.last().copied())
            .or(self.seat)?;
        let sleeper = self.sleeper(chosen)?;
        self.wake(chosen);
        self.dismiss(chosen);
        Some(sleeper)
    }

    fn rouse(&mut self) -> Option<Sleeper> {
        match &self.scout {
            Some(scout) => {
                let (worker, is_eager) = (scout.worker, scout.is_eager);
                // One that is awake looks anyhow.
                let sleeper = self.sleeper(worker).filter(|_| is_eager)?;
                let scout = self.scout_is(worker)?;
                scout.is_eager = false;
                scout.call = Call::Look;
                Some(sleeper)
            }
            None => self.appoint(Call::Look),
        }
    }

    /// Makes somebody the scout, if there is none and somebody to watch.
    fn appoint(&mut self, call: Call) -> Option<Sleeper> {
        if self.scout.is_some() || self.busy == 0 {
            return None;
        }
        let worker = self.alone.last().copied().or(self.seat)?;
        self.scout = Some(Scout::new(worker, call));
        self.sleeper(worker)
    }

    /// Takes no core if it is the last that is not lent: its worker serves whoever waits for who has
    /// borrowed the others.
    fn borrow(&mut self) -> Option<usize> {
        let lent = |core: &Core| matches!(core, Core::Lent(_) | Core::Orphaned | Core::Absent);
        if self.cores.iter().filter(|core| !lent(core)).count() < 2 {
            return None;
        }
        let scout = self.scout.as_ref().map(|scout| scout.worker);
        let may_be = |worker: &usize| scout != Some(*worker);
        let worker = self.alone.iter().rev().copied().find(may_be);
        let worker = worker
            .or_else(|| self.alone.last().copied())
            .or(self.seat)?;
        let place = self.place_of(worker);
        self.take_out(worker);
        self.dismiss(worker);
        self.cores[worker] = Core::Lent(place);
        self.busy += 1;
        Some(worker)
    }

    fn give_back(&mut self, worker: usize, waiting: bool) -> Option<Sleeper> {
        let place = match self.cores[worker] {
            Core::Lent(place) => place,
            Core::Orphaned => {
                self.busy -= 1;
                self.cores[worker] = Core::Absent;
                return None;
            }
            _ => unreachable!("only a core that was lent is given back"),
        };
        self.cores[worker] = Core::Awake;
        match place {
            // It is on its way, and finds that it has its core.
            None => None,
            Some(place) if waiting => Some(Sleeper { worker, place }),
            Some(place) => {
                self.busy -= 1;
                self.put_in(worker, place);
                // It may have been the scout when it was lent.
                self.appoint(Call::Look)
            }
        }
    }

    fn wake(&mut self, worker: usize) {
        self.take_out(worker);
        self.cores[worker] = Core::Awake;
        self.busy += 1;
    }

    fn put_in(&mut self, worker: usize, place: Place) {
        self.cores[worker] = Core::Asleep(place);
        match place {
            Place::Alone => self.alone.push(worker),
            Place::Seat => self.seat = Some(worker),
        }
    }

    fn take_out(&mut self, worker: usize) {
        self.alone.retain(|other| *other != worker);
        self.seat = self.seat.filter(|other| *other != worker);
    }

    fn dismiss(&mut self, worker: usize) {
        self.scout.take_if(|scout| scout.worker == worker);
    }

    fn scout_is(&mut self, worker: usize) -> Option<&mut Scout> {
        self.scout.as_mut().filter(|scout| scout.worker == worker)
    }

    fn place_of(&self, worker: usize) -> Option<Place> {
        match self.cores[worker] {
            Core::Asleep(place) => Some(place),
            Core::Absent | Core::Awake | Core::Lent(_) | Core::Orphaned => None,
        }
    }

    fn sleeper(&self, worker: usize) -> Option<Sleeper> {
        let place = self.place_of(worker)?;
        Some(Sleeper { worker, place })
    }
}

impl Scout {
    const fn new(worker: usize, call: Call) -> Self {
        Self {
            worker,
            call,
            is_eager: false,
        }
    }
}
