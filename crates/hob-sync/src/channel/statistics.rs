//! What a channel tells about itself.

use std::fmt;

use crate::channel::state::{Channel, State};
use crate::dump::{glance, show};

/// A snapshot of a channel, for dumps and tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ChannelStatistics {
    /// Messages that are there to be received, without those that wait in line.
    pub len: usize,
    /// How many messages there is room for; `None` without a limit.
    pub capacity: Option<usize>,
    /// Slots that permits hold, or that were granted and not used yet.
    pub reserved: usize,
    /// How many senders there are.
    pub senders: usize,
    /// How many receivers there are.
    pub receivers: usize,
    /// How many stand in line with a message, or for a slot.
    pub senders_waiting: usize,
    /// How many receivers wait for a message and have not been woken.
    pub receivers_waiting: usize,
    /// How many wait until the channel is closed.
    pub closed_waiting: usize,
    /// Whether it was closed, or its last receiver dropped.
    pub is_closed: bool,
}

impl<T> Channel<T> {
    pub(crate) fn statistics(&self) -> ChannelStatistics {
        self.statistics_of(&self.guarded().lock())
    }

    fn statistics_of(&self, state: &State<T>) -> ChannelStatistics {
        let store = &state.side.store;
        ChannelStatistics {
            len: self.len_of(store),
            capacity: self.limit(),
            reserved: store.reserved(),
            senders: store.senders as usize,
            receivers: state.receivers.count() as usize,
            senders_waiting: state.side.putters.len(),
            receivers_waiting: state.receivers.waiting(),
            closed_waiting: state.closing.len(),
            is_closed: store.is_closed(),
        }
    }

    /// Shows an end of the channel without waiting.
    pub(crate) fn debug(&self, end: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statistics = glance(self.guarded(), |state| self.statistics_of(state));
        show(end, statistics, f)
    }
}
