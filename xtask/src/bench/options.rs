//! What the command line asks for.

use crate::bench::ROUNDS_OF_A_RECORD;
use crate::bench::figures;
use crate::bench::runs::Row;

/// What may be asked for.
pub(super) const USAGE: &str = "\
cargo xtask bench [FAMILY...] [--quick] [--rounds N] [--only WORKLOAD]... [--no-record]

  FAMILY       exec, time, sync, net, http, syscalls; all, if none is named
  --quick      runs of 50 to 200 ms, for a look; without it they are several times as long
  --rounds N   how often each contestant runs, in turn with the others; 7 unless told
  --only NAME  only this workload; leaves no record, nor do fewer than 7 rounds
  --no-record  writes nothing to benches/record/";

/// The options of one call.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Options {
    /// The whole command.
    pub(super) command: String,
    /// Which families; all, if empty.
    pub(super) families: Vec<String>,
    /// Whether runs are short.
    pub(super) quick: bool,
    /// How often each contestant runs.
    pub(super) rounds: usize,
    only: Vec<String>,
    no_record: bool,
}

impl Options {
    /// Reads the arguments.
    pub(super) fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            command: format!("cargo xtask bench {}", arguments.join(" "))
                .trim_end()
                .to_owned(),
            families: Vec::new(),
            quick: false,
            rounds: ROUNDS_OF_A_RECORD,
            only: Vec::new(),
            no_record: false,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let value = arguments.next();
                value.ok_or_else(|| format!("{argument} needs a value\n\n{USAGE}"))
            };
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--no-record" => options.no_record = true,
                "--only" => options.only.push(value()?.clone()),
                "--rounds" => options.rounds = positive(value()?)?,
                option if option.starts_with('-') => {
                    return Err(format!("there is no option `{option}`\n\n{USAGE}"));
                }
                family => options.families.push(family.to_owned()),
            }
        }
        options.check()?;
        Ok(options)
    }

    /// Fails if something is asked for that is not there: known from the figures, before any build.
    fn check(&self) -> Result<(), String> {
        let mut families = self.families.iter();
        if let Some(family) = families.find(|it| !figures::knows(&[(*it).clone()], None)) {
            return Err(format!("there is no family `{family}`\n\n{USAGE}"));
        }
        let mut only = self.only.iter();
        if let Some(name) = only.find(|it| !figures::knows(&self.families, Some(it))) {
            return Err(format!("there is no workload `{name}`"));
        }
        Ok(())
    }

    /// Whether the arguments only ask what may be asked.
    pub(super) fn help(arguments: &[String]) -> bool {
        let asks = |argument: &String| matches!(argument.as_str(), "help" | "-h" | "--help");
        arguments.iter().any(asks)
    }

    /// Keeps the rows that were asked for.
    pub(super) fn choose(&self, mut rows: Vec<Row>) -> Result<Vec<Row>, String> {
        let unknown = self
            .only
            .iter()
            .find(|name| !rows.iter().any(|row| row.name == **name));
        if let Some(name) = unknown {
            return Err(format!("there is no workload `{name}`"));
        }
        rows.retain(|row| self.only.is_empty() || self.only.contains(&row.name));
        Ok(rows)
    }

    /// Whether the table is kept: a whole family, in enough rounds.
    pub(super) fn records(&self) -> bool {
        !self.no_record && self.only.is_empty() && self.rounds >= ROUNDS_OF_A_RECORD
    }
}

fn positive(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("`{text}` is no number of rounds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn options_and_families_come_in_any_order() {
        let options = parse("exec --rounds 9 time --quick").expect("it is right");
        assert_eq!(options.families, ["exec", "time"]);
        assert_eq!((options.rounds, options.quick), (9, true));
        assert_eq!(
            options.command,
            "cargo xtask bench exec --rounds 9 time --quick"
        );
    }

    #[test]
    fn a_part_leaves_no_record() {
        let records = |line| parse(line).expect("it is right").records();
        assert!(records("exec"));
        assert!(records("--quick --rounds 15"));
        assert!(!records("--only yield_1"));
        assert!(!records("--rounds 3"));
        assert!(!records("--no-record"));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for line in ["--fast", "--rounds", "--rounds 0", "--rounds x"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn what_is_not_there_is_said_before_anything_is_built() {
        for line in ["tiem", "exec tiem", "--only yield_2", "time --only yield_1"] {
            assert!(parse(line).is_err(), "{line}");
        }
        for line in ["exec --only yield_1", "--only yield_1", "--only mem_idle"] {
            assert!(parse(line).is_ok(), "{line}");
        }
    }
}
