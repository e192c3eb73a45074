//! Three tickets and many buyers: oversold without a lock, right with a `Mutex` and with a
//! `Semaphore`.
//!
//! Between "is one left?" and "sold" the seller waits, as if for a bank. Whoever is asked meanwhile
//! still sees the ticket. That needs no second thread: the first sale goes wrong on a single one.
//!
//! ```text
//! cargo run --release -p hob --example tickets
//! ```
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use hob::Task;
use hob::sync::{Mutex, Semaphore};

const TICKETS: i32 = 3;
const BUYERS: i32 = 20;

fn main() {
    println!("{TICKETS} tickets, {BUYERS} buyers");

    let sold = hob::run_local(without_lock());
    print_sale("no lock, one thread", sold);
    // All have looked before the first has bought, for tasks take turns.
    assert_eq!(sold, BUYERS);

    let sold = hob::run(with_mutex());
    print_sale("Mutex, all threads", sold);
    assert_eq!(sold, TICKETS);

    let sold = hob::run(with_semaphore());
    print_sale("Semaphore, all threads", sold);
    assert_eq!(sold, TICKETS);
}

// Tests run these three in the simulator too.
pub(crate) async fn without_lock() -> i32 {
    let left = Rc::new(Cell::new(TICKETS));
    let buyers = (0..BUYERS).map(|_| {
        let left = Rc::clone(&left);
        hob::spawn_local(async move {
            if left.get() == 0 {
                return false;
            }
            hob::yield_now().await;
            left.set(left.get() - 1);
            true
        })
    });
    sold(buyers.collect()).await
}

/// Whoever has the lock keeps it while waiting; the others stand in line.
pub(crate) async fn with_mutex() -> i32 {
    let left = Arc::new(Mutex::new(TICKETS));
    let buyers = (0..BUYERS).map(|_| {
        let left = Arc::clone(&left);
        hob::spawn(async move {
            let mut left = left.lock().await;
            if *left == 0 {
                return false;
            }
            hob::yield_now().await;
            *left -= 1;
            true
        })
    });
    sold(buyers.collect()).await
}

/// A permit is a ticket: to take one is to look and to buy at once, and nobody has to wait.
pub(crate) async fn with_semaphore() -> i32 {
    let tickets = Arc::new(Semaphore::new(TICKETS as usize));
    let buyers = (0..BUYERS).map(|_| {
        let tickets = Arc::clone(&tickets);
        hob::spawn(async move {
            let Ok(ticket) = tickets.try_acquire() else {
                return false;
            };
            hob::yield_now().await;
            // Sold: it does not come back. Dropping it here would be a refund.
            ticket.forget();
            true
        })
    });
    sold(buyers.collect()).await
}

/// Waits for all buyers, and counts those who hold a ticket.
async fn sold(buyers: Vec<Task<bool>>) -> i32 {
    let mut sold = 0;
    for buyer in buyers {
        sold += i32::from(buyer.await.expect("a buyer does not panic"));
    }
    sold
}

fn print_sale(how: &str, sold: i32) {
    let verdict = if sold > TICKETS { "oversold" } else { "right" };
    println!(
        "  {how:<24}{sold:>3} sold{:>5} left   {verdict}",
        TICKETS - sold
    );
}
