//! One message of a broadcast, and how it gets from a sender to several receivers.
//!
//! # Implementation
//!
//! A message lies in an [`Arc`], or, if it is *plain*, in as many copies as there are receivers; see
//! the documentation of [`broadcast`](super) for why.

use std::mem;
use std::sync::Arc;

/// Room for a message, which is used again and again.
pub(super) struct Slot<T> {
    /// Copies of a plain message, one at least for each who has not taken it; or none.
    pub(super) copies: Vec<T>,
    /// A message that is not plain, or room for one that is nobody else's.
    cell: Option<Arc<Option<T>>>,
    /// How many receivers take this message next.
    pub(super) standing: usize,
}

/// A message on its way out of the lock, under which it must be neither cloned nor dropped.
pub(super) enum Message<T> {
    /// Nobody else has it.
    Moved(T),
    /// Others have it too, or had it when it was taken.
    Shared(Arc<Option<T>>),
}

/// As many copies of a plain message are made at most.
pub(super) const COPIES_MAX: usize = 8;

/// Whether copies of such messages may be made and forgotten, as they are small and have no destructor.
pub(super) const fn is_plain<T>() -> bool {
    !mem::needs_drop::<T>() && size_of::<T>() <= 2 * size_of::<usize>()
}

impl<T> Slot<T> {
    pub(super) const fn new() -> Self {
        Self {
            copies: Vec::new(),
            cell: None,
            standing: 0,
        }
    }

    pub(super) fn fill(&mut self, message: T) {
        match self.cell.as_mut().and_then(Arc::get_mut) {
            Some(cell) => {
                let before = cell.replace(message);
                debug_assert!(before.is_none(), "a message is overwritten once released");
            }
            None => self.cell = Some(Arc::new(Some(message))),
        }
    }

    pub(super) fn share(&self) -> Option<Message<T>> {
        self.cell.as_ref().map(Arc::clone).map(Message::Shared)
    }

    /// Lets go of the message. If nobody clones from it, the room for it stays here. Nobody misses a
    /// plain one.
    pub(super) fn release(&mut self) -> Option<Message<T>> {
        if is_plain::<T>() {
            // No destructor runs, for there is none.
            self.copies.clear();
        }
        match Arc::get_mut(self.cell.as_mut()?) {
            Some(cell) => cell.take().map(Message::Moved),
            None => self.cell.take().map(Message::Shared),
        }
    }
}

impl<T: Clone> Message<T> {
    /// The message, cloned if others have it too.
    pub(super) fn into_inner(self) -> T {
        let message = match self {
            Self::Moved(message) => return message,
            // The ring has let go of it, and so have the others.
            Self::Shared(cell) if Arc::strong_count(&cell) == 1 => {
                Arc::try_unwrap(cell).unwrap_or_else(|cell| Option::clone(&cell))
            }
            Self::Shared(cell) => Option::clone(&cell),
        };
        message.expect("it is moved out by one who has it alone")
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn room<T>(slot: &Slot<T>) -> Option<*const Option<T>> {
        slot.cell.as_ref().map(Arc::as_ptr)
    }

    #[test]
    fn the_room_for_a_message_is_used_again() {
        let mut slot = Slot::new();
        slot.fill(0);
        let first = room(&slot);
        for number in 0..3 {
            let shared = slot.share().unwrap();
            assert_eq!(shared.into_inner(), number);
            let moved = slot.release().unwrap();
            assert!(matches!(&moved, Message::Moved(_)));
            assert_eq!(moved.into_inner(), number);
            slot.fill(number + 1);
            assert_eq!(room(&slot), first);
        }
    }

    #[test]
    fn a_message_that_is_cloned_from_is_left_to_who_clones() {
        let mut slot = Slot::new();
        slot.fill(7);
        let slow = slot.share().unwrap();
        let last = slot.release().unwrap();
        assert!(
            matches!(&last, Message::Shared(_)),
            "it cannot be moved yet"
        );
        assert_eq!(room(&slot), None, "the slot has let go of it");
        assert_eq!((slow.into_inner(), last.into_inner()), (7, 7));
    }
}
