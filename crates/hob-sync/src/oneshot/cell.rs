//! The allocation that both ends of a channel share, and when each may touch which part of it.
//!
//! # Implementation
//!
//! [`State`] is the protocol: it says which end owns which slot, and which end is alone. Here its words
//! are turned into reads, writes and the one `free`. Each end has a type of its own whose methods are
//! safe: it is not cloned, only what looks takes it by `&`, and it is gone once it has left.
//!
//! Wakers are foreign code: they are cloned before anything is changed, and woken and dropped when this
//! end is done with the channel, or with this change of it. So they may call the other end, which may
//! free the channel.

#![expect(
    unsafe_code,
    reason = "value and wakers lie in cells whose owner the state word names, and the last end frees"
)]
#![expect(
    clippy::needless_pass_by_ref_mut,
    reason = "an end is in one thread's hands at a time: exclusive references prove it"
)]

use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::{self, NonNull};
use std::task::Waker;

use hob_core::unhandled;

use crate::oneshot::state::{End, State, Word};
use crate::primitive::{Track, UnsafeCell};

/// Makes both ends.
pub(super) fn ends<T>() -> (SenderEnd<T>, ReceiverEnd<T>) {
    let shared = Box::new(Shared {
        state: State::new(),
        value: Slot::new(),
        sender: Slot::new(),
        receiver: Slot::new(),
        _leak: Track::new(()),
    });
    let shared = NonNull::from(Box::leak(shared));
    (SenderEnd(Hold(shared)), ReceiverEnd(Some(Hold(shared))))
}

/// The sender's hold on the channel.
pub(super) struct SenderEnd<T>(Hold<T>);

/// The receiver's hold on the channel.
pub(super) struct ReceiverEnd<T>(
    /// `None` once it has left.
    Option<Hold<T>>,
);

/// The pointer of an end that has not left. It is invariant in `T`, as `Shared` has it in a cell:
/// else a sender of long-lived references could be made to send short-lived ones.
struct Hold<T>(NonNull<Shared<T>>);

/// What both ends share.
struct Shared<T> {
    state: State,
    value: Slot<T>,
    sender: Slot<Waker>,
    receiver: Slot<Waker>,
    _leak: Track<()>,
}

/// Room for something that the state word says is there. Dropping it drops nothing.
struct Slot<V>(UnsafeCell<MaybeUninit<V>>);

// SAFETY: what travels with an end is the value, which is `Send`, and wakers, which always are. That
// both ends use the channel at once is what `State` orders.
unsafe impl<T: Send> Send for Hold<T> {}

// SAFETY: through a shared end only the state word is read, which is atomic.
unsafe impl<T: Send> Sync for Hold<T> {}

impl<T> SenderEnd<T> {
    pub(super) fn look(&self) -> Word {
        self.0.shared().state.look()
    }

    /// Sends, and wakes the receiver; the value comes back if the receiver is over.
    #[inline]
    pub(super) fn send(self, value: T) -> Result<(), T> {
        let shared = self.0.shared();
        let own = shared.unfile(End::Sender);
        // SAFETY: nothing was sent, as sending takes the sender: the slot is the sender's, and empty.
        unsafe { shared.value.put(value) };
        let result = match shared.state.send() {
            Ok(before) => {
                let Self(hold) = &*ManuallyDrop::new(self);
                if before.waits(End::Receiver) {
                    hold.leave(End::Sender, true);
                }
                Ok(())
            }
            // SAFETY: it was put there above, and what is not `SENT` is still the sender's.
            Err(_refused) => Err(unsafe { shared.value.take() }),
        };
        unhandled::drop_waker(own);
        result
    }

    /// Files `waker` for when the receiver is over; `false` if it is.
    pub(super) fn file(&mut self, waker: &Waker) -> bool {
        self.0.shared().file(End::Sender, waker)
    }

    /// Drops the waker that is filed, if one is.
    #[inline]
    pub(super) fn unfile(&mut self) {
        unhandled::drop_waker(self.0.shared().unfile(End::Sender));
    }
}

