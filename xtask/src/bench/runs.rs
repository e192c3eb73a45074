//! Runs the contestants in turn and keeps what they said.

use std::io::{self, IsTerminal, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use crate::run::{Ran, Run};

/// How long one run may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The program that has the workloads.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) program: PathBuf,
    pub(super) root: PathBuf,
    pub(super) quick: bool,
    pub(super) rounds: usize,
}

/// A workload, as the program lists it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Row {
    pub(super) family: String,
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) contestants: Vec<String>,
}

/// What was measured of a workload: a series for each contestant.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) row: Row,
    pub(super) series: Vec<Series>,
}

/// The runs of one contestant.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    pub(super) contestant: String,
    values: Vec<f64>,
    extras: Vec<(String, Vec<f64>)>,
    /// Where its threads landed, each place once.
    pub(super) places: Vec<String>,
    /// Why it cannot run here.
    pub(super) skipped: Option<String>,
    /// What went wrong; it does not run again then.
    pub(super) failed: Option<String>,
}

impl Bench {
    /// Asks what there is.
    pub(super) fn list(&self, families: &[String]) -> Result<Vec<Row>, String> {
        let ran = self.run("list").args(families).run(&self.root);
        if !ran.success {
            return Err(ran.output);
        }
        ran.output.lines().map(Row::parse).collect()
    }

    /// Runs a workload for all its contestants, round by round.
    pub(super) fn measure(&self, row: &Row) -> Measured {
        let mut series: Vec<Series> = row.contestants.iter().map(|it| Series::new(it)).collect();
        for round in 1..=self.rounds {
            announce(&format!("{} {}: round {round}", row.family, row.name));
            for one in series.iter_mut().filter(|one| one.runs_on()) {
                let arguments = [&row.family, &row.name, &one.contestant];
                let mut run = self.run("run").args(arguments).limit(LIMIT);
                if self.quick {
                    run = run.args(["--quick"]);
                }
                one.take(&run.run(&self.root));
            }
        }
        announce("");
        Measured {
            row: row.clone(),
            series,
        }
    }

    fn run(&self, command: &str) -> Run {
        Run::new(self.program.display().to_string()).args([command])
    }
}

impl Row {
    fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split(' ').map(str::to_owned);
        match (words.next(), words.next(), words.next()) {
            (Some(family), Some(name), Some(unit)) => Ok(Self {
                family,
                name,
                unit,
                contestants: words.collect(),
            }),
            _ => Err(format!("the list has a line that is none: `{line}`")),
        }
    }
}

impl Measured {
    /// One run of each contestant, from what it said.
    #[cfg(test)]
    pub(super) fn heard(family: &str, name: &str, said: &[(&str, &str)]) -> Self {
        let series = said.iter().map(|(contestant, output)| {
            let mut series = Series::new(contestant);
            series.hear(output).expect("it is right");
            series
        });
        Self {
            row: Row {
                family: family.to_owned(),
                name: name.to_owned(),
                unit: "ns".to_owned(),
                contestants: said.iter().map(|it| it.0.to_owned()).collect(),
            },
            series: series.collect(),
        }
    }

    /// Names each contestant that failed.
    pub(super) fn failures(&self) -> Vec<String> {
        let failures = self.series.iter().filter_map(|one| {
            let why = one.failed.as_ref()?;
            let Row { family, name, .. } = &self.row;
            Some(format!("{family} {name} {}: {why}", one.contestant))
        });
        failures.collect()
    }
}

impl Series {
    pub(super) fn new(contestant: &str) -> Self {
        Self {
            contestant: contestant.to_owned(),
            ..Self::default()
        }
    }

    fn runs_on(&self) -> bool {
        self.failed.is_none() && self.skipped.is_none()
    }

    fn take(&mut self, ran: &Ran) {
        let said = if ran.success {
            self.hear(&ran.output)
        } else {
            Err(ran.report().text)
        };
        if let Err(why) = said {
            self.failed = Some(why);
        }
    }

