//! One small program for each primitive, to be run by whatever runs futures: each is a number of tasks,
//! and a check of what they left.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_lite::StreamExt;
use futures_lite::future::yield_now;
use hob_sync::{
    Barrier, Condition, Event, Lazy, LifoQueue, Mutex, Notify, OnceCell, PriorityQueue, Queue,
    RwLock, Semaphore, broadcast, mpmc, mpsc, oneshot, watch,
};

/// A task of a program.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tasks that run to their end together, and a look at what they left.
pub struct Program {
    /// What it is about.
    pub name: &'static str,
    /// All of them have to be run.
    pub tasks: Vec<Task>,
    /// Panics if something is wrong, once all tasks have ended.
    pub check: Box<dyn FnOnce() + Send>,
}

/// Notes from many tasks.
type Notes<T> = Arc<StdMutex<Vec<T>>>;

/// All programs.
pub fn all() -> Vec<Program> {
    vec![
        mutex(),
        rwlock(),
        semaphore(),
        event(),
        notify(),
        condition(),
        barrier(),
        once(),
        a_oneshot_each(),
        bounded(),
        unbounded(),
        rendezvous(),
        workers(),
        everyone_hears(),
        the_latest(),
        queue(),
        orders(),
    ]
}

fn task(future: impl Future<Output = ()> + Send + 'static) -> Task {
    Box::pin(future)
}

fn notes<T>() -> (Notes<T>, Notes<T>) {
    let notes = Arc::new(StdMutex::new(Vec::new()));
    (Arc::clone(&notes), notes)
}

fn note<T>(notes: &Notes<T>, what: T) {
    notes.lock().unwrap().push(what);
}

fn sorted<T: Ord + Clone>(notes: &Notes<T>) -> Vec<T> {
    let mut notes = notes.lock().unwrap().clone();
    notes.sort();
    notes
}

fn mutex() -> Program {
    let mutex = Arc::new(Mutex::new(0));
    let add = |mutex: Arc<Mutex<u32>>| {
        task(async move {
            for _ in 0..10 {
                let mut value = mutex.lock().await;
                let before = *value;
                yield_now().await;
                *value = before + 1;
            }
        })
    };
    Program {
        name: "a mutex held across await",
        tasks: (0..4).map(|_| add(Arc::clone(&mutex))).collect(),
        check: Box::new(move || assert_eq!(*mutex.lock_blocking(), 40)),
    }
}

fn rwlock() -> Program {
    let pair = Arc::new(RwLock::new((0, 0)));
    let write = |pair: Arc<RwLock<(u32, u32)>>| {
        task(async move {
            for _ in 0..5 {
                let mut pair = pair.write().await;
                pair.0 += 1;
                yield_now().await;
                pair.1 += 1;
            }
        })
    };
    let read = |pair: Arc<RwLock<(u32, u32)>>| {
        task(async move {
            for _ in 0..5 {
                let pair = pair.read().await;
                assert_eq!(pair.0, pair.1, "a reader sees no half of a write");
                yield_now().await;
            }
        })
    };
    let mut tasks: Vec<_> = (0..3).map(|_| read(Arc::clone(&pair))).collect();
    tasks.extend((0..2).map(|_| write(Arc::clone(&pair))));
    Program {
        name: "a lock of readers and writers",
        tasks,
        check: Box::new(move || assert_eq!(*pair.read_blocking(), (10, 10))),
    }
}

fn semaphore() -> Program {
    let permits = Arc::new(Semaphore::new(2));
    let inside = Arc::new(AtomicUsize::new(0));
    let enter = |permits: Arc<Semaphore>, inside: Arc<AtomicUsize>| {
        task(async move {
            for _ in 0..5 {
                let permit = permits.acquire().await.unwrap();
                assert!(inside.fetch_add(1, Ordering::SeqCst) < 2, "two at most");
                yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                drop(permit);
            }
        })
    };
    Program {
        name: "permits",
        tasks: (0..5)
            .map(|_| enter(Arc::clone(&permits), Arc::clone(&inside)))
            .collect(),
        check: Box::new(move || assert_eq!(permits.available_permits(), 2)),
    }
}

