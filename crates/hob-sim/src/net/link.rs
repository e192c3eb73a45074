//! The ways between hosts: how long something is under way, whether it arrives.
//!
//! # Implementation
//!
//! A pair of hosts has an entry once something was changed between them; until then the link that all
//! begin as counts. The way from a host to itself takes some microseconds and is always well.
//!
//! # References
//!
//! - RFC 6298, <https://www.rfc-editor.org/rfc/rfc6298>: a segment that is not acknowledged is sent
//!   again, after twice as long each time. The least and the greatest timeout are Linux's.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use hob_core::Instant;

use super::conditions::Link;
use super::host::HostId;

/// After how long a segment is sent again for the first time.
const RETRANSMIT_MIN: Duration = Duration::from_millis(200);
const RETRANSMIT_MAX: Duration = Duration::from_secs(120);
/// How often it is sent again before the connection is given up: `tcp_retries2`.
const RETRANSMISSIONS_MAX: u32 = 15;
/// How long that takes.
pub(super) const GIVE_UP: Duration = Duration::from_millis(924_600);

const LOOPBACK: (Duration, Duration) = (Duration::from_micros(5), Duration::from_micros(20));

/// All links of a network.
pub(super) struct Links {
    usual: Link,
    changed: BTreeMap<(HostId, HostId), Way>,
}

/// What stands between two hosts.
#[derive(Clone)]
struct Way {
    link: Link,
    is_cut: bool,
}

impl Links {
    pub(super) const fn new(usual: Link) -> Self {
        Self {
            usual,
            changed: BTreeMap::new(),
        }
    }

    /// Whether nothing passes between two hosts.
    pub(super) fn is_cut(&self, one: HostId, other: HostId) -> bool {
        self.changed
            .get(&pair(one, other))
            .is_some_and(|way| way.is_cut)
    }

    /// Cuts a link or mends it; returns `false` if it was so already, and for a host and itself.
    #[must_use]
    pub(super) fn set_cut(&mut self, one: HostId, other: HostId, is_cut: bool) -> bool {
        if one == other || self.is_cut(one, other) == is_cut {
            return false;
        }
        self.way(one, other).is_cut = is_cut;
        true
    }

    /// The pairs of hosts that do not hear each other.
    pub(super) fn cut(&self) -> Vec<(HostId, HostId)> {
        let cut = self.changed.iter().filter(|(_, way)| way.is_cut);
        cut.map(|(pair, _)| *pair).collect()
    }

    pub(super) fn set(&mut self, one: HostId, other: HostId, link: Link) {
        if one != other {
            self.way(one, other).link = link;
        }
    }

    /// From now on nothing is lost or doubled anywhere.
    pub(super) fn heal(&mut self) {
        self.usual = self.usual.clone().healed();
        for way in self.changed.values_mut() {
            way.link = way.link.clone().healed();
        }
    }

    /// How long something is under way this time.
    pub(super) fn latency(&self, from: HostId, to: HostId, rng: &mut Rng) -> Duration {
        let (least, most) = match self.between(from, to) {
            Some(link) => link.latency,
            None => LOOPBACK,
        };
        let range = nanos(least)..=nanos(most);
        Duration::from_nanos(if range.start() == range.end() {
            *range.start()
        } else {
            rng.u64(range)
        })
    }

    /// Whether something that is sent once is lost.
    pub(super) fn is_lost(&self, from: HostId, to: HostId, rng: &mut Rng) -> bool {
        self.between(from, to)
            .is_some_and(|link| happens(link.loss, rng))
    }

    /// Whether a datagram arrives twice.
    pub(super) fn is_doubled(&self, from: HostId, to: HostId, rng: &mut Rng) -> bool {
        self.between(from, to)
            .is_some_and(|link| happens(link.duplication, rng))
    }

