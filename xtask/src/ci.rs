//! The list of steps, and how they are run and told.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use crate::report::{Done, Failure, Outcome, Report, conclude};
use crate::run::Stopwatch;
use crate::workspace::Workspace;
use crate::{cargo, deny, examples, loom, sim, testing, tidy, toolchains};

/// One thing that `cargo xtask ci` checks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// What it is called on the command line.
    pub(crate) name: &'static str,
    about: &'static str,
    run: fn(&Workspace) -> Outcome,
}

/// All steps, in the order in which they run: what is quick and often wrong comes first.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "rustfmt agrees with every file",
        run: cargo::fmt,
    },
    Step {
        name: "tidy",
        about: "the house's own rules: floors, code map, unsafe files, atomics, links ...",
        run: tidy::tidy,
    },
    Step {
        name: "deny",
        about: "licences, sources and number of the crates that `hob` builds on",
        run: deny::deny,
    },
    Step {
        name: "clippy",
        about: "no warning anywhere, with all targets and features",
        run: cargo::clippy,
    },
    Step {
        name: "test",
        about: "unit and integration tests, one crate at a time",
        run: testing::test,
    },
    Step {
        name: "doctest",
        about: "the examples in the documentation and the READMEs",
        run: testing::doctest,
    },
    Step {
        name: "doc",
        about: "the documentation builds without a warning",
        run: cargo::doc,
    },
    Step {
        name: "features",
        about: "each crate builds with no feature, and with each feature alone",
        run: cargo::features,
    },
    Step {
        name: "loom",
        about: "every protocol over atomics, model checked",
        run: loom::loom,
    },
    Step {
        name: "sim",
        about: "the scenarios in the simulator, with many seeds",
        run: sim::sim,
    },
    Step {
        name: "examples",
        about: "the examples of `hob` run, end, and serve",
        run: examples::examples,
    },
    Step {
        name: "msrv",
        about: "the oldest Rust that we promise builds it, if that is installed",
        run: toolchains::msrv,
    },
    Step {
        name: "miri",
        about: "the crates with unsafe code under Miri, if that is installed",
        run: toolchains::miri,
    },
];

/// How much each step must look at, at least: the number that its line begins with.
///
/// A test that is no longer run fails nobody; a number that shrinks does. Each stands some percent
/// below what the step counted when it was written. Raise it when the count has grown by a tenth;
/// lower it in the commit that takes something out, which then says why.
const FLOORS: &[(&str, usize)] = &[
    ("tidy", 550),
    ("test", 1_950),
    ("doctest", 380),
    ("features", 16),
    ("loom", 186),
    ("sim", 56),
    ("examples", 8),
];

/// Returns the steps that the arguments name: all for `ci`, none for `help` or nothing.
pub(crate) fn choose(arguments: &[String]) -> Result<Vec<Step>, String> {
    let (mut chosen, mut help) = (Vec::new(), false);
    for argument in arguments {
        match argument.as_str() {
            "help" | "-h" | "--help" => help = true,
            "ci" => chosen.extend(STEPS),
            name => match STEPS.iter().find(|step| step.name == name) {
                Some(step) => chosen.push(*step),
                None => return Err(name.to_owned()),
            },
        }
    }
    Ok(if help { Vec::new() } else { chosen })
}

/// Returns what `cargo xtask help` prints.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "cargo xtask ci       runs every step; the last line is `N passed, N failed`\n\
         cargo xtask STEP...  runs these alone\n\
         cargo xtask bench    hob beside its peers; `cargo xtask bench --help`\n\nSteps:\n",
    );
    for step in STEPS {
        let _ = writeln!(text, "  {:9}  {}", step.name, step.about);
    }
    text
}

/// Runs steps one after the other, also after one that fails, and returns whether none did.
pub(crate) fn run(workspace: &Workspace, steps: &[Step]) -> bool {
    let (mut passed, mut failed, mut skipped) = (0, 0, Vec::new());
    let watch = Stopwatch::start();
    for step in steps {
        announce(step.name);
        let watch = Stopwatch::start();
        let outcome = enough(step.name, (step.run)(workspace));
        let seconds = watch.elapsed().as_secs_f64();
        say(&told(step.name, seconds, &outcome));
        match outcome {
            Ok(Done::Counted(_)) => passed += 1,
            Ok(Done::Skipped(why)) => skipped.push(format!("SKIPPED: {}: {why}", step.name)),
            Err(_) => failed += 1,
        }
    }
    say(&format!("\ntook {:.0} s", watch.elapsed().as_secs_f64()));
    for line in &skipped {
        say(line);
    }
    say(&summary(passed, failed, skipped.len()));
    failed == 0
}

