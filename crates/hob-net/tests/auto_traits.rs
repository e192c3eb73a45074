//! Which types may be sent and shared, checked by the compiler.

use hob_net::{
    Accept, AddressError, Bind, Connect, OsSys, OwnedReadHalf, OwnedWriteHalf, Peek, ReadHalf,
    ReuniteError, SocketStatistics, Target, TcpListener, TcpStream, WriteHalf,
};

macro_rules! assert_impl {
    ($type:ty: $($bound:ident),+) => {
        const _: fn() = || {
            fn check<T: ?Sized $(+ $bound)+>() {}
            check::<$type>();
        };
    };
}

assert_impl!(TcpListener: Send, Sync, Unpin);
assert_impl!(Bind: Send, Unpin);
assert_impl!(Accept<'static>: Send, Sync, Unpin);

assert_impl!(TcpStream: Send, Sync, Unpin);
assert_impl!(Connect: Send, Unpin);
assert_impl!(Peek<'static>: Send, Sync, Unpin);
assert_impl!(ReadHalf<'static>: Send, Sync, Unpin);
assert_impl!(WriteHalf<'static>: Send, Sync, Unpin);
assert_impl!(OwnedReadHalf: Send, Sync, Unpin);
assert_impl!(OwnedWriteHalf: Send, Sync, Unpin);

assert_impl!(Target: Send, Sync, Unpin);
assert_impl!(OsSys: Send, Sync);
assert_impl!(AddressError: Send, Sync);
assert_impl!(ReuniteError: Send, Sync);
assert_impl!(SocketStatistics: Send, Sync);

#[test]
fn the_assertions_hold_since_this_file_compiles() {
    let _shared: &(dyn Sync + 'static) = &Target::from("localhost:80");
}
