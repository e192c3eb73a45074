//! What a class of a workload reached: hob beside tokio and beside the best peer.

use crate::bench::figures::{self, Figure};
use crate::bench::runs::{Measured, Series};

/// A row that moved more than this is marked.
const SPREAD_MAX: f64 = 0.10;

/// Where threads landed that were now together and now apart within one run.
const WANDERED: &str = "now_one_core_now_two";

/// Contestants that are compared with each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Class {
    /// Two workers.
    Pool,
    /// One thread.
    OneThread,
}

/// How it ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Ok,
    Over,
    /// hob has not the thing that is measured.
    NotYet,
    /// The threads did not land alike in all runs, or not even within one: the figures say nothing.
    Void,
    /// It cannot run here, for this reason.
    Skipped(String),
    /// hob, or something that the figure is a share of, has no result: this is missing.
    Failed(String),
    /// There is no figure to reach.
    NoFigure,
}

/// A class of a workload, compared.
#[derive(Clone, Debug)]
pub(super) struct Compared<'a> {
    pub(super) class: Class,
    pub(super) hob: Option<&'a Series>,
    pub(super) tokio: Option<&'a Series>,
    /// The best of the peers that ran to the end.
    pub(super) best: Option<&'a Series>,
    /// The greatest value that is ok, in the workload's unit.
    pub(super) reach: Option<f64>,
    /// A further limit: its name, the value, the greatest that is ok.
    pub(super) at_most: Option<(&'static str, f64, f64)>,
    pub(super) verdict: Verdict,
    /// Whether one of the three moved so much that the ratios may be chance.
    pub(super) moved: bool,
}

impl Class {
    pub(super) const ALL: [Self; 2] = [Self::Pool, Self::OneThread];

    /// How it is called in a table.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::OneThread => "one thread",
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Pool => "_mt",
            Self::OneThread => "_ct",
        }
    }

    /// Returns the runtime of a contestant of this class: `tokio` for `tokio_mt:flume`.
    fn runtime(self, contestant: &str) -> Option<&str> {
        let (seat, _) = contestant.split_once(':').unwrap_or((contestant, ""));
        seat.strip_suffix(self.suffix())
    }
}

/// Compares a class of a workload; nothing, if nobody of the class takes part.
pub(super) fn compare(measured: &Measured, class: Class) -> Option<Compared<'_>> {
    let of_class = || {
        let series = measured.series.iter();
        series.filter_map(move |one| Some((class.runtime(&one.contestant)?, one)))
    };
    of_class().next()?;
    let hob = of_class().find(|it| it.0 == "hob").map(|it| it.1);
    // hob's own primitive in another's tasks shows what it costs there, and is nobody's peer.
    let is_ours =
        |runtime: &str, one: &Series| runtime == "hob" || one.contestant.ends_with(":hob");
    let peers = || of_class().filter(|it| !is_ours(it.0, it.1)).map(|it| it.1);
    let own = [
        format!("tokio{}", class.suffix()),
        format!("tokio{}:tokio", class.suffix()),
    ];
    let tokio = peers().find(|one| own.contains(&one.contestant));
    let best = peers()
        .filter_map(|one| Some((clean(one)?, one)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|it| it.1);
    let figure = figures::find(&measured.row.family, &measured.row.name);
    let mut compared = Compared {
        class,
        hob,
        tokio,
        best,
        reach: figure.and_then(|figure| reach(figure, class, tokio, best)),
        at_most: at_most(figure, hob),
        verdict: Verdict::NotYet,
        moved: [hob, tokio, best]
            .into_iter()
            .flatten()
            .any(|one| one.spread().is_some_and(|spread| spread > SPREAD_MAX)),
    };
    compared.verdict = judge(&compared, figure, measured);
    Some(compared)
}

/// The median of a series that never failed.
fn clean(one: &Series) -> Option<f64> {
    one.median().filter(|_| one.failed.is_none())
}

fn reach(
    figure: &Figure,
    class: Class,
    tokio: Option<&Series>,
    best: Option<&Series>,
) -> Option<f64> {
    let share = |shares: [Option<f64>; 2], peer: Option<&Series>| {
        Some(shares[class as usize]? * clean(peer?)?)
    };
    let reaches = [share(figure.tokio, tokio), share(figure.best, best)];
    reaches.into_iter().flatten().min_by(f64::total_cmp)
}

