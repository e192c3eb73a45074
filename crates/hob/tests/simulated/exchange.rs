//! Channels beside a plain model: every poll, drop and close does what the model does.

use std::cell::RefCell;
use std::rc::Rc;

use fastrand::Rng;
use hob::sync::mpmc;
use hob::sync::mpsc::{
    self, ChannelStatistics, Permit, SendError, Sender, TryRecvError, TrySendError,
};

use crate::models::channel::{Channel, Put, Refusal, Room};
use crate::models::watched::{Step, watched};
use crate::models::{Parcel, Post};
use crate::{dawdle, end_of, rng, scenario, wait};

const SENDERS: u64 = 3;
const RECEIVERS: u64 = 3;
const ROUNDS: usize = 10;
/// More than a batch is asked for.
const LIMIT: usize = 3;

/// A model of the channel, and whence the messages come.
#[derive(Clone)]
struct Bench {
    model: Rc<RefCell<Channel>>,
    post: Post,
}

impl Bench {
    fn new(room: Room, has_one_receiver: bool) -> Self {
        Self {
            model: Rc::new(RefCell::new(Channel::new(room, has_one_receiver))),
            post: Post::default(),
        }
    }

    /// Lets the model take a step, and compares.
    #[track_caller]
    fn step<R>(&self, seen: &ChannelStatistics, step: impl FnOnce(&mut Channel) -> R) -> R {
        let mut model = self.model.borrow_mut();
        let result = step(&mut model);
        model.check(seen);
        result
    }
}

/// A sender, of which the model knows.
struct SendEnd {
    sender: Option<Sender<Parcel>>,
    bench: Bench,
}

impl SendEnd {
    fn sender(&self) -> &Sender<Parcel> {
        self.sender.as_ref().expect("it is there until the end")
    }
}

impl Clone for SendEnd {
    fn clone(&self) -> Self {
        let sender = self.sender().clone();
        self.bench.step(&sender.statistics(), Channel::sender_came);
        Self {
            sender: Some(sender),
            bench: self.bench.clone(),
        }
    }
}

impl Drop for SendEnd {
    fn drop(&mut self) {
        self.sender = None;
        if !std::thread::panicking() {
            self.bench.model.borrow_mut().sender_gone();
        }
    }
}

async fn send_some(number: u64, end: SendEnd) {
    let mut rng = rng(number);
    for _ in 0..ROUNDS {
        dawdle(&mut rng).await;
        match rng.u8(..6) {
            0 => try_send(&end),
            1 => send_into_slot(&end, &mut rng).await,
            _ => send(&end, &mut rng).await,
        }
    }
}

fn try_send(end: &SendEnd) {
    let (sender, parcel) = (end.sender(), end.bench.post.parcel(0));
    let id = parcel.id;
    let sent = sender.try_send(parcel).map_err(|refused| match refused {
        TrySendError::Closed(_) => Refusal::Closed,
        _ => Refusal::NotNow,
    });
    let expected = end
        .bench
        .step(&sender.statistics(), |model| model.try_send(id));
    assert_eq!(sent, expected);
}

async fn send(end: &SendEnd, rng: &mut Rng) {
    let (sender, parcel) = (end.sender(), end.bench.post.parcel(0));
    let (ticket, id) = (end.bench.post.number(), parcel.id);
    let put = Put::Message(id);
    let sending = watched(sender.send(parcel), |step| {
        let seen = sender.statistics();
        end.bench.step(&seen, |model| match step {
            Step::Asked => {}
            Step::Pending => model.send_pending(ticket, put),
            Step::Ready(sent) => model.send_ready(ticket, put, sent.is_ok()),
            Step::Dropped => model.send_dropped(ticket),
        });
    });
    if let Some(Err(SendError(back))) = wait(rng, 4, sending).await {
        assert_eq!(back.id, id, "another message came back");
    }
}

/// A slot, of which the model knows.
struct Slot<'a> {
    permit: Option<Permit<'a, Parcel>>,
    end: &'a SendEnd,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if self.permit.take().is_some() && !std::thread::panicking() {
            let seen = self.end.sender().statistics();
            self.end.bench.step(&seen, |model| model.unreserve(None));
        }
    }
}

