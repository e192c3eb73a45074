//! Senders and receivers as far as a channel counts them.
//!
//! There can be `u32::MAX` of each: more come about only by clones that are forgotten, and are refused
//! by a panic, with the lock released and the count as it was.

use std::ops::Deref;
use std::sync::Arc;

use crate::channel::kind::Kind;
use crate::channel::state::Channel;

/// A sender. When the last one is dropped, receivers hear of the end.
pub(crate) struct SenderEnd<T>(Arc<Channel<T>>);

/// A channel that is not kept open.
pub(crate) struct WeakEnd<T>(Arc<Channel<T>>);

/// A receiver. When the last one is dropped, the channel is closed and its messages are dropped.
pub(crate) struct ReceiverEnd<T>(Arc<Channel<T>>);

const TOO_MANY_SENDERS: &str = "a channel has at most `u32::MAX` senders";

/// Makes a channel.
pub(crate) fn channel<T>(capacity: usize, kind: Kind) -> (SenderEnd<T>, ReceiverEnd<T>) {
    let channel = Arc::new(Channel::new(capacity, kind));
    (SenderEnd(Arc::clone(&channel)), ReceiverEnd(channel))
}

/// Counts one more, if there can be one: `None` is for the caller to refuse, with the lock released.
#[must_use]
fn count_one_more(count: &mut u32) -> Option<()> {
    *count = count.checked_add(1)?;
    Some(())
}

impl<T> SenderEnd<T> {
    pub(super) const fn channel(&self) -> &Arc<Channel<T>> {
        &self.0
    }

    pub(super) fn downgrade(&self) -> WeakEnd<T> {
        WeakEnd(Arc::clone(&self.0))
    }
}

impl<T> Deref for SenderEnd<T> {
    type Target = Channel<T>;

    #[inline]
    fn deref(&self) -> &Channel<T> {
        &self.0
    }
}

impl<T> Clone for SenderEnd<T> {
    fn clone(&self) -> Self {
        let counted = self
            .0
            .change(|state| count_one_more(&mut state.side.store.senders));
        counted.expect(TOO_MANY_SENDERS);
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for SenderEnd<T> {
    fn drop(&mut self) {
        self.0.change(|state| state.side.store.senders -= 1);
    }
}

impl<T> WeakEnd<T> {
    pub(super) const fn channel(&self) -> &Arc<Channel<T>> {
        &self.0
    }

    /// A sender again, if there is still one.
    pub(super) fn upgrade(&self) -> Option<SenderEnd<T>> {
        let counted = self.0.change(|state| {
            let senders = &mut state.side.store.senders;
            (*senders > 0).then(|| count_one_more(senders))
        });
        counted?.expect(TOO_MANY_SENDERS);
        Some(SenderEnd(Arc::clone(&self.0)))
    }
}

impl<T> Clone for WeakEnd<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> ReceiverEnd<T> {
    pub(crate) const fn channel(&self) -> &Arc<Channel<T>> {
        &self.0
    }
}

impl<T> Deref for ReceiverEnd<T> {
    type Target = Channel<T>;

    #[inline]
    fn deref(&self) -> &Channel<T> {
        &self.0
    }
}

impl<T> Clone for ReceiverEnd<T> {
    fn clone(&self) -> Self {
        let counted = self
            .0
            .change(|state| count_one_more(state.receivers.count_mut()));
        counted.expect("a channel has at most `u32::MAX` receivers");
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for ReceiverEnd<T> {
    fn drop(&mut self) {
        let messages = self.0.change(|state| {
            let receivers = state.receivers.count_mut();
            *receivers -= 1;
            (*receivers == 0).then(|| {
                let store = &mut state.side.store;
                store.is_closed = true;
                store.drain()
            })
        });
        // Foreign code, now that the lock is released.
        drop(messages);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// Sees that `act` panics and says that there are too many.
    #[track_caller]
    fn refuses<R>(act: impl FnOnce() -> R) {
        let Err(payload) = catch_unwind(AssertUnwindSafe(act)) else {
            panic!("it was accepted");
        };
        let message = payload.downcast_ref::<String>().map_or("", String::as_str);
        let message = payload.downcast_ref::<&str>().map_or(message, |it| it);
        assert!(message.contains("at most"), "{message:?}");
    }

    #[test]
    fn more_senders_than_can_be_counted_are_refused() {
        let (sender, _receiver) = channel::<u8>(1, Kind::Mpsc);
        let weak = sender.downgrade();
        sender.change(|state| state.side.store.senders = u32::MAX - 1);
        let last = sender.clone();
        refuses(|| sender.clone());
        refuses(|| weak.upgrade());
        assert_eq!(sender.look(|store| store.senders), u32::MAX);

        drop(last);
        assert!(
            weak.upgrade().is_some(),
            "the lock is free, the count right"
        );
        sender.change(|state| state.side.store.senders = 1);
    }

    #[test]
    fn more_receivers_than_can_be_counted_are_refused() {
        let (_sender, receiver) = channel::<u8>(1, Kind::Mpmc);
        receiver.change(|state| *state.receivers.count_mut() = u32::MAX - 1);
        let last = receiver.clone();
        refuses(|| receiver.clone());
        drop(last);
        let count = receiver.change(|state| std::mem::replace(state.receivers.count_mut(), 1));
        assert_eq!(count, u32::MAX - 1);
    }
}
