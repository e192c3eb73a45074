//! The queue of one worker: first in, first out, and open to thieves.
//!
//! [`Ring`] answers two questions: which task does its owner run next, and which does a worker
//! take that has none? Both take the oldest. One thread, the owner, pushes at the tail; the owner
//! and the thieves take at the head. It grows and never refuses, so that no push ever falls back
//! on a queue that all share.
//!
//! # Implementation
//!
//! ```text
//!            head                       tail
//!             ▼                           ▼
//!   ┌───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┬───┐    an index i lies in place i mod capacity;
//!   │   │   │ a │ b │ c │ d │ e │ f │ g │   │   │   │    indexes only grow, and are never reused
//!   └───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┴───┘
//!             ◄─ thief: half, in one step   ◄─ owner: push
//!             ◄─ owner: one
//! ```
//!
//! Whoever moves `head` from `h` to `h + n` by compare-exchange owns what lay at `h .. h + n`; it
//! has read the places before. A thief may read a place that the owner is filling anew; what it
//! read is then worth nothing, and its compare-exchange fails, since the owner fills a place anew
//! only after `head` has passed it. So places are atomic pointers, and there is no data race. A
//! thief that loses asks for half as much: what takes less time to copy is lost less often.
//!
//! A full buffer is copied into one of twice the size. The old one is freed at once if no thief is
//! inside the ring, else it is kept in a list, until the owner grows again or goes to sleep.
//! After a burst [`Owner::trim`] gives a large buffer back. There is no lock.
//!
//! # Ordering
//!
//! 1. *Filled before taken.* `push` writes the place, then `tail` (Release); a thief reads `tail`
//!    (Acquire), then the buffer, then the place. So what it reads at an index below the tail that
//!    it saw is what was pushed there, or something later: then `head` has moved.
//! 2. *Copied before taken.* `replace` copies, then stores `buffer` (Release), which a thief reads
//!    (Acquire). A thief reads `buffer` after `tail`, so it has one that reaches up to that tail.
//! 3. *Taken before filled anew.* A thief reads the places, then moves `head` (Release); the owner
//!    reads `head` (Acquire) in `make_room` before it counts a place as free. Every change of
//!    `head` but those of `pop_unshared` is a read-modify-write, so one load of the owner covers
//!    all thieves before.
//! 4. *Head not above tail.* Whoever moved `head` knew of a `tail` as great (its own, or by 1), and
//!    moved it with Release. So `tail`, read after `head` (Acquire), is never below it.
//! 5. *Left before freed.* A thief adds itself to `thieves`, fences, and reads `buffer`; the owner
//!    stores `buffer`, fences, and reads `thieves`. Of two `SeqCst` fences one is first: either the
//!    owner sees the thief and keeps what it replaced, or the thief sees the new buffer. Thieves
//!    leave with Release and the owner reads with Acquire, so a zero means that all reads are over.
//!
//! # References
//!
//! - Chase and Lev, *Dynamic Circular Work-Stealing Deque*, SPAA 2005: indexes that only grow, the
//!   buffer that grows by copying. There the owner pops what it pushed last, and races with thieves
//!   for the last item alone; here it pops the oldest, and so always by compare-exchange.
//! - Lê, Pop, Cohen, Zappa Nardelli, *Correct and Efficient Work-Stealing for Weak Memory Models*,
//!   `PPoPP` 2013: its orders in C11. Popping at the tail needs a fence in each pop; this does not.
//! - Go's `runqsteal` and tokio's `queue.rs`: first in first out, half at a time. Their rings hold
//!   256 and overflow into the shared queue under its lock; tokio's thief claims before it copies,
//!   which bars other thieves meanwhile.

#![expect(
    unsafe_code,
    reason = "tokens lie in the places as pointers, and buffers are freed when no thief reads them"
)]

mod buffer;
#[cfg(all(test, loom))]
mod loom_models;
#[cfg(all(test, not(loom)))]
mod tests;

use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use hob_core::{Runnable, TaskCell};

use crate::primitive::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};

use self::buffer::Buffer;

/// No thief takes more than that at once.
pub(crate) const BATCH: usize = 128;

/// How many places a ring has at first.
const FIRST: usize = 256;

/// An empty ring of more than so many times its first capacity is made small again.
const SPARE: usize = 16;

/// So often a thief tries before it gives up; each time but the first it has lost to somebody.
const TRIES: usize = 8;

/// What can lie in a ring: anything that a pointer stands for.
pub(crate) trait Token: Send + Sized {
    /// Turns it into a pointer, which owns it from now on.
    fn into_raw(self) -> NonNull<()>;

    /// Turns the pointer back.
    ///
    /// # Safety
    ///
    /// `raw` is what [`into_raw`](Self::into_raw) of the same type returned, and is turned back
    /// only once.
    unsafe fn from_raw(raw: NonNull<()>) -> Self;
}

