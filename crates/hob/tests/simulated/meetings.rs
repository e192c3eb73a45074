//! Barriers under cancels, timeouts and resets: who meets whom, and that everybody does.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hob::sync::Barrier;
use hob::sync::barrier::{BarrierError, BarrierWait};

use crate::{dawdle, end_of, patience, rng, scenario};

const PARTIES: usize = 4;
const ROUNDS: usize = 4;

/// What was told in each round, in the order in which they went on.
type Rounds = Rc<RefCell<[Vec<BarrierWait>; ROUNDS]>>;

/// All have to come in each round; so what one meets for the third time is the third round.
#[test]
fn each_round_has_all_its_places_whoever_gives_up_and_comes_again() {
    scenario(|| async {
        let barrier = Rc::new(Barrier::new(PARTIES));
        let rounds = Rounds::default();
        let ended = Rc::new(Cell::new(0));
        let tasks: Vec<_> = (0..PARTIES as u64)
            .map(|number| {
                let (barrier, rounds) = (Rc::clone(&barrier), Rc::clone(&rounds));
                let ended = Rc::clone(&ended);
                hob::spawn_local(async move {
                    for round in 0..ROUNDS {
                        let told = meet(&barrier, number * 8 + round as u64).await;
                        rounds.borrow_mut()[round].push(told);
                    }
                    ended.set(ended.get() + 1);
                })
            })
            .collect();
        let mut rng = rng(99);
        // Those who wait are sent away now and then, and come again.
        while ended.get() < PARTIES {
            hob::sleep(patience(&mut rng, 20)).await;
            barrier.reset();
        }
        for task in tasks {
            end_of(task).await;
        }
        for told in rounds.borrow().iter() {
            let mut places: Vec<_> = told.iter().map(BarrierWait::index).collect();
            places.sort_unstable();
            assert_eq!(places, [0, 1, 2, 3], "{told:?}");
            let leaders = told.iter().filter(|told| told.is_leader());
            assert_eq!(leaders.map(BarrierWait::index).collect::<Vec<_>>(), [3]);
        }
        assert_eq!(barrier.waiting(), 0);
    });
}

/// Comes until the others are there too.
async fn meet(barrier: &Barrier, number: u64) -> BarrierWait {
    let mut rng = rng(number);
    loop {
        dawdle(&mut rng).await;
        let patience = patience(&mut rng, 20);
        if let Ok(Ok(told)) = hob::timeout(patience, barrier.wait()).await {
            return told;
        }
    }
}

#[test]
fn who_was_there_in_time_goes_on_although_others_are_cancelled_in_that_moment() {
    scenario(|| async {
        let barrier = Rc::new(Barrier::new(PARTIES));
        let went_on = Rc::new(Cell::new(0));
        let mut rng = rng(99);
        let tasks: Vec<_> = (1..PARTIES)
            .map(|_| {
                let (barrier, went_on) = (Rc::clone(&barrier), Rc::clone(&went_on));
                hob::spawn_local(async move {
                    barrier.wait().await.expect("nobody breaks it");
                    went_on.set(went_on.get() + 1);
                })
            })
            .collect();
        hob::test::settle().await;
        let told = barrier.wait().await.expect("nobody breaks it");
        assert!(told.is_leader());
        let gone = rng.usize(..tasks.len());
        tasks[gone].cancel("the scenario wants it");
        for task in tasks {
            end_of(task).await;
        }
        assert!(went_on.get() >= PARTIES - 2);
        assert_eq!(barrier.waiting(), 0);
        let alone = hob::timeout(patience(&mut rng, 5), barrier.wait());
        assert!(
            alone.await.is_err(),
            "nobody is left over for the next round"
        );
    });
}

#[test]
fn an_abort_sends_all_away_until_it_is_reset() {
    scenario(|| async {
        let barrier = Rc::new(Barrier::new(PARTIES));
        let tasks: Vec<_> = (0..PARTIES as u64)
            .map(|number| {
                let barrier = Rc::clone(&barrier);
                hob::spawn_local(async move {
                    let mut rng = rng(number);
                    while barrier.wait().await.is_ok() {
                        dawdle(&mut rng).await;
                    }
                })
            })
            .collect();
        let mut rng = rng(99);
        hob::sleep(patience(&mut rng, 10)).await;
        barrier.abort();
        for task in tasks {
            end_of(task).await;
        }
        assert_eq!(barrier.wait().await, Err(BarrierError::Broken));
        barrier.reset();
        let all = (0..PARTIES).map(|_| {
            let barrier = Rc::clone(&barrier);
            hob::spawn_local(async move { barrier.wait().await.is_ok() })
        });
        for task in all.collect::<Vec<_>>() {
            assert_eq!(task.await.ok(), Some(true));
        }
    });
}
