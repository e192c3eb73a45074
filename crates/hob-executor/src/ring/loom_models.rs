//! Models of the ring, with numbers for tasks and two places to begin with.

#![expect(unsafe_code, reason = "the thread of a model owns the ring")]

use std::iter;
use std::sync::Arc;

use super::*;
use crate::primitive::{UnsafeCell, model, thread};

/// A ring that the thread of the model owns, with `tokens` numbers in it, from zero.
fn with(tokens: usize) -> Arc<Ring<usize>> {
    let ring = Arc::new(Ring::with_capacity(2));
    (0..tokens).for_each(|token| owner(&ring).push(token));
    ring
}

fn owner(ring: &Ring<usize>) -> Owner<'_, usize> {
    // SAFETY: only the thread of the model calls this.
    unsafe { ring.owner() }
}

/// Steals once, on another thread.
fn thief(ring: &Arc<Ring<usize>>) -> thread::JoinHandle<Vec<usize>> {
    let ring = Arc::clone(ring);
    thread::spawn(move || {
        let mut sink = Vec::new();
        assert!(ring.len() <= 4, "the head is above the tail");
        ring.steal_into(BATCH, &mut sink);
        assert!(sink.is_sorted(), "first in, first out");
        sink
    })
}

/// Each of the numbers below `tokens` is in one of the shares or still in the ring, and only once.
fn check(
    ring: &Ring<usize>,
    own: Vec<usize>,
    thieves: Vec<thread::JoinHandle<Vec<usize>>>,
    tokens: usize,
) {
    let mut all = own;
    assert!(all.is_sorted(), "first in, first out");
    for thief in thieves {
        all.extend(thief.join().expect("it does not panic"));
    }
    let owner = owner(ring);
    all.extend(iter::from_fn(|| owner.pop()));
    all.sort_unstable();
    assert!(all.into_iter().eq(0..tokens), "each once");
    owner.trim();
    assert!(ring.own.0.retired.load(Ordering::Relaxed).is_null());
}

#[test]
fn loom_the_last_one_is_popped_or_stolen() {
    model(|| {
        let ring = with(1);
        let thieves = vec![thief(&ring)];
        let own = Vec::from_iter(owner(&ring).pop());
        check(&ring, own, thieves, 1);
    });
}

#[test]
fn loom_two_thieves_take_half_each_of_what_they_see() {
    model(|| {
        let ring = with(4);
        let thieves = vec![thief(&ring), thief(&ring)];
        let own = Vec::from_iter(owner(&ring).pop());
        check(&ring, own, thieves, 4);
    });
}

#[test]
fn loom_a_place_that_is_filled_anew_is_not_stolen_twice() {
    model(|| {
        let ring = with(2);
        let thieves = vec![thief(&ring)];
        let owner = owner(&ring);
        let own = Vec::from_iter(owner.pop());
        // Into the place of number 0, if neither was left; else the ring grows or not.
        owner.push(2);
        owner.push(3);
        check(&ring, own, thieves, 4);
    });
}

#[test]
fn loom_a_thief_meets_a_ring_that_grows() {
    model(|| {
        let ring = with(2);
        let thieves = vec![thief(&ring)];
        let owner = owner(&ring);
        owner.push(2);
        let own = Vec::from_iter(owner.pop());
        check(&ring, own, thieves, 3);
    });
}

#[test]
fn loom_two_thieves_meet_a_ring_that_grows() {
    model(|| {
        let ring = with(2);
        let thieves = vec![thief(&ring), thief(&ring)];
        owner(&ring).push(2);
        check(&ring, Vec::new(), thieves, 3);
    });
}

#[test]
fn loom_a_thief_meets_a_ring_that_is_made_small() {
    model(|| {
        let ring = with(0);
        let owner = owner(&ring);
        owner.replace(Buffer::new(2 * SPARE * 2));
        owner.push(0);
        let thieves = vec![thief(&ring)];
        let own = Vec::from_iter(owner.pop());
        owner.trim();
        assert_eq!(owner.buffer().capacity(), 2);
        owner.push(1);
        check(&ring, own, thieves, 2);
    });
}

#[test]
fn loom_a_thief_that_sees_a_pop_sees_the_push_before() {
    model(|| {
        let ring = with(0);
        let thieves = vec![thief(&ring)];
        let owner = owner(&ring);
        owner.push(0);
        let own = Vec::from_iter(owner.pop());
        owner.push(1);
        check(&ring, own, thieves, 2);
    });
}

#[test]
fn loom_a_thief_that_sees_a_theft_sees_the_push_before() {
    model(|| {
        // One thief may see one token when it comes, and all four when it takes.
        let ring = Arc::new(Ring::with_capacity(4));
        owner(&ring).push(0);
        let thieves = vec![thief(&ring), thief(&ring)];
        owner(&ring).push_all(&mut vec![1, 2, 3]);
        check(&ring, Vec::new(), thieves, 4);
    });
}

#[test]
fn loom_a_number_that_was_counted_is_there() {
    model(|| {
        let ring = with(0);
        let thief = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                let mut sink = Vec::new();
                // Nobody else takes: what it counts it gets half of.
                let seen = ring.len();
                let taken = ring.steal_into(BATCH, &mut sink);
                assert!(taken >= seen.div_ceil(2));
                sink
            })
        };
        owner(&ring).push_all(&mut vec![0, 1]);
        check(&ring, Vec::new(), vec![thief], 2);
    });
}

/// A model does not watch memory that is freed; here a cell that it watches stands for the first
/// buffer: read while the thief is inside, and written when the owner has freed the buffer.
#[test]
fn loom_what_a_thief_reads_is_not_freed() {
    model(|| {
        let ring = with(2);
        let freed = Arc::new(UnsafeCell::new(false));
        let thief = {
            let (ring, freed) = (Arc::clone(&ring), Arc::clone(&freed));
            let first = ring.own.0.buffer.load(Ordering::Relaxed);
            thread::spawn(move || {
                ring.enter();
                if ring.own.0.buffer.load(Ordering::Acquire) == first {
                    // SAFETY: the model says if it is written meanwhile.
                    freed.with(|freed| assert!(!unsafe { *freed }));
                }
                ring.leave();
            })
        };
        let owner = owner(&ring);
        owner.push(2);
        if ring.own.0.retired.load(Ordering::Relaxed).is_null() {
            // SAFETY: the model says if it is read meanwhile.
            freed.with_mut(|freed| unsafe { *freed = true });
        }
        thief.join().expect("it does not panic");
    });
}