    /// Reads the lines of one run.
    pub(super) fn hear(&mut self, output: &str) -> Result<(), String> {
        let not_understood = |line: &str| format!("said `{line}`");
        let mut results = 0;
        for line in output.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["result", value] => {
                    results += 1;
                    self.values
                        .push(number(value).ok_or_else(|| not_understood(line))?);
                }
                ["extra", name, value] => {
                    let value = number(value).ok_or_else(|| not_understood(line))?;
                    self.extra_mut(name).push(value);
                }
                ["placed", place] if !self.places.iter().any(|it| it == place) => {
                    self.places.push(place.to_owned());
                }
                ["placed", _] => {}
                ["skipped", ref why @ ..] => {
                    self.skipped = Some(why.join(" "));
                    return Ok(());
                }
                _ => return Err(not_understood(line)),
            }
        }
        if results == 1 {
            Ok(())
        } else {
            Err(format!("gave {results} results"))
        }
    }

    fn extra_mut(&mut self, name: &str) -> &mut Vec<f64> {
        let index = self.extras.iter().position(|extra| extra.0 == name);
        let index = index.unwrap_or_else(|| {
            self.extras.push((name.to_owned(), Vec::new()));
            self.extras.len() - 1
        });
        &mut self.extras[index].1
    }

    /// The median of its runs, if it ran.
    pub(super) fn median(&self) -> Option<f64> {
        quantile(&self.values, 0.5)
    }

    /// The least of its runs.
    pub(super) fn least(&self) -> Option<f64> {
        quantile(&self.values, 0.0)
    }

    /// How far the middle half of its runs lies apart, as a share of the median.
    pub(super) fn spread(&self) -> Option<f64> {
        let median = self.median()?;
        let apart = quantile(&self.values, 0.75)? - quantile(&self.values, 0.25)?;
        Some(if apart == 0.0 {
            0.0
        } else {
            apart / median.abs()
        })
    }

    /// The median of a further figure.
    pub(super) fn extra(&self, name: &str) -> Option<f64> {
        let (_, values) = self.extras.iter().find(|extra| extra.0 == name)?;
        quantile(values, 0.5)
    }

    /// The names of its further figures.
    pub(super) fn extras(&self) -> impl Iterator<Item = &str> {
        self.extras.iter().map(|extra| extra.0.as_str())
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// What stands at a share of the way through figures, between two of them if need be.
fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(below + (above - below) * at.fract())
}

/// Says what runs, where the line can be overwritten when it is done.
fn announce(what: &str) {
    if io::stdout().is_terminal() {
        let mut stdout = io::stdout();
        // Progress is a courtesy: a terminal that is gone loses nothing.
        let _ = write!(stdout, "{what:60}\r");
        let _ = stdout.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        let mut series = Series::new("hob_mt");
        for value in values {
            let said = series.hear(&format!("result {value}\nextra p99 {}", value * 2.0));
            said.expect("it is right");
        }
        series
    }

    #[test]
    fn a_series_knows_median_least_and_spread() {
        let series = series(&[10.0, 12.0, 8.0, 11.0, 9.0]);
        assert_eq!(series.median(), Some(10.0));
        assert_eq!(series.least(), Some(8.0));
        assert_eq!(series.spread(), Some(0.2));
        assert_eq!(series.extra("p99"), Some(20.0));
        assert_eq!(series.extra("p50"), None);
        assert_eq!(Series::new("x").median(), None);
    }

    #[test]
    fn a_place_is_kept_once() {
        let mut series = Series::new("x");
        for place in ["one_core", "two_cores", "one_core"] {
            let said = series.hear(&format!("result 1\nplaced {place}"));
            said.expect("it is right");
        }
        assert_eq!(series.places, ["one_core", "two_cores"]);
    }

    #[test]
    fn a_skip_is_no_failure_and_ends_the_series() {
        let mut series = Series::new("x");
        assert_eq!(series.hear("skipped strace is not installed"), Ok(()));
        assert_eq!(series.skipped.as_deref(), Some("strace is not installed"));
        assert!(!series.runs_on());
    }

    #[test]
    fn nonsense_is_a_failure() {
        for output in [
            "",
            "result NaN",
            "result 1\nresult 2",
            "extra p99 1",
            "hello",
        ] {
            assert!(Series::new("x").hear(output).is_err(), "{output}");
        }
    }

    #[test]
    fn a_contestant_that_fails_is_named_and_runs_no_more() {
        for program in ["false", "echo", "no-such-program-here"] {
            let bench = Bench {
                program: program.into(),
                root: "/".into(),
                quick: true,
                rounds: 3,
            };
            let row = Row::parse("exec yield_1 ns hob_mt").expect("it is right");
            let failures = bench.measure(&row).failures();
            assert_eq!(failures.len(), 1, "{failures:?}");
            assert!(
                failures[0].starts_with("exec yield_1 hob_mt: "),
                "{failures:?}"
            );
        }
    }

    #[test]
    fn a_row_is_read_from_its_words() {
        let row = Row::parse("exec yield_1 ns hob_mt floor").expect("it is right");
        assert_eq!((row.family.as_str(), row.unit.as_str()), ("exec", "ns"));
        assert_eq!(row.contestants, ["hob_mt", "floor"]);
        assert!(Row::parse("exec yield_1").is_err());
    }
}
