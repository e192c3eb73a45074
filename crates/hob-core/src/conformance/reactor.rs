//! The suite of [`Reactor`], with the [`Park`] that drives it.
//!
//! # Implementation
//!
//! Each check takes a fresh engine and pairs of connected Unix sockets, and sits at the engine itself.
//! What must come is waited for without end, so an event that is lost hangs the suite. What must not
//! come is looked for a few times without sleep: what is written to such a socket is there at once.

use std::fs::File;
use std::io::Write;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::descriptor::DescriptorRef;
use crate::interest::{Direction, Interest};
use crate::io_source::WaitKey;
use crate::park::{Park, Until};
use crate::reactor::{Reactor, is_retired};

use self::rig::{Counting, Hostile, Pair, Rig, Wrapper};

mod rig;

/// A reactor and the parker that drives it.
pub type Engine = (&'static dyn Reactor, Box<dyn Park + Send>);

/// Checks every sentence of the contract of [`Reactor`].
///
/// `make` opens an engine that nobody else uses. The suite retires some of them itself; it drops the
/// parker of each.
///
/// # Panics
///
/// With the sentence that does not hold. An event that is lost hangs it.
pub fn reactor(make: impl Fn() -> Engine) {
    what_happened_before_is_reported(Rig::new(&make));
    what_happens_later_is_reported(Rig::new(&make));
    both_directions_are_reported(Rig::new(&make));
    an_event_of_one_direction_keeps_the_other(Rig::new(&make));
    directions_asked_for_one_after_the_other_both_come(Rig::new(&make));
    all_who_wait_are_told(Rig::new(&make));
    a_half_close_is_readable(Rig::new(&make));
    a_hang_up_is_both(Rig::new(&make));
    many_sources_are_told_apart(Rig::new(&make));
    nothing_comes_after_deregister(Rig::new(&make));
    a_number_used_again_is_another_source(Rig::new(&make));
    a_stale_key_does_nothing(Rig::new(&make));
    what_cannot_be_watched_leaves_nothing(Rig::new(&make));
    a_close_without_deregister_harms_nobody(Rig::new(&make));
    calls_do_not_wait_for_the_sleeper(Rig::new(&make));
    wakers_are_handed_out_and_may_call_back(Rig::new(&make));
    retiring_unbinds_wakes_and_refuses(Rig::new(&make));
    a_retired_source_moves_on(Rig::new(&make), Rig::new(&make));
    a_parker_dropped_early_retires(Rig::new(&make));
}

fn what_happened_before_is_reported(mut rig: Rig) {
    let mut pair = Pair::new();
    pair.theirs.write_all(b"early").expect("there is room");
    let _ready = rig.wait_for(&pair, Direction::Read);
}

fn what_happens_later_is_reported(mut rig: Rig) {
    let mut pair = Pair::new();
    for round in 0..10 {
        let waiter = Counting::new();
        assert!(
            rig.poll(&pair, Direction::Read, &waiter.waker())
                .is_pending()
        );
        rig.look();
        assert_eq!(waiter.count(), 0, "nothing is reported before it happens");
        pair.theirs.write_all(&[round]).expect("there is room");
        rig.turn_until(|| waiter.count() == 1);
        let seen = rig.wait_for(&pair, Direction::Read);
        pair.read_all();
        pair.source.clear(Direction::Read, seen);
    }
    assert_eq!(rig.registrations(), 1, "a source is registered once");
}

fn both_directions_are_reported(mut rig: Rig) {
    let mut pair = Pair::new();
    let _ready = rig.wait_for(&pair, Direction::Write);
    pair.theirs.write_all(b"x").expect("there is room");
    let _ready = rig.wait_for(&pair, Direction::Read);
    assert_eq!(rig.registrations(), 1, "one registration for both");
}

fn an_event_of_one_direction_keeps_the_other(mut rig: Rig) {
    let mut pair = Pair::new();
    rig.fill(&mut pair);
    let (reader, writer) = (Counting::new(), Counting::new());
    let poll = |rig: &Rig, pair: &Pair, direction, waiter: &Arc<Counting>| {
        assert!(rig.poll(pair, direction, &waiter.waker()).is_pending());
    };
    poll(&rig, &pair, Direction::Write, &writer);
    poll(&rig, &pair, Direction::Read, &reader);
    // Whoever hears of an event of the other direction tries in vain, and asks again.
    let ask_again = |rig: &Rig, pair: &Pair, direction, waiter: &Arc<Counting>| {
        while let Poll::Ready(seen) = rig.poll(pair, direction, &waiter.waker()) {
            pair.source.clear(direction, seen);
        }
        waiter.count()
    };
    pair.theirs.write_all(b"x").expect("there is room");
    rig.turn_until(|| reader.count() == 1);
    let before = ask_again(&rig, &pair, Direction::Write, &writer);
    pair.drain_theirs();
    rig.turn_until(|| writer.count() > before);

    // The other way round.
    rig.exhaust_reading(&mut pair);
    rig.fill(&mut pair);
    let told = writer.count();
    poll(&rig, &pair, Direction::Read, &reader);
    poll(&rig, &pair, Direction::Write, &writer);
    pair.drain_theirs();
    rig.turn_until(|| writer.count() > told);
    let before = ask_again(&rig, &pair, Direction::Read, &reader);
    pair.theirs.write_all(b"x").expect("there is room");
    rig.turn_until(|| reader.count() > before);
}

fn directions_asked_for_one_after_the_other_both_come(mut rig: Rig) {
    let mut pair = Pair::new();
    let fd = pair.ours.as_fd().into();
    let key = rig.reactor.register(fd, &pair.source).expect("it is open");
    let rearm = |interest| rig.reactor.rearm(fd, key, interest).expect("it is open");
    // Two tasks, each of which asks for its own direction.
    rearm(Interest::WRITABLE);
    rearm(Interest::READABLE);
    pair.theirs.write_all(b"x").expect("there is room");
    let source = Arc::clone(&pair.source);
    rig.turn_until(|| {
        let ready = source.readiness();
        ready.contains(Direction::Read) && ready.contains(Direction::Write)
    });
    let fd = pair.ours.as_fd().into();
    rig.reactor.deregister(fd, key).expect("it is registered");
}

fn all_who_wait_are_told(mut rig: Rig) {
    let mut pair = Pair::new();
    let waiters = [const { None::<Arc<Counting>> }; 3].map(|_| Counting::new());
    let mut keys = [const { None::<WaitKey> }; 3].map(|_| WaitKey::default());
    for (waiter, key) in waiters.iter().zip(&mut keys) {
        let waker = waiter.waker();
        let fd = pair.ours.as_fd().into();
        let cx = Context::from_waker(&waker);
        let bind = || rig.bind(&pair);
        let polled = pair.source.poll_listed(&cx, key, Direction::Read, fd, bind);
        assert!(polled.is_pending());
    }
    pair.theirs.write_all(b"x").expect("there is room");
    rig.turn_until(|| waiters.iter().all(|waiter| waiter.count() == 1));
}

fn a_half_close_is_readable(mut rig: Rig) {
    let pair = Pair::new();
    let waiter = Counting::new();
    assert!(
        rig.poll(&pair, Direction::Read, &waiter.waker())
            .is_pending()
    );
    pair.theirs.shutdown(Shutdown::Write).expect("it is open");
    rig.turn_until(|| waiter.count() == 1);
}

fn a_hang_up_is_both(mut rig: Rig) {
    let mut pair = Pair::new();
    rig.fill(&mut pair);
    let (reader, writer) = (Counting::new(), Counting::new());
    for (direction, waiter) in [(Direction::Read, &reader), (Direction::Write, &writer)] {
        assert!(rig.poll(&pair, direction, &waiter.waker()).is_pending());
    }
    let (closed, _) = UnixStream::pair().expect("two descriptors");
    drop(std::mem::replace(&mut pair.theirs, closed));
    rig.turn_until(|| reader.count() == 1 && writer.count() == 1);
}

fn many_sources_are_told_apart(mut rig: Rig) {
    let mut pairs: Vec<_> = (0..100).map(|_| Pair::new()).collect();
    let waiters: Vec<_> = pairs.iter().map(|_| Counting::new()).collect();
    for (pair, waiter) in pairs.iter().zip(&waiters) {
        assert!(
            rig.poll(pair, Direction::Read, &waiter.waker())
                .is_pending()
        );
    }
    for pair in pairs.iter_mut().step_by(2) {
        pair.theirs.write_all(b"x").expect("there is room");
    }
    rig.turn_until(|| waiters.iter().step_by(2).all(|waiter| waiter.count() == 1));
    rig.look();
    let others = waiters.iter().skip(1).step_by(2);
    assert_eq!(
        others.map(|waiter| waiter.count()).sum::<u64>(),
        0,
        "an event reaches the source that it is for, and no other"
    );
}

fn nothing_comes_after_deregister(mut rig: Rig) {
    let mut pair = Pair::new();
    let waiter = Counting::new();
    assert!(
        rig.poll(&pair, Direction::Read, &waiter.waker())
            .is_pending()
    );
    // An event that the system already has, and the reactor has not looked at.
    pair.theirs.write_all(b"x").expect("there is room");
    pair.deregister();
    rig.look();
    pair.theirs.write_all(b"x").expect("there is room");
    rig.look();
    assert_eq!(
        waiter.count(),
        0,
        "nothing is reported to a source after its `deregister`"
    );
}

fn a_number_used_again_is_another_source(mut rig: Rig) {
    let old = Pair::new();
    let waiter = Counting::new();
    assert!(
        rig.poll(&old, Direction::Read, &waiter.waker())
            .is_pending()
    );
    let number = old.ours.as_raw_fd();
    // The socket stays open under another number: its close alone would end no registration.
    let kept = old.ours.try_clone().expect("a descriptor");
    old.deregister();
    let Pair {
        ours, mut theirs, ..
    } = old;
    drop(ours);

    let new = Pair::new();
    let successor = Counting::new();
    assert!(
        rig.poll(&new, Direction::Read, &successor.waker())
            .is_pending()
    );
    theirs.write_all(b"x").expect("there is room");
    rig.look();
    assert_eq!(
        (waiter.count(), successor.count()),
        (0, 0),
        "an event of a socket that was deregistered as fd {number} reaches nobody"
    );
    drop(kept);
}

fn a_stale_key_does_nothing(mut rig: Rig) {
    let (old, new) = (Pair::new(), Pair::new());
    let fd = old.ours.as_fd().into();
    let key = rig.reactor.register(fd, &old.source).expect("it is open");
    rig.reactor.deregister(fd, key).expect("it is registered");
    assert!(
        rig.reactor.deregister(fd, key).is_ok(),
        "a key that names nothing any more is no error"
    );
    let fd = new.ours.as_fd().into();
    let fresh = rig.reactor.register(fd, &new.source).expect("it is open");
    assert_ne!(key, fresh, "a key names one registration");
    rig.reactor.deregister(fd, key).expect("it does nothing");
    rig.reactor
        .rearm(fd, fresh, Interest::BOTH)
        .expect("it is still registered");
    let (source, fd) = (&new.source, new.ours.as_fd().into());
    rig.turn_until(|| source.readiness().contains(Direction::Write));
    rig.reactor.deregister(fd, fresh).expect("it is registered");
}

fn what_cannot_be_watched_leaves_nothing(rig: Rig) {
    let pair = Pair::new();
    let registered = |fd| rig.reactor.register(fd, &pair.source).is_ok();
    assert!(
        !registered(DescriptorRef::Virtual(7)),
        "a descriptor of a simulated network cannot be watched here"
    );
    // Whoever can watch a regular file may.
    let file = File::open("/").expect("the root directory");
    match rig.reactor.register(file.as_fd().into(), &pair.source) {
        Ok(key) => rig
            .reactor
            .deregister(file.as_fd().into(), key)
            .expect("it is registered"),
        Err(error) => assert!(!is_retired(&error), "it is about the file: {error}"),
    }
    let fd = pair.ours.as_fd().into();
    let key = rig.reactor.register(fd, &pair.source).expect("it is open");
    // Whoever can watch one twice may.
    if let Ok(second) = rig.reactor.register(fd, &pair.source) {
        rig.reactor
            .deregister(fd, second)
            .expect("it is registered");
    }
    rig.reactor.deregister(fd, key).expect("it is registered");
    assert_eq!(
        Arc::strong_count(&pair.source),
        1,
        "a `register` that fails leaves nothing"
    );
}

fn a_close_without_deregister_harms_nobody(mut rig: Rig) {
    let (lost, mut kept) = (Pair::new(), Pair::new());
    let waiter = Counting::new();
    for (pair, waker) in [(&lost, Waker::noop()), (&kept, &waiter.waker())] {
        assert!(rig.poll(pair, Direction::Read, waker).is_pending());
    }
    drop(lost);
    rig.look();
    kept.theirs.write_all(b"x").expect("there is room");
    rig.turn_until(|| waiter.count() == 1);
}

fn calls_do_not_wait_for_the_sleeper(mut rig: Rig) {
    let mut pair = Pair::new();
    pair.theirs.write_all(b"x").expect("there is room");
    let (reactor, unparker) = (rig.reactor, rig.parker.unparker());
    let (ours, source) = (&pair.ours, &pair.source);
    thread::scope(|scope| {
        let registered = scope.spawn(move || {
            let fd = ours.as_fd().into();
            let key = reactor.register(fd, source).expect("it is open");
            reactor.rearm(fd, key, Interest::BOTH).expect("it is open");
            key
        });
        // Only the event ends this sleep, or the sleeper would never hear of what comes later.
        rig.turn_until(|| source.readiness().contains(Direction::Read));
        let key = registered.join().expect("no call waits for the sleeper");
        let fd = ours.as_fd().into();
        reactor.deregister(fd, key).expect("it is registered");
    });
    unparker.unpark();
    rig.parker.park(Until::Forever, &mut Vec::new());
}

fn wakers_are_handed_out_and_may_call_back(mut rig: Rig) {
    let mut pair = Pair::new();
    let other = Pair::new();
    let hostile = Hostile::new(rig.reactor, &other);
    // One place in the source is displaced and dropped, one is woken, one is dropped with the rig.
    for _ in 0..2 {
        let waker = Waker::from(Arc::new(Wrapper(Arc::clone(&hostile))));
        assert!(rig.poll(&pair, Direction::Read, &waker).is_pending());
    }
    let calls = || hostile.calls();
    assert_eq!(calls(), 1, "the displaced waker was dropped");
    pair.theirs.write_all(b"x").expect("there is room");
    let mut woken = Vec::new();
    while !pair.source.readiness().contains(Direction::Read) {
        rig.parker.park(Until::Forever, &mut woken);
    }
    assert_eq!(calls(), 1, "`park` hands wakers out and calls none");
    woken.into_iter().for_each(Waker::wake);
    assert_eq!(calls(), 3, "it was woken, then dropped");
    let fd = other.ours.as_fd().into();
    let key = rig.reactor.register(fd, &other.source);
    rig.reactor
        .deregister(fd, key.expect("the waker left nothing registered"))
        .expect("it is registered");
}

fn retiring_unbinds_wakes_and_refuses(rig: Rig) {
    let pair = Pair::new();
    let (reader, writer) = (Counting::new(), Counting::new());
    let fd = pair.ours.as_fd().into();
    assert!(
        rig.poll(&pair, Direction::Read, &reader.waker())
            .is_pending()
    );
    let key = rig.last_key();
    let wakers = rig.retire();
    assert!(!pair.source.is_bound(), "`retire` unbinds every source");
    wakers.into_iter().for_each(Waker::wake);
    assert_eq!(reader.count(), 1, "`retire` hands out all who wait");
    assert!(
        rig.poll(&pair, Direction::Write, &writer.waker())
            .is_ready(),
        "an unbound source is tried before it is bound again"
    );
    let error = rig.reactor.register(fd, &pair.source);
    assert!(
        error.is_err_and(|error| is_retired(&error)),
        "a retired reactor says so"
    );
    assert_eq!(Arc::strong_count(&pair.source), 1, "nothing is left there");
    assert!(
        rig.reactor.deregister(fd, key).is_ok(),
        "a key of an earlier use is no error"
    );
    assert!(rig.retire().is_empty(), "retiring again does nothing");
}

fn a_retired_source_moves_on(old: Rig, mut new: Rig) {
    let mut pair = Pair::new();
    let waiter = Counting::new();
    assert!(
        old.poll(&pair, Direction::Read, &waiter.waker())
            .is_pending()
    );
    old.retire().into_iter().for_each(Waker::wake);
    assert_eq!(waiter.count(), 1);
    new.exhaust_reading(&mut pair);
    assert!(
        new.poll(&pair, Direction::Read, &waiter.waker())
            .is_pending()
    );
    // The old one may close its descriptors, or serve another runtime: that is not our affair.
    drop(old);
    pair.theirs.write_all(b"x").expect("there is room");
    new.turn_until(|| waiter.count() == 2);
}

fn a_parker_dropped_early_retires(rig: Rig) {
    let pair = Pair::new();
    let waiter = Counting::new();
    assert!(
        rig.poll(&pair, Direction::Read, &waiter.waker())
            .is_pending()
    );
    drop(rig.parker);
    assert!(
        !pair.source.is_bound() && waiter.count() == 1,
        "whoever waits hears that nobody drives the reactor any more"
    );
}