/// The queue of one worker.
pub(crate) struct Ring<T: Token> {
    /// The index of the oldest token. Changed by all; see "Ordering" 3 and 4.
    head: Line<AtomicU64>,
    /// What only the owner changes.
    own: Line<Own>,
    /// How many thieves are inside. Changed by thieves only.
    thieves: Line<AtomicUsize>,
    /// The capacity to start with, and to come back to.
    first: usize,
    /// It owns tokens, and sends them from thread to thread; it lends none.
    _tokens: PhantomData<fn() -> T>,
}

/// The owner's side of a [`Ring`].
pub(crate) struct Owner<'a, T: Token> {
    ring: &'a Ring<T>,
    /// Not for another thread.
    _here: PhantomData<*mut ()>,
}

impl<T: Token> Ring<T> {
    /// An empty ring.
    pub(crate) fn new() -> Self {
        Self::with_capacity(FIRST)
    }

    /// An empty ring that starts with `first` places.
    ///
    /// # Panics
    ///
    /// Unless `first` is a power of two.
    pub(crate) fn with_capacity(first: usize) -> Self {
        let buffer = Box::into_raw(Box::new(Buffer::new(first)));
        Self {
            head: Line(AtomicU64::new(0)),
            own: Line(Own {
                tail: AtomicU64::new(0),
                full_at: AtomicU64::new(first as u64),
                buffer: AtomicPtr::new(buffer),
                retired: AtomicPtr::new(ptr::null_mut()),
                busy: AtomicBool::new(false),
            }),
            thieves: Line(AtomicUsize::new(0)),
            first,
            _tokens: PhantomData,
        }
    }

    /// The owner's side.
    ///
    /// # Safety
    ///
    /// While it exists, its thread is the owner: no other thread has an [`Owner`] of this ring. If
    /// another thread had one before, what it did happened before this call (it handed the ring
    /// over through a lock, or an Acquire load of what it stored with Release).
    ///
    /// One thread may have several at the same time. Debug builds notice two threads inside.
    pub(crate) unsafe fn owner(&self) -> Owner<'_, T> {
        Owner {
            ring: self,
            _here: PhantomData,
        }
    }

    /// How many tokens lie here. To any thread but the owner, how many did a moment ago.
    pub(crate) fn len(&self) -> usize {
        // In this order: see "Ordering" 4.
        let head = self.taken();
        usize::try_from(self.pushed() - head).expect("each token fills a place in memory")
    }

    /// Whether none lies here. To any thread but the owner, whether none did a moment ago.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many tokens were ever pushed. The next one is number `pushed()`, counted from zero.
    pub(crate) fn pushed(&self) -> u64 {
        self.own.0.tail.load(Ordering::Acquire)
    }

    /// How many tokens were ever taken. A token of a lower number has been.
    pub(crate) fn taken(&self) -> u64 {
        self.head.0.load(Ordering::Acquire)
    }

    /// Takes the older half of what lies here, rounded up, to the end of `sink`; at most `most`
    /// and at most [`BATCH`]. Returns how many.
    ///
    /// For any thread. Zero does not mean that the ring is empty: others may have been faster.
    pub(crate) fn steal_into(&self, most: usize, sink: &mut Vec<T>) -> usize {
        if self.is_empty() {
            return 0;
        }
        let mut raw = [ptr::null_mut(); BATCH];
        self.enter();
        let taken = self.grab(most, &mut raw);
        self.leave();
        sink.extend(raw[..taken].iter().map(|&raw| {
            // SAFETY: `grab` moved `head` past the index where it lay, so it is ours alone.
            unsafe { token(raw) }
        }));
        taken
    }

    /// From now on no buffer is freed that can be found in `own.buffer`.
    fn enter(&self) {
        self.thieves.0.fetch_add(1, Ordering::Relaxed);
        // Pairs with the fence in `free_retired`; see "Ordering" 5.
        fence(Ordering::SeqCst);
    }

    /// Ends what [`enter`](Self::enter) began.
    fn leave(&self) {
        // Release: pairs with the Acquire load in `free_retired`.
        self.thieves.0.fetch_sub(1, Ordering::Release);
    }

    /// Copies the older half to the start of `raw` and makes it the caller's; returns how many.
    /// The caller has [entered](Self::enter).
    fn grab(&self, most: usize, raw: &mut [*mut (); BATCH]) -> usize {
        let mut most = most.min(BATCH);
        for _ in 0..TRIES {
            let head = self.taken();
            let waiting = self.pushed() - head;
            let half = waiting.div_ceil(2);
            let share = usize::try_from(half).map_or(most, |half| half.min(most));
            if share == 0 {
                return 0;
            }
            let buffer = self.own.0.buffer.load(Ordering::Acquire);
            // SAFETY: the pointer came from a `Box`, and the owner frees no buffer that a thief can
            // have found after it entered `thieves`; see "Ordering" 5.
            let buffer = unsafe { &*buffer };
            for (index, raw) in (head..).zip(&mut raw[..share]) {
                *raw = buffer.read(index);
            }
            let end = head + share as u64;
            // Release: pairs with `make_room` and `taken`; see "Ordering" 3 and 4.
            let won = self
                .head
                .0
                .compare_exchange(head, end, Ordering::Release, Ordering::Relaxed);
            if won.is_ok() {
                return share;
            }
            most = (share / 2).max(1);
        }
        0
    }
}

