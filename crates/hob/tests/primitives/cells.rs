//! Cells and lazy values.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hob::Task;
use hob::sync::{Lazy, OnceCell};

use crate::{cut, in_both_worlds, later, now};

#[test]
fn an_initializer_that_is_cut_leaves_the_cell_empty_and_the_next_its_turn() {
    in_both_worlds(async || {
        let cell = Rc::new(OnceCell::<u8>::new());
        let next = RefCell::new(None::<Task<()>>);
        let fail = async || {
            hob::yield_now().await;
            Err(())
        };
        let make = || {
            let behind = Rc::clone(&cell);
            let second = async move {
                assert_eq!(behind.get_or_try_init(fail).await, Err(()));
            };
            next.replace(Some(hob::spawn_local(second)));
            cell.get_or_try_init(fail)
        };
        cut(make, async |cut| {
            assert!(next.take().expect("one was spawned").is_finished(), "{cut}");
            let statistics = cell.statistics();
            assert!(!statistics.is_initializing && !statistics.is_set, "{cut}");
            assert_eq!(statistics.initializers_waiting, 0, "{cut}");
        })
        .await;
    });
}

#[test]
fn a_turn_that_is_granted_to_one_who_is_cut_goes_to_the_next() {
    in_both_worlds(async || {
        let cell = Rc::new(OnceCell::<u8>::new());
        let fail = async || {
            hob::yield_now().await;
            Err(())
        };
        let make = || {
            let first = Rc::clone(&cell);
            async {
                let first = async move { first.get_or_try_init(fail).await.is_ok() };
                let first = hob::spawn_local(first);
                hob::yield_now().await;
                assert_eq!(cell.get_or_try_init(fail).await, Err(()));
                first.await.expect("it does not panic");
            }
        };
        cut(make, async |cut| {
            let statistics = cell.statistics();
            assert!(!statistics.is_initializing && !statistics.is_set, "{cut}");
            assert_eq!(statistics.initializers_waiting, 0, "{cut}");
        })
        .await;
    });
}

#[test]
fn a_wait_for_a_cell_that_is_cut_leaves_nobody_in_line() {
    in_both_worlds(async || {
        let slot = RefCell::new(Rc::new(OnceCell::new()));
        let make = || {
            let cell = Rc::new(OnceCell::new());
            slot.replace(Rc::clone(&cell));
            let sets = Rc::clone(&cell);
            later(move || sets.set(7).expect("nobody else does"));
            async move { assert_eq!(cell.wait().await, &7) }
        };
        cut(make, async |cut| {
            let cell = slot.borrow().clone();
            assert_eq!(cell.statistics().waiting, 0, "{cut}");
            assert_eq!(now(cell.wait()), Some(&7), "{cut}");
        })
        .await;
    });
}

#[test]
fn a_lazy_value_whose_making_is_cut_is_made_on_from_there() {
    in_both_worlds(async || {
        let (begun, steps) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let slot = RefCell::new(None);
        let make = || {
            begun.set(0);
            steps.set(0);
            let (begun, steps) = (Rc::clone(&begun), Rc::clone(&steps));
            let lazy = Rc::new(Lazy::new(async move {
                begun.set(begun.get() + 1);
                for _ in 0..3 {
                    hob::yield_now().await;
                    steps.set(steps.get() + 1);
                }
            }));
            slot.replace(Some(Rc::clone(&lazy)));
            async move { *lazy.force().await }
        };
        cut(make, async |cut| {
            let lazy = slot.take().expect("one was made");
            lazy.force().await;
            assert_eq!((begun.get(), steps.get()), (1, 3), "{cut}");
            assert_eq!(lazy.statistics().waiting, 0, "{cut}");
        })
        .await;
    });
}
