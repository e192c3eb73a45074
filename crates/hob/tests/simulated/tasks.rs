//! Trees of tasks that spawn, cancel, panic and clean up, and a runtime that ends at any moment.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use hob::{Task, sim};

use crate::{dawdle, rng, scenario};

/// How many futures and cleanups are alive.
type Alive = Rc<Cell<u32>>;

/// Counts itself.
struct Counted(Alive);

impl Counted {
    fn new(alive: &Alive) -> Self {
        alive.set(alive.get() + 1);
        Self(Rc::clone(alive))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// A task that has children, and does with them what the seed says.
fn family(depth: u32, mut rng: Rng, alive: Alive) -> Pin<Box<dyn Future<Output = u32>>> {
    Box::pin(async move {
        let _counted = Counted::new(&alive);
        let mut children: Vec<Task<u32>> = Vec::new();
        for _ in 0..if depth == 0 { 0 } else { rng.u32(..4) } {
            children.push(hob::spawn_local(family(
                depth - 1,
                rng.fork(),
                Rc::clone(&alive),
            )));
            dawdle(&mut rng).await;
        }
        let mut descendants = children.len() as u32;
        for child in children {
            match rng.u8(..6) {
                0 => child.detach(),
                1 => drop(child.cancel_on_drop()),
                2 => {
                    child.cancel("the scenario wants it");
                    descendants += child.await.unwrap_or(0);
                }
                3 => {
                    let patience = Duration::from_micros(rng.u64(..1_000));
                    descendants += hob::timeout(patience, child)
                        .await
                        .map_or(0, |ended| ended.unwrap_or(0));
                }
                _ => descendants += child.await.unwrap_or(0),
            }
        }
        if rng.u8(..8) == 0 {
            std::panic::resume_unwind(Box::new("the scenario wants it"));
        }
        descendants
    })
}

#[test]
fn every_future_of_a_tree_is_dropped_in_the_end() {
    for seed in sim::seeds(40) {
        let alive = Alive::default();
        let tree = Rc::clone(&alive);
        sim::Simulation::new(seed)
            // A detached child may panic.
            .on_unhandled(|_| ())
            .run(async move {
                let root = hob::spawn_local(family(3, rng(0), tree));
                let patience = Duration::from_micros(rng(1).u64(..6_000));
                // Whatever is left when time is up is ended by the end of the simulation.
                let _ended = hob::timeout(patience, root).await;
            });
        assert_eq!(alive.get(), 0, "seed {seed}");
    }
}

#[test]
fn every_cleanup_runs_whenever_the_end_comes() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    for seed in sim::seeds(40) {
        let (begun, cleaned) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let counts = (Arc::clone(&begun), Arc::clone(&cleaned));
        sim::run(seed, async move {
            for number in 0..6 {
                let (begun, cleaned) = counts.clone();
                hob::spawn(async move {
                    let mut rng = rng(number);
                    dawdle(&mut rng).await;
                    begun.fetch_add(1, Ordering::Relaxed);
                    let mut own = rng.fork();
                    hob::on_cancel(async move {
                        dawdle(&mut own).await;
                        cleaned.fetch_add(1, Ordering::Relaxed);
                    });
                    dawdle(&mut rng).await;
                })
                .detach();
            }
            let end = Duration::from_micros(rng(7).u64(..3_000));
            hob::sleep(end).await;
        });
        let counts = (
            begun.load(Ordering::Relaxed),
            cleaned.load(Ordering::Relaxed),
        );
        assert_eq!(counts.0, counts.1, "seed {seed}");
    }
}

#[test]
fn a_task_that_was_joined_has_ended_once() {
    scenario(|| async {
        let runs = Rc::new(Cell::new(0));
        let tasks: Vec<_> = (0..10)
            .map(|number| {
                let runs = Rc::clone(&runs);
                hob::spawn_local(async move {
                    dawdle(&mut rng(number)).await;
                    runs.set(runs.get() + 1);
                    number
                })
            })
            .collect();
        let mut rng = rng(10);
        let mut ended = 0;
        for (number, task) in (0..).zip(tasks) {
            if rng.bool() {
                task.cancel("the scenario wants it");
            }
            if let Ok(output) = task.await {
                assert_eq!(output, number);
                ended += 1;
            }
        }
        assert_eq!(runs.get(), ended, "who ran to the end is no cancelled task");
    });
}
