//! What stands in the parentheses of the attribute.

use std::str::FromStr;

use crate::error::Error;
use crate::token::{Kind, Token};

/// Which attribute was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Attribute {
    /// `#[hob::main]`
    Main,
    /// `#[hob::test]`
    Test,
}

/// What runs the function.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Runner<S> {
    /// The default pool.
    Pool,
    /// A pool of so many workers.
    Workers(usize, S),
    /// One thread.
    Local,
    /// One thread, in virtual time.
    Virtual,
    /// The simulator, with so many seeds.
    Simulated(u64, S),
}

/// With how many seeds a simulated test runs that does not say.
const SEEDS_BY_DEFAULT: u64 = 16;

/// The options, read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Options<S> {
    /// What runs the function.
    pub(crate) runner: Runner<S>,
    /// The path to hob: its words, and where they were written. `None` is `::hob`.
    pub(crate) facade: Option<(Path, S)>,
}

/// A path such as `::a::b`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Path {
    /// Whether it begins with `::`.
    pub(crate) rooted: bool,
    /// Its words.
    pub(crate) words: Vec<String>,
}

impl Attribute {
    /// Returns how the user writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Main => "#[hob::main]",
            Self::Test => "#[hob::test]",
        }
    }

    /// Returns which options there are.
    fn known(self) -> &'static str {
        match self {
            Self::Main => "`local`, `workers = N` and `crate = \"path\"`",
            Self::Test => {
                "`workers = N`, `virtual_time`, `sim`, `seeds = N` and `crate = \"path\"`"
            }
        }
    }
}

impl<S: Copy> Options<S> {
    /// Returns what holds when nothing is written.
    pub(crate) fn default_of(attribute: Attribute) -> Self {
        Self {
            runner: match attribute {
                Attribute::Main => Runner::Pool,
                Attribute::Test => Runner::Local,
            },
            facade: None,
        }
    }

    /// Reads the options, separated by commas.
    pub(crate) fn parse(attribute: Attribute, tokens: &[Token<S>]) -> Result<Self, Error<S>> {
        let mut options = Self::default_of(attribute);
        let mut seen: Vec<(&str, S)> = Vec::new();
        if tokens.is_empty() {
            return Ok(options);
        }
        for option in without_last_comma(tokens).split(|token| token.is_punct(',')) {
            let (name, place) = name(attribute, tokens, option)?;
            if seen.iter().any(|(other, _)| *other == name) {
                let message = format!("the option `{name}` is there twice; keep one");
                return Err(Error::at(place, message));
            }
            seen.push((name, place));
            options.read(attribute, (name, place), &option[1..])?;
            check_together(&seen, place)?;
        }
        check_seeds(&seen)?;
        Ok(options)
    }

    /// Reads one option: its name, and what stands after it.
    fn read(
        &mut self,
        attribute: Attribute,
        (name, place): (&str, S),
        rest: &[Token<S>],
    ) -> Result<(), Error<S>> {
        match (name, attribute) {
            ("local", Attribute::Main) => {
                no_value(name, rest)?;
                self.runner = Runner::Local;
            }
            ("local", Attribute::Test) => {
                let message = "`#[hob::test]` runs on one thread by itself; leave out `local`";
                return Err(Error::at(place, message));
            }
            ("sim" | "seeds", Attribute::Main) => {
                let message = "`#[hob::main]` runs a program in the real world; a simulation is \
                               started by `hob::sim::run(seed, ...)`";
                return Err(Error::at(place, message));
            }
            ("virtual_time", Attribute::Main) => {
                let message = "`#[hob::main]` runs a program in real time; `virtual_time` is for \
                               `#[hob::test]`, and a runtime with it is built with \
                               `.clock(hob::time::Virtual)`";
                return Err(Error::at(place, message));
            }
            ("virtual_time", Attribute::Test) => {
                no_value(name, rest)?;
                self.runner = Runner::Virtual;
            }
            ("sim", Attribute::Test) => {
                no_value(name, rest)?;
                // The number of seeds may stand before it.
                if !matches!(self.runner, Runner::Simulated(..)) {
                    self.runner = Runner::Simulated(SEEDS_BY_DEFAULT, place);
                }
            }
            ("seeds", Attribute::Test) => self.runner = seeds(place, rest)?,
            ("workers", _) => self.runner = workers(place, rest)?,
            ("crate", _) => self.facade = Some(facade(place, rest)?),
            _ => return Err(unknown(attribute, name, place)),
        }
        Ok(())
    }
}

