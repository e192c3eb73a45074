//! Runs the scenarios in the simulator, optimized and with many seeds.
//!
//! The `test` step runs them too, with few seeds and all assertions of the debug build; this is where
//! orders are found that come up once in a thousand.

use std::time::Duration;

use crate::report::{Outcome, conclude, count};
use crate::run::Run;
use crate::testing::tests_passed;
use crate::workspace::Workspace;

/// A crate with scenarios in `tests/simulated`, and how many seeds each of them runs: those that draw
/// any, that is; some check fixed ones.
const SUITES: &[(&str, &str)] = &[
    ("hob", "5000"),
    // A run is a thousand requests.
    ("hob-compat", "200"),
];

/// How long one suite may take, with building it.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs the scenarios.
pub(crate) fn sim(workspace: &Workspace) -> Outcome {
    let (mut tests, mut reports, mut seeds) = (0, Vec::new(), Vec::new());
    for (member, each) in SUITES {
        let run = Run::cargo("test --quiet --release --all-features --test simulated -p")
            .args([*member])
            .env("HOB_SEEDS", *each)
            .limit(LIMIT);
        let ran = run.run(&workspace.root);
        tests += tests_passed(&ran.output);
        seeds.push(format!("{each} in {member}"));
        if !ran.success {
            reports.push(ran.report());
        }
    }
    let counted = format!("{}; seeds: {}", count(tests, "test"), seeds.join(", "));
    conclude(counted, reports)
}
