//! `Async` outside any runtime, on the driver's thread, and inside one.

#![cfg(not(loom))]

use std::fs::File;
use std::io::{self, Read, Write};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures_lite::future::{block_on, or, poll_once, zip};
use hob_core::context::{self, Local, Role};
use hob_core::env::{Env, Parts};
use hob_core::{DescriptorRef, IoSource, Reactor, Until};
use hob_reactor::{Async, Engine};
use rustix::io::dup2;

fn pair() -> (Async<UnixStream>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("two descriptors");
    (Async::new(ours).expect("it is open"), theirs)
}

async fn read(from: &Async<UnixStream>, bytes: &mut [u8]) -> io::Result<usize> {
    from.read_with(|mut stream| stream.read(bytes)).await
}

async fn write(to: &Async<UnixStream>, bytes: &[u8]) -> io::Result<usize> {
    to.write_with(|mut stream| stream.write(bytes)).await
}

/// Writes until there is no room.
fn fill(to: &Async<UnixStream>) -> usize {
    let mut written = 0;
    while let Ok(count) = to.get_ref().write(&[0; 4096]) {
        written += count;
    }
    written
}

struct Counting(AtomicUsize);

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A waker that tells of each wake.
struct Tell(mpsc::Sender<()>);

impl Wake for Tell {
    fn wake(self: Arc<Self>) {
        self.0.send(()).expect("somebody listens");
    }
}

#[test]
fn what_is_ready_is_taken_without_registration() {
    let (ours, mut theirs) = pair();
    theirs.write_all(b"early").expect("there is room");
    let mut bytes = [0; 8];
    let read = block_on(poll_once(read(&ours, &mut bytes)));
    assert_eq!(read.expect("it is ready").expect("it is open"), 5);
    assert!(block_on(poll_once(ours.writable())).is_some());
    let dump = format!("{ours:?}");
    assert!(
        dump.contains("ready: none"),
        "nothing was asked for: {dump}"
    );
}

#[test]
fn bytes_go_round_between_two_threads() {
    let (a, b) = UnixStream::pair().expect("two descriptors");
    let (a, b) = (Async::new(a).expect("open"), Async::new(b).expect("open"));
    const ROUNDS: u8 = 200;
    thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                let mut byte = [0];
                for _ in 0..ROUNDS {
                    read(&b, &mut byte).await.expect("a byte");
                    write(&b, &byte).await.expect("there is room");
                }
            });
        });
        block_on(async {
            for round in 0..ROUNDS {
                write(&a, &[round]).await.expect("there is room");
                let mut byte = [0];
                read(&a, &mut byte).await.expect("a byte");
                assert_eq!(byte, [round]);
            }
        });
    });
}

#[test]
fn a_writer_waits_for_room_while_a_reader_waits_for_bytes() {
    let (ours, mut theirs) = pair();
    let filled = fill(&ours);
    let mut byte = [0];
    let both = zip(ours.writable(), read(&ours, &mut byte));
    thread::scope(|scope| {
        scope.spawn(move || {
            theirs.write_all(b"x").expect("there is room");
            let mut bytes = vec![0; filled];
            theirs.read_exact(&mut bytes).expect("they were written");
            theirs
        });
        let (writable, read) = block_on(both);
        writable.expect("there is room");
        assert_eq!(read.expect("a byte"), 1);
    });
}

#[test]
fn all_who_wait_hear_of_the_end() {
    let (ours, theirs) = pair();
    let waits = zip(zip(ours.readable(), ours.readable()), ours.readable());
    let closed = async {
        drop(theirs);
    };
    let (((first, second), third), ()) = block_on(zip(waits, closed));
    for heard in [first, second, third] {
        heard.expect("the end is readable");
    }
}

#[test]
fn readable_tells_the_truth_after_somebody_else_has_read() {
    let (ours, mut theirs) = pair();
    theirs.write_all(b"x").expect("there is room");
    block_on(ours.readable()).expect("a byte");
    ours.get_ref().read_exact(&mut [0]).expect("a byte");
    assert!(
        block_on(poll_once(ours.readable())).is_none(),
        "what was read is not readable"
    );
    theirs.write_all(b"y").expect("there is room");
    block_on(ours.readable()).expect("another byte");
}

