//! What conversations are about, told by a classifier that is made and used on this machine.
//!
//! ```text
//! tags of people, or a file of labels ─▶ examples ─▶ terms ─▶ TF-IDF ─▶ a line for each category ─▶ model
//! an episode ends ─▶ what its customer said ─▶ terms ─▶ the likeliest category, or that it is not known ─▶ tag
//! ```
//! Invariants: the same examples give the same model; a model holds no text; it says nothing below a probability that
//! was set on examples it had not seen; what it says of a conversation is a record like any other, and contradicts no
//! person's.
//! It reads no store and appends nothing: who uses it asks the questions and sends the events.

// Texts whose category is known, and how they are written down.
mod example;
mod labels_csv;
// What is counted of a text.
mod terms;
mod vocabulary;
// What is learnt from that.
mod random;
mod logistic;
mod model;
mod calibration;
mod evaluation;
mod training;
// A model on disk.
mod saved;
mod shelf;
// A conversation, and what is said of it.
mod questions;
mod case;
mod decision;
mod error;
#[cfg(test)]
pub(crate) mod testing;

pub use case::{Case, Cases};
pub use decision::{Decision, Outcome, decide, decide_once};
pub use error::{LabelsError, ModelError, TrainError};
pub use evaluation::{Confusion, Evaluation, OfCategory, OutOfScope};
pub use example::Example;
pub use labels_csv::read_labels;
pub use model::{Guess, Model};
pub use questions::{
    After, CONVERSATIONS_AT_ONCE, EPISODES_AT_ONCE, Ended, Range, Said, ended_in, ended_since,
    said_in, tagged_by_people,
};
pub use saved::{About, Saved};
pub use shelf::{Listed, Seen, Shelf};
pub use training::{Trained, evaluate, train};

/// How a model is called where nobody names one.
pub const MODEL_USUAL: &str = "issues";
