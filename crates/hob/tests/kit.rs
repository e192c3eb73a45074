//! The test kit, on the real clock and in the simulator.
#![cfg(feature = "sim")]

#[path = "kit/toy.rs"]
mod toy;

use std::cell::{Cell, RefCell};
use std::future::{self, Future};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use hob::sync::{Mutex, Queue, Semaphore, mpsc};
use hob::test::{Cut, Cuts, cancel_everywhere, settle};
use hob::time::Instant;

use crate::toy::Toy;

const HOUR: Duration = Duration::from_secs(3600);

/// Runs it on one thread with the real clock, and in the simulator with some seeds.
fn in_both_worlds(test: impl AsyncFn()) {
    hob::run_local(test());
    for seed in hob::sim::seeds(20) {
        hob::sim::run(seed, test());
    }
}

/// The message of the panic that `act` ends with.
fn panic_of(act: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(act)).expect_err("it must panic");
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload
            .downcast_ref::<&str>()
            .map_or_else(|| "no text".to_owned(), |text| (*text).to_owned()),
    }
}

mod settling {
    use super::*;

    #[test]
    fn it_waits_until_every_task_is_blocked() {
        in_both_worlds(async || {
            let steps = Rc::new(Cell::new(0));
            for _ in 0..3 {
                let steps = Rc::clone(&steps);
                hob::spawn_local(async move {
                    for _ in 0..10 {
                        hob::yield_now().await;
                        steps.set(steps.get() + 1);
                    }
                    future::pending::<()>().await;
                })
                .detach();
            }
            settle().await;
            assert_eq!(steps.get(), 30);
        });
    }

    #[test]
    fn it_completes_before_time_moves_on() {
        in_both_worlds(async || {
            let start = Instant::now();
            let sleeper = hob::spawn(hob::sleep(HOUR));
            settle().await;
            assert!(!sleeper.is_finished());
            assert!(start.elapsed() < HOUR / 2);
        });
    }

    #[test]
    fn what_a_due_timer_starts_comes_first() {
        hob::run_local(async {
            let start = Instant::now();
            let time = Duration::from_millis(2);
            let sleeper = hob::spawn(async move {
                hob::sleep(time).await;
                for _ in 0..5 {
                    hob::yield_now().await;
                }
            });
            settle().await;
            while start.elapsed() <= 2 * time {
                std::hint::spin_loop();
            }
            settle().await;
            assert!(sleeper.is_finished());
        });
    }

    #[test]
    fn a_wake_for_no_reason_does_not_complete_it() {
        in_both_worlds(async || {
            let waker = Rc::new(RefCell::new(None::<Waker>));
            let steps = Rc::new(Cell::new(0));
            let (own, counted) = (Rc::clone(&waker), Rc::clone(&steps));
            hob::spawn_local(async move {
                for _ in 0..10 {
                    hob::yield_now().await;
                    if let Some(waker) = &*own.borrow() {
                        waker.wake_by_ref();
                    }
                    counted.set(counted.get() + 1);
                }
            })
            .detach();
            let mut settled = pin!(settle());
            future::poll_fn(|cx| {
                waker.replace(Some(cx.waker().clone()));
                settled.as_mut().poll(cx)
            })
            .await;
            assert_eq!(steps.get(), 10);
        });
    }

    #[test]
    fn several_complete_together() {
        in_both_worlds(async || {
            let others = [hob::spawn_local(settle()), hob::spawn_local(settle())];
            settle().await;
            for other in others {
                other.await.expect("it completes");
            }
        });
    }

    #[test]
    fn one_settles_after_the_other() {
        in_both_worlds(async || {
            let queue = Queue::unbounded();
            let echo = queue.clone();
            let task = hob::spawn(async move { echo.get().await.map(hob::sync::Item::into_inner) });
            settle().await;
            assert!(!task.is_finished());
            queue.try_put(7).expect("there is room");
            settle().await;
            assert!(task.is_finished());
        });
    }

    #[test]
    fn dropped_settle_leaves_no_waker() {
        in_both_worlds(async || {
            let counter = Arc::new(Counter::default());
            let waker = Waker::from(Arc::clone(&counter));
            {
                let mut settled = pin!(settle());
                let mut cx = Context::from_waker(&waker);
                assert!(settled.as_mut().poll(&mut cx).is_pending());
                assert_eq!(Arc::strong_count(&counter), 3, "it is kept");
            }
            assert_eq!(Arc::strong_count(&counter), 2);
            settle().await;
            assert_eq!(counter.0.load(Ordering::Relaxed), 0);
        });
    }