impl<T> Drop for SenderEnd<T> {
    fn drop(&mut self) {
        let Self(hold) = self;
        let own = hold.shared().unfile(End::Sender);
        match hold.shared().state.go(End::Sender) {
            Ok(before) if before.waits(End::Receiver) => hold.leave(End::Sender, true),
            Ok(_left) => {}
            // SAFETY: the receiver has left, and the sender ends here.
            Err(_alone) => unsafe { hold.free() },
        }
        unhandled::drop_waker(own);
    }
}

impl<T> ReceiverEnd<T> {
    /// `None` once it has left.
    #[inline]
    pub(super) fn look(&self) -> Option<Word> {
        Some(self.0.as_ref()?.shared().state.look())
    }

    /// Files `waker` for when the sender is over; `false` if there is nothing to wait for: the sender is
    /// over, or this end is.
    #[inline]
    pub(super) fn file(&mut self, waker: &Waker) -> bool {
        let hold = self.0.as_ref();
        hold.is_some_and(|hold| hold.shared().file(End::Receiver, waker))
    }

    /// The sender can send no more, and is woken.
    pub(super) fn close(&mut self) {
        let Some(hold) = &self.0 else {
            return;
        };
        let shared = hold.shared();
        if shared.state.close().waits(End::Sender) {
            // SAFETY: `close` has claimed it.
            let waker = unsafe { shared.sender.take() };
            unhandled::wake(waker);
        }
    }

    /// Leaves, and takes the value along if there is one.
    #[inline]
    pub(super) fn leave(&mut self) -> Option<T> {
        let hold = self.0.take()?;
        let shared = hold.shared();
        let own = shared.unfile(End::Receiver);
        let gone = shared.state.go(End::Receiver);
        let (Ok(word) | Err(word)) = gone;
        // SAFETY: what is `SENT` is the receiver's, which ends here.
        let value = word.has_value().then(|| unsafe { shared.value.take() });
        if gone.is_err() {
            // SAFETY: the sender has left, and the receiver ends here.
            unsafe { hold.free() };
        } else if value.is_some() || word.waits(End::Sender) {
            hold.leave(End::Receiver, word.waits(End::Sender));
        }
        unhandled::drop_waker(own);
        value
    }
}

impl<T> Drop for ReceiverEnd<T> {
    fn drop(&mut self) {
        drop(self.leave());
    }
}

impl<T> Hold<T> {
    #[inline]
    fn shared(&self) -> &Shared<T> {
        // SAFETY: the end that asks has not left, so the other does not free.
        unsafe { self.0.as_ref() }
    }

    /// `end`, which is over, takes the waker that it claimed, if it did; leaves; and wakes.
    fn leave(&self, end: End, claimed: bool) {
        let slot = self.shared().waker(end.other());
        // SAFETY: the waker is `end`'s, which claimed it when it was over.
        let waker = claimed.then(|| unsafe { slot.take() });
        if self.shared().state.leave(end).has_left(end.other()) {
            // SAFETY: both have left, `end` last.
            unsafe { self.free() };
            // Whoever has left waits no more.
            unhandled::drop_waker(waker);
        } else if let Some(waker) = waker {
            unhandled::wake(waker);
        }
    }

    /// # Safety
    ///
    /// One end has left, and the other calls this as the last that it does with the channel.
    #[inline]
    unsafe fn free(&self) {
        // SAFETY: it is from `Box::leak` in `ends`; nobody else has it or frees it, says the caller.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl<T> Shared<T> {
    const fn waker(&self, end: End) -> &Slot<Waker> {
        match end {
            End::Sender => &self.sender,
            End::Receiver => &self.receiver,
        }
    }

    /// Files a clone of `waker` for `end`, which asks, unless it is filed already; `false` if one of the
    /// ends is over.
    #[inline]
    fn file(&self, end: End, waker: &Waker) -> bool {
        let word = self.state.look();
        !word.is_settled() && self.file_after(word, end, waker)
    }

    fn file_after(&self, word: Word, end: End, waker: &Waker) -> bool {
        let slot = self.waker(end);
        // SAFETY: `end` has filled the slot, and nobody but `end` writes to it.
        if word.waits(end) && unsafe { slot.holds(waker) } {
            return true;
        }
        let clone = waker.clone();
        let mut displaced = None;
        if word.waits(end) {
            displaced = self.unfile(end);
            if displaced.is_none() {
                unhandled::drop_waker(clone);
                return false; // The other has claimed it, as it is over.
            }
        }
        // SAFETY: `end`'s bit is clear, and was not cleared by the other: the slot is `end`'s, and empty.
        unsafe { slot.put(clone) };
        let filed = self.state.file(end);
        if !filed {
            // SAFETY: the bit was not set, so it is as it was a line above.
            let clone = unsafe { slot.take() };
            unhandled::drop_waker(clone);
        }
        unhandled::drop_waker(displaced);
        filed
    }

    /// Takes the waker back that `end`, which asks, has filed.
    #[inline]
    fn unfile(&self, end: End) -> Option<Waker> {
        let mine = self.state.is_filed(end) && self.state.unfile(end);
        // SAFETY: `end` has filled the slot, and has cleared the bit itself: the waker is `end`'s.
        mine.then(|| unsafe { self.waker(end).take() })
    }
}

impl<V> Slot<V> {
    fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// # Safety
    ///
    /// The slot is the caller's, and empty.
    #[inline]
    unsafe fn put(&self, value: V) {
        // SAFETY: nobody else reads or writes, says the caller.
        self.0
            .with_mut(|slot| unsafe { slot.cast::<V>().write(value) });
    }

