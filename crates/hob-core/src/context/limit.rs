//! How long the poll that runs now may take: the limits around it.
//!
//! # Implementation
//!
//! A limit stands while its body is polled, so limits nest as calls do. Each is a `Frame` on the
//! stack of that poll, with a pointer to the one around it; a thread-local leads to the innermost.
//! Whoever enters a limit puts back what it found, also when the poll panics. An
//! [entry](super::enter) begins without limits and puts them back too: another runtime may go by
//! another clock.
//!
//! A duration counts from a moment that is not known before somebody asks, so that a body that is
//! ready at once costs no reading of the clock. [`deadline`] settles all limits around it at one
//! reading, in their frames, where those who set them find what became of them.

#![expect(
    unsafe_code,
    reason = "a thread-local pointer to a value on the stack, as in the context: what is kept by \
              value costs each timeout a nanosecond more"
)]

use std::cell::Cell;
use std::ptr;
use std::time::Duration;

use crate::instant::Instant;
use crate::primitive::per_thread;

per_thread! {
    /// Null, or the [`Frame`] of the innermost limit that stands on this thread.
    static INNERMOST: Cell<*const Frame> = const { Cell::new(ptr::null()) };
}

/// How long a poll may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Limit {
    /// So long, from a moment that is not known yet.
    After(Duration),
    /// Until then.
    At(Instant),
}

/// A limit that stands, on the stack of the poll within it.
struct Frame {
    limit: Cell<Limit>,
    /// The one around it; null for the outermost.
    outer: *const Self,
}

/// Puts back the limits that stood before.
struct Restore(*const Frame);

/// Runs `poll` within `limit`, inside those that stand already.
///
/// Returns also what became of the limit: one [`After`](Limit::After) a duration is
/// [`At`](Limit::At) a deadline if somebody has asked for the [`deadline`] meanwhile.
///
/// # Panics
///
/// Where `poll` does; the limits are then as they were before.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use hob_core::context::limit::{Limit, deadline, within};
/// let second = Limit::After(Duration::from_secs(1));
/// assert_eq!(within(second, || "nobody asks"), ("nobody asks", second));
///
/// let (asked, settled) = within(second, deadline);
/// assert_eq!(settled, Limit::At(asked.expect("there is a limit")));
/// ```
#[inline]
pub fn within<R>(limit: Limit, poll: impl FnOnce() -> R) -> (R, Limit) {
    let outer = INNERMOST.with(Cell::get);
    let frame = Frame {
        limit: Cell::new(limit),
        outer,
    };
    // Declared after the frame, so dropped before it.
    let _restore = Restore(outer);
    INNERMOST.with(|innermost| innermost.set(ptr::from_ref(&frame)));
    let result = poll();
    (result, frame.limit.get())
}

/// When the first of the limits around this call ends; `None` if none ever does.
///
/// Those that count from a moment not known yet count from now on.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use hob_core::Instant;
/// # use hob_core::context::limit::{Limit, deadline, within};
/// let [soon, later] = [1, 2].map(|seconds| Instant::now() + Duration::from_secs(seconds));
/// within(Limit::At(soon), || {
///     within(Limit::At(later), || assert_eq!(deadline(), Some(soon)));
/// });
/// assert_eq!(deadline(), None);
/// ```
#[must_use]
pub fn deadline() -> Option<Instant> {
    let mut now = None;
    let mut earliest = Instant::NEVER;
    for_each(|limit| {
        let deadline = match limit.get() {
            Limit::At(deadline) => deadline,
            Limit::After(duration) => *now.get_or_insert_with(Instant::now) + duration,
        };
        limit.set(Limit::At(deadline));
        earliest = earliest.min(deadline);
    });
    Some(earliest).filter(|earliest| !earliest.is_never())
}

/// Returns `true` if a limit around this call has ended by `now`.
///
/// One of no length that counts from a moment not known yet has: it ends whenever it begins.
///
/// # Examples
///
/// ```
/// # use std::time::Duration;
/// # use hob_core::Instant;
/// # use hob_core::context::limit::{Limit, has_ended, within};
/// let now = Instant::now();
/// assert!(!has_ended(now));
/// within(Limit::At(now), || assert!(has_ended(now)));
/// within(Limit::After(Duration::ZERO), || assert!(has_ended(now)));
/// ```
#[must_use]
pub fn has_ended(now: Instant) -> bool {
    let mut ended = false;
    for_each(|limit| {
        ended |= match limit.get() {
            Limit::At(deadline) => deadline <= now && !deadline.is_never(),
            Limit::After(duration) => duration.is_zero(),
        };
    });
    ended
}

/// Runs `inside` with no limit around it.
#[inline]
pub(super) fn unlimited<R>(inside: impl FnOnce() -> R) -> R {
    let _restore = Restore(INNERMOST.with(|innermost| innermost.replace(ptr::null())));
    inside()
}