async fn send_into_slot(end: &SendEnd, rng: &mut Rng) {
    let (sender, ticket) = (end.sender(), end.bench.post.number());
    let reserving = watched(sender.reserve(), |step| {
        let seen = sender.statistics();
        end.bench.step(&seen, |model| match step {
            Step::Asked => {}
            Step::Pending => model.send_pending(ticket, Put::Slot),
            Step::Ready(slot) => model.send_ready(ticket, Put::Slot, slot.is_ok()),
            Step::Dropped => model.send_dropped(ticket),
        });
    });
    let Some(Ok(permit)) = wait(rng, 4, reserving).await else {
        return;
    };
    let permit = Some(permit);
    let mut slot = Slot { permit, end };
    dawdle(rng).await;
    if rng.u8(..4) > 0 {
        let (parcel, permit) = (end.bench.post.parcel(0), slot.permit.take());
        let id = parcel.id;
        let sent = permit.expect("it is used once").send(parcel).is_ok();
        let seen = sender.statistics();
        let expected = end.bench.step(&seen, |model| model.unreserve(Some(id)));
        assert_eq!(sent, expected);
    }
}

/// A receiver of either kind of channel.
enum Receiver {
    Only(mpsc::Receiver<Parcel>),
    OneOfMany(mpmc::Receiver<Parcel>),
}

impl Receiver {
    fn statistics(&self) -> ChannelStatistics {
        match self {
            Self::Only(receiver) => receiver.statistics(),
            Self::OneOfMany(receiver) => receiver.statistics(),
        }
    }

    async fn recv(&mut self) -> Option<Parcel> {
        match self {
            Self::Only(receiver) => receiver.recv().await,
            Self::OneOfMany(receiver) => receiver.recv().await,
        }
    }

    async fn recv_many(&mut self, buffer: &mut Vec<Parcel>) -> usize {
        match self {
            Self::Only(receiver) => receiver.recv_many(buffer, LIMIT).await,
            Self::OneOfMany(receiver) => receiver.recv_many(buffer, LIMIT).await,
        }
    }

    fn try_recv(&mut self) -> Result<Parcel, TryRecvError> {
        match self {
            Self::Only(receiver) => receiver.try_recv(),
            Self::OneOfMany(receiver) => receiver.try_recv(),
        }
    }

    fn close(&mut self) {
        match self {
            Self::Only(receiver) => receiver.close(),
            Self::OneOfMany(receiver) => receiver.close(),
        }
    }
}

/// A receiver, of which the model knows.
struct RecvEnd {
    receiver: Option<Receiver>,
    bench: Bench,
}

impl Drop for RecvEnd {
    fn drop(&mut self) {
        self.receiver = None;
        if !std::thread::panicking() {
            self.bench.model.borrow_mut().receiver_gone();
        }
    }
}

/// Receives until no message will come, or for so many rounds.
async fn recv_some(number: u64, mut end: RecvEnd, rounds: usize, closes: bool) {
    let mut rng = rng(number);
    for _ in 0..rounds {
        dawdle(&mut rng).await;
        let is_over = match rng.u8(..6) {
            0 => try_recv(&mut end),
            1 => recv_many(&mut end, &mut rng).await,
            _ => recv(&mut end, &mut rng).await,
        };
        let receiver = end.receiver.as_mut().expect("it is there until the end");
        if is_over {
            return;
        }
        if closes && rng.u8(..16) == 0 {
            receiver.close();
            end.bench.model.borrow_mut().close();
        }
        end.bench.step(&receiver.statistics(), |_| {});
    }
}

fn try_recv(end: &mut RecvEnd) -> bool {
    let receiver = end.receiver.as_mut().expect("it is there until the end");
    let received = receiver.try_recv().map(|parcel| parcel.id);
    let received = received.map_err(|refused| match refused {
        TryRecvError::Closed => Refusal::Closed,
        _ => Refusal::NotNow,
    });
    assert_eq!(received, end.bench.model.borrow_mut().try_recv());
    received == Err(Refusal::Closed)
}

async fn recv(end: &mut RecvEnd, rng: &mut Rng) -> bool {
    let RecvEnd { receiver, bench } = end;
    let receiver = receiver.as_mut().expect("it is there until the end");
    let ticket = bench.post.number();
    let receiving = watched(receiver.recv(), |step| {
        let mut model = bench.model.borrow_mut();
        match step {
            Step::Asked => {}
            Step::Pending => model.recv_pending(ticket),
            Step::Ready(parcel) => {
                let id = parcel.as_ref().map(|parcel| parcel.id);
                assert_eq!(id, model.recv_ready(ticket, 1).first().copied());
            }
            Step::Dropped => model.recv_dropped(ticket),
        }
    });
    matches!(wait(rng, 4, receiving).await, Some(None))
}

