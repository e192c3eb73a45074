//! Models of the census, and of a task's slot between its future, its handle and whoever cancels.

#![cfg(loom)]

use std::future::poll_fn;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use hob_core::context::{self, Local, Role};
use hob_core::env::{Admission, Env, Parts};
use hob_core::task::{Occupant, Request};
use hob_core::{CancelReason, TaskId, TaskLabel, TaskSlot};
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;

fn move_in(slot: &TaskSlot) -> TaskId {
    occupy(slot, 0)
}

fn occupy(slot: &TaskSlot, env: u64) -> TaskId {
    let label = TaskLabel::new(None, Location::caller());
    let (id, parent) = (label.id, None);
    slot.occupy(Occupant { label, parent, env });
    id
}

fn because() -> CancelReason {
    CancelReason::from(String::from("it takes too long"))
}

/// A label whose place is this file's, and differs by number: 1 or 2.
fn label_of_line(number: u32) -> TaskLabel {
    let places = [Location::caller(), elsewhere()];
    TaskLabel::new(None, places[number as usize - 1])
}

fn elsewhere() -> &'static Location<'static> {
    Location::caller()
}

/// A token that ends a wait. loom's own `unpark` would also end a `join`.
struct Token {
    left: Mutex<bool>,
    bell: Condvar,
}

impl Token {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            left: Mutex::new(false),
            bell: Condvar::new(),
        })
    }
}

impl Wake for Token {
    fn wake(self: Arc<Self>) {
        *self.left.lock().expect("no model panics here") = true;
        self.bell.notify_one();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let token = Token::new();
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

/// A thread that is a worker with that number uses another part of the census than one that is not.
fn on_worker<R>(env: &Arc<Env>, act: impl FnOnce() -> R) -> R {
    let local = Local::new(env, Role::Worker).with_worker(0);
    context::enter(&local, act)
}

#[test]
fn who_enrolls_on_another_shard_is_refused_or_awaited() {
    loom::model(|| {
        let env = Arc::new(Env::new(Parts::default()));
        let done = Arc::new(AtomicUsize::new(0));
        let spawner = {
            let (env, done) = (Arc::clone(&env), Arc::clone(&done));
            thread::spawn(move || {
                let enrolled = on_worker(&env, || env.enroll().is_ok());
                if enrolled {
                    done.store(1, Ordering::Relaxed);
                    // A guest ends what a worker began.
                    env.discharge();
                }
                enrolled
            })
        };
        env.close();
        await_empty(&env);
        let seen = done.load(Ordering::Relaxed);
        let enrolled = spawner.join().expect("it does not panic");
        assert_eq!(seen, usize::from(enrolled), "closed and empty stays so");
        assert_eq!(env.tasks_alive(), 0);
    });
}

#[test]
fn the_last_ends_on_two_shards_wake_who_waits() {
    loom::model(|| {
        let env = Arc::new(Env::new(Parts::default()));
        env.enroll().expect("it is open");
        env.enroll().expect("it is open");
        let worker = {
            let env = Arc::clone(&env);
            thread::spawn(move || on_worker(&env, || env.discharge()))
        };
        let guest = {
            let env = Arc::clone(&env);
            thread::spawn(move || env.discharge())
        };
        await_empty(&env);
        worker.join().expect("it does not panic");
        guest.join().expect("it does not panic");
    });
}

#[test]
fn who_comes_while_the_runtime_is_drained_is_told_or_found() {
    loom::model(|| {
        let env = Arc::new(Env::new(Parts::default()));
        let slot = Arc::new(TaskSlot::new());
        let spawner = {
            let (env, slot) = (Arc::clone(&env), Arc::clone(&slot));
            thread::spawn(move || {
                occupy(&slot, env.id());
                on_worker(&env, || env.admit()).expect("it is not closed") == Admission::Draining
            })
        };
        env.drain();
        let found = slot.alive_in(env.id()).is_some();
        let told = spawner.join().expect("it does not panic");
        assert!(found || told, "a task slipped through");
    });
}

#[test]
fn a_request_never_reaches_the_next_occupant() {
    loom::model(|| {
        let slot = Arc::new(TaskSlot::new());
        let first = move_in(&slot);
        let canceller = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.request(first, Request::Cancel, because()))
        };
        drop(slot.future_gone(true));
        drop(slot.vacate());
        let next = move_in(&slot);
        assert_eq!(slot.requested(), Request::None);
        canceller.join().expect("it does not panic");
        assert_eq!(slot.requested_of(next), Some(Request::None));
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
            thread::spawn(move || slot.request(id, Request::Cancel, because()))
        };
        if slot.requested() == Request::Cancel {
            assert!(slot.reason().is_some());
        }
        drop(slot.future_gone(true));
        let made = canceller.join().expect("it does not panic");
        assert_eq!(slot.reason().is_some(), made, "made means made in time");
    });
}

