//! How much memory is resident.

use std::fs;
use std::io;

/// The resident bytes of process `pid`, counted page by page.
///
/// `statm` is quicker and, with several cores, off by some dozen pages.
pub(crate) fn resident(pid: u32) -> io::Result<u64> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path)?;
    let kib: u64 = text
        .lines()
        .find_map(|line| line.strip_prefix("Rss:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| malformed(&path, &text))?;
    Ok(kib * 1024)
}

/// The error of a file in `/proc` that is not understood.
pub(crate) fn malformed(path: &str, text: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{path} is not what it should be: `{}`", text.trim_end()),
    )
}
