//! A value that is lent out: what all locks of this crate have in common.
//!
//! [`Lent`] is a value and the permits to touch it. It makes an [`Offer`], to one or to several at a
//! time. Who accepts it waits in line, as a [`Borrow`], and gets a [`Loan`], which leads to the value
//! and gives its permits back when it is dropped.
//!
//! # Implementation
//!
//! The permits are those of `permits`, and nobody else takes any. An exclusive loan has all there are,
//! so there is no other. A shared one has a [`Seat`], so there is no exclusive one. A mutex has one
//! permit in all ([`Sole`]). A read-write lock has two for each seat and one more ([`AllSeats`]): when
//! all seats are taken one is left, and when none is left somebody writes.
//!
//! ```text
//!   Lent ──► Offer ──► Borrow, in line ──► Loan ──► drop: the permits go to the next in line
//! ```
//!
//! A loan holds a [`Home`], which keeps the permits and the value beside them where they are: a
//! reference, or a share of what they lie in. Beside it lies the address of what was lent, or, once it
//! was mapped, of a part of that. Addresses are made and followed in this file alone. They count as
//! references where the compiler asks who may send and share them: [`Mut`] as `&mut U`, [`Ref`] as `&U`.
//!
//! A loan of which a part was mapped does not become a shared one: the closure may have used that it
//! had the value to itself, as `Cell::get_mut` does.
//!
//! # References
//!
//! - The guards of `lock_api` and of tokio, for `map` and what must not be done after it;
//!   RUSTSEC-2020-0059 and RUSTSEC-2020-0070 for guards that were sent and shared too freely.

#![expect(
    unsafe_code,
    reason = "a loan leads to a value that its permits keep from others"
)]

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use hob_core::task::What;
use pin_project_lite::pin_project;

use crate::permits::Permits;
use crate::wait_queue::{Home, Part, Wait};

/// A value, and the permits to touch it, which are `A` in all.
pub(crate) struct Lent<A, T: ?Sized> {
    permits: Permits,
    all: A,
    value: UnsafeCell<T>,
}

/// Which permits somebody has.
pub(crate) trait Share: Copy {
    fn permits(self) -> usize;
}

/// The only permit of a value that is never shared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sole;

/// A seat among those who share a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat;

/// All permits of a value that so many may share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AllSeats(u32);

/// The right to wait for a loan.
pub(crate) struct Offer<H, S, P> {
    home: H,
    share: S,
    address: P,
}

pin_project! {
    /// The future of a loan.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub(crate) struct Borrow<H, S, P>
    where
        H: Home<Shared = Permits>,
    {
        share: S,
        address: P,
        #[pin]
        wait: Wait<H>,
    }
}

/// What somebody may touch, until this is dropped.
pub(crate) struct Loan<H: Home<Shared = Permits>, S: Share, P> {
    held: Held<H, S>,
    address: P,
}

/// Permits, which are given back when this is dropped.
struct Held<H: Home<Shared = Permits>, S: Share> {
    home: H,
    share: S,
    /// Whether the thread that got them was panicking: then a panic that is still under way when they
    /// are given back was there before them, and is not counted.
    got_in_panic: bool,
}

/// Where something lies that is lent to one: all that a lock guards, or what was mapped of it.
///
/// It is invariant, as `&mut U` is: nobody may put in what does not live long enough.
///
/// ```compile_fail
/// # use hob_sync::MappedMutexGuard;
/// fn shorter<'a>(guard: MappedMutexGuard<'a, &'static str>) -> MappedMutexGuard<'a, &'a str> {
///     guard
/// }
/// ```
pub(crate) struct Mut<U: ?Sized, M = Whole>(NonNull<U>, PhantomData<(*mut U, M)>);

/// Where something lies that is lent to several.
///
/// It is covariant, as `&U` is.
///
/// ```
/// # use hob_sync::RwLockReadGuard;
/// fn shorter<'a>(guard: RwLockReadGuard<'a, &'static str>) -> RwLockReadGuard<'a, &'a str> {
///     guard
/// }
/// ```
pub(crate) struct Ref<U: ?Sized>(NonNull<U>);

/// It is all that the lock guards.
pub(crate) enum Whole {}

/// It is what a closure made of it.
pub(crate) enum Mapped {}

// SAFETY: loans of it are exclusive (`offer_shared` is not there for `Sole`): the value moves from
// thread to thread with the permit, and is never shared, so `T: Send` is enough.
unsafe impl<T: ?Sized + Send> Sync for Lent<Sole, T> {}
// SAFETY: besides moving from thread to thread with all permits, the value is shared by those who have
// a seat: hence `T: Sync` too.
unsafe impl<T: ?Sized + Send + Sync> Sync for Lent<AllSeats, T> {}

