//! What went wrong with each address that was tried.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// None of the addresses of a target worked: which were tried, in their order, and what each said.
///
/// It is inside the [`io::Error`] of [`TcpStream::connect`](crate::TcpStream::connect) and
/// [`TcpListener::bind`](crate::TcpListener::bind). The kind of that error is the kind of the last
/// attempt's.
///
/// # Examples
///
/// ```
/// use hob_net::{AddressError, TcpListener};
///
/// # futures_lite::future::block_on(async {
/// let first = TcpListener::bind("127.0.0.1:0").await?;
/// let taken = first.local_addr()?;
///
/// let error = TcpListener::bind(taken).await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
/// assert!(error.to_string().contains(&taken.to_string()));
///
/// let attempts = error.get_ref().and_then(|inner| inner.downcast_ref::<AddressError>());
/// assert_eq!(attempts.map(|error| error.attempts().len()), Some(1));
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct AddressError {
    act: &'static str,
    attempts: Vec<(SocketAddr, io::Error)>,
}

impl AddressError {
    /// The error of `act`, such as "connect to". No attempt at all is an error of its own kind.
    pub(crate) fn wrap(act: &'static str, attempts: Vec<(SocketAddr, io::Error)>) -> io::Error {
        let kind = attempts
            .last()
            .map_or(io::ErrorKind::InvalidInput, |(_, error)| error.kind());
        io::Error::new(kind, Self { act, attempts })
    }

    /// The addresses that were tried, in their order, and what each said.
    #[must_use]
    pub fn attempts(&self) -> &[(SocketAddr, io::Error)] {
        &self.attempts
    }
}

impl Error for AddressError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let (_, last) = self.attempts.last()?;
        Some(last)
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} ", self.act)?;
        if self.attempts.is_empty() {
            return f.write_str("anything: no address was given");
        }
        for (index, (addr, error)) in self.attempts.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{addr}: {error}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(attempts: &[(&str, io::ErrorKind)], kind: io::ErrorKind, text: &str) {
        let attempts = attempts
            .iter()
            .map(|(addr, kind)| (addr.parse().unwrap(), io::Error::from(*kind)))
            .collect();
        let error = AddressError::wrap("connect to", attempts);
        assert_eq!(error.kind(), kind);
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn each_attempt_is_told() {
        use io::ErrorKind::{ConnectionRefused, TimedOut};
        check(
            &[("127.0.0.1:1", ConnectionRefused), ("[::1]:1", TimedOut)],
            TimedOut,
            "cannot connect to 127.0.0.1:1: connection refused; [::1]:1: timed out",
        );
    }

    #[test]
    fn no_address_is_bad_input() {
        check(
            &[],
            io::ErrorKind::InvalidInput,
            "cannot connect to anything: no address was given",
        );
    }
}
