//! One tells many, and many wait for each other: notifications, barriers, broadcasts, watches.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use event_listener::{Event, Listener as _};

use crate::contestant::Contestant;
use crate::meeting::Latch;
use crate::meter::Meter;
use crate::workload::{Missed, Outcome, Size, expect};

/// How many are told at once by `notify_all`.
const WAITERS: usize = 64;

/// How many meet at a barrier.
const PARTIES: usize = 8;

/// How many receive what one sends.
const RECEIVERS: u64 = 4;

/// Something that tells tasks to go on.
pub(super) trait Notify: Send + Sync + 'static {
    /// Makes one.
    fn new() -> Self;

    /// Tells one, who may come later.
    fn tell_one(&self);

    /// Tells all that listen.
    fn tell_all(&self);

    /// Waits until told by [`tell_one`](Self::tell_one).
    fn wait(&self) -> impl Future<Output = ()> + Send;

    /// Listens from now on for [`tell_all`](Self::tell_all).
    fn listen(&self) -> impl Future<Output = ()> + Send;
}

/// `hob::sync::Notify`.
pub(super) struct HobNotify(hob::sync::Notify);

/// `tokio::sync::Notify`.
pub(super) struct TokioNotify(tokio::sync::Notify);

/// `event_listener::Event`, with a flag for who comes later.
pub(super) struct Listener {
    told: AtomicBool,
    event: Event,
}

impl Notify for HobNotify {
    fn new() -> Self {
        Self(hob::sync::Notify::new())
    }

    fn tell_one(&self) {
        self.0.notify_one();
    }

    fn tell_all(&self) {
        self.0.notify_all();
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.0.notified()
    }

    fn listen(&self) -> impl Future<Output = ()> + Send {
        self.0.notified()
    }
}

impl Notify for TokioNotify {
    fn new() -> Self {
        Self(tokio::sync::Notify::new())
    }

    fn tell_one(&self) {
        self.0.notify_one();
    }

    fn tell_all(&self) {
        self.0.notify_waiters();
    }

    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.0.notified()
    }

    fn listen(&self) -> impl Future<Output = ()> + Send {
        self.0.notified()
    }
}

impl Notify for Listener {
    fn new() -> Self {
        Self {
            told: AtomicBool::new(false),
            event: Event::new(),
        }
    }

    fn tell_one(&self) {
        self.told.store(true, Ordering::Release);
        self.event.notify(1);
    }

    fn tell_all(&self) {
        self.event.notify(usize::MAX);
    }

    async fn wait(&self) {
        while !self.told.swap(false, Ordering::AcqRel) {
            let listener = self.event.listen();
            // Told in between? Then the listener need not be.
            if self.told.swap(false, Ordering::AcqRel) {
                listener.discard();
                break;
            }
            listener.await;
        }
    }

    fn listen(&self) -> impl Future<Output = ()> + Send {
        self.event.listen()
    }
}

/// Two tasks tell each other: nanoseconds a round trip.
pub(super) fn notify_pong<C: Contestant, N: Notify>(size: Size) -> Outcome {
    let rounds = size.pick(50, 5_000, 10_000);
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, rounds as u64);
        let mut told = 0;
        while meter.more() {
            let bells: &'static [N; 2] = Box::leak(Box::new([N::new(), N::new()]));
            let pong = C::spawn(async move {
                for _ in 0..rounds {
                    bells[0].wait().await;
                    bells[1].tell_one();
                }
                rounds as u64
            });
            let ping = C::spawn(async move {
                for _ in 0..rounds {
                    bells[0].tell_one();
                    bells[1].wait().await;
                }
            });
            ping.await;
            told += pong.await;
        }
        expect("rounds", told, meter.operations())?;
        Ok::<_, Missed>(meter.measured())
    })
}

/// One tells 64 that listen: nanoseconds each.
pub(super) fn notify_all<C: Contestant, N: Notify>(size: Size) -> Outcome {
    let rounds = size.pick(2, 50, 200);
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, (rounds * WAITERS) as u64);
        let bell: &'static N = Box::leak(Box::new(N::new()));
        let listening = Latch::leaked();
        let mut told = 0;
        while meter.more() {
            listening.set(WAITERS);
            let teller = C::spawn(async move {
                for _ in 0..rounds {
                    listening.wait().await;
                    listening.set(WAITERS);
                    bell.tell_all();
                }
            });
            let waiters: Vec<_> = (0..WAITERS)
                .map(|_| {
                    C::spawn(async move {
                        for _ in 0..rounds {
                            let notified = bell.listen();
                            listening.count();
                            notified.await;
                        }
                        rounds as u64
                    })
                })
                .collect();
            teller.await;
            for waiter in waiters {
                told += waiter.await;
            }
        }
        expect("told", told, meter.operations())?;
        Ok::<_, Missed>(meter.measured())
    })
}