// SAFETY: it is used as a `&mut U`, by a loan that has all permits.
unsafe impl<U: ?Sized + Send, M> Send for Mut<U, M> {}
// SAFETY: as for `Send`.
unsafe impl<U: ?Sized + Sync, M> Sync for Mut<U, M> {}
// SAFETY: it is used as a `&U`, by a loan that has a seat.
unsafe impl<U: ?Sized + Sync> Send for Ref<U> {}
// SAFETY: as for `Send`.
unsafe impl<U: ?Sized + Sync> Sync for Ref<U> {}

impl<A: Share, T> Lent<A, T> {
    pub(crate) fn new(all: A, value: T) -> Self {
        Self {
            permits: Permits::new(all.permits()),
            all,
            value: UnsafeCell::new(value),
        }
    }

    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<A: Share, T: ?Sized> Lent<A, T> {
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    pub(crate) const fn permits(&self) -> &Permits {
        &self.permits
    }

    /// Offers the value to one at a time.
    pub(crate) const fn offer(&self) -> Offer<&Permits, A, Mut<T>> {
        Offer {
            home: &self.permits,
            share: self.all,
            address: Mut(self.address(), PhantomData),
        }
    }

    const fn address(&self) -> NonNull<T> {
        NonNull::new(self.value.get()).expect("a cell lies somewhere")
    }
}

impl<T: ?Sized> Lent<AllSeats, T> {
    /// Offers the value to several at a time.
    pub(crate) const fn offer_shared(&self) -> Offer<&Permits, Seat, Ref<T>> {
        Offer {
            home: &self.permits,
            share: Seat,
            address: Ref(self.address()),
        }
    }

    /// How many share the value now. `None` says that somebody has it exclusively.
    pub(crate) fn seats_taken(&self) -> Option<usize> {
        let left = self.permits.available();
        (left > 0).then(|| (self.all.permits() - left) / Seat.permits())
    }
}

impl AllSeats {
    /// The most seats there can be.
    pub(crate) const MAX: u32 = u32::MAX >> 4;

    pub(crate) const fn new(seats: u32) -> Self {
        debug_assert!(
            seats <= Self::MAX,
            "more are more permits than there can be"
        );
        Self(seats)
    }
}

impl Share for Sole {
    fn permits(self) -> usize {
        1
    }
}

impl Share for Seat {
    fn permits(self) -> usize {
        2
    }
}

impl Share for AllSeats {
    fn permits(self) -> usize {
        self.0 as usize * Seat.permits() + 1
    }
}

impl<O: ?Sized, S, P> Offer<Part<O, Permits>, S, P> {
    /// An offer that `owner` makes, whose loan owns it.
    pub(crate) fn owned(
        owner: Arc<O>,
        offer: impl for<'a> FnOnce(&'a O) -> Offer<&'a Permits, S, P>,
    ) -> Self {
        let mut made = None;
        // The offer takes every lifetime, so its address lives as long as its permits.
        let home = Part::new(owner, |owner| {
            let offer = offer(owner);
            made = Some((offer.share, offer.address));
            offer.home
        });
        let (share, address) = made.expect("the offer was just made");
        Self {
            home,
            share,
            address,
        }
    }
}

impl<H: Home<Shared = Permits>, S: Share, P> Offer<H, S, P> {
    /// Waits for it in line, as the operation `what`, which the caller of the caller called.
    #[track_caller]
    pub(crate) fn accept(self, what: What) -> Borrow<H, S, P> {
        self.accept_at(what, Location::caller())
    }

    /// Waits for it in line, as the operation `what`, which was called at `place`.
    pub(crate) fn accept_at(
        self,
        what: What,
        place: &'static Location<'static>,
    ) -> Borrow<H, S, P> {
        Borrow {
            share: self.share,
            address: self.address,
            wait: Wait::new_at(self.home, self.share.permits(), what, place),
        }
    }

    /// Takes it, if that needs no waiting.
    pub(crate) fn try_accept(self) -> Option<Loan<H, S, P>> {
        let permits = self.home.shared();
        permits.try_acquire(self.share.permits()).ok()?;
        Some(Loan::new(self.home, self.share, self.address))
    }
}

impl<H: Home<Shared = Permits> + Clone, S: Share, P: Copy> Future for Borrow<H, S, P> {
    type Output = Loan<H, S, P>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let granted = this.wait.as_mut().poll(cx);
        granted.map(|granted| {
            let permits = granted.expect("what is lent is never closed");
            debug_assert_eq!(permits, this.share.permits(), "as many as were asked for");
            Loan::new(this.wait.home().clone(), *this.share, *this.address)
        })
    }
}

