//! What a step has to say when it is done.

/// How a step ended, if nothing was found wrong, or else what was.
pub(crate) type Outcome = Result<Done, Failure>;

/// A step that did not fail.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Done {
    /// It looked, and this is how much it looked at: "142 tests".
    Counted(String),
    /// It could not look, and this is why: "not installed".
    Skipped(String),
}

/// A step that failed: one report for each thing that went wrong.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Failure {
    /// How much was looked at, or found.
    pub(crate) counted: String,
    /// What went wrong, in the order in which it was found.
    pub(crate) reports: Vec<Report>,
}

/// One thing that went wrong.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Report {
    /// The command that repeats it.
    pub(crate) repeat: String,
    /// What it said last.
    pub(crate) text: String,
}

/// Ends a step: well when there is no report.
pub(crate) fn conclude(counted: String, reports: Vec<Report>) -> Outcome {
    if reports.is_empty() {
        Ok(Done::Counted(counted))
    } else {
        Err(Failure { counted, reports })
    }
}

/// Says "1 model", "2 models".
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
