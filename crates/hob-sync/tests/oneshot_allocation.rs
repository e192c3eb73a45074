//! A `oneshot` allocates once, however it is used, and frees what it allocated.

#![cfg(not(loom))]

#[path = "support/allocator.rs"]
mod allocator;
mod support;

use hob_sync::oneshot;

use allocator::{allocations, bytes_of};
use support::{Counter, poll, poll_with};

/// Runs `inside`, which is to allocate and free once.
fn check(what: &str, inside: impl FnOnce()) {
    let (((), allocated), kept) = bytes_of(|| allocations(inside));
    assert_eq!((allocated, kept), (1, 0), "{what}");
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_channel_is_as_small_as_its_docs_say() {
    assert_eq!(bytes_of(oneshot::channel::<()>).1, 40);
    assert_eq!(bytes_of(oneshot::channel::<u32>).1, 40);
    assert_eq!(bytes_of(oneshot::channel::<u64>).1, 48);
    assert_eq!(bytes_of(oneshot::channel::<Box<u8>>).1, 48);
}

#[test]
fn a_channel_allocates_once_however_it_ends() {
    let (_first, first) = Counter::new();
    let (_second, second) = Counter::new();
    check("sent and received", || {
        let (tx, mut rx) = oneshot::channel();
        tx.send(7).unwrap();
        assert!(poll(&mut rx).is_ready());
    });
    check("waited for", || {
        let (tx, mut rx) = oneshot::channel();
        assert!(poll_with(&mut rx, &first).is_pending());
        assert!(poll_with(&mut rx, &second).is_pending());
        tx.send(7).unwrap();
        assert!(poll(&mut rx).is_ready());
    });
    check("given up by the receiver", || {
        let (mut tx, mut rx) = oneshot::channel::<u8>();
        assert!(poll_with(&mut rx, &first).is_pending());
        let mut closed = tx.closed();
        assert!(poll_with(&mut closed, &second).is_pending());
        drop(rx);
        assert!(poll_with(&mut closed, &second).is_ready());
    });
    check("given up by the sender", || {
        let (tx, mut rx) = oneshot::channel::<u8>();
        assert!(poll_with(&mut rx, &first).is_pending());
        drop(tx);
        assert!(poll(&mut rx).is_ready());
    });
    check("sent and not received", || {
        let (tx, rx) = oneshot::channel();
        tx.send(7).unwrap();
        drop(rx);
    });
    check("closed, and sent in vain", || {
        let (tx, mut rx) = oneshot::channel();
        rx.close();
        assert!(tx.send(7).is_err());
        assert!(poll(&mut rx).is_ready());
    });
    check("never used", || drop(oneshot::channel::<[u64; 32]>()));
}