/// Refuses options that cannot stand together; `place` is the one that came last.
fn check_together<S: Copy>(seen: &[(&str, S)], place: S) -> Result<(), Error<S>> {
    let has = |name: &str| seen.iter().any(|(other, _)| *other == name);
    if has("virtual_time") && (has("sim") || has("seeds")) {
        let message = "a simulation is in virtual time by itself; leave out `virtual_time`";
        return Err(Error::at(place, message));
    }
    if !has("workers") {
        return Ok(());
    }
    if has("virtual_time") {
        let message = "virtual time is for one thread and `workers` is a pool; keep one of them";
        return Err(Error::at(place, message));
    }
    if has("local") {
        let message = "`local` is one thread and `workers` is a pool; keep one of them";
        return Err(Error::at(place, message));
    }
    if has("sim") || has("seeds") {
        let message = "a simulation has one thread and `workers` is a pool; keep one of them";
        return Err(Error::at(place, message));
    }
    Ok(())
}

/// Refuses a number of seeds without a simulation.
fn check_seeds<S: Copy>(seen: &[(&str, S)]) -> Result<(), Error<S>> {
    let place = |name: &str| seen.iter().find(|(other, _)| *other == name);
    match (place("seeds"), place("sim")) {
        (Some((_, place)), None) => {
            let message = "only a simulation has seeds; write `sim, seeds = N`";
            Err(Error::at(*place, message))
        }
        _ => Ok(()),
    }
}

/// Leaves out one comma at the end, if something stands before it.
fn without_last_comma<S>(tokens: &[Token<S>]) -> &[Token<S>] {
    match tokens {
        [start @ .., last] if last.is_punct(',') && !start.is_empty() => start,
        all => all,
    }
}

/// Returns the name that an option begins with.
fn name<'a, S: Copy>(
    attribute: Attribute,
    all: &[Token<S>],
    option: &'a [Token<S>],
) -> Result<(&'a str, S), Error<S>> {
    let known = attribute.known();
    match option.first() {
        Some(Token {
            kind: Kind::Word(name),
            place,
        }) => Ok((name, *place)),
        Some(other) => {
            let message = format!("expected an option: {known}");
            Err(Error::at(other.place, message))
        }
        None => {
            let message = format!("there is a comma too many; the options are {known}");
            Err(match all.first() {
                Some(first) => Error::at(first.place, message),
                None => Error::of_all(message),
            })
        }
    }
}

fn unknown<S>(attribute: Attribute, name: &str, place: S) -> Error<S> {
    let (attribute, known) = (attribute.name(), attribute.known());
    let message = format!("`{attribute}` has no option `{name}`; it takes {known}");
    Error::at(place, message)
}

fn no_value<S: Copy>(name: &str, rest: &[Token<S>]) -> Result<(), Error<S>> {
    match rest.first() {
        None => Ok(()),
        Some(token) => {
            let message = format!("`{name}` takes no value; put a comma between options");
            Err(Error::at(token.place, message))
        }
    }
}

/// Reads `= N`.
fn workers<S: Copy>(place: S, rest: &[Token<S>]) -> Result<Runner<S>, Error<S>> {
    const EXPECTED: &str = "expected a number of threads, such as `workers = 4`";
    match number(place, rest, "usize", EXPECTED)? {
        (0, place) => {
            let message = "a runtime needs at least one worker; write `workers = 1` or more";
            Err(Error::at(place, message))
        }
        (number, place) => Ok(Runner::Workers(number, place)),
    }
}

/// Reads `= N`.
fn seeds<S: Copy>(place: S, rest: &[Token<S>]) -> Result<Runner<S>, Error<S>> {
    const EXPECTED: &str = "expected a number of seeds, such as `seeds = 100`";
    match number(place, rest, "u64", EXPECTED)? {
        (0, place) => {
            let message = "without a seed nothing would be tested; write `seeds = 1` or more";
            Err(Error::at(place, message))
        }
        (number, place) => Ok(Runner::Simulated(number, place)),
    }
}