fn event() -> Program {
    let event = Arc::new(Event::new());
    let (passed, left) = notes();
    let wait = |event: Arc<Event>, passed: Notes<usize>, number| {
        task(async move {
            event.wait().await;
            note(&passed, number);
        })
    };
    let mut tasks: Vec<_> = (0..12)
        .map(|number| wait(Arc::clone(&event), Arc::clone(&passed), number))
        .collect();
    tasks.push(task(async move {
        yield_now().await;
        event.set();
    }));
    Program {
        name: "an event that many wait for",
        tasks,
        check: Box::new(move || assert_eq!(sorted(&left), (0..12).collect::<Vec<_>>())),
    }
}

fn notify() -> Program {
    let bells = Arc::new([Notify::new(), Notify::new()]);
    let turns = Arc::new(AtomicUsize::new(0));
    let play = |bells: Arc<[Notify; 2]>, turns: Arc<AtomicUsize>, side: usize| {
        task(async move {
            for turn in 0..10 {
                bells[side].notified().await;
                assert_eq!(turns.fetch_add(1, Ordering::SeqCst), 2 * turn + side);
                bells[1 - side].notify_one();
            }
        })
    };
    bells[0].notify_one();
    let tasks = (0..2)
        .map(|side| play(Arc::clone(&bells), Arc::clone(&turns), side))
        .collect();
    Program {
        name: "two that notify each other",
        tasks,
        check: Box::new(move || assert_eq!(turns.load(Ordering::SeqCst), 20)),
    }
}

fn condition() -> Program {
    let shelf = Arc::new((Mutex::new(0_usize), Condition::new()));
    let (bought, sold) = notes();
    let buy = |shelf: Arc<(Mutex<usize>, Condition)>, bought: Notes<usize>| {
        task(async move {
            for _ in 0..4 {
                let loaves = shelf.0.lock().await;
                let mut loaves = shelf.1.wait_while(loaves, |loaves| *loaves == 0).await;
                *loaves -= 1;
                note(&bought, 1);
            }
        })
    };
    let mut tasks: Vec<_> = (0..3)
        .map(|_| buy(Arc::clone(&shelf), Arc::clone(&bought)))
        .collect();
    let bakery = Arc::clone(&shelf);
    tasks.push(task(async move {
        for _ in 0..12 {
            *bakery.0.lock().await += 1;
            bakery.1.notify_one();
            yield_now().await;
        }
    }));
    Program {
        name: "a condition",
        tasks,
        check: Box::new(move || {
            assert_eq!(sold.lock().unwrap().len(), 12);
            assert_eq!(*shelf.0.lock_blocking(), 0);
        }),
    }
}

fn barrier() -> Program {
    let barrier = Arc::new(Barrier::new(3));
    let (arrived, indexes) = notes();
    let meet = |barrier: Arc<Barrier>, arrived: Notes<(usize, usize)>| {
        task(async move {
            for round in 0..4 {
                let place = barrier.wait().await.unwrap();
                note(&arrived, (round, place.index()));
            }
        })
    };
    Program {
        name: "a barrier",
        tasks: (0..3)
            .map(|_| meet(Arc::clone(&barrier), Arc::clone(&arrived)))
            .collect(),
        check: Box::new(move || {
            let all = (0..4).flat_map(|round| (0..3).map(move |index| (round, index)));
            assert_eq!(sorted(&indexes), all.collect::<Vec<_>>());
        }),
    }
}

fn once() -> Program {
    let cell = Arc::new(OnceCell::new());
    let lazy = Arc::new(Lazy::new(async {
        yield_now().await;
        7_usize
    }));
    let made = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for number in 0..3_usize {
        let (cell, lazy, made) = (Arc::clone(&cell), Arc::clone(&lazy), Arc::clone(&made));
        tasks.push(task(async move {
            let make = || async {
                made.fetch_add(1, Ordering::SeqCst);
                yield_now().await;
                number
            };
            assert!(*cell.get_or_init(make).await < 3);
            assert_eq!(*lazy.force().await, 7);
        }));
    }
    let waits = Arc::clone(&cell);
    tasks.push(task(async move {
        assert!(*waits.wait().await < 3);
    }));
    Program {
        name: "what is made once",
        tasks,
        check: Box::new(move || {
            assert_eq!(made.load(Ordering::SeqCst), 1);
            assert!(cell.get().is_some());
        }),
    }
}