    /// Moves out what is there. It is a read: the owner of a waker may compare it meanwhile.
    ///
    /// # Safety
    ///
    /// The slot is full, and what is in it is the caller's; from now on it is empty.
    #[inline]
    unsafe fn take(&self) -> V {
        // SAFETY: it is there, nobody writes and nobody else takes it, says the caller.
        self.0.with(|slot| unsafe { slot.cast::<V>().read() })
    }
}

impl Slot<Waker> {
    /// Whether it was filled with a waker like `waker`.
    ///
    /// # Safety
    ///
    /// The slot was filled, and nobody writes to it meanwhile.
    unsafe fn holds(&self, waker: &Waker) -> bool {
        self.0.with(|slot| {
            // SAFETY: it was filled, says the caller. It may have been taken, woken and dropped
            // since; what is read here is its two pointers, and neither is followed.
            let filed = unsafe { &*slot.cast::<Waker>() };
            filed.data() == waker.data() && ptr::eq(filed.vtable(), waker.vtable())
        })
    }
}

impl<V> Drop for Slot<V> {
    fn drop(&mut self) {
        // Says to a model that nobody else may touch it any more.
        self.0.with_mut(|_| ());
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::task::{RawWaker, RawWakerVTable};

    use super::*;

    const VTABLE: RawWakerVTable = RawWakerVTable::new(clone, drop, drop, drop);

    thread_local! {
        /// How many clones may still be made of the wakers of this thread: one more panics.
        static CLONES: Cell<usize> = const { Cell::new(0) };
    }

    fn clone(data: *const ()) -> RawWaker {
        CLONES.set(CLONES.get().checked_sub(1).expect("on purpose"));
        RawWaker::new(data, &VTABLE)
    }

    fn waker() -> Waker {
        // SAFETY: the functions of `VTABLE` do nothing with the data.
        unsafe { Waker::new(ptr::null(), &VTABLE) }
    }

    fn file_panics(file: impl FnOnce(&Waker) -> bool) {
        assert!(catch_unwind(AssertUnwindSafe(|| file(&waker()))).is_err());
    }

    #[test]
    fn a_clone_that_panics_changes_nothing() {
        let (mut sender, mut receiver) = ends();
        file_panics(|waker| receiver.file(waker));
        file_panics(|waker| sender.file(waker));
        assert_eq!(sender.look(), Word::default());
        assert!(receiver.file(Waker::noop()) && sender.file(Waker::noop()));
        let filed = sender.look();
        file_panics(|waker| receiver.file(waker));
        file_panics(|waker| sender.file(waker));
        assert_eq!(sender.look(), filed, "those that were filed still are");
        assert_eq!(sender.send(7), Ok(()));
        assert_eq!(receiver.leave(), Some(7));
        assert_eq!(receiver.leave(), None);
    }

    #[test]
    fn the_same_waker_is_cloned_once() {
        let (mut sender, mut receiver) = ends::<u8>();
        CLONES.set(2);
        for _ in 0..3 {
            assert!(receiver.file(&waker()) && sender.file(&waker()));
        }
        assert_eq!(CLONES.get(), 0);
    }
}
