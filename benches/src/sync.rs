//! The family `sync`: channels, locks and notifications, each on the runtimes that it runs on.
//!
//! A contestant is a runtime and, after a colon, whose primitive it runs: `tokio_mt:kanal` is kanal's
//! channel in tasks of tokio's pool. `raw_at:` has the least executor beneath, so that the primitive
//! alone is seen; `tokio_mt:hob` is hob's primitive in tokio's tasks.

mod channel;
mod channel_work;
mod entrance;
mod entrance_work;
mod floor;
mod many;
mod oneshot;

use crate::contestant::{HobCt, HobMt, Raw, SmolCt, SmolMt, TokioCt, TokioMt};
use crate::sync::channel::Channel;
use crate::sync::channel_work::{Shape, chan_pong, mpmc, mpsc};
use crate::sync::entrance::{AlockMutex, AlockRwLock, AlockSemaphore, Entrance};
use crate::sync::entrance::{HobMutex, HobRwLock, HobSemaphore};
use crate::sync::entrance::{TokioMutex, TokioRwLock, TokioSemaphore};
use crate::sync::entrance_work::{Crowd, enter};
use crate::workload::Workload;

/// Every workload of the family.
pub(crate) fn workloads() -> Vec<Workload> {
    let mut all = channels();
    all.extend(entrances());
    all.extend(meetings());
    all
}

fn channels() -> Vec<Workload> {
    type Hob = channel::HobBounded;
    type HobUnbounded = channel::HobUnbounded;
    type Tokio = channel::TokioBounded;
    type TokioUnbounded = channel::TokioUnbounded;
    type Futures = channel::FuturesBounded;
    type FuturesUnbounded = channel::FuturesUnbounded;
    let bounded = |name, capacity, senders| {
        let shape = Shape {
            capacity: Some(capacity),
            senders,
        };
        mpsc_row::<Hob, Tokio, Futures>(name, shape)
    };
    let unbounded = |name, senders| {
        let shape = Shape {
            capacity: None,
            senders,
        };
        mpsc_row::<HobUnbounded, TokioUnbounded, FuturesUnbounded>(name, shape)
    };
    vec![
        bounded("mpsc_b64_1", 64, 1),
        bounded("mpsc_b64_4", 64, 4),
        bounded("mpsc_b1_1", 1, 1),
        mpmc_row(),
        unbounded("mpsc_u_1", 1),
        unbounded("mpsc_u_4", 4),
        Workload::new("sync", "chan_pong", "ns")
            .add("hob_mt", chan_pong::<HobMt, Hob>)
            .add("tokio_mt:tokio", chan_pong::<TokioMt, Tokio>)
            .add("tokio_mt:hob", chan_pong::<TokioMt, Hob>)
            .add("tokio_mt:achan", chan_pong::<TokioMt, channel::Achan>)
            .add("tokio_mt:flume", chan_pong::<TokioMt, channel::Flume>)
            .add("tokio_mt:kanal", chan_pong::<TokioMt, channel::Kanal>)
            .add("smol_mt:achan", chan_pong::<SmolMt, channel::Achan>)
            .add("hob_ct", chan_pong::<HobCt, Hob>)
            .add("tokio_ct:tokio", chan_pong::<TokioCt, Tokio>)
            .add("tokio_ct:hob", chan_pong::<TokioCt, Hob>)
            .add("smol_ct:achan", chan_pong::<SmolCt, channel::Achan>)
            .add("raw_at:hob", chan_pong::<Raw, Hob>)
            .add("raw_at:tokio", chan_pong::<Raw, Tokio>)
            .add("raw_at:kanal", chan_pong::<Raw, channel::Kanal>)
            .add("raw_at:futures", chan_pong::<Raw, Futures>),
        Workload::new("sync", "oneshot", "ns")
            .add("hob_mt", oneshot::exchange::<HobMt, oneshot::Hob>)
            .add(
                "tokio_mt:tokio",
                oneshot::exchange::<TokioMt, oneshot::Tokio>,
            )
            .add(
                "tokio_mt:futures",
                oneshot::exchange::<TokioMt, oneshot::Futures>,
            )
            .add("tokio_mt:hob", oneshot::exchange::<TokioMt, oneshot::Hob>)
            .add("smol_mt:achan", oneshot::exchange::<SmolMt, oneshot::Achan>)
            .add("hob_ct", oneshot::exchange::<HobCt, oneshot::Hob>)
            .add(
                "tokio_ct:tokio",
                oneshot::exchange::<TokioCt, oneshot::Tokio>,
            )
            .add("tokio_ct:hob", oneshot::exchange::<TokioCt, oneshot::Hob>)
            .add("smol_ct:achan", oneshot::exchange::<SmolCt, oneshot::Achan>)
            .add("raw_at:hob", oneshot::exchange::<Raw, oneshot::Hob>)
            .add("raw_at:tokio", oneshot::exchange::<Raw, oneshot::Tokio>)
            .add("floor", floor::oneshot),
    ]
}