#[test]
fn a_dropped_wait_leaves_no_waker() {
    let (ours, mut theirs) = pair();
    let counting = Arc::new(Counting(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&counting));
    let mut cx = Context::from_waker(&waker);
    {
        let mut wait = pin!(ours.readable());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        assert!(Arc::strong_count(&counting) > 2, "it is in the list");
    }
    assert_eq!(Arc::strong_count(&counting), 2, "it is gone");
    theirs.write_all(b"x").expect("there is room");
    block_on(ours.readable()).expect("a byte");
    assert_eq!(counting.0.load(Ordering::SeqCst), 0);
}

#[test]
fn a_cancelled_read_loses_nothing() {
    let (ours, mut theirs) = pair();
    let mut bytes = [0; 4];
    for round in 0..50_u8 {
        let cancelled = or(async { Some(read(&ours, &mut bytes).await) }, async {
            None
        });
        assert!(block_on(cancelled).is_none(), "there is nothing to read");
        theirs.write_all(&[round]).expect("there is room");
        assert_eq!(block_on(read(&ours, &mut bytes)).expect("a byte"), 1);
        assert_eq!(bytes[0], round);
    }
}

#[test]
fn poll_readable_wakes_the_last_task_that_polled() {
    let (ours, mut theirs) = pair();
    let displaced = Arc::new(Counting(AtomicUsize::new(0)));
    let (told, wakes) = mpsc::channel();
    let waker = Waker::from(Arc::new(Tell(told)));
    assert!(
        ours.poll_readable(&Context::from_waker(&Arc::clone(&displaced).into()))
            .is_pending()
    );
    assert!(
        ours.poll_readable(&Context::from_waker(&waker))
            .is_pending()
    );
    assert_eq!(Arc::strong_count(&displaced), 1, "nobody can wake it");
    theirs.write_all(b"x").expect("there is room");
    wakes.recv().expect("the last one is woken");
    assert_eq!(displaced.0.load(Ordering::SeqCst), 0);
    let ready = ours.poll_readable(&Context::from_waker(&waker));
    assert!(matches!(ready, Poll::Ready(Ok(()))));
    let writable = ours.poll_writable(&Context::from_waker(&waker));
    assert!(matches!(writable, Poll::Ready(Ok(()))));
}

#[test]
fn a_regular_file_is_a_clear_error() {
    let file = Async::new(File::open("/proc/self/exe").expect("it runs")).expect("it is open");
    let would_block = |_: &File| Err::<(), _>(io::Error::from(io::ErrorKind::WouldBlock));
    let error = block_on(file.read_with(would_block)).expect_err("nobody watches it");
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    let text = error.to_string();
    assert!(
        text.contains("regular file") && text.contains("to_thread"),
        "{text}"
    );
    let original = error.get_ref().and_then(|inner| inner.source());
    let original = original.and_then(|source| source.downcast_ref::<io::Error>());
    let eperm = original.expect("what the system said is kept");
    assert_eq!(eperm.kind(), io::ErrorKind::PermissionDenied);
    assert!(eperm.raw_os_error().is_some());
}

#[test]
fn two_owners_of_one_descriptor_are_a_clear_error() {
    let (ours, _theirs) = UnixStream::pair().expect("two descriptors");
    let ours = Arc::new(OwnedFd::from(ours));
    let first = Async::new(Arc::clone(&ours)).expect("it is open");
    let second = Async::new(ours).expect("it is open");
    assert!(block_on(poll_once(first.readable())).is_none());
    let error = block_on(second.readable()).expect_err("it is watched already");
    assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    drop(first);
    assert!(
        block_on(poll_once(second.readable())).is_none(),
        "now it is free"
    );
}

#[test]
fn into_inner_ends_the_registration() {
    let (ours, mut theirs) = pair();
    assert!(block_on(poll_once(ours.readable())).is_none());
    let again = Async::new(ours.into_inner()).expect("it is open");
    assert!(block_on(poll_once(again.readable())).is_none());
    theirs.write_all(b"x").expect("there is room");
    block_on(again.readable()).expect("a byte");
}

/// A poller that keeps every source, as one that tells of an event at this moment does.
struct Keeper(Mutex<Vec<Arc<IoSource>>>);

impl Reactor for Keeper {
    fn register(&self, _: DescriptorRef<'_>, source: &Arc<IoSource>) -> io::Result<u64> {
        self.0
            .lock()
            .expect("nobody panics")
            .push(Arc::clone(source));
        Ok(1)
    }

