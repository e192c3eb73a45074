//! Running for ever, stopping, running again: the loop as something that one holds in the hand.

use std::cell::{Cell, RefCell};
use std::future::{self, Future};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use hob::{LocalRuntime, Runtime};

fn pool() -> Runtime {
    let builder = Runtime::builder().worker_threads(2);
    builder.build().expect("it can be made")
}

fn local() -> LocalRuntime {
    LocalRuntime::new().expect("it can be made")
}

mod stop {
    use super::*;

    #[test]
    fn in_a_task_ends_a_pool_that_runs_for_ever() {
        let runtime = pool();
        let handle = runtime.handle();
        let task = runtime.spawn(async move {
            hob::sleep(Duration::from_millis(5)).await;
            handle.stop();
            42
        });
        runtime.run_forever();
        assert_eq!(runtime.block_on(task).ok(), Some(42));
    }

    #[test]
    fn on_another_thread_ends_either() {
        for one_thread in [false, true] {
            let pool = (!one_thread).then(pool);
            let local = one_thread.then(local);
            let handle = match (&pool, &local) {
                (Some(pool), _) => pool.handle(),
                (None, Some(local)) => local.handle(),
                (None, None) => unreachable!("one of them was made"),
            };
            // It tells that the loop runs before it asks for the stop.
            let (sender, runs) = channel();
            handle
                .spawn(async move { sender.send(()).unwrap() })
                .detach();
            let stops = thread::Builder::new()
                .spawn(move || {
                    runs.recv().expect("the loop runs");
                    handle.stop();
                })
                .expect("a thread starts");
            pool.iter().for_each(Runtime::run_forever);
            local.iter().for_each(LocalRuntime::run_forever);
            stops.join().unwrap();
        }
    }

    #[test]
    fn before_a_pool_runs_counts_once() {
        let runtime = pool();
        runtime.handle().stop();
        runtime.handle().stop();
        runtime.run_forever();
        // The next one needs a stop of its own.
        let handle = runtime.handle();
        let task = runtime.spawn(async move {
            hob::sleep(Duration::from_millis(5)).await;
            handle.stop();
        });
        runtime.run_forever();
        runtime.block_on(task).expect("it ends");
    }

    #[test]
    fn before_one_thread_runs_gives_exactly_one_pass() {
        let runtime = local();
        let passes = Rc::new(Cell::new(0));
        let counted = Rc::clone(&passes);
        let task = runtime.spawn_local(async move {
            loop {
                counted.set(counted.get() + 1);
                hob::yield_now().await;
            }
        });
        for expected in 1..=3 {
            runtime.handle().stop();
            runtime.run_forever();
            assert_eq!(passes.get(), expected);
        }
        task.cancel("seen");
    }

    #[test]
    fn on_one_thread_leaves_what_its_pass_has_queued() {
        let runtime = local();
        let order = Rc::new(RefCell::new(Vec::new()));
        let (stops, later) = (Rc::clone(&order), Rc::clone(&order));
        let handle = runtime.handle();
        let first = runtime.spawn_local(async move {
            handle.stop();
            stops.borrow_mut().push("stop");
            let queued = Rc::clone(&stops);
            hob::spawn_local(async move { queued.borrow_mut().push("queued") }).detach();
        });
        let second = runtime.spawn_local(async move { later.borrow_mut().push("same pass") });
        runtime.run_forever();
        assert!(first.is_finished() && second.is_finished());
        assert_eq!(*order.borrow(), ["stop", "same pass"]);
        runtime.block_on(hob::yield_now());
        assert_eq!(*order.borrow(), ["stop", "same pass", "queued"]);
    }

    #[test]
    fn asked_for_while_a_future_is_awaited_ends_the_next_run() {
        let runtime = local();
        let handle = runtime.handle();
        let answer = runtime.block_on(async move {
            handle.stop();
            hob::sleep(Duration::from_millis(5)).await;
            42
        });
        assert_eq!(answer, 42, "`block_on` does not care");
        runtime.run_forever();
    }
}

mod again {
    use super::*;

    #[test]
    fn one_thread_keeps_its_tasks_between_two_runs() {
        let runtime = local();
        let steps = Rc::new(Cell::new(0));
        let counted = Rc::clone(&steps);
        let task = runtime.spawn_local(async move {
            loop {
                counted.set(counted.get() + 1);
                hob::yield_now().await;
            }
        });
        assert_eq!(steps.get(), 0, "nothing runs before the first run");
        runtime.block_on(hob::yield_now());
        let between = steps.get();
        assert!(between > 0);
        assert_eq!(runtime.handle().tasks().len(), 1);
        assert_eq!(steps.get(), between, "nothing runs between two runs");
        runtime.block_on(hob::yield_now());
        assert!(steps.get() > between);
        task.cancel("seen");
        runtime.block_on(task).expect_err("it was cancelled");
    }

    #[test]
    fn a_timer_of_one_run_fires_in_the_next() {
        let runtime = local();
        let task = runtime.spawn_local(hob::sleep(Duration::from_millis(10)));
        runtime.block_on(hob::yield_now());
        runtime.block_on(hob::sleep(Duration::from_millis(1)));
        runtime.block_on(task).expect("it fires");
    }