/// The same work over the channels `H` of hob, `T` of tokio and `F` of futures, and the others'.
fn mpsc_row<H: Channel, T: Channel, F: Channel>(name: &'static str, shape: Shape) -> Workload {
    use channel::{Achan, Flume, Kanal};
    Workload::new("sync", name, "ns")
        .add("hob_mt", move |size| mpsc::<HobMt, H>(size, shape))
        .add("tokio_mt:tokio", move |size| {
            mpsc::<TokioMt, T>(size, shape)
        })
        .add("tokio_mt:hob", move |size| mpsc::<TokioMt, H>(size, shape))
        .add("tokio_mt:achan", move |size| {
            mpsc::<TokioMt, Achan>(size, shape)
        })
        .add("tokio_mt:flume", move |size| {
            mpsc::<TokioMt, Flume>(size, shape)
        })
        .add("tokio_mt:kanal", move |size| {
            mpsc::<TokioMt, Kanal>(size, shape)
        })
        .add("smol_mt:achan", move |size| {
            mpsc::<SmolMt, Achan>(size, shape)
        })
        .add("hob_ct", move |size| mpsc::<HobCt, H>(size, shape))
        .add("tokio_ct:tokio", move |size| {
            mpsc::<TokioCt, T>(size, shape)
        })
        .add("tokio_ct:hob", move |size| mpsc::<TokioCt, H>(size, shape))
        .add("smol_ct:achan", move |size| {
            mpsc::<SmolCt, Achan>(size, shape)
        })
        .add("raw_at:hob", move |size| mpsc::<Raw, H>(size, shape))
        .add("raw_at:tokio", move |size| mpsc::<Raw, T>(size, shape))
        .add("raw_at:achan", move |size| mpsc::<Raw, Achan>(size, shape))
        .add("raw_at:flume", move |size| mpsc::<Raw, Flume>(size, shape))
        .add("raw_at:kanal", move |size| mpsc::<Raw, Kanal>(size, shape))
        .add("raw_at:futures", move |size| mpsc::<Raw, F>(size, shape))
        .add("floor", move |size| floor::mpsc(size, shape))
}

fn mpmc_row() -> Workload {
    Workload::new("sync", "mpmc_b64_4_4", "ns")
        .add("hob_mt", mpmc::<HobMt, channel::HobMpmc>)
        .add("tokio_mt:hob", mpmc::<TokioMt, channel::HobMpmc>)
        .add("tokio_mt:achan", mpmc::<TokioMt, channel::Achan>)
        .add("tokio_mt:flume", mpmc::<TokioMt, channel::Flume>)
        .add("tokio_mt:kanal", mpmc::<TokioMt, channel::Kanal>)
        .add("smol_mt:achan", mpmc::<SmolMt, channel::Achan>)
        .add("hob_ct", mpmc::<HobCt, channel::HobMpmc>)
        .add("smol_ct:achan", mpmc::<SmolCt, channel::Achan>)
        .add("raw_at:hob", mpmc::<Raw, channel::HobMpmc>)
        .add("raw_at:achan", mpmc::<Raw, channel::Achan>)
        .add("raw_at:flume", mpmc::<Raw, channel::Flume>)
        .add("raw_at:kanal", mpmc::<Raw, channel::Kanal>)
}

fn entrances() -> Vec<Workload> {
    let mutex = entrance_row::<HobMutex, TokioMutex, AlockMutex>;
    let semaphore = entrance_row::<HobSemaphore, TokioSemaphore, AlockSemaphore>;
    let rwlock = entrance_row::<HobRwLock, TokioRwLock, AlockRwLock>;
    vec![
        mutex("mutex_1", Crowd::passing(1))
            .add("floor", floor::mutex)
            .add("floor:parking_lot", floor::parking_lot_mutex),
        mutex("mutex_8", Crowd::passing(8)),
        mutex("mutex_8_hold", Crowd::holding(8)),
        semaphore("sem_1", Crowd::passing(1)),
        semaphore("sem_8_hold", Crowd::holding(8)),
        rwlock("rwlock_read_1", Crowd::reading(1))
            .add("floor", floor::rwlock)
            .add("floor:parking_lot", floor::parking_lot_rwlock),
        rwlock("rwlock_8_hold", Crowd::holding(8)),
    ]
}

/// The same work over hob's thing `H`, tokio's `T` and async-lock's `A`.
fn entrance_row<H: Entrance, T: Entrance, A: Entrance>(
    name: &'static str,
    crowd: Crowd,
) -> Workload {
    Workload::new("sync", name, "ns")
        .add("hob_mt", move |size| enter::<HobMt, H>(size, crowd))
        .add("tokio_mt:tokio", move |size| {
            enter::<TokioMt, T>(size, crowd)
        })
        .add("tokio_mt:hob", move |size| enter::<TokioMt, H>(size, crowd))
        .add("smol_mt:alock", move |size| enter::<SmolMt, A>(size, crowd))
        .add("hob_ct", move |size| enter::<HobCt, H>(size, crowd))
        .add("tokio_ct:tokio", move |size| {
            enter::<TokioCt, T>(size, crowd)
        })
        .add("tokio_ct:hob", move |size| enter::<TokioCt, H>(size, crowd))
        .add("smol_ct:alock", move |size| enter::<SmolCt, A>(size, crowd))
        .add("raw_at:hob", move |size| enter::<Raw, H>(size, crowd))
        .add("raw_at:tokio", move |size| enter::<Raw, T>(size, crowd))
        .add("raw_at:alock", move |size| enter::<Raw, A>(size, crowd))
}

