//! hyper's timeouts, on the clock of the runtime.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::hyper::rt::{Sleep, Timer};
use hob::time::{self, Instant};

/// The clock of the runtime, for hyper's timeouts.
///
/// A timeout that hyper moves is moved in place, without an allocation.
///
/// # Examples
///
/// ```
/// use hob_compat::hyper::HobTimer;
/// use hyper::server::conn::http1;
/// use std::time::Duration;
///
/// let mut server = http1::Builder::new();
/// server.timer(HobTimer).header_read_timeout(Duration::from_secs(10));
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no state")]
pub struct HobTimer;

/// hob's sleep, as hyper knows it.
struct HobSleep(time::Sleep);

impl Timer for HobTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(HobSleep(time::sleep(duration)))
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(HobSleep(time::sleep_until(deadline.into())))
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: std::time::Instant) {
        match sleep.as_mut().downcast_mut_pin::<HobSleep>() {
            Some(ours) => ours.get_mut().0.reset(deadline.into()),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

impl Sleep for HobSleep {}

impl Future for HobSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.get_mut().0).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn place(sleep: &Pin<Box<dyn Sleep>>) -> *const () {
        std::ptr::from_ref(&**sleep).cast()
    }

    #[test]
    fn a_sleep_is_moved_in_place() {
        hob::run(async {
            let mut sleep = HobTimer.sleep(HOUR);
            let before = place(&sleep);
            HobTimer.reset(&mut sleep, HobTimer.now());
            assert_eq!(place(&sleep), before);
            sleep.await;
        });
    }

    #[test]
    fn a_foreign_sleep_is_replaced() {
        struct Never;
        impl Sleep for Never {}
        impl Future for Never {
            type Output = ();
            fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
                Poll::Pending
            }
        }
        hob::run(async {
            let mut sleep: Pin<Box<dyn Sleep>> = Box::pin(Never);
            HobTimer.reset(&mut sleep, HobTimer.now());
            sleep.await;
        });
    }

    #[test]
    fn the_clock_is_the_runtimes() {
        hob::run(async {
            let before = Instant::now();
            let now = Instant::from(HobTimer.now());
            assert!(before <= now && now <= Instant::now());
        });
    }
}
