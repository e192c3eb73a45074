//! Nobody starves: what is ready is served, whatever the others do.
//!
//! Where one thread runs everything, the bound is a number of polls and is exact. Where several do,
//! it is a time, and a generous one: without a bound it would be for ever.

#[path = "support/ping_pong.rs"]
mod ping_pong;

use std::future::{self, Future};
use std::net::TcpStream;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use hob::net::TcpListener;
use hob::sync::oneshot;
use hob::time::Instant;
use hob::{Handle, LocalRuntime, Runtime};

use crate::ping_pong::play;

/// A worker in a poll looks at the poller, the timers and its peers after that many polls.
const POLLS_PER_LOOK: usize = 61;
/// In a fair runtime it is a few milliseconds; a loaded machine may add to them.
const SOON: Duration = Duration::from_secs(2);

/// Tasks that are always ready.
#[derive(Clone, Copy, Debug)]
enum Crowd {
    /// Two that wake each other, and nothing else, for ever.
    PingPong,
    /// So many that let each other go first for ever.
    Yielding(usize),
}

impl Crowd {
    const ALL: [Self; 2] = [Self::PingPong, Self::Yielding(100)];

    fn tasks(self) -> usize {
        match self {
            Self::PingPong => 2,
            Self::Yielding(tasks) => tasks,
        }
    }

    /// Starts the tasks; each counts its polls.
    fn start(self, handle: &Handle) -> Arc<AtomicUsize> {
        let polls = Arc::new(AtomicUsize::new(0));
        match self {
            Self::PingPong => {
                let (left, right) = (Arc::default(), Arc::default());
                handle.spawn(play(&polls, &left, &right)).detach();
                handle.spawn(play(&polls, &right, &left)).detach();
            }
            Self::Yielding(tasks) => {
                for _ in 0..tasks {
                    let polls = Arc::clone(&polls);
                    let task = handle.spawn(async move {
                        loop {
                            polls.fetch_add(1, Ordering::Relaxed);
                            hob::yield_now().await;
                        }
                    });
                    task.detach();
                }
            }
        }
        polls
    }
}

mod on_one_thread {
    use super::*;

    /// How many polls of the crowd `scene` sees between the moment that its argument notes and its
    /// end.
    fn polls_until<F>(crowd: Crowd, scene: impl FnOnce(Box<dyn FnOnce() + Send>) -> F) -> usize
    where
        F: Future<Output = ()>,
    {
        let runtime = LocalRuntime::new().unwrap();
        let polls = crowd.start(&runtime.handle());
        let start = Arc::new(AtomicUsize::new(usize::MAX));
        let (counted, noted) = (Arc::clone(&polls), Arc::clone(&start));
        let ready = Box::new(move || {
            noted.store(counted.load(Ordering::Relaxed), Ordering::Relaxed);
        });
        runtime.block_on(async {
            for _ in 0..10 {
                hob::yield_now().await;
            }
            scene(ready).await;
        });
        let start = start.load(Ordering::Relaxed);
        assert_ne!(start, usize::MAX, "it was ready once");
        assert!(start > 0, "the crowd runs");
        polls.load(Ordering::Relaxed) - start
    }

    #[test]
    fn a_new_task_runs_after_those_that_were_ready_before() {
        for crowd in Crowd::ALL {
            let polls = polls_until(crowd, async |ready| {
                let task = hob::spawn(async {});
                ready();
                task.await.expect("it ends");
            });
            // One round to run it, and one for the wake of who awaits it.
            let most = 2 * crowd.tasks();
            assert!(polls <= most, "{crowd:?}: {polls} polls before it");
        }
    }

    #[test]
    fn main_is_polled_once_a_round() {
        for crowd in Crowd::ALL {
            let polls = polls_until(crowd, async |ready| {
                ready();
                for _ in 0..10 {
                    hob::yield_now().await;
                }
            });
            let most = 11 * crowd.tasks();
            assert!(polls <= most, "{crowd:?}: {polls} polls in ten rounds");
        }
    }

    #[test]
    fn a_timer_that_is_due_fires_at_the_next_look() {
        for crowd in Crowd::ALL {
            let polls = polls_until(crowd, async |ready| {
                let mut ready = Some(ready);
                let mut sleep = pin!(hob::sleep(Duration::from_millis(5)));
                future::poll_fn(move |cx| {
                    if let Some(ready) = ready.take() {
                        assert!(sleep.as_mut().poll(cx).is_pending());
                        // From now on it is due, and only the runtime can tell.
                        while !sleep.is_elapsed() {
                            std::hint::spin_loop();
                        }
                        ready();
                        return Poll::Pending;
                    }
                    sleep.as_mut().poll(cx)
                })
                .await;
            });
            let most = POLLS_PER_LOOK + crowd.tasks();
            assert!(polls <= most, "{crowd:?}: {polls} polls before it");
        }
    }

