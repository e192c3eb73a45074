//! Two hundred pools come and go, and leave neither threads nor descriptors nor memory.
//!
//! It counts what the whole process has, so it stands alone in its file.

#![cfg(all(not(loom), target_os = "linux"))]

mod common;

use std::fs;

use hob_task::spawn;

use crate::common::{Pool, in_time, until};

fn entries(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

fn resident_pages() -> u64 {
    let sizes = fs::read_to_string("/proc/self/statm").unwrap();
    sizes.split(' ').nth(1).unwrap().parse().unwrap()
}

fn live(pools: usize) {
    for _ in 0..pools {
        let pool = Pool::new(3);
        let task = pool.spawn(async { spawn(async { 1 }).await.unwrap() + 1 });
        assert_eq!(pool.block_on(task).unwrap(), 2);
        pool.end();
    }
}

#[test]
fn two_hundred_pools_leave_nothing_behind() {
    in_time(|| {
        let threads = entries("/proc/self/task");
        live(20);
        until(|| entries("/proc/self/task") == threads);
        let (descriptors, pages) = (entries("/proc/self/fd"), resident_pages());
        live(200);
        until(|| entries("/proc/self/task") == threads);
        assert_eq!(entries("/proc/self/fd"), descriptors);
        let grown = resident_pages().saturating_sub(pages);
        assert!(grown < 256, "{grown} pages more");
    });
}
