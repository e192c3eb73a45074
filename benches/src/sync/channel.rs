//! One small trait over every channel.

use std::future::{Future, poll_fn};

use futures_lite::StreamExt;

/// A channel of numbers.
///
/// A capacity of `None` is an unbounded channel; where that is another type it has another marker.
pub(super) trait Channel: 'static {
    /// The sending half; the channel ends when the last one is dropped.
    type Sender: Clone + Send + 'static;
    /// The receiving half.
    type Receiver: Send + 'static;

    /// Makes a channel.
    fn make(capacity: Option<usize>) -> (Self::Sender, Self::Receiver);

    /// Sends, and tells whether anyone is there to receive.
    fn send(sender: &mut Self::Sender, number: u64) -> impl Future<Output = bool> + Send;

    /// Receives; nothing at the end of the channel.
    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send;
}

/// `hob::sync::mpsc::bounded`.
pub(super) struct HobBounded;
/// `hob::sync::mpsc::unbounded`.
pub(super) struct HobUnbounded;
/// `hob::sync::mpmc::bounded`.
pub(super) struct HobMpmc;
/// `tokio::sync::mpsc::channel`.
pub(super) struct TokioBounded;
/// `tokio::sync::mpsc::unbounded_channel`.
pub(super) struct TokioUnbounded;
/// `futures_channel::mpsc::channel`, whose capacity is one more for each sender.
pub(super) struct FuturesBounded;
/// `futures_channel::mpsc::unbounded`.
pub(super) struct FuturesUnbounded;
/// async-channel.
pub(super) struct Achan;
/// flume.
pub(super) struct Flume;
/// kanal.
pub(super) struct Kanal;

/// A bounded channel was asked for.
fn bound(capacity: Option<usize>) -> usize {
    capacity.expect("this marker stands for a bounded channel")
}

impl Channel for HobBounded {
    type Sender = hob::sync::mpsc::Sender<u64>;
    type Receiver = hob::sync::mpsc::Receiver<u64>;

    fn make(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
        hob::sync::mpsc::bounded(bound(capacity))
    }

    async fn send(sender: &mut Self::Sender, number: u64) -> bool {
        sender.send(number).await.is_ok()
    }

    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send {
        receiver.recv()
    }
}

impl Channel for HobUnbounded {
    type Sender = hob::sync::mpsc::UnboundedSender<u64>;
    type Receiver = hob::sync::mpsc::Receiver<u64>;

    fn make(_: Option<usize>) -> (Self::Sender, Self::Receiver) {
        hob::sync::mpsc::unbounded()
    }

    async fn send(sender: &mut Self::Sender, number: u64) -> bool {
        sender.send(number).is_ok()
    }

    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send {
        receiver.recv()
    }
}

impl Channel for HobMpmc {
    type Sender = hob::sync::mpmc::Sender<u64>;
    type Receiver = hob::sync::mpmc::Receiver<u64>;

    fn make(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
        hob::sync::mpmc::bounded(bound(capacity))
    }

    async fn send(sender: &mut Self::Sender, number: u64) -> bool {
        sender.send(number).await.is_ok()
    }

    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send {
        receiver.recv()
    }
}

impl Channel for TokioBounded {
    type Sender = tokio::sync::mpsc::Sender<u64>;
    type Receiver = tokio::sync::mpsc::Receiver<u64>;

    fn make(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
        tokio::sync::mpsc::channel(bound(capacity))
    }

    async fn send(sender: &mut Self::Sender, number: u64) -> bool {
        sender.send(number).await.is_ok()
    }

    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send {
        receiver.recv()
    }
}

impl Channel for TokioUnbounded {
    type Sender = tokio::sync::mpsc::UnboundedSender<u64>;
    type Receiver = tokio::sync::mpsc::UnboundedReceiver<u64>;

    fn make(_: Option<usize>) -> (Self::Sender, Self::Receiver) {
        tokio::sync::mpsc::unbounded_channel()
    }

    async fn send(sender: &mut Self::Sender, number: u64) -> bool {
        sender.send(number).is_ok()
    }

    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send {
        receiver.recv()
    }
}

impl Channel for FuturesBounded {
    type Sender = futures_channel::mpsc::Sender<u64>;
    type Receiver = futures_channel::mpsc::Receiver<u64>;

    fn make(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
        futures_channel::mpsc::channel(bound(capacity) - 1)
    }

    async fn send(sender: &mut Self::Sender, number: u64) -> bool {
        let room = poll_fn(|cx| sender.poll_ready(cx)).await;
        room.and_then(|()| sender.start_send(number)).is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.next().await
    }
}

impl Channel for FuturesUnbounded {
    type Sender = futures_channel::mpsc::UnboundedSender<u64>;
    type Receiver = futures_channel::mpsc::UnboundedReceiver<u64>;

    fn make(_: Option<usize>) -> (Self::Sender, Self::Receiver) {
        futures_channel::mpsc::unbounded()
    }

    async fn send(sender: &mut Self::Sender, number: u64) -> bool {
        sender.unbounded_send(number).is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.next().await
    }
}

impl Channel for Achan {
    type Sender = smol::channel::Sender<u64>;
    type Receiver = smol::channel::Receiver<u64>;

    fn make(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
        capacity.map_or_else(smol::channel::unbounded, smol::channel::bounded)
    }

    async fn send(sender: &mut Self::Sender, number: u64) -> bool {
        sender.send(number).await.is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

impl Channel for Flume {
    type Sender = flume::Sender<u64>;
    type Receiver = flume::Receiver<u64>;

    fn make(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
        capacity.map_or_else(flume::unbounded, flume::bounded)
    }

    async fn send(sender: &mut Self::Sender, number: u64) -> bool {
        sender.send_async(number).await.is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv_async().await.ok()
    }
}

impl Channel for Kanal {
    type Sender = kanal::AsyncSender<u64>;
    type Receiver = kanal::AsyncReceiver<u64>;

    fn make(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
        capacity.map_or_else(kanal::unbounded_async, kanal::bounded_async)
    }

    async fn send(sender: &mut Self::Sender, number: u64) -> bool {
        sender.send(number).await.is_ok()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}