    #[test]
    fn it_may_move_to_another_runtime() {
        let mut settled = Box::pin(settle());
        let counter = Arc::new(Counter::default());
        let waker = Waker::from(Arc::clone(&counter));
        hob::run_local(async {
            let mut cx = Context::from_waker(&waker);
            assert!(settled.as_mut().poll(&mut cx).is_pending());
        });
        hob::run_local(settled);
    }

    #[test]
    fn outside_it_says_what_it_needs() {
        let mut cx = Context::from_waker(Waker::noop());
        let message = panic_of(|| assert!(pin!(settle()).poll(&mut cx).is_ready()));
        assert!(message.contains("needs a runtime: await it"), "{message}");
        assert!(message.contains(file!()), "{message}");
    }

    #[test]
    fn on_a_pool_it_says_why_not() {
        let message = panic_of(|| hob::run(settle()));
        assert!(message.contains("a runtime of one thread"), "{message}");
        assert!(message.contains("`hob::run_local`"), "{message}");
    }

    #[test]
    fn in_a_blocking_job_it_says_where_it_belongs() {
        let job = async {
            hob::to_thread(|| {
                let mut cx = Context::from_waker(Waker::noop());
                panic_of(|| assert!(pin!(settle()).poll(&mut cx).is_ready()))
            })
            .await
        };
        let message = hob::run_local(job).expect("the job has caught it");
        assert!(
            message.contains("on the thread of its runtime"),
            "{message}"
        );
    }

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

mod cancelling {
    use super::*;

    /// The future was cut before its first poll, and in both ways at each of its awaits.
    #[track_caller]
    fn assert_everywhere(cuts: Cuts, awaits: usize) {
        assert!(cuts.completed, "{cuts}");
        assert_eq!((cuts.at_once, cuts.woken), (awaits + 1, awaits), "{cuts}");
    }

    #[test]
    fn each_await_has_its_turn_in_both_ways() {
        hob::run_local(async {
            let seen = RefCell::new(Vec::new());
            let make = || async {
                hob::yield_now().await;
                hob::yield_now().await;
            };
            let cuts = cancel_everywhere(make, async |cut| {
                seen.borrow_mut().push((cut.awaits, cut.woken));
            })
            .await;
            assert_everywhere(cuts, 2);
            let expected = [(0, false), (1, false), (1, true), (2, false), (2, true)];
            assert_eq!(*seen.borrow(), expected);
        });
    }

    #[test]
    fn a_mutex_is_free_whenever_its_lock_is_cancelled() {
        in_both_worlds(async || {
            let mutex = Arc::new(Mutex::new(0));
            let make = || {
                let mutex = Arc::clone(&mutex);
                async move {
                    // Two stand in line; the other one has it first, and keeps it across an await.
                    let other = Arc::clone(&mutex);
                    let other = hob::spawn(async move {
                        let mut count = other.lock().await;
                        hob::yield_now().await;
                        *count += 1;
                    });
                    hob::yield_now().await;
                    *mutex.lock().await += 1;
                    other.await.expect("it does not panic");
                }
            };
            let cuts = cancel_everywhere(make, async |cut| {
                assert!(mutex.try_lock().is_ok(), "the lock is lost: {cut}");
                assert_eq!(mutex.statistics().waiting, 0, "{cut}");
                assert_eq!(cut.wakers_left, 0, "{cut}");
            })
            .await;
            assert!(cuts.completed && cuts.woken > 0, "{cuts}");
        });
    }

    #[test]
    fn permits_come_back_whenever_an_acquire_is_cancelled() {
        in_both_worlds(async || {
            let semaphore = Arc::new(Semaphore::new(3));
            let make = || {
                let permits = Arc::clone(&semaphore).try_acquire_owned();
                let permits = permits.expect("all are back");
                hob::spawn(async move { drop(permits) }).detach();
                semaphore.acquire_many(3)
            };
            let cuts = cancel_everywhere(make, async |cut| {
                assert_eq!(semaphore.available_permits(), 3, "{cut}");
                assert_eq!(cut.wakers_left, 0, "{cut}");
            })
            .await;
            assert_everywhere(cuts, 1);
        });
    }

