//! What is wrong with what was written, and where.

/// A message for the user, and the place that it is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Error<S> {
    /// What is wrong and what to write instead.
    pub(crate) message: String,
    /// Where it is wrong; `None` is the attribute itself.
    pub(crate) place: Option<S>,
}

impl<S> Error<S> {
    /// Tells what is wrong at a place.
    pub(crate) fn at(place: S, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: Some(place),
        }
    }

    /// Tells what is wrong with the whole.
    pub(crate) fn of_all(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: None,
        }
    }
}
