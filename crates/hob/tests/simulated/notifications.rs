//! Events and notifications under cancels and timeouts: whom they are for, and that none is lost.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use hob::Task;
use hob::sync::{Event, Notify};
use hob::test::settle;

use crate::models::watched::{Step, watched};
use crate::{dawdle, end_of, patience, rng, scenario, wait};

const TASKS: usize = 6;
const ROUNDS: u32 = 6;

/// Since which `set` each task stands in line, if it does.
type Since = Rc<RefCell<[Option<u64>; TASKS]>>;

#[test]
fn an_event_lets_all_go_who_wait_when_it_is_set_and_nobody_who_comes_after_it_was_cleared() {
    scenario(|| async {
        let event = Rc::new(Event::new());
        let (sets, since) = (Rc::new(Cell::new(0)), Since::default());
        let tasks: Vec<_> = (0..TASKS)
            .map(|number| {
                let (event, sets) = (Rc::clone(&event), Rc::clone(&sets));
                let since = Rc::clone(&since);
                hob::spawn_local(wait_again_and_again(number, event, sets, since))
            })
            .collect();
        let mut rng = rng(99);
        for _ in 0..2 * ROUNDS {
            dawdle(&mut rng).await;
            event.set();
            sets.set(sets.get() + 1);
            if rng.bool() {
                event.clear();
            }
            if rng.u8(..4) == 0 {
                tasks[rng.usize(..TASKS)].cancel("the scenario wants it");
            }
            settle().await;
            let left = since
                .borrow()
                .iter()
                .flatten()
                .any(|since| *since < sets.get());
            assert!(!left, "one stood in line when it was set, and still does");
            event.clear();
        }
        event.set();
        sets.set(sets.get() + 1);
        for task in tasks {
            end_of(task).await;
        }
        assert_eq!(event.statistics().waiting, 0);
    });
}

async fn wait_again_and_again(number: usize, event: Rc<Event>, sets: Rc<Cell<u64>>, since: Since) {
    let mut rng = rng(number as u64);
    for _ in 0..ROUNDS {
        dawdle(&mut rng).await;
        let mut before = 0;
        let waiting = watched(event.wait(), |step| {
            let place = &mut since.borrow_mut()[number];
            let waiting = event.statistics().waiting;
            match step {
                Step::Asked => before = waiting,
                Step::Pending if waiting > before => *place = Some(sets.get()),
                // It stands in line already, or has no budget left.
                Step::Pending => {}
                Step::Ready(()) => match place.take() {
                    Some(since) => assert!(since < sets.get(), "nobody has set it since"),
                    None => assert!(event.is_set(), "it is not set"),
                },
                Step::Dropped => *place = None,
            }
        });
        let _in_time = wait(&mut rng, 6, waiting).await;
    }
}

/// Those who stand in line, and who of them went on, in the order of the line.
struct Line {
    tasks: Vec<Task<()>>,
    went_on: Rc<RefCell<[bool; TASKS]>>,
    cancelled: [bool; TASKS],
}

impl Line {
    /// One after the other joins the line, so that the order is known.
    async fn form(notify: &Rc<Notify>) -> Self {
        let mut line = Self {
            tasks: Vec::new(),
            went_on: Rc::default(),
            cancelled: [false; TASKS],
        };
        for number in 0..TASKS {
            let (notify, went_on) = (Rc::clone(notify), Rc::clone(&line.went_on));
            line.tasks.push(hob::spawn_local(async move {
                notify.notified().await;
                went_on.borrow_mut()[number] = true;
            }));
            settle().await;
        }
        line
    }

    fn cancel(&mut self, number: usize) {
        // Whoever went on before has taken what it waited for.
        self.cancelled[number] |= !self.went_on.borrow()[number];
        self.tasks[number].cancel("the scenario wants it");
    }

    /// The first so many of those who were not cancelled.
    fn first(&self, count: usize) -> [bool; TASKS] {
        let mut left = count;
        self.cancelled.map(|cancelled| {
            let is_one = !cancelled && left > 0;
            left -= usize::from(is_one);
            is_one
        })
    }
}

