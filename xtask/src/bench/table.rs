//! The table of a family, as it is printed and as it is kept.

use std::fmt::{self, Write as _};

use crate::bench::runs::{Measured, Series};
use crate::bench::verdict::{Class, Compared, Verdict, compare};
use crate::bench::wider;

/// Stands where there is nothing to say.
const NOTHING: &str = "-";

/// How many rows ended how.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    ok: usize,
    over: usize,
    not_yet: usize,
    void: usize,
    skipped: usize,
    failed: usize,
    no_figure: usize,
}

/// Tells a family: the verdicts, then every contestant, then what else was measured.
pub(super) fn family(family: &str, results: &[Measured], tally: &mut Tally) -> String {
    let mut text = format!("## {family}\n\n");
    text.push_str(&verdicts(results, tally));
    text.push_str("\nEvery contestant: median / least / spread.\n\n");
    text.push_str(&contestants(results));
    let extras = extras(results);
    if !extras.is_empty() {
        let _ = write!(text, "\nBesides, medians:\n\n{extras}");
    }
    let wider = wider::rows(results);
    if !wider.is_empty() {
        text.push_str("\nWider pools, as a multiple of two workers (at most 1.20):\n\n");
        text.push_str(&grid(&wider::head(), &wider));
    }
    text
}

fn verdicts(results: &[Measured], tally: &mut Tally) -> String {
    let head = [
        "workload",
        "class",
        "hob",
        "least",
        "spread",
        "tokio",
        "best peer",
        "x tokio",
        "x best",
        "to reach",
        "verdict",
    ];
    let mut rows = Vec::new();
    for measured in results {
        for compared in Class::ALL
            .map(|class| compare(measured, class))
            .iter()
            .flatten()
        {
            tally.count(&compared.verdict);
            rows.push(verdict_row(measured, compared));
        }
    }
    let mut text = grid(&head.map(str::to_owned), &rows);
    let moved = rows
        .iter()
        .any(|row| row.last().is_some_and(|it| it.ends_with('~')));
    if moved {
        text.push_str(
            "\n`~`: one of the three moved by more than 10 %; ask again with more rounds.\n",
        );
    }
    text
}

fn verdict_row(measured: &Measured, compared: &Compared<'_>) -> Vec<String> {
    let Compared {
        hob, tokio, best, ..
    } = *compared;
    let median = |one: Option<&Series>| one.and_then(Series::median);
    let ratio = |peer| Some(median(hob)? / median(peer)?);
    let best_named = best.and_then(|one| {
        let name = one.contestant.replacen("_mt", "", 1).replacen("_ct", "", 1);
        Some(format!("{} {name}", figure(one.median()?)))
    });
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    vec![
        format!("{} ({})", measured.row.name, measured.row.unit),
        compared.class.name().to_owned(),
        or_nothing(median(hob).map(figure)),
        or_nothing(hob.and_then(Series::least).map(figure)),
        or_nothing(hob.and_then(Series::spread).map(percent)),
        or_nothing(median(tokio).map(figure)),
        or_nothing(best_named),
        or_nothing(ratio(tokio).map(share)),
        or_nothing(ratio(best).map(share)),
        or_nothing(compared.reach.map(figure)),
        told(compared),
    ]
}

fn told(compared: &Compared<'_>) -> String {
    let mut text = match &compared.verdict {
        Verdict::Ok => "ok".to_owned(),
        Verdict::Over => "OVER".to_owned(),
        Verdict::NotYet => "hob: not yet".to_owned(),
        Verdict::Void => "void: the threads landed unlike".to_owned(),
        Verdict::Skipped(why) => format!("skipped: {why}"),
        Verdict::Failed(what) => format!("FAILED: {what}"),
        Verdict::NoFigure => "no figure".to_owned(),
    };
    if let Some((name, value, most)) = compared.at_most {
        let _ = write!(
            text,
            ", {name} {} (at most {})",
            figure(value),
            figure(most)
        );
    }
    if compared.moved {
        text.push_str(" ~");
    }
    text
}

/// A row a workload, a column a contestant.
fn contestants(results: &[Measured]) -> String {
    let columns = in_order(
        results
            .iter()
            .flat_map(|measured| &measured.row.contestants),
    );
    let mut head = vec!["workload".to_owned()];
    head.extend(columns.iter().cloned());
    let rows: Vec<Vec<String>> = results
        .iter()
        .map(|measured| {
            let mut row = vec![format!("{} ({})", measured.row.name, measured.row.unit)];
            row.extend(columns.iter().map(|name| {
                let mut series = measured.series.iter();
                let one = series.find(|one| one.contestant == *name);
                one.map_or_else(String::new, cell)
            }));
            row
        })
        .collect();
    grid(&head, &rows)
}

fn cell(series: &Series) -> String {
    if series.failed.is_some() {
        return "FAILED".to_owned();
    }
    if series.skipped.is_some() {
        return "skipped".to_owned();
    }
    match (series.median(), series.least(), series.spread()) {
        (Some(median), Some(least), Some(spread)) => {
            let places = series.places.join("+");
            let cell = format!(
                "{} / {} / {}",
                figure(median),
                figure(least),
                percent(spread)
            );
            format!("{cell} {places}").trim_end().to_owned()
        }
        _ => NOTHING.to_owned(),
    }
}

