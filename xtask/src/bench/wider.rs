//! What hob's pools lose when they have more workers than the machine has cores.

use crate::bench::runs::{Measured, Series};

/// Contestants that are hob's own pool with so many workers; they are in no class.
const WIDER: [&str; 3] = ["hob_mt4", "hob_mt8", "hob_mt16"];

/// A wider pool may take so many times what two workers take.
const AT_MOST: f64 = 1.2;

/// The names of the columns.
pub(super) fn head() -> Vec<String> {
    let names = ["workload"].into_iter().chain(WIDER);
    names.map(str::to_owned).collect()
}

/// A row for each workload that wider pools take part in.
pub(super) fn rows(results: &[Measured]) -> Vec<Vec<String>> {
    let row = |measured: &Measured| {
        let two = median(measured, "hob_mt")?;
        let ratios = WIDER.map(|name| median(measured, name).map(|value| value / two));
        ratios.iter().any(Option::is_some).then(|| {
            let mut row = vec![measured.row.name.clone()];
            row.extend(ratios.map(told));
            row
        })
    };
    results.iter().filter_map(row).collect()
}

fn told(ratio: Option<f64>) -> String {
    match ratio {
        None => "-".to_owned(),
        Some(ratio) if ratio > AT_MOST => format!("{ratio:.2} OVER"),
        Some(ratio) => format!("{ratio:.2}"),
    }
}

/// The median of a contestant that never failed.
fn median(measured: &Measured, name: &str) -> Option<f64> {
    let mut series = measured.series.iter();
    let one = series.find(|one| one.contestant == name && one.failed.is_none());
    one.and_then(Series::median)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(said: &[(&str, &str)]) -> Vec<Vec<String>> {
        rows(&[Measured::heard("exec", "spawn_join", said)])
    }

    #[test]
    fn a_fifth_more_than_two_workers_take_is_the_limit() {
        let said = [
            ("hob_mt", "result 100"),
            ("hob_mt4", "result 120"),
            ("hob_mt16", "result 121"),
        ];
        assert_eq!(row(&said), [["spawn_join", "1.20", "-", "1.21 OVER"]]);
        assert_eq!(head().len(), row(&said)[0].len());
    }

    #[test]
    fn without_a_pool_of_two_or_a_wider_one_there_is_no_row() {
        assert!(row(&[("hob_mt4", "result 120")]).is_empty());
        assert!(row(&[("hob_mt", "result 100"), ("tokio_mt", "result 1")]).is_empty());
    }
}
