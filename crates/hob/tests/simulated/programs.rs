//! Whole programs, those of the examples: in each process the same seed gives the same run.

use std::collections::BTreeSet;
use std::env;
use std::process::Command;
use std::time::Duration;

use hob::net::TcpListener;
use hob::sim::{Report, Simulation, net};
use hob::sync::{Queue, oneshot};

use crate::sync_programs;

use chat::Summary;

#[expect(dead_code, reason = "only its server and its clients run here")]
#[path = "../../examples/chat.rs"]
mod chat;
#[expect(dead_code, reason = "only its sales run here")]
#[path = "../../examples/tickets.rs"]
mod tickets;
#[expect(dead_code, reason = "only its dinner runs here")]
#[path = "../../examples/workers.rs"]
mod workers;

/// A program, by name, and what runs it with a seed.
type Program = (&'static str, fn(u64) -> Report);

const PROGRAMS: [Program; 3] = [("workers", dine), ("tickets", sell), ("chat", talk)];
const SEEDS: u64 = 8;

fn dine(seed: u64) -> Report {
    let dinner = async { workers::dinner(Queue::bounded(5)).await };
    let ((longest, cooked), report) = Simulation::new(seed).run_report(dinner);
    let mut numbers = cooked.concat();
    numbers.sort_unstable();
    assert!(longest <= 5 && numbers == Vec::from_iter(0..60));
    report
}

fn sell(seed: u64) -> Report {
    let sales = async {
        let oversold = tickets::without_lock().await;
        let sold = (tickets::with_mutex().await, tickets::with_semaphore().await);
        (oversold, sold)
    };
    let ((oversold, sold), report) = Simulation::new(seed).run_report(sales);
    assert_eq!(sold, (3, 3));
    assert!(oversold >= 3, "it depends on the order by how many");
    report
}

/// A server and fifty clients, each on a host of its own.
fn talk(seed: u64) -> Report {
    const CLIENTS: usize = 50;
    let evening = async {
        let server = net::host("server");
        let listener = server.run(TcpListener::bind("0.0.0.0:6667"));
        let listener = listener.await.expect("the port is free");
        let (stop, stopped) = oneshot::channel::<()>();
        let served = server.spawn(chat::serve(listener, async {
            let _told = stopped.await;
        }));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let script = vec![
                    chat::say(format!("I am number {number}")),
                    chat::hear("* the server closes"),
                ];
                let name = format!("c{number}");
                net::host(&name).spawn(chat::client("server:6667", name, script))
            })
            .collect();
        hob::sleep(Duration::from_secs(30)).await;
        stop.send(()).expect("the server waits for it");
        for client in clients {
            let heard = client.await.expect("no client panics");
            assert!(heard.expect("nobody is too slow").len() > 1);
        }
        served.await.expect("the server does not panic")
    };
    let (summary, report) = Simulation::new(seed).run_report(evening);
    let expected = Summary {
        clients: CLIENTS,
        lines: CLIENTS,
        too_slow: 0,
    };
    assert_eq!(summary, expected);
    report
}

/// A line for each program and seed. In a process of its own it is how that tells what it did.
#[test]
fn programs_end_well_with_every_seed() {
    let traces = traces();
    if env::var_os(TELL).is_some() {
        #[expect(clippy::print_stdout, reason = "the process that asks reads it")]
        {
            println!("{TELL}\n{traces}{TELL}");
        }
    }
}

const TELL: &str = "HOB_TELL_TRACES";

fn traces() -> String {
    let runs = PROGRAMS.iter().flat_map(|(name, run)| {
        (0..SEEDS).map(move |seed| format!("{name} {seed} {}\n", run(seed).trace))
    });
    runs.collect()
}

#[test]
fn two_processes_make_the_same_of_a_seed() {
    let here = traces();
    for _ in 0..2 {
        let program = env::current_exe().expect("this test has a file");
        let ran = Command::new(program)
            .args(["--exact", "programs::programs_end_well_with_every_seed"])
            .arg("--nocapture")
            .env(TELL, "1")
            .output()
            .expect("it starts");
        assert!(ran.status.success(), "{ran:?}");
        let output = String::from_utf8(ran.stdout).expect("it writes text");
        let there = output.split(TELL).nth(1).expect("it tells its traces");
        assert_eq!(there.trim(), here.trim());
    }
}

/// Not only at different times, which the seed decides as well.
#[test]
fn different_seeds_run_the_tasks_in_different_orders() {
    for (name, run) in PROGRAMS {
        let orders: BTreeSet<_> = (0..SEEDS).map(|seed| run(seed).order).collect();
        assert_eq!(orders.len() as u64, SEEDS, "{name}");
    }
}

#[test]
fn the_programs_that_run_under_other_executors_run_here() {
    for seed in hob::sim::seeds(10) {
        for program in sync_programs::all() {
            let sync_programs::Program { tasks, check, .. } = program;
            hob::sim::run(seed, async {
                let running: Vec<_> = tasks.into_iter().map(hob::spawn).collect();
                for task in running {
                    task.await.expect("no task of these programs panics");
                }
            });
            check();
        }
    }
}