    #[test]
    fn a_socket_that_is_ready_is_seen_at_the_next_look() {
        for crowd in Crowd::ALL {
            let polls = polls_until(crowd, async |ready| {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let mut ready = Some(ready);
                let mut client = None;
                let mut accept = pin!(listener.accept());
                future::poll_fn(|cx| {
                    let polled = accept.as_mut().poll(cx).map(|accepted| {
                        accepted.expect("a client is there");
                    });
                    if let Some(ready) = ready.take() {
                        assert!(polled.is_pending(), "nobody has connected yet");
                        client = Some(TcpStream::connect(address).unwrap());
                        ready();
                    }
                    polled
                })
                .await;
            });
            let most = POLLS_PER_LOOK + crowd.tasks();
            assert!(polls <= most, "{crowd:?}: {polls} polls before it");
        }
    }

    #[test]
    fn a_wake_of_another_thread_is_served() {
        for crowd in Crowd::ALL {
            let runtime = LocalRuntime::new().unwrap();
            crowd.start(&runtime.handle());
            runtime.block_on(wake_from_another_thread());
        }
    }
}

mod on_a_pool {
    use super::*;

    /// Runs `scene` as a task among a crowd, on one worker and on two.
    fn among<F>(scene: impl Fn() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        for workers in [1, 2] {
            for crowd in Crowd::ALL {
                let builder = Runtime::builder().worker_threads(workers);
                let runtime = builder.build().unwrap();
                let polls = crowd.start(&runtime.handle());
                let task = runtime.spawn(scene());
                runtime.block_on(task).expect("it is served");
                assert!(polls.load(Ordering::Relaxed) > 0, "the crowd runs");
            }
        }
    }

    /// Fails if `future` takes for ever, or nearly.
    async fn soon(future: impl Future<Output = ()>) {
        let begin = Instant::system();
        future.await;
        let took = begin.elapsed();
        assert!(took < SOON, "it took {took:?}");
    }

    #[test]
    fn a_new_task_runs() {
        among(|| soon(async { hob::spawn(async {}).await.expect("it ends") }));
    }

    #[test]
    fn a_task_from_outside_runs() {
        for crowd in Crowd::ALL {
            let runtime = Runtime::builder().worker_threads(2).build().unwrap();
            crowd.start(&runtime.handle());
            for _ in 0..100 {
                let task = runtime.spawn(async {});
                futures_lite::future::block_on(soon(async { task.await.expect("it ends") }));
            }
        }
    }

    #[test]
    fn a_timer_fires() {
        among(|| soon(hob::sleep(Duration::from_millis(10))));
    }

    #[test]
    fn a_socket_that_is_ready_is_seen() {
        among(|| {
            soon(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let accepts = hob::spawn(async move { listener.accept().await.map(drop) });
                hob::yield_now().await;
                let client = hob::to_thread(move || TcpStream::connect(address));
                let _client = client.await.expect("it ends").expect("somebody listens");
                accepts.await.expect("it ends").expect("a client is there");
            })
        });
    }

    #[test]
    fn a_wake_of_another_thread_is_served() {
        among(|| soon(wake_from_another_thread()));
    }
}

/// Waits for another thread, again and again.
async fn wake_from_another_thread() {
    for _ in 0..20 {
        let (sender, receiver) = oneshot::channel();
        let other = thread::Builder::new()
            .spawn(move || sender.send(42).expect("somebody waits"))
            .expect("a thread starts");
        assert_eq!(receiver.await.ok(), Some(42));
        other.join().expect("it does not panic");
    }
}

/// One worker of two is stuck in a poll. What it had to do is done by the other, which must not wait
/// until the first comes back.
mod behind_a_stuck_worker {
    use super::*;

    const STUCK: Duration = Duration::from_millis(300);
    const TASKS: usize = 10;
    const TIMES: usize = 20;