    #[test]
    fn a_queue_loses_nothing_whenever_get_is_cancelled() {
        in_both_worlds(async || {
            let queue = Queue::unbounded();
            let make = || {
                let (queue, later) = (&queue, queue.clone());
                hob::spawn(async move { later.put(7).await }).detach();
                async move {
                    let item = queue.get().await.expect("it is open");
                    item.requeue().expect("it is open");
                }
            };
            let cuts = cancel_everywhere(make, async |cut| {
                let item = queue.try_get().expect("the value is there");
                assert_eq!(item.into_inner(), 7, "{cut}");
                assert!(queue.is_empty(), "{cut}");
                assert_eq!((queue.unfinished(), cut.wakers_left), (0, 0), "{cut}");
            })
            .await;
            assert_everywhere(cuts, 1);
        });
    }

    #[test]
    fn a_queue_has_its_room_back_whenever_put_is_cancelled() {
        in_both_worlds(async || {
            let queue = Queue::bounded(1);
            let make = || {
                queue.try_put("first").expect("there is room");
                let (queue, later) = (&queue, queue.clone());
                hob::spawn(async move { later.get().await.map(hob::sync::Item::into_inner) })
                    .detach();
                async move {
                    queue.put("second").await.expect("it is open");
                    queue.try_get().expect("it was put").done();
                }
            };
            let cuts = cancel_everywhere(make, async |cut| {
                // What is granted room before the cut is in the queue by then, and stays there.
                let left = queue.try_get().map(hob::sync::Item::into_inner);
                assert!(
                    left.is_err() || (left == Ok("second") && cut.woken),
                    "{cut}"
                );
                assert!(queue.is_empty() && !queue.is_full(), "{cut}");
            })
            .await;
            assert_everywhere(cuts, 1);
        });
    }

    #[test]
    fn a_channel_loses_nothing_whenever_recv_is_cancelled() {
        in_both_worlds(async || {
            let (sender, receiver) = mpsc::bounded(4);
            // The receiver is lent to each future, and comes back with the guard.
            let receiver = Mutex::new(receiver);
            let make = || {
                let (sender, receiver) = (sender.clone(), &receiver);
                let resend = sender.clone();
                hob::spawn(async move { sender.send(7).await }).detach();
                async move {
                    let mut receiver = receiver.try_lock().expect("it is back");
                    let message = receiver.recv().await.expect("there are senders");
                    resend.try_send(message).expect("there is room");
                }
            };
            let cuts = cancel_everywhere(make, async |cut| {
                let mut receiver = receiver.try_lock().expect("it is back");
                assert_eq!(receiver.try_recv(), Ok(7), "{cut}");
                assert!(receiver.is_empty(), "{cut}");
            })
            .await;
            assert_everywhere(cuts, 1);
        });
    }

    #[test]
    fn a_channel_has_its_room_back_whenever_reserve_is_cancelled() {
        in_both_worlds(async || {
            let (sender, receiver) = mpsc::bounded(1);
            let receiver = Rc::new(RefCell::new(receiver));
            let make = || {
                sender.try_send(1).expect("there is room");
                let later = Rc::clone(&receiver);
                hob::spawn_local(async move { later.borrow_mut().try_recv() }).detach();
                sender.reserve()
            };
            let cuts = cancel_everywhere(make, async |cut| {
                assert!(sender.is_empty(), "{cut}");
                assert!(sender.try_reserve().is_ok(), "the slot is lost: {cut}");
            })
            .await;
            assert_everywhere(cuts, 1);
        });
    }

    #[test]
    fn a_permit_that_is_lost_between_wake_and_poll_is_found() {
        in_both_worlds(async || {
            for forgets in [false, true] {
                let toy = Rc::new(Toy::new(forgets));
                let make = || {
                    toy.take();
                    let later = Rc::clone(&toy);
                    hob::spawn_local(async move { later.give() }).detach();
                    let toy = Rc::clone(&toy);
                    async move {
                        toy.acquire().await;
                        toy.give();
                    }
                };
                let lost = RefCell::new(Vec::new());
                let cuts = cancel_everywhere(make, async |cut| {
                    if toy.permits() != 1 {
                        lost.borrow_mut().push((cut.awaits, cut.woken));
                        toy.give();
                    }
                })
                .await;
                assert_everywhere(cuts, 1);
                let expected: &[_] = if forgets { &[(1, true)] } else { &[] };
                assert_eq!(*lost.borrow(), expected);
            }
        });
    }