    #[test]
    fn a_sleep_that_waited_in_one_run_fires_in_the_next() {
        let runtime = local();
        let mut sleep = Box::pin(hob::sleep(Duration::from_millis(5)));
        runtime.block_on(future::poll_fn(|cx| {
            assert!(sleep.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        }));
        runtime.block_on(sleep);
    }

    #[test]
    fn a_pool_runs_its_tasks_between_two_runs() {
        let runtime = pool();
        let (sender, heard) = channel();
        runtime.block_on(async {
            hob::spawn(async move {
                hob::sleep(Duration::from_millis(5)).await;
                sender.send(42).expect("somebody listens");
            })
            .detach();
        });
        // Nobody is in `block_on` now.
        assert_eq!(heard.recv(), Ok(42));
    }

    #[test]
    fn two_threads_wait_in_one_pool_at_once() {
        let runtime = Arc::new(pool());
        let (sender, receiver) = hob::sync::oneshot::channel();
        let other = Arc::clone(&runtime);
        let waits = thread::Builder::new()
            .spawn(move || other.block_on(receiver))
            .expect("a thread starts");
        runtime.block_on(async move { sender.send(42).expect("somebody waits") });
        assert_eq!(waits.join().unwrap().ok(), Some(42));
    }
}

mod order {
    use super::*;

    const TASKS: usize = 1000;

    #[test]
    fn on_one_thread_is_that_of_arrival() {
        let order = hob::run_local(async {
            let order = Rc::new(RefCell::new(Vec::new()));
            let tasks: Vec<_> = (0..TASKS)
                .map(|number| {
                    let order = Rc::clone(&order);
                    hob::spawn_local(async move {
                        for round in 0..3 {
                            order.borrow_mut().push((round, number));
                            hob::yield_now().await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.expect("it ends");
            }
            order.take()
        });
        let expected: Vec<_> = (0..3)
            .flat_map(|round| (0..TASKS).map(move |number| (round, number)))
            .collect();
        assert_eq!(order, expected);
    }

    #[test]
    fn on_one_thread_wakes_keep_the_order_in_which_they_came() {
        let runtime = local();
        let order = Rc::new(RefCell::new(Vec::new()));
        let (senders, tasks): (Vec<_>, Vec<_>) = (0..TASKS)
            .map(|number| {
                let (sender, receiver) = hob::sync::oneshot::channel::<()>();
                let order = Rc::clone(&order);
                let task = runtime.spawn_local(async move {
                    receiver.await.expect("it is sent");
                    order.borrow_mut().push(number);
                });
                (sender, task)
            })
            .unzip();
        runtime.block_on(hob::yield_now());
        // Backwards, from another thread.
        thread::scope(|scope| {
            scope.spawn(|| {
                for sender in senders.into_iter().rev() {
                    sender.send(()).expect("somebody waits");
                }
            });
        });
        runtime.block_on(async {
            for task in tasks {
                task.await.expect("it ends");
            }
        });
        let expected: Vec<_> = (0..TASKS).rev().collect();
        assert_eq!(*order.borrow(), expected);
    }
}

mod from_another_thread {
    use super::*;

    #[test]
    fn tasks_come_through_a_handle_and_wake_a_sleeping_loop() {
        let runtime = local();
        let handle = runtime.handle();
        let home = thread::current().id();
        let (sender, sleeps) = channel();
        let other = thread::Builder::new()
            .spawn(move || {
                sleeps.recv().expect("the loop runs");
                for _ in 0..100 {
                    let task = handle.spawn(async { thread::current().id() });
                    let ran = futures_lite::future::block_on(task);
                    assert_eq!(ran.expect("it ends"), home);
                }
                handle.stop();
            })
            .expect("a thread starts");
        runtime
            .spawn_local(async move {
                sender.send(()).expect("somebody listens");
                future::pending::<()>().await;
            })
            .detach();
        runtime.run_forever();
        other.join().unwrap();
    }

    #[test]
    fn what_is_not_send_is_refused() {
        let runtime = local();
        let handle = runtime.handle();
        let other = thread::Builder::new().spawn(move || {
            handle.enter(|| hob::spawn_local(async {}).detach());
        });
        let payload = other
            .unwrap()
            .join()
            .expect_err("it is not the home thread");
        let message = payload.downcast_ref::<&str>().expect("it is a sentence");
        assert!(message.contains("one-thread runtime"), "{message}");
        assert!(runtime.handle().tasks().is_empty());
    }
}

#[test]
fn each_stop_ends_one_of_two_that_run_for_ever() {
    let runtime = Arc::new(Runtime::new().expect("it starts"));
    let (ended, ends) = channel();
    for _ in 0..2 {
        let (runtime, ended) = (Arc::clone(&runtime), ended.clone());
        thread::Builder::new()
            .spawn(move || {
                runtime.run_forever();
                ended.send(()).expect("somebody waits");
            })
            .expect("a thread starts");
    }
    for _ in 0..2 {
        runtime.handle().stop();
        let patience = Duration::from_secs(20);
        ends.recv_timeout(patience).expect("one of them ends");
    }
}
