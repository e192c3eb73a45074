//! Which types may be sent and shared, checked by the compiler.

#![cfg(not(loom))]

use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use hob_reactor::{Async, Engine, Polling, PollingSeat, ReactorStatistics, async_fd, token};
#[cfg(target_os = "linux")]
use hob_reactor::{Epoll, EpollSeat};

/// Neither `Send` nor `Sync`.
struct Local(OwnedFd, PhantomData<Rc<u8>>);

impl AsFd for Local {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

macro_rules! assert_impl {
    ($type:ty: $($bound:ident),+) => {
        const _: fn() = || {
            fn check<T: ?Sized $(+ $bound)+>() {}
            check::<$type>();
        };
    };
}

/// Two impls of `Ambiguous` would apply if the type had the trait, and inference would fail.
macro_rules! assert_not_impl {
    ($type:ty: $($bound:ident),+) => {
        $(const _: fn() = || {
            trait Ambiguous<A> {
                fn check() {}
            }
            struct HasIt;
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $bound> Ambiguous<HasIt> for T {}
            let _ = <$type as Ambiguous<_>>::check;
        };)+
    };
}

assert_impl!(Async<OwnedFd>: Send, Sync, Unpin);
assert_not_impl!(Async<Local>: Send, Sync);
assert_impl!(async_fd::Wait<'static, OwnedFd>: Send, Sync, Unpin);
assert_not_impl!(async_fd::Wait<'static, Local>: Send, Sync);
assert_impl!(async_fd::With<'static, OwnedFd, fn()>: Send, Sync, Unpin);
assert_not_impl!(async_fd::With<'static, Local, fn()>: Send, Sync);
assert_not_impl!(async_fd::With<'static, OwnedFd, Rc<u8>>: Send, Sync);

assert_impl!(Polling: Send, Sync);
assert_impl!(PollingSeat: Send);
#[cfg(target_os = "linux")]
assert_impl!(Epoll: Send, Sync);
#[cfg(target_os = "linux")]
assert_impl!(EpollSeat: Send);
assert_impl!(Engine: Send);
assert_impl!(ReactorStatistics: Send, Sync);
assert_impl!(token::Token: Send, Sync);

#[test]
fn the_assertions_hold_since_this_file_compiles() {
    let (reader, _writer) = std::io::pipe().expect("two descriptors");
    let local = Local(reader.into(), PhantomData);
    assert!(Async::new(local).is_ok(), "whatever may not be sent works");
}
