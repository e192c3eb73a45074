//! The extension traits of futures, streams and IO: `use hob::prelude::*`.

#[doc(no_inline)]
pub use futures_lite::future::FutureExt as _;
#[doc(no_inline)]
pub use futures_lite::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _,
};
#[doc(no_inline)]
pub use futures_lite::stream::StreamExt as _;
