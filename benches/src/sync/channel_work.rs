//! What is done with a channel: many to one, many to many, to and fro.

use crate::contestant::Contestant;
use crate::meter::Meter;
use crate::sync::channel::Channel;
use crate::workload::{Missed, Outcome, Size, expect};

/// How a channel is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// How many messages it holds; without a limit if none is given.
    pub(super) capacity: Option<usize>,
    /// How many tasks send.
    pub(super) senders: u64,
}

/// How many messages a channel carries before the next is made.
fn messages(size: Size) -> u64 {
    size.pick(200, 10_000, 20_000) as u64
}

/// Tasks that send numbers, and one that adds them up: nanoseconds a message.
pub(super) fn mpsc<C: Contestant, L: Channel>(size: Size, shape: Shape) -> Outcome {
    let each = messages(size) / shape.senders;
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, each * shape.senders);
        let mut sum = 0;
        while meter.more() {
            let (sender, receiver) = L::make(shape.capacity);
            let adder = C::spawn(add_up::<L>(receiver));
            for _ in 0..shape.senders {
                C::detach(send_all::<L>(sender.clone(), each));
            }
            drop(sender);
            sum += adder.await;
        }
        expect("sum", sum, meter.operations() * (each - 1) / 2)?;
        Ok::<_, Missed>(meter.measured())
    })
}

/// Four tasks that send through a channel of 64, four that add up: nanoseconds a message.
pub(super) fn mpmc<C: Contestant, L: Channel<Receiver: Clone>>(size: Size) -> Outcome {
    let each = messages(size) / 4;
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, each * 4);
        let mut sum = 0;
        while meter.more() {
            let (sender, receiver) = L::make(Some(64));
            let adders: Vec<_> = (0..4)
                .map(|_| C::spawn(add_up::<L>(receiver.clone())))
                .collect();
            for _ in 0..4 {
                C::detach(send_all::<L>(sender.clone(), each));
            }
            drop((sender, receiver));
            for adder in adders {
                sum += adder.await;
            }
        }
        expect("sum", sum, meter.operations() * (each - 1) / 2)?;
        Ok::<_, Missed>(meter.measured())
    })
}

/// Two tasks, a channel of one each way, one message in flight: nanoseconds a round trip.
pub(super) fn chan_pong<C: Contestant, L: Channel>(size: Size) -> Outcome {
    let rounds = size.pick(50, 5_000, 10_000) as u64;
    C::start()?.block_on(async move {
        let mut meter = Meter::new(size, rounds);
        let mut sum = 0;
        while meter.more() {
            let (mut ask, mut asked) = L::make(Some(1));
            let (mut answer, mut answered) = L::make(Some(1));
            C::detach(async move {
                while let Some(number) = L::recv(&mut asked).await {
                    if !L::send(&mut answer, number + 1).await {
                        break;
                    }
                }
            });
            let asker = C::spawn(async move {
                let mut sum = 0;
                for number in 0..rounds {
                    if L::send(&mut ask, number).await {
                        sum += L::recv(&mut answered).await.unwrap_or(0);
                    }
                }
                sum
            });
            sum += asker.await;
        }
        expect("sum", sum, meter.operations() * (rounds + 1) / 2)?;
        Ok::<_, Missed>(meter.measured())
    })
}

async fn send_all<L: Channel>(mut sender: L::Sender, count: u64) {
    for number in 0..count {
        if !L::send(&mut sender, number).await {
            // The sum tells that nobody received it.
            break;
        }
    }
}

async fn add_up<L: Channel>(mut receiver: L::Receiver) -> u64 {
    let mut sum = 0;
    while let Some(number) = L::recv(&mut receiver).await {
        sum += number;
    }
    sum
}