/// A notification that a cancelled task had received goes on to the next, or is kept.
#[test]
fn of_those_in_line_the_first_are_notified_who_are_still_there() {
    scenario(|| async {
        let notify = Rc::new(Notify::new());
        let mut rng = rng(99);
        let mut line = Line::form(&notify).await;
        let notifications = rng.usize(..=TASKS);
        let mut cancels = rng.usize(..=TASKS);
        for _ in 0..notifications {
            notify.notify_one();
            while cancels > 0 && rng.bool() {
                cancels -= 1;
                line.cancel(rng.usize(..TASKS));
            }
            if rng.u8(..4) == 0 {
                hob::yield_now().await;
            }
        }
        settle().await;
        let there = line.cancelled.iter().filter(|gone| !**gone).count();
        assert_eq!(*line.went_on.borrow(), line.first(notifications));
        assert_eq!(notify.statistics().is_kept, notifications > there);
        assert_eq!(
            notify.statistics().waiting,
            there.saturating_sub(notifications)
        );
        notify.notify_all();
        for task in line.tasks {
            end_of(task).await;
        }
    });
}

#[test]
fn all_who_wait_are_notified_and_nobody_who_comes_later() {
    scenario(|| async {
        let notify = Rc::new(Notify::new());
        let mut rng = rng(99);
        let mut line = Line::form(&notify).await;
        let created = notify.notified();
        let ones = rng.usize(..3);
        for _ in 0..ones {
            notify.notify_one();
        }
        notify.notify_all();
        let later = hob::timeout(Duration::from_millis(50), notify.notified());
        for _ in 0..rng.usize(..3) {
            line.cancel(rng.usize(..TASKS));
        }
        // One of them went without having taken what was for it alone.
        let passed_on = line.cancelled[..ones].contains(&true);
        assert_eq!(later.await.is_ok(), passed_on, "{notify:?}");
        created.await;
        for task in line.tasks {
            end_of(task).await;
        }
    });
}

/// Each job is put there before a notification, and taken by one who looks first and waits then.
#[test]
fn no_job_is_left_whoever_is_cancelled_while_it_waits_to_be_told_of_one() {
    const JOBS: u32 = 24;
    scenario(|| async {
        let (notify, jobs) = (Rc::new(Notify::new()), Rc::new(Cell::new(0)));
        let done = Rc::new(Cell::new(0));
        let tasks: Vec<_> = (0..TASKS as u64)
            .map(|number| {
                let (notify, jobs) = (Rc::clone(&notify), Rc::clone(&jobs));
                let done = Rc::clone(&done);
                hob::spawn_local(async move {
                    let mut rng = rng(number);
                    // The last one waits as long as it takes; the others come now and then.
                    let is_last = number + 1 == TASKS as u64;
                    for _ in 0..if is_last { u32::MAX } else { ROUNDS } {
                        let patience = patience(&mut rng, 4);
                        if is_last {
                            take_job(&notify, &jobs).await;
                        } else if hob::timeout(patience, take_job(&notify, &jobs))
                            .await
                            .is_err()
                        {
                            continue;
                        }
                        done.set(done.get() + 1);
                        dawdle(&mut rng).await;
                    }
                })
            })
            .collect();
        let mut rng = rng(99);
        for _ in 0..JOBS {
            dawdle(&mut rng).await;
            jobs.set(jobs.get() + 1);
            notify.notify_one();
            if rng.u8(..8) == 0 {
                tasks[rng.usize(..TASKS - 1)].cancel("the scenario wants it");
            }
        }
        // All have time to come back, and nothing else to wait for.
        hob::sleep(Duration::from_millis(20)).await;
        assert_eq!((jobs.get(), done.get()), (0, JOBS), "{notify:?}");
        for task in tasks {
            task.cancel("all is done");
            end_of(task).await;
        }
        assert_eq!(notify.statistics().waiting, 0);
    });
}

async fn take_job(notify: &Notify, jobs: &Cell<u32>) {
    loop {
        let mut notified = pin!(notify.notified());
        notified.as_mut().enable();
        if let Some(left) = jobs.get().checked_sub(1) {
            jobs.set(left);
            return;
        }
        notified.await;
    }
}
