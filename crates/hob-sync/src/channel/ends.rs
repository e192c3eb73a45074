//! Senders and receivers as far as a channel counts them.

use std::ops::Deref;
use std::sync::Arc;

use crate::channel::state::{Channel, Names};

/// A sender. When the last one is dropped, receivers hear of the end.
pub(crate) struct SenderEnd<T>(Arc<Channel<T>>);

/// A channel that is not kept open.
pub(crate) struct WeakEnd<T>(Arc<Channel<T>>);

/// A receiver. When the last one is dropped, the channel is closed and its messages are dropped.
pub(crate) struct ReceiverEnd<T>(Arc<Channel<T>>);

/// Makes a channel.
pub(crate) fn channel<T>(capacity: usize, names: &'static Names) -> (SenderEnd<T>, ReceiverEnd<T>) {
    let channel = Arc::new(Channel::new(capacity, names));
    (SenderEnd(Arc::clone(&channel)), ReceiverEnd(channel))
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
        self.0.change(|state| state.side.store.senders += 1);
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
        let is_there = self.0.change(|state| {
            let senders = &mut state.side.store.senders;
            let is_there = *senders > 0;
            *senders += usize::from(is_there);
            is_there
        });
        is_there.then(|| SenderEnd(Arc::clone(&self.0)))
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
        self.0.change(|state| state.side.store.receivers += 1);
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for ReceiverEnd<T> {
    fn drop(&mut self) {
        let messages = self.0.change(|state| {
            let store = &mut state.side.store;
            store.receivers -= 1;
            (store.receivers == 0).then(|| {
                store.is_closed = true;
                store.drain()
            })
        });
        // Foreign code, now that the lock is released.
        drop(messages);
    }
}
