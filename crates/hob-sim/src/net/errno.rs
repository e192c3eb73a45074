//! The errors of the kernel, so that a program cannot tell them from ours.

use std::io;

/// What a call answers.
pub(super) type Answer<T> = Result<T, Errno>;

/// An error of the system, by the name in its manual.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Errno {
    AddressFamilyNotSupported,
    AddressInUse,
    AddressNotAvailable,
    /// `EAGAIN` of a `connect` in the Unix domain: an end, not a beginning, unlike [`WouldBlock`].
    ///
    /// [`WouldBlock`]: Self::WouldBlock
    BacklogFull,
    BrokenPipe,
    ConnectionAborted,
    ConnectionRefused,
    ConnectionReset,
    DestinationRequired,
    HostUnreachable,
    InvalidInput,
    IsConnected,
    MessageTooLong,
    NetworkUnreachable,
    NoSuchFile,
    NoSuchOption,
    NotConnected,
    NotPermitted,
    NotSupported,
    TimedOut,
    TooManyOpenFiles,
    WouldBlock,
    WrongType,
}

impl Errno {
    /// Its number on Linux, and on the systems that descend from BSD.
    const fn numbers(self) -> Option<(i32, i32)> {
        Some(match self {
            Self::BacklogFull => return None,
            Self::NotPermitted => (1, 1),
            Self::NoSuchFile => (2, 2),
            Self::WouldBlock => (11, 35),
            Self::InvalidInput => (22, 22),
            Self::TooManyOpenFiles => (24, 24),
            Self::BrokenPipe => (32, 32),
            Self::DestinationRequired => (89, 39),
            Self::MessageTooLong => (90, 40),
            Self::WrongType => (91, 41),
            Self::NoSuchOption => (92, 42),
            Self::NotSupported => (95, 102),
            Self::AddressFamilyNotSupported => (97, 47),
            Self::AddressInUse => (98, 48),
            Self::AddressNotAvailable => (99, 49),
            Self::NetworkUnreachable => (101, 51),
            Self::ConnectionAborted => (103, 53),
            Self::ConnectionReset => (104, 54),
            Self::IsConnected => (106, 56),
            Self::NotConnected => (107, 57),
            Self::TimedOut => (110, 60),
            Self::ConnectionRefused => (111, 61),
            Self::HostUnreachable => (113, 65),
        })
    }
}

impl From<Errno> for io::Error {
    fn from(errno: Errno) -> Self {
        match errno.numbers() {
            Some((linux, _)) if cfg!(target_os = "linux") => Self::from_raw_os_error(linux),
            Some((_, bsd)) => Self::from_raw_os_error(bsd),
            None => Self::new(
                io::ErrorKind::ResourceBusy,
                "the other end takes no more connections for now",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_means_what_its_name_says() {
        use io::ErrorKind as Kind;
        for (errno, kind) in [
            (Errno::AddressInUse, Kind::AddrInUse),
            (Errno::AddressNotAvailable, Kind::AddrNotAvailable),
            (Errno::BacklogFull, Kind::ResourceBusy),
            (Errno::BrokenPipe, Kind::BrokenPipe),
            (Errno::ConnectionAborted, Kind::ConnectionAborted),
            (Errno::ConnectionRefused, Kind::ConnectionRefused),
            (Errno::ConnectionReset, Kind::ConnectionReset),
            (Errno::HostUnreachable, Kind::HostUnreachable),
            (Errno::InvalidInput, Kind::InvalidInput),
            (Errno::NetworkUnreachable, Kind::NetworkUnreachable),
            (Errno::NoSuchFile, Kind::NotFound),
            (Errno::NotConnected, Kind::NotConnected),
            (Errno::NotPermitted, Kind::PermissionDenied),
            (Errno::TimedOut, Kind::TimedOut),
            (Errno::WouldBlock, Kind::WouldBlock),
        ] {
            assert_eq!(io::Error::from(errno).kind(), kind, "{errno:?}");
        }
    }

    #[test]
    fn those_without_a_kind_say_it_in_words() {
        for (errno, words) in [
            (Errno::AddressFamilyNotSupported, "Address family"),
            (Errno::DestinationRequired, "Destination address"),
            (Errno::IsConnected, "is already connected"),
            (Errno::MessageTooLong, "Message too long"),
            (Errno::NoSuchOption, "Protocol not available"),
            (Errno::NotSupported, "not supported"),
            (Errno::TooManyOpenFiles, "Too many open files"),
            (Errno::WrongType, "wrong type for socket"),
        ] {
            let text = io::Error::from(errno).to_string();
            assert!(text.contains(words), "{errno:?}: {text}");
        }
    }
}