    fn deregister(&self, _: DescriptorRef<'_>, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn retire(&self, _: &mut Vec<Waker>) {}
}

#[test]
fn whoever_goes_leaves_no_waker_with_the_poller() {
    let keeper: &Keeper = Box::leak(Box::new(Keeper(Mutex::default())));
    let env = Arc::new(Env::new(Parts {
        reactor: Some(keeper),
        ..Parts::default()
    }));
    let counting = Arc::new(Counting(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&counting));
    let waiting = || {
        let (ours, theirs) = pair();
        context::enter(&Local::new(&env, Role::Worker), || {
            let polled = ours.poll_readable(&Context::from_waker(&waker));
            assert!(polled.is_pending());
        });
        assert_eq!(Arc::strong_count(&counting), 3, "it waits");
        (ours, theirs)
    };
    drop(waiting());
    assert_eq!(Arc::strong_count(&counting), 2, "it was dropped");
    let (ours, _theirs) = waiting();
    let _given_away = ours.into_inner();
    assert_eq!(Arc::strong_count(&counting), 2, "it was given away");
}

#[test]
fn pipes_hear_of_the_other_end() {
    let (reader, writer) = io::pipe().expect("two descriptors");
    let reader = Async::new(reader).expect("it is open");
    assert!(block_on(poll_once(reader.readable())).is_none());
    drop(writer);
    block_on(reader.readable()).expect("the end is readable");
    let count = block_on(reader.read_with(|mut reader| reader.read(&mut [0])));
    assert_eq!(count.expect("the end"), 0);

    let (reader, writer) = io::pipe().expect("two descriptors");
    let writer = Async::new(writer).expect("it is open");
    while writer.get_ref().write(&[0; 4096]).is_ok() {}
    assert!(block_on(poll_once(writer.writable())).is_none());
    drop(reader);
    block_on(writer.writable()).expect("the error is worth a try");
    let error = block_on(writer.write_with(|mut writer| writer.write(&[0])));
    assert_eq!(
        error.expect_err("nobody reads").kind(),
        io::ErrorKind::BrokenPipe
    );
}

#[test]
fn half_closed_is_readable_and_still_writable() {
    let (ours, mut theirs) = pair();
    let mut bytes = [0; 8];
    assert!(block_on(poll_once(ours.readable())).is_none());
    theirs.write_all(b"last").expect("there is room");
    theirs
        .shutdown(std::net::Shutdown::Write)
        .expect("it is open");
    assert_eq!(
        block_on(read(&ours, &mut bytes)).expect("the last bytes"),
        4
    );
    assert_eq!(block_on(read(&ours, &mut bytes)).expect("the end"), 0);
    assert_eq!(block_on(write(&ours, b"answer")).expect("there is room"), 6);
    theirs.read_exact(&mut [0; 6]).expect("the answer");
}

/// Enters a runtime whose poller is `engine`'s.
fn inside<R>(engine: &Engine, act: impl FnOnce() -> R) -> R {
    let env = Arc::new(Env::new(Parts {
        reactor: Some(engine.reactor),
        ..Parts::default()
    }));
    context::enter(&Local::new(&env, Role::Worker), act)
}

fn a_runtimes_poller_is_used_until_it_ends(open: fn() -> io::Result<Engine>) {
    let mut engine = open().expect("a poller");
    let (ours, mut theirs) = pair();
    let counting = Arc::new(Counting(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&counting));
    let mut cx = Context::from_waker(&waker);
    let mut wait = pin!(ours.readable());
    inside(&engine, || {
        assert!(wait.as_mut().poll(&mut cx).is_pending())
    });

    theirs.write_all(b"x").expect("there is room");
    let mut woken = Vec::new();
    while woken.is_empty() {
        engine.seat.park(Until::Forever, &mut woken);
    }
    woken.into_iter().for_each(Waker::wake);
    assert_eq!(counting.0.load(Ordering::SeqCst), 1);
    inside(&engine, || assert!(wait.as_mut().poll(&mut cx).is_ready()));

    // The runtime ends while somebody waits: the wait goes on elsewhere.
    ours.get_ref().read_exact(&mut [0]).expect("a byte");
    let mut wait = pin!(ours.readable());
    inside(&engine, || {
        assert!(wait.as_mut().poll(&mut cx).is_pending())
    });
    let mut woken = Vec::new();
    engine.reactor.retire(&mut woken);
    woken.into_iter().for_each(Waker::wake);
    assert_eq!(counting.0.load(Ordering::SeqCst), 2);
    inside(&engine, || {
        assert!(wait.as_mut().poll(&mut cx).is_pending())
    });
    drop(engine.seat);
    theirs.write_all(b"y").expect("there is room");
    block_on(wait).expect("the driver's thread watches now");
}

/// An owner that is leaked while its descriptor closes leaves a registration behind. Its next event
/// must not touch the descriptor that has its number by then.
fn a_leaked_registration_harms_nobody(open: fn() -> io::Result<Engine>) {
    let mut engine = open().expect("a poller");
    let (ours, mut theirs) = UnixStream::pair().expect("two descriptors");
    // The socket stays open under another number, so its registration stays too.
    let _kept = ours.try_clone().expect("a descriptor");
    let number = ours.as_raw_fd();
    let cx = Context::from_waker(Waker::noop());
    inside(&engine, || {
        let leaked = ManuallyDrop::new(Async::new(&ours).expect("it is open"));
        while (&ours).write(&[0; 4096]).is_ok() {}
        assert!(leaked.poll_writable(&cx).is_pending());
        assert!(leaked.poll_readable(&cx).is_pending());
    });
    // Whoever gets the number: nobody else can take it while it is exchanged.
    let (stranger, mut other) = UnixStream::pair().expect("two descriptors");
    let mut ours = OwnedFd::from(ours);
    dup2(&stranger, &mut ours).expect("two descriptors");
    drop(stranger);
    let stranger = Async::new(UnixStream::from(ours)).expect("it is open");
    assert_eq!(stranger.as_fd().as_raw_fd(), number);
    let counting = Arc::new(Counting(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&counting));
    inside(&engine, || {
        let polled = stranger.poll_readable(&Context::from_waker(&waker));
        assert!(polled.is_pending());
    });

    let mut look = || {
        let mut woken = Vec::new();
        for _ in 0..3 {
            engine.seat.park(Until::Now, &mut woken);
        }
        woken.into_iter().for_each(Waker::wake);
    };
    theirs.write_all(b"x").expect("there is room");
    look();
    assert_eq!(counting.0.load(Ordering::SeqCst), 0, "it was not for this");
    other.write_all(b"y").expect("there is room");
    look();
    assert_eq!(counting.0.load(Ordering::SeqCst), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_leaked_registration_with_epoll_harms_nobody() {
    a_leaked_registration_harms_nobody(hob_reactor::epoll);
}

#[test]
fn a_leaked_registration_with_polling_harms_nobody() {
    a_leaked_registration_harms_nobody(hob_reactor::polling);
}

#[cfg(target_os = "linux")]
#[test]
fn epoll_of_a_runtime_is_used_until_it_ends() {
    a_runtimes_poller_is_used_until_it_ends(hob_reactor::epoll);
}

#[test]
fn polling_of_a_runtime_is_used_until_it_ends() {
    a_runtimes_poller_is_used_until_it_ends(hob_reactor::polling);
}

#[test]
fn a_waker_that_panics_does_not_end_the_driver() {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("a waker of the test panics");
        }
    }
    let (ours, mut theirs) = pair();
    let waker = Waker::from(Arc::new(Bomb));
    assert!(
        ours.poll_readable(&Context::from_waker(&waker))
            .is_pending()
    );
    theirs.write_all(b"x").expect("there is room");
    block_on(ours.readable()).expect("a byte");
    // It came after the bomb, in the same list or in a later turn.
    let (later, mut theirs) = pair();
    assert!(block_on(poll_once(later.readable())).is_none());
    theirs.write_all(b"x").expect("there is room");
    block_on(later.readable()).expect("the driver lives");
}

#[test]
fn a_budget_makes_an_eager_reader_yield() {
    use hob_core::TaskSlot;
    let (ours, mut theirs) = pair();
    theirs.write_all(&[0; 4096]).expect("there is room");
    let env = Arc::new(Env::new(Parts::default()));
    let local = Local::new(&env, Role::Worker);
    let slot: &'static TaskSlot = Box::leak(Box::new(TaskSlot::new()));
    let mut cx = Context::from_waker(Waker::noop());
    let reads = context::enter(&local, || {
        local.in_task(slot, || {
            let reads = || {
                let mut byte = [0];
                pin!(read(&ours, &mut byte)).poll(&mut cx).is_ready()
            };
            std::iter::repeat_with(reads)
                .take_while(|ready| *ready)
                .count()
        })
    });
    assert_eq!(reads, hob_core::budget::BUDGET_PER_POLL as usize);
}

#[test]
fn futures_say_what_they_are() {
    let (ours, _theirs) = pair();
    assert_eq!(format!("{:?}", ours.readable()), "Async::readable");
    let reading = ours.read_with(|mut stream| stream.read(&mut [0]));
    assert_eq!(format!("{reading:?}"), "Async::read_with");
    assert!(ours.as_fd().try_clone_to_owned().is_ok());
}