#[test]
fn one_of_two_reasons_stays() {
    loom::model(|| {
        let slot = Arc::new(TaskSlot::new());
        let id = move_in(&slot);
        let canceller = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.request(id, Request::Cancel, because()))
        };
        assert!(slot.request(id, Request::Abandon, CancelReason::Shutdown));
        let first = slot.reason();
        assert!(first.is_some());
        assert!(canceller.join().expect("it does not panic"));
        assert_eq!(slot.reason(), first, "the first reason stays");
        assert_eq!(slot.requested(), Request::Abandon);
    });
}

#[test]
fn a_task_that_suspends_is_woken_or_sees_the_request() {
    loom::model(|| {
        let slot = Arc::new(TaskSlot::new());
        let id = move_in(&slot);
        let canceller = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || assert!(slot.request(id, Request::Cancel, because())))
        };
        // The first poll of a task, and those that follow when it is woken.
        let mut is_first = true;
        block_on(poll_fn(|cx| {
            if slot.requested() == Request::None && is_first {
                slot.keep_alive(cx.waker().clone());
                is_first = false;
            }
            match slot.requested() {
                Request::None => Poll::Pending,
                _ => Poll::Ready(()),
            }
        }));
        canceller.join().expect("it does not panic");
        drop(slot.future_gone(true));
    });
}

#[test]
fn a_late_request_wakes_nobody_else() {
    loom::model(|| {
        let slot = Arc::new(TaskSlot::new());
        let first = move_in(&slot);
        let token = Token::new();
        slot.keep_alive(Waker::from(Arc::clone(&token)));
        let canceller = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || slot.request(first, Request::Cancel, CancelReason::Shutdown))
        };
        drop(slot.future_gone(true));
        drop(slot.vacate());
        let next = Token::new();
        move_in(&slot);
        slot.keep_alive(Waker::from(Arc::clone(&next)));
        canceller.join().expect("it does not panic");
        assert!(!*next.left.lock().expect("no model panics here"));
        drop(slot.future_gone(true));
    });
}

#[test]
fn a_dump_never_mixes_two_tasks() {
    loom::model(|| {
        let slot = Arc::new(TaskSlot::new());
        let (first, second) = (label_of_line(1), label_of_line(2));
        let places = [first.clone(), second.clone()].map(|label| (label.id, label.place));
        let occupy = |slot: &TaskSlot, label: TaskLabel| {
            let (parent, env) = (Some(label.id), 0);
            slot.occupy(Occupant { label, parent, env });
        };
        occupy(&slot, first);
        let tasks = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || {
                drop(slot.future_gone(false));
                drop(slot.vacate());
                occupy(&slot, second);
            })
        };
        if let Some(task) = slot.snapshot(0) {
            assert!(places.contains(&(task.label.id, task.label.place)));
            assert_eq!(task.parent, Some(task.label.id));
        }
        tasks.join().expect("it does not panic");
    });
}

#[test]
fn a_dump_never_pairs_a_wait_with_another_place() {
    loom::model(|| {
        let slot = Arc::new(TaskSlot::new());
        move_in(&slot);
        let (here, there) = (Location::caller(), label_of_line(1).place);
        let task = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || {
                slot.record_wait(&"here", here);
                slot.record_wait(&"there", there);
                slot.record_wait(&"here", here);
            })
        };
        if let Some(wait) = slot.snapshot(0).expect("it is alive").wait {
            let place = if wait.what == "here" { here } else { there };
            assert_eq!(wait.place, place, "{wait}");
        }
        task.join().expect("it does not panic");
    });
}