/// Fails a step that looked at less than it should.
fn enough(name: &str, outcome: Outcome) -> Outcome {
    let Some((_, floor)) = FLOORS.iter().find(|(step, _)| *step == name) else {
        return outcome;
    };
    let (Ok(Done::Counted(said) | Done::Skipped(said)) | Err(Failure { counted: said, .. })) =
        &outcome;
    let number = said.split(' ').next().and_then(|word| word.parse().ok());
    if outcome.is_err() || number.is_some_and(|number: usize| number >= *floor) {
        return outcome;
    }
    let report = Report {
        repeat: command(name),
        text: format!(
            "{floor} are the least; if it is right that there are fewer, say why and lower the floor \
             in xtask/src/ci.rs"
        ),
    };
    conclude(said.clone(), vec![report])
}

/// The command that repeats a step.
fn command(name: &str) -> String {
    format!("cargo xtask {name}")
}

/// Tells how a step ended: one line, and the reports below it if it failed.
///
/// The line begins with the command that repeats the step.
fn told(name: &str, seconds: f64, outcome: &Outcome) -> String {
    let line = |verdict: &str, counted: &str| {
        let command = command(name);
        let line = format!("{command:20}  {verdict:7}  {seconds:6.1} s  {counted}");
        line.trim_end().to_owned()
    };
    match outcome {
        Ok(Done::Counted(counted)) => line("ok", counted),
        Ok(Done::Skipped(why)) => line("skipped", why),
        Err(Failure { counted, reports }) => {
            let mut text = line("FAILED", counted);
            for (index, report) in reports.iter().enumerate() {
                // A crate that does not build fails for all who use it, in the same words.
                let again = reports[..index].iter().any(|it| it.text == report.text);
                let shown = if again { "(the same)" } else { &report.text };
                for line in shown.lines() {
                    let _ = write!(text, "\n    {line}");
                }
                let _ = write!(text, "\n  repeat with: {}\n", report.repeat);
            }
            text
        }
    }
}

/// The last line, which other programs read: its form is fixed.
fn summary(passed: usize, failed: usize, skipped: usize) -> String {
    let mut line = format!("{passed} passed, {failed} failed");
    if skipped > 0 {
        let _ = write!(line, ", {skipped} skipped");
    }
    line
}

/// Names the step that runs, where the line can be overwritten when it is done.
fn announce(name: &str) {
    if io::stdout().is_terminal() {
        let mut stdout = io::stdout();
        let _ = write!(stdout, "{:20}  ...\r", command(name));
        let _ = stdout.flush();
    }
}

/// Prints at once. Whoever reads may stop reading (`| head`); the exit status still counts.
pub(crate) fn say(text: &str) {
    let mut stdout = io::stdout();
    let _ = writeln!(stdout, "{text}");
    let _ = stdout.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(arguments: &[&str]) -> Result<Vec<&'static str>, String> {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        Ok(choose(&arguments)?.iter().map(|step| step.name).collect())
    }

    #[test]
    fn steps_are_chosen_by_name() {
        assert_eq!(chosen(&["tidy", "fmt"]), Ok(vec!["tidy", "fmt"]));
        assert_eq!(chosen(&["ci"]).map(|steps| steps.len()), Ok(STEPS.len()));
        assert_eq!(chosen(&["help"]), Ok(vec![]));
        assert_eq!(chosen(&["ci", "help"]), Ok(vec![]));
        assert_eq!(chosen(&["help", "tidi"]), Err("tidi".to_owned()));
        assert_eq!(chosen(&[]), Ok(vec![]));
        assert_eq!(chosen(&["tidi"]), Err("tidi".to_owned()));
    }

    #[test]
    fn a_step_that_looks_at_too_little_fails() {
        let counted = |text: &str| conclude(text.to_owned(), Vec::new());
        assert!(enough("loom", counted("1000 models in 7 crates")).is_ok());
        assert!(enough("loom", counted("2 models in 1 crate")).is_err());
        assert!(enough("loom", counted("")).is_err());
        assert!(enough("loom", Ok(Done::Skipped("no crate has a model".to_owned()))).is_err());
        assert!(enough("fmt", counted("")).is_ok());
        for (name, _) in FLOORS {
            assert!(STEPS.iter().any(|step| step.name == *name), "{name}");
        }
    }

    #[test]
    fn the_last_line_has_the_form_that_programs_read() {
        assert_eq!(summary(3, 0, 0), "3 passed, 0 failed");
        assert_eq!(summary(3, 1, 2), "3 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn a_failure_tells_what_repeats_it() {
        let report = Report {
            repeat: "cargo test -p hob".to_owned(),
            text: "a\nb".to_owned(),
        };
        let text = told("test", 1.25, &conclude("3 tests".to_owned(), vec![report]));
        assert_eq!(
            text,
            "cargo xtask test      FAILED      1.2 s  3 tests\n    a\n    b\n  repeat with: cargo test -p hob\n"
        );
    }
}
