//! The suite of its trait.