impl<T: Token> Owner<'_, T> {
    /// Puts `token` at the end.
    pub(crate) fn push(&self, token: T) {
        self.alone(|own| {
            let tail = own.tail.load(Ordering::Relaxed);
            self.put(tail, token);
            // Release: see "Ordering" 1.
            own.tail.store(tail + 1, Ordering::Release);
        });
    }

    /// Moves all `tokens` to the end, in their order; thieves see them at the same time.
    pub(crate) fn push_all(&self, tokens: &mut Vec<T>) {
        self.alone(|own| {
            let start = own.tail.load(Ordering::Relaxed);
            let end = start + tokens.len() as u64;
            for (tail, token) in (start..end).zip(tokens.drain(..)) {
                self.put(tail, token);
            }
            // Release: see "Ordering" 1.
            own.tail.store(end, Ordering::Release);
        });
    }

    /// Takes the oldest.
    pub(crate) fn pop(&self) -> Option<T> {
        self.alone(|own| {
            let tail = own.tail.load(Ordering::Relaxed);
            let mut head = self.ring.head.0.load(Ordering::Relaxed);
            while head != tail {
                let raw = self.buffer().read(head);
                // Release: see "Ordering" 4.
                let moved = self.ring.head.0.compare_exchange_weak(
                    head,
                    head + 1,
                    Ordering::Release,
                    Ordering::Relaxed,
                );
                match moved {
                    // SAFETY: we moved `head` past the index where it lay, so it is ours alone.
                    Ok(_) => return Some(unsafe { token(raw) }),
                    Err(now) => head = now,
                }
            }
            None
        })
    }

    /// Takes the oldest, where nobody steals: without a read-modify-write.
    ///
    /// # Safety
    ///
    /// No other thread is in [`Ring::steal_into`] of this ring, and what those did that were
    /// happened before this call.
    pub(crate) unsafe fn pop_unshared(&self) -> Option<T> {
        self.alone(|own| {
            let head = self.ring.head.0.load(Ordering::Relaxed);
            if head == own.tail.load(Ordering::Relaxed) {
                return None;
            }
            let raw = self.buffer().read(head);
            // Release: see "Ordering" 4. Here `head` has only one writer, so nothing is lost.
            self.ring.head.0.store(head + 1, Ordering::Release);
            // SAFETY: nobody else moves `head` (the caller's promise), so it is ours alone.
            Some(unsafe { token(raw) })
        })
    }

    /// Gives memory back that is no longer needed: for an owner that goes to sleep.
    ///
    /// Frees buffers that thieves kept from being freed, and makes an empty ring small again that
    /// has grown large. Cheap when there is nothing to free.
    pub(crate) fn trim(&self) {
        self.alone(|own| {
            let tail = own.tail.load(Ordering::Relaxed);
            let first = self.ring.first;
            // Nobody but us pushes: what is empty remains so.
            let empty = self.ring.head.0.load(Ordering::Relaxed) == tail;
            if empty && self.buffer().capacity() > SPARE * first {
                self.replace(Buffer::new(first));
                own.full_at.store(tail + first as u64, Ordering::Relaxed);
            } else {
                self.free_retired();
            }
        });
    }

    /// Runs `f`, and says so in debug builds if another thread is inside at the same time.
    fn alone<R>(&self, f: impl FnOnce(&Own) -> R) -> R {
        let own = &self.ring.own.0;
        if cfg!(debug_assertions) {
            let other = own.busy.swap(true, Ordering::Relaxed);
            assert!(!other, "two threads believe that they own one ring");
        }
        let result = f(own);
        if cfg!(debug_assertions) {
            own.busy.store(false, Ordering::Relaxed);
        }
        result
    }

    /// Puts `token` in the place of the index `tail`, which is not yet published.
    fn put(&self, tail: u64, token: T) {
        if tail == self.ring.own.0.full_at.load(Ordering::Relaxed) {
            self.make_room(tail);
        }
        self.buffer().write(tail, token.into_raw().as_ptr());
    }

    /// Sees to it that the index `tail` has a place, and finds out for how long.
    #[cold]
    fn make_room(&self, tail: u64) {
        // Acquire: see "Ordering" 3.
        let head = self.ring.head.0.load(Ordering::Acquire);
        let mut capacity = self.buffer().capacity();
        if tail - head == capacity as u64 {
            capacity *= 2;
            let larger = Buffer::new(capacity);
            for index in head..tail {
                larger.write(index, self.buffer().read(index));
            }
            self.replace(larger);
        }
        let full_at = head + capacity as u64;
        self.ring.own.0.full_at.store(full_at, Ordering::Relaxed);
    }

    /// Goes on in `buffer`, which holds all that lies in the ring, and retires the old one.
    fn replace(&self, buffer: Buffer) {
        let own = &self.ring.own.0;
        let old = own.buffer.load(Ordering::Relaxed);
        let older = own.retired.load(Ordering::Relaxed);
        self.buffer().older.store(older, Ordering::Relaxed);
        own.retired.store(old, Ordering::Relaxed);
        // Release: see "Ordering" 2.
        own.buffer
            .store(Box::into_raw(Box::new(buffer)), Ordering::Release);
        self.free_retired();
    }

    /// Frees the buffers that were retired, if no thief can read them.
    fn free_retired(&self) {
        let own = &self.ring.own.0;
        let retired = own.retired.load(Ordering::Relaxed);
        if retired.is_null() {
            return;
        }
        // Pairs with the fence in `enter`; see "Ordering" 5.
        fence(Ordering::SeqCst);
        if self.ring.thieves.0.load(Ordering::Acquire) == 0 {
            own.retired.store(ptr::null_mut(), Ordering::Relaxed);
            // SAFETY: they are the owner's since `replace`, and no thief that could have found one
            // is still inside; see "Ordering" 5.
            unsafe { free(retired) };
        }
    }

    fn buffer(&self) -> &Buffer {
        let buffer = self.ring.own.0.buffer.load(Ordering::Relaxed);
        // SAFETY: it came from a `Box`, and only the owner retires it, which is this thread. No
        // method keeps the reference beyond `replace`.
        unsafe { &*buffer }
    }
}

