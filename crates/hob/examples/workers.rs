//! Producers and workers on a bounded queue, and an end at which nothing is lost.
//!
//! A full queue makes the producers wait, so a slow kitchen slows the waiters down instead of filling
//! the memory. `join` waits until every order is not only taken but done; `close` then sends the
//! workers home.
//!
//! ```text
//! cargo run --release -p hob --example workers
//! ```
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::time::Duration;

use hob::Task;
use hob::sync::Queue;

const WAITERS: u32 = 3;
const ORDERS_EACH: u32 = 20;
const COOKS: u32 = 4;
const ROOM: usize = 5;

pub(crate) struct Order {
    number: u32,
    minutes: u32,
}

fn main() {
    let orders = Queue::bounded(ROOM);
    let (longest, cooked) = hob::run(dinner(orders.clone()));

    println!("{WAITERS} waiters bring {ORDERS_EACH} orders each, {COOKS} cooks cook them");
    for (cook, orders) in (1..).zip(&cooked) {
        let bar = "#".repeat(orders.len());
        println!("  cook {cook}  {:>3} orders  {bar}", orders.len());
    }
    println!("at most {longest} orders waited; there is room for {ROOM}");
    assert!(longest <= ROOM);

    // Every order was cooked, and once.
    let mut numbers = cooked.concat();
    numbers.sort_unstable();
    assert_eq!(numbers, Vec::from_iter(0..WAITERS * ORDERS_EACH));
    assert_eq!((orders.unfinished(), orders.statistics().dropped), (0, 0));
}

/// Serves all, and returns how many orders waited at the most, and what each cook has cooked.
// Tests run it in the simulator too.
pub(crate) async fn dinner(orders: Queue<Order>) -> (usize, Vec<Vec<u32>>) {
    let cooks = (0..COOKS).map(|_| hob::spawn(cook(orders.clone())));
    let waiters = (0..WAITERS).map(|waiter| hob::spawn(wait(waiter, orders.clone())));
    // All of them start before the first is awaited.
    let (cooks, waiters) = (Vec::from_iter(cooks), Vec::from_iter(waiters));
    let longest = ends(waiters).await.into_iter().max().unwrap_or(0);

    // All orders have been put. Now they are all done:
    orders.join().await;
    // and nobody will bring more.
    orders.close();
    (longest, ends(cooks).await)
}

/// Puts orders, waiting while there is no room, and returns how many it saw there at the most.
async fn wait(waiter: u32, orders: Queue<Order>) -> usize {
    let mut longest = 0;
    for number in waiter * ORDERS_EACH..(waiter + 1) * ORDERS_EACH {
        let minutes = 1 + number % 5;
        let put = orders.put(Order { number, minutes }).await;
        put.expect("the queue is open until the waiters are done");
        longest = longest.max(orders.len());
    }
    longest
}

/// Cooks until the queue is closed and empty, and returns the numbers of the orders.
async fn cook(orders: Queue<Order>) -> Vec<u32> {
    let mut cooked = Vec::new();
    while let Ok(order) = orders.get().await {
        hob::sleep(order.minutes * Duration::from_millis(2)).await;
        cooked.push(order.number);
        order.done();
    }
    cooked
}

/// Waits for the end of each task.
async fn ends<T>(tasks: Vec<Task<T>>) -> Vec<T> {
    let mut ends = Vec::new();
    for task in tasks {
        ends.push(task.await.expect("nobody panics"));
    }
    ends
}