    /// How late a segment sets out that is sent again whenever it is lost.
    pub(super) fn time_lost(&self, from: HostId, to: HostId, rng: &mut Rng) -> Duration {
        let mut delay = Duration::ZERO;
        let mut timeout = RETRANSMIT_MIN;
        for _ in 0..RETRANSMISSIONS_MAX {
            if !self.is_lost(from, to, rng) {
                break;
            }
            delay += timeout;
            timeout = (timeout * 2).min(RETRANSMIT_MAX);
        }
        delay
    }

    /// The link between two hosts; `None` from a host to itself.
    fn between(&self, one: HostId, other: HostId) -> Option<&Link> {
        let changed = || self.changed.get(&pair(one, other)).map(|way| &way.link);
        (one != other).then(|| changed().unwrap_or(&self.usual))
    }

    fn way(&mut self, one: HostId, other: HostId) -> &mut Way {
        self.changed.entry(pair(one, other)).or_insert_with(|| Way {
            link: self.usual.clone(),
            is_cut: false,
        })
    }
}

/// When a segment that was first sent at `sent` is sent again, not before `now`.
pub(super) fn next_retransmission(sent: Instant, now: Instant) -> Instant {
    let mut at = sent;
    let mut timeout = RETRANSMIT_MIN;
    while at < now {
        at += timeout;
        timeout = (timeout * 2).min(RETRANSMIT_MAX);
    }
    at
}

/// Throws the dice; not at all where there is nothing to decide.
pub(super) fn happens(probability: f64, rng: &mut Rng) -> bool {
    probability > 0.0 && rng.f64() < probability
}

fn pair(one: HostId, other: HostId) -> (HostId, HostId) {
    (one.min(other), one.max(other))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: HostId = HostId::MAIN;
    const OTHER: HostId = HostId(1);

    #[test]
    fn a_segment_is_sent_again_after_twice_as_long_each_time() {
        let sent = Instant::from_nanos(1 << 60);
        let after = |millis| sent + Duration::from_millis(millis);
        assert_eq!(next_retransmission(sent, after(1)), after(200));
        assert_eq!(next_retransmission(sent, after(200)), after(200));
        assert_eq!(next_retransmission(sent, after(201)), after(600));
        assert_eq!(next_retransmission(sent, after(601)), after(1400));
    }

    #[test]
    fn the_last_retransmission_is_when_it_is_given_up() {
        let sent = Instant::from_nanos(1 << 60);
        let mut at = sent;
        for _ in 0..=RETRANSMISSIONS_MAX {
            at = next_retransmission(sent, at + Duration::from_nanos(1));
        }
        assert_eq!(at - sent, GIVE_UP);
    }

    #[test]
    fn a_lost_segment_is_late_and_a_healed_link_loses_nothing() {
        let mut links = Links::new(Link::new().loss(0.5));
        let mut rng = Rng::with_seed(1);
        let mut slowest = |links: &Links| {
            let all = (0..100).map(|_| links.time_lost(ONE, OTHER, &mut rng));
            all.max().expect("there are a hundred")
        };
        assert!(slowest(&links) > RETRANSMIT_MIN);
        links.heal();
        assert_eq!(slowest(&links), Duration::ZERO);
    }

    #[test]
    fn the_way_to_oneself_is_short_and_cannot_be_cut() {
        let slow = Duration::from_secs(1);
        let mut links = Links::new(Link::new().latency(slow..=slow));
        let mut rng = Rng::with_seed(1);
        assert!(!links.set_cut(ONE, ONE, true));
        links.set(ONE, ONE, Link::new().latency(slow..=slow));
        assert!(links.latency(ONE, ONE, &mut rng) < Duration::from_millis(1));
        assert_eq!(links.latency(ONE, OTHER, &mut rng), slow);
    }

    #[test]
    fn a_cut_has_no_direction() {
        let mut links = Links::new(Link::new());
        assert!(links.set_cut(OTHER, ONE, true));
        assert!(!links.set_cut(ONE, OTHER, true), "it is cut already");
        assert!(links.is_cut(ONE, OTHER) && links.is_cut(OTHER, ONE));
        assert_eq!(links.cut(), [(ONE, OTHER)]);
    }
}
