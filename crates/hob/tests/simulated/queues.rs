//! Queues in their three orders beside a plain model: every poll, drop and close does what the model
//! does.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use hob::sync::Item;
use hob::sync::queue::{
    Fifo, Lifo, Order, Priority, PutError, TryGetError, TryPutError, WorkQueue,
};

use crate::models::queue::{Kind, Queue, Refusal, Value};
use crate::models::watched::{Step, watched};
use crate::models::{Parcel, Post};
use crate::{dawdle, end_of, rng, scenario, wait};

const ROUNDS: usize = 10;

/// A queue, its model, and whence the values come.
struct Bench<O: Order<Parcel>> {
    queue: WorkQueue<Parcel, O>,
    model: RefCell<Queue>,
    post: Post,
}

impl<O: Order<Parcel>> Bench<O> {
    /// Lets the model take a step, and compares.
    #[track_caller]
    fn step<R>(&self, step: impl FnOnce(&mut Queue) -> R) -> R {
        let mut model = self.model.borrow_mut();
        let result = step(&mut model);
        model.check(&self.queue.statistics());
        result
    }
}

/// An item in hand, of which the model knows.
struct InHand<'a, O: Order<Parcel>> {
    item: Option<Item<Parcel, O>>,
    bench: &'a Bench<O>,
}

impl<O: Order<Parcel>> Drop for InHand<'_, O> {
    fn drop(&mut self) {
        if self.item.take().is_some() && !std::thread::panicking() {
            self.bench.step(Queue::item_dropped);
        }
    }
}

impl<O: Order<Parcel>> InHand<'_, O> {
    /// Does with it one of all that can be done.
    fn finish(mut self, rng: &mut Rng) {
        let item = self.item.take().expect("it is finished once");
        let value = value_of(&item);
        match rng.u8(..5) {
            0 => {
                let requeued = item.requeue().is_ok();
                let expected = self.bench.step(|model| model.requeue(value));
                assert_eq!(requeued, expected);
            }
            1 => self.item = Some(item),
            2 => {
                drop(item.into_inner());
                self.bench.step(Queue::done);
            }
            _ => {
                item.done();
                self.bench.step(Queue::done);
            }
        }
    }
}

fn value_of(parcel: &Parcel) -> Value {
    let Parcel { id, key, .. } = *parcel;
    Value { id, key }
}

async fn put_some<O: Order<Parcel>>(number: u64, bench: Rc<Bench<O>>) {
    let mut rng = rng(number);
    for _ in 0..ROUNDS {
        dawdle(&mut rng).await;
        // Few keys, so that many are equal.
        let parcel = bench.post.parcel(rng.u64(..3));
        let value = value_of(&parcel);
        if rng.u8(..4) == 0 {
            let put = bench
                .queue
                .try_put(parcel)
                .map_err(|refused| match refused {
                    TryPutError::Closed(_) => Refusal::Closed,
                    _ => Refusal::NotNow,
                });
            assert_eq!(put, bench.step(|model| model.try_put(value)));
            continue;
        }
        let ticket = bench.post.number();
        let putting = watched(bench.queue.put(parcel), |step| {
            bench.step(|model| match step {
                Step::Asked => {}
                Step::Pending => model.put_pending(ticket, value),
                Step::Ready(put) => model.put_ready(ticket, value, put.is_ok()),
                Step::Dropped => model.dropped(ticket),
            });
        });
        if let Some(Err(PutError(back))) = wait(&mut rng, 4, putting).await {
            assert_eq!(back.id, value.id, "another value came back");
        }
    }
}

/// Gets until the queue is closed and empty, or for so many rounds.
async fn get_some<O: Order<Parcel>>(number: u64, bench: Rc<Bench<O>>, rounds: usize) {
    let mut rng = rng(number);
    for _ in 0..rounds {
        dawdle(&mut rng).await;
        let got = if rng.u8(..4) == 0 {
            try_get(&bench)
        } else {
            get(&bench, &mut rng).await
        };
        match got {
            Ok(item) => {
                let bench = &*bench;
                let item = Some(item);
                let in_hand = InHand { item, bench };
                dawdle(&mut rng).await;
                in_hand.finish(&mut rng);
            }
            Err(Refusal::NotNow) => {}
            Err(Refusal::Closed) => return,
        }
    }
}

fn try_get<O: Order<Parcel>>(bench: &Bench<O>) -> Result<Item<Parcel, O>, Refusal> {
    let got = bench.queue.try_get().map_err(|refused| match refused {
        TryGetError::Closed => Refusal::Closed,
        _ => Refusal::NotNow,
    });
    let expected = bench.step(Queue::try_get);
    assert_eq!(got.as_ref().map(|item| item.id).map_err(|it| *it), expected);
    got
}