fn a_oneshot_each() -> Program {
    let (received, numbers) = notes();
    let mut tasks = Vec::new();
    for number in 0..5 {
        let (tx, rx) = oneshot::channel();
        let received = Arc::clone(&received);
        tasks.push(task(async move { note(&received, rx.await.unwrap()) }));
        tasks.push(task(async move { tx.send(number).unwrap() }));
    }
    Program {
        name: "oneshots",
        tasks,
        check: Box::new(move || assert_eq!(sorted(&numbers), [0, 1, 2, 3, 4])),
    }
}

/// Whether what each sender sent came in the order in which it was sent, and all of it.
fn in_order(received: &Notes<(usize, usize)>, senders: usize, each: usize) {
    let received = received.lock().unwrap();
    for sender in 0..senders {
        let of_one = received.iter().filter(|(from, _)| *from == sender);
        let numbers: Vec<_> = of_one.map(|(_, number)| *number).collect();
        assert_eq!(numbers, (0..each).collect::<Vec<_>>(), "from {sender}");
    }
    assert_eq!(received.len(), senders * each);
}

fn bounded() -> Program {
    let (received, left) = notes();
    let (tx, mut rx) = mpsc::bounded(2);
    let send = |tx: mpsc::Sender<(usize, usize)>, from| {
        task(async move {
            for number in 0..8 {
                tx.send((from, number)).await.unwrap();
            }
        })
    };
    let mut tasks: Vec<_> = (0..3).map(|from| send(tx.clone(), from)).collect();
    drop(tx);
    tasks.push(task(async move {
        while let Some(message) = rx.recv().await {
            note(&received, message);
        }
    }));
    Program {
        name: "a bounded channel to one",
        tasks,
        check: Box::new(move || in_order(&left, 3, 8)),
    }
}

fn unbounded() -> Program {
    let (received, left) = notes();
    let (tx, mut rx) = mpsc::unbounded();
    let send = |tx: mpsc::UnboundedSender<(usize, usize)>, from| {
        task(async move {
            for number in 0..8 {
                tx.send((from, number)).unwrap();
                yield_now().await;
            }
        })
    };
    let mut tasks: Vec<_> = (0..3).map(|from| send(tx.clone(), from)).collect();
    drop(tx);
    tasks.push(task(async move {
        while let Some(message) = rx.next().await {
            note(&received, message);
        }
    }));
    Program {
        name: "an unbounded channel to one, as a stream",
        tasks,
        check: Box::new(move || in_order(&left, 3, 8)),
    }
}

fn rendezvous() -> Program {
    let (received, left) = notes();
    let (tx, rx) = mpmc::rendezvous();
    let send = |tx: mpmc::Sender<usize>, from: usize| {
        task(async move {
            for number in 0..4 {
                tx.send(4 * from + number).await.unwrap();
            }
        })
    };
    let receive = |rx: mpmc::Receiver<usize>, received: Notes<usize>| {
        task(async move {
            while let Some(number) = rx.recv().await {
                note(&received, number);
            }
        })
    };
    let mut tasks: Vec<_> = (0..2).map(|from| send(tx.clone(), from)).collect();
    tasks.extend((0..2).map(|_| receive(rx.clone(), Arc::clone(&received))));
    drop((tx, rx));
    Program {
        name: "a rendezvous of many and many",
        tasks,
        check: Box::new(move || assert_eq!(sorted(&left), (0..8).collect::<Vec<_>>())),
    }
}

