//! A thousand tasks spin for 20 µs and yield, on two workers: a timer of 10 ms is at most 50 ms late, so
//! are a new connection and a wake from another thread.

use std::future::poll_fn;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hob::net::TcpListener;
use hob::time::Instant;
use hob::{Runtime, Task};

use crate::support::in_time;
use crate::{PATIENCE, Samples, ms};

const SPINNERS: usize = 1_000;
const SPIN: Duration = Duration::from_micros(20);
/// How often each is measured: ten side by side, ten times.
const BESIDE: usize = 10;
const TIMES: usize = 10;
/// So many rounds of all spinners tell how busy the machine is besides.
const ROUNDS: u32 = 10;
const LATE: Duration = ms(50);
/// One scene at a time: each wants both cores for itself.
static STAGE: Mutex<()> = Mutex::new(());

/// Spins until told to end.
fn spinners(runtime: &Runtime, end: &Arc<AtomicBool>) -> Vec<Task<()>> {
    let spinner = |_| {
        let end = Arc::clone(end);
        runtime.spawn(async move {
            while !end.load(Ordering::Relaxed) {
                let begun = Instant::system();
                while begun.elapsed() < SPIN {
                    std::hint::spin_loop();
                }
                hob::yield_now().await;
            }
        })
    };
    (0..SPINNERS).map(spinner).collect()
}

/// Runs `measure` in tasks among the spinners, side by side.
fn among<F>(what: &'static str, measure: impl Fn() -> F + Send + 'static)
where
    F: Future<Output = Vec<Duration>> + Send + 'static,
{
    let _alone = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    in_time(PATIENCE, move || measure_among(what, measure));
}

fn measure_among<F>(what: &str, measure: impl Fn() -> F)
where
    F: Future<Output = Vec<Duration>> + Send + 'static,
{
    let runtime = Runtime::builder().worker_threads(2).build().unwrap();
    let end = Arc::new(AtomicBool::new(false));
    let spinners = spinners(&runtime, &end);
    let slowness = slowness(&runtime);
    let measuring: Vec<_> = (0..BESIDE).map(|_| runtime.spawn(measure())).collect();
    let mut late = Vec::new();
    for task in measuring {
        late.extend(runtime.block_on(task).expect("it ends"));
    }
    end.store(true, Ordering::Relaxed);
    runtime.block_on(async {
        for spinner in spinners {
            spinner.await.expect("it ends");
        }
    });
    assert_eq!(late.len(), BESIDE * TIMES);
    let late = late.into_iter().map(|late| late.div_f64(slowness));
    Samples::new(late).check(what, LATE, 3 * LATE);
}

/// How many times longer than by themselves the spinners take: others may be at work on these cores.
fn slowness(runtime: &Runtime) -> f64 {
    let begun = Instant::system();
    let rounds = runtime.spawn(async {
        for _ in 0..ROUNDS {
            hob::yield_now().await;
        }
    });
    runtime.block_on(rounds).expect("it ends");
    let expected = SPIN * (SPINNERS as u32) * ROUNDS / 2;
    (begun.elapsed().as_secs_f64() / expected.as_secs_f64()).max(1.0)
}

/// Calls `act` each 10 ms, in a thread of its own.
fn each_ten_milliseconds(mut act: impl FnMut() + Send + 'static) -> (Sender<()>, JoinHandle<()>) {
    let (going, ended) = channel();
    let pace = move || {
        while ended.recv_timeout(ms(10)) == Err(RecvTimeoutError::Timeout) {
            act();
        }
    };
    let thread = thread::Builder::new().spawn(pace);
    (going, thread.expect("a thread starts"))
}

#[test]
fn a_timer_is_at_most_fifty_milliseconds_late() {
    among("a timer of 10 ms", || async {
        let mut late = Vec::new();
        for _ in 0..TIMES {
            let due = Instant::now() + ms(10);
            hob::sleep(ms(10)).await;
            late.push(due.elapsed());
        }
        late
    });
}

#[test]
fn a_new_connection_is_accepted_at_most_fifty_milliseconds_late() {
    among("a new connection", || async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connected, clients) = channel();
        let (going, thread) = each_ten_milliseconds(move || {
            let client = TcpStream::connect(address).expect("somebody listens");
            // The last few are of no use to anybody.
            let _unheard = connected.send((Instant::system(), client));
        });
        let mut late = Vec::new();
        for _ in 0..TIMES {
            let accepted = listener.accept().await.unwrap();
            // It is there as soon as the kernel knows of it, so a moment before its sender says so.
            let (at, _client) = clients.recv().expect("it connected");
            late.push(at.elapsed());
            drop(accepted);
        }
        drop(going);
        hob::to_thread(|| thread.join().expect("it does not panic"))
            .await
            .expect("it ends");
        late
    });
}

#[test]
fn a_wake_from_another_thread_is_served_at_most_fifty_milliseconds_late() {
    /// When it was last woken, and whom to wake.
    #[derive(Default)]
    struct Bell(Mutex<(Option<Instant>, Option<Waker>)>);

    among("a wake from another thread", || async {
        let bell = Arc::new(Bell::default());
        let rings = Arc::clone(&bell);
        let (going, thread) = each_ten_milliseconds(move || {
            let mut bell = rings.0.lock().unwrap();
            let Some(waker) = bell.1.take() else { return };
            bell.0 = Some(Instant::system());
            drop(bell);
            waker.wake();
        });
        let mut late = Vec::new();
        for _ in 0..TIMES {
            let rung = poll_fn(|cx| {
                let mut bell = bell.0.lock().unwrap();
                match bell.0.take() {
                    Some(at) => Poll::Ready(at),
                    None => {
                        bell.1 = Some(cx.waker().clone());
                        Poll::Pending
                    }
                }
            });
            late.push(rung.await.elapsed());
        }
        drop(going);
        hob::to_thread(|| thread.join().expect("it does not panic"))
            .await
            .expect("it ends");
        late
    });
}
