//! One worker of two sticks in a poll for 300 ms, while the other is idle: what belonged to the first
//! is served within 20 ms.

use std::future::Future;
use std::net::TcpStream;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use hob::Runtime;
use hob::net::TcpListener;
use hob::sync::oneshot;
use hob::time::Instant;

use crate::{Samples, ms};

const STUCK: Duration = ms(300);
const TIMES: usize = 20;
const SOON: Duration = ms(20);
/// On a busy machine; still long before the worker comes back.
const RARELY: Duration = ms(150);

type Served = Sender<Instant>;

/// Tells when it was woken.
struct Bell(Served);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        tell(&self.0);
    }
}

fn tell(served: &Served) {
    // The stuck worker may have given up.
    let _heard = served.send(Instant::system());
}

/// Sticks in a poll of a task, after `begin` has begun something there, and measures how long after
/// the moment that `begin` returns it was served.
fn check<T: 'static>(what: &str, begin: impl Fn(Served) -> (Instant, T) + Send + Copy + 'static) {
    let runtime = Runtime::builder().worker_threads(2).build().unwrap();
    let late = (0..TIMES).map(|time| {
        let task = runtime.spawn(async move {
            if time % 2 == 1 {
                // The worker that sat at the poller goes on with the task.
                hob::sleep(ms(1)).await;
            }
            let (sender, served) = channel();
            let stuck = Instant::system();
            let (due, kept) = begin(sender);
            let heard = served.recv_timeout(STUCK).map_or(stuck + STUCK, |at| at);
            while stuck.elapsed() < STUCK.min((heard - stuck) + ms(5)) {
                std::hint::spin_loop();
            }
            drop(kept);
            heard - due
        });
        runtime.block_on(task).expect("it ends")
    });
    Samples::new(late).check(what, SOON, RARELY);
}

#[test]
fn tasks_in_its_queue_run_within_twenty_milliseconds() {
    check("a task of a stuck worker", |served| {
        hob::spawn(async move { tell(&served) }).detach();
        (Instant::system(), ())
    });
}

#[test]
fn timers_that_it_armed_fire_within_twenty_milliseconds() {
    check("a timer of a stuck worker", |served| {
        let waker = Waker::from(Arc::new(Bell(served)));
        let mut sleep = Box::pin(hob::sleep(ms(10)));
        assert!(
            sleep
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        (Instant::system() + ms(10), sleep)
    });
}

#[test]
fn sockets_that_it_waits_for_are_seen_within_twenty_milliseconds() {
    check("a socket of a stuck worker", |served| {
        let mut bind = pin!(TcpListener::bind("127.0.0.1:0"));
        let bound = bind.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Ok(listener)) = bound else {
            panic!("an address in numbers needs no look-up: {bound:?}");
        };
        let address = listener.local_addr().unwrap();
        let waker = Waker::from(Arc::new(Bell(served)));
        let mut accept: Pin<Box<dyn Future<Output = ()>>> =
            Box::pin(async move { drop(listener.accept().await) });
        assert!(
            accept
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let client = TcpStream::connect(address).unwrap();
        (Instant::system(), (accept, client))
    });
}

#[test]
fn tasks_that_it_wakes_run_within_twenty_milliseconds() {
    let runtime = Runtime::builder().worker_threads(2).build().unwrap();
    let late = (0..TIMES).map(|_| {
        let (wake, woken) = oneshot::channel::<Instant>();
        let waits = runtime.spawn(async move {
            let at = woken.await.expect("it is sent");
            at.elapsed()
        });
        let sticks = runtime.spawn(async move {
            let stuck = Instant::system();
            wake.send(stuck).expect("a task waits");
            while stuck.elapsed() < STUCK / 2 {
                std::hint::spin_loop();
            }
        });
        let late = runtime.block_on(waits).expect("it ends");
        runtime.block_on(sticks).expect("it ends");
        late
    });
    Samples::new(late).check("a task woken by a stuck worker", SOON, STUCK / 2);
}