impl<H: Home<Shared = Permits>, S, P> Borrow<H, S, P> {
    pub(crate) const fn wait(&self) -> &Wait<H> {
        &self.wait
    }
}

impl<H: Home<Shared = Permits>, S: Share, P> Loan<H, S, P> {
    /// A loan of what lies at `address`, by permits that were acquired.
    fn new(home: H, share: S, address: P) -> Self {
        let held = Held {
            home,
            share,
            got_in_panic: thread::panicking(),
        };
        Self { held, address }
    }

    pub(crate) const fn home(&self) -> &H {
        &self.held.home
    }
}

impl<H: Home<Shared = Permits>, S: Share, U: ?Sized, M> Loan<H, S, Mut<U, M>> {
    /// Goes on with a part of it. If the closure panics, the loan ends.
    pub(crate) fn map<V: ?Sized>(
        mut self,
        part: impl FnOnce(&mut U) -> &mut V,
    ) -> Loan<H, S, Mut<V, Mapped>> {
        let part = NonNull::from(part(&mut self));
        Loan {
            held: self.held,
            address: Mut(part, PhantomData),
        }
    }

    /// As [`map`](Self::map), if the closure finds the part.
    pub(crate) fn try_map<V: ?Sized>(
        mut self,
        part: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<Loan<H, S, Mut<V, Mapped>>, Self> {
        match part(&mut self).map(NonNull::from) {
            Some(part) => Ok(Loan {
                held: self.held,
                address: Mut(part, PhantomData),
            }),
            None => Err(self),
        }
    }
}

impl<H: Home<Shared = Permits>, T: ?Sized> Loan<H, AllSeats, Mut<T>> {
    /// Goes on with a seat, with nobody in between. The other seats go to those in line.
    pub(crate) fn downgrade(self) -> Loan<H, Seat, Ref<T>> {
        let Self { held, address } = self;
        let others = held.share.permits() - Seat.permits();
        let held = ManuallyDrop::new(held);
        // SAFETY: `held` is neither used nor dropped afterwards, so the home is moved out of it.
        let home = unsafe { ptr::read(&raw const held.home) };
        let loan = Loan {
            held: Held {
                home,
                share: Seat,
                got_in_panic: held.got_in_panic,
            },
            address: Ref(address.0),
        };
        loan.home().shared().release(others);
        loan
    }
}

impl<H: Home<Shared = Permits>, U: ?Sized> Loan<H, Seat, Ref<U>> {
    /// Goes on with a part of it. If the closure panics, the loan ends.
    pub(crate) fn map<V: ?Sized>(self, part: impl FnOnce(&U) -> &V) -> Loan<H, Seat, Ref<V>> {
        let part = NonNull::from(part(&self));
        Loan {
            held: self.held,
            address: Ref(part),
        }
    }

    /// As [`map`](Self::map), if the closure finds the part.
    pub(crate) fn try_map<V: ?Sized>(
        self,
        part: impl FnOnce(&U) -> Option<&V>,
    ) -> Result<Loan<H, Seat, Ref<V>>, Self> {
        match part(&self).map(NonNull::from) {
            Some(part) => Ok(Loan {
                held: self.held,
                address: Ref(part),
            }),
            None => Err(self),
        }
    }
}

impl<H: Home<Shared = Permits>, S: Share, U: ?Sized, M> Deref for Loan<H, S, Mut<U, M>> {
    type Target = U;

    fn deref(&self) -> &U {
        // SAFETY: the home keeps it alive. This loan has all permits until it is dropped, so there is
        // no other, and this one is borrowed.
        unsafe { self.address.0.as_ref() }
    }
}

impl<H: Home<Shared = Permits>, S: Share, U: ?Sized, M> DerefMut for Loan<H, S, Mut<U, M>> {
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: as in `deref`; and this loan is borrowed mutably, so it lends nothing else.
        unsafe { self.address.0.as_mut() }
    }
}

impl<H: Home<Shared = Permits>, U: ?Sized> Deref for Loan<H, Seat, Ref<U>> {
    type Target = U;

    fn deref(&self) -> &U {
        // SAFETY: the home keeps it alive. This loan has a seat until it is dropped, so there is no
        // exclusive one.
        unsafe { self.address.0.as_ref() }
    }
}

impl<H: Home<Shared = Permits>, S: Share> Drop for Held<H, S> {
    fn drop(&mut self) {
        let permits = self.home.shared();
        if thread::panicking() && !self.got_in_panic {
            permits.count_panic();
        }
        permits.release(self.share.permits());
    }
}

impl<U: ?Sized> Clone for Mut<U> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<U: ?Sized> Copy for Mut<U> {}

impl<U: ?Sized> Clone for Ref<U> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<U: ?Sized> Copy for Ref<U> {}
