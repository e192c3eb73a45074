//! Errors of the system, with what was tried and what to do about it.

use std::error::Error;
use std::fmt;
use std::io;

/// What an [`io::Error`] holds that explains another one: a text for people, and the original as its
/// [`source`](Error::source), with the number that the system gave it.
///
/// # Examples
///
/// ```
/// use std::error::Error;
/// use std::io;
/// use hob_core::Explained;
///
/// let refused = io::Error::from_raw_os_error(13);
/// let error = Explained::wrap(io::ErrorKind::Other, "the door is locked", refused);
/// assert_eq!(error.to_string(), "the door is locked");
/// let original = error.get_ref().and_then(|inner| inner.source());
/// let original = original.and_then(|source| source.downcast_ref::<io::Error>());
/// assert_eq!(original.and_then(io::Error::raw_os_error), Some(13));
/// ```
#[derive(Debug)]
pub struct Explained {
    text: String,
    original: io::Error,
}

impl Explained {
    /// Makes an error of `kind` that says `text`, and keeps `original`.
    #[must_use]
    pub fn wrap(kind: io::ErrorKind, text: impl Into<String>, original: io::Error) -> io::Error {
        let text = text.into();
        io::Error::new(kind, Self { text, original })
    }
}

impl Error for Explained {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.original)
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
