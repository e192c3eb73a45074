//! Conditions under cancels and timeouts: the mutex is one's own, and no notification is lost.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use hob::Task;
use hob::sync::{Condition, Mutex};
use hob::test::settle;

use crate::{Alone, dawdle, end_of, patience, rng, scenario};

const TASKS: usize = 6;

/// A buffer with room for two, as a monitor.
#[derive(Default)]
struct Buffer {
    items: Mutex<VecDeque<u32>>,
    filled: Condition,
    emptied: Condition,
    inside: Cell<u32>,
}

impl Buffer {
    async fn put(&self, item: u32) {
        let guard = self.items.lock().await;
        let is_full = |items: &mut VecDeque<u32>| items.len() >= 2;
        let mut items = self.emptied.wait_while(guard, is_full).await;
        let _alone = Alone::enter(&self.inside);
        items.push_back(item);
        self.filled.notify_one();
    }

    async fn get(&self) -> u32 {
        let mut items = self.items.lock().await;
        loop {
            {
                let _alone = Alone::enter(&self.inside);
                if let Some(item) = items.pop_front() {
                    self.emptied.notify_one();
                    return item;
                }
            }
            items = self.filled.wait(items).await;
        }
    }
}

/// With a notification the program would stand still: there is always one who puts, and one who gets.
#[test]
fn a_buffer_made_of_conditions_loses_nothing_whoever_gives_up() {
    const ITEMS: u32 = 40;
    scenario(|| async {
        let buffer = Rc::new(Buffer::default());
        let got = Rc::new(RefCell::new(Vec::new()));
        let getters: Vec<_> = (0..3)
            .map(|number| {
                let (buffer, got) = (Rc::clone(&buffer), Rc::clone(&got));
                hob::spawn_local(async move {
                    let mut rng = rng(number);
                    while got.borrow().len() < ITEMS as usize {
                        // The first one waits as long as it takes.
                        if number == 0 {
                            let item = buffer.get().await;
                            got.borrow_mut().push(item);
                        } else if let Ok(item) =
                            hob::timeout(patience(&mut rng, 3), buffer.get()).await
                        {
                            got.borrow_mut().push(item);
                        }
                        dawdle(&mut rng).await;
                    }
                })
            })
            .collect();
        let next = Rc::new(Cell::new(0));
        let putters: Vec<_> = (3..6)
            .map(|number| {
                let (buffer, next) = (Rc::clone(&buffer), Rc::clone(&next));
                hob::spawn_local(async move { put_some(&buffer, &next, ITEMS, number).await })
            })
            .collect();
        let mut rng = rng(99);
        dawdle(&mut rng).await;
        getters[2].cancel("the scenario wants it");
        for putter in putters {
            end_of(putter).await;
        }
        // All have time to come back.
        hob::sleep(Duration::from_millis(20)).await;
        for getter in getters {
            // One may wait for what another has taken.
            getter.cancel("all has been put");
            end_of(getter).await;
        }
        let mut got = got.take();
        got.sort_unstable();
        let left = buffer.items.try_lock().expect("it is free").len();
        assert_eq!(left, 0, "they are left, and nobody was told of them");
        assert_eq!(got, (0..ITEMS).collect::<Vec<_>>());
    });
}

/// Takes numbers and puts them, until there are enough. What it gives up it tries again.
async fn put_some(buffer: &Buffer, next: &Cell<u32>, items: u32, number: u64) {
    let mut rng = rng(number);
    while next.get() < items {
        let item = next.replace(next.get() + 1);
        while hob::timeout(patience(&mut rng, 3), buffer.put(item))
            .await
            .is_err()
        {
            dawdle(&mut rng).await;
        }
        dawdle(&mut rng).await;
    }
}

/// Those who wait, and who of them has been notified and had the lock, in the order of the line.
struct Line {
    tasks: Vec<Task<()>>,
    went_on: Rc<RefCell<[bool; TASKS]>>,
}

impl Line {
    async fn form(condition: &Rc<Condition>, mutex: &Rc<Mutex<()>>) -> Self {
        let (mut tasks, went_on) = (Vec::new(), Rc::<RefCell<[bool; TASKS]>>::default());
        for number in 0..TASKS {
            let (condition, mutex) = (Rc::clone(condition), Rc::clone(mutex));
            let went_on = Rc::clone(&went_on);
            tasks.push(hob::spawn_local(async move {
                let guard = condition.wait(mutex.lock().await).await;
                went_on.borrow_mut()[number] = true;
                hob::yield_now().await;
                drop(guard);
            }));
            settle().await;
        }
        Self { tasks, went_on }
    }
}

/// Who is cancelled may have been notified, and may be waiting for the lock by then.
#[test]
fn a_notification_of_one_who_is_cancelled_goes_on_to_the_next() {
    scenario(|| async {
        let (condition, mutex) = (Rc::new(Condition::new()), Rc::new(Mutex::new(())));
        let mut rng = rng(99);
        let line = Line::form(&condition, &mutex).await;
        let mut cancelled = [false; TASKS];
        // As long as it is held, those who were notified stand in its line.
        let held = match rng.bool() {
            true => Some(mutex.lock().await),
            false => None,
        };
        let notified = rng.usize(..TASKS);
        let (now, later) = (notified / 2, notified - notified / 2);
        condition.notify(now);
        for _ in 0..rng.usize(..4) {
            dawdle(&mut rng).await;
            let number = rng.usize(..TASKS);
            cancelled[number] |= !line.went_on.borrow()[number];
            line.tasks[number].cancel("the scenario wants it");
        }
        // Whoever is cancelled has left the line by then: it is not notified.
        settle().await;
        condition.notify(later);
        drop(held);
        settle().await;
        let mut left = notified;
        let expected = cancelled.map(|gone| {
            let goes_on = !gone && left > 0;
            left -= usize::from(goes_on);
            goes_on
        });
        assert_eq!(*line.went_on.borrow(), expected, "{cancelled:?}");
        condition.notify_all();
        for task in line.tasks {
            end_of(task).await;
        }
        assert_eq!(condition.statistics().waiting, 0);
        assert!(mutex.try_lock().is_ok(), "the mutex is free");
    });
}

#[test]
fn all_who_wait_are_notified_and_have_the_lock_one_after_the_other() {
    scenario(|| async {
        let (condition, mutex) = (Rc::new(Condition::new()), Rc::new(Mutex::new(())));
        let mut rng = rng(99);
        let line = Line::form(&condition, &mutex).await;
        let gone = rng.usize(..TASKS);
        if rng.bool() {
            line.tasks[gone].cancel("the scenario wants it");
        }
        let guard = mutex.lock().await;
        condition.notify_all();
        // Whoever comes now is not notified by that.
        let late = condition.wait(guard);
        let late = hob::timeout(Duration::from_millis(20), late);
        assert!(late.await.is_err());
        let went_on = *line.went_on.borrow();
        let stayed = went_on.iter().filter(|went_on| !**went_on).count();
        assert!(stayed == 0 || (stayed == 1 && !went_on[gone]));
        for task in line.tasks {
            end_of(task).await;
        }
        assert!(mutex.try_lock().is_ok(), "the mutex is free");
    });
}
