//! `hob-bench`: runs one workload once, for one contestant, in this process.
//!
//! `cargo xtask bench` builds it and runs it many times over, the contestants in turn; see there for
//! the table. The protocol between the two is lines of words:
//!
//! ```text
//! hob-bench list [FAMILY...]                              FAMILY WORKLOAD UNIT CONTESTANT...
//! hob-bench run FAMILY WORKLOAD CONTESTANT [--quick]      result VALUE
//!                                                         extra NAME VALUE
//!                                                         placed WHERE
//!                                                         skipped WHY
//! ```
//!
//! A run whose answer is wrong prints why to the other stream and ends with status 1.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of the command line: its answer goes to one stream, its excuses to the other"
)]

mod contestant;
// Pins, `/proc`, epoll and abstract sockets are Linux's: what needs them takes part nowhere else.
#[cfg(target_os = "linux")]
mod cores;
mod exec;
mod meeting;
#[cfg(target_os = "linux")]
mod memory;
mod meter;
#[cfg(target_os = "linux")]
mod net;
mod sync;
mod time;
mod workload;

use std::env;
use std::process::ExitCode;

use crate::workload::{Missed, Size, Workload};

const USAGE: &str = "usage: hob-bench list [FAMILY...]\n       \
     hob-bench run FAMILY WORKLOAD CONTESTANT [--quick | --smoke]";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match command(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn command(arguments: &[String]) -> Result<(), String> {
    #[cfg(target_os = "linux")]
    if let Some(done) = net::hidden(arguments) {
        return done;
    }
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["list", ref families @ ..] => list(families),
        ["run", family, name, contestant] => run(family, name, contestant, Size::Full),
        ["run", family, name, contestant, "--quick"] => run(family, name, contestant, Size::Quick),
        ["run", family, name, contestant, "--smoke"] => run(family, name, contestant, Size::Smoke),
        _ => Err(USAGE.to_owned()),
    }
}

/// Every workload, family by family.
fn workloads() -> Vec<Workload> {
    let families = [
        exec::workloads(),
        time::workloads(),
        sync::workloads(),
        #[cfg(target_os = "linux")]
        net::workloads(),
    ];
    families.into_iter().flatten().collect()
}

fn list(families: &[&str]) -> Result<(), String> {
    let workloads = workloads();
    let unknown = families
        .iter()
        .find(|family| !workloads.iter().any(|it| it.family == **family));
    if let Some(unknown) = unknown {
        return Err(format!("there is no family `{unknown}`"));
    }
    for it in &workloads {
        if families.is_empty() || families.contains(&it.family) {
            let contestants = it.contestants.join(" ");
            println!("{} {} {} {contestants}", it.family, it.name, it.unit);
        }
    }
    Ok(())
}

fn run(family: &str, name: &str, contestant: &str, size: Size) -> Result<(), String> {
    let workloads = workloads();
    let workload = workloads
        .iter()
        .find(|it| it.family == family && it.name == name)
        .ok_or_else(|| format!("there is no workload `{family} {name}`"))?;
    if !workload.contestants.contains(&contestant) {
        return Err(format!("`{contestant}` takes no part in `{family} {name}`"));
    }
    match (workload.run)(contestant, size) {
        Ok(measured) => {
            println!("result {}", measured.value);
            for (name, value) in &measured.extras {
                println!("extra {name} {value}");
            }
            if let Some(place) = measured.placed {
                println!("placed {place}");
            }
            Ok(())
        }
        Err(Missed::Skipped(why)) => {
            println!("skipped {why}");
            Ok(())
        }
        Err(Missed::Failed(why)) => Err(format!("{family} {name} {contestant}: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs every contestant of a family once, as short as can be: so that nothing rots.
    fn every_contestant_gives_the_right_answer(family: &str) {
        let mut ran = 0;
        for workload in workloads().iter().filter(|it| it.family == family) {
            for contestant in &workload.contestants {
                let outcome = (workload.run)(contestant, Size::Smoke);
                let name = workload.name;
                match outcome {
                    Ok(measured) => assert!(measured.value.is_finite(), "{name} {contestant}"),
                    Err(Missed::Skipped(_)) => continue,
                    Err(Missed::Failed(why)) => panic!("{name} {contestant}: {why}"),
                }
                ran += 1;
            }
        }
        assert!(ran > 40, "{ran}");
    }

    #[test]
    fn every_contestant_of_exec_gives_the_right_answer() {
        every_contestant_gives_the_right_answer("exec");
    }

    #[test]
    fn every_contestant_of_time_gives_the_right_answer() {
        every_contestant_gives_the_right_answer("time");
    }

    #[test]
    fn every_contestant_of_sync_gives_the_right_answer() {
        every_contestant_gives_the_right_answer("sync");
    }

    #[test]
    fn no_workload_has_a_name_twice_and_no_contestant_takes_part_twice() {
        let workloads = workloads();
        for (index, it) in workloads.iter().enumerate() {
            let mut others = workloads[index + 1..].iter();
            assert!(!others.any(|other| (other.family, other.name) == (it.family, it.name)));
            let mut contestants = it.contestants.clone();
            contestants.sort_unstable();
            contestants.dedup();
            assert_eq!(contestants.len(), it.contestants.len(), "{}", it.name);
        }
    }

    #[test]
    fn who_takes_no_part_is_refused() {
        assert!(command(&["run", "exec", "yield_1", "nobody"].map(str::to_owned)).is_err());
        assert!(command(&["run", "exec", "nothing", "hob_mt"].map(str::to_owned)).is_err());
        assert!(command(&["list", "nothing"].map(str::to_owned)).is_err());
        assert!(command(&[]).is_err());
    }
}
