//! Models: who goes to sleep against who wakes up.

use hob_core::TaskSlot;

use super::*;
use crate::primitive::{model, thread};

#[test]
fn loom_whoever_gets_busy_is_watched() {
    model(|| {
        let pulses: &'static [Pulse] = Box::leak(Box::new([Pulse::new(), Pulse::new()]));
        let mut sampler = Sampler::new(Weak::new(), Duration::MAX, pulses);
        let bowl = Arc::clone(&sampler.bowl);
        let watchdog = thread::spawn(move || {
            if sampler.may_sleep() {
                // A token that is lost shows as a deadlock: the poll below does not end before.
                sampler.parker.park(Until::Forever, &mut Vec::new());
            }
            assert!(pulses.iter().any(|pulse| !pulse.rests()));
        });
        let first = Arc::clone(&bowl);
        let worker = thread::spawn(move || first.busy(&pulses[0]));
        bowl.busy(&pulses[1]);
        watchdog.join().expect("it does not panic");
        worker.join().expect("it does not panic");
    });
}

#[test]
fn loom_who_rested_and_is_busy_again_is_watched() {
    model(|| {
        let pulses: &'static [Pulse] = Box::leak(Box::new([Pulse::new()]));
        let mut sampler = Sampler::new(Weak::new(), Duration::MAX, pulses);
        let bowl = Arc::clone(&sampler.bowl);
        let watchdog = thread::spawn(move || {
            for _ in 0..2 {
                if sampler.may_sleep() {
                    sampler.parker.park(Until::Forever, &mut Vec::new());
                    sampler.bowl.asleep.store(false, Ordering::Relaxed);
                }
            }
        });
        bowl.busy(&pulses[0]);
        pulses[0].rest();
        bowl.busy(&pulses[0]);
        watchdog.join().expect("it does not panic");
    });
}

#[test]
fn loom_a_look_sees_the_task_of_the_poll_that_it_sees() {
    model(|| {
        let pulse: &'static Pulse = Box::leak(Box::new(Pulse::new()));
        let slots = [(); 2].map(|()| &*Box::leak(Box::new(TaskSlot::new())));
        let observer = thread::spawn(move || {
            let Some(running) = pulse.running() else {
                return;
            };
            let expected = match running.mark {
                1 => slots[0],
                3 => slots[1],
                mark => panic!("no poll has the mark {mark}"),
            };
            match running.subject {
                Subject::Task(slot) => assert!(std::ptr::eq(slot, expected)),
                Subject::Main(_) => panic!("there is no main future"),
            }
        });
        for slot in slots {
            pulse.begin(slot);
            pulse.end();
        }
        observer.join().expect("it does not panic");
    });
}
