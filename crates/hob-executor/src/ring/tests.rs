//! The ring on one thread against a plain queue, and against thieves.

#![expect(unsafe_code, reason = "tests own rings and make tokens of boxes")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::{iter, thread};

use super::*;

/// One owner for a test of one thread.
fn owner(ring: &Ring<usize>) -> Owner<'_, usize> {
    // SAFETY: the test keeps it on its thread, and makes no other elsewhere meanwhile.
    unsafe { ring.owner() }
}

fn stolen(ring: &Ring<usize>, most: usize) -> Vec<usize> {
    let mut sink = Vec::new();
    assert_eq!(ring.steal_into(most, &mut sink), sink.len());
    sink
}

/// Numbers that look random: Knuth's linear congruence.
fn chances(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

#[test]
fn the_oldest_comes_first() {
    let ring = Ring::with_capacity(2);
    let owner = owner(&ring);
    (0..100).for_each(|token| owner.push(token));
    let all: Vec<_> = iter::from_fn(|| owner.pop()).collect();
    assert!(all.into_iter().eq(0..100));
    assert_eq!((ring.pushed(), ring.taken()), (100, 100));
}

#[test]
fn half_is_stolen_and_the_last_one_too() {
    let ring = Ring::new();
    let owner = owner(&ring);
    assert_eq!(stolen(&ring, BATCH), []);
    (0..5).for_each(|token| owner.push(token));
    assert_eq!(stolen(&ring, BATCH), [0, 1, 2]);
    assert_eq!(stolen(&ring, 0), []);
    assert_eq!(stolen(&ring, BATCH), [3]);
    assert_eq!(stolen(&ring, BATCH), [4]);
    assert_eq!(owner.pop(), None);
}

#[test]
fn no_more_is_stolen_than_was_asked_for() {
    let ring = Ring::new();
    owner(&ring).push_all(&mut (0..1_000).collect());
    assert!(stolen(&ring, 7).into_iter().eq(0..7));
    assert!(stolen(&ring, usize::MAX).into_iter().eq(7..7 + BATCH));
    assert_eq!(ring.len(), 1_000 - 7 - BATCH);
}

#[test]
fn it_does_as_a_plain_queue_does() {
    for seed in 0..if cfg!(miri) { 5 } else { 200 } {
        let mut chance = chances(seed);
        let ring = Ring::with_capacity(2);
        let owner = owner(&ring);
        let mut model = VecDeque::new();
        let mut next = 0;
        for _ in 0..400 {
            match chance(12) {
                0..5 => {
                    owner.push(next);
                    model.push_back(next);
                    next += 1;
                }
                5 => {
                    let mut tokens: Vec<_> = (next..next + chance(20)).collect();
                    next += tokens.len();
                    model.extend(&tokens);
                    owner.push_all(&mut tokens);
                    assert!(tokens.is_empty());
                }
                6..9 => assert_eq!(owner.pop(), model.pop_front()),
                // SAFETY: there is no other thread.
                9 => assert_eq!(unsafe { owner.pop_unshared() }, model.pop_front()),
                10 => {
                    let most = chance(200);
                    let half = model.len().div_ceil(2).min(most).min(BATCH);
                    assert!(stolen(&ring, most).into_iter().eq(model.drain(..half)));
                }
                _ => owner.trim(),
            }
            assert_eq!(ring.len(), model.len());
            assert_eq!(ring.is_empty(), model.is_empty());
        }
    }
}

#[test]
fn a_burst_leaves_no_large_buffer() {
    let ring = Ring::new();
    let owner = owner(&ring);
    owner.push_all(&mut (0..100_000).collect());
    let large = owner.buffer().capacity();
    assert!(large >= 100_000);
    owner.trim();
    assert_eq!(owner.buffer().capacity(), large, "it is in use");
    assert_eq!(iter::from_fn(|| owner.pop()).count(), 100_000);
    owner.trim();
    assert_eq!(owner.buffer().capacity(), FIRST);
    (0..1_000).for_each(|token| owner.push(token));
    assert!(iter::from_fn(|| owner.pop()).eq(0..1_000));
    assert!(ring.own.0.retired.load(Ordering::Relaxed).is_null());
}

#[test]
fn a_thief_inside_keeps_old_buffers_until_it_has_left() {
    let ring = Ring::with_capacity(2);
    let owner = owner(&ring);
    let kept = || {
        let mut buffer = ring.own.0.retired.load(Ordering::Relaxed);
        iter::from_fn(|| {
            // SAFETY: null, or in the list of the only owner, which frees none meanwhile.
            let found = unsafe { buffer.as_ref() }?;
            buffer = found.older.load(Ordering::Relaxed);
            Some(found.capacity())
        })
        .collect::<Vec<_>>()
    };
    ring.thieves.0.fetch_add(1, Ordering::Relaxed);
    (0..9).for_each(|token| owner.push(token));
    assert_eq!(kept(), [8, 4, 2]);
    owner.trim();
    assert_eq!(kept(), [8, 4, 2]);
    ring.thieves.0.fetch_sub(1, Ordering::Relaxed);
    owner.trim();
    assert_eq!(kept(), []);
    assert!(iter::from_fn(|| owner.pop()).eq(0..9));
}

/// A token that counts its drops.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Token for Counted<'_> {
    fn into_raw(self) -> NonNull<()> {
        NonNull::from(Box::leak(Box::new(self))).cast()
    }

    unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: `into_raw` made it of a box of this type, and it is turned back only once.
        *unsafe { Box::from_raw(raw.cast::<Self>().as_ptr()) }
    }
}

