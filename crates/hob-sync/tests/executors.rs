//! The same programs under tokio, under smol, and with no executor at all.

#![cfg(not(loom))]

#[path = "support/programs.rs"]
mod programs;

use std::future::Future;
use std::thread;
use std::time::Duration;

use futures_lite::future::{block_on, or};

use programs::{Program, Task};

/// Far more than any program takes: a wake that is lost is a failure and not a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs all programs some times: orders differ.
fn check(run: impl Fn(&'static str, Vec<Task>)) {
    for _ in 0..10 {
        for Program { name, tasks, check } in programs::all() {
            run(name, tasks);
            check();
        }
    }
}

/// Ends with a panic when `ended` takes too long.
async fn patiently(name: &str, ended: impl Future<Output = ()>) {
    let lost = async {
        smol::Timer::after(PATIENCE).await;
        panic!("{name}: a wake was lost");
    };
    or(ended, lost).await;
}

fn under_tokio(runtime: &tokio::runtime::Runtime) {
    check(|name, tasks| {
        runtime.block_on(async {
            let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
            let ended = async {
                for task in running {
                    task.await.unwrap();
                }
            };
            patiently(name, ended).await;
        });
    });
}

#[test]
fn under_tokios_pool() {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    under_tokio(&builder.worker_threads(2).build().unwrap());
}

#[test]
fn under_tokio_on_one_thread() {
    under_tokio(
        &tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap(),
    );
}

#[test]
fn under_smol() {
    check(|name, tasks| {
        let executor = &smol::Executor::new();
        let running: Vec<_> = tasks.into_iter().map(|task| executor.spawn(task)).collect();
        let ended = async {
            for task in running {
                task.await;
            }
        };
        thread::scope(|scope| {
            let (stop, stopped) = smol::channel::bounded::<()>(1);
            scope.spawn(move || block_on(executor.run(stopped.recv())));
            block_on(executor.run(patiently(name, ended)));
            drop(stop);
        });
    });
}

#[test]
fn with_a_thread_and_block_on_for_each_task() {
    check(|name, tasks| {
        thread::scope(|scope| {
            for task in tasks {
                scope.spawn(move || block_on(patiently(name, task)));
            }
        });
    });
}