    /// Says what was served.
    struct Bell(Sender<&'static str>, &'static str);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            // The stuck worker may have given up.
            let _heard = self.0.send(self.1);
        }
    }

    /// Sticks in one poll of a task until everything that `prepare` has begun was served.
    #[track_caller]
    fn check<T: 'static>(
        expected: usize,
        prepare: impl Fn(&Sender<&'static str>) -> T + Send + Copy + 'static,
    ) {
        let place = Location::caller();
        let runtime = Runtime::builder().worker_threads(2).build().unwrap();
        for time in 0..TIMES {
            let task = runtime.spawn(async move {
                if time % 2 == 1 {
                    // The worker that sat at the poller goes on with the task.
                    hob::sleep(Duration::from_millis(1)).await;
                }
                let (sender, served) = channel();
                let kept = prepare(&sender);
                let begin = Instant::system();
                for number in 0..expected {
                    let left = STUCK.saturating_sub(begin.elapsed());
                    if let Err(error) = served.recv_timeout(left) {
                        panic!("{place}: {number} of {expected} were served: {error}");
                    }
                }
                drop(kept);
            });
            runtime.block_on(task).expect("all were served");
        }
    }

    #[test]
    fn tasks_in_its_queue_run() {
        check(TASKS, |served| {
            for _ in 0..TASKS {
                let served = served.clone();
                let task = hob::spawn(async move {
                    let _heard = served.send("task");
                });
                task.detach();
            }
        });
    }

    #[test]
    fn timers_that_it_armed_fire() {
        check(TASKS, |served| {
            let sleeps = (1..=TASKS).map(|number| {
                let waker = Waker::from(Arc::new(Bell(served.clone(), "timer")));
                let mut sleep = Box::pin(hob::sleep(Duration::from_millis(2) * number as u32));
                let polled = sleep.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
                sleep
            });
            sleeps.collect::<Vec<_>>()
        });
    }

    #[test]
    fn sockets_that_it_waits_for_are_seen() {
        check(1, |served| {
            let mut bind = pin!(TcpListener::bind("127.0.0.1:0"));
            let bound = bind.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            let Poll::Ready(Ok(listener)) = bound else {
                panic!("an address in numbers needs no look-up: {bound:?}");
            };
            let address = listener.local_addr().unwrap();
            let waker = Waker::from(Arc::new(Bell(served.clone(), "socket")));
            let mut accept = Box::pin(async move { listener.accept().await.map(drop) });
            let polled = accept.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(polled.is_pending());
            (accept, TcpStream::connect(address).unwrap())
        });
    }

    #[test]
    fn tasks_that_others_wake_run() {
        let runtime = Runtime::builder().worker_threads(2).build().unwrap();
        for _ in 0..TIMES {
            let (sender, receiver) = oneshot::channel::<()>();
            let (answer, answered) = channel();
            let waits = runtime.spawn(async move {
                receiver.await.expect("it is sent");
                answer.send(()).expect("the stuck worker listens");
            });
            let sticks = runtime.spawn(async move {
                sender.send(()).expect("a task waits");
                answered.recv_timeout(STUCK).expect("it is served")
            });
            runtime.block_on(sticks).expect("it is served in time");
            runtime.block_on(waits).expect("it ends");
        }
    }
}

#[test]
fn what_an_outputs_destructor_wakes_does_not_wait_for_its_end() {
    /// Wakes a task, and goes on until that task has run.
    struct Waits(Option<oneshot::Sender<()>>, Receiver<()>);
    impl Drop for Waits {
        fn drop(&mut self) {
            let sender = self.0.take().expect("it is dropped once");
            sender.send(()).expect("somebody waits");
            self.1.recv_timeout(SOON).expect("the other worker runs it");
        }
    }
    let runtime = Runtime::builder().worker_threads(2).build();
    let runtime = runtime.expect("it starts");
    runtime.block_on(async {
        let (wake, woken) = oneshot::channel();
        let (run, ran) = channel();
        let waiting = hob::spawn(async move {
            woken.await.expect("it is sent");
            run.send(()).expect("somebody waits");
        });
        hob::yield_now().await;
        hob::spawn(async move { Waits(Some(wake), ran) }).detach();
        waiting.await.expect("it does not panic");
    });
    assert!(runtime.shutdown_timeout(SOON).is_clean());
}

#[test]
fn a_timer_among_long_polls_waits_for_one_and_then_its_turn() {
    /// Longer than a worker lets pass between two looks.
    const POLL: Duration = Duration::from_millis(6);
    const TASKS: usize = 8;
    let polls = hob::run_local(async {
        let polls = Arc::new(AtomicUsize::new(0));
        for _ in 0..TASKS {
            let polls = Arc::clone(&polls);
            hob::spawn(async move {
                loop {
                    let until = Instant::now() + POLL;
                    while Instant::now() < until {
                        std::hint::spin_loop();
                    }
                    polls.fetch_add(1, Ordering::Relaxed);
                    hob::yield_now().await;
                }
            })
            .detach();
        }
        let timer = hob::spawn(async move {
            let before = polls.load(Ordering::Relaxed);
            hob::sleep(Duration::from_millis(1)).await;
            polls.load(Ordering::Relaxed) - before
        });
        timer.await.expect("it does not panic")
    });
    // One until it is seen that the timer is due, and then each of the others once.
    assert!(polls <= TASKS + 2, "{polls}");
}