fn at_most(figure: Option<&Figure>, hob: Option<&Series>) -> Option<(&'static str, f64, f64)> {
    let (name, greatest) = figure?.at_most?;
    let value = match name {
        "result" => hob?.median(),
        extra => hob?.extra(extra),
    };
    Some((name, value?, greatest))
}

fn judge(compared: &Compared<'_>, figure: Option<&Figure>, measured: &Measured) -> Verdict {
    let Some(hob) = compared.hob else {
        return Verdict::NotYet;
    };
    if let Some(why) = &hob.skipped {
        return Verdict::Skipped(why.clone());
    }
    let Some(value) = clean(hob) else {
        return Verdict::Failed("hob has no result".to_owned());
    };
    let Some(figure) = figure else {
        return Verdict::NoFigure;
    };
    if let Some(verdict) = lacking(compared, figure) {
        return verdict;
    }
    if landed_unlike(compared, measured) {
        return Verdict::Void;
    }
    let limits = [
        compared.reach.map(|reach| value <= reach),
        compared.at_most.map(|(_, value, most)| value <= most),
    ];
    match limits
        .into_iter()
        .flatten()
        .reduce(|one, other| one && other)
    {
        Some(true) => Verdict::Ok,
        Some(false) => Verdict::Over,
        None => Verdict::NoFigure,
    }
}

/// How it ends if something is missing that the figure names: what is not there limits nothing.
fn lacking(compared: &Compared<'_>, figure: &Figure) -> Option<Verdict> {
    let class = compared.class as usize;
    if figure.tokio[class].is_some() && compared.tokio.and_then(clean).is_none() {
        let why = compared.tokio.and_then(|tokio| tokio.skipped.clone());
        let failed = || Verdict::Failed("tokio has no result".to_owned());
        return Some(why.map_or_else(failed, Verdict::Skipped));
    }
    if figure.best[class].is_some() && compared.best.is_none() {
        return Some(Verdict::Failed("no peer has a result".to_owned()));
    }
    let (name, _) = figure.at_most?;
    let failed = || Verdict::Failed(format!("hob gave no {name}"));
    compared.at_most.is_none().then(failed)
}

