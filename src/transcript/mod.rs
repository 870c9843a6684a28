//! A conversation as people read it: its records folded into messages with all their versions, the same as rows in the
//! order in which things happened, and from these rows pages to hand over: HTML, Markdown, text.
//!
//! Invariants: every record that its reader may see is in every form, once with its receipt, and nothing of the others
//! is, not by a number and not by a gap ([`Audience`](crate::model::Audience)); no text is shortened or changed but where it is quoted; the same
//! records give the same bytes.
//! It reads nothing, knows no clock but the one it is told, and decides no right: who asks says for whom.

// Records into messages and lines.
mod fold;
// The same for programs of the other side.
mod handed;
// Outside text, made safe and honest.
pub mod shown;
// Instants as people read them.
mod clock;
// Labels in both languages.
pub mod labels;
// What an edit changed.
mod change;
// When and where a record stands, in words that can be quoted.
mod stamp;
// Whose conversation it is and how it ended.
mod summary;
// Which rows a transcript has, and how each is made.
mod outline;
mod rows;
mod row;
// Rows with a head, to hand over.
mod document;
mod html;
mod markdown;
mod text;
#[cfg(test)]
mod tests;

pub use clock::{full_utc, with_offset};
pub use document::{About, Document, Part};
pub use fold::{Entry, Line, Message, Quote, transcript, words_of};
pub use handed::{HandedEntry, handed};
pub use html::{DOCUMENT_SHEET, Style};
pub use labels::{Label, kind_label, role_name};
pub use outline::{Headed, Outline, Planned, with_days};
pub use row::{
    Act, Bubble, ChangeView, FileState, FileView, Hit, LineView, Reply, Row, SenderView, Version,
};
pub use rows::{Inert, Places, View};
pub use stamp::Stamp;
pub use summary::{Person, Summary, Tag};
