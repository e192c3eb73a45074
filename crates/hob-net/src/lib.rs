#![doc = include_str!("../README.md")]

mod address;
mod connect;
mod error;
mod listener;
mod options;
mod os;
mod socket;
mod split;
mod stream;

pub use crate::address::Target;
pub use crate::connect::Connect;
pub use crate::error::AddressError;
pub use crate::listener::{Accept, Bind, TcpListener};
pub use crate::os::OsSys;
pub use crate::socket::SocketStatistics;
pub use crate::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use crate::stream::{Peek, TcpStream};
