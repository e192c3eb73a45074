//! Runs the scenarios of the facade in the simulator, optimized and with many seeds.
//!
//! The `test` step runs them too, with few seeds and all assertions of the debug build; this is where
//! orders are found that come up once in a thousand.

use std::time::Duration;

use crate::report::{Outcome, conclude, count};
use crate::run::Run;
use crate::testing::tests_passed;
use crate::workspace::Workspace;

/// How many seeds each scenario runs.
const SEEDS: &str = "5000";

/// How long all of them may take, with building them.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs the scenarios.
pub(crate) fn sim(workspace: &Workspace) -> Outcome {
    let run = Run::cargo("test --quiet --release -p hob --all-features --test simulated")
        .env("HOB_SEEDS", SEEDS)
        .limit(LIMIT);
    let ran = run.run(&workspace.root);
    let scenarios = count(tests_passed(&ran.output), "scenario");
    let failed = (!ran.success).then(|| ran.report());
    conclude(
        format!("{scenarios}, {SEEDS} seeds where it draws them"),
        failed.into_iter().collect(),
    )
}
