//! Broadcasts beside a plain model: each receiver gets every message in order, or is told how many it
//! missed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use fastrand::Rng;
use hob::sync::broadcast::{self, Receiver, RecvError, SendError, Sender, TryRecvError};

use crate::models::watched::{Step, watched};
use crate::models::{Parcel, Post};
use crate::{dawdle, end_of, rng, scenario, wait};

const SENDERS: u64 = 2;
const RECEIVERS: u64 = 3;
const ROUNDS: usize = 12;

/// All that was sent, and how far each receiver is.
struct Model {
    capacity: usize,
    sent: Vec<u64>,
    /// By number; `None` once it went.
    next: Vec<Option<usize>>,
}

impl Model {
    /// What a receiver gets now; `None` if it has got all.
    fn take(&mut self, number: usize) -> Option<Result<u64, u64>> {
        let next = self.next[number].as_mut().expect("it is there");
        let oldest = self.sent.len().saturating_sub(self.capacity);
        if *next < oldest {
            let missed = oldest - *next;
            *next = oldest;
            return Some(Err(missed as u64));
        }
        let id = *self.sent.get(*next)?;
        *next += 1;
        Some(Ok(id))
    }

    /// How many messages somebody has yet to take.
    fn held(&self) -> usize {
        let first = self.next.iter().flatten().min();
        let behind = first.map_or(0, |next| self.sent.len() - next);
        behind.min(self.capacity)
    }

    fn receivers(&self) -> usize {
        self.next.iter().flatten().count()
    }

    fn join(&mut self) -> usize {
        self.next.push(Some(self.sent.len()));
        self.next.len() - 1
    }
}

/// Shared by all: the model, and how many senders there are.
struct Bench {
    model: RefCell<Model>,
    senders: Cell<usize>,
    post: Post,
}

/// A receiver, of which the model knows.
struct End {
    receiver: Option<Receiver<Rc<Parcel>>>,
    number: usize,
    bench: Rc<Bench>,
}

impl End {
    fn new(receiver: Receiver<Rc<Parcel>>, bench: &Rc<Bench>) -> Self {
        Self {
            receiver: Some(receiver),
            number: bench.model.borrow_mut().join(),
            bench: Rc::clone(bench),
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.receiver = None;
        self.bench.model.borrow_mut().next[self.number] = None;
    }
}

/// A sender, of which the model knows.
struct Source {
    sender: Option<Sender<Rc<Parcel>>>,
    bench: Rc<Bench>,
}

impl Source {
    fn check(&self) {
        let sender = self.sender.as_ref().expect("it is there until the end");
        let (model, seen) = (self.bench.model.borrow(), sender.statistics());
        let expected = (model.held(), model.receivers(), self.bench.senders.get());
        assert_eq!((seen.len, seen.receivers, seen.senders), expected);
        // A parcel that nobody has to take, and nobody has in hand, is gone.
        assert_eq!(sender.len(), model.held());
    }

