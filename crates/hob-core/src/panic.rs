//! Walls that a panic does not pass.
//!
//! Futures, outputs, wakers and hooks are foreign code, and each of them may panic: when polled, when
//! called, when dropped. hob runs them behind [`contain`]; what came out is a value from then on.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a panic carried.
pub type Payload = Box<dyn Any + Send + 'static>;

/// Runs foreign code; a panic in it comes back as its payload.
///
/// # Errors
///
/// The payload of the panic.
pub fn contain<R>(foreign: impl FnOnce() -> R) -> Result<R, Payload> {
    // What `foreign` may have left half done belongs to the foreigner: hob's own state is not
    // touched inside.
    catch_unwind(AssertUnwindSafe(foreign))
}

/// Drops a value whose destructor may panic; a panic is the error.
///
/// # Errors
///
/// The payload of the panic.
pub fn contain_drop<T>(value: T) -> Result<(), Payload> {
    contain(|| drop(value))
}

/// Drops a payload, even one whose own destructor panics.
///
/// A payload that panics with a payload that panics is leaked at the second step: there is no end to
/// that otherwise.
pub fn discard(payload: Payload) {
    if let Err(second) = contain_drop(payload) {
        #[expect(clippy::mem_forget, reason = "its destructor may panic for ever")]
        mem::forget(second);
    }
}

/// The message of a panic, or a placeholder when the payload is no string.
#[must_use]
pub fn message(payload: &Payload) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "(a panic whose payload is no string)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }

    #[test]
    fn messages_are_found() {
        let payload = contain(|| panic!("plain")).expect_err("it panics");
        assert_eq!(message(&payload), "plain");
        let payload = contain(|| panic!("number {}", 7)).expect_err("it panics");
        assert_eq!(message(&payload), "number 7");
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_discarded() {
        let payload = contain(|| std::panic::panic_any(Bomb)).expect_err("it panics");
        discard(payload);
    }

    #[test]
    fn a_destructor_that_panics_is_an_error() {
        let payload = contain_drop(Bomb).expect_err("it panics");
        assert_eq!(message(&payload), "bomb");
    }
}
