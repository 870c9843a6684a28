//! Chat from elsewhere, as events: a file for each format.
//!
//! Invariants: what cannot be read as an event is an error in its place, with field, value and
//! rule; an event's id is the source's own or made from conversation and position, or from what it says,
//! so that a source imported twice adds nothing, and what has another body under one that was made is
//! refused; what a source says and events cannot is counted, never dropped in
//! silence; who is of the shop is never guessed; memory is bounded, whatever a source holds.
//! It sends nothing: whoever reads a source decides where its events go.

// What is opened, and the format it is in.
mod source;
mod settings;
mod format;
// Files: one, a stream, a folder, an archive, packed or not.
mod files;
mod archive;
mod unpacked;
// Lines and objects of them.
mod lines;
mod items;
mod json;
mod objects;
// What they become.
mod out;
mod notes;
// Our own: events and transcripts, a line each.
mod own;
// One conversation a line.
mod transcript;
// Others'.
mod zendesk;
mod zendesk_chat;
mod intercom;
mod chatwoot;
mod slack;
mod mattermost;
mod whatsapp;
mod rsmf;
mod error;
#[cfg(test)]
mod testing;

use serde_json::Value;

use crate::model::{Event, FieldError};

pub use error::InputError;
pub use files::sources;
pub use format::Format;
pub use lines::{InputFile, Line};
pub use notes::Notes;
pub use out::{Carried, Found, Piece, Refused};
pub use settings::{Agents, DateOrder, Settings};
pub use source::Source;
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