fn meetings() -> Vec<Workload> {
    use many::{
        Broadcast, HobBroadcast, HobNotify, HobWatch, Listener, TokioBroadcast, TokioNotify,
        TokioWatch, barrier, broadcast, notify_all, notify_pong, watch,
    };
    type Hob = hob::sync::Barrier;
    type Tokio = tokio::sync::Barrier;
    type Alock = smol::lock::Barrier;
    vec![
        Workload::new("sync", "notify_pong", "ns")
            .add("hob_mt", notify_pong::<HobMt, HobNotify>)
            .add("tokio_mt:tokio", notify_pong::<TokioMt, TokioNotify>)
            .add("tokio_mt:hob", notify_pong::<TokioMt, HobNotify>)
            .add("smol_mt:event", notify_pong::<SmolMt, Listener>)
            .add("hob_ct", notify_pong::<HobCt, HobNotify>)
            .add("tokio_ct:tokio", notify_pong::<TokioCt, TokioNotify>)
            .add("tokio_ct:hob", notify_pong::<TokioCt, HobNotify>)
            .add("smol_ct:event", notify_pong::<SmolCt, Listener>)
            .add("raw_at:hob", notify_pong::<Raw, HobNotify>)
            .add("raw_at:tokio", notify_pong::<Raw, TokioNotify>)
            .add("raw_at:event", notify_pong::<Raw, Listener>),
        Workload::new("sync", "notify_64", "ns")
            .add("hob_mt", notify_all::<HobMt, HobNotify>)
            .add("tokio_mt:tokio", notify_all::<TokioMt, TokioNotify>)
            .add("tokio_mt:hob", notify_all::<TokioMt, HobNotify>)
            .add("smol_mt:event", notify_all::<SmolMt, Listener>)
            .add("hob_ct", notify_all::<HobCt, HobNotify>)
            .add("tokio_ct:tokio", notify_all::<TokioCt, TokioNotify>)
            .add("tokio_ct:hob", notify_all::<TokioCt, HobNotify>)
            .add("smol_ct:event", notify_all::<SmolCt, Listener>)
            .add("raw_at:hob", notify_all::<Raw, HobNotify>)
            .add("raw_at:tokio", notify_all::<Raw, TokioNotify>)
            .add("raw_at:event", notify_all::<Raw, Listener>),
        Workload::new("sync", "barrier_8", "ns")
            .add("hob_mt", barrier::<HobMt, Hob>)
            .add("tokio_mt:tokio", barrier::<TokioMt, Tokio>)
            .add("tokio_mt:hob", barrier::<TokioMt, Hob>)
            .add("smol_mt:alock", barrier::<SmolMt, Alock>)
            .add("hob_ct", barrier::<HobCt, Hob>)
            .add("tokio_ct:tokio", barrier::<TokioCt, Tokio>)
            .add("tokio_ct:hob", barrier::<TokioCt, Hob>)
            .add("smol_ct:alock", barrier::<SmolCt, Alock>)
            .add("raw_at:hob", barrier::<Raw, Hob>)
            .add("raw_at:tokio", barrier::<Raw, Tokio>)
            .add("raw_at:alock", barrier::<Raw, Alock>),
        Workload::new("sync", "broadcast_4", "ns")
            .add("hob_mt", broadcast::<HobMt, HobBroadcast>)
            .add("tokio_mt:tokio", broadcast::<TokioMt, TokioBroadcast>)
            .add("tokio_mt:hob", broadcast::<TokioMt, HobBroadcast>)
            .add("smol_mt:abroadcast", broadcast::<SmolMt, Broadcast>)
            .add("hob_ct", broadcast::<HobCt, HobBroadcast>)
            .add("tokio_ct:tokio", broadcast::<TokioCt, TokioBroadcast>)
            .add("tokio_ct:hob", broadcast::<TokioCt, HobBroadcast>)
            .add("smol_ct:abroadcast", broadcast::<SmolCt, Broadcast>)
            .add("raw_at:hob", broadcast::<Raw, HobBroadcast>)
            .add("raw_at:tokio", broadcast::<Raw, TokioBroadcast>)
            .add("raw_at:abroadcast", broadcast::<Raw, Broadcast>),
        Workload::new("sync", "watch_4", "ns")
            .add("hob_mt", watch::<HobMt, HobWatch>)
            .add("tokio_mt:tokio", watch::<TokioMt, TokioWatch>)
            .add("tokio_mt:hob", watch::<TokioMt, HobWatch>)
            .add("hob_ct", watch::<HobCt, HobWatch>)
            .add("tokio_ct:tokio", watch::<TokioCt, TokioWatch>)
            .add("tokio_ct:hob", watch::<TokioCt, HobWatch>)
            .add("raw_at:hob", watch::<Raw, HobWatch>)
            .add("raw_at:tokio", watch::<Raw, TokioWatch>),
    ]
}
