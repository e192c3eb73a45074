//! The same breakfast, made three ways: by a cook who waits at the stove, by one who does something
//! else meanwhile, and by three.
//!
//! Every dish is a row of steps. Some need a cook's hands, and hold a thread; some go on by
//! themselves. What asynchronous code gains is the second kind: nobody stands by. What several
//! threads gain is the first kind: more hands.
//!
//! ```text
//! cargo run --release -p hob --example breakfast
//! ```
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::io;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use hob::time::Instant;

use Step::{Alone, Hands};

/// How long a minute takes here.
const MINUTE: Duration = Duration::from_millis(30);

/// Something that takes so many minutes.
enum Step {
    /// A cook does it.
    Hands(&'static str, u32),
    /// It goes on by itself.
    Alone(&'static str, u32),
}

struct Dish {
    name: &'static str,
    steps: &'static [Step],
}

const MENU: &[Dish] = &[
    Dish {
        name: "coffee",
        steps: &[Hands("grind", 1), Alone("brew", 8), Hands("pour", 1)],
    },
    Dish {
        name: "eggs",
        steps: &[
            Hands("butter the pan", 1),
            Alone("heat", 3),
            Hands("crack", 2),
            Alone("fry", 6),
        ],
    },
    Dish {
        name: "bacon",
        steps: &[Hands("cut", 1), Alone("fry", 10)],
    },
    Dish {
        name: "toast",
        steps: &[Hands("slice", 1), Alone("toast", 5), Hands("jam", 3)],
    },
    Dish {
        name: "juice",
        steps: &[Hands("press", 5)],
    },
];

/// A step that was done: by a cook, or alone.
#[derive(Clone)]
struct Done {
    dish: &'static str,
    cook: Option<ThreadId>,
    from: Duration,
    to: Duration,
}

/// Where it happens, and what has happened.
struct Kitchen {
    opened: Instant,
    done: Mutex<Vec<Done>>,
}

fn main() -> io::Result<()> {
    print_menu();
    let waiting = report("one cook who waits", |kitchen| {
        synchronous(kitchen);
        Ok(())
    })?;
    let one = report("one cook, asynchronous", |kitchen| {
        hob::run_local(breakfast(kitchen));
        Ok(())
    })?;
    let three = report("three cooks, asynchronous", |kitchen| {
        let runtime = hob::Runtime::builder().worker_threads(3).build()?;
        runtime.block_on(breakfast(kitchen));
        Ok(())
    })?;

    // A cook who waits does one thing at a time; the others never wait for a pan.
    assert_eq!(overlaps(&waiting, |_| true), 0);
    assert!(overlaps(&one, |done| done.cook.is_none()) > 0);
    // One thread is one pair of hands; three threads are more.
    assert_eq!(overlaps(&one, |done| done.cook.is_some()), 0);
    assert!(cooks(&three).len() > 1);
    for faster in [&one, &three] {
        assert!(total(faster) < total(&waiting) * 3 / 4);
    }
    Ok(())
}

fn synchronous(kitchen: &Kitchen) {
    for dish in MENU {
        for step in dish.steps {
            kitchen.note(dish, step, || block(step.time()));
        }
    }
}

/// All dishes at once: a task each.
async fn breakfast(kitchen: &Arc<Kitchen>) {
    let dishes = MENU
        .iter()
        .map(|dish| hob::spawn(cook(Arc::clone(kitchen), dish)));
    // All are spawned before the first is awaited.
    for dish in dishes.collect::<Vec<_>>() {
        dish.await.expect("nothing is burnt");
    }
}

async fn cook(kitchen: Arc<Kitchen>, dish: &'static Dish) {
    for step in dish.steps {
        match step {
            // Work that holds the thread, as a computation would.
            Hands(..) => kitchen.note(dish, step, || block(step.time())),
            Alone(..) => {
                let from = kitchen.opened.elapsed();
                hob::sleep(step.time()).await;
                kitchen.note_since(from, dish, step);
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a cook's hands are busy")]
fn block(time: Duration) {
    thread::sleep(time);
}

impl Step {
    fn time(&self) -> Duration {
        let (Hands(_, minutes) | Alone(_, minutes)) = self;
        *minutes * MINUTE
    }
}

impl Kitchen {
    fn note(&self, dish: &Dish, step: &Step, act: impl FnOnce()) {
        let from = self.opened.elapsed();
        act();
        self.note_since(from, dish, step);
    }

    fn note_since(&self, from: Duration, dish: &Dish, step: &Step) {
        let done = Done {
            dish: dish.name,
            cook: matches!(step, Hands(..)).then(|| thread::current().id()),
            from,
            to: self.opened.elapsed(),
        };
        self.done.lock().expect("no cook panics").push(done);
    }
}

/// Makes breakfast, and draws who did what when.
fn report(
    title: &str,
    make: impl FnOnce(&Arc<Kitchen>) -> io::Result<()>,
) -> io::Result<Vec<Done>> {
    let kitchen = Arc::new(Kitchen {
        opened: Instant::now(),
        done: Mutex::default(),
    });
    make(&kitchen)?;
    let mut done = kitchen.done.lock().expect("no cook panics").clone();
    done.sort_by_key(|done| done.from);
    println!("\n{title}: {:.2} s", total(&done).as_secs_f64());
    let cooks = cooks(&done);
    for dish in MENU {
        println!("  {:<8}{}", dish.name, timeline(&done, dish, &cooks));
    }
    Ok(done)
}

/// Draws a dish: a column is a minute, a letter the cook who works, a line what goes on alone.
fn timeline(all: &[Done], dish: &Dish, cooks: &[ThreadId]) -> String {
    let column = |time: Duration| (time.as_secs_f64() / MINUTE.as_secs_f64()).round() as usize;
    let mut bar = Vec::new();
    for done in all.iter().filter(|done| done.dish == dish.name) {
        let mark = match done.cook {
            Some(cook) => letter(cooks.iter().position(|it| *it == cook)),
            None => '─',
        };
        bar.resize(bar.len().max(column(done.from)), ' ');
        bar.resize(bar.len().max(column(done.to)), mark);
    }
    bar.into_iter().collect()
}

fn letter(cook: Option<usize>) -> char {
    cook.and_then(|cook| ('A'..='Z').nth(cook)).unwrap_or('?')
}

/// The cooks, in the order in which they began.
fn cooks(done: &[Done]) -> Vec<ThreadId> {
    let mut cooks = Vec::new();
    for cook in done.iter().filter_map(|done| done.cook) {
        if !cooks.contains(&cook) {
            cooks.push(cook);
        }
    }
    cooks
}

fn total(done: &[Done]) -> Duration {
    done.iter().map(|done| done.to).max().unwrap_or_default()
}

/// How many pairs of such steps went on at the same time.
fn overlaps(done: &[Done], such: impl Fn(&Done) -> bool) -> usize {
    let done: Vec<&Done> = done.iter().filter(|done| such(done)).collect();
    let together = |a: &Done, b: &Done| a.from < b.to && b.from < a.to;
    let later = |i: usize| done.iter().skip(i + 1);
    let pairs = |(i, a): (usize, &&Done)| later(i).filter(|b| together(a, b)).count();
    done.iter().enumerate().map(pairs).sum()
}

fn print_menu() {
    println!(
        "Breakfast, in minutes of {} ms; (by itself)",
        MINUTE.as_millis()
    );
    for dish in MENU {
        let steps = dish.steps.iter().map(|step| match step {
            Hands(what, minutes) => format!("{what} {minutes}"),
            Alone(what, minutes) => format!("({what} {minutes})"),
        });
        println!("  {:<8}{}", dish.name, steps.collect::<Vec<_>>().join(", "));
    }
    println!("\nA, B, C: the hands of a cook, which is a thread     ─ it cooks by itself");
}
