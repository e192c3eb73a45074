//! A crate outside the workspace replaces every engine that the builder takes, through what is public, and runs an example.
//!
//! It stands in `outsider/`, and this test builds it as its author would, but without a network: all
//! that it needs is there once this workspace was built. So its `Cargo.lock` names what ours names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const CRATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outsider");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Where cargo builds it: a folder of its own beside what this test was built from.
const TARGET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/outsider");

fn lock(folder: &str) -> String {
    let path = Path::new(folder).join("Cargo.lock");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Name, version and source of each crate that is no path.
fn foreign_crates(lock: &str) -> BTreeSet<&str> {
    let packages = lock.split("[[package]]\n").skip(1);
    packages
        .filter_map(|package| {
            let end = package.find("\nchecksum = ")?;
            Some(&package[..end])
        })
        .collect()
}

#[test]
fn a_crate_outside_replaces_the_engines() {
    let (ours, before) = (lock(ROOT), lock(CRATE));
    let theirs = foreign_crates(&before);
    let unknown: Vec<_> = theirs.difference(&foreign_crates(&ours)).copied().collect();
    assert!(
        unknown.is_empty() && !theirs.is_empty(),
        "the workspace has other versions than its outsider, and only its own can be built offline; \
         copy Cargo.lock to crates/hob/tests/outsider/ and run this test again: {unknown:#?}"
    );

    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline"])
        .current_dir(CRATE)
        .env("CARGO_TARGET_DIR", TARGET)
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("cargo starts: it started us");
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
    for line in ["on several threads:", "on one thread:"] {
        assert!(printed.contains(line), "{printed}\n{errors}");
    }

    assert!(
        lock(CRATE) == before,
        "crates/hob/tests/outsider/Cargo.lock did not fit the manifests of the workspace any more; \
         cargo has brought it up to date: commit it"
    );
}