async fn get<O: Order<Parcel>>(
    bench: &Bench<O>,
    rng: &mut Rng,
) -> Result<Item<Parcel, O>, Refusal> {
    let ticket = bench.post.number();
    let getting = watched(bench.queue.get(), |step| {
        bench.step(|model| match step {
            Step::Asked => {}
            Step::Pending => model.get_pending(ticket),
            Step::Ready(got) => {
                let got = got.as_ref().map(|item| item.id);
                assert_eq!(got.ok(), model.get_ready(ticket));
            }
            Step::Dropped => model.dropped(ticket),
        });
    });
    match wait(rng, 4, getting).await {
        Some(got) => got.map_err(|_| Refusal::Closed),
        None => Err(Refusal::NotNow),
    }
}

async fn join_now_and_then<O: Order<Parcel>>(number: u64, bench: Rc<Bench<O>>) {
    let mut rng = rng(number);
    for _ in 0..ROUNDS {
        dawdle(&mut rng).await;
        let _in_time = wait(&mut rng, 8, join(&bench)).await;
    }
}

async fn join<O: Order<Parcel>>(bench: &Bench<O>) {
    let ticket = bench.post.number();
    let joining = watched(bench.queue.join(), |step| {
        bench.step(|model| match step {
            Step::Asked => {}
            Step::Pending => model.join_pending(ticket),
            Step::Ready(()) => model.join_ready(ticket),
            Step::Dropped => model.dropped(ticket),
        });
    });
    joining.await;
}

/// Some put, some get, one joins and some of them are cancelled, beside the model; in the end no value is
/// left anywhere.
async fn work<O: Order<Parcel>>(queue: WorkQueue<Parcel, O>, kind: Kind)
where
    WorkQueue<Parcel, O>: 'static,
{
    let mut rng = rng(99);
    let capacity = queue.capacity().unwrap_or(usize::MAX);
    let bench = Rc::new(Bench {
        queue,
        model: RefCell::new(Queue::new(kind, capacity)),
        post: Post::default(),
    });
    let (mut putters, mut others) = (Vec::new(), Vec::new());
    for number in 0..3 {
        putters.push(hob::spawn_local(put_some(number, Rc::clone(&bench))));
        let getting = get_some(10 + number, Rc::clone(&bench), rng.usize(..4 * ROUNDS));
        others.push(hob::spawn_local(getting));
    }
    others.push(hob::spawn_local(join_now_and_then(20, Rc::clone(&bench))));
    for _ in 0..rng.u8(..4) {
        dawdle(&mut rng).await;
        let tasks = if rng.bool() { &putters } else { &others };
        tasks[rng.usize(..tasks.len())].cancel("the scenario wants it");
    }
    if rng.u8(..4) == 0 {
        close(&bench, &mut rng);
    }
    // This one is not cancelled, and comes again for what was requeued after it was told of the end.
    let (own, is_over) = (Rc::clone(&bench), Rc::new(Cell::new(false)));
    let ends = Rc::clone(&is_over);
    let last = hob::spawn_local(async move {
        while !ends.get() {
            get_some(30, Rc::clone(&own), usize::MAX).await;
            hob::sleep(Duration::from_millis(1)).await;
        }
    });
    for putter in putters {
        end_of(putter).await;
    }
    join(&bench).await;
    close(&bench, &mut rng);
    for other in others {
        end_of(other).await;
    }
    join(&bench).await;
    is_over.set(true);
    end_of(last).await;
    bench.step(|_| {});
    assert_eq!(bench.post.alive(), 0, "a value is left");
}

fn close<O: Order<Parcel>>(bench: &Bench<O>, rng: &mut Rng) {
    if rng.bool() {
        bench.queue.close();
        bench.step(Queue::close);
    } else {
        let left = bench.queue.close_now();
        let left: Vec<_> = left.iter().map(|parcel| parcel.id).collect();
        assert_eq!(left, bench.step(Queue::close_now));
    }
}

#[test]
fn a_queue_does_what_its_model_does() {
    scenario(|| {
        work(
            WorkQueue::<_, Fifo>::bounded(rng(98).usize(1..4)),
            Kind::Fifo,
        )
    });
}

#[test]
fn a_lifo_queue_does_what_its_model_does() {
    scenario(|| {
        work(
            WorkQueue::<_, Lifo>::bounded(rng(98).usize(1..4)),
            Kind::Lifo,
        )
    });
}

#[test]
fn a_priority_queue_does_what_its_model_does() {
    scenario(|| {
        let capacity = rng(98).usize(1..4);
        work(WorkQueue::<_, Priority>::bounded(capacity), Kind::Priority)
    });
}

#[test]
fn a_queue_without_a_limit_does_what_its_model_does() {
    scenario(|| work(WorkQueue::<_, Fifo>::unbounded(), Kind::Fifo));
}
