//! The order, the clock and the end of a simulation.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hob_sim::{Simulation, check_twice, run};
use hob_sync::{Mutex, Queue, Semaphore, oneshot};
use hob_task::{spawn, spawn_local, yield_now};
use hob_time::{Instant, interval, sleep, timeout};

/// The order in which `tasks` tasks end that yield a few times.
fn order(seed: u64, tasks: u32) -> Vec<u32> {
    run(seed, async move {
        let order = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..tasks)
            .map(|number| {
                let order = Rc::clone(&order);
                spawn_local(async move {
                    for _ in 0..3 {
                        yield_now().await;
                    }
                    order.borrow_mut().push(number);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        order.take()
    })
}

/// What a panic says, with standard error left alone.
fn panic_of(ran: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(ran)).expect_err("it panics");
    hob_core::panic::message(&payload).to_owned()
}

/// Says when it is dropped.
struct Flag(Rc<Cell<bool>>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[test]
fn the_same_seed_gives_the_same_order_and_other_seeds_give_others() {
    let orders: Vec<_> = (0..20).map(|seed| order(seed, 10)).collect();
    for (seed, before) in (0..).zip(&orders) {
        assert_eq!(&order(seed, 10), before);
    }
    let different = BTreeSet::from_iter(orders);
    assert!(different.len() > 15, "{} orders of 20", different.len());
}

#[test]
fn every_order_of_three_tasks_is_reached() {
    let orders: BTreeSet<_> = (0..200).map(|seed| order(seed, 3)).collect();
    assert_eq!(orders.len(), 6);
}

#[test]
fn the_trace_tells_runs_apart() {
    let report = |seed, naps: u32| {
        let main = async move {
            for nap in 0..naps {
                sleep(Duration::from_millis(nap.into())).await;
            }
        };
        Simulation::new(seed).run_report(main).1
    };
    assert_eq!(report(3, 5), report(3, 5));
    assert_ne!(report(3, 5).trace, report(4, 5).trace);
    assert_ne!(report(3, 5).trace, report(3, 6).trace);
}

#[test]
fn two_runs_that_differ_are_told_where() {
    let mut times = 0;
    let text = panic_of(|| {
        check_twice(1, || {
            times += 1;
            let yields = times;
            async move {
                for _ in 0..yields {
                    yield_now().await;
                }
            }
        });
    });
    assert!(
        text.contains("two runs with seed 1 differ: event "),
        "{text}"
    );
    assert!(text.contains("\"the main future is ready\""), "{text}");
}

#[test]
fn time_jumps_when_nothing_is_runnable_and_no_timer_is_early() {
    for seed in 0..50 {
        run(seed, async {
            let begin = Instant::now();
            let naps: Vec<_> = [3_600, 5, 86_400 * 365, 1]
                .into_iter()
                .map(|seconds| {
                    spawn(async move {
                        let nap = Duration::from_secs(seconds);
                        let begin = Instant::now();
                        sleep(nap).await;
                        let late = begin.elapsed() - nap;
                        assert!(late < Duration::from_millis(1), "{late:?}");
                    })
                })
                .collect();
            for nap in naps {
                nap.await.unwrap();
            }
            assert!(begin.elapsed() >= Duration::from_secs(86_400 * 365));
        });
    }
}

#[test]
fn a_task_that_never_waits_does_not_stop_time() {
    for seed in 0..20 {
        run(seed, async {
            let busy = spawn(async {
                loop {
                    yield_now().await;
                }
            });
            sleep(Duration::from_millis(5)).await;
            busy.cancel("enough");
        });
    }
}

#[test]
fn a_deadlock_is_told_with_all_who_wait() {
    let text = panic_of(|| {
        run(7, async {
            let (left, right) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
            let philosopher = |name: &str, first: &Arc<Mutex<()>>, second: &Arc<Mutex<()>>| {
                let (first, second) = (Arc::clone(first), Arc::clone(second));
                hob_task::Builder::new().name(name).spawn(async move {
                    let _first = first.lock().await;
                    sleep(Duration::from_millis(1)).await;
                    let _second = second.lock().await;
                })
            };
            let (plato, kant) = (
                philosopher("Plato", &left, &right),
                philosopher("Kant", &right, &left),
            );
            plato.await.unwrap();
            kant.await.unwrap();
        });
    });
    for word in [
        "seed 7 is deadlocked",
        "Plato",
        "Kant",
        "Mutex::lock at ",
        "the main future waits in",
    ] {
        assert!(text.contains(word), "{word} is missing in: {text}");
    }
}

#[test]
fn a_wake_that_was_lost_is_found() {
    /// Forgets its waker at every other poll.
    struct Forgetful(Rc<Cell<bool>>, bool);
    impl Future for Forgetful {
        type Output = ();
        fn poll(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<()> {
            if self.0.get() {
                return std::task::Poll::Ready(());
            }
            if !self.1 {
                self.1 = true;
                cx.waker().wake_by_ref();
            }
            std::task::Poll::Pending
        }
    }
    let found = (0..50)
        .filter(|seed| {
            catch_unwind(|| {
                run(*seed, async {
                    let set = Rc::new(Cell::new(false));
                    let waits = spawn_local(Forgetful(Rc::clone(&set), false));
                    for _ in 0..3 {
                        yield_now().await;
                    }
                    set.set(true);
                    waits.await.unwrap();
                });
            })
            .is_err()
        })
        .count();
    assert!(found > 5, "{found} of 50 seeds find it");
}

#[test]
fn a_program_without_end_is_stopped() {
    let text = panic_of(|| {
        Simulation::new(1).polls_max(1000).run(async {
            let mut ticks = interval(Duration::from_secs(1));
            loop {
                ticks.tick().await;
            }
        });
    });
    assert!(text.contains("has not ended; polls_max"), "{text}");
    assert!(
        text.contains("the main future waits in Interval::tick"),
        "{text}"
    );
}

#[test]
fn a_program_that_does_not_recover_is_stopped_after_the_heal() {
    let text = panic_of(|| {
        Simulation::new(1)
            .heal(Duration::from_secs(10), Duration::from_secs(60))
            .run(async { sleep(Duration::from_secs(1_000_000)).await });
    });
    assert!(
        text.contains("has not ended 60s after all faults were healed"),
        "{text}"
    );
    Simulation::new(1)
        .heal(Duration::from_secs(10), Duration::from_secs(60))
        .run(async { sleep(Duration::from_secs(65)).await });
}

#[test]
fn what_nobody_handles_fails_the_simulation() {
    let text = panic_of(|| {
        run(1, async {
            spawn(async { panic!("nobody sees this") }).detach();
            sleep(Duration::from_secs(1)).await;
        });
    });
    assert!(text.contains("nobody handled this"), "{text}");
    assert!(text.contains("nobody sees this"), "{text}");
}

#[test]
fn a_hook_takes_what_nobody_handles() {
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let hook = Arc::clone(&told);
    Simulation::new(1)
        .on_unhandled(move |unhandled| hook.lock().unwrap().push(unhandled.kind))
        .run(async {
            spawn(async { panic!("nobody sees this") }).detach();
            sleep(Duration::from_secs(1)).await;
        });
    assert_eq!(
        *told.lock().unwrap(),
        [hob_core::unhandled::UnhandledKind::TaskPanicked]
    );
}

#[test]
fn what_is_left_is_cancelled_and_cleans_up_in_virtual_time() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let cleanup = Arc::clone(&said);
    run(5, async move {
        let task = spawn(async move {
            hob_task::on_cancel(async move {
                sleep(Duration::from_secs(3)).await;
                cleanup.lock().await.push("goodbye");
            });
            std::future::pending::<()>().await;
        });
        yield_now().await;
        sleep(Duration::from_millis(1)).await;
        task.detach();
    });
    assert_eq!(*said.try_lock().unwrap(), ["goodbye"]);
}

#[test]
fn a_panic_of_main_passes_through_and_leaves_nothing_behind() {
    let dropped = Rc::new(Cell::new(false));
    let flag = Flag(Rc::clone(&dropped));
    let text = panic_of(move || {
        run(5, async move {
            spawn_local(async move {
                let _flag = flag;
                std::future::pending::<()>().await;
            })
            .detach();
            sleep(Duration::from_millis(1)).await;
            panic!("main panics");
        });
    });
    assert_eq!(text, "main panics");
    assert!(dropped.get(), "the task was dropped");
    run(5, async {});
}

#[test]
fn a_simulation_inside_another_is_refused() {
    let text = panic_of(|| run(1, async { run(2, async {}) }));
    assert!(
        text.contains("a simulation runs on this thread already"),
        "{text}"
    );
    run(1, async {});
}

#[test]
fn blocking_jobs_run_at_once_and_on_this_thread() {
    let here = std::thread::current().id();
    run(1, async move {
        let job = hob_blocking::to_thread(|| std::thread::current().id());
        assert_eq!(job.await.unwrap(), here);
    });
}

#[test]
fn many_simulations_run_side_by_side() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for seed in 0..20 {
                    assert_eq!(order(seed, 5), order(seed, 5));
                }
            });
        }
    });
}

