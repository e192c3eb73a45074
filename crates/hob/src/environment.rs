//! What the process's environment says.
//!
//! Variables are not read in a program that runs with more rights than its caller: there they would
//! be the caller's way in.

use std::env;
use std::io;
use std::num::NonZeroUsize;
use std::thread;

/// More workers than that are a mistake.
pub(crate) const WORKERS_MAX: usize = 1024;

/// How many workers a pool has by default: `HOB_WORKERS`, else one for each core that the process may
/// use, which respects affinity and control groups.
pub(crate) fn default_workers() -> io::Result<NonZeroUsize> {
    match variable("HOB_WORKERS") {
        Some(text) => workers(&text),
        // Where the system cannot tell, one worker is right everywhere.
        None => Ok(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)),
    }
}

fn workers(text: &str) -> io::Result<NonZeroUsize> {
    text.parse()
        .ok()
        .filter(|workers: &NonZeroUsize| workers.get() <= WORKERS_MAX)
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("HOB_WORKERS={text:?}: give a number from 1 to {WORKERS_MAX}, or unset it"),
            )
        })
}

fn variable(name: &str) -> Option<String> {
    if is_secure() {
        return None;
    }
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Whether the kernel marked this process as one with more rights than its caller (`AT_SECURE`).
#[cfg(target_os = "linux")]
fn is_secure() -> bool {
    const AT_SECURE: usize = 23;
    const WORD: usize = size_of::<usize>();
    // Pairs of words: a tag and a value. Without the list, assume the worst.
    let Ok(list) = std::fs::read("/proc/self/auxv") else {
        return true;
    };
    let word = |bytes: &[u8]| bytes.try_into().map_or(0, usize::from_ne_bytes);
    list.chunks_exact(2 * WORD)
        .any(|pair| word(&pair[..WORD]) == AT_SECURE && word(&pair[WORD..]) != 0)
}

/// Whether the kernel marked this process as one with more rights than its caller: other systems do
/// not say so in a way that std reaches.
#[cfg(not(target_os = "linux"))]
fn is_secure() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_workers_is_taken() {
        assert_eq!(workers("3").expect("three is fine").get(), 3);
    }

    #[test]
    fn nonsense_is_refused_and_named() {
        for text in ["0", "-1", "many", "", "1025", "99999999999999999999"] {
            let error = workers(text).expect_err("it is nonsense");
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn the_tests_do_not_run_with_more_rights() {
        assert!(!is_secure());
    }
}