/// Something at which several wait for each other.
pub(super) trait Barrier: Send + Sync + 'static {
    /// For so many.
    fn of(parties: usize) -> Self;

    /// Waits for the others, and tells whether one was the leader.
    fn meet(&self) -> impl Future<Output = bool> + Send;
}

impl Barrier for hob::sync::Barrier {
    fn of(parties: usize) -> Self {
        Self::new(parties)
    }

    async fn meet(&self) -> bool {
        self.wait().await.is_ok_and(|place| place.is_leader())
    }
}

impl Barrier for tokio::sync::Barrier {
    fn of(parties: usize) -> Self {
        Self::new(parties)
    }

    async fn meet(&self) -> bool {
        self.wait().await.is_leader()
    }
}

impl Barrier for smol::lock::Barrier {
    fn of(parties: usize) -> Self {
        Self::new(parties)
    }

    async fn meet(&self) -> bool {
        self.wait().await.is_leader()
    }
}

/// Eight tasks meet again and again: nanoseconds a task and meeting.
pub(super) fn barrier<C: Contestant, B: Barrier>(size: Size) -> Outcome {
    let rounds = size.pick(5, 1_000, 2_000);
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, (rounds * PARTIES) as u64);
        let barrier: &'static B = Box::leak(Box::new(B::of(PARTIES)));
        let mut led = 0;
        while meter.more() {
            let parties: Vec<_> = (0..PARTIES)
                .map(|_| {
                    C::spawn(async move {
                        let mut led = 0;
                        for _ in 0..rounds {
                            led += u64::from(barrier.meet().await);
                        }
                        led
                    })
                })
                .collect();
            for party in parties {
                led += party.await;
            }
        }
        expect("meetings", led * PARTIES as u64, meter.operations())?;
        Ok::<_, Missed>(meter.measured())
    })
}

/// A channel whose every receiver gets every message.
pub(super) trait Broadcasting: 'static {
    type Sender: Send + Sync + 'static;
    type Receiver: Send + 'static;

    /// Makes one for [`RECEIVERS`].
    fn make(capacity: usize) -> (Self::Sender, Vec<Self::Receiver>);

    /// Sends, where there is room.
    fn send(sender: &Self::Sender, number: u64) -> impl Future<Output = bool> + Send;

    /// Receives; nothing at the end.
    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send;
}

/// `hob::sync::broadcast`.
pub(super) struct HobBroadcast;
/// `tokio::sync::broadcast`.
pub(super) struct TokioBroadcast;
/// async-broadcast.
pub(super) struct Broadcast;

impl Broadcasting for HobBroadcast {
    type Sender = hob::sync::broadcast::Sender<u64>;
    type Receiver = hob::sync::broadcast::Receiver<u64>;

    fn make(capacity: usize) -> (Self::Sender, Vec<Self::Receiver>) {
        let (sender, first) = hob::sync::broadcast::channel(capacity);
        let others = (1..RECEIVERS).map(|_| sender.subscribe());
        let receivers = others.chain([first]).collect();
        (sender, receivers)
    }