/// A row for each further figure of a workload, a column a contestant.
fn extras(results: &[Measured]) -> String {
    let with = || {
        results
            .iter()
            .filter(|it| it.series.iter().any(|one| one.extras().next().is_some()))
    };
    let columns = in_order(with().flat_map(|measured| &measured.row.contestants));
    let mut rows = Vec::new();
    for measured in with() {
        let names = in_order(measured.series.iter().flat_map(Series::extras));
        for name in names {
            let mut row = vec![measured.row.name.clone(), name.clone()];
            row.extend(columns.iter().map(|column| {
                let mut series = measured.series.iter();
                let one = series.find(|one| one.contestant == *column);
                let value = one.and_then(|one| one.extra(&name));
                value.map_or_else(String::new, figure)
            }));
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut head = vec!["workload".to_owned(), "what".to_owned()];
    head.extend(columns);
    grid(&head, &rows)
}

/// Each name once, in the order in which they come.
fn in_order<T: AsRef<str>>(names: impl Iterator<Item = T>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for name in names {
        if !once.iter().any(|it| it == name.as_ref()) {
            once.push(name.as_ref().to_owned());
        }
    }
    once
}

/// A table in Markdown, its columns as wide as they must be.
fn grid(head: &[String], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells
            .chain([head[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
    };
    line(head);
    line(
        &widths
            .iter()
            .map(|width| "-".repeat(*width))
            .collect::<Vec<_>>(),
    );
    for row in rows {
        line(row);
    }
    text
}

/// Three digits, which is more than any of them is worth.
fn figure(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

fn share(ratio: f64) -> String {
    format!("{ratio:.2}")
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

impl Tally {
    /// How many rows have no answer, for want of a result.
    pub(super) const fn failed(&self) -> usize {
        self.failed
    }

    const fn count(&mut self, verdict: &Verdict) {
        let number = match verdict {
            Verdict::Ok => &mut self.ok,
            Verdict::Over => &mut self.over,
            Verdict::NotYet => &mut self.not_yet,
            Verdict::Void => &mut self.void,
            Verdict::Skipped(_) => &mut self.skipped,
            Verdict::Failed(_) => &mut self.failed,
            Verdict::NoFigure => &mut self.no_figure,
        };
        *number += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ok, over, not_yet, ..
        } = self;
        write!(f, "{ok} ok, {over} over, {not_yet} not yet")?;
        let seldom = [
            (self.void, "void"),
            (self.skipped, "skipped"),
            (self.failed, "failed"),
            (self.no_figure, "without a figure"),
        ];
        for (number, what) in seldom.into_iter().filter(|it| it.0 > 0) {
            write!(f, ", {number} {what}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &str, said: &[(&str, &str)]) -> Measured {
        Measured::heard("exec", name, said)
    }

    #[test]
    fn a_row_says_ratios_reach_and_verdict() {
        let said = [
            ("hob_mt", "result 90"),
            ("tokio_mt", "result 500"),
            ("smol_mt", "result 300"),
        ];
        let mut tally = Tally::default();
        let text = family("exec", &[measured("spawn_join", &said)], &mut tally);
        let row = text
            .lines()
            .find(|line| line.contains("| pool"))
            .expect("it has the row");
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        // 0.35 of smol's 300 is 105, and less than 0.22 of tokio's 500.
        let expected = [
            "",
            "spawn_join (ns)",
            "pool",
            "90.0",
            "90.0",
            "0 %",
            "500",
            "300 smol",
            "0.18",
            "0.30",
            "105",
            "ok",
            "",
        ];
        assert_eq!(cells, expected);
        assert_eq!(tally.to_string(), "1 ok, 0 over, 0 not yet");
    }

    #[test]
    fn what_hob_has_not_is_said_and_the_peers_are_shown() {
        let said = [("tokio_ct", "result 38.7"), ("smol_ct", "result 35.1")];
        let mut tally = Tally::default();
        let text = family("exec", &[measured("spawn_join", &said)], &mut tally);
        assert!(text.contains("hob: not yet"), "{text}");
        assert!(text.contains("35.1 / 35.1 / 0 %"), "{text}");
        assert_eq!(tally.to_string(), "0 ok, 0 over, 1 not yet");
    }

    #[test]
    fn wider_pools_stand_beside_the_pool_of_two() {
        let said = [
            ("hob_mt", "result 100"),
            ("hob_mt4", "result 90"),
            ("hob_mt16", "result 150"),
        ];
        let text = family(
            "exec",
            &[measured("spawn_join", &said)],
            &mut Tally::default(),
        );
        let row = text.lines().last().expect("it has the row");
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(cells, ["", "spawn_join", "0.90", "-", "1.50 OVER", ""]);
    }

    #[test]
    fn further_figures_have_a_table_of_their_own() {
        let said = [
            ("hob_ct", "result 1\nextra p99 7"),
            ("tokio_ct", "result 2"),
        ];
        let text = family("exec", &[measured("yield_1", &said)], &mut Tally::default());
        assert!(
            text.lines()
                .any(|line| line.contains("p99") && line.contains("7.00")),
            "{text}"
        );
    }
}
