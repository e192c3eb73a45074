//! Everything once: a few seconds with each part of hob.
//!
//! ```text
//! cargo run --release --example tour
//! ```
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

mod http;

use std::future;
use std::io;
use std::thread;
use std::time::Duration;

use hob::Runtime;
use hob::sync::{Queue, oneshot};
use hob::time::Instant;

fn main() -> io::Result<()> {
    let start = Instant::now();
    let runtime = Runtime::new()?;
    let workers = runtime.statistics().executor.workers;
    println!("A tour of hob, on {workers} threads\n");
    runtime.block_on(async {
        stop("breakfast", breakfast()).await;
        stop("timers", sleepers()).await;
        stop("queue", workers_on_a_queue()).await;
        stop("http", http::crowd()).await;
        stop("blocking", blocking_job()).await;
        stop("cancel", cancelled_task()).await;
    });
    let report = runtime.shutdown_timeout(Duration::from_secs(1));
    assert!(report.is_clean(), "{report}");
    println!(
        "\nNothing was left behind. All of it took {:.2} s.",
        seconds(start)
    );
    Ok(())
}

/// Makes a stop of the tour: runs `part`, and prints what it has to say and how long it took.
async fn stop(name: &str, part: impl Future<Output = String>) {
    let start = Instant::now();
    let said = part.await;
    println!("  {name:<11}{said:<66}{:>5.2} s", seconds(start));
}

fn seconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64()
}

/// Tasks wait together, not one after the other.
async fn breakfast() -> String {
    let start = Instant::now();
    let dishes = [
        ("coffee", 300),
        ("eggs", 250),
        ("bacon", 280),
        ("toast", 150),
        ("juice", 60),
    ];
    let cooking = dishes.map(|(dish, time)| {
        hob::spawn(async move {
            hob::sleep(Duration::from_millis(time)).await;
            dish
        })
    });
    let mut served = Vec::new();
    for dish in cooking {
        served.push(dish.await.expect("nothing is burnt"));
    }
    assert_eq!(served, dishes.map(|(dish, _)| dish));

    let one_by_one = Duration::from_millis(dishes.iter().map(|(_, time)| time).sum());
    assert!(start.elapsed() < one_by_one);
    format!(
        "{} together; one by one: {:.2} s",
        served.join(", "),
        one_by_one.as_secs_f64()
    )
}

/// A task is small, and so is a timer. None rings early.
async fn sleepers() -> String {
    const SLEEPERS: u64 = 10_000;
    let tasks = (0..SLEEPERS).map(|number| {
        hob::spawn(async move {
            let wanted = Duration::from_millis(100 + number % 900);
            let start = Instant::now();
            hob::sleep(wanted).await;
            start
                .elapsed()
                .checked_sub(wanted)
                .expect("no sleep ends early")
        })
    });
    let mut latest = Duration::ZERO;
    for task in tasks.collect::<Vec<_>>() {
        latest = latest.max(task.await.expect("a sleeper does not panic"));
    }
    format!("10,000 tasks slept for up to a second; the latest woke {latest:.1?} late")
}

/// Workers share a bounded queue until it is closed.
async fn workers_on_a_queue() -> String {
    const WORKERS: usize = 4;
    const ORDERS: u64 = 10_000;
    let orders = Queue::<u64>::bounded(16);
    let workers = [(); WORKERS].map(|()| {
        let orders = orders.clone();
        hob::spawn(async move {
            let mut sum = 0;
            while let Ok(order) = orders.get().await {
                sum += *order;
                order.done();
            }
            sum
        })
    });
    for order in 1..=ORDERS {
        orders.put(order).await.expect("the queue is open");
    }
    orders.join().await;
    orders.close();
    let mut sum = 0;
    for worker in workers {
        sum += worker.await.expect("a worker does not panic");
    }
    assert_eq!(sum, ORDERS * (ORDERS + 1) / 2);
    format!("10,000 orders, {WORKERS} workers, room for 16; each order done once")
}

/// What must block, or compute for long, does so on a thread of its own.
async fn blocking_job() -> String {
    let job = hob::to_thread(|| {
        let name = thread::current().name().unwrap_or("?").to_owned();
        (primes_below(20_000_000), name)
    });
    let (primes, name) = job.await.expect("the job does not panic");
    assert_eq!(primes, 1_270_607);
    format!("thread {name} counted 1,270,607 primes below 20 million")
}

fn primes_below(limit: usize) -> usize {
    let mut is_prime = vec![true; limit];
    is_prime[..2].fill(false);
    for number in 2..=limit.isqrt() {
        if is_prime[number] {
            let multiples = (number * number..limit).step_by(number);
            multiples.for_each(|multiple| is_prime[multiple] = false);
        }
    }
    is_prime.iter().filter(|is_prime| **is_prime).count()
}

/// A task that is cancelled is dropped where it waits; then its cleanups run, and may await.
async fn cancelled_task() -> String {
    let (lit, is_lit) = oneshot::channel();
    let (off, mut is_off) = oneshot::channel();
    let cook = hob::spawn(async move {
        let _stove = hob::guarded(off, async |off: oneshot::Sender<_>| {
            hob::sleep(Duration::from_millis(100)).await; // It cools down.
            off.send("off").expect("somebody waits to hear it");
        });
        lit.send(()).expect("somebody waits to hear it");
        future::pending::<()>().await;
    });
    is_lit.await.expect("the cook lights the stove");

    cook.cancel("the kitchen closes");
    let error = cook.await.expect_err("it was cancelled");
    assert!(error.is_cancelled());
    // Awaiting a task is awaiting its cleanups.
    let stove = is_off.try_recv().expect("the cleanup has run");
    format!("{error}; the stove is {stove}")
}
