//! Cells that are filled once, under cancels, failures and panics.

use std::cell::Cell;
use std::rc::Rc;

use hob::Task;
use hob::sync::{Lazy, OnceCell};

use crate::{Alone, dawdle, end_of, patience, rng, scenario};

const TASKS: u64 = 8;

#[test]
fn a_cell_is_filled_by_one_at_a_time_and_once_whoever_fails_or_is_cancelled() {
    scenario(|| async {
        let cell = Rc::new(OnceCell::new());
        let (inside, filled) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
        let watchers: Vec<_> = (0..3)
            .map(|number| {
                let (cell, filled) = (Rc::clone(&cell), Rc::clone(&filled));
                hob::spawn_local(async move {
                    dawdle(&mut rng(100 + number)).await;
                    assert_eq!(Some(*cell.wait().await), filled.get());
                })
            })
            .collect();
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| {
                let (cell, inside) = (Rc::clone(&cell), Rc::clone(&inside));
                let filled = Rc::clone(&filled);
                hob::spawn_local(fill(number, cell, inside, filled))
            })
            .collect();
        let mut rng = rng(99);
        for _ in 0..4 {
            dawdle(&mut rng).await;
            // The last one tries until it succeeds.
            tasks[rng.usize(..TASKS as usize - 1)].cancel("the scenario wants it");
        }
        for task in tasks.into_iter().chain(watchers) {
            end_of(task).await;
        }
        let statistics = cell.statistics();
        assert!(statistics.is_set && !statistics.is_initializing);
        let waiting = (statistics.initializers_waiting, statistics.waiting);
        assert_eq!(waiting, (0, 0));
    });
}

async fn fill(
    number: u64,
    cell: Rc<OnceCell<u64>>,
    inside: Rc<Cell<u32>>,
    filled: Rc<Cell<Option<u64>>>,
) {
    let mut rng = rng(number);
    loop {
        dawdle(&mut rng).await;
        let (fails, mut own) = (rng.u8(..3) > 0, rng.fork());
        let (inside, filled) = (&inside, &filled);
        let init = move || async move {
            let _alone = Alone::enter(inside);
            dawdle(&mut own).await;
            if fails {
                return Err("the scenario wants it");
            }
            assert_eq!(filled.replace(Some(number)), None, "it is filled twice");
            Ok(number)
        };
        let got = hob::timeout(patience(&mut rng, 6), cell.get_or_try_init(init)).await;
        if let Ok(Ok(value)) = got {
            assert_eq!(Some(*value), filled.get());
            return;
        }
    }
}

/// It is begun once, and each step of it is taken once, whoever takes it.
#[test]
fn a_lazy_value_is_made_by_one_future_whoever_is_cancelled_on_the_way() {
    const STEPS: u32 = 12;
    scenario(|| async {
        let (begun, steps) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (own_begun, own_steps) = (Rc::clone(&begun), Rc::clone(&steps));
        let lazy = Rc::new(Lazy::new(async move {
            own_begun.set(own_begun.get() + 1);
            let mut rng = rng(100);
            for _ in 0..STEPS {
                dawdle(&mut rng).await;
                own_steps.set(own_steps.get() + 1);
            }
            own_steps.get()
        }));
        let tasks: Vec<Task<()>> = (0..TASKS)
            .map(|number| {
                let lazy = Rc::clone(&lazy);
                hob::spawn_local(async move {
                    let mut rng = rng(number);
                    dawdle(&mut rng).await;
                    // The last one waits as long as it takes.
                    let value = if number + 1 == TASKS {
                        *lazy.force().await
                    } else {
                        loop {
                            let force = hob::timeout(patience(&mut rng, 6), lazy.force());
                            if let Ok(value) = force.await {
                                break *value;
                            }
                        }
                    };
                    assert_eq!(value, STEPS);
                })
            })
            .collect();
        let mut rng = rng(99);
        for _ in 0..4 {
            dawdle(&mut rng).await;
            tasks[rng.usize(..TASKS as usize - 1)].cancel("the scenario wants it");
        }
        for task in tasks {
            end_of(task).await;
        }
        assert_eq!((begun.get(), steps.get()), (1, STEPS));
        assert_eq!(lazy.statistics().waiting, 0);
    });
}