#[test]
fn locks_and_queues_hold_for_every_seed() {
    hob_sim::for_each_seed(300, || async {
        let queue = Queue::<u32>::bounded(2);
        let permits = Arc::new(Semaphore::new(2));
        let workers: Vec<_> = (0..3)
            .map(|_| {
                let (queue, permits) = (queue.clone(), Arc::clone(&permits));
                spawn(async move {
                    let mut sum = 0_u32;
                    while let Ok(item) = queue.get().await {
                        let Ok(permit) = timeout(Duration::from_millis(2), permits.acquire()).await
                        else {
                            sum += item.into_inner();
                            continue;
                        };
                        sleep(Duration::from_millis(1)).await;
                        drop(permit);
                        sum += item.into_inner();
                    }
                    sum
                })
            })
            .collect();
        for number in 1..=20 {
            queue.put(number).await.unwrap();
        }
        queue.join().await;
        queue.close();
        let mut sum = 0;
        for worker in workers {
            sum += worker.await.unwrap();
        }
        assert_eq!(sum, 210);
        assert_eq!(permits.available_permits(), 2);
    });
}

#[test]
fn a_wake_from_main_to_a_task_and_back_works() {
    for seed in 0..100 {
        let answer = run(seed, async {
            let (ask, asked) = oneshot::channel();
            let (reply, replied) = oneshot::channel();
            spawn(async move {
                let question: u32 = asked.await.unwrap();
                reply.send(question + 1).unwrap();
            })
            .detach();
            ask.send(41).unwrap();
            replied.await.unwrap()
        });
        assert_eq!(answer, 42);
    }
}

