//! Files of chat from elsewhere, as events: a file for each format that is not our own.
//!
//! Invariants: what cannot be read as an event is an error in its place, with field, value and
//! rule; an event's id is the source's own or made from conversation and position, so that a file
//! imported twice adds nothing.
//! It sends nothing: whoever reads a file decides where its events go.

// A file, line by line.
mod file;
// One conversation a line.
mod transcript;
mod error;

use serde_json::Value;

use crate::model::{Event, FieldError};

pub use error::InputError;
pub use file::{InputFile, Line};
pub use transcript::Transcript;

/// The events of a line: one, or those of a transcript.
fn events_of(line: &[u8]) -> Vec<Result<Event, FieldError>> {
    let is_transcript = serde_json::from_slice::<Value>(line)
        .is_ok_and(|value| value.as_object().is_some_and(Transcript::is_one));
    if !is_transcript {
        return vec![Event::parse(line)];
    }
    match Transcript::parse(line) {
        Ok(transcript) => transcript.events().collect(),
        Err(error) => vec![Err(error)],
    }
}