/// Whether the threads of the class landed here in one run and there in another, or wandered.
fn landed_unlike(compared: &Compared<'_>, measured: &Measured) -> bool {
    let series = measured.series.iter();
    let class = series.filter(|one| compared.class.runtime(&one.contestant).is_some());
    let mut places: Vec<&String> = class.flat_map(|one| &one.places).collect();
    places.sort();
    places.dedup();
    places.len() > 1 || places.iter().any(|place| *place == WANDERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &str, said: &[(&str, &str)]) -> Measured {
        Measured::heard("time", name, said)
    }

    fn verdict(name: &str, said: &[(&str, &str)], class: Class) -> Verdict {
        let measured = measured(name, said);
        compare(&measured, class)
            .expect("the class takes part")
            .verdict
    }

    #[test]
    fn the_lesser_share_is_the_figure() {
        // sleep_drop: 0.48 of tokio, 0.48 of the best.
        let with = |hob, smol| {
            let said = [
                ("hob_mt", hob),
                ("tokio_mt", "result 100"),
                ("smol_mt", smol),
            ];
            verdict("sleep_drop", &said, Class::Pool)
        };
        assert_eq!(with("result 48", "result 200"), Verdict::Ok);
        assert_eq!(with("result 49", "result 200"), Verdict::Over);
        assert_eq!(with("result 48", "result 50"), Verdict::Over);
        assert_eq!(with("result 24", "result 50"), Verdict::Ok);
    }

    #[test]
    fn classes_are_compared_within_themselves() {
        let said = [
            ("hob_mt", "result 40"),
            ("tokio_ct", "result 1"),
            ("tokio_mt", "result 100"),
        ];
        assert_eq!(verdict("sleep_drop", &said, Class::Pool), Verdict::Ok);
        assert_eq!(
            verdict("sleep_drop", &said, Class::OneThread),
            Verdict::NotYet
        );
    }

    #[test]
    fn a_peer_with_another_library_is_a_peer() {
        let said = [
            ("hob_mt", "result 40"),
            ("tokio_mt:tokio", "result 100"),
            ("tokio_mt:x", "result 50"),
            ("tokio_mt:hob", "result 30"),
        ];
        let measured = measured("sleep_drop", &said);
        let compared = compare(&measured, Class::Pool).expect("the class takes part");
        assert_eq!(compared.hob.and_then(Series::median), Some(40.0));
        assert_eq!(compared.tokio.and_then(Series::median), Some(100.0));
        assert_eq!(compared.best.and_then(Series::median), Some(50.0));
    }

    #[test]
    fn a_further_limit_counts() {
        let with = |late: &str| {
            let hob = format!("result 1\nextra p50_us_late {late}");
            let said = [("hob_ct", hob.as_str()), ("tokio_ct", "result 100")];
            verdict("fire_random", &said, Class::OneThread)
        };
        assert_eq!(with("150"), Verdict::Ok);
        assert_eq!(with("151"), Verdict::Over);
    }

    #[test]
    fn a_limit_alone_is_a_figure() {
        let with = |hob: &str| {
            let measured = Measured::heard("exec", "child_of_spinner", &[("hob_mt", hob)]);
            let compared = compare(&measured, Class::Pool);
            compared.expect("the class takes part").verdict
        };
        assert_eq!(with("result 250"), Verdict::Ok);
        assert_eq!(with("result 251"), Verdict::Over);
    }

    #[test]
    fn threads_that_land_unlike_make_a_row_void() {
        let with = |here: &str, there: &str| {
            let hob = format!("result 1\nplaced {here}");
            let tokio = format!("result 100\nplaced {there}");
            let said = [("hob_mt", hob.as_str()), ("tokio_mt", tokio.as_str())];
            verdict("sleep_drop", &said, Class::Pool)
        };
        assert_eq!(with("one_core", "one_core"), Verdict::Ok);
        assert_eq!(with("one_core", "two_cores"), Verdict::Void);
        assert_eq!(with(WANDERED, WANDERED), Verdict::Void);
    }

    #[test]
    fn what_a_figure_is_a_share_of_must_be_there() {
        let said = [("hob_mt", "result 1"), ("smol_mt", "result 100")];
        let failed = |what: &str| Verdict::Failed(what.to_owned());
        let judged = verdict("sleep_drop", &said, Class::Pool);
        assert_eq!(judged, failed("tokio has no result"));

        let said = [("hob_mt", "result 1"), ("tokio_mt", "result 100")];
        let mut measured = measured("sleep_drop", &said);
        measured.series[1].failed = Some("it ended in the second round".to_owned());
        let judged = compare(&measured, Class::Pool).expect("the class takes part");
        assert_eq!(judged.verdict, failed("tokio has no result"));
        assert!(judged.best.is_none());

        let judged = verdict("fire_random", &said, Class::Pool);
        assert_eq!(judged, failed("hob gave no p50_us_late"));

        let measured = Measured::heard("exec", "burst_after_2ms", &said[..1]);
        let judged = compare(&measured, Class::Pool).expect("the class takes part");
        assert_eq!(judged.verdict, failed("no peer has a result"));
    }

    #[test]
    fn what_is_skipped_stays_skipped() {
        let skipped = "skipped strace is not installed";
        let judged = |hob| {
            let said = [("hob_mt", hob), ("tokio_mt", skipped)];
            let measured = Measured::heard("syscalls", "tcp_pong_1", &said);
            let compared = compare(&measured, Class::Pool);
            compared.expect("the class takes part").verdict
        };
        let why = Verdict::Skipped("strace is not installed".to_owned());
        assert_eq!(judged(skipped), why);
        assert_eq!(judged("result 3"), why);
    }

    #[test]
    fn what_has_no_figure_is_no_success() {
        let said = [("hob_mt", "result 1"), ("tokio_mt", "result 100")];
        assert_eq!(verdict("unknown", &said, Class::Pool), Verdict::NoFigure);
    }
}