/// Detached tasks that wait for ever when the main future ends.
async fn leaves_tasks_behind() {
    for _ in 0..6 {
        spawn(std::future::pending::<()>()).detach();
    }
    let others: Vec<_> = (0..6)
        .map(|number| spawn(sleep(Duration::from_millis(number % 3))))
        .collect();
    for other in others {
        other.await.unwrap();
    }
}

#[test]
fn what_is_left_is_ended_in_the_same_order_each_time() {
    for seed in 0..40 {
        check_twice(seed, leaves_tasks_behind);
    }
}

#[test]
fn a_program_that_was_stopped_leaves_nothing_behind() {
    let dropped = Rc::new(Cell::new(false));
    let flag = Flag(Rc::clone(&dropped));
    let text = panic_of(move || {
        Simulation::new(1).polls_max(100).run(async move {
            spawn_local(async move {
                let _flag = flag;
                std::future::pending::<()>().await;
            })
            .detach();
            loop {
                yield_now().await;
            }
        });
    });
    assert!(text.contains("has not ended; polls_max"), "{text}");
    assert!(dropped.get(), "the task was dropped");
}

#[test]
fn only_the_programs_own_polls_count() {
    let (_, report) = Simulation::new(1).polls_max(1).run_report(async {
        for _ in 0..3 {
            spawn(std::future::pending::<()>()).detach();
        }
    });
    assert_eq!((report.polls, report.tasks), (1, 3));
}

#[test]
fn some_seeds_see_32_bits_of_milliseconds_wrap() {
    let millis = || Instant::now().as_nanos() / 1_000_000;
    let crossed = |bits: u32| {
        let crosses = |seed: &u64| {
            run(*seed, async {
                let before = millis();
                sleep(Duration::from_millis(11)).await;
                (before >> bits) != (millis() >> bits)
            })
        };
        (0..200).filter(crosses).count()
    };
    assert!(crossed(31) > 30, "half full");
    assert!(crossed(32) > 10, "full");
}

#[test]
fn a_thread_outside_is_waited_for_if_that_is_asked_for() {
    Simulation::new(3).wait_for_threads().run(async {
        let (answer, asked) = oneshot::channel();
        let thread = std::thread::Builder::new().spawn(move || answer.send(42).unwrap());
        assert_eq!(asked.await, Ok(42));
        thread.unwrap().join().unwrap();
    });
}
