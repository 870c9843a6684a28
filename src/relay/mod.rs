//! Where chat comes in: HTTP and WebSocket on one port, tokens, duplicate detection, and the one task that appends.
//!
//! Invariants: an [`crate::model::Ack`] leaves [`appender`] only after the record's sync; the same id and body get the
//! same ack for ever; everything that waits or grows has a named bound in [`limits`].
//! It does not know the archive, the facts or the index: it takes messages while they are down.

mod access;
mod appender;
mod attachments;
mod error;
mod http;
mod hub;
mod limits;
mod lookup;
mod problem;
mod protocol;
mod tokens;
mod websocket;

pub use access::{Identity, TokenRole};
pub use appender::{Answers, AppendHandle, Outcome, Prepared, Submitted, spawn as spawn_appender};
pub use attachments::{AttachmentStore, media_type_of};
pub use error::RelayError;
pub use http::{Relay, TOKEN_COOKIE, Token, cookie, prepare, routes};
pub use hub::Hub;
pub use limits::{ATTACHMENT_BYTES_MAX, BATCH_BYTES_MAX, BATCH_EVENTS_MAX, FRAME_BYTES_MAX, SEND_TIME_MAX};
pub use lookup::Lookup;
pub use problem::{Problem, status_of};
pub use tokens::Tokens;
pub use websocket::OpenSockets;
