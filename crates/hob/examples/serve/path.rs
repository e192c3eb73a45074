//! From the path of a URL to a path below the folder.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Why nothing is served.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The path is none.
    Malformed,
    /// It leads out of the folder.
    Outside,
    /// The system does not let us read it.
    Closed,
    /// There is nothing, or no file.
    Missing,
    /// Something went wrong with the disk, or with us.
    Failed(io::Error),
}

/// Decodes a URL's path. The result has plain names only: neither `..` nor a slash at its start, in
/// whatever disguise they came.
pub(crate) fn relative(path: &str) -> Result<PathBuf, Refusal> {
    // A request may name no path but a host, or nothing at all.
    let path = path.strip_prefix('/').ok_or(Refusal::Malformed)?;
    let mut relative = PathBuf::new();
    // First cut, then decode: a slash that was encoded is no separator.
    for segment in path.split('/') {
        let name = decoded(segment).ok_or(Refusal::Malformed)?;
        match name.as_slice() {
            b"" | b"." => {}
            b".." => return Err(Refusal::Outside),
            name if name.contains(&b'/') || name.contains(&0) => return Err(Refusal::Malformed),
            name => relative.push(OsStr::from_bytes(name)),
        }
    }
    Ok(relative)
}

/// Replaces `%41` by `A`; `None` if a digit is missing.
fn decoded(segment: &str) -> Option<Vec<u8>> {
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => 16 * digit(bytes.next()?)? + digit(bytes.next()?)?,
            other => other,
        });
    }
    Some(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind;

        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
                Self::Missing
            }
            ErrorKind::PermissionDenied => Self::Closed,
            _ => Self::Failed(error),
        }
    }
}
