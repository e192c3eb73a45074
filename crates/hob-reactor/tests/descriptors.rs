//! Pollers come and go, and leave no descriptor behind.
//!
//! The only test of its process, as it counts the process's descriptors.

#![cfg(all(target_os = "linux", not(loom)))]

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Context, Waker};

use hob_core::{Direction, IoSource, Until, io_source::Binding};
use hob_reactor::Engine;

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// Opens, watches, sleeps, rings and closes, as a runtime does.
fn open_and_close(open: fn() -> io::Result<Engine>, socket: &UnixStream, retire: bool) {
    let Engine { reactor, mut seat } = open().expect("a poller");
    let source = Arc::new(IoSource::new());
    let cx = Context::from_waker(Waker::noop());
    let fd = socket.as_fd().into();
    let waiting = source.poll_ready(&cx, Direction::Read, fd, || {
        let key = reactor.register(fd, &source)?;
        Ok(Binding { reactor, key })
    });
    assert!(waiting.is_pending());
    seat.unparker().unpark();
    seat.park(Until::Forever, &mut Vec::new());
    let kept = seat.unparker();
    if retire {
        reactor.retire(&mut Vec::new());
    }
    drop(seat);
    kept.unpark();
    assert!(!source.is_bound());
}

#[test]
fn a_thousand_pollers_leave_no_descriptor() {
    let (ours, _theirs) = UnixStream::pair().expect("two descriptors");
    for open in [hob_reactor::epoll, hob_reactor::polling] {
        let before = descriptors();
        for round in 0..1000 {
            open_and_close(open, &ours, round % 2 == 0);
        }
        assert_eq!(descriptors(), before);
        let both = [open().expect("a poller"), open().expect("a poller")];
        assert!(
            !std::ptr::addr_eq(both[0].reactor, both[1].reactor),
            "two that are open at once are two"
        );
        drop(both);
        assert_eq!(descriptors(), before);
    }
}