impl<T: Token> Drop for Ring<T> {
    fn drop(&mut self) {
        let buffer = self.own.0.buffer.load(Ordering::Relaxed);
        {
            // SAFETY: nobody else is left, and the current buffer is freed only below.
            let buffer = unsafe { &*buffer };
            for index in self.taken()..self.pushed() {
                // SAFETY: it lies between `head` and `tail`, so nobody has taken it.
                drop(unsafe { token::<T>(buffer.read(index)) });
            }
        }
        for list in [buffer, self.own.0.retired.load(Ordering::Relaxed)] {
            // SAFETY: the current buffer is in no list and its link is null, as nobody has retired
            // it; the others are in this list only. Nobody else is left to read them.
            unsafe { free(list) };
        }
    }
}

impl Token for Runnable<TaskCell> {
    fn into_raw(self) -> NonNull<()> {
        Self::into_raw(self)
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: the same conditions, which the caller keeps.
        unsafe { Self::from_raw(raw) }
    }
}

/// Numbers stand for tasks in tests and models.
#[cfg(test)]
impl Token for usize {
    fn into_raw(self) -> NonNull<()> {
        NonNull::new(ptr::without_provenance_mut(self + 1)).expect("it is above zero")
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        raw.addr().get() - 1
    }
}

/// A pair of cache lines, since processors fetch two at a time.
#[repr(align(128))]
struct Line<T>(T);

/// What only the owner changes. Thieves read `tail` and `buffer`.
struct Own {
    /// The index of the next token.
    tail: AtomicU64,
    /// When `tail` gets here, the owner must look whether the ring is full. It never is before:
    /// `head` was at least `full_at - capacity` when the owner last looked.
    full_at: AtomicU64,
    buffer: AtomicPtr<Buffer>,
    /// Buffers that were replaced while thieves were inside, linked by [`Buffer::older`].
    retired: AtomicPtr<Buffer>,
    /// Whether an owner is inside; used in debug builds.
    busy: AtomicBool,
}

/// The token that became `raw`.
///
/// # Safety
///
/// `raw` was read from a place of a ring of `T`, and the caller alone may have what lay there.
unsafe fn token<T: Token>(raw: *mut ()) -> T {
    let raw = NonNull::new(raw).expect("only what a token became is put in a place");
    // SAFETY: `put` got it from `into_raw`, and who owns the index is the only one to turn it back.
    unsafe { T::from_raw(raw) }
}

/// Frees `buffer` and those that it is linked to.
///
/// # Safety
///
/// They are boxes that nobody else has a pointer to that will be used.
unsafe fn free(mut buffer: *mut Buffer) {
    while !buffer.is_null() {
        // SAFETY: the caller's promise.
        let freed = unsafe { Box::from_raw(buffer) };
        buffer = freed.older.load(Ordering::Relaxed);
    }
}
