//! Pulses driven by hand, and what the watchdog says of them.

use std::panic::Location;
use std::sync::mpsc::{Receiver, Sender, channel};

use hob_core::TaskSlot;
use hob_core::env::Parts;
use hob_core::task::Occupant;

use super::*;

const LIMIT: Duration = Duration::from_millis(100);
/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn pulses(count: usize) -> &'static [Pulse] {
    Box::leak((0..count).map(|_| Pulse::new()).collect())
}

/// What the reports say.
fn env() -> (Arc<Env>, Receiver<String>) {
    let (tell, told) = channel();
    let hook = move |unhandled: &Unhandled<'_>| {
        assert_eq!(unhandled.kind, UnhandledKind::SlowPoll);
        tell.send(unhandled.to_string()).expect("somebody listens");
    };
    (env_with(hook), told)
}

fn env_with(hook: impl Fn(&Unhandled<'_>) + Send + Sync + 'static) -> Arc<Env> {
    Arc::new(Env::new(Parts {
        unhandled: Arc::new(hook),
        ..Parts::default()
    }))
}

fn task(env: &Env, name: &str) -> &'static TaskSlot {
    let slot: &TaskSlot = Box::leak(Box::default());
    slot.occupy(Occupant {
        label: TaskLabel::new(Some(name.into()), Location::caller()),
        parent: None,
        env: env.id(),
    });
    slot
}

fn sampler(env: &Arc<Env>, pulses: &'static [Pulse]) -> Sampler {
    Sampler::new(Arc::downgrade(env), LIMIT, pulses)
}

/// The sampler looks at these numbers of milliseconds after an instant.
fn look_at(sampler: &mut Sampler, begun: Instant, millis: &[u64]) {
    for &millis in millis {
        sampler.look(begun + Duration::from_millis(millis));
    }
}

#[test]
fn a_poll_is_reported_once_it_has_lasted_the_limit() {
    let ((env, told), pulses, begun) = (env(), pulses(2), now());
    let mut sampler = sampler(&env, pulses);
    pulses[1].begin(task(&env, "crunch"));
    look_at(&mut sampler, begun, &[10, 60, 109]);
    assert_eq!(told.try_iter().count(), 0, "99 ms were seen");
    look_at(&mut sampler, begun, &[130, 180, 10_000]);
    let told: Vec<_> = told.try_iter().collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let text = &told[0];
    assert!(text.contains("\"crunch\", spawned at "), "{text}");
    assert!(text.contains("lasted 120 ms at least"), "{text}");
    assert!(text.contains("has not waited for anything"), "{text}");
}

#[test]
fn a_report_says_what_the_task_waited_for_last() {
    let ((env, told), pulses, begun) = (env(), pulses(1), now());
    let (mut sampler, slot) = (sampler(&env, pulses), task(&env, "crunch"));
    slot.record_wait(&"Mutex::lock", Location::caller());
    pulses[0].begin(slot);
    look_at(&mut sampler, begun, &[0, 100]);
    let text = told.try_recv().expect("it is reported");
    assert!(text.contains("last wait was Mutex::lock at "), "{text}");
}

#[test]
fn a_main_future_is_named_by_its_block_on() {
    let ((env, told), pulses, begun) = (env(), pulses(1), now());
    let mut sampler = sampler(&env, pulses);
    let here = Location::caller();
    let _poll = pulses[0].begin_main(here);
    look_at(&mut sampler, begun, &[0, 100]);
    let text = told.try_recv().expect("it is reported");
    assert!(text.contains(&format!("`block_on` at {here}")), "{text}");
}

#[test]
fn many_short_polls_are_not_one_long_poll() {
    let ((env, told), pulses, begun) = (env(), pulses(1), now());
    let (mut sampler, slot) = (sampler(&env, pulses), task(&env, "yield"));
    for look in 0..10 {
        pulses[0].begin(slot);
        look_at(&mut sampler, begun, &[look * 99]);
        pulses[0].end();
    }
    assert_eq!(told.try_iter().count(), 0);
}

#[test]
fn each_long_poll_is_reported() {
    let ((env, told), pulses, begun) = (env(), pulses(1), now());
    let (mut sampler, slot) = (sampler(&env, pulses), task(&env, "crunch"));
    for poll in 0..3 {
        pulses[0].begin(slot);
        look_at(&mut sampler, begun, &[poll * 1000, poll * 1000 + 500]);
        pulses[0].end();
    }
    assert_eq!(told.try_iter().count(), 3);
}

#[test]
fn it_sleeps_only_while_all_rest_and_nothing_was_polled() {
    let ((env, _told), pulses, begun) = (env(), pulses(2), now());
    let (mut sampler, slot) = (sampler(&env, pulses), task(&env, "nap"));
    assert!(sampler.may_sleep(), "nothing has begun");
    sampler.bowl.busy(&pulses[1]);
    assert!(!sampler.may_sleep(), "somebody is awake");
    pulses[1].begin(slot);
    pulses[1].end();
    pulses[1].rest();
    look_at(&mut sampler, begun, &[50]);
    assert!(!sampler.may_sleep(), "there was a poll since the last look");
    look_at(&mut sampler, begun, &[100]);
    assert!(sampler.may_sleep(), "now there was none");
}