/// Reads `=` and a whole number, with the suffix of its type or none.
fn number<N: FromStr, S: Copy>(
    place: S,
    rest: &[Token<S>],
    suffix: &str,
    expected: &str,
) -> Result<(N, S), Error<S>> {
    let (literal, place) = value(place, rest, expected)?;
    let digits = literal.replace('_', "");
    let digits = digits.strip_suffix(suffix).unwrap_or(&digits);
    match digits.parse() {
        Ok(number) => Ok((number, place)),
        Err(_) => Err(Error::at(place, expected)),
    }
}

/// Reads `= "path"`.
fn facade<S: Copy>(place: S, rest: &[Token<S>]) -> Result<(Path, S), Error<S>> {
    const EXPECTED: &str = "expected a path in quotes, such as `crate = \"my_crate::hob\"`";
    let (literal, place) = value(place, rest, EXPECTED)?;
    let text = literal
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    match text.and_then(path) {
        Some(path) => Ok((path, place)),
        None => Err(Error::at(place, EXPECTED)),
    }
}

/// Reads `=` and one literal, and nothing after it.
fn value<'a, S: Copy>(
    place: S,
    rest: &'a [Token<S>],
    expected: &str,
) -> Result<(&'a str, S), Error<S>> {
    match rest {
        [equals, literal] if equals.is_punct('=') => match &literal.kind {
            Kind::Literal(text) => Ok((text, literal.place)),
            _ => Err(Error::at(literal.place, expected)),
        },
        [equals, _, extra, ..] if equals.is_punct('=') => Err(Error::at(extra.place, expected)),
        _ => Err(Error::at(place, expected)),
    }
}

