//! Three counters say One, wait, and say Two: asynchronously, and one after the other.
//!
//! The asynchronous counters wait together, so all three take as long as one. The others hold their
//! thread while they wait, as `std::thread::sleep` does, so each has to wait for those before it.
//!
//! ```text
//! cargo run --release -p hob --example count
//! ```
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use hob::time::Instant;

const PAUSE: Duration = Duration::from_millis(300);

/// Who said what, and when.
type Line = (Duration, u32, &'static str);

/// What the counters say is written down here.
struct Page {
    start: Instant,
    lines: RefCell<Vec<Line>>,
}

fn main() {
    let (awaited, awaited_time) = asynchronous();
    let (blocked, blocked_time) = blocking();

    println!("{:<30}std::thread::sleep", "hob::sleep");
    for (left, right) in awaited.iter().zip(&blocked) {
        println!("{:<30}{}", show(left), show(right));
    }
    let total = |time: Duration| format!("total {:.2} s", time.as_secs_f64());
    println!("{:<30}{}", total(awaited_time), total(blocked_time));

    // On one thread the order is certain: first come, first served.
    assert_eq!(
        words(&awaited),
        [
            (1, "One"),
            (2, "One"),
            (3, "One"),
            (1, "Two"),
            (2, "Two"),
            (3, "Two")
        ]
    );
    assert_eq!(
        words(&blocked),
        [
            (1, "One"),
            (1, "Two"),
            (2, "One"),
            (2, "Two"),
            (3, "One"),
            (3, "Two")
        ]
    );
    // No sleep ends early. Together three take as long as one, and a busy machine a little longer.
    assert!(awaited_time >= PAUSE && awaited_time < 2 * PAUSE);
    assert!(blocked_time >= 3 * PAUSE);
}

async fn count(counter: u32, page: Rc<Page>) {
    page.write(counter, "One");
    hob::sleep(PAUSE).await;
    page.write(counter, "Two");
}

fn asynchronous() -> (Vec<Line>, Duration) {
    let page = Rc::new(Page::new());
    hob::run_local(async {
        // Spawned tasks run from now on; awaiting one only waits for its end.
        let counters = [1, 2, 3].map(|counter| hob::spawn_local(count(counter, Rc::clone(&page))));
        for counter in counters {
            counter.await.expect("a counter does not panic");
        }
    });
    page.read()
}

#[expect(clippy::disallowed_methods, reason = "this is how not to wait")]
fn blocking() -> (Vec<Line>, Duration) {
    let page = Page::new();
    for counter in [1, 2, 3] {
        page.write(counter, "One");
        std::thread::sleep(PAUSE);
        page.write(counter, "Two");
    }
    page.read()
}

impl Page {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            lines: RefCell::default(),
        }
    }

    fn write(&self, counter: u32, word: &'static str) {
        let line = (self.start.elapsed(), counter, word);
        self.lines.borrow_mut().push(line);
    }

    /// What was written, and how long it took.
    fn read(&self) -> (Vec<Line>, Duration) {
        (self.lines.take(), self.start.elapsed())
    }
}

fn show((time, counter, word): &Line) -> String {
    format!("{:.2} s  counter {counter}: {word}", time.as_secs_f64())
}

fn words(lines: &[Line]) -> Vec<(u32, &'static str)> {
    let words = lines.iter().map(|(_, counter, word)| (*counter, *word));
    words.collect()
}