#[test]
fn who_gets_busy_wakes_it_once() {
    let ((env, _told), pulses) = (env(), pulses(2));
    let mut sampler = sampler(&env, pulses);
    assert!(sampler.may_sleep());
    sampler.bowl.busy(&pulses[0]);
    assert!(!sampler.bowl.asleep.load(Ordering::Relaxed));
    sampler.parker.park(Until::Forever, &mut Vec::new());
    sampler.bowl.busy(&pulses[1]);
    let soon = now() + Duration::from_millis(5);
    sampler.parker.park(Until::at(soon), &mut Vec::new());
    assert!(now() >= soon, "it was not asleep, and got a token");
}

#[test]
fn it_wakes_up_and_finds_a_poll_that_does_not_end() {
    let ((env, told), pulses) = (env(), pulses(3));
    let limit = Duration::from_millis(10);
    let watchdog = Watchdog::open(&env, Some(limit), pulses).expect("a thread starts");
    for pulse in pulses {
        while !watchdog.bowl.asleep.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        watchdog.busy(pulse);
        pulse.begin(task(&env, "stuck"));
        let text = told.recv_timeout(LONG).expect("it is reported");
        assert!(text.contains("\"stuck\""), "{text}");
        pulse.end();
        pulse.rest();
    }
    watchdog.stop();
    assert_eq!(told.try_iter().count(), 0);
}

#[test]
fn a_stop_waits_until_the_thread_has_ended() {
    let (env, _told) = env();
    for _ in 0..100 {
        let watchdog = Watchdog::open(&env, Some(LIMIT), pulses(1)).expect("a thread starts");
        let left = Arc::downgrade(&watchdog.bowl);
        watchdog.stop();
        drop(watchdog);
        assert_eq!(left.strong_count(), 0, "the thread runs still");
    }
}

#[test]
fn the_last_reference_ends_the_thread() {
    let (env, _told) = env();
    let watchdog = Watchdog::open(&env, Some(LIMIT), pulses(1)).expect("a thread starts");
    let bowl = Arc::clone(&watchdog.bowl);
    drop(watchdog);
    assert!(bowl.wait_ended(now() + LONG));
}

#[test]
fn without_a_limit_there_is_none() {
    let (env, _told) = env();
    assert!(Watchdog::open(&env, None, pulses(1)).is_none());
}

#[test]
fn it_keeps_no_runtime_alive() {
    let ((env, told), pulses) = (env(), pulses(1));
    let slot = task(&env, "stuck");
    let mut sampler = sampler(&env, pulses);
    drop(env);
    pulses[0].begin(slot);
    look_at(&mut sampler, now(), &[0, 1000]);
    assert!(told.recv().is_err(), "the hook is gone with the runtime");
}

#[test]
fn after_a_stop_nothing_is_reported() {
    let ((env, told), pulses, begun) = (env(), pulses(1), now());
    let mut sampler = sampler(&env, pulses);
    pulses[0].begin(task(&env, "somebody else's"));
    look_at(&mut sampler, begun, &[0]);
    sampler.bowl.stop();
    look_at(&mut sampler, begun, &[1000]);
    assert_eq!(told.try_iter().count(), 0);
}

#[test]
fn a_hook_that_panics_leaves_it_watching() {
    let (tell, told) = channel();
    let env = env_with(move |_| {
        tell.send(()).expect("somebody listens");
        panic!("the hook");
    });
    let (pulses, begun) = (pulses(1), now());
    let (mut sampler, slot) = (sampler(&env, pulses), task(&env, "crunch"));
    for poll in 0..2 {
        pulses[0].begin(slot);
        look_at(&mut sampler, begun, &[poll * 1000, poll * 1000 + 500]);
        pulses[0].end();
    }
    assert_eq!(told.try_iter().count(), 2);
}

#[test]
fn a_hook_that_does_not_return_ends_no_stop() {
    let (enter, entered) = channel();
    let (leave, left): (Sender<()>, _) = channel();
    let left = Mutex::new(left);
    let env = env_with(move |_| {
        enter.send(()).expect("somebody listens");
        // Until the sender is dropped.
        let _dropped = lock(&left).recv();
    });
    let pulses = pulses(1);
    let limit = Duration::from_millis(1);
    let watchdog = Watchdog::open(&env, Some(limit), pulses).expect("a thread starts");
    watchdog.busy(&pulses[0]);
    pulses[0].begin(task(&env, "stuck"));
    entered.recv_timeout(LONG).expect("it is reported");
    watchdog.stop();
    assert!(!*lock(&watchdog.bowl.has_ended), "it is in the hook");
    drop(leave);
    assert!(watchdog.bowl.wait_ended(now() + LONG));
}
