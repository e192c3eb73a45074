//! The project's own commands: `cargo xtask ci`, and each of its steps alone.
//!
//! `cargo xtask help` lists the steps. Everything that holds for the whole house and that no
//! linter knows is checked here, so that one command answers "is it all right?", with nothing
//! installed but Rust and a C linker.
//!
//! # Implementation
//!
//! A [step](ci::Step) is a function from the [workspace](workspace::Workspace) to an
//! [outcome](report::Outcome). Steps mostly run cargo through [`run::Run`], which captures what it
//! says, limits its time, and can print itself as a line that a person may paste into a shell.
//! There are no dependencies on purpose: this builds in seconds, before anything else does.

mod bench;
mod cargo;
mod ci;
mod deny;
mod examples;
mod loom;
mod manifest;
mod report;
mod run;
mod serve;
mod sim;
mod testing;
mod tidy;
mod toolchains;
mod workspace;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let wanted: Vec<String> = env::args().skip(1).collect();
    if let Some(("bench", arguments)) = wanted.split_first().map(|(it, more)| (it.as_str(), more)) {
        // No step: it judges a change, and nothing passes or fails by it but the answers.
        return with_workspace(|workspace| bench::bench(workspace, arguments));
    }
    let steps = match ci::choose(&wanted) {
        Ok(steps) if steps.is_empty() => {
            ci::say(&ci::help());
            return ExitCode::SUCCESS;
        }
        Ok(steps) => steps,
        Err(unknown) => {
            ci::say(&format!("there is no step `{unknown}`\n\n{}", ci::help()));
            return ExitCode::from(2);
        }
    };
    with_workspace(|workspace| ci::run(workspace, &steps))
}

/// Does something in the workspace, and says by the exit status whether it went well.
fn with_workspace(act: impl FnOnce(&workspace::Workspace) -> bool) -> ExitCode {
    match workspace::Workspace::open() {
        Ok(workspace) if act(&workspace) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            ci::say(&format!("cannot read the workspace: {error}"));
            ExitCode::FAILURE
        }
    }
}
