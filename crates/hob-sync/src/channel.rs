//! What `mpsc` and `mpmc` are made of: a ring of messages under one lock, and its senders.
//!
//! The two kinds of channel differ in who receives, not in who sends, so they share their senders:
//! code that is given a [`Sender`] need not know how many receivers there are.
//!
//! # Implementation
//!
//! One lock guards the ring, the counts and three lines: of those who put (messages, or requests for
//! a slot), of those who take, and of those who wait until the channel is closed. The one receiver of
//! an `mpsc` stands in no line: it leaves its waker.
//!
//! ```text
//!   capacity  =  free slots  +  messages  +  reserved (permits, and slots granted but not yet used)
//! ```
//!
//! **Order.** A message that has to wait does so in the future that sends it. As soon as there is room
//! and its turn has come, whoever made the room moves it into the ring. So messages arrive in the order
//! in which their sends were first polled.
//!
//! **Turns.** A receiver that waits in line is given a *turn*, and not a message: the right to take one
//! of those in the ring. It takes it at its next poll; if it is dropped before, its turn goes to the
//! next, and no message ever leaves its place in the order. Newcomers take only what nobody has a turn
//! for.
//!
//! **Rendezvous.** With a capacity of zero messages stay with their senders until a receiver takes them
//! from there. The sender of such a message may give up after a receiver was given its turn; that
//! receiver then stands in line again, as the first. What is not sent by a future that could wait,
//! which is to say by `try_send` or a permit, has room in the ring as long as more receivers wait than
//! there are messages and permits.
//!
//! **The end.** No message will come when none is there, no slot is reserved, and the channel was
//! closed or has no sender. Every path by which one of these goes ends in `Channel::settle`, which
//! asks that question again: there is no other way to change the state.
//!
//! **Cost.** In steady state nothing is allocated, and each side takes the lock once for a message, the
//! receiver of an `mpsc` once for all that are there (see `hand`). As long as nobody waits for anything,
//! there is no more to a send or a receive than that: see `Channel::change`. The future of a send or a
//! receive is a few words until it has to wait; only then is its place in line made. An empty channel is
//! 152 bytes with the counts of its `Arc`, and none for messages.

mod ends;
mod error;
mod hand;
mod kind;
mod permit;
mod sender;
mod sending;
mod serve;
mod state;
mod statistics;
mod unbounded;

pub use self::error::{SendError, TryRecvError, TrySendError};
pub use self::permit::{OwnedPermit, Permit};
pub use self::sender::{Sender, WeakSender};
pub use self::sending::{Closed, Reserve, ReserveOwned, Sending};
pub use self::statistics::ChannelStatistics;
pub use self::unbounded::{UnboundedSender, WeakUnboundedSender};

pub(crate) use self::ends::{ReceiverEnd, channel};
pub(crate) use self::hand::Hand;
pub(crate) use self::kind::Kind;
pub(crate) use self::serve::{Take, Taken, Takers};
pub(crate) use self::state::{Channel, IsOver, RENDEZVOUS, Side, State, UNBOUNDED};

/// Says why no channel has the capacity that was asked for, if none has.
#[track_caller]
pub(crate) fn check_capacity(capacity: usize) {
    assert!(
        capacity > 0,
        "a bounded channel has room for at least one message: \
         to hand over without any, make one with `rendezvous`"
    );
}
