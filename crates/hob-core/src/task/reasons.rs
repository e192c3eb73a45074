//! Reasons to end that need no room of their own.
//!
//! # Implementation
//!
//! Most reasons are constants of the program, and there are few of them. Each gets a number of six bits
//! when it is first used, and a task's word has room for that. Reasons beyond these, and those that were
//! made at run time, stand among the [rare things](super::rare).

use std::borrow::Cow;
use std::sync::OnceLock;

use super::CancelReason;

/// The greatest code.
pub(super) const CODE_MAX: u64 = 63;

/// There is none, or it stands elsewhere.
const NONE: u64 = 0;
const SHUTDOWN: u64 = 1;
/// The first of the constants.
const FIRST: u64 = 2;

/// The constants in the order in which they were first used.
static CONSTANTS: [OnceLock<&'static str>; (CODE_MAX + 1 - FIRST) as usize] =
    [const { OnceLock::new() }; (CODE_MAX + 1 - FIRST) as usize];

/// The code of a reason; `None` if it has none.
pub(super) fn code(reason: &CancelReason) -> Option<u64> {
    match reason {
        CancelReason::Shutdown => Some(SHUTDOWN),
        CancelReason::Because(Cow::Owned(_)) => None,
        CancelReason::Because(Cow::Borrowed(text)) => (FIRST..)
            .zip(&CONSTANTS)
            .find(|(_, constant)| constant.get_or_init(|| text) == text)
            .map(|(code, _)| code),
    }
}

/// The reason of a code that [`code`] has given, if it is one.
pub(super) fn reason(code: u64) -> Option<CancelReason> {
    match code {
        NONE => None,
        SHUTDOWN => Some(CancelReason::Shutdown),
        code => {
            let index = usize::try_from(code - FIRST).expect("a code is small");
            let text = CONSTANTS.get(index)?.get()?;
            Some(CancelReason::Because(Cow::Borrowed(text)))
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_reason_comes_back_as_it_was() {
        assert_eq!(reason(NONE), None);
        for given in [CancelReason::Shutdown, "one".into(), "other".into()] {
            let code = code(&given).expect("there is room");
            assert!(code <= CODE_MAX);
            assert_eq!(reason(code), Some(given));
        }
        assert_eq!(code(&"one".into()), code(&"one".into()));
        assert_ne!(code(&"one".into()), code(&"other".into()));
        assert_eq!(code(&String::from("one").into()), None);
    }
}
