//! What may cross threads, and what may not.

use std::rc::Rc;

use hob::net::TcpStream;
use hob_compat::hyper::{FuturesIo, HobExecutor, HobTimer, HyperIo};

const fn crosses<T: Send + Sync + Unpin>() {}

const _: () = {
    crosses::<FuturesIo<TcpStream>>();
    crosses::<HyperIo<TcpStream>>();
    crosses::<HobExecutor>();
    crosses::<HobTimer>();
};

/// Compiles only if `Self` has exactly one of the two implementations, that is, if it is not `Send`.
trait AmbiguousIfSend<Tag> {
    fn holds() {}
}

struct WhenSend;

impl<T: ?Sized> AmbiguousIfSend<()> for T {}
impl<T: ?Sized + Send> AmbiguousIfSend<WhenSend> for T {}

#[test]
fn a_stream_goes_where_its_inside_goes() {
    <FuturesIo<Rc<()>> as AmbiguousIfSend<_>>::holds();
    <HyperIo<Rc<()>> as AmbiguousIfSend<_>>::holds();
}