/// Splits a path into its words.
fn path(text: &str) -> Option<Path> {
    let (rooted, rest) = match text.strip_prefix("::") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let words: Vec<String> = rest.split("::").map(str::to_owned).collect();
    let is_word = |word: &String| {
        let mut characters = word.chars();
        let first = characters.next();
        first.is_some_and(|c| c.is_alphabetic() || c == '_')
            && characters.all(|c| c.is_alphanumeric() || c == '_')
            && word != "_"
    };
    words.iter().all(is_word).then_some(Path { rooted, words })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tokens;

    fn parse(attribute: Attribute, text: &str) -> Result<Options<usize>, Error<usize>> {
        Options::parse(attribute, &tokens(text))
    }

    fn check(text: &str, runner: Runner<usize>) {
        let options = parse(Attribute::Main, text).expect("the options are right");
        assert_eq!(options.runner, runner, "{text}");
    }

    fn check_error(attribute: Attribute, text: &str, place: usize, message: &str) {
        let error = parse(attribute, text).expect_err("the options are wrong");
        assert_eq!(error.place, Some(place), "{text}: {}", error.message);
        assert!(error.message.contains(message), "{}", error.message);
    }

    #[test]
    fn nothing_is_the_default() {
        check("", Runner::Pool);
        let test = parse(Attribute::Test, "").expect("nothing is right");
        assert_eq!(test.runner, Runner::Local);
    }

    #[test]
    fn runners_are_read() {
        check("local", Runner::Local);
        check("workers = 4", Runner::Workers(4, 2));
        check("workers = 1_0usize ,", Runner::Workers(10, 2));
    }

    fn check_test(text: &str, runner: Runner<usize>) {
        let options = parse(Attribute::Test, text).expect("the options are right");
        assert_eq!(options.runner, runner, "{text}");
    }

    #[test]
    fn a_simulation_has_sixteen_seeds_unless_it_says() {
        check_test("sim", Runner::Simulated(16, 0));
        check_test("sim , seeds = 1_000", Runner::Simulated(1000, 4));
        check_test("seeds = 3u64 , sim ,", Runner::Simulated(3, 2));
    }

    #[test]
    fn a_simulation_goes_with_no_other_runner() {
        let one = "keep one of them";
        check_error(Attribute::Test, "sim , workers = 2", 2, one);
        check_error(Attribute::Test, "workers = 2 , sim", 4, one);
        check_error(Attribute::Test, "seeds = 2 , workers = 2", 4, one);
        check_error(Attribute::Test, "sim , local", 2, "leave out `local`");
        let run = "`hob::sim::run(seed, ...)`";
        check_error(Attribute::Main, "sim", 0, run);
        check_error(Attribute::Main, "local , seeds = 2", 2, run);
    }

    #[test]
    fn a_test_may_be_in_virtual_time() {
        check_test("virtual_time", Runner::Virtual);
        check_test("crate = \"hob\" , virtual_time ,", Runner::Virtual);
        check_error(Attribute::Test, "virtual_time = 1", 1, "takes no value");
        check_error(
            Attribute::Test,
            "virtual_time , virtual_time",
            2,
            "twice; keep one",
        );
    }

    #[test]
    fn virtual_time_is_for_tests_on_one_thread() {
        let one = "virtual time is for one thread";
        check_error(Attribute::Test, "virtual_time , workers = 2", 2, one);
        check_error(Attribute::Test, "workers = 2 , virtual_time", 4, one);
        let by_itself = "by itself; leave out `virtual_time`";
        check_error(Attribute::Test, "virtual_time , sim", 2, by_itself);
        check_error(
            Attribute::Test,
            "sim , seeds = 2 , virtual_time",
            6,
            by_itself,
        );
        check_error(Attribute::Test, "virtual_time , seeds = 2", 2, by_itself);
        check_error(
            Attribute::Test,
            "virtual_time , local",
            2,
            "leave out `local`",
        );
        let built = "built with `.clock(hob::time::Virtual)`";
        check_error(Attribute::Main, "virtual_time", 0, built);
        check_error(Attribute::Main, "local , virtual_time", 2, built);
    }

    #[test]
    fn only_a_simulation_has_seeds() {
        let alone = "write `sim, seeds = N`";
        check_error(Attribute::Test, "seeds = 4", 0, alone);
        check_error(Attribute::Test, "crate = \"hob\" , seeds = 4", 4, alone);
        check_error(Attribute::Test, "sim , seeds = 0", 4, "`seeds = 1`");
        check_error(Attribute::Test, "sim , seeds", 2, "such as `seeds = 100`");
        check_error(Attribute::Test, "sim , seeds = 4usize", 4, "such as");
        check_error(Attribute::Test, "sim = 4", 1, "takes no value");
        check_error(Attribute::Test, "sim , sim", 2, "twice");
    }

    #[test]
    fn the_path_to_hob_is_read() {
        let options = parse(Attribute::Main, "local , crate = \"crate::my::hob\"").expect("right");
        let words = ["crate", "my", "hob"].map(str::to_owned).to_vec();
        let path = Path {
            rooted: false,
            words,
        };
        assert_eq!(options.facade, Some((path, 4)));
        let rooted = parse(Attribute::Main, "crate = \"::pan\"").expect("right");
        assert!(rooted.facade.is_some_and(|(path, _)| path.rooted));
    }

    #[test]
    fn an_unknown_option_is_told_with_those_there_are() {
        check_error(
            Attribute::Main,
            "flavor = 1",
            0,
            "no option `flavor`; it takes `local`",
        );
        check_error(Attribute::Test, "local", 0, "leave out `local`");
        check_error(Attribute::Main, "4", 0, "expected an option");
    }

    #[test]
    fn an_option_may_be_there_once() {
        check_error(Attribute::Main, "local , local", 2, "twice");
        check_error(Attribute::Main, "workers = 1 , workers = 1", 4, "twice");
        check_error(
            Attribute::Main,
            "local , workers = 1",
            2,
            "keep one of them",
        );
    }

    #[test]
    fn a_value_must_make_sense() {
        check_error(Attribute::Main, "workers = 0", 2, "at least one worker");
        check_error(Attribute::Main, "workers", 0, "such as `workers = 4`");
        check_error(
            Attribute::Main,
            "workers = \"4\"",
            2,
            "such as `workers = 4`",
        );
        check_error(Attribute::Main, "workers = N", 2, "such as `workers = 4`");
        check_error(Attribute::Main, "workers = 4u8", 2, "such as `workers = 4`");
        check_error(Attribute::Main, "workers = - 4", 3, "such as `workers = 4`");
        check_error(
            Attribute::Main,
            "workers = 4 local",
            3,
            "such as `workers = 4`",
        );
        check_error(Attribute::Main, "local = 1", 1, "takes no value");
    }

    #[test]
    fn a_path_must_be_one() {
        for path in ["hob", "\"\"", "\"a::\"", "\"a-b\"", "\"a::b()\"", "7"] {
            check_error(
                Attribute::Main,
                &format!("crate = {path}"),
                2,
                "a path in quotes",
            );
        }
    }

    #[test]
    fn a_comma_too_many_is_told() {
        check_error(Attribute::Main, "local , ,", 0, "a comma too many");
        check_error(Attribute::Main, ",", 0, "a comma too many");
    }
}
