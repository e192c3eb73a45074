//! Models of the census, and of a task's slot between its future, its handle and whoever cancels.

#![cfg(loom)]

use std::future::poll_fn;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use hob_core::env::{Env, Parts};
use hob_core::task::{Occupant, Request, Vacancy};
use hob_core::{CancelReason, TaskId, TaskLabel, TaskSlot};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;

fn move_in(slot: &TaskSlot) -> TaskId {
    let label = TaskLabel::new(None, Location::caller());
    let id = label.id;
    slot.occupy(Occupant {
        label,
        parent: None,
        env: 0,
    });
    id
}

/// A token that ends a wait. loom's own `unpark` would also end a `join`.
struct Token {
    left: Mutex<bool>,
    bell: Condvar,
}

impl Wake for Token {
    fn wake(self: Arc<Self>) {
        *self.left.lock().expect("no model panics here") = true;
        self.bell.notify_one();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let token = Arc::new(Token {
        left: Mutex::new(false),
        bell: Condvar::new(),
    });
    let waker = Waker::from(Arc::clone(&token));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let mut left = token.left.lock().expect("no model panics here");
        while !*left {
            left = token.bell.wait(left).expect("no model panics here");
        }
        *left = false;
    }
}

/// Waits until the census is empty; a wakeup that is lost is a deadlock, which loom reports.
fn await_empty(env: &Env) {
    block_on(poll_fn(|cx| env.poll_empty(cx)));
}

#[test]
fn whoever_enrolled_is_seen_by_the_one_who_closed() {
    loom::model(|| {
        let env = Arc::new(Env::new(Parts::default()));
        let done = Arc::new(AtomicUsize::new(0));
        let spawner = {
            let (env, done) = (Arc::clone(&env), Arc::clone(&done));
            thread::spawn(move || {
                let enrolled = env.enroll().is_ok();
                if enrolled {
                    done.store(1, Ordering::Relaxed);
                    env.discharge();
                }
                enrolled
            })
        };
        env.close();
        await_empty(&env);
        // Relaxed: that the task is seen as gone must make visible what it did.
        let seen = done.load(Ordering::Relaxed);
        let enrolled = spawner.join().expect("it does not panic");
        assert_eq!(seen, usize::from(enrolled), "closed and empty stays so");
        assert_eq!(env.tasks_alive(), 0);
    });
}

#[test]
fn the_last_of_two_tasks_wakes_who_waits() {
    loom::model(|| {
        let env = Arc::new(Env::new(Parts::default()));
        env.enroll().expect("it is open");
        env.enroll().expect("it is open");
        let tasks = [(); 2].map(|()| {
            let env = Arc::clone(&env);
            thread::spawn(move || env.discharge())
        });
        env.close();
        await_empty(&env);
        for task in tasks {
            task.join().expect("it does not panic");
        }
    });
}

#[test]
fn two_wait_and_both_are_woken() {
    loom::model(|| {
        let env = Arc::new(Env::new(Parts::default()));
        env.enroll().expect("it is open");
        let waiter = {
            let env = Arc::clone(&env);
            thread::spawn(move || await_empty(&env))
        };
        let task = {
            let env = Arc::clone(&env);
            thread::spawn(move || env.discharge())
        };
        await_empty(&env);
        waiter.join().expect("it does not panic");
        task.join().expect("it does not panic");
    });
}

#[test]
fn a_request_never_reaches_the_next_occupant() {
    loom::model(|| {
        let slot = Arc::new(TaskSlot::new());
        let first = move_in(&slot);
        let canceller = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || {
                slot.request(
                    first,
                    Request::Cancel,
                    CancelReason::from("it takes too long"),
                )
            })
        };
        assert_eq!(slot.handle_gone(), Vacancy::InUse);
        let (vacancy, _) = slot.future_gone();
        assert_eq!(vacancy, Vacancy::Free);
        move_in(&slot);
        assert_eq!(slot.requested(), Request::None);
        canceller.join().expect("it does not panic");
        assert_eq!(slot.requested(), Request::None);
        assert_eq!(slot.reason(), None);
    });
}

#[test]
fn a_request_that_was_made_is_seen_with_its_reason() {
    loom::model(|| {
        let slot = Arc::new(TaskSlot::new());
        let id = move_in(&slot);
        let canceller = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || {
                slot.request(id, Request::Cancel, CancelReason::from("it takes too long"))
            })
        };
        if slot.requested() == Request::Cancel {
            assert!(slot.reason().is_some());
        }
        let (vacancy, _) = slot.future_gone();
        assert_eq!(vacancy, Vacancy::InUse);
        let made = canceller.join().expect("it does not panic");
        assert_eq!(slot.reason().is_some(), made, "made means made in time");
    });
}

#[test]
fn exactly_one_of_future_and_handle_frees_the_slot() {
    loom::model(|| {
        let slot = Arc::new(TaskSlot::new());
        move_in(&slot);
        let handle = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.handle_gone())
        };
        let (by_future, _) = slot.future_gone();
        let by_handle = handle.join().expect("it does not panic");
        assert_ne!(by_future, by_handle);
        move_in(&slot);
    });
}

#[test]
fn a_joiner_that_was_filed_is_woken_or_sees_the_end() {
    loom::model(|| {
        let slot = Arc::new(TaskSlot::new());
        move_in(&slot);
        let ended = Arc::new(AtomicUsize::new(0));
        let task = {
            let (slot, ended) = (Arc::clone(&slot), Arc::clone(&ended));
            thread::spawn(move || {
                ended.store(1, Ordering::Relaxed);
                if let Some(joiner) = slot.take_joiner() {
                    joiner.wake();
                }
            })
        };
        block_on(poll_fn(|cx| {
            slot.set_joiner(cx.waker());
            // Relaxed: the slot's lock orders it. Whoever took no joiner came before us.
            match ended.load(Ordering::Relaxed) {
                0 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        }));
        task.join().expect("it does not panic");
    });
}