    async fn send(sender: &Self::Sender, number: u64) -> bool {
        sender.send(number).is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

impl Broadcasting for TokioBroadcast {
    type Sender = tokio::sync::broadcast::Sender<u64>;
    type Receiver = tokio::sync::broadcast::Receiver<u64>;

    fn make(capacity: usize) -> (Self::Sender, Vec<Self::Receiver>) {
        let (sender, first) = tokio::sync::broadcast::channel(capacity);
        let others = (1..RECEIVERS).map(|_| sender.subscribe());
        let receivers = others.chain([first]).collect();
        (sender, receivers)
    }

    async fn send(sender: &Self::Sender, number: u64) -> bool {
        sender.send(number).is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

impl Broadcasting for Broadcast {
    type Sender = async_broadcast::Sender<u64>;
    type Receiver = async_broadcast::Receiver<u64>;

    fn make(capacity: usize) -> (Self::Sender, Vec<Self::Receiver>) {
        let (sender, first) = async_broadcast::broadcast(capacity);
        let receivers = (1..RECEIVERS).map(|_| first.clone()).collect::<Vec<_>>();
        (sender, receivers.into_iter().chain([first]).collect())
    }

    async fn send(sender: &Self::Sender, number: u64) -> bool {
        sender.broadcast_direct(number).await.is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv_direct().await.ok()
    }
}

/// One sends to four, 64 at a time: nanoseconds a message received.
pub(super) fn broadcast<C: Contestant, B: Broadcasting>(size: Size) -> Outcome {
    const BURST: u64 = 64;
    let bursts = size.pick(2, 20, 100) as u64;
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, bursts * BURST * RECEIVERS);
        let mut sum = 0;
        while meter.more() {
            let (sender, receivers) = B::make(BURST as usize);
            let received = Latch::leaked();
            received.set(0);
            let sender = C::spawn(async move {
                for number in 0..bursts * BURST {
                    if number % BURST == 0 {
                        received.wait().await;
                        received.set((BURST * RECEIVERS) as usize);
                    }
                    if !B::send(&sender, number).await {
                        break;
                    }
                }
            });
            let receivers: Vec<_> = receivers
                .into_iter()
                .map(|mut receiver| {
                    C::spawn(async move {
                        let mut sum = 0;
                        while let Some(number) = B::recv(&mut receiver).await {
                            sum += number;
                            received.count();
                        }
                        sum
                    })
                })
                .collect();
            sender.await;
            for receiver in receivers {
                sum += receiver.await;
            }
        }
        expect("sum", sum, meter.operations() * (bursts * BURST - 1) / 2)?;
        Ok::<_, Missed>(meter.measured())
    })
}

/// A value that is watched.
pub(super) trait Watching: 'static {
    type Sender: Send + 'static;
    type Receiver: Clone + Send + 'static;

    /// Makes one, of zero.
    fn make() -> (Self::Sender, Self::Receiver);

    /// Changes the value, and tells whether anyone watches.
    fn send(sender: &Self::Sender, number: u64) -> bool;

    /// Waits for a change; false when there will be none.
    fn changed(receiver: &mut Self::Receiver) -> impl Future<Output = bool> + Send;

    /// The value, which is seen from now on.
    fn value(receiver: &mut Self::Receiver) -> u64;
}

/// `hob::sync::watch`.
pub(super) struct HobWatch;
/// `tokio::sync::watch`.
pub(super) struct TokioWatch;

/// The two are used alike.
macro_rules! watching {
    ($watching:ident, $watch:ident :: $sync:ident) => {
        impl Watching for $watching {
            type Sender = $watch::$sync::watch::Sender<u64>;
            type Receiver = $watch::$sync::watch::Receiver<u64>;

            fn make() -> (Self::Sender, Self::Receiver) {
                $watch::$sync::watch::channel(0)
            }

            fn send(sender: &Self::Sender, number: u64) -> bool {
                sender.send(number).is_ok()
            }

            async fn changed(receiver: &mut Self::Receiver) -> bool {
                receiver.changed().await.is_ok()
            }

            fn value(receiver: &mut Self::Receiver) -> u64 {
                *receiver.borrow_and_update()
            }
        }
    };
}

watching!(HobWatch, hob::sync);
watching!(TokioWatch, tokio::sync);

/// One changes a value that four watch, when all have seen the last one: nanoseconds a change.
pub(super) fn watch<C: Contestant, W: Watching>(size: Size) -> Outcome {
    let changes = size.pick(10, 1_000, 4_000) as u64;
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, changes);
        let mut seen = 0;
        while meter.more() {
            let (sender, receiver) = W::make();
            let all_saw = Latch::leaked();
            let watchers: Vec<_> = (0..RECEIVERS)
                .map(|_| {
                    let mut receiver = receiver.clone();
                    C::spawn(async move {
                        let mut seen = 0;
                        while W::changed(&mut receiver).await {
                            seen += u64::from(W::value(&mut receiver) == seen + 1);
                            all_saw.count();
                        }
                        seen
                    })
                })
                .collect();
            drop(receiver);
            let sender = C::spawn(async move {
                for change in 1..=changes {
                    all_saw.set(RECEIVERS as usize);
                    if !W::send(&sender, change) {
                        break;
                    }
                    all_saw.wait().await;
                }
            });
            sender.await;
            for watcher in watchers {
                seen += watcher.await;
            }
        }
        expect("changes seen", seen, meter.operations() * RECEIVERS)?;
        Ok::<_, Missed>(meter.measured())
    })
}