fn workers() -> Program {
    let (received, left) = notes();
    let (tx, rx) = mpmc::bounded(3);
    let work = |rx: mpmc::Receiver<usize>, received: Notes<usize>| {
        task(async move {
            let mut numbers = Box::pin(rx.into_stream());
            while let Some(number) = numbers.next().await {
                note(&received, number);
            }
        })
    };
    let mut tasks: Vec<_> = (0..3)
        .map(|_| work(rx.clone(), Arc::clone(&received)))
        .collect();
    drop(rx);
    tasks.push(task(async move {
        for number in 0..12 {
            let permit = tx.reserve().await.unwrap();
            permit.send(number).unwrap();
        }
    }));
    Program {
        name: "a bounded channel to many, as streams",
        tasks,
        check: Box::new(move || assert_eq!(sorted(&left), (0..12).collect::<Vec<_>>())),
    }
}

fn everyone_hears() -> Program {
    let (tx, _) = broadcast::channel(16);
    let (heard, left) = notes();
    let listen = |mut rx: broadcast::Receiver<usize>, heard: Notes<usize>| {
        task(async move {
            while let Ok(number) = rx.recv().await {
                note(&heard, number);
            }
        })
    };
    let mut tasks: Vec<_> = (0..3)
        .map(|_| listen(tx.subscribe(), Arc::clone(&heard)))
        .collect();
    tasks.push(task(async move {
        for number in 0..10 {
            tx.send(number).unwrap();
            yield_now().await;
        }
    }));
    Program {
        name: "a broadcast",
        tasks,
        check: Box::new(move || {
            let all = (0..10).flat_map(|number| [number; 3]);
            assert_eq!(sorted(&left), all.collect::<Vec<_>>());
        }),
    }
}

fn the_latest() -> Program {
    let (tx, rx) = watch::channel(0);
    let (seen, left) = notes();
    let look = |mut rx: watch::Receiver<usize>, seen: Notes<usize>| {
        task(async move {
            let mut before = 0;
            while rx.changed().await.is_ok() {
                let now = *rx.borrow_and_update();
                assert!(now > before, "it only grows");
                before = now;
            }
            note(&seen, before);
        })
    };
    let mut tasks: Vec<_> = (0..3)
        .map(|_| look(rx.clone(), Arc::clone(&seen)))
        .collect();
    drop(rx);
    tasks.push(task(async move {
        for number in 1..=10 {
            tx.send(number).unwrap();
            yield_now().await;
        }
    }));
    Program {
        name: "a value that is watched",
        tasks,
        check: Box::new(move || assert_eq!(sorted(&left), [10, 10, 10])),
    }
}

fn queue() -> Program {
    let queue = Queue::bounded(2);
    let (done, left) = notes();
    let work = |queue: Queue<usize>, done: Notes<usize>| {
        task(async move {
            while let Ok(item) = queue.get().await {
                yield_now().await;
                note(&done, *item);
                item.done();
            }
        })
    };
    let mut tasks: Vec<_> = (0..3)
        .map(|_| work(queue.clone(), Arc::clone(&done)))
        .collect();
    tasks.push(task(async move {
        for number in 0..12 {
            queue.put(number).await.unwrap();
        }
        queue.join().await;
        assert_eq!(done.lock().unwrap().len(), 12, "join waits for all");
        queue.close();
    }));
    Program {
        name: "a queue of work",
        tasks,
        check: Box::new(move || assert_eq!(sorted(&left), (0..12).collect::<Vec<_>>())),
    }
}

fn orders() -> Program {
    let (out, left) = notes();
    let program = task(async move {
        let stack = LifoQueue::unbounded();
        let heap = PriorityQueue::unbounded();
        for number in [2, 3, 1] {
            stack.put(number).await.unwrap();
            heap.put(number).await.unwrap();
        }
        for _ in 0..3 {
            note(&out, stack.get().await.unwrap().into_inner());
        }
        for _ in 0..3 {
            note(&out, heap.get().await.unwrap().into_inner());
        }
    });
    Program {
        name: "the orders of queues",
        tasks: vec![program],
        check: Box::new(move || assert_eq!(*left.lock().unwrap(), [1, 3, 2, 1, 2, 3])),
    }
}
