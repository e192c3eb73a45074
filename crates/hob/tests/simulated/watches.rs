//! Watched values beside a plain model: a receiver that is behind learns of it, and one that is not
//! waits.

use std::cell::Cell;
use std::rc::Rc;

use fastrand::Rng;
use hob::sync::watch::{self, Receiver, RecvError, Sender};

use crate::models::watched::{Step, watched};
use crate::{dawdle, end_of, rng, scenario, wait};

const SENDERS: u64 = 2;
const ROUNDS: usize = 12;

/// What the channel must know. The value is the number of the change that made it.
struct Model {
    changes: Cell<u64>,
    senders: Cell<usize>,
    receivers: Cell<usize>,
}

/// A receiver, and what it has seen.
struct End {
    receiver: Receiver<u64>,
    seen: Cell<u64>,
    model: Rc<Model>,
}

impl End {
    fn new(receiver: Receiver<u64>, seen: u64, model: &Rc<Model>) -> Self {
        model.receivers.set(model.receivers.get() + 1);
        Self {
            receiver,
            seen: Cell::new(seen),
            model: Rc::clone(model),
        }
    }

    /// What a wait for a change is told now; `None` if it has to wait.
    fn told(&self) -> Option<Result<(), RecvError>> {
        Model::told(&self.model, self.seen.get())
    }
}

impl Model {
    fn told(&self, seen: u64) -> Option<Result<(), RecvError>> {
        if seen < self.changes.get() {
            Some(Ok(()))
        } else {
            (self.senders.get() == 0).then_some(Err(RecvError))
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // The receiver itself goes right after this.
        self.model.receivers.set(self.model.receivers.get() - 1);
    }
}

async fn send_some(number: u64, sender: Sender<u64>, model: Rc<Model>) {
    let mut rng = rng(number);
    let _gone = Gone(&model);
    let sender = sender;
    for _ in 0..ROUNDS {
        dawdle(&mut rng).await;
        let next = model.changes.get() + 1;
        match rng.u8(..3) {
            0 => {
                let sent = sender.send(next).is_ok();
                assert_eq!(sent, model.receivers.get() > 0);
                model.changes.set(next - u64::from(!sent));
            }
            1 => {
                assert_eq!(sender.send_replace(next), next - 1);
                model.changes.set(next);
            }
            _ => {
                let modified = rng.bool();
                let told = sender.send_if_modified(|value| {
                    *value += u64::from(modified);
                    modified
                });
                assert_eq!(told, modified);
                model.changes.set(next - u64::from(!modified));
            }
        }
        let seen = sender.statistics();
        let real = (seen.changes as u64, seen.senders, seen.receivers);
        let expected = (
            model.changes.get(),
            model.senders.get(),
            model.receivers.get(),
        );
        assert_eq!(real, expected);
        assert_eq!(*sender.borrow(), model.changes.get());
    }
}

/// Counts a sender as gone, after it has gone.
struct Gone<'a>(&'a Model);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.senders.set(self.0.senders.get() - 1);
    }
}

/// Watches until no sender is left.
async fn watch_all(number: u64, mut end: End) {
    let mut rng = rng(number);
    loop {
        dawdle(&mut rng).await;
        match rng.u8(..6) {
            0 => {
                let told = end.told();
                let changed = end.receiver.has_changed();
                assert_eq!(changed, told.map_or(Ok(false), |told| told.map(|()| true)));
            }
            1 => {
                assert_eq!(*end.receiver.borrow_and_update(), end.model.changes.get());
                end.seen.set(end.model.changes.get());
            }
            2 => assert_eq!(*end.receiver.borrow(), end.model.changes.get()),
            _ if wait_for_change(&mut end, &mut rng).await => break,
            _ => {}
        }
    }
    assert_eq!(end.seen.get(), end.model.changes.get());
    assert_eq!(*end.receiver.borrow(), end.seen.get(), "the last is missed");
}

async fn wait_for_change(end: &mut End, rng: &mut Rng) -> bool {
    let (model, seen) = (&end.model, &end.seen);
    let changing = watched(end.receiver.changed(), |step| match step {
        Step::Ready(changed) => {
            assert_eq!(Some(*changed), model.told(seen.get()));
            seen.set(model.changes.get());
        }
        // Given up: what changed meanwhile has not been seen.
        Step::Asked | Step::Pending | Step::Dropped => {}
    });
    let changed = wait(rng, 6, changing).await;
    changed == Some(Err(RecvError))
}

#[test]
fn a_watched_value_does_what_its_model_does() {
    scenario(|| async {
        let (sender, receiver) = watch::channel(0);
        let model = Rc::new(Model {
            changes: Cell::new(0),
            senders: Cell::new(SENDERS as usize),
            receivers: Cell::new(0),
        });
        let mut rng = rng(99);
        let mut receivers = Vec::new();
        for number in 1..3 {
            let end = End::new(receiver.clone(), 0, &model);
            receivers.push(hob::spawn_local(watch_all(50 + number, end)));
        }
        let end = End::new(receiver, 0, &model);
        receivers.push(hob::spawn_local(watch_all(50, end)));
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                let sending = send_some(number, sender.clone(), Rc::clone(&model));
                hob::spawn_local(sending)
            })
            .collect();
        drop(sender);
        for _ in 0..rng.u8(..4) {
            dawdle(&mut rng).await;
            receivers[rng.usize(..3)].cancel("the scenario wants it");
        }
        for task in senders.into_iter().chain(receivers) {
            end_of(task).await;
        }
    });
}

/// Each waits for a number of its own, and nobody for one that has come.
#[test]
fn whoever_waits_for_a_value_that_comes_and_stays_gets_it() {
    scenario(|| async {
        let (sender, receiver) = watch::channel(0);
        let waiters: Vec<_> = (0..6)
            .map(|number| {
                let mut receiver = receiver.clone();
                hob::spawn_local(async move {
                    let mut rng = rng(number);
                    let wanted = rng.u64(..10);
                    dawdle(&mut rng).await;
                    let found = loop {
                        let waiting = receiver.wait_for(|value| *value >= wanted);
                        let found = wait(&mut rng, 6, waiting).await;
                        if let Some(found) = found {
                            break *found.expect("it comes before the sender goes");
                        }
                    };
                    assert!(found >= wanted);
                })
            })
            .collect();
        let mut rng = rng(99);
        for value in 1..10 {
            dawdle(&mut rng).await;
            sender.send(value).expect("there is a receiver");
        }
        drop(receiver);
        let gone = hob::timeout(std::time::Duration::from_secs(1), sender.closed());
        assert!(gone.await.is_ok(), "all have got what they want, and gone");
        for waiter in waiters {
            end_of(waiter).await;
        }
    });
}