async fn recv_many(end: &mut RecvEnd, rng: &mut Rng) -> bool {
    let RecvEnd { receiver, bench } = end;
    let receiver = receiver.as_mut().expect("it is there until the end");
    let ticket = bench.post.number();
    let (mut batch, expected) = (Vec::new(), RefCell::new(Vec::new()));
    let receiving = watched(receiver.recv_many(&mut batch), |step| {
        let mut model = bench.model.borrow_mut();
        match step {
            Step::Asked => {}
            Step::Pending => model.recv_pending(ticket),
            Step::Ready(_) => expected.replace(model.recv_ready(ticket, LIMIT)).clear(),
            Step::Dropped => model.recv_dropped(ticket),
        }
    });
    let received = wait(rng, 4, receiving).await;
    let batch: Vec<_> = batch.iter().map(|parcel| parcel.id).collect();
    assert_eq!(batch, expected.take());
    assert_eq!(received.unwrap_or_default(), batch.len());
    received == Some(0)
}

/// Some send, some receive and some of them are cancelled, beside the model; in the end no message is
/// left anywhere.
async fn exchange(bench: Bench, sender: Sender<Parcel>, receiver: Receiver) {
    let mut rng = rng(99);
    let closes = rng.u8(..4) == 0;
    let sender = SendEnd {
        sender: Some(sender),
        bench: bench.clone(),
    };
    let mut tasks = Vec::new();
    for number in 0..SENDERS {
        tasks.push(hob::spawn_local(send_some(number, sender.clone())));
    }
    drop(sender);
    if let Receiver::OneOfMany(receiver) = &receiver {
        for number in 1..RECEIVERS {
            let receiver = Some(Receiver::OneOfMany(receiver.clone()));
            bench.model.borrow_mut().receiver_came();
            let bench = bench.clone();
            let end = RecvEnd { receiver, bench };
            let rounds = rng.usize(..4 * ROUNDS);
            tasks.push(hob::spawn_local(recv_some(
                10 + number,
                end,
                rounds,
                closes,
            )));
        }
    }
    let end = RecvEnd {
        receiver: Some(receiver),
        bench: bench.clone(),
    };
    // Now and then the last one goes too, and what is there is dropped.
    let goes = rng.u8(..8) == 0;
    let rounds = if goes { ROUNDS } else { usize::MAX };
    let last = hob::spawn_local(recv_some(10, end, rounds, closes));
    for _ in 0..rng.u8(..4) {
        dawdle(&mut rng).await;
        tasks[rng.usize(..tasks.len())].cancel("the scenario wants it");
    }
    for task in tasks {
        end_of(task).await;
    }
    end_of(last).await;
    assert_eq!(bench.post.alive(), 0, "a message is left");
}

#[test]
fn a_bounded_mpsc_does_what_its_model_does() {
    scenario(|| async {
        let capacity = rng(98).usize(1..4);
        let (sender, receiver) = mpsc::bounded(capacity);
        let bench = Bench::new(Room::Bounded(capacity), true);
        exchange(bench, sender, Receiver::Only(receiver)).await;
    });
}

#[test]
fn a_rendezvous_of_many_with_one_does_what_its_model_does() {
    scenario(|| async {
        let (sender, receiver) = mpsc::rendezvous();
        let bench = Bench::new(Room::Rendezvous, true);
        exchange(bench, sender, Receiver::Only(receiver)).await;
    });
}

#[test]
fn a_bounded_mpmc_does_what_its_model_does() {
    scenario(|| async {
        let capacity = rng(98).usize(1..4);
        let (sender, receiver) = mpmc::bounded(capacity);
        let bench = Bench::new(Room::Bounded(capacity), false);
        exchange(bench, sender, Receiver::OneOfMany(receiver)).await;
    });
}

#[test]
fn a_rendezvous_of_many_with_many_does_what_its_model_does() {
    scenario(|| async {
        let (sender, receiver) = mpmc::rendezvous();
        let bench = Bench::new(Room::Rendezvous, false);
        exchange(bench, sender, Receiver::OneOfMany(receiver)).await;
    });
}
