//! What the weather on the network is like: how late, how lossy, how broken up.

use std::ops::RangeInclusive;
use std::time::Duration;

/// What the way between two hosts does to what travels on it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use hob_sim::net::{Link, host, set_link};
///
/// hob_sim::run(7, async {
///     let far = Duration::from_millis(80)..=Duration::from_millis(120);
///     set_link(&host("main"), &host("antipodes"), Link::new().latency(far).loss(0.01));
/// });
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// How long a message is under way, at least and at the most.
    pub(super) latency: (Duration, Duration),
    pub(super) loss: f64,
    pub(super) duplication: f64,
}

/// What a network is like when its simulation begins.
///
/// # Examples
///
/// ```
/// use hob_sim::Simulation;
/// use hob_sim::net::{Conditions, Link};
///
/// let conditions = Conditions::calm().link(Link::new().loss(0.1)).window(4096);
/// Simulation::new(7).conditions(conditions).run(async {});
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    pub(super) link: Link,
    pub(super) short_io: f64,
    pub(super) window: usize,
}

/// The window that a connection has unless [`Conditions::window`] says otherwise.
const WINDOW: usize = 64 * 1024;

impl Link {
    /// A link on which everything takes half a millisecond and nothing is lost.
    #[must_use]
    pub const fn new() -> Self {
        let usual = Duration::from_micros(500);
        Self {
            latency: (usual, usual),
            loss: 0.0,
            duplication: 0.0,
        }
    }

    /// Sets how long each message is under way: anything in the range, all equally likely.
    ///
    /// What belongs to one connection stays in its order. Datagrams may overtake each other.
    ///
    /// # Panics
    ///
    /// If the range is empty.
    #[must_use]
    pub fn latency(mut self, range: RangeInclusive<Duration>) -> Self {
        assert!(!range.is_empty(), "a latency in {range:?} cannot be drawn");
        self.latency = range.into_inner();
        self
    }

    /// Sets how likely a message is lost: a datagram for good, a segment of a connection until it is
    /// sent again, after 200 ms and then twice as long each time.
    ///
    /// # Panics
    ///
    /// If `probability` is not in `0.0..1.0`. For a link that carries nothing see
    /// [`partition`](super::partition).
    #[must_use]
    pub fn loss(mut self, probability: f64) -> Self {
        assert!(
            (0.0..1.0).contains(&probability),
            "a loss of {probability} is not in 0.0..1.0; use `partition` for a link that carries nothing"
        );
        self.loss = probability;
        self
    }

    /// Sets how likely a datagram arrives twice.
    ///
    /// # Panics
    ///
    /// If `probability` is not in `0.0..=1.0`.
    #[must_use]
    pub fn duplication(mut self, probability: f64) -> Self {
        self.duplication = checked(probability, "duplication");
        self
    }

    /// The same link when it is well: as late as before, but nothing is lost or doubled.
    pub(super) fn healed(self) -> Self {
        Self {
            loss: 0.0,
            duplication: 0.0,
            ..self
        }
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

impl Conditions {
    /// A network that shows a program nothing unusual: a steady latency, no loss, every read and
    /// write moves as much as it can.
    #[must_use]
    pub const fn calm() -> Self {
        Self {
            link: Link::new(),
            short_io: 0.0,
            window: WINDOW,
        }
    }

    /// A network at its worst: long and uneven latencies, one message in twenty lost, half of all reads
    /// and writes short, small windows.
    #[must_use]
    pub fn rough() -> Self {
        let late = Duration::from_millis(1)..=Duration::from_millis(100);
        Self {
            link: Link::new().latency(late).loss(0.05).duplication(0.05),
            short_io: 0.5,
            window: 8 * 1024,
        }
    }

    /// Sets what every link begins as. [`set_link`](super::set_link) changes single ones.
    #[must_use]
    pub fn link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// Sets how likely a read or a write on a connection moves less than it could, though at least
    /// one byte.
    ///
    /// # Panics
    ///
    /// If `probability` is not in `0.0..=1.0`.
    #[must_use]
    pub fn short_io(mut self, probability: f64) -> Self {
        self.short_io = checked(probability, "probability of short reads and writes");
        self
    }

    /// Sets how many bytes may be under way or unread in each direction of a connection.
    ///
    /// # Panics
    ///
    /// If `bytes` is zero.
    #[must_use]
    pub fn window(mut self, bytes: usize) -> Self {
        assert!(bytes > 0, "a window of no bytes lets nothing through");
        self.window = bytes;
        self
    }
}

impl Default for Conditions {
    /// The usual weather: latencies between 0.2 and 2 ms, one message in a thousand lost, one read or
    /// write in ten short, windows of 64 KiB.
    fn default() -> Self {
        let late = Duration::from_micros(200)..=Duration::from_millis(2);
        Self {
            link: Link::new().latency(late).loss(0.001),
            short_io: 0.1,
            window: WINDOW,
        }
    }
}

fn checked(probability: f64, what: &str) -> f64 {
    assert!(
        (0.0..=1.0).contains(&probability),
        "a {what} of {probability} is not in 0.0..=1.0"
    );
    probability
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic = "use `partition`"]
    fn a_link_that_loses_everything_is_refused() {
        drop(Link::new().loss(1.0));
    }

    #[test]
    #[should_panic = "cannot be drawn"]
    fn an_empty_range_of_latencies_is_refused() {
        drop(Link::new().latency(Duration::from_secs(2)..=Duration::from_secs(1)));
    }

    #[test]
    #[should_panic = "not in 0.0..=1.0"]
    fn what_is_no_probability_is_refused() {
        drop(Conditions::calm().short_io(f64::NAN));
    }

    #[test]
    #[should_panic = "lets nothing through"]
    fn a_window_of_nothing_is_refused() {
        drop(Conditions::calm().window(0));
    }
}
