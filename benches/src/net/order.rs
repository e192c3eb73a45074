//! What the parent asks of the load generator, and what it hears from it: both as words in a line.

use std::fmt;
use std::io;
use std::time::Duration;

/// How much load there is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Amount {
    /// As much as comes back within the window.
    Time { warm_up: Duration, window: Duration },
    /// So many messages.
    Count(usize),
}

/// What the load generator says: words and numbers in a line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Report {
    /// Messages that were answered; where memory is measured, connections.
    pub(super) messages: u64,
    /// Nanoseconds from the first to the last.
    pub(super) wall: u64,
    /// Nanoseconds of CPU that the server took.
    pub(super) cpu: u64,
    /// Resident bytes by which the server grew.
    pub(super) grown: u64,
}

impl Amount {
    /// Reads what [`Display`](fmt::Display) wrote.
    pub(super) fn parse(words: &str) -> io::Result<Self> {
        let number = |word: &str| word.parse::<u64>().ok();
        let parts: Vec<&str> = words.split(':').collect();
        let amount = match parts[..] {
            ["time", warm_up, window] => {
                number(warm_up)
                    .zip(number(window))
                    .map(|(warm_up, window)| Self::Time {
                        warm_up: Duration::from_millis(warm_up),
                        window: Duration::from_millis(window),
                    })
            }
            ["count", count] => count.parse().ok().map(Self::Count),
            _ => None,
        };
        amount.ok_or_else(|| io::Error::other(format!("`{words}` is no amount of load")))
    }
}

/// As the load generator takes it as an argument.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time { warm_up, window } => {
                write!(f, "time:{}:{}", warm_up.as_millis(), window.as_millis())
            }
            Self::Count(count) => write!(f, "count:{count}"),
        }
    }
}

/// As the parent reads it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            messages,
            wall,
            cpu,
            grown,
        } = self;
        write!(f, "messages {messages} wall {wall} cpu {cpu} grown {grown}")
    }
}

impl Report {
    /// Reads what [`Display`](fmt::Display) wrote.
    pub(super) fn parse(line: &str) -> io::Result<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |word: &str| {
            word.parse()
                .map_err(|_| io::Error::other(format!("`{line}` is no report")))
        };
        match words[..] {
            [
                "messages",
                messages,
                "wall",
                wall,
                "cpu",
                cpu,
                "grown",
                grown,
            ] => Ok(Self {
                messages: number(messages)?,
                wall: number(wall)?,
                cpu: number(cpu)?,
                grown: number(grown)?,
            }),
            _ => Err(io::Error::other(format!("`{line}` is no report"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_as_it_was_written() {
        let timed = Amount::Time {
            warm_up: Duration::from_millis(30),
            window: Duration::from_millis(150),
        };
        for amount in [timed, Amount::Count(0), Amount::Count(2000)] {
            assert_eq!(Amount::parse(&amount.to_string()).unwrap(), amount);
        }
        Amount::parse("time:30").unwrap_err();
        Amount::parse("count:-1").unwrap_err();
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = Report {
            messages: 1,
            wall: 2,
            cpu: 3,
            grown: 4,
        };
        assert_eq!(Report::parse(&report.to_string()).unwrap(), report);
        Report::parse("").unwrap_err();
        Report::parse("messages 1 wall 2 cpu 3 grown").unwrap_err();
        Report::parse("messages 1 wall 2 cpu 3 grown -4").unwrap_err();
    }
}
