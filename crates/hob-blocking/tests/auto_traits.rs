//! Which types may be sent and shared, checked by the compiler.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::MutexGuard as StdGuard;

use hob_blocking::{
    BlockingError, Builder, Inline, InlineStatistics, JobPanic, LeftBehind, Pool, PoolStatistics,
    ToThread,
};

/// `Send`, not `Sync`.
type Private = Cell<u8>;
/// `Sync`, not `Send`.
type Pinned = StdGuard<'static, u8>;
/// Neither.
type Local = Rc<u8>;

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

assert_impl!(Pool: Send, Sync, Unpin);
assert_impl!(PoolStatistics: Send, Sync);
assert_impl!(LeftBehind: Send, Sync);
assert_impl!(Builder: Send, Sync);
assert_impl!(Inline: Send, Sync, Unpin);
assert_impl!(InlineStatistics: Send, Sync);

assert_impl!(ToThread<u8>: Send, Sync, Unpin);
assert_impl!(ToThread<Private>: Send, Sync, Unpin);
assert_not_impl!(ToThread<Pinned>: Send, Sync);
assert_not_impl!(ToThread<Local>: Send, Sync);

assert_impl!(BlockingError: Send, Sync, Unpin);
assert_impl!(JobPanic: Send, Sync, Unpin);

#[test]
fn the_assertions_hold_since_this_file_compiles() {
    let _shared: &(dyn Sync + 'static) = &Pool::default();
}
