//! verbatim: the transcript archive and analytics pipeline for after-sales chat.

/// The words: events, records, positions, commitments.
pub mod model;
/// The truth: append, read, follow.
pub mod log;
/// In: HTTP, WebSocket, tokens, duplicates.
pub mod relay;