/// Shows all limits that stand, the innermost first.
fn for_each(mut look: impl FnMut(&Cell<Limit>)) {
    let mut next = INNERMOST.with(Cell::get);
    // SAFETY: what `INNERMOST` holds is null or a frame of a call of `within` around this one, on this
    // thread: `Restore` takes it out before that call ends, also when unwinding. Its `outer` is null
    // or a frame of a call around that. The frames are only ever shared.
    while let Some(frame) = unsafe { next.as_ref() } {
        look(&frame.limit);
        next = frame.outer;
    }
}

impl Drop for Restore {
    #[inline]
    fn drop(&mut self) {
        INNERMOST.with(|innermost| innermost.set(self.0));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::Arc;

    use super::*;
    use crate::context::{Local, Role, enter};
    use crate::env::{Env, Parts};

    const SECOND: Duration = Duration::from_secs(1);

    /// The instant that many seconds after the zero of the scale.
    fn at(seconds: u32) -> Instant {
        Instant::from_nanos(0) + seconds * SECOND
    }

    /// The deadline within all of `limits`, the outermost first.
    fn deadline_within(limits: &[Limit]) -> Option<Instant> {
        match limits {
            [] => deadline(),
            [first, others @ ..] => within(*first, || deadline_within(others)).0,
        }
    }

    #[test]
    fn the_deadline_is_the_earliest_of_all() {
        let check = |limits: &[u32], expected| {
            let limits: Vec<_> = limits.iter().map(|&number| Limit::At(at(number))).collect();
            assert_eq!(deadline_within(&limits), expected, "{limits:?}");
        };
        check(&[], None);
        check(&[3], Some(at(3)));
        check(&[1, 2, 3], Some(at(1)));
        check(&[3, 2, 1], Some(at(1)));
        check(&[3, 1, 2], Some(at(1)));
    }

    #[test]
    fn limits_without_end_set_no_deadline() {
        let limits = [Limit::At(Instant::NEVER), Limit::After(Duration::MAX)];
        assert_eq!(deadline_within(&limits), None);
        within(limits[0], || {
            within(limits[1], || assert!(!has_ended(Instant::NEVER)));
        });
    }

    #[test]
    fn a_question_settles_all_limits_at_one_reading() {
        let (inner, outer) = within(Limit::After(2 * SECOND), || {
            within(Limit::After(SECOND), deadline)
        });
        let (asked, inner) = inner;
        let asked = asked.expect("there are limits");
        assert_eq!(inner, Limit::At(asked));
        assert_eq!(outer, Limit::At(asked + SECOND));
    }

    #[test]
    fn a_limit_entered_after_a_question_begins_with_the_next() {
        let (later, outer) = within(Limit::After(2 * SECOND), || {
            let first = deadline().expect("there is a limit");
            let (second, _) = within(Limit::After(Duration::ZERO), deadline);
            let second = second.expect("there are two");
            assert!(
                (first - 2 * SECOND..first).contains(&second),
                "it begins by itself"
            );
            assert_eq!(deadline(), Some(first), "the first stays as it is");
            first
        });
        assert_eq!(outer, Limit::At(later));
    }

    #[test]
    fn a_limit_ends_at_its_deadline() {
        within(Limit::At(at(2)), || {
            assert!(!has_ended(at(2) - Duration::from_nanos(1)));
            assert!(has_ended(at(2)));
            within(Limit::At(at(3)), || assert!(has_ended(at(2))));
            within(Limit::At(at(1)), || assert!(has_ended(at(1))));
            within(Limit::After(SECOND), || assert!(!has_ended(at(1))));
            within(Limit::After(Duration::ZERO), || assert!(has_ended(at(1))));
        });
    }

    #[test]
    fn a_panic_leaves_the_limits_as_they_were() {
        within(Limit::At(at(2)), || {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                within(Limit::At(at(1)), || resume_unwind(Box::new(())));
            }));
            assert!(panicked.is_err());
            assert_eq!(deadline(), Some(at(2)));
        });
        assert_eq!(deadline(), None);
    }

    #[test]
    fn a_nested_runtime_has_limits_of_its_own() {
        let env = Arc::new(Env::new(Parts::default()));
        let local = Local::new(&env, Role::Guest);
        within(Limit::At(at(1)), || {
            enter(&local, || {
                assert_eq!(deadline(), None);
                assert!(!has_ended(at(1)));
                within(Limit::At(at(2)), || assert_eq!(deadline(), Some(at(2))));
            });
            assert_eq!(deadline(), Some(at(1)));
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                enter(&local, || resume_unwind(Box::new(())));
            }));
            assert!(panicked.is_err());
            assert_eq!(deadline(), Some(at(1)));
        });
    }

    #[test]
    fn limits_are_each_threads_own() {
        within(Limit::At(at(1)), || {
            std::thread::scope(|scope| {
                scope.spawn(|| assert_eq!(deadline(), None));
            });
        });
    }
}