#[test]
fn a_dropped_ring_drops_what_is_left_in_it_once() {
    let drops = AtomicUsize::new(0);
    let ring = Ring::with_capacity(4);
    // SAFETY: there is no other thread.
    let owner = unsafe { ring.owner() };
    (0..10).for_each(|_| owner.push(Counted(&drops)));
    drop(owner.pop());
    let mut sink = Vec::new();
    assert_eq!(ring.steal_into(2, &mut sink), 2);
    assert_eq!(drops.load(Ordering::Relaxed), 1);
    drop(ring);
    assert_eq!(drops.load(Ordering::Relaxed), 8);
    drop(sink);
    assert_eq!(drops.load(Ordering::Relaxed), 10);
}

#[test]
fn two_thieves_and_the_owner_see_each_token_once_and_in_order() {
    const TOKENS: usize = if cfg!(miri) { 1_000 } else { 1_000_000 };
    let ring = Ring::with_capacity(2);
    let over = AtomicBool::new(false);
    let mut shares = thread::scope(|scope| {
        let thieves = [BATCH, 5].map(|most| {
            let (ring, over) = (&ring, &over);
            scope.spawn(move || {
                let mut sink = Vec::new();
                while !over.load(Ordering::Acquire) || !ring.is_empty() {
                    ring.steal_into(most, &mut sink);
                }
                sink
            })
        });
        let owner = owner(&ring);
        let mut chance = chances(7);
        let mut own = Vec::new();
        let mut next = 0;
        while next < TOKENS {
            let end = (next + chance(100)).min(TOKENS);
            (next..end).for_each(|token| owner.push(token));
            next = end;
            own.extend(iter::from_fn(|| owner.pop()).take(chance(60)));
            if chance(50) == 0 {
                own.extend(iter::from_fn(|| owner.pop()));
                owner.trim();
            }
        }
        over.store(true, Ordering::Release);
        let mut shares = vec![own];
        shares.extend(thieves.map(|thief| thief.join().expect("it does not panic")));
        shares
    });
    for share in &shares {
        assert!(share.is_sorted(), "first in, first out for each taker");
        assert!(!share.is_empty(), "each takes part");
    }
    let mut all = shares.concat();
    shares.clear();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..TOKENS));
}
