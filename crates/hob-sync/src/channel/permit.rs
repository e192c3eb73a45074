//! Slots that are kept for messages that are made later.

use std::fmt;

use crate::channel::error::SendError;
use crate::channel::sender::Sender;

/// A slot that is kept free for one message; given back when this is dropped.
#[must_use = "a slot that is given back at once is of no use"]
pub struct Permit<'a, T> {
    sender: &'a Sender<T>,
    /// Then the slot is not ours to give back.
    is_used: bool,
}

/// A slot that is kept free for one message, of a channel that it keeps open; given back when this is
/// dropped.
#[must_use = "a slot that is given back at once is of no use"]
pub struct OwnedPermit<T> {
    /// There until the slot is used.
    sender: Option<Sender<T>>,
}

impl<'a, T> Permit<'a, T> {
    pub(super) const fn new(sender: &'a Sender<T>) -> Self {
        Self {
            sender,
            is_used: false,
        }
    }

    /// Sends the message into the slot. It never waits, and a channel that was only closed takes it.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the receivers were dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, mut rx) = mpsc::bounded(1);
    /// let permit = tx.try_reserve().unwrap();
    /// rx.close();
    /// permit.send("promised").unwrap();
    /// assert_eq!(rx.try_recv(), Ok("promised"));
    /// ```
    pub fn send(mut self, message: T) -> Result<(), SendError<T>> {
        self.is_used = true;
        self.sender.end().fill(message).map_err(SendError)
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        if !self.is_used {
            self.sender.end().unreserve();
        }
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

impl<T> OwnedPermit<T> {
    pub(super) const fn new(sender: Sender<T>) -> Self {
        Self {
            sender: Some(sender),
        }
    }

    /// Sends the message into the slot, and returns the sender. It never waits, and a channel that was
    /// only closed takes it.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the message, if the receivers were dropped. The sender is dropped then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, mut rx) = mpsc::bounded(1);
    /// let permit = tx.try_reserve_owned().unwrap();
    /// let tx = permit.send("egg").unwrap();
    /// assert_eq!(rx.try_recv(), Ok("egg"));
    /// # drop(tx);
    /// ```
    pub fn send(mut self, message: T) -> Result<Sender<T>, SendError<T>> {
        let sender = self.take_sender();
        match sender.end().fill(message) {
            Ok(()) => Ok(sender),
            Err(message) => Err(SendError(message)),
        }
    }

    /// Gives the slot back, and returns the sender.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hob_sync::mpsc;
    /// let (tx, _rx) = mpsc::bounded::<u8>(1);
    /// let tx = tx.try_reserve_owned().unwrap().release();
    /// assert!(tx.try_send(1).is_ok());
    /// ```
    #[must_use]
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take_sender();
        sender.end().unreserve();
        sender
    }

    /// Takes the sender out, and the slot with it.
    fn take_sender(&mut self) -> Sender<T> {
        self.sender
            .take()
            .expect("whoever takes it consumes the permit")
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.end().unreserve();
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").finish_non_exhaustive()
    }
}
