//! A channel for one value: made, sent on, received from.

use std::future::Future;

use crate::contestant::Contestant;
use crate::meter::Meter;
use crate::workload::{Missed, Outcome, Size, expect};

/// A channel for one value.
pub(super) trait Oneshot: 'static {
    /// Makes one, sends the number, and receives it.
    fn exchange(number: u64) -> impl Future<Output = Option<u64>> + Send;
}

/// `hob::sync::oneshot`.
pub(super) struct Hob;
/// `tokio::sync::oneshot`.
pub(super) struct Tokio;
/// `futures_channel::oneshot`.
pub(super) struct Futures;
/// async-channel with a capacity of one.
pub(super) struct Achan;

impl Oneshot for Hob {
    async fn exchange(number: u64) -> Option<u64> {
        let (sender, receiver) = hob::sync::oneshot::channel();
        sender.send(number).ok()?;
        receiver.await.ok()
    }
}

impl Oneshot for Tokio {
    async fn exchange(number: u64) -> Option<u64> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        sender.send(number).ok()?;
        receiver.await.ok()
    }
}

impl Oneshot for Futures {
    async fn exchange(number: u64) -> Option<u64> {
        let (sender, receiver) = futures_channel::oneshot::channel();
        sender.send(number).ok()?;
        receiver.await.ok()
    }
}

impl Oneshot for Achan {
    async fn exchange(number: u64) -> Option<u64> {
        let (sender, receiver) = smol::channel::bounded(1);
        sender.send(number).await.ok()?;
        receiver.recv().await.ok()
    }
}

/// One task, one oneshot after the other: nanoseconds each.
pub(super) fn exchange<C: Contestant, L: Oneshot>(size: Size) -> Outcome {
    const BATCH: u64 = 1_000;
    C::start()?.block_on(async move {
        C::spawn(async move {
            let mut meter = Meter::new(size, BATCH);
            let mut sum = 0;
            while meter.more() {
                for number in 0..BATCH {
                    sum += L::exchange(number).await.unwrap_or(0);
                }
            }
            expect("sum", sum, meter.operations() * (BATCH - 1) / 2)?;
            Ok::<_, Missed>(meter.measured())
        })
        .await
    })
}