    #[test]
    fn a_waker_that_is_left_behind_is_counted() {
        hob::run_local(async {
            let kept = Rc::new(RefCell::new(Vec::new()));
            let make = || {
                let kept = Rc::clone(&kept);
                let mut polled = false;
                future::poll_fn(move |cx| {
                    if polled {
                        return Poll::Ready(());
                    }
                    polled = true;
                    kept.borrow_mut().push(cx.waker().clone());
                    cx.waker().wake_by_ref();
                    Poll::Pending
                })
            };
            let left = RefCell::new(Vec::new());
            let cuts = cancel_everywhere(make, async |cut| left.borrow_mut().push(cut.wakers_left));
            assert_everywhere(cuts.await, 1);
            assert_eq!(*left.borrow(), [0, 1, 1]);
        });
    }

    #[test]
    fn time_passes_while_it_waits() {
        hob::run_local(async {
            let make = || hob::sleep(Duration::from_millis(2));
            let cuts = cancel_everywhere(make, async |_| {}).await;
            assert_everywhere(cuts, 1);
        });
        hob::sim::run(7, async {
            let make = || hob::sleep(HOUR / 2);
            let cuts = cancel_everywhere(make, async |_| {}).await;
            assert_everywhere(cuts, 1);
        });
    }

    #[test]
    fn a_future_that_nobody_wakes_is_given_up() {
        in_both_worlds_once(async || {
            let start = Instant::now();
            let cuts = cancel_everywhere(future::pending::<()>, async |_| {}).await;
            assert!(!cuts.completed, "{cuts}");
            assert_eq!((cuts.at_once, cuts.woken), (2, 0));
            assert!(start.elapsed() <= 2 * HOUR);
        });
    }

    #[test]
    fn a_future_that_never_ends_is_refused() {
        let endless = || async {
            loop {
                hob::yield_now().await;
            }
        };
        let message = panic_of(|| {
            hob::run_local(async {
                let cuts = cancel_everywhere(endless, async |_| {}).await;
                unreachable!("{cuts}");
            });
        });
        assert!(
            message.contains("has not completed after 1000 awaits"),
            "{message}"
        );
        assert!(message.contains(file!()), "{message}");
    }

    #[test]
    fn a_cut_says_where_it_is() {
        hob::run_local(async {
            let mutex = Arc::new(Mutex::new(()));
            let line = line!() + 4;
            let make = || {
                let (held, mutex) = (Arc::clone(&mutex), &mutex);
                hold_for_a_while(held);
                async move { drop(mutex.lock().await) }
            };
            let texts = RefCell::new(Vec::new());
            let note = async |cut: &Cut| texts.borrow_mut().push(cut.to_string());
            assert_everywhere(cancel_everywhere(make, note).await, 1);
            let texts = texts.borrow();
            assert_eq!(texts[0], "cut before its first poll");
            let place = format!("in Mutex::lock at {}:{line}:", file!());
            assert!(
                texts[1].starts_with("cut at its 1st await, at once, "),
                "{}",
                texts[1]
            );
            assert!(texts[1].contains(&place), "{}", texts[1]);
            let woken = "cut at its 1st await, after it was woken, ";
            assert!(texts[2].starts_with(woken), "{}", texts[2]);
        });
    }

    fn in_both_worlds_once(test: impl AsyncFn()) {
        hob::run_local(test());
        hob::sim::run(7, test());
    }

    /// Takes the lock at once, and lets it go in a task.
    fn hold_for_a_while(mutex: Arc<Mutex<()>>) {
        // The guard borrows, so it lives in the task; that is polled once here.
        let mut task = Box::pin(async move {
            let _guard = mutex.lock().await;
            hob::yield_now().await;
        });
        let mut cx = Context::from_waker(Waker::noop());
        assert!(task.as_mut().poll(&mut cx).is_pending());
        hob::spawn_local(task).detach();
    }
}