    fn send(&self) {
        let sender = self.sender.as_ref().expect("it is there until the end");
        let parcel = Rc::new(self.bench.post.parcel(0));
        let id = parcel.id;
        let sent = sender.send(parcel);
        let mut model = self.bench.model.borrow_mut();
        match (sent, model.receivers()) {
            (Ok(receivers), expected) => {
                assert_eq!(receivers, expected);
                model.sent.push(id);
            }
            (Err(SendError(back)), expected) => assert_eq!((back.id, expected), (id, 0)),
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.sender = None;
        self.bench.senders.set(self.bench.senders.get() - 1);
    }
}

async fn send_some(number: u64, source: Source, receivers: Rc<RefCell<Vec<hob::Task<()>>>>) {
    let mut rng = rng(number);
    for _ in 0..ROUNDS {
        dawdle(&mut rng).await;
        for _ in 0..rng.u8(..4) {
            source.send();
            source.check();
        }
        if rng.u8(..8) == 0 {
            let sender = source.sender.as_ref().expect("it is there until the end");
            let end = End::new(sender.subscribe(), &source.bench);
            let task = hob::spawn_local(recv_all(rng.u64(100..), end));
            receivers.borrow_mut().push(task);
        }
    }
}

/// Receives until the end, now and then without waiting, or for a while only.
async fn recv_all(number: u64, mut end: End) {
    let mut rng = rng(number);
    loop {
        dawdle(&mut rng).await;
        let is_over = match rng.u8(..4) {
            0 => try_recv(&mut end),
            _ => recv(&mut end, &mut rng).await,
        };
        if is_over {
            let mut model = end.bench.model.borrow_mut();
            assert_eq!(model.take(end.number), None, "there is more");
            assert_eq!(end.bench.senders.get(), 0);
            return;
        }
    }
}

fn try_recv(end: &mut End) -> bool {
    let receiver = end.receiver.as_mut().expect("it is there until the end");
    let received = match receiver.try_recv() {
        Ok(parcel) => Some(Ok(parcel.id)),
        Err(TryRecvError::Lagged(missed)) => Some(Err(missed)),
        Err(TryRecvError::Closed) => return true,
        Err(_empty) => None,
    };
    assert_eq!(received, end.bench.model.borrow_mut().take(end.number));
    false
}

async fn recv(end: &mut End, rng: &mut Rng) -> bool {
    let (bench, number) = (&end.bench, end.number);
    let receiver = end.receiver.as_mut().expect("it is there until the end");
    let receiving = watched(receiver.recv(), |step| {
        let mut model = bench.model.borrow_mut();
        match step {
            Step::Ready(Ok(parcel)) => assert_eq!(model.take(number), Some(Ok(parcel.id))),
            Step::Ready(Err(RecvError::Lagged(missed))) => {
                assert_eq!(model.take(number), Some(Err(*missed)));
            }
            // A wait that is given up has taken nothing: the next one finds it.
            _ => {}
        }
    });
    let received = wait(rng, 4, receiving).await;
    matches!(received, Some(Err(RecvError::Closed)))
}

#[test]
fn a_broadcast_does_what_its_model_does() {
    scenario(|| async {
        let mut rng = rng(99);
        let capacity = rng.usize(1..6);
        let (sender, receiver) = broadcast::channel(capacity);
        let bench = Rc::new(Bench {
            model: RefCell::new(Model {
                capacity,
                sent: Vec::new(),
                next: Vec::new(),
            }),
            senders: Cell::new(SENDERS as usize),
            post: Post::default(),
        });
        let mut ends = vec![End::new(receiver, &bench)];
        for _ in 1..RECEIVERS {
            ends.push(End::new(sender.subscribe(), &bench));
        }
        let receivers = ends.into_iter().zip(50..).map(|(end, number)| {
            let receiving = recv_all(number, end);
            hob::spawn_local(receiving)
        });
        let receivers = Rc::new(RefCell::new(receivers.collect::<Vec<_>>()));
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                let bench = Rc::clone(&bench);
                let sender = Some(sender.clone());
                let source = Source { sender, bench };
                hob::spawn_local(send_some(number, source, Rc::clone(&receivers)))
            })
            .collect();
        drop(sender);
        for _ in 0..rng.u8(..4) {
            dawdle(&mut rng).await;
            let receivers = receivers.borrow();
            receivers[rng.usize(..receivers.len())].cancel("the scenario wants it");
        }
        for sender in senders {
            end_of(sender).await;
        }
        for receiver in receivers.take() {
            end_of(receiver).await;
        }
        assert_eq!(bench.post.alive(), 0, "a message is left");
    });
}

/// One that is slow misses messages, and holds nobody up.
#[test]
fn a_receiver_that_sleeps_holds_up_neither_the_sender_nor_the_others() {
    scenario(|| async {
        let (sender, mut slow) = broadcast::channel(2);
        let mut quick = sender.subscribe();
        let mut rng = rng(99);
        let sent = rng.u64(3..20);
        let reads = hob::spawn_local(async move {
            for number in 0..sent {
                assert_eq!(quick.recv().await, Ok(number));
            }
            assert_eq!(quick.recv().await, Err(RecvError::Closed));
        });
        for number in 0..sent {
            assert_eq!(sender.send(number), Ok(2));
            hob::test::settle().await;
            dawdle(&mut rng).await;
        }
        assert_eq!(slow.recv().await, Err(RecvError::Lagged(sent - 2)));
        drop(sender);
        assert_eq!(slow.recv().await, Ok(sent - 2));
        assert_eq!(slow.recv().await, Ok(sent - 1));
        assert_eq!(slow.recv().await, Err(RecvError::Closed));
        end_of(reads).await;
    });
}
