//! Channels and queues: nothing is lost, nothing comes twice, and each sender's messages in order.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use hob::sync::{Queue, mpsc, oneshot};

use crate::{dawdle, end_of, patience, rng, scenario};

const SENDERS: u64 = 4;
const MESSAGES: u64 = 12;

#[test]
fn every_message_arrives_once_and_in_its_senders_order() {
    scenario(|| async {
        let (sender, mut receiver) = mpsc::bounded(3);
        for number in 0..SENDERS {
            let sender = sender.clone();
            hob::spawn(async move {
                let mut rng = rng(number);
                for message in 0..MESSAGES {
                    dawdle(&mut rng).await;
                    sender.send((number, message)).await.expect("it listens");
                }
            })
            .detach();
        }
        drop(sender);
        let mut next = [0; SENDERS as usize];
        let mut rng = rng(SENDERS);
        while let Some((number, message)) = receiver.recv().await {
            assert_eq!(message, next[number as usize]);
            next[number as usize] += 1;
            dawdle(&mut rng).await;
        }
        assert_eq!(next, [MESSAGES; SENDERS as usize]);
    });
}

/// A receive that is given up takes nothing, and a send that is given up sends nothing or all.
#[test]
fn what_is_given_up_loses_nothing() {
    scenario(|| async {
        let (sender, mut receiver) = mpsc::bounded(2);
        let sends = hob::spawn(async move {
            let mut rng = rng(1);
            let mut sent = 0_u64;
            for _ in 0..4 * MESSAGES {
                let patience = Duration::from_micros(rng.u64(..1_500));
                if hob::timeout(patience, sender.send(sent)).await.is_ok() {
                    sent += 1;
                }
                dawdle(&mut rng).await;
            }
            sent
        });
        let mut rng = rng(2);
        let mut received = 0;
        loop {
            let patience = Duration::from_micros(rng.u64(..1_500));
            match hob::timeout(patience, receiver.recv()).await {
                Ok(Some(message)) => {
                    assert_eq!(message, received);
                    received += 1;
                }
                Ok(None) => break,
                Err(_elapsed) => {}
            }
        }
        assert_eq!(sends.await.expect("nobody panics"), received);
    });
}

/// The order is that of all sends, and what is at hand somewhere is counted.
#[test]
fn a_channel_without_a_limit_is_one_queue_for_all_who_send() {
    scenario(|| async {
        let (sender, mut receiver) = mpsc::unbounded();
        let sent = Rc::new(RefCell::new(VecDeque::new()));
        for number in 0..SENDERS {
            let (sender, sent) = (sender.clone(), Rc::clone(&sent));
            hob::spawn_local(async move {
                let mut rng = rng(number);
                for message in 0..MESSAGES {
                    dawdle(&mut rng).await;
                    sender.send((number, message)).expect("it listens");
                    sent.borrow_mut().push_back((number, message));
                    assert_eq!(sender.len(), sent.borrow().len());
                }
            })
            .detach();
        }
        drop(sender);
        let mut rng = rng(SENDERS);
        let mut batch = Vec::new();
        loop {
            dawdle(&mut rng).await;
            let limit = rng.usize(1..4);
            let receiving = receiver.recv_many(&mut batch, limit);
            let received = hob::timeout(patience(&mut rng, 2), receiving).await;
            let expected: Vec<_> = sent.borrow_mut().drain(..batch.len()).collect();
            assert_eq!(std::mem::take(&mut batch), expected);
            assert_eq!(receiver.len(), sent.borrow().len());
            if received == Ok(0) {
                break;
            }
            if let Ok(message) = receiver.try_recv() {
                assert_eq!(Some(message), sent.borrow_mut().pop_front());
            }
        }
        assert_eq!(sent.borrow().len(), 0);
    });
}

#[test]
fn a_oneshot_tells_its_value_or_that_nobody_will() {
    scenario(|| async {
        let mut rng = rng(0);
        for round in 0..MESSAGES {
            let (sender, receiver) = oneshot::channel();
            let fails = rng.bool();
            let (early, mut own) = (rng.bool(), rng.fork());
            let sends = hob::spawn(async move {
                if !early {
                    dawdle(&mut own).await;
                }
                if fails {
                    drop(sender);
                } else {
                    sender.send(round).expect("it is awaited");
                }
            });
            dawdle(&mut rng).await;
            assert_eq!(receiver.await.ok(), (!fails).then_some(round));
            sends.await.expect("nobody panics");
        }
    });
}

#[test]
fn a_queue_is_done_when_every_item_is_whoever_was_cancelled() {
    scenario(|| async {
        let queue = Queue::<u64>::bounded(3);
        let workers: Vec<_> = (0..4)
            .map(|number| {
                let queue = queue.clone();
                hob::spawn(async move {
                    let mut rng = rng(number);
                    while let Ok(item) = queue.get().await {
                        dawdle(&mut rng).await;
                        item.done();
                    }
                })
            })
            .collect();
        let mut rng = rng(9);
        for number in 0..2 * MESSAGES {
            queue.put(number).await.expect("it is open");
            // All but the first may go.
            if rng.u8(..8) == 0 {
                workers[rng.usize(1..4)].cancel("the scenario wants it");
            }
        }
        queue.join().await;
        assert_eq!((queue.len(), queue.unfinished()), (0, 0));
        queue.close();
        for worker in workers {
            end_of(worker).await;
        }
    });
}
